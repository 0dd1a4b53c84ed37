#include "agent/config.h"

#include <string.h>
#include <unistd.h>

#include "kube/decode/quote.h"
#include "kube/read/json.h"
#include "kube/read/paths.h"
#include "kube/read/yaml.h"

#define CONFIG_VERSION "penstock.dev/v1alpha1"
#define CONFIG_KIND    "AgentConfiguration"

struct reading {
        struct arena *arena;
        struct problems *problems;
        const char *file;
        struct agent_options options; /* as far as they are read */
        size_t documents;
};

/* value is what stands there, or NULL. */
static void refuse(struct reading *reading, unsigned line, const char *field,
                   const struct value *value, const char *why)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_add_char(&text, '.');
        quote_name(&text, field);
        strbuf_add(&text, ": ");
        if (value) {
                quote_value(&text, value);
                strbuf_add(&text, ": ");
        }
        strbuf_add(&text, why);
        problems_add(reading->problems, (struct place){reading->file, line}, "%s", text.text);
}

static void read_option(struct reading *reading, const struct agent_option *option,
                        const struct value *value)
{
        bool number = agent_option_is_number(option);

        if (value->kind == VALUE_NULL)
                return;
        if (value->kind != (number ? VALUE_NUMBER : VALUE_STRING)) {
                refuse(reading, value->line, value->key, NULL,
                       arena_printf(reading->arena, "cannot unmarshal %s into %s",
                                    value_kind_name(value->kind), number ? "number" : "string"));
                return;
        }
        const char *text = arena_strdup(reading->arena, value->text);
        const char *wanted = agent_option_set(option, text, &reading->options);
        if (wanted)
                refuse(reading, value->line, value->key, value,
                       arena_printf(reading->arena, "not %s", wanted));
}

/* Is it what the file must say of itself? Then it is looked at, and true. */
static bool read_type(struct reading *reading, const struct value *member)
{
        bool is_version = strcmp(member->key, "apiVersion") == 0;
        const char *wanted = is_version ? CONFIG_VERSION : CONFIG_KIND;

        if (!is_version && strcmp(member->key, "kind") != 0)
                return false;
        if (member->kind != VALUE_STRING || strcmp(member->text, wanted) != 0)
                refuse(reading, member->line, member->key, member,
                       arena_printf(reading->arena, "not %s", wanted));
        return true;
}

static void read_members(struct reading *reading, const struct value *map)
{
        for (const struct value *member = map->first; member; member = member->next) {
                const struct agent_option *option = agent_option(member->key);

                if (option)
                        read_option(reading, option, member);
                else if (!read_type(reading, member))
                        refuse(reading, member->line, member->key, NULL, "unknown field");
        }
        if (!value_member(map, "apiVersion"))
                refuse(reading, map->line, "apiVersion", NULL, "Required value: " CONFIG_VERSION);
        if (!value_member(map, "kind"))
                refuse(reading, map->line, "kind", NULL, "Required value: " CONFIG_KIND);
}

/* A member "items" is seen with the document, and refused there. */
static void visit_item(void *context, const struct value *document, const struct value *item)
{
}

static void visit_document(void *context, const struct value *document)
{
        struct reading *reading = context;
        struct place place = {reading->file, document ? document->line : 0};

        if (reading->documents++ > 0)
                problems_add(reading->problems, place, "more than one document");
        else if (document && document->kind != VALUE_MAP)
                problems_add(reading->problems, place, "cannot unmarshal %s into an object",
                             value_kind_name(document->kind));
        else if (document)
                read_members(reading, document);
}

static int read_input(struct arena *arena, struct input *input, struct agent_options *options,
                      struct problems *problems)
{
        struct reading reading = {
            .arena = arena,
            .problems = problems,
            .file = input->file,
            .options = *options,
        };
        const struct document_visitor visitor = {&reading, visit_item, visit_document};
        const struct document_reader reader = {input, problems, &visitor};
        size_t before = problems->list.n + problems->more;

        if (!input_is_json(input) || json_read(&reader) == JSON_YAML)
                yaml_read(&reader);
        bool sound = problems->list.n + problems->more == before;
        if (sound && reading.documents == 0)
                problems_add(problems, (struct place){input->file, 0}, "no configuration in it");
        if (!sound || reading.documents == 0)
                return -1;
        *options = reading.options;
        return 0;
}

int agent_config_text(struct arena *arena, const char *text, size_t length, const char *file,
                      struct agent_options *options, struct problems *problems)
{
        struct input input;

        input_from_text(&input, text, length, file);
        int r = read_input(arena, &input, options, problems);
        input_done(&input);
        return r;
}

int agent_config_load(struct arena *arena, const char *path, struct agent_options *options,
                      struct problems *problems)
{
        struct input input;
        int fd = paths_open(&(struct path_file){.path = path, .named = true}, problems);

        if (fd < 0)
                return -1;
        input_from_fd(&input, fd, path);
        int r = read_input(arena, &input, options, problems);
        input_done(&input);
        if (fd != STDIN_FILENO)
                close(fd);
        return r;
}
