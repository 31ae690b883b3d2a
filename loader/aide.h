/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_AIDE_H
#define XFN_AIDE_H

/*
 * A process beside xfnd that keeps a right which xfnd gives up, and answers a few questions: one
 * datagram there, one back, on a socket pair, with descriptors beside them. A fork of xfnd, made
 * before anything is opened that must not outlive xfnd, such as a lock; it ends when xfnd does,
 * however that comes about.
 *
 * Single-threaded; the aides of one process do not know of each other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "privileges.h"

#define XFN_AIDE_FDS_MAX   24 /* descriptors beside one datagram */
#define XFN_AIDE_BYTES_MAX 1024
#define XFN_AIDE_REST_MS   100

struct xfn_aide {
	pid_t pid;        /* 0: none was started */
	int fd;           /* -1: likewise */
	bool out_of_step; /* an answer did not come in time: it may come at any moment */
};

/* A datagram, with descriptors that go along, or came along. */
struct xfn_aide_message {
	void *data;
	size_t bytes;
	int fds[XFN_AIDE_FDS_MAX];
	unsigned fd_count;
};

/* Sends to the other end of @socket; descriptors stay the caller's. Returns 0 or -errno. */
int xfn_aide_send(int socket, const struct xfn_aide_message *message);
/*
 * Receives exactly message->bytes. Descriptors that came along, close-on-exec, are the caller's on
 * success; on failure there are none. Returns 0, -EPIPE at the other's end, -EBADMSG, or -errno.
 */
int xfn_aide_receive(int socket, struct xfn_aide_message *message);

/* Closes what came along. */
void xfn_aide_close_fds(struct xfn_aide_message *message);

struct xfn_aide_options {
	const char *name; /* of the process: at most 15 characters */
	enum xfn_role role;
	unsigned patience_s;                 /* how long an answer may take */
	size_t question_bytes, answer_bytes; /* at most XFN_AIDE_BYTES_MAX */
	/*
	 * Answers one question, in the new process: fills in the data of @answer, which are zeros, and its
	 * descriptors, which are closed behind it. Those of @question stay the caller's. A question of
	 * another length has all bits set and no descriptors.
	 */
	void (*answer)(const struct xfn_aide_message *question, struct xfn_aide_message *answer);
	/* Nothing was asked for XFN_AIDE_REST_MS: called once, until something is. NULL: nothing to do. */
	void (*rest)(void);
};

/*
 * Starts one. Signals that end xfnd do not end it: the end of xfnd does. Returns 0, -EPERM without CAP_SYS_ADMIN, or
 * -errno.
 */
int xfn_aide_start(struct xfn_aide *aide, const struct xfn_aide_options *options);
/* Ends it, and waits for that. Fine where there is none. */
void xfn_aide_stop(struct xfn_aide *aide);

/* Whether this process has CAP_SYS_ADMIN. */
bool xfn_aide_has_right(void);

/*
 * Whether questions are answered: 0; -EPIPE where it is gone or out of step; -ENOENT where none was
 * started.
 */
int xfn_aide_check(const struct xfn_aide *aide);

/*
 * Asks, and waits for the answer. Returns 0 with the answer in @answer; -EPIPE; -EAGAIN when it did
 * not come in time: from then on no question is answered, since a late answer would be taken for the
 * next question's.
 */
int xfn_aide_ask(struct xfn_aide *aide, const struct xfn_aide_message *question,
		 struct xfn_aide_message *answer);

#endif
