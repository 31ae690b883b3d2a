#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""memcached_replay.py FILE ADDRESS PORT: sends the captured requests of FILE, one after the other, and
compares each answer with memcached's, whose datagrams for one request are taken together. Prints how
many were alike; exit 1 at the first that was not."""
import socket
import sys


def exchanges(path):
    found = []
    for line in open(path, encoding="ascii"):
        data = bytes.fromhex(line[2:]) if line[0] in "<>" else b""
        if line[0] == ">":
            found.append((data, []))
        elif line[0] == "<":
            found[-1][1].append(data)
    return [(sent, got[0] + b"".join(more[8:] for more in got[1:]) if got else b"")
            for sent, got in found]


def main(path, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.connect((address, int(port)))
    alike = 0
    for sent, expected in exchanges(path):
        client.settimeout(2 if expected else 0.2)
        client.send(sent)
        try:
            got = client.recv(65535)
        except TimeoutError:
            got = b""
        if got != expected:
            sys.exit(f"{sent!r}: expected {expected!r}, got {got!r}")
        alike += 1
    print(alike)


main(*sys.argv[1:])
