#include "fuzz.h"

#include <string.h>

#include "kube/client/answers.h"
#include "kube/client/pieces.h"
#include "kube/client/wanted_members.h"
#include "kube/read/json.h"

/* What an API server sends, a list or a watch, in pieces of any length: the first byte says which,
 * and how long. Whatever comes, it is the same as in one piece, and an object that is read whole is
 * read in part. */

struct seen {
        size_t objects, events, bytes;
        bool bad, whole;
};

static void check_object(const char *object, size_t length, struct seen *seen)
{
        static const char padding[INPUT_PAD];
        _cleanup_strbuf_ struct strbuf copy = {0};
        struct json_objects reader = json_objects_new();
        struct err err;

        strbuf_add_bytes(&copy, object, length);
        strbuf_add_bytes(&copy, padding, sizeof(padding));
        bool whole = json_read_whole(&reader, copy.text, length, NULL, &err);
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++) {
                struct api_event event;

                memcpy(copy.text, object, length);
                const struct value *value =
                    json_read_whole(&reader, copy.text, length, wanted_of_event(kind), &err);
                must(value || !whole);
                must(value || *err.text);
                seen->events += value && api_event_of(value, &event);
        }
        json_objects_done(&reader);
}

static void check_around(struct pieces *pieces)
{
        static const char padding[INPUT_PAD];
        size_t length = pieces->around.length;
        struct json_objects reader = json_objects_new();
        struct api_list list;
        struct err err;

        strbuf_add_bytes(&pieces->around, padding, sizeof(padding));
        const struct value *value =
            json_read_whole(&reader, pieces->around.text, length, NULL, &err);
        if (value) {
                api_status_of(value);
                api_list_of(value, &list);
        }
        json_objects_done(&reader);
}

static struct seen cut(enum pieces_of what, const char *bytes, size_t n, size_t step)
{
        struct pieces pieces = {0};
        struct seen seen = {0};
        struct err err;
        char *object;
        size_t length;
        int r = 0;

        pieces_begin(&pieces, what);
        for (size_t at = 0; at < n && r >= 0; at += step) {
                pieces_feed(&pieces, bytes + at, n - at < step ? n - at : step);
                while ((r = pieces_next(&pieces, &object, &length, &err)) > 0) {
                        must(object[0] == '{' && object[length] == '\0');
                        seen.objects++;
                        seen.bytes += length;
                        check_object(object, length, &seen);
                }
        }
        seen.bad = r < 0;
        seen.whole = r == 0 && pieces_are_whole(&pieces);
        if (seen.whole && what == PIECES_OF_LIST)
                check_around(&pieces);
        pieces_done(&pieces);
        return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        enum pieces_of what = data[0] & 1 ? PIECES_OF_LIST : PIECES_OF_STREAM;
        const char *bytes = (const char *)data + 1;
        size_t n = size - 1, step = 1 + (data[0] >> 1);
        struct seen once = cut(what, bytes, n, n + 1), twice = cut(what, bytes, n, step);

        must(once.objects == twice.objects && once.events == twice.events);
        must(once.bytes == twice.bytes && once.bad == twice.bad && once.whole == twice.whole);
        return 0;
}
