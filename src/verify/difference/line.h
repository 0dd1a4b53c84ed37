#pragma once

#include "base/arena.h"
#include "base/ip.h"
#include "base/vec.h"

/* The addresses of one family as a line, cut wherever somebody's prefix begins or ends: of two
 * addresses between the same cuts every prefix holds both or neither. Intervals are numbered from 0
 * in the order of their addresses and leave nothing out. */
struct line {
        enum family family;
        VEC(struct ip) starts; /* the first address of each interval */
};

void line_init(struct line *line, struct arena *arena, enum family family);
/* Prefixes of the other family are passed over. */
void line_cut(struct line *line, struct arena *arena, const struct prefix *prefix);
void line_seal(struct line *line); /* before anything is asked, after the last cut */

size_t line_at(const struct line *line, const struct ip *ip);
/* The intervals that make up a prefix that was given to line_cut(). */
struct interval_span {
        size_t first, last; /* both included */
};
struct interval_span line_span(const struct line *line, const struct prefix *prefix);
struct ip line_last(const struct line *line, size_t interval); /* its last address */
/* Its addresses; UINT32_MAX where there are as many or more. */
uint32_t line_size(const struct line *line, size_t interval);

/* The fewest prefixes that hold exactly the addresses from first to last. */
typedef VEC(struct prefix) prefix_list;
void prefixes_of_range(struct arena *arena, const struct ip *first, const struct ip *last,
                       prefix_list *ret);
struct ip prefix_last(const struct prefix *prefix);
bool ip_step(struct ip *ip, int by); /* +1 or -1; false, and ip unchanged, over the edge */
