/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "dataplane_load.h"
#include "errnum.h"
#include "manifest.h"
#include "next.h"

enum { MAPS_MAX = 64 }; /* of a program: as many as the verifier allows (MAX_USED_MAPS) */

/* ---- opening --------------------------------------------------------------------------------------- */

/* True if it uses one of the data plane's maps: root, ingress, a handler. */
static bool is_ours(const struct xfn_dataplane *dataplane, const struct bpf_prog_info *program,
		    const __u32 *map_ids)
{
	struct bpf_map_info map;
	__u32 i;
	int j;

	for (j = 0; j < XFN_MAP_COUNT; j++) {
		if (dataplane->map_fd[j] < 0 || xfn_map_info(dataplane->map_fd[j], &map))
			continue;
		for (i = 0; i < program->nr_map_ids && i < MAPS_MAX; i++)
			if (map_ids[i] == map.id)
				return true;
	}
	return false;
}

static int read_program(int fd, struct bpf_prog_info *info, __u32 map_ids[MAPS_MAX])
{
	__u32 size = sizeof(*info);

	memset(info, 0, size);
	info->map_ids = (__u64)(unsigned long)map_ids;
	info->nr_map_ids = MAPS_MAX;
	return bpf_obj_get_info_by_fd(fd, info, &size) ? xfn_errno() : 0;
}

/* A pin may be of a map or a link: what the kernel fills in for those is no XDP program's type. */
static bool is_program(int fd)
{
	char path[64], line[64];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "prog_type:", strlen("prog_type:"));
	if (file)
		fclose(file);
	return found;
}

static int refuse(const char *why, struct xfn_fault *fault)
{
	xfn_fault_set(fault, "%s, expected the absolute path of a pinned XDP program", why);
	return -EINVAL;
}

int xfn_next_open(const struct xfn_dataplane *dataplane, const char *path, struct xfn_next *ret,
		  struct xfn_fault *fault)
{
	struct bpf_prog_info info;
	__u32 map_ids[MAPS_MAX];
	int fd, err;

	if (path[0] != '/' || strlen(path) > XFN_NEXT_BYTES_MAX)
		return refuse("not absolute, or longer than 255 bytes", fault);
	fd = bpf_obj_get(path);
	if (fd < 0 || !is_program(fd) || read_program(fd, &info, map_ids) ||
	    info.type != BPF_PROG_TYPE_XDP)
		err = refuse("no XDP program is pinned there", fault);
	else if (is_ours(dataplane, &info, map_ids))
		err = refuse("that program is xfn's own", fault);
	else
		err = 0;
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	ret->fd = fd;
	ret->id = info.id;
	memcpy(ret->tag, info.tag, sizeof(ret->tag));
	return 0;
}

/* ---- company --------------------------------------------------------------------------------------- */

/* The least program, loaded for @attach_type: a descriptor or -errno. */
static int load_least(__u32 attach_type)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "xfn_company", "Dual BSD/GPL", insns,
			       sizeof(insns) / sizeof(insns[0]), &options);

	return fd < 0 ? xfn_errno() : fd;
}

static int put(int array_fd, int program_fd)
{
	__u32 zero = 0;

	return bpf_map_update_elem(array_fd, &zero, &program_fd, 0) ? xfn_errno() : 0;
}

/* An array takes the kind of the program that it is given first, and from then on no other. */
int xfn_next_company(int program_fd)
{
	static const struct {
		__u32 attach_type;
		int bit;
	} kinds[] = {{BPF_XDP, XFN_NEXT_WITH_XDP}, {0, XFN_NEXT_WITH_NONE}};
	int array_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "xfn_company", 4, 4, 1, NULL);
	int err, other_fd, found = 0;
	size_t i;

	if (array_fd < 0)
		return xfn_errno();
	err = put(array_fd, program_fd);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !err; i++) {
		other_fd = load_least(kinds[i].attach_type);
		if (other_fd < 0) {
			err = other_fd;
			break;
		}
		if (!put(array_fd, other_fd))
			found |= kinds[i].bit;
		close(other_fd);
	}
	close(array_fd);
	return err ?: found;
}
