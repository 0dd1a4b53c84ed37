#pragma once

#include <stdlib.h>

#include "base/strbuf.h"
#include "kube/read/document.h"

/* What a reader makes of a text, as text: a line for each item, document and problem, in order.
 *   {'a': 1.10, 'b': ['x', null]}      a document
 *   item {'n': true}                   an item of its "items"
 *   refused                            a document with problems
 *   3: why                             a problem on line 3
 * Texts stand in single quotes, numbers as they are. */

struct document_text {
        struct strbuf out;
        bool lines; /* print @LINE behind each value */
};

static inline void print_value(struct document_text *text, const struct value *value)
{
        const char *comma = "";

        switch (value->kind) {
        case VALUE_NULL:
                strbuf_add(&text->out, "null");
                break;
        case VALUE_BOOL:
                strbuf_add(&text->out, value->boolean ? "true" : "false");
                break;
        case VALUE_NUMBER:
                strbuf_add(&text->out, value->text);
                break;
        case VALUE_STRING:
                strbuf_printf(&text->out, "'%s'", value->text);
                break;
        case VALUE_LIST:
        case VALUE_MAP:
                strbuf_add_char(&text->out, value->kind == VALUE_MAP ? '{' : '[');
                for (const struct value *child = value->first; child; child = child->next) {
                        strbuf_add(&text->out, comma);
                        if (value->kind == VALUE_MAP)
                                strbuf_printf(&text->out, "'%s': ", child->key);
                        print_value(text, child);
                        comma = ", ";
                }
                strbuf_add_char(&text->out, value->kind == VALUE_MAP ? '}' : ']');
                break;
        }
        if (text->lines)
                strbuf_printf(&text->out, "@%u", value->line);
}

static inline void print_item(void *context, const struct value *document, const struct value *item)
{
        struct document_text *text = context;

        strbuf_add(&text->out, "item ");
        print_value(text, item);
        strbuf_add_char(&text->out, '\n');
}

static inline void print_document(void *context, const struct value *document)
{
        struct document_text *text = context;

        if (document)
                print_value(text, document);
        else
                strbuf_add(&text->out, "refused");
        strbuf_add_char(&text->out, '\n');
}

/* The caller frees it. */
static inline char *read_text(const char *bytes, size_t length, bool lines,
                              int (*read)(const struct document_reader *reader))
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct document_text text = {.lines = lines};
        const struct document_visitor visitor = {&text, print_item, print_document};
        struct input input;

        input_from_text(&input, bytes, length, "-");
        input_is_json(&input); /* passes over a byte order mark */
        read(&(struct document_reader){&input, &problems, &visitor});
        input_done(&input);
        vec_foreach (const struct problem, problem, &problems.list)
                strbuf_printf(&text.out, "%u: %s\n", problem->place.line, problem->text);
        return text.out.text ? text.out.text : calloc(1, 1);
}
