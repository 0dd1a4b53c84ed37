/* What a packet costs on its way through a node, in nanoseconds of processor time.
 *
 * Usage: flood new|established RUNS SLICES PACKETS < plan
 *
 * The plan names lists of flows, then nodes:
 *
 *     flows NAME
 *     flow 10.200.0.1 10.100.0.2 8080
 *     node NAME CLIENT NODE SERVER FLOWS
 *
 * CLIENT, NODE and SERVER are network namespaces of `ip netns`; what CLIENT sends to a flow's
 * destination reaches SERVER through NODE. Prints a line for each measurement:
 *
 *     RUN SLICE NODE nanoseconds-for-each-packet
 *
 * and ends with an error when not every packet arrived: a packet that was dropped cost nothing.
 *
 * veth hands a packet over within the sender's own system call, so that the processor time of this
 * thread is that of the whole road: sender, client, node, server. Softirq work that the kernel
 * puts off to ksoftirqd is added from there. Wall time would count whoever else runs on the
 * machine; this counts only what they do to the caches. All nodes stand ready before the first
 * packet, and are measured in turn in short slices, so that slow drift meets all of them alike.
 *
 *   new          every packet has a source port of its own; the table is emptied after each slice
 *   established  every flow has been answered; packets go round all flows */

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
        BATCH = 64,
        WARM_UP = 512,
        PAYLOAD = 18,
        FIRST_PORT = 1024,
        MAX_NODES = 256,
        MAX_LISTS = 64,
};

struct flow {
        struct in_addr source, destination;
        uint16_t port;
};

struct flow_list {
        char name[64];
        struct flow *items;
        size_t n, capacity;
};

struct node {
        char name[64];
        int client_socket, server_socket; /* raw, header included */
        int server_namespace;
        struct mnl_socket *conntrack;
        const struct flow_list *flows;
        size_t next_flow;
        uint16_t next_port;
};

struct datagram {
        struct iphdr ip;
        struct udphdr udp;
        char payload[PAYLOAD];
} __attribute__((packed));

static struct flow_list lists[MAX_LISTS];
static struct node nodes[MAX_NODES];
static size_t n_lists, n_nodes;

static int open_namespace(const char *name)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "/run/netns/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                err(1, "opening %s", path);
        return fd;
}

static void enter(int namespace)
{
        if (setns(namespace, CLONE_NEWNET) < 0)
                err(1, "entering a network namespace");
}

static int raw_socket(void)
{
        int on = 1, fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

        if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) < 0)
                err(1, "opening a raw socket");
        return fd;
}

/* Takes what arrives, so that nobody answers with ICMP; never read, so that its queue is full. */
static void bind_sink(uint16_t port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
        int size = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                err(1, "binding the server's socket");
}

static void bind_sinks(const struct flow_list *flows)
{
        static bool bound[UINT16_MAX + 1];

        memset(bound, 0, sizeof(bound));
        for (size_t i = 0; i < flows->n; i++)
                if (!bound[flows->items[i].port]) {
                        bind_sink(flows->items[i].port);
                        bound[flows->items[i].port] = true;
                }
}

static struct mnl_socket *conntrack_socket(void)
{
        struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);

        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
                err(1, "opening a netlink socket");
        return socket;
}

static void conntrack_flush(struct mnl_socket *socket)
{
        char buffer[8192];
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);

        header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
        *message = (struct nfgenmsg){.nfgen_family = AF_INET, .version = NFNETLINK_V0};
        if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
                err(1, "emptying the connection table");
        ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
        if (n < 0 ||
            mnl_cb_run(buffer, (size_t)n, 0, mnl_socket_get_portid(socket), NULL, NULL) < 0)
                err(1, "emptying the connection table");
}

/* Packets that all links of the namespace but loopback have received. */
static uint64_t received(int namespace)
{
        struct ifaddrs *links;
        uint64_t n = 0;

        enter(namespace);
        if (getifaddrs(&links) < 0)
                err(1, "reading link counters");
        for (const struct ifaddrs *link = links; link; link = link->ifa_next)
                if (link->ifa_addr && link->ifa_addr->sa_family == AF_PACKET && link->ifa_data &&
                    !(link->ifa_flags & IFF_LOOPBACK))
                        n += ((const struct rtnl_link_stats *)link->ifa_data)->rx_packets;
        freeifaddrs(links);
        return n;
}

static struct flow_list *find_list(const char *name)
{
        for (size_t i = 0; i < n_lists; i++)
                if (strcmp(lists[i].name, name) == 0)
                        return &lists[i];
        errx(1, "no flows named %s", name);
}

static void add_list(const char *name)
{
        if (n_lists == MAX_LISTS)
                errx(1, "more than %d lists of flows", MAX_LISTS);
        snprintf(lists[n_lists++].name, sizeof(lists[0].name), "%s", name);
}

static void add_flow(const char *source, const char *destination, uint16_t port)
{
        struct flow flow = {.port = port};

        if (n_lists == 0 || inet_pton(AF_INET, source, &flow.source) != 1 ||
            inet_pton(AF_INET, destination, &flow.destination) != 1)
                errx(1, "bad flow %s %s", source, destination);
        struct flow_list *list = &lists[n_lists - 1];
        if (list->n == list->capacity) {
                list->capacity = list->capacity ? 2 * list->capacity : 256;
                list->items = reallocarray(list->items, list->capacity, sizeof(*list->items));
                if (!list->items)
                        err(1, "flows");
        }
        list->items[list->n++] = flow;
}

static void add_node(const char *name, char namespaces[3][64], const char *flows)
{
        if (n_nodes == MAX_NODES)
                errx(1, "more than %d nodes", MAX_NODES);
        struct node *node = &nodes[n_nodes++];
        snprintf(node->name, sizeof(node->name), "%s", name);
        node->flows = find_list(flows);
        node->next_port = FIRST_PORT;
        int client = open_namespace(namespaces[0]), own = open_namespace(namespaces[1]);
        node->server_namespace = open_namespace(namespaces[2]);
        enter(client);
        node->client_socket = raw_socket();
        enter(own);
        node->conntrack = conntrack_socket();
        enter(node->server_namespace);
        node->server_socket = raw_socket();
        bind_sinks(node->flows);
        close(client);
        close(own);
}

static void read_plan(void)
{
        char line[512], a[64], b[64], namespaces[3][64];
        unsigned port;

        while (fgets(line, sizeof(line), stdin)) {
                if (sscanf(line, "flows %63s", a) == 1)
                        add_list(a);
                else if (sscanf(line, "flow %63s %63s %u", a, b, &port) == 3)
                        add_flow(a, b, (uint16_t)port);
                else if (sscanf(line, "node %63s %63s %63s %63s %63s", a, namespaces[0],
                                namespaces[1], namespaces[2], b) == 5)
                        add_node(a, namespaces, b);
                else
                        errx(1, "not understood in the plan: %s", line);
        }
}

static void fill(struct datagram *datagram, struct in_addr source, uint16_t source_port,
                 struct in_addr destination, uint16_t destination_port)
{
        *datagram = (struct datagram){
            .ip = {.version = 4,
                   .ihl = sizeof(struct iphdr) / 4,
                   .tot_len = htons(sizeof(*datagram)),
                   .ttl = 64,
                   .protocol = IPPROTO_UDP,
                   .saddr = source.s_addr,
                   .daddr = destination.s_addr},
            .udp = {.source = htons(source_port),
                    .dest = htons(destination_port),
                    .len = htons(sizeof(*datagram) - sizeof(struct iphdr))},
        };
}

/* The node's next n datagrams, in one system call. */
static void send_batch(struct node *node, bool established, size_t n)
{
        static struct datagram datagrams[BATCH];
        static struct sockaddr_in addresses[BATCH];
        static struct iovec vectors[BATCH];
        static struct mmsghdr messages[BATCH];

        for (size_t i = 0; i < n; i++) {
                const struct flow *flow = &node->flows->items[node->next_flow];
                if (++node->next_flow == node->flows->n)
                        node->next_flow = 0;
                fill(&datagrams[i], flow->source, node->next_port, flow->destination, flow->port);
                if (!established && ++node->next_port == 0)
                        node->next_port = FIRST_PORT;
                addresses[i] =
                    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = flow->destination};
                vectors[i] = (struct iovec){&datagrams[i], sizeof(datagrams[i])};
                messages[i].msg_hdr = (struct msghdr){.msg_name = &addresses[i],
                                                      .msg_namelen = sizeof(addresses[i]),
                                                      .msg_iov = &vectors[i],
                                                      .msg_iovlen = 1};
        }
        for (size_t sent = 0; sent < n;) {
                int r = sendmmsg(node->client_socket, messages + sent, (unsigned)(n - sent), 0);
                if (r < 0)
                        err(1, "%s: sending", node->name);
                sent += (size_t)r;
        }
}

static void send_many(struct node *node, bool established, size_t n)
{
        for (size_t i = 0; i < n; i += BATCH)
                send_batch(node, established, n - i < BATCH ? n - i : BATCH);
}

/* One packet there and one back for each flow: conntrack has seen both ends. */
static void establish(struct node *node)
{
        node->next_flow = 0;
        node->next_port = FIRST_PORT;
        send_many(node, true, node->flows->n);
        for (size_t i = 0; i < node->flows->n; i++) {
                const struct flow *flow = &node->flows->items[i];
                struct datagram reply;
                struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = flow->source};
                fill(&reply, flow->destination, flow->port, flow->source, FIRST_PORT);
                if (sendto(node->server_socket, &reply, sizeof(reply), 0, (struct sockaddr *)&to,
                           sizeof(to)) < 0)
                        err(1, "%s: answering", node->name);
        }
}

static uint64_t thread_time(void)
{
        struct timespec now;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ksoftirqd of this processor; -1 where it cannot be found. */
static int softirq_times(int processor)
{
        char name[64], wanted[64], path[64];

        snprintf(wanted, sizeof(wanted), "ksoftirqd/%d\n", processor);
        for (int pid = 1; pid < 1000; pid++) {
                snprintf(path, sizeof(path), "/proc/%d/comm", pid);
                FILE *file = fopen(path, "re");
                bool found = file && fgets(name, sizeof(name), file) && strcmp(name, wanted) == 0;
                if (file)
                        fclose(file);
                snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
                if (found)
                        return open(path, O_RDONLY | O_CLOEXEC);
        }
        return -1;
}

static uint64_t softirq_time(int times)
{
        char text[128] = "";

        if (times < 0 || pread(times, text, sizeof(text) - 1, 0) < 0)
                return 0;
        return strtoull(text, NULL, 10);
}

static double measure(struct node *node, bool established, size_t packets, int times)
{
        if (established)
                establish(node);
        send_many(node, established, WARM_UP);
        uint64_t arrived = received(node->server_namespace);
        uint64_t softirq = softirq_time(times), start = thread_time();
        send_many(node, established, packets);
        uint64_t spent = thread_time() - start + softirq_time(times) - softirq;
        arrived = received(node->server_namespace) - arrived;
        conntrack_flush(node->conntrack);
        if (arrived < packets)
                errx(1, "%s: only %" PRIu64 " of %zu packets arrived", node->name, arrived,
                     packets);
        return (double)spent / (double)packets;
}

/* Stays on the processor it is on. */
static int stay(void)
{
        int processor = sched_getcpu();
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(processor, &set);
        if (sched_setaffinity(0, sizeof(set), &set) < 0)
                err(1, "staying on one processor");
        return processor;
}

int main(int argc, char **argv)
{
        if (argc != 5)
                errx(2, "usage: flood new|established RUNS SLICES PACKETS < plan");
        bool established = strcmp(argv[1], "established") == 0;
        unsigned long runs = strtoul(argv[2], NULL, 10), slices = strtoul(argv[3], NULL, 10);
        size_t packets = strtoul(argv[4], NULL, 10);

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* namespaces end with their last process */
        read_plan();
        int times = softirq_times(stay());
        for (unsigned long run = 0; run < runs; run++)
                for (unsigned long slice = 0; slice < slices; slice++)
                        for (size_t i = 0; i < n_nodes; i++) {
                                double cost = measure(&nodes[i], established, packets, times);
                                printf("%lu %lu %s %.1f\n", run, slice, nodes[i].name, cost);
                                fflush(stdout);
                        }
        return 0;
}
