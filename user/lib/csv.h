/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Comma-separated values as in RFC 4180, field by field, with places: lines end with \n or \r\n; a
 * field in double quotes may hold commas, line ends and, doubled, quotes; blanks belong to a field.
 * Empty lines are passed over. A byte order mark in front is, too.
 */
#ifndef XFN_CSV_H
#define XFN_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"

#define XFN_CSV_FIELD_MAX 8192 /* bytes of one field in quotes */

struct xfn_csv_field {
	const char *text; /* valid until the next one is read; not terminated */
	size_t len;
	unsigned line;   /* from 1 */
	unsigned column; /* from 1, in characters; of what is inside the quotes */
	bool last;       /* of its record */
};

struct xfn_csv_reader {
	const char *file; /* what messages call it */
	const char *at, *end;
	unsigned line, column;
	bool inside; /* of a record: a field must follow */
	struct xfn_diag_list *diags;
	char unquoted[XFN_CSV_FIELD_MAX];
};

/* Begin with @len bytes at @text, borrowed like the rest. */
void xfn_csv_open(struct xfn_csv_reader *reader, const char *file, const char *text, size_t len,
		  struct xfn_diag_list *diags);

/*
 * The next field. Returns 1, 0 behind the last record, or -EINVAL with a diagnostic: reading cannot
 * go on.
 */
int xfn_csv_next(struct xfn_csv_reader *reader, struct xfn_csv_field *ret);

#endif /* XFN_CSV_H */
