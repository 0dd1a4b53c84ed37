#include "unit.h"

#include "base/vec.h"
#include "lab/names.h"
#include "lab/plan.h"
#include "lab/probes.h"
#include "lab/samples.h"
#include "lab/sctp.h"

#include "kube/load.h"

/* The lab on paper: who gets which address, what is worth a packet. */

struct sheet {
        struct arena *arena;
        struct cluster *cluster;
        struct lab_plan *plan;
        struct err err;
};

static void load(struct sheet *sheet, const char *text)
{
        struct load_stats stats = {0};

        sheet->arena = arena_new();
        sheet->cluster = cluster_new();
        struct problems problems = problems_in(sheet->arena);
        if (load_text(sheet->cluster, text, strlen(text), "test", "default", &problems, &stats) < 0)
                problems_print(&problems, stderr);
        assert_int_equal(problems.list.n, 0);
        cluster_seal(sheet->cluster);
}

static void plan_with(struct sheet *sheet, const char *text, const struct map *found)
{
        load(sheet, text);
        sheet->plan = lab_plan_make(sheet->arena, "lab", sheet->cluster,
                                    found ? found : map_new(sheet->arena), &sheet->err);
}

static void plan(struct sheet *sheet, const char *text)
{
        plan_with(sheet, text, NULL);
}

static void done(struct sheet *sheet)
{
        cluster_free(sheet->cluster);
        arena_free(sheet->arena);
}

static const struct lab_end *end_of(const struct sheet *sheet, const char *label)
{
        assert_non_null(sheet->plan);
        vec_foreach (const struct lab_end, end, &sheet->plan->ends)
                if (strcmp(end->label, label) == 0)
                        return end;
        return NULL;
}

/* "10.244.0.2 fd00:10:244::2"; "absent" where there is no such end. */
static const char *ips_of(const struct sheet *sheet, const char *label)
{
        const struct lab_end *end = end_of(sheet, label);
        const char *all = "";
        char text[IP_TEXT_SIZE];

        if (!end)
                return "absent";
        vec_foreach (const struct ip, ip, &end->ips)
                all =
                    arena_printf(sheet->arena, "%s%s%s", all, *all ? " " : "", ip_format(ip, text));
        return all;
}

static const char *node_of(const struct sheet *sheet, const char *label)
{
        return sheet->plan->ends.items[end_of(sheet, label)->node].label;
}

#define POD(name, more) "---\n{apiVersion: v1, kind: Pod, metadata: {name: " name "}, " more "}\n"
#define CONTAINERS      "containers: [{name: c}]"

static void bare_pods_get_the_defaults(void **state)
{
        struct sheet sheet;

        plan(&sheet, POD("b", "spec: {" CONTAINERS "}") POD("a", "spec: {" CONTAINERS "}"));
        assert_string_equal(ips_of(&sheet, "default/a"), "10.244.0.2 fd00:10:244::2");
        assert_string_equal(ips_of(&sheet, "default/b"), "10.244.0.3 fd00:10:244::3");
        assert_string_equal(ips_of(&sheet, "node/node"), "172.30.0.1 fd00:172:30::1");
        assert_string_equal(node_of(&sheet, "default/a"), "node/node");
        assert_string_equal(ips_of(&sheet, "192.0.2.1"), "192.0.2.1");
        assert_string_equal(ips_of(&sheet, "2001:db8::1"), "2001:db8::1");
        assert_int_equal(sheet.plan->ends.n, 5);
        /* The verdict must know them too. */
        assert_int_equal(cluster_pod(sheet.cluster, "default", "a")->ips.n, 2);
        assert_int_equal(cluster_node(sheet.cluster, "node")->addresses.n, 2);
        done(&sheet);
}

static void pod_cidrs_say_families_and_numbers(void **state)
{
        struct sheet sheet;

        plan(&sheet,
             "---\n{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: "
             "[10.9.0.0/29]}, status: {addresses: [{type: InternalIP, address: 172.30.0.2}]}}\n"
             "---\n{apiVersion: v1, kind: Node, metadata: {name: n2}, spec: {podCIDRs: "
             "[\"fd00:9::/64\", 10.10.0.0/24]}}\n" POD("a", "spec: {nodeName: n1, " CONTAINERS "}")
                 POD("b", "spec: {nodeName: n2, " CONTAINERS "}")
                     POD("given",
                         "spec: {nodeName: n1, " CONTAINERS "}, status: {podIPs: [{ip: 10.9.0.2}]}")
                         POD("unscheduled", "spec: {" CONTAINERS "}"));
        assert_string_equal(ips_of(&sheet, "default/given"), "10.9.0.2");
        assert_string_equal(ips_of(&sheet, "default/a"), "10.9.0.3"); /* .2 is given's */
        assert_string_equal(ips_of(&sheet, "default/b"), "10.10.0.2 fd00:9::2");
        assert_string_equal(node_of(&sheet, "default/b"), "node/n2");
        assert_string_equal(node_of(&sheet, "default/unscheduled"), "node/n1");
        /* Of the node's own addresses what is missing is handed out, past what others have. */
        assert_string_equal(ips_of(&sheet, "node/n1"), "172.30.0.2 fd00:172:30::1");
        assert_string_equal(ips_of(&sheet, "node/n2"), "172.30.0.3 fd00:172:30::2");
        done(&sheet);
}

static void a_full_cidr_is_an_error(void **state)
{
        struct sheet sheet;

        plan(&sheet, "---\n{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: "
                     "[10.9.0.0/30]}}\n" POD("a", "spec: {" CONTAINERS "}")
                         POD("b", "spec: {" CONTAINERS "}"));
        assert_null(sheet.plan);
        assert_string_equal(sheet.err.text,
                            "Node n1: podCIDR 10.9.0.0/30 has no address left for Pod default/b");
        done(&sheet);
}

/* Semantics 19, 24. */
static void finished_and_host_pods_are_not_there(void **state)
{
        struct sheet sheet;

        plan(&sheet, POD("done", "spec: {" CONTAINERS "}, status: {phase: Succeeded}")
                         POD("host", "spec: {hostNetwork: true, nodeName: n7, " CONTAINERS "}")
                             POD("live", "spec: {" CONTAINERS "}"));
        assert_string_equal(ips_of(&sheet, "default/done"), "absent");
        assert_string_equal(ips_of(&sheet, "default/host"), "absent");
        assert_string_equal(node_of(&sheet, "default/live"), "node/n7");
        assert_int_equal(sheet.plan->n_pods, 1);
        done(&sheet);
}

/* Manifests may have lost or gained pods since the lab was made. */
static void what_the_lab_has_goes_before_handing_out(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct map *found = map_new(arena);
        struct lab_addresses addresses = {0};
        struct sheet sheet;
        struct ip ip;

        ip_parse("10.244.0.2", &ip);
        vec_push(arena, &addresses.ips, ip);
        map_put(found, lab_netns_pod(arena, "lab", "default", "b"), &addresses);
        plan_with(&sheet, POD("a", "spec: {" CONTAINERS "}") POD("b", "spec: {" CONTAINERS "}"),
                  found);
        assert_string_equal(ips_of(&sheet, "default/b"), "10.244.0.2");
        assert_string_equal(ips_of(&sheet, "default/a"), "10.244.0.3 fd00:10:244::2");
        done(&sheet);
}

static void names_are_distinct_and_short_enough(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        char long_a[254], long_b[254], namespace[64];

        memset(long_a, 'a', 253);
        memset(long_b, 'a', 253);
        memset(namespace, 'n', 63);
        long_a[253] = long_b[253] = namespace[63] = '\0';
        long_b[252] = 'b';
        const char *a = lab_netns_pod(arena, "lab", namespace, long_a);
        const char *b = lab_netns_pod(arena, "lab", namespace, long_b);
        assert_int_equal(strlen(a), 255);
        assert_string_not_equal(a, b);
        assert_string_equal(lab_netns_pod(arena, "x", "default", "web"),
                            "penstock-x.pod.default.web");
        assert_int_equal(strncmp(a, lab_prefix(arena, "lab"), strlen(lab_prefix(arena, "lab"))), 0);
        /* Another lab's names do not begin with this one's prefix. */
        assert_int_not_equal(strncmp(lab_netns_fabric(arena, "lab-2"), lab_prefix(arena, "lab"),
                                     strlen(lab_prefix(arena, "lab"))),
                             0);
}

#define POLICY(spec)                                                                               \
        "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: " \
        "{podSelector: {}, " spec "}}\n"

static const char *samples_of(const char *text, char ret[static 2048], const char *taken)
{
        struct sheet sheet;
        char one[IP_TEXT_SIZE];

        load(&sheet, text);
        struct map *map = map_new(sheet.arena);
        if (taken)
                map_put(map, taken, map);
        struct samples samples = samples_choose(sheet.arena, sheet.cluster, map);
        ret[0] = '\0';
        vec_foreach (const struct ip, ip, &samples.list)
                snprintf(ret + strlen(ret), 2048 - strlen(ret), "%s ", ip_format(ip, one));
        if (samples.cut)
                snprintf(ret + strlen(ret), 2048 - strlen(ret), "cut %zu ", samples.cut);
        done(&sheet);
        return ret;
}

#define WORLD "192.0.2.1 2001:db8::1 "

static void a_sample_for_each_block_and_except(void **state)
{
        char text[2048];

        assert_string_equal(samples_of(POLICY(""), text, NULL), WORLD);
        assert_string_equal(samples_of(POLICY("ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, "
                                              "except: [10.0.0.0/16, 10.1.0.0/30]}}]}]"),
                                       text, NULL),
                            WORLD "10.1.0.4 10.0.0.1 10.1.0.1 ");
        /* What is there already serves other blocks too: 192.0.2.1 is in /0. */
        assert_string_equal(samples_of(POLICY("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: "
                                              "[192.0.2.0/24]}}, {ipBlock: {cidr: \"::/0\"}}]}], "
                                              "policyTypes: [Egress]"),
                                       text, NULL),
                            WORLD "1.0.0.0 ");
        /* A pod's address is its own; a block that has no other has no sample. */
        assert_string_equal(
            samples_of(POLICY("ingress: [{from: [{ipBlock: {cidr: 10.9.0.0/30}}]}]"), text,
                       "10.9.0.1"),
            WORLD "10.9.0.2 ");
        assert_string_equal(
            samples_of(POLICY("ingress: [{from: [{ipBlock: {cidr: 10.9.0.1/32}}]}]"), text,
                       "10.9.0.1"),
            WORLD);
        /* Nothing is routed there. */
        assert_string_equal(
            samples_of(POLICY("ingress: [{from: [{ipBlock: {cidr: 127.0.0.0/8}}, {ipBlock: {cidr: "
                              "255.255.255.255/32}}, {ipBlock: {cidr: \"ff02::/16\"}}]}]"),
                       text, NULL),
            WORLD);
}

static void samples_are_capped(void **state)
{
        char manifest[4096] = POLICY("ingress: [{from: [$]}]"), blocks[3600] = "", text[2048];
        char whole[8192];

        for (unsigned i = 0; i < 40; i++)
                snprintf(blocks + strlen(blocks), sizeof(blocks) - strlen(blocks),
                         "%s{ipBlock: {cidr: 10.%u.0.0/16}}", i ? ", " : "", i);
        char *hole = strchr(manifest, '$');
        *hole = '\0';
        snprintf(whole, sizeof(whole), "%s%s%s", manifest, blocks, hole + 1);
        samples_of(whole, text, NULL);
        assert_non_null(strstr(text, "cut 10 "));
}

static const char *ports_of(const char *text, char ret[static 1024])
{
        struct sheet sheet;

        load(&sheet, text);
        struct lab_ports ports = lab_ports_choose(sheet.arena, sheet.cluster);
        ret[0] = '\0';
        vec_foreach (const uint16_t, port, &ports.list)
                snprintf(ret + strlen(ret), 1024 - strlen(ret), "%u%s ", *port,
                         *port == ports.unnamed ? "*" : "");
        if (ports.cut)
                snprintf(ret + strlen(ret), 1024 - strlen(ret), "cut %zu ", ports.cut);
        done(&sheet);
        return ret;
}

static void ports_that_anybody_names_and_one_that_nobody_does(void **state)
{
        char text[1024];

        assert_string_equal(ports_of(POLICY(""), text), "4242* ");
        assert_string_equal(
            ports_of(POD("a", "spec: {containers: [{name: c, ports: [{containerPort: 80}, "
                              "{containerPort: 4242, protocol: UDP}]}]}")
                         POLICY("ingress: [{ports: [{port: 443}, {port: 100, endPort: 200}, {port: "
                                "web}, {protocol: UDP}]}]"),
                     text),
            "80 99 100 200 201 443 4242 4243* ");
        /* Neighbours of the whole range do not exist, nor a port that nobody names. */
        assert_string_equal(
            ports_of(POLICY("ingress: [{ports: [{port: 1, endPort: 65535}]}]"), text), "1 65535 ");
        assert_string_equal(
            ports_of(POLICY("ingress: [{ports: [{port: 1, endPort: 65534}]}]"), text),
            "1 65534 65535* ");
}

static void ports_are_capped(void **state)
{
        char whole[8192], ports[4096] = "", text[1024];

        for (unsigned i = 0; i < 60; i++)
                snprintf(ports + strlen(ports), sizeof(ports) - strlen(ports), "%s{port: %u}",
                         i ? ", " : "", 1000 + i);
        snprintf(
            whole, sizeof(whole),
            "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, "
            "spec: {podSelector: {}, ingress: [{ports: [%s]}]}}",
            ports);
        ports_of(whole, text);
        assert_non_null(strstr(text, "4242* "));
        assert_non_null(strstr(text, "cut 13 "));
}

static size_t count(const struct sheet *sheet, const struct probes *probes, const char *from,
                    const char *to)
{
        size_t n = 0;

        vec_foreach (const struct probe, probe, &probes->list)
                n += strcmp(sheet->plan->ends.items[probe->from].label, from) == 0 &&
                     strcmp(sheet->plan->ends.items[probe->to].label, to) == 0;
        return n;
}

static void probes_have_a_pod_at_one_end(void **state)
{
        struct policy_options policy = {0};
        struct sheet sheet;

        plan(&sheet, POD("a", "spec: {" CONTAINERS "}") POD("b", "spec: {" CONTAINERS "}"));
        const struct probes *probes = probes_list(sheet.plan, &policy, true);
        /* TCP, UDP and SCTP to one port, and ICMP, over both families. */
        assert_int_equal(count(&sheet, probes, "default/a", "default/b"), 8);
        assert_int_equal(count(&sheet, probes, "default/a", "default/a"), 8);
        assert_int_equal(count(&sheet, probes, "node/node", "default/a"), 8);
        assert_int_equal(count(&sheet, probes, "192.0.2.1", "default/a"), 4);
        assert_int_equal(count(&sheet, probes, "192.0.2.1", "node/node"), 0);
        assert_int_equal(count(&sheet, probes, "node/node", "node/node"), 0);
        probes = probes_list(sheet.plan, &policy, false);
        assert_int_equal(count(&sheet, probes, "default/a", "default/b"), 6);
        done(&sheet);
}

/* Semantics 1, 20. */
static void probes_know_what_the_policies_say(void **state)
{
        struct policy_options policy = {0};
        struct sheet sheet;
        size_t allowed = 0;

        plan(&sheet, POD("a", "spec: {" CONTAINERS "}") POD("b", "spec: {" CONTAINERS "}")
                         POLICY("ingress: []"));
        const struct probes *probes = probes_list(sheet.plan, &policy, true);
        vec_foreach (const struct probe, probe, &probes->list)
                if (sheet.plan->ends.items[probe->to].kind == LAB_POD &&
                    sheet.plan->ends.items[probe->from].kind == LAB_POD)
                        allowed += probe->expected;
        assert_int_equal(allowed, 16); /* each to itself */
        done(&sheet);
}

static void sctp_packets_carry_a_right_checksum(void **state)
{
        static const char check[] = "123456789"; /* the value is in every table of CRCs */
        struct sctp_init init = {12345, 80, 7}, read = {0};
        uint8_t packet[SCTP_INIT_SIZE];

        assert_int_equal(sctp_crc32c((const uint8_t *)check, 9), 0xe3069283u);
        sctp_write_init(&init, packet);
        assert_int_equal(packet[0] << 8 | packet[1], 12345);
        assert_int_equal(packet[12], 1);
        assert_true(sctp_read_init(packet, sizeof(packet), &read));
        assert_memory_equal(&read, &init, sizeof(init));
        packet[20] ^= 1;
        assert_false(sctp_read_init(packet, sizeof(packet), &read));
        assert_false(sctp_read_init(packet, sizeof(packet) - 1, &read));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(bare_pods_get_the_defaults),
            cmocka_unit_test(pod_cidrs_say_families_and_numbers),
            cmocka_unit_test(a_full_cidr_is_an_error),
            cmocka_unit_test(finished_and_host_pods_are_not_there),
            cmocka_unit_test(what_the_lab_has_goes_before_handing_out),
            cmocka_unit_test(names_are_distinct_and_short_enough),
            cmocka_unit_test(a_sample_for_each_block_and_except),
            cmocka_unit_test(samples_are_capped),
            cmocka_unit_test(ports_that_anybody_names_and_one_that_nobody_does),
            cmocka_unit_test(ports_are_capped),
            cmocka_unit_test(probes_have_a_pod_at_one_end),
            cmocka_unit_test(probes_know_what_the_policies_say),
            cmocka_unit_test(sctp_packets_carry_a_right_checksum),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
