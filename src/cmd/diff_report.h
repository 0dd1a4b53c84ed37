#pragma once

#include "base/vec.h"
#include "verify/difference/difference.h"

/* What `penstock diff` prints: man/penstock-diff.8 is its manual. */

/* A connection of now that would be cut. */
struct cut_connection {
        struct packet packet;
        uint16_t source_port;             /* 0 where there is none */
        const char *source, *destination; /* pods, "shop/web"; NULL where it is none */
};

struct diff_report {
        struct arena *arena;
        const struct difference *difference;
        size_t limit;     /* of changes that are printed as text; 0: none */
        const char *node; /* whose connections were looked at; NULL: nobody's */
        VEC(struct cut_connection) cut;
};

void diff_print_text(const struct diff_report *report);
void diff_print_json(const struct diff_report *report);
