#include "verify/space.h"

#include <string.h>

#include "verify/links.h"

/* Where the caller knows nothing of the node, its object and its host's pods tell its addresses. */
static struct sim_node node_of(struct arena *arena, const struct cluster *cluster,
                               const struct prove_options *options)
{
        struct sim_node node = options->node_facts;
        const struct node *object = cluster_node(cluster, options->node);
        VEC(struct ip) ips = {0};

        for (size_t i = 0; i < node.n_locals; i++)
                vec_push(arena, &ips, node.locals[i]);
        for (size_t i = 0; object && i < object->addresses.n; i++)
                vec_push(arena, &ips, object->addresses.items[i]);
        vec_foreach (const struct pod, pod, &cluster->pods)
                for (size_t i = 0; i < pod->ips.n; i++)
                        if (pod->host_network && !pod_finished(pod) &&
                            strcmp(pod->node, options->node) == 0)
                                vec_push(arena, &ips, pod->ips.items[i]);
        vec_sort(&ips, ip_compare_items);
        node.known = true;
        node.locals = ips.items;
        node.n_locals = ips.n;
        return node;
}

/* --- features of the space's own --- */

struct own_features {
        size_t local, never[AXES];
        size_t n; /* of the program */
};

/* Of the node's links: no object tells them, so policies say nothing of them that could be
 * compared. penstock's rules treat them as it does 255.255.255.255. */
static void add_broadcasts(const struct space *space, struct splitter *splitter, size_t feature)
{
        for (size_t i = 0; i < space->node.n_broadcasts; i++) {
                struct prefix host = prefix_host(&space->node.broadcasts[i]);
                if (host.ip.family == space->family && host.ip.bytes[0] != 255)
                        splitter_add_prefix(splitter, feature, &host);
        }
}

/* What the kernel takes for no source, or sends nowhere (ip_route_input_slow(), ip6_rcv_core(),
 * ip6_forward()): no such packet comes to a hook behind routing. */
static struct own_features add_features(struct space *space, struct splitter *splitter)
{
        static const char *const sources[] = {
            "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32",
            "::/128",    "::1/128",     "ff00::/8"};
        static const char *const destinations[] = {"0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128"};
        struct own_features features = {.local = splitter_add_feature(splitter)};

        features.n = features.local;
        for (size_t i = 0; i < space->node.n_locals; i++) {
                struct prefix host = prefix_host(&space->node.locals[i]);
                if (host.ip.family == space->family)
                        splitter_add_prefix(splitter, features.local, &host);
        }
        features.never[AXIS_SOURCE] = splitter_add_feature(splitter);
        splitter_add_prefixes(splitter, features.never[AXIS_SOURCE], sources, ARRAY_SIZE(sources));
        features.never[AXIS_DESTINATION] = splitter_add_feature(splitter);
        splitter_add_prefixes(splitter, features.never[AXIS_DESTINATION], destinations,
                              ARRAY_SIZE(destinations));
        add_broadcasts(space, splitter, features.never[AXIS_DESTINATION]);
        return features;
}

/* --- the order of classes --- */

static size_t round_up(size_t n)
{
        return bits_words(n) * BITS_WORD;
}

/* The pods' classes first, in the order of their addresses in the cluster; the next word begins the
 * rest. Classes between are nobody's. */
static size_t *order_classes(struct space *space, const struct address_classes *classes,
                             size_t *ret_pods)
{
        size_t *to = arena_new_array(space->arena, size_t, classes->n);
        size_t n = 0;

        for (size_t i = 0; i < classes->n; i++)
                to[i] = SIZE_MAX;
        vec_foreach (const struct pod, pod, &space->cluster->pods) {
                const struct ip *ip = pod_takes_part(pod) ? pod_ip(pod, space->family) : NULL;
                if (!ip || strcmp(pod->node, space->options->node) != 0)
                        continue;
                size_t class = address_class(classes, ip);
                if (to[class] == SIZE_MAX)
                        to[class] = n++;
        }
        *ret_pods = n;
        n = round_up(n);
        for (size_t i = 0; i < classes->n; i++)
                if (to[i] == SIZE_MAX)
                        to[i] = n++;
        return to;
}

static const bits_word *reorder(struct arena *arena, const bits_word *bits, size_t n,
                                const size_t *to, size_t width)
{
        bits_word *new = bits_new(arena, width);

        for (size_t i = 0; i < bits_words(n); i++)
                for (bits_word left = bits[i]; left; left &= left - 1)
                        bits_set(new, to[i * BITS_WORD + (size_t)__builtin_ctzll(left)]);
        return new;
}

static struct address_classes *reorder_classes(struct space *space,
                                               const struct address_classes *classes)
{
        struct arena *arena = space->arena;
        struct address_classes *new = arena_new_object(arena, struct address_classes);
        size_t *to = order_classes(space, classes, &space->n_pods);
        size_t width = round_up(space->n_pods) + classes->n - space->n_pods;
        const bits_word **features = arena_new_array(arena, const bits_word *, classes->n_features);
        struct ip *examples = arena_new_array(arena, struct ip, width);
        struct class_range *ranges =
            arena_copy(arena, classes->ranges, classes->n_ranges * sizeof(*classes->ranges));

        *new = *classes;
        new->n = width;
        for (size_t i = 0; i < classes->n_features; i++)
                features[i] = reorder(arena, classes->features[i], classes->n, to, width);
        for (size_t i = 0; i < classes->n; i++)
                examples[to[i]] = classes->examples[i];
        for (size_t i = 0; i < classes->n_ranges; i++)
                ranges[i].class = (uint32_t)to[ranges[i].class];
        new->features = features;
        new->examples = examples;
        new->ranges = ranges;
        return new;
}

/* Of a class that is most of the world, an address that a reader takes for one of it (RFC 5737, RFC
 * 3849). */
static void choose_examples(struct space *space)
{
        static const char *const texts[] = {"198.51.100.1", "2001:db8::198:51:100:1"};
        struct ip *examples = (struct ip *)(uintptr_t)space->classes->examples, ip;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                if (!ip_parse(texts[i], &ip) || ip.family != space->family)
                        continue;
                size_t class = address_class(space->classes, &ip);
                if (!cluster_pod_at(space->cluster, &examples[class]))
                        examples[class] = ip;
        }
}

/* --- points and stretches --- */

static void make_stretches(struct space *space)
{
        size_t pods = round_up(space->n_pods), n = space->classes->n;
        bits_word *local = bits_full(space->arena, space->n_pods ? space->n_pods : 1);

        if (space->n_pods == 0)
                local[0] = 0;
        space->stretches[STRETCH_LOCAL] =
            (struct stretch){.n_words = bits_words(space->n_pods), .all = local};
        bits_word *rest = bits_full(space->arena, n);
        space->stretches[STRETCH_REST] = (struct stretch){
            .first_word = pods / BITS_WORD,
            .n_words = bits_words(n) - pods / BITS_WORD,
            .all = rest + pods / BITS_WORD,
        };
        for (size_t i = 0; i < bits_words(n) - pods / BITS_WORD; i++)
                rest[pods / BITS_WORD + i] &= ~space->own[pods / BITS_WORD + i];
        bits_word *transit = bits_new(space->arena, n);
        bits_copy(transit, rest, n);
        bits_and_not(transit, meaning_link_local(space->meaning), n);
        bits_and_not(transit, space->never[AXIS_SOURCE], n);
        bits_and_not(transit, space->never[AXIS_DESTINATION], n);
        space->stretches[STRETCH_TRANSIT] = space->stretches[STRETCH_REST];
        space->stretches[STRETCH_TRANSIT].all = transit + pods / BITS_WORD;
}

static void add_points(struct space *space)
{
        struct evaluator *evaluator = space->evaluator;
        bool asks =
            space->cases.interfaces[0].n_patterns > 0 || space->cases.interfaces[1].n_patterns > 0;

        space->pods = arena_new_array(space->arena, struct place_of_pod, space->subjects.n + 1);
        space->by_class =
            arena_new_array(space->arena, const struct place_of_pod *, space->n_pods + 1);
        for (size_t i = 0; i < space->subjects.n; i++) {
                space->pods[i].subject = &space->subjects.items[i];
                space->pods[i].point =
                    evaluator_add_class(evaluator, space->subjects.items[i].class);
                if (space->options->link_of && asks)
                        links_of_pod(space, &space->pods[i]);
                space->by_class[space->subjects.items[i].class] = &space->pods[i];
        }
        for (size_t class = 0; class < space->classes->n; class ++) {
                if (bits_get(space->own, class)) {
                        vec_push(space->arena, &space->own_classes, class);
                        vec_push(space->arena, &space->own_points,
                                 evaluator_add_class(evaluator, class));
                } else if (bits_get(meaning_link_local(space->meaning), class)) {
                        vec_push(space->arena, &space->link_classes, class);
                        vec_push(space->arena, &space->link_points,
                                 evaluator_add_class(evaluator, class));
                } else if (bits_get(meaning_many(space->meaning), class)) {
                        vec_push(space->arena, &space->many_classes, class);
                        vec_push(space->arena, &space->many_points,
                                 evaluator_add_class(evaluator, class));
                }
        }
        space->transit = evaluator_add_stretch(evaluator, STRETCH_TRANSIT);
}

static void find_members(struct space *space)
{
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                space->members[d] =
                    arena_new_array(space->arena, bits_word *, space->subjects.n_groups[d] + 1);
                for (size_t i = 0; i < space->subjects.n_groups[d]; i++)
                        space->members[d][i] = bits_new(space->arena, space->classes->n);
        }
        space->isolated = bits_new(space->arena, space->classes->n);
        for (size_t i = 0; i < space->subjects.n; i++) {
                const struct subject *subject = &space->subjects.items[i];
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        if (!subject->isolated[d])
                                continue;
                        bits_set(space->isolated, subject->class);
                        bits_set(space->members[d][subject->group[d]], subject->class);
                }
        }
}

/* --- SCTP --- */

static bool rules_name_sctp(const struct policy_rules *rules)
{
        for (size_t i = 0; i < rules->n; i++)
                for (size_t k = 0; k < rules->items[i].ports.n; k++)
                        if (rules->items[i].ports.items[k].protocol == PROTOCOL_SCTP)
                                return true;
        return false;
}

/* SCTP is cut in midstream where the isolated pods, or what isolates them, speak of it. */
static bool pod_names_sctp(const struct space *space, const struct pod *pod)
{
        struct span span = cluster_policies_of(space->cluster, pod->meta.namespace);
        bool isolated = false;

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct network_policy *policy = &space->cluster->policies.items[i];
                if (!selector_matches(&policy->pod_selector, &pod->meta.labels))
                        continue;
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        isolated = isolated || policy->rules[d].isolates;
                        if (policy->rules[d].isolates && rules_name_sctp(&policy->rules[d]))
                                return true;
                }
        }
        for (size_t i = 0; isolated && i < pod->ports.n; i++)
                if (pod->ports.items[i].protocol == PROTOCOL_SCTP)
                        return true;
        return false;
}

static bool names_sctp(const struct space *space)
{
        vec_foreach (const struct pod, pod, &space->cluster->pods)
                if (pod_takes_part(pod) && strcmp(pod->node, space->options->node) == 0 &&
                    pod_names_sctp(space, pod))
                        return true;
        return false;
}

void space_make(struct space *space, struct arena *arena, const struct cluster *cluster,
                const struct enforced *enforced, const struct prove_options *options,
                enum family family, bool arrivals)
{
        const struct policy_options policy = {.own_node_egress = options->own_node_egress,
                                              .node = options->node};
        struct splitter *splitter = splitter_new(arena, family);

        *space = (struct space){.arena = arena,
                                .family = family,
                                .cluster = cluster,
                                .enforced = enforced,
                                .options = options,
                                .has_arrivals = arrivals,
                                .node = node_of(arena, cluster, options)};
        space->program = program_new(arena, enforced, &space->node, family, splitter);
        for (enum sim_hook hook = HOOK_PREROUTING; hook <= HOOK_POSTROUTING; hook++) {
                space->hooks[hook] = program_hook(space->program, hook);
                space->marks[hook] = (struct arriving_marks){.n = 1};
                if (hook < HOOK_INPUT || hook > HOOK_OUTPUT)
                        continue;
                space->marks[hook] = marks_arriving(arena, enforced, family, hook);
                if (arrivals && (space->marks[hook].n > 1 || space->marks[hook].any))
                        space->arrivals[hook] = program_arrival(space->program, hook);
        }
        struct own_features own = add_features(space, splitter);
        space->meaning = meaning_new(arena, cluster, &policy, family, splitter);
        space->classes = reorder_classes(space, splitter_split(arena, splitter));
        choose_examples(space);
        program_settle(space->program, own.n);
        meaning_settle(space->meaning, space->classes);
        space->subjects = meaning_subjects(space->meaning);
        space->own = bits_new(arena, space->classes->n);
        bits_or(space->own, space->classes->features[own.local], space->classes->n);
        bits_or(space->own, meaning_own_node(space->meaning), space->classes->n);
        for (enum axis axis = AXIS_SOURCE; axis <= AXIS_DESTINATION; axis++)
                space->never[axis] =
                    (bits_word *)(uintptr_t)space->classes->features[own.never[axis]];
        make_stretches(space);
        find_members(space);
        struct case_options cases = {.meaning = space->meaning,
                                     .sctp_in_midstream = names_sctp(space)};
        space->cases = cases_make(space->program, &cases);
        space->evaluator = evaluator_new(space->program, space->classes, space->stretches);
        add_points(space);
}

const struct place_of_pod *space_pod(const struct space *space, size_t class)
{
        return class < space->n_pods ? space->by_class[class] : NULL;
}

void space_done(struct space *space)
{
        evaluator_free(space->evaluator);
}

/* --- what is expected --- */

static void keep_slice(const struct stretch *stretch, bits_word *ret, const bits_word *bits,
                       bool invert)
{
        for (size_t i = 0; i < stretch->n_words; i++)
                ret[i] &= invert ? ~bits[stretch->first_word + i] : bits[stretch->first_word + i];
}

/* Egress of the node's pods towards one class. */
static void expect_egress(struct space *space, const struct evaluation *evaluation,
                          size_t destination, enum protocol protocol, bits_word *ret)
{
        const struct stretch *stretch = &space->stretches[evaluation->stretch];
        uint16_t port = evaluation->packet_case->packet.destination_port;

        for (size_t g = 0; g < space->subjects.n_groups[DIRECTION_EGRESS]; g++)
                if (!bits_get(meaning_allows(space->meaning, DIRECTION_EGRESS, g, protocol, port),
                              destination))
                        keep_slice(stretch, ret, space->members[DIRECTION_EGRESS][g], true);
}

static void expect_forwarded(struct space *space, const struct evaluation *evaluation,
                             const struct subject *subject, size_t fixed_class, bits_word *ret)
{
        const struct packet_case *packet_case = evaluation->packet_case;
        const struct stretch *stretch = &space->stretches[evaluation->stretch];
        enum direction direction =
            evaluation->axis == AXIS_SOURCE ? DIRECTION_INGRESS : DIRECTION_EGRESS;
        enum protocol protocol = case_protocol(packet_case, space->family);

        if (subject && subject->isolated[direction])
                keep_slice(stretch, ret,
                           meaning_allows(space->meaning, direction, subject->group[direction],
                                          protocol, packet_case->packet.destination_port),
                           false);
        if (evaluation->axis == AXIS_SOURCE && evaluation->stretch == STRETCH_LOCAL)
                expect_egress(space, evaluation, fixed_class, protocol, ret);
        if (subject && evaluation->stretch == STRETCH_LOCAL)
                bits_set(ret, subject->class); /* itself */
}

/* Addresses of a link alone, and of many at once, where a pod of the node is isolated. */
static void expect_of_link(struct space *space, const struct evaluation *evaluation,
                           const struct subject *subject, size_t fixed_class, bits_word *ret)
{
        const struct stretch *stretch = &space->stretches[evaluation->stretch];
        const bits_word *link = meaning_link_local(space->meaning);
        const bits_word *many = meaning_many(space->meaning);
        bool from_pod_to_many = evaluation->axis == AXIS_SOURCE &&
                                evaluation->stretch == STRETCH_LOCAL && bits_get(many, fixed_class);

        if (!meaning_any_isolated(space->meaning))
                return;
        if (bits_get(link, fixed_class) || from_pod_to_many)
                memset(ret, 0, stretch->n_words * sizeof(*ret));
        keep_slice(stretch, ret, link, true);
        if (evaluation->axis == AXIS_DESTINATION && subject)
                keep_slice(stretch, ret, many, true);
}

static void expect_midstream(struct space *space, const struct evaluation *evaluation,
                             size_t fixed_class, bits_word *ret)
{
        const struct stretch *stretch = &space->stretches[evaluation->stretch];

        if (bits_get(space->isolated, fixed_class))
                memset(ret, 0, stretch->n_words * sizeof(*ret));
        keep_slice(stretch, ret, space->isolated, true);
}

/* Between a pod and its node nothing is denied, but egress where that is asked for; the node's own
 * packets are held back only in midstream then. */
static bool expect_at_node(struct space *space, enum sim_hook hook,
                           const struct evaluation *evaluation, size_t fixed_class, bits_word *ret)
{
        const struct packet_case *packet_case = evaluation->packet_case;

        if (!space->options->own_node_egress)
                return true;
        if (packet_case->expectation == EXPECT_MIDSTREAM)
                expect_midstream(space, evaluation, fixed_class, ret);
        if (hook == HOOK_OUTPUT || packet_case->expectation == EXPECT_MIDSTREAM)
                return true;
        expect_egress(space, evaluation, fixed_class, case_protocol(packet_case, space->family),
                      ret);
        return false;
}

bool space_expect(struct space *space, enum sim_hook hook, const struct evaluation *evaluation,
                  const struct subject *subject, size_t fixed_class, bits_word *ret)
{
        const struct stretch *stretch = &space->stretches[evaluation->stretch];
        enum expectation expectation = evaluation->packet_case->expectation;

        memcpy(ret, stretch->all, stretch->n_words * sizeof(*ret));
        if (expectation == EXPECT_PASS || fixed_class == SIZE_MAX)
                return true;
        if (hook == HOOK_INPUT || hook == HOOK_OUTPUT)
                return expect_at_node(space, hook, evaluation, fixed_class, ret);
        if (expectation == EXPECT_MIDSTREAM)
                expect_midstream(space, evaluation, fixed_class, ret);
        else
                expect_forwarded(space, evaluation, subject, fixed_class, ret);
        expect_of_link(space, evaluation, subject, fixed_class, ret);
        return expectation == EXPECT_MIDSTREAM ||
               !(subject || evaluation->stretch == STRETCH_LOCAL);
}
