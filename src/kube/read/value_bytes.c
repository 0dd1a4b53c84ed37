#include "kube/read/value_bytes.h"

#include <stdint.h>
#include <string.h>

#include "kube/load.h"
#include "kube/read/keys.h"
#include "kube/read/tree.h"

/* A value: its kind in a byte; of a member its key; then a bool as a byte, a number, a string or a
 * key as its length (32 bits) and its bytes, a list or map as its items one after the other and an
 * END, where the next one's kind would be. */

#define END 0xff

static void put_byte(struct strbuf *out, unsigned byte)
{
        strbuf_add_char(out, (char)byte);
}

static void put_text(struct strbuf *out, const char *text)
{
        uint32_t length = (uint32_t)strlen(text);

        strbuf_add_bytes(out, (const char *)&length, sizeof(length));
        strbuf_add_bytes(out, text, length);
}

static void put_value(struct strbuf *out, const struct value *value, const char *key)
{
        put_byte(out, value->kind);
        if (key)
                put_text(out, key);
        switch (value->kind) {
        case VALUE_NULL:
                break;
        case VALUE_BOOL:
                put_byte(out, value->boolean);
                break;
        case VALUE_NUMBER:
        case VALUE_STRING:
                put_text(out, value->text);
                break;
        case VALUE_LIST:
        case VALUE_MAP:
                for (const struct value *child = value->first; child; child = child->next)
                        put_value(out, child, value->kind == VALUE_MAP ? child->key : NULL);
                put_byte(out, END);
                break;
        }
}

void value_to_bytes(struct strbuf *out, const struct value *value)
{
        put_value(out, value, NULL);
}

struct reader {
        const char *at, *end;
        struct tree tree;
        struct keys keys;
        unsigned depth;
};

static bool take(struct reader *reader, void *ret, size_t size)
{
        if ((size_t)(reader->end - reader->at) < size)
                return false;
        memcpy(ret, reader->at, size);
        reader->at += size;
        return true;
}

/* Nothing that a C text cannot hold. */
static bool take_text(struct reader *reader, const char **ret, size_t *ret_length)
{
        uint32_t length;

        if (!take(reader, &length, sizeof(length)) || length > (size_t)(reader->end - reader->at) ||
            length > LOAD_MAX_TEXT || memchr(reader->at, '\0', length))
                return false;
        *ret = tree_text(&reader->tree, reader->at, length);
        *ret_length = length;
        reader->at += length;
        return true;
}

/* Of the bytes that a number has; whether it is one is judged where it is used. */
static bool take_number(struct reader *reader, const char **ret)
{
        size_t length;

        return take_text(reader, ret, &length) && length > 0 &&
               strspn(*ret, "0123456789+-.eE") == length;
}

static bool take_flag(struct reader *reader, bool *ret)
{
        uint8_t byte;

        if (!take(reader, &byte, sizeof(byte)) || byte > 1)
                return false;
        *ret = byte;
        return true;
}

static bool take_content(struct reader *reader, struct value *ret);

static bool take_children(struct reader *reader, struct value *parent)
{
        size_t mark = keys_mark(&reader->keys), length;
        struct value **tail = &parent->first;
        const struct value *before;
        uint8_t kind = 0; /* where none follows, it is no END */

        while (take(reader, &kind, sizeof(kind)) && kind != END) {
                if (kind > VALUE_MAP)
                        return false;
                struct value *child = tree_value(&reader->tree, (enum value_kind)kind, 0);
                if (parent->kind == VALUE_MAP) {
                        if (!take_text(reader, &child->key, &length))
                                return false;
                        keys_add(&reader->keys, mark, child, length);
                }
                if (!take_content(reader, child))
                        return false;
                *tail = child;
                tail = &child->next;
        }
        return kind == END && !keys_end(&reader->keys, mark, &before);
}

/* What follows the kind and the key. */
static bool take_content(struct reader *reader, struct value *ret)
{
        size_t length;

        if (tree_too_large(&reader->tree))
                return false;
        switch (ret->kind) {
        case VALUE_NULL:
                return true;
        case VALUE_BOOL:
                return take_flag(reader, &ret->boolean);
        case VALUE_NUMBER:
                return take_number(reader, &ret->text);
        case VALUE_STRING:
                return take_text(reader, &ret->text, &length);
        case VALUE_LIST:
        case VALUE_MAP:
                break;
        }
        if (reader->depth == LOAD_MAX_DEPTH)
                return false;
        reader->depth++;
        bool whole = take_children(reader, ret);
        reader->depth--;
        return whole;
}

struct value *value_from_bytes(struct arena *arena, const char *bytes, size_t length)
{
        struct reader reader = {.at = bytes, .end = bytes + length, .tree = {.arena = arena}};
        uint8_t kind;

        if (!take(&reader, &kind, sizeof(kind)) || kind > VALUE_MAP)
                return NULL;
        struct value *value = tree_value(&reader.tree, (enum value_kind)kind, 0);
        bool whole = take_content(&reader, value) && reader.at == reader.end;

        keys_done(&reader.keys);
        return whole ? value : NULL;
}
