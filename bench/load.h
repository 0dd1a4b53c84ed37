#pragma once

#include "kube/cluster.h"

/* The cluster of a file, sealed; the program ends where it is refused. */
struct cluster *load(const char *path);
