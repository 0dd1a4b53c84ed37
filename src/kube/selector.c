#include "kube/selector.h"

#include <string.h>

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
