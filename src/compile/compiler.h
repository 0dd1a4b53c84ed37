#pragma once

#include "base/err.h"
#include "base/strbuf.h"
#include "compile/compile.h"
#include "compile/known.h"
#include "compile/locals.h"
#include "compile/suspects.h"

/* What the compiler's rooms share while one ruleset is made. */

struct compiler {
        struct arena *arena;   /* the ruleset's */
        struct arena *scratch; /* for what is needed only while it is made */
        const struct cluster *cluster;
        const struct compile_options *options;
        struct ruleset *ruleset;
        struct known *known;             /* of chains and sets */
        local_pods locals;               /* the node's */
        size_t isolated_pods;            /* of these, in any direction: classes_find() */
        suspect_list suspects[FAMILIES]; /* what names remember is true of any other address */
        struct span *spans;              /* compiler_pods_of() */
        struct strbuf *key;              /* key_begin() */
        struct err *err;
        bool failed; /* two things had one name; err says which */
};

/* Makes the ruleset. */
void compiler_run(struct compiler *compiler);

/* Keys describe what a name stands for, in parts that are separated by NUL, so that a/bc and ab/c
 * differ. The compiler has one, to be begun anew for each name. */
struct strbuf *key_begin(struct compiler *compiler, const char *kind);
void key_add(struct strbuf *key, const char *part);
/* A name that stays as long as what the compiler's key describes does. */
struct known_name *compiler_name(struct compiler *compiler, const char *prefix);

/* The pods of the namespace at this position. */
struct span compiler_pods_of(struct compiler *compiler, size_t namespace);

/* Text for xt_comment, which holds 255 bytes: "penstock: WHAT NAMESPACE/NAME DETAIL", where what
 * and detail may be "". A name that is too long is cut and gets a digest. */
const char *compiler_comment(struct compiler *compiler, const char *what, const struct meta *meta,
                             const char *detail);

/* Appends a rule: matches, then the comment, which is looked at only by packets that matched. */
void compiler_add_rule(struct compiler *compiler, struct chain *chain, const struct match *matches,
                       size_t n, const char *comment, struct target target);

/* NULL where the set of that name, so of the same content, is there already; else a new one, to be
 * filled before the next is added. */
struct set *compiler_add_set(struct compiler *compiler, struct known_name *name, enum set_type type,
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
