/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * On the host's end of every port: what a function sends. Lets through replies that leave from where the
 * function's triggers are, to where a reply may go; takes the time; puts the interface's own address in
 * the place of the token and sends the frame out of the interface that the event came from. All else is
 * dropped and counted. One program for all ports.
 */
#include "xfn/flight.h"
#include "xfn/histogram.h"
#include "maps.bpf.h"
#include "packet.h"
#include "parse.h"
#include "classify.h"
#include "reply.h"

/* One more of what a port's function sent. Per CPU, and NAPI does not nest: no race. */
static __always_inline int end_with(__u32 port, __u32 outcome, int action, __u32 bytes)
{
	struct xfn_port_counts *counts = bpf_map_lookup_elem(&xfn_port_counts, &port);

	if (counts && outcome <= XFN_PORT_UNSENT) {
		counts->outcomes[outcome]++;
		counts->reply_bytes += bytes;
	}
	return action;
}

/* Whether a reply that leaves from there is one of the function's. */
static __always_inline int fits(const struct xfn_port_rule *rule, const struct packet *reply,
				__u32 own)
{
	__u32 port = bpf_ntohs(reply->src_port);

	if (rule->ip_version != reply->ip_version || rule->l4_proto != reply->l4_proto ||
	    port < rule->port_first || port > rule->port_last)
		return 0;
	if (rule->own)
		return own;
	return !((reply->src[0] & rule->mask[0]) ^ rule->address[0]) &&
	       !((reply->src[1] & rule->mask[1]) ^ rule->address[1]);
}

/* A global function, which the verifier walks once. */
__noinline int xfn_port_may_send(const struct packet *reply, __u32 port, __u32 number)
{
	__u32 first = ((number & 1) * XFN_PORTS_MAX + port) * XFN_PORT_RULES_MAX, index, i, own;
	const struct xfn_port_rule *rule;
	struct generation generation;

	if (!reply || generation_of(number, &generation))
		return 0;
	own = address_kind(&generation, reply, reply->src) == XFN_ADDRESS_OWN;
	for (i = 0; i < XFN_PORT_RULES_MAX; i++) {
		index = first + i;
		rule = bpf_map_lookup_elem(&xfn_port_rules, &index);
		if (!rule || !rule->ip_version)
			return 0;
		if (fits(rule, reply, own))
			return 1;
	}
	return 0;
}

/* Whether it goes where no reply may: is_bad_source() of the event that it would answer. */
__noinline int xfn_port_is_bad(const struct packet *reply, __u32 number)
{
	struct generation generation;
	struct packet event;

	if (!reply || generation_of(number, &generation))
		return 1;
	event = *reply;
	event.src[0] = reply->dst[0];
	event.src[1] = reply->dst[1];
	event.src_port = reply->dst_port;
	return reply->group || is_bad_source(&generation, &event);
}

/* Takes the time of a reply, and it out of flight. Returns what became of it. */
static __always_inline __u32 land(struct xfn_port_line *line, const __u8 *token)
{
	__u64 now = bpf_ktime_get_ns(), arrival = xfn_token_arrival_ns(token, now);
	__u32 index = line->histogram * XFN_STAGE_COUNT + XFN_STAGE_TOTAL;
	struct xfn_histogram *histogram = bpf_map_lookup_elem(&xfn_histograms, &index);

	if (histogram && line->histogram != XFN_HISTOGRAM_NONE)
		xfn_histogram_put(histogram, now - arrival);
	return flight_end(line, arrival, now) ? XFN_PORT_REPLIED : XFN_PORT_LATE;
}

/* What the frame is, from its bytes: parse() takes it as one to whoever it is to. */
static __always_inline int read_reply(struct xdp_md *ctx, struct packet *reply)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethernet_header *ethernet = data;
	__u64 to = 0;

	if ((void *)(ethernet + 1) > data_end || !xfn_token_is((__u8 *)ethernet->src))
		return -1;
	__builtin_memcpy(&to, ethernet->dst, ETH_ALEN);
	return parse(data, data_end, to, 0, reply) == XFN_GO_ON ? 0 : -1;
}

static __always_inline int send_out(struct xdp_md *ctx, struct xfn_port_line *line, __u32 port,
				    __u32 bytes)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethernet_header *ethernet = data;
	struct xfn_interface *interface;
	__u32 slot, outcome;

	if ((void *)(ethernet + 1) > data_end)
		return XDP_DROP;
	slot = xfn_token_slot((__u8 *)ethernet->src);
	interface = bpf_map_lookup_elem(&xfn_interfaces, &slot);
	if (!interface || bpf_redirect_map(&xfn_uplinks, slot, 0) != XDP_REDIRECT)
		return end_with(port, XFN_PORT_UNSENT, XDP_DROP, 0);
	outcome = land(line, (__u8 *)ethernet->src);
	__builtin_memcpy(ethernet->src, &interface->mac, ETH_ALEN);
	return end_with(port, outcome, XDP_REDIRECT, bytes);
}

SEC("xdp")
int xfn_port(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->ingress_ifindex, *of = bpf_map_lookup_elem(&xfn_port_of, &ifindex),
	      port;
	struct xfn_port_line *line;
	struct generation generation;
	struct packet reply = {};

	if (!of)
		return XDP_DROP; /* nobody's port */
	port = *of & (XFN_PORTS_MAX - 1);
	line = bpf_map_lookup_elem(&xfn_port_lines, &port);
	if (!line || !line->identity || generation_read(&generation))
		return XDP_DROP;
	if (read_reply(ctx, &reply) || line->flags & XFN_PORT_ONE_WAY)
		return end_with(port, XFN_PORT_BAD_REPLY, XDP_DROP, 0);
	if (!(line->flags & XFN_PORT_SEND_ANY) &&
	    !xfn_port_may_send(&reply, port, generation.number))
		return end_with(port, XFN_PORT_BAD_REPLY, XDP_DROP, 0);
	if (xfn_port_is_bad(&reply, generation.number))
		return end_with(port, XFN_PORT_BAD_SOURCE, XDP_DROP, 0);
	return send_out(ctx, line, port, reply.bytes);
}

char xfn_license[] SEC("license") = "Dual BSD/GPL";
