/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CLI_H
#define XFN_CLI_H

/*
 * xfn's frame: what a verb gets and what it returns. verbs.c has the table of all verbs, from which
 * parsing, help and completion are made. A verb asks the daemon through client.h; none calls bpf(2)
 * but `off` and `on` with --direct (direct.h).
 */

#include <stdbool.h>
#include <stddef.h>

#include "args.h"

/* Exit codes, as in xfn(8). */
enum {
	XFN_EXIT_OK = 0,
	XFN_EXIT_FAILED = 1,
	XFN_EXIT_USAGE = 2,
	XFN_EXIT_NO_SUCH = 3,
	XFN_EXIT_UNREACHABLE = 4,
	XFN_EXIT_CHANGES = 10,
};

#define XFN_SOCKET_DEFAULT    "/run/xfn/xfn.sock"
#define XFN_PIN_DIR_DEFAULT   "/sys/fs/bpf/xfn"
#define XFN_STATE_DIR_DEFAULT "/var/lib/xfn"

/* The command line, parsed. Every option of every verb has one member here. */
struct xfn_cli {
	/* everywhere */
	const char *socket;
	bool json;
	bool help;
	bool version;
	const char *command; /* the whole line, for the daemon's records */

	/* of verbs */
	const char *count;
	const char *dev;
	const char *duration;
	const char *frame;
	const char *from;
	const char *mode;
	const char *next;
	const char *burst;
	const char *by;
	const char *confirm;
	const char *pin_dir;
	const char *state_dir;
	const char *set;
	const char *snap;
	const char *verdict;
	const char *write;
	bool coexist;
	bool complete;
	bool direct;
	bool drop;
	bool exit_code;
	bool fix;
	bool follow;
	bool force;
	bool keep;
	bool manifest;
	bool overwrite;
	bool run;
	bool stages;
	bool total;
	bool watch;
	bool yes;

	/* arguments after the verb; NULL beyond what was given */
	char **words;
	size_t word_count;

	/* A file that errors of the daemon quote from; NULL: none. */
	const char *text;
	size_t text_bytes;
	const char *text_name; /* what errors call it */
};

/* Does the verb's work and returns an exit code; has said on stderr why it is not 0. */
typedef int xfn_verb_fn(struct xfn_cli *cli);

struct xfn_verb {
	const char *name;      /* "": run when no verb is given */
	const char *arguments; /* "NAME OBJECT"; what is in brackets may be left out */
	const char *help;      /* one line, no full stop */
	xfn_verb_fn *run;
	size_t words_min, words_max;
	const struct xfn_option *options; /* NULL: none of its own */
	const char *details;              /* more lines for `xfn help VERB`; NULL: none */
};

extern const struct xfn_verb xfn_verbs[];
extern const size_t xfn_verb_count;
extern const struct xfn_option xfn_global_options[];

/* NULL if there is none of that name. */
const struct xfn_verb *xfn_verb_find(const char *name);

/*
 * Says "unknown command" and names the nearest, as a command to type that has @before in front of
 * it ("help ", or ""). Returns XFN_EXIT_USAGE.
 */
int xfn_verb_unknown(const char *name, const char *before);

/* Prints the help of one verb. */
void xfn_help_verb(const struct xfn_verb *verb);

xfn_verb_fn xfn_cli_apply, xfn_cli_attach, xfn_cli_audit, xfn_cli_check, xfn_cli_confirm,
	xfn_cli_detach, xfn_cli_doctor, xfn_cli_explain, xfn_cli_help, xfn_cli_history,
	xfn_cli_journal, xfn_cli_latency, xfn_cli_limit, xfn_cli_logs, xfn_cli_ls, xfn_cli_off,
	xfn_cli_on, xfn_cli_plan, xfn_cli_rollback, xfn_cli_run, xfn_cli_show, xfn_cli_stats,
	xfn_cli_status, xfn_cli_swap, xfn_cli_trace, xfn_cli_trigger, xfn_cli_version;

#endif
