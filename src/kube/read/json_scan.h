#pragma once

#include "kube/problem.h"
#include "kube/read/input.h"
#include "kube/read/tree.h"

/* The words of JSON by RFC 8259, one after the other, straight from the input's window: strings,
 * numbers, literals and the blanks between them. What is wrong is reported, in the words of Go's
 * encoding/json; functions then return false. Texts go to the tree that is given. */

struct json_scan {
        struct input *input;
        struct problems *problems;
        const unsigned char *at, *end; /* the window; at the end stands a zero */
        unsigned line;
};

struct json_scan scan_begin(struct input *input, struct problems *problems);
void scan_end(struct json_scan *scan); /* whoever reads the input next goes on from here */

/* Report a problem, on the present line or another; false, so that it can be returned. */
bool scan_refuse(struct json_scan *scan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool scan_refuse_at(struct json_scan *scan, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* c is what stands there, -1 for the end; where: "in string literal". */
bool scan_refuse_byte(struct json_scan *scan, int c, const char *where);

int scan_past_blanks(struct json_scan *scan);
/* The next byte that is not white space, not taken; -1 at the end. */
static inline int scan_next(struct json_scan *scan)
{
        return *scan->at > ' ' ? *scan->at : scan_past_blanks(scan);
}

/* Each stands at the first byte, and takes all. */
bool scan_string(struct json_scan *scan, struct tree *tree, const char **ret, size_t *ret_length);
bool scan_number(struct json_scan *scan, struct tree *tree, const char **ret);
bool scan_literal(struct json_scan *scan, const char *literal);
/* Passes over a value of any kind by its extent alone; lines in it are not counted. */
bool scan_skip(struct json_scan *scan);
/* Does "---" stand here? Nothing is taken. */
bool scan_is_at_separator(struct json_scan *scan);
