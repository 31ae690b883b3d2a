/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FIX_H
#define XFN_FIX_H

/*
 * The remedies of `xfn doctor` that are safe to carry out, and carrying them out. They are run by
 * this program, with the rights of whoever typed it: the daemon has none for it. And they are run by
 * a list of our own: what a daemon says that is not on it is shown, never run.
 */

#include <stdbool.h>
#include <sys/types.h>

enum { XFN_FIX_WORDS_MAX = 16, XFN_FIX_BYTES = 1024 };

struct xfn_fix {
	char text[XFN_FIX_BYTES]; /* the words, each terminated */
	char *words[XFN_FIX_WORDS_MAX + 1];
	bool there; /* to be run in the daemon's network namespace */
};

/* Takes @remedy apart into @ret. False if it is not one of those that may be run. */
bool xfn_fix_parse(const char *remedy, struct xfn_fix *ret);

/*
 * Runs it, without a shell, and waits. @daemon_pid: whose network namespace is meant.
 * Returns 0, -EIO where the command failed (it has said why), or -errno.
 */
int xfn_fix_run(const struct xfn_fix *fix, pid_t daemon_pid);

#endif
