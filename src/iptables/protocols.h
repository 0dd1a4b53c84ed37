#pragma once

#include "base/ip.h"
#include "iptables/span.h"

/* Names as ipset prints them: of protocols as Debian's /etc/protocols has them, and of ICMP types
 * with their codes. (icmp_types.h has
 * iptables' names of types.) NULL where there is none. */
const char *protocol_word(uint8_t protocol);
bool protocol_of_word(struct span word, uint8_t *ret);
/* type << 8 | code */
const char *icmp_word(enum family family, uint16_t type_and_code);
bool icmp_of_word(enum family family, struct span word, uint16_t *ret);

/* What iptables calls protocols: the word that it prints, or NULL where it prints the number. */
const char *iptables_protocol_word(uint32_t protocol);
uint8_t iptables_protocol_of(const char *word); /* in capitals or not; 0 where it is none */
