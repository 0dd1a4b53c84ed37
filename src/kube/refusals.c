#include "kube/refusals.h"

#include <string.h>

#include "base/strbuf.h"

#define REASON_LINES 10

static int compare(enum kind kind, const char *namespace, const char *name,
                   const struct refused *refused)
{
        if (kind != refused->kind)
                return kind < refused->kind ? -1 : 1;
        int order = strcmp(namespace, refused->namespace);
        return order ? order : strcmp(name, refused->name);
}

/* Where it is, or would be. */
static size_t find(const struct refusals *refusals, enum kind kind, const char *namespace,
                   const char *name, bool *ret_there)
{
        size_t low = 0, high = refusals->now.n;

        *ret_there = false;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = compare(kind, namespace, name, &refusals->now.items[middle]);

                if (order == 0) {
                        *ret_there = true;
                        return middle;
                }
                if (order > 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct refused refused_copy(struct arena *arena, const struct refused *refused)
{
        return (struct refused){
            .kind = refused->kind,
            .namespace = arena_strdup(arena, refused->namespace),
            .name = arena_strdup(arena, refused->name),
            .uid = arena_strdup(arena, refused->uid),
            .why = arena_strdup(arena, refused->why),
        };
}

void refusals_add(struct refusals *refusals, const struct refused *refused)
{
        bool there;
        size_t at = find(refusals, refused->kind, refused->namespace, refused->name, &there);
        const struct refused *known = there ? &refusals->now.items[at] : NULL;

        if (known && strcmp(known->uid, refused->uid) == 0 && strcmp(known->why, refused->why) == 0)
                return;
        struct refused copy = refused_copy(refusals->arena, refused);
        vec_push_own(refusals->arena, &refusals->fresh, copy);
        if (!there) {
                vec_push_own(refusals->arena, &refusals->now, copy);
                struct refused *items = refusals->now.items;
                memmove(&items[at + 1], &items[at], (refusals->now.n - 1 - at) * sizeof(*items));
        }
        refusals->now.items[at] = copy;
}

void refusals_drop(struct refusals *refusals, enum kind kind, const char *namespace,
                   const char *name)
{
        bool there;
        size_t at = find(refusals, kind, namespace, name, &there);
        struct refused *items = refusals->now.items;

        if (there)
                memmove(&items[at], &items[at + 1], (--refusals->now.n - at) * sizeof(*items));
}

void refusals_forget_fresh(struct refusals *refusals)
{
        refusals->fresh.n = 0;
}

struct refusals refusals_copy(const struct refusals *refusals, struct arena *arena)
{
        struct refusals copy = {.arena = arena};
        size_t n = refusals->now.n;

        copy.now.items = arena_new_array(arena, struct refused, n);
        copy.now.n = copy.now.cap = n;
        for (size_t i = 0; i < n; i++)
                copy.now.items[i] = refused_copy(arena, &refusals->now.items[i]);
        return copy;
}

const char *refusal_reason(struct arena *arena, const struct problems *problems)
{
        size_t shown = problems->list.n < REASON_LINES ? problems->list.n : REASON_LINES;
        size_t more = problems->list.n - shown + problems->more;
        _cleanup_strbuf_ struct strbuf text = {0};

        for (size_t i = 0; i < shown; i++)
                strbuf_printf(&text, "%s%s", i ? "\n" : "", problems->list.items[i].text);
        if (more)
                strbuf_printf(&text, "\nand %zu more", more);
        return arena_strdup(arena, strbuf_text(&text));
}
