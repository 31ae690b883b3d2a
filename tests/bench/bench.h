/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_BENCH_H
#define XFN_BENCH_BENCH_H

/*
 * The parts of the bench, one a file. Each prints records (sample.h) and returns an exit code; all
 * need root. BENCH_QUICK=1 makes them short. tests/bench/run.sh calls them, each in its place.
 */

#include <stdbool.h>

/* [PART_OF_A_NAME]: ns per packet by BPF_PROG_TEST_RUN, no interface; one case or all. */
int bench_packet(int argc, char **argv);

/*
 * SERVER_NETNS SERVER_IF CLIENT_IF [NAME CLIENT_IF hot|spread]...: over veth, called in the client's
 * namespace; all server ends have the MAC address 02:00:00:00:00:01. What is named is a filter that
 * drops everything, at the other end of CLIENT_IF.
 */
int bench_wire(int argc, char **argv);

/* Admitted against configured. */
int bench_limiter(int argc, char **argv);

/* FILE...: parse, compile and store each manifest. */
int bench_compile(int argc, char **argv);

/*
 * NAME CLIENT_IF DST PORT PAYLOAD_HEX SECONDS: sends as fast as one CPU can, and counts what comes back.
 */
int bench_flood(int argc, char **argv);

/*
 * Functions on sockets (port.bash). All in the client's namespace, if not said otherwise; the server ends have
 * the MAC address 02:00:00:00:00:01, and programs are those of programs/.
 *
 * rate NAME INTERFACE DST PORT COUNTS SECONDS: as many datagrams as go, and how many the program with the
 * file COUNTS has got.
 * cpu ... PACKETS_A_SECOND BURST: so many, in bursts, and what they leave of the CPUs. INTERFACE "-": none
 * are sent; COUNTS "-": nobody counts.
 * ping NAME DST PORT TIMES_A_SECOND SECONDS: how soon a reply is there.
 * cold NAME DST PORT TIMES PAUSE_MS: the same where nothing runs before.
 * exec NAME CLIENT_NETNS INTERFACE|- DST PORT TIMES PROGRAM [ARGUMENT]..., in the server's namespace: starts the program itself,
 * on the interface's queue, or with a UDP socket.
 * hold INTERFACE PROGRAM [ARGUMENT]..., in the server's: a program on the interface's queue, until SIGTERM.
 */
int bench_rate(int argc, char **argv);
int bench_cpu(int argc, char **argv);
int bench_ping(int argc, char **argv);
int bench_cold(int argc, char **argv);
int bench_exec(int argc, char **argv);
int bench_hold(int argc, char **argv);

bool bench_is_quick(void);

#endif
