/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that come by `xfn run`: whether they may, and what they get. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "engine_instances_private.h"
#include "engine_read.h"
#include "run.h"

enum {
	MEMBERS_MAX =
		4, /* of one function: one that takes events, those that begin, those that end */
};

static unsigned count_members(const struct xfn_engine *engine, __u64 identity)
{
	const struct xfn_member *member;
	unsigned count = 0;

	for (member = engine->instances->first; member; member = member->next)
		count += member->identity == identity;
	return count;
}

static int refuse_kind(const struct xfn_model_function *function, struct xfn_reply *reply)
{
	const struct xfn_function_spec *spec = function->spec;

	if (xfn_has_program(spec))
		return xfn_reply_error(reply, 409, "not_awaited", NULL,
				       "xfnd starts the program of function '%s' itself; "
				       "'xsk: existing' in its manifest leaves that to 'xfn run'",
				       spec->name);
	return xfn_reply_error(
		reply, 409, "not_awaited", NULL,
		"function '%s' has delivery '%s', which takes no program; one that comes "
		"by 'xfn run' takes 'xsk: existing'",
		spec->name, xfn_delivery_label(spec->delivery));
}

/* Fills @reply where it may not. Returns 0 or -ENOMEM. */
static int check(const struct xfn_engine *engine, const struct xfn_model_function *function,
		 uid_t uid, struct xfn_reply *reply)
{
	const char *name = function->spec->name;
	int err = xfn_launcher_check();

	if (!xfn_is_awaited(function->spec))
		return refuse_kind(function, reply);
	if (!xfn_may_run(function, uid))
		return xfn_reply_error(
			reply, 403, "not_allowed", NULL,
			"function '%s' was applied by another user: only that one and "
			"root may run it",
			name);
	if (err)
		return xfn_reply_error(reply, 503, "no_launcher", NULL,
				       "cannot make a port for function '%s': %s", name,
				       xfn_launcher_reason(err) ?: strerror(-err));
	if (count_members(engine, function->identity) >= MEMBERS_MAX)
		return xfn_reply_error(
			reply, 503, "busy", NULL,
			"function '%s' has %d processes that begin or end: try again "
			"when some of them are done",
			name, MEMBERS_MAX);
	return 0;
}

/* The one that waits for a process, or another beside those that have one. NULL: it has been said why not. */
static struct xfn_member *vacant(struct xfn_engine *engine,
				 const struct xfn_model_function *function)
{
	struct xfn_member *member = xfn_member_of(engine, function->identity);

	if (member && member->awaited && xfn_member_is_in(member, XFN_INSTANCE_IDLE))
		return member;
	xfn_member_start(engine, function);
	member = xfn_member_of(engine, function->identity);
	return member && member->awaited && xfn_member_is_in(member, XFN_INSTANCE_IDLE) ? member
											: NULL;
}

static int take(struct xfn_engine *engine, const struct xfn_model_function *function,
		const struct xfn_instance_guest *guest, struct xfn_run_grant *ret,
		struct xfn_reply *reply)
{
	struct xfn_member *member = vacant(engine, function);
	struct xfn_instance_gift gift;
	struct xfn_fault fault = {};

	if (!member) {
		close(guest->pidfd);
		return xfn_reply_error(reply, 503, "no_port", NULL, "function '%s' has no port",
				       function->spec->name);
	}
	member->uid = guest->uid;
	if (xfn_instance_take(member->instance, guest, &gift, &fault))
		return xfn_reply_error(reply, 503, "no_port", NULL,
				       "cannot make a port for function '%s': %s",
				       function->spec->name, fault.text);
	ret->fds[XFN_RUN_FD_SOCKET] = gift.socket_fd;
	ret->fds[XFN_RUN_FD_CHANNEL] = gift.channel_fd;
	ret->ifindex = gift.ifindex;
	ret->mtu = XFN_PORT_MTU;
	ret->version = member->version;
	snprintf(ret->function, sizeof(ret->function), "%s/%s", function->spec->tenant,
		 function->spec->name);
	return 0;
}

int xfn_engine_run(struct xfn_engine *engine, const char *name,
		   const struct xfn_instance_guest *guest, struct xfn_run_grant *ret,
		   struct xfn_reply *reply)
{
	struct xfn_selection selection;
	int err = xfn_selection_find(engine, name, reply, &selection);

	ret->fds[XFN_RUN_FD_SOCKET] = ret->fds[XFN_RUN_FD_CHANNEL] = -1;
	if (!err)
		err = check(engine, selection.functions, guest->uid, reply);
	if (err || reply->http_status) {
		close(guest->pidfd);
		return err < 0 ? err : 0;
	}
	return take(engine, selection.functions, guest, ret, reply);
}
