#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netlink/bridge.h"
#include "netlink/netlink.h"

/* In a network namespace of this test's own: bridge br0 has 10.1.0.0/24 and fd01::/64 behind it,
 * pods0 has 10.2.0.0/24. */

#define NETNS_SKIP 77 /* to meson: skipped */

static struct netlink *netlink;

static void talk(const char *what)
{
        struct err err;

        if (netlink_talk(netlink, NULL, NULL, &err) < 0)
                fail_msg("%s: %s", what, err.text);
}

static void add_link(const char *name, const char *kind)
{
        struct nlmsghdr *request = netlink_request(netlink, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
        struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
        struct nlattr *info;

        link->ifi_flags = link->ifi_change = IFF_UP;
        mnl_attr_put_strz(request, IFLA_IFNAME, name);
        info = mnl_attr_nest_start(request, IFLA_LINKINFO);
        mnl_attr_put_strz(request, IFLA_INFO_KIND, kind);
        mnl_attr_nest_end(request, info);
        talk(name);
}

static void link_flags(const char *name, unsigned flags)
{
        struct nlmsghdr *request = netlink_request(netlink, RTM_NEWLINK, 0);
        struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));

        link->ifi_index = (int)if_nametoindex(name);
        link->ifi_flags = flags;
        link->ifi_change = IFF_UP;
        talk(name);
}

static struct ip address(const char *text)
{
        struct ip ip;

        assert_true(ip_parse(text, &ip));
        return ip;
}

static void add_address(const char *link, const char *text, uint8_t length)
{
        struct nlmsghdr *request = netlink_request(netlink, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
        struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
        struct ip ip = address(text);

        header->ifa_family = ip.family == FAMILY_IPV4 ? AF_INET : AF_INET6;
        header->ifa_prefixlen = length;
        header->ifa_flags = IFA_F_NODAD;
        header->ifa_index = if_nametoindex(link);
        mnl_attr_put(request, IFA_LOCAL, family_bits(ip.family) / 8, ip.bytes);
        talk(text);
}

static const char *path(enum family family)
{
        return family == FAMILY_IPV4 ? "/proc/sys/net/bridge/bridge-nf-call-iptables"
                                     : "/proc/sys/net/bridge/bridge-nf-call-ip6tables";
}

static void setting_write(enum family family, char value)
{
        int fd = open(path(family), O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, &value, 1), 1);
        close(fd);
}

static char setting_read(enum family family)
{
        int fd = open(path(family), O_RDONLY | O_CLOEXEC);
        char value;

        assert_true(fd >= 0);
        assert_int_equal(read(fd, &value, 1), 1);
        close(fd);
        return value;
}

static int both_off(void **state)
{
        setting_write(FAMILY_IPV4, '0');
        setting_write(FAMILY_IPV6, '0');
        return 0;
}

static struct bridge_report filter(const char *pod, bool only_look)
{
        struct ip ip = address(pod);
        struct bridge_report report;
        struct err err;

        if (bridge_filter(&ip, 1, only_look, &report, &err) < 0)
                fail_msg("%s", err.text);
        return report;
}

static void the_familys_setting_is_set(void **state)
{
        struct bridge_report report = filter("fd01::7", false);

        assert_string_equal(report.bridge, "br0");
        assert_true(report.wanted[FAMILY_IPV6]);
        assert_false(report.wanted[FAMILY_IPV4]);
        assert_int_equal(setting_read(FAMILY_IPV6), '1');
        assert_int_equal(setting_read(FAMILY_IPV4), '0');

        report = filter("fd01::7", false);
        assert_string_equal(report.bridge, "br0");
        assert_false(report.wanted[FAMILY_IPV6]);

        report = filter("10.1.0.7", false);
        assert_true(report.wanted[FAMILY_IPV4]);
        assert_int_equal(setting_read(FAMILY_IPV4), '1');
}

/* Each has a link-local one. */
static void pods_without_an_ipv6_address_have_one_all_the_same(void **state)
{
        struct bridge_report report = filter("10.1.0.7", false);

        assert_true(report.wanted[FAMILY_IPV6]);
        assert_int_equal(setting_read(FAMILY_IPV6), '1');
}

static void looking_changes_nothing(void **state)
{
        struct bridge_report report = filter("10.1.0.7", true);

        assert_true(report.wanted[FAMILY_IPV4]);
        assert_int_equal(setting_read(FAMILY_IPV4), '0');
}

static void bridges_of_others_are_left_alone(void **state)
{
        struct bridge_report report = filter("10.2.0.7", false);

        assert_string_equal(report.bridge, "");
        assert_int_equal(setting_read(FAMILY_IPV4), '0');
}

static void a_pod_that_nobody_has_a_way_to_may_be_behind_any_bridge(void **state)
{
        struct bridge_report report = filter("10.3.0.7", false);

        assert_string_equal(report.bridge, "br0");
        assert_int_equal(setting_read(FAMILY_IPV4), '1');
}

static void a_bridge_that_is_down_joins_nobody(void **state)
{
        link_flags("br0", 0);
        struct bridge_report report = filter("10.3.0.7", false);
        link_flags("br0", IFF_UP);
        assert_string_equal(report.bridge, "");
}

/* In a child: 0 where bridge_filter() fails with that text. */
static void expect_error_and_exit(const char *expected)
{
        struct ip ip = address("10.1.0.7");
        struct bridge_report report;
        struct err err;

        if (bridge_filter(&ip, 1, false, &report, &err) == 0)
                _exit(2);
        _exit(strcmp(err.text, expected) == 0 ? 0 : 3);
}

static void expect_child_success(pid_t child)
{
        int status;

        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_setting_that_cannot_be_set_is_an_error(void **state)
{
        pid_t child = fork();

        if (child == 0) {
                if (setresuid(65534, 65534, 65534) < 0)
                        _exit(4);
                expect_error_and_exit(
                    "pods behind bridge br0 reach each other past iptables: "
                    "net.bridge.bridge-nf-call-iptables is 0 and cannot be set here (Permission "
                    "denied); set it to 1 (sysctl -w net.bridge.bridge-nf-call-iptables=1)");
        }
        expect_child_success(child);
}

static void a_kernel_without_br_netfilter_is_an_error(void **state)
{
        pid_t child = fork();

        if (child == 0) {
                if (unshare(CLONE_NEWNS) < 0 ||
                    mount("none", "/proc", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount("none", "/proc/sys/net/bridge", "tmpfs", 0, NULL) < 0)
                        _exit(4);
                expect_error_and_exit(
                    "pods behind bridge br0 reach each other past iptables: this kernel has no "
                    "net.bridge.bridge-nf-call-iptables; load br_netfilter (modprobe br_netfilter) "
                    "and apply again");
        }
        expect_child_success(child);
}

static int build(void **state)
{
        struct err err;

        netlink = netlink_open(NETLINK_ROUTE, &err);
        assert_non_null(netlink);
        add_link("br0", "bridge");
        add_link("pods0", "veth");
        add_address("br0", "10.1.0.1", 24);
        add_address("br0", "fd01::1", 64);
        add_address("pods0", "10.2.0.1", 24);
        return 0;
}

static int teardown(void **state)
{
        netlink_close(netlink);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(the_familys_setting_is_set, both_off),
            cmocka_unit_test_setup(pods_without_an_ipv6_address_have_one_all_the_same, both_off),
            cmocka_unit_test_setup(looking_changes_nothing, both_off),
            cmocka_unit_test_setup(bridges_of_others_are_left_alone, both_off),
            cmocka_unit_test_setup(a_pod_that_nobody_has_a_way_to_may_be_behind_any_bridge,
                                   both_off),
            cmocka_unit_test_setup(a_bridge_that_is_down_joins_nobody, both_off),
            cmocka_unit_test_setup(a_setting_that_cannot_be_set_is_an_error, both_off),
            cmocka_unit_test_setup(a_kernel_without_br_netfilter_is_an_error, both_off),
        };

        if (unshare(CLONE_NEWNET) < 0) {
                printf("skipped: no network namespace of its own: %s\n", strerror(errno));
                return NETNS_SKIP;
        }
        if (access(path(FAMILY_IPV4), F_OK) < 0) {
                printf("skipped: this kernel has no br_netfilter\n");
                return NETNS_SKIP;
        }
        return cmocka_run_group_tests(tests, build, teardown);
}
