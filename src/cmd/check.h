#pragma once

#include "base/strbuf.h"
#include "cmd/options.h"
#include "cmd/snapshot.h"
#include "iptables/enforced.h"
#include "verify/prove.h"

/* One comparison of what is enforced with what the policies mean, and how it is told. */

enum answer { ANSWER_EQUAL, ANSWER_DIFFERENT, ANSWER_UNPROVEN };
const char *answer_name(enum answer answer); /* "equal" */
int answer_status(enum answer answer);       /* what to exit with */

struct check {
        struct arena *arena;
        struct snapshot snapshot; /* the cluster and the node */
        struct enforced_reading reading;
        bool live; /* from the kernel, not from files */
        struct proof proof;
        enum answer answer;
        const char *bridge_fault; /* pods reach each other past all rules: why; or NULL */
        double seconds_manifests; /* or the agent's answer */
        bool of_agent;
};

/* Reads the manifests, then the kernel or options' files, and proves. EXIT_YES where there is an
 * answer, whatever it is; else what went wrong was printed, and the status says what. */
int check_make(const char *command, struct options *options, struct check *ret);
/* The same manifests against what is enforced now. The old answer is gone in any case. */
int check_again(const char *command, const struct options *options, struct check *check);
void check_done(struct check *check);
#define _cleanup_check_ __attribute__((cleanup(check_done)))

/* The backend that a finding's ruleset is of; NULL: of a file. */
const char *check_backend(const struct check *check, size_t ruleset);
/* "shop/frontend (10.0.0.1)", "node/NAME (…)", or the address; in the check's arena. */
const char *check_end_name(const struct check *check, const struct ip *ip);
/* "ESTABLISHED" and the like: the state that a packet is in, without translations. Static. */
const char *packet_state_name(const struct sim_packet *packet);
const char *finding_kind_name(enum finding_kind kind); /* "shutByOthers", as json has it */

/* For people. The first line is "node NODE: equal: …". timings: a line more. */
void check_print(const struct check *check, bool timings, struct strbuf *out);
/* JSON is an interface: fields are only ever added.
 *   {"node", "result": "equal|different|unproven", "source": "kernel|files",
 *    "backends": [NAME…], "pods": N, "addressClasses": {"IPv4": N, "IPv6": N}, "cases": N,
 *    "counts": {"open", "shut", "shutByOthers", "unproven"},
 *    "findings": [{"kind": "open|shut|shutByOthers|unproven",
 *                  "packet": {"family", "source", "from", "destination", "to", "protocol",
 *                             "sourcePort", "port", "state", "tcpFlags": [NAME…], "icmpType",
 *                             "icmpCode", "inInterface", "outInterface", "mark"},
 *                  "hook", "pod": NAME|null, "policies": "Allowed|Denied",
 *                  "expected": TEXT|null, "rules": "passes|stopped|unknown",
 *                  "doubt": TEXT|null, "verdict": {"egress", "ingress"} as in explain,
 *                  "decidedBy": as in explain --live, "addressClasses": N}…],
 *    "bridge": TEXT|null, "notes": [TEXT…],
 *    "seconds": {"manifests", "reading", "classes", "proof"} (with --timings)} */
void check_json(const struct check *check, bool timings, const char *time, struct strbuf *out);
