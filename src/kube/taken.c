#include "kube/taken.h"

#include <string.h>

#include "kube/refusals.h"

/* As it stands there: also what is no valid name, but not at any length. */
static const char *member_name(struct arena *arena, const struct value *object, const char *key)
{
        const struct value *metadata = value_member(object, "metadata");
        const char *text = metadata ? value_member_text(metadata, key) : "";

        return arena_strndup(arena, text, strnlen(text, REFUSED_MAX_NAME));
}

struct refused take_name(struct arena *arena, enum kind kind, const struct value *object)
{
        return (struct refused){
            .kind = kind,
            .namespace = api_kinds[kind].namespaced ? member_name(arena, object, "namespace") : "",
            .name = member_name(arena, object, "name"),
            .uid = member_name(arena, object, "uid"),
            .why = "",
        };
}

struct taken take_object(struct arena *arena, enum kind kind, const struct value *object)
{
        struct problems problems = problems_in(arena);
        const struct decode_context context = {
            .arena = arena,
            .intern = intern_new(arena),
            .problems = &problems,
            .file = "API server",
            .default_namespace = "",
        };
        struct taken taken = {.refused = take_name(arena, kind, object)};

        taken.named = decode_stored(&context, kind, object, &taken.object);
        taken.is_refused = problems.list.n > 0;
        taken.refused.why = refusal_reason(arena, &problems);
        return taken;
}
