#include "kube/selector.h"

#include <string.h>

static const struct {
        const char *name;
        bool has_values;
} operators[SELECTOR_OPERATORS] = {
    [SELECTOR_IN] = {"In", true},
    [SELECTOR_NOT_IN] = {"NotIn", true},
    [SELECTOR_EXISTS] = {"Exists", false},
    [SELECTOR_DOES_NOT_EXIST] = {"DoesNotExist", false},
};

const char *selector_operator_name(enum selector_operator operator)
{
        return operators[operator].name;
}

bool selector_operator_has_values(enum selector_operator operator)
{
        return operators[operator].has_values;
}

/* So few are sooner compared than halved. An object may have tens of thousands, and as many be
 * asked for. */
#define FEW 16

const char *labels_get(const struct labels *labels, const char *key)
{
        size_t low = 0, high = labels->n;

        while (high - low > FEW) {
                size_t middle = low + (high - low) / 2;
                if (strcmp(labels->items[middle].key, key) <= 0)
                        low = middle;
                else
                        high = middle;
        }
        for (; low < high; low++)
                if (labels->items[low].key == key)
                        return labels->items[low].value;
        return NULL;
}

static bool value_listed(const struct requirement *requirement, const char *value)
{
        for (size_t i = 0; i < requirement->n_values; i++)
                if (requirement->values[i] == value)
                        return true;
        return false;
}

static bool requirement_holds(const struct requirement *requirement, const struct labels *labels)
{
        const char *value = labels_get(labels, requirement->key);

        switch (requirement->operator) {
        case SELECTOR_IN:
                return value && value_listed(requirement, value);
        case SELECTOR_NOT_IN:
                return !value || !value_listed(requirement, value);
        case SELECTOR_EXISTS:
                return value;
        case SELECTOR_DOES_NOT_EXIST:
                return !value;
        }
        return false;
}

bool selector_matches(const struct selector *selector, const struct labels *labels)
{
        for (size_t i = 0; i < selector->n; i++)
                if (!requirement_holds(&selector->items[i], labels))
                        return false;
        return true;
}

static int text_compare(const char *a, const char *b)
{
        return a == b ? 0 : strcmp(a, b);
}

static int number_compare(size_t a, size_t b)
{
        return (a > b) - (a < b);
}

static int requirement_compare(const struct requirement *a, const struct requirement *b)
{
        int order = text_compare(a->key, b->key);

        if (!order)
                order = number_compare(a->operator, b->operator);
        if (!order)
                order = number_compare(a->n_values, b->n_values);
        for (size_t i = 0; !order && i < a->n_values; i++)
                order = text_compare(a->values[i], b->values[i]);
        return order;
}

int selector_compare(const struct selector *a, const struct selector *b)
{
        int order = number_compare(a->n, b->n);

        for (size_t i = 0; !order && i < a->n; i++)
                order = requirement_compare(&a->items[i], &b->items[i]);
        return order;
}
