/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane.h"
#include "dataplane_load.h"
#include "errnum.h"
#include "fd.h"
#include "ingress.h"
#include "phash.h"

static const char *const map_names[XFN_MAP_COUNT] = {
#define X(NAME, name) #name,
	XFN_MAPS(X)
#undef X
};

const char *xfn_map_name(enum xfn_map map)
{
	return map_names[map];
}

struct xfn_capacity xfn_capacity_of(__u32 triggers, __u32 functions)
{
	struct xfn_capacity capacity = {
		.attach_type = BPF_XDP,
		.triggers = triggers ? triggers : XFN_CAPACITY_TRIGGERS_DEFAULT,
		.functions = functions ? functions : XFN_CAPACITY_FUNCTIONS_DEFAULT,
	};

	capacity.slot_bits = xfn_phash_slot_bits(capacity.triggers);
	capacity.triggers = xfn_phash_capacity(capacity.slot_bits);
	/* While a version takes over, its predecessor drains, and the one before is still counted. */
	capacity.versions = 3 * capacity.functions;
	capacity.histograms =
		capacity.versions < XFN_HISTOGRAMS_MAX ? capacity.versions : XFN_HISTOGRAMS_MAX;
	return capacity;
}

__u32 xfn_map_elements(const struct xfn_dataplane *dataplane, enum xfn_map map)
{
	const struct xfn_capacity *capacity = &dataplane->capacity;
	__u32 entries = 1U << capacity->slot_bits;

	switch (map) {
	case XFN_MAP_ENTRIES:
		return 2 * entries;
	case XFN_MAP_DISPLACE:
		return (2 * entries >> XFN_BUCKET_BITS_LESS) / XFN_DISPLACE_PER_CHUNK ?: 1;
	case XFN_MAP_FUNCTIONS:
	case XFN_MAP_POLICIES:
	case XFN_MAP_COUNTS:
		return capacity->functions;
	case XFN_MAP_SOURCES:
		return XFN_SOURCES_TABLE(capacity->functions, 0);
	case XFN_MAP_HANDLERS:
	case XFN_MAP_OUTCOMES:
		return capacity->versions;
	case XFN_MAP_HISTOGRAMS:
		return capacity->histograms * XFN_STAGE_COUNT;
	case XFN_MAP_CPUS:
		return dataplane->cpus;
	case XFN_MAP_HANDED:
	case XFN_MAP_LOSSES:
		return XFN_HANDED_CPU(dataplane->cpus);
	default:
		return 0;
	}
}

/* ---- maps ---------------------------------------------------------------------------------------- */

static int keep_maps(struct xfn_dataplane *dataplane, const struct bpf_object *ingress)
{
	struct bpf_map *map;
	int i;

	for (i = 0; i < XFN_MAP_COUNT; i++) {
		map = bpf_object__find_map_by_name(ingress, map_names[i]);
		dataplane->map_fd[i] = xfn_fd_copy(bpf_map__fd(map));
		if (dataplane->map_fd[i] < 0)
			return dataplane->map_fd[i];
	}
	return 0;
}

/* The last pin says that all is there, so what is in the maps from the start is written before. */
static int pin_maps(struct xfn_dataplane *dataplane)
{
	struct xfn_control control = {.abi = XFN_ABI_VERSION,
				      .attach_type = dataplane->capacity.attach_type};
	char path[PATH_MAX];
	__u32 zero = 0;
	int i, err = 0;

	if (bpf_map_update_elem(dataplane->map_fd[XFN_MAP_CONTROL], &zero, &control, 0))
		return xfn_errno();
	err = xfn_secrets_write(dataplane);
	for (i = 0; i < XFN_MAP_COUNT && !err; i++) {
		err = xfn_pin_path(dataplane, path, sizeof(path), "maps", map_names[i]);
		if (!err && bpf_obj_pin(dataplane->map_fd[i], path))
			err = xfn_errno();
	}
	return err;
}

/* Makes all maps by loading one ingress program, which is let go again. */
static int make_maps(struct xfn_dataplane *dataplane, struct xfn_fault *fault)
{
	struct xfn_ingress_request request = {.variant = XFN_INGRESS_LIVE};
	struct bpf_object *ingress;
	int err = xfn_ingress_load(dataplane, &request, &ingress, fault);

	if (err)
		return err;
	err = keep_maps(dataplane, ingress);
	bpf_object__close(ingress);
	return err ?: pin_maps(dataplane);
}

int xfn_map_info(int fd, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, size);
	return bpf_obj_get_info_by_fd(fd, info, &size) ? xfn_errno() : 0;
}

static int open_maps(struct xfn_dataplane *dataplane)
{
	char path[PATH_MAX];
	int i, err;

	for (i = 0; i < XFN_MAP_COUNT; i++) {
		err = xfn_pin_path(dataplane, path, sizeof(path), "maps", map_names[i]);
		if (err)
			return err;
		dataplane->map_fd[i] = bpf_obj_get(path);
		if (dataplane->map_fd[i] < 0)
			return dataplane->map_fd[i];
	}
	return 0;
}

/* The value sizes that this program was compiled with must be those of the pinned maps. */
static int check_layout(struct xfn_dataplane *dataplane, struct xfn_fault *fault)
{
	static const __u32 value_bytes[XFN_MAP_COUNT] = {
		[XFN_MAP_PACKETS] = sizeof(__u64),
		[XFN_MAP_INTERFACES] = sizeof(struct xfn_interface),
		[XFN_MAP_CONTROL] = sizeof(struct xfn_control),
		[XFN_MAP_PORTS] = sizeof(struct xfn_port_chunk),
		[XFN_MAP_PROBES] = sizeof(union xfn_probe_word),
		[XFN_MAP_SHAPES] = sizeof(struct xfn_shape),
		[XFN_MAP_DISPLACE] = sizeof(struct xfn_displace_chunk),
		[XFN_MAP_ENTRIES] = sizeof(struct xfn_entry),
		[XFN_MAP_FUNCTIONS] = sizeof(struct xfn_function),
		[XFN_MAP_POLICIES] = sizeof(struct xfn_policy),
		[XFN_MAP_SECRETS] = sizeof(struct xfn_secrets),
		[XFN_MAP_VERDICTS] = sizeof(struct xfn_interface_verdicts),
		[XFN_MAP_COUNTS] = sizeof(struct xfn_function_counts),
		[XFN_MAP_EVENTS] = sizeof(struct xfn_event_state),
		[XFN_MAP_OUTCOMES] = sizeof(struct xfn_version_counts),
		[XFN_MAP_HISTOGRAMS] = sizeof(struct xfn_histogram),
		[XFN_MAP_SUMS] = sizeof(struct xfn_sum_buffer),
		[XFN_MAP_KEYS] = sizeof(struct xfn_key_scratch),
		[XFN_MAP_TARGETS] = sizeof(struct xfn_target),
		[XFN_MAP_LOSSES] = sizeof(struct xfn_handed_counts),
		[XFN_MAP_PORT_LOSSES] = sizeof(struct xfn_port_losses),
	};
	struct bpf_map_info info;
	int i, err;

	for (i = 0; i < XFN_MAP_COUNT; i++) {
		err = xfn_map_info(dataplane->map_fd[i], &info);
		if (err)
			return err;
		if (value_bytes[i] && info.value_size != value_bytes[i]) {
			xfn_fault_set(fault,
				      "pinned map '%s/maps/%s' has values of %u bytes, expected %u",
				      dataplane->dir, map_names[i], info.value_size,
				      value_bytes[i]);
			return -EEXIST;
		}
	}
	return 0;
}

static int read_capacity(struct xfn_dataplane *dataplane, struct xfn_fault *fault)
{
	struct bpf_map_info entries, functions, handlers, histograms;
	struct xfn_capacity *capacity = &dataplane->capacity;
	int err = xfn_map_info(dataplane->map_fd[XFN_MAP_ENTRIES], &entries) ?:
		  xfn_map_info(dataplane->map_fd[XFN_MAP_FUNCTIONS], &functions) ?:
		  xfn_map_info(dataplane->map_fd[XFN_MAP_HANDLERS], &handlers) ?:
		  xfn_map_info(dataplane->map_fd[XFN_MAP_HISTOGRAMS], &histograms);

	if (err)
		return err;
	*capacity = xfn_capacity_of(0, functions.max_entries);
	capacity->versions = handlers.max_entries;
	capacity->histograms = histograms.max_entries / XFN_STAGE_COUNT;
	capacity->slot_bits = __builtin_ctz(entries.max_entries / 2);
	capacity->triggers = xfn_phash_capacity(capacity->slot_bits);
	if (entries.max_entries != xfn_map_elements(dataplane, XFN_MAP_ENTRIES)) {
		xfn_fault_set(fault,
			      "pinned map '%s/maps/xfn_entries' has %u elements, no power of two",
			      dataplane->dir, entries.max_entries);
		return -EEXIST;
	}
	return 0;
}

static int map_memory(struct xfn_dataplane *dataplane, enum xfn_map map, void *ret)
{
	struct bpf_map_info info;
	int err = xfn_map_info(dataplane->map_fd[map], &info);
	void *memory;

	if (err)
		return err;
	memory = mmap(NULL, (size_t)info.value_size * info.max_entries, PROT_READ | PROT_WRITE,
		      MAP_SHARED, dataplane->map_fd[map], 0);
	if (memory == MAP_FAILED)
		return xfn_errno();
	*(void **)ret = memory;
	return 0;
}

/* Rulesets are compiled with the seed that the readers of keys will use. */
static int read_secrets(struct xfn_dataplane *dataplane)
{
	struct xfn_secrets secrets;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_SECRETS], &zero, &secrets))
		return xfn_errno();
	dataplane->rules.key_seed = secrets.key_seed;
	return 0;
}

static int map_all(struct xfn_dataplane *dataplane)
{
	const struct {
		enum xfn_map map;
		void *view;
	} views[] = {
		{XFN_MAP_CONTROL, &dataplane->rules.control},
		{XFN_MAP_PORTS, &dataplane->rules.ports},
		{XFN_MAP_PROBES, &dataplane->rules.probes},
		{XFN_MAP_SHAPES, &dataplane->rules.shapes},
		{XFN_MAP_DISPLACE, &dataplane->rules.displace},
		{XFN_MAP_ENTRIES, &dataplane->rules.entries},
		{XFN_MAP_INTERFACES, &dataplane->interfaces},
		{XFN_MAP_FUNCTIONS, &dataplane->functions},
		{XFN_MAP_POLICIES, &dataplane->policies},
		{XFN_MAP_TARGETS, &dataplane->targets},
		{XFN_MAP_PORT_LINES, &dataplane->port_lines},
		{XFN_MAP_PORT_RULES, &dataplane->port_rules},
		{XFN_MAP_PORT_LOSSES, &dataplane->port_losses},
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(views) / sizeof(views[0]) && !err; i++)
		err = map_memory(dataplane, views[i].map, views[i].view);
	dataplane->rules.slot_bits = dataplane->capacity.slot_bits;
	return err ?: read_secrets(dataplane);
}

static void unmap(struct xfn_dataplane *dataplane, enum xfn_map map, void *memory)
{
	struct bpf_map_info info;

	if (memory && !xfn_map_info(dataplane->map_fd[map], &info))
		munmap(memory, (size_t)info.value_size * info.max_entries);
}

static int check_abi(const struct xfn_dataplane *dataplane, struct xfn_fault *fault)
{
	if (dataplane->rules.control->abi == XFN_ABI_VERSION)
		return 0;
	xfn_fault_set(fault, "what is pinned in '%s' has layout version %llu, this xfnd has %d",
		      dataplane->dir, dataplane->rules.control->abi, XFN_ABI_VERSION);
	return -EEXIST;
}

/* ---- opening and closing ------------------------------------------------------------------------- */

static struct xfn_dataplane *dataplane_new(const char *pin_dir)
{
	struct xfn_dataplane *dataplane = calloc(1, sizeof(*dataplane));
	int i;

	if (!dataplane)
		return NULL;
	for (i = 0; i < XFN_MAP_COUNT; i++)
		dataplane->map_fd[i] = -1;
	for (i = 0; i < XFN_INTERFACES_MAX; i++) {
		dataplane->interface[i].link_fd = -1;
		dataplane->interface[i].root_fd = -1;
		dataplane->interface[i].ingress_fd = -1;
	}
	dataplane->barrier_outer_fd = dataplane->barrier_inner_fd = -1;
	dataplane->lock_fd = -1;
	dataplane->cpus = libbpf_num_possible_cpus();
	dataplane->dir = xfn_dataplane_dir(pin_dir);
	if (!dataplane->dir) {
		free(dataplane);
		return NULL;
	}
	return dataplane;
}

/* The last map that is pinned is there: so all are. */
static bool is_pinned(const struct xfn_dataplane *dataplane)
{
	char path[PATH_MAX];

	return !xfn_pin_path(dataplane, path, sizeof(path), "maps", map_names[XFN_MAP_COUNT - 1]) &&
	       !access(path, F_OK);
}

bool xfn_dataplane_is_pinned(const char *pin_dir)
{
	struct xfn_dataplane probe = {.dir = xfn_dataplane_dir(pin_dir)};
	bool pinned = probe.dir && is_pinned(&probe);

	free(probe.dir);
	return pinned;
}

static int adopt(struct xfn_dataplane *dataplane, struct xfn_fault *fault)
{
	int err = open_maps(dataplane);

	if (err) {
		xfn_fault_set(fault, "cannot open the maps pinned in '%s/maps': %s", dataplane->dir,
			      strerror(-err));
		return -EEXIST;
	}
	err = check_layout(dataplane, fault);
	if (!err)
		err = read_capacity(dataplane, fault);
	if (!err)
		err = map_all(dataplane);
	if (!err)
		err = check_abi(dataplane, fault);
	if (!err)
		dataplane->capacity.attach_type = dataplane->rules.control->attach_type;
	if (!err)
		err = xfn_dataplane_adopt_interfaces(dataplane, fault);
	return err;
}

/* What a start that was killed half-way left behind has no link yet, so it is cleared away. */
static int make(struct xfn_dataplane *dataplane, const char *pin_dir, struct xfn_fault *fault)
{
	int err;

	if (xfn_pins_have_links(dataplane)) {
		xfn_fault_set(
			fault,
			"interfaces are attached by pins in '%s', and the maps beside them are "
			"damaged or of another layout, expected '%s/maps/%s' there",
			dataplane->dir, dataplane->dir, map_names[XFN_MAP_COUNT - 1]);
		return -EEXIST;
	}
	err = xfn_pin_remove_tree(dataplane->dir);
	if (!err)
		err = xfn_pins_make_folders(dataplane, pin_dir);
	if (!err)
		err = xfn_pins_lock(dataplane->dir, &dataplane->lock_fd, fault);
	if (err) {
		xfn_fault_set(fault, "cannot make '%s': %s", dataplane->dir, strerror(-err));
		return err;
	}
	err = make_maps(dataplane, fault);
	return err ?: map_all(dataplane);
}

/* The locked folder is removed and made again; the lock moves to the new one. */
static int make_anew(struct xfn_dataplane *dataplane, const char *pin_dir, struct xfn_fault *fault)
{
	xfn_fd_close(&dataplane->lock_fd);
	return make(dataplane, pin_dir, fault);
}

int xfn_dataplane_open(const char *pin_dir, const struct xfn_capacity *capacity,
		       struct xfn_dataplane **ret, bool *adopted, struct xfn_fault *fault)
{
	struct xfn_dataplane *dataplane = dataplane_new(pin_dir);
	int err;

	fault->text[0] = '\0';
	if (!dataplane)
		return -ENOMEM;
	dataplane->capacity = *capacity;
	err = xfn_pins_lock(dataplane->dir, &dataplane->lock_fd, fault);
	*adopted = !err && is_pinned(dataplane);
	if (!err)
		err = *adopted ? adopt(dataplane, fault) : make_anew(dataplane, pin_dir, fault);
	if (!err)
		err = xfn_sources_open(dataplane) ?: xfn_barrier_open(dataplane);
	if (err) {
		if (!fault->text[0])
			xfn_fault_set(fault, "cannot open the data plane in '%s': %s",
				      dataplane->dir, strerror(-err));
		xfn_dataplane_close(dataplane);
		return err;
	}
	*ret = dataplane;
	return 0;
}

void xfn_dataplane_close(struct xfn_dataplane *dataplane)
{
	int i;

	if (!dataplane)
		return;
	unmap(dataplane, XFN_MAP_CONTROL, dataplane->rules.control);
	unmap(dataplane, XFN_MAP_PORTS, dataplane->rules.ports);
	unmap(dataplane, XFN_MAP_PROBES, dataplane->rules.probes);
	unmap(dataplane, XFN_MAP_SHAPES, dataplane->rules.shapes);
	unmap(dataplane, XFN_MAP_DISPLACE, dataplane->rules.displace);
	unmap(dataplane, XFN_MAP_ENTRIES, dataplane->rules.entries);
	unmap(dataplane, XFN_MAP_INTERFACES, dataplane->interfaces);
	unmap(dataplane, XFN_MAP_FUNCTIONS, dataplane->functions);
	unmap(dataplane, XFN_MAP_POLICIES, dataplane->policies);
	unmap(dataplane, XFN_MAP_TARGETS, dataplane->targets);
	unmap(dataplane, XFN_MAP_PORT_LINES, dataplane->port_lines);
	unmap(dataplane, XFN_MAP_PORT_RULES, dataplane->port_rules);
	unmap(dataplane, XFN_MAP_PORT_LOSSES, dataplane->port_losses);
	for (i = 0; i < XFN_INTERFACES_MAX; i++)
		xfn_interface_close(&dataplane->interface[i]);
	for (i = 0; i < XFN_MAP_COUNT; i++)
		xfn_fd_close(&dataplane->map_fd[i]);
	xfn_fd_close(&dataplane->barrier_outer_fd);
	xfn_fd_close(&dataplane->barrier_inner_fd);
	xfn_fd_close(&dataplane->lock_fd);
	free(dataplane->tables);
	free(dataplane->dir);
	free(dataplane);
}
