#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The corpus without a fuzzer: each file of the directories, or each file, that is given. The input
 * is in a block of exactly its size, so that ASan sees a read past its end. */

static size_t replayed;

static int replay_file(const char *path)
{
        FILE *file = fopen(path, "rb");
        struct stat info;
        uint8_t *data;
        size_t n;

        if (!file || fstat(fileno(file), &info) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return 1;
        }
        data = malloc((size_t)info.st_size);
        n = fread(data, 1, (size_t)info.st_size, file);
        fclose(file);
        printf("%s\n", path);
        fflush(stdout); /* the last line before a crash says where */
        LLVMFuzzerTestOneInput(data, n);
        free(data);
        replayed++;
        return 0;
}

static int visible(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

static int replay(const char *path)
{
        struct dirent **entries;
        int failed = 0, n = scandir(path, &entries, visible, alphasort);

        if (n < 0)
                return replay_file(path);
        for (int i = 0; i < n; i++) {
                char child[4096];

                snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
                failed |= replay(child);
                free(entries[i]);
        }
        free(entries);
        return failed;
}

int main(int argc, char **argv)
{
        int failed = 0;

        for (int i = 1; i < argc; i++)
                failed |= replay(argv[i]);
        printf("%zu inputs\n", replayed);
        return failed || replayed == 0;
}
