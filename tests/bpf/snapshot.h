/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_SNAPSHOT_H
#define XFN_TESTS_SNAPSHOT_H

/* Every byte of every map of a data plane, per-CPU ones on all CPUs, to be compared with later. */

struct xfn_dataplane;
struct snapshot;

/* Failing is a failure of the test that has begun: NULL. */
struct snapshot *snapshot_take(const struct xfn_dataplane *dataplane);

/* Expects that nothing has changed since; names the map and element that has. */
void snapshot_expect_equal(const struct xfn_dataplane *dataplane, const struct snapshot *before);

/* Takes NULL. */
void snapshot_free(struct snapshot *snapshot);

#endif
