/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/sensor: a conversation in CoAP, message by message, as RFC 7252 has it.
 *
 * Messages are written as words: hexadecimal bytes, or t:TEXT with _ for a blank.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "harness.h"
#include "suites.h"
#include "../../loader/handler.h"

enum { SENSOR, MESSAGE_BYTES_MAX = 1024, RANDOM_MESSAGES = 30000, SENSORS_MAX = 1024 };

static const char manifest[] = "version: 1\n"
			       "functions:\n"
			       "  - {name: sensor, kernel: sensor.bpf.o, trigger: udp/5683}\n";

struct message {
	__u8 bytes[MESSAGE_BYTES_MAX];
	__u32 size;
};

static void put_words(struct message *message, const char *words)
{
	size_t length, i;
	unsigned byte;

	while (*words) {
		words += strspn(words, " ");
		length = strcspn(words, " ");
		if (!strncmp(words, "t:", 2))
			for (i = 2; i < length; i++)
				message->bytes[message->size++] = words[i] == '_' ? ' ' : words[i];
		else
			for (i = 0; i + 1 < length; i += 2)
				if (sscanf(words + i, "%2x", &byte) == 1)
					message->bytes[message->size++] = byte;
		words += length;
	}
}

/* ---- the conversation -------------------------------------------------------------------------- */

#define SENSORS " b7 t:sensors"
#define ROOF    SENSORS " 04 t:roof"
#define LOFT    SENSORS " 04 t:loft"
#define SAYS    " ff t:"
#define NUMBER  SAYS "not_a_number"
#define OPTION  SAYS "unknown_option"
#define NAME32  "t:abcdefghijklmnopqrstuvwxyz012345"

static const struct {
	const char *name;
	const char *request;
	const char *reply; /* NULL: dropped */
} steps[] = {
	{"GET of what nobody sent", "41 01 0001 aa" ROOF, "61 84 0001 aa"},
	{"the first POST", "41 02 0002 aa" ROOF SAYS "21.5", "61 41 0002 aa"},
	{"another", "41 02 0003 ab" ROOF SAYS "-0.25", "61 44 0003 ab"},
	{"it comes again", "41 02 0003 ab" ROOF SAYS "-0.25", "61 44 0003 ab"},
	{"the first one comes again, too", "41 02 0002 aa" ROOF SAYS "21.5", "61 41 0002 aa"},
	{"not confirmable, no token", "50 02 0004" ROOF SAYS "22", "50 44 0000"},
	{"it comes again, not confirmable", "50 02 0004" ROOF SAYS "22", "50 44 0000"},
	{"GET, a token of 8 bytes", "48 01 0005 0102030405060708" ROOF,
	 "68 45 0005 0102030405060708 c0" SAYS
	 "count=3_min=-0.250_mean=14.416_max=22.000_last=22.000"},
	{"GET, not confirmable", "51 01 0006 07" ROOF,
	 "51 45 0100 07 c0" SAYS "count=3_min=-0.250_mean=14.416_max=22.000_last=22.000"},
	{"the GET that was not found comes again", "41 01 0001 aa" ROOF, "61 84 0001 aa"},

	{"4.04: another path", "41 01 0010 aa b1 t:x", "61 84 0010 aa"},
	{"4.04: no path", "41 01 0011 aa", "61 84 0011 aa"},
	{"4.04: no name", "41 01 0012 aa" SENSORS, "61 84 0012 aa"},
	{"4.04: an empty name", "41 02 0013 aa" SENSORS " 00" SAYS "1", "61 84 0013 aa"},
	{"4.04: more behind the name", "41 01 0014 aa" ROOF " 01 t:x", "61 84 0014 aa"},
	{"4.04: a path that begins alike", "41 01 0015 aa b8 t:sensorss 04 t:roof",
	 "61 84 0015 aa"},
	{"4.04: a path in capitals", "41 01 0016 aa b7 t:Sensors 04 t:roof", "61 84 0016 aa"},
	{"4.04: a name of 33 bytes", "41 02 0017 aa" SENSORS " 0d14 " NAME32 "6" SAYS "1",
	 "61 84 0017 aa"},
	{"a name of 32 bytes", "41 02 0018 aa" SENSORS " 0d13 " NAME32 SAYS "1", "61 41 0018 aa"},
	{"4.04: a name that begins alike", "41 01 0019 aa" SENSORS " 03 t:roo", "61 84 0019 aa"},
	{"4.04: the same name and a zero", "41 01 001a aa" SENSORS " 05 t:roof 00",
	 "61 84 001a aa"},

	{"4.05: PUT", "41 03 0020 aa" ROOF SAYS "1", "61 85 0020 aa"},
	{"4.05: DELETE", "41 04 0021 aa" ROOF, "61 85 0021 aa"},
	{"4.05: a method that does not exist", "51 1f 0022 aa" ROOF, "51 85 0200 aa"},

	{"4.00: letters", "41 02 0030 aa" ROOF SAYS "abc", "61 80 0030 aa" NUMBER},
	{"4.00: no payload", "41 02 0031 aa" ROOF, "61 80 0031 aa" NUMBER},
	{"4.00: nothing behind the point", "41 02 0032 aa" ROOF SAYS "1.", "61 80 0032 aa" NUMBER},
	{"4.00: nothing before it", "41 02 0033 aa" ROOF SAYS ".5", "61 80 0033 aa" NUMBER},
	{"4.00: two points", "41 02 0034 aa" ROOF SAYS "1.2.3", "61 80 0034 aa" NUMBER},
	{"4.00: four decimals", "41 02 0035 aa" ROOF SAYS "1.2345", "61 80 0035 aa" NUMBER},
	{"4.00: seven digits", "41 02 0036 aa" ROOF SAYS "1234567", "61 80 0036 aa" NUMBER},
	{"4.00: a sign alone", "41 02 0037 aa" ROOF SAYS "-", "61 80 0037 aa" NUMBER},
	{"4.00: two signs", "41 02 0038 aa" ROOF SAYS "+-1", "61 80 0038 aa" NUMBER},
	{"4.00: a blank", "41 02 0039 aa" ROOF SAYS "1_", "61 80 0039 aa" NUMBER},
	{"4.00: twelve bytes", "41 02 003a aa" ROOF SAYS "-000001.0000", "61 80 003a aa" NUMBER},
	{"4.00, not confirmable", "51 02 003b aa" ROOF SAYS "x", "51 80 0300 aa" NUMBER},

	{"the largest number", "41 02 0040 aa" LOFT SAYS "+999999.999", "61 41 0040 aa"},
	{"the smallest one", "41 02 0041 aa" LOFT SAYS "-999999.999", "61 44 0041 aa"},
	{"zero", "41 02 0042 aa" LOFT SAYS "-0", "61 44 0042 aa"},
	{"one decimal, leading zeros", "41 02 0043 aa" LOFT SAYS "000000.1", "61 44 0043 aa"},
	{"two decimals", "41 02 0044 aa" LOFT SAYS "-0.02", "61 44 0044 aa"},
	{"and what they make", "41 01 0045 aa" LOFT,
	 "61 45 0045 aa c0" SAYS "count=5_min=-999999.999_mean=0.016_max=999999.999_last=-0.020"},

	{"below zero", "41 02 0046 aa" SENSORS " 04 t:cold" SAYS "-1", "61 41 0046 aa"},
	{"further below", "41 02 0047 aa" SENSORS " 04 t:cold" SAYS "-2.001", "61 44 0047 aa"},
	{"a mean below zero is cut towards it", "41 01 0048 aa" SENSORS " 04 t:cold",
	 "61 45 0048 aa c0" SAYS "count=2_min=-2.001_mean=-1.500_max=-1.000_last=-2.001"},

	{"4.02: If-Match", "41 01 0050 aa 10 a7 t:sensors 04 t:roof", "61 82 0050 aa" OPTION},
	{"4.02: Uri-Query", "41 01 0051 aa" ROOF " 43 t:x=1", "61 82 0051 aa" OPTION},
	{"4.02: number 2001", "41 01 0052 aa" ROOF " e0 06b9", "61 82 0052 aa" OPTION},
	{"4.02, not confirmable: ignored", "51 01 0053 aa" ROOF " 43 t:x=1", NULL},
	{"number 2000 is elective", "41 03 0054 aa" ROOF " e0 06b8", "61 85 0054 aa"},
	{"Observe is elective", "41 03 0055 aa 60 57 t:sensors 04 t:roof", "61 85 0055 aa"},
	{"Uri-Host and Uri-Port", "41 03 0056 aa 34 t:host 42 1633 47 t:sensors 04 t:roof",
	 "61 85 0056 aa"},
	{"4.06: JSON is asked for", "41 01 0057 aa" ROOF " 61 32", "61 86 0057 aa"},
	{"4.06: a format of five bytes", "41 01 0058 aa" ROOF " 65 0000000000", "61 86 0058 aa"},
	{"text is asked for", "41 01 0059 aa" SENSORS " 04 t:none 60", "61 84 0059 aa"},
	{"4.15: JSON is sent", "41 02 005a aa" ROOF " 11 32" SAYS "1", "61 8f 005a aa"},
	{"text is sent", "41 02 005b aa" ROOF " 10" SAYS "3", "61 44 005b aa"},
	{"5.05: Proxy-Uri", "41 01 005c aa" ROOF " d3 0b t:abc", "61 a5 005c aa"},
	{"5.05: Proxy-Scheme", "41 01 005d aa" ROOF " d4 0f t:coap", "61 a5 005d aa"},

	{"a ping", "40 00 0060", "70 00 0060"},
	{"an empty message that is not confirmable", "50 00 0061", NULL},
	{"malformed: an empty message with a token", "41 00 0062 aa", "70 00 0062"},
	{"malformed: a token of 9 bytes", "49 01 0063 010203040506070809", "70 00 0063"},
	{"malformed: a token that is cut short", "44 01 0064 aabbcc", "70 00 0064"},
	{"malformed: delta 15", "41 01 0065 aa f1 00", "70 00 0065"},
	{"malformed: length 15", "41 01 0066 aa bf 00", "70 00 0066"},
	{"malformed: an option that leaves the message", "41 01 0067 aa b8 t:sensors",
	 "70 00 0067"},
	{"malformed: an extended delta that is not there", "41 01 0068 aa d0", "70 00 0068"},
	{"malformed: half an extended length", "41 01 0069 aa be 00", "70 00 0069"},
	{"malformed: a marker and no payload", "41 02 006a aa" ROOF " ff", "70 00 006a"},
	{"malformed, not confirmable", "51 02 006b aa" ROOF " ff", NULL},
	{"malformed: number over 65535", "41 01 006c aa e0 fff0 e0 fff0", "70 00 006c"},

	{"an acknowledgement", "60 00 0070", NULL},
	{"a reset", "70 00 0071", NULL},
	{"an acknowledgement with a request in it", "61 01 0072 aa" ROOF, NULL},
	{"version 0", "01 01 0073 aa" ROOF, NULL},
	{"version 2", "81 01 0074 aa" ROOF, NULL},
	{"three bytes", "40 01 00", NULL},
	{"nothing", "", NULL},

	{"nothing of all that was counted", "41 01 0080 aa" ROOF,
	 "61 45 0080 aa c0" SAYS "count=4_min=-0.250_mean=11.562_max=22.000_last=3.000"},
};

static int say(struct harness *harness, const struct frame_spec *spec,
	       const struct message *request, struct frame *frame, struct run *run)
{
	struct frame_spec with = *spec;

	with.dst_port = 5683;
	with.payload = request->bytes;
	with.payload_bytes = request->size;
	frame_build(&with, frame);
	harness_run(harness, 0, BY_INGRESS, frame, run);
	return run->action;
}

/* One message and what becomes of it. */
static void expect(struct harness *harness, const struct frame_spec *spec,
		   const char *request_words, const char *reply_words)
{
	struct frame_spec with = *spec;
	struct message request = {.size = 0}, reply = {.size = 0};
	static struct frame frame, wanted;
	static struct run run;
	int action;

	put_words(&request, request_words);
	action = say(harness, spec, &request, &frame, &run);
	if (!reply_words) {
		test_expect(action == XDP_DROP, "action %d, expected it dropped", action);
		return;
	}
	put_words(&reply, reply_words);
	with.dst_port = 5683;
	frame_build_reply(&with, reply.bytes, reply.size, &wanted);
	if (test_expect(action == XDP_TX, "action %d, expected a reply", action))
		test_expect_bytes("reply", run.after.bytes, run.after.size, wanted.bytes,
				  wanted.size);
}

static void run_steps(struct harness *harness)
{
	struct frame_spec spec = {.src_port = 5683};
	unsigned i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		test_begin("sensor: %s", steps[i].name);
		expect(harness, &spec, steps[i].request, steps[i].reply);
		test_end();
	}
}

static void run_endpoints(struct harness *harness)
{
	struct frame_spec other_port = {.src_port = 4001},
			  other_source = {.src = "192.0.2.10", .src_port = 4001},
			  ipv6 = {.dst = "2001:db8::1"};

	test_begin("sensor: a message id belongs to who sent it");
	expect(harness, &other_port, "40 02 0001" SENSORS " 04 t:port" SAYS "1", "60 41 0001");
	expect(harness, &other_source, "40 02 0001" SENSORS " 04 t:port" SAYS "2", "60 44 0001");
	expect(harness, &ipv6, "40 02 0001" SENSORS " 04 t:port" SAYS "3", "60 44 0001");
	expect(harness, &ipv6, "40 01 0002" SENSORS " 04 t:port",
	       "60 45 0002 c0" SAYS "count=3_min=1.000_mean=2.000_max=3.000_last=3.000");
	test_end();
}

static void run_long_options(struct harness *harness)
{
	struct message request = {.size = 0};
	struct frame_spec spec = {};
	static struct frame frame;
	static struct run run;
	int i;

	test_begin("sensor: options longer than what is read");
	put_words(&request, "40 01 0100 bd f0");
	for (i = 0; i < 13 + 0xf0; i++)
		request.bytes[request.size++] = 'x';
	put_words(&request, "04 t:roof");
	test_expect(say(harness, &spec, &request, &frame, &run) == XDP_TX, "no reply");
	test_expect(run.after.bytes[43] == 0x82, "code %02x, expected 4.02", run.after.bytes[43]);
	test_end();
}

/* ---- maps -------------------------------------------------------------------------------------- */

static int open_map(const struct harness *harness, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/functions/default/sensor/%s", harness->dataplane->dir,
		 name);
	fd = bpf_obj_get(path);
	test_expect(fd >= 0, "open %s: %s", path, strerror(errno));
	return fd;
}

/* Four minutes and more pass, as far as the exchanges go. */
static void age_exchanges(const struct harness *harness)
{
	__u8 key[64], next[64];
	__u64 value[32];
	int fd = open_map(harness, "exchanges"), err;

	if (fd < 0)
		return;
	err = bpf_map_get_next_key(fd, NULL, next);
	while (!err) {
		memcpy(key, next, sizeof(key));
		err = bpf_map_get_next_key(fd, key, next);
		if (!bpf_map_lookup_elem(fd, key, value)) {
			value[0] -= 248000000000ULL;
			bpf_map_update_elem(fd, key, value, BPF_EXIST);
		}
	}
	close(fd);
}

static void run_lifetime(struct harness *harness)
{
	struct frame_spec spec = {};

	test_begin("sensor: a message id may be used again after EXCHANGE_LIFETIME");
	expect(harness, &spec, "40 02 0200" SENSORS " 04 t:time" SAYS "1", "60 41 0200");
	expect(harness, &spec, "40 02 0200" SENSORS " 04 t:time" SAYS "1", "60 41 0200");
	age_exchanges(harness);
	expect(harness, &spec, "40 02 0200" SENSORS " 04 t:time" SAYS "3", "60 44 0200");
	expect(harness, &spec, "40 02 0200" SENSORS " 04 t:time" SAYS "3", "60 44 0200");
	expect(harness, &spec, "40 01 0201" SENSORS " 04 t:time",
	       "60 45 0201 c0" SAYS "count=2_min=1.000_mean=2.000_max=3.000_last=3.000");
	test_end();
}

static void run_full(struct harness *harness)
{
	struct frame_spec spec = {};
	static struct frame frame;
	static struct run run;
	struct message request;
	char words[80];
	unsigned i, full = 0;

	test_begin("sensor: %u sensors, not one more", SENSORS_MAX);
	for (i = 0; i <= SENSORS_MAX && !full; i++) {
		request.size = 0;
		snprintf(words, sizeof(words), "40 02 %04x" SENSORS " 05 t:n%04u" SAYS "1",
			 0x4000 + i, i);
		put_words(&request, words);
		if (!test_expect(say(harness, &spec, &request, &frame, &run) == XDP_TX, "no reply"))
			break;
		full = run.after.bytes[43] == 0xa3;
		test_expect(full || run.after.bytes[43] == 0x41, "sensor %u: code %02x", i,
			    run.after.bytes[43]);
	}
	test_expect(full, "all were taken");
	expect(harness, &spec, "40 02 0300" ROOF SAYS "1", "60 44 0300");
	test_end();
}

/* ---- at random --------------------------------------------------------------------------------- */

static void mutate(struct message *request, __u64 *random)
{
	static const __u8 edges[] = {0, 1, 8, 9, 0x0d, 0x0e, 0x0f, 0xb7, 0xd0, 0xe0, 0xff};
	unsigned changes = frame_random(random) % 4, at;

	while (changes-- && request->size) {
		at = frame_random(random) % request->size;
		if (frame_random(random) % 8 == 0)
			request->size = at;
		else if (frame_random(random) & 1)
			request->bytes[at] = edges[frame_random(random) % sizeof(edges)];
		else
			request->bytes[at] ^= 1 << frame_random(random) % 8;
	}
}

static bool reply_is_sound(const struct message *request, const struct run *run)
{
	const __u8 *reply = run->after.bytes + 42, *asked = request->bytes;
	unsigned bytes = ((unsigned)run->after.bytes[38] << 8 | run->after.bytes[39]) - 8;
	unsigned type = asked[0] >> 4 & 3, token = asked[0] & 15;

	if (!frame_sums_are_right(&run->after) || bytes < 4 || bytes > 152 || reply[0] >> 6 != 1)
		return false;
	if (type == 0 && memcmp(reply + 2, asked + 2, 2))
		return false;
	if (reply[0] == 0x70)
		return type == 0 && bytes == 4 && !reply[1];
	return reply[0] == (type ? 0x50 | token : 0x60 | token) && reply[1] >> 5 >= 2 &&
	       !memcmp(reply + 4, asked + 4, token);
}

static void run_random(struct harness *harness)
{
	unsigned count = harness_scaled(harness, RANDOM_MESSAGES, 1000), i;
	struct frame_spec spec = {.src_port = 7000};
	static struct frame frame;
	static struct run run;
	struct message request;
	struct books before, after;
	__u64 random = 0x73656e736f72;
	int action;

	test_begin("sensor: %u messages at random", count);
	harness_read_books(harness, 0, &before);
	for (i = 0; i < count && !test_has_failed(); i++) {
		request.size = 0;
		put_words(&request, steps[i % (sizeof(steps) / sizeof(steps[0]))].request);
		if (request.size >= 4) {
			request.bytes[2] = i >> 8;
			request.bytes[3] = (__u8)i;
		}
		mutate(&request, &random);
		/* A message id comes again after 65,536, and then is another message. */
		spec.src_port = 7000 + (frame_random(&random) & 0xfff);
		action = say(harness, &spec, &request, &frame, &run);
		if (action == XDP_TX)
			test_expect(reply_is_sound(&request, &run), "reply to message %u is odd",
				    i);
		else
			test_expect(action == XDP_DROP, "message %u: action %d", i, action);
	}
	harness_read_books(harness, 0, &after);
	test_expect(after.versions[SENSOR].outcomes[XFN_OUTCOME_ABORTED] ==
			    before.versions[SENSOR].outcomes[XFN_OUTCOME_ABORTED],
		    "some were aborted");
	test_end();
}

void suite_sensor(struct harness *harness)
{
	int fd;

	test_begin("sensor: the handler loads");
	if (!harness_apply(harness, manifest) ||
	    !harness_enter_handler(harness, SENSOR, "examples/sensor/sensor.bpf.o")) {
		test_end();
		return;
	}
	fd = xfn_handler_in_slot(harness->dataplane, SENSOR);
	test_expect(fd >= 0 && !xfn_handler_pin_maps(harness->dataplane, "default", "sensor", fd),
		    "cannot pin the handler's maps");
	if (fd >= 0)
		close(fd);
	test_end();

	run_steps(harness);
	run_endpoints(harness);
	run_long_options(harness);
	run_lifetime(harness);
	run_full(harness);
	run_random(harness);
	harness_clear_handler(harness, SENSOR);
	xfn_handler_unpin_maps(harness->dataplane, "default", "sensor");
}
