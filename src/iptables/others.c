#include "iptables/others.h"

#include <string.h>
#include <sys/socket.h>

#include "iptables/text.h"
#include "netlink/generation.h"

void others_begin(struct others *others)
{
        struct err ignored; /* without a watch nothing is believed for long */

        *others = (struct others){.watch = nftables_watch_open(&ignored)};
}

void others_end(struct others *others)
{
        nftables_watch_close(others->watch);
}

int others_before_reading(struct others *others, struct err *err)
{
        uint32_t generation;

        if (others->watch)
                nftables_watch_drain(others->watch);
        if (nftables_generation(&generation, err) < 0)
                return -1;
        others->known = others->until = generation;
        others->n_own = 0;
        others->touched = false;
        return 0;
}

int others_expect_own(struct others *others, const struct apply_report *report, struct err *err)
{
        memcpy(others->own, report->senders, sizeof(others->own));
        others->n_own = report->n_senders;
        return report->n_senders ? nftables_generation(&others->until, err) : 0;
}

/* A port of netlink may be some other process's, too, in another container: each of penstock's own
 * transactions excuses one. */
static bool take_own(struct others *others, uint32_t sender)
{
        for (size_t i = 0; i < others->n_own; i++)
                if ((uint32_t)others->own[i] == sender) {
                        others->own[i] = others->own[--others->n_own];
                        return true;
                }
        return false;
}

static bool is_later(uint32_t generation, uint32_t than)
{
        return (int32_t)(generation - than) > 0;
}

static void end_transaction(struct others *others, const struct nftables_event *event)
{
        bool own = !is_later(event->generation, others->until);

        if (others->touched && is_later(event->generation, others->known) &&
            !(own && take_own(others, event->sender)))
                others->doubt = true;
        others->touched = false;
}

static bool has_own_jump(const struct others *others, const struct nftables_event *event)
{
        const enum family family = event->family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
        const struct table *table;
        const struct chain *chain;

        if (!chain_is_builtin(event->chain) || !others->installed)
                return chain_is_builtin(event->chain);
        table = ruleset_table(others->installed, family, event->table);
        chain = table ? table_chain(table, event->chain) : NULL;
        return chain && chain->rules.n > 0;
}

/* A jump of penstock's stands at the top: what comes below it matters nothing. */
static bool touches(const struct others *others, const struct nftables_event *event)
{
        switch (event->object) {
        case NFTABLES_TABLE:
                return true;
        case NFTABLES_CHAIN:
                return is_own_chain(event->chain) ||
                       /* It may have had another name. */
                       (!event->created && !event->removed && !chain_is_builtin(event->chain));
        case NFTABLES_RULE:
                return is_own_chain(event->chain) ||
                       (event->leads_to && is_own_chain(event->leads_to)) ||
                       (event->on_top && has_own_jump(others, event));
        case NFTABLES_END:
                break;
        }
        return false;
}

static void hear_event(const struct nftables_event *event, void *data)
{
        struct others *others = data;

        if (event->object == NFTABLES_END)
                end_transaction(others, event);
        else if ((event->family == AF_INET || event->family == AF_INET6) &&
                 strcmp(event->table, "filter") == 0)
                others->touched |= touches(others, event);
}

void others_hear(struct others *others, const struct ruleset *installed)
{
        others->installed = installed;
        if (others->watch && !nftables_watch_listen(others->watch, hear_event, others))
                others->doubt = true;
        others->installed = NULL;
}
