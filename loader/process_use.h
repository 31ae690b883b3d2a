/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_PROCESS_USE_H
#define XFN_PROCESS_USE_H

/* What a process takes of this host, and how much it may: as proc(5) tells everybody. */

#include <sys/types.h>
#include <linux/types.h>

/* Of a figure: proc(5) does not tell it, here. Of a maximum: there is none. */
#define XFN_USE_UNKNOWN (~0ULL)

struct xfn_process_use {
	__u64 cpu_ms;
	__u64 resident_bytes;             /* what it has in memory */
	__u64 data_bytes, data_bytes_max; /* private and writable: RLIMIT_DATA */
	__u64 files, files_max;           /* descriptors: RLIMIT_NOFILE. Linux 6.2 */
	__u64 tasks_max;                  /* of its user: RLIMIT_NPROC */
};

/* Each figure by itself; of no process all are unknown. */
void xfn_process_use_read(pid_t pid, struct xfn_process_use *ret);

/* Processes and their threads of @uid, by a look at all that there are: some 20 us each. */
__u64 xfn_process_tasks_of(uid_t uid);

#endif
