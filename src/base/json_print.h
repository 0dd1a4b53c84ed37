#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/* JSON as kubectl prints it: indented by four, keys in the order given. Commas and indents look
 * after themselves; a key is NULL in a list and at the top.
 *
 *     struct json_print json = {.out = &buf};
 *     json_open(&json, NULL, '{');
 *     json_text(&json, "verdict", "Allowed");
 *     json_close(&json, '}'); */
struct json_print {
        struct strbuf *out;
        unsigned depth;
        bool has_member; /* of what is open */
        bool compact;    /* on one line, for programs */
        /* For what is too large to be whole in memory: empties out whenever something is closed
         * and JSON_PIECE bytes are in it. NULL: all stays. */
        void (*take)(void *data, struct strbuf *out);
        void *take_data;
};

#define JSON_PIECE 65536

void json_open(struct json_print *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json_print *json, char bracket); /* '}' or ']'; a newline at the top */
void json_text(struct json_print *json, const char *key, const char *text); /* NULL prints null */
void json_number(struct json_print *json, const char *key, uint64_t number);
/* A number that is text already. */
void json_digits(struct json_print *json, const char *key, const char *digits);
void json_bool(struct json_print *json, const char *key, bool value);
