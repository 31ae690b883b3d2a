/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of YAML that a manifest may use, as a stream of events with places: one document of
 * mappings, lists and scalars. What is beyond that is refused here, by name: anchors, aliases, tags,
 * several documents, more than XFN_MANIFEST_DEPTH_MAX levels, more than XFN_MANIFEST_BYTES_MAX
 * bytes, texts that are not UTF-8 or hold control characters.
 *
 * Every refusal is added to the diagnostics of the reader. Where reading can go on it does, with the
 * refused node as an XFN_YAML_REFUSED, about which the caller says nothing more.
 */
#ifndef XFN_YAML_READER_H
#define XFN_YAML_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"

enum xfn_yaml_kind {
	XFN_YAML_MAP,   /* then keys and values in turn, then XFN_YAML_CLOSE */
	XFN_YAML_LIST,  /* then items, then XFN_YAML_CLOSE */
	XFN_YAML_CLOSE, /* of the mapping or list opened last */
	XFN_YAML_SCALAR,
	XFN_YAML_REFUSED, /* a node of which a diagnostic has been added */
	XFN_YAML_DONE,    /* after the document; for an empty text the first event */
};

struct xfn_yaml_event {
	enum xfn_yaml_kind kind;
	bool plain;       /* a scalar without quotes */
	unsigned line;    /* from 1 */
	unsigned column;  /* from 1, in characters; of what is inside the quotes */
	const char *text; /* a scalar's; not terminated; valid until the next event */
	size_t len;
};

struct xfn_yaml_reader;

/*
 * Start reading @len bytes at @text, borrowed, as is @file, until the reader is closed. Returns 0,
 * -EINVAL with a diagnostic in @diags, or -ENOMEM.
 */
int xfn_yaml_reader_open(const char *file, const char *text, size_t len,
			 struct xfn_diag_list *diags, struct xfn_yaml_reader **ret);

void xfn_yaml_reader_close(struct xfn_yaml_reader *reader);

/* The next event. Returns 0, or -EINVAL with a diagnostic when the rest cannot be read. */
int xfn_yaml_reader_next(struct xfn_yaml_reader *reader, struct xfn_yaml_event *ret);

/* Read to the end of the node that @event began. Returns as xfn_yaml_reader_next(). */
int xfn_yaml_reader_skip(struct xfn_yaml_reader *reader, const struct xfn_yaml_event *event);

#endif /* XFN_YAML_READER_H */
