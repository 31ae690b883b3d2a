/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before functions answer from an interface: will their replies arrive? Warned of, not refused: who is at the other
 * end of a wire may come later. Asked about what a change adds, and of all that is live by `xfn doctor`.
 */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "engine_deliver.h"
#include "engine_private.h"

/* Adds what @spec asks of the interfaces that its events come in at. */
static void add_needs(const struct xfn_function_spec *spec, struct xfn_doctor_options *options)
{
	bool port = spec->delivery == XFN_DELIVER_XSK;

	options->ports |= port;
	options->port_replies |= port && !spec->xsk.one_way;
	options->handlers |=
		spec->delivery == XFN_DELIVER_KERNEL || spec->limit.excess == XFN_EXCESS_REPLY;
}

void xfn_model_needs(const struct xfn_model *model, struct xfn_doctor_options *options)
{
	size_t i;

	for (i = 0; i < model->function_count; i++)
		add_needs(model->functions[i].spec, options);
}

/* The same of what functions ask that are new, or that asked for less in @before. */
static void new_needs(const struct xfn_model *next, struct xfn_model *before,
		      struct xfn_doctor_options *options)
{
	struct xfn_doctor_options now, then;
	const struct xfn_model_function *old;
	const struct xfn_function_spec *spec;
	size_t i;

	for (i = 0; i < next->function_count; i++) {
		spec = next->functions[i].spec;
		old = xfn_model_function(before, spec->tenant, spec->name);
		now = then = (struct xfn_doctor_options){};
		add_needs(spec, &now);
		if (old)
			add_needs(old->spec, &then);
		options->ports |= now.ports && !then.ports;
		options->port_replies |= now.port_replies && !then.port_replies;
		options->handlers |= now.handlers && !then.handlers;
	}
}

static const char *text_of(const json_t *check, const char *key)
{
	return json_string_value(json_object_get(check, key)) ?: "";
}

static void warn(const struct xfn_doctor_options *options, json_t *warnings)
{
	json_t *answer = xfn_doctor_run_uplinks(options), *check;
	char text[1024];
	size_t i;

	json_array_foreach (json_object_get(answer, "checks"), i, check) {
		if (!strcmp(text_of(check, "status"), "ok"))
			continue;
		snprintf(text, sizeof(text), "interface '%s': %s: %s", text_of(check, "interface"),
			 text_of(check, "message"), text_of(check, "remedy"));
		json_array_append_new(warnings, json_string(text));
	}
	json_decref(answer);
}

void xfn_change_warn_uplinks(const struct xfn_change *change, json_t *warnings)
{
	struct xfn_model *before = change->engine->model;
	struct xfn_doctor_options all = {}, added = {}, options;
	const struct xfn_attachment *attachment;
	const char *name;
	size_t i;

	xfn_model_needs(change->next, &all);
	new_needs(change->next, before, &added);
	for (i = 0; i < change->next->attachment_count; i++) {
		attachment = &change->next->attachments[i];
		name = attachment->name;
		options = xfn_model_attachment(before, name) ? added : all;
		options.handlers &= !attachment->generic; /* then the kernel sends it as its own */
		options.attached = &name;
		options.attached_count = 1;
		if (options.ports || options.port_replies || options.handlers)
			warn(&options, warnings);
	}
}
