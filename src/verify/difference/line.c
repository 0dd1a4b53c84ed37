#include "verify/difference/line.h"

#include <string.h>

bool ip_step(struct ip *ip, int by)
{
        uint8_t over = by > 0 ? 0xff : 0;
        size_t at = family_bits(ip->family) / 8;

        while (at > 0 && ip->bytes[at - 1] == over)
                at--;
        if (at == 0)
                return false;
        ip->bytes[at - 1] = (uint8_t)(ip->bytes[at - 1] + by);
        memset(ip->bytes + at, (uint8_t)~over, family_bits(ip->family) / 8 - at);
        return true;
}

struct ip prefix_last(const struct prefix *prefix)
{
        struct ip last = prefix->ip;

        for (unsigned bit = prefix->length; bit < family_bits(last.family); bit++)
                last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        return last;
}

void line_init(struct line *line, struct arena *arena, enum family family)
{
        struct ip zero = {.family = (uint8_t)family};

        *line = (struct line){.family = family};
        vec_push(arena, &line->starts, zero);
}

void line_cut(struct line *line, struct arena *arena, const struct prefix *prefix)
{
        struct ip after = prefix_last(prefix);

        if (prefix->ip.family != line->family)
                return;
        vec_push(arena, &line->starts, prefix->ip);
        if (ip_step(&after, 1))
                vec_push(arena, &line->starts, after);
}

void line_seal(struct line *line)
{
        size_t kept = 0;

        vec_sort(&line->starts, ip_compare_items);
        vec_foreach (const struct ip, start, &line->starts)
                if (kept == 0 || !ip_equal(start, &line->starts.items[kept - 1]))
                        line->starts.items[kept++] = *start;
        line->starts.n = kept;
}

size_t line_at(const struct line *line, const struct ip *ip)
{
        size_t low = 0, high = line->starts.n;

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;
                if (ip_compare(&line->starts.items[middle], ip) <= 0)
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

struct interval_span line_span(const struct line *line, const struct prefix *prefix)
{
        struct ip last = prefix_last(prefix);

        return (struct interval_span){line_at(line, &prefix->ip), line_at(line, &last)};
}

struct ip line_last(const struct line *line, size_t interval)
{
        struct ip last;

        if (interval + 1 == line->starts.n)
                return prefix_last(
                    &(struct prefix){.ip = {.family = (uint8_t)line->family}, .length = 0});
        last = line->starts.items[interval + 1];
        ip_step(&last, -1);
        return last;
}

uint32_t line_size(const struct line *line, size_t interval)
{
        const struct ip *first = &line->starts.items[interval];
        struct ip last = line_last(line, interval);
        size_t n = family_bits(line->family) / 8;
        uint64_t low = 0, high = 0;

        if (memcmp(first->bytes, last.bytes, n - 4) != 0)
                return UINT32_MAX;
        for (size_t i = n - 4; i < n; i++) {
                low = low << 8 | first->bytes[i];
                high = high << 8 | last.bytes[i];
        }
        return high - low >= UINT32_MAX ? UINT32_MAX : (uint32_t)(high - low + 1);
}

void prefixes_of_range(struct arena *arena, const struct ip *first, const struct ip *last,
                       prefix_list *ret)
{
        struct ip at = *first;
        bool more = true;

        while (more && ip_compare(&at, last) <= 0) {
                struct prefix prefix = prefix_host(&at), wider;
                for (; prefix.length > 0; prefix = wider) {
                        wider = prefix_of(&at, (uint8_t)(prefix.length - 1));
                        struct ip end = prefix_last(&wider);
                        if (!ip_equal(&wider.ip, &at) || ip_compare(&end, last) > 0)
                                break;
                }
                vec_push(arena, ret, prefix);
                at = prefix_last(&prefix);
                more = ip_step(&at, 1);
        }
}
