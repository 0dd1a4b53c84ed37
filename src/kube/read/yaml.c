#include "kube/read/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/map.h"
#include "base/memory.h"
#include "kube/load.h"
#include "kube/read/anchors.h"
#include "kube/read/keys.h"
#include "kube/read/tree.h"
#include "kube/read/yaml_scalar.h"

/* libyaml gives events with their places; trees grow from them by descent. Its own memory is
 * bounded by feeding it no more than one object's bytes between two events. It compares each %TAG
 * directive with all before it, so that a hundred thousand cost half a minute: they are counted
 * too. */

#define DIRECTIVES_MAX 100

struct yaml {
        const struct document_reader *reader;
        struct input *input;
        yaml_parser_t parser;
        yaml_event_t event;
        bool has_event;
        unsigned before;     /* lines of the input that another reader has taken */
        size_t fed;          /* bytes since the last event … */
        unsigned directives; /* … and lines in them that may be a directive */
        struct {             /* what was fed last: it still stands before the window's `at` */
                size_t offset, length;
                unsigned line;
        } chunk;
        const char *why; /* feeding stopped, and not at the end */
        size_t alias_nodes;
        struct tree *tree; /* of the object that is being read: one of the next two */
        struct tree document, item;
        struct anchors anchors;
        struct keys keys;
        unsigned depth;
        bool refused; /* the object has a problem but can be read on */
};

static unsigned line_of(const struct yaml *yaml, yaml_mark_t mark)
{
        return yaml->before + (unsigned)mark.line + 1;
}

static unsigned event_line(const struct yaml *yaml)
{
        return line_of(yaml, yaml->event.start_mark);
}

static void __attribute__((format(printf, 3, 0)))
report(struct yaml *yaml, unsigned line, const char *format, va_list args)
{
        char text[320];

        vsnprintf(text, sizeof(text), format, args);
        problems_add(yaml->reader->problems, (struct place){yaml->input->file, line}, "%s", text);
}

/* A problem behind which nothing can be read; false, so that it can be returned. */
static bool __attribute__((format(printf, 3, 4)))
refuse_at(struct yaml *yaml, unsigned line, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        report(yaml, line, format, args);
        va_end(args);
        return false;
}

/* A problem that spoils the object but not what follows. */
static void __attribute__((format(printf, 3, 4)))
spoil_at(struct yaml *yaml, unsigned line, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        report(yaml, line, format, args);
        va_end(args);
        yaml->refused = true;
}

static unsigned newlines(const char *text, size_t length)
{
        unsigned n = 0;

        for (const char *end = text + length; (text = memchr(text, '\n', (size_t)(end - text)));
             text++)
                n++;
        return n;
}

/* Lines that begin with '%', in UTF-8 and UTF-16. */
static unsigned directives(const char *text, size_t length)
{
        const char *end = text + length;
        unsigned n = 0;

        for (; (text = memchr(text, '\n', (size_t)(end - text))); text++)
                n += (end - text > 1 && text[1] == '%') ||
                     (end - text > 2 && text[1] == '\0' && text[2] == '%');
        return n;
}

static const char *chunk_text(const struct yaml *yaml)
{
        return yaml->input->window + yaml->input->at - yaml->chunk.length;
}

static int feed(void *data, unsigned char *buffer, size_t size, size_t *ret_read)
{
        struct yaml *yaml = data;

        *ret_read = 0;
        if (yaml->fed > LOAD_MAX_OBJECT_BYTES) {
                yaml->why = "a scalar or comment is larger than an object may be";
                return 0;
        }
        yaml->chunk.line += newlines(chunk_text(yaml), yaml->chunk.length);
        yaml->chunk.offset += yaml->chunk.length;
        yaml->chunk.length = input_take(yaml->input, (char *)buffer, size);
        yaml->fed += yaml->chunk.length;
        yaml->directives += directives(chunk_text(yaml), yaml->chunk.length);
        if (yaml->directives > DIRECTIVES_MAX) {
                yaml->why = "too many directives";
                return 0;
        }
        *ret_read = yaml->chunk.length;
        if (yaml->input->error)
                yaml->why = strerror(yaml->input->error);
        return !yaml->input->error;
}

/* libyaml decodes ahead of what it parses, and tells of bytes it cannot take by offset only. */
static unsigned decoding_line(const struct yaml *yaml)
{
        size_t offset = yaml->parser.problem_offset;
        size_t into = offset > yaml->chunk.offset ? offset - yaml->chunk.offset : 0;

        if (into > yaml->chunk.length)
                into = yaml->chunk.length;
        return yaml->chunk.line + newlines(chunk_text(yaml), into);
}

static bool refuse_syntax(struct yaml *yaml)
{
        const yaml_parser_t *parser = &yaml->parser;

        if (parser->error == YAML_MEMORY_ERROR)
                memory_exhausted(0);
        if (yaml->why)
                return refuse_at(yaml, line_of(yaml, parser->mark), "cannot be read: %s",
                                 yaml->why);
        if (parser->error == YAML_READER_ERROR && parser->problem_value >= 0)
                return refuse_at(yaml, decoding_line(yaml), "%s (\\x%02x)", parser->problem,
                                 (unsigned)parser->problem_value);
        if (parser->error == YAML_READER_ERROR)
                return refuse_at(yaml, decoding_line(yaml), "%s", parser->problem);
        if (parser->context && parser->context_mark.line != parser->problem_mark.line)
                return refuse_at(yaml, line_of(yaml, parser->problem_mark), "%s %s from line %u on",
                                 parser->problem, parser->context,
                                 line_of(yaml, parser->context_mark));
        return refuse_at(yaml, line_of(yaml, parser->problem_mark), "%s%s%s", parser->problem,
                         parser->context ? " " : "", parser->context ? parser->context : "");
}

static bool advance(struct yaml *yaml)
{
        if (yaml->has_event)
                yaml_event_delete(&yaml->event);
        yaml->has_event = yaml_parser_parse(&yaml->parser, &yaml->event);
        yaml->fed = 0;
        yaml->directives = 0;
        return yaml->has_event || refuse_syntax(yaml);
}

static const char *text_of(const yaml_char_t *text)
{
        return (const char *)text;
}

static bool read_scalar(struct yaml *yaml, struct value *value)
{
        struct scalar scalar = {
            .text = text_of(yaml->event.data.scalar.value),
            .length = yaml->event.data.scalar.length,
            .tag = text_of(yaml->event.data.scalar.tag),
            .plain = yaml->event.data.scalar.plain_implicit,
        };
        const char *why;

        if (scalar.length > LOAD_MAX_TEXT)
                return refuse_at(yaml, event_line(yaml), "a text is longer than %u bytes",
                                 LOAD_MAX_TEXT);
        if (memchr(scalar.text, '\0', scalar.length))
                spoil_at(yaml, event_line(yaml), "a text holds NUL");
        else if (!scalar_resolve(yaml->tree, &scalar, value, &why))
                spoil_at(yaml, event_line(yaml), "%s", why);
        return true;
}

/* What the alias stands for, sharing all that is in it. */
static bool read_alias(struct yaml *yaml, struct value *value)
{
        const char *name = text_of(yaml->event.data.alias.anchor);
        const struct anchor *anchor = anchors_get(&yaml->anchors, name);

        if (!anchor) {
                spoil_at(yaml, event_line(yaml), "unknown anchor '%.100s' referenced", name);
                return true;
        }
        if (!anchor->value) {
                spoil_at(yaml, event_line(yaml), "anchor '%.100s' value contains itself", name);
                return true;
        }
        if (yaml->depth + anchor->height > LOAD_MAX_DEPTH)
                return refuse_at(yaml, event_line(yaml), "nested deeper than %d", LOAD_MAX_DEPTH);
        yaml->alias_nodes += anchor->nodes;
        if (yaml->alias_nodes > LOAD_MAX_ALIAS_NODES)
                return refuse_at(yaml, event_line(yaml),
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
                spoil_at(yaml, event_line(yaml), "cannot take a map or list with the tag %.60s",
                         text_of(tag));
        if (++yaml->depth > LOAD_MAX_DEPTH)
                return refuse_at(yaml, event_line(yaml), "nested deeper than %d", LOAD_MAX_DEPTH);
        return true;
}

static bool read_list(struct yaml *yaml, struct value *list)
{
        struct value **tail = &list->first;

        list->kind = VALUE_LIST;
        if (!enter(yaml, yaml->event.data.sequence_start.tag, YAML_SEQ_TAG))
                return false;
        for (;;) {
                if (!advance(yaml))
                        return false;
                if (yaml->event.type == YAML_SEQUENCE_END_EVENT)
                        break;
                struct value *item = tree_value(yaml->tree, VALUE_NULL, event_line(yaml));
                *tail = item;
                tail = &item->next;
                if (!read_node(yaml, item))
                        return false;
        }
        yaml->depth--;
        return true;
}

/* An item of the document's list: a tree of its own, handed over and forgotten. */
static bool read_item(struct yaml *yaml, const struct value *document)
{
        const struct document_visitor *visitor = yaml->reader->visitor;
        bool refused = yaml->refused;

        yaml->refused = false;
        yaml->tree = &yaml->item;
        tree_reset(yaml->tree);
        struct value *item = tree_value(yaml->tree, VALUE_NULL, event_line(yaml));
        if (!read_node(yaml, item))
                return false;
        if (!yaml->refused)
                visitor->item(visitor->context, document, item);
        yaml->tree = &yaml->document;
        yaml->refused = refused;
        return true;
}

static bool read_items(struct yaml *yaml, const struct value *document, struct value *list)
{
        list->kind = VALUE_LIST;
        if (!enter(yaml, yaml->event.data.sequence_start.tag, YAML_SEQ_TAG))
                return false;
        for (;;) {
                if (!advance(yaml))
                        return false;
                if (yaml->event.type == YAML_SEQUENCE_END_EVENT)
                        break;
                if (!read_item(yaml, document))
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
        unsigned line = event_line(yaml);
        struct value *source = tree_value(yaml->tree, VALUE_NULL, line);

        if (!advance(yaml) || !read_node(yaml, source))
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
        unsigned line = event_line(yaml);
        struct value key = {.line = line};

        if (yaml->event.type != YAML_SCALAR_EVENT && yaml->event.type != YAML_ALIAS_EVENT) {
                refuse_at(yaml, line, "invalid map key: a map or list");
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
        return yaml->depth == 1 && yaml->event.type == YAML_SEQUENCE_START_EVENT &&
               !yaml->event.data.sequence_start.anchor && strcmp(member->key, "items") == 0;
}

static bool read_member(struct yaml *yaml, const struct value *map, size_t mark,
                        struct value ***tail)
{
        struct value *member = read_key(yaml, mark);

        if (!member || !advance(yaml))
                return false;
        bool read =
            is_items(yaml, member) ? read_items(yaml, map, member) : read_node(yaml, member);
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
        if (!enter(yaml, yaml->event.data.mapping_start.tag, YAML_MAP_TAG))
                return false;
        for (;;) {
                if (!advance(yaml))
                        return false;
                if (yaml->event.type == YAML_MAPPING_END_EVENT)
                        break;
                if (!is_merge(&yaml->event)) {
                        if (!read_member(yaml, map, mark, &tail))
                                return false;
                        continue;
                }
                if (merge_line)
                        spoil_at(yaml, event_line(yaml), "key \"<<\" already set in map on line %u",
                                 merge_line);
                merge_line = event_line(yaml);
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
        switch (yaml->event.type) {
        case YAML_SCALAR_EVENT:
                return read_scalar(yaml, value);
        case YAML_ALIAS_EVENT:
                return read_alias(yaml, value);
        case YAML_SEQUENCE_START_EVENT:
                return read_list(yaml, value);
        default:
                return read_map(yaml, value);
        }
}

/* The event is the node's first; afterwards it is its last. An anchor of the root is never whole
 * before the document ends: an alias to it contains itself. */
static bool read_node(struct yaml *yaml, struct value *value)
{
        const char *name = event_anchor(&yaml->event);
        struct anchor *anchor = name ? anchors_begin(&yaml->anchors, name) : NULL;
        unsigned line = event_line(yaml);

        if (tree_too_large(yaml->tree))
                return refuse_at(yaml, line, "an object is larger than %u bytes",
                                 LOAD_MAX_OBJECT_BYTES);
        if (!read_by_type(yaml, value))
                return false;
        if (anchor && yaml->depth > 0 && !anchors_end(&yaml->anchors, anchor, value))
                return refuse_at(yaml, line, "what a document anchors is larger than %u bytes",
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
        if (!advance(yaml))
                return false;
        struct value *root = tree_value(yaml->tree, VALUE_NULL, event_line(yaml));
        bool read = read_node(yaml, root) && advance(yaml);
        if (!read || yaml->refused)
                visitor->document(visitor->context, NULL);
        else if (root->kind != VALUE_NULL)
                visitor->document(visitor->context, root);
        return read;
}

static bool read_documents(struct yaml *yaml)
{
        for (;;) {
                if (!advance(yaml))
                        return false;
                if (yaml->event.type == YAML_STREAM_END_EVENT)
                        return true;
                if (yaml->event.type == YAML_DOCUMENT_START_EVENT && !read_document(yaml))
                        return false;
        }
}

int yaml_read(const struct document_reader *reader)
{
        struct yaml yaml = {
            .reader = reader,
            .input = reader->input,
            .before = reader->input->line - 1,
            .chunk.line = reader->input->line,
            .document = tree_new(),
            .item = tree_new(),
            .anchors = anchors_new(),
        };

        if (!yaml_parser_initialize(&yaml.parser))
                memory_exhausted(0);
        yaml_parser_set_input(&yaml.parser, feed, &yaml);
        bool read = read_documents(&yaml);
        if (yaml.has_event)
                yaml_event_delete(&yaml.event);
        yaml_parser_delete(&yaml.parser);
        tree_done(&yaml.document);
        tree_done(&yaml.item);
        anchors_done(&yaml.anchors);
        keys_done(&yaml.keys);
        return read ? 0 : -1;
}
