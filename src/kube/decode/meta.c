#include "kube/decode/meta.h"

#include <string.h>

#include "kube/decode/selector.h"
#include "kube/decode/timestamp.h"

#define ANNOTATIONS_MAX (256u << 10) /* bytes of all keys and values, as the API server has it */

struct meta_target {
        struct meta *meta;
        const char *generate_name;
};

static void decode_name(struct decoder *decoder, const struct field *field, void *target)
{
        field_text(decoder, field, &((struct meta_target *)target)->meta->name);
}

static void decode_generate_name(struct decoder *decoder, const struct field *field, void *target)
{
        field_text(decoder, field, &((struct meta_target *)target)->generate_name);
}

static void decode_namespace(struct decoder *decoder, const struct field *field, void *target)
{
        field_text(decoder, field, &((struct meta_target *)target)->meta->namespace);
}

static void decode_uid(struct decoder *decoder, const struct field *field, void *target)
{
        const char *uid;

        if (field_word(decoder, field, &uid) && *uid)
                ((struct meta_target *)target)->meta->uid = arena_strdup(decoder->arena, uid);
}

static void decode_meta_labels(struct decoder *decoder, const struct field *field, void *target)
{
        decode_labels(decoder, field, &((struct meta_target *)target)->meta->labels);
}

static bool decode_time(struct decoder *decoder, const struct field *field, int64_t *ret)
{
        if (!field_is(decoder, field, VALUE_STRING))
                return false;
        if (timestamp_parse(field->value->text, ret))
                return true;
        field_invalid(decoder, field, "must be a time of RFC 3339, as 2006-01-02T15:04:05Z");
        return false;
}

static void decode_created(struct decoder *decoder, const struct field *field, void *target)
{
        decode_time(decoder, field, &((struct meta_target *)target)->meta->created);
}

static void decode_deleted(struct decoder *decoder, const struct field *field, void *target)
{
        int64_t deleted;

        if (decode_time(decoder, field, &deleted))
                ((struct meta_target *)target)->meta->terminating = true;
}

/* Their keys are as labels', but for the case of letters. */
static void check_annotation_key(struct decoder *decoder, const struct field *field,
                                 const struct value *annotation)
{
        struct field key = field_at_key(field, annotation);
        char *lower = arena_strdup(decoder->arena, annotation->key);

        for (char *c = lower; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                        *c = (char)(*c - 'A' + 'a');
        field_faults(decoder, &key, annotation->key, label_key_faults(lower));
}

/* They decide nothing; only where every field counts is what the API server refuses refused. */
static void decode_annotations(struct decoder *decoder, const struct field *field, void *target)
{
        size_t total = 0;

        if (!decoder->strict || !field_is(decoder, field, VALUE_MAP))
                return;
        for (const struct value *value = field->value->first; value; value = value->next) {
                struct field member = {.parent = field, .name = value->key, .value = value};

                check_annotation_key(decoder, field, value);
                total += strlen(value->key);
                if (field_is(decoder, &member, VALUE_STRING))
                        total += strlen(value->text);
        }
        if (total > ANNOTATIONS_MAX)
                field_problem(decoder, field, "Too long: may not be more than %u bytes",
                              ANNOTATIONS_MAX);
}

static const struct member meta_members[] = {
    {"name", decode_name},
    {"generateName", decode_generate_name},
    {"namespace", decode_namespace},
    {"uid", decode_uid},
    {"labels", decode_meta_labels},
    {"annotations", decode_annotations},
    {"creationTimestamp", decode_created},
    {"deletionTimestamp", decode_deleted},
    {"deletionGracePeriodSeconds", NULL},
    {"finalizers", NULL},
    {"generation", NULL},
    {"managedFields", NULL},
    {"ownerReferences", NULL},
    {"resourceVersion", NULL},
    {"selfLink", NULL},
};

/* Something is put behind it, so that a hyphen may end it. */
static void check_generate_name(struct decoder *decoder, const struct field *metadata,
                                const struct meta_rules *rules, const char *text)
{
        struct field field = field_member(metadata, "generateName");
        char *name = arena_strdup(decoder->arena, text);
        size_t length = strlen(name);

        if (length > 1 && name[length - 1] == '-')
                name[length - 1] = 'a';
        field_faults(decoder, &field, text, rules->name_faults(name));
}

/* A name that the API server would make up tells no two objects apart here. */
static void check_name(struct decoder *decoder, const struct field *metadata,
                       const struct meta_rules *rules, const struct meta_target *target)
{
        struct field field = field_member(metadata, "name");
        const char *name = target->meta->name;

        if (*target->generate_name)
                check_generate_name(decoder, metadata, rules, target->generate_name);
        if (!field_may_be_text(&field))
                return;
        if (*name)
                field_faults(decoder, &field, name, rules->name_faults(name));
        else if (*target->generate_name)
                field_problem(
                    decoder, &field,
                    "Required value: only the API server can make a name of generateName");
        else
                field_problem(decoder, &field, "Required value: name or generateName is required");
}

void decode_meta(struct decoder *decoder, const struct field *object,
                 const struct meta_rules *rules, struct meta *ret)
{
        const char *empty = intern_text(decoder->context->intern, "");
        struct meta meta = {
            .namespace = empty,
            .name = empty,
            .uid = empty,
            .place = {decoder->context->file, object->value->line},
        };
        struct meta_target target = {&meta, empty};
        struct field metadata = field_member(object, "metadata");

        if (!metadata.absent)
                field_object(decoder, &metadata, meta_members, &target);
        if (metadata.value->kind == VALUE_MAP || metadata.value->kind == VALUE_NULL) /* or absent */
                check_name(decoder, &metadata, rules, &target);
        if (!rules->namespaced) {
                meta.namespace = empty; /* as the API server does */
        } else {
                struct field field = field_member(&metadata, "namespace");

                if (!*meta.namespace)
                        meta.namespace = intern_text(decoder->context->intern,
                                                     decoder->context->default_namespace);
                field_faults(decoder, &field, meta.namespace, dns_label_faults(meta.namespace));
        }
        decoder->named = *meta.name && rules->name_faults(meta.name).n == 0 &&
                         (!rules->namespaced || dns_label_faults(meta.namespace).n == 0);
        *ret = meta;
}
