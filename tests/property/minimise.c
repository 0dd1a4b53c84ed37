#include "minimise.h"

#include <string.h>

struct question {
        const struct manifest *manifest;
        bool (*still)(const struct manifest *, void *);
        void *data;
        bool smaller;
};

static bool holds(const struct question *question)
{
        return question->still(question->manifest, question->data);
}

/* What is cut first is biggest: an item before what is in it. */
static void cut_items(struct question *question, struct value *value)
{
        for (struct value **at = &value->first; *at;) {
                struct value *item = *at;
                *at = item->next;
                if (holds(question)) {
                        question->smaller = true;
                        continue;
                }
                *at = item;
                cut_items(question, item);
                at = &item->next;
        }
}

static void cut_documents(struct question *question, struct manifest *manifest)
{
        for (size_t i = 0; i < manifest->documents.n;) {
                struct value **items = manifest->documents.items, *removed = items[i];
                size_t after = manifest->documents.n - i - 1;

                memmove(items + i, items + i + 1, after * sizeof(struct value *));
                manifest->documents.n--;
                if (holds(question)) {
                        question->smaller = true;
                        continue;
                }
                memmove(items + i + 1, items + i, after * sizeof(struct value *));
                items[i++] = removed;
                manifest->documents.n++;
        }
}

void manifest_minimise(struct manifest *manifest, bool (*still)(const struct manifest *, void *),
                       void *data)
{
        struct question question = {manifest, still, data, true};

        while (question.smaller) {
                question.smaller = false;
                cut_documents(&question, manifest);
                for (size_t i = 0; i < manifest->documents.n; i++)
                        cut_items(&question, manifest->documents.items[i]);
        }
}
