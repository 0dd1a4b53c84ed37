#include "kube/decode/container.h"

#include <string.h>

/* Containers, for their ports alone. */

struct port_target {
        struct container_port *port;
        int32_t number; /* 0 where absent, as in the API */
        bool wrong;     /* the number is none, and that was said */
};

static void decode_port_name(struct decoder *decoder, const struct field *field, void *target)
{
        struct container_port *port = ((struct port_target *)target)->port;

        if (!field_text(decoder, field, &port->name))
                return;
        if (*port->name)
                field_faults(decoder, field, port->name, port_name_faults(port->name));
        else
                port->name = NULL;
}

static void decode_port_number(struct decoder *decoder, const struct field *field, void *target)
{
        struct port_target *port = target;

        port->wrong = !field_int32(decoder, field, &port->number);
}

static void decode_port_protocol(struct decoder *decoder, const struct field *field, void *target)
{
        struct port_target *port = target;

        if (field->value->kind == VALUE_STRING && !*field->value->text)
                return; /* TCP, as where it is absent */
        field_protocol(decoder, field, "\"SCTP\", \"TCP\", \"UDP\"", &port->port->protocol);
}

static const struct member port_members[] = {
    {"name", decode_port_name},
    {"containerPort", decode_port_number},
    {"protocol", decode_port_protocol},
};

static void decode_port(struct decoder *decoder, const struct field *field, void *target)
{
        struct port_target port = {.port = target};
        struct field number = field_member(field, "containerPort");

        port.port->protocol = PROTOCOL_TCP;
        field_object(decoder, field, port_members, &port);
        if (port.wrong)
                return;
        if (port.number == 0)
                field_problem(decoder, &number, "Required value");
        else if (field_port_number(decoder, &number, port.number))
                port.port->port = (uint16_t)port.number;
}

/* Within one container a name is one port, whatever the protocol. */
static void check_port_names(struct decoder *decoder, const struct field *list,
                             const struct container_ports *ports)
{
        struct field item = {.parent = list, .value = list->value->first};
        struct map *names = ports->n > 1 ? map_new(decoder->arena) : NULL;

        for (; names && item.value; item.value = item.value->next, item.index++) {
                const char *port_name = ports->items[item.index].name;
                struct field name = field_member(&item, "name");

                if (port_name && map_get(names, port_name))
                        field_duplicate(decoder, &name);
                else if (port_name)
                        map_put(names, port_name, names);
        }
}

static void decode_ports(struct decoder *decoder, const struct field *field, void *target)
{
        struct container *container = target;

        field_list(decoder, field, &container->ports, decode_port);
        check_port_names(decoder, field, &container->ports);
}

static void decode_restart_policy(struct decoder *decoder, const struct field *field, void *target)
{
        const char *policy = "";

        field_word(decoder, field, &policy);
        ((struct container *)target)->restarts = strcmp(policy, "Always") == 0;
}

static const struct member container_members[] = {
    {"ports", decode_ports},
    {"restartPolicy", decode_restart_policy},
};

void decode_container(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, container_members, target);
}
