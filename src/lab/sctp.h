#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first packet of an SCTP association (RFC 9260), which is all that a verdict needs: the kernel
 * may have no SCTP of its own. */

#define SCTP_INIT_SIZE 32

struct sctp_init {
        uint16_t source_port, destination_port;
        uint32_t tag; /* chosen by the sender, not 0 */
};

void sctp_write_init(const struct sctp_init *init, uint8_t ret[static SCTP_INIT_SIZE]);
/* False where it is no INIT, or its checksum is wrong. */
bool sctp_read_init(const uint8_t *packet, size_t length, struct sctp_init *ret);
uint32_t sctp_crc32c(const uint8_t *bytes, size_t n);
