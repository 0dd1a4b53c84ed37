#include "daemon/feed.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "kube/load.h"
#include "kube/read/value_bytes.h"

/* Each value of a tree takes fewer bytes here than it is counted with there. */
static_assert(LOAD_MAX_OBJECT_BYTES < FEED_MAX_FRAME, "an object is a frame");

struct header {
        uint32_t length; /* of what follows it */
        uint8_t type, kind;
};
#define PREFIX_SIZE sizeof(uint32_t)
#define HEADER_SIZE (PREFIX_SIZE + 2)

/* What a reader holds when nothing large is under way. */
#define USUAL_SIZE (64u << 10)

void feed_reader_done(struct feed_reader *reader)
{
        strbuf_done(&reader->bytes);
        reader->at = 0;
}

/* The rest goes to the front; it moves over at least as much as itself, so that each byte is moved
 * once in the mean. */
static void drop_taken(struct feed_reader *reader)
{
        struct strbuf *bytes = &reader->bytes;
        size_t rest = bytes->length - reader->at;

        if (reader->at < rest || reader->at == 0)
                return;
        memmove(bytes->text, bytes->text + reader->at, rest);
        bytes->length = rest;
        reader->at = 0;
}

static void resize(struct strbuf *bytes, size_t size)
{
        bytes->text = memory_grow(bytes->text, size);
        bytes->cap = size;
}

char *feed_room(struct feed_reader *reader, size_t *ret_size)
{
        struct strbuf *bytes = &reader->bytes;

        drop_taken(reader);
        if (bytes->cap == 0 || (bytes->cap > USUAL_SIZE && bytes->length < USUAL_SIZE / 2))
                resize(bytes, USUAL_SIZE);
        else if (bytes->cap - bytes->length < USUAL_SIZE / 4)
                resize(bytes, bytes->cap * 2);
        *ret_size = bytes->cap - bytes->length;
        return bytes->text + bytes->length;
}

void feed_take(struct feed_reader *reader, size_t n)
{
        reader->bytes.length += n;
}

static int refuse(const struct header *header, size_t known, struct err *err)
{
        if (header->length < HEADER_SIZE - PREFIX_SIZE || header->length > FEED_MAX_FRAME)
                return err_set(err, "a frame of %u bytes", header->length);
        if (known >= HEADER_SIZE && header->type >= FEED_TYPES)
                return err_set(err, "a frame of no known type (%u)", header->type);
        if (known >= HEADER_SIZE && header->kind >= OBJECT_KINDS)
                return err_set(err, "a frame about no known kind (%u)", header->kind);
        return 0;
}

int feed_next(struct feed_reader *reader, struct feed_frame *ret, struct err *err)
{
        const char *at = reader->bytes.text + reader->at;
        size_t known = reader->bytes.length - reader->at;
        struct header header = {0};

        if (known < PREFIX_SIZE)
                return 0;
        memcpy(&header, at, known < HEADER_SIZE ? known : HEADER_SIZE);
        if (refuse(&header, known, err) < 0)
                return -1;
        if (known - PREFIX_SIZE < header.length)
                return 0;
        *ret = (struct feed_frame){
            .type = (enum feed_type)header.type,
            .kind = (enum kind)header.kind,
            .body = at + HEADER_SIZE,
            .length = header.length - (HEADER_SIZE - PREFIX_SIZE),
        };
        reader->at += PREFIX_SIZE + header.length;
        return 1;
}

/* Returns where it begins, for end_frame(). */
static size_t begin_frame(struct strbuf *out, enum feed_type type, enum kind kind)
{
        size_t begin = out->length;
        const struct header header = {0, (uint8_t)type, (uint8_t)kind};

        strbuf_add_bytes(out, (const char *)&header, HEADER_SIZE);
        return begin;
}

static void end_frame(struct strbuf *out, size_t begin)
{
        uint32_t length = (uint32_t)(out->length - begin - PREFIX_SIZE);

        memcpy(out->text + begin, &length, sizeof(length));
}

void feed_put(struct strbuf *out, enum feed_type type, enum kind kind, const void *body,
              size_t length)
{
        size_t begin = begin_frame(out, type, kind);

        strbuf_add_bytes(out, body, length);
        end_frame(out, begin);
}

void feed_put_value(struct strbuf *out, enum feed_type type, enum kind kind,
                    const struct value *value)
{
        size_t begin = begin_frame(out, type, kind);

        value_to_bytes(out, value);
        end_frame(out, begin);
}

void feed_put_text(struct strbuf *out, enum feed_type type, uint32_t number, const char *text)
{
        size_t begin = begin_frame(out, type, (enum kind)0);

        strbuf_add_bytes(out, (const char *)&number, sizeof(number));
        strbuf_add(out, text);
        end_frame(out, begin);
}

const struct value *feed_value(struct arena *arena, const struct feed_frame *frame)
{
        if (frame->type != FEED_OBJECT && frame->type != FEED_DELETED)
                return NULL;
        return value_from_bytes(arena, frame->body, frame->length);
}

bool feed_text(struct arena *arena, const struct feed_frame *frame, uint32_t *ret_number,
               const char **ret_text)
{
        uint32_t number;

        if (frame->length < sizeof(number))
                return false;
        const char *text = frame->body + sizeof(number);
        size_t length = frame->length - sizeof(number);
        if (memchr(text, '\0', length))
                return false;
        memcpy(&number, frame->body, sizeof(number));
        *ret_number = number;
        *ret_text = arena_strndup(arena, text, length);
        return true;
}

/* A bool that is neither is nothing that may be looked at as one. */
static bool are_flags(const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if ((uint8_t)bytes[i] > 1)
                        return false;
        return true;
}

static_assert(sizeof(bool) == 1, "a flag is a byte");

bool feed_counts(const struct feed_frame *frame, struct feed_counts *ret)
{
        if (frame->type != FEED_COUNTS || frame->length != sizeof(*ret) ||
            !are_flags(frame->body + offsetof(struct feed_counts, connected),
                       sizeof(ret->connected)))
                return false;
        memcpy(ret, frame->body, sizeof(*ret));
        return true;
}

bool feed_state(const struct feed_frame *frame, struct feed_state *ret)
{
        const char *body = frame->body;

        if (frame->type != FEED_STATE || frame->length != sizeof(*ret) ||
            !are_flags(body + offsetof(struct feed_state, live), 1) ||
            !are_flags(body + offsetof(struct feed_state, enforcing), 1) ||
            !memchr(body + offsetof(struct feed_state, why), '\0', sizeof(ret->why)))
                return false;
        memcpy(ret, body, sizeof(*ret));
        return true;
}
