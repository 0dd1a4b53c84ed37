#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What the agent is asked, one thing at a time: for its answer it reads the kernel's counters, and
 * does nothing else meanwhile. So however many want to know, and however often, four fifths of
 * its time are left to its work (less where an answer takes it more than half a second). A question
 * is put after whoever wants its answer came: what it says is not older than that. Times are the
 * loop's, in milliseconds. */
struct question {
        uint32_t number; /* the last that was put */
        bool put;        /* … is not answered */
        bool wanted;     /* somebody waits for the next */
        uint64_t put_at, not_before;
};

/* The number of the question to wait for, from now on. */
uint32_t question_want(struct question *question);
/* When the next is to be put; UINT64_MAX: none, or not before the last is answered. */
uint64_t question_due(const struct question *question);
/* It is put now; its number is question->number. */
void question_put(struct question *question, uint64_t now);
/* False where that is not what was asked last. */
bool question_answered(struct question *question, uint32_t number, uint64_t now);
