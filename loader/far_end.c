/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_xdp.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "far_end.h"
#include "fd.h"

/* The indices stand in front of the entries: one page has them. */
static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static bool find_indices(struct xfn_far_end *end)
{
	struct xdp_mmap_offsets offsets = {};
	socklen_t bytes = sizeof(offsets);

	if (getsockopt(end->socket_fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes) ||
	    bytes != sizeof(offsets))
		return false;
	end->producer_at = offsets.rx.producer;
	end->consumer_at = offsets.rx.consumer;
	return end->producer_at <= page_bytes() - sizeof(__u32) &&
	       end->consumer_at <= page_bytes() - sizeof(__u32);
}

void xfn_far_end_hold(struct xfn_far_end *end, int socket_fd)
{
	void *ring;

	end->socket_fd = socket_fd;
	if (!find_indices(end))
		return;
	ring = mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, socket_fd, XDP_PGOFF_RX_RING);
	if (ring != MAP_FAILED)
		end->ring = ring;
}

static __u32 index_at(const struct xfn_far_end *end, __u64 place)
{
	return __atomic_load_n((const __u32 *)(end->ring + place), __ATOMIC_ACQUIRE);
}

/* The consumer's first: so that it is not ahead of what was read of the producer's. */
static void read_ring(const struct xfn_far_end *end, struct xfn_far_counts *counts)
{
	__u32 consumed = index_at(end, end->consumer_at);

	counts->seen = true;
	counts->received = index_at(end, end->producer_at);
	counts->waiting = counts->received - consumed;
}

static __u64 sum_lost(int fd)
{
	int cpus = libbpf_num_possible_cpus(), cpu;
	__u64 *values = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL, sum = 0;
	__u32 zero = 0;

	if (values && !bpf_map_lookup_elem(fd, &zero, values))
		for (cpu = 0; cpu < cpus; cpu++)
			sum += values[cpu];
	free(values);
	return sum;
}

void xfn_far_end_read(const struct xfn_far_end *end, struct xfn_far_counts *ret)
{
	struct xdp_statistics statistics = {};
	socklen_t bytes = sizeof(statistics);

	*ret = (struct xfn_far_counts){};
	if (end->ring)
		read_ring(end, ret);
	if (end->lost_fd >= 0)
		ret->no_socket = sum_lost(end->lost_fd);
	if (end->socket_fd < 0 ||
	    getsockopt(end->socket_fd, SOL_XDP, XDP_STATISTICS, &statistics, &bytes))
		return;
	/* rx_fill_ring_empty_descs is of the pool, and counts what is in rx_dropped. */
	ret->dropped = statistics.rx_dropped;
	ret->ring_full = statistics.rx_ring_full;
}

void xfn_far_end_close(struct xfn_far_end *end)
{
	if (end->ring)
		munmap((void *)end->ring, page_bytes());
	end->ring = NULL;
	xfn_fd_close(&end->lost_fd);
	xfn_fd_close(&end->socket_fd);
}
