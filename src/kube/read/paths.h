#pragma once

#include "base/arena.h"
#include "base/vec.h"
#include "kube/problem.h"

/* The files that a path of the command line stands for; load.h says which. */

struct path_file {
        const char *path;
        bool named; /* on the command line, not found in a directory */
};

struct path_files {
        struct arena *arena;
        VEC(struct path_file) list;
};

/* Adds them; what is wrong with the path is reported. */
void paths_find(struct path_files *files, const char *path, struct problems *problems);
/* A descriptor to read from, or -1 with a problem. */
int paths_open(const struct path_file *file, struct problems *problems);
