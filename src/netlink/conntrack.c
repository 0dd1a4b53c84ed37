#include "netlink/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netlink/conntrack_entry.h"
#include "netlink/local.h"
#include "netlink/netlink.h"

/* The table is read to its end, and only then the entries that must go are deleted, each by its
 * tuple, its zone and its id. The id makes sure that only what was judged goes: a connection that
 * took the place of one that ended meanwhile has other ends' consent, perhaps, but the same tuple.
 *
 * Whose connections are asked for is looked at here. The kernel can do it (CTA_FILTER), but for one
 * end and one address at a time, each time going through the whole table, which is most of the
 * cost: of 20,000 entries in 262,144 buckets a pass takes 15 ms, and 45 ms with all of them told. A
 * pod of both families would need four. */

/* Many connections are alike to a judge: a client opens its next one to the same port. So answers
 * are kept for a while, by nothing but a hash; a judge that goes through 20 policies takes 10 µs.
 */
#define ANSWERS 8192

#define MASTERS_MAX   8 /* a call's media, its control, its signalling: three in practice */
#define DUMP_ATTEMPTS 5

struct answer {
        bool given, keep;
        struct packet packet;
};

struct cutting {
        const struct conntrack_judge *judge;
        struct arena *arena;
        struct netlink *table;  /* what is being read */
        struct netlink *single; /* one entry at a time, meanwhile */
        struct local_addresses local;
        struct answer *answers; /* ANSWERS */
        VEC(struct connection) doomed;
        size_t cut;
        bool some;            /* not everybody's connections, but those of */
        VEC(struct ip) asked; /* these, sorted */
};

/* Linux waits here until every CPU has put down what it was carrying, packets included (an RCU
 * grace period). */
void conntrack_await(void)
{
        syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static struct nlmsghdr *put_request(struct netlink *netlink, uint8_t type, uint16_t flags,
                                    uint8_t family)
{
        struct nlmsghdr *request =
            netlink_request(netlink, (NFNL_SUBSYS_CTNETLINK << 8) | type, flags);
        struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

        header->nfgen_family = family;
        header->version = NFNETLINK_V0;
        return request;
}

/* As it was read, byte for byte. */
static void put_copy(struct nlmsghdr *request, uint16_t type, const struct nlattr *attr)
{
        if (attr)
                mnl_attr_put(request, type, mnl_attr_get_payload_len(attr),
                             mnl_attr_get_payload(attr));
}

struct lookup {
        struct arena *arena;
        bool found;
        struct connection connection;
};

static void found(const struct nlmsghdr *message, void *data)
{
        struct lookup *lookup = data;
        struct connection connection;

        lookup->found = conntrack_read(message, &connection);
        if (lookup->found)
                lookup->connection = conntrack_hold(lookup->arena, &connection);
}

/* The connection that this one belongs to; false where it is gone. */
static bool look_up_master(struct cutting *cutting, const struct connection *connection,
                           struct connection *ret)
{
        struct nlmsghdr *request =
            put_request(cutting->single, IPCTNL_MSG_CT_GET, 0, connection->family);
        struct lookup lookup = {.arena = cutting->arena};
        struct err ignored;

        put_copy(request, NLA_F_NESTED | CTA_TUPLE_ORIG, connection->master);
        put_copy(request, CTA_ZONE, connection->zone);
        if (netlink_talk(cutting->single, found, &lookup, &ignored) < 0 || !lookup.found)
                return false;
        *ret = lookup.connection;
        return true;
}

static size_t hash(const struct packet *packet)
{
        size_t value = (size_t)packet->protocol << 16 | packet->port;

        for (size_t i = 0; i < sizeof(packet->source.bytes); i++)
                value = value * 31 + packet->source.bytes[i] + 7u * packet->destination.bytes[i];
        return value;
}

static bool ask(struct cutting *cutting, const struct packet *packet)
{
        struct answer *answer = &cutting->answers[hash(packet) % ANSWERS];

        if (!answer->given || answer->packet.protocol != packet->protocol ||
            answer->packet.port != packet->port ||
            !ip_equal(&answer->packet.source, &packet->source) ||
            !ip_equal(&answer->packet.destination, &packet->destination))
                *answer = (struct answer){
                    .given = true,
                    .keep = cutting->judge->keep(packet, cutting->judge->data),
                    .packet = *packet,
                };
        return answer->keep;
}

/* RELATED passed without being asked, so it is judged by what it is related to. Where that is gone
 * nobody can tell whether it was allowed, and what is left of it ends by itself. */
static bool keep_related(struct cutting *cutting, const struct connection *connection)
{
        struct connection master = *connection;

        for (unsigned i = 0; master.master; i++)
                if (i == MASTERS_MAX || !look_up_master(cutting, &master, &master))
                        return true;
        return ask(cutting, &master.packet);
}

static bool keep(struct cutting *cutting, const struct connection *connection)
{
        const struct packet *packet = &connection->packet;

        if (local_addresses_contain(&cutting->local, &packet->source))
                return true;
        if (!cutting->judge->to_node &&
            local_addresses_contain(&cutting->local, &packet->destination))
                return true;
        if (connection->master)
                return keep_related(cutting, connection);
        return ask(cutting, packet);
}

/* One that belongs to another is that one's, whatever its own ends are; one of a link may be shut
 * by anybody's change. */
static bool is_asked(const struct cutting *cutting, const struct connection *connection)
{
        const struct packet *packet = &connection->packet;

        return !cutting->some || connection->master || policy_is_of_link(packet) ||
               vec_find(&cutting->asked, &packet->source, ip_compare_items) ||
               vec_find(&cutting->asked, &packet->destination, ip_compare_items);
}

static void judge_entry(const struct nlmsghdr *message, void *data)
{
        struct cutting *cutting = data;
        struct connection connection;

        if (conntrack_read(message, &connection) && is_asked(cutting, &connection) &&
            !keep(cutting, &connection))
                vec_push(cutting->arena, &cutting->doomed,
                         conntrack_hold(cutting->arena, &connection));
}

static int read_table(struct cutting *cutting, struct err *err)
{
        int r = -1;

        for (unsigned i = 0; r < 0 && i < DUMP_ATTEMPTS; i++) {
                cutting->doomed.n = 0;
                put_request(cutting->table, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
                r = netlink_talk(cutting->table, judge_entry, cutting, err);
                if (r < 0 && errno != EINTR)
                        break;
        }
        if (r == 0)
                return 0;
        if (errno == EINVAL || errno == EOPNOTSUPP) /* nfnetlink knows no such subsystem */
                return err_set(err, "reading connections: this kernel has no ctnetlink "
                                    "(CONFIG_NF_CT_NETLINK, module nf_conntrack_netlink)");
        if (errno == EPERM)
                return err_set(err, "only root may read connections (CAP_NET_ADMIN in this network "
                                    "namespace)");
        return err_wrap(err, "reading connections");
}

static bool is_alive(const struct connection *connection)
{
        return connection->answered && !connection->over;
}

static int delete_entry(struct cutting *cutting, const struct connection *connection,
                        struct err *err)
{
        struct nlmsghdr *request =
            put_request(cutting->single, IPCTNL_MSG_CT_DELETE, 0, connection->family);
        const char *protocol = protocol_name(connection->packet.protocol);
        char source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];

        /* Without a tuple this request would mean: all of them. */
        put_copy(request, NLA_F_NESTED | CTA_TUPLE_REPLY, connection->reply);
        put_copy(request, CTA_ZONE, connection->zone);
        put_copy(request, CTA_ID, connection->id);
        if (netlink_talk(cutting->single, NULL, NULL, err) == 0) {
                cutting->cut += is_alive(connection);
                return 0;
        }
        if (errno == ENOENT) /* it ended by itself */
                return 0;
        return err_wrap(
            err, "cutting %s from %s to %s port %u", protocol ? protocol : "another protocol",
            ip_format(&connection->packet.source, source),
            ip_format(&connection->packet.destination, destination), connection->packet.port);
}

static int delete_doomed(struct cutting *cutting, struct err *err)
{
        struct err later;
        int r = 0;

        vec_foreach (const struct connection, connection, &cutting->doomed)
                if (delete_entry(cutting, connection, r == 0 ? err : &later) < 0)
                        r = -1;
        return r;
}

static int find_doomed(struct cutting *cutting, struct err *err)
{
        cutting->table = netlink_open(NETLINK_NETFILTER, err);
        cutting->single = cutting->table ? netlink_open(NETLINK_NETFILTER, err) : NULL;
        if (!cutting->single || local_addresses_read(cutting->arena, &cutting->local, err) < 0)
                return -1;
        return read_table(cutting, err);
}

bool conntrack_keep_allowed(const struct packet *packet, void *policies)
{
        const struct conntrack_policies *asked = policies;

        return policy_allows(asked->cluster, &asked->options, packet);
}

static struct cutting cutting_of(struct arena *arena, const struct conntrack_judge *judge)
{
        return (struct cutting){
            .judge = judge,
            .arena = arena,
            .answers = arena_new_array(arena, struct answer, ANSWERS),
        };
}

static void cutting_done(struct cutting *cutting)
{
        netlink_close(cutting->table);
        netlink_close(cutting->single);
}

static int cut(struct cutting *cutting, size_t *ret_cut, struct err *err)
{
        int r = find_doomed(cutting, err);

        r = r == 0 ? delete_doomed(cutting, err) : r;
        cutting_done(cutting);
        if (r == 0)
                *ret_cut = cutting->cut;
        return r;
}

int conntrack_cut(const struct conntrack_judge *judge, size_t *ret_cut, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cutting cutting = cutting_of(arena, judge);

        return cut(&cutting, ret_cut, err);
}

int conntrack_cut_of(const struct conntrack_judge *judge, const struct ip *addresses, size_t n,
                     size_t *ret_cut, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cutting cutting = cutting_of(arena, judge);

        cutting.some = true;
        for (size_t i = 0; i < n; i++)
                vec_push(arena, &cutting.asked, addresses[i]);
        vec_sort(&cutting.asked, ip_compare_items);
        return cut(&cutting, ret_cut, err);
}

int conntrack_find(const struct conntrack_judge *judge,
                   void (*found_one)(const struct packet *packet, uint16_t source_port, void *data),
                   void *data, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cutting cutting = cutting_of(arena, judge);
        int r = find_doomed(&cutting, err);

        cutting_done(&cutting);
        if (r < 0)
                return r;
        vec_foreach (const struct connection, connection, &cutting.doomed)
                if (is_alive(connection))
                        found_one(&connection->packet, connection->source_port, data);
        return 0;
}
