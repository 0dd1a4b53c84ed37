#include "netlink/nftables_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "base/vec.h"
#include "netlink/nftables_counters.h"

/* What may wait to be taken: a thousand transactions of kube-proxy's take some 10 MB. It is taken
 * only while it is needed. */
#define WAITING_BYTES (32 << 20)

struct nftables_watch {
        struct mnl_socket *socket;
        _Alignas(struct nlmsghdr) uint8_t buffer[32768];
};

struct nftables_watch *nftables_watch_open(struct err *err)
{
        struct mnl_socket *socket =
            mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
        int group = NFNLGRP_NFTABLES, waiting = WAITING_BYTES;

        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
                err_errno(err, "listening to changes of nf_tables");
                if (socket)
                        mnl_socket_close(socket);
                return NULL;
        }
        /* Allowed with CAP_NET_ADMIN; without, less can wait, and it is said where it was lost. */
        setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &waiting,
                   sizeof(waiting));
        struct nftables_watch *watch = memory_alloc(sizeof(*watch));
        watch->socket = socket;
        return watch;
}

void nftables_watch_close(struct nftables_watch *watch)
{
        if (!watch)
                return;
        mnl_socket_close(watch->socket);
        free(watch);
}

void nftables_watch_closep(struct nftables_watch **watch)
{
        nftables_watch_close(*watch);
}

int nftables_watch_descriptor(const struct nftables_watch *watch)
{
        return mnl_socket_get_fd(watch->socket);
}

/* 1 and something in the buffer; 0 where nothing is pending; -1 where something was lost. */
static int take(struct nftables_watch *watch, size_t *ret_size)
{
        while (true) {
                ssize_t size =
                    mnl_socket_recvfrom(watch->socket, watch->buffer, sizeof(watch->buffer));
                if (size < 0 && errno == EINTR)
                        continue;
                /* ENOBUFS: some were lost. ENOSPC: longer than the buffer. */
                if (size < 0)
                        return errno == ENOBUFS || errno == ENOSPC ? -1 : 0;
                *ret_size = (size_t)size;
                return 1;
        }
}

bool nftables_watch_drain(struct nftables_watch *watch)
{
        bool any = false;
        size_t size;

        while (take(watch, &size) != 0)
                any = true;
        return any;
}

static const char *text_of(const struct nlmsghdr *message, uint16_t type)
{
        const struct nlattr *attr = netlink_attr(message, sizeof(struct nfgenmsg), type, 1);

        return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attr)
                                                                         : "";
}

static const struct kind {
        uint8_t type;
        enum nftables_object object;
        bool removed;
        uint16_t table, chain; /* attributes with their names; 0: none */
} kinds[] = {
    {NFT_MSG_NEWTABLE, NFTABLES_TABLE, false, NFTA_TABLE_NAME, 0},
    {NFT_MSG_DELTABLE, NFTABLES_TABLE, true, NFTA_TABLE_NAME, 0},
    {NFT_MSG_NEWCHAIN, NFTABLES_CHAIN, false, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME},
    {NFT_MSG_DELCHAIN, NFTABLES_CHAIN, true, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME},
    {NFT_MSG_NEWRULE, NFTABLES_RULE, false, NFTA_RULE_TABLE, NFTA_RULE_CHAIN},
    {NFT_MSG_DELRULE, NFTABLES_RULE, true, NFTA_RULE_TABLE, NFTA_RULE_CHAIN},
    {NFT_MSG_NEWGEN, NFTABLES_END, false, 0, 0},
};

static const struct kind *kind_of(const struct nlmsghdr *message)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | kinds[i].type) &&
                    mnl_nlmsg_get_payload_len(message) >= sizeof(struct nfgenmsg))
                        return &kinds[i];
        return NULL;
}

static struct nftables_event event_of(const struct nlmsghdr *message, const struct kind *kind)
{
        const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
        const size_t size = sizeof(*header);
        const struct nlattr *generation = netlink_attr(message, size, NFTA_GEN_ID, 4);
        struct nftables_event event = {
            .object = kind->object,
            .removed = kind->removed,
            .created = message->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL),
            .family = header->nfgen_family,
            .table = kind->table ? text_of(message, kind->table) : "",
            .chain = kind->chain ? text_of(message, kind->chain) : "",
            .sender = message->nlmsg_pid,
        };

        if (kind->object == NFTABLES_RULE)
                event.leads_to = nftables_leads_to(message);
        /* The first and the last of a chain have no position; the last was appended. */
        if (kind->object == NFTABLES_RULE && !kind->removed)
                event.on_top = !(message->nlmsg_flags & NLM_F_APPEND) &&
                               !netlink_attr(message, size, NFTA_RULE_POSITION, 8);
        if (kind->object == NFTABLES_END && generation)
                event.generation = ntohl(mnl_attr_get_u32(generation));
        return event;
}

static void tell(const struct nftables_watch *watch, size_t size,
                 void (*each)(const struct nftables_event *event, void *data), void *data)
{
        const struct nlmsghdr *message = (const void *)watch->buffer;

        for (int left = (int)size; mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
                const struct kind *kind = kind_of(message);
                if (!kind)
                        continue;
                const struct nftables_event event = event_of(message, kind);
                each(&event, data);
        }
}

bool nftables_watch_listen(struct nftables_watch *watch,
                           void (*each)(const struct nftables_event *event, void *data), void *data)
{
        bool whole = true;
        size_t size;
        int r;

        while ((r = take(watch, &size)) != 0) {
                if (r < 0)
                        whole = false;
                else
                        tell(watch, size, each, data);
        }
        return whole;
}
