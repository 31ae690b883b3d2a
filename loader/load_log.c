/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_log.h"

#define LINES_KEPT 12

static struct xfn_load_log *listening;

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && listening)
		vsnprintf(listening->warning, sizeof(listening->warning), format, args);
	return 0;
}

int xfn_load_log_init(struct xfn_load_log *log)
{
	log->text = calloc(1, XFN_LOAD_LOG_BYTES);
	if (!log->text)
		return -ENOMEM;
	log->warning[0] = '\0';
	listening = log;
	log->before = libbpf_set_print(keep_warning);
	return 0;
}

void xfn_load_log_fini(struct xfn_load_log *log)
{
	libbpf_set_print(log->before);
	listening = NULL;
	free(log->text);
	log->text = NULL;
}

static void trim(char *text)
{
	size_t length = strlen(text);

	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
}

const char *xfn_load_log_verifier(struct xfn_load_log *log)
{
	char *end = strstr(log->text, "\nprocessed "), *at;
	int lines = 0;

	if (!log->text[0])
		return NULL;
	if (end)
		*end = '\0';
	trim(log->text);
	for (at = log->text + strlen(log->text); at > log->text; at--)
		if (at[-1] == '\n' && ++lines == LINES_KEPT)
			break;
	return at;
}

const char *xfn_load_log_warning(struct xfn_load_log *log)
{
	trim(log->warning);
	return log->warning;
}
