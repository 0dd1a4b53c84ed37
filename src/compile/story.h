#pragma once

#include "kube/objects.h"
#include "rules/ruleset.h"

/* What is installed tells its own story: every rule's comment names the policy and rule, or the
 * pod, that it stands for. Of rules that were read back, after shortcut_spread(). */

/* What stands behind "penstock: "; "" where there is no such comment. */
const char *story_of(const struct rule *rule);
/* Is it the chain of a class, and of which direction? */
bool story_is_class(const struct chain *chain, enum direction *ret);

/* A rule of a class that a policy stands behind: "default/web ingress[0]", or "default/web ingress"
 * of one that allows nothing here. */
struct policy_story {
        const char *text;
        size_t name; /* the length of "default/web" in it */
        bool allows;
};
bool story_of_policy(const struct rule *rule, struct policy_story *ret);
/* The rule of a class that takes what no policy allowed; its pods share the counter. NULL: none. */
const struct rule *story_of_denied(const struct chain *chain);
/* The namespace of these pods. */
const char *story_denied_namespace(const struct rule *denied);
