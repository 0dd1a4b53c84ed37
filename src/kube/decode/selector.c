#include "kube/decode/selector.h"

#include <string.h>

/* Everything is brought into the one order that labels and selectors have, so that equal ones are
 * equal texts wherever they are compared later. */

static int compare_labels(const void *a, const void *b)
{
        return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* False where something is wrong with it. */
static bool decode_label(struct decoder *decoder, const struct field *labels,
                         const struct value *value, struct label *ret)
{
        struct field member = {.parent = labels, .name = value->key, .value = value};
        struct field key = field_at_key(labels, value);
        size_t faults = decoder->faults;

        ret->key = intern_text(decoder->context->intern, value->key);
        ret->value = intern_text(decoder->context->intern, "");
        field_faults(decoder, &key, ret->key, label_key_faults(ret->key));
        if (field_text(decoder, &member, &ret->value))
                field_faults(decoder, &key, ret->value, label_value_faults(ret->value));
        return decoder->faults == faults;
}

/* Of what is given twice neither is kept: which one is meant? Labels are sorted. */
static void drop_doubles(struct decoder *decoder, const struct field *field, struct labels *labels)
{
        size_t kept = 0;

        for (size_t i = 0, end; i < labels->n; i = end) {
                for (end = i + 1; end < labels->n && labels->items[end].key == labels->items[i].key;
                     end++)
                        field_invalid_text(decoder, field, labels->items[i].key,
                                           "must be given once");
                if (end == i + 1)
                        labels->items[kept++] = labels->items[i];
        }
        labels->n = kept;
}

void decode_labels(struct decoder *decoder, const struct field *field, void *target)
{
        struct labels *labels = target;
        size_t n = 0;

        if (!field_is(decoder, field, VALUE_MAP))
                return;
        for (const struct value *value = field->value->first; value; value = value->next)
                n++;
        *labels = (struct labels){n ? arena_new_array(decoder->arena, struct label, n) : NULL, 0};
        for (const struct value *value = field->value->first; value; value = value->next)
                labels->n += decode_label(decoder, field, value, &labels->items[labels->n]);
        sort_items(labels->items, labels->n, sizeof(*labels->items), compare_labels);
        drop_doubles(decoder, field, labels);
}

struct expression {
        const char *key; /* "" where absent */
        const char *operator;
        struct {
                const char **items;
                size_t n;
        } values;
};

static void decode_key(struct decoder *decoder, const struct field *field, void *target)
{
        field_text(decoder, field, &((struct expression *)target)->key);
}

static void decode_operator(struct decoder *decoder, const struct field *field, void *target)
{
        field_text(decoder, field, &((struct expression *)target)->operator);
}

static void decode_value(struct decoder *decoder, const struct field *field, void *target)
{
        const char **value = target;

        *value = intern_text(decoder->context->intern, "");
        if (field_text(decoder, field, value))
                field_faults(decoder, field, *value, label_value_faults(*value));
}

static void decode_values(struct decoder *decoder, const struct field *field, void *target)
{
        field_list(decoder, field, &((struct expression *)target)->values, decode_value);
}

static const struct member expression_members[] = {
    {"key", decode_key},
    {"operator", decode_operator},
    {"values", decode_values},
};

static bool parse_operator(const char *name, struct requirement *ret)
{
        for (int i = 0; i < SELECTOR_OPERATORS; i++)
                if (strcmp(selector_operator_name((enum selector_operator)i), name) == 0) {
                        ret->operator=(enum selector_operator) i;
                        return true;
                }
        return false;
}

static void check_values(struct decoder *decoder, const struct field *field, bool wanted, size_t n)
{
        struct field values = field_member(field, "values");

        if (wanted && n == 0)
                field_problem(decoder, &values,
                              "Required value: must be specified when "
                              "`operator` is 'In' or 'NotIn'");
        if (!wanted && n > 0)
                field_problem(decoder, &values,
                              "Forbidden: may not be specified when `operator` "
                              "is 'Exists' or 'DoesNotExist'");
}

static size_t unique_texts(const char **texts, size_t n)
{
        size_t kept = 0;

        sort_texts(texts, n);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || texts[kept - 1] != texts[i])
                        texts[kept++] = texts[i];
        return kept;
}

static void decode_expression(struct decoder *decoder, const struct field *field, void *target)
{
        struct requirement *requirement = target;
        const char *empty = intern_text(decoder->context->intern, "");
        struct expression expression = {.key = empty, .operator= empty };
        struct field key = field_member(field, "key");
        struct field operator= field_member(field, "operator");

        field_object(decoder, field, expression_members, &expression);
        if (parse_operator(expression.operator, requirement)) {
                check_values(decoder, field, selector_operator_has_values(requirement->operator),
                             expression.values.n);
        } else if (field_may_be_text(&operator)) {
                field_invalid_text(decoder, &operator, expression.operator,
                                   "not a valid selector operator");
        }
        if (field_may_be_text(&key))
                field_faults(decoder, &key, expression.key, label_key_faults(expression.key));
        requirement->key = expression.key;
        requirement->values = expression.values.items;
        requirement->n_values = unique_texts(requirement->values, expression.values.n);
}

struct selector_target {
        struct labels labels;
        struct {
                struct requirement *items;
                size_t n;
        } expressions;
};

static void decode_match_labels(struct decoder *decoder, const struct field *field, void *target)
{
        decode_labels(decoder, field, &((struct selector_target *)target)->labels);
}

static void decode_expressions(struct decoder *decoder, const struct field *field, void *target)
{
        field_list(decoder, field, &((struct selector_target *)target)->expressions,
                   decode_expression);
}

static const struct member selector_members[] = {
    {"matchLabels", decode_match_labels},
    {"matchExpressions", decode_expressions},
};

static int compare_requirements(const void *a, const void *b)
{
        const struct requirement *x = a, *y = b;
        int order = strcmp(x->key, y->key);

        if (order)
                return order;
        if (x->operator!= y->operator)
                return x->operator<y->operator? -1 : 1;
        for (size_t i = 0; i < x->n_values && i < y->n_values; i++)
                if (x->values[i] != y->values[i])
                        return strcmp(x->values[i], y->values[i]);
        return (x->n_values > y->n_values) - (x->n_values < y->n_values);
}

static struct requirement requirement_of(struct arena *arena, const struct label *label)
{
        const char **values = arena_new_array(arena, const char *, 1);

        values[0] = label->value;
        return (struct requirement){label->key, SELECTOR_IN, values, 1};
}

void decode_selector(struct decoder *decoder, const struct field *field, void *target)
{
        struct selector *selector = target;
        struct selector_target parts = {0};
        size_t n = 0, kept = 0;

        field_object(decoder, field, selector_members, &parts);
        struct requirement *items = arena_new_array(decoder->arena, struct requirement,
                                                    parts.labels.n + parts.expressions.n);
        for (size_t i = 0; i < parts.labels.n; i++)
                items[n++] = requirement_of(decoder->arena, &parts.labels.items[i]);
        for (size_t i = 0; i < parts.expressions.n; i++)
                items[n++] = parts.expressions.items[i];
        sort_items(items, n, sizeof(*items), compare_requirements);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || compare_requirements(&items[kept - 1], &items[i]) != 0)
                        items[kept++] = items[i];
        *selector = (struct selector){kept ? items : NULL, kept};
}
