/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a packet's notation and as a frame: reading ends within its bounds, and either says
 * where the text is wrong, or gives a packet that prints, frames and decodes to the same text.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = XFN_PACKET_TEXT_MAX + 2 * XFN_PACKET_PAYLOAD_MAX + 16 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_round_trip(struct xfn_packet *packet)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
	static __u8 frame[XFN_PACKET_FRAME_MAX];
	static char text[TEXT_BYTES], again[TEXT_BYTES];
	static struct xfn_packet other;
	struct xfn_diag_list diags = {0};
	size_t size;

	xfn_packet_print(packet, true, text, sizeof(text));
	check(!xfn_packet_parse(text, strlen(text), &diags, &other));
	check(!strcmp(text, xfn_packet_print(&other, true, again, sizeof(again))));
	packet->interface[0] = '\0';
	xfn_packet_print(packet, true, text, sizeof(text));
	size = xfn_packet_frame(packet, mac, frame);
	check(!xfn_packet_decode(frame, size, &other));
	check(!strcmp(text, xfn_packet_print(&other, true, again, sizeof(again))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_BYTES];
	static struct xfn_packet packet;
	struct xfn_diag_list diags = {0};
	json_t *details = NULL;
	int err = xfn_packet_parse((const char *)data, size, &diags, &packet);

	if (err) {
		check(err == -EINVAL && diags.count == 1);
		check(!xfn_diag_list_json(&diags, &details));
		json_decref(details);
	} else {
		check(!diags.count);
		check_round_trip(&packet);
	}
	xfn_diag_list_fini(&diags);
	if (!xfn_packet_decode(data, size, &packet))
		xfn_packet_print(&packet, true, text, sizeof(text));
	return 0;
}
