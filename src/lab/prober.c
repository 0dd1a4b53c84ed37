#include "lab/prober.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lab/netns.h"
#include "lab/sctp.h"
#include "lab/sockets.h"

/* Probes are started in order and time out in order, so the oldest that is not done is all that has
 * to be watched. Silence counts only once the loop has found nothing more to read, and the kernel's
 * queues, which hold 1000 packets before they lose some, are let run empty on the way: a busy
 * machine makes a run longer, not wrong. */

#define WINDOW         16000 /* probes under way at most */
#define BURST          32    /* started before answers are looked for */
#define PAUSE_EVERY    256   /* probes, until nothing has come for a millisecond */
#define EVENTS         256
#define SPARE_FILES    64
#define PORT_FIRST     10000 /* source ports lie below those that the kernel hands out (32768…) */
#define PORT_LAST      32767
#define PORT_STATE_KEY "ipv4/ip_local_port_range"

/* An address of an end. */
struct site {
        size_t end;
        struct ip ip;
        int netns; /* descriptor */
        int sctp;  /* -1 where there is no such socket */
        uint16_t next_port;
        size_t ports_used;
};

enum event_kind { EVENT_PROBE, EVENT_TCP, EVENT_UDP, EVENT_SCTP };

struct prober {
        struct arena *arena;
        struct lab_plan *plan;
        const struct prober_options *options;
        struct err *err;
        struct probes *probes;
        VEC(struct site) sites;
        VEC(int) files; /* of namespaces and servers, to be closed */
        bool sctp;
        int epoll;
        int inside; /* the namespace the thread is in */
        size_t window, in_flight, next, oldest, done;
        size_t pause_at; /* no probe from this one on is started before a pause */
};

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int enter(struct prober *prober, int netns)
{
        if (prober->inside == netns)
                return 0;
        prober->inside = netns;
        return netns_enter(netns, prober->err);
}

/* Closed when the prober is. */
static int keep(struct prober *prober, int fd)
{
        if (fd >= 0)
                vec_push(prober->arena, &prober->files, fd);
        return fd;
}

static int watch(struct prober *prober, int fd, enum event_kind kind, size_t index, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.u64 = (uint64_t)kind << 56 | index};

        if (epoll_ctl(prober->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                return err_errno(prober->err, "watching a socket");
        return 0;
}

/* Sites: every address of every end, with its servers. */

static int open_netns(struct prober *prober, size_t at)
{
        const struct lab_end *end = &prober->plan->ends.items[at];

        if (at > 0 && strcmp(end->netns, prober->plan->ends.items[at - 1].netns) == 0)
                return prober->sites.items[prober->sites.n - 1].netns;
        int netns = keep(prober, netns_open(end->netns, prober->err));
        if (netns < 0)
                return err_wrap(prober->err,
                                "%s is not in lab %s, which was made of other manifests",
                                end->label, prober->plan->lab);
        return netns;
}

static int add_sites(struct prober *prober, uint16_t first_port)
{
        for (size_t i = 0; i < prober->plan->ends.n; i++) {
                const struct lab_end *end = &prober->plan->ends.items[i];
                int netns = open_netns(prober, i);

                if (netns < 0)
                        return -1;
                vec_foreach (const struct ip, ip, &end->ips) {
                        struct site site = {i, *ip, netns, -1, first_port, 0};
                        vec_push(prober->arena, &prober->sites, site);
                }
        }
        return 0;
}

static int serve_port(struct prober *prober, const struct site *site, enum protocol protocol,
                      uint16_t port)
{
        int fd = keep(prober, socket_serve(protocol, &site->ip, port, prober->err));

        if (fd < 0 ||
            watch(prober, fd, protocol == PROTOCOL_TCP ? EVENT_TCP : EVENT_UDP, fd, EPOLLIN) < 0)
                return err_wrap(prober->err, "%s", prober->plan->ends.items[site->end].label);
        return 0;
}

/* Raw sockets for SCTP may be forbidden; the rest is tried all the same. */
static int serve_sctp(struct prober *prober, size_t at)
{
        struct site *site = &prober->sites.items[at];
        struct err why;

        if (!prober->sctp)
                return 0;
        site->sctp = keep(prober, socket_serve(PROTOCOL_SCTP, &site->ip, 0, &why));
        if (site->sctp >= 0)
                return watch(prober, site->sctp, EVENT_SCTP, at, EPOLLIN);
        prober->sctp = false;
        vec_push(prober->plan->arena, &prober->plan->notes,
                 arena_printf(prober->plan->arena, "SCTP is not tried: %s", why.text));
        return 0;
}

static int serve(struct prober *prober)
{
        for (size_t i = 0; i < prober->sites.n; i++) {
                const struct site *site = &prober->sites.items[i];

                if (enter(prober, site->netns) < 0 || serve_sctp(prober, i) < 0)
                        return -1;
                vec_foreach (const uint16_t, port, &prober->plan->ports.list)
                        if (serve_port(prober, site, PROTOCOL_TCP, *port) < 0 ||
                            serve_port(prober, site, PROTOCOL_UDP, *port) < 0)
                                return -1;
        }
        return 0;
}

static void finish(struct prober *prober, struct probe *probe, bool passed, const char *reason)
{
        if (probe->fd >= 0)
                socket_drop(probe->fd);
        probe->fd = -1;
        probe->done = true;
        probe->passed = passed;
        probe->reason = reason;
        prober->probes->n_differences += passed != probe->expected;
        prober->in_flight--;
        prober->done++;
}

/* In words where the kernel's are misleading: these come from a rule that rejects. */
static const char *reason_of(int error)
{
        if (error == ECONNREFUSED)
                return "refused";
        if (error == EHOSTUNREACH || error == EACCES)
                return "rejected";
        return strerrordesc_np(error);
}

static uint16_t take_port(struct site *site)
{
        uint16_t port = site->next_port;

        site->next_port = port == PORT_LAST ? PORT_FIRST : (uint16_t)(port + 1);
        site->ports_used++;
        return port;
}

static int start_sctp(struct prober *prober, struct site *site, struct probe *probe, size_t index)
{
        struct sctp_init init = {take_port(site), probe->port, (uint32_t)index + 1};
        uint8_t packet[SCTP_INIT_SIZE];
        struct sockaddr_storage address;
        socklen_t length = socket_address(&probe->destination, 0, &address);

        probe->source_port = init.source_port;
        sctp_write_init(&init, packet);
        if (sendto(site->sctp, packet, sizeof(packet), 0, (const void *)&address, length) < 0)
                finish(prober, probe, false, reason_of(errno));
        return 0;
}

/* A port that a server of ours or somebody else's holds is passed over. */
static int open_client(struct prober *prober, struct site *site, struct probe *probe)
{
        for (unsigned i = PORT_FIRST; i <= PORT_LAST; i++) {
                probe->source_port = take_port(site);
                probe->fd =
                    socket_client(probe->protocol, &site->ip, probe->source_port, prober->err);
                if (probe->fd >= 0)
                        return 0;
                if (errno != EADDRINUSE)
                        break;
        }
        return err_wrap(prober->err, "%s", prober->plan->ends.items[site->end].label);
}

static int start_client(struct prober *prober, struct site *site, struct probe *probe, size_t index)
{
        if (open_client(prober, site, probe) < 0)
                return -1;
        int error =
            socket_send(probe->fd, probe->protocol, &probe->destination, probe->port, index);
        if (error) {
                finish(prober, probe, false, reason_of(error));
                return 0;
        }
        return watch(prober, probe->fd, EVENT_PROBE, index,
                     probe->protocol == PROTOCOL_TCP ? EPOLLOUT : EPOLLIN);
}

static struct site *site_of(struct prober *prober, const struct probe *probe)
{
        vec_foreach (struct site, site, &prober->sites)
                if (site->end == probe->from && ip_equal(&site->ip, &probe->source))
                        return site;
        return NULL;
}

static int start_next(struct prober *prober, struct site **site)
{
        size_t index = prober->next++;
        struct probe *probe = &prober->probes->list.items[index];

        if (!*site || (*site)->end != probe->from || !ip_equal(&(*site)->ip, &probe->source))
                *site = site_of(prober, probe);
        if (enter(prober, (*site)->netns) < 0)
                return -1;
        prober->in_flight++;
        probe->deadline = now_ms() + prober->options->timeout_ms;
        return probe->protocol == PROTOCOL_SCTP ? start_sctp(prober, *site, probe, index)
                                                : start_client(prober, *site, probe, index);
}

/* Events. */

static void serve_tcp(int listener)
{
        int fd;

        while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                close(fd);
}

static void serve_udp(int fd)
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

static void read_sctp_packet(struct prober *prober, const struct site *site, const uint8_t *packet,
                             size_t n, const struct ip *source)
{
        struct sctp_init init;

        if (!sctp_read_init(packet, n, &init) || init.tag == 0 || init.tag > prober->probes->list.n)
                return;
        struct probe *probe = &prober->probes->list.items[init.tag - 1];
        if (!probe->done && probe->protocol == PROTOCOL_SCTP &&
            probe->source_port == init.source_port && probe->port == init.destination_port &&
            ip_equal(&probe->source, source) && ip_equal(&probe->destination, &site->ip))
                finish(prober, probe, true, "");
}

/* IPv4 raw sockets show the IP header, IPv6 ones do not. */
static void read_sctp(struct prober *prober, size_t at)
{
        const struct site *site = &prober->sites.items[at];
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);
        uint8_t buffer[256];
        ssize_t n;

        while ((n = recvfrom(site->sctp, buffer, sizeof(buffer), 0, (void *)&address, &length)) >
               0) {
                struct ip source = socket_address_ip(&address);
                size_t header = site->ip.family == FAMILY_IPV4 ? (buffer[0] & 0x0fu) * 4u : 0;

                if ((size_t)n > header)
                        read_sctp_packet(prober, site, buffer + header, (size_t)n - header,
                                         &source);
                length = sizeof(address);
        }
}

static void read_probe(struct prober *prober, size_t index)
{
        struct probe *probe = &prober->probes->list.items[index];

        if (probe->done)
                return;
        int error = socket_result(probe->fd, probe->protocol, index);
        if (error == EAGAIN)
                return;
        finish(prober, probe, error == 0, error ? reason_of(error) : "");
}

/* How many events there were, -1 on failure. */
static int pump(struct prober *prober, int timeout_ms)
{
        struct epoll_event events[EVENTS];
        int n = epoll_wait(prober->epoll, events, EVENTS, timeout_ms);

        if (n < 0)
                return errno == EINTR ? 1 : err_errno(prober->err, "waiting for packets");
        for (int i = 0; i < n; i++) {
                size_t index = events[i].data.u64 & UINT64_MAX >> 8;

                switch ((enum event_kind)(events[i].data.u64 >> 56)) {
                case EVENT_PROBE:
                        read_probe(prober, index);
                        break;
                case EVENT_TCP:
                        serve_tcp((int)index);
                        break;
                case EVENT_UDP:
                        serve_udp((int)index);
                        break;
                case EVENT_SCTP:
                        read_sctp(prober, index);
                        break;
                }
        }
        return n;
}

static struct probe *oldest(struct prober *prober)
{
        struct probe *probes = prober->probes->list.items;

        while (prober->oldest < prober->next && probes[prober->oldest].done)
                prober->oldest++;
        return prober->oldest < prober->next ? &probes[prober->oldest] : NULL;
}

static void expire(struct prober *prober)
{
        int64_t now = now_ms();

        for (struct probe *probe; (probe = oldest(prober)) && probe->deadline <= now;)
                finish(prober, probe, false, "no answer");
}

static bool may_start(const struct prober *prober)
{
        return prober->next < prober->probes->list.n && prober->in_flight < prober->window;
}

static int start_burst(struct prober *prober, struct site **site)
{
        for (unsigned i = 0; i < BURST && may_start(prober) && prober->next < prober->pause_at; i++)
                if (start_next(prober, site) < 0)
                        return -1;
        return 0;
}

static int wait_ms(struct prober *prober)
{
        const struct probe *probe = oldest(prober);

        if (may_start(prober))
                return prober->next < prober->pause_at ? 0 : 1;
        int64_t left = probe ? probe->deadline - now_ms() : 0;
        return left > 0 ? (int)left : 0;
}

static int loop(struct prober *prober)
{
        const struct lab_progress *progress = &prober->options->progress;
        struct site *site = NULL;

        prober->pause_at = PAUSE_EVERY;
        while (prober->done < prober->probes->list.n) {
                if (start_burst(prober, &site) < 0)
                        return -1;
                int wait = wait_ms(prober), n = pump(prober, wait);
                if (n < 0)
                        return -1;
                if (n == 0)
                        expire(prober);
                if (n == 0 && wait > 0)
                        prober->pause_at = prober->next + PAUSE_EVERY;
                if (progress->report)
                        progress->report(prober->done, prober->probes->list.n, progress->data);
        }
        return 0;
}

/* The source ports of earlier runs must not come again while conntrack may remember them. Where the
 * next run begins is kept in the lab itself, and goes with it: the fabric, which opens no
 * connections, has a range of local ports nobody uses. */

static uint16_t read_first_port(void)
{
        unsigned first = PORT_FIRST, last;
        FILE *file = fopen("/proc/sys/net/" PORT_STATE_KEY, "re");

        if (file && fscanf(file, "%u %u", &first, &last) != 2)
                first = PORT_FIRST;
        if (file)
                fclose(file);
        return first >= PORT_FIRST && first < PORT_LAST ? (uint16_t)first : PORT_FIRST;
}

static int write_first_port(struct prober *prober, int fabric, uint16_t first)
{
        size_t used = 0;
        char range[32];

        vec_foreach (const struct site, site, &prober->sites)
                if (site->ports_used > used)
                        used = site->ports_used;
        size_t next = first + used + 1;
        snprintf(range, sizeof(range), "%zu %d", next < PORT_LAST ? next : PORT_FIRST,
                 PORT_LAST + 1);
        if (enter(prober, fabric) < 0)
                return -1;
        return netns_sysctl(PORT_STATE_KEY, range, prober->err);
}

static int open_fabric(struct prober *prober)
{
        const char *name = lab_netns_fabric(prober->arena, prober->plan->lab);
        int fabric = keep(prober, netns_open(name, prober->err));

        if (fabric < 0)
                return -1;
        if (flock(fabric, LOCK_EX) < 0)
                return err_errno(prober->err, "waiting for another prober in this lab");
        return enter(prober, fabric) < 0 ? -1 : fabric;
}

/* Sockets are many: one for each address, port and protocol, and one for each probe under way. */
static int raise_limit(struct prober *prober)
{
        struct rlimit limit;
        size_t servers = 0;

        for (size_t i = 0; i < prober->plan->ends.n; i++)
                servers += prober->plan->ends.items[i].ips.n * (2 * prober->plan->ports.list.n + 1);
        servers += prober->plan->ends.n + SPARE_FILES;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return err_errno(prober->err, "reading the limit on open files");
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur <= servers + BURST)
                return err_set(
                    prober->err,
                    "probing wants %zu open files, the limit is %ju; ulimit -n raises it",
                    servers + BURST, (uintmax_t)limit.rlim_cur);
        size_t left = limit.rlim_cur - servers;
        prober->window = left < WINDOW ? left : WINDOW;
        return 0;
}

static int probe_all(struct prober *prober)
{
        prober->epoll = keep(prober, epoll_create1(EPOLL_CLOEXEC));
        if (prober->epoll < 0)
                return err_errno(prober->err, "making an event loop");
        int fabric = open_fabric(prober);
        if (fabric < 0)
                return -1;
        uint16_t first = read_first_port();
        if (raise_limit(prober) < 0 || add_sites(prober, first) < 0 || serve(prober) < 0)
                return -1;
        prober->probes = probes_list(prober->plan, &prober->options->policy, prober->sctp);
        int status = loop(prober);
        /* Also after a failure: what was sent was sent. */
        struct err kept = *prober->err;
        if (write_first_port(prober, fabric, first) < 0)
                return -1;
        *prober->err = kept;
        return status;
}

static void close_all(struct prober *prober)
{
        for (size_t i = 0; prober->probes && i < prober->probes->list.n; i++)
                if (prober->probes->list.items[i].fd >= 0)
                        socket_drop(prober->probes->list.items[i].fd);
        vec_foreach (const int, file, &prober->files)
                close(*file);
}

struct probes *prober_run(struct lab_plan *plan, const struct prober_options *options,
                          struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct prober prober = {
            .arena = arena,
            .plan = plan,
            .options = options,
            .err = err,
            .sctp = true,
            .inside = -1,
        };
        struct err ignored;
        int here = netns_current(err);

        if (here < 0)
                return NULL;
        int status = probe_all(&prober);
        netns_enter(here, &ignored);
        close(here);
        close_all(&prober);
        return status < 0 ? NULL : prober.probes;
}
