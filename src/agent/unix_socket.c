#include "agent/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 16

bool unix_address(const char *path, struct unix_address *ret)
{
        size_t length = strlen(path);
        bool is_name = path[0] == '@';

        *ret = (struct unix_address){.address.sun_family = AF_UNIX};
        if (length >= sizeof(ret->address.sun_path))
                return false;
        memcpy(ret->address.sun_path, path, length + 1);
        if (is_name)
                ret->address.sun_path[0] = '\0';
        /* A name is as long as is said, and would hold the NUL. */
        ret->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_name);
        return true;
}

bool unix_peer(int fd, struct ucred *ret)
{
        socklen_t size = sizeof(*ret);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &size) == 0;
}

/* How long a connect() may wait for room among those that wait already. */
static bool set_wait(int fd)
{
        const struct timeval wait = {.tv_sec = 60};

        return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
               setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0;
}

int unix_connect(const struct unix_address *address, int flags, struct ucred *ret_listener)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

        if (fd < 0)
                return -1;
        if (set_wait(fd) &&
            connect(fd, (const struct sockaddr *)&address->address, address->length) == 0 &&
            unix_peer(fd, ret_listener))
                return fd;
        int error = errno;
        close(fd);
        errno = error;
        return -1;
}

/* The folder's descriptor, locked: of two that start at once one looks after the other. */
static int open_folder(struct sockaddr_un address, struct err *err)
{
        const char *folder = dirname(address.sun_path); /* cuts the copy */

        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                return err_errno(err, "making %s", folder);
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(err, "opening %s", folder);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                return fd;
        err_set(err, "another agent is just starting in %s", folder);
        close(fd);
        return -1;
}

/* What a program that was killed has left. Only sockets are ever removed. */
static int remove_dead(const char *path, const struct unix_address *address, struct err *err)
{
        struct ucred who = {0};
        struct stat info;

        if (lstat(path, &info) < 0)
                return errno == ENOENT ? 0 : err_errno(err, "%s", path);
        if (!S_ISSOCK(info.st_mode))
                return err_set(err, "%s: is there, and is no socket", path);
        int fd = unix_connect(address, SOCK_NONBLOCK, &who);
        if (fd >= 0)
                close(fd);
        if (fd >= 0 && who.pid)
                return err_set(err, "%s: another agent runs here (pid %d)", path, who.pid);
        if (fd >= 0 || errno == EAGAIN)
                return err_set(err, "%s: another agent runs here", path);
        if (errno != ECONNREFUSED)
                return err_errno(err, "%s", path);
        return unlink(path) == 0 ? 0 : err_errno(err, "removing %s", path);
}

static int bind_alone(const struct unix_address *address, struct err *err)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return err_errno(err, "opening a unix socket");
        mode_t before = umask(0177); /* never, not even for a moment, is it others' */
        int r = bind(fd, (const struct sockaddr *)&address->address, address->length);
        umask(before);
        if (r == 0 && listen(fd, BACKLOG) == 0)
                return fd;
        err_errno(err, "listening at %s", address->address.sun_path);
        close(fd);
        return -1;
}

int unix_listen(const char *path, struct err *err)
{
        struct unix_address address;

        if (!unix_address(path, &address))
                return err_set(err, "%s: too long for a socket", path);
        int folder = open_folder(address.address, err);
        if (folder < 0)
                return -1;
        int fd = remove_dead(path, &address, err) < 0 ? -1 : bind_alone(&address, err);
        close(folder);
        return fd;
}
