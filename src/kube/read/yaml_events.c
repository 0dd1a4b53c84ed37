#include "kube/read/yaml_events.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kube/load.h"

/* libyaml's own memory is bounded by feeding it no more than one object's bytes between two events.
 * It compares each %TAG directive with all before it, so that a hundred thousand cost half a
 * minute: they are counted too. */

#define DIRECTIVES_MAX 100

static unsigned line_of(const struct yaml_events *events, yaml_mark_t mark)
{
        return events->before + (unsigned)mark.line + 1;
}

unsigned events_line(const struct yaml_events *events)
{
        return line_of(events, events->now.start_mark);
}

void events_report(struct yaml_events *events, unsigned line, const char *format, va_list args)
{
        char text[320];

        vsnprintf(text, sizeof(text), format, args);
        problems_add(events->problems, (struct place){events->input->file, line}, "%s", text);
}

bool events_refuse(struct yaml_events *events, unsigned line, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        events_report(events, line, format, args);
        va_end(args);
        return false;
}

static unsigned newlines(const char *text, size_t length)
{
        unsigned n = 0;

        for (const char *end = text + length; (text = memchr(text, '\n', (size_t)(end - text)));
             text++)
                n++;
        return n;
}

/* Lines that begin with '%', in UTF-8 and UTF-16. */
static unsigned directives(const char *text, size_t length)
{
        const char *end = text + length;
        unsigned n = 0;

        for (; (text = memchr(text, '\n', (size_t)(end - text))); text++)
                n += (end - text > 1 && text[1] == '%') ||
                     (end - text > 2 && text[1] == '\0' && text[2] == '%');
        return n;
}

static const char *chunk_text(const struct yaml_events *events)
{
        return events->input->window + events->input->at - events->chunk.length;
}

static int feed(void *data, unsigned char *buffer, size_t size, size_t *ret_read)
{
        struct yaml_events *events = data;

        *ret_read = 0;
        if (events->fed > LOAD_MAX_OBJECT_BYTES) {
                events->why = "a scalar or comment is larger than an object may be";
                return 0;
        }
        events->chunk.line += newlines(chunk_text(events), events->chunk.length);
        events->chunk.offset += events->chunk.length;
        events->chunk.length = input_take(events->input, (char *)buffer, size);
        events->fed += events->chunk.length;
        events->directives += directives(chunk_text(events), events->chunk.length);
        if (events->directives > DIRECTIVES_MAX) {
                events->why = "too many directives";
                return 0;
        }
        *ret_read = events->chunk.length;
        if (events->input->error)
                events->why = strerror(events->input->error);
        return !events->input->error;
}

/* libyaml decodes ahead of what it parses, and tells of bytes it cannot take by offset only. */
static unsigned decoding_line(const struct yaml_events *events)
{
        size_t offset = events->parser.problem_offset;
        size_t into = offset > events->chunk.offset ? offset - events->chunk.offset : 0;

        if (into > events->chunk.length)
                into = events->chunk.length;
        return events->chunk.line + newlines(chunk_text(events), into);
}

/* The commonest of mistakes, which cannot be seen in an editor and which libyaml mostly calls a
 * character. */
static const char *hint(const yaml_parser_t *parser)
{
        bool is_tab = parser->error == YAML_SCANNER_ERROR &&
                      parser->problem_mark.index == parser->mark.index &&
                      parser->buffer.pointer < parser->buffer.last &&
                      *parser->buffer.pointer == '\t';

        return is_tab && !strstr(parser->problem, "tab") ? " (a tab: only spaces indent YAML)" : "";
}

static bool refuse_syntax(struct yaml_events *events)
{
        const yaml_parser_t *parser = &events->parser;

        if (parser->error == YAML_MEMORY_ERROR)
                memory_exhausted(0);
        if (events->why)
                return events_refuse(events, line_of(events, parser->mark), "cannot be read: %s",
                                     events->why);
        if (parser->error == YAML_READER_ERROR && parser->problem_value >= 0)
                return events_refuse(events, decoding_line(events), "%s (\\x%02x)", parser->problem,
                                     (unsigned)parser->problem_value);
        if (parser->error == YAML_READER_ERROR)
                return events_refuse(events, decoding_line(events), "%s", parser->problem);
        if (parser->context && parser->context_mark.line != parser->problem_mark.line)
                return events_refuse(events, line_of(events, parser->problem_mark),
                                     "%s %s from line %u on", parser->problem, parser->context,
                                     line_of(events, parser->context_mark));
        return events_refuse(events, line_of(events, parser->problem_mark), "%s%s%s%s",
                             parser->problem, parser->context ? " " : "",
                             parser->context ? parser->context : "", hint(parser));
}

bool events_advance(struct yaml_events *events)
{
        if (events->has_event)
                yaml_event_delete(&events->now);
        events->has_event = yaml_parser_parse(&events->parser, &events->now);
        events->fed = 0;
        events->directives = 0;
        return events->has_event || refuse_syntax(events);
}

void events_init(struct yaml_events *events, struct input *input, struct problems *problems)
{
        *events = (struct yaml_events){
            .input = input,
            .problems = problems,
            .before = input->line - 1,
            .chunk.line = input->line,
        };
        if (!yaml_parser_initialize(&events->parser))
                memory_exhausted(0);
        yaml_parser_set_input(&events->parser, feed, events);
}

void events_done(struct yaml_events *events)
{
        if (events->has_event)
                yaml_event_delete(&events->now);
        yaml_parser_delete(&events->parser);
}
