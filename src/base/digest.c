#include "base/digest.h"

#include <sha2.h>
#include <stdint.h>

void digest_name(const char *text, size_t text_length, char *ret, size_t length)
{
        static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
        uint8_t hash[SHA256_DIGEST_LENGTH];
        SHA2_CTX context;
        unsigned held = 0, bits = 0;
        size_t next = 0;

        SHA256Init(&context);
        SHA256Update(&context, (const uint8_t *)text, text_length);
        SHA256Final(hash, &context);
        for (size_t i = 0; i < length; i++) {
                if (bits < 5) {
                        held = held << 8 | hash[next++];
                        bits += 8;
                }
                bits -= 5;
                ret[i] = alphabet[held >> bits & 31];
        }
        ret[length] = '\0';
}
