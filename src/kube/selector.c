#include "kube/selector.h"

const char *labels_get(const struct labels *labels, const char *key)
{
        for (size_t i = 0; i < labels->n; i++)
                if (labels->items[i].key == key)
                        return labels->items[i].value;
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
