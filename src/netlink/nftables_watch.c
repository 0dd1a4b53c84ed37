#include "netlink/nftables_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"

struct nftables_watch {
        struct mnl_socket *socket;
        uint8_t buffer[32768]; /* what is in it is of no interest */
};

struct nftables_watch *nftables_watch_open(struct err *err)
{
        struct mnl_socket *socket =
            mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
        int group = NFNLGRP_NFTABLES;

        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
                err_errno(err, "listening to changes of nf_tables");
                if (socket)
                        mnl_socket_close(socket);
                return NULL;
        }
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

bool nftables_watch_drain(struct nftables_watch *watch)
{
        bool any = false;

        while (true) {
                ssize_t size =
                    mnl_socket_recvfrom(watch->socket, watch->buffer, sizeof(watch->buffer));
                if (size < 0 && errno == EINTR)
                        continue;
                /* ENOBUFS: some were lost. ENOSPC: longer than the buffer. Changes all the same. */
                if (size < 0 && errno != ENOBUFS && errno != ENOSPC)
                        return any;
                any = true;
        }
}
