#include "kube/client/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/read/input.h"

/* Objects are cut by their brackets, which needs no more than a glance at most bytes, and read when
 * they are whole: the reader never has to stop in the middle. */

_Static_assert(sizeof(((struct pieces *)0)->covered) == INPUT_PAD, "all of the padding");

void pieces_begin(struct pieces *pieces, enum pieces_of what)
{
        *pieces = (struct pieces){
            .what = what,
            .state = what == PIECES_OF_LIST ? PIECES_AROUND : PIECES_BETWEEN,
            .wants_object = true,
            .bytes = pieces->bytes,
            .cap = pieces->cap,
            .around = pieces->around,
        };
        pieces->around.length = 0;
}

void pieces_done(struct pieces *pieces)
{
        free(pieces->bytes);
        strbuf_done(&pieces->around);
        *pieces = (struct pieces){0};
}

static void uncover(struct pieces *pieces)
{
        if (pieces->cover)
                memcpy(pieces->cover, pieces->covered, INPUT_PAD);
        pieces->cover = NULL;
}

static void cover(struct pieces *pieces)
{
        pieces->cover = pieces->bytes + pieces->at;
        memcpy(pieces->covered, pieces->cover, INPUT_PAD);
        memset(pieces->cover, 0, INPUT_PAD);
}

/* What was handed out makes room for what comes. */
static void make_room(struct pieces *pieces, size_t n)
{
        size_t kept = pieces->end - pieces->start;

        if (kept && pieces->start)
                memmove(pieces->bytes, pieces->bytes + pieces->start, kept);
        pieces->at -= pieces->start;
        pieces->start = 0;
        pieces->end = kept;
        if (kept + n + INPUT_PAD <= pieces->cap)
                return;
        while (pieces->cap < kept + n + INPUT_PAD)
                pieces->cap = pieces->cap ? pieces->cap * 2 : INPUT_WINDOW;
        pieces->bytes = memory_grow(pieces->bytes, pieces->cap);
}

void pieces_feed(struct pieces *pieces, const char *bytes, size_t n)
{
        uncover(pieces);
        make_room(pieces, n);
        memcpy(pieces->bytes + pieces->end, bytes, n);
        pieces->end += n;
        memset(pieces->bytes + pieces->end, 0, INPUT_PAD);
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static int refuse_byte(struct err *err, char c, const char *where)
{
        if (c > ' ' && c < 0x7f)
                return err_set(err, "invalid character '%c' %s", c, where);
        return err_set(err, "invalid character '\\x%02x' %s", (unsigned char)c, where);
}

/* The functions below take what they can: 1 where an object is whole, 0 where all bytes are taken
 * or the state has changed, -1 where something is wrong. */

static int take_object(struct pieces *pieces, struct err *err)
{
        const char *base = pieces->bytes;

        pieces->at =
            (size_t)(extent_pass(&pieces->object, base + pieces->at, base + pieces->end) - base);
        if (pieces->at - pieces->start > PIECES_MAX_OBJECT)
                return err_set(err, "an object is larger than %u bytes", PIECES_MAX_OBJECT);
        if (pieces->object.depth)
                return 0;
        pieces->state = PIECES_BETWEEN;
        pieces->wants_object = pieces->what == PIECES_OF_STREAM;
        pieces->any = true;
        return 1;
}

static void begin_object(struct pieces *pieces)
{
        pieces->state = PIECES_OBJECT;
        pieces->object = (struct extent){0};
        pieces->start = pieces->at;
}

static int take_between(struct pieces *pieces, struct err *err)
{
        bool list = pieces->what == PIECES_OF_LIST;

        while (pieces->at < pieces->end && is_blank(pieces->bytes[pieces->at]))
                pieces->at++;
        if (pieces->at == pieces->end)
                return 0;
        char c = pieces->bytes[pieces->at];
        if (c == '{' && pieces->wants_object) {
                begin_object(pieces);
        } else if (list && c == ',' && !pieces->wants_object) {
                pieces->wants_object = true;
                pieces->at++;
        } else if (list && c == ']' && !(pieces->wants_object && pieces->any)) {
                pieces->state = PIECES_AROUND; /* which takes the bracket */
        } else {
                return refuse_byte(err, c, list ? "among the items of a list" : "between objects");
        }
        return 0;
}

static bool is_items(const struct pieces *pieces)
{
        return pieces->outer.depth == 1 && pieces->colon && pieces->key_length == 5 &&
               memcmp(pieces->around.text + pieces->key, "items", 5) == 0;
}

/* Takes a byte of what stands around the items. */
static void note_around(struct pieces *pieces, char c)
{
        struct extent *outer = &pieces->outer;

        if (outer->in_text) {
                if (!outer->escaped && c == '"') {
                        outer->in_text = false;
                        pieces->key_length = pieces->around.length - pieces->key;
                }
                outer->escaped = !outer->escaped && c == '\\';
        } else if (c == '"') {
                outer->in_text = true;
                pieces->key = pieces->around.length + 1;
        } else if (c == '{' || c == '[') {
                outer->depth++;
        } else if (c == '}' || c == ']') {
                outer->depth--;
        }
        if (!is_blank(c))
                pieces->colon = !outer->in_text && c == ':';
        strbuf_add_char(&pieces->around, c);
}

static int take_around(struct pieces *pieces, struct err *err)
{
        while (pieces->at < pieces->end) {
                char c = pieces->bytes[pieces->at];
                bool items = c == '[' && !pieces->outer.in_text && is_items(pieces);

                if (pieces->outer.depth == 0 && c != '{' && !is_blank(c))
                        return refuse_byte(err, c, "where a list begins");
                note_around(pieces, c);
                pieces->start = ++pieces->at;
                if (pieces->around.length > PIECES_MAX_AROUND)
                        return err_set(err, "a list has more than %u bytes around its items",
                                       PIECES_MAX_AROUND);
                if (items) {
                        pieces->state = PIECES_BETWEEN;
                        pieces->wants_object = true;
                        pieces->any = false;
                        return 0;
                }
                if (pieces->outer.depth == 0 && !is_blank(c)) {
                        pieces->state = PIECES_END;
                        return 0;
                }
        }
        return 0;
}

static int take_end(struct pieces *pieces, struct err *err)
{
        for (; pieces->at < pieces->end; pieces->at++)
                if (!is_blank(pieces->bytes[pieces->at]))
                        return refuse_byte(err, pieces->bytes[pieces->at], "behind a list");
        return 0;
}

int pieces_next(struct pieces *pieces, char **ret, size_t *ret_length, struct err *err)
{
        static int (*const take[])(struct pieces *, struct err *) = {
            [PIECES_BETWEEN] = take_between,
            [PIECES_OBJECT] = take_object,
            [PIECES_AROUND] = take_around,
            [PIECES_END] = take_end,
        };

        uncover(pieces);
        if (pieces->state != PIECES_OBJECT)
                pieces->start = pieces->at;
        while (pieces->at < pieces->end) {
                int r = take[pieces->state](pieces, err);

                if (r < 0)
                        return -1;
                if (r > 0) {
                        *ret = pieces->bytes + pieces->start;
                        *ret_length = pieces->at - pieces->start;
                        cover(pieces);
                        return 1;
                }
                if (pieces->state != PIECES_OBJECT)
                        pieces->start = pieces->at;
        }
        return 0;
}

bool pieces_are_whole(const struct pieces *pieces)
{
        return pieces->what == PIECES_OF_LIST ? pieces->state == PIECES_END
                                              : pieces->state == PIECES_BETWEEN;
}
