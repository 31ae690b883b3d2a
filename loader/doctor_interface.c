/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether an interface can carry functions, and what its users should know. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "doctor_check.h"

#define ROOT_PROGRAM "xfn_root"

/* True where xfn's program would be, or is, in the driver itself. */
static bool wants_native(const struct xfn_doctor *doctor)
{
	return !doctor->attached || doctor->facts->xdp.mode != XFN_XDP_GENERIC;
}

static void check_link(struct xfn_doctor *doctor)
{
	const struct xfn_interface_facts *facts = doctor->facts;
	const struct xfn_link *peer = &facts->peer.link;
	char enter[XFN_ENTER_BYTES];

	if (!xfn_link_is_up(&facts->link)) {
		xfn_doctor_remedy(doctor, "ip link set dev %s up", doctor->interface);
		xfn_doctor_fail(doctor, "is down: nothing arrives");
	} else if (xfn_link_is_running(&facts->link)) {
		xfn_doctor_ok(doctor, "is up");
	} else if (facts->peer.known && !xfn_link_is_up(peer)) {
		xfn_doctor_remedy(doctor, "%sip link set dev %s up",
				  xfn_doctor_enter(&facts->peer, enter, sizeof(enter)), peer->name);
		xfn_doctor_warn(doctor, "is up, but its peer '%s' is down: nothing arrives",
				peer->name);
	} else {
		xfn_doctor_remedy(doctor, "ethtool %s", doctor->interface);
		xfn_doctor_warn(doctor, "is up, but has no carrier: nothing arrives");
	}
}

static void check_native_xdp(struct xfn_doctor *doctor)
{
	const struct xfn_interface_facts *facts = doctor->facts;
	const char *driver = facts->driver[0] ? facts->driver : "(none)";

	if (doctor->attached && !wants_native(doctor) && facts->native_xdp == XFN_YES) {
		xfn_doctor_remedy(doctor, "xfn detach %s && xfn attach %s", doctor->interface,
				  doctor->interface);
		xfn_doctor_warn(doctor,
				"attached in generic mode, which is slower; driver '%s' has "
				"native XDP",
				driver);
	} else if (facts->native_xdp == XFN_YES) {
		xfn_doctor_ok(doctor, "driver '%s' has native XDP", driver);
	} else if (doctor->attached) {
		xfn_doctor_ok(doctor, "attached in %s mode", xfn_xdp_mode_name(facts->xdp.mode));
	} else if (facts->native_xdp == XFN_NO) {
		xfn_doctor_remedy(doctor, "xfn attach --mode generic %s", doctor->interface);
		xfn_doctor_fail(doctor, "driver '%s' has no native XDP; generic mode is slower",
				driver);
	} else {
		xfn_doctor_remedy(doctor, "xfn attach %s", doctor->interface);
		xfn_doctor_warn(doctor, "not known whether driver '%s' has native XDP", driver);
	}
}

/* Which program runs, and whether it is the one that should. */
static void check_program(struct xfn_doctor *doctor)
{
	const struct xfn_xdp_program *xdp = &doctor->facts->xdp;
	bool ours = !strcmp(xdp->name, ROOT_PROGRAM);

	if (doctor->attached && !xdp->id) {
		xfn_doctor_remedy(doctor, "xfn detach %s && xfn attach %s", doctor->interface,
				  doctor->interface);
		xfn_doctor_fail(doctor,
				"attached, but no XDP program runs there: the interface was "
				"made anew or the program taken away");
	} else if (doctor->attached && ours) {
		xfn_doctor_ok(doctor, "XDP program '%s' (id %u) runs in %s mode", xdp->name,
			      xdp->id, xfn_xdp_mode_name(xdp->mode));
	} else if (!xdp->id) {
		xfn_doctor_ok(doctor, "no XDP program is there; not attached");
	} else if (ours) {
		xfn_doctor_remedy(doctor, "xfn --socket PATH detach %s", doctor->interface);
		xfn_doctor_fail(doctor, "the XDP program of another xfnd (id %u) is there",
				xdp->id);
	} else {
		xfn_doctor_remedy(doctor, "ip link set dev %s xdp%s off", doctor->interface,
				  xdp->mode == XFN_XDP_NATIVE    ? "drv"
				  : xdp->mode == XFN_XDP_GENERIC ? "generic"
								 : "offload");
		xfn_doctor_fail(doctor, "another XDP program, '%s' (id %u, %s mode), is there",
				xdp->name, xdp->id, xfn_xdp_mode_name(xdp->mode));
	}
}

static bool takes_more_than_ports(const struct xfn_doctor *doctor)
{
	const struct xfn_doctor_options *options = doctor->options;

	return options->ports && options->port_mtu && doctor->facts->link.mtu > options->port_mtu;
}

/* A smaller MTU is everybody's on this interface, not only the functions': in words that --fix does not run. */
static void tell_port_mtu(struct xfn_doctor *doctor)
{
	const struct xfn_doctor_options *options = doctor->options;

	xfn_doctor_remedy(doctor, "ip link set mtu %u dev %s", options->port_mtu,
			  doctor->interface);
	xfn_doctor_warn(
		doctor,
		"MTU %u: what is above %u is lost to functions on AF_XDP sockets, and counted "
		"as too_big",
		doctor->facts->link.mtu, options->port_mtu);
}

/* Native XDP without fragments wants a packet in a page; see xfn_veth_mtu_max(). */
static void check_mtu(struct xfn_doctor *doctor)
{
	const struct xfn_interface_facts *facts = doctor->facts;
	const struct xfn_link *limited = facts->is_veth ? &facts->peer.link : &facts->link;
	__u32 max = xfn_veth_mtu_max();
	char enter[XFN_ENTER_BYTES];

	if (facts->is_veth && !facts->peer.known)
		return;
	if (doctor->attached && takes_more_than_ports(doctor)) {
		tell_port_mtu(doctor);
	} else if (limited->mtu <= max || doctor->attached) {
		xfn_doctor_ok(doctor, "MTU %u", facts->link.mtu);
	} else if (!facts->is_veth) {
		xfn_doctor_remedy(doctor, "ip link set dev %s mtu 1500", doctor->interface);
		xfn_doctor_warn(doctor,
				"MTU %u: many drivers refuse native XDP above a page, about %u",
				limited->mtu, max);
	} else {
		xfn_doctor_remedy(doctor, "%sip link set dev %s mtu %u",
				  xfn_doctor_enter(&facts->peer, enter, sizeof(enter)),
				  limited->name, max);
		xfn_doctor_fail(doctor,
				"the MTU of its peer '%s' is %u: native XDP takes at most %u",
				limited->name, limited->mtu, max);
	}
}

static void check_rx_queues(struct xfn_doctor *doctor)
{
	const struct xfn_interface_facts *facts = doctor->facts;
	const struct xfn_interface_peer *peer = &facts->peer;

	/* drivers/net/veth.c, veth_xdp_set: else a packet of the peer's has no queue to go to. */
	if (!doctor->attached && facts->is_veth && peer->tx_queues > facts->rx_queues) {
		xfn_doctor_remedy(doctor, "ethtool -L %s rx %u", doctor->interface,
				  peer->tx_queues);
		xfn_doctor_fail(
			doctor,
			"%u rx queues, but its peer '%s' sends on %u: native XDP is refused",
			facts->rx_queues, peer->link.name, peer->tx_queues);
	} else {
		xfn_doctor_ok(doctor, "%u rx queue%s in use", facts->rx_queues,
			      facts->rx_queues == 1 ? "" : "s");
	}
}

static void check_lro(struct xfn_doctor *doctor)
{
	if (doctor->facts->features.lro != XFN_YES)
		return;
	xfn_doctor_remedy(doctor, "ethtool -K %s lro off", doctor->interface);
	xfn_doctor_warn(doctor, "LRO is on: many drivers refuse native XDP");
}

/* True if a VLAN interface stands on that link. */
static bool has_vlan(const struct xfn_netlink_state *state, const struct xfn_link *link)
{
	size_t i;

	for (i = 0; i < state->link_count; i++)
		if (state->links[i].peer_ifindex == link->ifindex &&
		    state->links[i].peer_nsid < 0 && !strcmp(state->links[i].kind, "vlan"))
			return true;
	return false;
}

/* Where the tag is taken off before XDP, a tagged packet passes for an untagged one. */
static void check_vlan_offload(struct xfn_doctor *doctor)
{
	const struct xfn_interface_facts *facts = doctor->facts;
	const struct xfn_interface_peer *peer = &facts->peer;
	enum xfn_answer on =
		facts->is_veth ? peer->features.tx_vlan_offload : facts->features.rx_vlan_offload;
	const char *side = facts->is_veth ? "tx" : "rx";
	const char *more = facts->is_veth ? "tx-vlan-stag-hw-insert" : "rx-vlan-stag-hw-parse";
	const char *name = facts->is_veth ? peer->link.name : doctor->interface;
	char enter[XFN_ENTER_BYTES];

	if (on == XFN_UNKNOWN)
		return;
	if (on == XFN_NO) {
		xfn_doctor_ok(doctor, "VLAN tags are left in the packets");
	} else if (!doctor->options->vlans && !has_vlan(doctor->state, &facts->link) &&
		   !(facts->is_veth && has_vlan(doctor->state, &peer->link))) {
		xfn_doctor_ok(doctor, "VLAN offload (%svlan) of '%s' is on; no VLANs are used",
			      side, name);
	} else {
		xfn_doctor_remedy(doctor, "%sethtool -K %s %svlan off %s off",
				  facts->is_veth ? xfn_doctor_enter(peer, enter, sizeof(enter))
						 : "",
				  name, side, more);
		xfn_doctor_warn(doctor,
				"VLAN offload (%svlan) of '%s' is on: XDP sees tagged packets as "
				"untagged",
				side, name);
	}
}

/* The addresses that triggers without `destination` stand for. */
static void check_addresses(struct xfn_doctor *doctor)
{
	enum { SHOWN_MAX = 4 };
	const struct xfn_netlink_state *state = doctor->state;
	char list[SHOWN_MAX * (INET6_ADDRSTRLEN + 2) + 32] = "", text[INET6_ADDRSTRLEN];
	size_t i, count = 0, used = 0;

	for (i = 0; i < state->address_count; i++) {
		if (state->addresses[i].ifindex != doctor->facts->link.ifindex)
			continue;
		inet_ntop(state->addresses[i].family, state->addresses[i].address, text,
			  sizeof(text));
		if (++count <= SHOWN_MAX)
			used += snprintf(list + used, sizeof(list) - used, "%s%s",
					 count > 1 ? ", " : "", text);
	}
	if (count > SHOWN_MAX)
		snprintf(list + used, sizeof(list) - used, " and %zu more", count - SHOWN_MAX);
	if (count) {
		xfn_doctor_ok(
			doctor,
			"%s: this host reaches them over lo, so what it sends to itself never "
			"meets a function",
			list);
	} else {
		xfn_doctor_remedy(doctor, "ip address add ADDRESS/PREFIX dev %s",
				  doctor->interface);
		xfn_doctor_warn(doctor, "has no address: triggers without `destination` match "
					"nothing that arrives here");
	}
}

static void check_next(struct xfn_doctor *doctor)
{
	const struct xfn_doctor_options *options = doctor->options;
	const struct xfn_doctor_next *next = NULL;
	size_t i;

	for (i = 0; options->next && i < options->attached_count; i++)
		if (!strcmp(options->attached[i], doctor->interface))
			next = &options->next[i];
	if (!next || !next->path)
		return;
	if (next->runs) {
		xfn_doctor_ok(doctor, "what is nobody's goes to the program '%s'", next->path);
		return;
	}
	xfn_doctor_remedy(doctor, "bpftool prog load OBJECT %s type xdp", next->path);
	xfn_doctor_warn(doctor,
			"the program '%s' that `next` names is not there: what is nobody's passes "
			"to the stack",
			next->path);
}

const struct xfn_doctor_check xfn_doctor_interface_checks[] = {
	{"link", check_link},
	{"native_xdp", check_native_xdp},
	{"program", check_program},
	{"next", check_next},
	{"mtu", check_mtu},
	{"rx_queues", check_rx_queues},
	{"lro", check_lro},
	{"vlan_offload", check_vlan_offload},
	{"addresses", check_addresses},
	{"reply_receiver", xfn_doctor_reply_receiver},
	{NULL, NULL},
};
