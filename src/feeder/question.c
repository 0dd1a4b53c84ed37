#include "feeder/question.h"

#define SHARE      4    /* so many times as long as an answer took, there is no other question */
#define LONGEST_MS 2000 /* … but not longer than those who ask would wait */

uint32_t question_want(struct question *question)
{
        question->wanted = true;
        return question->number + 1;
}

uint64_t question_due(const struct question *question)
{
        return question->wanted && !question->put ? question->not_before : UINT64_MAX;
}

void question_put(struct question *question, uint64_t now)
{
        question->number++;
        question->put = true;
        question->wanted = false;
        question->put_at = now;
}

bool question_answered(struct question *question, uint32_t number, uint64_t now)
{
        if (!question->put || number != question->number)
                return false;
        question->put = false;
        uint64_t rest = SHARE * (now - question->put_at);
        question->not_before = now + (rest < LONGEST_MS ? rest : LONGEST_MS);
        return true;
}
