/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cells of per-source limits: an array for each function that has such a limit, entered in one of
 * the function's two tables in xfn_sources, which alone keeps it alive. A generation of the policy names
 * the table, so that cells change with everything else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane.h"
#include "dataplane_load.h"
#include "errnum.h"

static __u32 table_count(const struct xfn_dataplane *dataplane)
{
	return XFN_SOURCES_TABLE(dataplane->capacity.functions, 0);
}

int xfn_secrets_write(const struct xfn_dataplane *dataplane)
{
	struct xfn_secrets secrets;
	__u32 zero = 0;

	if (getrandom(&secrets, sizeof(secrets), 0) != sizeof(secrets))
		return xfn_errno();
	if (bpf_map_update_elem(dataplane->map_fd[XFN_MAP_SECRETS], &zero, &secrets, 0))
		return xfn_errno();
	return 0;
}

int xfn_sources_open(struct xfn_dataplane *dataplane)
{
	__u32 table, id, count = table_count(dataplane);

	dataplane->tables = calloc(count, sizeof(*dataplane->tables));
	if (!dataplane->tables)
		return -ENOMEM;
	for (table = 0; table < count; table++)
		dataplane->tables[table] =
			!bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_SOURCES], &table, &id);
	return 0;
}

/* Fresh cells in place of what the table has. */
static int enter_cells(struct xfn_dataplane *dataplane, __u32 table, __u32 cells)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP);
	int err = 0, fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xfn_cells", sizeof(__u32),
					 sizeof(__u64), cells, &options);

	if (fd < 0)
		return xfn_errno();
	if (bpf_map_update_elem(dataplane->map_fd[XFN_MAP_SOURCES], &table, &fd, 0))
		err = xfn_errno();
	else
		dataplane->tables[table] = true;
	close(fd);
	return err;
}

static void store_words(void *to, const void *from, size_t bytes)
{
	const __u64 *word = from;
	__u64 *at = to;

	for (; bytes; bytes -= sizeof(*word), word++, at++)
		if (*(volatile __u64 *)at != *word)
			__atomic_store_n(at, *word, __ATOMIC_RELAXED);
}

int xfn_dataplane_set_policy(struct xfn_dataplane *dataplane, unsigned generation, __u32 slot,
			     bool keep, const struct xfn_policy_config *config)
{
	struct xfn_policy *policy = &dataplane->policies[slot];
	__u64 live = policy->config[!generation].cells;
	__u32 mask = XFN_POLICY_CELL_MASK_OF(config->cells), table = 0;
	struct xfn_policy_config next = *config;
	int err = 0;

	if (mask && keep && mask == XFN_POLICY_CELL_MASK_OF(live)) {
		table = XFN_POLICY_TABLE_OF(live);
	} else if (mask) {
		table = live ? XFN_POLICY_TABLE_OF(live) ^ 1 : XFN_SOURCES_TABLE(slot, 0);
		err = enter_cells(dataplane, table, mask + 1);
	}
	if (err)
		return err;
	next.cells = XFN_POLICY_CELLS(table, mask);
	store_words(&policy->config[generation], &next, sizeof(next));
	return 0;
}

static bool is_named(const struct xfn_dataplane *dataplane, __u32 table)
{
	const struct xfn_policy_config *config = dataplane->policies[table / 2].config;

	return (config[0].cells && XFN_POLICY_TABLE_OF(config[0].cells) == table) ||
	       (config[1].cells && XFN_POLICY_TABLE_OF(config[1].cells) == table);
}

void xfn_dataplane_sweep_sources(struct xfn_dataplane *dataplane)
{
	__u32 table;

	for (table = 0; table < table_count(dataplane); table++) {
		if (!dataplane->tables[table] || is_named(dataplane, table))
			continue;
		bpf_map_delete_elem(dataplane->map_fd[XFN_MAP_SOURCES], &table);
		dataplane->tables[table] = false;
	}
}
