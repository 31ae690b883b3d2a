/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs of functions write: a spool (spool.h) for each function, as long as that has a program or an
 * instance of it is there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_instances_private.h"
#include "engine_read.h"
#include "spool.h"
#include "utf8.h"

struct xfn_log {
	struct xfn_log *next;
	__u64 identity; /* of the function */
	struct xfn_spool *spool;
};

static struct xfn_log *add(struct xfn_instances *instances, __u64 identity)
{
	struct xfn_log *log = calloc(1, sizeof(*log));
	char path[PATH_MAX + 32];

	if (!log)
		return NULL;
	snprintf(path, sizeof(path), "%s/%llu" XFN_LOG_SUFFIX, instances->folder, identity);
	if (xfn_spool_open(path, &log->spool)) {
		free(log);
		return NULL;
	}
	log->identity = identity;
	log->next = instances->logs;
	instances->logs = log;
	return log;
}

struct xfn_spool *xfn_log_of(struct xfn_engine *engine, __u64 identity)
{
	struct xfn_log *log;

	for (log = engine->instances->logs; log; log = log->next)
		if (log->identity == identity)
			return log->spool;
	log = add(engine->instances, identity);
	return log ? log->spool : NULL;
}

static bool is_wanted(const struct xfn_engine *engine, __u64 identity)
{
	const struct xfn_model_function *function = xfn_member_function(engine, identity);
	const struct xfn_member *member;

	if (function && xfn_has_program(function->spec))
		return true;
	for (member = engine->instances->first; member; member = member->next)
		if (member->identity == identity)
			return true;
	return false;
}

void xfn_logs_sweep(struct xfn_engine *engine)
{
	struct xfn_log **at = &engine->instances->logs, *log;

	while ((log = *at)) {
		if (is_wanted(engine, log->identity)) {
			at = &log->next;
			continue;
		}
		*at = log->next;
		xfn_spool_remove(log->spool);
		free(log);
	}
}

void xfn_logs_close(struct xfn_engine *engine)
{
	struct xfn_log *log, *next;

	for (log = engine->instances->logs; log; log = next) {
		next = log->next;
		xfn_spool_close(log->spool);
		free(log);
	}
	engine->instances->logs = NULL;
}

/* ---- what there is to tell ------------------------------------------------------------------------------- */

/* Bytes that are no UTF-8, and all control characters but newline and tab, become '?'. */
static json_t *text_json(char *text, size_t bytes)
{
	size_t i, step;

	for (i = 0; i < bytes; i += step) {
		step = xfn_utf8_length(text + i, bytes - i);
		if (step &&
		    (text[i] == '\n' || text[i] == '\t' || !xfn_utf8_is_control(text + i, step)))
			continue;
		step = 1;
		text[i] = '?';
	}
	return json_stringn(text, bytes);
}

/* So many bytes at the end are a character that is not all there yet: it is shown with the rest of it. */
static size_t unfinished(const char *text, size_t bytes)
{
	size_t back, length;

	for (back = 1; back <= 3 && back <= bytes; back++) {
		__u8 byte = (__u8)text[bytes - back];

		if ((byte & 0xc0) == 0x80)
			continue;
		length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
		return length > back ? back : 0;
	}
	return 0;
}

static int tell(const struct xfn_logs_request *request, __u64 identity,
		const struct xfn_spool *spool, struct xfn_reply *reply)
{
	/* Another function had that name: what was read of that one is no part of this one's. */
	bool goes_on = !request->stream || request->stream == identity;
	char *buffer = malloc(XFN_SPOOL_BYTES);
	struct xfn_spool_part part;
	int err;

	if (!buffer)
		return -ENOMEM;
	xfn_spool_read(spool, goes_on ? request->after : 0, buffer, &part);
	part.bytes -= unfinished(buffer, part.bytes);
	err = xfn_reply_json(reply, json_pack("{s:s, s:I, s:I, s:I, s:o}", "function",
					      request->function, "stream", (json_int_t)identity,
					      "first", (json_int_t)part.first, "next",
					      (json_int_t)(part.first + part.bytes), "text",
					      text_json(buffer, part.bytes)));
	free(buffer);
	return err;
}

int xfn_engine_logs(struct xfn_engine *engine, const struct xfn_logs_request *request,
		    struct xfn_reply *reply)
{
	const char *name = request->function;
	struct xfn_selection selection;
	const struct xfn_model_function *function;
	struct xfn_spool *spool;
	int err = xfn_selection_find(engine, name, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	function = selection.functions;
	if (xfn_is_awaited(function->spec))
		return xfn_reply_error(
			reply, 409, "no_instance", NULL,
			"what function '%s' writes goes where 'xfn run' was started: a "
			"terminal, or the journal of its service",
			name);
	if (!xfn_has_program(function->spec))
		return xfn_reply_error(reply, 409, "no_instance", NULL,
				       "function '%s' is no program that xfnd starts", name);
	spool = xfn_log_of(engine, function->identity);
	return spool ? tell(request, function->identity, spool, reply) : -ENOMEM;
}
