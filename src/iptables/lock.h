#pragma once

#include "base/err.h"

/* One apply at a time in each network namespace. The lock is on the namespace itself, so it needs
 * no file of its own that could be left behind, be missing or be shared by two namespaces. Returns
 * a descriptor that holds it, to be closed; tools inherit it (iptables/tool.h). */
int namespace_lock(unsigned wait_seconds, struct err *err);
