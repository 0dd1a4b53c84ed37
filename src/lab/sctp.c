#include "lab/sctp.h"

#include <endian.h>
#include <string.h>

/* The checksum must be right: conntrack takes a packet with a wrong one for invalid. */

struct packet_layout {
        uint16_t source_port, destination_port;
        uint32_t verification_tag; /* 0 in an INIT */
        uint32_t checksum;         /* CRC32c, little-endian unlike the rest */
        uint8_t chunk_type, chunk_flags;
        uint16_t chunk_length;
        uint32_t initiate_tag, receiver_window;
        uint16_t outbound_streams, inbound_streams;
        uint32_t first_tsn;
};
_Static_assert(sizeof(struct packet_layout) == SCTP_INIT_SIZE, "as on the wire");

#define CHUNK_INIT        1
#define CHUNK_INIT_LENGTH 20
#define CRC32C_POLYNOMIAL 0x82f63b78u /* Castagnoli's, bits reversed */

uint32_t sctp_crc32c(const uint8_t *bytes, size_t n)
{
        uint32_t crc = UINT32_MAX;

        for (size_t i = 0; i < n; i++) {
                crc ^= bytes[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
        }
        return ~crc;
}

static uint32_t checksum_of(struct packet_layout packet)
{
        packet.checksum = 0;
        return htole32(sctp_crc32c((const uint8_t *)&packet, sizeof(packet)));
}

void sctp_write_init(const struct sctp_init *init, uint8_t ret[static SCTP_INIT_SIZE])
{
        struct packet_layout packet = {
            .source_port = htobe16(init->source_port),
            .destination_port = htobe16(init->destination_port),
            .chunk_type = CHUNK_INIT,
            .chunk_length = htobe16(CHUNK_INIT_LENGTH),
            .initiate_tag = htobe32(init->tag),
            .receiver_window = htobe32(65536),
            .outbound_streams = htobe16(1),
            .inbound_streams = htobe16(1),
            .first_tsn = htobe32(init->tag),
        };

        packet.checksum = checksum_of(packet);
        memcpy(ret, &packet, sizeof(packet));
}

bool sctp_read_init(const uint8_t *bytes, size_t length, struct sctp_init *ret)
{
        struct packet_layout packet;

        if (length != sizeof(packet))
                return false;
        memcpy(&packet, bytes, sizeof(packet));
        if (packet.chunk_type != CHUNK_INIT || packet.checksum != checksum_of(packet))
                return false;
        *ret = (struct sctp_init){
            .source_port = be16toh(packet.source_port),
            .destination_port = be16toh(packet.destination_port),
            .tag = be32toh(packet.initiate_tag),
        };
        return true;
}
