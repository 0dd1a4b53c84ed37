#include "kube/decode/decode.h"

#include <string.h>
#include <strings.h>

#include "base/strbuf.h"
#include "kube/decode/kinds.h"
#include "kube/decode/quote.h"

/* Which objects there are: the table of kinds. What is nearly one of them (another version of the
 * API, another case of letters) is refused and not passed over: a policy that is silently left out
 * opens what it was to close. Kinds of the same name in the groups of others (Calico's
 * NetworkPolicy, Longhorn's Node) are not meant for penstock. */

static const struct {
        void (*decode)(struct decoder *decoder, const struct field *object, struct object *ret);
        bool strict;
} decoders[OBJECT_KINDS] = {
    [KIND_NAMESPACE] = {decode_namespace, false},
    [KIND_NODE] = {decode_node, false},
    [KIND_POD] = {decode_pod, false},
    [KIND_NETWORK_POLICY] = {decode_network_policy, true},
};

struct type {
        const char *api_version, *kind; /* "" where absent */
};

static bool is_group_version(const struct api_kind *kind, const char *api_version)
{
        size_t group = strlen(kind->group);

        if (group == 0)
                return strcmp(api_version, kind->version) == 0;
        return strncmp(api_version, kind->group, group) == 0 && api_version[group] == '/' &&
               strcmp(api_version + group + 1, kind->version) == 0;
}

/* Of Kubernetes' own groups, without a dot or under k8s.io; those of others are domains. */
static bool is_own_group(const char *api_version)
{
        static const char own[] = ".k8s.io";
        const char *slash = strchr(api_version, '/');
        size_t length = slash ? (size_t)(slash - api_version) : 0, suffix = sizeof(own) - 1;

        return !memchr(api_version, '.', length) ||
               (length > suffix && memcmp(api_version + length - suffix, own, suffix) == 0);
}

/* In NetworkPolicy's group nothing else begins so: it is one, mistyped. */
static bool is_mistyped_policy(const struct type *type)
{
        return strncmp(type->api_version, "networking.k8s.io/", 18) == 0 &&
               strncasecmp(type->kind, "network", 7) == 0;
}

/* The kind that is meant, exactly or nearly; NULL where it is none of ours. */
static const struct api_kind *find_kind(const struct type *type)
{
        if (!is_own_group(type->api_version))
                return NULL;
        for (size_t i = 0; i < OBJECT_KINDS; i++)
                if (strcasecmp(api_kinds[i].kind, type->kind) == 0)
                        return &api_kinds[i];
        return is_mistyped_policy(type) ? &api_kinds[KIND_NETWORK_POLICY] : NULL;
}

/* Says why there is no such kind. */
static void refuse_kind(struct decoder *decoder, const struct field *object,
                        const struct type *type, const struct api_kind *kind)
{
        _cleanup_strbuf_ struct strbuf shown = {0};

        strbuf_add(&shown, "no matches for kind ");
        quote_text(&shown, type->kind);
        strbuf_add(&shown, " in version ");
        quote_text(&shown, type->api_version);
        field_problem(decoder, object, "%s; is %s of %s%s%s meant?", shown.text, kind->kind,
                      kind->group, *kind->group ? "/" : "", kind->version);
}

static void read_type(struct decoder *decoder, const struct field *object, struct type *ret)
{
        struct field version = field_member(object, "apiVersion");
        struct field kind = field_member(object, "kind");

        *ret = (struct type){"", ""};
        if (!version.absent)
                field_word(decoder, &version, &ret->api_version);
        if (!kind.absent)
                field_word(decoder, &kind, &ret->kind);
}

static void require_type(struct decoder *decoder, const struct field *object,
                         const struct type *type)
{
        if (decoder->faults)
                return;
        if (!*type->kind)
                field_problem(decoder, object, "kind not set");
        if (!*type->api_version)
                field_problem(decoder, object, "apiVersion not set");
}

static bool is_exactly(const struct api_kind *kind, const struct type *type)
{
        return is_group_version(kind, type->api_version) && strcmp(kind->kind, type->kind) == 0;
}

static bool is_map(struct decoder *decoder, const struct field *object)
{
        if (object->value->kind == VALUE_MAP)
                return true;
        field_problem(decoder, object, "cannot unmarshal %s into an object",
                      value_kind_name(object->value->kind));
        return false;
}

static void decode_as(struct decoder *decoder, const struct field *root,
                      const struct api_kind *kind, struct object *ret)
{
        enum kind which = (enum kind)(kind - api_kinds);

        *ret = (struct object){.kind = which};
        decoder->strict = decoders[which].strict;
        decoders[which].decode(decoder, root, ret);
}

enum decode_result decode_object(const struct decode_context *context, const struct value *value,
                                 struct object *ret)
{
        struct decoder decoder = {
            .context = context,
            .arena = context->arena,
            .root = value,
            .kind = value_member_text(value, "kind"),
            .namespaced = true, /* until the kind is known: most are */
        };
        struct field root = {.value = value};
        struct object object;
        struct type type;

        if (!is_map(&decoder, &root))
                return DECODE_INVALID;
        read_type(&decoder, &root, &type);
        require_type(&decoder, &root, &type);
        if (decoder.faults)
                return DECODE_INVALID;

        const struct api_kind *kind = find_kind(&type);
        if (!kind)
                return DECODE_SKIPPED_KIND;
        decoder.kind = type.kind;
        decoder.namespaced = kind->namespaced;
        if (is_exactly(kind, &type))
                decode_as(&decoder, &root, kind, &object);
        else
                refuse_kind(&decoder, &root, &type, kind);
        if (decoder.faults)
                return DECODE_INVALID;
        *ret = object;
        return DECODE_DONE;
}

bool decode_stored(const struct decode_context *context, enum kind kind, const struct value *value,
                   struct object *ret)
{
        const struct api_kind *api = &api_kinds[kind];
        struct decoder decoder = {
            .context = context,
            .arena = context->arena,
            .root = value,
            .kind = api->kind,
            .namespaced = api->namespaced,
        };
        struct field root = {.value = value};
        struct object object;
        struct type type;

        if (!is_map(&decoder, &root))
                return false;
        read_type(&decoder, &root, &type);
        if ((*type.kind && strcmp(type.kind, api->kind) != 0) ||
            (*type.api_version && !is_group_version(api, type.api_version)))
                refuse_kind(&decoder, &root, &type, api);
        decode_as(&decoder, &root, api, &object);
        if (!decoder.named)
                return false;
        *ret = object;
        return true;
}
