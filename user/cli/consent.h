/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CONSENT_H
#define XFN_CONSENT_H

/* What a user agrees to beforehand, the same for every command that changes something. */

#include "cli.h"

/* Rows for a verb's table of options. */
#define XFN_CONSENT_YES                                                        \
	{                                                                      \
		"yes", 'y', NULL, "remove functions, even if they are in use", \
			XFN_OPTION_FLAG(struct xfn_cli, yes)                   \
	}
#define XFN_CONSENT_FORCE                                                         \
	{                                                                         \
		"force", 0, NULL, "take established TCP sessions, even this one", \
			XFN_OPTION_FLAG(struct xfn_cli, force)                    \
	}
#define XFN_CONSENT_CONFIRM                                                              \
	{                                                                                \
		"confirm", 0, "DURATION",                                                \
			"take it back unless 'xfn confirm' comes within this, 1s to 1h", \
			XFN_OPTION_TEXT(struct xfn_cli, confirm)                         \
	}

/* Pairs for xfn_call_path(). */
#define XFN_CONSENT_PAIRS(cli)                                                         \
	"yes", (cli)->yes ? "1" : NULL, "force", (cli)->force ? "1" : NULL, "confirm", \
		(cli)->confirm

/* Says what is wrong with --confirm, if anything. Returns an exit code. */
int xfn_consent_check(const struct xfn_cli *cli, const char *verb);

/*
 * SSH_CONNECTION of the session that this process runs in: its own, or that of the nearest process
 * above it that has one, since sudo(8) takes it away. Returns @buf, or NULL.
 */
char *xfn_ssh_connection(char *buf, size_t size);

#endif
