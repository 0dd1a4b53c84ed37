#include "lab/found.h"

#include <ifaddrs.h>
#include <string.h>

#include "lab/names.h"
#include "lab/netns.h"
#include "lab/plan.h"
#include "lab/sockets.h"

/* What eth0 has in this namespace. */
static struct lab_addresses *read_addresses(struct arena *arena)
{
        struct lab_addresses *addresses = arena_new_object(arena, struct lab_addresses);
        struct ifaddrs *list;

        if (getifaddrs(&list) < 0)
                return addresses;
        for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
                if (!at->ifa_addr || strcmp(at->ifa_name, "eth0") != 0 ||
                    (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
                        continue;
                vec_push(arena, &addresses->ips, socket_address_ip(at->ifa_addr));
        }
        freeifaddrs(list);
        return addresses;
}

static int read_netns(struct arena *arena, const char *name, struct map *found, struct err *err)
{
        if (netns_enter_named(name, err) < 0)
                return err_wrap(err, "the lab is incomplete (`penstock lab down` removes it): %s",
                                name);
        map_put(found, name, read_addresses(arena));
        return 0;
}

struct map *lab_found(struct arena *arena, const char *lab, struct err *err)
{
        struct netns_names names = netns_list(arena, lab_prefix(arena, lab));
        struct map *found = map_new(arena);
        int status = 0, here = netns_current(err);

        if (here < 0)
                return NULL;
        for (size_t i = 0; i < names.list.n && status == 0; i++)
                status = read_netns(arena, names.list.items[i], found, err);
        netns_return(here);
        return status < 0 ? NULL : found;
}
