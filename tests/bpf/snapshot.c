/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "snapshot.h"
#include "tap.h"
#include "../../loader/dataplane.h"
#include "../../loader/dataplane_load.h"

struct copy {
	__u32 elements;
	__u32 element_bytes;
	__u8 *bytes;
};

struct snapshot {
	struct copy maps[XFN_MAP_COUNT];
};

static bool is_per_cpu(__u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH;
}

/*
 * Arrays of all kinds; an empty slot of a program array reads as zeros, and so does all of an XSKMAP,
 * which no program writes and nobody may read.
 */
static bool copy_map(const struct xfn_dataplane *dataplane, enum xfn_map map, struct copy *copy)
{
	int fd = dataplane->map_fd[map];
	struct bpf_map_info info;
	__u32 i;

	if (!test_expect(!xfn_map_info(fd, &info), "no information of %s", xfn_map_name(map)))
		return false;
	copy->elements = info.max_entries;
	copy->element_bytes = (info.value_size + 7) & ~7U;
	if (is_per_cpu(info.type))
		copy->element_bytes *= dataplane->cpus;
	copy->bytes = calloc(copy->elements, copy->element_bytes);
	if (!test_expect(copy->bytes, "out of memory"))
		return false;
	for (i = 0; i < copy->elements; i++)
		if (bpf_map_lookup_elem(fd, &i, copy->bytes + (size_t)i * copy->element_bytes) &&
		    !test_expect(errno == ENOENT || info.type == BPF_MAP_TYPE_XSKMAP,
				 "look up %u in %s: %s", i, xfn_map_name(map), strerror(errno)))
			return false;
	return true;
}

struct snapshot *snapshot_take(const struct xfn_dataplane *dataplane)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int i;

	for (i = 0; snapshot && i < XFN_MAP_COUNT; i++) {
		if (!copy_map(dataplane, i, &snapshot->maps[i])) {
			snapshot_free(snapshot);
			return NULL;
		}
	}
	test_expect(snapshot, "out of memory");
	return snapshot;
}

static void compare(enum xfn_map map, const struct copy *before, const struct copy *after)
{
	__u32 i, bytes = before->element_bytes;

	if (!test_expect(before->elements == after->elements, "%s: another size",
			 xfn_map_name(map)))
		return;
	for (i = 0; i < before->elements; i++)
		if (!test_expect(!memcmp(before->bytes + (size_t)i * bytes,
					 after->bytes + (size_t)i * bytes, bytes),
				 "element %u of %s has changed", i, xfn_map_name(map)))
			return;
}

void snapshot_expect_equal(const struct xfn_dataplane *dataplane, const struct snapshot *before)
{
	struct snapshot *after = before ? snapshot_take(dataplane) : NULL;
	int i;

	for (i = 0; after && i < XFN_MAP_COUNT; i++)
		compare(i, &before->maps[i], &after->maps[i]);
	snapshot_free(after);
}

void snapshot_free(struct snapshot *snapshot)
{
	int i;

	for (i = 0; snapshot && i < XFN_MAP_COUNT; i++)
		free(snapshot->maps[i].bytes);
	free(snapshot);
}
