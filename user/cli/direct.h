/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_DIRECT_H
#define XFN_DIRECT_H

/*
 * off and on without a daemon: one store into a pinned map. All of the CLI's use of bpf(2) is here.
 *
 * The daemon's lock on its pins is held meanwhile, so that none can start in the middle; where it is
 * taken, a daemon runs.
 */

#include "cli.h"
#include "xfn/abi.h"

/* Says whether a daemon holds the pins of this network namespace, if there are any. */
bool xfn_direct_has_daemon(const struct xfn_cli *cli);

/*
 * Switches a function, named as in a command line, or with NULL all of them. Returns an exit code;
 * has said why it is not 0.
 */
int xfn_direct_switch(const struct xfn_cli *cli, const char *function, enum xfn_off off);

#endif
