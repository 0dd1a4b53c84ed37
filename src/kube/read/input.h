#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The bytes of one file, seen through a window: whatever a reader is done with makes room for what
 * comes, so a file of any size takes the memory of its longest token. Behind the last byte stand
 * INPUT_PAD zero bytes: a scanner may look that far ahead and stops there by itself. */

#define INPUT_WINDOW 65536
#define INPUT_PAD    16

struct input {
        const char *file; /* its name in messages */
        unsigned line;    /* of the byte at `at`, kept by the reader; from 1 */
        char *window;     /* bytes at … end are not read yet */
        size_t at, end, cap;
        int fd;           /* -1 where the text is in memory */
        const char *text; /* … and what of it is not in the window yet */
        size_t length;
        int error; /* errno of a read that failed; the input ends there */
};

/* Neither takes over what it is given. input_done() releases the window. */
void input_from_fd(struct input *input, int fd, const char *file);
void input_from_text(struct input *input, const char *text, size_t length, const char *file);
/* The window is text itself, of which the reader may move what it has read; INPUT_PAD zeros stand
 * behind it. There is nothing to release. */
void input_from_whole(struct input *input, char *text, size_t length, const char *file);
void input_done(struct input *input);

/* Forgets what lies before keep (keep <= at), moves the rest to the window's begin and reads more
 * behind it. False where nothing came: the end, or an error. */
bool input_more(struct input *input, size_t keep);
/* Up to size bytes, taken; 0 at the end. */
size_t input_take(struct input *input, char *ret, size_t size);
/* Passes over a byte order mark of UTF-8 and says whether the first byte that is not white space is
 * '{', as kubectl tells JSON from YAML. White space is not taken. */
bool input_is_json(struct input *input);
