#include "base/character.h"

size_t character_decode(const char *text, uint32_t *ret_point)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        const unsigned char *bytes = (const unsigned char *)text;
        size_t length = bytes[0] < 0x80   ? 1
                        : bytes[0] < 0xc0 ? 0
                        : bytes[0] < 0xe0 ? 2
                        : bytes[0] < 0xf0 ? 3
                        : bytes[0] < 0xf8 ? 4
                                          : 0;

        if (length < 2) {
                *ret_point = bytes[0];
                return length;
        }
        uint32_t point = bytes[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
                point = point << 6 | (bytes[i] & 0x3f);
        }
        if (point < least[length] || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff)
                return 0;
        *ret_point = point;
        return length;
}

static bool steers(uint32_t point)
{
        static const struct {
                uint32_t first, last;
        } ranges[] = {
            {0x0, 0x1f},      {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
            {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
            {0xe000, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0x10ffff},
        };

        for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
                if (point >= ranges[i].first && point <= ranges[i].last)
                        return true;
        return false;
}

size_t character_shown(const char *text)
{
        uint32_t point;
        size_t length = character_decode(text, &point);

        return length && !steers(point) ? length : 0;
}
