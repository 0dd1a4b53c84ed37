#include "iptables/saves.h"

#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "netlink/generation.h"

/* What others change meanwhile is read again, so often: a node's busiest writer of rules changes
 * them every second, a reading takes a tenth of one. */
#define READING_ATTEMPTS 20

/* /proc/net/if_inet6 is there as soon as the kernel has IPv6, whatever addresses it has. */
static bool kernel_has_ipv6(void)
{
        return access("/proc/thread-self/net/dev", F_OK) < 0 ||
               access("/proc/thread-self/net/if_inet6", F_OK) == 0;
}

static void add_save(struct saves *saves, enum flavour flavour, enum family family,
                     const char *table)
{
        struct tool_run *run = &saves->runs[saves->n];

        run->argv[0] = flavour_tool(flavour, family, "save");
        run->argv[1] = "-c";
        if (table) {
                run->argv[2] = "-t";
                run->argv[3] = table;
        }
        saves->flavours[saves->n] = flavour;
        saves->families[saves->n] = family;
        saves->n++;
}

void saves_run(const char *table, struct saves *ret)
{
        struct err in_the_runs;

        *ret = (struct saves){.has_family = {true, kernel_has_ipv6()}};
        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++)
                for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                        if (ret->has_family[family] &&
                            (flavour != FLAVOUR_LEGACY || legacy_has_table(family, table)))
                                add_save(ret, flavour, family, table);
        ret->runs[ret->n].argv[0] = "ipset";
        ret->runs[ret->n].argv[1] = "save";
        ret->flavours[ret->n++] = FLAVOURS;
        tool_run_all(ret->runs, ret->n, &in_the_runs);
}

void saves_done(struct saves *saves)
{
        tool_runs_done(saves->runs, saves->n);
}

/* A kernel without nf_tables holds no rules of iptables-nft. */
static bool kernel_lacks_nft(const struct tool_run *run)
{
        static const char *const signs[] = {
            "Failed to initialize nft",
            "Could not fetch rule set generation id: Invalid argument",
        };

        for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
                if (strstr(strbuf_text(&run->messages), signs[i]))
                        return true;
        return false;
}

bool save_is_absent(const struct saves *saves, size_t i)
{
        const struct tool_run *run = &saves->runs[i];

        return run->failure == TOOL_MISSING ||
               (run->failure != TOOL_DONE && saves->flavours[i] == FLAVOUR_NFT &&
                kernel_lacks_nft(run));
}

int read_settled(int (*read)(void *data, struct err *err), void *data, struct err *err)
{
        uint32_t before, after;

        for (unsigned i = 0; i < READING_ATTEMPTS; i++) {
                if (nftables_generation(&before, err) < 0)
                        return -1;
                int r = read(data, err);
                struct err why;
                if (nftables_generation(&after, &why) < 0) {
                        *err = why;
                        return -1;
                }
                if (before == after)
                        return r;
        }
        return err_set(err, "rules changed while they were read, %u times in a row",
                       READING_ATTEMPTS);
}
