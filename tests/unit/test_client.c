#include "client_play.h"

static const struct script scripts[] = {
    {
        .name = "a list, then a watch from its version",
        .steps = {FIRST_LIST,
                  {.expected = "/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=",
                   .how = STREAM_AND_HANG,
                   .body = EVENT("ADDED", "b", "6") EVENT("MODIFIED", "b", "7")
                       EVENT("DELETED", "a", "8") ERROR_EVENT("410", "Expired", "too old")},
                  {.expected = "?limit=500", .how = STOP}},
        .told = TOLD_LIST " connected +b +b -a [gone GET /api/v1/pods: the server ended the watch: "
                          "410 Expired: too old]",
    },
    {
        .name = "pages",
        .steps = {{.expected = "/api/v1/pods?limit=500",
                   .body = PAGE("5", "n=x/2", OBJECT("a", "3"))},
                  {.expected = "limit=500&continue=n%3Dx%2F2",
                   .body = PAGE("5", "n3", OBJECT("b", "2") "," OBJECT("c", "4"))},
                  {.expected = "limit=500&continue=n3", .body = LIST("5", "")},
                  STOP_AT_WATCH},
        .told = "begin +a +b +c end",
    },
    {
        .name = "an empty list, as Go prints it",
        .steps = {{.expected = "?limit=",
                   .body = "{\"metadata\":{\"resourceVersion\":\"5\"},"
                           "\"items\":null}"},
                  STOP_AT_WATCH},
        .told = "begin end",
    },
    {
        .name = "what stands around the items may come behind them",
        .steps = {{.expected = "?limit=",
                   .body = "{\"items\":[" OBJECT("a", "3") "],\"metadata\":"
                                                           "{\"resourceVersion\":\"5\"}}"},
                  STOP_AT_WATCH},
        .told = TOLD_LIST,
    },
    {
        .name = "a list that takes longer than history is kept is made again in one go",
        .steps = {{.expected = "limit=500", .body = PAGE("5", "n2", OBJECT("a", "3"))},
                  {.expected = "continue=n2",
                   .status = 410,
                   .body = STATUS("410", "Expired", "The provided continue parameter is too old")},
                  {.expected = "/api/v1/pods?", .body = LIST("7", OBJECT("b", "6"))},
                  {.expected = "&resourceVersion=7",
                   .how = STREAM_AND_HANG,
                   .body = ERROR_EVENT("410", "Gone", "")},
                  {.expected = "limit=500", .how = STOP}},
        .told = "begin +a abort [gone GET /api/v1/pods: 410 Expired: The provided continue "
                "parameter is too old] begin +b end connected [gone GET /api/v1/pods: the server "
                "ended the watch: 410 Gone: no reason given]",
    },
    {
        .name = "a server that has too much to do goes on with the page",
        .steps = {{.expected = "limit=500", .body = PAGE("5", "n2", OBJECT("a", "3"))},
                  {.expected = "continue=n2", .status = 429, .body = ""},
                  {.expected = "continue=n2", .body = LIST("5", OBJECT("b", "3"))},
                  STOP_AT_WATCH},
        .told = "begin +a [retrying GET /api/v1/pods: 429] +b end",
    },
    {
        .name = "pages of different versions are no list",
        .steps = {{.expected = "limit=500", .body = PAGE("5", "n2", OBJECT("a", "3"))},
                  {.expected = "continue=n2", .body = LIST("6", OBJECT("b", "3"))},
                  {.expected = "?limit=500", .how = STOP}},
        .told = "begin +a +b abort [retrying GET /api/v1/pods: pages of a list are of different "
                "versions]",
    },
    {
        .name = "a list that is cut is not believed",
        .steps = {{.expected = "limit=500",
                   .how = STREAM_AND_CUT,
                   .body =
                       "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" OBJECT("a", "3")},
                  {.expected = "limit=500",
                   .how = STREAM,
                   .body =
                       "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" OBJECT("a", "3")},
                  {.expected = "limit=500", .body = LIST("5", OBJECT("b", "4"))},
                  STOP_AT_WATCH},
        .told =
            "begin +a abort [retrying GET /api/v1/pods: transfer closed with outstanding read "
            "data remaining] begin +a abort [retrying GET /api/v1/pods: the list was cut] begin "
            "+b end",
    },
    {
        .name = "a watch that is cut is asked for, and goes on where it was",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5",
                   .how = STREAM_AND_CUT,
                   .body = EVENT("ADDED", "b", "6") "{\"type\":\"ADDED\",\"object\":{\"metad"},
                  {.expected = "?limit=1&resourceVersionMatch=NotOlderThan&resourceVersion=6",
                   .body = LIST("6", OBJECT("zzz", "3"))},
                  {.expected = "&resourceVersion=6",
                   .how = STREAM_AND_HANG,
                   .body = EVENT("ADDED", "c", "7") ERROR_EVENT("410", "Gone", "")},
                  {.expected = "limit=500", .how = STOP}},
        .told = TOLD_LIST " connected +b [retrying GET /api/v1/pods: transfer closed with "
                          "outstanding read data remaining] connected +c [gone GET /api/v1/pods: "
                          "the server ended the watch: 410 Gone: no reason given]",
    },
    {
        .name = "a watch that ends goes on where it was; bookmarks count",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5", .how = STREAM, .body = BOOKMARK("9")},
                  {.expected = "&resourceVersion=9", .how = STREAM, .body = ""},
                  {.expected = "&resourceVersion=9", .how = STOP}},
        .told = TOLD_LIST " connected connected",
    },
    {
        .name = "a watch that ends in the middle of an object, properly",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5", .how = STREAM, .body = "{\"type\":\"ADDED\""},
                  {.expected = "limit=1&", .how = STOP}},
        .told = TOLD_LIST " connected [retrying GET /api/v1/pods: cut in the middle of an object]",
    },
    {
        .name = "a restored etcd: the version is not there yet",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5", .how = STREAM_AND_CUT, .body = ""},
                  {.expected = "limit=1&resourceVersionMatch=NotOlderThan&resourceVersion=5",
                   .status = 504,
                   .headers = "Retry-After: 1\r\n",
                   .body =
                       "{\"kind\":\"Status\",\"message\":\"Timeout: Too large resource version: "
                       "5, current: 3\",\"reason\":\"Timeout\",\"details\":{\"causes\":[{"
                       "\"reason\":\"ResourceVersionTooLarge\",\"message\":\"Too large resource "
                       "version\"}],\"retryAfterSeconds\":1},\"code\":504}"},
                  {.expected = "?limit=500", .body = LIST("3", OBJECT("b", "2"))},
                  {.expected = "&resourceVersion=3", .how = STOP}},
        .told = TOLD_LIST " connected [retrying GET /api/v1/pods: transfer closed with outstanding "
                          "read data remaining] [gone GET /api/v1/pods: 504 Timeout: Timeout: Too "
                          "large resource version: 5, current: 3] begin +b end",
    },
    {
        .name = "a restored etcd: versions go back",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5", .how = STREAM_AND_HANG, .body = BOOKMARK("4")},
                  {.expected = "?limit=500", .how = STOP}},
        .told = TOLD_LIST
        " connected [gone GET /api/v1/pods: the server has gone back to an older state]",
    },
    {
        .name = "a server that was away for long is not trusted with the version",
        .options = {.distrust_seconds = 0.000001},
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5", .how = STREAM_AND_CUT, .body = ""},
                  {.expected = "?limit=500", .how = STOP}},
        .told = TOLD_LIST " connected [retrying GET /api/v1/pods: transfer closed with outstanding "
                          "read data remaining]",
    },
    {
        .name = "an ERROR event that is not 410 costs no list",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5",
                   .how = STREAM_AND_HANG,
                   .body = EVENT("ADDED", "b", "6") ERROR_EVENT(
                       "500", "InternalError", "etcd event received") EVENT("ADDED", "c", "7")},
                  {.expected = "&resourceVersion=6", .how = STOP}},
        .told = TOLD_LIST " connected +b [retrying GET /api/v1/pods: the server ended the watch: "
                          "500 InternalError: etcd event received]",
    },
    {
        .name = "410 to a watch",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5",
                   .status = 410,
                   .body = STATUS("410", "Expired", "too old resource version: 5 (9)")},
                  {.expected = "?limit=500", .how = STOP}},
        .told = TOLD_LIST " [gone GET /api/v1/pods: 410 Expired: too old resource version: 5 (9)]",
    },
    {
        .name = "refusals",
        .steps =
            {{.expected = "?limit=500", .status = 401, .body = STATUS("401", "Unauthorized", "")},
             {.expected = "?limit=500",
              .status = 403,
              .body = STATUS("403", "Forbidden", "pods is forbidden")},
             {.expected = "?limit=500", .status = 500, .body = "oh no"},
             {.expected = "?limit=500", .status = 302, .headers = "Location: /x\r\n", .body = ""},
             {.expected = "?limit=500",
              .status = 503,
              .headers = "Connection: close\r\n",
              .body = "<html>"},
             {.expected = "?limit=500", .how = CUT},
             {.expected = "?limit=500", .how = STOP}},
        .told = "[retrying GET /api/v1/pods: 401 Unauthorized] [forbidden GET /api/v1/pods: 403 "
                "Forbidden: pods is forbidden] [retrying GET /api/v1/pods: 500] [retrying GET "
                "/api/v1/pods: 302] [retrying GET /api/v1/pods: 503] [retrying GET /api/v1/pods: "
                "Empty reply from server]",
    },
    {
        .name = "what is no list",
        .steps = {{.expected = "?limit=500", .body = "<html>"},
                  {.expected = "?limit=500", .body = "{}"},
                  {.expected = "?limit=500", .body = "{\"metadata\":{},\"items\":[]}"},
                  {.expected = "?limit=500", .body = LIST("5", "{}")},
                  {.expected = "?limit=500", .body = LIST("5", OBJECT("a", "3") OBJECT("b", "3"))},
                  {.expected = "?limit=500", .body = LIST("5", "{\"metadata\":nul}")},
                  {.expected = "?limit=500", .how = STOP}},
        .told =
            "begin abort [retrying GET /api/v1/pods: invalid character '<' where a list begins] "
            "begin abort [retrying GET /api/v1/pods: the answer is no list with a version] "
            "begin abort [retrying GET /api/v1/pods: the answer is no list with a version] "
            "begin abort [retrying GET /api/v1/pods: an item of the list has no name or no "
            "version] "
            "begin +a abort [retrying GET /api/v1/pods: invalid character '{' among the items of "
            "a list] "
            "begin abort [retrying GET /api/v1/pods: invalid character '}' in literal null "
            "(expecting 'l')]",
    },
    {
        .name = "what is no event",
        .steps = {FIRST_LIST,
                  {.expected = "&resourceVersion=5", .how = STREAM_AND_HANG, .body = "garbage"},
                  {.expected = "&resourceVersion=5",
                   .how = STREAM_AND_HANG,
                   .body = EVENT("ADDED", "b", "6") "{\"type\":\"ADDED\",\"object\":{]}\n"},
                  {.expected = "&resourceVersion=6",
                   .how = STREAM_AND_HANG,
                   .body = EVENT("MOVED", "b", "7")},
                  {.expected = "?limit=500", .how = STOP}},
        .told = TOLD_LIST " connected [retrying GET /api/v1/pods: invalid character 'g' between "
                          "objects] connected +b [retrying GET /api/v1/pods: invalid character ']' "
                          "looking for beginning of object key string] connected [gone GET "
                          "/api/v1/pods: the server sent what is no event of a watch]",
    },
    {
        .name = "a list that comes as a watch",
        .streaming = true,
        .steps = {{.expected = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                   .how = STREAM_AND_HANG,
                   .body = EVENT("ADDED", "b", "4") EVENT("ADDED", "a", "3") BOOKMARK("5")
                       EVENT("DELETED", "a", "6") LIST_END("7") EVENT("ADDED", "c", "8")
                           ERROR_EVENT("500", "InternalError", "")},
                  {.expected = "&resourceVersion=8", .how = STOP}},
        .told = "begin +b +a -a end connected +c [retrying GET /api/v1/pods: the server ended the "
                "watch: 500 InternalError: no reason given]",
    },
    {
        .name = "a list that comes as a watch and is cut",
        .streaming = true,
        .steps = {{.expected = "&sendInitialEvents=true",
                   .how = STREAM_AND_CUT,
                   .body = EVENT("ADDED", "b", "4")},
                  {.expected = "&sendInitialEvents=true",
                   .how = STREAM,
                   .body = EVENT("ADDED", "b", "4")},
                  {.expected = "&sendInitialEvents=true",
                   .how = STREAM_AND_HANG,
                   .body = ERROR_EVENT("410", "Expired", "")},
                  {.expected = "&sendInitialEvents=true", .how = STOP}},
        .told =
            "begin +b abort [retrying GET /api/v1/pods: transfer closed with outstanding read "
            "data remaining] begin +b abort [retrying GET /api/v1/pods: the list was cut] begin "
            "abort [retrying GET /api/v1/pods: the server ended the watch: 410 Expired: no "
            "reason given]",
    },
    {
        .name = "a server that has no lists as watches",
        .streaming = true,
        .steps = {{.expected = "&sendInitialEvents=true",
                   .status = 422,
                   .body = STATUS("422", "Invalid", "sendInitialEvents: Forbidden")},
                  FIRST_LIST,
                  {.expected = "&resourceVersion=5",
                   .how = STREAM_AND_HANG,
                   .body = ERROR_EVENT("410", "Expired", "")},
                  {.expected = "?limit=500", .how = STOP}},
        .told = TOLD_LIST " connected [gone GET /api/v1/pods: the server ended the watch: 410 "
                          "Expired: no reason given]",
    },
    {
        .name = "a server that falls silent",
        .options = {.idle_seconds = 0.05},
        .steps = {{.expected = "?limit=500", .how = HANG},
                  {.expected = "?limit=500",
                   .how = STREAM_AND_HANG,
                   .body =
                       "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" OBJECT("a", "3")},
                  FIRST_LIST,
                  {.expected = "&resourceVersion=5",
                   .how = STREAM_AND_HANG,
                   .body = BOOKMARK("6") "{\"type"},
                  {.expected = "limit=1&", .how = HANG},
                  {.expected = "limit=1&", .body = LIST("6", "")},
                  {.expected = "&resourceVersion=6", .how = STOP}},
        .told = "[retrying GET /api/v1/pods: nothing came for 0.05 seconds] begin +a abort "
                "[retrying GET /api/v1/pods: nothing came for 0.05 seconds] " TOLD_LIST
                " connected [retrying GET /api/v1/pods: nothing came for 0.05 seconds] [retrying "
                "GET /api/v1/pods: nothing came for 0.05 seconds]",
    },
};

static void what_follows_what(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
                play_script(&scripts[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_follows_what),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
