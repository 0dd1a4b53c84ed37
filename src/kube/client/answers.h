#pragma once

#include <stdbool.h>

#include "kube/read/value.h"

/* What an API server answers, besides objects. Texts are the value's. */

/* A Status: why not. */
struct api_status {
        int code;                  /* as HTTP's; 0 where it is not said */
        const char *reason;        /* "Expired"; "" where not said */
        const char *message;       /* likewise */
        double retry_after;        /* seconds; 0 where not said */
        bool version_is_too_large; /* it does not know so new a state (yet) */
};
/* Of anything: a body may be a proxy's HTML as well. */
struct api_status api_status_of(const struct value *value);
/* The state that was asked for is no longer known. */
bool api_status_is_gone(const struct api_status *status);

enum event_type { EVENT_OBJECT, EVENT_DELETED, EVENT_BOOKMARK, EVENT_ERROR };
struct api_event {
        enum event_type type;
        const struct value *object; /* of ERROR a Status */
        const char *version;        /* resourceVersion; "" with ERROR */
        bool ends_list;             /* the bookmark behind a list that came as a watch */
};
/* False where it is none: of another type, or without what it has to have. */
bool api_event_of(const struct value *value, struct api_event *ret);

/* What stands around a list's items. */
struct api_list {
        const char *version;
        const char *next; /* where the next page begins; "" after the last one */
};
bool api_list_of(const struct value *value, struct api_list *ret);

/* Has an object what every object has: a name and a version? */
bool api_is_object(const struct value *object);

/* Is version a before b? Only of versions that are numbers, as Kubernetes has them all. */
bool api_version_is_before(const char *a, const char *b);
