/* SPDX-License-Identifier: BSD-2-Clause */
/* swap: a new version of one handler, under traffic. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_guard.h"
#include "engine_read.h"
#include "journal.h"

static json_t *names_json(const struct xfn_handler_maps *maps)
{
	json_t *names = json_array();
	unsigned i;

	for (i = 0; i < maps->count; i++)
		json_array_append_new(names, json_string(maps->names[i]));
	return names;
}

/* The set, which knows from now on who swapped the handler. */
static int note(struct xfn_change *change, const struct xfn_model_function *live,
		const struct xfn_upload *object)
{
	struct xfn_edit_spec spec = {
		.kind = XFN_EDIT_SWAP,
		.tenant = live->spec->tenant,
		.function = live->spec->name,
		.text = object->name,
	};

	return xfn_change_edit(change, live->set, &spec);
}

static int build(struct xfn_change *change, const struct xfn_model_function *live,
		 const struct xfn_upload *object)
{
	struct xfn_model_function *function;
	int err = note(change, live, object) ?: xfn_change_keep_attachments(change, NULL);

	if (err)
		return err;
	function = xfn_model_function(change->next, live->spec->tenant, live->spec->name);
	if (!function)
		return -ENOMEM;
	err = xfn_change_load(change, function, object, live->spec->kernel.program);
	function->by_hand = true;
	return err;
}

int xfn_engine_swap(struct xfn_engine *engine, const char *name, const struct xfn_upload *object,
		    const struct xfn_actor *actor, struct xfn_reply *reply)
{
	const struct xfn_model_function *live;
	struct xfn_selection selection;
	char from[16], to[16], who[2 * XFN_NAME_MAX + 2];
	struct xfn_change change;
	int err = xfn_selection_find(engine, name, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	live = selection.functions;
	if (live->spec->delivery != XFN_DELIVER_KERNEL)
		return xfn_reply_error(
			reply, 409, "not_kernel", NULL,
			"cannot swap '%s': its delivery is %s, expected kernel%s", name,
			xfn_delivery_label(live->spec->delivery),
			xfn_has_program(live->spec) ? "; another program comes by xfn apply" : "");
	snprintf(from, sizeof(from), "v%u", live->version ? live->version->number : 0);
	snprintf(to, sizeof(to), "v%u", live->next_version);
	snprintf(who, sizeof(who), "%s/%s", live->spec->tenant, live->spec->name);
	err = xfn_change_init(&change, engine, actor, NULL);
	if (!err)
		err = build(&change, live, object) ?: xfn_change_commit(&change);
	if (err) {
		if (!change.code)
			change.code = "handler_refused";
		err = xfn_change_reply(&change, err, "swap", reply);
	} else {
		xfn_journal_add(engine->options.journal,
				&(struct xfn_journal_event){.type = "swap", .function = who},
				"%s took over from %s, from '%s'", to, from, object->name);
		err = xfn_reply_json(reply, json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "function",
						      name, "from", from, "to", to, "revision",
						      (json_int_t)engine->model->revision,
						      "inherited", names_json(&change.inherited),
						      "warnings", xfn_sessions_warnings(&change)));
	}
	xfn_change_fini(&change);
	return err;
}
