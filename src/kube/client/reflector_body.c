#include <string.h>

#include "base/clock.h"
#include "kube/client/answers.h"
#include "kube/client/reflector.h"
#include "kube/client/wanted_members.h"

/* What stands in an answer goes to the handler object by object, as each is whole. Where a
 * connection is cut in the middle of one, nothing of it was seen. */

static void set_version(struct reflector *reflector, const char *version)
{
        struct reflecting *shared = reflector->shared;

        reflector->version.length = 0;
        strbuf_add(&reflector->version, version);
        if (shared->newest.length && !api_version_is_before(strbuf_text(&shared->newest), version))
                return;
        shared->newest.length = 0;
        strbuf_add(&shared->newest, version);
}

static void begin_list(struct reflector *reflector)
{
        struct reflecting *shared = reflector->shared;

        if (reflector->begun)
                return;
        reflector->begun = true;
        shared->handler.begin(shared->handler.data, reflector->kind);
}

static void end_list(struct reflector *reflector)
{
        struct reflecting *shared = reflector->shared;

        reflector->begun = false;
        reflector->unpaged = false;
        shared->handler.end(shared->handler.data, reflector->kind);
}

static void begin_watch(struct reflector *reflector)
{
        struct reflecting *shared = reflector->shared;

        reflector->doing = REFLECTOR_WATCHING;
        reflector->since = clock_seconds();
        shared->counts.watches[reflector->kind]++;
        shared->counts.connected[reflector->kind] = true;
        shared->handler.connected(shared->handler.data, reflector->kind);
}

void reflector_opened(struct reflector *reflector)
{
        reflector->lost = 0;
        reflector->refused = false;
        if (reflector->doing == REFLECTOR_LISTING || reflector->doing == REFLECTOR_STREAMING)
                begin_list(reflector);
        else if (reflector->doing == REFLECTOR_WATCHING)
                begin_watch(reflector);
}

/* false, so that it can be returned */
static bool ends(struct reflector *reflector, bool relist, const char *why)
{
        reflector->end.found = true;
        reflector->end.relist = relist;
        err_set(&reflector->end.err, "%s", why);
        return false;
}

static bool take_item(struct reflector *reflector, const struct value *item)
{
        struct reflecting *shared = reflector->shared;

        if (!api_is_object(item))
                return ends(reflector, true, "an item of the list has no name or no version");
        shared->handler.object(shared->handler.data, reflector->kind, item);
        return true;
}

static bool take_error(struct reflector *reflector, const struct value *object)
{
        struct api_status status = api_status_of(object);
        bool relist = api_status_is_gone(&status) || status.version_is_too_large;

        reflector->end.retry_after = status.retry_after;
        if (status.version_is_too_large)
                reflector_went_back(reflector);
        if (relist)
                reflector->shared->counts.gone[reflector->kind]++;
        ends(reflector, relist, *status.message ? status.message : "no reason given");
        err_wrap(&reflector->end.err, "the server ended the watch: %d %s", status.code,
                 status.reason);
        return false;
}

/* Of a list that comes as a watch: versions are in no order. */
static void take_listed(struct reflector *reflector, const struct api_event *event)
{
        if (!event->ends_list)
                return;
        set_version(reflector, event->version);
        end_list(reflector);
        if (!reflector->shared->closing)
                begin_watch(reflector);
}

static bool take_event(struct reflector *reflector, const struct value *value)
{
        struct reflecting *shared = reflector->shared;
        bool listed = reflector->doing == REFLECTOR_STREAMING;
        struct api_event event;

        if (!api_event_of(value, &event))
                return ends(reflector, true, "the server sent what is no event of a watch");
        if (event.type == EVENT_ERROR)
                return take_error(reflector, event.object);
        if (!listed && api_version_is_before(event.version, strbuf_text(&reflector->version))) {
                shared->counts.gone[reflector->kind]++;
                reflector_went_back(reflector);
                return ends(reflector, true, "the server has gone back to an older state");
        }
        shared->counts.events[reflector->kind]++;
        if (event.type == EVENT_OBJECT)
                shared->handler.object(shared->handler.data, reflector->kind, event.object);
        else if (event.type == EVENT_DELETED)
                shared->handler.deleted(shared->handler.data, reflector->kind, event.object);
        if (listed)
                take_listed(reflector, &event);
        else
                set_version(reflector, event.version);
        return true;
}

static bool take_object(struct reflector *reflector, char *bytes, size_t length)
{
        bool item = reflector->doing == REFLECTOR_LISTING;
        const struct wanted *wanted =
            item ? wanted_of_item(reflector->kind) : wanted_of_event(reflector->kind);
        struct err err;
        const struct value *value =
            json_read_whole(&reflector->shared->objects, bytes, length, wanted, &err);

        if (!value)
                return ends(reflector, false, err.text);
        return item ? take_item(reflector, value) : take_event(reflector, value);
}

bool reflector_takes(struct reflector *reflector, const char *bytes, size_t n)
{
        struct err err;
        char *object;
        size_t length;
        int r;

        if (reflector->doing == REFLECTOR_ASKING)
                return true;
        pieces_feed(&reflector->pieces, bytes, n);
        while ((r = pieces_next(&reflector->pieces, &object, &length, &err)) > 0)
                if (!take_object(reflector, object, length) || reflector->shared->closing)
                        return false;
        return r == 0 || ends(reflector, false, err.text);
}

/* What stands around the items, as a value; it lives in shared->objects. */
static bool read_around(struct reflector *reflector, struct api_list *ret)
{
        static const char padding[INPUT_PAD];
        struct strbuf *around = &reflector->pieces.around;
        size_t length = around->length;
        struct err err;

        if (!pieces_are_whole(&reflector->pieces))
                return ends(reflector, true, "the list was cut");
        strbuf_add_bytes(around, padding, sizeof(padding));
        const struct value *list =
            json_read_whole(&reflector->shared->objects, around->text, length, NULL, &err);
        if (!list)
                return ends(reflector, true, err.text);
        return api_list_of(list, ret) ||
               ends(reflector, true, "the answer is no list with a version");
}

bool reflector_takes_page(struct reflector *reflector)
{
        bool first = reflector->page.length == 0;
        struct api_list list;

        if (!read_around(reflector, &list))
                return false;
        if (!first && strcmp(strbuf_text(&reflector->version), list.version) != 0)
                return ends(reflector, true, "pages of a list are of different versions");
        if (first)
                set_version(reflector, list.version);
        reflector->page.length = 0;
        strbuf_add(&reflector->page, list.next);
        if (!*list.next)
                end_list(reflector);
        return true;
}
