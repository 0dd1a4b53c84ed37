#include "feeder/answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

struct answer *answer_new(unsigned status, const char *type, const char *text)
{
        struct answer *answer = memory_alloc(sizeof(*answer));

        /* It is copied: the prototype lacks a const. */
        answer->response = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                           MHD_RESPMEM_MUST_COPY);
        if (!answer->response)
                memory_exhausted(strlen(text));
        MHD_add_response_header(answer->response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        answer->status = status;
        answer->users = 1;
        return answer;
}

struct answer *answer_plain(unsigned status, const char *text, const char *why)
{
        _cleanup_strbuf_ struct strbuf line = {0};

        strbuf_printf(&line, "%s%s\n", text, why);
        return answer_new(status, "text/plain; charset=utf-8", line.text);
}

struct answer *answer_unavailable(const char *text, const char *why)
{
        return answer_plain(MHD_HTTP_SERVICE_UNAVAILABLE, text, why);
}

struct answer *answer_not_allowed(void)
{
        struct answer *answer = answer_plain(MHD_HTTP_METHOD_NOT_ALLOWED, "only to be read", "");

        MHD_add_response_header(answer->response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        return answer;
}

void answer_let_go(struct answer *answer)
{
        if (--answer->users > 0)
                return;
        MHD_destroy_response(answer->response);
        free(answer);
}
