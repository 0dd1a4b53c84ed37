#pragma once

#include <microhttpd.h>

/* What is said to whoever asks over HTTP; several may wait for the same, each lets go of it. */
struct answer {
        struct MHD_Response *response;
        unsigned status, users;
};

struct answer *answer_new(unsigned status, const char *type, const char *text);
/* A line: text and why, behind each other. */
struct answer *answer_plain(unsigned status, const char *text, const char *why);
struct answer *answer_unavailable(const char *text, const char *why);
struct answer *answer_not_allowed(void); /* neither GET nor HEAD */
void answer_let_go(struct answer *answer);
