/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "dataplane_load.h"
#include "errnum.h"
#include "losses.h"
#include "xfn_losses.skel.h"

#define FOLDER "losses"

/* The programs, by their tracepoint, and how many arguments they expect of it. The first one does for ports. */
static const struct {
	const char *program;
	const char *tracepoint;
	unsigned arguments;
} points[] = {
	{"xfn_redir_err", "xdp_redirect_err", 7}, {"xfn_devmap_xmit", "xdp_devmap_xmit", 5},
	{"xfn_exception", "xdp_exception", 3},    {"xfn_enqueue", "xdp_cpumap_enqueue", 4},
	{"xfn_kthread", "xdp_cpumap_kthread", 5},
};

#define POINTS (sizeof(points) / sizeof(points[0]))

static size_t count_points(enum xfn_losses_of of)
{
	return of == XFN_LOSSES_OF_PORTS ? 1 : POINTS;
}

const char *xfn_loss_label(enum xfn_loss cause)
{
	static const char *const labels[XFN_LOSS_COUNT] = {
#define X(number, NAME, label, meaning) [number] = #label,
		XFN_LOSSES(X)
#undef X
	};

	return labels[cause];
}

/* ---- does this kernel speak as we listen? ----------------------------------------------------------- */

/* Arguments of a tracepoint, as the kernel's BTF has them, or -errno. */
static int count_arguments(const struct btf *kernel, const char *tracepoint)
{
	const struct btf_type *type;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(kernel, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return id;
	type = btf__type_by_id(kernel, btf__type_by_id(kernel, id)->type); /* pointer */
	type = btf__type_by_id(kernel, type->type);                        /* function */
	return btf_is_func_proto(type) ? (int)btf_vlen(type) - 1 : -EINVAL;
}

static int check_tracepoints(struct xfn_fault *fault)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int count, err = 0;
	size_t i;

	if (!kernel) {
		err = xfn_errno();
		xfn_fault_set(fault, "the kernel has no BTF: %s", strerror(-err));
		return err;
	}
	for (i = 0; i < POINTS && !err; i++) {
		count = count_arguments(kernel, points[i].tracepoint);
		if (count == (int)points[i].arguments)
			continue;
		err = -EOPNOTSUPP;
		xfn_fault_set(fault, "the kernel's tracepoint %s has %d arguments, expected %u",
			      points[i].tracepoint, count, points[i].arguments);
	}
	btf__free(kernel);
	return err;
}

/* ---- attaching -------------------------------------------------------------------------------------- */

static int map_id(const struct xfn_dataplane *dataplane, enum xfn_map map, __u32 *ret)
{
	struct bpf_map_info info;
	int err = xfn_map_info(dataplane->map_fd[map], &info);

	if (!err)
		*ret = info.id;
	return err;
}

static int netns_cookie(const struct xfn_dataplane *dataplane, __u64 *ret)
{
	const char *slash = strrchr(dataplane->dir, '/');

	return slash && sscanf(slash + 1, "%llu", ret) == 1 ? 0 : -EINVAL;
}

static int load(const struct xfn_dataplane *dataplane, struct xfn_losses *losses)
{
	__u32 devs_id = 0, cpus_id = 0, port_devs_id = 0;
	__u64 cookie = 0;
	struct bpf_map *map;
	int i, err = map_id(dataplane, XFN_MAP_DEVS, &devs_id) ?:
		     map_id(dataplane, XFN_MAP_CPUS, &cpus_id) ?:
		     map_id(dataplane, XFN_MAP_PORT_DEVS, &port_devs_id) ?:
		     netns_cookie(dataplane, &cookie);

	losses->rodata->xfn_devs_id = devs_id;
	losses->rodata->xfn_cpus_id = cpus_id;
	losses->rodata->xfn_port_devs_id = port_devs_id;
	losses->rodata->xfn_netns_cookie = cookie;
	for (i = 0; i < XFN_MAP_COUNT && !err; i++) {
		map = bpf_object__find_map_by_name(losses->obj, xfn_map_name(i));
		if (map)
			err = bpf_map__reuse_fd(map, dataplane->map_fd[i]);
	}
	return err ?: xfn_losses__load(losses);
}

static int attach_one(const struct xfn_dataplane *dataplane, const struct xfn_losses *losses,
		      const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(losses->obj, name);
	struct bpf_link *link;
	char path[PATH_MAX];
	int err = xfn_pin_path(dataplane, path, sizeof(path), FOLDER, name);

	if (err || !access(path, F_OK))
		return err;
	link = bpf_program__attach(program);
	if (!link)
		return xfn_errno();
	err = bpf_link__pin(link, path);
	bpf_link__destroy(link); /* the pin holds it */
	return err;
}

int xfn_losses_attach(const struct xfn_dataplane *dataplane, enum xfn_losses_of of,
		      struct xfn_fault *fault)
{
	struct xfn_losses *losses;
	size_t i;
	int err;

	fault->text[0] = '\0';
	if (xfn_losses_are_attached(dataplane, of))
		return 0;
	err = check_tracepoints(fault);
	if (err)
		return err;
	losses = xfn_losses__open();
	if (!losses)
		return xfn_errno();
	err = load(dataplane, losses);
	for (i = 0; i < count_points(of) && !err; i++)
		err = attach_one(dataplane, losses, points[i].program);
	if (err) {
		xfn_fault_set(fault, "cannot listen to the kernel's XDP tracepoints: %s",
			      strerror(-err));
		xfn_losses_detach(dataplane, XFN_LOSSES_OF_NOTHING);
	}
	xfn_losses__destroy(losses);
	return err;
}

bool xfn_losses_are_attached(const struct xfn_dataplane *dataplane, enum xfn_losses_of of)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < count_points(of); i++)
		if (xfn_pin_path(dataplane, path, sizeof(path), FOLDER, points[i].program) ||
		    access(path, F_OK))
			return false;
	return true;
}

int xfn_losses_detach(const struct xfn_dataplane *dataplane, enum xfn_losses_of kept)
{
	char path[PATH_MAX];
	size_t i = kept == XFN_LOSSES_OF_NOTHING ? 0 : count_points(kept);
	int err = 0;

	for (; i < POINTS; i++)
		if (!xfn_pin_path(dataplane, path, sizeof(path), FOLDER, points[i].program) &&
		    unlink(path) && errno != ENOENT)
			err = xfn_errno();
	return err;
}

void xfn_losses_read(const struct xfn_dataplane *dataplane, __u32 index,
		     struct xfn_handed_counts *ret)
{
	if (bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_LOSSES], &index, ret))
		memset(ret, 0, sizeof(*ret));
}
