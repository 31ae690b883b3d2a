/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams to drop, made by XDP on CPU 0, to a program on CPU 1 that counts them (programs/counts.h): as many as
 * go ("rate"), or so many a second while what the CPUs have left is measured ("cpu").
 *
 * What is left: on CPU 0 the turns of the sender's own waiting; on CPU 1 those of a thread at the lowest
 * priority there is. Ticks would not do: softirqs are charged to whoever they interrupt, and sleepers run
 * between two of them. Of the pieces of a measurement that counts in which most was left: others on this machine
 * can only take, not give.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "object.h"
#include "programs/counts.h"
#include "sample.h"

enum { PAYLOAD_BYTES = 64, WARM_UP_MS = 200, TURNS = 1000, PIECE_MS = 50 };

struct load {
	struct drive drive;
	struct bench_counts nobody, *counts;
	double seconds;
	__u32 burst; /* 0: as many as go */
	int err;     /* the sender's */
};

struct reading {
	__u64 ns, sent, received, spins, turns, own_ns;
};

/* Most in a piece, a second. */
struct most {
	double spins, turns;
};

static void pin_to(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* ---- threads ------------------------------------------------------------------------------------------ */

static volatile __u64 soaked; /* thousands of turns */
static volatile bool is_over;

static void *soak(void *context)
{
	const struct sched_param none = {};
	int turn;

	(void)context;
	pin_to(1);
	sched_setscheduler(0, SCHED_IDLE, &none);
	while (!is_over) {
		for (turn = 0; turn < TURNS; turn++)
			__asm__ volatile("" ::: "memory");
		soaked++;
	}
	return NULL;
}

/* One call, which a signal ends. */
static void *send_all(void *context)
{
	struct load *load = context;

	pin_to(0);
	load->err = load->burst ? drive_pace(&load->drive, INT_MAX, load->burst)
				: drive_send(&load->drive, INT_MAX);
	return NULL;
}

static void on_signal(int signo)
{
	(void)signo;
}

/* ---- readings ----------------------------------------------------------------------------------------- */

/* The program's own time on a CPU, first number of its schedstat. */
static __u64 own_ns(const struct load *load)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%llu/schedstat", (unsigned long long)load->counts->pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

static struct reading take_reading(const struct load *load)
{
	const struct bench_drive *control = load->drive.control;

	return (struct reading){
		.ns = now_ns(),
		.sent = __atomic_load_n(&control->sent, __ATOMIC_RELAXED),
		.received = __atomic_load_n(&load->counts->received, __ATOMIC_RELAXED),
		.spins = __atomic_load_n(&control->spins, __ATOMIC_RELAXED),
		.turns = soaked,
		.own_ns = own_ns(load),
	};
}

static void report(const char *section, const char *name, __u32 burst, const struct reading *from,
		   const struct reading *to, const struct most *most)
{
	double seconds = (to->ns - from->ns) / 1e9;

	record_begin(section, name);
	record_number("sent", (to->sent - from->sent) / seconds);
	record_number("received", (to->received - from->received) / seconds);
	record_number("spins", most->spins);
	record_number("turns", most->turns);
	record_number("turns_all", (to->turns - from->turns) / seconds);
	record_number("own", (to->own_ns - from->own_ns) / 1e9 / seconds);
	record_number("burst", burst);
	record_number("seconds", seconds);
	record_end();
}

static void pause_s(double seconds)
{
	const struct timespec pause = {.tv_sec = (time_t)seconds,
				       .tv_nsec = (long)((seconds - (time_t)seconds) * 1e9)};

	nanosleep(&pause, NULL);
}

/* Pieces in which the program did not get its share are none. */
static void note_most(struct most *most, const struct reading *from, const struct reading *to,
		      bool is_counted)
{
	double seconds = (to->ns - from->ns) / 1e9, spins = (to->spins - from->spins) / seconds;
	double turns = (to->turns - from->turns) / seconds;
	__u64 sent = to->sent - from->sent;

	if (is_counted && to->received - from->received < sent - sent / 50)
		return;
	most->spins = spins > most->spins ? spins : most->spins;
	most->turns = turns > most->turns ? turns : most->turns;
}

/* Piece by piece; returns the last reading. */
static struct reading watch(const struct load *load, const struct reading *from, struct most *most)
{
	struct reading before = *from, now;
	__u64 end = from->ns + (__u64)(load->seconds * 1e9);

	do {
		pause_s(PIECE_MS / 1e3);
		now = take_reading(load);
		note_most(most, &before, &now, load->counts != &load->nobody);
		before = now;
	} while (now.ns < end);
	return now;
}

static int run(struct load *load, const char *section, const char *name)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct reading from, to;
	struct most most = {};
	pthread_t sender, soaker;

	sigaction(SIGUSR1, &action, NULL);
	is_over = !load->burst;
	pin_to(1);
	pthread_create(&soaker, NULL, soak, NULL);
	pthread_create(&sender, NULL, send_all, load);
	pause_s(WARM_UP_MS / 1e3);
	from = take_reading(load);
	to = watch(load, &from, &most);
	pthread_kill(sender, SIGUSR1);
	pthread_join(sender, NULL);
	is_over = true;
	pthread_join(soaker, NULL);
	if (load->err != -EINTR)
		return load->err ?: -EIO;
	report(section, name, load->burst, &from, &to, &most);
	return 0;
}

/* ---- commands ----------------------------------------------------------------------------------------- */

/* NAME INTERFACE DST PORT COUNTS SECONDS [PACKETS_A_SECOND] */
static int prepare(struct load *load, char **argv)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
	__u8 payload[PAYLOAD_BYTES];
	struct in_addr dst;

	load->counts = strcmp(argv[5], "-") ? counts_open(argv[5]) : &load->nobody;
	load->seconds = atof(argv[6]);
	if (!load->counts || inet_pton(AF_INET, argv[3], &dst) != 1)
		return -EINVAL;
	memset(payload, BENCH_DROP, sizeof(payload));
	drive_frame(&load->drive, mac, ntohl(dst.s_addr), (__u16)atoi(argv[4]), payload,
		    sizeof(payload));
	load->drive.control->ifindex = if_nametoindex(argv[2]);
	if (load->burst)
		load->drive.control->step_ns = load->burst * 1000000000ULL / (__u64)atoi(argv[7]);
	return 0;
}

static int measure(struct load *load, char **argv, const char *section)
{
	int err = drive_open(&load->drive) ?: prepare(load, argv) ?: run(load, section, argv[1]);

	if (err)
		fprintf(stderr, "bench: %s, %s: %s\n", section, argv[1], strerror(-err));
	drive_close(&load->drive);
	return err ? 1 : 0;
}

int bench_rate(int argc, char **argv)
{
	struct load load = {};

	if (argc != 7) {
		fprintf(stderr, "usage: bench rate NAME INTERFACE DST PORT COUNTS SECONDS\n");
		return 2;
	}
	return measure(&load, argv, "port_rate");
}

int bench_cpu(int argc, char **argv)
{
	struct load load = {};

	if (argc != 9 || atoi(argv[7]) < 1 || atoi(argv[8]) < 1) {
		fprintf(stderr, "usage: bench cpu NAME INTERFACE DST PORT COUNTS SECONDS "
				"PACKETS_A_SECOND BURST\n");
		return 2;
	}
	load.burst = (__u32)atoi(argv[8]);
	return measure(&load, argv, "port_cpu");
}
