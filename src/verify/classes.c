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

#define FIRST_SLOTS    1024
#define MAX_NESTED     130 /* one for each length of a prefix, and one more */
#define MEMBERS_TO_ADD ((size_t)8192)

struct address {
        address_key key;
        uint32_t n;  /* how many memberships */
        uint32_t at; /* in what is grouped: behind the last one placed */
};

/* An address is one of a feature's. */
struct membership {
        uint32_t address, feature;
};

struct members {
        struct members *next;
        size_t n;
        struct membership items[MEMBERS_TO_ADD];
};

struct splitter {
        struct arena *scratch; /* of all but this struct */
        enum family family;
        address_key step;
        size_t n_features;
        VEC(struct address) addresses;
        uint32_t *slots; /* address + 1; 0: empty; open addressing */
        size_t n_slots;  /* a power of two, at least twice the addresses */
        struct members *members;
        VEC(struct keyed) events; /* feature << 1, + 1 where its range begins, else behind it */
};

struct splitter *splitter_new(struct arena *arena, enum family family)
{
        struct splitter *splitter = arena_new_object(arena, struct splitter);

        splitter->scratch = arena_new();
        splitter->family = family;
        splitter->step = address_key_step(family);
        splitter->n_slots = FIRST_SLOTS;
        splitter->slots = arena_new_array(splitter->scratch, uint32_t, FIRST_SLOTS);
        return splitter;
}

size_t splitter_add_feature(struct splitter *splitter)
{
        return splitter->n_features++;
}

static uint64_t mix(uint64_t z)
{
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
}

static size_t slot_of(const struct splitter *splitter, address_key key)
{
        uint64_t folded = (uint64_t)(key >> 64) ^ (uint64_t)key * 0x9e3779b97f4a7c15;

        return (size_t)mix(folded) & (splitter->n_slots - 1);
}

static void slots_double(struct splitter *splitter)
{
        splitter->n_slots *= 2;
        splitter->slots = arena_new_array(splitter->scratch, uint32_t, splitter->n_slots);
        for (size_t i = 0; i < splitter->addresses.n; i++) {
                size_t slot = slot_of(splitter, splitter->addresses.items[i].key);

                while (splitter->slots[slot])
                        slot = (slot + 1) & (splitter->n_slots - 1);
                splitter->slots[slot] = (uint32_t)i + 1;
        }
}

static uint32_t intern_address(struct splitter *splitter, address_key key)
{
        size_t slot = slot_of(splitter, key);

        for (uint32_t found; (found = splitter->slots[slot]) > 0;
             slot = (slot + 1) & (splitter->n_slots - 1))
                if (splitter->addresses.items[found - 1].key == key)
                        return found - 1;
        uint32_t number = (uint32_t)splitter->addresses.n;
        vec_push(splitter->scratch, &splitter->addresses, (struct address){.key = key});
        splitter->slots[slot] = number + 1;
        if (splitter->addresses.n > splitter->n_slots / 2)
                slots_double(splitter);
        return number;
}

static void add_address(struct splitter *splitter, size_t feature, address_key key)
{
        struct members *members = splitter->members;
        uint32_t address = intern_address(splitter, key);

        splitter->addresses.items[address].n++;
        if (!members || members->n == MEMBERS_TO_ADD) {
                members = arena_new_object(splitter->scratch, struct members);
                members->next = splitter->members;
                splitter->members = members;
        }
        members->items[members->n++] =
            (struct membership){.address = address, .feature = (uint32_t)feature};
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
        add_keys(splitter, feature, address_key_of(&prefix->ip), address_key_last(prefix));
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

void splitter_add_set(struct splitter *splitter, size_t feature, const struct set *set,
                      bool (*pick)(const struct set_element *element, void *data), void *data)
{
        struct nest nest = {.splitter = splitter, .feature = feature};

        if (set->family != splitter->family)
                return;
        vec_foreach (const struct set_element, element, &set->elements)
                if (!pick || pick(element, data))
                        nest_open(&nest, element);
        while (nest.depth > 0)
                nest_close(&nest);
}

/* Lists of features by address, addresses as they lie on the line. */
struct singles {
        const struct keyed *items; /* value: the address's number */
        size_t n;
        uint32_t *features; /* of an address: its n in front of its at */
};

static void sort_keyed(struct arena *scratch, struct keyed *items, size_t n)
{
        keyed_sort(items, arena_new_array(scratch, struct keyed, n), n);
}

static struct singles group_members(struct splitter *splitter)
{
        size_t n = splitter->addresses.n;
        struct address *addresses = splitter->addresses.items;
        struct keyed *sorted = arena_new_array(splitter->scratch, struct keyed, n);
        uint32_t at = 0;

        for (size_t i = 0; i < n; i++)
                sorted[i] = (struct keyed){.key = addresses[i].key, .value = (uint32_t)i};
        sort_keyed(splitter->scratch, sorted, n);
        for (size_t i = 0; i < n; i++) {
                struct address *address = &addresses[sorted[i].value];
                address->at = at;
                at += address->n;
        }
        uint32_t *features = arena_new_array(splitter->scratch, uint32_t, at);
        for (const struct members *members = splitter->members; members; members = members->next)
                for (size_t i = 0; i < members->n; i++)
                        features[addresses[members->items[i].address].at++] =
                            members->items[i].feature;
        return (struct singles){.items = sorted, .n = n, .features = features};
}

/* The way along the line. */
struct sweep {
        struct splitter *splitter;
        struct singles singles;
        size_t next_single, next_event;
        struct signatures *signatures;
        bits_word *open;     /* features with a range that is open here */
        uint32_t *n_open;    /* by feature: ranges of one may overlap */
        uint64_t open_hash;  /* the sum of their mixed numbers */
        bool open_known;     /* open_class is theirs */
        uint32_t open_class; /* of addresses in no feature but these */
        VEC(struct class_range) ranges;
        VEC(struct ip) examples;
        VEC(bool) single_examples; /* examples that were given on their own */
};

static uint64_t feature_hash(size_t feature)
{
        return mix((feature + 1) * 0x9e3779b97f4a7c15);
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
                    event->value & 1 ? feature_hash(feature) : -feature_hash(feature);
                sweep->open_known = false;
        }
}

static uint32_t single_class(struct sweep *sweep, const struct address *address)
{
        bits_word *row = signatures_row(sweep->signatures);
        uint64_t hash = sweep->open_hash;

        bits_copy(row, sweep->open, sweep->splitter->n_features);
        for (uint32_t i = address->at - address->n; i < address->at; i++) {
                uint32_t feature = sweep->singles.features[i];

                if (bits_get(row, feature))
                        continue;
                bits_set(row, feature);
                hash += feature_hash(feature);
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
        struct ip ip = address_key_ip(first, sweep->splitter->family);

        if (sweep->ranges.n == 0 || sweep->ranges.items[sweep->ranges.n - 1].class != class)
                vec_push(sweep->splitter->scratch, &sweep->ranges,
                         ((struct class_range){.first = ip, .class = class}));
        if (class == sweep->examples.n) {
                vec_push(sweep->splitter->scratch, &sweep->examples, ip);
                vec_push(sweep->splitter->scratch, &sweep->single_examples, single);
        } else if (single && !sweep->single_examples.items[class]) {
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
                        note_interval(
                            sweep, at,
                            single_class(sweep, &sweep->splitter->addresses.items[single->value]),
                            true);
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
            .n_open = arena_new_array(scratch, uint32_t, splitter->n_features),
        };

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
