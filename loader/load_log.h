/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LOAD_LOG_H
#define XFN_LOAD_LOG_H

/*
 * What libbpf and the kernel's verifier say while an object is loaded, so that a refusal can be told
 * with its reason. One at a time: libbpf's printer is global.
 */

#include <stddef.h>
#include <bpf/libbpf.h>

#define XFN_LOAD_LOG_BYTES (1U << 20)

struct xfn_load_log {
	char *text;        /* XFN_LOAD_LOG_BYTES, for kernel_log_buf */
	char warning[512]; /* libbpf's last one */
	libbpf_print_fn_t before;
};

/* Begins to listen. Returns 0 or -ENOMEM. */
int xfn_load_log_init(struct xfn_load_log *log);
void xfn_load_log_fini(struct xfn_load_log *log);

/*
 * The relevant lines of the verifier's log: the last ones before its statistics, where the refused
 * instruction stands with the reason behind it. NULL where the verifier said nothing. Changes the log.
 */
const char *xfn_load_log_verifier(struct xfn_load_log *log);

/* libbpf's last warning, or "" */
const char *xfn_load_log_warning(struct xfn_load_log *log);

#endif
