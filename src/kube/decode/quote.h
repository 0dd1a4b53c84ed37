#pragma once

#include "base/strbuf.h"
#include "kube/read/value.h"

/* A value of the input as messages show it: as the API server does (Go's %q for text, JSON for the
 * rest), but on one line whatever it holds, and cut where it is long: a name of a megabyte makes no
 * message of a megabyte, and nobody's terminal is steered by what stands in a manifest. */

#define QUOTE_MAX_BYTES 80 /* of one value's text; what is cut is counted behind it */

void quote_text(struct strbuf *buf, const char *text);
void quote_inside(struct strbuf *buf, const char *text); /* for between quotes that are there */
void quote_name(struct strbuf *buf, const char *name);   /* without quotes where none are needed */
void quote_value(struct strbuf *buf, const struct value *value);
