#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""report.py RESULTS: the page docs/performance.md, from the records of tests/bench/run.sh."""
import json
import statistics
import sys

import report_port

METHOD = """# Performance

    make bench

writes this page; `BENCH_QUICK=1 make bench` tries it out in a minute. It needs root, and a quiet machine. All traffic stays
in two network namespaces of its own.

## How it is measured

- **One core, over veth, as a difference.** A figure is the difference to a program that does nothing, in the same round;
  each round takes every case in turn, so that what else the machine does weighs on all alike. Tables give the median
  over the rounds, the quartiles, and the smallest value less the smallest of the empty program. Where a case is shorter than its noise, no
  digit of it means much.
- **The unit** is one reading of the clock in the same run (`bpf_ktime_get_ns`): nanoseconds differ between machines more
  than ratios do.
- **By BPF_PROG_TEST_RUN** (`tests/bench/packet.c`): a generator program writes the frame (UDP over IPv4, 64 bytes) and
  tail-calls what is measured, 100,000 times a round; CPU time of the thread. *Hot* is one destination, *spread* is one of
  100,000 at random. With spread keys the generator reads the clock before each packet, so that the cache misses of several
  packets do not overlap; lines that say "packets overlap" leave that out. Which of the two a NIC's driver comes closer to
  was not measured, so the budget is given both ways.
- **Over veth** (`tests/bench/wire.c`): live frames are sent into one end of a pair by XDP and received by the driver at the other
  end, on one CPU. *Program* is what the kernel's BPF statistics say of the program, less the empty one. *Whole packet* is
  all of it: made, sent, received, judged, ended.
- **Not measured**: hardware NICs, and more than two cores.
"""

NOTES = """## Where xfn is no better

- A function behind an ordinary socket: xfn adds its own price to that of the stack ("passed to a socket" above), and gives
  limits and counters for it, not speed.
- Latency on veth has no wire and no interrupt in it: over a network the ratios will be smaller.
- dnsperf as a client, if its figure for the resolver above is not clearly larger than NSD's: it is busy on one CPU, and on
  veth the resolver answers on that same CPU.
- One destination among 100,000 in a set, dropped: what an nftables rule costs is of the same order, see above.
- Reading the clock costs more than classifying: a limit or a stamp on every event doubles the price of an event. Sampling,
  1/16 by default, is there for that.
- An event that is handed to a handler pays for a tail call through a table (a retpoline on this kernel), and for the
  copy of what is known of it.
"""

BUDGETS = [
    # text, budget in clock readings, case
    ("traffic of nobody's function", 0.2, "nobody's traffic, 100,000 triggers"),
    ("100,000 triggers, hot, steered, no clock", 2 / 3, "100,000 triggers, hot"),
    ("the same, limited and stamped, one reading", 1.7, "100,000 triggers, hot, limit, stamp 1/1"),
]


def table(head, rows):
    print(report_port.table(head, rows))


def group(records, key="name"):
    """Records by name, in the order of their first appearance."""
    return report_port.group(records, key)


def middle(records, key):
    return statistics.median(record[key] for record in records)


def spread(records, key):
    values = [record[key] for record in records]
    return f"{min(values):,.0f} to {max(values):,.0f}"


def machine(records):
    print("## The machine\n")
    before, after = records[0], records[-1]
    print(f"{before['cpus']} CPUs, {before['cpu']}, virtualized ({before['virtualization']}); "
          f"Linux {before['kernel']}; spectre_v2: {before['spectre_v2']}. XDP in native mode on veth. Load average before "
          f"{before['load']}, after {after['load']}. {before['date']}, commit {before['commit']}"
          f"{'; a quick run' if before['quick'] != '0' else ''}.\n")


def budgets(records):
    cases = {record["name"]: record for record in records}
    rows = []
    for text, budget, name in BUDGETS:
        case = cases[name]
        rows.append((text, f"{budget:.2f}", f"{case['ratio']:.2f}", f"{case['ns_median']:.0f} ns",
                     "met" if case["ratio"] <= budget else "**not met**"))
    for how in ("", ", packets overlap"):
        walk = cases["bare random walk over as many lines" + how]["ns_median"]
        crowd = cases["100,000 triggers of 65,534 functions, spread" + how]["ns_median"]
        rows.append((f"100,000 triggers of 65,534 functions at random, in bare random walks{how}", "1.20",
                     f"{crowd / walk:.2f}", f"{crowd:.0f} ns",
                     "met" if crowd <= 1.2 * walk else "**not met**"))
    clock = cases["one reading of the clock"]["ns_median"]
    print(f"## Budgets\n\nIn readings of the clock, {clock:.1f} ns in this run, unless it says otherwise.\n")
    table(("path", "budget", "measured", "", ""), rows)


def packet(records):
    budgets(records)
    print("## ns per packet, by BPF_PROG_TEST_RUN\n")
    rounds = records[0]["rounds"]
    print(f"Difference to the empty program; {rounds} rounds.\n")
    table(("case", "median ns", "quartiles", "least", "clock readings"),
          [(r["name"], f"{r['ns_median']:.1f}", f"{r['ns_q1']:.1f} to {r['ns_q3']:.1f}",
            f"{r['least']:.1f}", f"{r['ratio']:.2f}") for r in records
           if not r["name"].startswith("empty")])


def wire(records):
    print("## Over veth\n")
    names = [record["name"] for record in records]
    rows = []
    for r in records:
        program = f"{r['ns_median']:.0f}" if "ns_median" in r else ""
        base = names[int(r["base"])] if r["base"] != names.index(r["name"]) else ""
        rows.append((r["name"], f"{r['whole_median']:.0f}",
                     f"{r['whole_q1']:.0f} to {r['whole_q3']:.0f}", f"{r['ratio']:.2f}", program,
                     base.replace("empty program, ", "")))
    print(f"Whole packet with its generation, and as a ratio to an empty program that drops; {records[0]['rounds']} rounds. "
          "Program: less an empty one that does the same.\n")
    table(("case", "whole packet ns", "quartiles", "ratio", "program ns", "less empty that"), rows)


def flower(records):
    for record in records:
        if record["name"] == "missing":
            print(f"tc flower was not measured: {record['why']}\n")
        else:
            print(f"tc flower had {record['filters']:,} filters, which took {record['ms'] / 1000:.1f} s "
                  "to load.\n")


def limiter(records):
    print("## The limiter: admitted against configured\n")
    print("Offered as fast as the CPUs go, all at once. Configured: burst + rate x time.\n")
    table(("rate", "CPUs", "offered/s", "configured", "admitted", "ratio"),
          [(r["name"], int(r["cpus"]), f"{r['offered']:,.0f}", f"{r['configured']:,.1f}",
            f"{r['admitted']:,.0f}", f"{r['ratio']:.4f}") for r in records])


def apply(records):
    print("## From file to live\n")
    groups = group(records)
    table(("triggers", "median ms", "range", "xfnd grew by", "at the peak by"),
          [(f"{int(name):,}", f"{middle(rs, 'ms'):.0f}", spread(rs, "ms"),
            f"{middle([{'v': r['after'] - r['before']} for r in rs], 'v') / 1024:.0f} MiB",
            f"{middle([{'v': r['peak'] - r['before']} for r in rs], 'v') / 1024:.0f} MiB")
           for name, rs in groups.items()])
    ratio = middle(groups["100000"], "ms") / middle(groups["10000"], "ms")
    print(f"`xfn apply` as a user calls it, on an empty data plane, {len(groups['10000'])} times each. "
          f"100,000 take {ratio:.1f} times as long as 10,000 (aim: at most 12). Aims for 100,000: 300 ms, 100 MB.\n")


def compile_parts(records):
    print("Part by part, in one process, median (least) ms:\n")
    rows = []
    for r in records:
        count = int(r["name"].rsplit("/", 1)[-1].split(".")[0])
        rows.append((f"{count:,}", *(f"{r[k + '_median']:.1f} ({r[k + '_min']:.1f})"
                                     for k in ("parse", "compile", "store", "again"))))
    table(("triggers", "parse", "compile", "store", "store again, no change"), rows)


def latency(records):
    print("## Who answers sooner\n")
    print("One UDP datagram at a time, 64 bytes, echoed; the client spins in all cases, on CPU 0; servers on CPU 1. Median "
          "over the rounds (range), in microseconds.\n")
    groups = group(records)
    base = middle(groups["in-kernel handler"], "p50_ns")

    def cell(rs, key):
        values = [r[key] / 1000 for r in rs]
        return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"

    table(("server", "p50", "p99", "p50 ratio", "lost"),
          [(name, cell(rs, "p50_ns"), cell(rs, "p99_ns"), f"{middle(rs, 'p50_ns') / base:.1f}",
            sum(r["lost"] for r in rs)) for name, rs in groups.items()])


def others(records):
    print("## What others' traffic pays\n")
    groups = group(records)
    base = middle(groups["an empty XDP program"], "bits")
    table(("interface", "Gbit/s", "range", "ratio"),
          [(name, f"{middle(rs, 'bits') / 1e9:.2f}",
            f"{min(r['bits'] for r in rs) / 1e9:.2f} to {max(r['bits'] for r in rs) / 1e9:.2f}",
            f"{middle(rs, 'bits') / base:.2f}") for name, rs in groups.items()])
    print(f"One TCP connection of iperf3 through the interface, none of whose packets is a function's; median of "
          f"{len(groups['an empty XDP program'])} rounds. A veth with any XDP program takes packets one by one, without "
          "segmentation offload: that is the step from the first line to the second.\n")


def hotload(records):
    print("## Rules that change under traffic\n")
    table(("what", "times", "p50 ms", "p99 ms", "datagrams beside it", "lost", "twice", "by a wrong function"),
          [(r["what"], f"{r['times']:,}", r["p50_ms"], r["p99_ms"], f"{r['sent']:,}", r["lost"], r["duplicates"], r["changed"])
           for r in records])
    print("`tests/bench/hotload.sh`: 5,000 numbered datagrams a second to a function in the kernel, while `xfn` is called as a "
          "user calls it; times are of the whole command, of the first line up to the answer to the first packet "
          "for the new trigger.\n")


def resolver(records, floods):
    print("## The resolver beside NSD\n")
    groups = group(records)
    if "missing" in groups:
        print(f"Not measured: {groups['missing'][0]['why']}.\n")
        return
    answers = groups.pop("answers")[0]
    packed = [key for key in answers["differ"] if key not in answers["unlike"]]
    print(f"The same zone, minimal responses, one server process, NSD on CPU 1. Of {answers['asked']} questions (every name, "
          f"A, AAAA, CNAME, TXT, no EDNS) {answers['equal']} were answered alike, byte for byte; only those are asked below."
          + (f" {len(packed)} differ in how names are compressed, and in nothing else: {', '.join(packed)}." if packed else "")
          + (f" Not alike: {', '.join(answers['unlike'])}." if answers["unlike"] else "") + "\n")
    floods = group(floods)
    base = {"qps": middle(groups["NSD"], "qps"), "flood": middle(floods["NSD"], "replies")}
    table(("server", "dnsperf q/s", "ratio", "lost", "flood replies/s", "ratio", "one at a time p50 us", "p99 us"),
          [(name, f"{middle(rs, 'qps'):,.0f}", f"{middle(rs, 'qps') / base['qps']:.2f}",
            int(sum(r["lost"] for r in rs)), f"{middle(floods[name], 'replies'):,.0f}",
            f"{middle(floods[name], 'replies') / base['flood']:.1f}",
            f"{middle(rs, 'p50_us'):.0f}", f"{middle(rs, 'p99_us'):.0f}") for name, rs in groups.items()])
    print("dnsperf, 100 questions outstanding, is pinned to CPU 0, and so the resolver answers there too, in its place; the "
          "figure is what both get done on one CPU, for NSD on two. The flood is live frames of one question from CPU 0, replies counted by XDP; xfn answers on that same "
          "CPU, NSD has CPU 1 for itself.\n")


def main():
    sections = group([json.loads(line) for line in open(sys.argv[1], encoding="utf-8")], "section")
    print(METHOD)
    machine(sections["machine"])
    for name, show in (("packet", packet), ("wire", wire), ("flower", flower), ("limiter", limiter),
                       ("apply", apply), ("compile", compile_parts), ("latency", latency),
                       ("others", others), ("hotload", hotload)):
        if name in sections:
            show(sections[name])
    if "resolver" in sections:
        resolver(sections["resolver"], sections.get("flood", []))
    if "port_ping" in sections:
        print(report_port.block(sections))
    print(NOTES, end="")


if __name__ == "__main__":
    main()
