#include "../unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "../unit/api_server.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/client/client.h"
#include "kube/client/delay.h"

/* A server with a random history and random faults, and what the client's handler is told of it.
 * After a list, and after each event from then on, what is known is a state that the server was in,
 * exactly: after an event, the one of its version. When changes and faults end, what is known is
 * soon what the server holds.
 *
 * The server may lose its history (410) and may be restored to what it was before, with versions
 * that begin again from there: it is away for a while then, as it would be.
 *
 * The seed decides what happens; when, the machine does. PENSTOCK_SEED and PENSTOCK_RUNS ask for
 * others and for more. */

#define OBJECTS      6
#define MOST_CHANGES 300
#define DISTRUST     0.05

struct state {
        unsigned versions[OBJECTS]; /* 0: it is not there */
};

struct change {
        struct state after;
        unsigned object;
        bool deletes;
};

/* What versions are: those of one life of the store. */
struct history {
        struct change *items;
        size_t n, cap;
};

struct world;

struct watcher {
        struct world *world;
        struct api_connection *connection;
        struct watcher *next, **link;
        size_t sent;   /* version up to which it was told */
        bool listing;  /* a list as a watch, not yet ended */
        size_t cut_at; /* bytes until the connection is cut; 0: never */
        size_t cut_sent;
};

struct world {
        uv_loop_t loop;
        struct arena *arena;
        struct api_server *server;
        struct kube_client *client;
        uv_timer_t tick, limit;
        uint64_t random;
        bool faults, over;
        unsigned changes;
        struct history histories[32]; /* the last is present */
        size_t n_histories;
        size_t floor;  /* the oldest version that is still known */
        uint64_t away; /* until then nobody is answered */
        struct watcher *watchers;
        /* what the handler knows */
        struct state known, list;
        bool is_listed, in_list;
        size_t lists, events, aborts;
};

static unsigned draw(struct world *world, unsigned n)
{
        unsigned drawn = (unsigned)delay_random(&world->random, 0, n);

        return drawn < n ? drawn : n - 1;
}

static struct history *present(struct world *world)
{
        return &world->histories[world->n_histories - 1];
}

static size_t newest(struct world *world)
{
        return present(world)->n - 1;
}

static const struct state *state_now(struct world *world)
{
        return &present(world)->items[newest(world)].after;
}

/* Answers in parts, which may be cut at any byte. */

static void say(struct watcher *watcher, const char *text, size_t n)
{
        if (watcher->cut_at && watcher->cut_sent + n >= watcher->cut_at) {
                size_t rest = watcher->cut_at - watcher->cut_sent;

                if (rest)
                        api_send(watcher->connection, text, rest);
                api_cut(watcher->connection);
                watcher->cut_at = SIZE_MAX; /* nothing more */
                watcher->cut_sent = 0;
        } else if (watcher->cut_at != SIZE_MAX && n) {
                api_send(watcher->connection, text, n);
                watcher->cut_sent += n;
        }
}

static void say_text(struct watcher *watcher, const struct strbuf *text)
{
        say(watcher, strbuf_text(text), text->length);
}

static void add_object(struct strbuf *out, unsigned object, size_t version)
{
        strbuf_printf(
            out,
            "{\"metadata\":{\"name\":\"o%u\",\"namespace\":\"d\",\"resourceVersion\":"
            "\"%zu\",\"managedFields\":[{\"x\":\"}\\\"]\"}]},\"spec\":{\"nodeName\":\"n\"}}",
            object, version);
}

static void add_event(struct strbuf *out, const char *type, unsigned object, size_t version)
{
        strbuf_printf(out, "{\"type\":\"%s\",\"object\":", type);
        add_object(out, object, version);
        strbuf_add(out, "}\n");
}

static void add_bookmark(struct strbuf *out, size_t version, bool ends_list)
{
        strbuf_printf(
            out,
            "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%zu\"%s"
            "}}}\n",
            version, ends_list ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}

static void watcher_gone(void *data)
{
        struct watcher *watcher = data;

        *watcher->link = watcher->next;
        if (watcher->next)
                watcher->next->link = watcher->link;
        free(watcher);
}

static struct watcher *watcher_new(struct world *world, struct api_connection *connection)
{
        struct watcher *watcher = calloc(1, sizeof(*watcher));

        watcher->world = world;
        watcher->connection = connection;
        watcher->next = world->watchers;
        watcher->link = &world->watchers;
        if (watcher->next)
                watcher->next->link = &watcher->next;
        world->watchers = watcher;
        if (world->faults && draw(world, 3) == 0)
                watcher->cut_at = 1 + draw(world, 2000);
        return watcher;
}

static void forget_watcher(struct watcher *watcher)
{
        api_keep(watcher->connection, NULL, NULL);
        watcher_gone(watcher);
}

static void tell_news(struct watcher *watcher)
{
        struct world *world = watcher->world;
        _cleanup_strbuf_ struct strbuf text = {0};

        while (watcher->sent < newest(world)) {
                const struct change *change = &present(world)->items[++watcher->sent];
                bool is_new = watcher->sent > 1 && !change[-1].after.versions[change->object];

                add_event(&text,
                          change->deletes ? "DELETED"
                          : is_new        ? "ADDED"
                                          : "MODIFIED",
                          change->object, watcher->sent);
        }
        if (world->faults && draw(world, 8) == 0)
                add_bookmark(&text, watcher->sent, false);
        say_text(watcher, &text);
}

static void end_answer(struct watcher *watcher)
{
        struct api_connection *connection = watcher->connection;

        if (watcher->cut_at == SIZE_MAX)
                return;
        forget_watcher(watcher);
        api_end(connection);
}

/* A watch ends now and then: in order, with an ERROR, or by a cut. */
static void maybe_end(struct watcher *watcher)
{
        static const char error[] =
            "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500,"
            "\"message\":\"etcd event received\"}}\n";

        if (!watcher->world->faults || draw(watcher->world, 30))
                return;
        if (draw(watcher->world, 2))
                say(watcher, error, sizeof(error) - 1);
        end_answer(watcher);
}

static void status(struct api_connection *connection, int code, const char *reason)
{
        char text[256];

        snprintf(text, sizeof(text), "{\"kind\":\"Status\",\"reason\":\"%s\",\"code\":%d}", reason,
                 code);
        api_answer(connection, code, "", text);
}

static void status_too_large(struct api_connection *connection)
{
        api_answer(
            connection, 504, "",
            "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"code\":504,\"details\":{\"causes\":[{"
            "\"reason\":\"ResourceVersionTooLarge\"}]}}");
}

static void answer_watch(struct world *world, struct api_connection *connection, size_t version)
{
        static const char gone[] =
            "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"reason\":\"Expired\"}}\n";

        if (version < world->floor && draw(world, 2)) {
                status(connection, 410, "Expired");
                return;
        }
        struct watcher *watcher = watcher_new(world, connection);
        api_keep(connection, watcher, watcher_gone);
        api_begin(connection);
        watcher->sent = version; /* of a version to come nothing is told, silently */
        if (version < world->floor) {
                say(watcher, gone, sizeof(gone) - 1);
                end_answer(watcher);
        } else if (version <= newest(world)) {
                tell_news(watcher);
        }
}

static void answer_stream(struct world *world, struct api_connection *connection)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        if (world->faults && draw(world, 4) == 0) {
                status(connection, 422, "Invalid");
                return;
        }
        struct watcher *watcher = watcher_new(world, connection);
        api_keep(connection, watcher, watcher_gone);
        api_begin(connection);
        for (unsigned i = 0; i < OBJECTS; i++)
                if (state_now(world)->versions[i])
                        add_event(&text, "ADDED", i, state_now(world)->versions[i]);
        watcher->sent = newest(world);
        watcher->listing = true;
        say_text(watcher, &text);
}

/* The bookmark comes a tick later; what happened meanwhile is told before it. */
static void end_stream(struct watcher *watcher)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        add_bookmark(&text, watcher->sent, true);
        watcher->listing = false;
        say_text(watcher, &text);
}

static void answer_page(struct world *world, struct api_connection *connection, size_t version,
                        unsigned first, unsigned limit)
{
        const struct state *state = &present(world)->items[version].after;
        _cleanup_strbuf_ struct strbuf text = {0}, items = {0};
        unsigned i = first;

        for (unsigned n = 0; i < OBJECTS && n < limit; i++) {
                if (!state->versions[i])
                        continue;
                strbuf_add(&items, n++ ? "," : "");
                add_object(&items, i, state->versions[i]);
        }
        strbuf_printf(&text, "{\"metadata\":{\"resourceVersion\":\"%zu\"", version);
        if (i < OBJECTS)
                strbuf_printf(&text, ",\"continue\":\"%zu:%u\"", version, i);
        strbuf_printf(&text, "},\"items\":[%s]}", strbuf_text(&items));
        struct watcher *watcher = watcher_new(world, connection);
        api_keep(connection, watcher, watcher_gone);
        api_begin(connection);
        if (draw(world, 4) == 0) { /* in two parts */
                size_t half = text.length / 2;
                say(watcher, text.text, half);
                say(watcher, text.text + half, text.length - half);
        } else {
                say_text(watcher, &text);
        }
        end_answer(watcher);
}

static void answer_list(struct world *world, struct api_connection *connection, const char *target)
{
        const char *next = strstr(target, "continue="), *limit = strstr(target, "limit=");
        unsigned most = limit ? (unsigned)atoi(limit + 6) : OBJECTS;
        size_t version = newest(world);
        unsigned first = 0;

        if (next && sscanf(next, "continue=%zu%%3A%u", &version, &first) != 2)
                abort();
        if (next && (version < world->floor || version > newest(world)))
                status(connection, 410, "Expired");
        else
                answer_page(world, connection, version, first, most);
}

static bool answer_fault(struct world *world, struct api_connection *connection)
{
        if (!world->faults || draw(world, 4))
                return false;
        switch (draw(world, 6)) {
        case 0:
                status(connection, 500, "InternalError");
                break;
        case 1:
                status(connection, 401, "Unauthorized");
                break;
        case 2:
                status(connection, 429, "TooManyRequests");
                break;
        case 3:
                api_answer(connection, 200, "", "<html>");
                break;
        case 4:
                api_cut(connection);
                break;
        default:
                break; /* silence */
        }
        return true;
}

static void on_request(void *data, struct api_connection *connection, const char *method,
                       const char *target)
{
        struct world *world = data;
        const char *version = strstr(target, "resourceVersion=");
        size_t asked = version ? strtoul(version + 16, NULL, 10) : 0;

        if (uv_now(&world->loop) < world->away)
                api_cut(connection);
        else if (answer_fault(world, connection))
                return;
        else if (strstr(target, "sendInitialEvents=true"))
                answer_stream(world, connection);
        else if (strstr(target, "watch=true"))
                answer_watch(world, connection, asked);
        else if (version && asked > newest(world))
                status_too_large(connection);
        else
                answer_list(world, connection, target);
}

/* What happens to the store. */

static void change(struct world *world)
{
        struct history *history = present(world);
        struct change next = {.after = *state_now(world), .object = draw(world, OBJECTS)};
        unsigned *version = &next.after.versions[next.object];

        next.deletes = *version && draw(world, 3) == 0;
        *version = next.deletes ? 0 : (unsigned)history->n;
        vec_push(world->arena, history, next);
}

static void restore(struct world *world)
{
        struct history *old = present(world);
        size_t keep = 1 + draw(world, (unsigned)old->n);

        if (world->n_histories == ARRAY_SIZE(world->histories))
                return;
        struct history *new = &world->histories[world->n_histories++];
        for (size_t i = 0; i < keep; i++)
                vec_push(world->arena, new, old->items[i]);
        if (world->floor > newest(world))
                world->floor = newest(world);
        world->away = uv_now(&world->loop) + (uint64_t)(DISTRUST * 2000);
        for (struct watcher *watcher = world->watchers, *next; watcher; watcher = next) {
                next = watcher->next;
                watcher->cut_at = SIZE_MAX;
                api_cut(watcher->connection);
        }
}

static void tell_all(struct world *world)
{
        for (struct watcher *watcher = world->watchers, *next; watcher; watcher = next) {
                next = watcher->next;
                if (watcher->cut_at == SIZE_MAX)
                        continue;
                if (watcher->sent <= newest(world))
                        tell_news(watcher);
                if (watcher->cut_at == SIZE_MAX)
                        continue;
                if (watcher->listing)
                        end_stream(watcher);
                maybe_end(watcher);
        }
}

static void client_closed(void *data)
{
        struct world *world = data;

        api_server_close(world->server);
        uv_close((uv_handle_t *)&world->tick, NULL);
        uv_close((uv_handle_t *)&world->limit, NULL);
}

static void finish(struct world *world)
{
        if (world->over)
                return;
        world->over = true;
        kube_client_close(world->client, client_closed, world);
}

static bool same(const struct state *a, const struct state *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

static void on_tick(uv_timer_t *timer)
{
        struct world *world = timer->data;

        if (world->over)
                return;
        if (world->changes < MOST_CHANGES) {
                for (unsigned n = draw(world, 3); n > 0; n--, world->changes++)
                        change(world);
                if (draw(world, 40) == 0)
                        world->floor = newest(world) - draw(world, (unsigned)present(world)->n);
                if (draw(world, 60) == 0)
                        restore(world);
                kube_client_pause(world->client, draw(world, 4) == 0);
        } else {
                world->faults = false;
                kube_client_pause(world->client, false);
                if (world->is_listed && !world->in_list && same(&world->known, state_now(world)))
                        finish(world);
        }
        tell_all(world);
}

/* What the handler is told. */

static void told_begin(void *data, enum kind kind)
{
        struct world *world = data;

        assert_false(world->in_list);
        world->in_list = true;
        world->list = (struct state){0};
        world->lists++;
}

static void told_abort(void *data, enum kind kind)
{
        struct world *world = data;

        assert_true(world->in_list);
        world->in_list = false;
        world->aborts++;
}

static bool was_ever(const struct world *world, const struct state *state)
{
        for (size_t i = 0; i < world->n_histories; i++)
                for (size_t v = 0; v < world->histories[i].n; v++)
                        if (same(&world->histories[i].items[v].after, state))
                                return true;
        return false;
}

static bool was_at(const struct world *world, const struct state *state, size_t version)
{
        for (size_t i = 0; i < world->n_histories; i++)
                if (version < world->histories[i].n &&
                    same(&world->histories[i].items[version].after, state))
                        return true;
        return false;
}

static void told_end(void *data, enum kind kind)
{
        struct world *world = data;

        assert_true(world->in_list);
        world->in_list = false;
        world->is_listed = true;
        world->known = world->list;
        assert_true(was_ever(world, &world->known));
}

static void told(struct world *world, const struct value *object, bool deleted)
{
        const struct value *meta = value_member(object, "metadata");
        unsigned i = (unsigned)atoi(value_member_text(meta, "name") + 1);
        unsigned version = (unsigned)atoi(value_member_text(meta, "resourceVersion"));
        struct state *state = world->in_list ? &world->list : &world->known;

        assert_true(i < OBJECTS && version > 0);
        assert_null(value_member(meta, "managedFields"));
        assert_true(world->in_list || world->is_listed);
        if (!world->in_list)
                world->events++;
        state->versions[i] = deleted ? 0 : version;
        if (!world->in_list && !was_at(world, state, version))
                fail_msg("after an event of version %u: no state of that version", version);
}

static void told_object(void *data, enum kind kind, const struct value *object)
{
        told(data, object, false);
}

static void told_deleted(void *data, enum kind kind, const struct value *object)
{
        told(data, object, true);
}

static void told_trouble(void *data, enum kind kind, enum client_trouble trouble, const char *why,
                         double seconds)
{
        if (getenv("PENSTOCK_VERBOSE"))
                print_message("%s (%g s)\n", why, seconds);
}

static void told_connected(void *data, enum kind kind)
{
}

static void on_limit(uv_timer_t *timer)
{
        fail_msg("what is known is not what the server holds");
}

static void live(struct world *world, uint64_t seed, bool streaming)
{
        const struct kube_handler handler = {world,    told_begin, told_object,  told_deleted,
                                             told_end, told_abort, told_trouble, told_connected};
        const struct kube_client_options options = {
            .page = 2,
            .idle_seconds = 0.05,
            .max_delay_seconds = 0.005,
            .distrust_seconds = DISTRUST,
            .streaming_lists = streaming,
            .seed = seed,
        };
        char url[64];
        struct kube_config config = {.server = url, .source = "test"};
        struct err err;

        uv_loop_init(&world->loop);
        world->server = api_server_new(&world->loop, on_request, world);
        snprintf(url, sizeof(url), "http://127.0.0.1:%u", api_server_port(world->server));
        world->client = kube_client_new(&world->loop, &config, &options, &handler, &err);
        assert_non_null(world->client);
        uv_timer_init(&world->loop, &world->tick);
        uv_timer_init(&world->loop, &world->limit);
        world->tick.data = world->limit.data = world;
        uv_timer_start(&world->tick, on_tick, 1, 3);
        uv_timer_start(&world->limit, on_limit, 30000, 0);
        kube_client_watch(world->client, KIND_POD);
        uv_run(&world->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&world->loop), 0);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 10) : otherwise;
}

static void run(uint64_t seed, bool streaming)
{
        struct world world = {.random = seed, .faults = true, .arena = arena_new()};
        const struct change nothing = {0};

        print_message("PENSTOCK_SEED=%llu%s\n", (unsigned long long)seed,
                      streaming ? ", lists as watches" : "");
        world.n_histories = 1;
        vec_push(world.arena, present(&world), nothing); /* version 0 is none */
        change(&world);
        live(&world, seed, streaming);
        print_message("  %zu lists, %zu events, %zu aborts, %zu restores\n", world.lists,
                      world.events, world.aborts, world.n_histories - 1);
        arena_free(world.arena);
}

static void what_is_known_was_so(void **state)
{
        uint64_t seed = number_from("PENSTOCK_SEED", 1), runs = number_from("PENSTOCK_RUNS", 6);

        for (uint64_t i = 0; i < runs; i++)
                run(seed + i, i % 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_known_was_so)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
