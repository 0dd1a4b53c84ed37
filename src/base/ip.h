#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses, prefixes, protocols and ports: the words that Kubernetes and netfilter share. */

enum family { FAMILY_IPV4, FAMILY_IPV6 };
#define FAMILIES 2

/* Unused bytes of an IPv4 address are zero, so that equal addresses are equal bytes. */
struct ip {
        uint8_t family; /* enum family */
        uint8_t bytes[16];
};

/* Host bits are always zero. */
struct prefix {
        struct ip ip;
        uint8_t length; /* 0 to 32 or 128 */
};

#define IP_TEXT_SIZE     46
#define PREFIX_TEXT_SIZE 50

unsigned family_bits(enum family family);    /* 32, 128 */
const char *family_name(enum family family); /* "IPv4", "IPv6" */

/* Strict: four decimal parts without leading zeros, or RFC 4291 text; no zone. IPv4-mapped IPv6
 * (::ffff:10.0.0.1) becomes the IPv4 address, as in Go's net package. False where it is neither. */
bool ip_parse(const char *text, struct ip *ret);
/* As Kubernetes' ParseIPSloppy: leading zeros in IPv4 parts are decimal ("010.0.0.1" is 10.0.0.1).
 */
bool ip_parse_sloppy(const char *text, struct ip *ret);
/* As RFC 5952 has it; returns text. */
const char *ip_format(const struct ip *ip, char text[static IP_TEXT_SIZE]);
int ip_compare(const struct ip *a, const struct ip *b); /* family, then number */
int ip_compare_items(const void *a, const void *b);     /* the same, for sorting */
bool ip_equal(const struct ip *a, const struct ip *b);
/* The first of that family in a list; NULL where there is none. */
const struct ip *ip_of_family(const struct ip *ips, size_t n, enum family family);

/* "10.0.0.1/8" becomes 10.0.0.0/8; *ret_host_bits (may be NULL) says whether bits were cut. */
bool prefix_parse(const char *text, struct prefix *ret, bool *ret_host_bits);
bool prefix_parse_sloppy(const char *text, struct prefix *ret, bool *ret_host_bits);
struct prefix prefix_of(const struct ip *ip, uint8_t length); /* cuts host bits */
struct prefix prefix_host(const struct ip *ip);               /* /32, /128 */
const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_SIZE]);
/* By family, number, then length: a prefix sorts before what it contains. */
int prefix_compare(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
bool prefix_contains(const struct prefix *prefix, const struct ip *ip);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner); /* also where equal */
bool ip_bit(const struct ip *ip, unsigned index); /* 0 is the first bit on the wire */

/* Numbers are IANA's, as in <netinet/in.h>. PROTOCOL_ICMP stands for ICMP and ICMPv6 alike wherever
 * a policy speaks; the compiler takes the family's own. */
enum protocol {
        PROTOCOL_ANY = 0,
        PROTOCOL_ICMP = 1,
        PROTOCOL_TCP = 6,
        PROTOCOL_UDP = 17,
        PROTOCOL_ICMPV6 = 58,
        PROTOCOL_SCTP = 132,
};

const char *protocol_name(enum protocol protocol); /* "TCP"; NULL where it has none here */
/* Exactly as Kubernetes spells it, and "ICMP". */
bool protocol_parse(const char *name, enum protocol *ret);

struct port_range {
        uint16_t first, last; /* both included */
};
#define PORT_RANGE_ALL ((struct port_range){0, UINT16_MAX})

bool port_range_contains(struct port_range range, uint16_t port);

/* Where to listen: "127.0.0.1:9469", "[::1]:9469" or ":9469" (every address of both families).
 * Names are not resolved: that must not depend on who answers. */
struct listen_address {
        bool any;
        struct ip ip;
        uint16_t port;
};
bool listen_address_parse(const char *text, struct listen_address *ret);
