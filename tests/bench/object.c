/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "object.h"
#include "world.h"
#include "errnum.h"

#define BATCH_PACKETS 64
#define MAP_BYTES     4096

/* ---- files ------------------------------------------------------------------------------------- */

/* build/NAME: the program is build/tests/bench/bench. */
static int build_path(const char *name, char *path, size_t size)
{
	char dir[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;
	int i;

	if (length < 0)
		return xfn_errno();
	dir[length] = '\0';
	for (i = 0; i < 3; i++) {
		slash = strrchr(dir, '/');
		if (slash)
			*slash = '\0';
	}
	return (size_t)snprintf(path, size, "%s/%s", dir, name) < size ? 0 : -ENAMETOOLONG;
}

void *object_read(const char *name, size_t *ret_bytes)
{
	char path[PATH_MAX];
	struct stat info;
	void *bytes = NULL;
	ssize_t got = -1;
	int fd = -1;

	if (!build_path(name, path, sizeof(path)))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &info) && (bytes = malloc(info.st_size + 1)))
		got = read(fd, bytes, info.st_size);
	if (fd >= 0)
		close(fd);
	if (got < 0) {
		fprintf(stderr, "bench: cannot read '%s': %s\n", name, strerror(errno));
		free(bytes);
		return NULL;
	}
	*ret_bytes = got;
	return bytes;
}

/* ---- objects ----------------------------------------------------------------------------------- */

static int set_constant(struct bpf_object *object, const struct object_constant *constant)
{
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_type *section;
	const struct btf_var_secinfo *var;
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	char data[256];
	size_t size;
	const void *initial = map ? bpf_map__initial_value(map, &size) : NULL;
	int i, id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);

	if (!initial || id < 0 || size > sizeof(data))
		return -ENOENT;
	memcpy(data, initial, size);
	section = btf__type_by_id(btf, id);
	var = btf_var_secinfos(section);
	for (i = 0; i < btf_vlen(section); i++, var++) {
		if (strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, var->type)->name_off),
			   constant->name))
			continue;
		memcpy(data + var->offset, &constant->value, sizeof(constant->value));
		return bpf_map__set_initial_value(map, data, size);
	}
	return -ENOENT;
}

static int share_maps(struct bpf_object *object, const struct world *world)
{
	struct bpf_map *map;
	int i, err = 0;

	for (i = 0; i < XFN_MAP_COUNT && !err; i++) {
		map = bpf_object__find_map_by_name(object, xfn_map_name(i));
		if (map)
			err = bpf_map__reuse_fd(map, world->dataplane->map_fd[i]);
	}
	return err;
}

int object_load(const char *name, const struct world *world,
		const struct object_constant *constants, struct bpf_object **ret)
{
	struct bpf_object *object;
	char relative[128], path[PATH_MAX];
	int err;

	snprintf(relative, sizeof(relative), "tests/bench/%s.bpf.o", name);
	err = build_path(relative, path, sizeof(path));
	object = err ? NULL : bpf_object__open_file(path, NULL);
	if (!object)
		err = err ?: xfn_errno();
	else if (world)
		err = share_maps(object, world);
	for (; !err && constants && constants->name; constants++)
		err = set_constant(object, constants);
	if (!err)
		err = bpf_object__load(object);
	if (err) {
		fprintf(stderr, "bench: cannot load '%s': %s\n", path, strerror(-err));
		bpf_object__close(object);
		return err;
	}
	*ret = object;
	return 0;
}

static int fill_hashmap(const struct bpf_object *object, const struct xfn_ruleset *ruleset)
{
	int fd = object_map(object, "bench_rules");
	__u32 i, rule[2];

	for (i = 0; i < 1U << ruleset->slot_bits; i++) {
		if (!(ruleset->entries[i].key.meta & XFN_META_VALID))
			continue;
		rule[0] = ruleset->entries[i].function;
		rule[1] = ruleset->entries[i].rule;
		if (bpf_map_update_elem(fd, &ruleset->entries[i].key, rule, 0))
			return xfn_errno();
	}
	return 0;
}

int object_load_hashmap(const struct world *world, struct bpf_object **ret)
{
	struct object_constant constants[] = {
		{"xfn_slot_bits", world->dataplane->capacity.slot_bits}, {NULL, 0}};
	int err = object_load("hashmap", world, constants, ret);

	return err ?: fill_hashmap(*ret, world->ruleset);
}

int object_program(const struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (program)
		return bpf_program__fd(program);
	fprintf(stderr, "bench: no program '%s'\n", name);
	return -ENOENT;
}

int object_map(const struct bpf_object *object, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	if (map)
		return bpf_map__fd(map);
	fprintf(stderr, "bench: no map '%s'\n", name);
	return -ENOENT;
}

/* ---- the generator ----------------------------------------------------------------------------- */

int drive_open(struct drive *drive)
{
	int err = object_load("drive", NULL, NULL, &drive->object), fd;
	void *mapped;

	if (err)
		return err;
	drive->call_fd = object_program(drive->object, "drive_call");
	drive->send_fd = object_program(drive->object, "drive_send");
	drive->pace_fd = object_program(drive->object, "drive_pace");
	drive->target_fd = object_map(drive->object, "bench_target");
	fd = object_map(drive->object, "bench_drive");
	mapped = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		return xfn_errno();
	drive->control = mapped;
	drive->control->random = 0x9e3779b97f4a7c15ULL;
	return 0;
}

void drive_close(struct drive *drive)
{
	if (drive->control)
		munmap(drive->control, MAP_BYTES);
	bpf_object__close(drive->object);
}

static __u32 sum_words(const void *bytes, __u32 size)
{
	const __u8 *byte = bytes;
	__u32 i, sum = 0;

	for (i = 0; i < size; i += 2)
		sum += byte[i] << 8 | byte[i + 1];
	return sum;
}

static __u16 sum_end(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

void drive_frame(struct drive *drive, const __u8 dst_mac[6], __u32 dst, __u16 dst_port,
		 const void *payload, __u32 payload_bytes)
{
	struct frame {
		struct ethhdr eth;
		struct iphdr ip;
		struct udphdr udp;
		__u8 payload[2 * DRIVE_FRAME_BYTES - 42];
	} __attribute__((packed)) frame = {
		.eth = {.h_source = {2, 0, 0, 0, 0, 2}, .h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = IPPROTO_UDP,
		       .saddr = htonl(0xc6120002)},
		.udp = {.source = htons(4000), .dest = htons(dst_port)},
	};
	__u32 headers = sizeof(frame) - sizeof(frame.payload);

	_Static_assert(sizeof(struct frame) == sizeof(drive->control->frame), "template");
	drive->frame_bytes = headers + payload_bytes > DRIVE_FRAME_BYTES ? 2 * DRIVE_FRAME_BYTES
									 : DRIVE_FRAME_BYTES;
	memcpy(frame.eth.h_dest, dst_mac, sizeof(frame.eth.h_dest));
	if (payload)
		memcpy(frame.payload, payload, payload_bytes);
	frame.udp.len = htons(sizeof(frame.udp) + payload_bytes);
	frame.ip.tot_len = htons(sizeof(frame.ip) + sizeof(frame.udp) + payload_bytes);
	drive->control->sum = sum_words(&frame.ip, sizeof(frame.ip));
	frame.ip.daddr = htonl(dst);
	frame.ip.check = sum_end(sum_words(&frame.ip, sizeof(frame.ip)));
	memcpy(drive->control->frame, &frame, sizeof(frame));
	drive->control->dst_first = dst;
	drive->control->dst_count = 0;
}

int drive_target(struct drive *drive, int program_fd)
{
	__u32 zero = 0;

	return bpf_map_update_elem(drive->target_fd, &zero, &program_fd, 0) ? xfn_errno() : 0;
}

int drive_call(struct drive *drive, __u32 count)
{
	__u8 in[2 * DRIVE_FRAME_BYTES] = {}, out[4096];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in, .data_size_in = drive->frame_bytes,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = (int)count);

	return bpf_prog_test_run_opts(drive->call_fd, &options) ? xfn_errno() : (int)options.retval;
}

static int send_live(struct drive *drive, int program_fd, __u32 count, __u32 batch)
{
	__u8 in[2 * DRIVE_FRAME_BYTES] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in, .data_size_in = drive->frame_bytes,
		    .repeat = (int)count, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = batch);

	return bpf_prog_test_run_opts(program_fd, &options) ? xfn_errno() : 0;
}

int drive_send(struct drive *drive, __u32 count)
{
	return send_live(drive, drive->send_fd, count, BATCH_PACKETS);
}

int drive_pace(struct drive *drive, __u32 count, __u32 burst)
{
	drive->control->burst = burst;
	drive->control->next_ns = 0;
	return send_live(drive, drive->pace_fd, count, burst);
}
