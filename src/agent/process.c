#include "agent/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/exposition.h"
#include "base/vec.h"

enum figure { FIGURE_MEMORY, FIGURE_CPU, FIGURE_DESCRIPTORS, FIGURE_STARTED, FIGURES };

static const struct {
        const char *name, *type, *help;
} families[FIGURES] = {
    [FIGURE_MEMORY] = {"process_resident_memory_bytes", "gauge", "Resident memory."},
    [FIGURE_CPU] = {"process_cpu_seconds_total", "counter", "User and system CPU time spent."},
    [FIGURE_DESCRIPTORS] = {"process_open_fds", "gauge", "Open file descriptors."},
    [FIGURE_STARTED] = {"process_start_time_seconds", "gauge", "When it started, Unix time."},
};

#define UNKNOWN (-1.0)

static double seconds_of(clockid_t clock)
{
        struct timespec time;

        clock_gettime(clock, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* proc(5): fields are counted from 1; the second, a name in brackets, may hold anything. */
static bool read_stat(pid_t pid, double ret[FIGURES])
{
        char path[40], text[2048];
        unsigned long user, kernel;
        unsigned long long started;
        long pages;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *rest = strrchr(text, ')');
        const char format[] = ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu "
                              "%*d %*d %*d %*d %*d %*d %llu %*u %ld";
        /* Numbers are the kernel's. NOLINTNEXTLINE(cert-err34-c) */
        if (!rest || sscanf(rest, format, &user, &kernel, &started, &pages) != 4)
                return false;
        double ticks = (double)sysconf(_SC_CLK_TCK);
        ret[FIGURE_MEMORY] = (double)pages * (double)sysconf(_SC_PAGESIZE);
        ret[FIGURE_CPU] = (double)(user + kernel) / ticks;
        ret[FIGURE_STARTED] =
            seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + (double)started / ticks;
        return true;
}

static double count_descriptors(pid_t pid)
{
        char path[40];
        double n = 0;

        snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        DIR *directory = opendir(path);
        if (!directory)
                return UNKNOWN;
        for (struct dirent *entry; (entry = readdir(directory));)
                n += entry->d_name[0] != '.';
        closedir(directory);
        return pid == getpid() ? n - 1 : n; /* but for the one that looked */
}

static void look_at(pid_t pid, double ret[FIGURES])
{
        if (pid <= 0 || !read_stat(pid, ret)) {
                for (size_t i = 0; i < FIGURES; i++)
                        ret[i] = UNKNOWN;
                return;
        }
        ret[FIGURE_DESCRIPTORS] = count_descriptors(pid);
}

#define MAX_PROCESSES 4

void processes_print(struct strbuf *out, const struct process_named *processes, size_t n)
{
        double figures[MAX_PROCESSES][FIGURES];

        n = n < MAX_PROCESSES ? n : MAX_PROCESSES;
        for (size_t i = 0; i < n; i++)
                look_at(processes[i].pid, figures[i]);
        for (size_t f = 0; f < FIGURES; f++) {
                exposition_family(out, families[f].name, families[f].type, families[f].help);
                for (size_t i = 0; i < n; i++)
                        if (figures[i][f] >= 0)
                                exposition_real(out, families[f].name,
                                                labels({"process", processes[i].name}),
                                                figures[i][f]);
        }
}
