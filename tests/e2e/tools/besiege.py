#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A client of xfnd's socket that means no good.

usage: besiege.py SOCKET HOW COUNT    holds COUNT connections until it is ended; says "ready" first

  silent     says nothing
  drip       a letter of a header each half a second
  half       a whole request, then closes its sending half and reads nothing
  hoard      asks for figures over and over and reads nothing
  garbage    random bytes, requests of all sorts behind each other, again when it is cut off
  heavy      bodies of 90 MB, but for the last byte
"""
import itertools
import random
import socket
import sys
import time

GET = b"GET /v1/stats HTTP/1.1\r\nHost: x\r\n\r\n"
SIZE = 90_000_000
POST = b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE


def dial(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(path)
    s.setblocking(False)
    return s


def push(s, data):
    """Sends what fits and returns how much that was; None where the other end is gone."""
    try:
        return s.send(data)
    except BlockingIOError:
        return 0
    except OSError:
        return None


def noise(_):
    kind = random.randrange(3)
    if kind == 0:
        return random.randbytes(4000)
    if kind == 1:
        return GET * 100
    return b"POST /v1/plan HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + GET


HOW = {
    "silent": lambda n: b"",
    "drip": lambda n: b"GET /v1/stats?" if n == 0 else b"x",
    "half": lambda n: GET if n == 0 else b"",
    "hoard": lambda n: GET * 20,
    "garbage": noise,
    "heavy": lambda n: POST if n == 0 else b"x" * 1_000_000,
}


def main(path, how, count):
    random.seed(1)
    say, sockets = HOW[how], []
    for _ in range(count):
        try:
            sockets.append(dial(path))
        except OSError:
            break
    sent = {s: 0 for s in sockets}
    for turn in itertools.count():
        for i, s in enumerate(sockets):
            data = say(turn)
            if how == "heavy" and turn:
                data = data[: max(0, SIZE - 1 - sent[s])]
            pushed = push(s, data) if data else 0
            if how == "heavy" and turn:
                sent[s] += pushed or 0
            if pushed is None and how == "garbage":
                s.close()
                try:
                    sockets[i] = dial(path)
                except OSError:
                    pass
            if how == "half" and turn == 0:
                s.shutdown(socket.SHUT_WR)
        if turn == 0:
            print("ready", len(sockets), flush=True)
        time.sleep(0.02 if how == "heavy" else 0.5)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
