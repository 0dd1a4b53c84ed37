#pragma once

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "kube/load.h"

/* Manifests as text, and what became of them. */

struct decoded {
        struct cluster *cluster;
        struct arena *arena;
        struct problems problems;
        struct load_stats stats;
};

static inline struct decoded decode(const char *text)
{
        struct decoded decoded = {.cluster = cluster_new(), .arena = arena_new()};

        decoded.problems = problems_in(decoded.arena);
        load_text(decoded.cluster, text, strlen(text), "t.yaml", "default", &decoded.problems,
                  &decoded.stats);
        return decoded;
}

static inline void decoded_done(struct decoded *decoded)
{
        cluster_free(decoded->cluster);
        arena_free(decoded->arena);
}
#define _cleanup_decoded_ __attribute__((cleanup(decoded_done)))

/* All problems as they are printed, without the file's name, which is always the same. */
static inline char *problem_lines(struct decoded *decoded)
{
        char *text = NULL, *kept;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        _cleanup_strbuf_ struct strbuf lines = {0};

        if (decoded->problems.list.n)
                problems_print(&decoded->problems, out);
        fclose(out);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
                if (strncmp(line, "t.yaml:", 7) == 0)
                        strbuf_printf(&lines, "%s\n", line + 7);
        kept = arena_strdup(decoded->arena, strbuf_text(&lines));
        free(text);
        return kept;
}

/* Exactly these problems, a line each, and nothing was added. */
static inline void assert_refused(const char *manifest, const char *problems)
{
        _cleanup_decoded_ struct decoded decoded = decode(manifest);
        const struct cluster *cluster = decoded.cluster;

        assert_string_equal(problem_lines(&decoded), problems);
        assert_int_equal(
            cluster->namespaces.n + cluster->nodes.n + cluster->pods.n + cluster->policies.n, 0);
}

static inline void assert_accepted(struct decoded *decoded)
{
        assert_string_equal(problem_lines(decoded), "");
}

struct manifest_row {
        const char *text, *problems;
};

/* Each text stands behind "apiVersion: v1" and "kind: KIND", from line 3 on. */
static inline void assert_rows_refused(const char *kind, const struct manifest_row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();

                assert_refused(
                    arena_printf(arena, "apiVersion: v1\nkind: %s\n%s\n", kind, rows[i].text),
                    rows[i].problems);
        }
}

/* The API server's longer words. */
#define SUBDOMAIN                                                                                  \
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
        "regex used for validation is "                                                            \
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define DNS_LABEL                                                                                  \
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "   \
        "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define LABEL_NAME                                                                                 \
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "   \
        "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "  \
        "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define LABEL_VALUE                                                                                \
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "   \
        "or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "      \
        "'my_value',  or '12345', regex used for validation is "                                   \
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define BAD_IP    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
#define BAD_CIDR  "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
#define BAD_RANGE "must be between 1 and 65535, inclusive"
#define QUOTES    "(text that looks like something else needs quotes)"
