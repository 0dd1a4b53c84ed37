#pragma once

#include "unit.h"

#include "api_server.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/client/client.h"

/* What the client makes of a server's answers, one after the other. A step is a request that has to
 * come, of which the target holds `expected`, and what it is answered; STOP ends the script. What
 * the handler was told is a text, a word for each call. */

enum how { ANSWER, STREAM, STREAM_AND_CUT, STREAM_AND_HANG, CUT, HANG, STOP };

struct step {
        const char *expected;
        enum how how;
        int status; /* of ANSWER; 0: 200 */
        const char *headers, *body;
};

struct script {
        const char *name;
        struct step steps[9];
        const char *told;
        bool streaming;
        struct kube_client_options options;
};

struct play {
        uv_loop_t loop;
        struct api_server *server;
        struct kube_client *client;
        const struct script *script;
        size_t at;
        struct strbuf told;
        double seconds; /* until the last request that failed is made again */
        bool stopped;
        uv_timer_t limit;
        char url[64];
        struct kube_config config;
        /* What a test does itself; may be NULL. */
        void (*on_object)(struct play *play);
        void (*on_trouble)(struct play *play);
};

/* The script is not yet under way: nothing is watched, the loop does not run. */
void play_begin(struct play *play, const struct script *script);
void play_stop(struct play *play);
/* Watches pods until the script has ended, and compares what was told. */
void play_end(struct play *play);
void play_script(const struct script *script);
void play_tell(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define META(name, version)                                                                        \
        "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"d\",\"resourceVersion\":\"" version   \
        "\"}"
#define OBJECT(name, version)      "{" META(name, version) "}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define BOOKMARK(version)                                                                          \
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":"   \
        "\"" version "\"}}}\n"
#define LIST_END(version)                                                                          \
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":"   \
        "\"" version "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define LIST(version, items)                                                                       \
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version \
        "\"},\"items\":[" items "]}\n"
#define PAGE(version, next, items)                                                                 \
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version \
        "\",\"continue\":\"" next "\"},\"items\":[" items "]}\n"
#define STATUS(code, reason, message)                                                              \
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","       \
        "\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" code "}"
#define ERROR_EVENT(code, reason, message)                                                         \
        "{\"type\":\"ERROR\",\"object\":" STATUS(code, reason, message) "}\n"
#define FIRST_LIST                                                                                 \
        {                                                                                          \
                .expected = "limit=500", .body = LIST("5", OBJECT("a", "3"))                       \
        }
#define TOLD_LIST "begin +a end"

#define STOP_AT_WATCH                                                                              \
        {                                                                                          \
                .expected = "&resourceVersion=5", .how = STOP                                      \
        }
