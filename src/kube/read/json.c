#include "kube/read/json.h"

#include <string.h>

#include "kube/load.h"
#include "kube/read/json_scan.h"
#include "kube/read/keys.h"
#include "kube/read/tree.h"

/* Trees grow from the words by descent: a list or map is entered, and left behind its bracket. */

struct json {
        const struct document_reader *reader;
        struct json_scan scan;
        unsigned depth;
        struct tree *tree; /* of the object that is being read: one of the next two */
        struct tree document, item;
        struct keys keys;
        bool refused; /* the object has a problem but can be read on */
};

/* wanted: of the map that it is, or of those in the list that it is; NULL: all. */
static bool read_value(struct json *json, struct value *value, const struct wanted *wanted);

/* Takes the opening bracket, and the closing one where nothing stands between them. */
static bool enter(struct json *json, char close, bool *ret_any)
{
        json->scan.at++;
        if (++json->depth > LOAD_MAX_DEPTH)
                return scan_refuse(&json->scan, "nested deeper than %d", LOAD_MAX_DEPTH);
        *ret_any = scan_next(&json->scan) != close;
        if (!*ret_any)
                json->scan.at++;
        return true;
}

/* Takes the ',' that another item or member follows, or the closing bracket. */
static bool separator(struct json *json, char close, const char *where, bool *ret_another)
{
        int c = scan_next(&json->scan);

        if (c != ',' && c != close)
                return scan_refuse_byte(&json->scan, c, where);
        json->scan.at++;
        *ret_another = c == ',';
        return true;
}

static bool read_item(struct json *json, struct value ***tail, const struct wanted *wanted)
{
        scan_next(&json->scan);
        struct value *item = tree_value(json->tree, VALUE_NULL, json->scan.line);
        **tail = item;
        *tail = &item->next;
        return read_value(json, item, wanted);
}

/* An item of the document's list: a tree of its own, handed over and forgotten. */
static bool hand_over_item(struct json *json, const struct value *document)
{
        bool refused = json->refused;

        json->refused = false;
        json->tree = &json->item;
        tree_reset(json->tree);
        scan_next(&json->scan);
        struct value *item = tree_value(json->tree, VALUE_NULL, json->scan.line);
        if (!read_value(json, item, NULL))
                return false;
        if (!json->refused)
                json->reader->visitor->item(json->reader->visitor->context, document, item);
        json->tree = &json->document;
        json->refused = refused;
        return true;
}

/* document: whose "items" these are, to be handed over; NULL for any other list. */
static bool read_list(struct json *json, struct value *list, const struct value *document,
                      const struct wanted *wanted)
{
        struct value **tail = &list->first;
        bool another = false;

        list->kind = VALUE_LIST;
        if (!enter(json, ']', &another))
                return false;
        while (another)
                if (!(document ? hand_over_item(json, document) : read_item(json, &tail, wanted)) ||
                    !separator(json, ']', "after array element", &another))
                        return false;
        json->depth--;
        return true;
}

static struct value *read_key(struct json *json, size_t *ret_length)
{
        int c = scan_next(&json->scan);

        if (c != '"') {
                scan_refuse_byte(&json->scan, c, "looking for beginning of object key string");
                return NULL;
        }
        struct value *member = tree_value(json->tree, VALUE_NULL, json->scan.line);
        if (!scan_string(&json->scan, json->tree, &member->key, ret_length))
                return NULL;
        c = scan_next(&json->scan);
        if (c != ':') {
                scan_refuse_byte(&json->scan, c, "after object key");
                return NULL;
        }
        json->scan.at++;
        return member;
}

static void check_keys(struct json *json, size_t mark)
{
        const struct value *before, *second = keys_end(&json->keys, mark, &before);

        if (!second)
                return;
        scan_refuse_at(&json->scan, second->line, "key \"%.150s\" already set in map on line %u",
                       second->key, before->line);
        json->refused = true;
}

static bool is_items(const struct json *json, const struct value *member)
{
        return json->reader && json->depth == 1 && *json->scan.at == '[' &&
               strcmp(member->key, "items") == 0;
}

/* Takes one member; *ret is NULL where it is not wanted. */
static bool read_member(struct json *json, struct value *map, size_t mark,
                        const struct wanted *wanted, struct value **ret)
{
        const struct wanted *row = NULL;
        size_t length;
        struct value *member = read_key(json, &length);

        if (!member)
                return false;
        scan_next(&json->scan);
        *ret = NULL;
        if (wanted && !(row = wanted_find(wanted, member->key)))
                return scan_skip(&json->scan);
        *ret = member;
        keys_add(&json->keys, mark, member, length);
        if (is_items(json, member))
                return read_list(json, member, map, NULL);
        return read_value(json, member, row ? row->members : NULL);
}

static bool read_map(struct json *json, struct value *map, const struct wanted *wanted)
{
        struct value **tail = &map->first;
        size_t mark = keys_mark(&json->keys);
        bool another = false;

        map->kind = VALUE_MAP;
        if (!enter(json, '}', &another))
                return false;
        while (another) {
                struct value *member;

                if (!read_member(json, map, mark, wanted, &member) ||
                    !separator(json, '}', "after object key:value pair", &another))
                        return false;
                if (member) {
                        *tail = member;
                        tail = &member->next;
                }
        }
        check_keys(json, mark);
        json->depth--;
        return true;
}

static bool read_value(struct json *json, struct value *value, const struct wanted *wanted)
{
        int c = scan_next(&json->scan);
        size_t length;

        if (tree_too_large(json->tree))
                return scan_refuse(&json->scan, "an object is larger than %u bytes",
                                   LOAD_MAX_OBJECT_BYTES);
        switch (c) {
        case '"':
                value->kind = VALUE_STRING;
                return scan_string(&json->scan, json->tree, &value->text, &length);
        case '{':
                return read_map(json, value, wanted);
        case '[':
                return read_list(json, value, NULL, wanted);
        case 't':
        case 'f':
                value->kind = VALUE_BOOL;
                value->boolean = c == 't';
                return scan_literal(&json->scan, c == 't' ? "true" : "false");
        case 'n':
                return scan_literal(&json->scan, "null");
        default:
                value->kind = VALUE_NUMBER;
                if (c == '-' || (c >= '0' && c <= '9'))
                        return scan_number(&json->scan, json->tree, &value->text);
                return scan_refuse_byte(&json->scan, c, "looking for beginning of value");
        }
}

static bool read_document(struct json *json)
{
        const struct document_visitor *visitor = json->reader->visitor;

        json->refused = false;
        json->depth = 0;
        json->keys.n = 0;
        json->tree = &json->document;
        tree_reset(json->tree);
        struct value *root = tree_value(json->tree, VALUE_MAP, json->scan.line);
        bool read = read_map(json, root, NULL);
        visitor->document(visitor->context, read && !json->refused ? root : NULL);
        return read;
}

static enum json_end read_documents(struct json *json)
{
        for (;;) {
                int c = scan_next(&json->scan);

                if (c == '{') {
                        if (!read_document(json))
                                return JSON_BROKEN;
                } else if (c == '-' && scan_is_at_separator(&json->scan)) {
                        return JSON_YAML;
                } else if (c < 0 && !json->scan.input->error) {
                        return JSON_END;
                } else {
                        scan_refuse_byte(&json->scan, c, "looking for the next document");
                        return JSON_BROKEN;
                }
        }
}

enum json_end json_read(const struct document_reader *reader)
{
        struct json json = {
            .reader = reader,
            .scan = scan_begin(reader->input, reader->problems),
            .document = tree_new(),
            .item = tree_new(),
        };
        enum json_end end = read_documents(&json);

        scan_end(&json.scan);
        tree_done(&json.document);
        tree_done(&json.item);
        keys_done(&json.keys);
        return end;
}

const struct value *json_read_whole(struct json_objects *objects, char *bytes, size_t length,
                                    const struct wanted *wanted, struct err *err)
{
        struct problems problems = problems_in(objects->arena);
        struct input input;
        struct json json = {.document = objects->tree, .keys = objects->keys};

        input_from_whole(&input, bytes, length, "");
        json.scan = scan_begin(&input, &problems);
        json.tree = &json.document;
        tree_reset(json.tree);
        struct value *root = tree_value(json.tree, VALUE_NULL, 1);
        bool read = read_value(&json, root, wanted) && !json.refused;
        if (read && scan_next(&json.scan) >= 0)
                read = scan_refuse_byte(&json.scan, scan_next(&json.scan), "after the value");
        objects->tree = json.document;
        objects->keys = json.keys;
        objects->keys.n = 0;
        if (read)
                return root;
        err_set(err, "%s", problems.list.items[0].text);
        arena_reset(objects->arena);
        return NULL;
}

struct json_objects json_objects_new(void)
{
        return (struct json_objects){.arena = arena_new(), .tree = tree_new()};
}

void json_objects_done(struct json_objects *objects)
{
        arena_free(objects->arena);
        tree_done(&objects->tree);
        keys_done(&objects->keys);
}
