#include "agent/single.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/unix_socket.h"

/* Whoever may open a socket may take the name before the agent does, and keep it from starting:
 * then its pid and user are told. Nothing else is of a network namespace and needs no rights that
 * an agent may not have, no kernel module, and no cleaning up after a kill. */

#define NAME "@penstock-agent"

static int refuse(const struct unix_address *address, struct err *err)
{
        struct ucred who;
        int fd = unix_connect(address, SOCK_NONBLOCK, &who);

        if (fd < 0)
                return err_set(err, "another agent runs in this network namespace, or somebody "
                                    "else has taken " NAME);
        close(fd);
        if (who.uid != 0)
                return err_set(err,
                               NAME " of this network namespace is taken by pid %d of user %u, "
                                    "which is no agent",
                               who.pid, who.uid);
        if (who.pid == 0)
                return err_set(err, "another agent runs in this network namespace, as a process of "
                                    "another container");
        return err_set(err, "another agent runs in this network namespace (pid %d)", who.pid);
}

int single_hold(struct err *err)
{
        struct unix_address address;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return err_errno(err, "opening a unix socket");
        unix_address(NAME, &address);
        if (bind(fd, (const struct sockaddr *)&address.address, address.length) == 0 &&
            listen(fd, 0) == 0)
                return fd;
        if (errno == EADDRINUSE)
                refuse(&address, err);
        else
                err_errno(err, "taking " NAME);
        close(fd);
        return -1;
}

uint64_t single_namespace(void)
{
        struct stat info;

        return stat("/proc/thread-self/ns/net", &info) == 0 ? info.st_ino : 0;
}
