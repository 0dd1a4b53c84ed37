#include "kube/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/cluster_parts.h"
#include "kube/copy.h"
#include "kube/refusals.h"
#include "kube/taken.h"

/* What is decoded lives in a scratch arena until it is known to differ from what is there: a list
 * that brings nothing new, as most do, leaves nothing behind. */

/* An object of a list that is under way. */
struct seen {
        bool gone;                     /* deleted since */
        const struct object *object;   /* NULL: as it is in the cluster, or it has no name */
        const struct refused *refused; /* NULL: it is valid */
};

/* Texts are its own: the cluster may move meanwhile. */
struct listing {
        struct arena *arena; /* NULL: the kind is not being listed */
        struct intern *intern;
        struct map *seen; /* by object_key() */
};

struct mirror {
        struct cluster *cluster;
        struct arena *scratch; /* of the object that is being taken */
        struct listing listings[OBJECT_KINDS];
        bool listed[OBJECT_KINDS];
        cluster_changes changes;
        struct refusals refusals;
        size_t size; /* the cluster's, when it had nothing to spare */
};

struct mirror *mirror_new(void)
{
        struct mirror *mirror = memory_alloc(sizeof(*mirror));

        mirror->cluster = cluster_new();
        cluster_seal(mirror->cluster);
        mirror->scratch = arena_new();
        mirror->refusals.arena = mirror->cluster->arena;
        return mirror;
}

void mirror_free(struct mirror *mirror)
{
        if (!mirror)
                return;
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                mirror_abort(mirror, kind);
        arena_free(mirror->scratch);
        cluster_free(mirror->cluster);
        free(mirror);
}

static void note_refusal(struct mirror *mirror, const struct taken *taken)
{
        const struct refused *refused = &taken->refused;

        if (taken->is_refused)
                refusals_add(&mirror->refusals, refused);
        else
                refusals_drop(&mirror->refusals, refused->kind, refused->namespace, refused->name);
}

static const char *object_key(struct mirror *mirror, const char *namespace, const char *name)
{
        return arena_printf(mirror->scratch, "%s/%s", namespace, name);
}

static void see(struct mirror *mirror, struct listing *listing, const struct taken *taken)
{
        const struct refused *refused = &taken->refused;
        const char *key = object_key(mirror, refused->namespace, refused->name);
        struct seen *seen = map_get(listing->seen, key);

        if (!seen) {
                seen = arena_new_object(listing->arena, struct seen);
                map_put(listing->seen, key, seen);
        }
        *seen = (struct seen){0};
        if (taken->named && !cluster_has(mirror->cluster, &taken->object)) {
                struct object copy = object_copy(listing->arena, listing->intern, &taken->object);
                seen->object = arena_copy(listing->arena, &copy, sizeof(copy));
        }
        if (taken->is_refused) {
                struct refused copy = refused_copy(listing->arena, refused);
                seen->refused = arena_copy(listing->arena, &copy, sizeof(copy));
        }
}

void mirror_object(struct mirror *mirror, enum kind kind, const struct value *object)
{
        struct listing *listing = &mirror->listings[kind];

        arena_reset(mirror->scratch);
        struct taken taken = take_object(mirror->scratch, kind, object);

        if (listing->arena) {
                see(mirror, listing, &taken);
                return;
        }
        note_refusal(mirror, &taken);
        if (taken.named)
                cluster_put(mirror->cluster, &taken.object, &mirror->changes);
}

void mirror_deleted(struct mirror *mirror, enum kind kind, const struct value *object)
{
        struct listing *listing = &mirror->listings[kind];

        arena_reset(mirror->scratch);
        struct refused gone = take_name(mirror->scratch, kind, object);
        if (listing->arena) {
                struct seen *seen =
                    map_get(listing->seen, object_key(mirror, gone.namespace, gone.name));

                if (seen)
                        seen->gone = true;
                return;
        }
        refusals_drop(&mirror->refusals, kind, gone.namespace, gone.name);
        cluster_remove(mirror->cluster, kind, gone.namespace, gone.name, &mirror->changes);
}

void mirror_abort(struct mirror *mirror, enum kind kind)
{
        arena_free(mirror->listings[kind].arena);
        mirror->listings[kind] = (struct listing){0};
}

void mirror_begin(struct mirror *mirror, enum kind kind)
{
        struct arena *arena;

        mirror_abort(mirror, kind);
        arena = arena_new();
        mirror->listings[kind] = (struct listing){arena, intern_new(arena), map_new(arena)};
}

static const struct seen *seen_of(struct mirror *mirror, const struct listing *listing,
                                  const char *namespace, const char *name)
{
        arena_reset(mirror->scratch);
        const struct seen *seen = map_get(listing->seen, object_key(mirror, namespace, name));

        return seen && !seen->gone ? seen : NULL;
}

/* From the last on: whose place is before it stays where it is. */
static void remove_unseen(struct mirror *mirror, enum kind kind)
{
        const struct listing *listing = &mirror->listings[kind];
        const struct object_list list = cluster_list(mirror->cluster, kind);

        for (size_t n = *list.n; n-- > 0;) {
                const struct meta *meta = list_item(&list, n);

                if (!seen_of(mirror, listing, meta->namespace, meta->name))
                        cluster_remove(mirror->cluster, kind, meta->namespace, meta->name,
                                       &mirror->changes);
        }
}

/* What was refused and is valid now, or gone. */
static void forget_refused(struct mirror *mirror, enum kind kind)
{
        struct refusals *refusals = &mirror->refusals;

        for (size_t n = refusals->now.n; n-- > 0;) {
                const struct refused *refused = &refusals->now.items[n];

                if (refused->kind != kind)
                        continue;
                const struct seen *seen =
                    seen_of(mirror, &mirror->listings[kind], refused->namespace, refused->name);
                if (!seen || !seen->refused)
                        refusals_drop(refusals, kind, refused->namespace, refused->name);
        }
}

static int compare_objects(const void *a, const void *b)
{
        const struct object *const *x = a, *const *y = b;
        int order = strcmp((*x)->meta.namespace, (*y)->meta.namespace);

        return order ? order : strcmp((*x)->meta.name, (*y)->meta.name);
}

/* In order of their names: where there was nothing, each comes behind all others, and nothing is
 * moved. */
static void put_seen(struct mirror *mirror, const struct listing *listing)
{
        const struct map_entry *entries = map_entries(listing->seen);
        const struct object **objects =
            arena_new_array(listing->arena, const struct object *, map_size(listing->seen));
        size_t n = 0;

        for (size_t i = 0; i < map_size(listing->seen); i++) {
                const struct seen *seen = entries[i].value;

                if (!seen->gone && seen->refused)
                        refusals_add(&mirror->refusals, seen->refused);
                if (!seen->gone && seen->object)
                        objects[n++] = seen->object;
        }
        sort_items(objects, n, sizeof(*objects), compare_objects);
        for (size_t i = 0; i < n; i++)
                cluster_put(mirror->cluster, objects[i], &mirror->changes);
}

bool mirror_end(struct mirror *mirror, enum kind kind)
{
        if (!mirror->listings[kind].arena)
                return false;
        remove_unseen(mirror, kind);
        forget_refused(mirror, kind);
        put_seen(mirror, &mirror->listings[kind]);
        mirror_abort(mirror, kind);
        mirror->listed[kind] = true;
        return true;
}

bool mirror_is_whole(const struct mirror *mirror)
{
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                if (!mirror->listed[kind])
                        return false;
        return true;
}

const struct cluster *mirror_cluster(const struct mirror *mirror)
{
        return mirror->cluster;
}

const cluster_changes *mirror_changes(const struct mirror *mirror)
{
        return &mirror->changes;
}

size_t mirror_notes(const struct mirror *mirror, const char *const **ret)
{
        *ret = mirror->cluster->notes.items;
        return mirror->cluster->notes.n;
}

/* Enough that copying pays, and so little that it is never much. */
static bool has_gathered(const struct mirror *mirror)
{
        return cluster_size(mirror->cluster) > mirror->size + mirror->size / 4 + (1u << 20);
}

bool mirror_settle(struct mirror *mirror)
{
        struct cluster *old = mirror->cluster;

        mirror->changes.n = 0;
        old->notes.n = 0;
        refusals_forget_fresh(&mirror->refusals);
        if (!has_gathered(mirror))
                return false;
        mirror->cluster = cluster_copy(old);
        mirror->refusals = refusals_copy(&mirror->refusals, mirror->cluster->arena);
        mirror->changes = (cluster_changes){0};
        mirror->size = cluster_size(mirror->cluster);
        cluster_free(old);
        return true;
}

size_t mirror_refused(const struct mirror *mirror, const struct refused **ret)
{
        *ret = mirror->refusals.now.items;
        return mirror->refusals.now.n;
}

size_t mirror_refused_freshly(const struct mirror *mirror, const struct refused **ret)
{
        *ret = mirror->refusals.fresh.items;
        return mirror->refusals.fresh.n;
}
