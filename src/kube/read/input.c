#include "kube/read/input.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static void start(struct input *input, const char *file)
{
        *input = (struct input){.file = file, .line = 1, .fd = -1, .cap = INPUT_WINDOW};
        input->window = memory_alloc(input->cap + INPUT_PAD);
}

void input_from_fd(struct input *input, int fd, const char *file)
{
        start(input, file);
        input->fd = fd;
}

void input_from_text(struct input *input, const char *text, size_t length, const char *file)
{
        start(input, file);
        input->text = text;
        input->length = length;
}

void input_from_whole(struct input *input, char *text, size_t length, const char *file)
{
        *input = (struct input){
            .file = file,
            .line = 1,
            .window = text,
            .end = length,
            .cap = SIZE_MAX / 2, /* never grown */
            .fd = -1,
        };
}

void input_done(struct input *input)
{
        free(input->window);
        input->window = NULL;
}

static size_t read_text(struct input *input, char *ret, size_t size)
{
        size_t n = input->length < size ? input->length : size;

        if (n)
                memcpy(ret, input->text, n);
        input->text += n;
        input->length -= n;
        return n;
}

static size_t read_some(struct input *input, char *ret, size_t size)
{
        ssize_t n;

        if (input->fd < 0)
                return input->text ? read_text(input, ret, size) : 0;
        if (input->error)
                return 0;
        do
                n = read(input->fd, ret, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                input->error = errno;
        return n < 0 ? 0 : (size_t)n;
}

bool input_more(struct input *input, size_t keep)
{
        size_t kept = input->end - keep;

        memmove(input->window, input->window + keep, kept);
        input->at -= keep;
        if (kept > input->cap / 2) {
                input->cap *= 2;
                input->window = memory_grow(input->window, input->cap + INPUT_PAD);
        }
        size_t n = read_some(input, input->window + kept, input->cap - kept);
        input->end = kept + n;
        memset(input->window + input->end, 0, INPUT_PAD);
        return n > 0;
}

size_t input_take(struct input *input, char *ret, size_t size)
{
        if (input->at == input->end && !input_more(input, input->at))
                return 0;
        size_t left = input->end - input->at, n = left < size ? left : size;

        memcpy(ret, input->window + input->at, n);
        input->at += n;
        return n;
}

bool input_is_json(struct input *input)
{
        while (input->end - input->at < INPUT_WINDOW / 2 && input_more(input, input->at))
                ;
        if (input->end - input->at >= 3 &&
            memcmp(input->window + input->at, "\xef\xbb\xbf", 3) == 0)
                input->at += 3;
        size_t blank = strspn(input->window + input->at, " \t\r\n");
        return input->window[input->at + blank] == '{';
}
