#include "verify/simulate.h"

struct sim_packet sim_packet_new(const struct ip *source, const struct ip *destination,
                                 enum protocol protocol, uint16_t port)
{
        const bool icmp = protocol == PROTOCOL_ICMP, v6 = source->family == FAMILY_IPV6;
        const bool ports =
            protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;

        return (struct sim_packet){
            .source = *source,
            .destination = *destination,
            .protocol = icmp && v6 ? PROTOCOL_ICMPV6 : (uint8_t)protocol,
            .source_port = ports ? 40000 : 0,
            .destination_port = port,
            .tcp_flags = protocol == PROTOCOL_TCP ? TCP_SYN : 0,
            .sctp_init = protocol == PROTOCOL_SCTP,
            .icmp_type = icmp ? (v6 ? 128 : 8) : 0,
            .hop_limit = 63,
            .state = CT_NEW,
            .in_interface = "",
            .out_interface = "",
        };
}
