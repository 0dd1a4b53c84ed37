#pragma once

#include "base/ip.h"
#include "generate.h"

/* What the rooms of the generator share. */

struct generator {
        struct arena *arena;
        struct bytes *bytes;
        struct shape shape; /* how many there are */
        struct manifest manifest;
        VEC(struct ip) addresses;  /* given to pods and nodes, for blocks to lie around */
        VEC(struct value *) rules; /* so far, to be used again */
        unsigned number;           /* the last port of a policy */
};

#define pick(generator, list) ((list)[bytes_below((generator)->bytes, ARRAY_SIZE(list))])

const char *namespace_text(struct generator *generator, unsigned index);
const char *object_text(struct generator *generator, const char *kind, unsigned index);
const char *node_text(struct generator *generator, unsigned index);
const char *random_address(struct generator *generator, struct ip *ret);

/* A copy of the rule, the same or with one thing changed, whose peers are under peers_key. */
void add_variation(struct generator *generator, struct value *rules, const struct value *original,
                   const char *peers_key);

/* Labels of pods and of namespaces are drawn from the same alphabet as the selectors over them. */
enum label_alphabet { LABELS_OF_PODS, LABELS_OF_NAMESPACES };
void add_labels(struct generator *generator, struct value *metadata, enum label_alphabet alphabet);
/* Absent, null, empty or with requirements; always a member where needed. */
void add_selector(struct generator *generator, struct value *to, const char *key,
                  enum label_alphabet alphabet);

const char *const *port_names(size_t *ret_n);
void add_protocol(struct generator *generator, struct value *to); /* sometimes absent */

void add_pods(struct generator *generator);
void add_policies(struct generator *generator);
