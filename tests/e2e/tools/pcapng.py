#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads a pcapng file strictly, and prints a JSON object for each packet. Written against
draft-ietf-opsawg-pcapng, apart from xfn's writer; anything odd is an error."""
import json
import struct
import sys


def options(body):
    found = {}
    while body:
        code, size = struct.unpack_from("<HH", body)
        value, rest = body[4 : 4 + size], body[4 + (size + 3) // 4 * 4 :]
        assert len(value) == size, "an option is cut short"
        if code == 0:
            assert size == 0 and not rest, "something stands behind the end of options"
            return found
        found[code] = value
        body = rest
    return found


def blocks(data):
    while data:
        kind, size = struct.unpack_from("<II", data)
        assert size % 4 == 0 and 12 <= size <= len(data), f"block of {size} bytes"
        assert struct.unpack_from("<I", data, size - 4)[0] == size, "lengths differ"
        yield kind, data[8 : size - 4]
        data = data[size:]


def main():
    interfaces = []
    with open(sys.argv[1], "rb") as file:
        all_blocks = list(blocks(file.read()))
    assert all_blocks[0][0] == 0x0A0D0D0A, "no section header"
    for number, (kind, body) in enumerate(all_blocks):
        if number == 0:
            magic, major, minor, _ = struct.unpack_from("<IHHq", body)
            assert (magic, major, minor) == (0x1A2B3C4D, 1, 0), "another version"
            options(body[16:])
        elif kind == 1:
            linktype, _, snap = struct.unpack_from("<HHI", body)
            about = options(body[8:])
            assert linktype == 1 and about[9] == b"\x09", "not Ethernet in nanoseconds"
            interfaces.append((about[2].decode(), snap))
        else:
            assert kind == 6, f"block type {kind}"
            interface, high, low, captured, size = struct.unpack_from("<IIIII", body)
            name, snap = interfaces[interface]
            assert captured <= size and captured <= snap, "more captured than there is"
            frame = body[20 : 20 + captured]
            about = options(body[20 + (captured + 3) // 4 * 4 :])
            print(json.dumps({"interface": name, "time_ns": high << 32 | low, "bytes": size,
                              "comment": about[1].decode(), "frame": frame.hex()}))


main()
