#include "kube/client/reflector.h"

#include <string.h>

#include "base/clock.h"

/* Requests follow each other: what one came to says which is next, and when.
 *
 *   LISTING ──page──▶ LISTING ──last──▶ WATCHING ──closed──▶ WATCHING
 *   STREAMING ─────bookmark───────────▶ WATCHING ──lost────▶ ASKING ──known──▶ WATCHING
 *   410, or too new a version, wherever it comes ──▶ LISTING or STREAMING
 *
 * Why ASKING: an etcd that was restored knows only older versions than ours. A watch from a version
 * that is not yet there stands, silently, until it is, and would then begin in the middle of
 * another history. So a server that was lost is asked first, with a list of one object, whether it
 * knows the newest version of any kind: one kind's own may have been passed again already, though
 * what stood between is lost. Where one kind finds that out, all are listed again; so is a server
 * that was away for long enough to be restored, and past our version. */

static void begin(struct reflector *reflector);

bool reflector_lists(enum reflector_doing doing)
{
        return doing == REFLECTOR_LISTING || doing == REFLECTOR_STREAMING;
}

enum reflector_doing reflector_list_anew(struct reflector *reflector)
{
        bool stream = reflector->shared->options.streaming_lists && !reflector->no_streams;

        reflector->version.length = reflector->page.length = 0;
        reflector->history = reflector->shared->history;
        return stream ? REFLECTOR_STREAMING : REFLECTOR_LISTING;
}

void reflector_went_back(struct reflector *reflector)
{
        reflector->shared->newest.length = 0;
        reflector->shared->history++;
}

static void on_timer(uv_timer_t *timer)
{
        begin(timer->data);
}

void reflector_rest(struct reflector *reflector, enum reflector_doing next, double seconds)
{
        reflector->next = next;
        uv_update_time(reflector->shared->loop); /* much may have been read since it looked */
        uv_timer_start(&reflector->timer, on_timer, (uint64_t)(seconds * 1000), 0);
}

static void on_done(void *data, const struct answer *answer)
{
        reflector_ended(data, answer);
}

static void on_opened(void *data)
{
        struct reflector *reflector = data;

        if (!reflector->shared->closing)
                reflector_opened(reflector);
}

static bool on_body(void *data, const char *bytes, size_t n)
{
        struct reflector *reflector = data;

        return !reflector->shared->closing && reflector_takes(reflector, bytes, n);
}

static void add_escaped(struct strbuf *out, const char *name, const char *text)
{
        char *escaped = curl_easy_escape(NULL, text, 0);

        strbuf_printf(out, "%s%s", name, escaped ? escaped : "");
        curl_free(escaped);
}

static void add_watch(struct reflector *reflector, struct strbuf *path)
{
        double seconds = reflector->shared->options.watch_seconds;

        strbuf_printf(path, "watch=true&allowWatchBookmarks=true&timeoutSeconds=%.0f",
                      delay_random(reflector->delay.random, seconds, 2 * seconds));
}

static void add_query(struct reflector *reflector, struct strbuf *path)
{
        switch (reflector->next) {
        case REFLECTOR_LISTING:
                if (!reflector->unpaged)
                        strbuf_printf(path, "limit=%zu", reflector->shared->options.page);
                if (reflector->page.length)
                        add_escaped(path, "&continue=", strbuf_text(&reflector->page));
                break;
        case REFLECTOR_STREAMING:
                add_watch(reflector, path);
                strbuf_add(path, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
                break;
        case REFLECTOR_ASKING:
                strbuf_add(path, "limit=1&resourceVersionMatch=NotOlderThan");
                add_escaped(path, "&resourceVersion=", strbuf_text(&reflector->shared->newest));
                break;
        case REFLECTOR_WATCHING:
                add_watch(reflector, path);
                add_escaped(path, "&resourceVersion=", strbuf_text(&reflector->version));
                break;
        case REFLECTOR_RESTING:
                break;
        }
}

static void make_path(struct reflector *reflector, struct strbuf *path)
{
        const struct api_kind *kind = &api_kinds[reflector->kind];

        if (*kind->group)
                strbuf_printf(path, "/apis/%s/%s/%s?", kind->group, kind->version, kind->plural);
        else
                strbuf_printf(path, "/api/%s/%s?", kind->version, kind->plural);
        add_query(reflector, path);
}

/* The version that it is at may be of another history than the server's. */
static bool is_not_believed(const struct reflector *reflector)
{
        const struct reflecting *shared = reflector->shared;
        bool away_for_long = reflector->lost > 0 &&
                             clock_seconds() - reflector->lost >= shared->options.distrust_seconds;

        return !reflector_lists(reflector->next) &&
               (reflector->history != shared->history ||
                (reflector->next == REFLECTOR_ASKING && away_for_long));
}

static void begin(struct reflector *reflector)
{
        struct reflecting *shared = reflector->shared;
        const struct request_handler handler = {reflector, on_opened, on_body, on_done};
        _cleanup_strbuf_ struct strbuf path = {0};

        if (shared->closing || reflector->request || !shared->ready(shared->data))
                return;
        if (is_not_believed(reflector))
                reflector->next = reflector_list_anew(reflector);
        make_path(reflector, &path);
        reflector->doing = reflector->next;
        reflector->end.found = false;
        reflector->end.retry_after = 0;
        shared->counts.lists[reflector->kind] +=
            reflector_lists(reflector->doing) && !reflector->begun;
        pieces_begin(&reflector->pieces,
                     reflector->doing == REFLECTOR_LISTING ? PIECES_OF_LIST : PIECES_OF_STREAM);
        reflector->request = transport_send(shared->transport, path.text, NULL, &handler);
}

void reflector_init(struct reflector *reflector, struct reflecting *shared, enum kind kind)
{
        double most = shared->options.max_delay_seconds;

        *reflector = (struct reflector){
            .shared = shared,
            .kind = kind,
            .delay = {&shared->random, most < 0.25 ? most : 0.25, most, 0},
        };
        uv_timer_init(shared->loop, &reflector->timer);
        reflector->timer.data = reflector;
        reflector->next = reflector_list_anew(reflector);
}

void reflector_start(struct reflector *reflector)
{
        if (!uv_is_active((const uv_handle_t *)&reflector->timer))
                begin(reflector);
}

void reflector_close(struct reflector *reflector, uv_close_cb closed)
{
        uv_close((uv_handle_t *)&reflector->timer, closed);
}

void reflector_done(struct reflector *reflector)
{
        pieces_done(&reflector->pieces);
        strbuf_done(&reflector->version);
        strbuf_done(&reflector->page);
}
