#pragma once

#include "kube/read/document.h"

/* YAML documents as kubectl understands them: what a scalar means is go-yaml v2's view of YAML 1.1
 * (yaml_scalar.h). Empty documents are passed over. Refused besides what libyaml refuses: a key
 * given twice (or given and then merged over by a "<<" behind it, where readers differ), keys that
 * are maps, lists or null, tags other than the core ones, NUL, .inf and .nan, and whatever goes
 * past the caps of load.h. Aliases count by the nodes they stand for, and share them.
 *
 * Problems of meaning spoil their object only; a mistake in syntax ends the input. */

/* 0, or -1 where the input cannot be read to its end (a problem was reported). */
int yaml_read(const struct document_reader *reader);
