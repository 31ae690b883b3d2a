#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A server that is given its sockets as sd_listen_fds(3) says: UDP is echoed, TCP gets HTTP.

usage: activated.py [--tag TEXT] [--slow S] [--notify] [--idle S] [--fail STATUS] [--pktinfo]
"""
import argparse
import os
import select
import signal
import socket
import sys
import time


def sockets():
    if int(os.environ["LISTEN_PID"]) != os.getpid():
        sys.exit("the sockets are for another process")
    return [socket.socket(fileno=3 + i) for i in range(int(os.environ["LISTEN_FDS"]))]


def notify(text):
    name = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(text, name)


def answer_http(listener, tag):
    try:
        connection, peer = listener.accept()
    except BlockingIOError:
        return  # another instance was quicker
    with connection:
        connection.settimeout(5)
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(4096)
            if not part:
                return
            request += part
        body = f"{tag} {os.getpid()} {peer[0]}\n".encode()
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def echo(sock, pktinfo):
    try:
        data, extra, _, peer = sock.recvmsg(2048, 256, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return
    back = [(level, kind, value) for level, kind, value in extra] if pktinfo else []
    sock.sendmsg([data], back, 0, peer)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tag", default="hello")
    parser.add_argument("--slow", type=float, default=0)
    parser.add_argument("--idle", type=float)
    parser.add_argument("--fail", type=int)
    parser.add_argument("--notify", action="store_true")
    parser.add_argument("--pktinfo", action="store_true")
    args = parser.parse_args()
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    print(args.tag, os.environ.get("LISTEN_FDNAMES"), flush=True)
    time.sleep(args.slow)
    if args.fail is not None:
        sys.exit(args.fail)
    given = sockets()
    for sock in given:
        sock.setblocking(False)
    if args.notify:
        notify(b"STATUS=here\nREADY=1")
    poll = select.poll()
    for sock in given:
        poll.register(sock, select.POLLIN)
    by_fd = {sock.fileno(): sock for sock in given}
    while not ended:
        # A signal between the look at `ended` and poll() is noticed after this.
        ready = poll.poll(100 if args.idle is None else args.idle * 1000)
        if not ready and args.idle is not None:
            break
        for fd, _ in ready:
            sock = by_fd[fd]
            if sock.type == socket.SOCK_STREAM:
                answer_http(sock, args.tag)
            else:
                echo(sock, args.pktinfo)


main()
