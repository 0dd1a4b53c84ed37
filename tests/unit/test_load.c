#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/load.h"

/* What came of loading: the objects in order, the kinds passed over, the problems. */
struct loaded {
        struct cluster *cluster;
        struct arena *arena;
        struct problems problems;
        struct load_stats stats;
        int result;
};

static struct loaded loaded_new(void)
{
        struct loaded loaded = {.cluster = cluster_new(), .arena = arena_new()};

        loaded.problems = problems_in(loaded.arena);
        return loaded;
}

static void loaded_done(struct loaded *loaded)
{
        cluster_free(loaded->cluster);
        arena_free(loaded->arena);
}

static void print_meta(struct strbuf *out, const char *kind, const struct meta *meta)
{
        strbuf_printf(out, "%s %s%s%s line %u\n", kind, meta->namespace,
                      *meta->namespace ? "/" : "", meta->name, meta->place.line);
}

static char *print(struct loaded *loaded)
{
        struct strbuf out = {0};
        struct cluster *cluster = loaded->cluster;
        char *text = NULL;
        size_t size = 0;

        if (loaded->result < 0) {
                FILE *file = open_memstream(&text, &size);
                problems_print(&loaded->problems, file);
                fclose(file);
                loaded_done(loaded);
                return text;
        }
        vec_foreach (struct namespace, namespace, &cluster->namespaces)
                print_meta(&out, "Namespace", &namespace->meta);
        vec_foreach (struct node, node, &cluster->nodes)
                print_meta(&out, "Node", &node->meta);
        vec_foreach (struct pod, pod, &cluster->pods)
                print_meta(&out, "Pod", &pod->meta);
        vec_foreach (struct network_policy, policy, &cluster->policies)
                print_meta(&out, "NetworkPolicy", &policy->meta);
        for (size_t i = 0; i < loaded->stats.skipped_kinds.n; i++)
                strbuf_printf(&out, "passed over: %zu %s\n", loaded->stats.skipped_counts.items[i],
                              loaded->stats.skipped_kinds.items[i]);
        loaded_done(loaded);
        return out.text ? out.text : calloc(1, 1);
}

static char *load(const char *text)
{
        struct loaded loaded = loaded_new();

        loaded.result = load_text(loaded.cluster, text, strlen(text), "-", "default",
                                  &loaded.problems, &loaded.stats);
        return print(&loaded);
}

struct row {
        const char *text, *expected;
};

static void check_rows(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char *got = load(rows[i].text);
                if (strcmp(got, rows[i].expected) != 0)
                        print_message("loading %s\n", rows[i].text);
                assert_string_equal(got, rows[i].expected);
                free(got);
        }
}

#define POD_A "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}"
#define POD_B "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"b\"}}"
#define BARE  "{\"metadata\":{\"name\":\"c\"}}"

static void objects_come_from_json_and_yaml(void **state)
{
        static const struct row rows[] = {
            {POD_A, "Pod default/a line 1\n"},
            {" \n\t" POD_A "\n" POD_B, "Pod default/a line 2\nPod default/b line 3\n"},
            {POD_A "\n---\n" POD_B, "Pod default/a line 1\nPod default/b line 3\n"},
            {POD_A "\n---\nkind: Pod\napiVersion: v1\nmetadata:\n  name: b\n  namespace: x\n",
             "Pod default/a line 1\nPod x/b line 3\n"},
            {"# x\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n---\n" POD_A,
             "Namespace x line 3\nPod default/a line 8\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void other_kinds_are_counted(void **state)
{
        static const struct row rows[] = {
            {"apiVersion: v1\nkind: Service\n---\napiVersion: apps/v1\nkind: Deployment\n---\n"
             "apiVersion: apps/v1\nkind: Deployment\n---\napiVersion: v1\nkind: ConfigMap\n",
             "passed over: 1 ConfigMap\npassed over: 2 Deployment.apps\npassed over: 1 Service\n"},
            {"apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\n",
             "passed over: 1 NetworkPolicy.projectcalico.org\n"},
            {"apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- spec: {}\n- spec: {}\n",
             "passed over: 2 Deployment.apps\n"},
            {"apiVersion: example.org/v1\nkind: AllowList\nspec: {}\n",
             "passed over: 1 AllowList.example.org\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void lists_are_their_items(void **state)
{
        static const struct row rows[] = {
            {"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[" POD_A "," POD_B "]}",
             "Pod default/a line 1\nPod default/b line 1\n"},
            /* as kubectl prints them: kind behind items */
            {"{\"apiVersion\":\"v1\",\"items\":[" POD_A "," POD_B "],\"kind\":\"List\"}",
             "Pod default/a line 1\nPod default/b line 1\n"},
            {"apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n"
             "kind: List\n",
             "Pod default/a line 3\n"},
            /* as the API server prints them: the list says what its items are */
            {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[" BARE "]}",
             "Pod default/c line 1\n"},
            {"{\"apiVersion\":\"v1\",\"items\":[" BARE "," POD_A "],\"kind\":\"PodList\"}",
             "Pod default/a line 1\nPod default/c line 1\n"},
            {"{\"items\":[" BARE "],\"kind\":\"PodList\",\"apiVersion\":\"v1\"}",
             "Pod default/c line 1\n"},
            {"{\"items\":[" BARE "],\"kind\":\"NetworkPolicyList\",\"apiVersion\":"
             "\"networking.k8s.io/v1\"}",
             "NetworkPolicy default/c line 1\n"},
            {"items:\n- metadata: {name: c}\nkind: PodList\napiVersion: v1\n",
             "Pod default/c line 2\n"},
            /* an alias of an item to an earlier item, which is forgotten already */
            {"apiVersion: v1\nkind: PodList\nitems:\n- metadata: &m {name: c}\n- metadata: *m\n",
             "Pod default/c line 4\nPod default/c line 5\n"},
            /* a list in a list, a list with an anchor */
            {"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"PodList\","
             "\"apiVersion\":\"v1\",\"items\":[" BARE "," POD_A "]}]}",
             "Pod default/c line 1\nPod default/a line 1\n"},
            {"kind: PodList\napiVersion: v1\nitems: &x\n- metadata: {name: c}\n",
             "Pod default/c line 4\n"},
            {"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"DeploymentList\","
             "\"apiVersion\":\"apps/v1\",\"items\":[{}]}]}",
             "passed over: 1 Deployment.apps\n"},
            /* one after the other */
            {"{\"items\":[" BARE "],\"kind\":\"PodList\",\"apiVersion\":\"v1\"}\n"
             "{\"items\":[" BARE "],\"kind\":\"PodList\",\"apiVersion\":\"v1\"}\n" POD_A,
             "Pod default/c line 1\nPod default/c line 2\nPod default/a line 3\n"},
            /* empty ones */
            {"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[]}", ""},
            {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":null}", ""},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void what_is_no_list_is_refused(void **state)
{
        static const struct row rows[] = {
            {"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[" BARE "]}",
             "-:1: object default/c: kind not set\n"},
            {"{\"apiVersion\":\"v1\",\"items\":[" BARE "]}", "-:1: kind not set\n"},
            {"{\"kind\":\"PodList\",\"items\":[" BARE "]}",
             "-:1: Pod default/c: apiVersion not set\n"},
            {"{\"items\":[" BARE "],\"kind\":\"NetworkPolicyList\",\"apiVersion\":"
             "\"extensions/v1beta1\"}",
             "-:1: NetworkPolicy default/c: no matches for kind \"NetworkPolicy\" in version "
             "\"extensions/v1beta1\"; is NetworkPolicy of networking.k8s.io/v1 meant?\n"},
            {"kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nitems:\n- " POD_A "\n",
             "-:3: NetworkPolicy: .items: only a list has items\n"},
            {"kind: PodList\napiVersion: v1\n", "-:1: PodList: .items: Required value\n"},
            {"kind: List\napiVersion: v1\nitems: {}\n",
             "-:3: List: .items: cannot unmarshal object into a list\n"},
            {"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[1,\n[" POD_A "],null]}",
             "-:1: object default/(unnamed): cannot unmarshal number into an object\n"
             "-:2: object default/(unnamed): cannot unmarshal array into an object\n"
             "-:2: object default/(unnamed): cannot unmarshal null into an object\n"
             "3 problems\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void what_is_no_object_is_refused(void **state)
{
        static const struct row rows[] = {
            {"", "-: no objects in it\n"},
            {" \n", "-: no objects in it\n"},
            {"# all of it is a comment\n---\n", "-: no objects in it\n"},
            {"kind: Pod\n", "-:1: Pod default/(unnamed): apiVersion not set\n"},
            {"apiVersion: v1\n", "-:1: object default/(unnamed): kind not set\n"},
            {"{}", "-:1: object default/(unnamed): kind not set\n"
                   "-:1: object default/(unnamed): apiVersion not set\n2 problems\n"},
            {"text", "-:1: object default/(unnamed): cannot unmarshal string into an object\n"},
            {"- " POD_A, "-:1: object default/(unnamed): cannot unmarshal array into an object\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void all_problems_are_collected(void **state)
{
        char *got = load("kind: Pod\n---\na: 1\na: 2\n---\n" POD_A "\n---\nb: [\n");

        assert_string_equal(got, "-:1: Pod default/(unnamed): apiVersion not set\n"
                                 "-:4: key \"a\" already set in map on line 3\n"
                                 "-:9: did not find expected node content while parsing a flow "
                                 "node\n3 problems\n");
        free(got);
}

static void a_million_documents_need_no_memory(void **state)
{
        struct strbuf text = {0};
        struct loaded loaded = loaded_new();

        for (unsigned i = 0; i < 1000000; i++)
                strbuf_add(&text, "{\"kind\":\"A\",\"apiVersion\":\"b/c\"}");
        loaded.result = load_text(loaded.cluster, text.text, text.length, "-", "default",
                                  &loaded.problems, &loaded.stats);
        assert_int_equal(loaded.result, 0);
        assert_int_equal(loaded.stats.skipped_counts.items[0], 1000000);
        assert_true(arena_size(loaded.cluster->arena) < 10000000);
        loaded_done(&loaded);
        strbuf_done(&text);
}

/* A directory of its own for each test; paths in messages are relative to it. */
struct place_for_files {
        char path[64], before[512];
};

static struct place_for_files enter_directory(void)
{
        struct place_for_files place = {.path = "/tmp/penstock-load-XXXXXX"};

        assert_non_null(getcwd(place.before, sizeof(place.before)));
        assert_non_null(mkdtemp(place.path));
        assert_int_equal(chdir(place.path), 0);
        return place;
}

static void leave_directory(const struct place_for_files *place)
{
        char command[128];

        assert_int_equal(chdir(place->before), 0);
        snprintf(command, sizeof(command), "rm -r %s", place->path);
        assert_int_equal(system(command), 0);
}

static void write_file(const char *path, const char *text)
{
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static char *load_files(const char *const *paths, size_t n)
{
        struct loaded loaded = loaded_new();

        loaded.result =
            load_paths(loaded.cluster, paths, n, "default", &loaded.problems, &loaded.stats);
        return print(&loaded);
}

static void check_paths(const char *first, const char *second, const char *expected)
{
        const char *paths[] = {first, second};
        char *got = load_files(paths, second ? 2 : 1);

        assert_string_equal(got, expected);
        free(got);
}

static void write_pod(const char *path, const char *name)
{
        char text[200];

        snprintf(text, sizeof(text), "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n", name);
        write_file(path, text);
}

static void a_directory_is_its_manifests(void **state)
{
        struct place_for_files place = enter_directory();

        mkdir("d", 0700);
        mkdir("d/b.yaml", 0700); /* a directory all the same */
        mkdir("d/z", 0700);
        write_pod("d/a.yaml", "a");
        write_pod("d/b.yaml/x.yml", "b");
        write_file("d/c.json", POD_A);
        write_pod("d/.hidden.yaml", "hidden");
        write_file("d/readme.md", "not YAML: [");
        write_file("d/yaml", "not YAML: [");
        write_file("d/z/comment.yaml", "# nothing\n"); /* others have objects */
        write_pod("d/z/last.yaml", "last");
        check_paths("d", NULL,
                    "Pod default/hidden line 1\nPod default/a line 1\nPod default/b line 1\n"
                    "Pod default/a line 1\nPod default/last line 1\n");
        check_paths("d/", "d/readme.md",
                    "d/readme.md:2: did not find expected node content while parsing a flow "
                    "node\n");
        leave_directory(&place);
}

static void symbolic_links_lead_to_files_only(void **state)
{
        struct place_for_files place = enter_directory();

        mkdir("d", 0700);
        mkdir("elsewhere", 0700);
        write_pod("elsewhere/x.yaml", "x");
        write_pod("d/a.yaml", "a");
        assert_int_equal(symlink("../elsewhere/x.yaml", "d/link.yaml"), 0);
        assert_int_equal(symlink("..", "d/loop"), 0);
        assert_int_equal(symlink("../elsewhere", "d/directory.yaml"), 0);
        check_paths("d", NULL, "Pod default/a line 1\nPod default/x line 1\n");
        assert_int_equal(symlink("nowhere", "d/broken.yaml"), 0);
        check_paths("d", NULL, "d/broken.yaml: the path does not exist\n");
        /* named on the command line, a link to a directory is that directory */
        assert_int_equal(symlink("elsewhere", "named"), 0);
        check_paths("named", NULL, "Pod default/x line 1\n");
        leave_directory(&place);
}

static void what_is_not_there_or_no_file_is_refused(void **state)
{
        struct place_for_files place = enter_directory();

        mkdir("d", 0700);
        check_paths("d", "missing",
                    "d: holds no manifests (*.yaml, *.yml, *.json)\n"
                    "missing: the path does not exist\n2 problems\n");
        write_file("d/empty.yaml", "");
        check_paths("d", "d/empty.yaml",
                    "d: no objects in it\nd/empty.yaml: no objects in it\n2 problems\n");
        assert_int_equal(mkfifo("d/pipe.yaml", 0600), 0);
        check_paths("d", NULL, "d/pipe.yaml: is not a regular file\n");
        check_paths("/dev/null", NULL, "/dev/null: no objects in it\n");
        leave_directory(&place);
}

/* A syntax error ends its file, not the others. */
static void every_file_is_read(void **state)
{
        struct place_for_files place = enter_directory();

        mkdir("d", 0700);
        write_file("d/a.yaml", "a: [\n");
        write_file("d/b.json", "{\"a\"\n 1}");
        write_file("d/c.yaml", "kind: Pod\n");
        check_paths("d", NULL,
                    "d/a.yaml:2: did not find expected node content while parsing a flow node\n"
                    "d/b.json:2: invalid character '1' after object key\n"
                    "d/c.yaml:1: Pod default/(unnamed): apiVersion not set\n3 problems\n");
        leave_directory(&place);
}

static void standard_input_is_read_once(void **state)
{
        int ends[2], before = dup(STDIN_FILENO);

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], POD_A, strlen(POD_A)), (ssize_t)strlen(POD_A));
        close(ends[1]);
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        check_paths("-", NULL, "Pod default/a line 1\n");
        check_paths("-", "-",
                    "-: no objects in it\n-: standard input can be read only once\n2 problems\n");
        dup2(before, STDIN_FILENO);
        close(before);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(objects_come_from_json_and_yaml),
            cmocka_unit_test(other_kinds_are_counted),
            cmocka_unit_test(lists_are_their_items),
            cmocka_unit_test(what_is_no_list_is_refused),
            cmocka_unit_test(what_is_no_object_is_refused),
            cmocka_unit_test(all_problems_are_collected),
            cmocka_unit_test(a_million_documents_need_no_memory),
            cmocka_unit_test(a_directory_is_its_manifests),
            cmocka_unit_test(symbolic_links_lead_to_files_only),
            cmocka_unit_test(what_is_not_there_or_no_file_is_refused),
            cmocka_unit_test(every_file_is_read),
            cmocka_unit_test(standard_input_is_read_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
