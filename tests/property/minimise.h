#pragma once

#include "manifest.h"

/* Cuts out of the manifest, one by one, everything without which still() is as true as before:
 * documents, rules, peers, ports, labels. still() must hold at the beginning. */
void manifest_minimise(struct manifest *manifest, bool (*still)(const struct manifest *, void *),
                       void *data);
