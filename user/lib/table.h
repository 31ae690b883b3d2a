/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TABLE_H
#define XFN_TABLE_H

/*
 * Tables for people: a heading, rows of cells, columns as wide as their widest cell; and figures as
 * people read them.
 *
 * Cells are UTF-8, one column a character. Out of memory shows when the table is printed.
 */

#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

struct xfn_table;

enum xfn_align { XFN_LEFT, XFN_RIGHT };

struct xfn_column {
	const char *title; /* borrowed while the table lives */
	enum xfn_align align;
};

enum { XFN_FIGURE_BYTES = 32 };

/* @columns are copied. Returns NULL without memory; every function below takes that. */
struct xfn_table *xfn_table_new(const struct xfn_column *columns, size_t count);
void xfn_table_free(struct xfn_table *table);

/* Adds the next cell, row by row, from left to right. */
void xfn_table_cell(struct xfn_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints heading and rows, two blanks between columns. Returns 0 or -ENOMEM. */
int xfn_table_print(const struct xfn_table *table, FILE *out);

/* "1,234,567" */
char *xfn_figure_count(char buf[XFN_FIGURE_BYTES], __u64 count);
/* "980 ns" "4.1 µs" "12.5 ms" "1.2 s" "310 s" */
char *xfn_figure_ns(char buf[XFN_FIGURE_BYTES], __u64 ns);
/* "0" "950" "12.5k" "1.02M": a number each second, without "/s" */
char *xfn_figure_rate(char buf[XFN_FIGURE_BYTES], double per_second);

#endif
