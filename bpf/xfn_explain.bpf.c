/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ingress program as a dry run: attached nowhere, run by `xfn explain` on one packet at a time. */
#include "observe_dry.h"

#define xfn_ingress xfn_explain
#include "xfn_ingress.bpf.c"
