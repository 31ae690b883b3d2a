/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FUZZ_KERNEL_H
#define XFN_FUZZ_KERNEL_H
/*
 * What handlers call, in user space: so that sanitizers watch them, and a fuzzer sees their branches.
 * Include it before a handler's source. libbpf's helpers are variables that point to functions:
 * kernel_open() points them to those below.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xfn/handler.h>

#define KERNEL_MAPS_MAX  16
#define KERNEL_HEADROOM  256
#define KERNEL_PAGE      4096
#define KERNEL_HEADERS   42 /* Ethernet, IPv4, UDP */
#define KERNEL_TAIL_ROOM 320

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* A map: an array, or a hash map that is searched from end to end. */
struct kernel_map {
	void *map;
	bool is_hash;
	__u32 key_bytes, value_bytes, max;
	__u32 count; /* of a hash map */
	__u8 *keys, *values;
};

static struct kernel_map kernel_maps[KERNEL_MAPS_MAX];
static struct xdp_md kernel_ctx;
static __u8 *kernel_page; /* below 4 GiB: addresses in the context have 32 bits */

static struct kernel_map *kernel_map_of(const void *map)
{
	struct kernel_map *found = kernel_maps;

	while (found->map != map) {
		found++;
		check(found < kernel_maps + KERNEL_MAPS_MAX);
	}
	return found;
}

static void kernel_map_add(void *map, bool is_hash, __u32 key_bytes, __u32 value_bytes, __u32 max)
{
	struct kernel_map *added = kernel_maps;

	while (added->map)
		added++;
	*added = (struct kernel_map){map, is_hash, key_bytes, value_bytes, max, 0, NULL, NULL};
	added->keys = calloc(max, key_bytes);
	added->values = aligned_alloc(8, ((size_t)max * value_bytes + 7) & ~7UL);
	check(added->keys && added->values);
	memset(added->values, 0, (size_t)max * value_bytes);
}

#define KERNEL_ARRAY(map, value, max) kernel_map_add(&(map), false, 4, sizeof(value), max)
#define KERNEL_HASH(map, key, value, max) \
	kernel_map_add(&(map), true, sizeof(key), sizeof(value), max)

/* As if nothing had happened yet. */
static __attribute__((unused)) void kernel_map_clear(const void *map)
{
	struct kernel_map *cleared = kernel_map_of(map);

	cleared->count = 0;
	memset(cleared->values, 0, (size_t)cleared->max * cleared->value_bytes);
}

static void *kernel_lookup(void *map, const void *key)
{
	struct kernel_map *found = kernel_map_of(map);
	__u32 i = 0;

	if (found->is_hash) {
		while (i < found->count &&
		       memcmp(found->keys + i * found->key_bytes, key, found->key_bytes))
			i++;
		return i < found->count ? found->values + i * found->value_bytes : NULL;
	}
	memcpy(&i, key, 4);
	return i < found->max ? found->values + (size_t)i * found->value_bytes : NULL;
}

static long kernel_update(void *map, const void *key, const void *value, __u64 flags)
{
	struct kernel_map *found = kernel_map_of(map);
	__u8 *at = kernel_lookup(map, key);

	if (at && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!at) {
		if (found->count == found->max)
			return -E2BIG;
		memcpy(found->keys + found->count * found->key_bytes, key, found->key_bytes);
		at = found->values + found->count++ * found->value_bytes;
	}
	memcpy(at, value, found->value_bytes);
	return 0;
}

static long kernel_loop(__u32 count, void *callback, void *context, __u64 flags)
{
	long (*step)(__u32, void *) = (long (*)(__u32, void *))callback;
	__u32 i;

	check(count <= 1 << 23 && !flags);
	for (i = 0; i < count; i++)
		if (step(i, context))
			return i + 1;
	return i;
}

static __u32 kernel_frame_bytes(void)
{
	return kernel_ctx.data_end - kernel_ctx.data;
}

static long kernel_load(struct xdp_md *ctx, __u32 offset, void *to, __u32 bytes)
{
	if (offset > kernel_frame_bytes() || bytes > kernel_frame_bytes() - offset)
		return -EINVAL;
	memcpy(to, (void *)(uintptr_t)(ctx->data + offset), bytes);
	return 0;
}

static long kernel_store(struct xdp_md *ctx, __u32 offset, void *from, __u32 bytes)
{
	if (offset > kernel_frame_bytes() || bytes > kernel_frame_bytes() - offset)
		return -EINVAL;
	memcpy((void *)(uintptr_t)(ctx->data + offset), from, bytes);
	return 0;
}

static long kernel_adjust_tail(struct xdp_md *ctx, int bytes)
{
	long end = (long)ctx->data_end + bytes;

	if (end < (long)ctx->data + 14 ||
	    end > (long)(uintptr_t)kernel_page + KERNEL_PAGE - KERNEL_TAIL_ROOM)
		return -EINVAL;
	if (bytes > 0)
		memset((void *)(uintptr_t)ctx->data_end, 0, bytes);
	ctx->data_end = end;
	return 0;
}

static long kernel_adjust_head(struct xdp_md *ctx, int bytes)
{
	long data = (long)ctx->data + bytes;

	if (data < (long)(uintptr_t)kernel_page + 40 || data > (long)ctx->data_end - 14)
		return -EINVAL;
	ctx->data = data;
	return 0;
}

static __s64 kernel_csum_diff(__be32 *from, __u32 from_bytes, __be32 *to, __u32 to_bytes,
			      __wsum seed)
{
	__u64 sum = seed;
	__u32 i, word;

	check(!from && !from_bytes && to_bytes % 4 == 0 && to_bytes <= 512);
	for (i = 0; i < to_bytes; i += 4) {
		memcpy(&word, (__u8 *)to + i, 4);
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)((sum & 0xffffffff) + (sum >> 32));
}

static __u64 kernel_now_ns = 1;

static __u64 kernel_clock(void)
{
	return kernel_now_ns;
}

static long kernel_lock(struct bpf_spin_lock *lock)
{
	(void)lock;
	return 0;
}

static void kernel_open(void)
{
	bpf_map_lookup_elem = kernel_lookup;
	bpf_map_update_elem = kernel_update;
	bpf_loop = kernel_loop;
	bpf_xdp_load_bytes = kernel_load;
	bpf_xdp_store_bytes = kernel_store;
	bpf_xdp_adjust_tail = kernel_adjust_tail;
	bpf_xdp_adjust_head = kernel_adjust_head;
	bpf_csum_diff = kernel_csum_diff;
	bpf_ktime_get_ns = kernel_clock;
	bpf_ktime_get_coarse_ns = kernel_clock;
	bpf_spin_lock = kernel_lock;
	bpf_spin_unlock = kernel_lock;
	kernel_page = mmap(NULL, KERNEL_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	check(kernel_page != MAP_FAILED);
	KERNEL_ARRAY(xfn_events, struct xfn_event_state, 1);
	KERNEL_ARRAY(xfn_outcomes, struct xfn_version_counts, 1);
	KERNEL_ARRAY(xfn_histograms, struct xfn_histogram, 3);
	KERNEL_ARRAY(xfn_sums, struct xfn_sum_buffer, 1);
}

/* A frame with this payload, as ingress gives it to a handler. At most 2,048 bytes are taken. */
static __u32 kernel_frame(const __u8 *payload, size_t bytes, __u16 src_port)
{
	__u32 zero = 0;
	struct xfn_event_state *state = kernel_lookup(&xfn_events, &zero);

	if (bytes > 2048)
		bytes = 2048;
	memset(kernel_page, 0xee, KERNEL_PAGE);
	kernel_ctx.data = (__u32)(uintptr_t)kernel_page + KERNEL_HEADROOM;
	kernel_ctx.data_end = kernel_ctx.data + KERNEL_HEADERS + bytes;
	memcpy(kernel_page + KERNEL_HEADROOM + KERNEL_HEADERS, payload, bytes);
	*state = (struct xfn_event_state){
		.data = kernel_ctx.data,
		.src_port = src_port,
		.dst_port = 1,
		.src = {9, 0},
		.dst = {1, 0},
		.l3_offset = 14,
		.l4_offset = 34,
		.payload_offset = KERNEL_HEADERS,
		.payload_bytes = bytes,
		.ip_version = 4,
		.l4_proto = IPPROTO_UDP,
	};
	return bytes;
}

/* The payload that is there now, and its length by the UDP header. */
static __u8 *kernel_reply(__u32 *ret_bytes)
{
	__u8 *frame = (__u8 *)(uintptr_t)kernel_ctx.data;
	__u32 udp_bytes = (__u32)frame[38] << 8 | frame[39];

	check(udp_bytes >= 8 && 34 + udp_bytes <= kernel_frame_bytes());
	*ret_bytes = udp_bytes - 8;
	return frame + KERNEL_HEADERS;
}

/* How often the handler had this outcome. */
static __u64 kernel_outcomes(enum xfn_outcome outcome)
{
	__u32 zero = 0;
	struct xfn_version_counts *counts = kernel_lookup(&xfn_outcomes, &zero);

	return counts->outcomes[outcome];
}

#endif
