/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FORECAST_H
#define XFN_FORECAST_H

/*
 * What attaching to an interface will do to it, said before it is done, as far as rtnetlink and ethtool
 * and a table of drivers tell: whether the link goes down, what happens to queues, which MTU is too
 * large, which offload hides something from XDP.
 */

#include <stdbool.h>
#include <jansson.h>

struct xfn_interface_facts;

/*
 * Appends a sentence to @warnings for each thing that a user may want to know before. @generic: the mode
 * asked for. @cpus: that may send. Where there is nothing to fear nothing is said.
 */
void xfn_forecast(const struct xfn_interface_facts *facts, bool generic, unsigned cpus,
		  json_t *warnings);

#endif
