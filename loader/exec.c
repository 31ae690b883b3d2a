/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <string.h>

#include "dataplane_load.h"
#include "errnum.h"
#include "exec.h"
#include "fnv.h"

enum { NOGROUP = 65534 };

/* ---- is it another? -------------------------------------------------------------------------------- */

static __u64 hash_text(__u64 hash, const char *text)
{
	return xfn_fnv(hash, text, strlen(text) + 1);
}

static __u64 hash_texts(__u64 hash, const struct xfn_manifest *manifest, struct xfn_text_span span)
{
	const char *const *texts = xfn_manifest_texts(manifest, span);
	__u32 i;

	for (i = 0; i < span.count; i++)
		hash = hash_text(hash, texts[i]);
	return xfn_fnv(hash, &span.count, sizeof(span.count));
}

/* Without one it is the program's hash before there were bounds: an upgrade starts nothing again. */
static __u64 hash_bound(__u64 hash, enum xfn_given which, __u64 bound)
{
	const __u64 words[] = {which, bound};

	return bound ? xfn_fnv(hash, words, sizeof(words)) : hash;
}

__u64 xfn_exec_hash(const struct xfn_manifest *manifest, const struct xfn_function_spec *spec)
{
	const struct xfn_exec_spec *exec = &spec->exec;
	__u64 hash = XFN_FNV_START;

	if (xfn_is_awaited(spec))
		return XFN_FNV_START; /* whoever comes */
	if (!exec->argv.count)
		return 0;
	hash = hash_texts(hash, manifest, exec->argv);
	hash = hash_texts(hash, manifest, exec->env);
	hash = hash_text(hash, exec->directory ?: "/");
	hash = hash_text(hash, exec->user ?: "");
	hash = hash_bound(hash, XFN_GIVEN_MEMORY, exec->memory);
	if (exec->processes != XFN_PROCESSES_DEFAULT)
		hash = hash_bound(hash, XFN_GIVEN_PROCESSES, exec->processes);
	hash = hash_bound(hash, XFN_GIVEN_CPU, exec->cpu);
	hash = xfn_fnv(hash, &spec->socket.notify, sizeof(spec->socket.notify));
	hash = xfn_fnv(hash, &spec->xsk.busy_poll, sizeof(spec->xsk.busy_poll));
	hash = xfn_fnv(hash, &spec->xsk.need_wakeup, sizeof(spec->xsk.need_wakeup));
	return hash ?: 1;
}

/* ---- as whom? ------------------------------------------------------------------------------------------ */

uid_t xfn_uid_draw(void)
{
	__u32 lot;

	if (getrandom(&lot, sizeof(lot), 0) != sizeof(lot))
		abort(); /* Linux answers so few bytes whole */
	return XFN_INSTANCE_UID_FIRST + lot % XFN_INSTANCE_UIDS;
}

/* The user of that name or number; NULL: there is none, or, with errno, nobody can say. */
static const struct passwd *find_user(const char *name)
{
	const struct passwd *user;
	unsigned long number;
	char *end;

	errno = 0;
	user = getpwnam(name);
	if (user)
		return user;
	number = strtoul(name, &end, 10);
	return *name && !*end ? getpwuid((uid_t)number) : NULL;
}

/* What the C library says where there is no such user (getpwnam(3)). */
static bool is_answer(int err)
{
	return !err || err == ENOENT || err == ESRCH || err == EBADF || err == EPERM;
}

static int take_user(const struct passwd *user, struct xfn_launch *launch)
{
	int count = XFN_LAUNCH_GROUPS_MAX;

	launch->uid = user->pw_uid;
	launch->gid = user->pw_gid;
	if (getgrouplist(user->pw_name, user->pw_gid, launch->groups, &count) < 0)
		return -E2BIG;
	launch->group_count = (__u32)count;
	return 0;
}

/* A group that nobody is in: one of the user's number may be anybody's. */
static void take_number(uid_t uid, gid_t gid, struct xfn_launch *launch)
{
	launch->uid = uid;
	launch->gid = gid;
	launch->group_count = 0;
}

int xfn_exec_user(const struct xfn_exec_spec *exec, uid_t owner, uid_t lone,
		  struct xfn_launch *launch, struct xfn_fault *fault)
{
	const struct passwd *user = NULL;
	int err = 0;

	if (!exec->user && !owner) {
		take_number(lone, (gid_t)lone, launch);
		return 0;
	}
	errno = 0;
	user = exec->user ? find_user(exec->user) : getpwuid(owner);
	if (!user && !is_answer(errno)) {
		err = xfn_errno();
		xfn_fault_set(fault, "cannot look up user '%s': %s",
			      exec->user ?: "that applied it", strerror(-err));
		return err;
	}
	if (!user && exec->user) {
		xfn_fault_set(fault, "there is no user '%s'", exec->user);
		return -ENOENT;
	}
	if (user)
		err = take_user(user, launch);
	else
		take_number(owner, NOGROUP, launch);
	if (err)
		xfn_fault_set(fault, "user '%s' is in more than %d groups", user->pw_name,
			      XFN_LAUNCH_GROUPS_MAX);
	else if (!launch->uid || !launch->gid) {
		xfn_fault_set(fault, "functions do not run as user or group root");
		err = -EPERM;
	}
	return err;
}
