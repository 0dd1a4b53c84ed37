#pragma once

#include <stdint.h>

#include "base/strbuf.h"

/* Prometheus' text format, version 0.0.4: a family's HELP and TYPE, then its samples. */

struct metric_label {
        const char *name, *value; /* a value of NULL or "" is no label */
};
/* exposition_whole(out, "penstock_objects", labels({"kind", "Pod"}), 3); */
#define labels(...) ((const struct metric_label[]){__VA_ARGS__ __VA_OPT__(, ){0}})

void exposition_family(struct strbuf *out, const char *name, const char *type, const char *help);
void exposition_whole(struct strbuf *out, const char *name, const struct metric_label *of,
                      uint64_t value);
void exposition_real(struct strbuf *out, const char *name, const struct metric_label *of,
                     double value);
