#include "unit.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "daemon/sandbox.h"

/* Each attempt is made in a process of its own, without a sandbox and in each of them. */

enum box { BOX_NONE, BOX_AGENT, BOX_FEEDER, BOX_FEEDER_EXECUTES, BOXES };
static const char *const box_names[BOXES] = {"no sandbox", "the agent's", "the feeder's",
                                             "an executing feeder's"};

/* 0 where it worked, else errno. */
typedef int attempt_function(void);

static int closed(int fd)
{
        if (fd < 0)
                return errno;
        close(fd);
        return 0;
}

static int result(long r)
{
        return r < 0 ? errno : 0;
}

static int try_ptrace(void)
{
        return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_kill(void)
{
        return result(kill(getppid(), 0));
}

static int try_kill_thread(void)
{
        return result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int try_raise(void)
{
        signal(SIGUSR1, SIG_IGN);
        return raise(SIGUSR1) == 0 ? 0 : errno;
}

static int try_mount(void)
{
        return result(mount("none", "/nowhere/to/be/found", "tmpfs", 0, NULL));
}

static int try_setns(void)
{
        int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int r = result(setns(fd, CLONE_NEWNET));

        close(fd);
        return r;
}

static int try_unshare(void)
{
        return result(unshare(CLONE_NEWUTS));
}

static int try_clone_namespace(void)
{
        long pid = syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, NULL);

        if (pid == 0)
                _exit(0);
        return result(pid);
}

static int try_clone3(void)
{
        return result(syscall(SYS_clone3, NULL, 0)) == EINVAL ? 0 : errno;
}

/* Asked for nothing that could succeed: EINVAL and the like is what the kernel itself answers. */
static int got_through(long r)
{
        return r >= 0 || (errno != EPERM && errno != ENOSYS) ? 0 : errno;
}

static int try_bpf(void)
{
        return got_through(syscall(SYS_bpf, -1, NULL, 0));
}

static int try_keyctl(void)
{
        return got_through(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0));
}

static int try_process_vm_readv(void)
{
        char bytes[8];
        struct iovec here = {bytes, sizeof(bytes)}, there = {bytes, sizeof(bytes)};

        return result(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
}

static int try_io_uring(void)
{
        return got_through(syscall(SYS_io_uring_setup, 0, NULL));
}

static int try_module(void)
{
        return got_through(syscall(SYS_finit_module, -1, "", 0));
}

static int try_chown(void)
{
        return result(chown("/dev/null", (uid_t)-1, (gid_t)-1));
}

static int try_typing(void)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int r = got_through(syscall(SYS_ioctl, fd, 0x5412, "x")); /* TIOCSTI */

        close(fd);
        return r;
}

static int try_new_privileges(void)
{
        return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : EPERM;
}

static int try_capability(unsigned capability)
{
        if (capng_get_caps_process() < 0)
                return errno;
        return capng_have_capability(CAPNG_EFFECTIVE, capability) &&
                       capng_have_capability(CAPNG_PERMITTED, capability)
                   ? 0
                   : EPERM;
}

static int try_net_admin(void)
{
        return try_capability(CAP_NET_ADMIN);
}

static int try_net_raw(void)
{
        return try_capability(CAP_NET_RAW);
}

static int try_any_other(void)
{
        for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++)
                if (capability != CAP_NET_ADMIN && capability != CAP_NET_RAW &&
                    try_capability(capability) == 0)
                        return 0;
        return EPERM;
}

static int try_write(void)
{
        return closed(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

static int try_read_and_write(void)
{
        return closed(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int try_truncate(void)
{
        return closed(open("/dev/null", O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int try_create(void)
{
        return closed(open("/dev/null", O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int try_read(void)
{
        return closed(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int try_unix(void)
{
        return closed(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int try_tcp(void)
{
        return closed(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_tcp6(void)
{
        return closed(socket(AF_INET6, SOCK_STREAM, 0));
}

static int try_raw(void)
{
        return closed(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
}

static int try_netfilter(void)
{
        return closed(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
}

static int try_route(void)
{
        return closed(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

static int try_uevents(void)
{
        return closed(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
}

static int try_packets(void)
{
        return closed(socket(AF_PACKET, SOCK_RAW, 0));
}

static int try_crypto(void)
{
        return closed(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static int try_memfd(void)
{
        return closed(memfd_create("x", MFD_CLOEXEC));
}

static int try_fork(void)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        return result(pid);
}

static int try_spawn(void)
{
        char *const arguments[] = {(char[]){"true"}, NULL};
        pid_t pid;
        int status = -1, r = posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ);

        if (r == 0 && waitpid(pid, &status, 0) == pid && status != 0)
                r = ECHILD;
        return r;
}

static void close_process(uv_process_t *process, int64_t status, int signal)
{
        *(int64_t *)process->data = status;
        uv_close((uv_handle_t *)process, NULL);
}

/* As the agent starts its feeder, and a feeder its plugin. */
static int try_uv_spawn(void)
{
        char *arguments[] = {(char[]){"true"}, NULL};
        int64_t status = -1;
        uv_process_options_t options = {
            .file = arguments[0], .args = arguments, .exit_cb = close_process};
        uv_process_t process = {.data = &status};
        uv_loop_t loop;

        uv_loop_init(&loop);
        int r = uv_spawn(&loop, &process, &options);
        if (r < 0)
                uv_close((uv_handle_t *)&process, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        return r < 0 ? -r : (int)status;
}

static int try_execute(void)
{
        char *const arguments[] = {(char[]){"true"}, NULL};

        execv("/nowhere/to/be/found", arguments);
        return errno == ENOENT ? 0 : errno;
}

static void *nothing(void *data)
{
        return data;
}

static int try_thread(void)
{
        pthread_t thread;
        int r = pthread_create(&thread, NULL, nothing, NULL);

        return r ? r : pthread_join(thread, NULL);
}

#define OPEN                                                                                       \
        {                                                                                          \
                0, 0, 0, 0                                                                         \
        }
#define ABSENT                                                                                     \
        {                                                                                          \
                0, ENOSYS, ENOSYS, ENOSYS                                                          \
        }
#define FORBIDDEN                                                                                  \
        {                                                                                          \
                0, EPERM, EPERM, EPERM                                                             \
        }

static const struct {
        const char *name;
        attempt_function *attempt;
        int expected[BOXES];
} cases[] = {
    {"trace", try_ptrace, FORBIDDEN},
    {"signal others", try_kill, {0, 0, ENOSYS, 0}},
    {"signal others' threads", try_kill_thread, {0, 0, ENOSYS, 0}},
    {"signal itself", try_raise, OPEN},
    {"mount", try_mount, {ENOENT, EPERM, EPERM, EPERM}},
    {"enter a namespace", try_setns, FORBIDDEN},
    {"make a namespace", try_unshare, FORBIDDEN},
    {"make a namespace for a child", try_clone_namespace, ABSENT},
    {"clone with hidden flags", try_clone3, ABSENT},
    {"load programs into the kernel", try_bpf, FORBIDDEN},
    {"load modules", try_module, FORBIDDEN},
    {"use keys", try_keyctl, FORBIDDEN},
    {"read others' memory", try_process_vm_readv, FORBIDDEN},
    {"use io_uring", try_io_uring, ABSENT},
    {"give files away", try_chown, FORBIDDEN},
    {"type into a terminal", try_typing, ABSENT},
    {"get privileges", try_new_privileges, FORBIDDEN},
    {"CAP_NET_ADMIN", try_net_admin, {0, 0, EPERM, EPERM}},
    {"CAP_NET_RAW", try_net_raw, {0, 0, EPERM, EPERM}},
    {"another capability", try_any_other, FORBIDDEN},
    {"write files", try_write, {0, 0, ENOSYS, 0}},
    {"read and write files", try_read_and_write, {0, 0, ENOSYS, 0}},
    {"truncate files", try_truncate, {0, 0, ENOSYS, 0}},
    {"create files", try_create, {0, 0, ENOSYS, 0}},
    {"read files", try_read, OPEN},
    {"AF_UNIX", try_unix, {0, 0, ENOSYS, 0}},
    {"AF_INET", try_tcp, OPEN},
    {"AF_INET6", try_tcp6, OPEN},
    {"raw sockets", try_raw, {0, 0, EPERM, EPERM}},
    {"netfilter", try_netfilter, {0, 0, ENOSYS, ENOSYS}},
    {"links and routes", try_route, {0, 0, ENOSYS, ENOSYS}},
    {"the kernel's events", try_uevents, ABSENT},
    {"AF_PACKET", try_packets, ABSENT},
    {"AF_ALG", try_crypto, ABSENT},
    {"files in memory", try_memfd, {0, 0, ENOSYS, ENOSYS}},
    {"fork", try_fork, {0, 0, ENOSYS, 0}},
    {"run a program", try_spawn, {0, 0, ENOSYS, 0}},
    {"run a program by libuv", try_uv_spawn, {0, 0, ENOSYS, 0}},
    {"become a program", try_execute, {0, 0, ENOSYS, 0}},
    {"threads", try_thread, OPEN},
};

static int enter(enum box box, struct err *err)
{
        switch (box) {
        case BOX_AGENT:
                return sandbox_agent(err);
        case BOX_FEEDER:
        case BOX_FEEDER_EXECUTES:
                return sandbox_feeder(box == BOX_FEEDER_EXECUTES, err);
        default:
                return 0;
        }
}

#define NOT_ENTERED (-1)

/* In a process of its own, which first enters the boxes, one in the other. What came of it. */
static int attempt_in(const enum box *boxes, size_t n, attempt_function *attempt)
{
        int pipes[2], answer = NOT_ENTERED;

        assert_int_equal(pipe(pipes), 0);
        pid_t pid = fork();
        if (pid == 0) {
                struct err err;
                int r = 0;
                for (size_t i = 0; i < n && r == 0; i++)
                        r = enter(boxes[i], &err);
                if (r < 0)
                        fprintf(stderr, "%s\n", err.text);
                else
                        answer = attempt();
                _exit(write(pipes[1], &answer, sizeof(answer)) != sizeof(answer));
        }
        close(pipes[1]);
        ssize_t got = read(pipes[0], &answer, sizeof(answer));
        close(pipes[0]);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (got != sizeof(answer) || status != 0)
                fail_msg("the process ended with %#x", status);
        return answer;
}

#ifdef __SANITIZE_ADDRESS__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static void each_box_holds_what_it_says(void **state)
{
        for (enum box box = 0; box < BOXES; box++)
                for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                        if (sanitized && cases[i].attempt == try_ptrace)
                                continue;
                        int got = attempt_in(&box, 1, cases[i].attempt);
                        if (box == BOX_NONE && (got == ENOSYS || got == EAFNOSUPPORT))
                                printf("%s: this kernel can't\n", cases[i].name);
                        else if (got != cases[i].expected[box])
                                fail_msg("%s in %s: %s, not: %s", cases[i].name, box_names[box],
                                         strerror(got), strerror(cases[i].expected[box]));
                }
}

/* The agent starts its feeder whenever that has ended. */
static void a_feeder_gives_up_more_within_the_agents(void **state)
{
        const enum box both[] = {BOX_AGENT, BOX_FEEDER};

        assert_int_equal(attempt_in(both, 2, try_net_admin), EPERM);
        assert_int_equal(attempt_in(both, 2, try_netfilter), ENOSYS);
        assert_int_equal(attempt_in(both, 2, try_tcp), 0);
        assert_int_equal(attempt_in(both, 2, try_thread), 0);
}

/* As in a container that was given these two and no more: the bounding set can't be made smaller.
 */
static int only_two_capabilities(void)
{
        capng_clear(CAPNG_SELECT_ALL);
        capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, CAP_NET_RAW, -1);
        return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : EPERM;
}

/* Which capabilities a program has that is run now; as a number, 0 where it can't be run. */
static unsigned long capabilities_of_programs(void)
{
        char line[64] = "";
        FILE *output = popen("grep CapEff: /proc/self/status", "r");
        bool got = output && fgets(line, sizeof(line), output);

        if (output)
                pclose(output);
        return got ? strtoul(line + strlen("CapEff:"), NULL, 16) : 0;
}

#define TWO (1ul << CAP_NET_ADMIN | 1ul << CAP_NET_RAW)

static int try_tools_as_root(void)
{
        struct err err;

        return only_two_capabilities() || sandbox_agent(&err) < 0
                   ? EINVAL
                   : capabilities_of_programs() != TWO;
}

static int try_tools_as_somebody(void)
{
        struct err err;

        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
                return errno;
        return only_two_capabilities() || sandbox_agent(&err) < 0
                   ? EINVAL
                   : capabilities_of_programs() != TWO;
}

static int try_plugin(void)
{
        struct err err;

        return sandbox_agent(&err) < 0 || sandbox_feeder(true, &err) < 0
                   ? EINVAL
                   : capabilities_of_programs() != 0;
}

static int try_without_rights(void)
{
        struct err err;

        capng_clear(CAPNG_SELECT_ALL);
        if (capng_apply(CAPNG_SELECT_CAPS) < 0 || sandbox_agent(&err) == 0)
                return EINVAL;
        return strcmp(err.text, "there is no CAP_NET_ADMIN") == 0 ? 0 : EINVAL;
}

static void tools_have_what_the_agent_keeps(void **state)
{
        const enum box none = BOX_NONE;

        assert_int_equal(attempt_in(&none, 1, try_tools_as_root), 0);
        assert_int_equal(attempt_in(&none, 1, try_tools_as_somebody), 0);
        assert_int_equal(attempt_in(&none, 1, try_plugin), 0);
        assert_int_equal(attempt_in(&none, 1, try_without_rights), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(each_box_holds_what_it_says),
            cmocka_unit_test(a_feeder_gives_up_more_within_the_agents),
            cmocka_unit_test(tools_have_what_the_agent_keeps),
        };

        if (geteuid() != 0) {
                puts("skipped: rights can only be given up by root");
                return 77;
        }
        if (sanitized)
                puts("LeakSanitizer traces its own process: tracing is left open in this build");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
