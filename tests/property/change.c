#include "change.h"

#include <string.h>

static bool same_object(const struct value *a, const struct value *b)
{
        const struct value *left = value_member(a, "metadata"),
                           *right = value_member(b, "metadata");

        return strcmp(value_member_text(a, "kind"), value_member_text(b, "kind")) == 0 &&
               strcmp(value_member_text(left, "namespace"),
                      value_member_text(right, "namespace")) == 0 &&
               strcmp(value_member_text(left, "name"), value_member_text(right, "name")) == 0;
}

struct value *member_of(const struct value *map, const char *key)
{
        struct value *member = map->first;

        while (member && strcmp(member->key, key) != 0)
                member = member->next;
        return member;
}

static struct value **draw_document(struct bytes *bytes, struct manifest *manifest)
{
        return &manifest->documents.items[bytes_below(bytes, (unsigned)manifest->documents.n)];
}

static struct value **draw_pod(struct bytes *bytes, struct manifest *manifest)
{
        for (unsigned tries = 0; tries < 20; tries++) {
                struct value **document = draw_document(bytes, manifest);
                if (strcmp(value_member_text(*document, "kind"), "Pod") == 0)
                        return document;
        }
        return NULL;
}

/* Two pods take each other's addresses. */
static void swap_addresses(struct arena *arena, struct bytes *bytes, struct manifest *manifest)
{
        struct value **one = draw_pod(bytes, manifest), **other = draw_pod(bytes, manifest);
        struct value *left, *right, swapped;

        if (!one || !other || one == other)
                return;
        *one = value_copy(arena, *one);
        *other = value_copy(arena, *other);
        left = member_of(*one, "status");
        right = member_of(*other, "status");
        if (!left || !right)
                return;
        swapped = *left;
        left->first = right->first;
        right->first = swapped.first;
}

static void rename_ports(struct value *value)
{
        if (value->kind == VALUE_STRING && strcmp(value->text, "http") == 0)
                value->text = "web";
        else if (value->kind == VALUE_STRING && strcmp(value->text, "web") == 0)
                value->text = "http";
        for (struct value *item = value->first; item; item = item->next)
                rename_ports(item);
}

void manifest_change(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                     const struct manifest *other)
{
        if (manifest->documents.n == 0 || other->documents.n == 0)
                return;
        if (bytes_chance(bytes, 25)) {
                swap_addresses(arena, bytes, manifest);
                return;
        }
        if (bytes_chance(bytes, 20)) {
                struct value **document = draw_document(bytes, manifest);
                *document = value_copy(arena, *document);
                rename_ports(*document);
                return;
        }
        if (bytes_chance(bytes, 30)) {
                size_t at = bytes_below(bytes, (unsigned)manifest->documents.n);
                manifest->documents.items[at] = manifest->documents.items[--manifest->documents.n];
                return;
        }
        struct value *one =
            other->documents.items[bytes_below(bytes, (unsigned)other->documents.n)];
        vec_foreach (struct value *, document, &manifest->documents)
                if (same_object(*document, one)) {
                        *document = one;
                        return;
                }
        vec_push(arena, &manifest->documents, one);
}
