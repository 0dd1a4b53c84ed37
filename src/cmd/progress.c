#include "cmd/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A timer tells: whatever is slow need not know of it. */

static const char *volatile message;
static volatile sig_atomic_t shown;

static void say(const char *text)
{
        ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

        (void)ignored;
}

static void show(int signal)
{
        int error = errno;

        (void)signal;
        if (message && !shown) {
                say(message);
                say("…");
                shown = true;
        }
        errno = error;
}

static void set_timer(long seconds)
{
        const struct itimerval timer = {.it_value = {.tv_sec = seconds}};

        setitimer(ITIMER_REAL, &timer, NULL);
}

void progress_begin(const char *what)
{
        struct sigaction action = {.sa_handler = show, .sa_flags = SA_RESTART};

        if (!isatty(STDERR_FILENO))
                return;
        progress_end();
        message = what;
        sigaction(SIGALRM, &action, NULL);
        set_timer(1);
}

void progress_end(void)
{
        if (!message)
                return;
        set_timer(0);
        message = NULL;
        if (shown)
                say("\r\033[K");
        shown = false;
}
