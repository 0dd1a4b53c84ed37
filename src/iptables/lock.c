#include "iptables/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 10 /* flock() waits for ever or not at all, and has nothing to poll */

int namespace_lock(unsigned wait_seconds, struct err *err)
{
        const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        int fd = open("/proc/thread-self/ns/net", O_RDONLY);

        if (fd < 0)
                return err_errno(err, "opening this network namespace");
        for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += STEP_MS) {
                if (errno != EWOULDBLOCK && errno != EINTR) {
                        err_errno(err, "locking this network namespace");
                        close(fd);
                        return -1;
                }
                if (waited >= wait_seconds * 1000) {
                        close(fd);
                        return err_set(err,
                                       "another penstock is at work in this network namespace "
                                       "(waited %u s); nothing was changed",
                                       wait_seconds);
                }
                nanosleep(&step, NULL);
        }
        return fd;
}
