#include <string.h>

#include "base/clock.h"
#include "kube/client/answers.h"
#include "kube/client/reflector.h"

/* What a request came to, and so what is done next. */

#define STEADY_SECONDS   10
#define MOST_RETRY_AFTER 300

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

/* Whatever fails now is new. */
static void forget_failures(struct reflector *reflector)
{
        delay_reset(&reflector->delay);
        reflector->forbidden = false;
}

/* How long to wait after a failure: not at all after a watch that stood, or where that may mend it.
 */
static double wait_after(struct reflector *reflector, bool at_once, double retry_after)
{
        bool stood =
            reflector->since > 0 && clock_seconds() - reflector->since >= steady(reflector);
        double wait = 0;

        if (stood)
                forget_failures(reflector);
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

        if (reflector_lists(failure->next) && !failure->keeps_list)
                give_up_list(reflector);
        err_set(&err, "%s %.*s: %s", answer->method, (int)path, answer->path, failure->why);
        shared->counts.errors[reflector->kind]++;
        reflector_rest(reflector, failure->next, seconds);
        shared->handler.trouble(shared->handler.data, reflector->kind, failure->trouble, err.text,
                                seconds);
}

/* After what is no fault of the version that we are at. */
static enum reflector_doing again(struct reflector *reflector, enum reflector_doing was)
{
        return reflector_lists(was) ? reflector_list_anew(reflector) : REFLECTOR_ASKING;
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
        failure.next = reflector_list_anew(reflector);
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
        /* A server that has just come up answers so until it has read who may do what: how long it
         * was away says nothing of how long that takes. Once: whoever may list and not watch would
         * ask for ever as fast as that. */
        if (answer->status == 403 && !reflector->forbidden) {
                delay_reset(&reflector->delay);
                reflector->forbidden = true;
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
                reflector_rest(reflector, reflector_list_anew(reflector), 0);
        } else if (answer->status == 410 || status.version_is_too_large) {
                reflector->shared->counts.gone[reflector->kind]++;
                if (status.version_is_too_large)
                        reflector_went_back(reflector);
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
                forget_failures(reflector);
        reflector_rest(reflector, REFLECTOR_WATCHING, stood ? 0 : delay_next(&reflector->delay));
}

static void answered_all(struct reflector *reflector, const struct answer *answer,
                         enum reflector_doing was)
{
        switch (was) {
        case REFLECTOR_LISTING:
                if (!reflector_takes_page(reflector))
                        fail_lost(reflector, answer, was, reflector->end.err.text);
                else
                        reflector_rest(
                            reflector,
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
                reflector_rest(reflector, REFLECTOR_WATCHING, 0);
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

        if (reflector->end.relist && !reflector_lists(was)) {
                fail_gone(reflector, answer, was, failure.why);
                return;
        }
        failure.next = reflector_lists(was) ? reflector_list_anew(reflector) : REFLECTOR_WATCHING;
        fail(reflector, answer, &failure);
}

void reflector_ended(struct reflector *reflector, const struct answer *answer)
{
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
