/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is: functions, one a line, and sets as manifests: GET /v1/functions, /v1/manifest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine_instances.h"
#include "engine_read.h"

/* ---- functions ----------------------------------------------------------------------------------- */

/* Of a program there is one: what ran before ends as soon as it follows. */
static json_t *version_ids(const struct xfn_model_function *function)
{
	json_t *list = json_array();
	const struct xfn_version *version;
	char id[XFN_VERSION_TEXT];
	int role;

	if (function->program_version)
		json_array_append_new(
			list, json_string(xfn_version_print_number(function->program_version, id)));
	for (role = 0; role < XFN_VERSION_ROLES && list; role++) {
		version = xfn_function_version(function, role);
		if (version &&
		    json_array_append_new(list, json_string(xfn_version_print(version, id)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *function_json(const struct xfn_engine *engine,
			     const struct xfn_model_function *function, __u32 waiting)
{
	const struct xfn_function_spec *spec = function->spec;

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:s, s:s?}", "name", spec->name, "tenant",
			 spec->tenant, "set", function->set->manifest->set, "delivery",
			 xfn_delivery_label(spec->delivery), "triggers",
			 (json_int_t)spec->trigger_count, "versions", version_ids(function),
			 "state", xfn_function_state(engine, function, waiting), "program",
			 xfn_instances_state(engine, function));
}

int xfn_engine_functions(struct xfn_engine *engine, struct xfn_reply *reply)
{
	const struct xfn_model *model = engine->model;
	json_t *list = json_array();
	__u32 *waiting = NULL;
	int err = list ? xfn_waiting_count(engine, &waiting) : -ENOMEM;
	size_t i;

	for (i = 0; i < model->function_count && !err; i++)
		if (json_array_append_new(list, function_json(engine, &model->functions[i],
							      waiting[model->functions[i].slot])))
			err = -ENOMEM;
	free(waiting);
	if (!err)
		return xfn_reply_json(reply, json_pack("{s:o}", "functions", list));
	json_decref(list);
	return err;
}

/* ---- sets ---------------------------------------------------------------------------------------- */

static int refuse_set(const struct xfn_model *model, const char *name, struct xfn_reply *reply)
{
	const char **names = calloc(model->set_count + 1, sizeof(*names)), *meant;
	size_t i;
	int err;

	if (!names)
		return -ENOMEM;
	for (i = 0; i < model->set_count; i++)
		names[i] = model->sets[i]->manifest->set;
	meant = xfn_suggest(name, names, model->set_count);
	err = xfn_reply_error(reply, 404, "no_such_set", NULL, "no set '%s'%s%s%s", name,
			      meant ? "; did you mean '" : "", meant ?: "", meant ? "'?" : "");
	free(names);
	return err;
}

static int write_text(const struct xfn_manifest *manifest, char **ret)
{
	size_t size;
	FILE *out = open_memstream(ret, &size);
	int err;

	if (!out)
		return -ENOMEM;
	err = xfn_manifest_write(manifest, out);
	if (fclose(out) || err) {
		free(*ret);
		return -ENOMEM; /* a stream in memory fails for nothing else */
	}
	return 0;
}

int xfn_engine_manifest(struct xfn_engine *engine, const char *set, struct xfn_reply *reply)
{
	const char *name = set ?: "main";
	const struct xfn_set *found = xfn_model_set(engine->model, name);
	char *text = NULL;
	int err;

	if (!found)
		return refuse_set(engine->model, name, reply);
	err = write_text(found->manifest, &text);
	if (err)
		return err;
	err = xfn_reply_json(reply, json_pack("{s:s, s:s}", "set", name, "manifest", text));
	free(text);
	return err;
}
