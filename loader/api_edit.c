/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "api.h"
#include "api_edit.h"
#include "engine.h"

static int refuse_missing(struct xfn_reply *reply, const char *what)
{
	return xfn_reply_error(reply, 400, "bad_request", NULL,
			       "cannot use the request: expected %s", what);
}

/* ---- trigger -----------------------------------------------------------------------------------*/

static int edit_trigger(struct xfn_api *api, struct xfn_request *request,
			struct xfn_trigger_request *trigger, struct xfn_reply *reply)
{
	struct xfn_actor actor;
	json_t *body = NULL;
	int err;

	xfn_request_actor(request, &actor);
	if (xfn_request_uploads(request, "triggers", &trigger->csv) == 1)
		return xfn_engine_trigger(api->engine, trigger, &actor, reply);
	trigger->csv = NULL;
	err = xfn_request_json(request, reply, &body);
	if (err)
		return err < 0 ? err : 0;
	if (json_unpack(body, "{s:s}", "trigger", &trigger->text) < 0)
		err = refuse_missing(reply, "{\"trigger\":TEXT}, or a multipart body with one "
					    "part 'triggers'");
	else
		err = xfn_engine_trigger(api->engine, trigger, &actor, reply);
	json_decref(body);
	return err;
}

int xfn_api_post_trigger(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_trigger_request trigger = {.function = xfn_request_query(request, "function")};
	const char *op = xfn_request_query(request, "op");

	if (!trigger.function || !*trigger.function)
		return refuse_missing(reply, "a function's name in the query, 'function=NAME'");
	trigger.remove = op && !strcmp(op, "rm");
	if (!op || (!trigger.remove && strcmp(op, "add")))
		return refuse_missing(reply, "'op=add' or 'op=rm' in the query");
	return edit_trigger(context, request, &trigger, reply);
}

/* ---- limit -------------------------------------------------------------------------------------*/

int xfn_api_post_limit(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	const char *function, *limit;
	struct xfn_api *api = context;
	struct xfn_actor actor;
	json_t *body;
	int err = xfn_request_json(request, reply, &body);

	if (err)
		return err < 0 ? err : 0;
	xfn_request_actor(request, &actor);
	if (json_unpack(body, "{s:s, s:s}", "function", &function, "limit", &limit) < 0)
		err = refuse_missing(reply, "{\"function\":NAME,\"limit\":TEXT}");
	else
		err = xfn_engine_limit(api->engine, function, limit, &actor, reply);
	json_decref(body);
	return err;
}

/* ---- off and on --------------------------------------------------------------------------------*/

static int post_switch(struct xfn_api *api, struct xfn_request *request, bool on,
		       struct xfn_reply *reply)
{
	const char *function = NULL;
	struct xfn_actor actor;
	json_t *body;
	int drop = 0, err = xfn_request_json(request, reply, &body);

	if (err)
		return err < 0 ? err : 0;
	xfn_request_actor(request, &actor);
	if (json_unpack(body, "{s?:s, s?:b!}", "function", &function, "drop", &drop) < 0 ||
	    (on && drop))
		err = refuse_missing(reply, on ? "{\"function\":NAME}, or {}"
					       : "{\"function\":NAME,\"drop\":BOOL}, or {}");
	else
		err = xfn_engine_switch(api->engine, function, on, drop, &actor, reply);
	json_decref(body);
	return err;
}

int xfn_api_post_off(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	return post_switch(context, request, false, reply);
}

int xfn_api_post_on(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	return post_switch(context, request, true, reply);
}
