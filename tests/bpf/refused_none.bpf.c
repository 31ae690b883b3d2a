/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: no program at all. */
#include <xfn/handler.h>

char refused_license[] SEC("license") = "Dual BSD/GPL";
