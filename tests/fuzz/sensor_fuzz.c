/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a message to examples/sensor: options are read as a plain reader reads them, nothing is
 * aborted or passed on, a reply is a reply to what was asked, and what comes twice is answered alike.
 */
#include "kernel.h"
#include "../../examples/sensor/sensor.bpf.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_EXCHANGES = 8 };

static void open_once(void)
{
	static bool is_open;

	if (is_open)
		return;
	is_open = true;
	kernel_open();
	KERNEL_HASH(sensors, struct sensor_key, struct sensor, 4);
	KERNEL_HASH(exchanges, struct exchange_key, struct exchange, FUZZ_EXCHANGES);
	KERNEL_ARRAY(message_ids, __u64, 1);
	KERNEL_ARRAY(scratches, struct scratch, 1);
}

/* RFC 7252 s. 3.1, byte by byte: the extended part of a delta or length, or -1. */
static long extended(const __u8 *at, size_t left, size_t *used, unsigned nibble)
{
	size_t bytes = nibble == 13 ? 1 : nibble == 14 ? 2 : 0;

	if (nibble == 15 || *used + bytes > left)
		return -1;
	*used += bytes;
	if (!bytes)
		return nibble;
	return bytes == 1 ? 13 + at[*used - 1] : 269 + (at[*used - 2] << 8 | at[*used - 1]);
}

/* Number of options, or -1 for a malformed message; the last number and the payload's place. */
static int read_plainly(const __u8 *message, size_t bytes, __u32 *ret_number, size_t *ret_payload)
{
	size_t at = 4 + (message[0] & 15);
	long delta, length, number = 0;
	int count = 0;

	while (at < bytes && message[at] != 0xff) {
		unsigned first = message[at++];

		delta = extended(message, bytes, &at, first >> 4);
		length = delta < 0 || (first & 15) == 15
				 ? -1
				 : extended(message, bytes, &at, first & 15);
		if (length < 0 || at + length > bytes || number + delta > 65535)
			return -1;
		number += delta;
		at += length;
		count++;
	}
	if (at + 1 == bytes)
		return -1;
	*ret_number = number;
	*ret_payload = at < bytes ? at + 1 : bytes;
	return count;
}

/* The reader of xfn/coap.h against the plain one; what it has no room for is not compared. */
static void check_options(const __u8 *message, __u32 bytes)
{
	static struct xfn_coap coap;
	struct xfn_event event = {
		.ctx = &kernel_ctx, .payload_offset = KERNEL_HEADERS, .payload_bytes = bytes};
	__u32 number = 0;
	size_t payload = 0;
	int count = 0, plainly, more = 1;

	if (xfn_coap_read(&event, &coap))
		return;
	plainly = read_plainly(message, bytes, &number, &payload);
	while (count < 2048 && (more = xfn_coap_option_next(&coap)) == 1)
		count++;
	if (more == -EMSGSIZE)
		return;
	check(more == (plainly < 0 ? -EPROTO : 0));
	if (plainly >= 0)
		check(count == plainly && coap.option == number && coap.payload_at == payload &&
		      coap.payload_bytes == bytes - payload);
}

static void check_reply(const __u8 *asked, __u8 *ret_reply, __u32 *ret_bytes)
{
	unsigned type = asked[0] >> 4 & 3, token = asked[0] & 15;
	__u32 bytes;
	const __u8 *reply = kernel_reply(&bytes);

	check(bytes >= 4 && bytes <= REPLY_BYTES_MAX && type <= 1);
	check(type || !memcmp(reply + 2, asked + 2, 2));
	if (reply[0] == 0x70)
		check(!type && bytes == 4 && !reply[1]);
	else
		check(reply[0] == (type ? 0x50 | token : 0x60 | token) && reply[1] >> 5 >= 2 &&
		      !memcmp(reply + 4, asked + 4, token));
	memcpy(ret_reply, reply, bytes);
	*ret_bytes = bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__u8 first[REPLY_BYTES_MAX], second[REPLY_BYTES_MAX];
	__u32 bytes, first_bytes, second_bytes;
	__u64 aborted;
	int action;

	open_once();
	kernel_map_clear(&exchanges);
	aborted = kernel_outcomes(XFN_OUTCOME_ABORTED);
	bytes = kernel_frame(data, size, 4000);
	check_options(data, bytes);
	action = sensor(&kernel_ctx);
	check(action == XDP_TX || action == XDP_DROP);
	if (action == XDP_TX) {
		check_reply(data, first, &first_bytes);
		kernel_frame(data, size, 4000);
		check(sensor(&kernel_ctx) == XDP_TX);
		check_reply(data, second, &second_bytes);
		check(first_bytes == second_bytes && !memcmp(first, second, first_bytes));
	}
	check(kernel_outcomes(XFN_OUTCOME_ABORTED) == aborted);
	return 0;
}
