#pragma once

#include "base/err.h"
#include "bytes.h"
#include "policy/verdict.h"
#include "universe.h"
#include "verify/prove.h"

/* What verify/prove.h promises, by brute force: each packet of a universe is run through the rules,
 * alone, and what became of it is held against what the reference says. Slow, without classes of
 * addresses or bitsets, and so a judge of the prover. */

struct judge {
        const struct cluster *cluster;
        struct policy_options options; /* with the node */
        struct sim_node facts;
        VEC(struct ip) own;      /* the node's addresses, as the objects say; sorted */
        VEC(struct ip) isolated; /* of the node's isolated pods */
        bool sctp;               /* SCTP in midstream is stopped, too */
};

struct judge judge_of(struct arena *arena, const struct cluster *cluster,
                      const struct policy_options *options);

enum expectation { EXPECT_ANYTHING, EXPECT_PASS, EXPECT_DROP };
enum expectation judge_expects(const struct judge *judge, const struct sim_packet *packet);
enum sim_hook judge_hook(const struct judge *judge, const struct sim_packet *packet);

/* Is it a finding? Says of which kind. */
bool judge_finds(const struct judge *judge, const struct enforced *enforced,
                 const struct sim_packet *packet, enum chance chance, enum finding_kind *ret);

#define FINDING_KINDS 4
struct judgement {
        size_t packets;
        size_t counts[FINDING_KINDS];
        struct sim_packet examples[FINDING_KINDS]; /* the first of each kind */
        bool whole;                                /* all packets were run */
};

/* All packets where they are no more than budget, else budget of them, drawn from bytes. */
struct judgement judge_universe(const struct judge *judge, const struct enforced *enforced,
                                const struct universe *universe, struct bytes *bytes,
                                size_t budget);

/* "FORWARD 10.0.0.1 > 10.0.0.2 TCP:80 NEW flags 2" */
const char *sim_packet_text(struct arena *arena, const struct judge *judge,
                            const struct sim_packet *packet);
