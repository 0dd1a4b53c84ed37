#include "cmd/node_facts.h"

#include "netlink/local.h"

int node_facts_read(struct arena *arena, struct sim_node *ret, struct err *err)
{
        struct local_addresses locals, broadcasts;
        bool whole;

        if (local_addresses_read(arena, &locals, err) < 0 ||
            local_broadcasts_read(arena, &broadcasts, &whole, err) < 0)
                return -1;
        *ret = (struct sim_node){
            .known = whole,
            .locals = locals.list.items,
            .broadcasts = broadcasts.list.items,
            .n_locals = locals.list.n,
            .n_broadcasts = broadcasts.list.n,
        };
        return 0;
}
