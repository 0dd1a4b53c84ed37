#include "kube/load.h"

#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/strbuf.h"
#include "kube/decode/decode.h"
#include "kube/read/json.h"
#include "kube/read/paths.h"
#include "kube/read/yaml.h"

/* From documents to objects. Items of a list come while the list is being read. kubectl prints
 * "items" before "kind", and only the kind of the list says what an item is that does not say so
 * itself: such items are copied and wait. */

struct loader {
        struct cluster *cluster;
        struct decode_context context;
        struct arena *scratch;
        struct map *skipped; /* "Deployment.apps" → size_t */
        struct strbuf name;  /* such a one, being put together */
        size_t files, objects, documents;
        /* of the document that is being read */
        bool has_items, overflow;
        struct arena *waiting;
        struct value *first_waiting, *last_waiting;
};

static void refuse(struct loader *loader, unsigned line, const char *why)
{
        problems_add(loader->context.problems, (struct place){loader->context.file, line}, "%s",
                     why);
}

static size_t problem_count(const struct loader *loader)
{
        return loader->context.problems->list.n + loader->context.problems->more;
}

static void count_skipped(struct loader *loader, const struct value *object)
{
        const char *version = value_member_text(object, "apiVersion");
        const char *slash = strchr(version, '/');

        loader->name.length = 0;
        strbuf_add(&loader->name, value_member_text(object, "kind"));
        if (slash)
                strbuf_printf(&loader->name, ".%.*s", (int)(slash - version), version);
        size_t *count = map_get(loader->skipped, loader->name.text);
        if (!count) {
                count = arena_new_object(loader->scratch, size_t);
                map_put(loader->skipped, loader->name.text, count);
        }
        ++*count;
}

static bool ends_in_list(const char *kind)
{
        size_t length = strlen(kind);

        return length >= 4 && strcmp(kind + length - 4, "List") == 0;
}

/* A list that would be of ours: it is a mistake where such a one has no items. */
static bool is_own_list(const char *kind)
{
        if (strcmp(kind, "List") == 0)
                return true;
        for (size_t i = 0; i < OBJECT_KINDS; i++) {
                size_t length = strlen(api_kinds[i].kind);

                if (strncmp(api_kinds[i].kind, kind, length) == 0 &&
                    strcmp(kind + length, "List") == 0)
                        return true;
        }
        return false;
}

static void load_list(struct loader *loader, const struct value *list);

static void load_object(struct loader *loader, const struct value *object)
{
        const struct value *items = value_member(object, "items");

        if ((items && items->kind == VALUE_LIST) ||
            is_own_list(value_member_text(object, "kind"))) {
                load_list(loader, object);
                return;
        }
        struct object decoded;

        switch (decode_object(&loader->context, object, &decoded)) {
        case DECODE_DONE:
                cluster_add(loader->cluster, &decoded);
                loader->objects++;
                break;
        case DECODE_SKIPPED_KIND:
                count_skipped(loader, object);
                break;
        case DECODE_INVALID:
                break;
        }
}

static bool says_what_it_is(const struct value *item)
{
        return item->kind != VALUE_MAP || value_member(item, "kind") ||
               value_member(item, "apiVersion");
}

/* An item that does not say what it is, as what its list says: a Pod of v1 in a PodList of v1. */
static void load_item_of(struct loader *loader, const struct value *list, const struct value *item)
{
        const char *list_kind = value_member_text(list, "kind");
        struct value version = {
            .kind = VALUE_STRING,
            .line = item->line,
            .key = "apiVersion",
            .text = value_member_text(list, "apiVersion"),
            .next = item->first,
        };
        struct value kind = {
            .kind = VALUE_STRING,
            .line = item->line,
            .key = "kind",
            .text =
                intern_bytes(loader->context.intern, list_kind, strlen(list_kind) - strlen("List")),
            .next = &version,
        };
        struct value typed = *item;

        typed.first = &kind;
        load_object(loader, &typed);
}

static bool refuse_list(struct loader *loader, const struct value *list, const struct value *items)
{
        const char *kind = value_member_text(list, "kind");
        const char *why = NULL;

        if (!*kind)
                why = "kind not set";
        else if (!ends_in_list(kind))
                why = arena_printf(loader->scratch, "%.100s: .items: only a list has items", kind);
        else if (!items)
                why = arena_printf(loader->scratch, "%.100s: .items: Required value", kind);
        else if (items->kind != VALUE_LIST && items->kind != VALUE_NULL)
                why =
                    arena_printf(loader->scratch, "%.100s: .items: cannot unmarshal %s into a list",
                                 kind, value_kind_name(items->kind));
        if (why)
                refuse(loader, items ? items->line : list->line, why);
        return why;
}

/* Items that stand in the tree: of a list in a list, or of a YAML list with an anchor. */
static void load_list(struct loader *loader, const struct value *list)
{
        const struct value *items = value_member(list, "items");

        if (refuse_list(loader, list, items))
                return;
        for (const struct value *item = items->first; item; item = item->next)
                if (says_what_it_is(item))
                        load_object(loader, item);
                else
                        load_item_of(loader, list, item);
}

static void wait_for_kind(struct loader *loader, const struct value *item)
{
        if (loader->overflow)
                return;
        struct value *copy = value_copy(loader->waiting, item);
        if (loader->last_waiting)
                loader->last_waiting->next = copy;
        else
                loader->first_waiting = copy;
        loader->last_waiting = copy;
        if (arena_size(loader->waiting) <= LOAD_MAX_WAITING_BYTES)
                return;
        loader->overflow = true;
        refuse(loader, item->line,
               "too many items without a kind before the list's own: put the list's kind first");
}

static void forget_waiting(struct loader *loader)
{
        if (loader->first_waiting)
                arena_reset(loader->waiting);
        loader->first_waiting = loader->last_waiting = NULL;
        loader->overflow = false;
}

static void visit_item(void *context, const struct value *document, const struct value *item)
{
        struct loader *loader = context;

        loader->has_items = true;
        if (says_what_it_is(item))
                load_object(loader, item);
        else if (ends_in_list(value_member_text(document, "kind")) &&
                 *value_member_text(document, "apiVersion"))
                load_item_of(loader, document, item);
        else
                wait_for_kind(loader, item);
}

static void load_waiting(struct loader *loader, const struct value *list)
{
        if (loader->overflow || refuse_list(loader, list, value_member(list, "items")))
                return;
        for (const struct value *item = loader->first_waiting; item; item = item->next)
                load_item_of(loader, list, item);
}

static void visit_document(void *context, const struct value *document)
{
        struct loader *loader = context;

        loader->documents++;
        if (document && loader->has_items)
                load_waiting(loader, document);
        else if (document)
                load_object(loader, document);
        forget_waiting(loader);
        loader->has_items = false;
}

static void load_input(struct loader *loader, struct input *input)
{
        const struct document_visitor visitor = {loader, visit_item, visit_document};
        const struct document_reader reader = {input, loader->context.problems, &visitor};

        loader->files++;
        if (!input_is_json(input) || json_read(&reader) == JSON_YAML)
                yaml_read(&reader);
}

static void load_file(struct loader *loader, const struct path_file *file)
{
        struct input input;
        int fd = paths_open(file, loader->context.problems);

        if (fd < 0)
                return;
        loader->context.file = intern_text(loader->context.intern, file->path);
        input_from_fd(&input, fd, loader->context.file);
        load_input(loader, &input);
        input_done(&input);
        if (fd != STDIN_FILENO)
                close(fd);
}

static void load_path(struct loader *loader, struct path_files *files, const char *path)
{
        size_t first = files->list.n, problems = problem_count(loader);
        size_t documents = loader->documents;

        paths_find(files, path, loader->context.problems);
        for (size_t i = first; i < files->list.n && i < LOAD_MAX_FILES; i++)
                load_file(loader, &files->list.items[i]);
        if (loader->documents == documents && problem_count(loader) == problems) {
                loader->context.file = intern_text(loader->context.intern, path);
                refuse(loader, 0, "no objects in it");
        }
}

static struct loader loader_begin(struct cluster *cluster, const char *default_namespace,
                                  struct problems *problems)
{
        struct arena *scratch = arena_new();

        return (struct loader){
            .cluster = cluster,
            .context = {.arena = cluster->arena,
                        .intern = cluster->intern,
                        .problems = problems,
                        .default_namespace = default_namespace},
            .scratch = scratch,
            .skipped = map_new(scratch),
            .waiting = arena_new(),
        };
}

static int compare_entries(const void *a, const void *b)
{
        return strcmp(((const struct map_entry *)a)->key, ((const struct map_entry *)b)->key);
}

static void report(const struct loader *loader, struct load_stats *ret)
{
        struct arena *arena = loader->cluster->arena;
        size_t n = map_size(loader->skipped);
        struct map_entry *entries =
            arena_copy(loader->scratch, map_entries(loader->skipped), n * sizeof(*entries));

        *ret = (struct load_stats){.files = loader->files, .objects = loader->objects};
        sort_items(entries, n, sizeof(*entries), compare_entries);
        for (size_t i = 0; i < n; i++) {
                vec_push(arena, &ret->skipped_kinds, arena_strdup(arena, entries[i].key));
                vec_push(arena, &ret->skipped_counts, *(size_t *)entries[i].value);
        }
}

static int loader_end(struct loader *loader, size_t problems, struct load_stats *stats)
{
        bool good = problem_count(loader) == problems;

        if (good)
                report(loader, stats);
        arena_free(loader->scratch);
        arena_free(loader->waiting);
        strbuf_done(&loader->name);
        return good ? 0 : -1;
}

int load_paths(struct cluster *cluster, const char *const *paths, size_t n,
               const char *default_namespace, struct problems *problems, struct load_stats *stats)
{
        struct loader loader = loader_begin(cluster, default_namespace, problems);
        struct path_files files = {.arena = loader.scratch};
        size_t before = problem_count(&loader);
        bool has_stdin = false;

        for (size_t i = 0; i < n; i++) {
                bool is_stdin = strcmp(paths[i], "-") == 0;

                if (is_stdin && has_stdin)
                        problems_add(problems, (struct place){.file = "-"},
                                     "standard input can be read only once");
                else
                        load_path(&loader, &files, paths[i]);
                has_stdin |= is_stdin;
        }
        return loader_end(&loader, before, stats);
}

int load_text(struct cluster *cluster, const char *text, size_t length, const char *file,
              const char *default_namespace, struct problems *problems, struct load_stats *stats)
{
        struct loader loader = loader_begin(cluster, default_namespace, problems);
        size_t before = problem_count(&loader);
        struct input input;

        loader.context.file = intern_text(cluster->intern, file);
        input_from_text(&input, text, length, loader.context.file);
        load_input(&loader, &input);
        input_done(&input);
        if (loader.documents == 0 && problem_count(&loader) == before)
                refuse(&loader, 0, "no objects in it");
        return loader_end(&loader, before, stats);
}
