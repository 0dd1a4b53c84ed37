#include "verify/classes.h"

#include <string.h>

#include "base/vec.h"
#include "verify/address_key.h"
#include "verify/signatures.h"

/* Nearly all that is given are single addresses, pods in sets: ten thousand of them, each in forty
 * features. They are interned as they come, so that only distinct ones are sorted. Wide ranges
 * would cover most of the line many times over and are never spelled out: one sweep from the first
 * address to the last keeps the row of features whose ranges are open, and where a single address
 * stands, its own features are added to a copy of that row. */

#define FIRST_SLOTS  1024
#define MAX_NESTED   130  /* one for each length of a prefix, and one more */
#define MEMBERS_HELD 8192 /* 32 KiB */
#define MAX_PENDING  32

/* An address, in a table with open addressing. Where it is empty, its number is 0. */
struct slot {
        address_key key;
        uint32_t number; /* + 1 */
};

/* Addresses by number, of one feature after the other: as runs have it. */
struct members {
        struct members *next;
        uint32_t items[MEMBERS_HELD];
};

struct run {
        uint32_t feature;
        size_t n;
};

struct pending {
        address_key key;
        uint64_t hash;
        size_t feature;
};

struct splitter {
        struct arena *scratch; /* of all but this struct */
        enum family family;
        unsigned bits; /* of an address */
        address_key step;
        size_t n_features;
        /* What came last is not yet interned: by the time it is, its slot is in the cache, which
         * with 100,000 pods takes a third off the whole. */
        struct pending pending[MAX_PENDING];
        size_t n_pending;
        struct slot *slots;
        size_t n_slots;        /* a power of two, at least twice the addresses */
        VEC(address_key) keys; /* of addresses, by number */
        struct members *members, *members_end;
        size_t n_members;
        VEC(struct run) runs;
        VEC(struct keyed) events; /* feature << 1, + 1 where its range begins, else behind it */
};

struct splitter *splitter_new(struct arena *arena, enum family family)
{
        struct splitter *splitter = arena_new_object(arena, struct splitter);

        splitter->scratch = arena_new();
        splitter->family = family;
        splitter->bits = family_bits(family);
        splitter->step = address_key_step(family);
        splitter->n_slots = FIRST_SLOTS;
        splitter->slots = arena_new_array(splitter->scratch, struct slot, FIRST_SLOTS);
        return splitter;
}

size_t splitter_add_feature(struct splitter *splitter)
{
        return splitter->n_features++;
}

/* One multiplication of the halves, of which both halves count: networks often differ in a few bits
 * in the middle. */
static uint64_t key_hash(address_key key)
{
        unsigned __int128 product =
            (unsigned __int128)((uint64_t)(key >> 64) ^ 0x9e3779b97f4a7c15) *
            ((uint64_t)key ^ 0xbf58476d1ce4e5b9);

        return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static struct slot *slot_of(const struct splitter *splitter, uint64_t hash)
{
        return &splitter->slots[hash & (splitter->n_slots - 1)];
}

static struct slot *slot_behind(const struct splitter *splitter, struct slot *slot)
{
        return ++slot == splitter->slots + splitter->n_slots ? splitter->slots : slot;
}

static void slots_double(struct splitter *splitter)
{
        splitter->n_slots *= 2;
        splitter->slots = arena_new_array(splitter->scratch, struct slot, splitter->n_slots);
        for (size_t i = 0; i < splitter->keys.n; i++) {
                struct slot *slot = slot_of(splitter, key_hash(splitter->keys.items[i]));

                while (slot->number)
                        slot = slot_behind(splitter, slot);
                *slot = (struct slot){.key = splitter->keys.items[i], .number = (uint32_t)i + 1};
        }
}

static uint32_t intern_address(struct splitter *splitter, address_key key, uint64_t hash)
{
        struct slot *slot = slot_of(splitter, hash);

        for (; slot->number; slot = slot_behind(splitter, slot))
                if (slot->key == key)
                        return slot->number - 1;
        vec_push(splitter->scratch, &splitter->keys, key);
        uint32_t number = (uint32_t)splitter->keys.n;
        *slot = (struct slot){.key = key, .number = number};
        if (splitter->keys.n > splitter->n_slots / 2)
                slots_double(splitter);
        return number - 1;
}

static void add_member(struct splitter *splitter, size_t feature, uint32_t address)
{
        size_t at = splitter->n_members++ % MEMBERS_HELD;

        if (at == 0) {
                struct members *members = arena_new_object(splitter->scratch, struct members);
                if (splitter->members)
                        splitter->members_end->next = members;
                else
                        splitter->members = members;
                splitter->members_end = members;
        }
        splitter->members_end->items[at] = address;
        if (splitter->runs.n > 0 && splitter->runs.items[splitter->runs.n - 1].feature == feature)
                splitter->runs.items[splitter->runs.n - 1].n++;
        else
                vec_push(splitter->scratch, &splitter->runs,
                         ((struct run){.feature = (uint32_t)feature, .n = 1}));
}

static void intern_pending(struct splitter *splitter)
{
        for (size_t i = 0; i < splitter->n_pending; i++)
                add_member(
                    splitter, splitter->pending[i].feature,
                    intern_address(splitter, splitter->pending[i].key, splitter->pending[i].hash));
        splitter->n_pending = 0;
}

static void add_address(struct splitter *splitter, size_t feature, address_key key)
{
        uint64_t hash = key_hash(key);

        if (splitter->n_pending == MAX_PENDING)
                intern_pending(splitter);
        __builtin_prefetch(slot_of(splitter, hash));
        splitter->pending[splitter->n_pending++] =
            (struct pending){.key = key, .hash = hash, .feature = feature};
}

static void add_keys(struct splitter *splitter, size_t feature, address_key first, address_key last)
{
        if (first == last) {
                add_address(splitter, feature, first);
                return;
        }
        uint32_t closes = (uint32_t)feature << 1;
        vec_push(splitter->scratch, &splitter->events,
                 ((struct keyed){.key = first, .value = closes | 1}));
        /* What lasts to the end of the line is never closed. */
        if ((address_key)(last + splitter->step) != 0)
                vec_push(splitter->scratch, &splitter->events,
                         ((struct keyed){.key = last + splitter->step, .value = closes}));
}

void splitter_add_range(struct splitter *splitter, size_t feature, const struct ip *first,
                        const struct ip *last)
{
        address_key from = address_key_of(first), to = address_key_of(last);

        if (from <= to)
                add_keys(splitter, feature, from, to);
}

void splitter_add_prefix(struct splitter *splitter, size_t feature, const struct prefix *prefix)
{
        if (prefix->length == splitter->bits)
                add_address(splitter, feature, address_key_of(&prefix->ip));
        else
                add_keys(splitter, feature, address_key_of(&prefix->ip), address_key_last(prefix));
}

void splitter_add_prefixes(struct splitter *splitter, size_t feature, const char *const *texts,
                           size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct prefix prefix;
                if (prefix_parse(texts[i], &prefix, NULL) && prefix.ip.family == splitter->family)
                        splitter_add_prefix(splitter, feature, &prefix);
        }
}

/* Prefixes that hold one another, from the widest to the one that decides now. */
struct nest {
        struct splitter *splitter;
        size_t feature;
        struct {
                const struct prefix *prefix;
                address_key last;
                bool member;
        } open[MAX_NESTED];
        size_t depth;
        address_key at; /* all in front of it is said */
        bool ended;     /* … up to the end of the line */
};

/* Up to last, as the innermost prefix has it. */
static void nest_say(struct nest *nest, address_key last)
{
        if (nest->ended || last < nest->at)
                return;
        if (nest->open[nest->depth - 1].member)
                add_keys(nest->splitter, nest->feature, nest->at, last);
        nest->at = last + nest->splitter->step;
        nest->ended = nest->at == 0;
}

static void nest_close(struct nest *nest)
{
        nest_say(nest, nest->open[nest->depth - 1].last);
        nest->depth--;
}

static void nest_open(struct nest *nest, const struct set_element *element)
{
        address_key first = address_key_of(&element->prefix.ip);

        while (nest->depth > 0 && nest->open[nest->depth - 1].last < first)
                nest_close(nest);
        if (nest->depth > 0) {
                if (prefix_equal(nest->open[nest->depth - 1].prefix, &element->prefix)) {
                        nest->open[nest->depth - 1].member |= !element->nomatch;
                        return;
                }
                if (first > nest->at)
                        nest_say(nest, first - nest->splitter->step);
        }
        nest->at = first;
        nest->open[nest->depth].prefix = &element->prefix;
        nest->open[nest->depth].last = address_key_last(&element->prefix);
        nest->open[nest->depth].member = !element->nomatch;
        nest->depth++;
}

static bool has_nomatch(const struct set *set)
{
        vec_foreach (const struct set_element, element, &set->elements)
                if (element->nomatch)
                        return true;
        return false;
}

void splitter_add_set(struct splitter *splitter, size_t feature, const struct set *set,
                      bool (*pick)(const struct set_element *element, void *data), void *data)
{
        struct nest nest = {.splitter = splitter, .feature = feature};
        bool nested = has_nomatch(set);

        if (set->family != splitter->family)
                return;
        vec_foreach (const struct set_element, element, &set->elements) {
                if (pick && !pick(element, data))
                        continue;
                if (nested)
                        nest_open(&nest, element);
                else
                        splitter_add_prefix(splitter, feature, &element->prefix);
        }
        while (nest.depth > 0)
                nest_close(&nest);
}

/* Lists of features by address, addresses as they lie on the line. */
struct singles {
        const struct keyed *items; /* value: the address's number */
        size_t n;
        uint32_t *features;
        const uint32_t *ends;  /* in features, by number: behind an address's own, … */
        const uint32_t *sizes; /* … of which there are so many */
};

static void sort_keyed(struct arena *scratch, struct keyed *items, size_t n)
{
        keyed_sort(items, arena_new_array(scratch, struct keyed, n), n);
}

static struct keyed *sort_addresses(const struct splitter *splitter)
{
        size_t n = splitter->keys.n;
        struct keyed *sorted = arena_new_array(splitter->scratch, struct keyed, n);

        for (size_t i = 0; i < n; i++)
                sorted[i] = (struct keyed){.key = splitter->keys.items[i], .value = (uint32_t)i};
        sort_keyed(splitter->scratch, sorted, n);
        return sorted;
}

static void count_members(const struct splitter *splitter, uint32_t *sizes)
{
        size_t left = splitter->n_members;

        for (const struct members *members = splitter->members; members; members = members->next)
                for (size_t i = 0; i < MEMBERS_HELD && left > 0; i++, left--)
                        sizes[members->items[i]]++;
}

/* ends: where each address's features begin; moves it to where they end. */
static void place_members(const struct splitter *splitter, uint32_t *features, uint32_t *ends)
{
        const struct members *members = splitter->members;
        size_t at = 0;

        vec_foreach (const struct run, run, &splitter->runs)
                for (size_t i = 0; i < run->n; i++, at++) {
                        if (at == MEMBERS_HELD) {
                                members = members->next;
                                at = 0;
                        }
                        features[ends[members->items[at]]++] = run->feature;
                }
}

static struct singles group_members(const struct splitter *splitter)
{
        size_t n = splitter->keys.n;
        struct keyed *sorted = sort_addresses(splitter);
        uint32_t *features = arena_new_array(splitter->scratch, uint32_t, splitter->n_members);
        uint32_t *ends = arena_new_array(splitter->scratch, uint32_t, n);
        uint32_t *sizes = arena_new_array(splitter->scratch, uint32_t, n);
        uint32_t at = 0;

        count_members(splitter, sizes);
        for (size_t i = 0; i < n; i++) {
                ends[sorted[i].value] = at;
                at += sizes[sorted[i].value];
        }
        place_members(splitter, features, ends);
        return (struct singles){
            .items = sorted,
            .n = n,
            .features = features,
            .ends = ends,
            .sizes = sizes,
        };
}

/* The way along the line. */
struct sweep {
        struct splitter *splitter;
        struct singles singles;
        size_t next_single, next_event;
        struct signatures *signatures;
        bits_word *open;     /* features with a range that is open here */
        uint32_t *n_open;    /* by feature: ranges of one may overlap */
        uint64_t open_hash;  /* the sum of their hashes */
        uint64_t *hashes;    /* by feature */
        bool open_known;     /* open_class is theirs */
        uint32_t open_class; /* of addresses in no feature but these */
        VEC(struct class_range) ranges;
        VEC(struct ip) examples;
        VEC(bool) single_examples; /* examples that were given on their own */
};

/* SplitMix64. */
static uint64_t mix(uint64_t z)
{
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
}

static uint64_t *feature_hashes(struct arena *scratch, size_t n)
{
        uint64_t *hashes = arena_new_array(scratch, uint64_t, n);

        for (size_t i = 0; i < n; i++)
                hashes[i] = mix((i + 1) * 0x9e3779b97f4a7c15);
        return hashes;
}

/* Opens and closes what begins and ends right here. */
static void sweep_events(struct sweep *sweep, address_key at)
{
        const struct splitter *splitter = sweep->splitter;

        for (; sweep->next_event < splitter->events.n; sweep->next_event++) {
                const struct keyed *event = &splitter->events.items[sweep->next_event];
                size_t feature = event->value >> 1;

                if (event->key != at)
                        return;
                if (event->value & 1 ? sweep->n_open[feature]++ > 0 : --sweep->n_open[feature] > 0)
                        continue;
                sweep->open[feature / BITS_WORD] ^= (bits_word)1 << feature % BITS_WORD;
                sweep->open_hash +=
                    event->value & 1 ? sweep->hashes[feature] : -sweep->hashes[feature];
                sweep->open_known = false;
        }
}

static uint32_t single_class(struct sweep *sweep, uint32_t address)
{
        uint32_t end = sweep->singles.ends[address];
        bits_word *row = signatures_row(sweep->signatures);
        uint64_t hash = sweep->open_hash;

        bits_copy(row, sweep->open, sweep->splitter->n_features);
        for (uint32_t i = end - sweep->singles.sizes[address]; i < end; i++) {
                uint32_t feature = sweep->singles.features[i];

                if (bits_get(row, feature))
                        continue;
                bits_set(row, feature);
                hash += sweep->hashes[feature];
        }
        return signatures_intern(sweep->signatures, hash);
}

static uint32_t open_class(struct sweep *sweep)
{
        if (!sweep->open_known) {
                bits_copy(signatures_row(sweep->signatures), sweep->open,
                          sweep->splitter->n_features);
                sweep->open_class = signatures_intern(sweep->signatures, sweep->open_hash);
                sweep->open_known = true;
        }
        return sweep->open_class;
}

static void note_interval(struct sweep *sweep, address_key first, uint32_t class, bool single)
{
        bool known = class < sweep->examples.n;
        bool better = single && known && !sweep->single_examples.items[class];
        bool same = sweep->ranges.n > 0 && sweep->ranges.items[sweep->ranges.n - 1].class == class;

        if (known && !better && same)
                return;
        struct ip ip = address_key_ip(first, sweep->splitter->family);
        if (!same)
                vec_push(sweep->splitter->scratch, &sweep->ranges,
                         ((struct class_range){.first = ip, .class = class}));
        if (!known) {
                vec_push(sweep->splitter->scratch, &sweep->examples, ip);
                vec_push(sweep->splitter->scratch, &sweep->single_examples, single);
        } else if (better) {
                sweep->examples.items[class] = ip;
                sweep->single_examples.items[class] = true;
        }
}

/* The nearest cut behind at; 0 where there is none. */
static address_key next_cut(const struct sweep *sweep)
{
        address_key cut = 0;

        if (sweep->next_event < sweep->splitter->events.n)
                cut = sweep->splitter->events.items[sweep->next_event].key;
        if (sweep->next_single < sweep->singles.n) {
                address_key single = sweep->singles.items[sweep->next_single].key;
                if (cut == 0 || single < cut)
                        cut = single;
        }
        return cut;
}

static void sweep_line(struct sweep *sweep)
{
        address_key at = 0;

        do {
                const struct keyed *single = &sweep->singles.items[sweep->next_single];

                sweep_events(sweep, at);
                if (sweep->next_single < sweep->singles.n && single->key == at) {
                        sweep->next_single++;
                        note_interval(sweep, at, single_class(sweep, single->value), true);
                        at += sweep->splitter->step;
                } else {
                        note_interval(sweep, at, open_class(sweep), false);
                        at = next_cut(sweep);
                }
        } while (at != 0);
}

struct address_classes *splitter_split(struct arena *arena, struct splitter *splitter)
{
        struct address_classes *classes = arena_new_object(arena, struct address_classes);
        struct arena *scratch = splitter->scratch;
        struct sweep sweep = {
            .splitter = splitter,
            .signatures = signatures_new(scratch, splitter->n_features),
            .open = bits_new(scratch, splitter->n_features),
            .hashes = feature_hashes(scratch, splitter->n_features),
            .n_open = arena_new_array(scratch, uint32_t, splitter->n_features),
        };

        intern_pending(splitter);
        sweep.singles = group_members(splitter);
        sort_keyed(scratch, splitter->events.items, splitter->events.n);
        sweep_line(&sweep);
        *classes = (struct address_classes){
            .family = splitter->family,
            .n = signatures_n(sweep.signatures),
            .n_features = splitter->n_features,
            .features = signatures_columns(sweep.signatures, arena),
            .examples = arena_copy(arena, sweep.examples.items,
                                   sweep.examples.n * sizeof(*sweep.examples.items)),
            .ranges =
                arena_copy(arena, sweep.ranges.items, sweep.ranges.n * sizeof(*sweep.ranges.items)),
            .n_ranges = sweep.ranges.n,
        };
        arena_free(scratch);
        splitter->scratch = NULL;
        return classes;
}

size_t address_class(const struct address_classes *classes, const struct ip *ip)
{
        size_t low = 0, high = classes->n_ranges;

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (ip_compare(&classes->ranges[middle].first, ip) <= 0)
                        low = middle;
                else
                        high = middle;
        }
        return classes->ranges[low].class;
}
