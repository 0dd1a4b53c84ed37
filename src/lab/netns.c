#include "lab/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name is a file with the namespace bind-mounted on it. The directory must be a mount that
 * propagates, or namespaces named in one mount namespace can't be removed in another: that is
 * prepared once, exactly as ip does it, because whoever comes first does it for the other. */

#define DIRECTORY "/run/netns"
#define PATH_SIZE 320

static const char *path_of(const char *name, char path[static PATH_SIZE])
{
        snprintf(path, PATH_SIZE, DIRECTORY "/%s", name);
        return path;
}

static int prepare_directory(struct err *err)
{
        if (mkdir(DIRECTORY, 0755) < 0 && errno != EEXIST)
                return err_errno(err, "making " DIRECTORY);
        if (mount("", DIRECTORY, "none", MS_SHARED | MS_REC, NULL) == 0)
                return 0;
        if (errno != EINVAL) /* it is no mount yet */
                return err_errno(err, "sharing " DIRECTORY);
        if (mount(DIRECTORY, DIRECTORY, "none", MS_BIND | MS_REC, NULL) < 0 ||
            mount("", DIRECTORY, "none", MS_SHARED | MS_REC, NULL) < 0)
                return err_errno(err, "mounting " DIRECTORY);
        return 0;
}

int netns_current(struct err *err)
{
        int netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

        return netns < 0 ? err_errno(err, "opening this network namespace") : netns;
}

int netns_open(const char *name, struct err *err)
{
        char path[PATH_SIZE];
        int netns = open(path_of(name, path), O_RDONLY | O_CLOEXEC);

        return netns < 0 ? err_errno(err, "opening network namespace %s", name) : netns;
}

int netns_enter(int netns, struct err *err)
{
        return setns(netns, CLONE_NEWNET) < 0 ? err_errno(err, "entering a network namespace") : 0;
}

int netns_enter_named(const char *name, struct err *err)
{
        int netns = netns_open(name, err);

        if (netns < 0)
                return -1;
        int status = netns_enter(netns, err);
        close(netns);
        return status;
}

void netns_return(int netns)
{
        struct err ignored;

        netns_enter(netns, &ignored);
        close(netns);
}

int netns_create(const char *name, struct err *err)
{
        char path[PATH_SIZE];

        if (prepare_directory(err) < 0)
                return -1;
        int file = open(path_of(name, path), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
        if (file < 0)
                return err_errno(err, "making network namespace %s", name);
        close(file);
        if (unshare(CLONE_NEWNET) < 0 ||
            mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) < 0) {
                err_errno(err, "making network namespace %s", name);
                unlink(path);
                return -1;
        }
        return netns_open(name, err);
}

int netns_remove(const char *name, struct err *err)
{
        char path[PATH_SIZE];

        umount2(path_of(name, path), MNT_DETACH); /* fails where it was never mounted */
        if (unlink(path) < 0 && errno != ENOENT)
                return err_errno(err, "removing network namespace %s", name);
        return 0;
}

struct netns_names netns_list(struct arena *arena, const char *prefix)
{
        struct netns_names names = {0};
        DIR *directory = opendir(DIRECTORY);
        struct dirent *entry;

        if (!directory)
                return names;
        while ((entry = readdir(directory)))
                if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
                        vec_push(arena, &names.list, arena_strdup(arena, entry->d_name));
        closedir(directory);
        sort_texts(names.list.items, names.list.n);
        return names;
}

int netns_sysctl(const char *key, const char *value, struct err *err)
{
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "/proc/sys/net/%s", key);
        int file = open(path, O_WRONLY | O_CLOEXEC);
        if (file < 0)
                return err_errno(err, "setting %s", key);
        ssize_t n = write(file, value, strlen(value));
        if (n < 0)
                err_errno(err, "setting %s to %s", key, value);
        close(file);
        return n < 0 ? -1 : 0;
}
