#pragma once

#include "base/arena.h"
#include "kube/decode/decode.h"
#include "kube/decode/validate.h"

/* Reading one object, field by field. A struct field is a value and the way to it, on the stack of
 * whoever is decoding: paths and lines cost nothing until something is wrong.
 *
 * Null is absent, as in the API's own decoder: readers then leave their target as it is, which is
 * zero. Whatever is wrong is added to the problems, and decoding goes on. */

struct field {
        const struct field *parent; /* NULL for the object itself */
        const char *name;           /* of a member; NULL for an item of a list */
        size_t index;               /* of an item */
        const struct value *value;  /* of an absent field its parent's, for the line */
        bool absent;
};

struct decoder {
        const struct decode_context *context;
        struct arena *arena;
        const struct value *root; /* the object */
        const char *kind;         /* for messages, with namespaced; "" where not known */
        bool namespaced;
        bool strict;   /* unknown fields are problems */
        size_t faults; /* problems added for this object */
        bool named;    /* its name and namespace are valid */
};

/* A member to speak of, whether it is there or not. */
struct field field_member(const struct field *parent, const char *name);
/* A map, on the line of one of its keys: for a key that is wrong, where the API names the map. */
struct field field_at_key(const struct field *map, const struct value *member);
/* Is it text or absent? What is not was said to be of the wrong type, which is enough said. */
bool field_may_be_text(const struct field *field);

/* Problems; the path stands before the text. */
void field_problem(struct decoder *decoder, const struct field *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void field_invalid(struct decoder *decoder, const struct field *field, const char *why);
void field_invalid_text(struct decoder *decoder, const struct field *field, const char *text,
                        const char *why);
/* A problem for each fault of text. */
void field_faults(struct decoder *decoder, const struct field *field, const char *text,
                  struct faults faults);
/* supported is the list as messages print it: "\"TCP\", \"UDP\"". */
void field_unsupported(struct decoder *decoder, const struct field *field, const char *text,
                       const char *supported);
void field_duplicate(struct decoder *decoder, const struct field *field);
/* Of a type that no field_…() reads. */
void field_wrong_type(struct decoder *decoder, const struct field *field, const char *type);

/* One kind of value each; false where it is absent or, with a problem added, of another type. */
bool field_text(struct decoder *decoder, const struct field *field,
                const char **ret); /* interned */
bool field_flag(struct decoder *decoder, const struct field *field, bool *ret);
bool field_int32(struct decoder *decoder, const struct field *field, int32_t *ret);
/* As field_text(), for what is looked at and not kept. */
bool field_word(struct decoder *decoder, const struct field *field, const char **ret);
bool field_is(struct decoder *decoder, const struct field *field, enum value_kind kind);
/* TCP, UDP or SCTP; supported as in field_unsupported(). */
bool field_protocol(struct decoder *decoder, const struct field *field, const char *supported,
                    enum protocol *ret);
/* Is it one of what the API allows as a port? A problem where not. */
bool field_port_number(struct decoder *decoder, const struct field *field, int32_t number);

/* text, which is the field's, as Kubernetes reads CIDRs and addresses of old: leading zeros are
 * decimal, host bits of a CIDR are cut. */
bool field_cidr(struct decoder *decoder, const struct field *field, const char *text,
                struct prefix *ret);
bool field_ip(struct decoder *decoder, const struct field *field, const char *text, struct ip *ret);
/* Has nothing that is routed such an address? A problem where so. */
bool field_special_ip(struct decoder *decoder, const struct field *field, const struct ip *ip);

/* The members of an object that the API knows. */
typedef void field_decoder(struct decoder *decoder, const struct field *field, void *target);
struct member {
        const char *name;
        field_decoder *decode; /* NULL: known, and of no interest */
};
void field_members(struct decoder *decoder, const struct field *field, const struct member *members,
                   size_t n, void *target);
#define field_object(decoder, field, members, target)                                              \
        field_members((decoder), (field), (members), ARRAY_SIZE(members), (target))

/* The items of a list, each decoded into an element of a new array; an item may be null. NULL and 0
 * where the list is absent or empty. */
void *field_items(struct decoder *decoder, const struct field *field, size_t item_size,
                  field_decoder *decode, size_t *ret_n);
#define field_list(decoder, field, list, decode)                                                   \
        ((list)->items =                                                                           \
             field_items((decoder), (field), sizeof(*(list)->items), (decode), &(list)->n))
