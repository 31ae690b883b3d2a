#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Serves the files of a directory on the socket that it is given: by xfn, or by systemd.

usage: activated.py DIRECTORY

Ends by itself after 30 quiet seconds: the next connection starts it again.
"""
import functools
import http.server
import os
import socket
import sys

FIRST_FD, QUIET_S = 3, 30


class Server(http.server.ThreadingHTTPServer):
    """On a socket that listens already."""

    timeout = QUIET_S
    is_done = False

    def __init__(self, directory):
        files = functools.partial(http.server.SimpleHTTPRequestHandler, directory=directory)
        super().__init__(("", 0), files, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=FIRST_FD)

    def handle_timeout(self):
        self.is_done = True


if __name__ == "__main__":
    if os.environ.get("LISTEN_FDS") != "1" or len(sys.argv) != 2:
        sys.exit("activated.py: started without a socket, expected LISTEN_FDS=1 and a directory")
    server = Server(sys.argv[1])
    while not server.is_done:
        server.handle_request()
