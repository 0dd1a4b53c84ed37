#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "netlink/conntrack.h"
#include "netlink/netlink.h"

/* Entries are put into the table of a network namespace of this test's own, and cut. What is left
 * is what a judge that keeps everything is shown. */

#define NETNS_SKIP 77 /* to meson: skipped */

struct entry {
        uint8_t protocol;
        const char *source, *destination;
        uint16_t source_port, destination_port; /* ICMP: id */
        const char *reply_source;               /* after DNAT; NULL: the destination */
        const char *translated;                 /* the source after SNAT; NULL: the source */
        uint16_t reply_port;                    /* 0: the destination's */
        uint16_t zone;
        uint8_t tcp_state; /* 0: established */
        bool unanswered;
        const struct entry *master;
};

#define ENTRY(p, from, from_port, to, to_port, ...)                                                \
        {                                                                                          \
                .protocol = (p), .source = (from), .source_port = (from_port),                     \
                .destination = (to), .destination_port = (to_port), __VA_ARGS__                    \
        }

static struct netlink *netlink;

static void must(int r, const char *what, const struct err *err)
{
        if (r < 0)
                fail_msg("%s: %s", what, err->text);
}

static void put_ip(struct nlmsghdr *request, uint16_t ipv4, uint16_t ipv6, const char *text)
{
        struct ip ip;

        assert_true(ip_parse(text, &ip));
        mnl_attr_put(request, ip.family == FAMILY_IPV4 ? ipv4 : ipv6, family_bits(ip.family) / 8,
                     ip.bytes);
}

static void put_protocol(struct nlmsghdr *request, const struct entry *entry, bool reply,
                         uint16_t source_port, uint16_t destination_port)
{
        bool six = strchr(entry->source, ':');
        uint8_t echo = six ? (reply ? 129 : 128) : (reply ? 0 : 8);

        mnl_attr_put_u8(request, CTA_PROTO_NUM, entry->protocol);
        if (entry->protocol == PROTOCOL_ICMP || entry->protocol == PROTOCOL_ICMPV6) {
                mnl_attr_put_u8(request, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, echo);
                mnl_attr_put_u8(request, six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, 0);
                mnl_attr_put_u16(request, six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID,
                                 htons(entry->source_port));
                return;
        }
        mnl_attr_put_u16(request, CTA_PROTO_SRC_PORT, htons(source_port));
        mnl_attr_put_u16(request, CTA_PROTO_DST_PORT, htons(destination_port));
}

static void put_tuple(struct nlmsghdr *request, uint16_t type, const struct entry *entry)
{
        bool reply = type == CTA_TUPLE_REPLY;
        const char *server =
            reply && entry->reply_source ? entry->reply_source : entry->destination;
        const char *client = entry->translated ? entry->translated : entry->source;
        uint16_t port = reply && entry->reply_port ? entry->reply_port : entry->destination_port;
        struct nlattr *tuple = mnl_attr_nest_start(request, type);
        struct nlattr *part = mnl_attr_nest_start(request, CTA_TUPLE_IP);

        put_ip(request, CTA_IP_V4_SRC, CTA_IP_V6_SRC, reply ? server : entry->source);
        put_ip(request, CTA_IP_V4_DST, CTA_IP_V6_DST, reply ? client : server);
        mnl_attr_nest_end(request, part);
        part = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);
        put_protocol(request, entry, reply, reply ? port : entry->source_port,
                     reply ? entry->source_port : port);
        mnl_attr_nest_end(request, part);
        mnl_attr_nest_end(request, tuple);
}

static struct nlmsghdr *begin(uint16_t type, uint16_t flags, const struct entry *entry)
{
        struct nlmsghdr *request =
            netlink_request(netlink, (NFNL_SUBSYS_CTNETLINK << 8) | type, flags);
        struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

        header->nfgen_family = strchr(entry->source, ':') ? AF_INET6 : AF_INET;
        if (entry->zone)
                mnl_attr_put_u16(request, CTA_ZONE, htons(entry->zone));
        put_tuple(request, CTA_TUPLE_ORIG, entry);
        return request;
}

static void insert(const struct entry *entry)
{
        struct nlmsghdr *request = begin(IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, entry);
        uint32_t status = IPS_CONFIRMED | (entry->unanswered ? 0 : IPS_SEEN_REPLY | IPS_ASSURED);
        struct err err;

        put_tuple(request, CTA_TUPLE_REPLY, entry);
        mnl_attr_put_u32(request, CTA_STATUS, htonl(status));
        mnl_attr_put_u32(request, CTA_TIMEOUT, htonl(600));
        if (entry->master)
                put_tuple(request, CTA_TUPLE_MASTER, entry->master);
        if (entry->protocol == PROTOCOL_TCP) {
                struct nlattr *info = mnl_attr_nest_start(request, CTA_PROTOINFO);
                struct nlattr *tcp = mnl_attr_nest_start(request, CTA_PROTOINFO_TCP);

                mnl_attr_put_u8(request, CTA_PROTOINFO_TCP_STATE,
                                entry->tcp_state ? entry->tcp_state : TCP_CONNTRACK_ESTABLISHED);
                mnl_attr_nest_end(request, tcp);
                mnl_attr_nest_end(request, info);
        }
        must(netlink_talk(netlink, NULL, NULL, &err), "inserting an entry", &err);
}

static void remove_entry(const struct entry *entry)
{
        struct err err;

        begin(IPCTNL_MSG_CT_DELETE, 0, entry);
        must(netlink_talk(netlink, NULL, NULL, &err), "deleting an entry", &err);
}

/* What a judge is shown, sorted, as lines; and what it answers. */
struct witness {
        char *lines[20000];
        size_t n;
        uint16_t deny_port;
        const struct entry *deleted, *inserted; /* while the table is read */
};

static void note(struct witness *witness, const struct packet *packet)
{
        char line[160], source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];
        const char *protocol = protocol_name(packet->protocol);

        snprintf(line, sizeof(line), "%s %s %s %u\n", protocol ? protocol : "other",
                 ip_format(&packet->source, source), ip_format(&packet->destination, destination),
                 packet->port);
        assert_true(witness->n < sizeof(witness->lines) / sizeof(witness->lines[0]));
        witness->lines[witness->n++] = strdup(line);
}

static bool judge(const struct packet *packet, void *data)
{
        struct witness *witness = data;
        const struct entry *deleted = witness->deleted, *inserted = witness->inserted;

        note(witness, packet);
        witness->deleted = witness->inserted = NULL;
        if (deleted)
                remove_entry(deleted);
        if (inserted)
                insert(inserted);
        return !witness->deny_port || packet->port != witness->deny_port;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void forget(struct witness *witness)
{
        for (size_t i = 0; i < witness->n; i++)
                free(witness->lines[i]);
        witness->n = 0;
}

/* Forgets what it was shown. */
static void expect_shown(struct witness *witness, const char *expected)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        qsort(witness->lines, witness->n, sizeof(witness->lines[0]), compare);
        for (size_t i = 0; i < witness->n; i++)
                strbuf_add(&text, witness->lines[i]);
        forget(witness);
        assert_string_equal(strbuf_text(&text), expected);
}

static size_t cut(struct witness *witness, bool to_node)
{
        struct conntrack_judge with = {judge, witness, to_node};
        struct err err;
        size_t n = SIZE_MAX;

        must(conntrack_cut(&with, &n, &err), "cutting", &err);
        return n;
}

/* texts ends in NULL */
static size_t cut_of(struct witness *witness, const char *const *texts)
{
        struct conntrack_judge with = {judge, witness, false};
        struct ip addresses[64];
        struct err err;
        size_t n = 0, count = SIZE_MAX;

        for (; texts[n]; n++)
                assert_true(ip_parse(texts[n], &addresses[n]));
        must(conntrack_cut_of(&with, addresses, n, &count, &err), "cutting", &err);
        return count;
}
#define CUT_OF(witness, ...) cut_of((witness), (const char *const[]){__VA_ARGS__, NULL})

static void expect_left(const char *expected)
{
        struct witness witness = {0};

        assert_int_equal(cut(&witness, true), 0);
        expect_shown(&witness, expected);
}

static void insert_all(const struct entry *entries, size_t n)
{
        for (size_t i = 0; i < n; i++)
                insert(&entries[i]);
}

static void every_protocol_and_family_is_judged(void **state)
{
        static const struct entry entries[] = {
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.0.0.2", 80),
            ENTRY(PROTOCOL_UDP, "10.0.0.1", 40000, "10.0.0.2", 53),
            ENTRY(PROTOCOL_SCTP, "10.0.0.1", 40000, "10.0.0.2", 132),
            ENTRY(PROTOCOL_ICMP, "10.0.0.1", 77, "10.0.0.2", 0),
            ENTRY(PROTOCOL_TCP, "fd00::1", 40000, "fd00::2", 80),
            ENTRY(PROTOCOL_UDP, "fd00::1", 40000, "fd00::2", 53),
            ENTRY(PROTOCOL_SCTP, "fd00::1", 40000, "fd00::2", 132),
            ENTRY(PROTOCOL_ICMPV6, "fd00::1", 77, "fd00::2", 0),
            ENTRY(136, "10.0.0.1", 40000, "10.0.0.2", 99), /* UDP-Lite: without port */
        };
        struct witness witness = {.deny_port = 53};

        insert_all(entries, sizeof(entries) / sizeof(entries[0]));
        assert_int_equal(cut(&witness, false), 2);
        expect_shown(&witness, "ICMP 10.0.0.1 10.0.0.2 0\n"
                               "ICMP fd00::1 fd00::2 0\n"
                               "SCTP 10.0.0.1 10.0.0.2 132\n"
                               "SCTP fd00::1 fd00::2 132\n"
                               "TCP 10.0.0.1 10.0.0.2 80\n"
                               "TCP fd00::1 fd00::2 80\n"
                               "UDP 10.0.0.1 10.0.0.2 53\n"
                               "UDP fd00::1 fd00::2 53\n"
                               "other 10.0.0.1 10.0.0.2 0\n");
        expect_left("ICMP 10.0.0.1 10.0.0.2 0\n"
                    "ICMP fd00::1 fd00::2 0\n"
                    "SCTP 10.0.0.1 10.0.0.2 132\n"
                    "SCTP fd00::1 fd00::2 132\n"
                    "TCP 10.0.0.1 10.0.0.2 80\n"
                    "TCP fd00::1 fd00::2 80\n"
                    "other 10.0.0.1 10.0.0.2 0\n");
}

static void a_service_is_judged_by_the_pod_behind_it(void **state)
{
        static const struct entry entries[] = {
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.96.0.1", 80, .reply_source = "10.0.0.9",
                  .reply_port = 8080),
            ENTRY(PROTOCOL_UDP, "fd00::1", 40000, "fd96::1", 53, .reply_source = "fd00::9",
                  .reply_port = 5353),
        };
        struct witness witness = {.deny_port = 8080};

        insert_all(entries, 2);
        assert_int_equal(cut(&witness, false), 1);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.9 8080\n"
                               "UDP fd00::1 fd00::9 5353\n");
        expect_left("UDP fd00::1 fd00::9 5353\n");
}

static void an_entry_is_deleted_in_its_own_zone(void **state)
{
        static const struct entry entries[] = {
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.0.0.2", 80, .zone = 7),
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.96.0.2", 80, .reply_source = "10.0.0.2",
                  .reply_port = 81, .zone = 0),
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.96.0.2", 80, .reply_source = "10.0.0.2",
                  .reply_port = 82, .zone = 9),
        };
        struct witness witness = {.deny_port = 82};

        insert_all(entries, 3);
        assert_int_equal(cut(&witness, false), 1);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 80\n"
                               "TCP 10.0.0.1 10.0.0.2 81\n"
                               "TCP 10.0.0.1 10.0.0.2 82\n");
        witness.deny_port = 80;
        assert_int_equal(cut(&witness, false), 1);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 80\n"
                               "TCP 10.0.0.1 10.0.0.2 81\n");
        expect_left("TCP 10.0.0.1 10.0.0.2 81\n");
}

/* The Service leads elsewhere now; the client uses the same port again. */
static void what_took_an_entrys_place_lives(void **state)
{
        static const struct entry old =
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.96.0.1", 80, .reply_source = "10.0.0.2");
        static const struct entry new =
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.96.0.1", 80, .reply_source = "10.0.0.3");
        struct witness witness = {.deny_port = 80, .deleted = &old, .inserted = &new};

        insert(&old);
        assert_int_equal(cut(&witness, false), 0);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 80\n");
        expect_left("TCP 10.0.0.1 10.0.0.3 80\n");
}

/* Another pod behind the same address, with the same port. */
static void what_took_a_translated_entrys_place_lives(void **state)
{
        static const struct entry old =
            ENTRY(PROTOCOL_UDP, "10.0.0.1", 40000, "192.0.2.1", 53, .translated = "192.0.2.9");
        static const struct entry new =
            ENTRY(PROTOCOL_UDP, "10.0.0.4", 40000, "192.0.2.1", 53, .translated = "192.0.2.9");
        struct witness witness = {.deny_port = 53, .deleted = &old, .inserted = &new};

        insert(&old);
        assert_int_equal(cut(&witness, false), 0);
        expect_shown(&witness, "UDP 10.0.0.1 192.0.2.1 53\n");
        expect_left("UDP 10.0.0.4 192.0.2.1 53\n");
}

static void what_ended_by_itself_is_no_error(void **state)
{
        static const struct entry entry = ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.0.0.2", 80);
        struct witness witness = {.deny_port = 80, .deleted = &entry};

        insert(&entry);
        assert_int_equal(cut(&witness, false), 0);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 80\n");
        expect_left("");
}

static void only_living_connections_are_counted(void **state)
{
        static const struct entry entries[] = {
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 1, "10.0.0.2", 80,
                  .tcp_state = TCP_CONNTRACK_TIME_WAIT),
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 2, "10.0.0.2", 80, .tcp_state = TCP_CONNTRACK_CLOSE),
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 3, "10.0.0.2", 80, .tcp_state = TCP_CONNTRACK_SYN_SENT,
                  .unanswered = true),
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 4, "10.0.0.2", 80),
        };
        struct witness witness = {.deny_port = 80};

        insert_all(entries, 4);
        assert_int_equal(cut(&witness, false), 1);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 80\n"); /* asked once for all of them */
        expect_left("");
}

static void a_related_connection_goes_with_its_master(void **state)
{
        static const struct entry control =
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.96.0.2", 21, .reply_source = "10.0.0.2");
        static const struct entry data =
            ENTRY(PROTOCOL_TCP, "10.0.0.2", 20, "10.0.0.1", 41000, .master = &control);
        struct witness witness = {.deny_port = 41000};

        insert(&control);
        insert(&data);
        assert_int_equal(cut(&witness, false), 0);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 21\n");
        witness.deny_port = 21;
        assert_int_equal(cut(&witness, false), 2);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 21\n");
        expect_left("");
}

static void a_related_connection_outlives_its_master(void **state)
{
        static const struct entry control = ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.0.0.2", 21);
        static const struct entry data =
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40001, "10.0.0.2", 41000, .master = &control);
        struct witness witness = {.deny_port = 41000};

        insert(&control);
        insert(&data);
        remove_entry(&control);
        assert_int_equal(cut(&witness, false), 0);
        expect_shown(&witness, "");
        remove_entry(&data); /* it is still there */
}

static void only_asked_addresses_are_judged(void **state)
{
        static const struct entry entries[] = {
            ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.0.0.2", 80),
            ENTRY(PROTOCOL_TCP, "10.0.0.2", 40000, "10.0.0.3", 81),
            ENTRY(PROTOCOL_TCP, "10.0.0.4", 40000, "10.0.0.5", 82),
            ENTRY(PROTOCOL_TCP, "10.0.0.6", 40000, "10.96.0.1", 83, .reply_source = "10.0.0.2",
                  .reply_port = 8083),
            ENTRY(PROTOCOL_TCP, "10.0.0.2", 40000, "192.0.2.1", 84, .translated = "192.0.2.9"),
            ENTRY(PROTOCOL_TCP, "fd00::1", 40000, "fd00::2", 85),
            ENTRY(PROTOCOL_TCP, "fd00::3", 40000, "fd96::1", 86, .reply_source = "fd00::2"),
            ENTRY(PROTOCOL_TCP, "fd00::4", 40000, "fd00::5", 87),
        };
        struct witness witness = {0};

        insert_all(entries, 8);
        assert_int_equal(CUT_OF(&witness, "10.0.0.2"), 0);
        expect_shown(&witness, "TCP 10.0.0.1 10.0.0.2 80\n"
                               "TCP 10.0.0.2 10.0.0.3 81\n"
                               "TCP 10.0.0.2 192.0.2.1 84\n"
                               "TCP 10.0.0.6 10.0.0.2 8083\n");
        assert_int_equal(CUT_OF(&witness, "fd00::2", "10.0.0.5"), 0);
        expect_shown(&witness, "TCP 10.0.0.4 10.0.0.5 82\n"
                               "TCP fd00::1 fd00::2 85\n"
                               "TCP fd00::3 fd00::2 86\n");
        /* What a service's client asked for is no end of what the filter saw. */
        assert_int_equal(CUT_OF(&witness, "10.96.0.1", "192.0.2.9", "fd96::1"), 0);
        expect_shown(&witness, "");
        for (uint16_t port = 80; port < 88; port++) {
                witness.deny_port = port == 83 ? 8083 : port;
                assert_int_equal(CUT_OF(&witness, "10.0.0.5", "10.0.0.2", "fd00::2", "10.0.0.2"),
                                 port == 87 ? 0 : 1);
        }
        forget(&witness);
        expect_left("TCP fd00::4 fd00::5 87\n");
}

/* Media of a call that others have set up: its own ends are not asked for. */
static void a_related_connection_of_other_ends_goes_with_its_master(void **state)
{
        static const struct entry control = ENTRY(PROTOCOL_TCP, "10.0.0.1", 40000, "10.0.0.2", 21);
        static const struct entry data =
            ENTRY(PROTOCOL_UDP, "10.0.0.3", 20, "10.0.0.4", 41000, .master = &control);
        struct witness witness = {0};

        insert(&control);
        insert(&data);
        assert_int_equal(CUT_OF(&witness, "10.0.0.2"), 0);
        witness.deny_port = 21;
        assert_int_equal(CUT_OF(&witness, "10.0.0.2"), 2);
        forget(&witness);
        expect_left("");
}

static void add_address(const char *text)
{
        struct nlmsghdr *request;
        struct ifaddrmsg *address;
        struct netlink *route;
        struct err err;
        struct ip ip;

        assert_true(ip_parse(text, &ip));
        route = netlink_open(NETLINK_ROUTE, &err);
        assert_non_null(route);
        request = netlink_request(route, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
        address = mnl_nlmsg_put_extra_header(request, sizeof(*address));
        address->ifa_family = ip.family == FAMILY_IPV4 ? AF_INET : AF_INET6;
        address->ifa_prefixlen = (uint8_t)family_bits(ip.family);
        address->ifa_index = if_nametoindex("lo");
        mnl_attr_put(request, IFA_LOCAL, family_bits(ip.family) / 8, ip.bytes);
        must(netlink_talk(route, NULL, NULL, &err), "adding an address", &err);
        netlink_close(route);
}

static void what_the_node_and_its_pods_say_is_kept(void **state)
{
        static const struct entry entries[] = {
            ENTRY(PROTOCOL_TCP, "10.0.0.254", 40000, "10.0.0.2", 80),
            ENTRY(PROTOCOL_TCP, "10.0.0.2", 40000, "10.0.0.254", 80),
            ENTRY(PROTOCOL_TCP, "10.0.0.2", 40001, "10.96.0.1", 443, .reply_source = "10.0.0.254",
                  .reply_port = 80),
            ENTRY(PROTOCOL_TCP, "fd00::fe", 40000, "fd00::2", 80),
            ENTRY(PROTOCOL_TCP, "fd00::2", 40000, "fd00::fe", 80),
        };
        struct witness witness = {.deny_port = 80};

        add_address("10.0.0.254");
        add_address("fd00::fe");
        insert_all(entries, 5);
        assert_int_equal(cut(&witness, false), 0);
        expect_shown(&witness, "");
        assert_int_equal(cut(&witness, true), 3);
        expect_shown(&witness, "TCP 10.0.0.2 10.0.0.254 80\n"
                               "TCP fd00::2 fd00::fe 80\n");
        remove_entry(&entries[0]);
        remove_entry(&entries[3]);
}

/* Many datagrams of the kernel's, and more different answers than are remembered. */
static void a_long_table_is_read_to_its_end(void **state)
{
        struct witness witness = {.deny_port = 80};
        char source[IP_TEXT_SIZE];

        for (uint16_t i = 0; i < 20000; i++) {
                snprintf(source, sizeof(source), "10.1.%d.%d", i / 250, i % 250);
                insert(&(const struct entry)ENTRY(PROTOCOL_UDP, source, 40000, "10.0.0.2",
                                                  i % 4 == 0 ? 81 : 80));
        }
        assert_int_equal(cut(&witness, false), 15000);
        forget(&witness);
        assert_int_equal(cut(&witness, false), 0);
        assert_int_equal(witness.n, 5000);
        forget(&witness);
}

/* Exits with 0 where a process without privilege is told why. */
static void cut_as_nobody(void)
{
        struct witness witness = {0};
        struct conntrack_judge with = {judge, &witness, false};
        struct err err;
        size_t n = 5;

        if (setresuid(65534, 65534, 65534) < 0)
                _exit(2);
        if (conntrack_cut(&with, &n, &err) == 0 || n != 5)
                _exit(3);
        _exit(strncmp(err.text, "only root may read connections", 30) == 0 ? 0 : 4);
}

static void a_refusal_is_an_error(void **state)
{
        pid_t child = fork();
        int status;

        if (child == 0)
                cut_as_nobody();
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static int flush(void **state)
{
        struct nlmsghdr *request =
            netlink_request(netlink, (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE, 0);
        struct err err;

        mnl_nlmsg_put_extra_header(request, sizeof(struct nfgenmsg));
        return netlink_talk(netlink, NULL, NULL, &err);
}

/* Whoever's policies change: of a link's addresses no pod is known. */
static void what_is_of_a_link_is_always_asked(void **state)
{
        static const struct entry entries[] = {
            ENTRY(PROTOCOL_UDP, "fe80::1", 40000, "fe80::2", 53),
            ENTRY(PROTOCOL_UDP, "10.0.0.1", 40000, "224.0.0.5", 53),
            ENTRY(PROTOCOL_UDP, "10.0.0.1", 40000, "10.0.0.2", 53),
        };
        struct witness witness = {.deny_port = 53};

        insert_all(entries, 2);
        assert_int_equal(CUT_OF(&witness, "10.0.0.9"), 2);
        insert_all(entries, 3);
        assert_int_equal(cut_of(&witness, (const char *const[]){NULL}), 2);
        forget(&witness);
        expect_left("UDP 10.0.0.1 10.0.0.2 53\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_teardown(what_is_of_a_link_is_always_asked, flush),
            cmocka_unit_test_teardown(every_protocol_and_family_is_judged, flush),
            cmocka_unit_test_teardown(a_service_is_judged_by_the_pod_behind_it, flush),
            cmocka_unit_test_teardown(an_entry_is_deleted_in_its_own_zone, flush),
            cmocka_unit_test_teardown(what_took_an_entrys_place_lives, flush),
            cmocka_unit_test_teardown(what_took_a_translated_entrys_place_lives, flush),
            cmocka_unit_test_teardown(what_ended_by_itself_is_no_error, flush),
            cmocka_unit_test_teardown(only_living_connections_are_counted, flush),
            cmocka_unit_test_teardown(a_related_connection_goes_with_its_master, flush),
            cmocka_unit_test_teardown(a_related_connection_outlives_its_master, flush),
            cmocka_unit_test_teardown(only_asked_addresses_are_judged, flush),
            cmocka_unit_test_teardown(a_related_connection_of_other_ends_goes_with_its_master,
                                      flush),
            cmocka_unit_test_teardown(what_the_node_and_its_pods_say_is_kept, flush),
            cmocka_unit_test_teardown(a_long_table_is_read_to_its_end, flush),
            cmocka_unit_test_teardown(a_refusal_is_an_error, flush),
        };
        struct err err;
        int failed;

        if (unshare(CLONE_NEWNET) < 0) {
                printf("skipped: no network namespace of its own: %s\n", strerror(errno));
                return NETNS_SKIP;
        }
        netlink = netlink_open(NETLINK_NETFILTER, &err);
        failed = netlink ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
        netlink_close(netlink);
        return failed;
}
