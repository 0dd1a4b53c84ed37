#pragma once

#include "base/err.h"
#include "kube/read/document.h"
#include "kube/read/keys.h"
#include "kube/read/tree.h"
#include "kube/read/wanted.h"

/* JSON documents, one after the other, strictly by RFC 8259. Refused besides: a key given twice in
 * one map, NUL in any spelling, text that is not UTF-8 (lone surrogates too), and whatever goes
 * past the caps of load.h. Numbers are checked and keep their text.
 *
 * A key given twice spoils its object only; anything else ends the input, because what follows
 * could mean anything. Problems are reported in the words of Go's encoding/json, which are
 * kubectl's. */

enum json_end {
        JSON_END,    /* all was read */
        JSON_YAML,   /* a line "---" follows: the rest is YAML's, from there on */
        JSON_BROKEN, /* a problem was reported and nothing after it can be read */
};

enum json_end json_read(const struct document_reader *reader);

/* Values that are whole in memory, one after the other, in room that is used again. */
struct json_objects {
        struct arena *arena; /* of problems */
        struct tree tree;
        struct keys keys;
};
struct json_objects json_objects_new(void);
void json_objects_done(struct json_objects *objects);

/* One value, as strictly as above, that lives until the next is read; of maps only the members
 * that are wanted (NULL: all), what is passed over is not checked. NULL where it is none. Behind
 * bytes, which are spoilt, stand INPUT_PAD zeros. */
const struct value *json_read_whole(struct json_objects *objects, char *bytes, size_t length,
                                    const struct wanted *wanted, struct err *err);
