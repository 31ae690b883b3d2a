/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_FAR_ENDS_H
#define XFN_ENGINE_FAR_ENDS_H

/*
 * What came to the sockets of a function's instances, and what was lost on the way or there: struct xfn_port_losses,
 * which has what is past, and the far ends (far_end.h) of the instances that there are. The keeper has duplicates of
 * these, so that the next xfnd can go on, and learn what became of those that ended meanwhile.
 */

#include "engine_instances_private.h"

struct xfn_far_ends_left;

/* Whose it is. The keeper stores it beside a descriptor. */
struct xfn_far_end_owner {
	__u64 identity; /* of the function */
	__u32 port;
	__u32 serial; /* of the instance */
};

/* ---- of one instance ------------------------------------------------------------------------------------ */

/* Its socket is bound: @socket_fd is borrowed. Without a duplicate its figures are not known. */
void xfn_member_hold(struct xfn_member *member, int socket_fd);
/* To the keeper, if that is not done yet, or is to be done again. */
void xfn_member_store_end(struct xfn_member *member);
/*
 * Nothing is sent to it any more by the host's end @ifindex, which is to go: its figures are the port's. Where it is gone
 * already, and not @is_held, nobody can be asked: what was given to the port is believed to have come out there.
 */
void xfn_port_settle_near(struct xfn_engine *engine, __u32 port, __u32 ifindex, bool is_held);
/* It has ended, and its interface is gone: the same of its socket, and the far end is let go of. */
void xfn_member_settle_end(struct xfn_member *member);

/* ---- when xfnd starts ----------------------------------------------------------------------------------- */

/* Those that the keeper has; NULL: none. */
struct xfn_far_ends_left *xfn_far_ends_find(struct xfn_engine *engine);
/* An instance has ended whose host's end is @ifindex, and that is to go. @left may be NULL. */
void xfn_far_ends_end(struct xfn_engine *engine, const struct xfn_far_ends_left *left,
		      const struct xfn_far_end_owner *owner, __u32 ifindex);
/* An instance goes on: what is left of it is its own, if it is there. */
void xfn_far_ends_adopt(struct xfn_far_ends_left *left, struct xfn_member *member);
/* Settles the others, whose instances and interfaces are gone, and frees it. Takes NULL. */
void xfn_far_ends_settle(struct xfn_engine *engine, struct xfn_far_ends_left *left);

/* ---- what there is to tell ------------------------------------------------------------------------------ */

/* A port that is given to a function begins at zero, with what the function has been steered before. */
int xfn_port_losses_begin(struct xfn_engine *engine, __u32 port, __u32 slot);

/* Its function was given elsewhere for a while: what it has been steered there does not count. */
int xfn_port_losses_resume(struct xfn_engine *engine, __u32 port);

/* Adds what was lost at the port, by cause, to XFN_LOSS_COUNT counts. */
void xfn_port_losses_add(const struct xfn_engine *engine, __u32 port, __u64 *lost);

/*
 * What of what was given to the port is known to have arrived, at a socket, or lost, by name; the low 32 bits count. Where
 * a socket could not be asked, what came out of the far end has arrived.
 */
__u64 xfn_port_arrived(const struct xfn_engine *engine, __u32 port);

#endif
