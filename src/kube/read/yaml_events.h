#pragma once

#include <stdarg.h>
#include <yaml.h>

#include "kube/problem.h"
#include "kube/read/input.h"

/* libyaml's events, one at a time, from the bytes of an input, with the lines they stand on and
 * what libyaml has against them as problems. */

struct yaml_events {
        yaml_event_t now; /* valid once events_advance() said true */
        bool has_event;
        struct input *input;
        struct problems *problems;
        yaml_parser_t parser;
        unsigned before;     /* lines of the input that another reader has taken */
        size_t fed;          /* bytes since the last event … */
        unsigned directives; /* … and lines in them that may be a directive */
        struct {             /* what was fed last: it still stands before the window's `at` */
                size_t offset, length;
                unsigned line;
        } chunk;
        const char *why; /* feeding stopped, and not at the end */
};

/* Stays where it is until events_done(): the parser points to it. */
void events_init(struct yaml_events *events, struct input *input, struct problems *problems);
void events_done(struct yaml_events *events);

/* The next event takes the place of the present one. False where the input cannot be read on,
 * which was reported. */
bool events_advance(struct yaml_events *events);
unsigned events_line(const struct yaml_events *events); /* on which the present one begins */

/* Report a problem. */
void events_report(struct yaml_events *events, unsigned line, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
bool events_refuse(struct yaml_events *events, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4))); /* false, so that it can be returned */
