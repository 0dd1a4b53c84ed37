#include "kube/read/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kube/load.h"

static void refuse(struct problems *problems, const char *path, const char *why)
{
        problems_add(problems, (struct place){.file = arena_strdup(problems->arena, path)}, "%s",
                     why);
}

static void refuse_errno(struct problems *problems, const char *path, int error)
{
        refuse(problems, path, error == ENOENT ? "the path does not exist" : strerror(error));
}

static bool is_manifest(const char *name)
{
        const char *dot = strrchr(name, '.');

        return dot &&
               (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

struct names {
        const char **items;
        size_t n, cap;
};

/* The directory is closed before anything in it is looked at: descending holds no descriptors. */
static bool read_names(struct arena *arena, const char *path, struct names *ret,
                       struct problems *problems)
{
        DIR *dir = opendir(path);
        struct dirent *entry;

        if (!dir) {
                refuse_errno(problems, path, errno);
                return false;
        }
        for (errno = 0; (entry = readdir(dir)); errno = 0)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        vec_push(arena, ret, arena_strdup(arena, entry->d_name));
        if (errno)
                refuse_errno(problems, path, errno);
        closedir(dir);
        sort_texts(ret->items, ret->n);
        return true;
}

static void add(struct path_files *files, const char *path, bool named, struct problems *problems)
{
        if (files->list.n < LOAD_MAX_FILES) {
                struct path_file file = {arena_strdup(files->arena, path), named};
                vec_push(files->arena, &files->list, file);
        } else if (files->list.n == LOAD_MAX_FILES) {
                files->list.n++; /* said once */
                refuse(problems, path, "more files than can be read in one go");
        }
}

static void find_below(struct path_files *files, const char *path, struct problems *problems);

static void find_entry(struct path_files *files, const char *directory, const char *name,
                       struct problems *problems)
{
        size_t length = strlen(directory);
        const char *slash = length && directory[length - 1] == '/' ? "" : "/";
        const char *path = arena_printf(files->arena, "%s%s%s", directory, slash, name);
        struct stat link, target;

        if (lstat(path, &link) < 0) {
                refuse_errno(problems, path, errno);
        } else if (S_ISDIR(link.st_mode)) {
                find_below(files, path, problems);
        } else if (is_manifest(name)) {
                if (stat(path, &target) < 0)
                        refuse_errno(problems, path, errno);
                else if (S_ISREG(target.st_mode))
                        add(files, path, false, problems);
                else if (!S_ISDIR(target.st_mode))
                        refuse(problems, path, "is not a regular file");
        }
}

static void find_below(struct path_files *files, const char *path, struct problems *problems)
{
        struct names names = {0};

        if (!read_names(files->arena, path, &names, problems))
                return;
        for (size_t i = 0; i < names.n && files->list.n <= LOAD_MAX_FILES; i++)
                find_entry(files, path, names.items[i], problems);
}

void paths_find(struct path_files *files, const char *path, struct problems *problems)
{
        size_t before = files->list.n, bad = problems->list.n + problems->more;
        bool is_stdin = strcmp(path, "-") == 0;
        struct stat info;

        if (!is_stdin && stat(path, &info) < 0) {
                refuse_errno(problems, path, errno);
        } else if (is_stdin || !S_ISDIR(info.st_mode)) {
                add(files, path, true, problems);
        } else {
                find_below(files, path, problems);
                if (files->list.n == before && problems->list.n + problems->more == bad)
                        refuse(problems, path, "holds no manifests (*.yaml, *.yml, *.json)");
        }
}

int paths_open(const struct path_file *file, struct problems *problems)
{
        struct stat info;

        if (strcmp(file->path, "-") == 0)
                return STDIN_FILENO;
        /* A pipe that has come in the place of a file must not keep us waiting. */
        int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (file->named ? 0 : O_NONBLOCK));
        if (fd < 0) {
                refuse_errno(problems, file->path, errno);
                return -1;
        }
        if (!file->named && (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))) {
                refuse(problems, file->path, "is not a regular file");
                close(fd);
                return -1;
        }
        return fd;
}
