#include "kube/client/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "kube/decode/number.h"

static int32_t number_of(const struct value *map, const char *key)
{
        const struct value *member = map ? value_member(map, key) : NULL;
        int32_t number;

        return member && member->kind == VALUE_NUMBER && number_int32(member->text, &number)
                   ? number
                   : 0;
}

static bool has_cause(const struct value *details, const char *reason)
{
        const struct value *causes = details ? value_member(details, "causes") : NULL;

        for (const struct value *cause = causes ? causes->first : NULL; cause; cause = cause->next)
                if (strcmp(value_member_text(cause, "reason"), reason) == 0)
                        return true;
        return false;
}

struct api_status api_status_of(const struct value *value)
{
        const struct value *details = value_member(value, "details");
        struct api_status status = {
            .code = number_of(value, "code"),
            .reason = value_member_text(value, "reason"),
            .message = value_member_text(value, "message"),
            .retry_after = number_of(details, "retryAfterSeconds"),
        };

        /* Before 1.18 only the words say so. */
        status.version_is_too_large = has_cause(details, "ResourceVersionTooLarge") ||
                                      strstr(status.message, "Too large resource version");
        if (status.retry_after < 0)
                status.retry_after = 0;
        return status;
}

bool api_status_is_gone(const struct api_status *status)
{
        return status->code == 410 || strcmp(status->reason, "Expired") == 0 ||
               strcmp(status->reason, "Gone") == 0;
}

static const char *version_of(const struct value *object)
{
        const struct value *metadata = value_member(object, "metadata");

        return metadata ? value_member_text(metadata, "resourceVersion") : "";
}

static bool ends_list(const struct value *bookmark)
{
        const struct value *metadata = value_member(bookmark, "metadata");
        const struct value *annotations = metadata ? value_member(metadata, "annotations") : NULL;

        return annotations &&
               strcmp(value_member_text(annotations, "k8s.io/initial-events-end"), "true") == 0;
}

bool api_is_object(const struct value *object)
{
        const struct value *metadata = value_member(object, "metadata");

        return metadata && *value_member_text(metadata, "name") && *version_of(object);
}

static bool event_is_whole(const struct api_event *event)
{
        switch (event->type) {
        case EVENT_OBJECT:
        case EVENT_DELETED:
                return api_is_object(event->object);
        case EVENT_BOOKMARK:
                return *event->version;
        case EVENT_ERROR:
                break;
        }
        return true;
}

bool api_event_of(const struct value *value, struct api_event *ret)
{
        static const struct {
                const char *name;
                enum event_type type;
        } types[] = {
            {"ADDED", EVENT_OBJECT},      {"MODIFIED", EVENT_OBJECT}, {"DELETED", EVENT_DELETED},
            {"BOOKMARK", EVENT_BOOKMARK}, {"ERROR", EVENT_ERROR},
        };
        const char *type = value_member_text(value, "type");
        struct api_event event = {.object = value_member(value, "object")};

        if (!event.object || event.object->kind != VALUE_MAP)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                if (strcmp(types[i].name, type) != 0)
                        continue;
                event.type = types[i].type;
                event.version = event.type == EVENT_ERROR ? "" : version_of(event.object);
                event.ends_list = event.type == EVENT_BOOKMARK && ends_list(event.object);
                if (!event_is_whole(&event))
                        return false;
                *ret = event;
                return true;
        }
        return false;
}

bool api_list_of(const struct value *value, struct api_list *ret)
{
        const struct value *metadata = value_member(value, "metadata");
        const struct value *items = value_member(value, "items");

        if (!metadata || !*version_of(value) || !items ||
            (items->kind != VALUE_LIST && items->kind != VALUE_NULL))
                return false;
        *ret = (struct api_list){version_of(value), value_member_text(metadata, "continue")};
        return true;
}

static bool is_number(const char *text)
{
        return *text && strspn(text, "0123456789") == strlen(text);
}

bool api_version_is_before(const char *a, const char *b)
{
        size_t length_a = strlen(a), length_b = strlen(b);

        if (!is_number(a) || !is_number(b))
                return false;
        return length_a != length_b ? length_a < length_b : strcmp(a, b) < 0;
}
