#include "netlink/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/vec.h"
#include "netlink/netlink.h"

struct bridge {
        uint32_t index;
        char name[IFNAMSIZ];
};

struct bridges {
        struct arena *arena;
        VEC(struct bridge) list; /* those that are up */
};

static const struct {
        const char *name, *path;
} settings[FAMILIES] = {
    [FAMILY_IPV4] = {"net.bridge.bridge-nf-call-iptables",
                     "/proc/sys/net/bridge/bridge-nf-call-iptables"},
    [FAMILY_IPV6] = {"net.bridge.bridge-nf-call-ip6tables",
                     "/proc/sys/net/bridge/bridge-nf-call-ip6tables"},
};

const char *bridge_setting(enum family family)
{
        return settings[family].name;
}

static void read_link(const struct nlmsghdr *message, void *data)
{
        const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
        const struct nlattr *name = netlink_attr(message, sizeof(*header), IFLA_IFNAME, 1);
        const struct nlattr *info = netlink_attr(message, sizeof(*header), IFLA_LINKINFO, 0);
        const struct nlattr *kind = info ? netlink_nested(info, IFLA_INFO_KIND, 1) : NULL;
        struct bridge bridge = {.index = (uint32_t)header->ifi_index};
        struct bridges *bridges = data;

        if (!name || !kind || !(header->ifi_flags & IFF_UP) ||
            strncmp(mnl_attr_get_str(kind), "bridge", mnl_attr_get_payload_len(kind)) != 0)
                return;
        snprintf(bridge.name, sizeof(bridge.name), "%s", mnl_attr_get_str(name));
        vec_push(bridges->arena, &bridges->list, bridge);
}

static int read_bridges(struct netlink *netlink, struct bridges *bridges, struct err *err)
{
        struct nlmsghdr *request = netlink_request(netlink, RTM_GETLINK, NLM_F_DUMP);

        mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
        if (netlink_talk(netlink, read_link, bridges, err) < 0)
                return err_wrap(err, "reading this namespace's links");
        return 0;
}

struct way {
        bool direct;    /* no router between */
        uint32_t index; /* of the link that it leaves by */
};

static void read_route(const struct nlmsghdr *message, void *data)
{
        size_t header = sizeof(struct rtmsg);
        const struct nlattr *link = netlink_attr(message, header, RTA_OIF, 4);
        struct way *way = data;

        way->direct = link && !netlink_attr(message, header, RTA_GATEWAY, 0) &&
                      !netlink_attr(message, header, RTA_VIA, 0);
        way->index = link ? mnl_attr_get_u32(link) : 0;
}

/* The bridge that this pod is behind, as far as anybody can tell; NULL where it is behind none. */
static const struct bridge *bridge_before(struct netlink *netlink, const struct bridges *bridges,
                                          const struct ip *pod)
{
        struct nlmsghdr *request = netlink_request(netlink, RTM_GETROUTE, 0);
        struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
        struct way way = {0};
        struct err unreachable;

        route->rtm_family = pod->family == FAMILY_IPV4 ? AF_INET : AF_INET6;
        route->rtm_dst_len = (uint8_t)family_bits(pod->family);
        mnl_attr_put(request, RTA_DST, family_bits(pod->family) / 8, pod->bytes);
        if (netlink_talk(netlink, read_route, &way, &unreachable) < 0 || !way.direct)
                return bridges->list.items;
        vec_foreach (const struct bridge, bridge, &bridges->list)
                if (bridge->index == way.index)
                        return bridge;
        return NULL;
}

/* Each pod has a link-local IPv6 address, whatever addresses the cluster gives it. */
static bool kernel_has_ipv6(void)
{
        return access("/proc/thread-self/net/if_inet6", F_OK) == 0;
}

static void find_families(struct netlink *netlink, const struct bridges *bridges,
                          const struct ip *pods, size_t n, char name[static IFNAMSIZ],
                          bool ret[static FAMILIES])
{
        int found = 0;

        for (size_t i = 0; i < n && found < FAMILIES; i++) {
                const struct bridge *bridge =
                    ret[pods[i].family] ? NULL : bridge_before(netlink, bridges, &pods[i]);

                if (!bridge)
                        continue;
                ret[pods[i].family] = true;
                memcpy(name, bridge->name, IFNAMSIZ);
                found++;
        }
        ret[FAMILY_IPV6] |= ret[FAMILY_IPV4] && kernel_has_ipv6();
}

/* 1 on, 0 off, -1 where there is no such setting. */
static int setting_read(const char *path)
{
        char value = '0';
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -1;
        if (read(fd, &value, 1) != 1)
                value = '0';
        close(fd);
        return value != '0';
}

static int setting_write(const char *path)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -1;
        n = write(fd, "1\n", 2);
        close(fd);
        return n == 2 ? 0 : -1;
}

static int ensure(enum family family, const char *bridge, bool only_look, bool *ret_wanted,
                  struct err *err)
{
        const char *name = settings[family].name, *path = settings[family].path;
        int now = setting_read(path);

        if (now < 0)
                return err_set(
                    err,
                    "pods behind bridge %s reach each other past iptables: this kernel has "
                    "no %s; load br_netfilter (modprobe br_netfilter) and apply again",
                    bridge, name);
        if (now == 0 && !only_look && setting_write(path) < 0)
                return err_set(err,
                               "pods behind bridge %s reach each other past iptables: %s is 0 and "
                               "cannot be set here (%s); set it to 1 (sysctl -w %s=1)",
                               bridge, name, strerror(errno), name);
        *ret_wanted = now == 0;
        return 0;
}

static int look(struct netlink *netlink, const struct ip *pods, size_t n, struct arena *arena,
                struct bridge_report *report, bool needed[static FAMILIES], struct err *err)
{
        struct bridges bridges = {.arena = arena};

        if (read_bridges(netlink, &bridges, err) < 0)
                return -1;
        if (bridges.list.n)
                find_families(netlink, &bridges, pods, n, report->bridge, needed);
        return 0;
}

int bridge_filter(const struct ip *pods, size_t n, bool only_look, struct bridge_report *ret,
                  struct err *err)
{
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_ROUTE, err);
        _cleanup_arena_ struct arena *arena = arena_new();
        struct bridge_report report = {0};
        bool needed[FAMILIES] = {0};

        if (!netlink || look(netlink, pods, n, arena, &report, needed, err) < 0)
                return -1;
        for (enum family family = 0; family < FAMILIES; family++)
                if (needed[family] &&
                    ensure(family, report.bridge, only_look, &report.wanted[family], err) < 0)
                        return -1;
        *ret = report;
        return 0;
}
