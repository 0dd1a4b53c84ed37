#include "cmd/columns.h"

#include <stdbool.h>
#include <string.h>

struct columns columns_new(struct arena *arena, const char *const *headers, size_t n)
{
        return (struct columns){.arena = arena, .headers = headers, .n = n};
}

void columns_add(struct columns *columns, const char *const *cells)
{
        const char **row = arena_copy(columns->arena, cells, columns->n * sizeof(*cells));

        vec_push(columns->arena, &columns->rows, row);
}

static bool is_right(const struct columns *columns, size_t column)
{
        return columns->headers[column][0] == '>';
}

static const char *header(const struct columns *columns, size_t column)
{
        return columns->headers[column] + is_right(columns, column);
}

static size_t widest(const size_t *widths, size_t n)
{
        size_t at = 0;

        for (size_t i = 1; i < n; i++)
                if (widths[i] > widths[at])
                        at = i;
        return at;
}

static size_t *measure(const struct columns *columns)
{
        size_t *widths = arena_new_array(columns->arena, size_t, columns->n);
        size_t total = 0;

        for (size_t i = 0; i < columns->n; i++) {
                widths[i] = strlen(header(columns, i));
                vec_foreach (const char **, row, &columns->rows)
                        if (strlen((*row)[i]) > widths[i])
                                widths[i] = strlen((*row)[i]);
                total += widths[i] + (i ? COLUMNS_GAP : 0);
        }
        for (; total > COLUMNS_WIDTH; total--)
                widths[widest(widths, columns->n)]--;
        return widths;
}

void columns_print_text(const char *text, size_t width, FILE *out)
{
        size_t length = strlen(text);

        if (length > width) {
                size_t head = (width - 2) / 2, tail = width - 2 - head;
                fprintf(out, "%.*s..%s", (int)head, text, text + length - tail);
        } else {
                fprintf(out, "%-*s", (int)width, text);
        }
}

static void print_cell(const struct columns *columns, size_t column, const char *text, size_t width,
                       FILE *out)
{
        bool fits = strlen(text) <= width, last = column + 1 == columns->n;

        if (column)
                fprintf(out, "%*s", COLUMNS_GAP, "");
        if (fits && is_right(columns, column))
                fprintf(out, "%*s", (int)width, text);
        else if (fits && last)
                fputs(text, out);
        else
                columns_print_text(text, width, out);
}

void columns_print(const struct columns *columns, const char *what, FILE *out)
{
        if (columns->rows.n == 0) {
                fprintf(out, "No %s.\n", what);
                return;
        }
        const size_t *widths = measure(columns);
        for (size_t i = 0; i < columns->n; i++)
                print_cell(columns, i, header(columns, i), widths[i], out);
        fputc('\n', out);
        vec_foreach (const char **, row, &columns->rows) {
                for (size_t i = 0; i < columns->n; i++)
                        print_cell(columns, i, (*row)[i], widths[i], out);
                fputc('\n', out);
        }
}
