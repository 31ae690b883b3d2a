/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include <cap-ng.h>

#include "errnum.h"
#include "privileges.h"

enum { KEPT_MAX = 7 };

struct role {
	unsigned count;
	unsigned kept[KEPT_MAX];
};

static const struct role roles[] = {
	/*
	 * Maps and programs; the verifier's leave for what ingress and handlers do with pointers;
	 * links, offloads, rtnetlink.
	 */
	[XFN_ROLE_DAEMON] = {3, {CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN}},
	/* From ids to descriptors, and into other network namespaces: see broker.h. */
	[XFN_ROLE_BROKER] = {1, {CAP_SYS_ADMIN}},
	/* Programs by number, loaded, extended and attached: see coexist.h. */
	[XFN_ROLE_COEXIST] = {4, {CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN}},
	/*
	 * Network namespaces; links; AF_XDP sockets; other users; nothing for them; listening sockets: see
	 * launcher.h.
	 */
	[XFN_ROLE_LAUNCHER] = {7,
			       {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SETUID, CAP_SETGID,
				CAP_SETPCAP, CAP_NET_BIND_SERVICE}},
	/* What it keeps was made by others: see keeper.h. */
	[XFN_ROLE_KEEPER] = {0, {0}},
};

static int fail(char *error, size_t bytes, int err, const char *what)
{
	snprintf(error, bytes, "cannot %s: %s", what, strerror(-err));
	return err;
}

static int drop_capabilities(const struct role *role)
{
	bool had[KEPT_MAX], bounding;

	if (capng_get_caps_process() < 0)
		return -EINVAL;
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (unsigned i = 0; i < role->count; i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, role->kept[i]);
	/* Else an ambient one would be raised again by the first exec. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return xfn_errno();
	capng_clear(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	for (unsigned i = 0; i < role->count; i++)
		if (had[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, role->kept[i]);
	return capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

int xfn_privileges_drop(enum xfn_role role, char *error, size_t error_bytes)
{
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, error_bytes, xfn_errno(), "forgo new privileges");
	err = drop_capabilities(&roles[role]);
	if (err)
		return fail(error, error_bytes, err, "drop capabilities");
	err = xfn_seccomp_apply(role);
	return err ? fail(error, error_bytes, err, "filter system calls") : 0;
}
