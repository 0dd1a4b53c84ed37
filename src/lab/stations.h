#pragma once

#include "lab/plan.h"

/* Every address of a lab, with the sockets that answer on it and the source ports that are left to
 * it: what probes go from and to. */

struct station {
        size_t end; /* in the plan's ends */
        struct ip ip;
        int netns; /* descriptor */
        int sctp;  /* a raw socket to send by and to see what arrives; -1 where there is none */
        uint16_t next_port;
        size_t ports_used;
};

/* What an event of the loop is about; the number beside it is a station's place for SCTP, a probe's
 * for probes, a descriptor for the rest. */
enum event_kind { EVENT_PROBE, EVENT_TCP, EVENT_UDP, EVENT_SCTP };

struct stations {
        struct arena *arena;
        struct lab_plan *plan;
        struct err *err;
        VEC(struct station) list; /* in the order of the plan's ends */
        VEC(int) files;           /* to be closed */
        bool sctp;         /* false where raw sockets can't be had; the plan's notes say why */
        size_t files_left; /* how many more may be opened */
        int epoll, fabric;
        uint16_t first_port;
        int inside; /* the namespace the thread is in */
};

/* Waits until no other prober is at work in this lab. Also after a failure stations_close() is due.
 * All of it lives in arena. */
int stations_open(struct stations *stations, struct arena *arena, struct lab_plan *plan,
                  struct err *err);
/* Remembers in the lab which source ports were used. */
int stations_close(struct stations *stations);

int stations_enter(struct stations *stations, const struct station *station);
int stations_watch(struct stations *stations, int fd, enum event_kind kind, size_t number,
                   uint32_t events);
/* One that none had before it. */
uint16_t stations_take_port(const struct stations *stations, struct station *station);

/* Answer whoever waits. */
void station_serve_tcp(int listener);
void station_serve_udp(int fd);
