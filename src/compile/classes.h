#pragma once

#include "compile/compiler.h"

/* A class: local pods of one namespace that, in one direction, the same policies select and that
 * give the same numbers to the ports those policies name. They share one chain. */
struct class
{
        const char *chain;
        enum direction direction;
        const struct network_policy **policies; /* by name */
        size_t n_policies;
        const struct pod *example; /* any of the pods: its named ports are all the pods' */
        size_t n_pods;
        struct class_rule *rules; /* class_chain.h; NULL until the first chain is made */
};

/* A local pod that is isolated in this direction, and how. */
struct member {
        const struct pod *pod;
        const struct class *class;
};

struct classes {
        VEC(struct class *) list; /* in order of their first pod */
        VEC(struct member) members;
};

/* What the names of a direction's class chains begin with: "PENSTOCK-I-". */
const char *class_prefix(enum direction direction);

/* Those of each direction. A policy touches only pods of its own namespace, so the work is local
 * pods × policies of their namespaces, whatever the cluster's size. */
void classes_find(struct compiler *compiler, struct classes ret[static DIRECTIONS]);
