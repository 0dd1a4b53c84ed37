#include "iptables/flag_words.h"

#include <string.h>
#include <strings.h>

#include "rules/ruleset.h"

const struct flag_word ct_state_words[CT_STATES] = {
    {CT_INVALID, "INVALID"},     {CT_NEW, "NEW"},
    {CT_RELATED, "RELATED"},     {CT_ESTABLISHED, "ESTABLISHED"},
    {CT_UNTRACKED, "UNTRACKED"}, {CT_SNAT, "SNAT"},
    {CT_DNAT, "DNAT"},
};

bool flags_parse(const char *text, const struct flag_word *words, size_t n, unsigned *ret)
{
        unsigned flags = 0;

        while (true) {
                size_t length = strcspn(text, ","), i = 0;
                while (i < n && (strlen(words[i].name) != length ||
                                 strncasecmp(words[i].name, text, length) != 0))
                        i++;
                if (i == n)
                        return false;
                flags |= words[i].flag;
                if (text[length] == '\0')
                        break;
                text += length + 1;
        }
        *ret = flags;
        return true;
}

void flags_print(unsigned flags, const struct flag_word *words, size_t n, struct strbuf *out)
{
        const char *comma = "";

        for (size_t i = 0; i < n; i++) {
                if (!(flags & words[i].flag))
                        continue;
                strbuf_add(out, comma);
                strbuf_add(out, words[i].name);
                comma = ",";
        }
}
