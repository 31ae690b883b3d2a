/* SPDX-License-Identifier: BSD-2-Clause */
/* Generations: which one is live, when the other may be written, and how they change places. */
#include <stdlib.h>

#include <bpf/bpf.h>

#include "dataplane.h"
#include "dataplane_load.h"
#include "errnum.h"
#include "processors.h"

/*
 * A map of maps, by itself of no use: an update by system call returns after an RCU grace period,
 * so that user space knows no program still uses what it replaced (kernel/bpf/syscall.c,
 * maybe_wait_bpf_programs, since 5.0).
 */
int xfn_barrier_open(struct xfn_dataplane *dataplane)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);

	dataplane->barrier_inner_fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "xfn_inner", 4, 4, 1, NULL);
	if (dataplane->barrier_inner_fd < 0)
		return xfn_errno();
	options.inner_map_fd = dataplane->barrier_inner_fd;
	dataplane->barrier_outer_fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "xfn_barrier", 4, 4, 1, &options);
	return dataplane->barrier_outer_fd < 0 ? xfn_errno() : 0;
}

int xfn_dataplane_barrier(struct xfn_dataplane *dataplane)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(dataplane->barrier_outer_fd, &zero, &dataplane->barrier_inner_fd,
				0))
		return xfn_errno();
	dataplane->idle_is_quiet = true;
	return 0;
}

int xfn_dataplane_pass(struct xfn_dataplane *dataplane)
{
	return xfn_processors_pass() ? xfn_dataplane_barrier(dataplane) : 0;
}

static __u64 live_word(const struct xfn_dataplane *dataplane)
{
	return __atomic_load_n(&dataplane->rules.control->live, __ATOMIC_RELAXED);
}

__u64 xfn_dataplane_revision(const struct xfn_dataplane *dataplane)
{
	return XFN_LIVE_REVISION(live_word(dataplane));
}

int xfn_dataplane_idle(struct xfn_dataplane *dataplane)
{
	int err;

	if (!dataplane->idle_is_quiet) {
		err = xfn_dataplane_barrier(dataplane);
		if (err)
			return err;
	}
	return !XFN_LIVE_GENERATION(live_word(dataplane));
}

void xfn_dataplane_flip(struct xfn_dataplane *dataplane, __u64 revision)
{
	__u32 generation = !XFN_LIVE_GENERATION(live_word(dataplane));

	__atomic_store_n(&dataplane->rules.control->live, XFN_LIVE(revision, generation),
			 __ATOMIC_RELEASE);
	dataplane->idle_is_quiet = false;
}

static void store_word(__u64 *to, __u64 word)
{
	if (*(volatile __u64 *)to != word)
		__atomic_store_n(to, word, __ATOMIC_RELAXED);
}

void xfn_dataplane_set_function(struct xfn_dataplane *dataplane, unsigned generation, __u32 slot,
				const struct xfn_function_config *config)
{
	struct xfn_function_config *to = &dataplane->functions[slot].config[generation];

	store_word(&to->limit, config->limit);
	store_word(&to->burst, config->burst);
	store_word(&to->target, config->target);
}

void xfn_dataplane_set_off(struct xfn_dataplane *dataplane, unsigned generation, enum xfn_off off)
{
	__atomic_store_n(&dataplane->rules.control->off[generation], off, __ATOMIC_RELAXED);
}

enum xfn_off xfn_dataplane_off(const struct xfn_dataplane *dataplane)
{
	const struct xfn_control *control = dataplane->rules.control;

	return __atomic_load_n(&control->off[XFN_LIVE_GENERATION(live_word(dataplane))],
			       __ATOMIC_RELAXED);
}

int xfn_dataplane_zero(struct xfn_dataplane *dataplane, enum xfn_map map, __u32 index)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	void *zeros;
	int err = 0;

	if (bpf_obj_get_info_by_fd(dataplane->map_fd[map], &info, &size))
		return xfn_errno();
	/* The kernel's stride between CPUs is a multiple of 8 bytes. */
	zeros = calloc(dataplane->cpus, (info.value_size + 7) & ~7U);
	if (!zeros)
		return -ENOMEM;
	if (bpf_map_update_elem(dataplane->map_fd[map], &index, zeros, 0))
		err = xfn_errno();
	free(zeros);
	return err;
}
