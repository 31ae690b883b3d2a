/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_LISTEN_H
#define XFN_ENGINE_LISTEN_H

/*
 * Listening sockets of functions whose programs xfnd starts: what the live model asks for, made by the launcher.
 * They are the function's: instances get them and go, and connections wait meanwhile. Found by where they
 * are bound, so one that another function asks for instead is handed on.
 *
 * xfnd looks at them while a function is idle, and only then: what is readable wakes it.
 */

#include "engine_private.h"
#include "launcher.h"

struct xfn_listening;

/* Says what is wrong with what functions of @model ask for, each with its place. 0 or -EINVAL. */
int xfn_listen_check_model(const struct xfn_model *model, struct xfn_diag_list *diags);

/* Whether @function is a program that is given its sockets. */
static inline bool xfn_is_listening(const struct xfn_function_spec *spec)
{
	return spec->delivery == XFN_DELIVER_SOCKET && xfn_has_program(spec);
}

int xfn_listen_open(struct xfn_engine *engine);
/* Closes them: what waits in them is lost where nobody else holds them. */
void xfn_listen_close(struct xfn_engine *engine);

/*
 * Makes the sockets that the live model asks for, as far as that can be done, and closes others. @wake is called,
 * with the function's identity, when one of a function that is watched is readable.
 */
void xfn_listen_sync(struct xfn_engine *engine,
		     void (*wake)(struct xfn_engine *engine, __u64 identity));

/* Of where the function's sockets are to be: another one means that an instance has the wrong ones. */
__u64 xfn_listen_hash(const struct xfn_engine *engine, __u64 identity);

/*
 * The function's sockets, for @launch, which borrows them until the next sync. What is missing is tried again.
 * -ENOENT: it asks for none; otherwise as of bind(2); with the reason in @fault.
 */
int xfn_listen_prepare(struct xfn_engine *engine, __u64 identity, struct xfn_launch *launch,
		       struct xfn_fault *fault);

/* Looks at them, or no longer. Returns 0; -ENOENT: one of them, or all, are not there; or -errno. */
int xfn_listen_watch(struct xfn_engine *engine, __u64 identity, bool on);

/* "sockets" of show: [{"name","address","open"}]. */
json_t *xfn_listen_json(const struct xfn_engine *engine, __u64 identity);

/* ---- for whoever keeps them while no xfnd runs --------------------------------------------------------- */

/* Told of each that is made and closed; @key is of its place alone, and not 0. */
struct xfn_listen_store {
	void *context;
	void (*keep)(void *context, __u64 key, const struct xfn_listen_place *place, int fd);
	void (*drop)(void *context, __u64 key);
};
/* From now on; all that there are are told at once. NULL: nobody any more. */
void xfn_listen_set_store(struct xfn_engine *engine, const struct xfn_listen_store *store);
/* Takes back what was kept, before the first sync: @fd is the engine's. 0 or -ENOMEM, and @fd is closed. */
int xfn_listen_take(struct xfn_engine *engine, const struct xfn_listen_place *place, int fd);

#endif
