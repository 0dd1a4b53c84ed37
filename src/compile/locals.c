#include "compile/locals.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct local {
        char *namespace; /* the name stands behind its NUL */
        const char *name;
};

struct locals {
        char *node; /* NULL until it was said */
        struct local *items;
        size_t n, cap;
};

struct locals *locals_new(void)
{
        return memory_alloc(sizeof(struct locals));
}

void locals_free(struct locals *locals)
{
        for (size_t i = 0; i < locals->n; i++)
                free(locals->items[i].namespace);
        free(locals->items);
        free(locals->node);
        free(locals);
}

static int compare(const struct local *local, const struct meta *meta)
{
        int order = strcmp(local->namespace, meta->namespace);

        return order ? order : strcmp(local->name, meta->name);
}

/* Where it stands or would. */
static size_t find(const struct locals *locals, const struct meta *meta, bool *ret_known)
{
        size_t low = 0, high = locals->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (compare(&locals->items[middle], meta) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_known = low < locals->n && compare(&locals->items[low], meta) == 0;
        return low;
}

static bool is_local(const struct locals *locals, const struct pod *pod)
{
        return pod_takes_part(pod) && locals->node && strcmp(pod->node, locals->node) == 0;
}

void locals_remove(struct locals *locals, const struct pod *pod)
{
        bool known;
        size_t at = find(locals, &pod->meta, &known);

        if (!known)
                return;
        free(locals->items[at].namespace);
        locals->n--;
        memmove(locals->items + at, locals->items + at + 1,
                (locals->n - at) * sizeof(*locals->items));
}

static struct local local_of(const struct meta *meta)
{
        size_t length = strlen(meta->namespace) + 1, name_length = strlen(meta->name) + 1;
        char *text = memory_alloc_raw(length + name_length);

        memcpy(text, meta->namespace, length);
        memcpy(text + length, meta->name, name_length);
        return (struct local){text, text + length};
}

void locals_add(struct locals *locals, const struct pod *pod)
{
        bool known;
        size_t at = find(locals, &pod->meta, &known);

        if (known || !is_local(locals, pod))
                return;
        if (locals->n == locals->cap) {
                locals->cap = locals->cap ? locals->cap * 2 : 16;
                locals->items = memory_grow(locals->items, locals->cap * sizeof(*locals->items));
        }
        memmove(locals->items + at + 1, locals->items + at,
                (locals->n - at) * sizeof(*locals->items));
        locals->items[at] = local_of(&pod->meta);
        locals->n++;
}

bool locals_are_of(const struct locals *locals, const char *node)
{
        return !locals->node || strcmp(node, locals->node) == 0;
}

bool locals_are_in(const struct locals *locals, const char *namespace)
{
        const struct meta before_all = {.namespace = namespace, .name = ""};
        bool known;
        size_t at = find(locals, &before_all, &known);

        return !locals->node ||
               (at < locals->n && strcmp(locals->items[at].namespace, namespace) == 0);
}

static void add_all(struct locals *locals, const struct cluster *cluster, const char *node)
{
        size_t length = strlen(node) + 1;

        locals->node = memcpy(memory_alloc_raw(length), node, length);
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (is_local(locals, pod))
                        locals_add(locals, pod);
}

local_pods locals_find(struct locals *locals, struct arena *arena, const struct cluster *cluster,
                       const char *node)
{
        local_pods pods = {0};

        if (!locals->node)
                add_all(locals, cluster, node);
        for (size_t i = 0; i < locals->n; i++) {
                const struct local *local = &locals->items[i];
                vec_push(arena, &pods, cluster_pod(cluster, local->namespace, local->name));
        }
        return pods;
}

size_t locals_size(const struct locals *locals)
{
        size_t size = locals->cap * sizeof(*locals->items);

        for (size_t i = 0; i < locals->n; i++)
                size += strlen(locals->items[i].namespace) + strlen(locals->items[i].name) + 2;
        return size;
}
