#pragma once

#include "lab/prober.h"

/* What a prober found, on standard output.
 *
 * Text is a matrix, rows from and columns to; under it what passes where only a part does, then
 * every difference. Green is as the policies say, red is not; only on a terminal, and without
 * NO_COLOR.
 *
 * JSON is an interface: fields are only ever added.
 *   {"lab": NAME, "probes": N, "differences": N, "notes": [TEXT…],
 *    "ends": [{"label", "kind": "pod|node|outside", "node" (of a pod), "addresses": [IP…]}…],
 *    "ports": [N…], "unnamedPort": N,
 *    "results": [{"from", "to" (labels), "source", "destination", "family": "IPv4|IPv6",
 *                 "protocol": "TCP|UDP|SCTP|ICMP", "port" (0 for ICMP), "expected" and "actual":
 *                 "Allowed|Denied", "reason" (why it did not pass, else "")}…]} */
void lab_report_json(const struct lab_plan *plan, const struct probes *probes);
void lab_report_text(const struct lab_plan *plan, const struct probes *probes,
                     const struct policy_options *policy);
