/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a query to examples/resolver: names are read as a plain reader reads them, nothing is
 * aborted, what is passed on is unchanged, and a reply is a reply to what was asked.
 */
#include "kernel.h"
#include "../../examples/resolver/resolver.bpf.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char apex[] = "\7example\3com";

/* Reads a name byte by byte. Returns its length with all labels in small letters, or 0. */
static size_t read_plainly(const __u8 *at, size_t left, __u8 key[256])
{
	size_t used = 0, label;

	memset(key, 0, 256);
	for (;;) {
		if (used >= left || used >= 255)
			return 0;
		label = at[used];
		if (label > 63 || used + 1 + label > left || used + 1 + label > 255)
			return 0;
		key[used++] = label;
		if (!label)
			return used;
		for (; label; label--, used++)
			key[used] = at[used] >= 'A' && at[used] <= 'Z' ? at[used] + 32 : at[used];
	}
}

static bool is_below_plainly(const __u8 *key, size_t bytes)
{
	size_t at = 0;

	while (bytes - at > sizeof(apex))
		at += 1 + key[at];
	return bytes - at == sizeof(apex) && !memcmp(key + at, apex, sizeof(apex));
}

/* Names with an odd first letter are there, with answers of all sizes. */
static void *lookup(void *map, const void *key)
{
	static struct zone_name name;
	const __u8 *bytes = key;
	unsigned i, end = 0;

	if (map != &names)
		return kernel_lookup(map, key);
	while (bytes[end])
		end += 1 + bytes[end];
	if (!(bytes[1] & 1) || !is_below_plainly(bytes, end + 1))
		return NULL;
	for (i = 0; i < ZONE_RTYPES; i++)
		name.answers[i] = (struct zone_answer){
			.page = bytes[1] & 31,
			.offset = bytes[2] << 8,
			.bytes = bytes[3] << 3 & 0x3ff,
			.count = i,
			.flags = bytes[4] & 7,
		};
	return &name;
}

static void open_once(void)
{
	static bool is_open;
	__u32 zero = 0;
	struct zone *zone;

	if (is_open)
		return;
	is_open = true;
	kernel_open();
	bpf_map_lookup_elem = lookup;
	KERNEL_ARRAY(pages, struct zone_page, ZONE_GENERATIONS * ZONE_PAGES);
	KERNEL_ARRAY(zones, struct zone, ZONE_GENERATIONS);
	KERNEL_ARRAY(live, __u64, 1);
	KERNEL_ARRAY(scratches, struct scratch, 1);
	zone = kernel_lookup(&zones, &zero);
	memcpy(zone->apex, apex, sizeof(apex));
	zone->apex_bytes = sizeof(apex);
	zone->apex_labels = 2;
	zone->soa_bytes = 51;
	zone->soa_pointer_at[1] = 16;
	zone->soa_pointer_at[2] = ZONE_POINTER_NONE;
}

/* Wherever a name may stand. */
static void check_name(const __u8 *query, __u32 bytes, __u32 offset)
{
	struct xfn_event event = {
		.ctx = &kernel_ctx, .payload_offset = KERNEL_HEADERS, .payload_bytes = bytes};
	__u32 zero = 0;
	struct scratch *scratch = kernel_lookup(&scratches, &zero);
	struct zone *zone = kernel_lookup(&zones, &zero);
	size_t name_bytes = 0;
	__u8 key[256];
	int err;

	if (offset < bytes)
		name_bytes = read_plainly(query + offset, bytes - offset, key);
	err = xfn_dns_name_read(&event, offset, &scratch->name, scratch->key.name);
	check(err == (name_bytes ? 0 : -EBADMSG));
	if (err)
		return;
	check(scratch->name.bytes == name_bytes && !memcmp(scratch->key.name, key, 256));
	check(xfn_dns_name_is_below(&scratch->name, scratch->key.name, zone->apex, sizeof(apex),
				    2) == is_below_plainly(key, name_bytes));
}

static void check_reply(const __u8 *query)
{
	__u32 bytes;
	const __u8 *reply = kernel_reply(&bytes);

	check(bytes >= 12 && bytes <= ZONE_MESSAGE_BYTES);
	check(reply[0] == query[0] && reply[1] == query[1] && reply[2] & 0x80);
	check(!reply[4] && reply[5] <= 1);
	if (reply[5])
		check(!memcmp(reply + 12, query + 12, 5));
	else
		check(bytes == 12 && (reply[3] & 15) == XFN_DNS_FORMERR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__u64 aborted;
	__u32 bytes;
	int action;

	open_once();
	bytes = kernel_frame(data, size, 4000);
	check_name(data, bytes, 12);
	check_name(data, bytes, size % 64);
	aborted = kernel_outcomes(XFN_OUTCOME_ABORTED);
	action = resolver(&kernel_ctx);
	check(kernel_outcomes(XFN_OUTCOME_ABORTED) == aborted);
	if (action == XDP_TX)
		check_reply(data);
	else if (action == XDP_PASS)
		check(kernel_frame_bytes() == KERNEL_HEADERS + bytes &&
		      !memcmp((void *)(uintptr_t)(kernel_ctx.data + KERNEL_HEADERS), data, bytes));
	else
		check(action == XDP_DROP);
	return 0;
}
