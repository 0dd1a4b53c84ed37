#include "iptables/targets.h"

#include <string.h>

#include "iptables/nat_range.h"
#include "iptables/numbers.h"

static const struct grammar_option mark[] = {
    OPTION("--set-xmark", argument_both),
    OPTION("--set-mark", argument_set_mark, .means = "--set-xmark"),
    OPTION("--or-mark", argument_or_mark, .means = "--set-xmark"),
    OPTION("--and-mark", argument_and_mark, .means = "--set-xmark"),
    OPTION("--xor-mark", argument_xor_mark, .means = "--set-xmark"),
};

#define ONES "0xffffffff"

static const struct grammar_option connmark_set[] = {
    OPTION("--set-xmark", argument_both),
    OPTION("--set-mark", argument_set_mark, .means = "--set-xmark"),
    OPTION("--or-mark", argument_or_mark, .means = "--set-xmark"),
    OPTION("--and-mark", argument_and_mark, .means = "--set-xmark"),
    OPTION("--xor-mark", argument_xor_mark, .means = "--set-xmark"),
};
static const struct grammar_option connmark_copy[] = {
    OPTION("--save-mark", NULL),
    OPTION("--restore-mark", NULL),
    OPTION("--nfmask", argument_hex, .added = {ONES, ONES}),
    OPTION("--ctmask", argument_hex, .added = {ONES, ONES}),
    OPTION("--mask", argument_hex, .means = "--nfmask", .means_also = "--ctmask"),
};

static const struct grammar_option dnat[] = {
    OPTION("--to-destination", argument_nat),
    OPTION("--random", NULL),
    OPTION("--persistent", NULL),
};
static const struct grammar_option snat[] = {
    OPTION("--to-source", argument_nat),
    OPTION("--random", NULL),
    OPTION("--random-fully", NULL),
    OPTION("--persistent", NULL),
};
static const struct grammar_option redirect[] = {
    OPTION("--to-ports", argument_nat_ports),
    OPTION("--random", NULL),
};
static const struct grammar_option masquerade[] = {
    OPTION("--to-ports", argument_nat_ports),
    OPTION("--random", NULL),
    OPTION("--random-fully", NULL),
};
static const struct grammar_option netmap[] = {OPTION("--to", argument_prefix)};

static const struct grammar_option notrack[] = {OPTION("--notrack", NULL)};
static const struct grammar_option ct[] = {
    OPTION("--helper", argument_name),    OPTION("--timeout", argument_name),
    OPTION("--ctevents", argument_name),  OPTION("--expevents", argument_name),
    OPTION("--zone-orig", argument_zone), OPTION("--zone-reply", argument_zone),
    OPTION("--zone", argument_zone),
};

static const struct grammar_option log_options[] = {
    OPTION("--log-prefix", argument_text), OPTION("--log-level", argument_level, .left_out = "4"),
    OPTION("--log-tcp-sequence", NULL),    OPTION("--log-tcp-options", NULL),
    OPTION("--log-ip-options", NULL),      OPTION("--log-uid", NULL),
    OPTION("--log-macdecode", NULL),
};
static const struct grammar_option nflog[] = {
    OPTION("--nflog-prefix", argument_text),
    OPTION("--nflog-group", argument_number, .left_out = "0"),
    OPTION("--nflog-range", argument_number),
    OPTION("--nflog-size", argument_number),
    OPTION("--nflog-threshold", argument_number, .left_out = "1"),
};
static const struct grammar_option tcpmss[] = {
    OPTION("--set-mss", argument_number),
    OPTION("--clamp-mss-to-pmtu", NULL),
};
static const struct grammar_option checksum[] = {OPTION("--checksum-fill", NULL)};
static const struct grammar_option classify[] = {OPTION("--set-class", argument_class)};
static const struct grammar_option dscp[] = {OPTION("--set-dscp", argument_byte)};
static const struct grammar_option tos[] = {
    OPTION("--set-tos", argument_tos),
    OPTION("--and-tos", argument_saved),
    OPTION("--or-tos", argument_saved),
    OPTION("--xor-tos", argument_saved),
};
static const struct grammar_option audit[] = {OPTION("--type", argument_name)};
static const struct grammar_option tee[] = {
    OPTION("--gateway", argument_ip),
    OPTION("--oif", argument_name),
};
static const struct grammar_option secmark[] = {OPTION("--selctx", argument_saved)};
static const struct grammar_option connsecmark[] = {
    OPTION("--save", NULL),
    OPTION("--restore", NULL),
};
static const struct grammar_option ecn[] = {OPTION("--ecn-tcp-remove", NULL)};
static const struct grammar_option tcpoptstrip[] = {OPTION("--strip-options", argument_saved)};
static const struct grammar_option idletimer[] = {
    OPTION("--timeout", argument_number),
    OPTION("--label", argument_name),
    OPTION("--alarm", NULL),
};
static const struct grammar_option led[] = {
    OPTION("--led-trigger-id", argument_text),
    OPTION("--led-delay", argument_name),
    OPTION("--led-always-blink", NULL),
};

static const struct grammar_option nfqueue[] = {
    OPTION("--queue-num", argument_number, .added = {"0", "0"}, .beside = "!--queue-balance"),
    OPTION("--queue-balance", argument_queues),
    OPTION("--queue-bypass", NULL),
    OPTION("--queue-cpu-fanout", NULL),
};
static const struct grammar_option tproxy[] = {
    OPTION("--on-port", argument_number),
    OPTION("--on-ip", argument_ip, .added = {"0.0.0.0", "::"}),
    OPTION("--tproxy-mark", argument_both, .added = {"0x0/0x0", "0x0/0x0"}),
};
static const struct grammar_option ttl[] = {
    OPTION("--ttl-set", argument_number),
    OPTION("--ttl-dec", argument_number),
    OPTION("--ttl-inc", argument_number),
};
static const struct grammar_option hl[] = {
    OPTION("--hl-set", argument_number),
    OPTION("--hl-dec", argument_number),
    OPTION("--hl-inc", argument_number),
};
static const struct grammar_option set_elements[] = {
    OPTION("--add-set", argument_set, TWO_WORDS),
    OPTION("--exist", NULL),
    OPTION("--timeout", argument_number),
    OPTION("--del-set", argument_set, TWO_WORDS),
    OPTION("--map-set", argument_set, TWO_WORDS),
    OPTION("--map-mark", NULL),
    OPTION("--map-prio", NULL),
    OPTION("--map-queue", NULL),
};
static const struct grammar_option synproxy[] = {
    OPTION("--sack-perm", NULL),
    OPTION("--timestamp", NULL),
    OPTION("--wscale", argument_number),
    OPTION("--mss", argument_number),
    OPTION("--ecn", NULL),
};
static const struct grammar_option prefix_translation[] = {
    OPTION("--src-pfx", argument_saved),
    OPTION("--dst-pfx", argument_saved),
};

/* A target's value from its canonical text. False: what it says is not in the model. */
typedef bool (*settler)(enum family family, const char *text, struct target *ret);

static bool settle_mark(enum family family, const char *text, struct target *ret)
{
        const char *argument = canonical_argument(text, "--set-xmark");

        return argument && parse_masked(argument, &ret->mark.value, &ret->mark.mask);
}

static bool settle_mask(const char *text, const char *option, uint32_t *ret)
{
        const char *argument = canonical_argument(text, option);

        return argument && (parse_number(argument, ' ', UINT32_MAX, ret, NULL) ||
                            parse_number(argument, '\0', UINT32_MAX, ret, NULL));
}

static bool settle_connmark(enum family family, const char *text, struct target *ret)
{
        const char *set = canonical_argument(text, "--set-xmark");

        if (set) {
                ret->connmark.action = CONNMARK_SET;
                return parse_masked(set, &ret->connmark.value, &ret->connmark.mask);
        }
        ret->connmark.action = strncmp(text, "--save", 6) == 0 ? CONNMARK_SAVE : CONNMARK_RESTORE;
        return settle_mask(text, "--nfmask", &ret->connmark.packet_mask) &&
               settle_mask(text, "--ctmask", &ret->connmark.mask);
}

#define NAT_TEXT_SIZE 128

/* The argument alone, without what follows. */
static const char *option_value(const char *text, const char *option,
                                char value[static NAT_TEXT_SIZE])
{
        const char *argument = canonical_argument(text, option);
        size_t length = argument ? strcspn(argument, " ") : 0;

        if (!argument || length >= NAT_TEXT_SIZE)
                return NULL;
        memcpy(value, argument, length);
        value[length] = '\0';
        return value;
}

static bool settle_translation(enum family family, const char *text, const char *option,
                               struct target *ret)
{
        char value[NAT_TEXT_SIZE];
        const char *to = option_value(text, option, value);

        return to && (nat_parse(to, family, &ret->nat) ||
                      (to[0] == ':' && to[1] != ':' && nat_parse(to, FAMILY_IPV4, &ret->nat)));
}

static bool settle_dnat(enum family family, const char *text, struct target *ret)
{
        return settle_translation(family, text, "--to-destination", ret);
}

static bool settle_snat(enum family family, const char *text, struct target *ret)
{
        return settle_translation(family, text, "--to-source", ret);
}

static bool settle_ports(enum family family, const char *text, struct target *ret)
{
        char value[NAT_TEXT_SIZE];
        const char *to = option_value(text, "--to-ports", value);

        return !canonical_argument(text, "--to-ports") || (to && nat_ports_parse(to, &ret->nat));
}

#define BARE                                                                                       \
        {                                                                                          \
                .bare = true                                                                       \
        }
#define OPTIONAL(list)                                                                             \
        {                                                                                          \
                (list), ARRAY_SIZE(list), .bare = true                                             \
        }

static const struct row {
        const char *name;
        enum target_kind kind;
        struct grammar grammar;
        settler settle;
} rows[] = {
    {"MARK", TARGET_MARK, GRAMMAR(mark), settle_mark},
    {"CONNMARK", TARGET_CONNMARK, GRAMMAR(connmark_set), settle_connmark},
    {"CONNMARK", TARGET_CONNMARK, GRAMMAR(connmark_copy), settle_connmark},
    {"DNAT", TARGET_DNAT, GRAMMAR(dnat), settle_dnat},
    {"SNAT", TARGET_SNAT, GRAMMAR(snat), settle_snat},
    {"REDIRECT", TARGET_REDIRECT, GRAMMAR_BARE(redirect), settle_ports},
    {"MASQUERADE", TARGET_MASQUERADE, GRAMMAR_BARE(masquerade), settle_ports},
    {"NETMAP", TARGET_BEYOND, GRAMMAR(netmap), NULL},
    {"NOTRACK", TARGET_NOTRACK, GRAMMAR_NONE, NULL},
    {"CT", TARGET_NOTRACK, GRAMMAR(notrack), NULL},
    {"CT", TARGET_ASIDE, GRAMMAR_BARE(ct), NULL},
    {"LOG", TARGET_ASIDE, GRAMMAR_BARE(log_options), NULL},
    {"NFLOG", TARGET_ASIDE, GRAMMAR_BARE(nflog), NULL},
    {"TCPMSS", TARGET_ASIDE, GRAMMAR(tcpmss), NULL},
    {"TCPOPTSTRIP", TARGET_ASIDE, GRAMMAR(tcpoptstrip), NULL},
    {"CHECKSUM", TARGET_ASIDE, GRAMMAR(checksum), NULL},
    {"CLASSIFY", TARGET_ASIDE, GRAMMAR(classify), NULL},
    {"DSCP", TARGET_ASIDE, GRAMMAR(dscp), NULL},
    {"TOS", TARGET_ASIDE, GRAMMAR(tos), NULL},
    {"ECN", TARGET_ASIDE, GRAMMAR(ecn), NULL},
    {"TRACE", TARGET_ASIDE, GRAMMAR_NONE, NULL},
    {"AUDIT", TARGET_ASIDE, GRAMMAR(audit), NULL},
    {"TEE", TARGET_ASIDE, GRAMMAR(tee), NULL},
    {"SECMARK", TARGET_ASIDE, GRAMMAR(secmark), NULL},
    {"CONNSECMARK", TARGET_ASIDE, GRAMMAR(connsecmark), NULL},
    {"IDLETIMER", TARGET_ASIDE, GRAMMAR(idletimer), NULL},
    {"LED", TARGET_ASIDE, GRAMMAR(led), NULL},
    {"NFQUEUE", TARGET_BEYOND, GRAMMAR_BARE(nfqueue), NULL},
    {"TPROXY", TARGET_BEYOND, GRAMMAR(tproxy), NULL},
    {"TTL", TARGET_BEYOND, GRAMMAR(ttl), NULL},
    {"HL", TARGET_BEYOND, GRAMMAR(hl), NULL},
    {"SET", TARGET_BEYOND, GRAMMAR(set_elements), NULL},
    {"SYNPROXY", TARGET_BEYOND, GRAMMAR_BARE(synproxy), NULL},
    {"SNPT", TARGET_BEYOND, GRAMMAR(prefix_translation), NULL},
    {"DNPT", TARGET_BEYOND, GRAMMAR(prefix_translation), NULL},
};

bool target_is_known(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strcmp(rows[i].name, name) == 0)
                        return true;
        return false;
}

static void settle(const struct row *row, const struct reading *reading, const char *options,
                   struct target *ret)
{
        ret->kind = row->kind;
        ret->text = arena_printf(reading->ruleset->arena, "%s%s%s", row->name, *options ? " " : "",
                                 options);
        if (row->settle && !row->settle(reading->family, options, ret))
                ret->kind = TARGET_BEYOND;
}

bool target_parse(const struct reading *reading, const struct words *words, size_t first,
                  struct target *ret)
{
        const char *name = words->list.items[first].text;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_strbuf_ struct strbuf options = {0};
                struct target target = {0};
                if (strcmp(rows[i].name, name) != 0 ||
                    !grammar_read(&rows[i].grammar, reading, words, first + 1, words->list.n,
                                  &options))
                        continue;
                settle(&rows[i], reading, strbuf_text(&options), &target);
                *ret = target;
                return true;
        }
        return false;
}

const char *target_option(enum family family, const char *target, const char *name,
                          unsigned *ret_arguments)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct grammar_option *option;
                if (strcmp(rows[i].name, target) != 0)
                        continue;
                option = grammar_option_named(&rows[i].grammar, name);
                if (!option)
                        continue;
                *ret_arguments = grammar_arguments(option);
                return option->name;
        }
        return NULL;
}
