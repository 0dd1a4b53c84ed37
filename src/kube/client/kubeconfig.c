#include "kube/client/kubeconfig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/client/file.h"
#include "kube/read/json.h"
#include "kube/read/yaml.h"

struct reading {
        struct kubeconfig *config;
        const char *file;
        struct err *err;
        bool failed;
        size_t documents;
};

static int refuse(struct reading *reading, const struct value *value, const char *where,
                  const char *why)
{
        reading->failed = true;
        return err_set(reading->err, "%s:%u: %s: %s", reading->file, value->line, where, why);
}

static const struct kubeconfig_entry *find(const kubeconfig_entries *entries, const char *name)
{
        vec_foreach (const struct kubeconfig_entry, entry, entries)
                if (strcmp(entry->name, name) == 0)
                        return entry;
        return NULL;
}

/* The list `list` of maps with a "name" and, under `member`, what it names. */
static int add_entries(struct reading *reading, const struct value *root, const char *list,
                       const char *member, kubeconfig_entries *entries)
{
        struct arena *arena = reading->config->arena;
        const struct value *all = value_member(root, list);
        const char *where = arena_printf(arena, ".%s", list);
        size_t i = 0, before = entries->n;

        if (!all || all->kind == VALUE_NULL)
                return 0;
        if (all->kind != VALUE_LIST)
                return refuse(reading, all, where, "must be a list");
        for (const struct value *item = all->first; item; item = item->next, i++) {
                const char *name = value_member_text(item, "name");
                const struct value *value = value_member(item, member);
                const struct kubeconfig_entry entry = {reading->file, arena_strdup(arena, name),
                                                       value ? value_copy(arena, value) : NULL};

                where = arena_printf(arena, ".%s[%zu]", list, i);
                if (item->kind != VALUE_MAP)
                        return refuse(reading, item, where, "must be a map");
                if (!*name)
                        return refuse(reading, item, arena_printf(arena, "%s.name", where),
                                      "must be there, and text");
                if (!value || value->kind != VALUE_MAP)
                        return refuse(reading, value ? value : item,
                                      arena_printf(arena, "%s.%s", where, member),
                                      "must be there, and a map");
                const struct kubeconfig_entry *other = find(entries, name);
                if (!other || other >= entries->items + before)
                        vec_push(arena, entries, entry);
        }
        return 0;
}

static int add_root(struct reading *reading, const struct value *root)
{
        struct kubeconfig *config = reading->config;
        const struct value *current = value_member(root, "current-context");

        if (root->kind != VALUE_MAP)
                return refuse(reading, root, ".", "a kubeconfig must be a map");
        if (current && current->kind != VALUE_STRING && current->kind != VALUE_NULL)
                return refuse(reading, current, ".current-context", "must be text");
        if (!config->current_context && current && current->kind == VALUE_STRING && *current->text)
                config->current_context = arena_strdup(config->arena, current->text);
        if (add_entries(reading, root, "clusters", "cluster", &config->clusters) < 0 ||
            add_entries(reading, root, "users", "user", &config->users) < 0)
                return -1;
        return add_entries(reading, root, "contexts", "context", &config->contexts);
}

static void on_document(void *context, const struct value *document)
{
        struct reading *reading = context;

        if (!document || reading->failed)
                return;
        if (reading->documents++ > 0)
                refuse(reading, document, ".", "a kubeconfig is one document");
        else
                add_root(reading, document);
}

static void on_item(void *context, const struct value *document, const struct value *item)
{
        /* A kubeconfig has no "items". */
}

int kubeconfig_add_text(struct kubeconfig *config, const char *file, const char *text,
                        size_t length, struct err *err)
{
        struct problems problems = problems_in(config->arena);
        struct reading reading = {
            .config = config, .file = arena_strdup(config->arena, file), .err = err};
        const struct document_visitor visitor = {&reading, on_item, on_document};
        struct input input;
        const struct document_reader reader = {&input, &problems, &visitor};

        input_from_text(&input, text, length, reading.file);
        if (!input_is_json(&input) || json_read(&reader) == JSON_YAML)
                yaml_read(&reader);
        input_done(&input);
        if (problems.list.n > 0) {
                const struct problem *first = &problems.list.items[0];
                return err_set(err, "%s:%u: %s", reading.file, first->place.line, first->text);
        }
        return reading.failed ? -1 : 0;
}

int kubeconfig_add(struct kubeconfig *config, const char *file, struct err *err)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        if (file_read(file, &text, err) < 0)
                return -1;
        return kubeconfig_add_text(config, file, strbuf_text(&text), text.length, err);
}

static int use_entries(const struct kubeconfig *config, const struct kubeconfig_entry *context,
                       const struct kubeconfig_context *names, struct kube_config *ret,
                       struct err *err)
{
        const struct kubeconfig_entry *cluster =
            names->cluster ? find(&config->clusters, names->cluster) : NULL;
        const struct kubeconfig_entry *user =
            names->user && *names->user ? find(&config->users, names->user) : NULL;

        if (!names->cluster)
                return err_set(err, "%s:%u: context \"%s\": .cluster: must be there", context->file,
                               context->value->line, context->name);
        if (!cluster)
                return err_set(err, "%s:%u: context \"%s\": .cluster: there is no cluster \"%s\"",
                               context->file, context->value->line, context->name, names->cluster);
        if (names->user && *names->user && !user)
                return err_set(err, "%s:%u: context \"%s\": .user: there is no user \"%s\"",
                               context->file, context->value->line, context->name, names->user);
        if (kubeconfig_read_cluster(config->arena, cluster, ret, err) < 0)
                return -1;
        return user ? kubeconfig_read_user(config->arena, user, ret, err) : 0;
}

int kubeconfig_use(const struct kubeconfig *config, const char *context, struct kube_config *ret,
                   struct err *err)
{
        const char *name = context ? context : config->current_context;
        const struct kubeconfig_entry *entry = name ? find(&config->contexts, name) : NULL;
        struct kube_config result = {0};
        struct kubeconfig_context names;

        if (!name)
                return err_set(err, "%s: no context is given, and none is the current one",
                               config->files);
        if (!entry)
                return err_set(err, "%s: there is no context \"%s\"", config->files, name);
        if (kubeconfig_read_context(config->arena, entry, &names, err) < 0 ||
            use_entries(config, entry, &names, &result, err) < 0)
                return -1;
        result.namespace = names.namespace && *names.namespace ? names.namespace : "default";
        result.source = arena_printf(config->arena, "%s, context %s", entry->file, name);
        *ret = result;
        return 0;
}

/* Of $KUBECONFIG: files that are not there are passed over, as kubectl does. */
static int add_list(struct kubeconfig *config, const char *list, size_t *ret_n, struct err *err)
{
        while (*list) {
                size_t length = strcspn(list, ":");
                const char *file = arena_strndup(config->arena, list, length);

                list += length + (list[length] == ':');
                if (length == 0 || (access(file, F_OK) < 0 && errno == ENOENT))
                        continue;
                if (kubeconfig_add(config, file, err) < 0)
                        return -1;
                ++*ret_n;
        }
        return 0;
}

int kube_config_load(struct arena *arena, const char *path, const char *context,
                     struct kube_config *ret, struct err *err)
{
        struct kubeconfig config = {.arena = arena};
        const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
        size_t n = 0;

        if (!list || !*list)
                list = arena_printf(arena, "%s/.kube/config", home ? home : "");
        if (path) {
                if (kubeconfig_add(&config, path, err) < 0)
                        return -1;
        } else if (add_list(&config, list, &n, err) < 0) {
                return -1;
        } else if (n == 0) {
                return err_set(err, "%s: there is no kubeconfig", list);
        }
        config.files = path ? path : list;
        return kubeconfig_use(&config, context, ret, err);
}
