/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LOOP_H
#define XFN_LOOP_H

/*
 * The daemon's event loop: one thread, callbacks that do not block. Thin over sd-event.
 *
 * A source lives until it is freed; the loop must outlive its sources. Callbacks may free any
 * source, their own too.
 */

#include <signal.h>
#include <stdbool.h>
#include <linux/types.h>

struct xfn_loop;
struct xfn_source;

typedef void xfn_io_fn(void *context, int fd, __u32 events);
typedef void xfn_event_fn(void *context);

int xfn_loop_new(struct xfn_loop **ret);
/* Takes NULL. */
void xfn_loop_free(struct xfn_loop *loop);

/* Runs until xfn_loop_exit(). Returns the code given there, or -errno. */
int xfn_loop_run(struct xfn_loop *loop);
/* Waits at most @timeout_ns and serves what is ready. Returns 1 if something was, 0, or -errno. */
int xfn_loop_step(struct xfn_loop *loop, __u64 timeout_ns);
void xfn_loop_exit(struct xfn_loop *loop, int code);

/* @events: EPOLLIN and friends. @fd stays the caller's and must be open while the source lives. */
int xfn_loop_add_io(struct xfn_loop *loop, int fd, __u32 events, xfn_io_fn *fn, void *context,
		    struct xfn_source **ret);
/* Calls @fn once, @after_ns from now; xfn_timer_set() arms it again. */
int xfn_loop_add_timer(struct xfn_loop *loop, __u64 after_ns, xfn_event_fn *fn, void *context,
		       struct xfn_source **ret);
/* Blocks @signo for the thread and calls @fn for each that arrives. */
int xfn_loop_add_signal(struct xfn_loop *loop, int signo, xfn_event_fn *fn, void *context,
			struct xfn_source **ret);
/* Calls @fn once, when the loop is next free; not armed before xfn_defer_arm(). */
int xfn_loop_add_defer(struct xfn_loop *loop, xfn_event_fn *fn, void *context,
		       struct xfn_source **ret);

/* (Re-)arms a timer. XFN_TIMER_OFF disarms it. */
#define XFN_TIMER_OFF (~0ULL)
int xfn_timer_set(struct xfn_source *source, __u64 after_ns);
int xfn_defer_arm(struct xfn_source *source);

/* Stops telling of a descriptor, and goes on. */
int xfn_source_enable(struct xfn_source *source, bool on);

/* Takes NULL. */
void xfn_source_free(struct xfn_source *source);

#endif
