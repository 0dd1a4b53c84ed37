#include "verify/evaluate_match.h"

#include <string.h>

bits_word *stretch_bits(const struct context *context, struct arena *arena)
{
        return arena_new_array(arena, bits_word, context->stretch->n_words);
}

static enum truth invert_truth(enum truth truth, bool invert)
{
        if (truth == UNKNOWN || !invert)
                return truth;
        return truth == YES ? NO : YES;
}

static enum truth point_truth(const struct point *point, size_t feature, bool invert)
{
        if (bits_get(point->yes, feature))
                return invert ? NO : YES;
        if (bits_get(point->maybe, feature))
                return UNKNOWN;
        return invert ? YES : NO;
}

enum truth match_marks(const struct step *step, struct mark mark)
{
        enum truth all = YES;

        vec_foreach (const struct match *, match, &step->marks) {
                bool equal = (mark.value & (*match)->mark.mask) == (*match)->mark.value;
                enum truth truth =
                    invert_truth(mark.known ? (equal ? YES : NO) : UNKNOWN, (*match)->invert);
                if (truth == NO)
                        return NO;
                if (truth == UNKNOWN)
                        all = UNKNOWN;
        }
        return all;
}

static void narrow(const struct context *context, bits_word *bits, const bits_word *feature,
                   bool invert)
{
        for (size_t i = 0; i < context->stretch->n_words; i++)
                bits[i] &= invert ? ~feature[context->stretch->first_word + i]
                                  : feature[context->stretch->first_word + i];
}

static void narrow_both(const struct context *context, struct matching *matching, size_t feature,
                        bool invert)
{
        const bits_word *bits = context->classes->features[feature];

        narrow(context, matching->surely, bits, invert);
        if (matching->vague)
                narrow(context, matching->perhaps, bits, invert);
}

static void become_vague(const struct context *context, struct matching *matching)
{
        if (matching->vague)
                return;
        matching->perhaps = stretch_bits(context, context->scratch);
        memcpy(matching->perhaps, matching->surely,
               context->stretch->n_words * sizeof(*matching->perhaps));
        matching->vague = true;
}

void matching_doubt(const struct context *context, struct matching *matching)
{
        become_vague(context, matching);
        memset(matching->surely, 0, context->stretch->n_words * sizeof(*matching->surely));
}

/* Any of the set's pairs may be the packet's: what none of them takes in is sure. */
static void match_any_pair(const struct context *context, const struct pair_test *test,
                           struct matching *matching)
{
        const struct address_classes *classes = context->classes;
        size_t first = context->stretch->first_word;

        become_vague(context, matching);
        for (size_t i = 0; i < context->stretch->n_words; i++) {
                bits_word any = 0;
                for (size_t k = 0; k < test->n; k++)
                        any |= classes->features[test->features[k]][first + i];
                matching->surely[i] &= test->invert ? ~any : 0;
                matching->perhaps[i] &= test->invert ? ~(bits_word)0 : any;
        }
}

/* False where it surely fails. Of a fixed end. */
static bool match_pair_of_point(const struct context *context, const struct pair_test *test,
                                uint16_t answer, bool *ret_vague)
{
        enum truth truth = NO;

        for (size_t i = 0; answer == ANSWER_ANY && i < test->n; i++)
                if (point_truth(context->point, test->features[i], false) != NO)
                        truth = UNKNOWN;
        if (answer != ANSWER_ANY && answer > 0)
                truth = point_truth(context->point, test->features[answer - 1], false);
        truth = invert_truth(truth, test->invert);
        *ret_vague = *ret_vague || truth == UNKNOWN;
        return truth != NO;
}

bool match_scalars(const struct context *context, const struct step *step, bool *ret_vague)
{
        const uint16_t *answers = context->evaluation->packet_case->answers;
        enum axis axis = context->evaluation->axis;

        *ret_vague = step->unknown;
        if (step->question != NO_QUESTION) {
                if (answers[step->question] == ANSWER_NO)
                        return false;
                *ret_vague = *ret_vague || answers[step->question] == ANSWER_UNKNOWN;
        }
        vec_foreach (const struct address_test, test, &step->addresses) {
                if (test->axis == axis)
                        continue;
                enum truth truth = point_truth(context->point, test->feature, test->invert);
                if (truth == NO)
                        return false;
                *ret_vague = *ret_vague || truth == UNKNOWN;
        }
        vec_foreach (const struct pair_test, test, &step->pairs) {
                if (test->axis != axis) {
                        if (!match_pair_of_point(context, test, answers[test->question], ret_vague))
                                return false;
                } else if (answers[test->question] == 0 && !test->invert) {
                        return false;
                }
        }
        return true;
}

void match_classes(const struct context *context, const struct step *step,
                   struct matching *matching)
{
        const uint16_t *answers = context->evaluation->packet_case->answers;
        enum axis axis = context->evaluation->axis;

        vec_foreach (const struct address_test, test, &step->addresses)
                if (test->axis == axis)
                        narrow_both(context, matching, test->feature, test->invert);
        vec_foreach (const struct pair_test, test, &step->pairs) {
                uint16_t answer = answers[test->question];
                if (test->axis != axis)
                        continue;
                if (answer == ANSWER_ANY)
                        match_any_pair(context, test, matching);
                else if (answer > 0)
                        narrow_both(context, matching, test->features[answer - 1], test->invert);
        }
}
