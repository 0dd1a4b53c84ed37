#include "lab/prober.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "lab/netns.h"
#include "lab/sctp.h"
#include "lab/sockets.h"
#include "lab/stations.h"

/* Probes are started in order and time out in order, so the oldest that is not done is all that has
 * to be watched. Silence counts only once the loop has found nothing more to read, and the kernel's
 * queues, which hold 1000 packets before they lose some, are let run empty on the way: a busy
 * machine makes a run longer, not wrong. */

#define WINDOW      16000 /* probes under way at most */
#define BURST       32    /* started before answers are looked for */
#define PAUSE_EVERY 256   /* probes, until nothing has come for a millisecond */
#define EVENTS      256
#define TAKEN_MAX   20000 /* ports passed over */

struct prober {
        const struct prober_options *options;
        struct err *err;
        struct stations stations;
        struct probes *probes;
        size_t window, in_flight, next, oldest, done;
        size_t pause_at; /* no probe from this one on is started before a pause */
};

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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

static int start_sctp(struct prober *prober, struct station *station, struct probe *probe,
                      size_t index)
{
        struct sctp_init init = {stations_take_port(&prober->stations, station), probe->port,
                                 (uint32_t)index + 1};
        uint8_t packet[SCTP_INIT_SIZE];
        struct sockaddr_storage address;
        socklen_t length = socket_address(&probe->destination, 0, &address);

        probe->source_port = init.source_port;
        sctp_write_init(&init, packet);
        if (sendto(station->sctp, packet, sizeof(packet), 0, (const void *)&address, length) < 0)
                finish(prober, probe, false, reason_of(errno));
        return 0;
}

/* A port that somebody's server holds is passed over. */
static int open_client(struct prober *prober, struct station *station, struct probe *probe)
{
        for (unsigned i = 0; i < TAKEN_MAX; i++) {
                probe->source_port = stations_take_port(&prober->stations, station);
                probe->fd =
                    socket_client(probe->protocol, &station->ip, probe->source_port, prober->err);
                if (probe->fd >= 0)
                        return 0;
                if (errno != EADDRINUSE)
                        break;
        }
        return err_wrap(prober->err, "%s", prober->stations.plan->ends.items[station->end].label);
}

static int start_client(struct prober *prober, struct station *station, struct probe *probe,
                        size_t index)
{
        if (open_client(prober, station, probe) < 0)
                return -1;
        int error =
            socket_send(probe->fd, probe->protocol, &probe->destination, probe->port, index);
        if (error) {
                finish(prober, probe, false, reason_of(error));
                return 0;
        }
        return stations_watch(&prober->stations, probe->fd, EVENT_PROBE, index,
                              probe->protocol == PROTOCOL_TCP ? EPOLLOUT : EPOLLIN);
}

static struct station *station_of(struct prober *prober, const struct probe *probe)
{
        vec_foreach (struct station, station, &prober->stations.list)
                if (station->end == probe->from && ip_equal(&station->ip, &probe->source))
                        return station;
        return NULL;
}

static int start_next(struct prober *prober, struct station **station)
{
        size_t index = prober->next++;
        struct probe *probe = &prober->probes->list.items[index];

        if (!*station || (*station)->end != probe->from ||
            !ip_equal(&(*station)->ip, &probe->source))
                *station = station_of(prober, probe);
        if (stations_enter(&prober->stations, *station) < 0)
                return -1;
        prober->in_flight++;
        probe->deadline = now_ms() + prober->options->timeout_ms;
        return probe->protocol == PROTOCOL_SCTP ? start_sctp(prober, *station, probe, index)
                                                : start_client(prober, *station, probe, index);
}

/* Events. */

static void read_sctp_packet(struct prober *prober, const struct station *station,
                             const uint8_t *packet, size_t n, const struct ip *source)
{
        struct sctp_init init;

        if (!sctp_read_init(packet, n, &init) || init.tag == 0 || init.tag > prober->probes->list.n)
                return;
        struct probe *probe = &prober->probes->list.items[init.tag - 1];
        if (!probe->done && probe->protocol == PROTOCOL_SCTP &&
            probe->source_port == init.source_port && probe->port == init.destination_port &&
            ip_equal(&probe->source, source) && ip_equal(&probe->destination, &station->ip))
                finish(prober, probe, true, "");
}

/* IPv4 raw sockets show the IP header, IPv6 ones do not. */
static void read_sctp(struct prober *prober, size_t at)
{
        const struct station *station = &prober->stations.list.items[at];
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);
        uint8_t buffer[256];
        ssize_t n;

        while ((n = recvfrom(station->sctp, buffer, sizeof(buffer), 0, (void *)&address, &length)) >
               0) {
                struct ip source = socket_address_ip((const void *)&address);
                size_t header = station->ip.family == FAMILY_IPV4 ? (buffer[0] & 0x0fu) * 4u : 0;

                if ((size_t)n > header)
                        read_sctp_packet(prober, station, buffer + header, (size_t)n - header,
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
        int n = epoll_wait(prober->stations.epoll, events, EVENTS, timeout_ms);

        if (n < 0)
                return errno == EINTR ? 1 : err_errno(prober->err, "waiting for packets");
        for (int i = 0; i < n; i++) {
                size_t index = events[i].data.u64 & UINT64_MAX >> 8;

                switch ((enum event_kind)(events[i].data.u64 >> 56)) {
                case EVENT_PROBE:
                        read_probe(prober, index);
                        break;
                case EVENT_TCP:
                        station_serve_tcp((int)index);
                        break;
                case EVENT_UDP:
                        station_serve_udp((int)index);
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

static int start_burst(struct prober *prober, struct station **station)
{
        for (unsigned i = 0; i < BURST && may_start(prober) && prober->next < prober->pause_at; i++)
                if (start_next(prober, station) < 0)
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
        struct station *station = NULL;

        prober->pause_at = PAUSE_EVERY;
        while (prober->done < prober->probes->list.n) {
                if (start_burst(prober, &station) < 0)
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

static int probe_all(struct prober *prober, struct lab_plan *plan)
{
        size_t left = prober->stations.files_left;

        prober->window = left < WINDOW ? left : WINDOW;
        prober->probes = probes_list(plan, &prober->options->policy, prober->stations.sctp);
        int status = loop(prober);
        vec_foreach (struct probe, probe, &prober->probes->list)
                if (probe->fd >= 0) /* after a failure */
                        socket_drop(probe->fd);
        return status;
}

struct probes *prober_run(struct lab_plan *plan, const struct prober_options *options,
                          struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct prober prober = {.options = options, .err = err};
        struct err first;
        int here = netns_current(err);

        if (here < 0)
                return NULL;
        int status = stations_open(&prober.stations, arena, plan, err);
        if (status == 0)
                status = probe_all(&prober, plan);
        first = *err;
        if (stations_close(&prober.stations) < 0 && status == 0)
                status = -1;
        else
                *err = first;
        netns_return(here);
        return status < 0 ? NULL : prober.probes;
}
