#include "feeder/visitors.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"

static struct visitor *longest_in(struct visitors *visitors, bool answered)
{
        struct visitor *visitor, *longest = NULL;

        visitors_foreach (visitor, visitors) {
                bool counts = answered
                                  ? visitor->stage == STAGE_ANSWERED
                                  : visitor->stage == STAGE_FIRST || visitor->stage == STAGE_IDLE;
                if (counts && !visitor->shut && (!longest || visitor->since <= longest->since))
                        longest = visitor;
        }
        return longest;
}

static void make_room(struct visitors *visitors)
{
        struct visitor *longest = longest_in(visitors, false);

        if (!longest)
                longest = longest_in(visitors, true);
        if (longest)
                visitor_shut_out(visitors, longest);
}

unsigned visitors_in(const struct visitors *visitors, enum stage stage)
{
        const struct visitor *visitor;
        unsigned n = 0;

        visitors_foreach (visitor, visitors)
                n += visitor->stage == stage && !visitor->shut;
        return n;
}

void visitor_shut_out(struct visitors *visitors, struct visitor *visitor)
{
        int fd = MHD_get_connection_info(visitor->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                     ->connect_fd;

        shutdown(fd, SHUT_RDWR);
        visitor->shut = true;
        visitors->n--;
}

void visitor_enter(struct visitors *visitors, struct visitor *visitor, enum stage stage,
                   uint64_t now)
{
        visitor->stage = stage;
        visitor->since = now;
        visitor->deadline = now + visitors->limits[stage];
}

struct visitor *visitor_new(struct visitors *visitors, struct MHD_Connection *connection,
                            uint64_t now)
{
        struct visitor *visitor = memory_alloc(sizeof(*visitor));

        if (visitors->n >= visitors->max)
                make_room(visitors);
        visitor->connection = connection;
        visitor_enter(visitors, visitor, STAGE_FIRST, now);
        LIST_INSERT_HEAD(&visitors->list, visitor, others);
        visitors->n++;
        return visitor;
}

void visitor_free(struct visitors *visitors, struct visitor *visitor)
{
        LIST_REMOVE(visitor, others);
        visitors->n -= !visitor->shut;
        if (visitor->answer)
                answer_let_go(visitor->answer);
        free(visitor);
}

struct visitor *visitor_of(struct MHD_Connection *connection)
{
        return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
}

void visitor_resume(struct visitors *visitors, struct visitor *visitor, struct answer *answer,
                    uint64_t now)
{
        answer->users++;
        visitor->answer = answer;
        visitor_enter(visitors, visitor, STAGE_ANSWERED, now);
        MHD_resume_connection(visitor->connection);
}

void visitor_refuse(struct visitors *visitors, struct visitor *visitor, const char *why,
                    uint64_t now)
{
        struct answer *answer = answer_unavailable(why, "");

        visitor_resume(visitors, visitor, answer, now);
        answer_let_go(answer);
}

void visitors_refuse(struct visitors *visitors, const char *why, uint64_t now)
{
        struct visitor *visitor;

        visitors_foreach (visitor, visitors)
                if (visitor->stage == STAGE_ASKING)
                        visitor_refuse(visitors, visitor, why, now);
}

bool visitor_is_late(const struct visitor *visitor, uint64_t now)
{
        return !visitor->shut && visitor->deadline <= now;
}

uint64_t visitors_next_deadline(const struct visitors *visitors)
{
        const struct visitor *visitor;
        uint64_t next = UINT64_MAX;

        visitors_foreach (visitor, visitors)
                if (!visitor->shut && visitor->deadline < next)
                        next = visitor->deadline;
        return next;
}
