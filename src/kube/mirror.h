#pragma once

#include "kube/cluster.h"
#include "kube/decode/decode.h"

/* A cluster that follows an API server: kinds are listed, then watched, as daemon/feed.h has it. A
 * list changes the cluster at its end, at once: until then what was known stays, and other kinds go
 * on. An object that is not valid is taken as carefully as can be (decode_stored()) and noted as
 * refused until a valid one of its name comes, or it goes. */

#define REFUSED_MAX_NAME 256 /* bytes of what is no name; more than those of one */

struct refused {
        enum kind kind;
        const char *namespace, *name, *uid; /* as they stand in the object, valid or not */
        const char *why;                    /* the first few problems, each a line */
};

struct mirror;

struct mirror *mirror_new(void);
void mirror_free(struct mirror *mirror);

void mirror_begin(struct mirror *mirror, enum kind kind);
void mirror_object(struct mirror *mirror, enum kind kind, const struct value *object);
void mirror_deleted(struct mirror *mirror, enum kind kind, const struct value *object);
bool mirror_end(struct mirror *mirror, enum kind kind); /* false: no list was under way */
void mirror_abort(struct mirror *mirror, enum kind kind);

/* Has every kind been listed once? Before, the cluster says nothing of what is wanted. */
bool mirror_is_whole(const struct mirror *mirror);
/* Sealed, always. */
const struct cluster *mirror_cluster(const struct mirror *mirror);
/* What has changed since mirror_settle() was called last. */
const cluster_changes *mirror_changes(const struct mirror *mirror);
/* Forgets changes and, where enough has gathered, all that no object needs any more: true where
 * that has moved the cluster, so that whoever points into it must let go of it. */
bool mirror_settle(struct mirror *mirror);

/* What was decided since then and a person should know, one line each: cluster's notes. */
size_t mirror_notes(const struct mirror *mirror, const char *const **ret);

/* All that are refused now; fresh ones are those since the last mirror_settle(). */
size_t mirror_refused(const struct mirror *mirror, const struct refused **ret);
size_t mirror_refused_freshly(const struct mirror *mirror, const struct refused **ret);
