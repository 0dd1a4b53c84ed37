#pragma once

#include <uv.h>

#include "kube/client/client.h"
#include "kube/client/delay.h"
#include "kube/client/pieces.h"
#include "kube/client/transport.h"
#include "kube/read/json.h"

/* One kind, kept up with: what client.h says of lists and watches. */

/* What all kinds share. */
struct reflecting {
        uv_loop_t *loop;
        struct transport *transport;
        struct kube_client_options options; /* without zeros */
        struct kube_handler handler;
        struct kube_counts counts;
        uint64_t random;
        struct json_objects objects;
        struct strbuf newest; /* the version that any kind is at, in this history */
        unsigned history;     /* raised when the server turns out to have gone back */
        bool closing;         /* nothing is begun, nothing is told any more */
        void *data;
        /* Are there credentials? If not, reflector_start() is called when there are. */
        bool (*ready)(void *data);
        /* They were refused: false where they cannot be better the next time. */
        bool (*refused)(void *data);
};

enum reflector_doing {
        REFLECTOR_RESTING,   /* until the timer, or until there are credentials */
        REFLECTOR_LISTING,   /* a page */
        REFLECTOR_STREAMING, /* a list that comes as a watch, which goes on as one */
        REFLECTOR_ASKING,    /* does the server know the version that we are at? */
        REFLECTOR_WATCHING,
};

struct reflector {
        struct reflecting *shared;
        enum kind kind;
        enum reflector_doing doing;
        enum reflector_doing next; /* what is done when the rest is over */
        struct request *request;
        struct pieces pieces;
        uv_timer_t timer;
        struct delay delay;
        struct strbuf version; /* where we are; "" where nothing was listed */
        struct strbuf page;    /* where the list's next page begins */
        unsigned history;      /* that it was listed in */
        bool begun;            /* a list was, and neither ended nor was given up */
        bool unpaged;          /* a list in pages took longer than the server remembers */
        bool no_streams;       /* the server refuses lists as watches */
        bool refused;          /* the credentials were, just now */
        bool forbidden;        /* a 403 has come since a watch stood */
        double since;          /* the present watch stands since; 0 where none does */
        double lost;           /* no answer since then; 0 where there was one */
        /* What the body's handler found out, for when the request is over. */
        struct {
                bool found, relist;
                struct err err;
                double retry_after;
        } end;
};

void reflector_init(struct reflector *reflector, struct reflecting *shared, enum kind kind);
void reflector_start(struct reflector *reflector);
/* closed is called for the timer's handle. */
void reflector_close(struct reflector *reflector, uv_close_cb closed);
void reflector_done(struct reflector *reflector);

/* Of reflector_body.c: what an answer's bytes say. */
/* An answer of success has begun. */
void reflector_opened(struct reflector *reflector);
/* False where something in them ends the request; it is in reflector->end. */
bool reflector_takes(struct reflector *reflector, const char *bytes, size_t n);
/* The list's page, all of which was taken: false where it is none. */
bool reflector_takes_page(struct reflector *reflector);

/* Of reflector_end.c: what an answer as a whole says, and what is done next. */
void reflector_ended(struct reflector *reflector, const struct answer *answer);

/* Of reflector.c. */
bool reflector_lists(enum reflector_doing doing);
/* From scratch; how. */
enum reflector_doing reflector_list_anew(struct reflector *reflector);
/* An older state than this kind has seen: no kind's version counts any more. */
void reflector_went_back(struct reflector *reflector);
void reflector_rest(struct reflector *reflector, enum reflector_doing next, double seconds);
