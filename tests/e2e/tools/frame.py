#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sends one UDP datagram over IPv4 as a raw frame, with any VLAN tags, and prints who answered.

usage: frame.py DEVICE DESTINATION_MAC SOURCE DESTINATION PORT [VLAN[:PROTOCOL]]...

Tags are in band, outermost first. Prints the first byte of the reply's payload, the VLAN ids that it
came with, and nothing after half a second of silence.
"""
import socket
import struct
import sys
import time

ETH_P_ALL, ETH_P_IP, TAGS = 0x0003, 0x0800, (0x8100, 0x88A8)
SILENCE_S = 0.5
SOURCE_PORT = 40000


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(source, destination, port, payload):
    udp = struct.pack("!HHHH", SOURCE_PORT, port, 8 + len(payload), 0) + payload
    fields = [0x45, 0, 20 + len(udp), 1, 0, 64, socket.IPPROTO_UDP, 0]
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    fields[7] = checksum(struct.pack("!BBHHHBBH", *fields) + addresses)
    return struct.pack("!BBHHHBBH", *fields) + addresses + udp


def tag(word):
    vlan, _, protocol = word.partition(":")
    return struct.pack("!HH", int(protocol or "8100", 16), int(vlan))


def read_reply(frame, own_mac, port):
    """The first payload byte and the VLAN ids of a reply to us; None for any other frame."""
    offset, vlans = 12, []
    if frame[:6] != own_mac:
        return None
    while struct.unpack_from("!H", frame, offset)[0] in TAGS:
        vlans.append(struct.unpack_from("!H", frame, offset + 2)[0] & 0xFFF)
        offset += 4
    if struct.unpack_from("!H", frame, offset)[0] != ETH_P_IP or frame[offset + 11] != 17:
        return None
    udp = offset + 2 + (frame[offset + 2] & 0xF) * 4
    if struct.unpack_from("!HH", frame, udp) != (port, SOURCE_PORT):
        return None
    return chr(frame[udp + 8]), vlans


def main(device, mac, source, destination, port, *tags):
    port = int(port)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind((device, 0))
    own_mac = wire.getsockname()[4]
    # Tags that the kernel took out of the frame come beside it.
    wire.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
    frame = bytes.fromhex(mac.replace(":", "")) + own_mac + b"".join(map(tag, tags))
    frame += struct.pack("!H", ETH_P_IP) + datagram(source, destination, port, b"q" * 32)
    wire.send(frame)
    end = time.monotonic() + SILENCE_S
    while (left := end - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            data, extra, _, address = wire.recvmsg(9000, 256)
        except TimeoutError:
            break
        reply = read_reply(data, own_mac, port) if address[2] != socket.PACKET_OUTGOING else None
        if not reply:
            continue
        vlans = reply[1]
        for level, kind, value in extra:
            status, *_, tci, _ = struct.unpack("IIIHHHH", value[:20])
            if (level, kind) == (263, 8) and status & 16:  # TP_STATUS_VLAN_VALID
                vlans = [tci & 0xFFF] + vlans
        print(" ".join([reply[0]] + [str(v) for v in vlans]))
        return


main(*sys.argv[1:])
