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

bool bench_is_quick(void);

#endif
