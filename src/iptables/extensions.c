#include "iptables/extensions.h"

#include <string.h>

#define V4_ONES "255.255.255.255"
#define V6_ONES "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

static const struct grammar_option limit[] = {
    OPTION("--limit", argument_rate, .added = {"3/hour", "3/hour"}),
    OPTION("--limit-burst", argument_number, .left_out = "5"),
};

static const struct grammar_option hashlimit[] = {
    OPTION("--hashlimit-upto", argument_fine_rate),
    OPTION("--hashlimit-above", argument_fine_rate),
    OPTION("--hashlimit-burst", argument_number, .added = {"5", "5"}),
    OPTION("--hashlimit-mode", argument_hash_mode),
    OPTION("--hashlimit-name", argument_name),
    OPTION("--hashlimit-htable-size", argument_number),
    OPTION("--hashlimit-htable-max", argument_number),
    OPTION("--hashlimit-htable-gcinterval", argument_number, .left_out = "1000"),
    OPTION("--hashlimit-htable-expire", argument_saved),
    OPTION("--hashlimit-srcmask", argument_number),
    OPTION("--hashlimit-dstmask", argument_number),
    OPTION("--hashlimit-rate-match", NULL),
    OPTION("--hashlimit-rate-interval", argument_saved),
};

static const struct grammar_option statistic_random[] = {
    OPTION("--mode", argument_name),
    OPTION("--probability", argument_probability, INVERTS),
};
static const struct grammar_option statistic_nth[] = {
    OPTION("--mode", argument_name),
    OPTION("--every", argument_number, INVERTS),
    OPTION("--packet", argument_number, .added = {"0", "0"}),
};

static const struct grammar_option recent[] = {
    OPTION("--set", NULL, INVERTS),
    OPTION("--rcheck", NULL, INVERTS),
    OPTION("--update", NULL, INVERTS),
    OPTION("--remove", NULL, INVERTS),
    OPTION("--seconds", argument_number),
    OPTION("--reap", NULL),
    OPTION("--hitcount", argument_number),
    OPTION("--rttl", NULL),
    OPTION("--name", argument_name, .added = {"DEFAULT", "DEFAULT"}),
    OPTION("--mask", argument_ip, .added = {V4_ONES, V6_ONES}),
    OPTION("--rsource", NULL, .added = {"", ""}, .beside = "!--rdest"),
    OPTION("--rdest", NULL),
};

static const struct grammar_option connlimit[] = {
    OPTION("--connlimit-upto", argument_number),
    OPTION("--connlimit-above", argument_number),
    OPTION("--connlimit-mask", argument_number, .added = {"32", "128"}),
    OPTION("--connlimit-saddr", NULL, .added = {"", ""}, .beside = "!--connlimit-daddr"),
    OPTION("--connlimit-daddr", NULL),
};

static const struct grammar_option quota[] = {OPTION("--quota", argument_number, INVERTS)};

static const struct grammar_option connbytes[] = {
    OPTION("--connbytes", argument_saved, INVERTS),
    OPTION("--connbytes-mode", argument_name),
    OPTION("--connbytes-dir", argument_name),
};

/* What these say depends on the time of day and the zone of a machine. */
static const struct grammar_option time_of_day[] = {
    OPTION("--timestart", argument_saved),
    OPTION("--timestop", argument_saved),
    OPTION("--monthdays", argument_saved, INVERTS),
    OPTION("--weekdays", argument_saved, INVERTS),
    OPTION("--datestart", argument_saved),
    OPTION("--datestop", argument_saved),
    OPTION("--kerneltz", NULL),
    OPTION("--contiguous", NULL),
};

static const struct grammar_option nfacct[] = {OPTION("--nfacct-name", argument_name)};

static const struct grammar_option physdev[] = {
    OPTION("--physdev-is-in", NULL, INVERTS),      OPTION("--physdev-in", argument_name, INVERTS),
    OPTION("--physdev-is-out", NULL, INVERTS),     OPTION("--physdev-out", argument_name, INVERTS),
    OPTION("--physdev-is-bridged", NULL, INVERTS),
};

static const struct grammar_option owner[] = {
    OPTION("--socket-exists", NULL, INVERTS),
    OPTION("--uid-owner", argument_ids, INVERTS),
    OPTION("--gid-owner", argument_ids, INVERTS),
    OPTION("--suppl-groups", NULL),
};

static const struct grammar_option socket_match[] = {
    OPTION("--transparent", NULL),
    OPTION("--nowildcard", NULL),
    OPTION("--restore-skmark", NULL),
};

static const struct grammar_option rpfilter[] = {
    OPTION("--loose", NULL),
    OPTION("--validmark", NULL),
    OPTION("--accept-local", NULL),
    OPTION("--invert", NULL),
};

static const struct grammar_option conntrack[] = {
    OPTION("--ctstate", argument_states, INVERTS),
    OPTION("--ctproto", argument_protocol, INVERTS),
    OPTION("--ctorigsrc", argument_prefix, INVERTS),
    OPTION("--ctorigdst", argument_prefix, INVERTS),
    OPTION("--ctreplsrc", argument_prefix, INVERTS),
    OPTION("--ctrepldst", argument_prefix, INVERTS),
    OPTION("--ctorigsrcport", argument_open_range, INVERTS),
    OPTION("--ctorigdstport", argument_open_range, INVERTS),
    OPTION("--ctreplsrcport", argument_open_range, INVERTS),
    OPTION("--ctrepldstport", argument_open_range, INVERTS),
    OPTION("--ctstatus", argument_name, INVERTS),
    OPTION("--ctexpire", argument_number_range, INVERTS),
    OPTION("--ctdir", argument_name),
};

static const struct grammar_option tcp[] = {
    OPTION("--sport", argument_open_range, INVERTS, .left_out = "0:65535"),
    OPTION("--dport", argument_open_range, INVERTS, .left_out = "0:65535"),
    OPTION("--tcp-option", argument_number, INVERTS),
    OPTION("--tcp-flags", argument_saved_two, INVERTS_TWO_WORDS),
};

static const struct grammar_option ports[] = {
    OPTION("--sport", argument_open_range, INVERTS, .left_out = "0:65535"),
    OPTION("--dport", argument_open_range, INVERTS, .left_out = "0:65535"),
};
static const struct grammar_option sctp[] = {
    OPTION("--sport", argument_open_range, INVERTS, .left_out = "0:65535"),
    OPTION("--dport", argument_open_range, INVERTS, .left_out = "0:65535"),
    OPTION("--chunk-types", argument_saved_two, INVERTS_TWO_WORDS),
};
static const struct grammar_option dccp[] = {
    OPTION("--sport", argument_open_range, INVERTS, .left_out = "0:65535"),
    OPTION("--dport", argument_open_range, INVERTS, .left_out = "0:65535"),
    OPTION("--dccp-types", argument_saved, INVERTS),
    OPTION("--dccp-option", argument_number, INVERTS),
};

/* As it stands where nobody said a type. */
static const struct grammar_option icmp_any[] = {OPTION("--icmp-type", argument_any)};

static const struct grammar_option ttl[] = {
    OPTION("--ttl-lt", argument_number),
    OPTION("--ttl-gt", argument_number),
};
static const struct grammar_option hl[] = {
    OPTION("--hl-lt", argument_number),
    OPTION("--hl-gt", argument_number),
};
static const struct grammar_option mac[] = {OPTION("--mac-source", argument_mac, INVERTS)};
static const struct grammar_option pkttype[] = {OPTION("--pkt-type", argument_name, INVERTS)};
static const struct grammar_option length[] = {OPTION("--length", argument_open_range, INVERTS)};
static const struct grammar_option dscp[] = {OPTION("--dscp", argument_byte, INVERTS)};
static const struct grammar_option tos[] = {OPTION("--tos", argument_tos, INVERTS)};
static const struct grammar_option esp[] = {OPTION("--espspi", argument_number_range, INVERTS)};
static const struct grammar_option ah4[] = {OPTION("--ahspi", argument_number_range, INVERTS)};
static const struct grammar_option ah6[] = {
    OPTION("--ahspi", argument_number_range, INVERTS),
    OPTION("--ahlen", argument_number, INVERTS),
    OPTION("--ahres", NULL),
};
static const struct grammar_option string[] = {
    OPTION("--string", argument_quoted, INVERTS),
    OPTION("--hex-string", argument_saved, INVERTS),
    OPTION("--algo", argument_name),
    OPTION("--from", argument_number, .left_out = "0"),
    OPTION("--to", argument_number, .left_out = "65535"),
    OPTION("--icase", NULL),
};
static const struct grammar_option u32[] = {OPTION("--u32", argument_saved, INVERTS)};
static const struct grammar_option bpf[] = {
    OPTION("--bytecode", argument_quoted),
    OPTION("--object-pinned", argument_saved),
};
static const struct grammar_option cgroup[] = {
    OPTION("--path", argument_saved, INVERTS),
    OPTION("--cgroup", argument_number, INVERTS),
};
static const struct grammar_option helper[] = {OPTION("--helper", argument_text, INVERTS)};
static const struct grammar_option cpu[] = {OPTION("--cpu", argument_number, INVERTS)};
static const struct grammar_option realm[] = {OPTION("--realm", argument_masked, INVERTS)};
static const struct grammar_option devgroup[] = {
    OPTION("--src-group", argument_masked, INVERTS),
    OPTION("--dst-group", argument_masked, INVERTS),
};
static const struct grammar_option connlabel[] = {
    OPTION("--label", argument_saved, INVERTS),
    OPTION("--set", NULL),
};
static const struct grammar_option ecn[] = {
    OPTION("--ecn-tcp-ece", NULL, INVERTS),
    OPTION("--ecn-tcp-cwr", NULL, INVERTS),
    OPTION("--ecn-ip-ect", argument_number, INVERTS),
};
static const struct grammar_option tcpmss[] = {OPTION("--mss", argument_number_range, INVERTS)};
/* Only the first of its elements: --next begins another. */
static const struct grammar_option policy[] = {
    OPTION("--dir", argument_name),
    OPTION("--pol", argument_name),
    OPTION("--strict", NULL),
    OPTION("--reqid", argument_number, INVERTS),
    OPTION("--spi", argument_hex, INVERTS),
    OPTION("--proto", argument_saved, INVERTS),
    OPTION("--mode", argument_name, INVERTS),
    OPTION("--tunnel-src", argument_saved, INVERTS),
    OPTION("--tunnel-dst", argument_saved, INVERTS),
};
static const struct grammar_option ipvs[] = {
    OPTION("--ipvs", NULL, INVERTS),
    OPTION("--vproto", argument_number, INVERTS),
    OPTION("--vaddr", argument_saved, INVERTS),
    OPTION("--vport", argument_number, INVERTS),
    OPTION("--vdir", argument_name),
    OPTION("--vmethod", argument_name, INVERTS),
    OPTION("--vportctl", argument_number, INVERTS),
};
static const struct grammar_option cluster[] = {
    OPTION("--cluster-total-nodes", argument_number),
    OPTION("--cluster-local-node", argument_number),
    OPTION("--cluster-local-nodemask", argument_saved),
    OPTION("--cluster-hash-seed", argument_saved),
};
static const struct grammar_option osf[] = {
    OPTION("--genre", argument_name, INVERTS),
    OPTION("--ttl", argument_number),
    OPTION("--log", argument_number),
};
static const struct grammar_option rt[] = {
    OPTION("--rt-type", argument_number, INVERTS),
    OPTION("--rt-segsleft", argument_number_range, INVERTS),
    OPTION("--rt-len", argument_number, INVERTS),
    OPTION("--rt-0-res", NULL),
    OPTION("--rt-0-addrs", argument_saved),
    OPTION("--rt-0-not-strict", NULL),
};
static const struct grammar_option frag[] = {
    OPTION("--fragid", argument_number_range, INVERTS),
    OPTION("--fraglen", argument_number, INVERTS),
    OPTION("--fragres", NULL),
    OPTION("--fragfirst", NULL),
    OPTION("--fragmore", NULL),
    OPTION("--fraglast", NULL),
};
static const struct grammar_option ipv6header[] = {
    OPTION("--header", argument_saved, INVERTS),
    OPTION("--soft", NULL),
};
static const struct grammar_option header_options[] = {
    OPTION("--hbh-len", argument_number, INVERTS),
    OPTION("--hbh-opts", argument_saved, INVERTS),
};
static const struct grammar_option destination_options[] = {
    OPTION("--dst-len", argument_number, INVERTS),
    OPTION("--dst-opts", argument_saved, INVERTS),
};
static const struct grammar_option mobility[] = {OPTION("--mh-type", argument_saved, INVERTS)};

#define BARE                                                                                       \
        {                                                                                          \
                .bare = true                                                                       \
        }

#define EXTENSION(called, of_kind, options, ...)                                                   \
        {                                                                                          \
                .module = (called), .kind = (of_kind), .grammar = options, __VA_ARGS__             \
        }

/* A protocol's module without options says no more than -p, which the rule must say, too. */
static const struct extension {
        const char *module;
        enum match_kind kind;
        unsigned only; /* ONLY() */
        struct grammar grammar;
        enum protocol protocol; /* that the rule must say; PROTOCOL_ANY: any or none */
} rows[] = {
    EXTENSION("tcp", MATCH_COUNTS, GRAMMAR_NONE, .protocol = PROTOCOL_TCP),
    EXTENSION("udp", MATCH_COUNTS, GRAMMAR_NONE, .protocol = PROTOCOL_UDP),
    EXTENSION("sctp", MATCH_COUNTS, GRAMMAR_NONE, .protocol = PROTOCOL_SCTP),
    EXTENSION("icmp", MATCH_COUNTS, GRAMMAR(icmp_any), .protocol = PROTOCOL_ICMP,
              ONLY(FAMILY_IPV4)),
    EXTENSION("nfacct", MATCH_COUNTS, GRAMMAR(nfacct)),
    EXTENSION("limit", MATCH_CHANCE, GRAMMAR_BARE(limit)),
    EXTENSION("hashlimit", MATCH_CHANCE, GRAMMAR(hashlimit)),
    EXTENSION("statistic", MATCH_CHANCE, GRAMMAR(statistic_random)),
    EXTENSION("statistic", MATCH_CHANCE, GRAMMAR(statistic_nth)),
    EXTENSION("recent", MATCH_CHANCE, GRAMMAR(recent)),
    EXTENSION("connlimit", MATCH_CHANCE, GRAMMAR(connlimit)),
    EXTENSION("connbytes", MATCH_CHANCE, GRAMMAR(connbytes)),
    EXTENSION("quota", MATCH_CHANCE, GRAMMAR(quota)),
    EXTENSION("time", MATCH_CHANCE, GRAMMAR(time_of_day)),
    EXTENSION("conntrack", MATCH_BEYOND, GRAMMAR(conntrack)),
    EXTENSION("tcp", MATCH_BEYOND, GRAMMAR(tcp)),
    EXTENSION("sctp", MATCH_BEYOND, GRAMMAR(sctp)),
    EXTENSION("dccp", MATCH_BEYOND, GRAMMAR(dccp)),
    EXTENSION("udplite", MATCH_BEYOND, GRAMMAR(ports)),
    EXTENSION("physdev", MATCH_BEYOND, GRAMMAR(physdev)),
    EXTENSION("owner", MATCH_BEYOND, GRAMMAR(owner)),
    EXTENSION("socket", MATCH_BEYOND, GRAMMAR_BARE(socket_match)),
    EXTENSION("rpfilter", MATCH_BEYOND, GRAMMAR_BARE(rpfilter)),
    EXTENSION("ttl", MATCH_BEYOND, GRAMMAR(ttl), ONLY(FAMILY_IPV4)),
    EXTENSION("hl", MATCH_BEYOND, GRAMMAR(hl), ONLY(FAMILY_IPV6)),
    EXTENSION("mac", MATCH_BEYOND, GRAMMAR(mac)),
    EXTENSION("pkttype", MATCH_BEYOND, GRAMMAR(pkttype)),
    EXTENSION("length", MATCH_BEYOND, GRAMMAR(length)),
    EXTENSION("dscp", MATCH_BEYOND, GRAMMAR(dscp)),
    EXTENSION("tos", MATCH_BEYOND, GRAMMAR(tos)),
    EXTENSION("esp", MATCH_BEYOND, GRAMMAR_BARE(esp)),
    EXTENSION("ah", MATCH_BEYOND, GRAMMAR_BARE(ah4), ONLY(FAMILY_IPV4)),
    EXTENSION("ah", MATCH_BEYOND, GRAMMAR_BARE(ah6), ONLY(FAMILY_IPV6)),
    EXTENSION("string", MATCH_BEYOND, GRAMMAR(string)),
    EXTENSION("u32", MATCH_BEYOND, GRAMMAR(u32)),
    EXTENSION("bpf", MATCH_BEYOND, GRAMMAR(bpf)),
    EXTENSION("cgroup", MATCH_BEYOND, GRAMMAR(cgroup)),
    EXTENSION("helper", MATCH_BEYOND, GRAMMAR(helper)),
    EXTENSION("cpu", MATCH_BEYOND, GRAMMAR(cpu)),
    EXTENSION("realm", MATCH_BEYOND, GRAMMAR(realm), ONLY(FAMILY_IPV4)),
    EXTENSION("devgroup", MATCH_BEYOND, GRAMMAR(devgroup)),
    EXTENSION("connlabel", MATCH_BEYOND, GRAMMAR(connlabel)),
    EXTENSION("ecn", MATCH_BEYOND, GRAMMAR(ecn)),
    EXTENSION("tcpmss", MATCH_BEYOND, GRAMMAR(tcpmss)),
    EXTENSION("policy", MATCH_BEYOND, GRAMMAR(policy)),
    EXTENSION("ipvs", MATCH_BEYOND, GRAMMAR(ipvs)),
    EXTENSION("cluster", MATCH_BEYOND, GRAMMAR(cluster)),
    EXTENSION("osf", MATCH_BEYOND, GRAMMAR(osf)),
    EXTENSION("rt", MATCH_BEYOND, GRAMMAR_BARE(rt), ONLY(FAMILY_IPV6)),
    EXTENSION("frag", MATCH_BEYOND, GRAMMAR_BARE(frag), ONLY(FAMILY_IPV6)),
    EXTENSION("ipv6header", MATCH_BEYOND, GRAMMAR(ipv6header), ONLY(FAMILY_IPV6)),
    EXTENSION("hbh", MATCH_BEYOND, GRAMMAR_BARE(header_options), ONLY(FAMILY_IPV6)),
    EXTENSION("dst", MATCH_BEYOND, GRAMMAR_BARE(destination_options), ONLY(FAMILY_IPV6)),
    EXTENSION("mh", MATCH_BEYOND, GRAMMAR_BARE(mobility), ONLY(FAMILY_IPV6)),
    EXTENSION("eui64", MATCH_BEYOND, GRAMMAR_NONE, ONLY(FAMILY_IPV6)),
};

static bool is_row_of(const struct extension *row, enum family family, const char *module)
{
        return only_fits(row->only, family) && strcmp(row->module, module) == 0;
}

bool extension_parse(const struct reading *reading, const char *module, const struct words *words,
                     size_t first, size_t end, struct match *ret)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (!is_row_of(&rows[i], reading->family, module) ||
                    (rows[i].protocol && rows[i].protocol != reading->protocol) ||
                    !grammar_read(&rows[i].grammar, reading, words, first, end, &text))
                        continue;
                *ret = (struct match){
                    .kind = rows[i].kind,
                    .extension = {rows[i].module,
                                  arena_strdup(reading->ruleset->arena, strbuf_text(&text))},
                };
                return true;
        }
        return false;
}

void extension_print(const struct match *match, struct strbuf *out)
{
        strbuf_add(out, match->extension.module);
        if (*match->extension.text) {
                strbuf_add_char(out, ' ');
                strbuf_add(out, match->extension.text);
        }
}

const char *extension_option(enum family family, const char *module, const char *name,
                             unsigned *ret_arguments)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct grammar_option *option;
                if (!is_row_of(&rows[i], family, module))
                        continue;
                option = grammar_option_named(&rows[i].grammar, name);
                if (!option)
                        continue;
                *ret_arguments = grammar_arguments(option);
                return option->name;
        }
        return NULL;
}
