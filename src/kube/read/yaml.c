#include "kube/read/yaml.h"

#include <stdarg.h>
#include <string.h>

#include "base/map.h"
#include "kube/load.h"
#include "kube/read/anchors.h"
#include "kube/read/keys.h"
#include "kube/read/tree.h"
#include "kube/read/yaml_events.h"
#include "kube/read/yaml_scalar.h"

/* Trees grow from libyaml's events by descent. */

struct yaml {
        const struct document_reader *reader;
        struct yaml_events events;
        size_t alias_nodes;
        struct tree *tree; /* of the object that is being read: one of the next two */
        struct tree document, item;
        struct anchors anchors;
        struct keys keys;
        unsigned depth;
        bool refused; /* the object has a problem but can be read on */
};

/* A problem that spoils the object but not what follows. */
static void __attribute__((format(printf, 3, 4)))
spoil_at(struct yaml *yaml, unsigned line, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        events_report(&yaml->events, line, format, args);
        va_end(args);
        yaml->refused = true;
}

static const char *text_of(const yaml_char_t *text)
{
        return (const char *)text;
}

static bool read_scalar(struct yaml *yaml, struct value *value)
{
        struct scalar scalar = {
            .text = text_of(yaml->events.now.data.scalar.value),
            .length = yaml->events.now.data.scalar.length,
            .tag = text_of(yaml->events.now.data.scalar.tag),
            .plain = yaml->events.now.data.scalar.plain_implicit,
        };
        const char *why;

        if (scalar.length > LOAD_MAX_TEXT)
                return events_refuse(&yaml->events, events_line(&yaml->events),
                                     "a text is longer than %u bytes", LOAD_MAX_TEXT);
        if (memchr(scalar.text, '\0', scalar.length))
                spoil_at(yaml, events_line(&yaml->events), "a text holds NUL");
        else if (!scalar_resolve(yaml->tree, &scalar, value, &why))
                spoil_at(yaml, events_line(&yaml->events), "%s", why);
        return true;
}

/* What the alias stands for, sharing all that is in it. */
static bool read_alias(struct yaml *yaml, struct value *value)
{
        const char *name = text_of(yaml->events.now.data.alias.anchor);
        const struct anchor *anchor = anchors_get(&yaml->anchors, name);

        if (!anchor) {
                spoil_at(yaml, events_line(&yaml->events), "unknown anchor '%.100s' referenced",
                         name);
                return true;
        }
        if (!anchor->value) {
                spoil_at(yaml, events_line(&yaml->events), "anchor '%.100s' value contains itself",
                         name);
                return true;
        }
        if (yaml->depth + anchor->height > LOAD_MAX_DEPTH)
                return events_refuse(&yaml->events, events_line(&yaml->events),
                                     "nested deeper than %d", LOAD_MAX_DEPTH);
        yaml->alias_nodes += anchor->nodes;
        if (yaml->alias_nodes > LOAD_MAX_ALIAS_NODES)
                return events_refuse(&yaml->events, events_line(&yaml->events),
                                     "document contains excessive aliasing (more than %d nodes)",
                                     LOAD_MAX_ALIAS_NODES);
        value->kind = anchor->value->kind;
        value->boolean = anchor->value->boolean;
        value->text = anchor->value->text;
        value->first = anchor->value->first;
        return true;
}

static bool read_node(struct yaml *yaml, struct value *value);

static bool enter(struct yaml *yaml, const yaml_char_t *tag, const char *core)
{
        if (tag && strcmp(text_of(tag), core) != 0 && strcmp(text_of(tag), "!") != 0)
                spoil_at(yaml, events_line(&yaml->events),
                         "cannot take a map or list with the tag %.60s", text_of(tag));
        if (++yaml->depth > LOAD_MAX_DEPTH)
                return events_refuse(&yaml->events, events_line(&yaml->events),
                                     "nested deeper than %d", LOAD_MAX_DEPTH);
        return true;
}

/* The event is the item's. */
static bool read_item(struct yaml *yaml, struct value ***tail)
{
        struct value *item = tree_value(yaml->tree, VALUE_NULL, events_line(&yaml->events));

        **tail = item;
        *tail = &item->next;
        return read_node(yaml, item);
}

/* An item of the document's list: a tree of its own, handed over and forgotten. */
static bool hand_over_item(struct yaml *yaml, const struct value *document)
{
        const struct document_visitor *visitor = yaml->reader->visitor;
        bool refused = yaml->refused;

        yaml->refused = false;
        yaml->tree = &yaml->item;
        tree_reset(yaml->tree);
        struct value *item = tree_value(yaml->tree, VALUE_NULL, events_line(&yaml->events));
        if (!read_node(yaml, item))
                return false;
        if (!yaml->refused)
                visitor->item(visitor->context, document, item);
        yaml->tree = &yaml->document;
        yaml->refused = refused;
        return true;
}

/* document: whose "items" these are, to be handed over; NULL for any other list. */
static bool read_list(struct yaml *yaml, struct value *list, const struct value *document)
{
        struct value **tail = &list->first;

        list->kind = VALUE_LIST;
        if (!enter(yaml, yaml->events.now.data.sequence_start.tag, YAML_SEQ_TAG))
                return false;
        for (;;) {
                if (!events_advance(&yaml->events))
                        return false;
                if (yaml->events.now.type == YAML_SEQUENCE_END_EVENT)
                        break;
                if (!(document ? hand_over_item(yaml, document) : read_item(yaml, &tail)))
                        return false;
        }
        yaml->depth--;
        return true;
}

static bool is_merge(const yaml_event_t *event)
{
        return event->type == YAML_SCALAR_EVENT && event->data.scalar.plain_implicit &&
               strcmp(text_of(event->data.scalar.value), "<<") == 0;
}

/* Members of what "<<" names join the map, marked. */
static bool join(struct yaml *yaml, const struct value *source, unsigned line, struct value ***tail)
{
        if (source->kind != VALUE_MAP) {
                spoil_at(yaml, line, "map merge requires map or sequence of maps as the value");
                return false;
        }
        for (const struct value *from = source->first; from; from = from->next) {
                struct value *member = tree_value(yaml->tree, from->kind, from->line);

                *member = *from;
                member->next = NULL;
                member->merged = true;
                **tail = member;
                *tail = &member->next;
        }
        return true;
}

static bool read_merge(struct yaml *yaml, struct value ***tail)
{
        unsigned line = events_line(&yaml->events);
        struct value *source = tree_value(yaml->tree, VALUE_NULL, line);

        if (!events_advance(&yaml->events) || !read_node(yaml, source))
                return false;
        if (source->kind != VALUE_LIST) {
                join(yaml, source, line, tail);
                return true;
        }
        for (const struct value *one = source->first; one; one = one->next)
                if (!join(yaml, one, line, tail))
                        break;
        return true;
}

/* Which of two members with one key counts: NULL where that is a mistake. */
static struct value *prevails(struct yaml *yaml, struct value *before, struct value *after)
{
        if (before->merged)
                return after->merged ? before : after;
        if (after->merged)
                spoil_at(yaml, before->line,
                         "key \"%.150s\" is set here and again by a \"<<\" that follows: put the "
                         "\"<<\" first",
                         before->key);
        else
                spoil_at(yaml, after->line, "key \"%.150s\" already set in map on line %u",
                         after->key, before->line);
        return before;
}

/* A map with a "<<": what is given prevails over what is merged, and of merged maps the earlier. */
static void settle_merge(struct yaml *yaml, struct value *map)
{
        struct map *by_key = map_new(yaml->tree->arena);
        struct value **tail = &map->first;

        for (struct value *member = map->first; member; member = member->next) {
                struct value *before = map_get(by_key, member->key);

                map_put(by_key, member->key, before ? prevails(yaml, before, member) : member);
        }
        for (struct value *member = map->first; member; member = member->next)
                if (map_get(by_key, member->key) == member) {
                        *tail = member;
                        tail = &member->next;
                }
        *tail = NULL;
}

static void check_keys(struct yaml *yaml, size_t mark)
{
        const struct value *before, *second = keys_end(&yaml->keys, mark, &before);

        if (second)
                spoil_at(yaml, second->line, "key \"%.150s\" already set in map on line %u",
                         second->key, before->line);
}

/* The event is the key's. NULL where reading cannot go on. */
static struct value *read_key(struct yaml *yaml, size_t mark)
{
        unsigned line = events_line(&yaml->events);
        struct value key = {.line = line};

        if (yaml->events.now.type != YAML_SCALAR_EVENT &&
            yaml->events.now.type != YAML_ALIAS_EVENT) {
                events_refuse(&yaml->events, line, "invalid map key: a map or list");
                return NULL;
        }
        if (!read_node(yaml, &key))
                return NULL;
        struct value *member = tree_value(yaml->tree, VALUE_NULL, line);
        member->key = scalar_key(yaml->tree, &key);
        if (!member->key) {
                if (!yaml->refused)
                        spoil_at(yaml, line, "unsupported map key: %s",
                                 key.kind == VALUE_NULL ? "null" : "a map or list");
                member->key = "";
        }
        keys_add(&yaml->keys, mark, member, strlen(member->key));
        return member;
}

static bool is_items(const struct yaml *yaml, const struct value *member)
{
        return yaml->depth == 1 && yaml->events.now.type == YAML_SEQUENCE_START_EVENT &&
               !yaml->events.now.data.sequence_start.anchor && strcmp(member->key, "items") == 0;
}

static bool read_member(struct yaml *yaml, const struct value *map, size_t mark,
                        struct value ***tail)
{
        struct value *member = read_key(yaml, mark);

        if (!member || !events_advance(&yaml->events))
                return false;
        bool read = is_items(yaml, member) ? read_list(yaml, member, map) : read_node(yaml, member);
        **tail = member;
        *tail = &member->next;
        return read;
}

static bool read_map(struct yaml *yaml, struct value *map)
{
        struct value **tail = &map->first;
        size_t mark = keys_mark(&yaml->keys);
        unsigned merge_line = 0;

        map->kind = VALUE_MAP;
        if (!enter(yaml, yaml->events.now.data.mapping_start.tag, YAML_MAP_TAG))
                return false;
        for (;;) {
                if (!events_advance(&yaml->events))
                        return false;
                if (yaml->events.now.type == YAML_MAPPING_END_EVENT)
                        break;
                if (!is_merge(&yaml->events.now)) {
                        if (!read_member(yaml, map, mark, &tail))
                                return false;
                        continue;
                }
                if (merge_line)
                        spoil_at(yaml, events_line(&yaml->events),
                                 "key \"<<\" already set in map on line %u", merge_line);
                merge_line = events_line(&yaml->events);
                if (!read_merge(yaml, &tail))
                        return false;
        }
        if (merge_line) {
                yaml->keys.n = mark;
                settle_merge(yaml, map);
        } else {
                check_keys(yaml, mark);
        }
        yaml->depth--;
        return true;
}

static const char *event_anchor(const yaml_event_t *event)
{
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return text_of(event->data.scalar.anchor);
        case YAML_SEQUENCE_START_EVENT:
                return text_of(event->data.sequence_start.anchor);
        case YAML_MAPPING_START_EVENT:
                return text_of(event->data.mapping_start.anchor);
        default:
                return NULL;
        }
}

static bool read_by_type(struct yaml *yaml, struct value *value)
{
        switch (yaml->events.now.type) {
        case YAML_SCALAR_EVENT:
                return read_scalar(yaml, value);
        case YAML_ALIAS_EVENT:
                return read_alias(yaml, value);
        case YAML_SEQUENCE_START_EVENT:
                return read_list(yaml, value, NULL);
        default:
                return read_map(yaml, value);
        }
}

/* The event is the node's first; afterwards it is its last. An anchor of the root is never whole
 * before the document ends: an alias to it contains itself. */
static bool read_node(struct yaml *yaml, struct value *value)
{
        const char *name = event_anchor(&yaml->events.now);
        struct anchor *anchor = name ? anchors_begin(&yaml->anchors, name) : NULL;
        unsigned line = events_line(&yaml->events);

        if (tree_too_large(yaml->tree))
                return events_refuse(&yaml->events, line, "an object is larger than %u bytes",
                                     LOAD_MAX_OBJECT_BYTES);
        if (!read_by_type(yaml, value))
                return false;
        if (anchor && yaml->depth > 0 && !anchors_end(&yaml->anchors, anchor, value))
                return events_refuse(&yaml->events, line,
                                     "what a document anchors is larger than %u bytes",
                                     LOAD_MAX_OBJECT_BYTES);
        return true;
}

/* The event is the document's start; afterwards it is its end. */
static bool read_document(struct yaml *yaml)
{
        const struct document_visitor *visitor = yaml->reader->visitor;

        yaml->refused = false;
        yaml->depth = 0;
        yaml->alias_nodes = 0;
        yaml->keys.n = 0;
        yaml->tree = &yaml->document;
        tree_reset(yaml->tree);
        anchors_reset(&yaml->anchors);
        if (!events_advance(&yaml->events))
                return false;
        struct value *root = tree_value(yaml->tree, VALUE_NULL, events_line(&yaml->events));
        bool read = read_node(yaml, root) && events_advance(&yaml->events);
        if (!read || yaml->refused)
                visitor->document(visitor->context, NULL);
        else if (root->kind != VALUE_NULL)
                visitor->document(visitor->context, root);
        return read;
}

static bool read_documents(struct yaml *yaml)
{
        for (;;) {
                if (!events_advance(&yaml->events))
                        return false;
                if (yaml->events.now.type == YAML_STREAM_END_EVENT)
                        return true;
                if (yaml->events.now.type == YAML_DOCUMENT_START_EVENT && !read_document(yaml))
                        return false;
        }
}

int yaml_read(const struct document_reader *reader)
{
        struct yaml yaml = {
            .reader = reader,
            .document = tree_new(),
            .item = tree_new(),
            .anchors = anchors_new(),
        };

        events_init(&yaml.events, reader->input, reader->problems);
        bool read = read_documents(&yaml);
        events_done(&yaml.events);
        tree_done(&yaml.document);
        tree_done(&yaml.item);
        anchors_done(&yaml.anchors);
        keys_done(&yaml.keys);
        return read ? 0 : -1;
}
