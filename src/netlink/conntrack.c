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

#include "netlink/local.h"
#include "netlink/netlink.h"

/* The table is read to its end, and only then the entries that must go are deleted, each by its
 * tuple, its zone and its id. The id makes sure that only what was judged goes: a connection that
 * took the place of one that ended meanwhile has other ends' consent, perhaps, but the same tuple.
 */

/* Many connections are alike to a judge: a client opens its next one to the same port. So answers
 * are kept for a while, by nothing but a hash; a judge that goes through 20 policies takes 10 µs.
 */
#define ANSWERS 8192

#define MASTERS_MAX   8 /* a call's media, its control, its signalling: three in practice */
#define DUMP_ATTEMPTS 5

/* One entry. The attributes lie in the message it was read from. */
struct connection {
        struct packet packet;
        uint16_t source_port;
        uint8_t family; /* AF_INET, AF_INET6 */
        bool answered, over;
        const struct nlattr *reply, *id;
        const struct nlattr *zone, *master; /* NULL where absent */
};

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
};

static bool read_ip(const struct nlattr *tuple, uint8_t family, uint16_t type_ipv4,
                    uint16_t type_ipv6, struct ip *ret)
{
        const struct nlattr *ips = netlink_nested(tuple, CTA_TUPLE_IP, 0), *attr;
        struct ip ip = {.family = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6};
        size_t size = family_bits(ip.family) / 8;

        attr = ips ? netlink_nested(ips, family == AF_INET ? type_ipv4 : type_ipv6, size) : NULL;
        if (!attr)
                return false;
        memcpy(ip.bytes, mnl_attr_get_payload(attr), size);
        *ret = ip;
        return true;
}

/* Other protocols have no ports that policies speak of: they are allowed where a rule allows the
 * peer without ports, and cut where none does any more. */
static bool read_protocol(const struct nlattr *reply, struct packet *packet)
{
        const struct nlattr *proto = netlink_nested(reply, CTA_TUPLE_PROTO, 0);
        const struct nlattr *number = proto ? netlink_nested(proto, CTA_PROTO_NUM, 1) : NULL;
        const struct nlattr *port;

        switch (number ? mnl_attr_get_u8(number) : PROTOCOL_ANY) {
        case PROTOCOL_ICMP:
        case PROTOCOL_ICMPV6:
                packet->protocol = PROTOCOL_ICMP;
                return true;
        case PROTOCOL_TCP:
        case PROTOCOL_UDP:
        case PROTOCOL_SCTP:
                packet->protocol = (enum protocol)mnl_attr_get_u8(number);
                port = netlink_nested(proto, CTA_PROTO_SRC_PORT, 2);
                if (!port)
                        return false;
                packet->port = ntohs(mnl_attr_get_u16(port));
                return true;
        case PROTOCOL_ANY:
                return false;
        default:
                packet->protocol = (enum protocol)mnl_attr_get_u8(number);
                return true;
        }
}

/* 0 where the protocol has none. */
static uint16_t read_source_port(const struct nlattr *original)
{
        const struct nlattr *proto = netlink_nested(original, CTA_TUPLE_PROTO, 0);
        const struct nlattr *port = proto ? netlink_nested(proto, CTA_PROTO_SRC_PORT, 2) : NULL;

        return port ? ntohs(mnl_attr_get_u16(port)) : 0;
}

static bool tcp_over(const struct nlmsghdr *message)
{
        const struct nlattr *info =
            netlink_attr(message, sizeof(struct nfgenmsg), CTA_PROTOINFO, 0);
        const struct nlattr *tcp = info ? netlink_nested(info, CTA_PROTOINFO_TCP, 0) : NULL;
        const struct nlattr *state = tcp ? netlink_nested(tcp, CTA_PROTOINFO_TCP_STATE, 1) : NULL;

        return state && (mnl_attr_get_u8(state) == TCP_CONNTRACK_TIME_WAIT ||
                         mnl_attr_get_u8(state) == TCP_CONNTRACK_CLOSE);
}

static bool read_connection(const struct nlmsghdr *message, struct connection *ret)
{
        const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
        size_t size = sizeof(*header);
        const struct nlattr *original = netlink_attr(message, size, CTA_TUPLE_ORIG, 0);
        const struct nlattr *status = netlink_attr(message, size, CTA_STATUS, 4);
        struct connection connection = {
            .family = header->nfgen_family,
            .reply = netlink_attr(message, size, CTA_TUPLE_REPLY, 0),
            .id = netlink_attr(message, size, CTA_ID, 4),
            .zone = netlink_attr(message, size, CTA_ZONE, 2),
            .master = netlink_attr(message, size, CTA_TUPLE_MASTER, 0),
        };

        if (!original || !connection.reply || !connection.id ||
            !read_ip(original, connection.family, CTA_IP_V4_SRC, CTA_IP_V6_SRC,
                     &connection.packet.source) ||
            !read_ip(connection.reply, connection.family, CTA_IP_V4_SRC, CTA_IP_V6_SRC,
                     &connection.packet.destination) ||
            !read_protocol(connection.reply, &connection.packet))
                return false;
        connection.source_port = read_source_port(original);
        connection.answered = status && ntohl(mnl_attr_get_u32(status)) & IPS_SEEN_REPLY;
        connection.over = tcp_over(message);
        *ret = connection;
        return true;
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

static struct nlattr *copy_attr(struct arena *arena, const struct nlattr *attr)
{
        return attr ? arena_copy(arena, attr, attr->nla_len) : NULL;
}

/* Into the arena, so that it outlives the message. */
static struct connection hold(struct arena *arena, const struct connection *connection)
{
        struct connection held = *connection;

        held.reply = copy_attr(arena, connection->reply);
        held.id = copy_attr(arena, connection->id);
        held.zone = copy_attr(arena, connection->zone);
        held.master = copy_attr(arena, connection->master);
        return held;
}

static void found(const struct nlmsghdr *message, void *data)
{
        struct lookup *lookup = data;
        struct connection connection;

        lookup->found = read_connection(message, &connection);
        if (lookup->found)
                lookup->connection = hold(lookup->arena, &connection);
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

static void judge_entry(const struct nlmsghdr *message, void *data)
{
        struct cutting *cutting = data;
        struct connection connection;

        if (read_connection(message, &connection) && !keep(cutting, &connection))
                vec_push(cutting->arena, &cutting->doomed, hold(cutting->arena, &connection));
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
        /* A packet that the old rules have let through enters its connection in the table only at
         * the end of its way. Linux waits here until every CPU has put down what it was carrying,
         * packets included (an RCU grace period, some milliseconds). Where it can't, the gap is
         * microseconds. */
        syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
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

int conntrack_cut(const struct conntrack_judge *judge, size_t *ret_cut, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cutting cutting = cutting_of(arena, judge);
        int r = find_doomed(&cutting, err);

        r = r == 0 ? delete_doomed(&cutting, err) : r;
        cutting_done(&cutting);
        if (r == 0)
                *ret_cut = cutting.cut;
        return r;
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
