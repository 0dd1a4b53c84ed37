#pragma once

#include "verify/program.h"

/* What a rule asks of a packet's ends, for program.c: prefixes, ranges, types and sets become
 * features of the address classes, named to the splitter once for all the rules that ask them.
 * What has no place there leaves the step unknown. */

void step_ask_prefix(struct program *program, struct step *step, const struct match *match,
                     enum axis axis);
void step_ask_range(struct program *program, struct step *step, const struct match *match,
                    enum axis axis);
void step_ask_type(struct program *program, struct step *step, const struct match *match,
                   enum axis axis);
/* Its ends say which axis. A set of addresses with ports asks a question of the case, too. */
void step_ask_set(struct program *program, struct step *step, const struct match *match);

/* Of program.c: questions by the text of what they ask, equal texts asking the same. */
bool program_question_known(const struct program *program, const char *text, size_t *ret);
size_t program_add_question(struct program *program, const char *text,
                            const struct question *question);
/* Ports of these protocols are read by rules, too, and no case has any: DCCP, UDPLITE. */
bool has_unmodelled_ports(uint32_t protocol);
