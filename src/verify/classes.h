#pragma once

#include "rules/ruleset.h"
#include "verify/bits.h"

/* One family's addresses, split into classes: two addresses are of one class where every feature
 * takes in both or neither. A feature is anything that asks about an address: a set, a rule's
 * prefix, what a selector selects. Rules and meaning both name theirs; whatever either of them says
 * is then said of whole classes at once, and a proof over classes is a proof over all addresses.
 *
 *     struct splitter *splitter = splitter_new(arena, FAMILY_IPV4);
 *     size_t feature = splitter_add_feature(splitter);
 *     splitter_add_prefix(splitter, feature, &prefix);
 *     struct address_classes *classes = splitter_split(arena, splitter);
 *     bits_get(classes->features[feature], address_class(classes, &ip))
 *
 * The idea: all first and last addresses cut the number line into intervals; an interval's
 * signature is the list of features that take it in; intervals with the same signature, compared
 * whole, are one class. Work and memory grow with the number of ranges given (and with classes ×
 * features / 8 bytes of bits), not with addresses. */

struct splitter;

struct splitter *splitter_new(struct arena *arena, enum family family);
size_t splitter_add_feature(struct splitter *splitter); /* 0, 1, 2, … */
/* Ranges of one feature may overlap and touch; one whose last address lies in front of its first
 * holds none. All addresses are of the splitter's family. */
void splitter_add_range(struct splitter *splitter, size_t feature, const struct ip *first,
                        const struct ip *last);
void splitter_add_prefix(struct splitter *splitter, size_t feature, const struct prefix *prefix);
/* Of texts ("224.0.0.0/4"); those of the other family are passed over. */
void splitter_add_prefixes(struct splitter *splitter, size_t feature, const char *const *texts,
                           size_t n);
/* What a finished set takes in, by the (first) prefix of its elements: the longest that contains an
 * address decides, be it a member or a nomatch (of hash:ip and bitmap:ip all are of one length).
 * In a set with more dimensions only elements for which pick() says so count, as if there were no
 * others; where one prefix is both among these, it is a member. pick NULL: all. A set of the other
 * family takes in nothing. */
void splitter_add_set(struct splitter *splitter, size_t feature, const struct set *set,
                      bool (*pick)(const struct set_element *element, void *data), void *data);

struct address_classes {
        enum family family;
        size_t n; /* at least 1 */
        size_t n_features;
        const bits_word *const *features; /* by feature: its classes */
        /* Any address of the class: where it holds one, an address that was given as a range of
         * its own (a pod's), the lowest of these. */
        const struct ip *examples;
        const struct class_range *ranges; /* sorted, without gaps, of the whole number line */
        size_t n_ranges;
};

struct class_range {
        struct ip first; /* to the next one's first */
        uint32_t class;
};

/* Lives in arena, classes numbered as they come on the number line; the splitter is used up. Each
 * splitter must be split, which frees what it gathered. */
struct address_classes *splitter_split(struct arena *arena, struct splitter *splitter);
size_t address_class(const struct address_classes *classes, const struct ip *ip);
