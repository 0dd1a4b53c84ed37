#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "kube/problem.h"

static char *printed(const struct problems *problems)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        problems_print(problems, out);
        fclose(out);
        return text;
}

static void problems_come_sorted_and_counted(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);

        problems_add(&problems, (struct place){"b.yaml", 2}, "Pod a/b: .spec: first");
        problems_add(&problems, (struct place){"b.yaml", 2}, "Pod a/b: .spec: second");
        problems_add(&problems, (struct place){"b.yaml", 1}, "%s", "third");
        problems_add(&problems, (struct place){"a.yaml", 10}, "fourth");
        problems_add(&problems, (struct place){"a.yaml", 9}, "fifth");
        problems_add(&problems, (struct place){"a.yaml", 0}, "no such file");
        char *text = printed(&problems);
        assert_string_equal(text, "a.yaml: no such file\n"
                                  "a.yaml:9: fifth\n"
                                  "a.yaml:10: fourth\n"
                                  "b.yaml:1: third\n"
                                  "b.yaml:2: Pod a/b: .spec: first\n"
                                  "b.yaml:2: Pod a/b: .spec: second\n"
                                  "6 problems\n");
        free(text);
}

static void one_problem_is_not_counted(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);

        problems_add(&problems, (struct place){"-", 3}, "why");
        char *text = printed(&problems);
        assert_string_equal(text, "-:3: why\n");
        free(text);
}

static void no_more_than_the_cap_are_kept(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);

        for (unsigned i = 0; i < PROBLEMS_MAX + 5; i++)
                problems_add(&problems, (struct place){"-", i + 1}, "why");
        assert_int_equal(problems.list.n, PROBLEMS_MAX);
        char *text = printed(&problems);
        assert_non_null(strstr(text, "\n1005 problems, the first 1000 shown\n"));
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(problems_come_sorted_and_counted),
            cmocka_unit_test(one_problem_is_not_counted),
            cmocka_unit_test(no_more_than_the_cap_are_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
