#include "netlink/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"

#define ANSWER_MAX 32768 /* what the kernel puts into one datagram of a dump at most */

struct netlink {
        struct mnl_socket *socket;
        uint32_t sequence;
        _Alignas(struct nlmsghdr) uint8_t request[NETLINK_REQUEST_MAX];
        _Alignas(struct nlmsghdr) uint8_t answer[ANSWER_MAX];
};

/* The answer so far. */
struct answer {
        bool ended, interrupted;
        int error; /* errno, 0 where the kernel said yes */
        const char *why;
};

struct netlink *netlink_open(int bus, struct err *err)
{
        struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
        struct netlink *netlink;
        int on = 1;

        if (!socket) {
                err_errno(err, "opening a netlink socket");
                return NULL;
        }
        if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
                err_errno(err, "binding a netlink socket");
                mnl_socket_close(socket);
                return NULL;
        }
        /* Linux 4.12 and later say in words what they refuse, and don't send the request back. */
        mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
        mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
        netlink = memory_alloc(sizeof(*netlink));
        netlink->socket = socket;
        return netlink;
}

void netlink_close(struct netlink *netlink)
{
        if (!netlink)
                return;
        mnl_socket_close(netlink->socket);
        free(netlink);
}

void netlink_closep(struct netlink **netlink)
{
        netlink_close(*netlink);
}

struct nlmsghdr *netlink_request(struct netlink *netlink, uint16_t type, uint16_t flags)
{
        struct nlmsghdr *request;

        memset(netlink->request, 0, sizeof(netlink->request));
        request = mnl_nlmsg_put_header(netlink->request);
        request->nlmsg_type = type;
        request->nlmsg_flags = NLM_F_REQUEST | flags;
        request->nlmsg_seq = ++netlink->sequence;
        return request;
}

static const struct nlattr *find_attr(const uint8_t *payload, size_t length, uint16_t type,
                                      size_t size)
{
        const uint8_t *end = payload + length;

        while ((size_t)(end - payload) >= sizeof(struct nlattr)) {
                const struct nlattr *attr = (const void *)payload;
                size_t left = (size_t)(end - payload), step = MNL_ALIGN(attr->nla_len);

                if (attr->nla_len < sizeof(*attr) || attr->nla_len > left)
                        break;
                if (mnl_attr_get_type(attr) == type && mnl_attr_get_payload_len(attr) >= size)
                        return attr;
                if (step >= left)
                        break;
                payload += step;
        }
        return NULL;
}

const struct nlattr *netlink_attr(const struct nlmsghdr *message, size_t header, uint16_t type,
                                  size_t size)
{
        size_t length = mnl_nlmsg_get_payload_len(message), offset = MNL_ALIGN(header);

        if (offset >= length)
                return NULL;
        return find_attr((const uint8_t *)mnl_nlmsg_get_payload(message) + offset, length - offset,
                         type, size);
}

const struct nlattr *netlink_nested(const struct nlattr *outer, uint16_t type, size_t size)
{
        return find_attr(mnl_attr_get_payload(outer), mnl_attr_get_payload_len(outer), type, size);
}

const struct nlattr *netlink_next(const struct nlattr *outer, const struct nlattr *after)
{
        const uint8_t *first = mnl_attr_get_payload(outer);
        const uint8_t *at = after ? (const uint8_t *)after + MNL_ALIGN(after->nla_len) : first;
        size_t length = mnl_attr_get_payload_len(outer), offset = (size_t)(at - first);
        const struct nlattr *attr = (const void *)at;

        if (offset + sizeof(*attr) > length || attr->nla_len < sizeof(*attr) ||
            attr->nla_len > length - offset)
                return NULL;
        return attr;
}

/* The kernel's words in an extended acknowledgement; they follow the header of the request. */
static const char *refusal(const struct nlmsghdr *message)
{
        const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
        size_t offset = sizeof(*error);
        const struct nlattr *text;

        if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
                return NULL;
        if (!(message->nlmsg_flags & NLM_F_CAPPED))
                offset += error->msg.nlmsg_len - sizeof(error->msg);
        text = netlink_attr(message, offset, NLMSGERR_ATTR_MSG, 1);
        return text && mnl_attr_validate(text, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(text)
                                                                         : NULL;
}

static void read_end(const struct nlmsghdr *message, struct answer *answer)
{
        answer->ended = true;
        if (message->nlmsg_type == NLMSG_ERROR &&
            mnl_nlmsg_get_payload_len(message) >= sizeof(struct nlmsgerr)) {
                const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

                answer->error = -error->error;
                answer->why = refusal(message);
        } else if (mnl_nlmsg_get_payload_len(message) >= sizeof(int)) {
                int status; /* of a dump that broke off */

                memcpy(&status, mnl_nlmsg_get_payload(message), sizeof(status));
                answer->error = status < 0 ? -status : 0;
        }
}

static void read_datagram(const struct netlink *netlink, int size, struct answer *answer,
                          void (*each)(const struct nlmsghdr *, void *), void *data)
{
        const struct nlmsghdr *message = (const void *)netlink->answer;

        for (; mnl_nlmsg_ok(message, size); message = mnl_nlmsg_next(message, &size)) {
                if (message->nlmsg_seq != netlink->sequence)
                        continue; /* of an earlier request that was given up */
                if (message->nlmsg_flags & NLM_F_DUMP_INTR)
                        answer->interrupted = true;
                if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
                        read_end(message, answer);
                else if (message->nlmsg_type >= NLMSG_MIN_TYPE && each)
                        each(message, data);
        }
}

int netlink_talk(struct netlink *netlink, void (*each)(const struct nlmsghdr *message, void *data),
                 void *data, struct err *err)
{
        struct nlmsghdr *request = (void *)netlink->request;
        struct answer answer = {0};

        /* A dump has an end of its own; an acknowledgement besides would be a second one. */
        if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
                request->nlmsg_flags |= NLM_F_ACK;
        if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
                return err_errno(err, "sending to the kernel");
        while (!answer.ended) {
                ssize_t size =
                    mnl_socket_recvfrom(netlink->socket, netlink->answer, sizeof(netlink->answer));

                if (size < 0 && errno == EINTR)
                        continue;
                if (size <= 0)
                        return err_errno(err, "reading the kernel's answer");
                read_datagram(netlink, (int)size, &answer, each, data);
        }
        if (!answer.error && answer.interrupted)
                answer.error = EINTR;
        errno = answer.error;
        if (answer.error && answer.why)
                err_set(err, "%s (%s)", strerror(answer.error), answer.why);
        else if (answer.error)
                err_set(err, "%s", strerror(answer.error));
        errno = answer.error;
        return answer.error ? -1 : 0;
}
