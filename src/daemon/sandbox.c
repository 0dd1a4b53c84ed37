#include "daemon/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/syscalls.h"

/* What a call that is not listed meets: "no such call" (ENOSYS), which libraries and tools newer
 * than the list expect of an older kernel and work around; what is there on purpose to be refused
 * is "not permitted" (EPERM). Killing instead would tell an intruder nothing that it doesn't find
 * out anyway, and would make one call that nobody thought of, of one version of one tool, the end
 * of a node's network plugin in the middle of a batch; refused, it is a line in the log. */
#define NOT_LISTED SCMP_ACT_ERRNO(ENOSYS)
#define REFUSED    SCMP_ACT_ERRNO(EPERM)

#ifdef __SANITIZE_ADDRESS__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static int add_call(scmp_filter_ctx filter, uint32_t action, const char *name,
                    const struct syscall_rule *rule, struct err *err)
{
        int number = seccomp_syscall_resolve_name(name);

        /* LeakSanitizer looks at the threads of its own process at its end. */
        if (sanitized && action == REFUSED && strcmp(name, "ptrace") == 0)
                return 0;
        if (number == __NR_SCMP_ERROR) /* newer than this libseccomp */
                return 0;
        int r = seccomp_rule_add_array(filter, action, number, rule->n, rule->compare);
        if (r < 0 && r != -EDOM) /* a call that this machine doesn't have */
                return err_set(err, "seccomp: %s: %s", name, strerror(-r));
        return 0;
}

static int add_rules(scmp_filter_ctx filter, uint32_t action, const struct syscall_rule *rules,
                     struct err *err)
{
        char name[32];

        for (; rules->names; rules++)
                for (const char *at = rules->names; *at; at += strspn(at, " ")) {
                        size_t length = strcspn(at, " ");
                        snprintf(name, sizeof(name), "%.*s", (int)length, at);
                        if (add_call(filter, action, name, rules, err) < 0)
                                return -1;
                        at += length;
                }
        return 0;
}

/* raise(), abort(): of this process only. */
static int allow_own_signals(scmp_filter_ctx filter, struct err *err)
{
        const struct syscall_rule own[] = {
            {"tgkill", 1, {{0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0}}},
            {.names = NULL},
        };

        return add_rules(filter, SCMP_ACT_ALLOW, own, err);
}

static int load_filter(scmp_filter_ctx filter, struct err *err)
{
        seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: calls cost less */
        int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        if (r == 0)
                r = seccomp_load(filter);
        return r < 0 ? err_set(err, "seccomp: loading the filter: %s", strerror(-r)) : 0;
}

static int filter_calls(bool agent, bool may_execute, struct err *err)
{
        scmp_filter_ctx filter = seccomp_init(NOT_LISTED);

        if (!filter)
                return err_set(err, "seccomp: libseccomp does not start");
        int r = add_rules(filter, SCMP_ACT_ALLOW, syscalls_of_all, err);
        if (r == 0)
                r = add_rules(filter, SCMP_ACT_ALLOW,
                              may_execute ? syscalls_to_execute : syscalls_not_to_execute, err);
        if (r == 0 && agent)
                r = add_rules(filter, SCMP_ACT_ALLOW, syscalls_of_agent, err);
        if (r == 0 && !may_execute)
                r = allow_own_signals(filter, err);
        if (r == 0)
                r = add_rules(filter, REFUSED, syscalls_refused, err);
        if (r == 0 && sanitized)
                r = add_rules(filter, SCMP_ACT_ALLOW, syscalls_of_sanitizers, err);
        if (r == 0)
                r = load_filter(filter, err);
        seccomp_release(filter);
        return r;
}

/* Of those that there are. Tools run as root keep them by being root's, within the bounding set;
 * those of any other user (a program with file capabilities, a container's) by the ambient set. */
static int keep_capabilities(const unsigned *kept, size_t n, struct err *err)
{
        const int kinds = CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE |
                          CAPNG_BOUNDING_SET | CAPNG_AMBIENT;
        bool has[8];

        if (capng_get_caps_process() < 0)
                return err_set(err, "capabilities can't be read");
        bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
        for (size_t i = 0; i < n; i++)
                has[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
        capng_clear(CAPNG_SELECT_ALL);
        for (size_t i = 0; i < n; i++)
                if (has[i])
                        capng_update(CAPNG_ADD, (capng_type_t)kinds, kept[i]);
        /* Without CAP_SETPCAP the bounding set stays as it is. It is no way back: no_new_privs
         * bounds what a program gets by what this process has. */
        int r = bounding ? capng_apply(CAPNG_SELECT_BOUNDS) : 0;
        if (r == 0)
                r = capng_apply(CAPNG_SELECT_CAPS);
        if (r == 0)
                r = capng_apply(CAPNG_SELECT_AMBIENT);
        return r < 0 ? err_set(err, "giving up capabilities failed (%d)", r) : 0;
}

static int enter(const unsigned *kept, size_t n, struct err *err)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return err_errno(err, "no_new_privs");
        return keep_capabilities(kept, n, err);
}

int sandbox_agent(struct err *err)
{
        static const unsigned kept[] = {CAP_NET_ADMIN, CAP_NET_RAW};

        if (capng_get_caps_process() < 0 || !capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN))
                return err_set(err, "there is no CAP_NET_ADMIN");
        if (enter(kept, sizeof(kept) / sizeof(kept[0]), err) < 0)
                return -1;
        return filter_calls(true, true, err);
}

int sandbox_feeder(bool may_execute, struct err *err)
{
        if (enter(NULL, 0, err) < 0)
                return -1;
        return filter_calls(false, may_execute, err);
}
