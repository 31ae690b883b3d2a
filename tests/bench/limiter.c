/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limiter: far more events are offered than the rate admits, on one CPU and on two at once, through
 * the real ingress. Admitted is what ingress counted as steered; configured, the burst
 * and the rate times the seconds that events were offered for.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "object.h"
#include "sample.h"
#include "world.h"

enum { CPUS_MAX = 2, PACKETS_CALIBRATE = 1000000 };

struct offer {
	pthread_t thread;
	struct drive drive;
	int cpu;
	__u32 count;
	int action;
};

/* One call for all of it: the kernel takes some 20 ms to prepare each. */
static void *offer(void *argument)
{
	struct offer *offer = argument;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(offer->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	offer->action = drive_call(&offer->drive, offer->count);
	return NULL;
}

/* Offers @count events on each of @cpus CPUs. Returns the seconds from the first to the last one. */
static double offer_all(struct offer *offers, int cpus, __u32 count)
{
	__u64 first_ns = ~0ULL, last_ns = 0;
	struct bench_drive *control;
	int i;

	for (i = 0; i < cpus; i++) {
		offers[i].cpu = i;
		offers[i].count = count;
		offers[i].drive.control->timed = 1;
		offers[i].drive.control->first_ns = 0;
		pthread_create(&offers[i].thread, NULL, offer, &offers[i]);
	}
	for (i = 0; i < cpus; i++) {
		pthread_join(offers[i].thread, NULL);
		control = offers[i].drive.control;
		first_ns = control->first_ns < first_ns ? control->first_ns : first_ns;
		last_ns = control->last_ns > last_ns ? control->last_ns : last_ns;
	}
	return (last_ns - first_ns) / 1e9;
}

static void run_case(struct world *world, struct offer *offers, int cpus, __u64 rate)
{
	struct world_config config = {.delivery = XFN_DELIVERY_SOCKET,
				      .rate = rate,
				      .burst = rate / 10 > 1 ? rate / 10 : 1};
	double seconds = bench_is_quick() ? 0.5 : rate < 100 ? 3 : 1, per_packet;
	__u64 before, admitted;
	__u32 count;
	char name[32];

	world_set(world, &config);
	per_packet = offer_all(offers, cpus, PACKETS_CALIBRATE) / PACKETS_CALIBRATE;
	count = seconds / per_packet;
	world_set(world, &config); /* the whole burst is there again */
	before = world_count(world, 0, XFN_VERDICT_STEERED);
	seconds = offer_all(offers, cpus, count);
	admitted = world_count(world, 0, XFN_VERDICT_STEERED) - before;
	snprintf(name, sizeof(name), "%llu/s", (unsigned long long)rate);
	record_begin("limiter", name);
	record_number("cpus", cpus);
	record_number("offered", (double)count * cpus / seconds);
	record_number("burst", config.burst);
	record_number("seconds", seconds);
	record_number("admitted", admitted);
	record_number("configured", config.burst + rate * seconds);
	record_number("ratio", admitted / (config.burst + rate * seconds));
	record_end();
}

static int open_offer(struct offer *offer, const struct world *world)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
	int err = drive_open(&offer->drive);

	if (err)
		return err;
	drive_frame(&offer->drive, mac, WORLD_OWN, WORLD_PORT, NULL, DRIVE_FRAME_BYTES - 42);
	return drive_target(&offer->drive, world->dataplane->interface[0].root_fd);
}

int bench_limiter(int argc, char **argv)
{
	static const __u64 rates[] = {10, 100, 1000, 10000, 100000, 1000000};
	struct offer offers[CPUS_MAX] = {};
	struct world world;
	int err = world_open(&world, WORLD_ONE, 1, 1), cpus;
	unsigned i;

	(void)argc;
	(void)argv;
	for (i = 0; i < CPUS_MAX && !err; i++)
		err = open_offer(&offers[i], &world);
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]) && !err; i++)
		for (cpus = 1; cpus <= CPUS_MAX; cpus++)
			run_case(&world, offers, cpus, rates[i]);
	for (i = 0; i < CPUS_MAX; i++)
		drive_close(&offers[i].drive);
	world_close(&world);
	return err ? 1 : 0;
}
