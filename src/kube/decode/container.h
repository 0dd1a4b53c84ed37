#pragma once

#include "kube/decode/field.h"

struct container_ports {
        struct container_port *items;
        size_t n;
};

struct container {
        struct container_ports ports;
        bool restarts; /* restartPolicy: Always, of an init container */
};

/* target is a struct container. */
void decode_container(struct decoder *decoder, const struct field *field, void *target);
