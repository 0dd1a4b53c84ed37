#include "kube/client/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int file_read(const char *path, struct strbuf *ret, struct err *err)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        char bytes[4096];
        ssize_t n = -1;

        if (fd < 0)
                return err_errno(err, "%s", path);
        while (ret->length <= FILE_MAX &&
               ((n = read(fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)))
                if (n > 0)
                        strbuf_add_bytes(ret, bytes, (size_t)n);
        if (n < 0)
                err_errno(err, "%s", path);
        close(fd);
        if (ret->length > FILE_MAX)
                return err_set(err, "%s: larger than %u bytes", path, FILE_MAX);
        return n < 0 ? -1 : 0;
}
