/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hammer.h"
#include "units.h"

struct hammer {
	pthread_t thread;
	int cpu;
	int program_fd;
	const struct frame_spec *spec;
	unsigned rounds;
	int err;
};

__u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * XFN_NS_PER_S + now.tv_nsec;
}

unsigned hammer_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? HAMMER_CPUS_MAX : 1;
}

static void *hammer_run(void *argument)
{
	struct hammer *hammer = argument;
	struct frame frame;
	LIBBPF_OPTS(bpf_test_run_opts, options, .repeat = HAMMER_RUNS);
	cpu_set_t cpus;
	unsigned i;

	CPU_ZERO(&cpus);
	CPU_SET(hammer->cpu, &cpus);
	hammer->err = pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	frame_build(hammer->spec, &frame);
	options.data_in = frame.bytes;
	options.data_size_in = frame.size;
	for (i = 0; i < hammer->rounds && !hammer->err; i++)
		hammer->err = bpf_prog_test_run_opts(hammer->program_fd, &options);
	return NULL;
}

__u64 hammer_all(const struct harness *harness, const struct frame_spec *spec, unsigned cpus,
		 unsigned rounds)
{
	struct hammer hammers[HAMMER_CPUS_MAX];
	__u64 start_ns = now_ns();
	unsigned i;

	for (i = 0; i < cpus; i++) {
		hammers[i] = (struct hammer){
			.cpu = i,
			.program_fd = harness->dataplane->interface[0].root_fd,
			.spec = spec,
			.rounds = rounds,
		};
		pthread_create(&hammers[i].thread, NULL, hammer_run, &hammers[i]);
	}
	for (i = 0; i < cpus; i++) {
		pthread_join(hammers[i].thread, NULL);
		test_expect(!hammers[i].err, "thread %u: %s", i, strerror(-hammers[i].err));
	}
	return now_ns() - start_ns;
}
