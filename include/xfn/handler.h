/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_HANDLER_H
#define XFN_HANDLER_H
/*
 * For authors of in-kernel handlers: functions that xfn runs inside XDP, for each event that one of
 * their triggers matches. A whole handler:
 *
 *	#include <xfn/handler.h>
 *
 *	XFN_HANDLER(echo, XFN_MESSAGE_ANY)
 *	{
 *		return XFN_REPLY;
 *	}
 *
 * Compile with `clang -O2 -g -target bpf -mcpu=v3 -c echo.bpf.c`, name the object in a manifest
 * (`kernel: echo.bpf.o`), and apply it. xfn-handler(7) is the manual page.
 *
 * The macro makes the program. It calls the author's function with the event, and on return does
 * what was asked for: makes the reply's headers and checksums, counts the outcome, measures the
 * time. An event is one UDP datagram or TCP segment; replies are for UDP. Everything here works on
 * Linux 6.1 and later; nothing calls a helper that the loader does not allow (xfn-handler(7) lists
 * them).
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <xfn/abi.h>
#include <xfn/histogram.h>

/* ---- what a handler returns -------------------------------------------------------------------- */

enum xfn_action {
	XFN_ABORT = 0,    /* something failed: dropped, outcome `aborted` */
	XFN_REPLY = 1,    /* send the payload, as it is now, back to the source */
	XFN_DROP = 2,     /* consumed, no reply */
	XFN_PASS = 3,     /* to the network stack; leave the payload as it was */
	XFN_REDIRECT = 4, /* out of interface event->redirect_ifindex, headers as they are */
};

/*
 * What kind of message the payload is. Events that are responses of their protocol are never
 * answered (outcome `bad_source`), so that two functions can't feed each other.
 */
enum xfn_message {
	XFN_MESSAGE_ANY = 0,
	XFN_MESSAGE_DNS = 1,  /* RFC 1035 s. 4.1.1: QR = 1 is a response */
	XFN_MESSAGE_COAP = 2, /* RFC 7252 s. 3: code class other than 0 is a response */
};

/* ---- for the macro's own use ------------------------------------------------------------------- */

/* Maps of the data plane: the loader puts the real ones, and their real sizes, in their place. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_event_state);
} xfn_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_version_counts);
} xfn_outcomes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_histogram);
} xfn_histograms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_sum_buffer);
} xfn_sums SEC(".maps");

/* Filled in by the loader; abi stands here as compiled, so that the loader can compare. */
const volatile struct xfn_handler_self xfn_self = {.abi = XFN_ABI_VERSION};

/* The event, its payload, and the reply. */
#include <xfn/event.h>

/* ---- before and after the author's function ------------------------------------------------------- */

/* 1 if the payload is a response of its protocol. */
XFN_INLINE int xfn_message_is_answer(const struct xfn_event *event, enum xfn_message message)
{
	const __u8 *payload;

	switch (message) {
	case XFN_MESSAGE_DNS:
		payload = xfn_payload(event, 3);
		return payload && payload[2] & 0x80;
	case XFN_MESSAGE_COAP:
		payload = xfn_payload(event, 2);
		return payload && payload[1] >> 5;
	case XFN_MESSAGE_ANY:
		break;
	}
	return 0;
}

/*
 * Fills in *event from what ingress left for this CPU. Returns -EAGAIN where that is another
 * packet's: under BPF_PROG_TEST_RUN on 6.1 a softirq may come between.
 */
XFN_INLINE int xfn_event_open(struct xdp_md *ctx, enum xfn_message message, struct xfn_event *event)
{
	__u32 zero = 0;
	const struct xfn_event_state *state = bpf_map_lookup_elem(&xfn_events, &zero);
	__u64 data = (__u64)(long)ctx->data;

	/* What was found equal must not be used for a packet pointer: to the verifier it is none. */
	barrier_var(data);
	event->ctx = ctx;
	if (!state || state->data != data)
		return -EAGAIN;
	event->dst[0] = state->dst[0];
	event->dst[1] = state->dst[1];
	event->src[0] = state->src[0];
	event->src[1] = state->src[1];
	event->src_port = state->src_port;
	event->dst_port = state->dst_port;
	event->payload_offset = state->payload_offset;
	event->payload_bytes = state->payload_bytes;
	event->l3_offset = state->l3_offset;
	event->ip_version = state->ip_version;
	event->l4_proto = state->l4_proto;
	event->seen_ns = state->seen_ns;
	event->given_ns = state->given_ns;
	event->flags = state->flags;
	if (xfn_message_is_answer(event, message))
		event->flags |= XFN_FLAG_ANSWER;
	return 0;
}

/*
 * Per CPU, and NAPI does not nest: plain additions lose nothing. A global function, which the verifier
 * walks once; the value returned means nothing.
 */
__attribute__((noinline)) int xfn_histogram_add(enum xfn_stage stage, __u64 ns)
{
	__u32 index = xfn_self.histogram * XFN_STAGE_COUNT + stage;
	struct xfn_histogram *histogram = bpf_map_lookup_elem(&xfn_histograms, &index);

	if (histogram)
		xfn_histogram_put(histogram, ns);
	return 0;
}

XFN_INLINE void xfn_latency_add(const struct xfn_event *event)
{
	__u64 now;

	if (!event->seen_ns || xfn_self.histogram == XFN_HISTOGRAM_NONE)
		return;
	now = bpf_ktime_get_ns();
	xfn_histogram_add(XFN_STAGE_STEER, event->given_ns - event->seen_ns);
	xfn_histogram_add(XFN_STAGE_RUN, now - event->given_ns);
	xfn_histogram_add(XFN_STAGE_TOTAL, now - event->seen_ns);
}

/* @frame_bytes: of the frame as it leaves. */
XFN_INLINE void xfn_outcome_count(enum xfn_outcome outcome, __u32 frame_bytes)
{
	__u32 slot = xfn_self.version;
	struct xfn_version_counts *counts = bpf_map_lookup_elem(&xfn_outcomes, &slot);

	if (!counts)
		return;
	counts->invocations++;
	counts->outcomes[outcome]++;
	if (outcome == XFN_OUTCOME_REPLIED)
		counts->reply_bytes += frame_bytes;
}

/*
 * xfn_event_close() as a global function, which the verifier walks once: behind an author's code it
 * would be walked again for each way out of that. The event's own context has lost its type here.
 */
__attribute__((noinline)) int xfn_event_finish(struct xdp_md *ctx, struct xfn_event *event,
					       int action)
{
	enum xfn_outcome outcome = XFN_OUTCOME_ABORTED;
	int xdp_action = XDP_DROP;

	if (!event)
		return XDP_ABORTED;
	switch (action) {
	case XFN_REPLY:
		outcome = xfn_reply_make(ctx, event);
		if (outcome == XFN_OUTCOME_REPLIED)
			xdp_action = XDP_TX;
		break;
	case XFN_DROP:
		outcome = XFN_OUTCOME_DROPPED;
		break;
	case XFN_PASS:
		outcome = XFN_OUTCOME_PASSED;
		xdp_action = XDP_PASS;
		break;
	case XFN_REDIRECT:
		xdp_action = bpf_redirect(event->redirect_ifindex, 0);
		if (event->redirect_ifindex && xdp_action == XDP_REDIRECT)
			outcome = XFN_OUTCOME_REDIRECTED;
		else
			xdp_action = XDP_DROP;
		break;
	}
	xfn_latency_add(event);
	xfn_outcome_count(outcome, ctx->data_end - ctx->data);
	return xdp_action;
}

/* Does what the author's function asked for; returns the XDP action. */
XFN_INLINE int xfn_event_close(struct xfn_event *event, int action)
{
	return xfn_event_finish(event->ctx, event, action);
}

/*
 * Begins a handler: XFN_HANDLER(name, XFN_MESSAGE_...) { body that returns an enum xfn_action }.
 * @name is the program's name, 15 characters at most; in the body `event` is the event.
 */
#define XFN_HANDLER(name, message)                                                             \
	static inline __attribute__((always_inline)) int name##_body(struct xfn_event *event); \
	SEC("xdp")                                                                             \
	int name(struct xdp_md *ctx)                                                           \
	{                                                                                      \
		struct xfn_event event = {};                                                   \
		int action = XFN_ABORT;                                                        \
                                                                                               \
		if (!xfn_event_open(ctx, message, &event))                                     \
			action = name##_body(&event);                                          \
		return xfn_event_close(&event, action);                                        \
	}                                                                                      \
	char xfn_license[] SEC("license") = "Dual BSD/GPL";                                    \
	static inline __attribute__((always_inline)) int name##_body(struct xfn_event *event   \
								     __attribute__((unused)))

#endif
