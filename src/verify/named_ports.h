#pragma once

#include "verify/classes.h"
#include "verify/pods_by_labels.h"

/* Named ports that rules use, and what pods mean by them. */

struct port_name {
        const char *name;
        enum protocol protocol;
};
struct port_names {
        VEC(struct port_name) items;
};

void port_names_add(struct arena *arena, struct port_names *names, const struct policy_port *port);
void port_names_add_rules(struct arena *arena, struct port_names *names,
                          const struct policy_rules *rules);
void port_names_settle(struct port_names *names); /* sorted, each once */

/* For each name, its numbers; for each number, the addresses whose pods mean it by that name, as a
 * feature of the splitter. */
struct named_number {
        uint16_t number;
        size_t feature;
};
struct named_numbers {
        const struct named_number *items; /* by number */
        size_t n;
};
struct named_ports;

/* names are settled. */
struct named_ports *named_ports_new(struct arena *arena, const struct port_names *names,
                                    const struct cluster *cluster, enum family family,
                                    struct splitter *splitter);
struct named_numbers named_ports_of(const struct named_ports *ports,
                                    const struct policy_port *port);
