#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "feeder/answer.h"

/* Who is connected, and until when each may stay in the stage that it is in. libmicrohttpd's own
 * time-out is for connections on which nothing moves, which a byte now and then defeats. Who is
 * past its deadline, or too many, is shut out: the connection is shut down, which libmicrohttpd
 * takes for the visitor's going away. Times are the loop's, in milliseconds. */

enum stage { STAGE_FIRST, STAGE_IDLE, STAGE_ASKING, STAGE_ANSWERED, STAGES };

struct visitor {
        LIST_ENTRY(visitor) others;
        struct MHD_Connection *connection;
        enum stage stage;
        uint64_t since, deadline; /* of the stage */
        bool shut;                /* its end is under way */
        uint32_t number;          /* STAGE_ASKING: the question whose answer it gets */
        struct answer *answer;    /* what to say once it goes on; NULL: not known yet */
};

struct visitors {
        LIST_HEAD(, visitor) list;
        unsigned n, max; /* but for those that are shut out */
        unsigned limits[STAGES];
};
#define visitors_foreach(it, visitors) LIST_FOREACH (it, &(visitors)->list, others)

/* Where there are too many, whoever has waited longest without asking has to go; where all have
 * asked, whoever takes longest to take its answer. */
struct visitor *visitor_new(struct visitors *visitors, struct MHD_Connection *connection,
                            uint64_t now);
void visitor_free(struct visitors *visitors, struct visitor *visitor);
unsigned visitors_in(const struct visitors *visitors, enum stage stage);
struct visitor *visitor_of(struct MHD_Connection *connection); /* its socket context */
void visitor_enter(struct visitors *visitors, struct visitor *visitor, enum stage stage,
                   uint64_t now);
void visitor_shut_out(struct visitors *visitors, struct visitor *visitor);
/* Of one that asks: it goes on, and is answered. */
void visitor_resume(struct visitors *visitors, struct visitor *visitor, struct answer *answer,
                    uint64_t now);
void visitor_refuse(struct visitors *visitors, struct visitor *visitor, const char *why,
                    uint64_t now);
void visitors_refuse(struct visitors *visitors, const char *why, uint64_t now); /* all that ask */
bool visitor_is_late(const struct visitor *visitor, uint64_t now);
uint64_t visitors_next_deadline(const struct visitors *visitors); /* UINT64_MAX: none */
