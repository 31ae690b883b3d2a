/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/resolver: replies byte by byte, as RFC 1035, 2308, 6604 and 6891 have them, with a zone that
 * the tool `zone` loads.
 *
 * Messages are written as words: hexadecimal bytes, or n:NAME for a name in wire form.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "suites.h"
#include "../../loader/handler.h"

enum { RESOLVER, MESSAGE_BYTES_MAX = 2048, RANDOM_QUERIES = 30000 };

static const char manifest[] = "version: 1\n"
			       "functions:\n"
			       "  - {name: resolver, kernel: resolver.bpf.o, trigger: udp/53}\n";

/* "long" makes an answer of 400 bytes, "huge" one over 1,232. */
static const char zone_head[] = "$ORIGIN Example.COM.\n"
				"$TTL 1h\n"
				"@ SOA ns1 hostmaster 7 2h 30m 2w 5m\n"
				"@ NS ns1\n"
				"@ AAAA 2001:db8::80\n"
				"@ MX 10 mail\n"
				"@ TXT \"v=spf1 -all\"\n"
				"ns1 A 192.0.2.53\n"
				"www CNAME web\n"
				"docs CNAME www\n"
				"far CNAME www.example.net.\n"
				"gone CNAME nobody\n"
				"half CNAME ns1\n"
				"a.b.c A 192.0.2.1\n"
				"az\\091 A 192.0.2.7\n";
static const char zone_web[] = "web 60 A 192.0.2.80\n"
			       "    60 A 192.0.2.81\n";
static const char zone_web_new[] = "web 60 A 192.0.2.90\n";

/* ---- messages ---------------------------------------------------------------------------------- */

struct message {
	__u8 bytes[MESSAGE_BYTES_MAX];
	__u32 size;
};

static void put_name(struct message *message, const char *name, size_t length)
{
	size_t at = 0, label;

	while (at < length) {
		label = strcspn(name + at, ".");
		if (label > length - at)
			label = length - at;
		message->bytes[message->size++] = label;
		memcpy(message->bytes + message->size, name + at, label);
		message->size += label;
		at += label + 1;
	}
	message->bytes[message->size++] = 0;
}

static void put_words(struct message *message, const char *words)
{
	size_t length, i;
	unsigned byte;

	while (words && *words) {
		words += strspn(words, " ");
		length = strcspn(words, " ");
		if (!strncmp(words, "n:", 2))
			put_name(message, words + 2, length - 2);
		else
			for (i = 0; i + 1 < length; i += 2)
				if (sscanf(words + i, "%2x", &byte) == 1)
					message->bytes[message->size++] = byte;
		words += length;
	}
}

static void put_u16(struct message *message, unsigned value)
{
	message->bytes[message->size++] = value >> 8;
	message->bytes[message->size++] = value & 0xff;
}

/* ---- cases ------------------------------------------------------------------------------------- */

#define IN   " 0001"
#define A    " 0001" IN
#define AAAA " 001c" IN
#define TXT  " 0010" IN
#define NAME " 0005" IN

/* The SOA record, its pointers to the apex at this place in the question. */
#define SOA(at)                                                                            \
	" c0" at " 0006 0001 0000012c 0027 036e7331 c0" at " 0a686f73746d6173746572 c0" at \
	" 00000007 00001c20 00000708 00127500 0000012c"
#define OPT(bytes) " 00 0029 " bytes " 00 00 0000 0000"
#define OUR_OPT    " 00 0029 04d0 00 00 0000 0000"
#define TSIG       " n:key 00fa 00ff 00000000 0000"

static const struct {
	const char *name;
	unsigned flags;     /* of the query; RD if 0 */
	const char *counts; /* of the query; NULL: one question, and one more if there is `more` */
	const char *question;   /* with type and class */
	const char *more;       /* behind the question */
	unsigned reply_flags;   /* 0: passed on, unchanged */
	const char *reply;      /* counts and what is behind the question */
	bool question_is_short; /* the reply is a header alone */
} cases[] = {
	{"A", 0, NULL, "n:web.example.com" A, NULL, 0x8500,
	 "0001 0002 0000 0000 c00c" A " 0000003c 0004 c0000250 c00c" A " 0000003c 0004 c0000251",
	 false},
	{"A, RD is not set, CD is", 0x0010, NULL, "n:ns1.example.com" A, NULL, 0x8400,
	 "0001 0001 0000 0000 c00c" A " 00000e10 0004 c0000235", false},
	{"AAAA at the apex", 0, NULL, "n:example.com" AAAA, NULL, 0x8500,
	 "0001 0001 0000 0000 c00c" AAAA " 00000e10 0010 20010db8000000000000000000000080", false},
	{"TXT", 0, NULL, "n:example.com" TXT, NULL, 0x8500,
	 "0001 0001 0000 0000 c00c" TXT " 00000e10 000c 0b763d73706631202d616c6c", false},
	{"case is kept, and does not matter", 0, NULL, "n:nS1.ExAmPlE.cOm" A, NULL, 0x8500,
	 "0001 0001 0000 0000 c00c" A " 00000e10 0004 c0000235", false},
	{"case of the first and the last letter, and none of what is beside them", 0, NULL,
	 "n:AZ[.example.com" A, NULL, 0x8500,
	 "0001 0001 0000 0000 c00c" A " 00000e10 0004 c0000207", false},
	{"no such name, a bracket is no letter", 0, NULL, "n:az{.example.com" A, NULL, 0x8503,
	 "0001 0000 0001 0000" SOA("10"), false},
	{"CNAME, asked for", 0, NULL, "n:docs.example.com" NAME, NULL, 0x8500,
	 "0001 0001 0000 0000 c00c" NAME " 00000e10 0006 03777777 c011", false},
	{"CNAME, followed twice", 0, NULL, "n:docs.example.com" A, NULL, 0x8500,
	 "0001 0004 0000 0000 c00c" NAME " 00000e10 0006 03777777 c011 c02e" NAME
	 " 00000e10 0006 03776562 c011 c040" A " 0000003c 0004 c0000250 c040" A
	 " 0000003c 0004 c0000251",
	 false},
	{"CNAME out of the zone", 0, NULL, "n:far.example.com" A, NULL, 0x8500,
	 "0001 0001 0000 0000 c00c" NAME " 00000e10 0011 n:www.example.net", false},
	{"CNAME to nothing", 0, NULL, "n:gone.example.com" TXT, NULL, 0x8503,
	 "0001 0001 0001 0000 c00c" NAME " 00000e10 0009 066e6f626f6479 c011" SOA("11"), false},
	{"CNAME to a name without such data", 0, NULL, "n:half.example.com" AAAA, NULL, 0x8500,
	 "0001 0001 0001 0000 c00c" NAME " 00000e10 0006 036e7331 c011" SOA("11"), false},
	{"no such data", 0, NULL, "n:web.example.com" TXT, NULL, 0x8500,
	 "0001 0000 0001 0000" SOA("10"), false},
	{"no such data at the apex", 0, NULL, "n:example.com" A, NULL, 0x8500,
	 "0001 0000 0001 0000" SOA("0c"), false},
	{"an empty non-terminal", 0, NULL, "n:b.c.example.com" A, NULL, 0x8500,
	 "0001 0000 0001 0000" SOA("10"), false},
	{"no such name", 0, NULL, "n:nope.example.com" A, NULL, 0x8503,
	 "0001 0000 0001 0000" SOA("11"), false},
	{"no such name below one that exists", 0, NULL, "n:x.web.example.com" A, NULL, 0x8503,
	 "0001 0000 0001 0000" SOA("12"), false},
	{"no such name below an empty non-terminal", 0, NULL, "n:z.c.example.com" AAAA, NULL,
	 0x8503, "0001 0000 0001 0000" SOA("10"), false},
	{"no such name, a dot inside of a label", 0, NULL, "05 616e2e7331 n:example.com" A, NULL,
	 0x8503, "0001 0000 0001 0000" SOA("12"), false},

	{"EDNS", 0, NULL, "n:ns1.example.com" A, OPT("1000"), 0x8500,
	 "0001 0001 0000 0001 c00c" A " 00000e10 0004 c0000235" OUR_OPT, false},
	{"EDNS, no such name", 0, NULL, "n:nope.example.com" A, OPT("1000"), 0x8503,
	 "0001 0000 0001 0001" SOA("11") OUR_OPT, false},
	{"EDNS, DO is copied, other flags are not", 0, NULL, "n:ns1.example.com" A,
	 " 00 0029 1000 00 00 ffff 0000", 0x8500,
	 "0001 0001 0000 0001 c00c" A " 00000e10 0004 c0000235 00 0029 04d0 00 00 8000 0000",
	 false},
	{"EDNS, options are not answered", 0, NULL, "n:ns1.example.com" A,
	 " 00 0029 1000 00 00 0000 000c 000a 0008 0102030405060708", 0x8500,
	 "0001 0001 0000 0001 c00c" A " 00000e10 0004 c0000235" OUR_OPT, false},
	{"EDNS of version 1", 0, NULL, "n:ns1.example.com" A, " 00 0029 1000 00 01 0000 0000",
	 0x8100, "0001 0000 0000 0001 00 0029 04d0 01 00 0000 0000", false},
	{"EDNS of version 255, DO", 0, NULL, "n:nope.example.com" A,
	 " 00 0029 1000 00 ff 8000 0000", 0x8100,
	 "0001 0000 0000 0001 00 0029 04d0 01 00 8000 0000", false},

	{"longer than 512 bytes, without EDNS", 0, NULL, "n:long.example.com" TXT, NULL, 0x8700,
	 "0001 0000 0000 0000", false},
	{"longer than 512 bytes, EDNS with 512", 0, NULL, "n:long.example.com" TXT, OPT("0200"),
	 0x8700, "0001 0000 0000 0001" OUR_OPT, false},
	{"longer than 512 bytes, EDNS with 0 means 512", 0, NULL, "n:long.example.com" TXT,
	 OPT("0000"), 0x8700, "0001 0000 0000 0001" OUR_OPT, false},
	{"longer than what is asked for by a byte", 0, NULL, "n:long.example.com" TXT, OPT("0290"),
	 0x8700, "0001 0000 0000 0001" OUR_OPT, false},
	{"longer than 1,232 bytes, whatever is asked for", 0, NULL, "n:huge.example.com" TXT,
	 OPT("ffff"), 0x8700, "0001 0000 0000 0001" OUR_OPT, false},

	{"malformed: no question", 0, "0000 0000 0000 0000", "", NULL, 0x8101,
	 "0000 0000 0000 0000", true},
	{"malformed: two questions", 0, "0002 0000 0000 0000", "n:ns1.example.com" A,
	 " n:web.example.com" A, 0x8101, "0000 0000 0000 0000", true},
	{"malformed: an answer", 0, "0001 0001 0000 0000", "n:ns1.example.com" A,
	 " c00c" A " 00000e10 0004 c0000235", 0x8101, "0000 0000 0000 0000", true},
	{"malformed: an authority", 0, "0001 0000 0001 0000", "n:ns1.example.com" A,
	 " c00c" A " 00000e10 0004 c0000235", 0x8101, "0000 0000 0000 0000", true},
	{"malformed: a pointer in the question", 0, NULL, "036e7331 c00c" A, NULL, 0x8101,
	 "0000 0000 0000 0000", true},
	{"malformed: a pointer alone", 0, NULL, "c00c" A, NULL, 0x8101, "0000 0000 0000 0000",
	 true},
	{"malformed: a label of 64 bytes", 0, NULL, "40 61" A, NULL, 0x8101, "0000 0000 0000 0000",
	 true},
	{"malformed: a label of an extended type", 0, NULL, "41 61 00" A, NULL, 0x8101,
	 "0000 0000 0000 0000", true},
	{"malformed: no name", 0, NULL, "", NULL, 0x8101, "0000 0000 0000 0000", true},
	{"malformed: a name that does not end", 0, NULL, "036e7331", NULL, 0x8101,
	 "0000 0000 0000 0000", true},
	{"malformed: a label that leaves the message", 0, NULL, "3f6e7331", NULL, 0x8101,
	 "0000 0000 0000 0000", true},
	{"malformed: no type", 0, NULL, "n:ns1.example.com", NULL, 0x8101, "0000 0000 0000 0000",
	 true},
	{"malformed: half a class", 0, NULL, "n:ns1.example.com 0001 00", NULL, 0x8101,
	 "0000 0000 0000 0000", true},
	{"malformed: an OPT cut short", 0, NULL, "n:ns1.example.com" A, " 00 0029 1000 00 00 0000",
	 0x8101, "0000 0000 0000 0000", true},
	{"malformed: an OPT whose options leave the message", 0, NULL, "n:ns1.example.com" A,
	 " 00 0029 1000 00 00 0000 0005 00000000", 0x8101, "0000 0000 0000 0000", true},
	{"malformed: two OPT records", 0, "0001 0000 0000 0002", "n:ns1.example.com" A,
	 OPT("1000") OPT("1000"), 0x8101, "0000 0000 0000 0000", true},
	{"malformed: an OPT that is not there", 0, "0001 0000 0000 0001", "n:ns1.example.com" A,
	 NULL, 0x8101, "0000 0000 0000 0000", true},

	{"passed on: another class", 0, NULL, "n:web.example.com 0001 0003", NULL, 0, NULL, false},
	{"passed on: any class", 0, NULL, "n:web.example.com 0001 00ff", NULL, 0, NULL, false},
	{"passed on: ANY", 0, NULL, "n:web.example.com 00ff" IN, NULL, 0, NULL, false},
	{"passed on: MX", 0, NULL, "n:example.com 000f" IN, NULL, 0, NULL, false},
	{"passed on: SOA", 0, NULL, "n:example.com 0006" IN, NULL, 0, NULL, false},
	{"passed on: OPT as a question", 0, NULL, "n:example.com 0029" IN, NULL, 0, NULL, false},
	{"passed on: a type of which a byte is ours", 0, NULL, "n:example.com 0101" IN, NULL, 0,
	 NULL, false},
	{"passed on: opcode NOTIFY", 0x2000, NULL, "n:web.example.com" A, NULL, 0, NULL, false},
	{"passed on: opcode UPDATE", 0x2800, NULL, "n:web.example.com" A, NULL, 0, NULL, false},
	{"passed on: opcode 15", 0x7800, NULL, "n:web.example.com" A, NULL, 0, NULL, false},
	{"passed on: another zone", 0, NULL, "n:web.example.org" A, NULL, 0, NULL, false},
	{"passed on: a name that ends alike", 0, NULL, "n:webexample.com" A, NULL, 0, NULL, false},
	{"passed on: a label that holds the zone's name", 0, NULL,
	 "0c 076578616d706c6503636f6d 00" A, NULL, 0, NULL, false},
	{"passed on: the zone's parent", 0, NULL, "n:com" A, NULL, 0, NULL, false},
	{"passed on: the root", 0, NULL, "n:" A, NULL, 0, NULL, false},
	{"passed on: another zone, whose OPT is cut short", 0, "0001 0000 0000 0001",
	 "n:web.example.org" A, NULL, 0, NULL, false},
	{"passed on: a signature", 0, NULL, "n:web.example.com" A, TSIG, 0, NULL, false},
	{"passed on: OPT and a signature", 0, "0001 0000 0000 0002", "n:web.example.com" A,
	 OPT("1000") TSIG, 0, NULL, false},
	{"passed on: three records more", 0, "0001 0000 0000 0003", "n:web.example.com" A,
	 OPT("1000") TSIG TSIG, 0, NULL, false},
};

static void make_query(unsigned i, struct message *query)
{
	query->size = 0;
	put_words(query, "be ef");
	put_u16(query, cases[i].flags ? cases[i].flags : 0x0100);
	if (cases[i].counts)
		put_words(query, cases[i].counts);
	else
		put_words(query, cases[i].more ? "0001 0000 0000 0001" : "0001 0000 0000 0000");
	put_words(query, cases[i].question);
	put_words(query, cases[i].more);
}

/* Header and question are the query's, with flags and counts of the reply. */
static void make_reply(unsigned i, struct message *reply)
{
	struct message question = {.size = 0};

	reply->size = 0;
	put_words(reply, "be ef");
	put_u16(reply, cases[i].reply_flags);
	put_words(&question, cases[i].question);
	if (cases[i].question_is_short) {
		put_words(reply, cases[i].reply);
		return;
	}
	put_words(reply, cases[i].reply);
	memmove(reply->bytes + 12 + question.size, reply->bytes + 12, reply->size - 12);
	memcpy(reply->bytes + 12, question.bytes, question.size);
	reply->size += question.size;
}

static void run_case(struct harness *harness, unsigned i, const char *dst)
{
	static struct message query, reply;
	struct frame_spec spec = {.dst = dst, .dst_port = 53, .payload = query.bytes};
	struct expected expected = {.action = XDP_PASS,
				    .verdict = XFN_VERDICT_HANDLED,
				    .function = RESOLVER,
				    .outcome = XFN_OUTCOME_PASSED};
	static struct frame frame, after;

	make_query(i, &query);
	spec.payload_bytes = query.size;
	frame_build(&spec, &frame);
	if (cases[i].reply_flags) {
		make_reply(i, &reply);
		frame_build_reply(&spec, reply.bytes, reply.size, &after);
		expected.action = XDP_TX;
		expected.outcome = XFN_OUTCOME_REPLIED;
		expected.after = &after;
	}
	harness_expect(harness, dst ? "IPv6" : "IPv4", 0, BY_INGRESS, &frame, &expected, NULL);
}

static void run_cases(struct harness *harness)
{
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("resolver: %s", cases[i].name);
		run_case(harness, i, NULL);
		run_case(harness, i, "2001:db8::1");
		test_end();
	}
}

/* ---- queries by hand --------------------------------------------------------------------------- */

static int ask(struct harness *harness, const struct message *query, struct run *run)
{
	struct frame_spec spec = {
		.dst_port = 53, .payload = query->bytes, .payload_bytes = query->size};
	static struct frame frame;

	frame_build(&spec, &frame);
	harness_run(harness, 0, BY_INGRESS, &frame, run);
	return run->action;
}

static void run_long_names(struct harness *harness)
{
	struct message query = {.size = 0};
	static struct run run;
	const __u8 *reply;
	int i;

	test_begin("resolver: a name of 255 bytes");
	put_words(&query, "beef 0100 0001 0000 0000 0000");
	for (i = 0; i < 121; i++)
		put_words(&query, "01 61");
	put_words(&query, "n:example.com" A);
	if (test_expect(ask(harness, &query, &run) == XDP_TX, "no reply")) {
		reply = run.after.bytes + 42;
		test_expect((reply[3] & 15) == 3, "rcode %u, expected 3", reply[3] & 15);
		test_expect(reply[query.size] == 0xc0 && reply[query.size + 1] == 0xfe,
			    "the SOA's owner points to %02x%02x, expected c0fe", reply[query.size],
			    reply[query.size + 1]);
	}
	test_end();

	test_begin("resolver: a name of 256 bytes is malformed");
	query.size = 0;
	put_words(&query, "beef 0100 0001 0000 0000 0000 02 6161");
	for (i = 0; i < 120; i++)
		put_words(&query, "01 61");
	put_words(&query, "n:example.com" A);
	if (test_expect(query.size == 12 + 256 + 4, "a name of %u bytes", query.size - 16) &&
	    test_expect(ask(harness, &query, &run) == XDP_TX, "no reply"))
		test_expect((run.after.bytes[42 + 3] & 15) == 1, "rcode %u, expected 1",
			    run.after.bytes[42 + 3] & 15);
	test_end();
}

static void run_long_labels(struct harness *harness)
{
	struct message query;
	static struct run run;
	unsigned bytes, i, rcode;

	test_begin("resolver: a label of 63 bytes is good, 64 to 191 are malformed");
	for (bytes = 63; bytes < 192; bytes += bytes == 64 ? 127 : 1) {
		query.size = 0;
		put_words(&query, "beef 0100 0001 0000 0000 0000");
		query.bytes[query.size++] = bytes;
		for (i = 0; i < bytes; i++)
			query.bytes[query.size++] = 'a';
		put_words(&query, "n:example.com" A);
		test_expect(ask(harness, &query, &run) == XDP_TX, "no reply");
		rcode = run.after.bytes[42 + 3] & 15;
		test_expect(rcode == (bytes == 63 ? 3 : 1), "%u bytes: rcode %u", bytes, rcode);
	}
	test_end();
}

static void run_silence(struct harness *harness)
{
	struct message query = {.size = 0};
	struct books before, after;
	static struct run run;

	test_begin("resolver: responses are not answered");
	put_words(&query, "beef 8100 0001 0000 0000 0000 n:web.example.com" A);
	harness_read_books(harness, 0, &before);
	test_expect(ask(harness, &query, &run) == XDP_DROP, "action %d", run.action);
	harness_read_books(harness, 0, &after);
	test_expect(after.versions[RESOLVER].outcomes[XFN_OUTCOME_BAD_SOURCE] ==
			    before.versions[RESOLVER].outcomes[XFN_OUTCOME_BAD_SOURCE] + 1,
		    "not counted as bad_source");
	test_end();

	test_begin("resolver: less than a header is dropped");
	for (query.size = 0; query.size < 12; query.size++)
		test_expect(ask(harness, &query, &run) == XDP_DROP, "%u bytes: action %d",
			    query.size, run.action);
	test_end();
}

/* The answer is complete at exactly the size that was asked for. */
static void run_fit(struct harness *harness)
{
	struct message query = {.size = 0};
	static struct run run;
	const __u8 *reply = run.after.bytes + 42;

	test_begin("resolver: as long as what is asked for");
	put_words(&query, "beef 0100 0001 0000 0000 0001 n:long.example.com" TXT OPT("0291"));
	test_expect(ask(harness, &query, &run) == XDP_TX, "action %d", run.action);
	test_expect(reply[2] == 0x85 && reply[7] == 1, "flags %02x, %u answers", reply[2],
		    reply[7]);
	test_expect(run.after.size == 42 + 0x291, "a frame of %u bytes, expected %u",
		    run.after.size, 42 + 0x291);
	test_end();
}

/* ---- zones ------------------------------------------------------------------------------------- */

static bool run_zone(const struct harness *harness, const char *map_dir, const char *file)
{
	char command[sizeof(harness->build_dir) + 256];
	int status;

	snprintf(command, sizeof(command), "'%s/examples/resolver/zone' --map-dir '%s' '%s' >&2",
		 harness->build_dir, map_dir, file);
	status = system(command);
	return test_expect(WIFEXITED(status) && !WEXITSTATUS(status), "zone ended with status %d",
			   status);
}

static void write_text(FILE *out, const char *name, int strings, int bytes)
{
	int i;

	fprintf(out, "%s TXT", name);
	for (i = 0; i < strings; i++)
		fprintf(out, " \"%0*d\"", bytes, i);
	fputc('\n', out);
}

static bool load_zone(const struct harness *harness, const char *map_dir, const char *web)
{
	char file[] = "/tmp/xfn-zone-XXXXXX";
	int fd = mkstemp(file);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	bool loaded;

	if (!test_expect(out, "cannot write '%s': %s", file, strerror(errno)))
		return false;
	fputs(zone_head, out);
	fputs(web, out);
	write_text(out, "long", 3, 199); /* 12 + 18 + 4 + 12 + 600 + 11 is 0x291 */
	write_text(out, "huge", 6, 250);
	fclose(out);
	loaded = run_zone(harness, map_dir, file);
	unlink(file);
	return loaded;
}

static void expect_web(struct harness *harness, int answers, __u8 last)
{
	struct message query = {.size = 0};
	static struct run run;
	const __u8 *reply = run.after.bytes + 42;

	put_words(&query, "beef 0100 0001 0000 0000 0000 n:web.example.com" A);
	test_expect(ask(harness, &query, &run) == XDP_TX, "action %d", run.action);
	test_expect(reply[7] == answers, "%d answers, expected %d", reply[7], answers);
	test_expect(reply[query.size + 15] == last, "192.0.2.%u, expected %u",
		    reply[query.size + 15], last);
}

static void run_zones(struct harness *harness, const char *map_dir)
{
	int i;

	test_begin("resolver: a zone is replaced, twice");
	for (i = 0; i < 2; i++) {
		if (load_zone(harness, map_dir, zone_web_new))
			expect_web(harness, 1, 90);
		if (load_zone(harness, map_dir, zone_web))
			expect_web(harness, 2, 80);
	}
	test_end();
}

/* ---- at random --------------------------------------------------------------------------------- */

static void mutate(struct message *query, __u64 *random)
{
	static const __u8 edges[] = {0, 1, 2, 3, 12, 28, 41, 63, 64, 0xc0, 0xff};
	unsigned changes = 1 + frame_random(random) % 4, at;

	while (changes-- && query->size) {
		at = frame_random(random) % query->size;
		if (frame_random(random) % 8 == 0)
			query->size = at;
		else if (frame_random(random) & 1)
			query->bytes[at] = edges[frame_random(random) % sizeof(edges)];
		else
			query->bytes[at] ^= 1 << frame_random(random) % 8;
	}
}

static bool reply_is_sound(const struct message *query, const struct run *run)
{
	const __u8 *reply = run->after.bytes + 42;
	unsigned udp_bytes = (unsigned)run->after.bytes[38] << 8 | run->after.bytes[39];

	return frame_sums_are_right(&run->after) && udp_bytes >= 8 + 12 && udp_bytes <= 8 + 1232 &&
	       (run->after.size == 34 + udp_bytes || run->after.size == 60) && reply[2] & 0x80 &&
	       !memcmp(reply, query->bytes, 2) && !reply[4] && reply[5] <= 1 &&
	       (!reply[5] || !memcmp(reply + 12, query->bytes + 12, 5));
}

static void run_random(struct harness *harness)
{
	unsigned count = harness_scaled(harness, RANDOM_QUERIES, 1000), i, n = 0;
	static struct message query;
	static struct run run;
	static struct frame frame;
	__u64 random = 0x7265736f6c766572;
	struct books before, after;

	test_begin("resolver: %u queries at random", count);
	harness_read_books(harness, 0, &before);
	for (i = 0; i < count && !test_has_failed(); i++) {
		struct frame_spec spec = {.dst_port = 53, .payload = query.bytes};

		make_query(n++ % (sizeof(cases) / sizeof(cases[0])), &query);
		mutate(&query, &random);
		spec.payload_bytes = query.size;
		frame_build(&spec, &frame);
		harness_run(harness, 0, BY_INGRESS, &frame, &run);
		if (run.action == XDP_PASS)
			test_expect(run.after.size == frame.size &&
					    !memcmp(run.after.bytes, frame.bytes, frame.size),
				    "query %u was passed on changed", i);
		else if (run.action == XDP_TX)
			test_expect(reply_is_sound(&query, &run), "reply to query %u is odd", i);
		else
			test_expect(run.action == XDP_DROP, "query %u: action %d", i, run.action);
	}
	harness_read_books(harness, 0, &after);
	test_expect(after.versions[RESOLVER].outcomes[XFN_OUTCOME_ABORTED] ==
			    before.versions[RESOLVER].outcomes[XFN_OUTCOME_ABORTED],
		    "some were aborted");
	test_end();
}

void suite_resolver(struct harness *harness)
{
	char map_dir[256];
	int fd;

	test_begin("resolver: without a zone everything is passed on");
	if (!harness_apply(harness, manifest) ||
	    !harness_enter_handler(harness, RESOLVER, "examples/resolver/resolver.bpf.o")) {
		test_end();
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		struct message query;
		static struct run run;

		make_query(i, &query);
		test_expect(ask(harness, &query, &run) == XDP_PASS, "action %d", run.action);
	}
	test_end();

	test_begin("resolver: the tool loads a zone");
	fd = xfn_handler_in_slot(harness->dataplane, RESOLVER);
	test_expect(fd >= 0 && !xfn_handler_pin_maps(harness->dataplane, "default", "resolver", fd),
		    "cannot pin the handler's maps");
	if (fd >= 0)
		close(fd);
	snprintf(map_dir, sizeof(map_dir), "%s/functions/default/resolver",
		 harness->dataplane->dir);
	load_zone(harness, map_dir, zone_web);
	test_end();

	run_cases(harness);
	run_long_names(harness);
	run_long_labels(harness);
	run_silence(harness);
	run_fit(harness);
	run_zones(harness, map_dir);
	run_random(harness);
	harness_clear_handler(harness, RESOLVER);
	xfn_handler_unpin_maps(harness->dataplane, "default", "resolver");
}
