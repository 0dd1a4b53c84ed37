#include "verify/difference/names.h"

#include <string.h>

/* Pods with equal labels in one namespace are taken for a workload, as no object says which they
 * are: what makes a Deployment's pods its own is their labels. */

struct workload {
        size_t n;         /* of pods */
        size_t first;     /* pair */
        size_t prefix;    /* how many characters their names have in common */
        const char *name; /* NULL where nothing names it alone, or there is one pod */
};

/* Pods and ends lie in the order of their namespaces. */
struct namespace_part {
        struct span pairs, ends;
};

struct names {
        const struct ends *ends;
        VEC(struct namespace_part) namespaces;
        size_t *workload_of; /* by pair */
        VEC(struct workload) workloads;
        size_t *counts;                 /* by workload; zero but while a namespace is named */
        bits_word *pods, *blocks;       /* which ends are the one, which the other */
        bits_word *of_family[FAMILIES]; /* ends that have it */
};

typedef VEC(const char *) name_list;

/* What is being named. */
struct naming {
        const struct names *names;
        const bits_word *in;
        bits_word *possible; /* ends that have a family with the other end */
        name_list list;
};

static const struct meta *meta_of(const struct ends *ends, size_t pair)
{
        return &ends->pairs.items[pair].pod[AFTER]->meta;
}

static size_t common_prefix(const char *a, const char *b, size_t most)
{
        size_t n = 0;

        while (n < most && a[n] && a[n] == b[n])
                n++;
        return n;
}

static struct span namespace_span(const struct ends *ends, size_t pair)
{
        struct span span = {pair, 0};
        const char *namespace = meta_of(ends, pair)->namespace;

        while (span.first > 0 && meta_of(ends, span.first - 1)->namespace == namespace)
                span.first--;
        while (span.first + span.n < ends->pairs.n &&
               meta_of(ends, span.first + span.n)->namespace == namespace)
                span.n++;
        return span;
}

static bool has_labels(const struct labels *all, const struct labels *wanted)
{
        for (size_t i = 0; i < wanted->n; i++)
                if (labels_get(all, wanted->items[i].key) != wanted->items[i].value)
                        return false;
        return true;
}

static const char *labels_text(struct arena *arena, const struct meta *meta)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_printf(&text, "%s/", meta->namespace);
        for (size_t i = 0; i < meta->labels.n; i++)
                strbuf_printf(&text, "%s%s=%s", i ? "," : "", meta->labels.items[i].key,
                              meta->labels.items[i].value);
        return arena_strdup(arena, strbuf_text(&text));
}

static void name_workload(const struct names *names, struct workload *workload)
{
        const struct ends *ends = names->ends;
        const struct meta *meta = meta_of(ends, workload->first);
        struct span span = namespace_span(ends, workload->first);
        size_t called = 0, labelled = 0;

        while (workload->prefix > 0 && meta->name[workload->prefix - 1] != '-')
                workload->prefix--;
        for (size_t i = span.first; i < span.first + span.n; i++) {
                called += strncmp(meta_of(ends, i)->name, meta->name, workload->prefix) == 0;
                labelled += has_labels(&meta_of(ends, i)->labels, &meta->labels);
        }
        if (workload->prefix > 0 && called == workload->n)
                workload->name = arena_printf(ends->arena, "%s/%.*s*", meta->namespace,
                                              (int)workload->prefix, meta->name);
        else if (meta->labels.n > 0 && labelled == workload->n)
                workload->name = labels_text(ends->arena, meta);
}

static void find_kinds(struct names *names)
{
        const struct ends *ends = names->ends;
        size_t n = ends->list.n;

        names->pods = bits_new(ends->arena, n);
        names->blocks = bits_new(ends->arena, n);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                names->of_family[family] = bits_new(ends->arena, n);
        for (size_t i = 0; i < n; i++) {
                bits_set(i < ends->n_pods ? names->pods : names->blocks, i);
                for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                        if (ends->list.items[i].family[family])
                                bits_set(names->of_family[family], i);
        }
}

static void find_namespaces(struct names *names)
{
        const struct ends *ends = names->ends;
        size_t next = 0;

        for (size_t i = 0; i < ends->pairs.n;) {
                const char *name = meta_of(ends, i)->namespace;
                struct namespace_part part = {namespace_span(ends, i), {next, 0}};
                while (next < ends->n_pods &&
                       ends->list.items[next].pod[AFTER]->meta.namespace == name)
                        next++;
                part.ends.n = next - part.ends.first;
                vec_push(ends->arena, &names->namespaces, part);
                i += part.pairs.n;
        }
}

struct names *names_new(const struct ends *ends)
{
        struct names *names = arena_new_object(ends->arena, struct names);
        struct intern *numbers = intern_new(ends->arena);
        _cleanup_strbuf_ struct strbuf key = {0};

        names->ends = ends;
        names->workload_of = arena_new_array(ends->arena, size_t, ends->pairs.n);
        for (size_t i = 0; i < ends->pairs.n; i++) {
                const struct meta *meta = meta_of(ends, i);
                key.length = 0;
                strbuf_add_bytes(&key, (const char *)&meta->namespace, sizeof(meta->namespace));
                if (meta->labels.n > 0)
                        strbuf_add_bytes(&key, (const char *)meta->labels.items,
                                         meta->labels.n * sizeof(*meta->labels.items));
                size_t number = intern_number(numbers, key.text, key.length);
                if (number == names->workloads.n) {
                        struct workload workload = {.first = i, .prefix = strlen(meta->name)};
                        vec_push(ends->arena, &names->workloads, workload);
                }
                struct workload *workload = &names->workloads.items[number];
                workload->n++;
                workload->prefix = common_prefix(meta_of(ends, workload->first)->name, meta->name,
                                                 workload->prefix);
                names->workload_of[i] = number;
        }
        names->counts = arena_new_array(ends->arena, size_t, names->workloads.n);
        find_kinds(names);
        find_namespaces(names);
        return names;
}

/* Found out when first wanted: most are never named. */
static const char *workload_name(const struct names *names, size_t number)
{
        struct workload *workload = &names->workloads.items[number];

        if (!workload->name && workload->n > 1)
                name_workload(names, workload);
        return workload->name;
}

static void add_name(struct naming *naming, const char *name)
{
        vec_push(naming->names->ends->arena, &naming->list, name);
}

/* Is every end of these that could be in it in it? False, too, where there is none. */
static bool has_all(const struct naming *naming, const bits_word *these)
{
        bool any = false;

        for (size_t i = 0; i < bits_words(naming->names->ends->list.n); i++) {
                bits_word possible = naming->possible[i] & these[i];
                any = any || possible;
                if (possible & ~naming->in[i])
                        return false;
        }
        return any;
}

static bool pair_in(const struct naming *naming, size_t pair)
{
        return bits_get(naming->in, naming->names->ends->pairs.items[pair].end);
}

/* Workloads of which every pod is in it, and the other pods one by one. */
static void name_workloads(struct naming *naming, struct span span)
{
        const struct names *names = naming->names;
        const struct ends *ends = names->ends;

        for (size_t i = span.first; i < span.first + span.n; i++) {
                size_t workload = names->workload_of[i];
                const struct meta *meta = meta_of(ends, i);
                const char *name = NULL;
                if (!pair_in(naming, i))
                        continue;
                if (names->counts[workload] == names->workloads.items[workload].n)
                        name = workload_name(names, workload);
                if (!name)
                        add_name(naming,
                                 arena_printf(ends->arena, "%s/%s", meta->namespace, meta->name));
                else if (names->workloads.items[workload].first == i)
                        add_name(naming, name);
        }
}

static void name_pods_of(struct naming *naming, struct span span)
{
        const struct names *names = naming->names;
        const struct ends *ends = names->ends;
        const char *namespace = meta_of(ends, span.first)->namespace;
        size_t in = 0, possible = 0;

        for (size_t i = span.first; i < span.first + span.n; i++) {
                possible += bits_get(naming->possible, ends->pairs.items[i].end);
                in += pair_in(naming, i);
                names->counts[names->workload_of[i]] += pair_in(naming, i);
        }
        if (in == possible && in > 1)
                add_name(naming, arena_printf(ends->arena, "%s/*", namespace));
        else if (in > 0)
                name_workloads(naming, span);
        for (size_t i = span.first; i < span.first + span.n; i++)
                names->counts[names->workload_of[i]] = 0;
}

static bool holds_any(const struct naming *naming, struct span ends)
{
        size_t end = ends.first + ends.n;

        return bits_next(naming->in, ends.first, end) < end;
}

static void name_pods(struct naming *naming)
{
        vec_foreach (const struct namespace_part, part, &naming->names->namespaces)
                if (holds_any(naming, part->ends))
                        name_pods_of(naming, part->pairs);
}

static const char *node_at(const struct ends *ends, const struct ip *ip)
{
        vec_foreach (const struct node_address, address, &ends->nodes[AFTER])
                if (ip_equal(&address->ip, ip))
                        return address->node;
        return NULL;
}

static const char *prefix_name(const struct ends *ends, const struct prefix *prefix)
{
        char text[PREFIX_TEXT_SIZE];
        const char *node;

        if (prefix->length < family_bits(prefix->ip.family))
                return arena_strdup(ends->arena, prefix_format(prefix, text));
        ip_format(&prefix->ip, text);
        node = node_at(ends, &prefix->ip);
        return node && *node ? arena_printf(ends->arena, "%s (node/%s)", text, node)
                             : arena_strdup(ends->arena, text);
}

/* The next interval from there on that is in it (or is not); those that are pods' or a link's alone
 * are neither. */
static size_t next_interval(const struct naming *naming, enum family family, bool in, size_t at)
{
        const struct ends *ends = naming->names->ends;
        size_t first = ends->first_interval[family], n = ends->lines[family].starts.n;

        if (in) {
                size_t next = bits_next(naming->in, first + at, first + n) - first;
                return next < n ? next : n;
        }
        while (at < n && (bits_get(ends->held[family], at) || bits_get(naming->in, first + at)))
                at++;
        return at;
}

struct run {
        struct ip first, last;
};
typedef VEC(struct run) run_list;

/* One family's addresses from low to high that are in it, or are not. What is neither joins what
 * lies on both its sides. */
static run_list runs_of(const struct naming *naming, enum family family, bool in,
                        const struct ip *low, const struct ip *high)
{
        const struct ends *ends = naming->names->ends;
        const struct line *line = &ends->lines[family];
        size_t end = line_at(line, high) + 1, next;
        run_list list = {0};

        for (size_t at = next_interval(naming, family, in, line_at(line, low)); at < end;
             at = next) {
                size_t last_in = at, other = next_interval(naming, family, !in, at);
                for (next = at; next < end && next < other;
                     next = next_interval(naming, family, in, next + 1))
                        last_in = next;
                struct ip first = line->starts.items[at], last = line_last(line, last_in);
                struct run run = {ip_compare(&first, low) < 0 ? *low : first,
                                  ip_compare(&last, high) > 0 ? *high : last};
                vec_push(ends->arena, &list, run);
        }
        return list;
}

/* The smallest that covers them all. */
static struct prefix cover_of(const run_list *list)
{
        struct prefix cover = prefix_host(&list->items[0].first);

        while (!prefix_contains(&cover, &list->items[list->n - 1].last))
                cover = prefix_of(&cover.ip, (uint8_t)(cover.length - 1));
        return cover;
}

/* "10.0.0.0/8", or where no one prefix is the same, "10.0.0.0-10.0.2.255". */
static const char *run_name(const struct ends *ends, const struct run *run)
{
        char first[IP_TEXT_SIZE], last[IP_TEXT_SIZE];
        prefix_list prefixes = {0};

        prefixes_of_range(ends->arena, &run->first, &run->last, &prefixes);
        if (prefixes.n == 1)
                return prefix_name(ends, &prefixes.items[0]);
        return arena_printf(ends->arena, "%s-%s", ip_format(&run->first, first),
                            ip_format(&run->last, last));
}

static void name_family(struct naming *naming, enum family family)
{
        const struct ends *ends = naming->names->ends;
        struct ip low = {.family = (uint8_t)family};
        struct ip high = prefix_last(&(struct prefix){.ip = low, .length = 0});
        run_list in = runs_of(naming, family, true, &low, &high);
        _cleanup_strbuf_ struct strbuf text = {0};

        if (in.n == 0)
                return;
        struct prefix cover = cover_of(&in);
        high = prefix_last(&cover);
        run_list out = runs_of(naming, family, false, &cover.ip, &high);
        if (in.n < out.n + 1) {
                vec_foreach (const struct run, run, &in)
                        add_name(naming, run_name(ends, run));
                return;
        }
        strbuf_add(&text, prefix_name(ends, &cover));
        for (size_t i = 0; i < out.n; i++)
                strbuf_printf(&text, "%s%s", i ? " and " : " except ",
                              run_name(ends, &out.items[i]));
        add_name(naming, arena_strdup(ends->arena, strbuf_text(&text)));
}

static void find_possible(struct naming *naming, const bits_word *other,
                          const bool families[FAMILIES])
{
        const struct names *names = naming->names;
        size_t n = names->ends->list.n;
        bits_word *shared = bits_new(names->ends->arena, n);

        naming->possible = bits_new(names->ends->arena, n);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                bits_copy(shared, other, n);
                bits_and(shared, names->of_family[family], n);
                if (families[family] && !bits_are_none(shared, n))
                        bits_or(naming->possible, names->of_family[family], n);
        }
}

void names_give(struct names *names, const bits_word *in, const bits_word *other,
                const bool families[FAMILIES], struct group *group)
{
        struct naming naming = {.names = names, .in = in};

        find_possible(&naming, other, families);
        bool pods = has_all(&naming, names->pods);
        bool blocks = has_all(&naming, names->blocks);
        if (pods && blocks) {
                add_name(&naming, "anywhere");
        } else {
                if (pods && names->namespaces.n > 1)
                        add_name(&naming, "every pod");
                else
                        name_pods(&naming);
                if (blocks)
                        add_name(&naming, "outside");
                for (enum family family = FAMILY_IPV4; !blocks && family < FAMILIES; family++)
                        name_family(&naming, family);
        }
        group->names = naming.list.items;
        group->n_names = naming.list.n;
}
