/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_KEEPER_H
#define XFN_KEEPER_H

/*
 * The keeper: a process that outlives xfnd and keeps for it what must not be lost while a function has no
 * instance, or xfnd is not there: events that wait (parking), and descriptors: listening sockets, channels to
 * instances, the far ends of their ports. build/xfn-keeper, docs/adr/0015-keeper.md.
 *
 * One client at a time, on a SOCK_SEQPACKET socket RUN_DIR/keeper.sock; a new one takes the place of the old
 * one. A struct xfn_keeper_message there, one back, a descriptor beside them. The keeper says one thing unasked,
 * XFN_KEEPER_NOTE: something is wanted; what, is asked with XFN_KEEPER_WANTED, so that nothing is lost with a
 * message.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <linux/types.h>

#include "loop.h"
#include "xfn/channel.h"

#define XFN_KEEPER_VERSION    2
#define XFN_KEEPER_SOCKET     "keeper.sock" /* in the run directory */
#define XFN_KEEPER_NOTE_BYTES 64

/* Bounds; beyond them -ENOSPC. */
#define XFN_KEEPER_PARKS_MAX     64 /* parking sockets */
#define XFN_KEEPER_FUNCTIONS_MAX 256
#define XFN_KEEPER_STORED_MAX    1024        /* descriptors of each kind */
#define XFN_KEEPER_EVENTS_MAX    65536       /* of one function */
#define XFN_KEEPER_EVENT_BYTES   (512 << 20) /* of all functions' bounds together */
#define XFN_KEEPER_EVENT_ROOM    (sizeof(struct xfn_inbox_record) + XFN_INBOX_FRAME_MAX) /* for one */

/* Frames of 2 KiB of a parking socket's pool: as many as the memory that may be locked gives, halved each time. */
#define XFN_KEEPER_FRAMES_MAX 1024
#define XFN_KEEPER_FRAMES_MIN 64

/* Which of the message's bodies goes there, and which comes back. */
enum xfn_keeper_op {
	XFN_KEEPER_NOTE,       /* unasked: something is wanted */
	XFN_KEEPER_HELLO,      /* -> hello; what waits is wanted again */
	XFN_KEEPER_LIST,       /* list -> what it asks for, and its descriptor; -ENOENT: no more */
	XFN_KEEPER_WANTED,     /* -> id: of a function; it is not wanted any more then; -ENOENT */
	XFN_KEEPER_COUNTS,     /* id: of a function; 0: all -> counts */
	XFN_KEEPER_STORE,      /* stored, with a descriptor */
	XFN_KEEPER_DROP,       /* stored: kind and key */
	XFN_KEEPER_PARK_OPEN,  /* park, with an AF_XDP socket -> park */
	XFN_KEEPER_PARK_CLOSE, /* park: slot and queue */
	XFN_KEEPER_PARK_FUNCTION, /* function */
	XFN_KEEPER_FORGET,        /* id: of a function */
	/* id: of a function -> taken, and the inbox if there is any. It is kept until the client asks anything more. */
	XFN_KEEPER_TAKE,
	XFN_KEEPER_END, /* of any version: it ends, and with it all that it keeps */
	XFN_KEEPER_OP_COUNT,
};

enum xfn_keeper_kind {
	XFN_KEEPER_LISTENERS,
	XFN_KEEPER_CHANNELS,
	XFN_KEEPER_FAR_ENDS,
	XFN_KEEPER_STORED_KINDS, /* those above are stored */
	XFN_KEEPER_PARKS = XFN_KEEPER_STORED_KINDS,
	XFN_KEEPER_FUNCTIONS,
	XFN_KEEPER_KIND_COUNT,
};

struct xfn_keeper_hello {
	__u32 pid;
	__u32 count[XFN_KEEPER_KIND_COUNT];
};

/* Index 0, 1, … among the things of a kind, as long as nothing changes. */
struct xfn_keeper_list {
	__u32 kind;
	__u32 index;
};

/* A descriptor; what it is for, the client alone knows. */
struct xfn_keeper_stored {
	__u32 kind; /* below XFN_KEEPER_STORED_KINDS */
	__u32 reserved;
	__u64 key; /* one of a kind; not 0 */
	__u8 note[XFN_KEEPER_NOTE_BYTES];
};

/* A parking socket: on its own pool, in copy mode, which goes with native and generic XDP. */
struct xfn_keeper_park {
	__u32 slot;    /* below XFN_INTERFACES_MAX */
	__u32 ifindex; /* in the socket's network namespace */
	__u32 queue;   /* below XFN_PARK_QUEUES */
	__u32 frames;  /* in answers */
};

struct xfn_keeper_function {
	__u64 identity;   /* not 0 */
	__u64 age_ns;     /* older events are not handed over; 0: any age */
	__u32 slot;       /* of the function; events with another one are not its */
	__u32 events_max; /* 1 to XFN_KEEPER_EVENTS_MAX */
	__u32 waiting;    /* in LIST's answer: events that are there */
	__u32 reserved;
};

struct xfn_keeper_taken {
	__u32 count;   /* events in the inbox */
	__u32 expired; /* events that were too old for it */
};

/*
 * What became of events. X(NAME, label, meaning): the first ones of each function and of all together, those
 * from UNKNOWN on of all together only.
 */
#define XFN_KEEPER_COUNTERS(X)                                                                 \
	X(PARKED, parked, "events that were put into an inbox")                                \
	X(TAKEN, taken, "events that were handed over in one")                                 \
	X(PARKED_FULL, parked_full, "did not fit in")                                          \
	X(EXPIRED, expired, "were too old to be handed over")                                  \
	X(FORGOTTEN, forgotten, "of functions that were forgotten, or beyond a new bound")     \
	X(UNKNOWN, unknown, "well said whose they are, and that is nobody known")              \
	X(UNREADABLE, unreadable, "without metadata, or with some that is not to be believed") \
	X(LOST, lost, "the kernel had no room for them: rx_dropped, rx_ring_full")

enum xfn_keeper_counter {
#define X(NAME, label, meaning) XFN_KEEPER_##NAME,
	XFN_KEEPER_COUNTERS(X)
#undef X
		XFN_KEEPER_COUNTER_COUNT,
};

/* parked = taken + expired + forgotten + waiting. */
struct xfn_keeper_counts {
	__u64 count[XFN_KEEPER_COUNTER_COUNT];
	__u64 waiting; /* events that are there */
};

struct xfn_keeper_message {
	__u32 version; /* XFN_KEEPER_VERSION */
	__u32 op;      /* enum xfn_keeper_op; the answer's is the question's */
	__s32 err;     /* of an answer: 0 or -errno; then nothing was changed */
	__u32 reserved;
	union {
		__u64 id;
		struct xfn_keeper_hello hello;
		struct xfn_keeper_list list;
		struct xfn_keeper_stored stored;
		struct xfn_keeper_park park;
		struct xfn_keeper_function function;
		struct xfn_keeper_taken taken;
		struct xfn_keeper_counts counts;
		__u64 room[16];
	};
};
_Static_assert(sizeof(struct xfn_keeper_message) == 144, "no hidden padding");

/* ---- the client's side: keeper_client.c ------------------------------------------------------------- */

struct xfn_keeper;

struct xfn_keeper_options {
	const char *run_dir; /* outlives the client */
	/* Outlives the client; NULL: nothing is told, xfn_keeper_wanted() is asked. */
	struct xfn_loop *loop;
	/* Something is wanted: ask with xfn_keeper_wanted() until -ENOENT. */
	xfn_event_fn *on_wanted;
	/* The keeper is gone, or does not answer, or has another client: close this one. Told once. */
	xfn_event_fn *on_gone;
	void *context;
	/* How long xfn_keeper_open() waits for its first answer; 0: XFN_KEEPER_PATIENCE_MS. */
	unsigned patience_ms;
};

/*
 * Starts a keeper as user @uid, a lone one, with a socket in @run_dir: xfn_keeper_open() may follow at once. In
 * the place of a socket that nobody serves; -EADDRINUSE: one is running. Else as xfn_launcher_start_keeper().
 */
int xfn_keeper_start(const char *run_dir, uid_t uid, pid_t *ret_pid);

/*
 * Connects, and says hello; who was connected before is not any more. -ENOENT, -ECONNREFUSED: no keeper is
 * running; -EACCES: it does not serve this user; -EPROTO: it is of another version: xfn_keeper_end_other();
 * -EPIPE: it went away; -ETIMEDOUT: it does not answer. What it holds is in *ret_hello.
 */
int xfn_keeper_open(const struct xfn_keeper_options *options, struct xfn_keeper **ret,
		    struct xfn_keeper_hello *ret_hello);
/* The keeper goes on. Takes NULL. */
void xfn_keeper_close(struct xfn_keeper *keeper);

/*
 * Questions. All return 0 or -errno; -EPIPE: it is gone, or an answer did not come in
 * XFN_KEEPER_PATIENCE_MS: from then on nothing is answered, nor waited for. Descriptors that come back are the caller's, close-on-exec; those that
 * are given stay the caller's, and the keeper holds duplicates.
 */
#define XFN_KEEPER_PATIENCE_MS 1000
#define XFN_KEEPER_END_MS      5000 /* for its end, which frees all that it holds */

/* Whether it was an answer that did not come: the process is there, then, stopped or stuck. */
bool xfn_keeper_is_stuck(const struct xfn_keeper *keeper);

/* The body of the answer is what @kind says; *ret_fd: of a function -1. -ENOENT: there are no more. */
int xfn_keeper_list(struct xfn_keeper *keeper, enum xfn_keeper_kind kind, __u32 index,
		    struct xfn_keeper_message *ret, int *ret_fd);
/* -ENOENT: none is wanted. Each function is told once from its first waiting event until it is taken. */
int xfn_keeper_wanted(struct xfn_keeper *keeper, __u64 *ret_identity);
/* @identity 0: all together. -ENOENT: no such function. */
int xfn_keeper_counts(struct xfn_keeper *keeper, __u64 identity, struct xfn_keeper_counts *ret);

/* In the place of what is stored under that kind and key. */
int xfn_keeper_store(struct xfn_keeper *keeper, const struct xfn_keeper_stored *stored, int fd);
/* -ENOENT: nothing is stored there. */
int xfn_keeper_drop(struct xfn_keeper *keeper, enum xfn_keeper_kind kind, __u64 key);

/*
 * Binds @socket_fd (xfn_launcher_make_socket(), for one call: it cannot be used again where that fails) to the
 * interface's queue. Put it into xfn_parking, then close it: as long as one descriptor lives anywhere, no other pool
 * can be made on the queue (-EBUSY). The element goes by itself when the keeper does. -EEXIST: one is there for
 * that slot and queue.
 */
int xfn_keeper_park_open(struct xfn_keeper *keeper, const struct xfn_keeper_park *park,
			 int socket_fd, __u32 *ret_frames);
int xfn_keeper_park_close(struct xfn_keeper *keeper, __u32 slot, __u32 queue);
/* For a function that is known: changes its bounds; events beyond the new ones go, the oldest first. */
int xfn_keeper_park_function(struct xfn_keeper *keeper, const struct xfn_keeper_function *function);
int xfn_keeper_forget(struct xfn_keeper *keeper, __u64 identity);
/*
 * After a barrier behind which ingress parks no more of the function's events: all of them, in a sealed memfd
 * (struct xfn_inbox); *ret_fd = -1 where there are none.
 */
int xfn_keeper_take(struct xfn_keeper *keeper, __u64 identity, int *ret_fd,
		    struct xfn_keeper_taken *ret_taken);

/* The keeper ends, and its socket's file is removed. Close the client behind it. */
int xfn_keeper_end(struct xfn_keeper *keeper);
/*
 * The same for one that xfn_keeper_open() cannot talk to. -ENOENT, -ECONNREFUSED: there is none; the file that one
 * has left is removed.
 */
int xfn_keeper_end_other(const char *run_dir);

#endif
