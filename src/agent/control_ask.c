#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/unix_socket.h"
#include "compile/compile.h"
#include "kube/decode/decode.h"
#include "kube/read/json.h"

/* The answer as it comes: objects are decoded one by one, so that a command needs the memory of the
 * cluster and not that of its text. */

struct asking {
        struct cluster *cluster; /* NULL: not asked for */
        struct decode_context context;
        struct control_answer answer;
        size_t documents;
        bool complete; /* the object's end has come, and it is an answer */
};

int control_connect(const char *path, struct err *err)
{
        struct unix_address address;
        struct ucred who;

        if (!unix_address(path, &address))
                return err_set(err, "%s: too long for a socket", path);
        int fd = unix_connect(&address, 0, &who);
        if (fd < 0 && errno == ECONNREFUSED)
                return err_set(err, "%s: no agent runs here any more", path);
        if (fd < 0)
                return err_errno(err, "%s", path);
        if (who.uid == 0)
                return fd;
        close(fd); /* whoever could put a socket there is not to say what is enforced */
        return err_set(err, "%s: is not root's but of user %u", path, who.uid);
}

static const char *text_of(struct asking *asking, const struct value *agent, const char *key)
{
        return arena_strdup(asking->context.arena, value_member_text(agent, key));
}

static uint64_t number_of(const struct value *agent, const char *key)
{
        const struct value *member = value_member(agent, key);

        return member && member->kind == VALUE_NUMBER ? strtoull(member->text, NULL, 10) : 0;
}

static bool flag_of(const struct value *agent, const char *key)
{
        const struct value *member = value_member(agent, key);

        return member && member->kind == VALUE_BOOL && member->boolean;
}

static void read_answer(struct asking *asking, const struct value *agent)
{
        bool own_node_egress;

        asking->answer = (struct control_answer){
            .node = text_of(asking, agent, "node"),
            .backend = text_of(asking, agent, "backend"),
            .deny = text_of(asking, agent, "deny"),
            .whole = flag_of(agent, "whole"),
            .enforcing = flag_of(agent, "enforcing"),
            .why = text_of(asking, agent, "why"),
            .version = text_of(asking, agent, "version"),
            .pid = number_of(agent, "pid"),
            .network_namespace = number_of(agent, "networkNamespace"),
        };
        asking->complete =
            own_node_egress_parse(value_member_text(agent, "ownNodeEgress"), &own_node_egress) &&
            *asking->answer.node;
        if (asking->complete)
                asking->answer.own_node_egress = own_node_egress;
        if (asking->answer.enforcing)
                asking->answer.why = NULL;
}

static void visit_item(void *context, const struct value *document, const struct value *item)
{
        struct asking *asking = context;

        struct object object;

        if (asking->cluster && decode_object(&asking->context, item, &object) == DECODE_DONE)
                cluster_add(asking->cluster, &object);
}

static void visit_document(void *context, const struct value *document)
{
        struct asking *asking = context;
        const struct value *agent = document ? value_member(document, "agent") : NULL;

        asking->documents++;
        if (agent && agent->kind == VALUE_MAP)
                read_answer(asking, agent);
}

static int read_all(int fd, struct asking *asking, struct err *err)
{
        const struct document_visitor visitor = {asking, visit_item, visit_document};
        struct problems *problems = asking->context.problems;
        struct input input;

        input_from_fd(&input, fd, "agent");
        const struct document_reader reader = {&input, problems, &visitor};
        enum json_end end = json_read(&reader);
        int error = input.error;
        input_done(&input);
        if (error == EAGAIN)
                return err_set(err, "the agent does not answer");
        if (problems->list.n > 0)
                return err_set(err, "the agent's answer: line %u: %s",
                               problems->list.items[0].place.line, problems->list.items[0].text);
        if (asking->documents == 0)
                return err_set(err, "the agent gave no answer");
        if (end != JSON_END || asking->documents > 1 || !asking->complete)
                return err_set(err, "the agent's answer is not to be understood");
        return 0;
}

static int ask(int fd, const char *question, struct asking *asking, struct err *err)
{
        _cleanup_arena_ struct arena *scratch = arena_new();
        struct problems problems = problems_in(scratch);
        size_t length = strlen(question);

        asking->context.problems = &problems;
        asking->context.file = "agent";
        asking->context.default_namespace = "default";
        int r = send(fd, question, length, MSG_NOSIGNAL) == (ssize_t)length
                    ? read_all(fd, asking, err)
                    : err_errno(err, "asking the agent");
        asking->context.problems = NULL;
        close(fd);
        return r;
}

struct cluster *control_ask(int fd, struct control_answer *ret, struct err *err)
{
        struct cluster *cluster = cluster_new();
        struct asking asking = {
            .cluster = cluster,
            .context = {.arena = cluster->arena, .intern = cluster->intern},
        };

        if (ask(fd, "cluster\n", &asking, err) < 0) {
                cluster_free(cluster);
                return NULL;
        }
        *ret = asking.answer;
        ret->cluster = cluster;
        return cluster;
}

int control_ask_state(int fd, struct arena *arena, struct control_answer *ret, struct err *err)
{
        const struct timeval wait = {.tv_sec = CONTROL_QUESTION_SECONDS};
        struct asking asking = {.context.arena = arena};

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
        if (ask(fd, "state\n", &asking, err) < 0)
                return -1;
        *ret = asking.answer;
        return 0;
}
