/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "errnum.h"
#include "zone.h"

#define NAMES_PER_BATCH 1024
#define READERS_WAIT_US 200000

/* The handler's maps, in the order of `maps`. */
enum map {
	MAP_NAMES,
	MAP_PAGES,
	MAP_ZONES,
	MAP_LIVE,
	MAP_COUNT,
};

static const struct {
	const char *name;
	__u32 key_bytes;
	__u32 value_bytes;
	__u32 entries;
} maps[MAP_COUNT] = {
	[MAP_NAMES] = {"names", sizeof(struct zone_key), sizeof(struct zone_name),
		       ZONE_GENERATIONS *ZONE_NAMES_MAX},
	[MAP_PAGES] = {"pages", sizeof(__u32), sizeof(struct zone_page),
		       ZONE_GENERATIONS *ZONE_PAGES},
	[MAP_ZONES] = {"zones", sizeof(__u32), sizeof(struct zone), ZONE_GENERATIONS},
	[MAP_LIVE] = {"live", sizeof(__u32), sizeof(__u64), 1},
};

struct loader {
	const char *map_dir;
	int fds[MAP_COUNT];
	int lock; /* one load at a time */
	char *error;
	size_t error_size;
};

static int fail(struct loader *loader, int err, const char *what, const char *name)
{
	snprintf(loader->error, loader->error_size, "cannot %s '%s' in '%s': %s", what, name,
		 loader->map_dir, strerror(-err));
	return err;
}

static int open_map(struct loader *loader, enum map map)
{
	struct bpf_map_info info = {};
	__u32 info_bytes = sizeof(info);
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", loader->map_dir, maps[map].name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fail(loader, xfn_errno(), "open map", maps[map].name);
	loader->fds[map] = fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes))
		return fail(loader, xfn_errno(), "look at map", maps[map].name);
	if (info.key_size == maps[map].key_bytes && info.value_size == maps[map].value_bytes &&
	    info.max_entries == maps[map].entries)
		return 0;
	snprintf(loader->error, loader->error_size,
		 "map '%s' in '%s' is not the resolver's: key, value, entries are %u, %u, %u; "
		 "expected %u, %u, %u",
		 maps[map].name, loader->map_dir, info.key_size, info.value_size, info.max_entries,
		 maps[map].key_bytes, maps[map].value_bytes, maps[map].entries);
	return -EINVAL;
}

static int open_maps(struct loader *loader)
{
	enum map map;
	int err;

	loader->lock = open(loader->map_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (loader->lock < 0)
		return fail(loader, xfn_errno(), "open folder", ".");
	if (flock(loader->lock, LOCK_EX | LOCK_NB))
		return fail(loader, xfn_errno(), "be the only one to load into", ".");
	for (map = 0; map < MAP_COUNT; map++) {
		err = open_map(loader, map);
		if (err)
			return err;
	}
	return 0;
}

static void close_maps(struct loader *loader)
{
	enum map map;

	for (map = 0; map < MAP_COUNT; map++)
		if (loader->fds[map] >= 0)
			close(loader->fds[map]);
	if (loader->lock >= 0)
		close(loader->lock);
}

/*
 * Returns when every handler that runs now has ended: an XDP program is an RCU reader, and this
 * barrier waits for a grace period. Where it is switched off (nohz_full), a time longer than any packet
 * takes.
 */
static void wait_for_readers(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(READERS_WAIT_US);
}

/* Removes the names of a generation that nobody reads any more. */
static int clear_names(struct loader *loader, __u64 generation)
{
	struct zone_key key, next;
	int fd = loader->fds[MAP_NAMES], err;

	err = bpf_map_get_next_key(fd, NULL, &next);
	while (!err) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
		if (key.generation == generation && bpf_map_delete_elem(fd, &key) &&
		    errno != ENOENT)
			return fail(loader, xfn_errno(), "remove a name from map", "names");
	}
	return errno == ENOENT ? 0 : fail(loader, xfn_errno(), "walk map", "names");
}

static int store_names(struct loader *loader, struct zone_image *image, __u64 generation)
{
	struct zone_key *keys = zone_alloc(NAMES_PER_BATCH * sizeof(*keys));
	struct zone_name *values = zone_alloc(NAMES_PER_BATCH * sizeof(*values));
	size_t at = 0;
	__u32 count;

	while (at < image->entry_count) {
		for (count = 0; count < NAMES_PER_BATCH && at < image->entry_count; count++, at++) {
			keys[count] = image->entries[at].key;
			keys[count].generation = generation;
			values[count] = image->entries[at].name;
		}
		if (bpf_map_update_batch(loader->fds[MAP_NAMES], keys, values, &count, NULL))
			return fail(loader, xfn_errno(), "put names into map", "names");
	}
	return 0;
}

static int store_pages(struct loader *loader, const struct zone_image *image, __u32 generation)
{
	__u32 i, index;

	for (i = 0; i < image->page_count; i++) {
		index = generation * ZONE_PAGES + i;
		if (bpf_map_update_elem(loader->fds[MAP_PAGES], &index, &image->pages[i], 0))
			return fail(loader, xfn_errno(), "put answers into map", "pages");
	}
	return 0;
}

/* Fills the generation that is not live, then makes it the live one by one word. */
static int replace(struct loader *loader, struct zone_image *image)
{
	__u64 live, idle;
	__u32 zero = 0, idle_index;
	int err;

	if (bpf_map_lookup_elem(loader->fds[MAP_LIVE], &zero, &live))
		return fail(loader, xfn_errno(), "read map", "live");
	idle = !(live & 1);
	idle_index = idle;
	wait_for_readers(); /* a load before this one may have ended right behind its last step */
	err = clear_names(loader, idle);
	if (!err)
		err = store_pages(loader, image, idle_index);
	if (!err)
		err = store_names(loader, image, idle);
	if (err)
		return err;
	if (bpf_map_update_elem(loader->fds[MAP_ZONES], &idle_index, &image->zone, 0))
		return fail(loader, xfn_errno(), "write map", "zones");
	if (bpf_map_update_elem(loader->fds[MAP_LIVE], &zero, &idle, 0))
		return fail(loader, xfn_errno(), "write map", "live");
	wait_for_readers();
	clear_names(loader, live & 1); /* memory alone: the next load does it if this fails */
	return 0;
}

int zone_load(const char *map_dir, struct zone_image *image, char *error, size_t error_size)
{
	struct loader loader = {
		.map_dir = map_dir,
		.fds = {-1, -1, -1, -1},
		.lock = -1,
		.error = error,
		.error_size = error_size,
	};
	int err = open_maps(&loader);

	if (!err)
		err = replace(&loader, image);
	close_maps(&loader);
	return err;
}
