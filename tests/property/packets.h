#pragma once

#include "bytes.h"
#include "policy/verdict.h"

/* Random packets where verdicts turn: addresses of pods and nodes, both edges of every block and
 * what lies just outside, ports that somebody names and their neighbours. Half of them
 * aim at a rule: from or to a pod that its policy may select, with one of its ports. */

struct packet_pool {
        const struct cluster *cluster;
        VEC(struct ip) pods[FAMILIES];  /* of pods in any state */
        VEC(struct ip) other[FAMILIES]; /* of nodes, at edges of blocks, outside */
        VEC(uint16_t) ports;
};

struct packet_pool packet_pool_of(struct arena *arena, const struct cluster *cluster);
struct packet packet_pool_draw(const struct packet_pool *pool, struct bytes *bytes);
/* "10.0.0.1 > 10.0.0.2 TCP:80" */
const char *packet_text(struct arena *arena, const struct packet *packet);
