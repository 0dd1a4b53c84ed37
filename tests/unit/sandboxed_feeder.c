#include <curl/curl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/sandbox.h"
#include "feeder/http.h"

/* What a feeder does, in its sandbox: sandboxed_feeder URL CA asks URL by TLS, prints what is
 * answered, then serves HTTP (its port is a line of its own) until standard input ends. */

static bool ask(void *data, uint32_t number)
{
        return false;
}

static int fetch(const char *url, const char *ca)
{
        char message[CURL_ERROR_SIZE] = "";
        CURL *curl = curl_easy_init();

        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
        CURLcode r = curl_easy_perform(curl);
        curl_easy_cleanup(curl);
        if (r != CURLE_OK)
                fprintf(stderr, "%s\n", message);
        return r == CURLE_OK ? 0 : -1;
}

static void on_input(uv_poll_t *poll, int status, int events)
{
        http_close(poll->data);
        uv_close((uv_handle_t *)poll, NULL);
}

int main(int argc, char **argv)
{
        struct err err;
        uv_loop_t loop;
        uv_poll_t input;
        const struct http_options options = {.address = "127.0.0.1:0", .ask = ask};

        if (argc != 3)
                return 2;
        if (sandbox_feeder(false, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return 2;
        }
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || fetch(argv[1], argv[2]) < 0)
                return 1;
        uv_loop_init(&loop);
        struct http *http = http_new(&loop, &options, &err);
        if (!http) {
                fprintf(stderr, "%s\n", err.text);
                return 1;
        }
        http_state(http, &(struct feed_state){.live = true});
        printf("%u\n", http_port(http));
        fflush(stdout);
        input.data = http;
        uv_poll_init(&loop, &input, STDIN_FILENO);
        uv_poll_start(&input, UV_READABLE, on_input);
        uv_run(&loop, UV_RUN_DEFAULT);
        curl_global_cleanup();
        return uv_loop_close(&loop) == 0 ? 0 : 1;
}
