#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include "base/err.h"

/* One conversation with the kernel: one request at a time, and all of its answer.
 *
 *     struct nlmsghdr *request = netlink_request(netlink, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
 *     struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
 *     mnl_attr_put_strz(request, IFLA_IFNAME, "veth0");
 *     if (netlink_talk(netlink, NULL, NULL, err) < 0)
 *             return err_wrap(err, "creating veth0");
 *
 * It speaks to the network namespace that the thread was in when it was opened. */
struct netlink;

#define NETLINK_REQUEST_MAX 4096 /* bytes of one request */

/* bus: NETLINK_ROUTE, NETLINK_NETFILTER. NULL on failure. */
struct netlink *netlink_open(int bus, struct err *err);
void netlink_close(struct netlink *netlink); /* NULL is allowed */
void netlink_closep(struct netlink **netlink);
#define _cleanup_netlink_ __attribute__((cleanup(netlink_closep)))

/* Begins the next request, in a buffer of the conversation's own; NLM_F_REQUEST is added. Headers
 * and attributes are put by libmnl. */
struct nlmsghdr *netlink_request(struct netlink *netlink, uint16_t type, uint16_t flags);

/* Sends the request and reads the answer to its end; each message in it but the last, which only
 * says how it ended, goes to each() (NULL where none is wanted). -1 where the kernel refuses: errno
 * is the kernel's, and EINTR where the dumped thing changed meanwhile and the dump may lack
 * something. */
int netlink_talk(struct netlink *netlink, void (*each)(const struct nlmsghdr *message, void *data),
                 void *data, struct err *err);

/* An attribute of a message, after its own header of that many bytes, or of another attribute; NULL
 * where there is none of that type with at least `size` bytes. libmnl's loops are macros that don't
 * pass our warnings. */
const struct nlattr *netlink_attr(const struct nlmsghdr *message, size_t header, uint16_t type,
                                  size_t size);
const struct nlattr *netlink_nested(const struct nlattr *outer, uint16_t type, size_t size);
/* The attributes inside of another, one after the other: the one behind `after`, the first where
 * that is NULL; NULL at the end. */
const struct nlattr *netlink_next(const struct nlattr *outer, const struct nlattr *after);
