#include "iptables/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

enum stream { STREAM_OUTPUT, STREAM_MESSAGES, STREAMS };

/* A run while it lasts. */
struct process {
        struct tool_run *run;
        int streams[STREAMS]; /* our ends; -1 once closed */
};

static int __attribute__((format(printf, 3, 4)))
fail_run(struct tool_run *run, enum tool_failure failure, const char *format, ...)
{
        va_list args;
        struct strbuf text = {0};

        va_start(args, format);
        strbuf_vprintf(&text, format, args);
        va_end(args);
        err_set(&run->err, "%s", text.text);
        strbuf_done(&text);
        run->failure = failure;
        return -1;
}

static int write_whole(int fd, const char *bytes, size_t n)
{
        while (n > 0) {
                ssize_t written = write(fd, bytes, n);
                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return -1;
                bytes += written;
                n -= (size_t)written;
        }
        return 0;
}

/* The input as a file that nobody can change any more. */
static int open_input(const struct strbuf *input)
{
        const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

        if (!input)
                return open("/dev/null", O_RDONLY | O_CLOEXEC);
        int fd = memfd_create("penstock", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -1;
        if (write_whole(fd, strbuf_text(input), input->length) < 0 ||
            fcntl(fd, F_ADD_SEALS, seals) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

static void close_ends(const int ends[2])
{
        close(ends[0]);
        close(ends[1]);
}

/* posix_spawn because a fork of a process that holds a large cluster copies its page tables. */
static int spawn(const char *const *argv, const int fds[3], pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, ignored;

        sigemptyset(&none);
        sigemptyset(&ignored);
        sigaddset(&ignored, SIGPIPE);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        for (int i = 0; i < 3; i++)
                posix_spawn_file_actions_adddup2(&actions, fds[i], i);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &ignored);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        /* The prototype lacks a const. */
        int r = posix_spawnp(ret, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv,
                             environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

static int start(struct process *process, struct tool_run *run)
{
        const char *name = run->argv[0];
        int pipes[STREAMS][2];

        *process = (struct process){.run = run, .streams = {-1, -1}};
        int input = open_input(run->input);
        if (input < 0)
                return fail_run(run, TOOL_REFUSED, "%s: its input: %s", name, strerror(errno));
        for (int i = 0; i < STREAMS; i++) {
                if (pipe2(pipes[i], O_CLOEXEC) == 0)
                        continue;
                int error = errno;
                while (i-- > 0)
                        close_ends(pipes[i]);
                close(input);
                return fail_run(run, TOOL_REFUSED, "%s: a pipe: %s", name, strerror(error));
        }
        const int fds[3] = {input, pipes[STREAM_OUTPUT][1], pipes[STREAM_MESSAGES][1]};
        int r = spawn(run->argv, fds, &run->pid);
        close(input);
        for (int i = 0; i < STREAMS; i++) {
                close(pipes[i][1]);
                if (r == 0)
                        process->streams[i] = pipes[i][0];
                else
                        close(pipes[i][0]);
        }
        if (r == ENOENT)
                return fail_run(run, TOOL_MISSING, "%s is not installed (not in PATH)", name);
        return r ? fail_run(run, TOOL_REFUSED, "starting %s: %s", name, strerror(r)) : 0;
}

static struct strbuf *stream_text(struct process *process, enum stream stream)
{
        return stream == STREAM_OUTPUT ? &process->run->output : &process->run->messages;
}

static void close_stream(struct process *process, enum stream stream)
{
        close(process->streams[stream]);
        process->streams[stream] = -1;
}

static void read_stream(struct process *process, enum stream stream)
{
        struct strbuf *text = stream_text(process, stream);
        char buffer[65536];
        ssize_t n = read(process->streams[stream], buffer, sizeof(buffer));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n > 0)
                strbuf_add_bytes(text, buffer, (size_t)n);
        if (text->length > TOOL_OUTPUT_MAX)
                fail_run(process->run, TOOL_UNKNOWN, "%s wrote more than %zu bytes",
                         process->run->argv[0], TOOL_OUTPUT_MAX);
        if (n <= 0 || text->length > TOOL_OUTPUT_MAX)
                close_stream(process, stream);
}

/* Until every stream has ended. */
static void read_streams(struct process *processes, size_t n)
{
        struct pollfd *polls = memory_alloc(n * STREAMS * sizeof(*polls));

        while (true) {
                bool any = false;
                for (size_t i = 0; i < n * STREAMS; i++) {
                        polls[i] = (struct pollfd){
                            .fd = processes[i / STREAMS].streams[i % STREAMS], .events = POLLIN};
                        any |= polls[i].fd >= 0;
                }
                if (!any)
                        break;
                if (poll(polls, n * STREAMS, -1) < 0)
                        continue;
                for (size_t i = 0; i < n * STREAMS; i++)
                        if (polls[i].fd >= 0 && polls[i].revents)
                                read_stream(&processes[i / STREAMS], i % STREAMS);
        }
        free(polls);
}

unsigned tool_line_at_fault(const struct tool_run *run)
{
        const char *text = strbuf_text(&run->messages);

        while ((text = strstr(text, "line"))) {
                text += strlen("line");
                text += strspn(text, ": ");
                if (*text >= '1' && *text <= '9')
                        return (unsigned)strtoul(text, NULL, 10);
        }
        return 0;
}

static void add_line(struct strbuf *out, const struct strbuf *input, unsigned number)
{
        const char *line = strbuf_text(input);

        for (unsigned i = 1; i < number && line; i++) {
                line = strchr(line, '\n');
                line += line != NULL;
        }
        if (line && *line)
                strbuf_printf(out, " at \"%.*s\"", (int)strcspn(line, "\n"), line);
}

/* What the tool said, on one line, without its advice. */
static void add_messages(struct strbuf *out, const char *text)
{
        const char *advice = strstr(text, "Try `");
        size_t length = advice ? (size_t)(advice - text) : strlen(text);

        strbuf_add(out, ": ");
        for (size_t i = 0; i < length; i++) {
                bool space = strchr(" \n\t", text[i]) != NULL;
                if (!space)
                        strbuf_add_char(out, text[i]);
                else if (out->text[out->length - 1] != ' ')
                        strbuf_add_char(out, ' ');
        }
        while (out->length && out->text[out->length - 1] == ' ')
                out->text[--out->length] = '\0';
}

static void describe(struct tool_run *run, int status)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        unsigned line = run->input ? tool_line_at_fault(run) : 0;

        for (const char *const *word = run->argv; *word; word++)
                strbuf_printf(&text, "%s%s", word == run->argv ? "" : " ", *word);
        if (WIFSIGNALED(status))
                strbuf_printf(&text, " was killed by signal %d", WTERMSIG(status));
        else
                strbuf_printf(&text, " failed (exit status %d)", WEXITSTATUS(status));
        if (line)
                add_line(&text, run->input, line);
        if (run->messages.length)
                add_messages(&text, run->messages.text);
        fail_run(run, WIFSIGNALED(status) ? TOOL_UNKNOWN : TOOL_REFUSED, "%s", text.text);
}

static void finish(struct process *process)
{
        struct tool_run *run = process->run;
        int status;

        while (waitpid(run->pid, &status, 0) < 0)
                if (errno != EINTR) {
                        fail_run(run, TOOL_UNKNOWN, "waiting for %s: %s", run->argv[0],
                                 strerror(errno));
                        return;
                }
        if (status != 0 && run->failure == TOOL_DONE)
                describe(run, status);
}

int tool_run_all(struct tool_run *runs, size_t n, struct err *err)
{
        struct process *processes = memory_alloc(n * sizeof(*processes));
        const struct tool_run *failed = NULL;

        for (size_t i = 0; i < n; i++)
                start(&processes[i], &runs[i]);
        read_streams(processes, n);
        for (size_t i = 0; i < n; i++) {
                if (runs[i].pid > 0)
                        finish(&processes[i]);
                if (runs[i].failure != TOOL_DONE && !failed)
                        failed = &runs[i];
        }
        free(processes);
        return failed ? err_set(err, "%s", failed->err.text) : 0;
}

void tool_runs_done(struct tool_run *runs, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                strbuf_done(&runs[i].output);
                strbuf_done(&runs[i].messages);
        }
}
