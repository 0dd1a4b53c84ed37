#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "kube/objects.h"
#include "kube/read/value.h"

/* What the agent's two processes tell each other, as frames on a stream socket. The feeder speaks
 * to the API server and to whoever asks for metrics, and has no rights; the agent holds the rights
 * and speaks to the kernel only. A frame that is not well formed, or not for its reader, is an
 * error: the connection ends, nothing of it is believed.
 *
 * A frame: length (32 bits, of what follows), type, kind (8 bits each), then the body. Numbers are
 * the machine's own: both ends are the same program on one machine. */

enum feed_type {
        /* From the feeder. A kind is listed (BEGIN, OBJECT…, END or ABORT), then watched (OBJECT,
         * DELETED); whenever watching ends, it is listed again. Kinds don't wait for each other. */
        FEED_BEGIN,   /* kind: a list begins; nothing of an earlier one counts */
        FEED_OBJECT,  /* kind, value: an object of the list; or one that was added or changed */
        FEED_DELETED, /* kind, value: its last state */
        FEED_END,     /* kind: the list is whole; what was not in it is gone */
        FEED_ABORT,   /* kind: the list cannot be had to its end; it will begin again */
        FEED_COUNTS,  /* struct feed_counts: the answer to each STATE, and before each ASK */
        FEED_ASK,     /* number: somebody wants the metrics */
        /* From the agent. */
        FEED_METRICS, /* number, text: the answer */
        FEED_STATE,   /* struct feed_state: first, whenever it changes, and every few seconds */
        FEED_REPORT,  /* text: an Event of the API, as JSON, to be posted */
        FEED_LEVEL,   /* number: the level of log messages */
        FEED_TYPES,
};

/* The feeder's exit status where no API server can be made of its configuration. */
#define FEEDER_UNCONFIGURED 2

#define FEED_MAX_FRAME (32u << 20) /* of an object; others are far smaller */

/* Of the feeder since it started, for metrics. */
struct feed_counts {
        uint64_t lists[OBJECT_KINDS], watches[OBJECT_KINDS], events[OBJECT_KINDS];
        uint64_t errors[OBJECT_KINDS]; /* requests that failed, or were answered with an error */
        uint64_t gone[OBJECT_KINDS];   /* watches that could not be resumed (410) */
        uint64_t bytes;                /* received from the API server */
        uint64_t reports_lost;         /* Events that could not be posted */
        bool connected[OBJECT_KINDS];  /* its watch stands now */
};

struct feed_state {
        bool live;      /* the agent is at work (healthz) */
        bool enforcing; /* what the kernel holds is what the cluster wants (readyz) */
        char why[256];  /* why not */
};

struct feed_frame {
        enum feed_type type;
        enum kind kind;
        const char *body; /* in the reader's buffer, until the next feed_room() */
        size_t length;
};

/* Frames from bytes as they come: read to feed_room(), feed_take(), then feed_next() as long as
 * there are frames. What a large frame took is given back after it. Zero-initialise. */
struct feed_reader {
        struct strbuf bytes;
        size_t at; /* what was taken */
};
void feed_reader_done(struct feed_reader *reader);
/* Where to read to, and how much of it was read. There is always room. */
char *feed_room(struct feed_reader *reader, size_t *ret_size);
void feed_take(struct feed_reader *reader, size_t n);
/* 1 and a frame; 0 where none is whole; -1 where it is no frame, now and whatever comes. */
int feed_next(struct feed_reader *reader, struct feed_frame *ret, struct err *err);

/* body is FEED_MAX_FRAME less 2 at most. A value that was read as an object always fits. */
void feed_put(struct strbuf *out, enum feed_type type, enum kind kind, const void *body,
              size_t length);
void feed_put_value(struct strbuf *out, enum feed_type type, enum kind kind,
                    const struct value *value);
void feed_put_text(struct strbuf *out, enum feed_type type, uint32_t number, const char *text);

/* The body of OBJECT and DELETED, in arena; NULL where it is none. */
const struct value *feed_value(struct arena *arena, const struct feed_frame *frame);
/* … of METRICS, REPORT, ASK and LEVEL: text is NUL-terminated, in arena; "" where none was put. */
bool feed_text(struct arena *arena, const struct feed_frame *frame, uint32_t *ret_number,
               const char **ret_text);
bool feed_counts(const struct feed_frame *frame, struct feed_counts *ret);
bool feed_state(const struct feed_frame *frame, struct feed_state *ret);
