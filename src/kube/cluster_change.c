#include <string.h>

#include "kube/cluster_parts.h"
#include "kube/copy.h"
#include "kube/equal.h"

/* A sealed cluster that changes. Lists stay sorted arrays: ten thousand pods are a megabyte, of
 * which half is moved when one comes, in tens of microseconds; all who read them can go on to.
 *
 * What one object's change does to others is little: pods that hold an address since, or no longer,
 * and the namespace that is there only because something is in it. */

struct name {
        const char *namespace, *name;
};

struct change {
        struct cluster *cluster;
        cluster_changes *list;
        /* Pods that may hold other addresses than before. */
        VEC(struct name) touched;
};

static const struct object *keep(struct cluster *cluster, const struct object *object)
{
        return object ? arena_copy(cluster->arena, object, sizeof(*object)) : NULL;
}

/* Either may be NULL. */
static void note(struct change *change, const struct object *before, const struct object *after)
{
        struct cluster *cluster = change->cluster;
        struct cluster_change noted = {
            .kind = before ? before->kind : after->kind,
            .before = keep(cluster, before),
            .after = keep(cluster, after),
        };

        vec_push_own(cluster->arena, change->list, noted);
}

static struct claims *claims_of(struct cluster *cluster, enum kind kind)
{
        return kind == KIND_POD    ? &cluster->index->pods
               : kind == KIND_NODE ? &cluster->index->nodes
                                   : NULL;
}

static void insert(struct cluster *cluster, const struct object *object, size_t place)
{
        struct object_list list = cluster_list(cluster, object->kind);
        struct claims *claims = claims_of(cluster, object->kind);
        size_t behind = *list.n - place;

        list_make_room(cluster->arena, &list, *list.n + 1);
        memmove(list_item(&list, place + 1), list_item(&list, place), behind * list.size);
        memcpy(list_item(&list, place), &object->meta, list.size);
        ++*list.n;
        if (claims && behind)
                claims_open(claims, place);
        cluster_claim(cluster, object, place);
}

static void replace(struct cluster *cluster, const struct object *before,
                    const struct object *after, size_t place)
{
        struct object_list list = cluster_list(cluster, after->kind);

        cluster_unclaim(cluster, before, place);
        memcpy(list_item(&list, place), &after->meta, list.size);
        cluster_claim(cluster, after, place);
}

static void take_out(struct cluster *cluster, const struct object *object, size_t place)
{
        struct object_list list = cluster_list(cluster, object->kind);
        struct claims *claims = claims_of(cluster, object->kind);
        size_t behind = --*list.n - place;

        cluster_unclaim(cluster, object, place);
        memmove(list_item(&list, place), list_item(&list, place + 1), behind * list.size);
        if (claims && behind)
                claims_close(claims, place);
}

/* Other pods that hold addresses of this one. */
static void touch_holders(struct change *change, const struct object *object)
{
        const struct meta *self = &object->meta;

        if (object->kind != KIND_POD || !pod_takes_part(&object->pod))
                return;
        for (size_t i = 0; i < object->pod.given.n; i++) {
                const struct pod *holder =
                    cluster_pod_at(change->cluster, &object->pod.given.items[i]);

                if (!holder || meta_compare(&holder->meta, self) == 0)
                        continue;
                struct name name = {holder->meta.namespace, holder->meta.name};
                vec_push(change->cluster->arena, &change->touched, name);
        }
}

static void hold_again(struct change *change, const struct name *name)
{
        struct object_list list = cluster_list(change->cluster, KIND_POD);
        bool there;
        size_t place = list_find(&list, name->namespace, name->name, &there);
        struct object before = object_of(KIND_POD, list_item(&list, place)), after;

        cluster_hold(change->cluster, list_item(&list, place), &before.pod);
        after = object_of(KIND_POD, list_item(&list, place));
        if (!object_equal(&before, &after))
                note(change, &before, &after);
}

static void settle_touched(struct change *change)
{
        vec_foreach (const struct name, name, &change->touched)
                hold_again(change, name);
}

static bool is_empty(const struct cluster *cluster, const char *namespace)
{
        return cluster_pods_of(cluster, namespace).n == 0 &&
               cluster_policies_of(cluster, namespace).n == 0;
}

static struct object implied(struct cluster *cluster, const struct meta *named_by, const char *name)
{
        struct object object = {.kind = KIND_NAMESPACE};

        object.namespace = cluster_implied(cluster, name, named_by->place);
        cluster_label_namespace(cluster, &object.meta);
        return object;
}

/* Semantics 28: after an object of it came. */
static void imply_namespace(struct change *change, const struct meta *member)
{
        struct object_list list = cluster_list(change->cluster, KIND_NAMESPACE);
        bool there;
        size_t place = list_find(&list, "", member->namespace, &there);

        if (!*member->namespace || there)
                return;
        struct object object = implied(change->cluster, member, member->namespace);
        insert(change->cluster, &object, place);
        note(change, NULL, &object);
}

/* … and after one went. */
static void forget_namespace(struct change *change, const char *name)
{
        struct object_list list = cluster_list(change->cluster, KIND_NAMESPACE);
        bool there;
        size_t place = list_find(&list, "", name, &there);

        if (!there || !is_empty(change->cluster, name))
                return;
        struct object object = object_of(KIND_NAMESPACE, list_item(&list, place));
        if (!object.namespace.implied)
                return;
        take_out(change->cluster, &object, place);
        note(change, &object, NULL);
}

/* As it will stand in the cluster, but for the addresses that others hold; what it points to is
 * where it was. */
static struct object prepared(struct cluster *cluster, const struct object *object)
{
        struct object ready = *object;

        if (ready.kind == KIND_POD)
                ready.pod.given = ready.pod.ips;
        if (ready.kind != KIND_NAMESPACE)
                return ready;
        ready.namespace.implied = false;
        for (size_t i = 0; i < ready.meta.labels.n; i++)
                if (strcmp(ready.meta.labels.items[i].key, NAMESPACE_NAME_LABEL) == 0 &&
                    strcmp(ready.meta.labels.items[i].value, ready.meta.name) == 0)
                        return ready;
        ready = object_copy(cluster->arena, cluster->intern, &ready);
        cluster_label_namespace(cluster, &ready.meta);
        return ready;
}

static bool is_put_already(const struct object *before, const struct object *ready)
{
        struct object same = *ready;

        if (same.kind == KIND_POD)
                same.pod.ips = before->pod.ips;
        return object_equal(before, &same);
}

static const void *find(const struct cluster *cluster, const struct object *object)
{
        const struct meta *meta = &object->meta;

        switch (object->kind) {
        case KIND_NAMESPACE:
                return cluster_namespace(cluster, meta->name);
        case KIND_NODE:
                return cluster_node(cluster, meta->name);
        case KIND_POD:
                return cluster_pod(cluster, meta->namespace, meta->name);
        case KIND_NETWORK_POLICY:
                break;
        }
        return cluster_policy(cluster, meta->namespace, meta->name);
}

bool cluster_has(const struct cluster *cluster, const struct object *object)
{
        const void *found = find(cluster, object);

        if (!found)
                return false;
        struct object before = object_of(object->kind, found), ready = *object;
        if (ready.kind == KIND_POD)
                ready.pod.given = ready.pod.ips;
        return is_put_already(&before, &ready);
}

/* before is NULL where there was none. */
static void put(struct change *change, const struct object *before, const struct object *ready,
                size_t place)
{
        struct cluster *cluster = change->cluster;
        struct object_list list = cluster_list(cluster, ready->kind);
        struct object object = object_copy(cluster->arena, cluster->intern, ready);

        touch_holders(change, &object);
        if (before)
                replace(cluster, before, &object, place);
        else
                insert(cluster, &object, place);
        touch_holders(change, before ? before : &object);
        touch_holders(change, &object);
        if (object.kind == KIND_POD)
                cluster_hold(cluster, list_item(&list, place), before ? &before->pod : NULL);
        object = object_of(object.kind, list_item(&list, place));
        note(change, before, &object);
        settle_touched(change);
        imply_namespace(change, &object.meta);
}

void cluster_put(struct cluster *cluster, const struct object *object, cluster_changes *changes)
{
        struct change change = {.cluster = cluster, .list = changes};
        struct object_list list = cluster_list(cluster, object->kind);
        struct object ready = prepared(cluster, object), before;
        bool there;
        size_t place = list_find(&list, ready.meta.namespace, ready.meta.name, &there);

        if (there)
                before = object_of(object->kind, list_item(&list, place));
        if (!there || !is_put_already(&before, &ready))
                put(&change, there ? &before : NULL, &ready, place);
}

/* Objects are in it: then it is one that is only named. */
static void make_implied(struct change *change, const struct object *before, size_t place)
{
        struct object after = implied(change->cluster, &before->meta, before->meta.name);

        replace(change->cluster, before, &after, place);
        note(change, before, &after);
}

void cluster_remove(struct cluster *cluster, enum kind kind, const char *namespace,
                    const char *name, cluster_changes *changes)
{
        struct change change = {.cluster = cluster, .list = changes};
        struct object_list list = cluster_list(cluster, kind);
        bool there;
        size_t place = list_find(&list, namespace, name, &there);

        if (!there)
                return;
        struct object object = object_of(kind, list_item(&list, place));
        if (kind == KIND_NAMESPACE && object.namespace.implied)
                return;
        if (kind == KIND_NAMESPACE && !is_empty(cluster, object.meta.name)) {
                make_implied(&change, &object, place);
                return;
        }
        take_out(cluster, &object, place);
        note(&change, &object, NULL);
        touch_holders(&change, &object);
        settle_touched(&change);
        forget_namespace(&change, object.meta.namespace);
}
