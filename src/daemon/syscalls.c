#include "daemon/syscalls.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* Flags are the second argument of clone() on this machine alone. */
#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define CLONE_NAMESPACES                                                                           \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
         CLONE_NEWPID | CLONE_NEWNET)
#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))

/* Where a 32-bit machine has a call of its own for wider numbers, it is behind the other.
 * Not in it: clone3, whose flags a filter can't see. Its absence is what libraries expect of an
 * older kernel, and they call clone. */
const struct syscall_rule syscalls_of_all[] = {
    /* Memory. */
    {.names = "mmap mmap2 munmap mprotect mremap madvise brk mincore msync membarrier "
              "cacheflush riscv_flush_icache riscv_hwprobe"},
    /* Threads, and what a process may know and say of itself. */
    {.names = "futex futex_time64 set_robust_list get_robust_list rseq set_tid_address "
              "arch_prctl set_thread_area set_tls sched_yield sched_getaffinity "
              "sched_getparam sched_getscheduler sched_get_priority_max "
              "sched_get_priority_min getcpu exit exit_group restart_syscall getpid gettid "
              "getppid getpgrp getpgid getsid getuid getuid32 geteuid geteuid32 getgid "
              "getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32 "
              "getgroups getgroups32 capget uname sysinfo getrusage times getrlimit "
              "ugetrlimit prlimit64 umask getrandom wait4 waitid waitpid"},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_SET_NAME, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_GET_NAME, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_GET_DUMPABLE, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_CAPBSET_READ, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_GET_NO_NEW_PRIVS, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_SET_VMA, 0}}},
    /* Signals. */
    {.names = "rt_sigaction sigaction rt_sigprocmask sigprocmask rt_sigreturn sigreturn "
              "rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack "
              "pause signalfd4"},
    /* Time. */
    {.names = "clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep "
              "clock_nanosleep_time64 nanosleep gettimeofday time timerfd_create "
              "timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 alarm "
              "setitimer getitimer"},
    /* Descriptors. */
    {.names = "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 close "
              "close_range lseek _llseek dup dup2 dup3 pipe pipe2 fcntl fcntl64 eventfd2 poll "
              "ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create "
              "epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 inotify_init1 "
              "inotify_add_watch inotify_rm_watch fadvise64 fadvise64_64"},
    {"ioctl", 1, {{1, SCMP_CMP_EQ, FIONBIO, 0}}},
    {"ioctl", 1, {{1, SCMP_CMP_EQ, FIOCLEX, 0}}},
    {"ioctl", 1, {{1, SCMP_CMP_EQ, FIONREAD, 0}}},
    {"ioctl", 1, {{1, SCMP_CMP_EQ, TCGETS, 0}}},
    {"ioctl", 1, {{1, SCMP_CMP_EQ, TIOCGWINSZ, 0}}},
    /* Files, but for opening them. */
    {.names = "fstat fstat64 newfstatat fstatat64 stat stat64 lstat lstat64 statx statfs "
              "statfs64 fstatfs fstatfs64 access faccessat faccessat2 readlink readlinkat "
              "getdents getdents64 getcwd"},
    /* Sockets. */
    {"socket", 1, {{0, SCMP_CMP_EQ, AF_INET, 0}}},
    {"socket", 1, {{0, SCMP_CMP_EQ, AF_INET6, 0}}},
    {"socketpair", 1, {{0, SCMP_CMP_EQ, AF_UNIX, 0}}},
    {.names = "connect bind listen accept accept4 getsockname getpeername getsockopt "
              "setsockopt shutdown send sendto sendmsg sendmmsg recv recvfrom recvmsg "
              "recvmmsg recvmmsg_time64 sendfile sendfile64"},
    {.names = NULL},
};

const struct syscall_rule syscalls_to_execute[] = {
    {.names = "execve"},
    /* Whoever has one and is root may ask anything of a container runtime or of systemd. libc asks
     * its caches of names by it and goes on by itself where it may not. */
    {"socket", 1, {{0, SCMP_CMP_EQ, AF_UNIX, 0}}},
    {"clone", 1, {{CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_NAMESPACES, 0}}},
    {.names = "fork vfork kill tkill tgkill setpgid setsid chdir fchdir"},
    /* Scripts write to /dev/null, plugins keep what they got. */
    {.names = "open openat mkdir mkdirat unlink unlinkat rename renameat renameat2 ftruncate "
              "ftruncate64 fsync fdatasync flock chmod fchmod fchmodat"},
    {.names = NULL},
};

const struct syscall_rule syscalls_not_to_execute[] = {
    {"clone",
     1,
     {{CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_NAMESPACES | CLONE_THREAD, CLONE_THREAD}}},
    {"open", 1, {{1, SCMP_CMP_MASKED_EQ, WRITES, 0}}},
    {"openat", 1, {{2, SCMP_CMP_MASKED_EQ, WRITES, 0}}},
    {.names = NULL},
};

const struct syscall_rule syscalls_of_agent[] = {
    {"socket", 2, {{0, SCMP_CMP_EQ, AF_NETLINK, 0}, {2, SCMP_CMP_EQ, NETLINK_ROUTE, 0}}},
    {"socket", 2, {{0, SCMP_CMP_EQ, AF_NETLINK, 0}, {2, SCMP_CMP_EQ, NETLINK_NETFILTER, 0}}},
    /* What the tools' input is written to. */
    {.names = "memfd_create"},
    /* Names and numbers of interfaces. */
    {"ioctl", 1, {{1, SCMP_CMP_EQ, SIOCGIFNAME, 0}}},
    {"ioctl", 1, {{1, SCMP_CMP_EQ, SIOCGIFINDEX, 0}}},
    /* A feeder that is started later gives up more in turn. */
    {.names = "capset seccomp"},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_GET_SECCOMP, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_CAP_AMBIENT, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_CAPBSET_DROP, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_GET_SECUREBITS, 0}}},
    {.names = NULL},
};

const struct syscall_rule syscalls_refused[] = {
    {.names = "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd perf_event_open bpf "
              "userfaultfd mount umount umount2 move_mount open_tree fsopen fsmount fsconfig "
              "pivot_root chroot setns unshare keyctl add_key request_key init_module "
              "finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff "
              "acct quotactl syslog settimeofday clock_settime clock_adjtime adjtimex "
              "sethostname setdomainname open_by_handle_at name_to_handle_at mknod mknodat "
              "chown fchown lchown fchownat setuid setgid setreuid setregid setresuid "
              "setresgid setgroups personality iopl ioperm execveat"},
    {.names = NULL},
};

const struct syscall_rule syscalls_of_sanitizers[] = {
    {.names = "ptrace"},
    {"clone",
     1,
     {{CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_NAMESPACES | CLONE_UNTRACED, CLONE_UNTRACED}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_SET_PTRACER, 0}}},
    {"prctl", 1, {{0, SCMP_CMP_EQ, PR_SET_DUMPABLE, 0}}},
    {.names = NULL},
};
