#include "compile/compiler.h"

#include <string.h>

#include "base/digest.h"

#define NAME_DIGEST   16
#define COMMENT_BYTES 255

struct strbuf *key_begin(struct compiler *compiler, const char *kind)
{
        compiler->key->length = 0;
        key_add(compiler->key, kind);
        return compiler->key;
}

void key_add(struct strbuf *key, const char *part)
{
        strbuf_add_bytes(key, part, strlen(part) + 1);
}

struct known_name *compiler_name(struct compiler *compiler, const char *prefix)
{
        struct known_name *name =
            known_name_of(compiler->known, compiler->arena, prefix, compiler->key);

        if (name->shared && !compiler->failed) {
                compiler->failed = true;
                err_set(compiler->err, "two different things would be named %s", name->text);
        }
        return name;
}

/* Lists are sorted: one walk finds where each namespace's pods begin. */
struct span compiler_pods_of(struct compiler *compiler, size_t namespace)
{
        const struct cluster *cluster = compiler->cluster;
        size_t at = 0;

        if (compiler->spans)
                return compiler->spans[namespace];
        compiler->spans = arena_new_array(compiler->scratch, struct span, cluster->namespaces.n);
        for (size_t i = 0; i < cluster->namespaces.n; i++) {
                const char *name = cluster->namespaces.items[i].meta.name;
                size_t first = at;
                while (at < cluster->pods.n && cluster->pods.items[at].meta.namespace == name)
                        at++;
                compiler->spans[i] = (struct span){first, at - first};
        }
        return compiler->spans[namespace];
}

const char *compiler_comment(struct compiler *compiler, const char *what, const struct meta *meta,
                             const char *detail)
{
        const char *name = meta->name, *space = *what ? " " : "", *gap = *detail ? " " : "";
        size_t others = strlen("penstock: /") + strlen(what) + strlen(space) +
                        strlen(meta->namespace) + strlen(gap) + strlen(detail);
        size_t room = COMMENT_BYTES - others, length = strlen(name);
        char digest[NAME_DIGEST + 1];

        if (length > room) {
                digest_name(name, length, digest, NAME_DIGEST);
                name = arena_printf(compiler->scratch, "%.*s~%s", (int)(room - NAME_DIGEST - 1),
                                    name, digest);
        }
        return arena_join(compiler->arena, "penstock: ", what, space, meta->namespace, "/", name,
                          gap, detail);
}

void compiler_add_rule(struct compiler *compiler, struct chain *chain, const struct match *matches,
                       size_t n, const char *comment, struct target target)
{
        struct rule rule = {.target = target};

        rule.matches.items = arena_new_array(compiler->arena, struct match, n + 1);
        rule.matches.n = rule.matches.cap = n + 1;
        if (n > 0)
                memcpy(rule.matches.items, matches, n * sizeof(*matches));
        rule.matches.items[n] = (struct match){.kind = MATCH_COMMENT, .text = comment};
        vec_push(compiler->arena, &chain->rules, rule);
}

struct set *compiler_add_set(struct compiler *compiler, struct known_name *name, enum set_type type,
                             enum family family)
{
        if (name->place > 0)
                return NULL;
        name->place = compiler->ruleset->sets.n + 1;
        return ruleset_add_set(compiler->ruleset, name->text, type, family);
}

const struct set *compiler_set(const struct compiler *compiler, const char *name)
{
        const struct known_name *known = known_by_text(compiler->known, name);

        return known && known->place > 0 ? &compiler->ruleset->sets.items[known->place - 1] : NULL;
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
