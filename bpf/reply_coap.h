/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_REPLY_COAP_H
#define XFN_BPF_REPLY_COAP_H
/*
 * What a CoAP client is told that sends too much: 4.29 Too Many Requests, with the seconds to wait in
 * Max-Age (RFC 8516). A confirmable request is acknowledged with it (RFC 7252 s. 5.2.1), a
 * non-confirmable one answered by the like; the token comes back, and so does the message id, which of a
 * non-confirmable answer is only to be another one each time (s. 4.3), as the client's own are.
 * In place: a request too short to hold Max-Age (3 bytes) is answered without, which means 60 seconds
 * (s. 5.10.5).
 */
#include <bpf/bpf_helpers.h>
#include <xfn/event.h>

#define COAP_VERSION       1
#define COAP_CON           0
#define COAP_NON           1
#define COAP_ACK           2
#define COAP_TOKEN_MAX     8
#define COAP_TOO_MANY      (4 << 5 | 29)
#define COAP_DELTA_MAX_AGE 0xd1      /* one byte more of delta, one byte of value */
#define COAP_MAX_AGE_LESS  (14 - 13) /* option 14, as the byte of delta says it */

struct coap_message {
	__u8 form; /* version:2, type:2, length of the token:4 */
	__u8 code;
	__be16 mid;
};

/* Makes the payload a 4.29. Returns 0, or -1 where it is no request. */
static __always_inline int coap_refuse(struct xfn_event *event, __u32 wait_s)
{
	__u8 max_age[3] = {COAP_DELTA_MAX_AGE, COAP_MAX_AGE_LESS, wait_s};
	struct coap_message message = {};
	__u32 coap_type, token, end;

	if (xfn_read(event, 0, &message, sizeof(message)))
		return -1;
	coap_type = message.form >> 4 & 3;
	token = message.form & 15;
	end = sizeof(message) + token;
	if (message.form >> 6 != COAP_VERSION || coap_type > COAP_NON || token > COAP_TOKEN_MAX ||
	    end > event->payload_bytes)
		return -1;
	if (!message.code || message.code >> 5) /* empty, or a response */
		return -1;
	message.form =
		COAP_VERSION << 6 | (coap_type == COAP_CON ? COAP_ACK : COAP_NON) << 4 | token;
	message.code = COAP_TOO_MANY;
	if (xfn_write(event, 0, &message, sizeof(message)))
		return -1;
	if (!xfn_write(event, end, max_age, sizeof(max_age)))
		end += sizeof(max_age);
	event->payload_bytes = end;
	return 0;
}

#endif
