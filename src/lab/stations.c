#include "lab/stations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lab/names.h"
#include "lab/netns.h"
#include "lab/sockets.h"

/* Source ports of earlier runs must not come again while conntrack may remember them, so each run
 * goes on where the last one ended. Where that was is kept in the lab itself, and goes with it: the
 * fabric, which opens no connections, has a range of local ports that nobody uses. */

#define PORT_FIRST     10000 /* below those that the kernel hands out (32768…) */
#define PORT_LAST      32767
#define PORT_STATE_KEY "ipv4/ip_local_port_range"
#define SPARE_FILES    64

static int enter(struct stations *stations, int netns)
{
        if (stations->inside == netns)
                return 0;
        stations->inside = netns;
        return netns_enter(netns, stations->err);
}

int stations_enter(struct stations *stations, const struct station *station)
{
        return enter(stations, station->netns);
}

/* Closed with the stations. */
static int keep(struct stations *stations, int fd)
{
        if (fd >= 0)
                vec_push(stations->arena, &stations->files, fd);
        return fd;
}

int stations_watch(struct stations *stations, int fd, enum event_kind kind, size_t number,
                   uint32_t events)
{
        struct epoll_event event = {.events = events, .data.u64 = (uint64_t)kind << 56 | number};

        if (epoll_ctl(stations->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                return err_errno(stations->err, "watching a socket");
        return 0;
}

static bool is_served(const struct stations *stations, uint16_t port)
{
        vec_foreach (const uint16_t, served, &stations->plan->ports.list)
                if (*served == port)
                        return true;
        return false;
}

/* A port that servers have is passed over: with it at both ends, what conntrack knows of one probe
 * could be the reply to another. */
uint16_t stations_take_port(const struct stations *stations, struct station *station)
{
        uint16_t port;

        do {
                port = station->next_port;
                station->next_port = port == PORT_LAST ? PORT_FIRST : (uint16_t)(port + 1);
                station->ports_used++;
        } while (is_served(stations, port));
        return port;
}

/* Of "10000\t32768"; a fresh lab has the kernel's own. */
static uint16_t read_first_port(void)
{
        FILE *file = fopen("/proc/sys/net/" PORT_STATE_KEY, "re");
        char text[32] = "";

        if (!file)
                return PORT_FIRST;
        size_t n = fread(text, 1, sizeof(text) - 1, file);
        text[n] = '\0';
        fclose(file);
        unsigned long first = strtoul(text, NULL, 10);
        return first >= PORT_FIRST && first < PORT_LAST ? (uint16_t)first : PORT_FIRST;
}

static int write_first_port(struct stations *stations)
{
        size_t used = 0;
        char range[32];

        vec_foreach (const struct station, station, &stations->list)
                if (station->ports_used > used)
                        used = station->ports_used;
        size_t next = stations->first_port + used + 1;
        snprintf(range, sizeof(range), "%zu %d", next < PORT_LAST ? next : PORT_FIRST,
                 PORT_LAST + 1);
        if (enter(stations, stations->fabric) < 0)
                return -1;
        return netns_sysctl(PORT_STATE_KEY, range, stations->err);
}

static int open_fabric(struct stations *stations)
{
        const char *name = lab_netns_fabric(stations->arena, stations->plan->lab);

        stations->fabric = keep(stations, netns_open(name, stations->err));
        if (stations->fabric < 0)
                return -1;
        if (flock(stations->fabric, LOCK_EX) < 0)
                return err_errno(stations->err, "waiting for another prober in this lab");
        if (enter(stations, stations->fabric) < 0)
                return -1;
        stations->first_port = read_first_port();
        return 0;
}

/* Files are many: one socket for each address, port and protocol, and one for each probe under way.
 */
static int raise_limit(struct stations *stations)
{
        const struct lab_plan *plan = stations->plan;
        size_t wanted = plan->ends.n + SPARE_FILES;
        struct rlimit limit;

        vec_foreach (const struct lab_end, end, &plan->ends)
                wanted += end->ips.n * (2 * plan->ports.list.n + 1);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return err_errno(stations->err, "reading the limit on open files");
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur <= wanted)
                return err_set(stations->err,
                               "probing wants more than %zu open files, the limit is %ju; "
                               "`ulimit -Hn` raises it",
                               wanted, (uintmax_t)limit.rlim_cur);
        stations->files_left = limit.rlim_cur - wanted;
        return 0;
}

/* Addresses outside share a namespace, and follow each other. */
static int open_netns(struct stations *stations, size_t at)
{
        const struct lab_end *end = &stations->plan->ends.items[at];

        if (at > 0 && strcmp(end->netns, stations->plan->ends.items[at - 1].netns) == 0)
                return stations->list.items[stations->list.n - 1].netns;
        int netns = keep(stations, netns_open(end->netns, stations->err));
        if (netns < 0)
                return err_wrap(stations->err,
                                "%s is not in lab %s, which was made of other manifests",
                                end->label, stations->plan->lab);
        return netns;
}

static int list_stations(struct stations *stations)
{
        for (size_t i = 0; i < stations->plan->ends.n; i++) {
                int netns = open_netns(stations, i);

                if (netns < 0)
                        return -1;
                vec_foreach (const struct ip, ip, &stations->plan->ends.items[i].ips) {
                        struct station station = {i, *ip, netns, -1, stations->first_port, 0};
                        vec_push(stations->arena, &stations->list, station);
                }
        }
        return 0;
}

static int serve_port(struct stations *stations, const struct station *station,
                      enum protocol protocol, uint16_t port)
{
        enum event_kind kind = protocol == PROTOCOL_TCP ? EVENT_TCP : EVENT_UDP;
        int fd = keep(stations, socket_serve(protocol, &station->ip, port, stations->err));

        if (fd < 0 || stations_watch(stations, fd, kind, (size_t)fd, EPOLLIN) < 0)
                return err_wrap(stations->err, "%s",
                                stations->plan->ends.items[station->end].label);
        return 0;
}

/* Raw sockets for SCTP may be forbidden; the rest is tried all the same. */
static int serve_sctp(struct stations *stations, size_t at)
{
        struct lab_plan *plan = stations->plan;
        struct station *station = &stations->list.items[at];
        struct err why;

        if (!stations->sctp)
                return 0;
        station->sctp = keep(stations, socket_serve(PROTOCOL_SCTP, &station->ip, 0, &why));
        if (station->sctp >= 0)
                return stations_watch(stations, station->sctp, EVENT_SCTP, at, EPOLLIN);
        stations->sctp = false;
        lab_plan_note(plan, "SCTP is not tried: %s", why.text);
        return 0;
}

static int serve(struct stations *stations)
{
        for (size_t i = 0; i < stations->list.n; i++) {
                const struct station *station = &stations->list.items[i];

                if (stations_enter(stations, station) < 0 || serve_sctp(stations, i) < 0)
                        return -1;
                vec_foreach (const uint16_t, port, &stations->plan->ports.list)
                        if (serve_port(stations, station, PROTOCOL_TCP, *port) < 0 ||
                            serve_port(stations, station, PROTOCOL_UDP, *port) < 0)
                                return -1;
        }
        return 0;
}

int stations_open(struct stations *stations, struct arena *arena, struct lab_plan *plan,
                  struct err *err)
{
        *stations = (struct stations){
            .arena = arena,
            .plan = plan,
            .err = err,
            .sctp = true,
            .fabric = -1,
            .inside = -1,
        };
        stations->epoll = keep(stations, epoll_create1(EPOLL_CLOEXEC));
        if (stations->epoll < 0)
                return err_errno(err, "making an event loop");
        if (open_fabric(stations) < 0 || raise_limit(stations) < 0 || list_stations(stations) < 0)
                return -1;
        return serve(stations);
}

int stations_close(struct stations *stations)
{
        int status = stations->fabric >= 0 ? write_first_port(stations) : 0;

        vec_foreach (const int, file, &stations->files)
                close(*file);
        return status;
}

void station_serve_tcp(int listener)
{
        int fd;

        while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                close(fd);
}

void station_serve_udp(int fd)
{
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);
        uint8_t buffer[64];
        ssize_t n;

        while ((n = recvfrom(fd, buffer, sizeof(buffer), 0, (void *)&address, &length)) >= 0) {
                sendto(fd, buffer, (size_t)n, 0, (const void *)&address, length);
                length = sizeof(address);
        }
}
