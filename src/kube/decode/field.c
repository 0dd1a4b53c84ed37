#include "kube/decode/field.h"

#include <stdarg.h>
#include <string.h>

#include "base/strbuf.h"
#include "kube/decode/number.h"
#include "kube/decode/quote.h"

struct field field_member(const struct field *parent, const char *name)
{
        const struct value *value = parent->absent ? NULL : value_member(parent->value, name);

        return (struct field){
            .parent = parent,
            .name = name,
            .value = value ? value : parent->value,
            .absent = !value,
        };
}

struct field field_at_key(const struct field *map, const struct value *member)
{
        struct field field = *map;

        field.value = member;
        return field;
}

bool field_may_be_text(const struct field *field)
{
        return field->absent || field->value->kind == VALUE_NULL ||
               field->value->kind == VALUE_STRING;
}

static bool is_plain_name(const char *name)
{
        size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789_-");

        return length > 0 && length <= QUOTE_MAX_BYTES && !name[length];
}

/* ".spec.ingress[0]"; names that are not plain, as labels' keys, in brackets. */
static void add_path(struct strbuf *buf, const struct field *field)
{
        if (!field->parent)
                return;
        add_path(buf, field->parent);
        if (!field->name) {
                strbuf_printf(buf, "[%zu]", field->index);
        } else if (is_plain_name(field->name)) {
                strbuf_printf(buf, ".%s", field->name);
        } else {
                strbuf_add_char(buf, '[');
                quote_text(buf, field->name);
                strbuf_add_char(buf, ']');
        }
}

/* "Kind ns/name", from the input itself: whatever is wrong with it, it is there. */
static void add_object(struct strbuf *buf, const struct decoder *decoder)
{
        static const struct value none = {.kind = VALUE_NULL};
        const struct value *metadata = value_member(decoder->root, "metadata");
        const char *name = value_member_text(metadata ? metadata : &none, "name");
        const char *namespace = value_member_text(metadata ? metadata : &none, "namespace");

        quote_name(buf, *decoder->kind ? decoder->kind : "object");
        strbuf_add_char(buf, ' ');
        if (decoder->namespaced) {
                quote_name(buf, *namespace ? namespace : decoder->context->default_namespace);
                strbuf_add_char(buf, '/');
        }
        quote_name(buf, *name ? name : "(unnamed)");
}

static void add_problem(struct decoder *decoder, const struct field *field, const char *text)
{
        struct place place = {decoder->context->file, field->value->line};
        _cleanup_strbuf_ struct strbuf object = {0};

        add_object(&object, decoder);
        problems_add(decoder->context->problems, place, "%s: %s", object.text, text);
        decoder->faults++;
}

void field_problem(struct decoder *decoder, const struct field *field, const char *format, ...)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        va_list args;

        if (field->parent) {
                add_path(&text, field);
                strbuf_add(&text, ": ");
        }
        va_start(args, format);
        strbuf_vprintf(&text, format, args);
        va_end(args);
        add_problem(decoder, field, strbuf_text(&text));
}

void field_invalid(struct decoder *decoder, const struct field *field, const char *why)
{
        _cleanup_strbuf_ struct strbuf shown = {0};

        quote_value(&shown, field->value);
        field_problem(decoder, field, "Invalid value: %s: %s", shown.text, why);
}

void field_invalid_text(struct decoder *decoder, const struct field *field, const char *text,
                        const char *why)
{
        _cleanup_strbuf_ struct strbuf shown = {0};

        quote_text(&shown, text);
        field_problem(decoder, field, "Invalid value: %s: %s", shown.text, why);
}

void field_faults(struct decoder *decoder, const struct field *field, const char *text,
                  struct faults faults)
{
        for (size_t i = 0; i < faults.n; i++)
                field_invalid_text(decoder, field, text, faults.items[i]);
}

void field_unsupported(struct decoder *decoder, const struct field *field, const char *text,
                       const char *supported)
{
        _cleanup_strbuf_ struct strbuf shown = {0};

        quote_text(&shown, text);
        field_problem(decoder, field, "Unsupported value: %s: supported values: %s", shown.text,
                      supported);
}

void field_duplicate(struct decoder *decoder, const struct field *field)
{
        _cleanup_strbuf_ struct strbuf shown = {0};

        quote_value(&shown, field->value);
        field_problem(decoder, field, "Duplicate value: %s", shown.text);
}

/* As the API's decoder says it, without the name of a Go type. */
void field_wrong_type(struct decoder *decoder, const struct field *field, const char *type)
{
        const struct value *value = field->value;
        _cleanup_strbuf_ struct strbuf shown = {0};
        const char *hint = "";

        if (value->kind == VALUE_NUMBER) {
                strbuf_add_char(&shown, ' ');
                quote_value(&shown, value);
        }
        if (strcmp(type, "string") == 0 &&
            (value->kind == VALUE_NUMBER || value->kind == VALUE_BOOL))
                hint = " (text that looks like something else needs quotes)";
        field_problem(decoder, field, "cannot unmarshal %s%s into a field of type %s%s",
                      value_kind_name(value->kind), strbuf_text(&shown), type, hint);
}

bool field_is(struct decoder *decoder, const struct field *field, enum value_kind kind)
{
        if (field->value->kind == VALUE_NULL)
                return false;
        if (field->value->kind == kind)
                return true;
        field_wrong_type(decoder, field, value_kind_name(kind));
        return false;
}

bool field_text(struct decoder *decoder, const struct field *field, const char **ret)
{
        if (!field_is(decoder, field, VALUE_STRING))
                return false;
        *ret = intern_text(decoder->context->intern, field->value->text);
        return true;
}

bool field_flag(struct decoder *decoder, const struct field *field, bool *ret)
{
        if (!field_is(decoder, field, VALUE_BOOL))
                return false;
        *ret = field->value->boolean;
        return true;
}

bool field_word(struct decoder *decoder, const struct field *field, const char **ret)
{
        if (!field_is(decoder, field, VALUE_STRING))
                return false;
        *ret = field->value->text;
        return true;
}

bool field_protocol(struct decoder *decoder, const struct field *field, const char *supported,
                    enum protocol *ret)
{
        const char *name;

        if (!field_word(decoder, field, &name))
                return false;
        /* protocol_parse() knows ICMP, which no policy can name. */
        if (strcmp(name, "ICMP") != 0 && protocol_parse(name, ret))
                return true;
        field_unsupported(decoder, field, name, supported);
        return false;
}

bool field_port_number(struct decoder *decoder, const struct field *field, int32_t number)
{
        if (number >= 1 && number <= UINT16_MAX)
                return true;
        field_invalid(decoder, field, "must be between 1 and 65535, inclusive");
        return false;
}

bool field_cidr(struct decoder *decoder, const struct field *field, const char *text,
                struct prefix *ret)
{
        if (prefix_parse_sloppy(text, ret, NULL))
                return true;
        field_invalid_text(decoder, field, text,
                           "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        return false;
}

bool field_ip(struct decoder *decoder, const struct field *field, const char *text, struct ip *ret)
{
        if (ip_parse_sloppy(text, ret))
                return true;
        field_invalid_text(decoder, field, text,
                           "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        return false;
}

/* The first words are those with which the API server refuses them as the ends of a Service. */
static const struct {
        const char *prefix, *why;
} special_ips[] = {
    {"0.0.0.0/32", "may not be unspecified (0.0.0.0)"},
    {"::/128", "may not be unspecified (::)"},
    {"127.0.0.0/8", "may not be in the loopback range (127.0.0.0/8, ::1/128)"},
    {"::1/128", "may not be in the loopback range (127.0.0.0/8, ::1/128)"},
    {"169.254.0.0/16", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
    {"fe80::/10", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
    {"224.0.0.0/4", "may not be in the multicast range (224.0.0.0/4, ff00::/8)"},
    {"ff00::/8", "may not be in the multicast range (224.0.0.0/4, ff00::/8)"},
    {"255.255.255.255/32", "may not be the broadcast address"},
};

bool field_special_ip(struct decoder *decoder, const struct field *field, const struct ip *ip)
{
        for (size_t i = 0; i < ARRAY_SIZE(special_ips); i++) {
                struct prefix prefix;

                if (prefix_parse(special_ips[i].prefix, &prefix, NULL) &&
                    prefix_contains(&prefix, ip)) {
                        field_invalid(decoder, field, special_ips[i].why);
                        return true;
                }
        }
        return false;
}

bool field_int32(struct decoder *decoder, const struct field *field, int32_t *ret)
{
        const struct value *value = field->value;

        if (value->kind == VALUE_NULL)
                return false;
        if (value->kind == VALUE_NUMBER && number_int32(value->text, ret))
                return true;
        field_wrong_type(decoder, field, "int32");
        return false;
}

/* In the words of the API's strict decoding, which names the field with its path behind it. */
static void stray_member(struct decoder *decoder, const struct field *field, const char *how)
{
        _cleanup_strbuf_ struct strbuf path = {0}, text = {0};

        add_path(&path, field->parent);
        if (path.length)
                strbuf_add_char(&path, '.');
        quote_inside(&path, field->name);
        strbuf_printf(&text, "%s field \"%s\"", how,
                      strbuf_text(&path) + (field->parent->parent != NULL));
        add_problem(decoder, field, text.text);
}

void field_members(struct decoder *decoder, const struct field *field, const struct member *members,
                   size_t n, void *target)
{
        uint64_t seen = 0;

        if (!field_is(decoder, field, VALUE_MAP))
                return;
        for (const struct value *value = field->value->first; value; value = value->next) {
                struct field member = {.parent = field, .name = value->key, .value = value};
                size_t i = 0;

                while (i < n && strcmp(members[i].name, value->key) != 0)
                        i++;
                if (i == n) {
                        if (decoder->strict)
                                stray_member(decoder, &member, "unknown");
                        continue;
                }
                if (seen & (uint64_t)1 << i)
                        stray_member(decoder, &member, "duplicate");
                seen |= (uint64_t)1 << i;
                if (members[i].decode && value->kind != VALUE_NULL)
                        members[i].decode(decoder, &member, target);
        }
}

void *field_items(struct decoder *decoder, const struct field *field, size_t item_size,
                  field_decoder *decode, size_t *ret_n)
{
        size_t n = 0, index = 0;

        *ret_n = 0;
        if (!field_is(decoder, field, VALUE_LIST))
                return NULL;
        for (const struct value *value = field->value->first; value; value = value->next)
                n++;
        if (n == 0)
                return NULL;
        char *items = arena_alloc_array(decoder->arena, n, item_size);
        for (const struct value *value = field->value->first; value; value = value->next) {
                struct field item = {.parent = field, .index = index, .value = value};
                decode(decoder, &item, items + index * item_size);
                index++;
        }
        *ret_n = n;
        return items;
}
