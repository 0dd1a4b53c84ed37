#pragma once

#include "kube/read/document.h"

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
