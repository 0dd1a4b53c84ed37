/* When the kernel's rules and sets of this network namespace change, seen by nobody's help.
 *
 * Usage: moment nft|legacy
 *
 * Each line that it reads waits for an address to be in all of these sets, or in none:
 *
 *     there NAME ADDRESS SET…
 *     gone NAME ADDRESS SET…
 *
 * It answers "armed NAME" where that isn't so yet, else "already NAME"; and when it has become so
 * "set NAME SECONDS". Each change of rules is a line "rules SECONDS". Seconds are of
 * CLOCK_MONOTONIC.
 *
 * Sets are asked again and again (IPSET_CMD_TEST, some microseconds each), the tables of
 * iptables-legacy are asked for their size, because the kernel tells of neither; a change is seen a
 * little late, never early. nf_tables tells of each transaction. Ends with its input. */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
        PAUSE_NS = 100000, /* between questions */
        MAX_WAITS = 256,
        MAX_SETS = 16,
        MAX_LINE = 2048,
        TABLES = 2,
};

struct wait {
        char name[64];
        bool there;
        struct in_addr address;
        char sets[MAX_SETS][IPSET_MAXNAMELEN];
        size_t n;
};

struct table {
        int fd, level, get_info;
        uint32_t entries, size;
};

static struct wait waits[MAX_WAITS];
static size_t n_waits;
static struct table tables[TABLES];
static size_t n_tables;
static struct mnl_socket *asking, *hearing;

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct mnl_socket *open_socket(int flags, int group)
{
        struct mnl_socket *made = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | flags);
        int room = 64 << 20;

        if (!made || mnl_socket_bind(made, 0, MNL_SOCKET_AUTOPID) < 0)
                err(1, "netlink");
        if (group && mnl_socket_setsockopt(made, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
                err(1, "listening to nf_tables");
        setsockopt(mnl_socket_get_fd(made), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
        return made;
}

/* A set that is not there holds nothing. */
static bool set_holds(const char *set, struct in_addr address)
{
        static unsigned sequence;
        _Alignas(struct nlmsghdr) char buffer[1024];
        struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

        message->nlmsg_type = NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_TEST;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        message->nlmsg_seq = ++sequence;
        struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        *header = (struct nfgenmsg){.nfgen_family = AF_INET, .version = NFNETLINK_V0};
        mnl_attr_put_u8(message, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
        mnl_attr_put_strz(message, IPSET_ATTR_SETNAME, set);
        struct nlattr *data = mnl_attr_nest_start(message, IPSET_ATTR_DATA);
        struct nlattr *ip = mnl_attr_nest_start(message, IPSET_ATTR_IP);
        mnl_attr_put(message, IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, sizeof(address),
                     &address);
        mnl_attr_nest_end(message, ip);
        mnl_attr_nest_end(message, data);
        if (mnl_socket_sendto(asking, message, message->nlmsg_len) < 0)
                err(1, "asking for an element");
        ssize_t n = mnl_socket_recvfrom(asking, buffer, sizeof(buffer));
        const struct nlmsghdr *answer = (const struct nlmsghdr *)buffer;
        if (n < 0 || answer->nlmsg_type != NLMSG_ERROR)
                err(1, "no answer about an element");
        int error = -((const struct nlmsgerr *)mnl_nlmsg_get_payload(answer))->error;
        if (error != 0 && error != ENOENT && error != IPSET_ERR_EXIST)
                errx(1, "asking set %s for an element: error %d", set, error);
        return error == 0;
}

static bool has_come(const struct wait *wait)
{
        for (size_t i = 0; i < wait->n; i++)
                if (set_holds(wait->sets[i], wait->address) != wait->there)
                        return false;
        return true;
}

static void ask_sets(void)
{
        for (size_t i = 0; i < n_waits;) {
                if (!has_come(&waits[i])) {
                        i++;
                        continue;
                }
                printf("set %s %.6f\n", waits[i].name, now());
                waits[i] = waits[--n_waits];
        }
}

static void open_table(int family, int level, int get_info)
{
        struct table table = {.fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW),
                              .level = level,
                              .get_info = get_info};

        if (table.fd < 0)
                err(1, "iptables' socket");
        tables[n_tables++] = table;
}

static void ask_table(struct table *table)
{
        struct ipt_getinfo info = {.name = "filter"}; /* ip6tables' is the same */
        socklen_t length = sizeof(info);

        if (getsockopt(table->fd, table->level, table->get_info, &info, &length) < 0)
                err(1, "asking for the table's size");
        if (info.num_entries == table->entries && info.size == table->size)
                return;
        if (table->entries)
                printf("rules %.6f\n", now());
        table->entries = info.num_entries;
        table->size = info.size;
}

static int hear(const struct nlmsghdr *message, void *data)
{
        if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
                printf("rules %.6f\n", *(const double *)data);
        return MNL_CB_OK;
}

static void take_news(void)
{
        static _Alignas(struct nlmsghdr) char buffer[1 << 16];
        ssize_t n;

        while ((n = mnl_socket_recvfrom(hearing, buffer, sizeof(buffer))) > 0) {
                double time = now();
                mnl_cb_run(buffer, (size_t)n, 0, 0, hear, &time);
        }
        if (errno != EAGAIN)
                err(1, "listening to nf_tables");
}

static void take_line(char *line)
{
        struct wait *wait = &waits[n_waits];
        char *rest, *word = strtok_r(line, " \n", &rest);
        char *name = strtok_r(NULL, " \n", &rest), *address = strtok_r(NULL, " \n", &rest);

        if (n_waits == MAX_WAITS || !address || inet_pton(AF_INET, address, &wait->address) != 1)
                errx(2, "%s: not understood", word ? word : "");
        wait->there = strcmp(word, "there") == 0;
        snprintf(wait->name, sizeof(wait->name), "%s", name);
        for (wait->n = 0; wait->n < MAX_SETS && (word = strtok_r(NULL, " \n", &rest)); wait->n++)
                snprintf(wait->sets[wait->n], sizeof(wait->sets[0]), "%s", word);
        bool already = has_come(wait);
        n_waits += !already;
        printf("%s %s\n", already ? "already" : "armed", name);
}

/* False at the end of input. Lines that have come are taken all. */
static bool take_lines(void)
{
        static char text[MAX_LINE];
        static size_t length;
        ssize_t n;
        char *end;

        while ((n = read(STDIN_FILENO, text + length, sizeof(text) - 1 - length)) > 0) {
                length += (size_t)n;
                text[length] = '\0';
                while ((end = strchr(text, '\n'))) {
                        *end++ = '\0';
                        take_line(text);
                        length = strlen(memmove(text, end, strlen(end) + 1));
                }
        }
        return n < 0 && errno == EAGAIN;
}

int main(int argc, char **argv)
{
        struct pollfd polled[] = {{STDIN_FILENO, POLLIN, 0}, {-1, POLLIN, 0}};
        const struct timespec pause = {.tv_nsec = PAUSE_NS};

        if (argc != 2 || (strcmp(argv[1], "nft") != 0 && strcmp(argv[1], "legacy") != 0))
                errx(2, "usage: moment nft|legacy");
        setvbuf(stdout, NULL, _IOLBF, 0);
        asking = open_socket(0, 0);
        if (strcmp(argv[1], "nft") == 0) {
                hearing = open_socket(SOCK_NONBLOCK, NFNLGRP_NFTABLES);
                polled[1].fd = mnl_socket_get_fd(hearing);
        } else {
                open_table(AF_INET, IPPROTO_IP, IPT_SO_GET_INFO);
                open_table(AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO);
        }
        fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
        while (ppoll(polled, 2, &pause, NULL) >= 0) {
                if (polled[1].revents)
                        take_news();
                ask_sets();
                for (size_t i = 0; i < n_tables; i++)
                        ask_table(&tables[i]);
                if (polled[0].revents && !take_lines())
                        return EXIT_SUCCESS;
        }
        err(1, "poll");
}
