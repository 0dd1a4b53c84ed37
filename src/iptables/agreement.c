#include "iptables/agreement.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "base/map.h"
#include "iptables/text.h"
#include "iptables/words.h"

/* Each part of a rule in the kernel has a sign in its text: an option or the name of an extension.
 * Parts are held against the text, and not the other way round: what tools lose is shown by what
 * the kernel has. */

#define ANY_KEY    UINT32_MAX
#define ANY_OFFSET UINT32_MAX

/* A part that iptables-nft writes in nf_tables' own language, and the words one of which its text
 * has. */
struct sign {
        const char *name;
        uint32_t key;
        uint32_t first, last; /* offsets */
        bool sets;
        uint8_t family; /* NFPROTO_UNSPEC: either */
        const char *words[6];
};

static const struct sign signs[] = {
    {"meta", NFT_META_IIFNAME, 0, 0, false, NFPROTO_UNSPEC, {"-i"}},
    {"meta", NFT_META_IIF, 0, 0, false, NFPROTO_UNSPEC, {"-i"}},
    {"meta", NFT_META_OIFNAME, 0, 0, false, NFPROTO_UNSPEC, {"-o"}},
    {"meta", NFT_META_OIF, 0, 0, false, NFPROTO_UNSPEC, {"-o"}},
    {"meta", NFT_META_L4PROTO, 0, 0, false, NFPROTO_UNSPEC, {"-p"}},
    {"meta", NFT_META_MARK, 0, 0, false, NFPROTO_UNSPEC, {"mark"}},
    {"meta", NFT_META_PKTTYPE, 0, 0, false, NFPROTO_UNSPEC, {"pkttype"}},
    {"meta", NFT_META_NFTRACE, 0, 0, true, NFPROTO_UNSPEC, {"TRACE"}},
    {"payload", NFT_PAYLOAD_NETWORK_HEADER, 6, 7, false, NFPROTO_IPV4, {"-f"}},
    {"payload", NFT_PAYLOAD_NETWORK_HEADER, 9, 9, false, NFPROTO_IPV4, {"-p"}},
    {"payload", NFT_PAYLOAD_NETWORK_HEADER, 12, 15, false, NFPROTO_IPV4, {"-s"}},
    {"payload", NFT_PAYLOAD_NETWORK_HEADER, 16, 19, false, NFPROTO_IPV4, {"-d"}},
    {"payload", NFT_PAYLOAD_NETWORK_HEADER, 6, 6, false, NFPROTO_IPV6, {"-p"}},
    {"payload", NFT_PAYLOAD_NETWORK_HEADER, 8, 23, false, NFPROTO_IPV6, {"-s"}},
    {"payload", NFT_PAYLOAD_NETWORK_HEADER, 24, 39, false, NFPROTO_IPV6, {"-d"}},
    {"payload",
     NFT_PAYLOAD_TRANSPORT_HEADER,
     0,
     1,
     false,
     NFPROTO_UNSPEC,
     {"--sport", "--sports", "--icmp-type", "--icmpv6-type"}},
    {"payload", NFT_PAYLOAD_TRANSPORT_HEADER, 2, 3, false, NFPROTO_UNSPEC, {"--dport", "--dports"}},
    {"payload",
     NFT_PAYLOAD_TRANSPORT_HEADER,
     13,
     13,
     false,
     NFPROTO_UNSPEC,
     {"--tcp-flags", "--syn"}},
    {"limit", ANY_KEY, 0, ANY_OFFSET, false, NFPROTO_UNSPEC, {"limit"}},
    {"log", ANY_KEY, 0, ANY_OFFSET, false, NFPROTO_UNSPEC, {"NFLOG", "LOG"}},
};

/* Extensions whose text has another name than the kernel's. */
static const struct {
        const char *kernel, *text;
} aliases[] = {
    {"conntrack", "state"},
    {"CT", "NOTRACK"},
};

struct comparing {
        const struct nftables_chain *held;
        const struct chain *chain;
        size_t number; /* of the rule, from 1 */
        struct words words;
        struct err *err;
};

static bool has_word(const struct words *words, const char *word)
{
        vec_foreach (const struct word, it, &words->list)
                if (word_is(it, word))
                        return true;
        return false;
}

/* "-m NAME" */
static bool has_pair(const struct words *words, const char *option, const char *name)
{
        for (size_t i = 0; i + 1 < words->list.n; i++)
                if (word_is(&words->list.items[i], option) &&
                    word_is(&words->list.items[i + 1], name))
                        return true;
        return false;
}

static bool has_extension(const struct words *words, const char *option, const char *name)
{
        if (has_pair(words, option, name))
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
                if (strcmp(aliases[i].kernel, name) == 0 &&
                    has_pair(words, option, aliases[i].text))
                        return true;
        return false;
}

static bool is_sign_of(const struct sign *sign, const struct nftables_part *part, uint8_t family)
{
        return strcmp(sign->name, part->name) == 0 &&
               (sign->key == ANY_KEY || sign->key == part->key) && part->offset >= sign->first &&
               part->offset <= sign->last && sign->sets == part->sets &&
               (sign->family == NFPROTO_UNSPEC || sign->family == family);
}

static bool has_sign(const struct comparing *comparing, const struct nftables_part *part)
{
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
                if (!is_sign_of(&signs[i], part, comparing->held->family))
                        continue;
                for (size_t w = 0; signs[i].words[w]; w++)
                        if (has_word(&comparing->words, signs[i].words[w]))
                                return true;
        }
        return false;
}

static bool has_verdict(const struct words *words, const struct nftables_part *part)
{
        switch (part->verdict) {
        case NF_ACCEPT:
                return has_pair(words, "-j", "ACCEPT");
        case NF_DROP:
                return has_pair(words, "-j", "DROP");
        case NFT_RETURN:
                return has_pair(words, "-j", "RETURN");
        case NFT_JUMP:
                return part->chain && has_pair(words, "-j", part->chain);
        case NFT_GOTO:
                return part->chain && has_pair(words, "-g", part->chain);
        default:
                return false;
        }
}

static const char *table_words(uint8_t family)
{
        return family == NFPROTO_IPV4 ? "iptables" : "ip6tables";
}

static int differ(const struct comparing *comparing, const char *what, const char *name)
{
        return err_set(
            comparing->err,
            "%s-nft-save shows less than the kernel holds: table %s, chain %s, rule "
            "%zu has %s %s, which \"-A %s%.200s\" lacks; is this tool older than the one "
            "that installed the rule?",
            table_words(comparing->held->family), comparing->held->table, comparing->held->name,
            comparing->number, what, name, comparing->held->name,
            words_raw(&comparing->words, 0, comparing->words.list.n));
}

static int compare_part(const struct comparing *comparing, const struct nftables_part *part)
{
        const struct words *words = &comparing->words;

        if (strcmp(part->name, "match") == 0)
                return has_extension(words, "-m", part->extension)
                           ? 0
                           : differ(comparing, "the match", part->extension);
        if (strcmp(part->name, "target") == 0)
                return has_extension(words, "-j", part->extension)
                           ? 0
                           : differ(comparing, "the target", part->extension);
        if (strcmp(part->name, "verdict") == 0)
                return has_verdict(words, part)
                           ? 0
                           : differ(comparing, "another verdict", part->chain ? part->chain : "");
        return has_sign(comparing, part) ? 0 : differ(comparing, "a test or action of", part->name);
}

static int compare_rules(struct comparing *comparing, struct arena *scratch)
{
        const struct nftables_chain *held = comparing->held;
        enum family family = held->family == NFPROTO_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;

        for (size_t i = 0; i < held->rules.n; i++) {
                _cleanup_strbuf_ struct strbuf text = {0};
                iptables_print_rule(family, &comparing->chain->rules.items[i], &text);
                comparing->number = i + 1;
                comparing->words = words_of(scratch, strbuf_text(&text));
                if (!words_next(&comparing->words))
                        comparing->words.list.n = 0;
                vec_foreach (const struct nftables_part, part, &held->rules.items[i].parts)
                        if (compare_part(comparing, part) < 0)
                                return -1;
                arena_reset(scratch);
        }
        return 0;
}

static bool hangs_where_it_should(const struct nftables_chain *held)
{
        static const char *const hooks[] = {
            [NF_INET_PRE_ROUTING] = "PREROUTING",   [NF_INET_LOCAL_IN] = "INPUT",
            [NF_INET_FORWARD] = "FORWARD",          [NF_INET_LOCAL_OUT] = "OUTPUT",
            [NF_INET_POST_ROUTING] = "POSTROUTING",
        };

        if (!held->is_base)
                return !chain_is_builtin(held->name);
        return held->hook < ARRAY_SIZE(hooks) && strcmp(hooks[held->hook], held->name) == 0;
}

static int compare_chain(const struct nftables_chain *held, const struct chain *chain,
                         struct arena *scratch, struct err *err)
{
        struct comparing comparing = {.held = held, .chain = chain, .err = err};
        const char *tool = table_words(held->family);
        const char *policy = held->policy == NF_DROP ? "DROP" : "ACCEPT";

        if (!hangs_where_it_should(held))
                return err_set(err,
                               "table %s, chain %s of %s does not hang on the hook of its name: "
                               "iptables cannot show what it does",
                               held->table, held->name, tool);
        if (!chain)
                return err_set(err,
                               "%s-nft-save shows less than the kernel holds: table %s, chain %s "
                               "with %zu rules is missing",
                               tool, held->table, held->name, held->rules.n);
        if (chain->rules.n != held->rules.n)
                return err_set(err,
                               "%s-nft-save shows other rules than the kernel holds: table %s, "
                               "chain %s has %zu rules, and %zu were shown",
                               tool, held->table, held->name, held->rules.n, chain->rules.n);
        if (held->is_base && (!chain->policy || strcmp(chain->policy, policy) != 0))
                return err_set(err,
                               "%s-nft-save shows another policy than the kernel holds: table %s, "
                               "chain %s has %s, and %s was shown",
                               tool, held->table, held->name, policy,
                               chain->policy ? chain->policy : "none");
        return compare_rules(&comparing, scratch);
}

/* Tables of iptables-nft's are told by their names alone; the kernel knows no difference. */
static bool is_iptables_table(uint8_t family, const char *name)
{
        static const char *const names[] = {"raw", "mangle", "nat", "filter", "security"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if ((family == NFPROTO_IPV4 || family == NFPROTO_IPV6) &&
                    strcmp(names[i], name) == 0)
                        return true;
        return false;
}

bool nftables_has_iptables(const struct nftables *held)
{
        vec_foreach (const struct nftables_chain, chain, &held->chains)
                if (is_iptables_table(chain->family, chain->table))
                        return true;
        return false;
}

static const char *place(struct arena *arena, enum family family, const char *table,
                         const char *chain)
{
        return arena_printf(arena, "%d/%s/%s", family, table, chain);
}

/* Built-in chains without a rule are shown whether they are there or not. */
static int refuse_invented(const struct ruleset *text, const struct map *held, struct arena *arena,
                           struct err *err)
{
        vec_foreach (const struct table, table, &text->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        if (!map_get(held, place(arena, table->family, table->name, chain->name)) &&
                            (chain->rules.n || !chain_is_builtin(chain->name)))
                                return err_set(err,
                                               "%s-nft-save shows table %s, chain %s, which the "
                                               "kernel does not hold",
                                               table->family == FAMILY_IPV4 ? "iptables"
                                                                            : "ip6tables",
                                               table->name, chain->name);
        return 0;
}

static int refuse_dormant(const struct nftables *held, struct err *err)
{
        vec_foreach (const struct nftables_table, table, &held->tables)
                if (table->dormant && is_iptables_table(table->family, table->name))
                        return err_set(err,
                                       "table %s of %s is dormant: the kernel holds its rules and "
                                       "runs none of them; `nft` can wake it",
                                       table->name, table_words(table->family));
        return 0;
}

int nftables_agree(const struct nftables *held, const struct ruleset *text, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new(), *scratch = arena_new();
        struct map *places = map_new(arena);

        if (refuse_dormant(held, err) < 0)
                return -1;
        vec_foreach (const struct nftables_chain, chain, &held->chains) {
                if (!is_iptables_table(chain->family, chain->table))
                        continue;
                enum family family = chain->family == NFPROTO_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
                const struct table *table = ruleset_table(text, family, chain->table);
                if (compare_chain(chain, table ? table_chain(table, chain->name) : NULL, scratch,
                                  err) < 0)
                        return -1;
                map_put(places, place(arena, family, chain->table, chain->name), places);
        }
        return refuse_invented(text, places, arena, err);
}

static const char *family_word(uint8_t family)
{
        static const struct {
                uint8_t family;
                const char *word;
        } words[] = {
            {NFPROTO_INET, "inet"},     {NFPROTO_IPV4, "ip"},       {NFPROTO_IPV6, "ip6"},
            {NFPROTO_BRIDGE, "bridge"}, {NFPROTO_NETDEV, "netdev"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (words[i].family == family)
                        return words[i].word;
        return NULL; /* of what is no IP */
}

static bool may_drop(const struct nftables_chain *chain)
{
        return chain->is_base && (chain->policy == NF_DROP || chain->rules.n > 0);
}

static void add_chains(const struct nftables *held, const struct nftables_table *table,
                       struct strbuf *out)
{
        vec_foreach (const struct nftables_chain, chain, &held->chains)
                if (chain->family == table->family && strcmp(chain->table, table->name) == 0 &&
                    may_drop(chain))
                        strbuf_printf(out, "%s%s", out->length ? ", " : "", chain->name);
}

void nftables_note_others(const struct nftables *held, struct strbuf *notes)
{
        vec_foreach (const struct nftables_table, table, &held->tables) {
                _cleanup_strbuf_ struct strbuf chains = {0};
                const char *family = family_word(table->family);
                if (!family || table->dormant || is_iptables_table(table->family, table->name))
                        continue;
                add_chains(held, table, &chains);
                if (chains.length)
                        strbuf_printf(notes,
                                      "nftables table %s %s (%s) is beside iptables' and not read: "
                                      "it may drop what these let pass\n",
                                      family, table->name, strbuf_text(&chains));
        }
}

/* Elements that time out go while they are counted. */
static bool comes_and_goes(const struct set *set)
{
        return set->options && strstr(set->options, "timeout");
}

static int compare_set(const struct ipset_size *held, const struct set *set, struct err *err)
{
        if (!set)
                return err_set(err,
                               "ipset save shows less than the kernel holds: set %s is missing",
                               held->name);
        if (held->counted && held->elements != set->elements.n && !comes_and_goes(set))
                return err_set(err,
                               "ipset save shows another set than the kernel holds: %s has %u "
                               "elements, and %zu were shown",
                               held->name, held->elements, set->elements.n);
        return 0;
}

int ipset_agree(const struct ipset_sizes *held, const struct ruleset *sets, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct map *by_name = map_new(arena);

        vec_foreach (struct set, set, &sets->sets)
                map_put(by_name, set->name, set);
        vec_foreach (const struct ipset_size, size, &held->list)
                if (compare_set(size, map_get(by_name, size->name), err) < 0)
                        return -1;
        if (held->list.n != sets->sets.n)
                return err_set(err, "ipset save shows %zu sets, and the kernel holds %zu",
                               sets->sets.n, held->list.n);
        return 0;
}
