#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "kube/client/config.h"

/* What is said to a credential plugin, and what it answers: an ExecCredential as JSON. */

struct plugin_answer {
        const char *token, *certificate, *key; /* NULL where it gave none */
        int64_t expires;                       /* Unix time; 0 where it does not */
};

/* For KUBERNETES_EXEC_INFO. */
void plugin_question_print(const struct kube_config *config, struct strbuf *out);
/* output gets padding behind it. ret lives in arena. */
int plugin_answer_read(struct arena *arena, struct strbuf *output, const char *api_version,
                       struct plugin_answer *ret, struct err *err);
