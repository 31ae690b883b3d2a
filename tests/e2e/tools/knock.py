#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Asks over TCP, one connection each, at a rate; says how many were answered, and by whom.

usage: knock.py ADDRESS PORT COUNT RATE
"""
import collections
import json
import socket
import sys
import threading
import time

address, port, count, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
tags = collections.Counter()
errors = collections.Counter()
lock = threading.Lock()


def ask():
    try:
        with socket.create_connection((address, port), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            reply = b""
            while part := connection.recv(4096):
                reply += part
        tag, error = reply.partition(b"\r\n\r\n")[2].split(b" ")[0].decode(), None
    except OSError as failure:
        tag, error = None, str(failure)
    with lock:
        if tag:
            tags[tag] += 1
        else:
            errors[error or "nothing"] += 1


threads = []
start = time.monotonic()
for number in range(count):
    time.sleep(max(0, start + number / rate - time.monotonic()))
    threads.append(threading.Thread(target=ask))
    threads[-1].start()
for thread in threads:
    thread.join()
print(json.dumps({"sent": count, "answered": sum(tags.values()), "tags": tags, "errors": errors}))
