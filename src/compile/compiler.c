#include "compile/compiler.h"

#include <string.h>

#include "base/digest.h"

#define NAME_DIGEST   16
#define WHOLE_DIGEST  51
#define COMMENT_BYTES 255

void key_add(struct strbuf *key, const char *part)
{
        strbuf_add_bytes(key, part, strlen(part) + 1);
}

const char *compiler_name(struct compiler *compiler, const char *prefix, const struct strbuf *key)
{
        char whole[WHOLE_DIGEST + 1];

        digest_name(strbuf_text(key), key->length, whole, WHOLE_DIGEST);
        const char *name = arena_printf(compiler->arena, "%s%.*s", prefix, NAME_DIGEST, whole);
        const char *known = map_get(compiler->names, name);
        if (!known) {
                map_put(compiler->names, name, arena_strdup(compiler->arena, whole));
        } else if (strcmp(known, whole) != 0) {
                compiler->failed = true;
                err_set(compiler->err, "two different things would be named %s", name);
        }
        return name;
}

const char *compiler_comment(struct compiler *compiler, const char *what, const struct meta *meta,
                             const char *detail)
{
        const char *before = arena_printf(compiler->arena, "penstock: %s%s%s/", what,
                                          *what ? " " : "", meta->namespace);
        const char *after = arena_printf(compiler->arena, "%s%s", *detail ? " " : "", detail);
        size_t room = COMMENT_BYTES - strlen(before) - strlen(after);
        size_t length = strlen(meta->name);
        char digest[NAME_DIGEST + 1];

        if (length <= room)
                return arena_printf(compiler->arena, "%s%s%s", before, meta->name, after);
        digest_name(meta->name, length, digest, NAME_DIGEST);
        return arena_printf(compiler->arena, "%s%.*s~%s%s", before, (int)(room - NAME_DIGEST - 1),
                            meta->name, digest, after);
}

void compiler_add_rule(struct compiler *compiler, struct chain *chain, const struct match *matches,
                       size_t n, const char *comment, struct target target)
{
        struct rule rule = {.target = target};

        for (size_t i = 0; i < n; i++)
                rule_add_match(compiler->ruleset, &rule, matches[i]);
        rule_add_match(compiler->ruleset, &rule,
                       (struct match){.kind = MATCH_COMMENT, .text = comment});
        vec_push(compiler->arena, &chain->rules, rule);
}

struct set *compiler_add_set(struct compiler *compiler, const char *name, enum set_type type,
                             enum family family)
{
        if (map_get(compiler->sets, name))
                return NULL;
        map_put(compiler->sets, name, (void *)(uintptr_t)(compiler->ruleset->sets.n + 1));
        return ruleset_add_set(compiler->ruleset, name, type, family);
}

const struct set *compiler_set(const struct compiler *compiler, const char *name)
{
        uintptr_t position = (uintptr_t)map_get(compiler->sets, name);

        return position ? &compiler->ruleset->sets.items[position - 1] : NULL;
}

enum match_kind peer_match(enum direction direction)
{
        return direction == DIRECTION_INGRESS ? MATCH_SOURCE : MATCH_DESTINATION;
}

enum set_end peer_end(enum direction direction)
{
        return direction == DIRECTION_INGRESS ? SET_SOURCE : SET_DESTINATION;
}

enum match_kind subject_match(enum direction direction)
{
        return direction == DIRECTION_INGRESS ? MATCH_DESTINATION : MATCH_SOURCE;
}

struct match match_set(const char *name, enum set_end end)
{
        struct match match = {.kind = MATCH_SET};

        match.set.name = name;
        match.set.ends[0] = (uint8_t)end;
        match.set.n_ends = 1;
        return match;
}

struct match match_set_port(const char *name, enum set_end end)
{
        struct match match = match_set(name, end);

        match.set.ends[1] = SET_DESTINATION;
        match.set.n_ends = 2;
        return match;
}
