#include "kube/decode/validate.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* The texts name the regular expressions that the API server uses; what they match is written out
 * here as scans, each over the text once. */

#define DNS_LABEL_MAX     63
#define DNS_SUBDOMAIN_MAX 253
#define LABEL_PART_MAX    63
#define PORT_NAME_MAX     15

#define DNS_LABEL_REGEX "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define DNS_SUBDOMAIN_FAULT                                                                        \
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
        "regex used for validation is '" DNS_LABEL_REGEX "(\\." DNS_LABEL_REGEX ")*')"
#define LABEL_REGEX "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define LABEL_KEY_FAULT                                                                            \
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "   \
        "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "  \
        "validation is '" LABEL_REGEX "')"

static void add(struct faults *faults, const char *fault)
{
        assert(faults->n < sizeof(faults->items) / sizeof(faults->items[0]));
        faults->items[faults->n++] = fault;
}

static bool is_lower(char c)
{
        return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_lower_alphanumeric(char c)
{
        return is_lower(c) || is_digit(c);
}

static bool is_alphanumeric(char c)
{
        return is_lower_alphanumeric(c) || (c >= 'A' && c <= 'Z');
}

static bool is_dns_label(const char *text, size_t length)
{
        if (length == 0 || text[0] == '-' || text[length - 1] == '-')
                return false;
        for (size_t i = 0; i < length; i++)
                if (!is_lower_alphanumeric(text[i]) && text[i] != '-')
                        return false;
        return true;
}

static bool is_dns_subdomain(const char *text, size_t length)
{
        for (;;) {
                const char *dot = memchr(text, '.', length);
                size_t part = dot ? (size_t)(dot - text) : length;

                if (!is_dns_label(text, part))
                        return false;
                if (!dot)
                        return true;
                text += part + 1;
                length -= part + 1;
        }
}

/* Neither empty nor framed by what may only stand inside. */
static bool is_label_part(const char *text)
{
        size_t length = strlen(text);

        if (length == 0 || !is_alphanumeric(text[0]) || !is_alphanumeric(text[length - 1]))
                return false;
        for (size_t i = 0; i < length; i++)
                if (!is_alphanumeric(text[i]) && !strchr("-_.", text[i]))
                        return false;
        return true;
}

struct faults dns_label_faults(const char *text)
{
        struct faults faults = {0};
        size_t length = strlen(text);

        if (length > DNS_LABEL_MAX)
                add(&faults, "must be no more than 63 characters");
        if (is_dns_label(text, length))
                return faults;
        add(&faults,
            is_dns_subdomain(text, length)
                ? "must not contain dots"
                : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
                  "or '-', and must start and end with an alphanumeric character (e.g. "
                  "'my-name',  or '123-abc', regex used for validation is '" DNS_LABEL_REGEX "')");
        return faults;
}

struct faults dns_subdomain_faults(const char *text)
{
        struct faults faults = {0};
        size_t length = strlen(text);

        if (length > DNS_SUBDOMAIN_MAX)
                add(&faults, "must be no more than 253 characters");
        if (!is_dns_subdomain(text, length))
                add(&faults, DNS_SUBDOMAIN_FAULT);
        return faults;
}

static void add_key_prefix(struct faults *faults, const char *text, size_t length)
{
        if (length == 0) {
                add(faults, "prefix part must be non-empty");
                return;
        }
        if (length > DNS_SUBDOMAIN_MAX)
                add(faults, "prefix part must be no more than 253 bytes");
        if (!is_dns_subdomain(text, length))
                add(faults, "prefix part " DNS_SUBDOMAIN_FAULT);
}

struct faults label_key_faults(const char *text)
{
        struct faults faults = {0};
        const char *slash = strchr(text, '/');
        const char *name = slash ? slash + 1 : text;

        if (strchr(name, '/')) {
                add(&faults, "a valid label key " LABEL_KEY_FAULT
                             " with an optional DNS subdomain prefix and '/' (e.g. "
                             "'example.com/MyName')");
                return faults;
        }
        if (slash)
                add_key_prefix(&faults, text, (size_t)(slash - text));
        if (!*name)
                add(&faults, "name part must be non-empty");
        else if (strlen(name) > LABEL_PART_MAX)
                add(&faults, "name part must be no more than 63 bytes");
        if (!is_label_part(name))
                add(&faults, "name part " LABEL_KEY_FAULT);
        return faults;
}

struct faults label_value_faults(const char *text)
{
        struct faults faults = {0};

        if (strlen(text) > LABEL_PART_MAX)
                add(&faults, "must be no more than 63 bytes");
        if (*text && !is_label_part(text))
                add(&faults, "a valid label must be an empty string or consist of alphanumeric "
                             "characters, '-', '_' or '.', and must start and end with an "
                             "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
                             "'12345', regex used for validation is '(" LABEL_REGEX ")?')");
        return faults;
}

struct faults port_name_faults(const char *text)
{
        struct faults faults = {0};
        size_t length = strlen(text), letters = 0, strangers = 0;

        for (size_t i = 0; i < length; i++) {
                letters += is_lower(text[i]);
                strangers += !is_lower_alphanumeric(text[i]) && text[i] != '-';
        }
        if (length > PORT_NAME_MAX)
                add(&faults, "must be no more than 15 characters");
        if (length == 0 || strangers)
                add(&faults,
                    "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
        if (!letters)
                add(&faults, "must contain at least one letter (a-z)");
        if (strstr(text, "--"))
                add(&faults, "must not contain consecutive hyphens");
        if (length && (text[0] == '-' || text[length - 1] == '-'))
                add(&faults, "must not begin or end with a hyphen");
        return faults;
}
