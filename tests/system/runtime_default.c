/* Runs a program as container runtimes' default profile of seccomp has it run (containerd's, for a
 * container with NET_ADMIN and NET_RAW): runtime_default COMMAND ARGUMENT… Their profile lists what
 * is allowed; what that leaves out of what this kernel has is listed here. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char denied[] =
    "acct add_key bpf clock_adjtime clock_settime delete_module fanotify_init "
    "finit_module fsconfig fsmount fsopen fspick init_module io_uring_enter "
    "io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load "
    "keyctl lookup_dcookie mbind mount mount_setattr move_mount move_pages "
    "open_by_handle_at open_tree perf_event_open pivot_root process_vm_readv "
    "process_vm_writev quotactl quotactl_fd reboot request_key set_mempolicy "
    "setdomainname sethostname setns settimeofday swapoff swapon syslog umount2 "
    "unshare userfaultfd vhangup ";

#define NAMESPACES                                                                                 \
        (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
         CLONE_NEWCGROUP)

/* Of a kernel that lacks one, nothing needs to be denied. */
static int deny(scmp_filter_ctx filter, const char *name, size_t length)
{
        char word[32];

        snprintf(word, sizeof(word), "%.*s", (int)length, name);
        int number = seccomp_syscall_resolve_name(word);
        return number == __NR_SCMP_ERROR
                   ? 0
                   : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
}

static int add_rules(scmp_filter_ctx filter)
{
        int r = 0;

        for (const char *at = denied; r == 0 && *at; at += strcspn(at, " ") + 1)
                r = deny(filter, at, strcspn(at, " "));
        for (unsigned bit = 0; r == 0 && bit < 32; bit++)
                if (NAMESPACES >> bit & 1)
                        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                             SCMP_A0(SCMP_CMP_MASKED_EQ, 1u << bit, 1u << bit));
        /* Its flags are in memory, where no filter looks. */
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                     SCMP_A0(SCMP_CMP_EQ, AF_VSOCK, 0));
        return r;
}

int main(int argc, char **argv)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

        if (argc < 2 || !filter || add_rules(filter) < 0 || seccomp_load(filter) < 0) {
                fprintf(stderr, "the filter can't be loaded\n");
                return 2;
        }
        seccomp_release(filter);
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        return 2;
}
