/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The manifest's grammar as one table: a row for each key of each section. The reader walks the YAML
 * by it, messages take their words from it, and a test holds xfn.yaml(5) against it.
 */
#ifndef XFN_SCHEMA_H
#define XFN_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "manifest.h"
#include "yaml_reader.h"

enum xfn_section {
	XFN_SECTION_TOP,
	XFN_SECTION_ATTACH, /* one item of `attach` */
	XFN_SECTION_CAPACITY,
	XFN_SECTION_FUNCTION, /* one item of `functions` */
	XFN_SECTION_DELIVER,
	XFN_SECTION_KERNEL,
	XFN_SECTION_SOCKET,
	XFN_SECTION_NETDEV,
	XFN_SECTION_XSK,
	XFN_SECTION_PARK,
	XFN_SECTION_SCALE,
	XFN_SECTION_TRIGGER, /* `trigger`, or one item of `triggers` */
	XFN_SECTION_KEY,
	XFN_SECTION_BYTES, /* `bytes` of a key */
	XFN_SECTION_LIMIT,
	XFN_SECTION_PER_SOURCE, /* in `limit` */
	XFN_SECTION_LATENCY,
	XFN_SECTION_OBJECTIVE,
	XFN_SECTIONS,
};

#define XFN_SECTION_KEYS_MAX 20
#define XFN_FREE_KEYS_MAX    64 /* in a mapping whose keys are the user's own */

/* Forms of a value, as bits. */
enum xfn_form {
	XFN_FORM_SCALAR = 1 << 0,
	XFN_FORM_MAP = 1 << 1,
	XFN_FORM_LIST = 1 << 2,
};

struct xfn_builder;
struct xfn_frame;
struct xfn_schema_row;

/*
 * Read the scalar @event, the value of @row's key, an item of its list or the value of one of its free
 * keys, into the manifest being built. A value that will not do becomes a diagnostic, and 0 is returned all the same. Returns 0,
 * -ENOMEM, or -EINVAL with a diagnostic when reading must end.
 */
typedef int (*xfn_schema_read_fn)(struct xfn_builder *builder, const struct xfn_schema_row *row,
				  const struct xfn_yaml_event *event);

struct xfn_schema_row {
	enum xfn_section section; /* that the key belongs to */
	const char *key;
	__u8 takes; /* forms of the value; 0: the key is not yet supported */
	__u8 items; /* forms of each item where the value is a list, or a mapping with free keys */
	__u8 later; /* forms that are not yet supported */
	bool free_keys; /* a mapping's keys are names of the user's own, each once: no child */
	bool required;
	bool is_delivery;            /* a function has exactly one of these keys */
	enum xfn_delivery delivery;  /* which, where it is supported */
	enum xfn_section child;      /* of a mapping, or of an item that is one */
	xfn_schema_read_fn read;     /* of a scalar, or of an item that is one */
	size_t offset, size;         /* of the field in what the section is read into */
	__u64 min, max;              /* of a number or, in ns, of a duration */
	size_t items_min, items_max; /* free keys: at most XFN_FREE_KEYS_MAX */
	__u32 given;                 /* bit of enum xfn_given that the key sets */
	const char *fallback;        /* the default as the manifest would write it; NULL: none */
	const char *form;            /* completes "expected ..." */
	const char *doc;             /* a clause for the reader of the table */
};

/* What happens around a section as a whole. Hooks may be NULL; they return as readers do. */
struct xfn_section_info {
	const char *where; /* completes "unknown key 'x' in ..." */
	/* What the rows' offsets count from. */
	void *(*target)(struct xfn_builder *builder);
	bool of_function; /* bits of given go to the function */
	int (*open)(struct xfn_builder *builder, const struct xfn_yaml_event *event);
	int (*close)(struct xfn_builder *builder, const struct xfn_frame *frame);
};

/* All rows, those of a section together. */
const struct xfn_schema_row *xfn_schema_rows(size_t *ret_count);

const struct xfn_section_info *xfn_schema_section(enum xfn_section section);

/* The first row of @section and how many it has. */
const struct xfn_schema_row *xfn_schema_section_rows(enum xfn_section section, size_t *ret_count);

#endif /* XFN_SCHEMA_H */
