#pragma once

#include "verify/distinctions.h"
#include "verify/meaning.h"
#include "verify/program.h"

/* Everything about a packet but its addresses, split so finely that no rule and no policy tells two
 * packets of one case apart. What rules ask of a case is answered beforehand. */

enum expectation {
        EXPECT_VERDICT,   /* exactly what the policies say */
        EXPECT_PASS,      /* whatever they say */
        EXPECT_MIDSTREAM, /* dropped where an isolated pod is an end */
        EXPECT_NO_MORE,   /* what the policies deny does not pass; the rest may or may not */
};

/* Answers to QUESTION_MATCHES. To QUESTION_PAIR: a number; or any of them. */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };
#define ANSWER_ANY UINT16_MAX

struct packet_case {
        struct sim_packet packet; /* without addresses */
        enum expectation expectation;
        const uint16_t *answers; /* by question */
        size_t number;           /* among all that were made, heads too */
        const bits_word *links;  /* by which it may come and go: links.h; NULL of heads: any */
};

struct case_list {
        const struct packet_case *items;
        size_t n;
};

/* What makes cases besides the rules. */
struct case_options {
        struct meaning *meaning; /* settled */
        bool sctp_in_midstream;  /* SCTP is cut as TCP is */
};

/* All cases that are of one state and expectation. The head stands for them: what they don't answer
 * alike, it answers ANSWER_UNKNOWN or ANSWER_ANY; where that leaves nothing open, none of them
 * needs a look. */
struct case_group {
        struct packet_case head;
        enum ct_state state;
        enum expectation expectation;
        bool whole; /* its cases are there */
        struct case_list cases;
};

struct cases {
        struct case_group *groups;
        size_t n;
        const struct interfaces_told_apart *interfaces; /* by axis: in, out */
        struct builder *builder;
};

/* The program is settled. Groups that would have no case are left out; so are states that no rule
 * tells from a new connection's, of which less is demanded. */
struct cases cases_make(const struct program *program, const struct case_options *options);
/* Each case of a group; made when they are asked for. */
struct case_list cases_of(struct cases *cases, size_t at);

/* As policies name it: PROTOCOL_ICMP for either ICMP of the family, PROTOCOL_ANY for any that they
 * can't. */
enum protocol case_protocol(const struct packet_case *packet_case, enum family family);
