#include "verify/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "verify/evaluate_match.h"
#include "verify/memo.h"

/* Effects are worked out for all classes of a stretch, whoever arrives: they hold for each class by
 * itself, so that what arrives is cut out of them afterwards. That is what makes them worth
 * keeping. They are kept for chains that see many fixed ends alike; others, the roots of address
 * trees, are walked each time. */

struct effect {
        struct exits returned, accepted;
        struct bits_pair own, others;
};

#define MAX_MARKS_KEPT 32 /* that a chain is told apart by; a mark beyond these is not known */

/* What the evaluator knows of a block. */
struct block_memory {
        const void *
            *by_point[AXES];  /* what the block sees of a point: equal texts, equal pointers */
        const void **by_case; /* on the heap, by number */
        size_t n_cases;
        bool kept[AXES]; /* with the fixed end on this axis */
        bool settled[AXES];
        /* Marks that packets came with; the last is of those whose mark is not known. */
        uint32_t marks[MAX_MARKS_KEPT];
        size_t n_marks;
        /* Of a chain that is not kept, what it does in this evaluation, by mark. */
        const struct effect *now[MAX_MARKS_KEPT + 1];
        uint64_t evaluation;
};

struct evaluator {
        struct arena *arena;   /* of what is kept */
        struct arena *scratch; /* of one evaluation */
        const struct program *program;
        const struct address_classes *classes;
        const struct stretch *stretches;
        struct intern *intern;
        VEC(struct point) points;
        struct block_memory *blocks;
        struct memo *memo;
        uint64_t evaluations;
};

struct evaluator *evaluator_new(const struct program *program,
                                const struct address_classes *classes,
                                const struct stretch *stretches)
{
        struct evaluator *evaluator = memory_alloc(sizeof(*evaluator));

        evaluator->arena = arena_new();
        evaluator->scratch = arena_new();
        evaluator->program = program;
        evaluator->classes = classes;
        evaluator->stretches = stretches;
        evaluator->intern = intern_new(evaluator->arena);
        evaluator->blocks =
            arena_new_array(evaluator->arena, struct block_memory, program->blocks.n);
        evaluator->memo = memo_new();
        return evaluator;
}

void evaluator_free(struct evaluator *evaluator)
{
        for (size_t i = 0; i < evaluator->program->blocks.n; i++)
                free(evaluator->blocks[i].by_case);
        memo_free(evaluator->memo);
        arena_free(evaluator->scratch);
        arena_free(evaluator->arena);
        free(evaluator);
}

/* --- points --- */

size_t evaluator_add_class(struct evaluator *evaluator, size_t class)
{
        size_t n = evaluator->program->n_features;
        struct point point = {.class = class, .yes = bits_new(evaluator->arena, n)};

        for (size_t i = 0; i < n; i++)
                if (bits_get(evaluator->classes->features[i], class))
                        bits_set(point.yes, i);
        point.maybe = point.yes;
        vec_push(evaluator->arena, &evaluator->points, point);
        return evaluator->points.n - 1;
}

static bool takes_in_all(const bits_word *feature, const struct stretch *stretch)
{
        for (size_t i = 0; i < stretch->n_words; i++)
                if (stretch->all[i] & ~feature[stretch->first_word + i])
                        return false;
        return true;
}

static bool takes_in_some(const bits_word *feature, const struct stretch *stretch)
{
        for (size_t i = 0; i < stretch->n_words; i++)
                if (stretch->all[i] & feature[stretch->first_word + i])
                        return true;
        return false;
}

size_t evaluator_add_stretch(struct evaluator *evaluator, size_t stretch)
{
        const struct stretch *it = &evaluator->stretches[stretch];
        size_t n = evaluator->program->n_features;
        struct point point = {.class = SIZE_MAX,
                              .yes = bits_new(evaluator->arena, n),
                              .maybe = bits_new(evaluator->arena, n)};

        for (size_t i = 0; i < n; i++) {
                if (takes_in_all(evaluator->classes->features[i], it))
                        bits_set(point.yes, i);
                if (takes_in_some(evaluator->classes->features[i], it))
                        bits_set(point.maybe, i);
        }
        vec_push(evaluator->arena, &evaluator->points, point);
        return evaluator->points.n - 1;
}

/* --- what a block sees of points and cases --- */

/* Words in which the block reads nothing are left out: they are most of them. */
static const void *see_point(struct evaluator *evaluator, const struct block *block, enum axis axis,
                             const struct point *point, bits_word *seen)
{
        size_t words = bits_words(evaluator->program->n_features), n = 0;

        for (size_t i = 0; i < words; i++) {
                bits_word reads = block->reads[axis][i];
                if (!reads)
                        continue;
                seen[n++] = point->yes[i] & reads;
                seen[n++] = point->maybe[i] & reads;
        }
        return intern_bytes(evaluator->intern, (const char *)seen, n * sizeof(*seen));
}

static int compare_sights(const void *a, const void *b)
{
        uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

        return (x > y) - (x < y);
}

static size_t count_different(struct arena *arena, const void *const *sights, size_t n)
{
        const void **sorted = arena_copy(arena, sights, n * sizeof(*sights));
        size_t different = 0;

        sort_items(sorted, n, sizeof(*sorted), compare_sights);
        for (size_t i = 0; i < n; i++)
                different += i == 0 || sorted[i] != sorted[i - 1];
        return different;
}

/* Keeping pays where it sees fewer than half as many different points as there are. */
static void settle_points(struct evaluator *evaluator, const struct block *block, enum axis axis)
{
        struct block_memory *memory = &evaluator->blocks[block->number];
        size_t n = evaluator->points.n;

        size_t words = bits_words(evaluator->program->n_features);
        bits_word *seen = arena_new_array(evaluator->scratch, bits_word, 2 * words + 1);
        bool reads = !bits_are_none(block->reads[axis], evaluator->program->n_features);

        memory->by_point[axis] = arena_new_array(evaluator->arena, const void *, n);
        for (size_t i = 0; i < n; i++)
                memory->by_point[axis][i] =
                    reads ? see_point(evaluator, block, axis, &evaluator->points.items[i], seen)
                          : block;
        memory->kept[axis] =
            !reads || count_different(evaluator->scratch, memory->by_point[axis], n) * 2 <= n + 1;
        memory->settled[axis] = true;
}

static void make_room(struct block_memory *memory, size_t number)
{
        size_t n = 2 * number + 16;

        memory->by_case = memory_grow(memory->by_case, n * sizeof(*memory->by_case));
        memset(memory->by_case + memory->n_cases, 0,
               (n - memory->n_cases) * sizeof(*memory->by_case));
        memory->n_cases = n;
}

static const void *see_case(struct evaluator *evaluator, const struct block *block,
                            const struct packet_case *packet_case)
{
        struct block_memory *memory = &evaluator->blocks[block->number];
        size_t n = evaluator->program->questions.n, k = 0;

        if (packet_case->number >= memory->n_cases)
                make_room(memory, packet_case->number);
        if (memory->by_case[packet_case->number])
                return memory->by_case[packet_case->number];
        uint16_t *seen = arena_new_array(evaluator->scratch, uint16_t, n + 1);
        for (size_t i = 0; i < n; i++)
                if (bits_get(block->asks, i))
                        seen[k++] = packet_case->answers[i];
        const void *sight = intern_bytes(evaluator->intern, (const char *)seen, k * sizeof(*seen));
        memory->by_case[packet_case->number] = sight;
        return sight;
}

/* --- a chain --- */

static const struct effect *effect_of(const struct context *context, const struct block *block,
                                      struct mark mark);

/* A chain under way: who is still in it, by mark. */
struct walk {
        const struct context *context;
        const struct block *block;
        struct exits live;
        struct effect *effect;
        struct arena *arena; /* the effect's */
};

static void stop(struct walk *walk, const struct bits_pair *moved)
{
        flow_add_pair(walk->arena, walk->context->stretch->n_words,
                      walk->block->own ? &walk->effect->own : &walk->effect->others, moved);
}

static void leave(struct walk *walk, struct exits *exits, struct mark mark,
                  const struct bits_pair *moved)
{
        flow_add_pair(walk->arena, walk->context->stretch->n_words, &exit_with(exits, mark)->bits,
                      moved);
}

/* What is given is the walk's from then on. */
static void stay(struct walk *walk, struct mark mark, const struct bits_pair *given)
{
        struct bits_pair *there = &exit_with(&walk->live, mark)->bits;

        if (!there->sure && !there->maybe)
                *there = *given;
        else
                flow_add_pair(walk->context->scratch, walk->context->stretch->n_words, there,
                              given);
}

/* A chain that neither asks nor sets marks was worked out for any: its packets keep theirs, but
 * where something unknown may have set them. */
static struct mark mark_behind(const struct block *block, struct mark before, struct mark at_exit)
{
        return block->reads_mark || !at_exit.known ? at_exit : before;
}

static void enter(struct walk *walk, const struct step *step, struct mark mark,
                  const struct bits_pair *moved)
{
        const struct effect *child = effect_of(walk->context, step->to, mark);
        const struct context *context = walk->context;

        for (size_t i = 0; i < child->accepted.n; i++) {
                const struct exit *exit = &child->accepted.items[i];
                struct mark behind = mark_behind(step->to, mark, exit->mark);
                flow_add_cut(walk->arena, context->stretch->n_words,
                             &exit_with(&walk->effect->accepted, behind)->bits, moved, &exit->bits);
        }
        flow_add_cut(walk->arena, context->stretch->n_words, &walk->effect->own, moved,
                     &child->own);
        flow_add_cut(walk->arena, context->stretch->n_words, &walk->effect->others, moved,
                     &child->others);
        for (size_t i = 0; i < child->returned.n; i++) {
                const struct exit *exit = &child->returned.items[i];
                struct mark behind = mark_behind(step->to, mark, exit->mark);
                if (step->action == ACTION_GOTO)
                        flow_add_cut(walk->arena, context->stretch->n_words,
                                     &exit_with(&walk->effect->returned, behind)->bits, moved,
                                     &exit->bits);
                else
                        flow_add_cut(context->scratch, context->stretch->n_words,
                                     &exit_with(&walk->live, behind)->bits, moved, &exit->bits);
        }
}

/* Whatever it is, it may have been accepted, stopped, returned, or have gone on, with any mark. */
static void scatter(struct walk *walk, const struct bits_pair *moved)
{
        const struct mark mark = {0};
        struct bits_pair maybe = {0};

        flow_add(walk->context->scratch, walk->context->stretch->n_words, &maybe.maybe, moved->sure,
                 NULL);
        flow_add(walk->context->scratch, walk->context->stretch->n_words, &maybe.maybe,
                 moved->maybe, NULL);
        leave(walk, &walk->effect->accepted, mark, &maybe);
        leave(walk, &walk->effect->returned, mark, &maybe);
        stop(walk, &maybe);
        stay(walk, mark, &maybe);
}

static void act(struct walk *walk, const struct step *step, struct mark mark,
                const struct bits_pair *moved)
{
        switch (step->action) {
        case ACTION_GO_ON:
        case ACTION_UNTRACK:
                stay(walk, mark, moved);
                break;
        case ACTION_ACCEPT:
                leave(walk, &walk->effect->accepted, mark, moved);
                break;
        case ACTION_DROP:
                stop(walk, moved);
                break;
        case ACTION_RETURN:
                leave(walk, &walk->effect->returned, mark, moved);
                break;
        case ACTION_JUMP:
        case ACTION_GOTO:
                enter(walk, step, mark, moved);
                break;
        case ACTION_MARK:
                mark.value = (mark.value & ~step->mask) ^ step->mark;
                mark.known = mark.known || step->mask == UINT32_MAX;
                stay(walk, mark, moved);
                break;
        case ACTION_BLUR_MARK:
                stay(walk, (struct mark){0}, moved);
                break;
        case ACTION_LEAVE:
                break;
        case ACTION_UNKNOWN:
                scatter(walk, moved);
                break;
        }
}

/* Takes from those that are there whoever matches. */
static struct bits_pair take(struct walk *walk, const struct step *step, struct bits_pair *there,
                             const struct matching *matching)
{
        const struct context *context = walk->context;
        struct arena *scratch = context->scratch;
        struct bits_pair moved = {0};

        if (!matching->vague) {
                flow_add(scratch, context->stretch->n_words, &moved.sure, there->sure,
                         matching->surely);
                flow_add(scratch, context->stretch->n_words, &moved.maybe, there->maybe,
                         matching->surely);
                for (size_t i = 0; !step->chance && i < context->stretch->n_words; i++) {
                        if (moved.sure)
                                there->sure[i] &= ~moved.sure[i];
                        if (moved.maybe)
                                there->maybe[i] &= ~moved.maybe[i];
                }
                return moved;
        }
        flow_add(scratch, context->stretch->n_words, &moved.sure, there->sure, matching->surely);
        flow_add(scratch, context->stretch->n_words, &moved.maybe, there->maybe, matching->perhaps);
        bits_word *doubtful = NULL; /* there for sure, and may match */
        flow_add(scratch, context->stretch->n_words, &doubtful, there->sure, matching->perhaps);
        for (size_t i = 0; doubtful && i < context->stretch->n_words; i++)
                doubtful[i] &= ~matching->surely[i];
        flow_add(scratch, context->stretch->n_words, &moved.maybe, doubtful, NULL);
        if (step->chance)
                return moved;
        for (size_t i = 0; i < context->stretch->n_words; i++) {
                if (there->sure)
                        there->sure[i] &= ~matching->perhaps[i];
                if (there->maybe)
                        there->maybe[i] &= ~matching->surely[i];
        }
        flow_add(scratch, context->stretch->n_words, &there->maybe, doubtful, NULL);
        return moved;
}

static void take_step(struct walk *walk, const struct step *step)
{
        const struct context *context = walk->context;
        struct matching matching = {0};
        struct exits there = walk->live;
        bool vague;

        if (step->action == ACTION_GO_ON || !match_scalars(context, step, &vague))
                return;
        matching.surely = stretch_bits(context, context->scratch);
        memcpy(matching.surely, context->stretch->all,
               context->stretch->n_words * sizeof(*matching.surely));
        match_classes(context, step, &matching);
        if (flow_is_empty(matching.vague ? matching.perhaps : matching.surely,
                          context->stretch->n_words))
                return;
        if (vague)
                matching_doubt(context, &matching);
        /* Those that come back with another mark are not asked again. */
        walk->live = (struct exits){0};
        for (size_t i = 0; i < there.n; i++) {
                struct matching of_mark = matching;
                enum truth truth = match_marks(step, there.items[i].mark);
                struct bits_pair moved = {0};

                if (truth == UNKNOWN)
                        of_mark = (struct matching){
                            .surely = stretch_bits(context, context->scratch),
                            .perhaps = matching.vague ? matching.perhaps : matching.surely,
                            .vague = true,
                        };
                if (truth != NO)
                        moved = take(walk, step, &there.items[i].bits, &of_mark);
                stay(walk, there.items[i].mark, &there.items[i].bits);
                if (moved.sure || moved.maybe)
                        act(walk, step, there.items[i].mark, &moved);
        }
}

static bool is_empty(const struct walk *walk)
{
        size_t n = walk->context->stretch->n_words;

        for (size_t i = 0; i < walk->live.n; i++)
                if (!flow_is_empty(walk->live.items[i].bits.sure, n) ||
                    !flow_is_empty(walk->live.items[i].bits.maybe, n))
                        return false;
        return true;
}

/* A new effect, in that arena. */
static struct effect *walk_block(const struct context *context, const struct block *block,
                                 struct mark mark, struct arena *arena)
{
        struct effect *effect = arena_new_object(arena, struct effect);
        struct walk walk = {.context = context, .block = block, .effect = effect, .arena = arena};
        struct bits_pair all = {.sure = stretch_bits(context, context->scratch)};

        memcpy(all.sure, context->stretch->all, context->stretch->n_words * sizeof(*all.sure));
        stay(&walk, mark, &all);
        vec_foreach (const struct step, step, &block->steps) {
                take_step(&walk, step);
                if (is_empty(&walk))
                        break;
        }
        for (size_t i = 0; i < walk.live.n; i++)
                leave(&walk, &effect->returned, walk.live.items[i].mark, &walk.live.items[i].bits);
        return effect;
}

/* --- what is kept --- */

/* MAX_MARKS_KEPT where it is not among them, and there is no room for it. */
static size_t mark_number(struct block_memory *memory, uint32_t mark)
{
        for (size_t i = 0; i < memory->n_marks; i++)
                if (memory->marks[i] == mark)
                        return i;
        if (memory->n_marks == MAX_MARKS_KEPT)
                return MAX_MARKS_KEPT;
        memory->marks[memory->n_marks] = mark;
        return memory->n_marks++;
}

/* For this evaluation alone: chains that lead into the same ones twice, and these again, are walked
 * once each all the same. */
static const struct effect *effect_for_now(const struct context *context, const struct block *block,
                                           struct mark mark)
{
        struct evaluator *evaluator = context->evaluator;
        struct block_memory *memory = &evaluator->blocks[block->number];
        size_t at = mark.known ? mark_number(memory, mark.value) : MAX_MARKS_KEPT;

        if (memory->evaluation != evaluator->evaluations)
                memset(memory->now, 0, sizeof(memory->now));
        memory->evaluation = evaluator->evaluations;
        if (!memory->now[at])
                memory->now[at] = walk_block(context, block, mark, evaluator->scratch);
        return memory->now[at];
}

static const struct effect *effect_of(const struct context *context, const struct block *block,
                                      struct mark mark)
{
        struct evaluator *evaluator = context->evaluator;
        const struct evaluation *evaluation = context->evaluation;
        struct block_memory *memory = &evaluator->blocks[block->number];
        enum axis fixed = evaluation->axis == AXIS_SOURCE ? AXIS_DESTINATION : AXIS_SOURCE;

        if (!block->reads_mark)
                mark = (struct mark){.known = true};
        else if (!mark.known || mark_number(memory, mark.value) == MAX_MARKS_KEPT)
                mark = (struct mark){0};
        if (!memory->settled[fixed])
                settle_points(evaluator, block, fixed);
        if (!memory->kept[fixed])
                return effect_for_now(context, block, mark);
        struct memo_key key = {
            .point = memory->by_point[fixed][evaluation->point],
            .packet_case = see_case(evaluator, block, evaluation->packet_case),
            .block = (uint32_t)block->number,
            .mark = mark.value,
            .mark_known = mark.known,
            .stretch = (uint16_t)evaluation->stretch,
            .axis = (uint8_t)evaluation->axis,
        };
        const struct effect *known = memo_get(evaluator->memo, &key);
        if (known)
                return known;
        const struct effect *effect = walk_block(context, block, mark, evaluator->arena);
        memo_put(evaluator->memo, &key, effect);
        return effect;
}

/* --- a hook --- */

/* Through one base chain: who comes out of it lives on. */
static void pass_base(const struct context *context, const struct block *block, struct exits *live,
                      struct bits_pair *own, struct bits_pair *others)
{
        struct arena *scratch = context->scratch;
        size_t n = context->stretch->n_words;
        struct exits next = {0};

        for (size_t i = 0; i < live->n; i++) {
                const struct bits_pair *arriving = &live->items[i].bits;
                struct mark mark = live->items[i].mark;
                const struct effect *effect = effect_of(context, block, mark);
                flow_add_cut(scratch, n, own, arriving, &effect->own);
                flow_add_cut(scratch, n, others, arriving, &effect->others);
                for (size_t k = 0; k < effect->accepted.n; k++) {
                        const struct exit *exit = &effect->accepted.items[k];
                        struct mark behind = mark_behind(block, mark, exit->mark);
                        flow_add_cut(scratch, n, &exit_with(&next, behind)->bits, arriving,
                                     &exit->bits);
                }
                for (size_t k = 0; k < effect->returned.n; k++) {
                        const struct exit *exit = &effect->returned.items[k];
                        struct mark behind = mark_behind(block, mark, exit->mark);
                        flow_add_cut(scratch, n,
                                     chain_drops(block->chain) ? others
                                                               : &exit_with(&next, behind)->bits,
                                     arriving, &exit->bits);
                }
        }
        *live = next;
}

/* Of two flavours' tables the kernel may take either first: where one asks for marks that the other
 * sets, none is known. */
static bool order_matters(const struct hook_program *hook, const struct block *block)
{
        vec_foreach (struct block *, other, &hook->bases)
                if (*other != block && strcmp((*other)->table->name, block->table->name) == 0 &&
                    strcmp((*other)->chain->name, block->chain->name) == 0 &&
                    (((*other)->sets_mark && block->reads_mark) ||
                     (block->sets_mark && (*other)->reads_mark)))
                        return true;
        return false;
}

static void forget_marks(const struct context *context, struct exits *live)
{
        struct exits all = {0};

        for (size_t i = 0; i < live->n; i++)
                flow_add_pair(context->scratch, context->stretch->n_words,
                              &exit_with(&all, (struct mark){0})->bits, &live->items[i].bits);
        *live = all;
}

/* nat's tables see the first packet of a connection alone. */
static bool is_asked_of_new(const struct block *block)
{
        return strcmp(block->table->name, "nat") == 0;
}

struct passage evaluate(struct evaluator *evaluator, const struct evaluation *evaluation)
{
        struct context context = {
            .evaluator = evaluator,
            .classes = evaluator->classes,
            .scratch = evaluator->scratch,
            .evaluation = evaluation,
            .stretch = &evaluator->stretches[evaluation->stretch],
            .point = &evaluator->points.items[evaluation->point],
        };
        struct bits_pair passed = {0}, own = {0}, others = {0};
        struct exits live = {.n = 1};

        arena_reset(evaluator->scratch);
        evaluator->evaluations++;
        live.items[0] = (struct exit){
            .mark = {!evaluation->any_mark, evaluation->mark},
            .bits.sure = stretch_bits(&context, evaluator->scratch),
        };
        memcpy(live.items[0].bits.sure, context.stretch->all,
               context.stretch->n_words * sizeof(bits_word));
        for (size_t i = 0; i < evaluation->hook->bases.n; i++) {
                const struct block *block = evaluation->hook->bases.items[i];
                struct bits_pair not_coming = {0};
                bool before = i < evaluation->hook->n_before;
                if (is_asked_of_new(block) && !(evaluation->packet_case->packet.state & CT_NEW))
                        continue;
                bool either_first = order_matters(evaluation->hook, block);
                if (either_first)
                        forget_marks(&context, &live);
                pass_base(&context, block, &live, before ? &not_coming : &own,
                          before ? &not_coming : &others);
                if (either_first)
                        forget_marks(&context, &live);
        }
        for (size_t i = 0; i < live.n; i++)
                flow_add_pair(evaluator->scratch, context.stretch->n_words, &passed,
                              &live.items[i].bits);
        return (struct passage){
            {passed.sure, passed.maybe}, {own.sure, own.maybe}, {others.sure, others.maybe}};
}
