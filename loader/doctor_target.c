/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether what functions deliver to by redirect gets its packets: an interface, or the stack on another
 * CPU. A redirect skips what the stack would mend on the way: checksums that are still to be made, tags
 * that stand beside the packet, packets that are too large.
 */
#include <stdio.h>
#include <string.h>

#include "doctor_check.h"

/* Facts about each attached interface, whose packets are redirected. */
typedef bool source_fn(struct xfn_doctor *doctor, const struct xfn_interface_facts *source);

/* Calls @fn for each; returns how many had something to tell. */
static unsigned each_source(struct xfn_doctor *doctor, source_fn *fn)
{
	struct xfn_interface_facts source;
	unsigned told = 0;
	size_t i;

	for (i = 0; i < doctor->options->attached_count; i++)
		if (!xfn_interface_read(doctor->options->attached[i], &source))
			told += fn(doctor, &source);
	return told;
}

/* ---- the target itself -------------------------------------------------------------------------------- */

static void check_target_link(struct xfn_doctor *doctor)
{
	char enter[XFN_ENTER_BYTES];
	const struct xfn_interface_facts *facts = doctor->facts;
	const struct xfn_interface_peer *peer = &facts->peer;

	if (!xfn_link_is_up(&facts->link)) {
		xfn_doctor_remedy(doctor, "ip link set dev %s up", doctor->interface);
		xfn_doctor_fail(doctor, "is down: every packet delivered to it is lost");
	} else if (xfn_link_is_running(&facts->link)) {
		xfn_doctor_ok(doctor, "is up: packets can be delivered to it");
	} else if (peer->known && !xfn_link_is_up(&peer->link)) {
		xfn_doctor_remedy(doctor, "%sip link set dev %s up",
				  xfn_doctor_enter(peer, enter, sizeof(enter)), peer->link.name);
		xfn_doctor_fail(doctor,
				"its peer '%s' is down: every packet delivered to it is lost",
				peer->link.name);
	} else {
		xfn_doctor_remedy(doctor, "ethtool %s", doctor->interface);
		xfn_doctor_fail(doctor, "has no carrier: every packet delivered to it is lost");
	}
}

/* drivers/net/veth.c, veth_xdp_xmit(): without NAPI at the far end there is no ring to put them in. */
static void tell_veth_receiver(struct xfn_doctor *doctor, const char *lost)
{
	char enter[XFN_ENTER_BYTES];
	const struct xfn_interface_peer *peer = &doctor->facts->peer;

	xfn_doctor_remedy(doctor, "%sethtool -K %s gro on",
			  xfn_doctor_enter(peer, enter, sizeof(enter)),
			  peer->known ? peer->link.name : "PEER");
	if (doctor->facts->redirect_target == XFN_NO)
		xfn_doctor_fail(doctor,
				"its peer has no NAPI (GRO is off there, and no XDP program is on "
				"it): every %s is lost",
				lost);
	else
		xfn_doctor_warn(doctor,
				"cannot look at its peer, in a network namespace that was not "
				"found or not entered: with GRO off there every %s is lost",
				lost);
}

void xfn_doctor_tell_receiver(struct xfn_doctor *doctor, const char *lost)
{
	const struct xfn_interface_facts *facts = doctor->facts;
	const char *driver = facts->driver[0] ? facts->driver : "(none)";

	if (facts->redirect_target == XFN_YES) {
		xfn_doctor_ok(doctor, "takes packets that are redirected into it");
	} else if (facts->is_veth) {
		tell_veth_receiver(doctor, lost);
	} else if (facts->redirect_target == XFN_NO) {
		xfn_doctor_remedy(doctor, "ethtool -i %s", doctor->interface);
		xfn_doctor_fail(doctor,
				"driver '%s' takes no packets that are redirected into it: every "
				"%s is lost",
				driver, lost);
	} else {
		xfn_doctor_remedy(doctor, "xfn stats");
		xfn_doctor_warn(doctor,
				"not known whether driver '%s' takes packets that are redirected "
				"into it: lost ones are counted",
				driver);
	}
}

static void check_target_receiver(struct xfn_doctor *doctor)
{
	xfn_doctor_tell_receiver(doctor, "packet delivered to it");
}

static bool tell_mtu(struct xfn_doctor *doctor, const struct xfn_interface_facts *source)
{
	__u32 mtu = doctor->facts->link.mtu;

	if (source->link.mtu <= mtu)
		return false;
	xfn_doctor_remedy(doctor, "ip link set dev %s mtu %u", doctor->interface, source->link.mtu);
	xfn_doctor_warn(doctor,
			"MTU %u, and packets of up to %u bytes come in at '%s': larger ones are "
			"lost",
			mtu, source->link.mtu, source->link.name);
	return true;
}

static void check_target_mtu(struct xfn_doctor *doctor)
{
	if (!each_source(doctor, tell_mtu))
		xfn_doctor_ok(doctor, "MTU %u is enough", doctor->facts->link.mtu);
}

/* ---- what comes in -------------------------------------------------------------------------------------- */

static bool tell_checksum(struct xfn_doctor *doctor, const struct xfn_interface_facts *source)
{
	char enter[XFN_ENTER_BYTES];
	const struct xfn_interface_peer *peer = &source->peer;
	const char *what = doctor->interface ? "packets delivered to it" : "packets moved to a CPU";

	if (!source->is_veth || peer->features.tx_checksum == XFN_NO)
		return false;
	xfn_doctor_remedy(doctor, "%sethtool -K %s tx off",
			  xfn_doctor_enter(peer, enter, sizeof(enter)),
			  peer->known ? peer->link.name : "PEER");
	if (peer->features.tx_checksum == XFN_YES)
		xfn_doctor_warn(doctor,
				"'%s', the peer of '%s', sends with unfinished checksums (TX "
				"checksumming): %s are dropped by whoever gets them",
				peer->link.name, source->link.name, what);
	else
		xfn_doctor_warn(doctor,
				"cannot look at the peer of '%s', in a network namespace that was "
				"not found or not entered: with TX checksumming there, %s are "
				"dropped by whoever gets them",
				source->link.name, what);
	return true;
}

static void check_checksum(struct xfn_doctor *doctor)
{
	if (!each_source(doctor, tell_checksum))
		xfn_doctor_ok(doctor, "packets that come in carry finished checksums");
}

static bool tell_vlan(struct xfn_doctor *doctor, const struct xfn_interface_facts *source)
{
	char enter[XFN_ENTER_BYTES];
	const struct xfn_interface_peer *peer = &source->peer;
	bool veth = source->is_veth;
	enum xfn_answer on =
		veth ? peer->features.tx_vlan_offload : source->features.rx_vlan_offload;

	if (on != XFN_YES)
		return false;
	xfn_doctor_remedy(doctor, "%sethtool -K %s %svlan off",
			  veth ? xfn_doctor_enter(peer, enter, sizeof(enter)) : "",
			  veth ? peer->link.name : source->link.name, veth ? "tx" : "rx");
	xfn_doctor_warn(doctor,
			"VLAN offload (%svlan) of '%s' is on: tagged packets come in without their "
			"tag, and are delivered without it",
			veth ? "tx" : "rx", veth ? peer->link.name : source->link.name);
	return true;
}

static void check_vlan(struct xfn_doctor *doctor)
{
	if (doctor->options->vlans && !each_source(doctor, tell_vlan))
		xfn_doctor_ok(doctor, "VLAN tags are in the packets that come in");
}

const struct xfn_doctor_check xfn_doctor_target_checks[] = {
	{"target_link", check_target_link}, {"target_receiver", check_target_receiver},
	{"target_mtu", check_target_mtu},   {"target_checksum", check_checksum},
	{"target_vlan", check_vlan},        {NULL, NULL},
};

const struct xfn_doctor_check xfn_doctor_cpus_checks[] = {
	{"cpus_checksum", check_checksum},
	{"cpus_vlan", check_vlan},
	{NULL, NULL},
};
