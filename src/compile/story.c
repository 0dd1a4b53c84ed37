#include "compile/story.h"

#include <string.h>

#include "compile/classes.h"

const char *story_of(const struct rule *rule)
{
        static const char prefix[] = "penstock: ";
        const char *comment = rule_comment(rule);

        return comment && strncmp(comment, prefix, strlen(prefix)) == 0 ? comment + strlen(prefix)
                                                                        : "";
}

bool story_is_class(const struct chain *chain, enum direction *ret)
{
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                if (strncmp(chain->name, class_prefix(d), strlen(class_prefix(d))) == 0) {
                        *ret = d;
                        return true;
                }
        return false;
}

bool story_of_policy(const struct rule *rule, struct policy_story *ret)
{
        const char *text = story_of(rule), *space = strchr(text, ' ');

        if (!space || !memchr(text, '/', (size_t)(space - text)))
                return false;
        *ret = (struct policy_story){
            .text = text, .name = (size_t)(space - text), .allows = strchr(space, '[') != NULL};
        return true;
}

const struct rule *story_of_denied(const struct chain *chain)
{
        vec_foreach (const struct rule, rule, &chain->rules)
                if (rule->target.kind == TARGET_GOTO)
                        return rule;
        return NULL;
}

const char *story_denied_namespace(const struct rule *denied)
{
        const char *space = strrchr(story_of(denied), ' ');

        return space ? space + 1 : "";
}
