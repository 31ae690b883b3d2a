/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_JOURNAL_H
#define XFN_JOURNAL_H

/*
 * What happened: a bounded ring of events, each one JSON object
 *   {"seq","time","type","function","interface","message"}
 * with members that do not apply left out. Each event is also logged, as one line on standard
 * error, or with its members as fields to systemd's journal where standard error leads there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct xfn_journal;
struct xfn_journal_follower;

enum { XFN_JOURNAL_EVENTS = 4096 };

struct xfn_journal_event {
	const char *type;      /* a word: "start" "attach" "apply" "swap" "error" ... */
	const char *function;  /* TENANT/NAME or NULL */
	const char *interface; /* or NULL */
};

/*
 * @line: one JSON object and a newline, borrowed. Must not add or remove followers or events.
 * @seq: the event's number, counted from 1, also across what the ring has dropped.
 */
typedef void xfn_journal_fn(void *context, __u64 seq, const char *line, size_t length);

/* @capacity_events: above 0. @quiet: keep events, log nothing. Returns 0 or -errno. */
int xfn_journal_new(size_t capacity_events, bool quiet, struct xfn_journal **ret);
/* Followers must be gone. Takes NULL. */
void xfn_journal_free(struct xfn_journal *journal);

/*
 * Adds an event and hands it to every follower. The message is cut at 1,000 bytes; control
 * characters in it become spaces, bytes that are not UTF-8 become '?'. @journal may be NULL:
 * nothing happens. An event that no memory could be had for is logged but not kept.
 */
void xfn_journal_add(struct xfn_journal *journal, const struct xfn_journal_event *event,
		     const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The number of the newest event; 0 before the first. */
__u64 xfn_journal_seq(const struct xfn_journal *journal);

/* Calls @fn for each kept event with a number above @after_seq, oldest first. */
void xfn_journal_each(const struct xfn_journal *journal, __u64 after_seq, xfn_journal_fn *fn,
		      void *context);

/* Calls @fn for each event from now on, until unfollowed. Returns 0 or -ENOMEM. */
int xfn_journal_follow(struct xfn_journal *journal, xfn_journal_fn *fn, void *context,
		       struct xfn_journal_follower **ret);
/* Takes NULL. */
void xfn_journal_unfollow(struct xfn_journal_follower *follower);

#endif
