#include "rules/set.h"

#include <string.h>

static int compare_texts(const char *a, const char *b)
{
        if (!a || !b)
                return (a != NULL) - (b != NULL);
        return strcmp(a, b);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

const struct set_element_more *set_element_more(const struct set_element *element)
{
        static const struct set_element_more none;

        return element->more ? element->more : &none;
}

/* Options are not part of what an element is. */
static int compare_more(const struct set_element_more *a, const struct set_element_more *b)
{
        int order = prefix_compare(&a->second, &b->second);

        if (order == 0)
                order = compare_numbers(a->mark, b->mark);
        if (order == 0)
                order = memcmp(a->mac, b->mac, sizeof(a->mac));
        if (order == 0)
                order = compare_texts(a->interface, b->interface);
        if (order == 0)
                order = (int)a->wildcard - (int)b->wildcard;
        return order ? order : compare_texts(a->member, b->member);
}

int set_element_key_compare(const struct set_element *a, const struct set_element *b)
{
        int order = prefix_compare(&a->prefix, &b->prefix);

        if (order == 0)
                order = (int)a->protocol - (int)b->protocol;
        if (order == 0)
                order = (int)a->port - (int)b->port;
        if (order || a->more == b->more)
                return order;
        return compare_more(set_element_more(a), set_element_more(b));
}

int set_element_compare(const struct set_element *a, const struct set_element *b)
{
        int order = set_element_key_compare(a, b);

        return order ? order : (int)a->nomatch - (int)b->nomatch;
}

static int compare_elements(const void *a, const void *b)
{
        return set_element_compare(a, b);
}

static int compare_keys(const void *a, const void *b)
{
        return set_element_key_compare(a, b);
}

const struct set_element *set_find(const struct set *set, const struct set_element *key)
{
        return vec_find(&set->elements, key, compare_elements);
}

const struct set_element *set_find_key(const struct set *set, const struct set_element *key)
{
        return vec_find(&set->elements, key, compare_keys);
}

bool set_type_has_nets(enum set_type type, unsigned dimension)
{
        switch (type) {
        case SET_HASH_NET:
        case SET_HASH_NET_PORT:
        case SET_HASH_NET_IFACE:
                return dimension == 0;
        case SET_HASH_IP_PORT_NET:
                return dimension == 1;
        case SET_HASH_NET_NET:
        case SET_HASH_NET_PORT_NET:
                return true;
        default:
                return false;
        }
}

static uint8_t length_of(const struct set_element *element, unsigned dimension)
{
        return dimension == 0 ? element->prefix.length : set_element_more(element)->second.length;
}

static void note_lengths(const struct set *set, unsigned dimension, struct set_lengths *lengths)
{
        bool seen[SET_LENGTHS] = {false};

        vec_foreach (const struct set_element, element, &set->elements)
                seen[length_of(element, dimension)] = true;
        for (int length = SET_LENGTHS - 1; length >= 0; length--)
                if (seen[length])
                        lengths->items[dimension][lengths->n[dimension]++] = (uint8_t)length;
}

static const struct set_lengths *lengths_of(struct arena *arena, const struct set *set)
{
        struct set_lengths *lengths = NULL;

        for (unsigned dimension = 0; dimension < 2; dimension++) {
                if (!set_type_has_nets(set->type, dimension))
                        continue;
                if (!lengths)
                        lengths = arena_new_object(arena, struct set_lengths);
                note_lengths(set, dimension, lengths);
        }
        return lengths;
}

/* Sets are finished again where they were copied, and asking is cheaper than sorting. */
static bool is_sorted(const struct set *set)
{
        for (size_t i = 1; i < set->elements.n; i++)
                if (set_element_compare(&set->elements.items[i - 1], &set->elements.items[i]) >= 0)
                        return false;
        return true;
}

static void sort_elements(struct set *set)
{
        size_t n = 0;

        vec_sort(&set->elements, compare_elements);
        vec_foreach (struct set_element, element, &set->elements)
                if (n == 0 || set_element_compare(&set->elements.items[n - 1], element) != 0)
                        set->elements.items[n++] = *element;
        set->elements.n = n;
}

void set_finish(struct arena *arena, struct set *set)
{
        if (!is_sorted(set))
                sort_elements(set);
        set->lengths = lengths_of(arena, set);
}

bool set_content_equal(const struct set *a, const struct set *b)
{
        if (a->elements.n != b->elements.n)
                return false;
        for (size_t i = 0; i < a->elements.n; i++)
                if (set_element_compare(&a->elements.items[i], &b->elements.items[i]) != 0)
                        return false;
        return true;
}

bool set_is_shortcut(const struct set *set)
{
        return set->counters;
}

const char *set_type_name(enum set_type type)
{
        static const char *const names[] = {
            [SET_HASH_IP] = "hash:ip",
            [SET_HASH_NET] = "hash:net",
            [SET_HASH_IP_PORT] = "hash:ip,port",
            [SET_HASH_IP_PORT_IP] = "hash:ip,port,ip",
            [SET_HASH_IP_PORT_NET] = "hash:ip,port,net",
            [SET_HASH_IP_MARK] = "hash:ip,mark",
            [SET_HASH_IP_MAC] = "hash:ip,mac",
            [SET_HASH_MAC] = "hash:mac",
            [SET_HASH_NET_PORT] = "hash:net,port",
            [SET_HASH_NET_NET] = "hash:net,net",
            [SET_HASH_NET_PORT_NET] = "hash:net,port,net",
            [SET_HASH_NET_IFACE] = "hash:net,iface",
            [SET_BITMAP_IP] = "bitmap:ip",
            [SET_BITMAP_IP_MAC] = "bitmap:ip,mac",
            [SET_BITMAP_PORT] = "bitmap:port",
            [SET_LIST] = "list:set",
            [SET_UNKNOWN] = "unknown",
        };

        return names[type];
}
