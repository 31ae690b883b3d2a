/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
/* The macro form adds our source file to each entry; the entries are about the host, not about us. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "journal.h"

enum { MESSAGE_BYTES = 1000 };

struct line {
	__u64 seq;
	char *text;
	size_t length;
};

struct xfn_journal_follower {
	struct xfn_journal *journal;
	struct xfn_journal_follower *next;
	xfn_journal_fn *fn;
	void *context;
};

struct xfn_journal {
	struct line *ring;
	size_t capacity;
	size_t used;
	size_t head; /* where the next event goes */
	__u64 seq;
	bool quiet;
	bool to_systemd;
	struct xfn_journal_follower *followers;
};

/* systemd.exec(5): JOURNAL_STREAM holds device and inode of the stream to the journal. */
static bool stderr_is_systemd_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

int xfn_journal_new(size_t capacity_events, bool quiet, struct xfn_journal **ret)
{
	struct xfn_journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return -ENOMEM;
	journal->ring = calloc(capacity_events, sizeof(*journal->ring));
	if (!journal->ring) {
		free(journal);
		return -ENOMEM;
	}
	journal->capacity = capacity_events;
	journal->quiet = quiet;
	journal->to_systemd = stderr_is_systemd_journal();
	*ret = journal;
	return 0;
}

void xfn_journal_free(struct xfn_journal *journal)
{
	if (!journal)
		return;
	for (size_t i = 0; i < journal->capacity; i++)
		free(journal->ring[i].text);
	free(journal->ring);
	free(journal);
}

static void log_event(const struct xfn_journal *journal, const struct xfn_journal_event *event,
		      const char *message)
{
	const char *function = event->function ? event->function : "";
	const char *interface = event->interface ? event->interface : "";

	if (journal->quiet)
		return;
	if (journal->to_systemd) {
		sd_journal_send("MESSAGE=%s: %s", event->type, message, "SYSLOG_IDENTIFIER=xfnd",
				"PRIORITY=%i", strcmp(event->type, "error") == 0 ? 3 : 6,
				"XFN_TYPE=%s", event->type, "XFN_FUNCTION=%s", function,
				"XFN_INTERFACE=%s", interface, NULL);
		return;
	}
	fprintf(stderr, "xfnd: %s%s%s%s%s: %s\n", event->type, *function ? " " : "", function,
		*interface ? " " : "", interface, message);
}

/* A cut may have gone through a character: take what is left of it away. */
static void trim_broken_tail(char *text)
{
	size_t end = strlen(text);

	while (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0x80)
		end--;
	if (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0xc0)
		text[end - 1] = '\0';
}

static json_t *make_string(char *text)
{
	json_t *string = json_string(text);

	if (string)
		return string;
	for (char *c = text; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(text);
}

static void format_time(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	char date[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%03ldZ", date, now.tv_nsec / 1000000);
}

static char *render(__u64 seq, const struct xfn_journal_event *event, char *message)
{
	json_t *object, *text = make_string(message);
	char time[64], *dump, *line = NULL;

	format_time(time, sizeof(time));
	object = json_pack("{s:I, s:s, s:s, s:s*, s:s*, s:o}", "seq", (json_int_t)seq, "time", time,
			   "type", event->type, "function", event->function, "interface",
			   event->interface, "message", text);
	if (!object)
		return NULL;
	dump = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!dump)
		return NULL;
	if (asprintf(&line, "%s\n", dump) < 0)
		line = NULL;
	free(dump);
	return line;
}

static const struct line *keep(struct xfn_journal *journal, __u64 seq, char *text)
{
	struct line *line = &journal->ring[journal->head];

	free(line->text);
	*line = (struct line){.seq = seq, .text = text, .length = strlen(text)};
	journal->head = (journal->head + 1) % journal->capacity;
	if (journal->used < journal->capacity)
		journal->used++;
	return line;
}

void xfn_journal_add(struct xfn_journal *journal, const struct xfn_journal_event *event,
		     const char *format, ...)
{
	char message[MESSAGE_BYTES + 1];
	const struct line *line;
	va_list args;
	char *text;
	int length;

	if (!journal)
		return;
	va_start(args, format);
	length = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (length < 0)
		return;
	if (length > MESSAGE_BYTES)
		trim_broken_tail(message);
	for (char *c = message; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';

	log_event(journal, event, message);
	journal->seq++;
	text = render(journal->seq, event, message);
	if (!text)
		return;
	line = keep(journal, journal->seq, text);
	for (struct xfn_journal_follower *f = journal->followers; f; f = f->next)
		f->fn(f->context, line->seq, line->text, line->length);
}

__u64 xfn_journal_seq(const struct xfn_journal *journal)
{
	return journal->seq;
}

void xfn_journal_each(const struct xfn_journal *journal, __u64 after_seq, xfn_journal_fn *fn,
		      void *context)
{
	size_t first = (journal->head + journal->capacity - journal->used) % journal->capacity;

	for (size_t i = 0; i < journal->used; i++) {
		const struct line *line = &journal->ring[(first + i) % journal->capacity];

		if (line->seq > after_seq)
			fn(context, line->seq, line->text, line->length);
	}
}

int xfn_journal_follow(struct xfn_journal *journal, xfn_journal_fn *fn, void *context,
		       struct xfn_journal_follower **ret)
{
	struct xfn_journal_follower *follower = calloc(1, sizeof(*follower));

	if (!follower)
		return -ENOMEM;
	*follower = (struct xfn_journal_follower){
		.journal = journal, .next = journal->followers, .fn = fn, .context = context};
	journal->followers = follower;
	*ret = follower;
	return 0;
}

void xfn_journal_unfollow(struct xfn_journal_follower *follower)
{
	struct xfn_journal_follower **link;

	if (!follower)
		return;
	for (link = &follower->journal->followers; *link != follower;)
		link = &(*link)->next;
	*link = follower->next;
	free(follower);
}
