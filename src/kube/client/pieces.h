#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "kube/load.h"
#include "kube/read/extent.h"

/* Whole objects of JSON out of an answer's bytes as they come: the events of a watch, or the items
 * of a list. Held is one object, and of a list what stands around its items. */

#define PIECES_MAX_OBJECT LOAD_MAX_OBJECT_BYTES
#define PIECES_MAX_AROUND (1u << 20)

enum pieces_of { PIECES_OF_STREAM, PIECES_OF_LIST };

struct pieces {
        enum pieces_of what;
        enum { PIECES_BETWEEN, PIECES_OBJECT, PIECES_AROUND, PIECES_END } state;
        char *bytes; /* objects stand at start … end; up to at they are known */
        size_t start, at, end, cap;
        char covered[16]; /* what stood behind the object that was handed out */
        char *cover;
        struct extent object;
        bool wants_object; /* of a list: behind a "," */
        bool any;          /* … an item has been */
        struct extent outer;
        size_t key, key_length; /* of the list's last text, in around */
        bool colon;             /* … behind which this stood */
        struct strbuf around;   /* the list without its items: {"metadata":{…},"items":[]} */
};

/* Before the first use it is zeroed. */
void pieces_begin(struct pieces *pieces, enum pieces_of what);
void pieces_done(struct pieces *pieces);
void pieces_feed(struct pieces *pieces, const char *bytes, size_t n);
/* 1 and an object, with INPUT_PAD zeros behind it, until the next call of any function; 0 where
 * none is whole; -1 where these are no such bytes. */
int pieces_next(struct pieces *pieces, char **ret, size_t *ret_length, struct err *err);
/* May the answer end here? */
bool pieces_are_whole(const struct pieces *pieces);
