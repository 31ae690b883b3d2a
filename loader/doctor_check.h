/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_DOCTOR_CHECK_H
#define XFN_DOCTOR_CHECK_H

/* What the doctor's checks share. A check tells one result, or none where it does not apply. */

#include "doctor.h"
#include "interface.h"

enum { XFN_REMEDY_BYTES = 512, XFN_ENTER_BYTES = XFN_NETNS_BYTES + 16 };

struct xfn_doctor {
	const struct xfn_doctor_options *options;
	const struct xfn_netlink_state *state; /* links and addresses of this namespace */
	/* The interface being checked; NULL in checks of the host. */
	const struct xfn_interface_facts *facts;
	const char *interface; /* its name */
	bool attached;         /* by this daemon */
	const char *check;     /* name of the check that runs */
	char remedy[XFN_REMEDY_BYTES];
	json_t *results;
	bool no_memory;
};

struct xfn_doctor_check {
	const char *name; /* a word for programs; it never changes its meaning */
	void (*run)(struct xfn_doctor *doctor);
};

/* A command that mends what is told next. Every warning and failure has one. */
__attribute__((format(printf, 2, 3))) void xfn_doctor_remedy(struct xfn_doctor *doctor,
							     const char *format, ...);

/* Words before a command that must run where the peer is: "", or nsenter(1) and how to get there. */
const char *xfn_doctor_enter(const struct xfn_interface_peer *peer, char *buf, size_t bytes);

/* Results. Messages are lower-case and say what is so, then what comes of it. */
__attribute__((format(printf, 2, 3))) void xfn_doctor_ok(struct xfn_doctor *doctor,
							 const char *format, ...);
__attribute__((format(printf, 2, 3))) void xfn_doctor_warn(struct xfn_doctor *doctor,
							   const char *format, ...);
__attribute__((format(printf, 2, 3))) void xfn_doctor_fail(struct xfn_doctor *doctor,
							   const char *format, ...);

/* Tables that end with a NULL name, in the order in which they are told. */
extern const struct xfn_doctor_check xfn_doctor_kernel_checks[];
extern const struct xfn_doctor_check xfn_doctor_host_checks[];
extern const struct xfn_doctor_check xfn_doctor_memory_checks[];
extern const struct xfn_doctor_check xfn_doctor_interface_checks[];
extern const struct xfn_doctor_check xfn_doctor_veth_checks[];
/* Of an interface that functions deliver to; and of CPUs that they deliver to, where there is none. */
extern const struct xfn_doctor_check xfn_doctor_target_checks[];
extern const struct xfn_doctor_check xfn_doctor_cpus_checks[];
/* Of an attached interface: what functions send from it. */
extern const struct xfn_doctor_check xfn_doctor_uplink_checks[];

/* Checks that several tables have. */
void xfn_doctor_reply_receiver(struct xfn_doctor *doctor);
void xfn_doctor_peer_program(struct xfn_doctor *doctor);
void xfn_doctor_peer_checksum(struct xfn_doctor *doctor);

/* Whether the interface takes packets that are redirected into it; @lost: what is, where it does not, such as "reply". */
void xfn_doctor_tell_receiver(struct xfn_doctor *doctor, const char *lost);

/*
 * Chains of nftables in this network namespace that incoming packets meet and that have rules or
 * refuse by default. Returns their number, or -errno (-EPERM, -EOPNOTSUPP: no nftables here).
 */
int xfn_nftables_chains(void);

#endif
