/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_KEEPER_PRIVATE_H
#define XFN_KEEPER_PRIVATE_H

/* The keeper's own parts. Single-threaded; all of it lives as long as the process. */

#include <stdbool.h>
#include <stddef.h>

#include "keeper.h"
#include "xsk.h"

/* ---- descriptors: keeper_store.c ------------------------------------------------------------------- */

struct xfn_store_entry {
	struct xfn_keeper_stored words;
	int fd;
};

/* Of one kind; in the order in which keys came. */
struct xfn_store {
	__u32 count;
	struct xfn_store_entry entries[XFN_KEEPER_STORED_MAX];
};

/* Takes @fd over on success, and only then. */
int xfn_store_put(struct xfn_store *store, const struct xfn_keeper_stored *words, int fd);
int xfn_store_drop(struct xfn_store *store, __u64 key);

/* ---- events that wait: keeper_inbox.c ------------------------------------------------------------------ */

struct xfn_event {
	__u64 seen_ns;
	__u32 bytes;
	__u32 interface;
	__u8 frame[];
};

/* Of one function: a ring of events in the order in which they came. */
struct xfn_inbox_ring {
	struct xfn_keeper_function words;
	struct xfn_keeper_counts counts;
	struct xfn_event **events; /* events_max of them */
	__u32 first;
	bool wanted; /* and nobody was told so far */
};

/* By ascending identity. The counts are those of all, of forgotten ones too. */
struct xfn_inboxes {
	__u32 count;
	struct xfn_inbox_ring *rings[XFN_KEEPER_FUNCTIONS_MAX];
	struct xfn_keeper_counts counts;
};

/* NULL: no such function. */
struct xfn_inbox_ring *xfn_inboxes_find(const struct xfn_inboxes *inboxes, __u64 identity);
/* The next one that is wanted, or NULL. */
struct xfn_inbox_ring *xfn_inboxes_wanted(const struct xfn_inboxes *inboxes);
/* What waits is wanted again: whoever was told is gone. */
void xfn_inboxes_want_again(struct xfn_inboxes *inboxes);

/* A new function, or new bounds for one that is there. */
int xfn_inboxes_set(struct xfn_inboxes *inboxes, const struct xfn_keeper_function *words);
int xfn_inboxes_forget(struct xfn_inboxes *inboxes, __u64 identity);

/*
 * A copy of one frame that came in by interface @slot, with a struct xfn_park_meta in front of it, which
 * is erased. It goes to the function that is named there, or is counted as what became of it.
 */
void xfn_inboxes_put(struct xfn_inboxes *inboxes, __u32 slot, __u8 *frame, __u32 bytes);

/*
 * All events that are not too old, in a sealed memfd (struct xfn_inbox), which is the caller's; *ret_fd = -1 where
 * there are none. They stay until xfn_inbox_clear() is told the same, and how many of them have gone otherwise since.
 */
int xfn_inbox_make(const struct xfn_inbox_ring *ring, int *ret_fd,
		   struct xfn_keeper_taken *ret_taken);
void xfn_inbox_clear(struct xfn_inboxes *inboxes, struct xfn_inbox_ring *ring,
		     const struct xfn_keeper_taken *taken, __u64 gone);
/* Events that are not there any more, ever. */
__u64 xfn_inbox_removed(const struct xfn_inbox_ring *ring);

/* ---- parking sockets: keeper_park.c -------------------------------------------------------------------- */

struct xfn_park_socket {
	struct xfn_keeper_park words;
	struct xsk xsk;
	int fd;
};

struct xfn_parks {
	__u32 count;
	struct xfn_park_socket sockets[XFN_KEEPER_PARKS_MAX];
	__u64 lost; /* of sockets that are closed; of all: xfn_parks_lost() */
};

/* Binds the socket, takes @fd over on success and only then, and fills in words->frames. */
int xfn_parks_open(struct xfn_parks *parks, struct xfn_keeper_park *words, int fd);
/* Reads what is there for the last time, and closes it. */
int xfn_parks_close(struct xfn_parks *parks, struct xfn_inboxes *inboxes,
		    const struct xfn_keeper_park *words);
/* Reads what came in; of each socket at most a pool full. */
void xfn_parks_read(struct xfn_parks *parks, struct xfn_inboxes *inboxes);
__u64 xfn_parks_lost(const struct xfn_parks *parks);

/* ---- questions: keeper_answer.c ------------------------------------------------------------------------ */

struct xfn_keeping {
	uid_t uid; /* whose questions are answered */
	int listen_fd;
	int client_fd; /* -1: none */
	bool noted; /* the client was told that something is wanted, and has not asked for all of it */
	bool ended;        /* by XFN_KEEPER_END */
	__u64 handed_over; /* of whose events the client has a copy, and has said nothing since; 0: none */
	struct xfn_keeper_taken handed;
	__u64 removed_then; /* xfn_inbox_removed() */
	struct xfn_store stores[XFN_KEEPER_STORED_KINDS];
	struct xfn_inboxes inboxes;
	struct xfn_parks parks;
};

/* Takes a client that came, in the place of the one that is there. */
void xfn_keeping_accept(struct xfn_keeping *keeping);
/* Answers one question. A client that is gone, or does not take the answer, is not there any more. */
void xfn_keeping_answer(struct xfn_keeping *keeping);
/* Tells the client that something is wanted, if so, and if it was not told. */
void xfn_keeping_note(struct xfn_keeping *keeping);

#endif
