#include "verify/links.h"

static const struct interfaces_told_apart *links_at(const struct space *space, enum axis axis)
{
        return &space->cases.interfaces[axis];
}

static bool has_link(enum sim_hook hook, enum axis axis)
{
        return axis == AXIS_SOURCE ? hook != HOOK_OUTPUT && hook != HOOK_POSTROUTING
                                   : hook != HOOK_PREROUTING && hook != HOOK_INPUT;
}

void links_of_pod(struct space *space, struct place_of_pod *pod)
{
        pod->link = space->options->link_of(&pod->subject->ip, space->options->link_data);
        if (!pod->link)
                return;
        for (enum axis axis = AXIS_SOURCE; axis <= AXIS_DESTINATION; axis++) {
                const struct interfaces_told_apart *links = links_at(space, axis);
                bits_word *alike = bits_new(space->arena, links->n);
                for (size_t i = 0; i < links->n; i++)
                        if (interfaces_alike(links, links->items[i], pod->link))
                                bits_set(alike, i);
                pod->links[axis] = alike;
        }
}

/* Where a packet has no link, no rule's name is it: like that which none names. */
static bool may_have(const struct space *space, enum sim_hook hook, enum axis axis, size_t class,
                     size_t link)
{
        const struct place_of_pod *pod = space_pod(space, class);

        if (!has_link(hook, axis))
                return link == links_at(space, axis)->n - 1;
        return !pod || !pod->links[axis] || bits_get(pod->links[axis], link);
}

static bool is_pair(const struct space *space, const bits_word *pairs, enum axis axis, size_t link,
                    size_t other)
{
        size_t width = links_at(space, AXIS_DESTINATION)->n;

        return bits_get(pairs, axis == AXIS_SOURCE ? link * width + other : other * width + link);
}

bool links_left(const struct space *space, enum sim_hook hook,
                const struct packet_case *packet_case, enum axis axis, size_t fixed_class,
                bits_word *ret)
{
        enum axis fixed = axis == AXIS_SOURCE ? AXIS_DESTINATION : AXIS_SOURCE;
        size_t n = links_at(space, axis)->n, n_fixed = links_at(space, fixed)->n;
        bool any = false;

        for (size_t i = 0; i < bits_words(n); i++)
                ret[i] = 0;
        for (size_t k = 0; k < n_fixed; k++) {
                if (!may_have(space, hook, fixed, fixed_class, k))
                        continue;
                for (size_t i = 0; i < n; i++)
                        if (is_pair(space, packet_case->links, axis, i, k) &&
                            may_have(space, hook, axis, SIZE_MAX, i)) {
                                bits_set(ret, i);
                                any = true;
                        }
        }
        return any;
}

bool links_fit(const struct space *space, enum sim_hook hook, enum axis axis, size_t class,
               const bits_word *left)
{
        size_t n = links_at(space, axis)->n;

        for (size_t i = bits_first(left, n); i < n; i = bits_next(left, i + 1, n))
                if (may_have(space, hook, axis, class, i))
                        return true;
        return false;
}

static const char *name_of(const struct space *space, enum sim_hook hook, enum axis axis,
                           size_t class, size_t link)
{
        const struct place_of_pod *pod = space_pod(space, class);

        if (!has_link(hook, axis))
                return "";
        return pod && pod->link ? pod->link : links_at(space, axis)->items[link];
}

void links_choose(const struct space *space, enum sim_hook hook, const bits_word *pairs,
                  const size_t classes[AXES], struct sim_packet *packet)
{
        size_t source = classes[AXIS_SOURCE], destination = classes[AXIS_DESTINATION];

        for (size_t i = links_at(space, AXIS_SOURCE)->n; i-- > 0;)
                for (size_t k = links_at(space, AXIS_DESTINATION)->n; k-- > 0;)
                        if (is_pair(space, pairs, AXIS_SOURCE, i, k) &&
                            may_have(space, hook, AXIS_SOURCE, source, i) &&
                            may_have(space, hook, AXIS_DESTINATION, destination, k)) {
                                packet->in_interface = name_of(space, hook, AXIS_SOURCE, source, i);
                                packet->out_interface =
                                    name_of(space, hook, AXIS_DESTINATION, destination, k);
                                return;
                        }
}
