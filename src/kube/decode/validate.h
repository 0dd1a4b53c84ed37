#pragma once

#include <stddef.h>

/* The API server's rules for single texts (apimachinery's util/validation), in its own words. Each
 * returns all that is wrong; n is 0 where the text is valid. Lengths are bytes. */

struct faults {
        const char *items[5]; /* static texts */
        size_t n;
};

struct faults dns_label_faults(const char *text);     /* RFC 1123 label: a namespace */
struct faults dns_subdomain_faults(const char *text); /* RFC 1123 subdomain: most names */
struct faults label_key_faults(const char *text);     /* with or without a prefix */
struct faults label_value_faults(const char *text);
struct faults port_name_faults(const char *text); /* IANA service name, as of a named port */
