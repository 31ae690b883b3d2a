/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is to tell of the processes of functions that xfnd starts. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "engine_instances_private.h"
#include "engine_read.h"
#include "utf8.h"
#include "xfn/channel.h"

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

int xfn_engine_logs(struct xfn_engine *engine, const char *name, __u64 after,
		    struct xfn_reply *reply)
{
	struct xfn_selection selection;
	struct xfn_instance_output output;
	const struct xfn_member *member;
	char *buffer;
	int err = xfn_selection_find(engine, name, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	if (xfn_is_awaited(selection.functions->spec))
		return xfn_reply_error(
			reply, 409, "no_instance", NULL,
			"what function '%s' writes goes where 'xfn run' was started: a "
			"terminal, or the journal of its service",
			name);
	member = xfn_member_of(engine, selection.functions->identity);
	if (!member)
		return xfn_reply_error(reply, 409, "no_instance", NULL,
				       "function '%s' is no program that xfnd starts", name);
	buffer = malloc(XFN_INSTANCE_OUTPUT_BYTES);
	if (!buffer)
		return -ENOMEM;
	xfn_instance_read_output(member->instance, after, buffer, &output);
	err = xfn_reply_json(reply, json_pack("{s:s, s:I, s:I, s:o}", "function", name, "first",
					      (json_int_t)output.first, "next",
					      (json_int_t)(output.first + output.bytes), "text",
					      text_json(buffer, output.bytes)));
	free(buffer);
	return err;
}

json_t *xfn_instance_json(const struct xfn_engine *engine,
			  const struct xfn_model_function *function)
{
	const struct xfn_member *member = xfn_member_of(engine, function->identity);
	struct xfn_instance_info info;
	char name[IF_NAMESIZE] = "", version[XFN_VERSION_TEXT];
	json_t *object;

	if (!member)
		return json_null();
	xfn_instance_read(member->instance, &info);
	object = json_pack("{s:s, s:s, s:I, s:I, s:o, s:I, s:s}", "state",
			   xfn_instance_state_label(info.state), "version",
			   xfn_version_print_number(member->version, version), "pid",
			   (json_int_t)info.pid, "uid", (json_int_t)member->uid, "since",
			   xfn_time_json(info.since_ns) ?: json_null(), "restarts",
			   (json_int_t)info.restarts, "last_end", info.last_end);
	if (!object || member->listens)
		return object;
	if (member->ifindex)
		if_indextoname(member->ifindex, name);
	json_object_set_new(object, "port", json_integer(member->port));
	json_object_set_new(object, "interface", json_string(name));
	json_object_set_new(object, "busy_poll", json_boolean(info.busy_polls));
	json_object_set_new(object, "zero_copy", json_boolean(info.zero_copy));
	return object;
}

bool xfn_instances_serve(const struct xfn_engine *engine, const struct xfn_model_function *function)
{
	const struct xfn_member *member = xfn_member_of(engine, function->identity);

	return member &&
	       (xfn_member_is_in(member, XFN_INSTANCE_READY) ||
		xfn_member_is_in(member, XFN_INSTANCE_IDLE) || xfn_member_has_others(member));
}
