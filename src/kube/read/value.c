#include "kube/read/value.h"

#include <string.h>

const char *value_kind_name(enum value_kind kind)
{
        static const char *const names[] = {
            [VALUE_NULL] = "null",     [VALUE_BOOL] = "bool",  [VALUE_NUMBER] = "number",
            [VALUE_STRING] = "string", [VALUE_LIST] = "array", [VALUE_MAP] = "object",
        };

        return names[kind];
}

const struct value *value_member(const struct value *map, const char *key)
{
        if (map->kind != VALUE_MAP)
                return NULL;
        for (const struct value *member = map->first; member; member = member->next)
                if (strcmp(member->key, key) == 0)
                        return member;
        return NULL;
}

const char *value_member_text(const struct value *map, const char *key)
{
        const struct value *member = value_member(map, key);

        return member && member->kind == VALUE_STRING ? member->text : "";
}

struct value *value_copy(struct arena *arena, const struct value *value)
{
        struct value *copy = arena_copy(arena, value, sizeof(*value));
        struct value **tail = &copy->first;

        copy->next = NULL;
        if (value->text)
                copy->text = arena_strdup(arena, value->text);
        if (value->key)
                copy->key = arena_strdup(arena, value->key);
        for (const struct value *child = value->first; child; child = child->next) {
                *tail = value_copy(arena, child);
                tail = &(*tail)->next;
        }
        return copy;
}
