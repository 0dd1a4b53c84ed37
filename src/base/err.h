#pragma once

/* Why something failed, wrapped on the way up with what was being attempted, printed once by main:
 *
 *     if (read_file(path, err) < 0)
 *             return err_wrap(err, "reading %s", path);      →  "reading a.yaml: no such file"
 *
 * Functions that take one return 0 or a pointer on success and -1 or NULL on failure; on failure
 * they leave their out parameters alone. Text past the capacity is cut. */
struct err {
        char text[1024];
};

int err_set(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* -1 */
int err_wrap(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* -1 */
/* format: strerror(errno) */
int err_errno(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* -1 */
