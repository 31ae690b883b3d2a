#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""report_port.py RESULTS PAGE: puts what the part "port" has measured into PAGE, in the place of what it said before."""
import json
import math
import statistics
import sys

BEGIN = "<!-- by tests/bench/run.sh port -->\n"
END = "<!-- end -->\n"
BEFORE = "## Where xfn is no better\n"  # where it goes the first time

LIB, ONEWAY, BARE = "libxfn, port", "libxfn, port, oneway", "bare AF_XDP, port"
QUEUE_LIB, QUEUE = "libxfn, interface's queue", "bare AF_XDP, interface's queue"
BARE_LINGERS, QUEUE_LINGERS = f"{BARE}, lingering", f"{QUEUE}, lingering"
UDP, UDP_LINGERS = "UDP socket, recvmmsg", "UDP socket, recvmmsg, lingering"
SLEEPING, SPINNING = "UDP socket, sleeping", "UDP socket, spinning"
LIB_SPINS = "libxfn, port, spinning"

METHOD = """## Functions on sockets

    tests/bench/run.sh port

writes this section alone. A program of libxfn that `xfnd` runs behind a port is compared with the same work on a bare AF_XDP socket
(`tests/bench/programs/bare.c`: plain system calls, batches of 64, no look at headers) and on a UDP socket (`udp.c`: recvmmsg of 64). A port is a
veth pair more, and all that xfn does: classify, count, token, what is in flight, check of the reply. "Interface's queue" is an empty XDP program that redirects to the
socket: no xfn, no port, and its program has the interface to itself. All AF_XDP is in copy mode with need_wakeup on veth, and has 4,096 frames of 2 KiB; the UDP socket
has a buffer of 8 MiB. Each sleeps as soon as there is nothing (poll, or recvmmsg itself), if it does not say "spinning" or "lingering". libxfn looks for events up to 80 us
before it sleeps, where the last gaps were so short that they are to come within 40 us (libxfn(3)): under load, that is, and not at the 100,000 a second below, if they come in
bursts. "Lingering" are a bare program and a UDP socket that do so, too (`linger.h`): rates are compared with those, since their waiting is equal. libxfn spins where the manifest says `busy_poll: true`. Each has a wire of its own; the UDP socket's has no XDP program at its end.
Datagrams have 64 bytes. The programs are on CPU 1. Every round takes all of them in turn; tables give medians over the rounds and ranges, and ratios are medians of the
ratios in each round.
"""


def group(records, key="name"):
    groups = {}
    for record in records:
        groups.setdefault(record[key], []).append(record)
    return groups


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "| " + " | ".join("---" if i == 0 else "---:" for i in range(len(head))) + " |"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def column(records, key):
    return [record[key] for record in records]


def cell(values, form, scale=1.0):
    values = [value / scale for value in values]
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def ratio(values, others):
    """Of each round, then the middle; not a number where one of them was not to be had."""
    pairs = [a / b for a, b in zip(values, others) if a > 0 and b > 0]
    return statistics.median(pairs) if pairs else math.nan


class Wanted:
    """What is wanted, and what came out."""

    def __init__(self):
        self.rows = []

    def add(self, text, aim, value, most=False):
        is_met = value <= aim if most else value >= aim
        word = "**not measured**" if math.isnan(value) else "met" if is_met else "**not met**"
        self.rows.append((text, f"{'at most' if most else 'at least'} {aim}", f"{value:.2f}", word))


def machine(records):
    before, after = records[0], records[-1]
    return (f"{before['cpus']} CPUs, {before['cpu']}, virtualized ({before['virtualization']}); Linux {before['kernel']}. Load "
            f"average before {before['load']}, after {after['load']}. {before['date']}, commit "
            f"{before['commit']}{'; a quick run' if before['quick'] != '0' else ''}.\n")


def rates(records, wanted):
    groups = {name: column(rs, "received") for name, rs in group(records).items()}
    sent = {name: column(rs, "sent") for name, rs in group(records).items()}
    rows = [(name, cell(values, ".2f", 1e6), f"{statistics.median(sent[name]) / 1e6:.2f}",
             f"{ratio(values, groups[UDP_LINGERS]):.2f}", f"{ratio(values, groups[QUEUE_LINGERS]):.2f}",
             f"{ratio(values, groups[UDP]):.2f}", f"{ratio(values, groups[QUEUE]):.2f}")
            for name, values in groups.items()]
    for name in (LIB, ONEWAY):
        wanted.add(f"received: {name}, to recvmmsg, both lingering", 3, ratio(groups[name], groups[UDP_LINGERS]))
        wanted.add(f"received: {name}, to bare AF_XDP on the queue, both lingering", 0.7, ratio(groups[name], groups[QUEUE_LINGERS]))
    wanted.add("received: libxfn to bare AF_XDP, both on a port, lingering", 0.95, ratio(groups[LIB], groups[BARE_LINGERS]))
    wanted.add("received: libxfn to bare AF_XDP, both on the queue, lingering", 0.95, ratio(groups[QUEUE_LIB], groups[QUEUE_LINGERS]))
    return ("### Received and dropped\n\n"
            + table(("receiver", "million/s", "offered", "to recvmmsg, lingering", "to bare on the queue, lingering",
                     "to recvmmsg", "to bare on the queue"), rows) +
            "\nLive frames made by XDP on CPU 0, as many as go. On veth that CPU does the receiving driver's work as well, with the port's or "
            "the stack's, so what is offered depends on who receives: where nearly all that was offered was received, CPU 0 is the limit, "
            "not the program. \"oneway\" is how a function that answers nothing is declared; without it each event is followed until its deadline.\n")


def cpu_ns(records):
    """{burst: {name: [ns per event, a round each]}}, of both CPUs."""
    # At rest a CPU has the same in all rounds: the most that was seen. CPU 1 does not see who sends.
    rest = [record for record in records if record["name"] in ("nothing", "sender")]
    spins, turns = max(column(rest, "spins")), max(column(rest, "turns"))
    ret = {}
    for burst, rs in group(records, "burst").items():
        groups = group(rs)
        sender = max(column(groups["sender"], "spins"))
        ret[int(burst)] = {
            name: [((sender - r["spins"]) / spins + (turns - r["turns"]) / turns) * 1e9 / r["received"] for r in rs if r["received"]]
            for name, rs in groups.items() if name not in ("nothing", "sender")}
    return ret


def disturbance(records):
    """Share of CPU 1 that others used while nothing of ours did."""
    turns = max(column(records, "turns"))
    return 1 - statistics.mean(column([r for r in records if r["name"] in ("nothing", "sender")], "turns_all")) / turns


def burst_words(burst):
    return "one by one" if burst == 1 else f"bursts of {burst}"


def cpu(records, wanted):
    rows = []
    for burst, times in cpu_ns(records).items():
        for name, ns in times.items():
            rs = [record for record in records if record["name"] == name and record["burst"] == burst]
            own = [r["own"] * 1e9 / r["received"] for r in rs if r["received"]]
            lost = max(0.0, 1 - sum(column(rs, "received")) / sum(column(rs, "sent")))
            rows.append((name, burst_words(burst), f"{statistics.median(ns):,.0f}", f"{min(ns):,.0f}",
                         f"{statistics.median(own):,.0f}", f"{min(ns) / min(times[UDP]):.2f}", f"{lost:.2%}"))
        for name in (LIB, ONEWAY):
            wanted.add(f"CPU an event, {burst_words(burst)}: {name}, to recvmmsg", 0.5,
                       ratio([min(times[name])], [min(times[UDP])]), most=True)
    return ("### CPU an event\n\n"
            + table(("receiver", "they come", "ns an event", "least", "its own thread", "least to recvmmsg's", "lost"), rows) +
            "\n100,000 datagrams a second, dropped. Time of both CPUs, softirqs, interrupts and wake-ups included, less what the sender takes with an "
            "empty XDP program at the other end that drops. The sender spins between two bursts and counts its turns; on CPU 1 a thread of the lowest priority does: "
            "what they are short of was used. Of each measurement that piece of 50 ms counts which left most, "
            "and of the rounds the one with the least is compared: what else runs can only take. \"Its own thread\" is what the kernel charges to the program.\n")


def pings(records, wanted):
    groups = group(records)
    base = column(groups[QUEUE], "p50_ns")
    rows = [(name, cell(column(rs, "p50_ns"), ".1f", 1e3), cell(column(rs, "p99_ns"), ".1f", 1e3),
             f"{ratio(column(rs, 'p50_ns'), base):.2f}", sum(column(rs, "lost"))) for name, rs in groups.items()]
    wanted.add(f"p50 of a reply: {LIB}, to bare AF_XDP on the queue", 1.25,
               ratio(column(groups[LIB], "p50_ns"), base), most=True)
    return ("### Who answers sooner\n\n" + table(("server", "p50 us", "p99 us", "p50 to bare on the queue", "lost"), rows) +
            "\n1,000 datagrams a second, one at a time. The client spins on CPU 0 all the time, whoever answers.\n")


def cold(records, missing):
    rows = [(r["name"], f"{r['p50_ns'] / 1e6:.2f}", f"{r['p99_ns'] / 1e6:.2f}", f"{r['min_ns'] / 1e6:.2f}", int(r["count"]),
             int(r["lost"])) if r["count"] else (r["name"], "", "", "", 0, int(r["lost"])) for r in records]
    text = "### Cold: nothing runs when the datagram comes\n\n" + table(("how", "p50 ms", "p99 ms", "least", "times", "lost"), rows)
    text += ("\nFrom the datagram, or the fork, to the reply; the program answers once and ends. \"Fork and exec, nothing else\": the client itself "
             "starts the program, with a socket in which the datagram lies, or on the interface's queue, where the datagram is sent when the program has bound its "
             "socket; its pool has 1,024 frames, as xfnd gives one that is started on demand. The activator (`tests/bench/programs/activator.c`) polls a UDP socket, forks and executes, as systemd does for a `.socket` unit, and does nothing else.\n")
    for record in missing:
        text += f"\nNot measured: {record['name']}: {record['why']}\n"
    return text


def beside(records):
    groups = group(records)
    alone = groups["alone"]
    rows = [(name, cell(column(rs, "p50_ns"), ".1f", 1e3), cell(column(rs, "p99_ns"), ".0f", 1e3),
             f"{ratio(column(rs, 'p50_ns'), column(alone, 'p50_ns')):.2f}", f"{ratio(column(rs, 'p99_ns'), column(alone, 'p99_ns')):.2f}",
             sum(column(rs, "lost"))) for name, rs in groups.items()]
    return ("### Beside one that means no good\n\n" +
            table(("the other function", "p50 us", "p99 us", "p50 to alone", "p99 to alone", "lost"), rows) +
            "\nThe function of libxfn, asked 1,000 times a second by a client that sleeps, while another function of the same host spins (hang), sends what is no reply "
            "(flood) or is forged (spoof) without end, takes all memory that it gets, or forks without end (`tests/e2e/tools/hostile.c`). Two CPUs, of which "
            "it takes what it can: each instance is a session of its own, and the kernel's autogroups share the CPUs between them.\n")


def worse(sections):
    """Where something simpler does better."""
    lines = []
    pinged = {name: statistics.median(column(rs, "p50_ns")) for name, rs in group(sections.get("port_ping", [])).items()}
    for name, lib in ((SLEEPING, LIB), (SPINNING, LIB_SPINS)):
        if pinged.get(name, 1e12) < pinged.get(lib, 0):
            how = name.split(", ")[1]
            lines.append(f"A UDP socket, {how}, answers sooner than libxfn, {how}: p50 {pinged[name] / 1e3:.1f} against {pinged[lib] / 1e3:.1f} us.")
    times = {r["name"]: r["p50_ns"] for r in sections.get("port_cold", []) if r["count"]}
    alone = {"UDP": times.get("UDP: an activator as systemd's"), "AF_XDP": times.get("AF_XDP: fork and exec, nothing else")}
    for name, ns in times.items():
        least = alone.get(name.split(":")[0])
        if ": xfn" in name and least and least < ns:
            lines.append(f"A cold start by xfn ({name}) takes {(ns - least) / 1e6:.2f} ms more at p50 than "
                         + ("the activator." if name.startswith("UDP") else "the program's own start."))
    return lines


def block(sections):
    """The section, as text."""
    wanted, parts = Wanted(), []
    if "port_rate" in sections:
        parts.append(rates(sections["port_rate"], wanted))
    if "port_cpu" in sections:
        parts.append(cpu(sections["port_cpu"], wanted))
    if "port_ping" in sections:
        parts.append(pings(sections["port_ping"], wanted))
    if "port_beside" in sections:
        parts.append(beside(sections["port_beside"]))
    parts.append(cold(sections.get("port_cold", []), sections.get("port_cold_missing", [])))
    rounds = len(group(sections.get("port_ping", []) or [{"name": ""}]).popitem()[1])
    text = BEGIN + METHOD + "\n" + f"{rounds} rounds. " + machine(sections["machine"])
    if "port_cpu" in sections:
        share = disturbance(sections["port_cpu"])
        text += (f"Others used {share:.0%} of CPU 1 meanwhile"
                 + (".\n" if share < 0.03 else ": **the machine was not quiet, and these figures mean little**.\n"))
    text += "\n### What is wanted of it\n\n" + table(("what", "wanted", "measured", ""), wanted.rows) + "\n" + "\n".join(parts)
    lines = worse(sections)
    if lines:
        text += "\n### Where it is no better\n\n" + "".join(f"- {line}\n" for line in lines)
    return text + END


def replace(page, text):
    if BEGIN in page:
        start, end = page.index(BEGIN), page.index(END) + len(END)
        return page[:start] + text + page[end:]
    start = page.index(BEFORE)
    return page[:start] + text + "\n" + page[start:]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        sections = group([json.loads(line) for line in file], "section")
    with open(sys.argv[2], encoding="utf-8") as file:
        page = replace(file.read(), block(sections))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(page)


if __name__ == "__main__":
    main()
