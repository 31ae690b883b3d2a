# SPDX-License-Identifier: BSD-2-Clause
"""Makes a revision's SUMS right again, after one of its files was edited: resum.py DIR"""

import pathlib
import sys


def checksum(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def line(name, data):
    return f"{checksum(data):016x} {len(data)} {name}\n"


def main():
    folder = pathlib.Path(sys.argv[1])
    names = [row.split(" ", 2)[2] for row in (folder / "SUMS").read_text().splitlines()]
    text = "".join(line(name, (folder / name).read_bytes()) for name in names[:-1])
    (folder / "SUMS").write_text(text + line("SUMS", text.encode()))


main()
