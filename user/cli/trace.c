/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn trace: packets as they come, each with its verdict; as lines, JSON or pcapng. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "output.h"
#include "packet.h"
#include "pcapng.h"
#include "units.h"

enum { FRAME_MAX = 4096, ETHERNET_BYTES = 14 };

static volatile sig_atomic_t interrupted;

static void interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

struct tracer {
	struct xfn_cli *cli;
	FILE *capture; /* NULL: lines */
	struct xfn_pcapng pcapng;
	__u64 records;
	bool ended; /* the daemon's last line has come */
};

/* ---- one packet ------------------------------------------------------------------------------------ */

static const char *time_text(__u64 time_ns, char *buf, size_t size)
{
	time_t seconds = time_ns / XFN_NS_PER_S;
	char whole[16] = "";
	struct tm local;

	if (localtime_r(&seconds, &local))
		strftime(whole, sizeof(whole), "%H:%M:%S", &local);
	snprintf(buf, size, "%s.%06llu", whole, time_ns % XFN_NS_PER_S / 1000);
	return buf;
}

/* What has no ports: by its Ethernet protocol. */
static const char *frame_text(const char *hex, char *buf, size_t size)
{
	if (strlen(hex) < 2 * ETHERNET_BYTES)
		return "a frame cut short";
	snprintf(buf, size, "ether %.12s > %.12s protocol 0x%.4s", hex + 12, hex, hex + 24);
	return buf;
}

static void print_packet(const json_t *record)
{
	const char *function = xfn_json_text(record, "function");
	const char *version = xfn_json_text(record, "version");
	const char *packet = xfn_json_text(record, "packet");
	char when[32], frame[64];

	printf("%s %s %s %s%s%s%s%s len %llu\n",
	       time_text(xfn_json_count(record, "time_ns"), when, sizeof(when)),
	       xfn_json_text(record, "interface"), xfn_json_text(record, "verdict"), function,
	       *function ? " " : "", version, *version ? " " : "",
	       *packet ? packet : frame_text(xfn_json_text(record, "frame"), frame, sizeof(frame)),
	       xfn_json_count(record, *packet ? "payload_bytes" : "bytes"));
	fflush(stdout);
}

static int write_packet(struct tracer *tracer, const json_t *record)
{
	const char *function = xfn_json_text(record, "function"), *hex;
	const char *version = xfn_json_text(record, "version");
	char comment[256];
	__u8 frame[FRAME_MAX];
	size_t at;
	struct xfn_pcapng_packet packet = {
		.interface = xfn_json_text(record, "interface"),
		.time_ns = xfn_json_count(record, "time_ns"),
		.frame = frame,
		.bytes = xfn_json_count(record, "bytes"),
		.comment = comment,
	};
	int captured;

	hex = xfn_json_text(record, "frame");
	captured = xfn_hex_parse(hex, strlen(hex), frame, sizeof(frame), &at);
	packet.captured = captured > 0 ? captured : 0;
	snprintf(comment, sizeof(comment), "verdict %s%s%s%s%s", xfn_json_text(record, "verdict"),
		 *function ? ", function " : "", function, *version ? " " : "", version);
	return xfn_pcapng_write(&tracer->pcapng, &packet);
}

/* ---- first and last lines -------------------------------------------------------------------------- */

static void say_begin(struct tracer *tracer, const json_t *begin)
{
	const json_t *interfaces = json_object_get(begin, "interfaces"), *name;
	char duration[XFN_UNIT_TEXT_MAX];
	size_t i;

	if (tracer->capture &&
	    xfn_pcapng_begin(&tracer->pcapng, tracer->capture, xfn_json_count(begin, "snap_bytes"),
			     "xfn " XFN_VERSION))
		interrupted = 1;
	fprintf(stderr, "xfn: tracing");
	json_array_foreach (interfaces, i, name)
		fprintf(stderr, "%s %s", i ? "," : "", json_string_value(name));
	fprintf(stderr, " for up to %s\n",
		xfn_duration_print(xfn_json_count(begin, "for_ns"), duration, sizeof(duration)));
}

/* What there is to say of an end that nobody asked for. */
static const char *why_it_ended(const char *reason)
{
	static const struct {
		const char *reason, *words;
	} ends[] = {
		{"detached", "; nothing is attached any more"},
		{"closing", "; nothing is attached any more"},
		{"removed", "; the function is no more"},
		{"changed", "; what --next names was changed, which ends a trace"},
	};
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strcmp(ends[i].reason, reason))
			return ends[i].words;
	return "";
}

static void say_end(struct tracer *tracer, const json_t *end)
{
	__u64 records = xfn_json_count(end, "records"), lost = xfn_json_count(end, "lost");
	const char *reason = xfn_json_text(end, "reason");

	tracer->ended = true;
	fprintf(stderr, "xfn: %llu packet%s, %llu lost", records, records == 1 ? "" : "s", lost);
	if (lost)
		fprintf(stderr, ": they came faster than a trace is read");
	fprintf(stderr, "%s", why_it_ended(reason));
	fprintf(stderr, "\n");
}

static void take_line(void *context, const char *line)
{
	struct tracer *tracer = context;
	json_t *record = json_loads(line, 0, NULL);
	const json_t *begin = json_object_get(record, "begin");
	const json_t *end = json_object_get(record, "end");

	if (begin)
		say_begin(tracer, begin);
	else if (end)
		say_end(tracer, end);
	else
		tracer->records++;
	if (tracer->cli->json && !tracer->capture) {
		puts(line);
		fflush(stdout);
	} else if (record && !begin && !end) {
		if (!tracer->capture)
			print_packet(record);
		else if (write_packet(tracer, record))
			interrupted = 1;
	}
	json_decref(record);
}

/* ---- the verb -------------------------------------------------------------------------------------- */

static int open_capture(struct tracer *tracer, const char *path)
{
	int err;

	tracer->capture = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (tracer->capture)
		return XFN_EXIT_OK;
	err = errno;
	xfn_say("cannot write '%s': %s", path, strerror(err));
	return XFN_EXIT_FAILED;
}

static int close_capture(struct tracer *tracer, const char *path)
{
	bool failed;

	if (!tracer->capture)
		return XFN_EXIT_OK;
	failed = ferror(tracer->capture) || fflush(tracer->capture);
	if (tracer->capture != stdout)
		failed |= fclose(tracer->capture) != 0;
	if (failed)
		xfn_say("cannot write '%s': %s", path, strerror(errno ? errno : EIO));
	return failed ? XFN_EXIT_FAILED : XFN_EXIT_OK;
}

int xfn_cli_trace(struct xfn_cli *cli)
{
	struct tracer tracer = {.cli = cli};
	struct sigaction action = {.sa_handler = interrupt};
	char *path;
	int code = cli->write ? open_capture(&tracer, cli->write) : XFN_EXIT_OK, closed;

	if (code != XFN_EXIT_OK)
		return code;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	path = xfn_call_path("/v1/trace", "function", cli->word_count ? cli->words[0] : NULL,
			     "verdict", cli->verdict, "from", cli->from, "count", cli->count, "for",
			     cli->duration, "snap", cli->snap, NULL);
	code = xfn_get_lines_until(cli, path, take_line, &tracer, &interrupted);
	free(path);
	closed = close_capture(&tracer, cli->write);
	if (code == XFN_EXIT_OK && !tracer.ended)
		fprintf(stderr, "xfn: %llu packet%s, and then interrupted\n", tracer.records,
			tracer.records == 1 ? "" : "s");
	return code ?: closed;
}
