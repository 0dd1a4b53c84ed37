#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Labels and label selectors (apimachinery's labels and metav1.LabelSelector). Texts are interned
 * in one table for the whole cluster: comparing is comparing pointers. */

struct label {
        const char *key;
        const char *value;
};

struct labels {
        struct label *items; /* sorted by key (strcmp), each key once */
        size_t n;
};

enum selector_operator { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };
#define SELECTOR_OPERATORS 4
const char *selector_operator_name(enum selector_operator operator); /* "In" */
/* Does it compare with values? */
bool selector_operator_has_values(enum selector_operator operator);

struct requirement {
        const char *key;
        enum selector_operator operator;
        const char **values; /* sorted, each once; none for EXISTS and DOES_NOT_EXIST */
        size_t n_values;
};

/* All requirements must hold; none at all selects everything. matchLabels are requirements IN with
 * one value. Sorted by key, operator, values, each once, so that equal selectors are equal texts.
 */
struct selector {
        struct requirement *items;
        size_t n;
};

/* NULL where absent; key is interned. */
const char *labels_get(const struct labels *labels, const char *key);
bool selector_matches(const struct selector *selector, const struct labels *labels);
/* An order; 0 where both say the same in the same words, of whichever clusters they are. */
int selector_compare(const struct selector *a, const struct selector *b);
