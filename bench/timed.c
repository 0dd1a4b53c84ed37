/* How long a program takes and how much memory it has at its peak.
 *
 * Usage: timed PROGRAM ARGUMENT…
 *
 * Its standard output is thrown away; prints "SECONDS PEAK-KIB" and exits with its status. A
 * process starts with the peak of the one that it was forked from, so that this must be a small
 * one. */

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(char **arguments)
{
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
                err(127, "/dev/null");
        execvp(arguments[0], arguments);
        err(127, "%s", arguments[0]);
}

int main(int argc, char **argv)
{
        struct rusage usage;
        int status;

        if (argc < 2)
                errx(2, "usage: timed PROGRAM ARGUMENT…");
        double start = now();
        pid_t pid = fork();
        if (pid == 0)
                run(argv + 1);
        if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
                err(1, "running %s", argv[1]);
        printf("%.6f %ld\n", now() - start, usage.ru_maxrss);
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
