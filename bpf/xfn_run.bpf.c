/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The dry run that goes as far as the handler, for `xfn explain --run`; it refuses without a reply. */
#define XFN_RUNS_HANDLER 1
#include "observe_dry.h"

#define xfn_ingress xfn_run
#include "xfn_ingress.bpf.c"
