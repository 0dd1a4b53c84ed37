#pragma once

#include "verify/simulate.h"

/* With which marks packets come to a hook. A packet comes from the wire with none; rules in front
 * of the hook may set some. */

#define MAX_ARRIVING_MARKS 16

struct arriving_marks {
        uint32_t items[MAX_ARRIVING_MARKS]; /* 0 first, always there */
        size_t n;
        bool any; /* more than fit here, or marks that come from connections: any is thinkable */
        bool translated; /* rules there may give a packet another destination */
};

/* Of the family, at INPUT and FORWARD (set in PREROUTING) or at OUTPUT (set there before filter's
 * table). All that chains which can be reached set, in any order and however often: more than
 * there are, never fewer. */
struct arriving_marks marks_arriving(struct arena *arena, const struct enforced *enforced,
                                     enum family family, enum sim_hook hook);

/* Gives the packet the mark with which it comes to the hook, where it was sent to where it goes. At
 * OUTPUT marks are set at the hook itself. False where it does not come. */
bool mark_direct(const struct enforced *enforced, enum sim_hook hook,
                 const struct sim_options *options, struct sim_packet *packet);
/* Is there a packet that comes to the hook as this one, with its mark, and was sent to an address
 * and port that nat's rules lead there? False: none was found. */
bool mark_arrives(const struct enforced *enforced, enum sim_hook hook,
                  const struct sim_packet *packet, const struct sim_node *node);
