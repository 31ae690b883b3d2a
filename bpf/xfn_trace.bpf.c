/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ingress program as ever, and a copy of what it saw: in its place while `xfn trace` runs. */
#include "observe_trace.h"

#define xfn_ingress xfn_trace
#include "xfn_ingress.bpf.c"
