#include "kube/client/base64.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
        const char *at = c ? strchr(letters, c) : NULL;

        return at ? (int)(at - letters) : -1;
}

/* Four letters stand for three bytes, fewer where "=" stands. */
static bool decode_four(const char *four, struct strbuf *ret)
{
        int n = four[2] == '=' ? 1 : four[3] == '=' ? 2 : 3;
        unsigned bits = 0;

        if (four[2] == '=' && four[3] != '=')
                return false;
        for (int i = 0; i < 4; i++) {
                int value = i <= n ? value_of(four[i]) : 0;

                if (value < 0)
                        return false;
                bits = bits << 6 | (unsigned)value;
        }
        const char bytes[] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        strbuf_add_bytes(ret, bytes, (size_t)n);
        return true;
}

bool base64_decode(const char *text, struct strbuf *ret)
{
        char four[4];
        unsigned n = 0;
        bool ended = false;

        for (; *text; text++) {
                if (*text == '\n' || *text == '\r')
                        continue;
                if (ended)
                        return false;
                four[n++] = *text;
                if (n < 4)
                        continue;
                if (!decode_four(four, ret))
                        return false;
                ended = four[3] == '=';
                n = 0;
        }
        return n == 0;
}

void base64_encode(const char *bytes, size_t n, struct strbuf *ret)
{
        for (size_t i = 0; i < n; i += 3) {
                size_t left = n - i;
                unsigned bits = (unsigned)(unsigned char)bytes[i] << 16;

                if (left > 1)
                        bits |= (unsigned)(unsigned char)bytes[i + 1] << 8;
                if (left > 2)
                        bits |= (unsigned char)bytes[i + 2];
                strbuf_add_char(ret, letters[bits >> 18]);
                strbuf_add_char(ret, letters[bits >> 12 & 63]);
                strbuf_add_char(ret, left > 1 ? letters[bits >> 6 & 63] : '=');
                strbuf_add_char(ret, left > 2 ? letters[bits & 63] : '=');
        }
}
