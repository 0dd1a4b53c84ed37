#pragma once

#include "iptables/plan.h"

/* The way from what is installed to what is wanted: straight, or by stand-ins (apply.h says in
 * which order, and what a failure leaves). For whoever holds the lock on the namespace. */
struct change {
        struct arena *arena; /* for what is made on the way */
        struct installed *installed;
        /* It was not read just now but is what the last change left (remembered.h). What its rules
         * have counted since is read where they are written again, and nothing else, unless there
         * is something else than what is remembered. */
        bool remembered;
        struct wanted *wanted; /* whose turn is found here */
        bool one_pod;          /* that is all in which wanted is not what was wanted last */
        const struct apply_options *options;
        struct apply_report *report;
};

/* installed holds afterwards what the change began with. */
int change_carry_out(struct change *change, struct err *err);

/* What a reading found that people should know. */
void change_add_notes(const struct installed *installed, struct strbuf *notes);
