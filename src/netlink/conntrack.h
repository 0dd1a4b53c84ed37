#pragma once

#include "base/err.h"
#include "policy/verdict.h"

/* Cuts connections that are no longer allowed (semantics 23): goes through the kernel's conntrack
 * entries of both families in this network namespace and deletes those for which keep() says no. keep
 * sees a connection as the filter saw its first packet: source of the original direction,
 * destination and port of the reply's source, which is after DNAT.
 * Entries of protocols other than TCP, UDP, SCTP, ICMP, ICMPv6 are kept. */
int conntrack_cut(bool (*keep)(const struct packet *packet, void *data), void *data,
                  size_t *ret_cut, struct err *err);
