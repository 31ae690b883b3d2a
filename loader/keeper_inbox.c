/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions whose events wait, the events, and the memfd that they are handed over in. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "errnum.h"
#include "keeper_private.h"
#include "xfn/channel.h"
#include "xfn/park.h"

enum {
	ETHERNET_BYTES = 14,
	WRITE_BYTES = 65536,
};

/* ---- functions --------------------------------------------------------------------------------------- */

/* Where it is, or would be. */
static __u32 place_of(const struct xfn_inboxes *inboxes, __u64 identity)
{
	__u32 low = 0, high = inboxes->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (inboxes->rings[middle]->words.identity < identity)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct xfn_inbox_ring *xfn_inboxes_find(const struct xfn_inboxes *inboxes, __u64 identity)
{
	__u32 place = place_of(inboxes, identity);
	struct xfn_inbox_ring *ring = place < inboxes->count ? inboxes->rings[place] : NULL;

	return ring && ring->words.identity == identity ? ring : NULL;
}

struct xfn_inbox_ring *xfn_inboxes_wanted(const struct xfn_inboxes *inboxes)
{
	__u32 i;

	for (i = 0; i < inboxes->count; i++)
		if (inboxes->rings[i]->wanted)
			return inboxes->rings[i];
	return NULL;
}

void xfn_inboxes_want_again(struct xfn_inboxes *inboxes)
{
	__u32 i;

	for (i = 0; i < inboxes->count; i++)
		inboxes->rings[i]->wanted = inboxes->rings[i]->counts.waiting > 0;
}

/* ---- events ------------------------------------------------------------------------------------------ */

static void count(struct xfn_inboxes *inboxes, struct xfn_inbox_ring *ring,
		  enum xfn_keeper_counter counter, __u64 events)
{
	if (ring)
		ring->counts.count[counter] += events;
	inboxes->counts.count[counter] += events;
}

static struct xfn_event **event_at(const struct xfn_inbox_ring *ring, __u64 index)
{
	return &ring->events[(ring->first + index) % ring->words.events_max];
}

/* The oldest one goes, for that reason. */
static void remove_first(struct xfn_inboxes *inboxes, struct xfn_inbox_ring *ring,
			 enum xfn_keeper_counter reason)
{
	free(*event_at(ring, 0));
	ring->first = (ring->first + 1) % ring->words.events_max;
	ring->counts.waiting--;
	inboxes->counts.waiting--;
	count(inboxes, ring, reason, 1);
}

static bool is_expired(const struct xfn_inbox_ring *ring, const struct xfn_event *event,
		       __u64 now_ns)
{
	return ring->words.age_ns && now_ns > event->seen_ns &&
	       now_ns - event->seen_ns > ring->words.age_ns;
}

/* Nobody gets an event that is too old: there is its room. */
static bool has_room(struct xfn_inboxes *inboxes, struct xfn_inbox_ring *ring)
{
	if (ring->counts.waiting < ring->words.events_max)
		return true;
	if (!is_expired(ring, *event_at(ring, 0), xfn_clock_ns(CLOCK_MONOTONIC)))
		return false;
	remove_first(inboxes, ring, XFN_KEEPER_EXPIRED);
	return true;
}

static void append(struct xfn_inboxes *inboxes, struct xfn_inbox_ring *ring,
		   const struct xfn_park_meta *meta, const __u8 *frame, __u32 bytes)
{
	struct xfn_event *event = NULL;

	if (has_room(inboxes, ring))
		event = malloc(sizeof(*event) + bytes);
	if (!event) {
		count(inboxes, ring, XFN_KEEPER_PARKED_FULL, 1);
		return;
	}
	*event = (struct xfn_event){
		.seen_ns = meta->seen_ns, .bytes = bytes, .interface = meta->interface};
	memcpy(event->frame, frame, bytes);
	*event_at(ring, ring->counts.waiting) = event;
	if (!ring->counts.waiting++)
		ring->wanted = true;
	inboxes->counts.waiting++;
	count(inboxes, ring, XFN_KEEPER_PARKED, 1);
}

void xfn_inboxes_put(struct xfn_inboxes *inboxes, __u32 slot, __u8 *frame, __u32 bytes)
{
	struct xfn_park_meta meta;
	struct xfn_inbox_ring *ring;

	memcpy(&meta, frame - sizeof(meta), sizeof(meta));
	memset(frame - sizeof(meta), 0, sizeof(meta));
	if (meta.magic != XFN_PARK_MAGIC || meta.check != xfn_park_check(&meta) ||
	    meta.interface != slot || bytes < ETHERNET_BYTES || bytes > XFN_INBOX_FRAME_MAX) {
		count(inboxes, NULL, XFN_KEEPER_UNREADABLE, 1);
		return;
	}
	ring = xfn_inboxes_find(inboxes, meta.identity);
	if (ring && ring->words.slot == meta.function)
		append(inboxes, ring, &meta, frame, bytes);
	else
		count(inboxes, NULL, XFN_KEEPER_UNKNOWN, 1);
}

/* ---- bounds ------------------------------------------------------------------------------------------ */

/* Whether all bounds together leave that many events for one more function, or for @ring. */
static bool fits(const struct xfn_inboxes *inboxes, const struct xfn_inbox_ring *ring,
		 __u32 events_max)
{
	__u64 events = events_max;
	__u32 i;

	for (i = 0; i < inboxes->count; i++)
		if (inboxes->rings[i] != ring)
			events += inboxes->rings[i]->words.events_max;
	return events * XFN_KEEPER_EVENT_ROOM <= XFN_KEEPER_EVENT_BYTES;
}

static int resize(struct xfn_inboxes *inboxes, struct xfn_inbox_ring *ring, __u32 events_max)
{
	struct xfn_event **events = calloc(events_max, sizeof(struct xfn_event *));
	__u64 i;

	if (!events)
		return -ENOMEM;
	while (ring->counts.waiting > events_max)
		remove_first(inboxes, ring, XFN_KEEPER_FORGOTTEN);
	for (i = 0; i < ring->counts.waiting; i++)
		events[i] = *event_at(ring, i);
	free(ring->events);
	ring->events = events;
	ring->first = 0;
	return 0;
}

static int add(struct xfn_inboxes *inboxes, const struct xfn_keeper_function *words)
{
	__u32 place = place_of(inboxes, words->identity);
	struct xfn_inbox_ring *ring;

	if (inboxes->count == XFN_KEEPER_FUNCTIONS_MAX)
		return -ENOSPC;
	ring = calloc(1, sizeof(*ring));
	if (!ring || resize(inboxes, ring, words->events_max)) {
		free(ring);
		return -ENOMEM;
	}
	ring->words = *words;
	memmove(&inboxes->rings[place + 1], &inboxes->rings[place],
		(inboxes->count - place) * sizeof(struct xfn_inbox_ring *));
	inboxes->rings[place] = ring;
	inboxes->count++;
	return 0;
}

int xfn_inboxes_set(struct xfn_inboxes *inboxes, const struct xfn_keeper_function *words)
{
	struct xfn_inbox_ring *ring = xfn_inboxes_find(inboxes, words->identity);
	int err;

	if (!words->identity || !words->events_max || words->events_max > XFN_KEEPER_EVENTS_MAX)
		return -EINVAL;
	if (!fits(inboxes, ring, words->events_max))
		return -ENOSPC;
	if (!ring)
		return add(inboxes, words);
	err = resize(inboxes, ring, words->events_max);
	if (!err)
		ring->words = *words;
	return err;
}

int xfn_inboxes_forget(struct xfn_inboxes *inboxes, __u64 identity)
{
	__u32 place = place_of(inboxes, identity);
	struct xfn_inbox_ring *ring = xfn_inboxes_find(inboxes, identity);

	if (!ring)
		return -ENOENT;
	while (ring->counts.waiting)
		remove_first(inboxes, ring, XFN_KEEPER_FORGOTTEN);
	inboxes->count--;
	memmove(&inboxes->rings[place], &inboxes->rings[place + 1],
		(inboxes->count - place) * sizeof(struct xfn_inbox_ring *));
	free(ring->events);
	free(ring);
	return 0;
}

/* ---- handing over ------------------------------------------------------------------------------------ */

/* Writes to a descriptor, in pieces that are worth a call. */
struct writer {
	int fd, err;
	size_t used;
	__u8 room[WRITE_BYTES];
};

static void flush(struct writer *writer)
{
	if (!writer->err && writer->used &&
	    write(writer->fd, writer->room, writer->used) != (ssize_t)writer->used)
		writer->err = xfn_errno();
	writer->used = 0;
}

/* Up to WRITE_BYTES. */
static void put(struct writer *writer, const void *data, size_t bytes)
{
	if (writer->used + bytes > WRITE_BYTES)
		flush(writer);
	memcpy(writer->room + writer->used, data, bytes);
	writer->used += bytes;
}

static void put_event(struct writer *writer, const struct xfn_event *event)
{
	static const __u8 nothing[8];
	const struct xfn_inbox_record record = {.frame_bytes = event->bytes,
						.interface = event->interface,
						.seen_ns = event->seen_ns};

	put(writer, &record, sizeof(record));
	put(writer, event->frame, event->bytes);
	put(writer, nothing, XFN_INBOX_STEP(event->bytes) - sizeof(record) - event->bytes);
}

/* What the inbox will be, of all that is not too old. */
static void measure(const struct xfn_inbox_ring *ring, __u64 now_ns, struct xfn_inbox *inbox)
{
	const struct xfn_event *event;
	__u64 i;

	*inbox = (struct xfn_inbox){
		.magic = XFN_INBOX_MAGIC, .version = XFN_INBOX_VERSION, .bytes = sizeof(*inbox)};
	for (i = 0; i < ring->counts.waiting; i++) {
		event = *event_at(ring, i);
		if (is_expired(ring, event, now_ns))
			continue;
		inbox->count++;
		inbox->bytes += XFN_INBOX_STEP(event->bytes);
	}
}

static int write_inbox(const struct xfn_inbox_ring *ring, __u64 now_ns,
		       const struct xfn_inbox *inbox, int fd)
{
	static struct writer writer;
	const struct xfn_event *event;
	__u64 i;

	writer.fd = fd;
	writer.err = 0;
	writer.used = 0;
	put(&writer, inbox, sizeof(*inbox));
	for (i = 0; i < ring->counts.waiting; i++) {
		event = *event_at(ring, i);
		if (!is_expired(ring, event, now_ns))
			put_event(&writer, event);
	}
	flush(&writer);
	if (!writer.err &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		writer.err = xfn_errno();
	return writer.err;
}

int xfn_inbox_make(const struct xfn_inbox_ring *ring, int *ret_fd,
		   struct xfn_keeper_taken *ret_taken)
{
	__u64 now_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	struct xfn_inbox inbox;
	int fd = -1, err;

	measure(ring, now_ns, &inbox);
	if (inbox.count) {
		fd = memfd_create("xfn-inbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd < 0)
			return xfn_errno();
		err = write_inbox(ring, now_ns, &inbox, fd);
		if (err) {
			close(fd);
			return err;
		}
	}
	*ret_fd = fd;
	*ret_taken = (struct xfn_keeper_taken){
		.count = inbox.count, .expired = (__u32)ring->counts.waiting - inbox.count};
	return 0;
}

__u64 xfn_inbox_removed(const struct xfn_inbox_ring *ring)
{
	return ring->counts.count[XFN_KEEPER_TAKEN] + ring->counts.count[XFN_KEEPER_EXPIRED] +
	       ring->counts.count[XFN_KEEPER_FORGOTTEN];
}

void xfn_inbox_clear(struct xfn_inboxes *inboxes, struct xfn_inbox_ring *ring,
		     const struct xfn_keeper_taken *taken, __u64 gone)
{
	__u64 i;

	for (i = gone; i < (__u64)taken->count + taken->expired && ring->counts.waiting; i++)
		remove_first(inboxes, ring,
			     i < taken->count ? XFN_KEEPER_TAKEN : XFN_KEEPER_EXPIRED);
	ring->wanted = ring->counts.waiting > 0;
}
