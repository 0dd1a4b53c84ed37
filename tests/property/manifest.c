#include "manifest.h"

static struct value *add(struct arena *arena, struct value *to, const char *key,
                         enum value_kind kind)
{
        struct value *value = arena_new_object(arena, struct value), **end = &to->first;

        value->kind = kind;
        value->key = key;
        while (*end)
                end = &(*end)->next;
        return *end = value;
}

struct value *add_map(struct arena *arena, struct value *to, const char *key)
{
        return add(arena, to, key, VALUE_MAP);
}

struct value *add_list(struct arena *arena, struct value *to, const char *key)
{
        return add(arena, to, key, VALUE_LIST);
}

struct value *add_null(struct arena *arena, struct value *to, const char *key)
{
        return add(arena, to, key, VALUE_NULL);
}

struct value *add_text(struct arena *arena, struct value *to, const char *key, const char *text)
{
        struct value *value = add(arena, to, key, VALUE_STRING);

        value->text = text;
        return value;
}

struct value *add_number(struct arena *arena, struct value *to, const char *key, unsigned number)
{
        struct value *value = add(arena, to, key, VALUE_NUMBER);

        value->text = arena_printf(arena, "%u", number);
        return value;
}

struct value *add_true(struct arena *arena, struct value *to, const char *key)
{
        struct value *value = add(arena, to, key, VALUE_BOOL);

        value->boolean = true;
        return value;
}

struct value *manifest_add(struct arena *arena, struct manifest *manifest, const char *api_version,
                           const char *kind, const char *namespace, const char *name,
                           struct value **ret_metadata)
{
        struct value *document = arena_new_object(arena, struct value);

        document->kind = VALUE_MAP;
        add_text(arena, document, "apiVersion", api_version);
        add_text(arena, document, "kind", kind);
        *ret_metadata = add_map(arena, document, "metadata");
        if (namespace)
                add_text(arena, *ret_metadata, "namespace", namespace);
        add_text(arena, *ret_metadata, "name", name);
        vec_push(arena, &manifest->documents, document);
        return document;
}

static void print_scalar(const struct value *value, struct strbuf *out)
{
        switch (value->kind) {
        case VALUE_NULL:
                strbuf_add(out, "null");
                return;
        case VALUE_BOOL:
                strbuf_add(out, value->boolean ? "true" : "false");
                return;
        case VALUE_NUMBER:
                strbuf_add(out, value->text);
                return;
        case VALUE_STRING: /* nothing here needs to be escaped */
                strbuf_printf(out, "\"%s\"", value->text);
                return;
        case VALUE_LIST:
                strbuf_add(out, "[]");
                return;
        case VALUE_MAP:
                strbuf_add(out, "{}");
                return;
        }
}

static void print_flow(const struct value *value, struct strbuf *out)
{
        if (!value->first) {
                print_scalar(value, out);
                return;
        }
        strbuf_add_char(out, value->kind == VALUE_MAP ? '{' : '[');
        for (const struct value *item = value->first; item; item = item->next) {
                if (value->kind == VALUE_MAP)
                        strbuf_printf(out, "\"%s\": ", item->key);
                print_flow(item, out);
                strbuf_add(out, item->next ? ", " : "");
        }
        strbuf_add_char(out, value->kind == VALUE_MAP ? '}' : ']');
}

/* The cursor stands where the first item goes. */
static void print_block(const struct value *value, int indent, struct strbuf *out)
{
        for (const struct value *item = value->first; item; item = item->next) {
                if (item != value->first)
                        strbuf_printf(out, "%*s", indent, "");
                if (value->kind == VALUE_LIST)
                        strbuf_add(out, "- ");
                else
                        strbuf_printf(out, "%s:", item->key);
                if (item->first && value->kind == VALUE_MAP)
                        strbuf_printf(out, "\n%*s", indent + 2, "");
                else if (value->kind == VALUE_MAP)
                        strbuf_add_char(out, ' ');
                if (item->first) {
                        print_block(item, indent + 2, out);
                } else {
                        print_scalar(item, out);
                        strbuf_add_char(out, '\n');
                }
        }
}

static void print_list(const struct manifest *manifest, struct strbuf *out)
{
        strbuf_add(out, "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [");
        for (size_t i = 0; i < manifest->documents.n; i++) {
                strbuf_add(out, i ? ",\n" : "\n");
                print_flow(manifest->documents.items[i], out);
        }
        strbuf_add(out, "\n]}\n");
}

void manifest_print(const struct manifest *manifest, struct strbuf *out)
{
        if (manifest->style == MANIFEST_JSON) {
                print_list(manifest, out);
                return;
        }
        for (size_t i = 0; i < manifest->documents.n; i++) {
                strbuf_add(out, "---\n");
                if (manifest->style == MANIFEST_MIXED && i % 2 == 1) {
                        print_flow(manifest->documents.items[i], out);
                        strbuf_add_char(out, '\n');
                } else {
                        print_block(manifest->documents.items[i], 0, out);
                }
        }
}
