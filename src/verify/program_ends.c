#include "verify/program_ends.h"

#include <inttypes.h>

#include "verify/address_types.h"

#define MAX_MEMBERS 64   /* sets in a list:set; one with more is not understood */
#define MAX_PAIRS   4096 /* protocols and ports that a set names; one with more is not, either */

/* The feature of that name; new where *ret_new says so: its ranges are then the caller's to add.
 * Its position in the map is one more than it says: 0 is the map's word for "absent". */
static size_t feature_named(struct program *program, const char *key, bool *ret_new)
{
        size_t position = (size_t)(uintptr_t)map_get(program->known_features, key);

        *ret_new = position == 0;
        if (*ret_new) {
                position = splitter_add_feature(program->splitter) + 1;
                map_put(program->known_features, key, (void *)(uintptr_t)position);
        }
        return position - 1;
}

static size_t prefix_feature(struct program *program, const struct prefix *prefix)
{
        char text[PREFIX_TEXT_SIZE];
        const char *key = arena_printf(program->arena, "prefix %s", prefix_format(prefix, text));
        bool is_new;

        size_t feature = feature_named(program, key, &is_new);
        if (is_new)
                splitter_add_prefix(program->splitter, feature, prefix);
        return feature;
}

static size_t range_feature(struct program *program, const struct ip *first, const struct ip *last)
{
        char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
        const char *key = arena_printf(program->arena, "range %s-%s", ip_format(first, from),
                                       ip_format(last, to));
        bool is_new;

        size_t feature = feature_named(program, key, &is_new);
        if (is_new && ip_compare(first, last) <= 0)
                splitter_add_range(program->splitter, feature, first, last);
        return feature;
}

static void add_address(struct program *program, struct step *step, enum axis axis, bool invert,
                        size_t feature)
{
        struct address_test test = {axis, invert, feature};

        vec_push(program->arena, &step->addresses, test);
}

void step_ask_type(struct program *program, struct step *step, const struct match *match,
                   enum axis axis)
{
        const uint32_t listed =
            ADDRESS_MULTICAST | ADDRESS_BROADCAST | ADDRESS_LOCAL | ADDRESS_UNICAST;
        uint32_t types = match->address_type.types;
        bool limited = match->address_type.limit_in || match->address_type.limit_out, doubt = false;

        if (types & ~listed) {
                step->unknown = true;
                return;
        }
        const char *name =
            arena_printf(program->arena, "type %" PRIu32 "%s", types, limited ? " of a link" : "");
        const char *or_not = arena_printf(program->arena, "%s, perhaps", name);
        bool is_new;
        size_t surely = feature_named(program, name, &is_new);
        size_t perhaps = feature_named(program, or_not, &is_new);
        doubt = address_types_add(program->splitter, program->node, program->family, types, limited,
                                  is_new, surely, perhaps);
        step->unknown = step->unknown || doubt;
        add_address(program, step, axis, match->invert, match->invert ? surely : perhaps);
}

static bool is_plain_set(const struct set *set)
{
        return set->type == SET_HASH_IP || set->type == SET_HASH_NET || set->type == SET_BITMAP_IP;
}

static bool is_pair_set(const struct set *set)
{
        return set->type == SET_HASH_IP_PORT || set->type == SET_HASH_NET_PORT;
}

static size_t set_feature(struct program *program, const struct set *set)
{
        const char *key = arena_printf(program->arena, "set %s", set->name);
        bool is_new;
        size_t feature = feature_named(program, key, &is_new);
        if (is_new)
                splitter_add_set(program->splitter, feature, set, NULL, NULL);
        return feature;
}

static bool has_key(const struct set_element *element, void *data)
{
        const struct pair_key *key = data;

        return element->protocol == key->protocol && element->port == key->port;
}

static int compare_keys(const void *a, const void *b)
{
        const struct pair_key *x = a, *y = b;

        return x->protocol != y->protocol ? (int)x->protocol - (int)y->protocol
                                          : (int)x->port - (int)y->port;
}

static struct question pair_question(struct program *program, const struct set *set,
                                     enum axis port_end)
{
        struct question question = {.kind = QUESTION_PAIR, .port_end = port_end};
        VEC(struct pair_key) keys = {0};
        size_t n = 0;

        vec_foreach (const struct set_element, element, &set->elements) {
                struct pair_key key = {element->protocol, element->port};
                vec_push(program->arena, &keys, key);
        }
        vec_sort(&keys, compare_keys);
        for (size_t i = 0; i < keys.n; i++)
                if (i == 0 || compare_keys(&keys.items[n - 1], &keys.items[i]) != 0)
                        keys.items[n++] = keys.items[i];
        question.keys = keys.items;
        question.n_keys = n > MAX_PAIRS ? 0 : n;
        question.too_many = n > MAX_PAIRS;
        return question;
}

static void add_pair(struct program *program, struct step *step, const struct match *match,
                     const struct set *set)
{
        enum axis port_end = match->set.ends[1] == SET_SOURCE ? AXIS_SOURCE : AXIS_DESTINATION;
        struct pair_test test = {
            .axis = match->set.ends[0] == SET_SOURCE ? AXIS_SOURCE : AXIS_DESTINATION,
            .invert = match->invert,
        };
        const char *name = arena_printf(program->arena, "pair %d %s", port_end, set->name);

        if (!program_question_known(program, name, &test.question)) {
                struct question asked = pair_question(program, set, port_end);
                test.question = program_add_question(program, name, &asked);
        }
        const struct question *question = &program->questions.items[test.question];
        if (question->too_many) {
                step->unknown = true;
                return;
        }
        size_t *features = arena_new_array(program->arena, size_t, question->n_keys);
        test.features = features;
        test.n = question->n_keys;
        for (size_t i = 0; i < test.n; i++) {
                const char *key = arena_printf(program->arena, "set %s %u %u", set->name,
                                               question->keys[i].protocol, question->keys[i].port);
                bool is_new;
                features[i] = feature_named(program, key, &is_new);
                if (is_new)
                        splitter_add_set(program->splitter, features[i], set, has_key,
                                         &question->keys[i]);
                step->unknown = step->unknown || has_unmodelled_ports(question->keys[i].protocol);
        }
        vec_push(program->arena, &step->pairs, test);
}

/* A list of plain sets takes in what any of them does. */
static bool list_feature(struct program *program, const struct set *list, size_t *ret)
{
        const struct set *members[MAX_MEMBERS];
        size_t n = 0;
        bool is_new;

        vec_foreach (const struct set_element, element, &list->elements) {
                const struct set *member =
                    element->more && element->more->member && n < MAX_MEMBERS
                        ? ruleset_set(program->enforced->sets, element->more->member)
                        : NULL;
                if (!member || !is_plain_set(member) || !member->plain)
                        return false;
                members[n++] = member;
        }
        *ret = feature_named(program, arena_printf(program->arena, "set %s", list->name), &is_new);
        for (size_t i = 0; is_new && i < n; i++)
                if (members[i]->family == program->family)
                        splitter_add_set(program->splitter, *ret, members[i], NULL, NULL);
        return true;
}

/* One of another family's never matches. */
static size_t nothing(struct program *program)
{
        bool is_new;

        return feature_named(program, "nothing", &is_new);
}

/* As ip_set_test() begins: a set of another family, or of more dimensions than the rule names ends,
 * takes in nothing; ends beyond the set's dimensions are not looked at. */
static bool takes_in_nothing(const struct program *program, const struct set *set,
                             const struct match *match)
{
        return set->family != program->family || match->set.n_ends < (is_pair_set(set) ? 2 : 1);
}

void step_ask_set(struct program *program, struct step *step, const struct match *match)
{
        const struct set *set = ruleset_set(program->enforced->sets, match->set.name);
        enum axis axis = match->set.ends[0] == SET_SOURCE ? AXIS_SOURCE : AXIS_DESTINATION;
        bool known = set && set->plain && !match->set.options && match->set.n_ends > 0;
        size_t feature;

        if (known && set->type == SET_LIST && list_feature(program, set, &feature))
                add_address(program, step, axis, match->invert, feature);
        else if (!known || (!is_plain_set(set) && !is_pair_set(set)))
                step->unknown = true;
        else if (takes_in_nothing(program, set, match))
                add_address(program, step, axis, match->invert, nothing(program));
        else if (is_plain_set(set))
                add_address(program, step, axis, match->invert, set_feature(program, set));
        else
                add_pair(program, step, match, set);
}

void step_ask_prefix(struct program *program, struct step *step, const struct match *match,
                     enum axis axis)
{
        size_t feature = match->prefix.ip.family == program->family
                             ? prefix_feature(program, &match->prefix)
                             : nothing(program);

        add_address(program, step, axis, match->invert, feature);
}

void step_ask_range(struct program *program, struct step *step, const struct match *match,
                    enum axis axis)
{
        add_address(program, step, axis, match->invert,
                    range_feature(program, &match->range.first, &match->range.last));
}
