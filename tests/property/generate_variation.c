#include <string.h>

#include "generator.h"

/* Two rules that are the same, or nearly, in two policies or namespaces: where names that stand for
 * contents must be one, or must differ. */

typedef VEC(struct value *) value_list;

static void collect_texts(struct arena *arena, struct value *value, value_list *texts)
{
        if (value->kind == VALUE_STRING)
                vec_push(arena, texts, value);
        for (struct value *item = value->first; item; item = item->next)
                collect_texts(arena, item, texts);
}

static const char *other_of(const char *text, const char *const (*pairs)[2], size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < 2; j++)
                        if (strcmp(pairs[i][j], text) == 0)
                                return pairs[i][!j];
        return text;
}

/* Labels' values, operators, protocols and names of ports; what has no pair stays. */
static void vary_text(struct generator *generator, struct value *list)
{
        static const char *const pairs[][2] = {
            {"In", "NotIn"},
            {"Exists", "DoesNotExist"},
            {"TCP", "UDP"},
            {"http", "web"},
            {"a", "b"},
            {"c", ""},
            {"app", "example.com/zone"},
            {"team", "tier"},
        };
        value_list texts = {0};

        collect_texts(generator->arena, list, &texts);
        if (texts.n == 0)
                return;
        struct value *text = texts.items[bytes_below(generator->bytes, (unsigned)texts.n)];
        text->text = other_of(text->text, pairs, ARRAY_SIZE(pairs));
}

/* What was asked of pods is asked of their namespaces, and the other way round. */
static void swap_selectors(struct value *list)
{
        for (struct value *peer = list->first; peer; peer = peer->next)
                for (struct value *member = peer->first; member; member = member->next) {
                        if (strcmp(member->key, "podSelector") == 0)
                                member->key = "namespaceSelector";
                        else if (strcmp(member->key, "namespaceSelector") == 0)
                                member->key = "podSelector";
                }
}

/* The same names and numbers of another protocol; what named none meant TCP. */
static void change_protocols(struct generator *generator, struct value *ports)
{
        for (struct value *port = ports->first; port; port = port->next) {
                struct value *protocol = port->first;
                while (protocol && strcmp(protocol->key, "protocol") != 0)
                        protocol = protocol->next;
                if (!protocol)
                        add_text(generator->arena, port, "protocol", "UDP");
                else
                        protocol->text = strcmp(protocol->text, "TCP") == 0 ? "UDP" : "TCP";
        }
}

void add_variation(struct generator *generator, struct value *rules, const struct value *original,
                   const char *peers_key)
{
        struct value *rule = value_copy(generator->arena, original), **end = &rules->first;
        unsigned kind = bytes_below(generator->bytes, 6); /* 4 and 5: the same */

        for (struct value *list = rule->first; list; list = list->next) {
                bool ports = strcmp(list->key, "ports") == 0;
                if (!ports)
                        list->key = peers_key;
                if (kind <= 1 && ports == (kind == 1))
                        vary_text(generator, list);
                if (kind == 2 && !ports)
                        swap_selectors(list);
                if (kind == 3 && ports)
                        change_protocols(generator, list);
        }
        while (*end)
                end = &(*end)->next;
        *end = rule;
}
