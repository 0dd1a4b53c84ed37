#include "kube/problem.h"

#include <stdarg.h>
#include <string.h>

struct problems problems_in(struct arena *arena)
{
        return (struct problems){.arena = arena};
}

void problems_add(struct problems *problems, struct place place, const char *format, ...)
{
        if (problems->list.n == PROBLEMS_MAX) {
                problems->more++;
                return;
        }

        va_list args;
        va_start(args, format);
        struct problem problem = {place, arena_vprintf(problems->arena, format, args)};
        va_end(args);
        vec_push(problems->arena, &problems->list, problem);
}

/* Problems of one line stay in the order in which they were found. */
static int compare_places(const void *a, const void *b)
{
        const struct problem *x = *(const struct problem *const *)a;
        const struct problem *y = *(const struct problem *const *)b;
        int files = strcmp(x->place.file, y->place.file);

        if (files != 0)
                return files;
        if (x->place.line != y->place.line)
                return x->place.line < y->place.line ? -1 : 1;
        return x < y ? -1 : x > y;
}

static void print(const struct problem *problem, FILE *out)
{
        if (problem->place.line)
                fprintf(out, "%s:%u: %s\n", problem->place.file, problem->place.line,
                        problem->text);
        else
                fprintf(out, "%s: %s\n", problem->place.file, problem->text);
}

void problems_print(const struct problems *problems, FILE *out)
{
        size_t n = problems->list.n;
        const struct problem **sorted = arena_new_array(problems->arena, const struct problem *, n);

        for (size_t i = 0; i < n; i++)
                sorted[i] = &problems->list.items[i];
        sort_items(sorted, n, sizeof(struct problem *), compare_places);
        for (size_t i = 0; i < n; i++)
                print(sorted[i], out);
        if (problems->more)
                fprintf(out, "%zu problems, the first %zu shown\n", n + problems->more, n);
        else if (n > 1)
                fprintf(out, "%zu problems\n", n);
}
