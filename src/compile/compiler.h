#pragma once

#include "base/err.h"
#include "base/strbuf.h"
#include "compile/compile.h"

/* What the compiler's rooms share while one ruleset is made. */

struct compiler {
        struct arena *arena;
        const struct cluster *cluster;
        const struct compile_options *options;
        struct ruleset *ruleset;
        struct map *names; /* name → the whole digest of what it names */
        struct map *sets;  /* name → position among the ruleset's sets, counted from 1 */
        struct err *err;
        bool failed; /* two things had one name; err says which */
};

/* A name that stays as long as what the key describes does: prefix, then 16 characters of the key's
 * digest. Parts of a key are separated by NUL (key_add()), so that a/bc and ab/c differ. */
const char *compiler_name(struct compiler *compiler, const char *prefix, const struct strbuf *key);
void key_add(struct strbuf *key, const char *part);

/* Text for xt_comment, which holds 255 bytes: "penstock: WHAT NAMESPACE/NAME DETAIL", where what
 * and detail may be "". A name that is too long is cut and gets a digest. */
const char *compiler_comment(struct compiler *compiler, const char *what, const struct meta *meta,
                             const char *detail);

/* Appends a rule: matches, then the comment, which is looked at only by packets that matched. */
void compiler_add_rule(struct compiler *compiler, struct chain *chain, const struct match *matches,
                       size_t n, const char *comment, struct target target);

/* NULL where a set of that name, so of the same content, is there already; else a new one, to be
 * filled before the next is added. */
struct set *compiler_add_set(struct compiler *compiler, const char *name, enum set_type type,
                             enum family family);
/* The set of that name; NULL where there is none. Holds until the next is added. */
const struct set *compiler_set(const struct compiler *compiler, const char *name);

/* The source for ingress, the destination for egress: the end that peers are about. */
enum match_kind peer_match(enum direction direction);
enum set_end peer_end(enum direction direction);
/* The end that the policy's subject is at. */
enum match_kind subject_match(enum direction direction);
struct match match_set(const char *name, enum set_end end);
/* Of a hash:ip,port: the address of that end, the port always of the destination. */
struct match match_set_port(const char *name, enum set_end end);
