#pragma once

#include "verify/simulate.h"

/* What simulate() and simulate_path() are made of.
 *
 * A rule that may match leads two ways, and a packet that may have gone either is one packet with
 * less that is known of it: where ways meet again they are joined, field by field. So every rule is
 * looked at once, whatever is not known, and a way that makes no difference leaves none. */

/* NULL: nowhere. */
struct sim_place {
        const struct table *table;
        const struct chain *chain;
        const struct rule *rule;
};

/* The packet on its way through one hook. */
struct sim_state {
        struct sim_packet packet;
        enum truth translated;  /* within the nat tables of one hook; else NO */
        bool redirected;        /* to the node, whatever its destination is */
        bool unsure;            /* whether any packet comes this far, before this table */
        struct sim_place doubt; /* the first rule of this table for which it may not have */
};

/* Where packets end in one table. */
struct sim_ends {
        unsigned n;
        bool passed, dropped;
        struct sim_state pass; /* all that passed, joined */
        struct sim_place drop, doubt;
};

struct sim_run {
        const struct enforced *enforced;
        const struct sim_options *options; /* may be NULL */
        enum sim_hook hook;
        const struct table *table;
        unsigned depth, evaluated, met; /* rules: those that count, and all */
        bool again;                     /* the same in another order: neither counted nor traced */
        bool looped;                    /* the packet came back by loopback, its NAT is done */
        bool changed_tracking;          /* a rule of the raw table may have */
        struct sim_ends ends;
        bool may_drop;
        struct sim_place accept, drop, doubt;
};

void sim_packet_join(struct sim_packet *packet, const struct sim_packet *other);
bool sim_packet_equal(const struct sim_packet *a, const struct sim_packet *b);
/* After this nothing is known but where it came from and goes to on this node. */
void sim_packet_forget(struct sim_packet *packet);
void sim_state_join(struct sim_state *state, const struct sim_state *other);

/* A target after which the packet goes on: MARK, CONNMARK, NOTRACK, ASIDE. */
void sim_change(const struct target *target, struct sim_packet *packet);
/* Of TARGET_BEYOND these are known all the same: TTL, HL, SET. False: it is none of them. */
bool sim_change_more(const struct target *target, struct sim_packet *packet);

/* A target of the nat table. False where it may be dropped instead: REDIRECT of what came by a link
 * of which no address is known. */
bool sim_translate(const struct sim_run *run, const struct target *target, struct sim_state *state);
/* NETMAP, one of TARGET_BEYOND. False: it is another one. */
bool sim_translate_net(const struct sim_run *run, const struct target *target,
                       struct sim_state *state);
/* What is of a connection that was translated before is so again, nobody here knows how. */
void sim_translate_again(const struct sim_run *run, struct sim_packet *packet);

/* One ruleset's table, from its built-in chain on. False where nothing comes out of it. */
bool sim_run_table(struct sim_run *run, const struct table *table, const struct chain *chain,
                   struct sim_state *state);
/* All tables of the hook. False where nothing comes out of it. Of the packet's links those are
 * looked at that the hook knows. */
bool sim_run_hook(struct sim_run *run, enum sim_hook hook, struct sim_state *state);
struct sim_result sim_run_result(const struct sim_run *run, bool alive,
                                 const struct sim_state *state);
