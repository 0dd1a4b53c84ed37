#pragma once

#include <stdbool.h>

/* What a daemon says while it works: a line each on standard error. Only the agent's and the
 * feeder's own rooms log; what they are built of returns errors.
 *
 *     log_event(LOG_INFO, "policies enforced", log_number("elements", n), log_text("node", node));
 *
 * as text   2026-01-02T03:04:05.678Z info agent: policies enforced elements=3 node=node-1
 * as json   {"time":"…","level":"info","process":"agent","message":"…","elements":3,"node":"…"}
 *
 * Field names are lower camel case, values are quoted where they need it: nothing that stands in an
 * object of the cluster can make a line of its own, or steer a terminal. A text is cut where it is
 * long, and a line has no more than a pipe takes whole: lines of two processes don't mix. Nothing
 * waits longer than a moment for whoever reads; how many lines were lost is said in the next
 * (lostLines). */

#define LOG_MAX_TEXT 1000 /* bytes of one value, as printed */
#define LOG_MAX_LINE 4096 /* with its newline; fields that no longer fit are left out: cut=true */

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret);
bool log_format_parse(const char *name, enum log_format *ret);

void log_begin(const char *process, enum log_level level, enum log_format format);
enum log_level log_level(void);
void log_set_level(enum log_level level);
/* For SIGUSR1: debug, and from there back to what was given at the beginning (info where that was
 * debug). Returns what it is now. */
enum log_level log_cycle_level(void);

struct log_field {
        const char *name; /* NULL ends them */
        const char *text; /* NULL: it is a number */
        double number;
};
#define log_text(name, text)     ((struct log_field){(name), (text), 0})
#define log_number(name, number) ((struct log_field){(name), NULL, (double)(number)})
#define log_event(level, message, ...)                                                             \
        log_fields((level), (message), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
void log_fields(enum log_level level, const char *message, const struct log_field *fields);
