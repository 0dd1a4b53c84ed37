#pragma once

#include "verify/classes.h"
#include "verify/simulate.h"

/* The rules that a packet of one family meets at one hook, made ready for being run on many packets
 * at once: what a rule asks of an address became a feature of the address classes, what it asks of
 * anything else became a question about a case (case.h), and chains are pointers. */

enum axis { AXIS_SOURCE, AXIS_DESTINATION };
#define AXES 2

/* A rule's say about one end. */
struct address_test {
        enum axis axis;
        bool invert;
        size_t feature;
};

/* A set of addresses with ports: which addresses, depends on protocol and port. */
struct pair_test {
        enum axis axis;
        bool invert;
        size_t question; /* its answer: which of the features, from 1; 0 none of them */
        const size_t *features;
        size_t n;
};

enum action {
        ACTION_GO_ON, /* whatever it does, the packet's way is not changed by it */
        ACTION_ACCEPT,
        ACTION_DROP,
        ACTION_RETURN,
        ACTION_JUMP,
        ACTION_GOTO,
        ACTION_MARK,
        ACTION_BLUR_MARK, /* the mark is then not known */
        ACTION_UNTRACK,
        ACTION_LEAVE,   /* to another destination: no more of these addresses */
        ACTION_UNKNOWN, /* anything may happen */
};

#define NO_QUESTION SIZE_MAX

struct step {
        const struct rule *rule;
        VEC(struct address_test) addresses;
        VEC(struct pair_test) pairs;
        VEC(const struct match *) marks;
        size_t question; /* of all that is neither address nor mark; NO_QUESTION */
        bool chance;     /* has a match that time, history or dice decide, too */
        bool unknown;    /* has a match that nothing here understands, too */
        enum action action;
        struct block *to;
        uint32_t mark, mask;
};

/* A chain. */
struct block {
        size_t number;
        const struct table *table;
        const struct chain *chain;
        size_t ruleset;
        bool own; /* one of penstock's */
        VEC(struct step) steps;
        /* Of it and all that it leads to. */
        bits_word *reads[AXES]; /* features */
        bits_word *asks;        /* questions */
        bool reads_mark, sets_mark, can_stop;
        unsigned height; /* chains that lead on from here, one into the other */
        enum { UNSEEN, BUSY, READY } state;
};

enum question_kind { QUESTION_MATCHES, QUESTION_PAIR };

struct question {
        enum question_kind kind;
        VEC(const struct match *) matches;
        bool state_only; /* asks the connection's state and the interfaces, nothing else */
        /* QUESTION_PAIR: the set's protocols and ports, by answer - 1. */
        enum axis port_end;
        struct pair_key {
                uint8_t protocol;
                uint16_t port;
        } * keys;
        size_t n_keys;
        bool too_many; /* to be told apart: there are none here */
};

struct program {
        struct arena *arena;
        const struct enforced *enforced;
        const struct sim_node *node;
        enum family family;
        struct splitter *splitter;
        size_t n_features; /* set by program_settle() */
        VEC(struct block *) blocks;
        size_t n_filled; /* of them: their steps are there */
        VEC(struct question) questions;
        struct map *known_blocks, *known_features, *known_questions;
};

/* A base chain, in the order in which a packet of a hook meets them. */
struct hook_program {
        VEC(struct block *) bases;
        size_t n_before; /* of them, in front of the hook: who is stopped there does not come */
};

struct program *program_new(struct arena *arena, const struct enforced *enforced,
                            const struct sim_node *node, enum family family,
                            struct splitter *splitter);
/* The tables that can stop a packet there: raw, mangle, filter, security. Names features to the
 * splitter. */
struct hook_program program_hook(struct program *program, enum sim_hook hook);
/* The same behind what sets marks in front of it: raw, mangle, nat of PREROUTING, or of OUTPUT. */
struct hook_program program_arrival(struct program *program, enum sim_hook hook);
/* When settled: can any rule there stop a packet, or a chain's policy? Do any ask for marks? */
bool hook_can_stop(const struct hook_program *hook);
bool hook_asks_mark(const struct hook_program *hook);
/* When all hooks are there and the splitter has split: what each block reads. */
void program_settle(struct program *program, size_t n_features);
