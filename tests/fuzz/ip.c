#include "fuzz.h"

#include <string.h>

#include "base/ip.h"

/* Addresses and prefixes: what is read, written and read again is the same; what the strict reader
 * takes the sloppy one takes for the same. */

static void try_ip(const char *text)
{
        char written[IP_TEXT_SIZE];
        struct ip ip, again;
        bool strict = ip_parse(text, &ip);

        must(ip_parse_sloppy(text, &again) || !strict);
        if (!strict)
                return;
        must(ip_equal(&ip, &again));
        must(ip_parse(ip_format(&ip, written), &again));
        must(ip_equal(&ip, &again));
}

static void check_prefix(const struct prefix *prefix)
{
        char written[PREFIX_TEXT_SIZE];
        struct prefix again;
        bool host_bits = true;

        must(prefix->length <= family_bits(prefix->ip.family));
        must(prefix_contains(prefix, &prefix->ip));
        must(prefix_covers(prefix, prefix));
        must(prefix_parse(prefix_format(prefix, written), &again, &host_bits));
        must(prefix_equal(prefix, &again) && !host_bits);
        for (unsigned i = prefix->length; i < family_bits(prefix->ip.family); i++)
                must(!ip_bit(&prefix->ip, i));
}

static void try_prefix(const char *text)
{
        struct prefix prefix, sloppy;
        bool strict = prefix_parse(text, &prefix, NULL);
        bool loose = prefix_parse_sloppy(text, &sloppy, NULL);

        must(loose || !strict);
        if (strict)
                must(prefix_equal(&prefix, &sloppy));
        if (loose)
                check_prefix(&sloppy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        memcpy(text, data, size);
        text[size] = '\0';
        try_ip(text);
        try_prefix(text);
        free(text);
        return 0;
}
