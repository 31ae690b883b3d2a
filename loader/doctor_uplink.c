/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether replies get out of the interfaces that events came in at. Those of functions on AF_XDP sockets leave by
 * redirect, those of handlers by XDP_TX; either is counted as sent where a veth's far end has no way to take it.
 */
#include "doctor_check.h"

/*
 * Many drivers take redirected packets only while a program runs in them (xdp_features_set_redirect_target()): of one
 * that is not attached yet there is nothing to tell. A veth's far end is as it will be.
 */
static bool is_settled(const struct xfn_doctor *doctor)
{
	const struct xfn_interface_facts *facts = doctor->facts;

	return doctor->attached && (facts->is_veth || facts->xdp.id);
}

void xfn_doctor_reply_receiver(struct xfn_doctor *doctor)
{
	if (doctor->options->port_replies && is_settled(doctor))
		xfn_doctor_tell_receiver(doctor, "reply of a function on an AF_XDP socket");
}

static void check_checksum(struct xfn_doctor *doctor)
{
	if (doctor->options->ports && doctor->facts->is_veth)
		xfn_doctor_peer_checksum(doctor);
}

static void check_program(struct xfn_doctor *doctor)
{
	if (doctor->options->handlers && doctor->facts->is_veth)
		xfn_doctor_peer_program(doctor);
}

const struct xfn_doctor_check xfn_doctor_uplink_checks[] = {
	{"reply_receiver", xfn_doctor_reply_receiver},
	{"peer_checksum", check_checksum},
	{"peer_program", check_program},
	{NULL, NULL},
};
