#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""DNS questions for the bench.

dns.py ask ZONE ADDRESS FILE       asks for every name of the zone file, keeps the answers in FILE
dns.py compare A B QUERIES         compares two such files; writes what was answered alike as
                                   dnsperf's input; prints a record
dns.py load NAME DNSPERF ONE       reads what dnsperf printed: under load, and with -v one by one
dns.py payload NAME TYPE           prints one question in hex
"""
import json
import re
import socket
import struct
import sys

TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28}
ORIGIN = "example.com"


def question(name, kind):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", 0x4711, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def names(zone):
    """Owner names of the file, and two that are not there."""
    found = {ORIGIN, f"nothing.{ORIGIN}", f"b.c.{ORIGIN}"}
    for line in open(zone, encoding="utf-8"):
        owner = re.match(r"[a-z0-9_][a-z0-9_.-]*", line)
        if owner:
            found.add(f"{owner[0]}.{ORIGIN}")
    return sorted(found)


def ask(zone, address, path):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(1)
    answers = {}
    for name in names(zone):
        for kind, number in TYPES.items():
            sock.sendto(question(name, number), (address, 53))
            try:
                answers[f"{name} {kind}"] = sock.recv(4096).hex()
            except TimeoutError:
                answers[f"{name} {kind}"] = ""
    json.dump(answers, open(path, "w", encoding="utf-8"))


def name_at(message, at):
    """The name there, without compression, and what is behind it."""
    labels, end = [], None
    while message[at]:
        if message[at] >= 0xC0:
            end = end or at + 2
            at = (message[at] & 0x3F) << 8 | message[at + 1]
        else:
            labels.append(message[at + 1:at + 1 + message[at]])
            at += 1 + message[at]
    return b".".join(labels), end or at + 1


def spelled_out(message):
    """A message with every name in full: equal for messages that differ in compression alone."""
    counts = struct.unpack_from("!HHHH", message, 4)
    name, at = name_at(message, 12)
    parts = [message[:12], name, message[at:at + 4]]
    at += 4
    for _ in range(sum(counts[1:])):
        name, at = name_at(message, at)
        kind, _, _, size = fixed = struct.unpack_from("!HHIH", message, at)
        at, end = at + 10, at + 10 + size
        parts += [name, fixed[:3]]
        for _ in range({5: 1, 6: 2}.get(kind, 0)):  # CNAME has one name, SOA two
            name, at = name_at(message, at)
            parts.append(name)
        parts.append(message[at:end])
        at = end
    return parts


def means_the_same(left, right):
    return bool(left and right) and spelled_out(bytes.fromhex(left)) == spelled_out(bytes.fromhex(right))


def compare(left_path, right_path, queries_path):
    left = json.load(open(left_path, encoding="utf-8"))
    right = json.load(open(right_path, encoding="utf-8"))
    same = [key for key in left if left[key] and left[key] == right.get(key)]
    with open(queries_path, "w", encoding="utf-8") as queries:
        queries.writelines(key + "\n" for key in same)
    differ = [key for key in left if key not in same]
    unlike = [key for key in differ if not means_the_same(left[key], right.get(key))]
    print(json.dumps({"section": "resolver", "name": "answers", "asked": len(left),
                      "equal": len(same), "differ": differ, "unlike": unlike}))
    if not same:
        sys.exit("bench: no answer of the two servers is equal")


def load(name, dnsperf, one):
    text = open(dnsperf, encoding="utf-8").read()
    rate = float(re.search(r"Queries per second:\s*([\d.]+)", text)[1])
    lost = int(re.search(r"Queries lost:\s*(\d+)", text)[1])
    times = sorted(float(match[1]) for match in
                   re.finditer(r"^> \S+ \S+ \S+ ([\d.]+)$", open(one, encoding="utf-8").read(), re.M))
    times = times or [0.0]
    print(json.dumps({"section": "resolver", "name": name, "qps": rate, "lost": lost,
                      "p50_us": times[len(times) // 2] * 1e6,
                      "p99_us": times[len(times) * 99 // 100] * 1e6}))


if __name__ == "__main__":
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "payload":
        print(question(arguments[0], TYPES[arguments[1]]).hex())
    else:
        {"ask": ask, "compare": compare, "load": load}[verb](*arguments)
