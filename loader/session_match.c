/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a ruleset takes an established session: where its packets come in, and what they match. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "sessions.h"

#define LOOPBACK  1 /* net/core/dev.c: always */
#define STACK_MAX 4 /* links over links; more is not followed */

/* One way for the packets of a session to come in. */
struct way {
	const struct xfn_session_port *port;
	__u16 vlan[XFN_VLAN_TAGS_MAX]; /* ids, outer first; 0: no tag */
};

struct search {
	const struct xfn_session_world *world;
	const struct xfn_session *session;
	const struct xfn_entry *found;
};

/* ---- what a packet of the session matches ------------------------------------------------------ */

static const struct xfn_entry *find(const struct xfn_session_rules *rules,
				    const struct xfn_session *session, const struct way *way)
{
	struct xfn_packet_view view = {
		.family = session->family,
		.protocol = IPPROTO_TCP,
		.dst_port = session->local_port,
		.interface = way->port->slot,
	};
	const struct xfn_entry *entry;
	int i;

	if (!rules->ruleset)
		return NULL;
	memcpy(view.dst, session->local, sizeof(view.dst));
	memcpy(view.src, session->remote, sizeof(view.src));
	for (i = 0; i < XFN_VLAN_TAGS_MAX && way->vlan[i]; i++)
		view.vlan[i] = way->vlan[i] | XFN_VLAN_PRESENT;
	entry = xfn_ruleset_find(rules->ruleset, &view);
	return entry && rules->takes(rules->context, entry->function) ? entry : NULL;
}

static void try_way(struct search *search, const struct way *way)
{
	const struct xfn_session_world *world = search->world;
	const struct xfn_entry *entry = find(&world->next, search->session, way);

	if (!entry || search->found)
		return;
	if (way->port->fresh || !find(&world->live, search->session, way))
		search->found = entry;
}

/* ---- by which attached interfaces, with which tags --------------------------------------------- */

static const struct xfn_session_port *port_of(const struct xfn_session_world *world, __u32 ifindex)
{
	size_t i;

	for (i = 0; i < world->port_count; i++)
		if (world->ports[i].ifindex == ifindex)
			return &world->ports[i];
	return NULL;
}

/* Tags that the driver takes off are not seen by XDP: with and without, then. */
static void try_port(struct search *search, const struct xfn_session_port *port, const __u16 *vlan)
{
	struct way way = {.port = port};

	try_way(search, &way);
	if (!vlan[0])
		return;
	memcpy(way.vlan, vlan, sizeof(way.vlan));
	try_way(search, &way);
}

/*
 * Packets that arrive at @ifindex came through it, or through what it is made of: the link below a
 * VLAN, which adds a tag outside of those so far, or the ports of a bridge or bond.
 */
static void descend(struct search *search, __u32 ifindex, const __u16 *vlan, unsigned depth)
{
	const struct xfn_netlink_state *state = search->world->state;
	const struct xfn_link *link = xfn_netlink_state_link(state, ifindex);
	const struct xfn_session_port *port = port_of(search->world, ifindex);
	__u16 outer[XFN_VLAN_TAGS_MAX];
	size_t i;

	if (port)
		try_port(search, port, vlan);
	if (!link || depth == STACK_MAX)
		return;
	memcpy(outer, vlan, sizeof(outer));
	if (link->vlan_id) {
		outer[1] = vlan[0];
		outer[0] = (__u16)link->vlan_id;
	}
	if ((link->vlan_id || !strcmp(link->kind, "ipvlan")) && link->peer_nsid < 0 &&
	    link->peer_ifindex)
		descend(search, link->peer_ifindex, outer, depth + 1);
	for (i = 0; i < state->link_count; i++)
		if (state->links[i].master == ifindex)
			descend(search, state->links[i].ifindex, vlan, depth + 1);
}

/* ---- the session ------------------------------------------------------------------------------- */

static bool has_address(const struct xfn_address *address, const struct xfn_session *session)
{
	return address->family == session->family &&
	       !memcmp(address->address, session->local, sizeof(session->local));
}

/* No list for the port: no rule can match. This is all that most sessions cost. */
static bool uses_port(const struct xfn_ruleset *ruleset, __u16 port)
{
	__u32 at = XFN_PORT_COUNT + port;

	return ruleset->ports[at / XFN_PORTS_PER_CHUNK].list[at % XFN_PORTS_PER_CHUNK];
}

const struct xfn_entry *xfn_session_taken(const struct xfn_session_world *world,
					  const struct xfn_session *session)
{
	static const __u16 untagged[XFN_VLAN_TAGS_MAX];
	struct search search = {.world = world, .session = session};
	const struct xfn_netlink_state *state = world->state;
	__u32 leads_to = session->ifindex;
	size_t i;

	if (!world->next.ruleset || !uses_port(world->next.ruleset, session->local_port))
		return NULL;
	if (!leads_to && world->route(session, &leads_to))
		leads_to = 0;
	if (leads_to == LOOPBACK)
		return NULL;
	descend(&search, leads_to, untagged, 0);
	for (i = 0; i < state->address_count && !search.found; i++)
		if (has_address(&state->addresses[i], session))
			descend(&search, state->addresses[i].ifindex, untagged, 0);
	return search.found;
}
