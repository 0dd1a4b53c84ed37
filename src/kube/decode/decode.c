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

static const struct kind_entry {
        const char *name, *group, *version;
        bool namespaced;
        bool strict;
        void (*decode)(struct decoder *decoder, const struct field *object);
} kinds[] = {
    {"Namespace", "", "v1", false, false, decode_namespace},
    {"Node", "", "v1", false, false, decode_node},
    {"Pod", "", "v1", true, false, decode_pod},
    {"NetworkPolicy", "networking.k8s.io", "v1", true, true, decode_network_policy},
};

struct type {
        const char *api_version, *kind; /* "" where absent */
};

static bool is_group_version(const struct kind_entry *kind, const char *api_version)
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
static const struct kind_entry *find_kind(const struct type *type)
{
        const struct kind_entry *policy = &kinds[ARRAY_SIZE(kinds) - 1];

        if (!is_own_group(type->api_version))
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strcasecmp(kinds[i].name, type->kind) == 0)
                        return &kinds[i];
        return is_mistyped_policy(type) ? policy : NULL;
}

/* Says why there is no such kind. */
static void refuse_kind(struct decoder *decoder, const struct field *object,
                        const struct type *type, const struct kind_entry *kind)
{
        _cleanup_strbuf_ struct strbuf shown = {0};

        strbuf_add(&shown, "no matches for kind ");
        quote_text(&shown, type->kind);
        strbuf_add(&shown, " in version ");
        quote_text(&shown, type->api_version);
        field_problem(decoder, object, "%s; is %s of %s%s%s meant?", shown.text, kind->name,
                      kind->group, *kind->group ? "/" : "", kind->version);
}

/* Both must be there. */
static void read_type(struct decoder *decoder, const struct field *object, struct type *ret)
{
        struct field version = field_member(object, "apiVersion");
        struct field kind = field_member(object, "kind");

        *ret = (struct type){"", ""};
        if (!version.absent)
                field_word(decoder, &version, &ret->api_version);
        if (!kind.absent)
                field_word(decoder, &kind, &ret->kind);
        if (decoder->faults)
                return;
        if (!*ret->kind)
                field_problem(decoder, object, "kind not set");
        if (!*ret->api_version)
                field_problem(decoder, object, "apiVersion not set");
}

static bool is_exactly(const struct kind_entry *kind, const struct type *type)
{
        return is_group_version(kind, type->api_version) && strcmp(kind->name, type->kind) == 0;
}

enum decode_result decode_object(const struct decode_context *context, const struct value *object)
{
        struct decoder decoder = {
            .context = context,
            .arena = context->cluster->arena,
            .root = object,
            .kind = value_member_text(object, "kind"),
            .namespaced = true, /* until the kind is known: most are */
        };
        struct field root = {.value = object};
        struct type type;

        if (object->kind != VALUE_MAP) {
                field_problem(&decoder, &root, "cannot unmarshal %s into an object",
                              value_kind_name(object->kind));
                return DECODE_INVALID;
        }
        read_type(&decoder, &root, &type);
        if (decoder.faults)
                return DECODE_INVALID;

        const struct kind_entry *kind = find_kind(&type);
        if (!kind)
                return DECODE_SKIPPED_KIND;
        decoder.kind = type.kind;
        decoder.namespaced = kind->namespaced;
        decoder.strict = kind->strict;
        if (is_exactly(kind, &type))
                kind->decode(&decoder, &root);
        else
                refuse_kind(&decoder, &root, &type, kind);
        return decoder.faults ? DECODE_INVALID : DECODE_ADDED;
}
