#include "iptables/legacy_table.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iptables/backend.h"

#define ATTEMPTS 5 /* while others change the table */

static const struct interface {
        int domain, level, info, entries;
} interfaces[FAMILIES] = {
    [FAMILY_IPV4] = {AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES},
    [FAMILY_IPV6] = {AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES},
};

/* The families have structs of their own, with the same in them. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one serves both");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries), "likewise");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) ==
                   offsetof(struct ip6t_get_entries, entrytable),
               "likewise");

struct asking {
        int fd;
        const struct interface *interface;
        const char *table;
};

static int get_info(const struct asking *asking, struct ipt_getinfo *ret, struct err *err)
{
        struct ipt_getinfo info = {0};
        socklen_t size = sizeof(info);

        snprintf(info.name, sizeof(info.name), "%s", asking->table);
        if (getsockopt(asking->fd, asking->interface->level, asking->interface->info, &info,
                       &size) < 0)
                return err_errno(err, "asking how much it holds");
        if (info.size > LEGACY_TABLE_MAX)
                return err_set(err, "it holds more than %u bytes", LEGACY_TABLE_MAX);
        *ret = info;
        return 0;
}

/* With errno EAGAIN where it holds another number of bytes by now. */
static int get_entries(const struct asking *asking, struct arena *arena, size_t size,
                       const uint8_t **ret, struct err *err)
{
        struct ipt_get_entries *entries = arena_alloc(arena, sizeof(*entries) + size);
        socklen_t length = (socklen_t)(sizeof(*entries) + size);

        snprintf(entries->name, sizeof(entries->name), "%s", asking->table);
        entries->size = (unsigned)size;
        if (getsockopt(asking->fd, asking->interface->level, asking->interface->entries, entries,
                       &length) < 0) {
                int error = errno;
                err_errno(err, "asking for its entries");
                errno = error;
                return -1;
        }
        *ret = (const uint8_t *)entries->entrytable;
        return 0;
}

static struct legacy_bytes bytes_of(enum family family, const struct ipt_getinfo *info,
                                    const uint8_t *entries)
{
        struct legacy_bytes bytes = {.family = family,
                                     .valid_hooks = info->valid_hooks,
                                     .n_entries = info->num_entries,
                                     .bytes = entries,
                                     .size = info->size};

        memcpy(bytes.hook_entry, info->hook_entry, sizeof(bytes.hook_entry));
        memcpy(bytes.underflow, info->underflow, sizeof(bytes.underflow));
        return bytes;
}

/* 1 where it changed meanwhile: another one of the same size has its chains elsewhere. */
static int read_once(const struct asking *asking, struct arena *arena, enum family family,
                     struct legacy_bytes *ret, struct err *err)
{
        struct ipt_getinfo before = {0}, after = {0};
        const uint8_t *entries = NULL;

        if (get_info(asking, &before, err) < 0)
                return -1;
        if (get_entries(asking, arena, before.size, &entries, err) < 0)
                return errno == EAGAIN ? 1 : -1;
        if (get_info(asking, &after, err) < 0)
                return -1;
        *ret = bytes_of(family, &before, entries);
        return memcmp(&before, &after, sizeof(before)) != 0;
}

static int read_settled_bytes(const struct asking *asking, struct arena *arena, enum family family,
                              struct legacy_bytes *ret, struct err *err)
{
        int r = 1;

        for (unsigned i = 0; r > 0 && i < ATTEMPTS; i++)
                r = read_once(asking, arena, family, ret, err);
        return r > 0 ? err_set(err, "others change it all the time") : r;
}

int legacy_table_read(struct arena *arena, enum family family, const char *table,
                      struct legacy_rules *ret, struct err *err)
{
        const struct interface *interface = &interfaces[family];
        struct asking asking = {.interface = interface, .table = table};
        struct legacy_bytes bytes;

        if (!legacy_has_table(family, table)) {
                *ret = (struct legacy_rules){0};
                return 0;
        }
        asking.fd = socket(interface->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
        if (asking.fd < 0)
                return err_errno(err, "opening a socket to ask for table %s of iptables-legacy",
                                 table);
        int r = read_settled_bytes(&asking, arena, family, &bytes, err);
        close(asking.fd);
        if (r == 0)
                r = legacy_rules_parse(arena, &bytes, ret, err);
        return r < 0 ? err_wrap(err, "reading table %s of %s iptables-legacy", table,
                                family_name(family))
                     : 0;
}
