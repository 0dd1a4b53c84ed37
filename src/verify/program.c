#include "verify/program.h"

#include <inttypes.h>
#include <string.h>

#include "base/strbuf.h"
#include "verify/program_ends.h"

/* What others than penstock write is translated as well; where a rule asks something that has no
 * place here, it may match or not, and what hangs on it stays unproven. */

#define MAX_HEIGHT 64   /* chains that lead into each other; simulate() gives up behind as many */
#define MAX_DEPTH  4000 /* of chains that are settled at once: what a file may ask of the stack */

struct program *program_new(struct arena *arena, const struct enforced *enforced,
                            const struct sim_node *node, enum family family,
                            struct splitter *splitter)
{
        struct program *program = arena_new_object(arena, struct program);

        program->arena = arena;
        program->enforced = enforced;
        program->node = node;
        program->family = family;
        program->splitter = splitter;
        program->known_blocks = map_new(arena);
        program->known_features = map_new(arena);
        program->known_questions = map_new(arena);
        return program;
}

bool program_question_known(const struct program *program, const char *text, size_t *ret)
{
        /* One more than it says: 0 is the map's word for "absent". */
        size_t position = (size_t)(uintptr_t)map_get(program->known_questions, text);

        if (position)
                *ret = position - 1;
        return position != 0;
}

size_t program_add_question(struct program *program, const char *text,
                            const struct question *question)
{
        vec_push(program->arena, &program->questions, *question);
        map_put(program->known_questions, text, (void *)(uintptr_t)program->questions.n);
        return program->questions.n - 1;
}

bool has_unmodelled_ports(uint32_t protocol)
{
        enum { DCCP = 33, UDPLITE = 136 };

        return protocol == DCCP || protocol == UDPLITE;
}

static bool asks_unmodelled_ports(const struct question *question)
{
        bool other = false, ports = false;

        vec_foreach (const struct match *, match, &question->matches) {
                other = other || ((*match)->kind == MATCH_PROTOCOL &&
                                  has_unmodelled_ports((*match)->number));
                ports =
                    ports || (*match)->kind == MATCH_DESTINATION_PORTS ||
                    (*match)->kind == MATCH_SOURCE_PORTS || (*match)->kind == MATCH_EITHER_PORTS ||
                    (*match)->kind == MATCH_DESTINATION_PORT || (*match)->kind == MATCH_SOURCE_PORT;
        }
        return other && ports;
}

static bool asks_state_only(const struct match *match)
{
        return match->kind == MATCH_CTSTATE || match->kind == MATCH_IN_INTERFACE ||
               match->kind == MATCH_OUT_INTERFACE;
}

static void print_ports(const struct match *match, struct strbuf *out)
{
        for (size_t i = 0; i < match->ports.n; i++)
                strbuf_printf(out, " %u-%u", match->ports.items[i].first,
                              match->ports.items[i].last);
}

/* Equal texts ask the same. */
static void print_question(const struct match *match, struct strbuf *out)
{
        strbuf_printf(out, "%d%s", match->kind, match->invert ? "!" : "");
        switch (match->kind) {
        case MATCH_IN_INTERFACE:
        case MATCH_OUT_INTERFACE:
                strbuf_printf(out, " %s", match->text);
                break;
        case MATCH_DESTINATION_PORT:
        case MATCH_SOURCE_PORT:
        case MATCH_DESTINATION_PORTS:
        case MATCH_SOURCE_PORTS:
        case MATCH_EITHER_PORTS:
                print_ports(match, out);
                break;
        case MATCH_TCP_FLAGS:
                strbuf_printf(out, " %u/%u", match->tcp_flags.set, match->tcp_flags.mask);
                break;
        case MATCH_ICMP_TYPE:
                strbuf_printf(out, " %u/%u", match->icmp.type,
                              match->icmp.any_code ? 256u : match->icmp.code);
                break;
        default:
                strbuf_printf(out, " %" PRIu32, match->number);
        }
        strbuf_add(out, "; ");
}

/* Is it answered by what a case says: protocol, ports, flags, state, interfaces? */
static bool is_answered_by_case(const struct match *match)
{
        static const enum match_kind kinds[] = {
            MATCH_IN_INTERFACE, MATCH_OUT_INTERFACE,    MATCH_PROTOCOL,          MATCH_CTSTATE,
            MATCH_SOURCE_PORT,  MATCH_DESTINATION_PORT, MATCH_DESTINATION_PORTS, MATCH_SOURCE_PORTS,
            MATCH_EITHER_PORTS, MATCH_TCP_FLAGS,        MATCH_SCTP_INIT,         MATCH_ICMP_TYPE,
            MATCH_HOP_LIMIT,
        };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i] == match->kind)
                        return true;
        return false;
}

static void add_match(struct program *program, struct step *step, const struct match *match,
                      struct question *question, struct strbuf *text)
{
        switch (match->kind) {
        case MATCH_SOURCE:
        case MATCH_DESTINATION:
                step_ask_prefix(program, step, match,
                                match->kind == MATCH_SOURCE ? AXIS_SOURCE : AXIS_DESTINATION);
                return;
        case MATCH_SOURCE_RANGE:
        case MATCH_DESTINATION_RANGE:
                step_ask_range(program, step, match,
                               match->kind == MATCH_SOURCE_RANGE ? AXIS_SOURCE : AXIS_DESTINATION);
                return;
        case MATCH_SOURCE_TYPE:
        case MATCH_DESTINATION_TYPE:
                step_ask_type(program, step, match,
                              match->kind == MATCH_SOURCE_TYPE ? AXIS_SOURCE : AXIS_DESTINATION);
                return;
        case MATCH_SET:
                step_ask_set(program, step, match);
                return;
        case MATCH_MARK:
                vec_push(program->arena, &step->marks, match);
                return;
        case MATCH_COMMENT:
        case MATCH_COUNTS:
                return;
        case MATCH_CHANCE:
                step->chance = true;
                return;
        default:
                break;
        }
        if (!is_answered_by_case(match)) {
                step->unknown = true;
                return;
        }
        vec_push(program->arena, &question->matches, match);
        question->state_only = question->state_only && asks_state_only(match);
        print_question(match, text);
}

static void add_matches(struct program *program, const struct rule *rule, struct step *step)
{
        struct question question = {.kind = QUESTION_MATCHES, .state_only = true};
        _cleanup_strbuf_ struct strbuf text = {0};

        vec_foreach (const struct match, match, &rule->matches)
                add_match(program, step, match, &question, &text);
        if (question.matches.n == 0)
                return;
        step->unknown = step->unknown || asks_unmodelled_ports(&question);
        if (!program_question_known(program, text.text, &step->question))
                step->question = program_add_question(program, text.text, &question);
}

/* Conntrack comes behind the raw table: what a rule there sees of a state is not a case's. */
static void forget_state(const struct program *program, struct step *step)
{
        if (step->question == NO_QUESTION)
                return;
        vec_foreach (const struct match *, match, &program->questions.items[step->question].matches)
                step->unknown = step->unknown || (*match)->kind == MATCH_CTSTATE;
        if (step->unknown)
                step->question = NO_QUESTION;
}

static struct block *block_of(struct program *program, size_t ruleset, const struct table *table,
                              const struct chain *chain);

static bool is_translation(enum target_kind kind)
{
        return kind == TARGET_DNAT || kind == TARGET_REDIRECT;
}

static void set_action(struct program *program, const struct block *block, struct step *step)
{
        static const enum action actions[] = {
            [TARGET_NONE] = ACTION_GO_ON,         [TARGET_ACCEPT] = ACTION_ACCEPT,
            [TARGET_DROP] = ACTION_DROP,          [TARGET_RETURN] = ACTION_RETURN,
            [TARGET_REJECT] = ACTION_DROP,        [TARGET_JUMP] = ACTION_JUMP,
            [TARGET_GOTO] = ACTION_GOTO,          [TARGET_MARK] = ACTION_MARK,
            [TARGET_CONNMARK] = ACTION_BLUR_MARK, [TARGET_DNAT] = ACTION_UNKNOWN,
            [TARGET_SNAT] = ACTION_UNKNOWN,       [TARGET_REDIRECT] = ACTION_UNKNOWN,
            [TARGET_MASQUERADE] = ACTION_UNKNOWN, [TARGET_NOTRACK] = ACTION_UNTRACK,
            [TARGET_ASIDE] = ACTION_GO_ON,        [TARGET_BEYOND] = ACTION_UNKNOWN,
            [TARGET_UNKNOWN] = ACTION_UNKNOWN,
        };
        const struct target *target = &step->rule->target;
        const struct chain *to = NULL;

        step->action = actions[target->kind];
        if (step->action == ACTION_JUMP || step->action == ACTION_GOTO) {
                to = table_chain(block->table, target->text);
                if (to)
                        step->to = block_of(program, block->ruleset, block->table, to);
                else
                        step->action = ACTION_UNKNOWN;
        }
        if (strcmp(block->table->name, "nat") == 0 && is_translation(target->kind))
                step->action = ACTION_LEAVE;
        if (target->kind == TARGET_CONNMARK && target->connmark.action != CONNMARK_RESTORE)
                step->action = ACTION_GO_ON; /* the connection's mark, which no case has */
        if (step->action == ACTION_MARK) {
                step->mark = target->mark.value;
                step->mask = target->mark.mask;
        }
}

/* Its steps come with program_fill(): chains can lead into each other without end. */
static struct block *block_of(struct program *program, size_t ruleset, const struct table *table,
                              const struct chain *chain)
{
        _cleanup_strbuf_ struct strbuf key = {0};

        strbuf_printf(&key, "%zu %s %s", ruleset, table->name, chain->name);
        struct block *block = map_get(program->known_blocks, key.text);
        if (block)
                return block;
        block = arena_new_object(program->arena, struct block);
        map_put(program->known_blocks, key.text, block);
        block->number = program->blocks.n;
        block->table = table;
        block->chain = chain;
        block->ruleset = ruleset;
        block->own = is_own_chain(chain->name);
        vec_push(program->arena, &program->blocks, block);
        return block;
}

static void fill(struct program *program, struct block *block)
{
        vec_foreach (const struct rule, rule, &block->chain->rules) {
                struct step step = {.rule = rule, .question = NO_QUESTION};
                set_action(program, block, &step);
                if (step.action != ACTION_GO_ON) /* else whoever matches goes on as he came */
                        add_matches(program, rule, &step);
                if (strcmp(block->table->name, "raw") == 0)
                        forget_state(program, &step);
                vec_push(program->arena, &block->steps, step);
        }
}

static void fill_blocks(struct program *program)
{
        while (program->n_filled < program->blocks.n)
                fill(program, program->blocks.items[program->n_filled++]);
}

static bool asks(const struct program *program, const struct step *step, enum match_kind kind)
{
        if (step->question == NO_QUESTION)
                return false;
        vec_foreach (const struct match *, match, &program->questions.items[step->question].matches)
                if ((*match)->kind == kind)
                        return true;
        return false;
}

/* At PREROUTING a packet goes by no link yet, at POSTROUTING it came by none that all kernels know
 * of: what a rule there makes of it is not a case's. */
static void forget_links(struct program *program, struct block *base, enum match_kind kind)
{
        bits_word *seen = bits_new(program->arena, program->blocks.n);
        VEC(struct block *) blocks = {0};

        vec_push(program->arena, &blocks, base);
        bits_set(seen, base->number);
        for (size_t i = 0; i < blocks.n; i++)
                vec_foreach (struct step, step, &blocks.items[i]->steps) {
                        if (asks(program, step, kind)) {
                                step->unknown = true;
                                step->question = NO_QUESTION;
                        }
                        if (!step->to || bits_get(seen, step->to->number))
                                continue;
                        bits_set(seen, step->to->number);
                        vec_push(program->arena, &blocks, step->to);
                }
}

static void add_bases(struct program *program, struct hook_program *to, enum sim_hook hook,
                      const char *const *tables, size_t n)
{
        const struct enforced *enforced = program->enforced;

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < enforced->n; k++) {
                        const struct table *table =
                            ruleset_table(enforced->rules[k], program->family, tables[i]);
                        const struct chain *chain =
                            table ? table_chain(table, sim_hook_name(hook)) : NULL;
                        if (!chain)
                                continue;
                        struct block *block = block_of(program, k, table, chain);
                        vec_push(program->arena, &to->bases, block);
                }
        fill_blocks(program);
}

static const char *const stopping[] = {"raw", "mangle", "filter", "security"};
static const char *const marking[] = {"raw", "mangle", "nat"};

struct hook_program program_hook(struct program *program, enum sim_hook hook)
{
        struct hook_program ret = {0};

        add_bases(program, &ret, hook, stopping, ARRAY_SIZE(stopping));
        for (size_t i = 0; hook == HOOK_POSTROUTING && i < ret.bases.n; i++)
                forget_links(program, ret.bases.items[i], MATCH_IN_INTERFACE);
        return ret;
}

struct hook_program program_arrival(struct program *program, enum sim_hook hook)
{
        enum sim_hook before = hook == HOOK_OUTPUT ? HOOK_OUTPUT : HOOK_PREROUTING;
        size_t first = hook == HOOK_OUTPUT ? 2 : 0; /* of OUTPUT, raw and mangle are the same */
        struct hook_program ret = {0};

        add_bases(program, &ret, before, marking, ARRAY_SIZE(marking));
        ret.n_before = hook == HOOK_OUTPUT ? 0 : ret.bases.n;
        for (size_t i = 0; i < ret.n_before; i++)
                forget_links(program, ret.bases.items[i], MATCH_OUT_INTERFACE);
        add_bases(program, &ret, hook, stopping + first, ARRAY_SIZE(stopping) - first);
        return ret;
}

static void settle_step(struct block *block, const struct step *step)
{
        vec_foreach (const struct address_test, test, &step->addresses)
                bits_set(block->reads[test->axis], test->feature);
        vec_foreach (const struct pair_test, test, &step->pairs) {
                bits_set(block->asks, test->question);
                for (size_t i = 0; i < test->n; i++)
                        bits_set(block->reads[test->axis], test->features[i]);
        }
        if (step->question != NO_QUESTION)
                bits_set(block->asks, step->question);
        block->sets_mark = block->sets_mark || step->action == ACTION_MARK ||
                           step->action == ACTION_BLUR_MARK || step->action == ACTION_UNKNOWN;
        block->reads_mark = block->reads_mark || step->marks.n > 0 || step->action == ACTION_MARK ||
                            step->action == ACTION_BLUR_MARK;
        block->can_stop =
            block->can_stop || step->action == ACTION_DROP || step->action == ACTION_UNKNOWN;
}

/* A loop cannot be installed; where a file has one, or chains that lead on for longer than anybody
 * follows, what enters it stays open. */
static void cut_off(struct block *block, struct step *step)
{
        step->action = ACTION_UNKNOWN;
        step->to = NULL;
        block->can_stop = block->sets_mark = true;
}

static void settle(struct program *program, struct block *block, unsigned depth)
{
        if (block->state != UNSEEN || depth == MAX_DEPTH)
                return;
        block->state = BUSY;
        for (enum axis axis = AXIS_SOURCE; axis <= AXIS_DESTINATION; axis++)
                block->reads[axis] = bits_new(program->arena, program->n_features);
        block->asks = bits_new(program->arena, program->questions.n);
        vec_foreach (struct step, step, &block->steps) {
                settle_step(block, step);
                if (!step->to)
                        continue;
                settle(program, step->to, depth + 1);
                if (step->to->state != READY || step->to->height >= MAX_HEIGHT - 1) {
                        cut_off(block, step);
                        continue;
                }
                if (block->height <= step->to->height)
                        block->height = step->to->height + 1;
                for (enum axis axis = AXIS_SOURCE; axis <= AXIS_DESTINATION; axis++)
                        bits_or(block->reads[axis], step->to->reads[axis], program->n_features);
                bits_or(block->asks, step->to->asks, program->questions.n);
                block->reads_mark = block->reads_mark || step->to->reads_mark;
                block->sets_mark = block->sets_mark || step->to->sets_mark;
                block->can_stop = block->can_stop || step->to->can_stop;
        }
        block->state = READY;
}

void program_settle(struct program *program, size_t n_features)
{
        program->n_features = n_features;
        vec_foreach (struct block *, block, &program->blocks)
                settle(program, *block, 0);
}

bool hook_can_stop(const struct hook_program *hook)
{
        vec_foreach (struct block *, block, &hook->bases)
                if ((*block)->can_stop || chain_drops((*block)->chain))
                        return true;
        return false;
}

bool hook_asks_mark(const struct hook_program *hook)
{
        vec_foreach (struct block *, block, &hook->bases)
                if ((*block)->reads_mark)
                        return true;
        return false;
}
