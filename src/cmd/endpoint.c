#include "cmd/endpoint.h"

#include <string.h>

static void set_ip(struct cluster *cluster, struct endpoint *endpoint, const struct ip *ip)
{
        endpoint->ips.items = arena_copy(cluster->arena, ip, sizeof(*ip));
        endpoint->ips.n = 1;
}

/* A node is known by its object or by the pods that run on it. */
static bool node_is_known(const struct cluster *cluster, const char *name)
{
        if (cluster_node(cluster, name))
                return true;
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (strcmp(pod->node, name) == 0)
                        return true;
        return false;
}

static int resolve_node(struct cluster *cluster, const char *name, struct endpoint *ret,
                        struct err *err)
{
        const struct node *node = cluster_node(cluster, name);

        if (!node_is_known(cluster, name))
                return err_set(err, "node/%s: no Node of that name and no pod on it", name);
        *ret = (struct endpoint){
            .name = arena_printf(cluster->arena, "node/%s", name),
            .node = node,
            .node_name = intern_text(cluster->intern, name),
            .is_node = true,
        };
        if (node) {
                ret->ips.items = node->addresses.items;
                ret->ips.n = node->addresses.n;
        }
        return 0;
}

static int resolve_pod(struct cluster *cluster, const struct pod *pod, struct endpoint *ret,
                       struct err *err)
{
        const char *name =
            arena_printf(cluster->arena, "%s/%s", pod->meta.namespace, pod->meta.name);

        if (pod_finished(pod))
                return err_set(err, "%s: has finished; its address may be another pod's", name);
        if (pod->host_network && *pod->node)
                return resolve_node(cluster, pod->node, ret, err);
        if (pod->host_network)
                return err_set(err, "%s: is of the host's network, and of no node yet", name);
        *ret = (struct endpoint){.name = name, .pod = pod, .node_name = pod->node};
        ret->ips.items = pod->ips.items;
        ret->ips.n = pod->ips.n;
        return 0;
}

static int resolve_ip(struct cluster *cluster, const struct ip *ip, struct endpoint *ret,
                      struct err *err)
{
        const struct pod *pod = cluster_pod_at(cluster, ip);
        const struct node *node = pod ? NULL : cluster_node_at(cluster, ip);
        char text[IP_TEXT_SIZE];

        if (pod && resolve_pod(cluster, pod, ret, err) < 0)
                return -1;
        if (node && resolve_node(cluster, node->meta.name, ret, err) < 0)
                return -1;
        if (!pod && !node)
                *ret = (struct endpoint){
                    .name = arena_strdup(cluster->arena, ip_format(ip, text)),
                    .node_name = "",
                };
        set_ip(cluster, ret, ip);
        return 0;
}

int endpoint_resolve(struct cluster *cluster, const char *word, const char *default_namespace,
                     const struct endpoint *other, struct endpoint *ret, struct err *err)
{
        const char *slash = strchr(word, '/');
        struct ip ip;

        if (ip_parse(word, &ip))
                return resolve_ip(cluster, &ip, ret, err);
        if (strncmp(word, "node/", 5) == 0)
                return resolve_node(cluster, word + 5, ret, err);
        if (strcmp(word, "node") == 0) {
                if (!other || !*other->node_name)
                        return err_set(err, "node: the other side runs on no node; say node/NAME");
                return resolve_node(cluster, other->node_name, ret, err);
        }
        const char *namespace =
            slash ? arena_strndup(cluster->arena, word, (size_t)(slash - word)) : default_namespace;
        const struct pod *pod = cluster_pod(cluster, namespace, slash ? slash + 1 : word);
        if (!pod)
                return err_set(err, "%s: no pod %s in namespace %s", word, slash ? slash + 1 : word,
                               namespace);
        return resolve_pod(cluster, pod, ret, err);
}

const struct ip *endpoint_ip(const struct endpoint *endpoint, enum family family)
{
        return ip_of_family(endpoint->ips.items, endpoint->ips.n, family);
}
