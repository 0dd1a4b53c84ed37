/* When a watch's events arrive.
 *
 * Usage: arrivals AUTHORITY TOKEN URL
 *
 * Prints each line of the answer with the time at which its end came: "SECONDS LINE", seconds of
 * CLOCK_MONOTONIC. */

#include <curl/curl.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *line;
static size_t length, room;

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void add(const char *text, size_t n)
{
        if (length + n > room) {
                room = 2 * (length + n);
                line = realloc(line, room);
                if (!line)
                        err(1, "a line of %zu bytes", room);
        }
        memcpy(line + length, text, n);
        length += n;
}

static size_t take(char *text, size_t size, size_t n, void *data)
{
        double time = now();
        const char *end, *at = text, *behind = text + size * n;

        while ((end = memchr(at, '\n', (size_t)(behind - at)))) {
                add(at, (size_t)(end + 1 - at));
                printf("%.6f %.*s", time, (int)length, line);
                length = 0;
                at = end + 1;
        }
        add(at, (size_t)(behind - at));
        fflush(stdout);
        return size * n;
}

int main(int argc, char **argv)
{
        CURL *curl = curl_easy_init();
        char *header;

        if (argc != 4)
                errx(2, "usage: arrivals AUTHORITY TOKEN URL");
        if (!curl || asprintf(&header, "Authorization: Bearer %s", argv[2]) < 0)
                errx(1, "out of memory");
        curl_easy_setopt(curl, CURLOPT_CAINFO, argv[1]);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, curl_slist_append(NULL, header));
        curl_easy_setopt(curl, CURLOPT_URL, argv[3]);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
        CURLcode code = curl_easy_perform(curl);
        errx(1, "%s: %s", argv[3], code ? curl_easy_strerror(code) : "the server ended the watch");
}
