/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_EDIT_H
#define XFN_EDIT_H

/*
 * Edits: what was changed by command since a set was applied, one after the other, with who, when and
 * the command line. A manifest stays as its user wrote it; what is live is the manifest with its
 * edits (docs/adr/0008-edits.md).
 *
 * An edit is counted and immutable. A list of them is kept short: what a later one undoes is in it no
 * longer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <sys/types.h>
#include <linux/types.h>

#include "diag.h"
#include "manifest.h"

#define XFN_EDITS_MAX       10000        /* of one set */
#define XFN_EDITS_KEPT_MAX  20000        /* the same, with switches beyond these */
#define XFN_EDITS_BYTES_MAX (64UL << 20) /* of texts and CSV files in the edits of one set */
#define XFN_EDIT_TEXT_MAX   65536        /* of a trigger or limit as typed */

/* X(NAME, label): labels are what is on disk and in JSON. */
#define XFN_EDIT_KINDS(X)             \
	X(TRIGGER_ADD, "trigger_add") \
	X(TRIGGER_RM, "trigger_rm")   \
	X(LIMIT, "limit")             \
	X(OFF, "off")                 \
	X(ON, "on")                   \
	X(SWAP, "swap")

enum xfn_edit_kind {
#define X(NAME, label) XFN_EDIT_##NAME,
	XFN_EDIT_KINDS(X)
#undef X
		XFN_EDIT_KIND_COUNT,
};

/* What an edit is made of; all borrowed. */
struct xfn_edit_spec {
	enum xfn_edit_kind kind;
	const char *tenant, *function; /* NULL: all functions (XFN_EDIT_OFF) */
	const char *text; /* a trigger, a limit or, of a swap, the object's path; or NULL */
	const char *path; /* of a CSV of triggers, as typed; or NULL */
	const char *csv;
	size_t csv_bytes;
	bool drop; /* XFN_EDIT_OFF: packets are dropped, not passed */
	uid_t uid;
	__u64 time_ns; /* CLOCK_REALTIME; 0: now */
	const char *command;
};

struct xfn_edit {
	unsigned references;
	struct xfn_edit_spec spec;      /* what it points to is the edit's own */
	char *place;                    /* where its triggers are said to be from */
	char *line;                     /* the edit as JSON, without its CSV */
	struct xfn_stringpool *strings; /* of its triggers */
	__u64 csv_sum;                  /* xfn_revision_sum() of its CSV */
	__u64 hash; /* of its one trigger, once it was applied; 0: none, or several */
};

/* Label of a kind. */
const char *xfn_edit_label(enum xfn_edit_kind kind);

/* NULL: no memory. */
struct xfn_edit *xfn_edit_new(const struct xfn_edit_spec *spec);
struct xfn_edit *xfn_edit_get(struct xfn_edit *edit); /* takes NULL */
void xfn_edit_put(struct xfn_edit *edit);             /* takes NULL */

/*
 * Reads an edit from its JSON; @csv are the bytes of its file, if it has one. -EBADMSG: it is none.
 */
int xfn_edit_read(const json_t *json, const void *csv, size_t csv_bytes, struct xfn_edit **ret);

/*
 * What a trigger or limit edit says, as a fragment (fragment.h). Its strings live as long as the
 * edit. Returns as xfn_manifest_parse().
 */
int xfn_edit_fragment(const struct xfn_edit *edit, struct xfn_diag_list *diags,
		      struct xfn_manifest **ret);

/* "trigger udp/53 added", "limit 50k/s": what was done, into @buf. Returns it. */
#define XFN_EDIT_WORDS_BYTES 256
char *xfn_edit_print(const struct xfn_edit *edit, char *buf);

/* ---- lists: edits.c ------------------------------------------------------------------------------- */

/* What became of an edit. */
enum xfn_edit_fate {
	XFN_EDIT_APPLIED,
	XFN_EDIT_NEEDLESS, /* the manifest says so already */
	XFN_EDIT_UNFIT,    /* there is no such function, or it cannot be read */
};

/*
 * Makes a manifest of @from with @count @edits, in turn. @fates: one for each, or NULL. With @diags,
 * an edit that does not fit to the letter is refused: a trigger to be added that is there, or to be
 * taken away that is not. Returns 0 and a manifest that borrows strings from @from and the edits;
 * -EEXIST or -ENOENT with diagnostics of the one or the other; -EINVAL with others; -E2BIG; -ENOMEM.
 */
int xfn_edits_apply(const struct xfn_manifest *from, struct xfn_edit *const *edits, size_t count,
		    enum xfn_edit_fate *fates, struct xfn_diag_list *diags,
		    struct xfn_manifest **ret);

/* The edit is of this function. */
bool xfn_edit_is_of(const struct xfn_edit *edit, const struct xfn_function_spec *function);

/*
 * With the edit the function is as its user wrote it, as far as an edit of this kind can tell; never
 * of triggers.
 */
bool xfn_edit_is_needless(const struct xfn_edit *edit, const struct xfn_function_spec *written,
			  const struct xfn_function_spec *now);

/* Made after @before, it leaves nothing of that one. */
bool xfn_edit_supersedes(const struct xfn_edit *edit, const struct xfn_edit *before);

/* One takes away just what the other adds, of the same function. */
bool xfn_edit_cancels(const struct xfn_edit *edit, const struct xfn_edit *before);

#endif
