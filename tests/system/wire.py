"""Packets written by hand, as frames of Ethernet: whatever addresses, flags and types, with the
checksums that conntrack looks at.

    Packet(source="10.0.0.1", to="10.0.0.2", protocol=TCP, sport=1, dport=2, flags=SYN).bytes(body)
"""

import dataclasses
import ipaddress
import struct

ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
HAS_PORTS = {TCP, UDP, SCTP}


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@dataclasses.dataclass
class Packet:
    source: str
    to: str
    protocol: int
    sport: int = 0
    dport: int = 0
    flags: int = SYN
    init: bool = True  # SCTP: INIT is the only chunk; else DATA stands behind it
    type: int = 0
    code: int = 0
    id: int = 0  # of an echo
    ttl: int = 64

    @property
    def version(self):
        return ipaddress.ip_address(self.source).version

    def reply(self, **changes):
        turned = dataclasses.replace(
            self, source=self.to, to=self.source, sport=self.dport, dport=self.sport
        )
        return dataclasses.replace(turned, **changes)

    def pseudo(self, length):
        ends = b"".join(ipaddress.ip_address(end).packed for end in (self.source, self.to))
        shape = "!HBBH" if self.version == 4 else "!IHBB"
        if self.version == 4:
            return ends + struct.pack("!BBH", 0, self.protocol, length)
        return ends + struct.pack("!IHBB", length, 0, 0, self.protocol)

    def upper(self, body):
        if self.protocol == TCP:
            head = struct.pack("!HHIIBBHHH", self.sport, self.dport, 1000, 1000, 0x50, self.flags, 8192, 0, 0)
            return self.summed(head + body, 16)
        if self.protocol == UDP:
            return self.summed(struct.pack("!HHHH", self.sport, self.dport, 8 + len(body), 0) + body, 6)
        if self.protocol == SCTP:
            return self.sctp(body)
        data = struct.pack("!BBHHH", self.type, self.code, 0, self.id, 1) + body
        if self.protocol == ICMPV6:
            return self.summed(data, 2)
        return data[:2] + struct.pack("!H", checksum(data)) + data[4:]

    def summed(self, data, at):
        number = checksum(self.pseudo(len(data)) + data) or 0xFFFF
        return data[:at] + struct.pack("!H", number) + data[at + 2 :]

    def sctp(self, body):
        padded = body + b"\0" * (-len(body) % 4)  # an unknown parameter of INIT
        parameter = struct.pack("!HH", 0xC000 | 0x7001, 4 + len(body)) + padded
        chunk = struct.pack("!IIHHI", 7, 65536, 1, 1, 1) + parameter
        chunks = struct.pack("!BBH", 1, 0, 4 + len(chunk)) + chunk
        if not self.init:
            chunks += struct.pack("!BBHIHHI", 0, 3, 20, 1, 0, 0, 0) + b"data"
        head = struct.pack("!HHI", self.sport, self.dport, 0)
        crc = crc32c(head + b"\0\0\0\0" + chunks)
        return head + struct.pack("<I", crc) + chunks

    def bytes(self, body):
        data = self.upper(body)
        ends = b"".join(ipaddress.ip_address(end).packed for end in (self.source, self.to))
        if self.version == 6:
            return struct.pack("!IHBB", 6 << 28, len(data), self.protocol, self.ttl) + ends + data
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0x4000, self.ttl, self.protocol, 0)
        number = checksum(head + ends)
        return head[:10] + struct.pack("!H", number) + ends + data


def ends_of(data):
    """(source, destination, source port, destination port) of an IP packet; no ports where it has none."""
    if data[0] >> 4 == 4:
        protocol, upper, size, at = data[9], (data[0] & 15) * 4, 4, 12
    else:
        protocol, upper, size, at = data[6], 40, 16, 8
    ends = [str(ipaddress.ip_address(data[at + i * size : at + (i + 1) * size])) for i in (0, 1)]
    ports = struct.unpack("!HH", data[upper : upper + 4]) if protocol in HAS_PORTS else (0, 0)
    return (*ends, *ports)
