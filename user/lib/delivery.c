/* SPDX-License-Identifier: BSD-2-Clause */
/* Deliveries to what exists already: a socket, and the CPUs of its work; an interface, and who is behind it. */
#include <errno.h>
#include <string.h>

#include "builder.h"

#define MAC_CHARS 17 /* aa:bb:cc:dd:ee:ff */

int xfn_read_socket(struct xfn_builder *builder, const struct xfn_schema_row *row,
		    const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"existing"};

	if (builder->in_list)
		return xfn_read_argument(builder, row, event);
	xfn_read_word(builder, row, event, words, 1, 1);
	return 0;
}

/* A program of that name can be had by a list, or by `exec`. */
int xfn_read_xsk(struct xfn_builder *builder, const struct xfn_schema_row *row,
		 const struct xfn_yaml_event *event)
{
	static const char word[] = "existing";

	if (builder->in_list || event->len != strlen(word) || memcmp(event->text, word, event->len))
		return xfn_read_argument(builder, row, event);
	xfn_builder_function(builder)->xsk.existing = true;
	return 0;
}

/* The long form of `socket: existing` and `xsk: existing`; `false` would leave nothing. */
int xfn_read_existing(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"true"};

	if (!xfn_read_word(builder, row, event, words, 1, 1) && row->section == XFN_SECTION_XSK)
		xfn_builder_function(builder)->xsk.existing = true;
	return 0;
}

/* What is said of a program that xfn does not start. */
static void refuse_words_of_programs(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	static const char *const words[] = {"exec",      "env", "directory", "user",      "memory",
					    "processes", "cpu", "notify",    "reply_from"};
	struct xfn_place at;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		at = xfn_frame_key(frame, words[i]);
		if (!at.line)
			continue;
		xfn_builder_refuse_at(builder, at, "'existing' or 'exec', not both", NULL,
				      "'%s' of a program that runs by itself", words[i]);
		return;
	}
}

static bool is_empty(const struct xfn_frame *frame)
{
	size_t i;

	for (i = 0; i < frame->row_count; i++)
		if (frame->keys[i].line)
			return false;
	return !frame->odd;
}

int xfn_xsk_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	if (xfn_frame_key(frame, "existing").line)
		refuse_words_of_programs(builder, frame);
	else if (is_empty(frame))
		xfn_builder_refuse_at(builder, frame->at, "'xsk: existing', or 'exec'", NULL,
				      "'xsk' is an empty mapping");
	else if (!frame->odd && !xfn_frame_key(frame, "exec").line)
		xfn_builder_refuse_at(builder, frame->at, "'existing: true' or 'exec'", NULL,
				      "'xsk' does not say what its program is");
	return 0;
}

int xfn_socket_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	if (xfn_frame_key(frame, "existing").line)
		refuse_words_of_programs(builder, frame);
	else if (is_empty(frame))
		xfn_builder_refuse_at(builder, frame->at, "'socket: existing'", NULL,
				      "'socket' is an empty mapping");
	else if (!frame->odd && !xfn_frame_key(frame, "exec").line)
		xfn_builder_refuse_at(builder, frame->at, "'existing: true' or 'exec'", NULL,
				      "'socket' does not say whose socket it is");
	return 0;
}

int xfn_read_cpu(struct xfn_builder *builder, const struct xfn_schema_row *row,
		 const struct xfn_yaml_event *event)
{
	struct xfn_socket_spec *spec = &xfn_builder_function(builder)->socket;
	struct xfn_unit_error err;
	__u64 cpu;
	__u16 i;

	if (xfn_count_parse(event->text, event->len, row->min, row->max, &cpu, &err)) {
		xfn_builder_refuse_unit(builder, row, event, &err);
		return 0;
	}
	for (i = 0; i < spec->cpu_count; i++) {
		if (spec->cpus[i] != cpu)
			continue;
		xfn_builder_refuse(builder, event, row->form, NULL, "CPU %llu is there twice", cpu);
		return 0;
	}
	if (spec->cpu_count < XFN_SOCKET_CPUS_MAX)
		spec->cpus[spec->cpu_count++] = cpu;
	return 0;
}

/* The value of a hexadecimal digit, or -1. */
static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_mac(const char *text, size_t len, __u8 mac[6])
{
	int i, high, low;

	if (len != MAC_CHARS)
		return false;
	for (i = 0; i < 6; i++) {
		high = digit_of(text[3 * i]);
		low = digit_of(text[3 * i + 1]);
		if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return false;
		mac[i] = high << 4 | low;
	}
	return true;
}

int xfn_read_mac(struct xfn_builder *builder, const struct xfn_schema_row *row,
		 const struct xfn_yaml_event *event)
{
	static const __u8 nobody[6];
	const char *problem = NULL;
	__u8 mac[6] = {0};

	if (!parse_mac(event->text, event->len, mac))
		problem = "is not an Ethernet address";
	else if (mac[0] & 1) /* IEEE 802, the I/G bit */
		problem = "is a group address";
	else if (!memcmp(mac, nobody, sizeof(mac)))
		problem = "is nobody's address";
	if (problem)
		xfn_builder_refuse(builder, event, row->form, NULL, "%s '%.*s' %s", row->key,
				   event->len < 80 ? (int)event->len : 80, event->text, problem);
	else
		memcpy(xfn_builder_field(builder, row), mac, sizeof(mac));
	return 0;
}
