/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_DOCTOR_H
#define XFN_DOCTOR_H

/*
 * Checks what usually goes wrong on a host and its interfaces, and says what to do about it.
 * Changes nothing; loads small probe programs and frees them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

/* The program that gets what is nobody's on an interface. */
struct xfn_doctor_next {
	const char *path; /* its pin; NULL: none is named */
	bool runs;
};

struct xfn_doctor_options {
	const char *interface;       /* check this one; NULL: all attached */
	const char *const *attached; /* names of the interfaces that this daemon is attached to */
	const struct xfn_doctor_next *next; /* of each of these; NULL: of none */
	size_t attached_count;
	const char *off; /* everything is switched off: "pass" or "drop"; NULL: it is on */
	/* Interfaces that functions deliver to, each once; and whether some deliver to CPUs. */
	const char *const *targets;
	size_t target_count;
	bool cpus;
	bool ports;        /* some function is on an AF_XDP socket */
	bool port_replies; /* and answers: by redirect, out of the interface that the event came in at */
	__u32 port_mtu; /* of their ports; 0: not asked about */
	bool handlers;  /* some function answers by XDP_TX */
	size_t functions;
	/* Functions that are switched on and not served, the name of the first, and why. */
	size_t unserved;
	const char *unserved_name, *unserved_why;
	bool vlans;    /* some trigger names a VLAN */
	bool sockets;  /* some function is delivered to a socket */
	bool programs; /* some function has a program that xfnd starts */
	/* Where these get their cgroups, NULL: nowhere; and with which controllers (cgroup.h). */
	const char *cgroup;
	__u32 controllers;
	const char *pin_dir;
	/* 0: it is there; -ENOENT: none is needed; -ETIMEDOUT: it does not answer; else why it is not there */
	int keeper;
	unsigned keeper_pid; /* of the one that is, or was the last; 0: not known */
};

/*
 * Runs every check and returns
 *   {"checks":[{"name","interface","status":"ok|warn|fail","message","remedy"}]}
 * `interface` is null for checks of the host. `remedy` is a command to type, and null with "ok".
 * "warn": something a user may stumble over; "fail": something xfn cannot work with.
 * Takes some 30 ms. Returns NULL when memory is short.
 */
json_t *xfn_doctor_run(const struct xfn_doctor_options *options);

/*
 * The checks of deliveries alone, for the targets and CPUs in @options, whatever is in ->interface: what
 * apply wants to know beforehand. The same answer.
 */
json_t *xfn_doctor_run_deliveries(const struct xfn_doctor_options *options);

/*
 * Whether what functions of the kinds in @options send from the attached interfaces arrives, and that alone. Of those
 * that are not there nothing is told. The same answer.
 */
json_t *xfn_doctor_run_uplinks(const struct xfn_doctor_options *options);

#endif
