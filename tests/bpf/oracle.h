/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_ORACLE_H
#define XFN_TESTS_ORACLE_H

/*
 * What must become of a packet, told a second time: from the RFCs and from the list of verdicts and
 * the order of triggers in xfn.yaml(5), byte by byte, and by comparing each packet with each trigger.
 * Shares no code and no structure with bpf/ or with the compiler of rulesets; slow, and meant to be
 * read beside the standards it names.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "manifest.h"
#include "xfn/abi.h"

/* An address of the host under test. */
struct oracle_address {
	unsigned family; /* 4 or 6 */
	bool broadcast;  /* the directed broadcast address of a subnet; else the host's own */
	__u8 bytes[16];
};

struct oracle_world {
	__u8 mac[6];                   /* of every interface */
	const char *const *interfaces; /* attached */
	size_t interface_count;
	const struct oracle_address *addresses;
	size_t address_count;
	const struct xfn_manifest *manifest;
};

struct oracle_answer {
	enum xfn_verdict verdict;
	int function; /* position in the manifest; -1: nobody's */
	bool drop;    /* else it passes, unless a handler says otherwise */
};

/*
 * @interface: position in world->interfaces. Limits other than a rate of 0 are not reckoned with, and
 * no function of delivery kernel has a handler.
 */
struct oracle_answer oracle_ask(const struct oracle_world *world, unsigned interface,
				const __u8 *frame, size_t bytes);

#endif
