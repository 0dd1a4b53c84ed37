#pragma once

#include "verify/space.h"

/* By which links packets of a look can come and go. Those of a pod use its own; at PREROUTING and
 * INPUT a packet goes by none yet, at OUTPUT it came by none, and at POSTROUTING nobody tells. A
 * case says of which pairs of links it is true: packet_case.links, at in * n_out + out.
 *
 * A link is one of the cases' interfaces of that axis: of AXIS_SOURCE those that packets come by.
 */

/* Notes the pod's link, and what no rule tells from it. */
void links_of_pod(struct space *space, struct place_of_pod *pod);

/* Which links the end of that axis can have, where the other end is fixed to the class (SIZE_MAX:
 * anybody)? False where there are none: no packet is like that. */
bool links_left(const struct space *space, enum sim_hook hook,
                const struct packet_case *packet_case, enum axis axis, size_t fixed_class,
                bits_word *ret);
/* Are the class's among them? */
bool links_fit(const struct space *space, enum sim_hook hook, enum axis axis, size_t class,
               const bits_word *left);
/* Names a pair of links that packets between the two can have. */
void links_choose(const struct space *space, enum sim_hook hook, const bits_word *pairs,
                  const size_t classes[AXES], struct sim_packet *packet);
