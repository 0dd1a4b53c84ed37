#include "kube/client/reflector.h"

#include <string.h>

#include "base/clock.h"
#include "kube/client/answers.h"

/* Requests follow each other: what one came to says which is next, and when.
 *
 *   LISTING ──page──▶ LISTING ──last──▶ WATCHING ──closed──▶ WATCHING
 *   STREAMING ─────bookmark───────────▶ WATCHING ──lost────▶ ASKING ──known──▶ WATCHING
 *   410, or too new a version, wherever it comes ──▶ LISTING or STREAMING
 *
 * Why ASKING: an etcd that was restored knows only older versions than ours. A watch from a version
 * that is not yet there stands, silently, until it is, and would then begin in the middle of
 * another history. So a server that was lost is asked first, with a list of one object; one that
 * was away for long enough to be restored, and past our version, is listed again. */

#define STEADY_SECONDS   10
#define MOST_RETRY_AFTER 300

static void begin(struct reflector *reflector);

static bool lists(enum reflector_doing doing)
{
        return doing == REFLECTOR_LISTING || doing == REFLECTOR_STREAMING;
}

static enum reflector_doing list_anew(struct reflector *reflector)
{
        bool stream = reflector->shared->options.streaming_lists && !reflector->no_streams;

        reflector->version.length = reflector->page.length = 0;
        return stream ? REFLECTOR_STREAMING : REFLECTOR_LISTING;
}

static void on_timer(uv_timer_t *timer)
{
        begin(timer->data);
}

static void rest(struct reflector *reflector, enum reflector_doing next, double seconds)
{
        reflector->next = next;
        uv_update_time(reflector->shared->loop); /* much may have been read since it looked */
        uv_timer_start(&reflector->timer, on_timer, (uint64_t)(seconds * 1000), 0);
}

/* The list that was begun is not going to end. */
static void give_up_list(struct reflector *reflector)
{
        struct reflecting *shared = reflector->shared;

        if (!reflector->begun)
                return;
        reflector->begun = false;
        shared->handler.abort(shared->handler.data, reflector->kind);
}

static double steady(const struct reflector *reflector)
{
        double most = reflector->shared->options.max_delay_seconds;

        return most < STEADY_SECONDS ? most : STEADY_SECONDS;
}

/* How long to wait after a failure: not at all after a watch that stood, or where that may mend it.
 */
static double wait_after(struct reflector *reflector, bool at_once, double retry_after)
{
        bool stood =
            reflector->since > 0 && clock_seconds() - reflector->since >= steady(reflector);
        double wait = 0;

        if (stood)
                delay_reset(&reflector->delay);
        else if (!at_once)
                wait = delay_next(&reflector->delay);
        if (retry_after > MOST_RETRY_AFTER)
                retry_after = MOST_RETRY_AFTER;
        if (retry_after > 0)
                retry_after =
                    delay_random(reflector->delay.random, retry_after, retry_after * 1.25);
        return retry_after > wait ? retry_after : wait;
}

struct failure {
        enum client_trouble trouble;
        enum reflector_doing next;
        bool at_once;
        bool keeps_list; /* the page that was refused is asked for again */
        double retry_after;
        const char *why;
};

static void fail(struct reflector *reflector, const struct answer *answer,
                 const struct failure *failure)
{
        struct reflecting *shared = reflector->shared;
        double seconds = wait_after(reflector, failure->at_once, failure->retry_after);
        size_t path = strcspn(answer->path, "?");
        struct err err;

        if (lists(failure->next) && !failure->keeps_list)
                give_up_list(reflector);
        err_set(&err, "%s %.*s: %s", answer->method, (int)path, answer->path, failure->why);
        shared->counts.errors[reflector->kind]++;
        rest(reflector, failure->next, seconds);
        shared->handler.trouble(shared->handler.data, reflector->kind, failure->trouble, err.text,
                                seconds);
}

/* After what is no fault of the version that we are at. */
static enum reflector_doing again(struct reflector *reflector, enum reflector_doing was)
{
        return lists(was) ? list_anew(reflector) : REFLECTOR_ASKING;
}

/* 410 wherever it comes, and what amounts to it. The first time it costs no wait. */
static void fail_gone(struct reflector *reflector, const struct answer *answer,
                      enum reflector_doing was, const char *why)
{
        struct failure failure = {.trouble = CLIENT_GONE, .why = why};

        if (was == REFLECTOR_LISTING)
                reflector->unpaged = true;
        failure.at_once = reflector->delay.failures == 0;
        reflector->delay.failures += failure.at_once;
        failure.next = list_anew(reflector);
        fail(reflector, answer, &failure);
}

/* No answer, or not all of it. */
static void fail_lost(struct reflector *reflector, const struct answer *answer,
                      enum reflector_doing was, const char *why)
{
        struct failure failure = {.trouble = CLIENT_RETRYING, .why = why};

        if (reflector->lost == 0)
                reflector->lost = clock_seconds();
        if (was == REFLECTOR_STREAMING && answer->end == ANSWER_SILENT)
                reflector->no_streams = true;
        failure.next = again(reflector, was);
        fail(reflector, answer, &failure);
}

static void fail_refused(struct reflector *reflector, const struct answer *answer,
                         enum reflector_doing was, const struct api_status *status, const char *why)
{
        struct failure failure = {
            .trouble = answer->status == 403 ? CLIENT_FORBIDDEN : CLIENT_RETRYING,
            .retry_after = answer->retry_after > 0 ? answer->retry_after : status->retry_after,
            .why = why,
        };

        if (answer->status == 401) {
                failure.at_once =
                    reflector->shared->refused(reflector->shared->data) && !reflector->refused;
                reflector->refused = true;
        }
        if (answer->status >= 500 && reflector->lost == 0)
                reflector->lost = clock_seconds();
        /* Who has too much to do must not be made to do all of it again. */
        failure.keeps_list = was == REFLECTOR_LISTING && answer->status == 429;
        failure.next = failure.keeps_list ? REFLECTOR_LISTING : again(reflector, was);
        fail(reflector, answer, &failure);
}

/* What an answer of no success says. */
static const struct value *read_refusal(struct reflector *reflector, const struct answer *answer)
{
        static const struct value nothing = {.kind = VALUE_NULL};
        static const char padding[INPUT_PAD];
        _cleanup_strbuf_ struct strbuf text = {0};
        struct err err;

        strbuf_add_bytes(&text, answer->text, answer->length);
        strbuf_add_bytes(&text, padding, sizeof(padding));
        const struct value *value =
            json_read_whole(&reflector->shared->objects, text.text, answer->length, NULL, &err);
        return value ? value : &nothing;
}

static void answered_no(struct reflector *reflector, const struct answer *answer,
                        enum reflector_doing was)
{
        struct api_status status = api_status_of(read_refusal(reflector, answer));
        struct err why;

        err_set(&why, "%ld%s%s%s%s", answer->status, *status.reason ? " " : "", status.reason,
                *status.message ? ": " : "", status.message);
        if (was == REFLECTOR_STREAMING && (answer->status == 400 || answer->status == 422)) {
                reflector->no_streams = true;
                rest(reflector, list_anew(reflector), 0);
        } else if (answer->status == 410 || status.version_is_too_large) {
                reflector->shared->counts.gone[reflector->kind]++;
                fail_gone(reflector, answer, was, why.text);
        } else {
                fail_refused(reflector, answer, was, &status, why.text);
        }
}

/* A watch ends by itself every few minutes; one that ends sooner, without a word, is not hurried.
 */
static void watch_ended(struct reflector *reflector, const struct answer *answer)
{
        bool stood = clock_seconds() - reflector->since >= steady(reflector);

        if (!pieces_are_whole(&reflector->pieces)) {
                fail_lost(reflector, answer, REFLECTOR_WATCHING, "cut in the middle of an object");
                return;
        }
        if (stood)
                delay_reset(&reflector->delay);
        rest(reflector, REFLECTOR_WATCHING, stood ? 0 : delay_next(&reflector->delay));
}

static void answered_all(struct reflector *reflector, const struct answer *answer,
                         enum reflector_doing was)
{
        switch (was) {
        case REFLECTOR_LISTING:
                if (!reflector_takes_page(reflector))
                        fail_lost(reflector, answer, was, reflector->end.err.text);
                else
                        rest(reflector,
                             reflector->page.length ? REFLECTOR_LISTING : REFLECTOR_WATCHING, 0);
                break;
        case REFLECTOR_STREAMING:
                fail_lost(reflector, answer, was, "the list was cut");
                break;
        case REFLECTOR_WATCHING:
                watch_ended(reflector, answer);
                break;
        case REFLECTOR_ASKING:
        case REFLECTOR_RESTING:
                rest(reflector, REFLECTOR_WATCHING, 0);
                break;
        }
}

/* Something in the body ended it. */
static void stopped(struct reflector *reflector, const struct answer *answer,
                    enum reflector_doing was)
{
        struct failure failure = {
            .trouble = CLIENT_RETRYING,
            .retry_after = reflector->end.retry_after,
            .why = reflector->end.err.text,
        };

        if (reflector->end.relist && !lists(was)) {
                fail_gone(reflector, answer, was, failure.why);
                return;
        }
        failure.next = lists(was) ? list_anew(reflector) : REFLECTOR_WATCHING;
        fail(reflector, answer, &failure);
}

static void on_done(void *data, const struct answer *answer)
{
        struct reflector *reflector = data;
        enum reflector_doing was = reflector->doing;

        reflector->request = NULL;
        reflector->doing = REFLECTOR_RESTING;
        reflector->shared->counts.connected[reflector->kind] = false;
        if (reflector->shared->closing)
                return;
        if (reflector->end.found)
                stopped(reflector, answer, was);
        else if (answer->status >= 300)
                answered_no(reflector, answer, was);
        else if (answer->end == ANSWER_WHOLE)
                answered_all(reflector, answer, was);
        else
                fail_lost(reflector, answer, was, answer->why);
        reflector->since = 0;
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
                add_escaped(path, "&resourceVersion=", strbuf_text(&reflector->version));
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

static bool was_away_for_long(const struct reflector *reflector)
{
        return reflector->lost > 0 &&
               clock_seconds() - reflector->lost >= reflector->shared->options.distrust_seconds;
}

static void begin(struct reflector *reflector)
{
        struct reflecting *shared = reflector->shared;
        const struct request_handler handler = {reflector, on_opened, on_body, on_done};
        _cleanup_strbuf_ struct strbuf path = {0};

        if (shared->closing || reflector->request || !shared->ready(shared->data))
                return;
        if (reflector->next == REFLECTOR_ASKING && was_away_for_long(reflector))
                reflector->next = list_anew(reflector);
        make_path(reflector, &path);
        reflector->doing = reflector->next;
        reflector->end.found = false;
        reflector->end.retry_after = 0;
        shared->counts.lists[reflector->kind] += lists(reflector->doing) && !reflector->begun;
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
        reflector->next = list_anew(reflector);
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
