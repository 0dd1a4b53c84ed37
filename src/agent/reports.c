#include "agent/reports.h"

#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/json_print.h"

#define MESSAGE_MAX 1000 /* bytes; the API server takes 1024 */
#define NAME_DIGEST 16

const char *report_namespace(const struct refused *refused)
{
        return *refused->namespace ? refused->namespace : "default";
}

static void add_message(struct strbuf *out, const struct refused *refused)
{
        const char *closed =
            refused->kind == KIND_NETWORK_POLICY ? "penstock denies all in its directions: " : "";
        size_t length;

        strbuf_add(out, closed);
        strbuf_add(out, refused->why);
        length = out->length > MESSAGE_MAX ? MESSAGE_MAX : out->length;
        while (length < out->length && length > 0 &&
               ((unsigned char)out->text[length] & 0xC0) == 0x80)
                length--; /* not in the middle of a character */
        out->length = length;
        out->text[length] = '\0';
}

static const char *name_of(struct arena *arena, const struct refused *refused, const char *message)
{
        const char *said = arena_printf(arena, "%s\n%s\n%s", refused->name, refused->uid, message);
        char digest[NAME_DIGEST + 1];

        digest_name(said, strlen(said), digest, NAME_DIGEST);
        return arena_printf(arena, "penstock.%s", digest);
}

static void print_object(struct json_print *json, const struct refused *refused,
                         struct arena *arena)
{
        const struct api_kind *kind = &api_kinds[refused->kind];

        json_open(json, "involvedObject", '{');
        json_text(json, "apiVersion",
                  *kind->group ? arena_printf(arena, "%s/%s", kind->group, kind->version)
                               : kind->version);
        json_text(json, "kind", kind->kind);
        if (*refused->namespace)
                json_text(json, "namespace", refused->namespace);
        json_text(json, "name", refused->name);
        if (*refused->uid)
                json_text(json, "uid", refused->uid);
        json_close(json, '}');
}

void report_refused(const struct refused *refused, int64_t unix_time, struct strbuf *out)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf message = {0};
        struct json_print json = {.out = out};
        time_t when = (time_t)unix_time;
        char time[32];
        struct tm utc;

        add_message(&message, refused);
        strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &utc));
        json_open(&json, NULL, '{');
        json_text(&json, "apiVersion", "v1");
        json_text(&json, "kind", "Event");
        json_open(&json, "metadata", '{');
        json_text(&json, "name", name_of(arena, refused, message.text));
        json_text(&json, "namespace", report_namespace(refused));
        json_close(&json, '}');
        print_object(&json, refused, arena);
        json_text(&json, "type", "Warning");
        json_text(&json, "reason", "NotAccepted");
        json_text(&json, "message", message.text);
        json_open(&json, "source", '{');
        json_text(&json, "component", "penstock");
        json_close(&json, '}');
        json_text(&json, "firstTimestamp", time);
        json_text(&json, "lastTimestamp", time);
        json_number(&json, "count", 1);
        json_close(&json, '}');
}

bool report_budget_take(struct report_budget *budget, double now)
{
        if (budget->told > 0 && now - budget->since >= REPORTS_SECONDS)
                budget->told = 0;
        if (budget->told == 0)
                budget->since = now;
        if (budget->told == REPORTS_MAX) {
                budget->untold++;
                return false;
        }
        budget->told++;
        return true;
}

size_t report_budget_untold(struct report_budget *budget, double now)
{
        size_t untold = budget->untold;

        if (untold == 0 || (budget->said > 0 && now - budget->said < REPORTS_SECONDS))
                return 0;
        budget->said = now;
        budget->untold = 0;
        return untold;
}
