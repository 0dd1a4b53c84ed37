#pragma once

#include "kube/cluster.h"

/* The ports that are worth a packet: those that pods and policies name, of ranges the first, the
 * last and their neighbours outside, and one that nobody names. All are tried with every protocol:
 * a rule for TCP 8080 must not open UDP 8080. */

#define LAB_PORTS_MAX 48

struct lab_ports {
        VEC(uint16_t) list; /* sorted */
        uint16_t unnamed;   /* the one of them that nobody names; 0 where ranges leave none */
        size_t cut;         /* left out because there were too many */
};

struct lab_ports lab_ports_choose(struct arena *arena, const struct cluster *cluster);
