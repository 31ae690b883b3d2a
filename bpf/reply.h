/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_REPLY_H
#define XFN_BPF_REPLY_H
/*
 * Replies that the data plane makes by itself: what is said to those who are over a limit, by functions
 * that ask for it (`excess: reply`). The frame is turned round as the handler SDK does it (xfn/event.h),
 * and does not grow beyond Ethernet's least, so that nobody gets more than he sent.
 */
#include "classify.h"
#include "maps.bpf.h"
#include "observe.h"
#include "packet.h"
#include "reply_coap.h"
#include "reply_dns.h"

/* No reply may go to such a source: group, broadcast, unspecified, loopback, own, or port 0. */
static __always_inline int is_bad_source(const struct generation *generation,
					 const struct packet *packet)
{
	const __u8 *src = (const __u8 *)packet->src;
	__u64 a = packet->src[0], b = packet->src[1];

	if (!packet->src_port)
		return 1;
	if (packet->ip_version == 4) {
		/* 0.0.0.0/8, 127.0.0.0/8, and 224.0.0.0 up to 255.255.255.255 */
		if (src[0] == 0 || src[0] == 127 || src[0] >= 224)
			return 1;
	} else {
		/* ::, ::1, IPv4-mapped (RFC 4291 s. 2.5.5.2: never on the wire), ff00::/8 */
		if (src[0] == 0xff || (!a && (b & bpf_cpu_to_be64(~1ULL)) == 0))
			return 1;
		if (!a &&
		    (b & bpf_cpu_to_be64(~0xffffffffULL)) == bpf_cpu_to_be64(0xffff00000000ULL))
			return 1;
	}
	return address_kind(generation, packet, packet->src) != 0;
}

/* Who may be answered at all: UDP, to one address, from one. */
static __always_inline int is_answerable(const struct generation *generation,
					 const struct packet *packet)
{
	return packet->l4_proto == IPPROTO_UDP && !packet->group &&
	       !is_bad_source(generation, packet);
}

static __always_inline void event_of(struct xdp_md *ctx, const struct packet *packet,
				     struct xfn_event *event)
{
	event->ctx = ctx;
	event->dst[0] = packet->dst[0];
	event->dst[1] = packet->dst[1];
	event->src[0] = packet->src[0];
	event->src[1] = packet->src[1];
	event->src_port = packet->src_port;
	event->dst_port = packet->dst_port;
	event->payload_offset = packet->payload_offset;
	event->payload_bytes = packet->payload_bytes;
	event->l3_offset = packet->l3_offset;
	event->ip_version = packet->ip_version;
	event->l4_proto = packet->l4_proto;
}

/*
 * Turns a packet that was refused with @verdict into the reply that the policy of function @slot has for
 * it, in generation @number. Returns XDP_TX, or XDP_DROP where nothing is to be said. A global function,
 * which the verifier walks once.
 */
__noinline int xfn_refuse(struct xdp_md *ctx, const struct packet *packet, __u32 slot, __u32 number,
			  __u32 verdict)
{
	const struct xfn_policy *policy = bpf_map_lookup_elem(&xfn_policies, &slot);
	int of_source = verdict == XFN_VERDICT_SOURCE_LIMITED, err = -1;
	struct generation generation;
	struct xfn_event event = {};
	__u64 reply;

	if (!packet || !policy || generation_of(number, &generation) ||
	    !is_answerable(&generation, packet))
		return XDP_DROP;
	reply = policy->config[number & 1].reply;
	event_of(ctx, packet, &event);
	if (XFN_POLICY_REPLY_KIND(reply) == XFN_REPLY_DNS)
		err = dns_refuse(&event, of_source);
	else if (XFN_POLICY_REPLY_KIND(reply) == XFN_REPLY_COAP)
		err = coap_refuse(&event, of_source ? XFN_POLICY_SOURCE_WAIT_S(reply)
						    : XFN_POLICY_RATE_WAIT_S(reply));
	if (XFN_DRY) /* the payload says it; the headers want memory that others use */
		return err ? XDP_DROP : XDP_TX;
	if (err || xfn_reply_make(ctx, &event) != XFN_OUTCOME_REPLIED)
		return XDP_DROP;
	return XDP_TX;
}

#endif
