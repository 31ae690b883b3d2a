/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_MATRIX_H
#define XFN_MATRIX_H

/* Counters of many things, one row for each label, in as many blocks as the screen needs. */

#include <stdio.h>
#include <jansson.h>

struct xfn_matrix_column {
	char title[64];
	const json_t *counts; /* {label: n}; labels and their order are those of the first column */
	const json_t *before; /* the same, earlier; NULL: unknown */
};

/*
 * Prints to @out, @width columns wide. @corner: what the labels are. @seconds: above 0, rates over
 * that time in the place of counts.
 */
void xfn_matrix_print(FILE *out, size_t width, const char *corner,
		      const struct xfn_matrix_column *columns, size_t count, double seconds);

#endif
