#pragma once

#include "kube/problem.h"
#include "kube/read/input.h"
#include "kube/read/value.h"

/* What the readers of JSON and YAML hand over. A document whose root is a map with a list "items"
 * is a list of objects as kubectl prints it: its items are handed over one by one and forgotten, so
 * that a list of any length takes the memory of one item. Values live until the function returns.
 */

struct document_visitor {
        void *context;
        /* An item; document holds the members that came before "items". */
        void (*item)(void *context, const struct value *document, const struct value *item);
        /* A whole document; "items" is empty where its items were handed over. NULL for one with
         * problems, which are reported already. */
        void (*document)(void *context, const struct value *document);
};

struct document_reader {
        struct input *input;
        struct problems *problems;
        const struct document_visitor *visitor;
};
