/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A veth pair has traps that hardware has not, and they lie at the other end: what XDP sends there
 * is counted as sent and lost unless that end takes packets without an skb.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor_check.h"

const char *xfn_doctor_enter(const struct xfn_interface_peer *peer, char *buf, size_t bytes)
{
	if (!peer->elsewhere)
		return "";
	snprintf(buf, bytes, "nsenter %s ", peer->enter[0] ? peer->enter : "--net=/run/netns/NAME");
	return buf;
}

/* The pass program (bpf/xfn_pass.bpf.c), where it was installed or built beside this program. */
static void pass_object(char *path, size_t size)
{
	static const char *const places[] = {"../lib/xfn/xfn_pass.bpf.o", "bpf/xfn_pass.bpf.o"};
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	size_t i;

	self[length > 0 ? length : 0] = '\0';
	slash = strrchr(self, '/');
	for (i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%.*s/%s", (int)(slash - self), self, places[i]);
		if (!access(path, R_OK))
			return;
	}
	snprintf(path, size, "xfn_pass.bpf.o");
}

/*
 * XDP_TX wants an XDP program at the far end (drivers/net/veth.c, veth_xdp_flush); redirecting into
 * the interface wants NAPI there, which GRO brings too.
 */
void xfn_doctor_peer_program(struct xfn_doctor *doctor)
{
	char object[PATH_MAX], enter[XFN_ENTER_BYTES];
	const struct xfn_interface_peer *peer = &doctor->facts->peer;
	bool generic = doctor->attached && doctor->facts->xdp.mode == XFN_XDP_GENERIC;
	/* Of what is not there yet, nobody knows how it will answer. */
	bool needed = doctor->options->handlers || !doctor->options->functions;

	if (!peer->known) {
		xfn_doctor_remedy(doctor, "ip -details link show dev %s", doctor->interface);
		xfn_doctor_warn(doctor, "cannot look at its peer, in another network namespace: "
					"without an XDP program there, replies vanish");
	} else if (peer->link.prog_id[XFN_XDP_NATIVE]) {
		xfn_doctor_ok(doctor, "its peer '%s' has an XDP program: replies arrive",
			      peer->link.name);
	} else if (generic) {
		xfn_doctor_ok(doctor, "in generic mode replies need nothing of the peer '%s'",
			      peer->link.name);
	} else {
		pass_object(object, sizeof(object));
		xfn_doctor_remedy(doctor, "%sip link set dev %s xdpdrv object %s section xdp",
				  xfn_doctor_enter(peer, enter, sizeof(enter)), peer->link.name,
				  object);
		(doctor->attached && needed ? xfn_doctor_fail : xfn_doctor_warn)(
			doctor, "its peer '%s' has no XDP program: replies %s, counted as sent%s",
			peer->link.name, needed ? "vanish" : "of a handler would vanish",
			peer->features.gro == XFN_NO ? "; GRO is off there too, so do packets that "
						       "are redirected into this interface"
						     : "");
	}
}

/* Locally made packets reach XDP with the sum still to be made. */
void xfn_doctor_peer_checksum(struct xfn_doctor *doctor)
{
	const struct xfn_interface_peer *peer = &doctor->facts->peer;
	char enter[XFN_ENTER_BYTES];

	if (peer->features.tx_checksum == XFN_NO) {
		xfn_doctor_ok(doctor, "packets of its peer '%s' carry finished checksums",
			      peer->link.name);
	} else if (peer->features.tx_checksum == XFN_YES) {
		xfn_doctor_remedy(doctor, "%sethtool -K %s tx off",
				  xfn_doctor_enter(peer, enter, sizeof(enter)), peer->link.name);
		xfn_doctor_warn(
			doctor,
			"packets of its peer '%s' carry unfinished checksums (TX "
			"checksumming): %s",
			peer->link.name,
			doctor->options->ports
				? "functions on AF_XDP sockets get them so, and a reply that "
				  "keeps such a sum is dropped by the client"
				: "those that are redirected are dropped by whoever gets "
				  "them");
	}
}

const struct xfn_doctor_check xfn_doctor_veth_checks[] = {
	{"peer_program", xfn_doctor_peer_program},
	{"peer_checksum", xfn_doctor_peer_checksum},
	{NULL, NULL},
};
