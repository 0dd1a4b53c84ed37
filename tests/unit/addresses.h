#pragma once

#include "base/ip.h"

/* Addresses and prefixes as they are written. */
static inline struct ip ip(const char *text)
{
        struct ip result;

        assert_true(ip_parse(text, &result));
        return result;
}

static inline struct prefix prefix(const char *text)
{
        struct prefix result;

        assert_true(prefix_parse(text, &result, NULL));
        return result;
}
