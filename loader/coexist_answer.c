/* SPDX-License-Identifier: BSD-2-Clause */
/* What libxdp is asked to do, and what its refusals mean. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <xdp/libxdp.h>

#include "coexist_private.h"
#include "errnum.h"
#include "fd.h"
#include "xfn_root.skel.h"

enum { MAPS_MAX = 64 }; /* of a program: as many as the verifier allows (MAX_USED_MAPS) */

/* The end of what libxdp and libbpf said while they did what was asked for: the cause comes last. */
static struct {
	char text[16384];
	size_t bytes;
} said;

static void hear(const char *format, va_list args)
{
	char line[4096];
	int length = vsnprintf(line, sizeof(line), format, args);
	size_t bytes =
		length < (int)sizeof(line) ? (size_t)(length > 0 ? length : 0) : sizeof(line) - 1;

	if (said.bytes + bytes >= sizeof(said.text))
		said.bytes = 0;
	memcpy(said.text + said.bytes, line, bytes);
	said.bytes += bytes;
	said.text[said.bytes] = '\0';
}

static int hear_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	hear(format, args);
	return 0;
}

static int hear_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_DEBUG)
		hear(format, args);
	return 0;
}

/* ---- what a refusal means ------------------------------------------------------------------------- */

#define NO_EXTENSIONS                                                                              \
	"this kernel takes no extension programs (BPF trampolines), by which libxdp's dispatcher " \
	"calls others: --next is the other way to go with another program"

/*
 * What stands in the log of a refusal, and what that means to whoever asked. The first that is found
 * counts.
 */
static const struct {
	const char *sign;
	int err;
	const char *meaning;
} meanings[] = {
	{"Extension program changes packet data", -EOPNOTSUPP,
	 "this kernel lets no program under libxdp's dispatcher call another, as xfn's has to "
	 "(verifier: \"Extension program changes packet data\"; Linux 6.1 does): --next is the "
	 "other way to go with another program"},
	{"not using a dispatcher", -EBUSY,
	 "another XDP program is on it that libxdp's dispatcher does not call: load that one by "
	 "libxdp (xdp-loader load), or take it off, or name it as --next"},
	{"Couldn't open BPF file xdp-dispatcher.o", -ENOENT,
	 "libxdp does not find its dispatcher, xdp-dispatcher.o: install the package libxdp1"},
	{"without a working bpffs", -ENOENT,
	 "libxdp keeps its pins in /sys/fs/bpf/xdp, and no bpffs is mounted at /sys/fs/bpf where "
	 "xfnd sees it: xfnd(8) says how the service has to be set up for --coexist"},
	{"Falling back to loading single prog", -EOPNOTSUPP, NO_EXTENSIONS},
};

static int explain(int err, struct xfn_coexist_answer *answer)
{
	const char *line;
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strstr(said.text, meanings[i].sign)) {
			snprintf(answer->reason, sizeof(answer->reason), "%s", meanings[i].meaning);
			return meanings[i].err;
		}
	while (said.bytes && said.text[said.bytes - 1] == '\n')
		said.text[--said.bytes] = '\0';
	line = strrchr(said.text, '\n');
	snprintf(answer->reason, sizeof(answer->reason), "libxdp: %s: %.400s", strerror(-err),
		 line ? line + 1 : said.text);
	return err;
}

/* ---- programs of a dispatcher ---------------------------------------------------------------------- */

static __u32 map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Ours are those that count in the map that came with the question. */
static bool uses_map(int program_fd, __u32 id)
{
	__u32 ids[MAPS_MAX] = {0}, i;
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (__u64)(unsigned long)ids};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size))
		return false;
	for (i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static struct xdp_program *find_ours(const struct xdp_multiprog *dispatcher, int packets_fd)
{
	__u32 id = map_id(packets_fd);
	struct xdp_program *program = NULL;

	if (!id || xdp_multiprog__is_legacy(dispatcher))
		return NULL;
	while ((program = xdp_multiprog__next_prog(program, dispatcher)))
		if (uses_map(xdp_program__fd(program), id))
			return program;
	return NULL;
}

static struct xdp_multiprog *dispatcher_of(__u32 ifindex)
{
	struct xdp_multiprog *dispatcher = xdp_multiprog__get_from_ifindex((int)ifindex);

	return libxdp_get_error(dispatcher) ? NULL : dispatcher;
}

/* ---- attaching --------------------------------------------------------------------------------------- */

/* The root uses two maps, which are there; all others of its source are not made. */
static int give_maps(struct xfn_root *root, const int fds[2])
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, root->obj)
		if (!bpf_map__is_internal(map) && map != root->maps.xfn_packets &&
		    map != root->maps.xfn_entry_progs)
			bpf_map__set_autocreate(map, false);
	return bpf_map__reuse_fd(root->maps.xfn_packets, fds[0])
		       ?: bpf_map__reuse_fd(root->maps.xfn_entry_progs, fds[1]);
}

/*
 * Where it cannot make a dispatcher, libxdp attaches the program alone, without a word: that is not what
 * was asked for.
 */
static int attach_program(const struct xfn_coexist_question *question, struct xdp_program *program,
			  struct xfn_coexist_answer *answer, int *ret_fd)
{
	enum xdp_attach_mode mode = question->generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
	struct xdp_multiprog *dispatcher;
	int err = xdp_program__attach(program, (int)question->ifindex, mode, 0);
	bool alone;

	if (err)
		return explain(err, answer);
	dispatcher = dispatcher_of(question->ifindex);
	alone = dispatcher && xdp_multiprog__is_legacy(dispatcher);
	xdp_multiprog__close(dispatcher);
	if (!alone) {
		*ret_fd = xfn_fd_copy(xdp_program__fd(program));
		return *ret_fd < 0 ? *ret_fd : 0;
	}
	xdp_program__detach(program, (int)question->ifindex, mode, 0);
	snprintf(answer->reason, sizeof(answer->reason), "%s", NO_EXTENSIONS);
	return -EOPNOTSUPP;
}

static int attach(const struct xfn_coexist_question *question, const int fds[2],
		  struct xfn_coexist_answer *answer, int *ret_fd)
{
	struct xfn_root *root = xfn_root__open();
	struct xdp_program *program;
	int err;

	if (!root)
		return xfn_errno();
	root->rodata->xfn_interface_slot = question->slot;
	err = give_maps(root, fds);
	if (!err) {
		DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .obj = root->obj,
				    .prog_name = "xfn_root");
		program = xdp_program__create(&options);
		err = (int)libxdp_get_error(program);
		if (!err) {
			err = attach_program(question, program, answer, ret_fd);
			xdp_program__close(program);
		}
	}
	xfn_root__destroy(root);
	return err;
}

/* ---- finding, detaching ------------------------------------------------------------------------------ */

static int find(const struct xfn_coexist_question *question, const int fds[2],
		struct xfn_coexist_answer *answer, int *ret_fd)
{
	struct xdp_multiprog *dispatcher = dispatcher_of(question->ifindex);
	struct xdp_program *ours = dispatcher ? find_ours(dispatcher, fds[0]) : NULL;
	int err = ours ? 0 : -ENOENT;

	(void)answer;
	if (ours) {
		*ret_fd = xfn_fd_copy(xdp_program__fd(ours));
		err = *ret_fd < 0 ? *ret_fd : 0;
	}
	xdp_multiprog__close(dispatcher);
	return err;
}

static int detach(const struct xfn_coexist_question *question, const int fds[2],
		  struct xfn_coexist_answer *answer, int *ret_fd)
{
	struct xdp_multiprog *dispatcher = dispatcher_of(question->ifindex);
	struct xdp_program *ours = dispatcher ? find_ours(dispatcher, fds[0]) : NULL;
	int err = 0;

	(void)ret_fd;
	if (ours)
		err = xdp_program__detach(ours, (int)question->ifindex,
					  xdp_multiprog__attach_mode(dispatcher), 0);
	xdp_multiprog__close(dispatcher);
	return err ? explain(err, answer) : 0;
}

static int (*const answers[XFN_COEXIST_OP_COUNT])(const struct xfn_coexist_question *, const int[2],
						  struct xfn_coexist_answer *, int *) = {
	[XFN_COEXIST_ATTACH] = attach,
	[XFN_COEXIST_FIND] = find,
	[XFN_COEXIST_DETACH] = detach,
};

void xfn_coexist_answer(const struct xfn_coexist_question *question, const int fds[2],
			struct xfn_coexist_answer *answer, int *ret_fd)
{
	*ret_fd = -1;
	memset(answer, 0, sizeof(*answer));
	said.bytes = 0;
	said.text[0] = '\0';
	libxdp_set_print(hear_libxdp);
	libbpf_set_print(hear_libbpf);
	answer->err = question->op < XFN_COEXIST_OP_COUNT
			      ? answers[question->op](question, fds, answer, ret_fd)
			      : -EINVAL;
}
