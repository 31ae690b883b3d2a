/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_SUITES_H
#define XFN_TESTS_SUITES_H

/* X(name, what it is about) */
#define SUITES(X)                                                                            \
	X(parse, "verdicts of packets cut short, with absurd lengths, random packets")       \
	X(classify, "which trigger matches, against the look-up in user space")              \
	X(differential, "random manifests and packets, against the oracle")                  \
	X(key, "keys in the payload: paths, names, bytes, what is odd")                      \
	X(limiter, "rate and burst, event by event, against an exact reference")             \
	X(police, "limits and switches on the way through ingress, on two CPUs")             \
	X(sources, "limits per source: their cells, false refusals counted, on two CPUs")    \
	X(excess, "what is said to those over a limit, byte for byte, and to whom")          \
	X(redirect, "what goes to an interface or to CPUs, and what where there is none")    \
	X(port, "what goes to AF_XDP sockets and comes back, and what is in flight between") \
	X(handler, "what becomes of an event in a handler, replies byte by byte")            \
	X(latency, "histograms and sampling")                                                \
	X(explain, "dry runs: what they report, and that they leave no trace")               \
	X(next, "what is nobody's, in the hands of another program")                         \
	X(refused, "objects that are refused as handlers, and what is said of them")         \
	X(resolver, "examples/resolver, reply by reply")                                     \
	X(sensor, "examples/sensor, message by message")

struct harness;

#define X(name, meaning) void suite_##name(struct harness *harness);
SUITES(X)
#undef X

/* Loads every object below the folders; returns the exit code. */
int load_all(char *const *folders, int count);

#endif
