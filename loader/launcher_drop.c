/* SPDX-License-Identifier: BSD-2-Clause */
/* What each child of the launcher gives up before it executes a program. */
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "errnum.h"
#include "launcher_private.h"

void xfn_launcher_reset_signals(void)
{
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, &usual, NULL); /* some cannot be */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	umask(022);
}

rlim_t xfn_launcher_raise_memlock(void)
{
	struct rlimit memory = {RLIM_INFINITY, RLIM_INFINITY};

	if (setrlimit(RLIMIT_MEMLOCK, &memory) < 0 && !getrlimit(RLIMIT_MEMLOCK, &memory)) {
		memory.rlim_cur = memory.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &memory);
	}
	return memory.rlim_cur;
}

int xfn_launcher_drop_bounding(void)
{
	int capability;

	for (capability = 0; capability <= CAP_LAST_CAP; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* some kernels have fewer */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? xfn_errno() : 0;
}

int xfn_launcher_become_user(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count)
{
	if (setgroups(group_count, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return xfn_errno();
	return 0;
}

int xfn_launcher_drop_capabilities(void)
{
	/* Behind clone3(2) it takes us for our parent: no fork handler has run. */
	capng_setpid(getpid());
	capng_clear(CAPNG_SELECT_CAPS);
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}
