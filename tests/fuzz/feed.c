#include "fuzz.h"

#include <string.h>

#include "daemon/feed.h"

/* What comes through the socket, in pieces as long as the first byte says: frames up to the first
 * fault, each of which is put together again as the bytes that it came from, and read as what it is
 * or not at all. */

static void check_body(const struct feed_frame *frame)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct feed_counts counts;
        struct feed_state state;
        const char *text;
        uint32_t number;

        feed_value(arena, frame);
        if (feed_counts(frame, &counts))
                for (int kind = 0; kind < OBJECT_KINDS; kind++)
                        must(counts.connected[kind] == true || counts.connected[kind] == false);
        if (feed_state(frame, &state))
                must(strlen(state.why) < sizeof(state.why));
        if (feed_text(arena, frame, &number, &text))
                must(strlen(text) == frame->length - sizeof(number));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_strbuf_ struct strbuf again = {0};
        struct feed_reader reader = {0};
        size_t piece = size ? data[0] + 1 : 1, room;
        struct err err;
        int r = 0;

        for (size_t at = 1; at < size && r >= 0; at += piece) {
                char *to = feed_room(&reader, &room);
                struct feed_frame frame;

                must(room > 0);
                if (piece > room)
                        piece = room;
                if (piece > size - at)
                        piece = size - at;
                memcpy(to, data + at, piece);
                feed_take(&reader, piece);
                while ((r = feed_next(&reader, &frame, &err)) > 0) {
                        check_body(&frame);
                        feed_put(&again, frame.type, frame.kind, frame.body, frame.length);
                }
        }
        must(again.length <= size);
        must(again.length == 0 || memcmp(again.text, data + 1, again.length) == 0);
        feed_reader_done(&reader);
        return 0;
}
