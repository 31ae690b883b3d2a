/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "api_edit.h"
#include "engine.h"
#include "follow.h"
#include "http.h"
#include "listen.h"
#include "manifest.h"
#include "utf8.h"

static int refuse_missing(struct xfn_reply *reply, const char *what)
{
	return xfn_reply_error(reply, 400, "bad_request", NULL,
			       "cannot use the request: expected %s", what);
}

/* ---- readers -----------------------------------------------------------------------------------*/

static int get_status(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	(void)request;
	return xfn_engine_status(api->engine, reply);
}

static int get_functions(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	(void)request;
	return xfn_engine_functions(api->engine, reply);
}

static int get_function(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	return xfn_engine_function(api->engine, xfn_request_tail(request), reply);
}

static int get_stats(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	return xfn_engine_stats(api->engine, xfn_request_query(request, "function"), reply);
}

static int get_latency(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	struct xfn_latency_query query = {
		.function = xfn_request_query(request, "function"),
		.stages = xfn_request_flag(request, "stages"),
	};

	return xfn_engine_latency(api->engine, &query, reply);
}

static int get_audit(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	(void)request;
	return xfn_engine_audit(api->engine, reply);
}

static int get_doctor(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	return xfn_engine_doctor(api->engine, xfn_request_query(request, "interface"), reply);
}

static int get_manifest(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	return xfn_engine_manifest(api->engine, xfn_request_query(request, "set"), reply);
}

static int get_history(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;

	(void)request;
	return xfn_engine_history(api->engine, reply);
}

static int get_journal(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	(void)reply;
	return xfn_follow_journal(context, request);
}

/* 0 where it is not there. */
static __u64 query_number(struct xfn_request *request, const char *key)
{
	const char *text = xfn_request_query(request, key);

	return text ? strtoull(text, NULL, 10) : 0;
}

static int get_logs(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	const struct xfn_logs_request wanted = {
		.function = xfn_request_query(request, "function"),
		.stream = query_number(request, "stream"),
		.after = query_number(request, "after"),
	};

	if (!wanted.function || !*wanted.function)
		return refuse_missing(reply, "a function's name in the query, 'function=NAME'");
	return xfn_engine_logs(api->engine, &wanted, reply);
}

static int get_stream(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	(void)reply;
	return xfn_follow_stats(context, request);
}

static int post_explain(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	struct xfn_explain_request explain = {0};
	int run = 0, err;
	json_t *body;

	err = xfn_request_json(request, reply, &body);
	if (err)
		return err < 0 ? err : 0;
	if (json_unpack(body, "{s?:s, s?:s, s?:s, s?:b}", "packet", &explain.packet, "frame",
			&explain.frame, "interface", &explain.interface, "run", &run) < 0 ||
	    !explain.packet == !explain.frame) {
		err = refuse_missing(reply, "{\"packet\":TEXT or \"frame\":HEX,"
					    "\"interface\":NAME,\"run\":BOOL}");
	} else {
		explain.run = run;
		err = xfn_engine_explain(api->engine, &explain, reply);
	}
	json_decref(body);
	return err;
}

static int get_trace(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	return xfn_follow_trace(context, request, reply);
}

/* ---- changes -----------------------------------------------------------------------------------*/

static int post_attach(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	struct xfn_attach_request attach = {0};
	struct xfn_actor actor;
	int coexist = 0;
	json_t *body;
	int err;

	err = xfn_request_json(request, reply, &body);
	if (err)
		return err < 0 ? err : 0;
	xfn_request_actor(request, &actor);
	if (json_unpack(body, "{s:s, s?:s, s?:b, s?:s}", "interface", &attach.interface, "mode",
			&attach.mode, "coexist", &coexist, "next", &attach.next) < 0) {
		err = refuse_missing(reply, "{\"interface\":NAME,\"mode\":\"native\" or "
					    "\"generic\",\"coexist\":BOOL,\"next\":PATH}");
	} else {
		attach.coexist = coexist;
		err = xfn_engine_attach(api->engine, &attach, &actor, reply);
	}
	json_decref(body);
	return err;
}

static int post_detach(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	struct xfn_actor actor;
	const char *interface;
	json_t *body;
	int err;

	err = xfn_request_json(request, reply, &body);
	if (err)
		return err < 0 ? err : 0;
	xfn_request_actor(request, &actor);
	if (json_unpack(body, "{s:s}", "interface", &interface) < 0)
		err = refuse_missing(reply, "{\"interface\":NAME}");
	else
		err = xfn_engine_detach(api->engine, interface, &actor, reply);
	json_decref(body);
	return err;
}

typedef int change_fn(struct xfn_engine *engine, const struct xfn_apply_request *change,
		      const struct xfn_actor *actor, struct xfn_reply *reply);

/*
 * What the manifest's paths are relative to; *ret is NULL where that is not said. It goes into answers
 * and revisions, so it is text. False: it is not one.
 */
static bool read_folder(struct xfn_request *request, const char **ret)
{
	const struct xfn_upload *part;
	size_t count = xfn_request_uploads(request, "folder", &part);

	*ret = NULL;
	if (!count)
		return true;
	*ret = part->data;
	return count == 1 && part->size <= XFN_TEXT_BYTES_MAX && **ret == '/' &&
	       xfn_utf8_is_plain(*ret, part->size);
}

static int post_manifest(struct xfn_api *api, struct xfn_request *request, change_fn *change,
			 struct xfn_reply *reply)
{
	struct xfn_apply_request apply = {
		.keep = xfn_request_flag(request, "keep"),
		.overwrite = xfn_request_flag(request, "overwrite"),
	};
	const struct xfn_upload *uploads;
	struct xfn_actor actor;
	size_t count;

	if (apply.keep && apply.overwrite)
		return refuse_missing(reply, "one of 'keep' and 'overwrite', not both");
	count = xfn_request_uploads(request, "manifest", &uploads);
	if (count != 1)
		return refuse_missing(reply, "a multipart body with one part 'manifest'");
	apply.manifest = uploads[0];
	if (!read_folder(request, &apply.folder))
		return refuse_missing(reply, "an absolute path in the part 'folder'");
	apply.object_count = xfn_request_uploads(request, "object", &apply.objects);
	xfn_request_actor(request, &actor);
	return change(api->engine, &apply, &actor, reply);
}

static int post_plan(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	return post_manifest(context, request, xfn_engine_plan, reply);
}

static int post_apply(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	return post_manifest(context, request, xfn_engine_apply, reply);
}

static int post_swap(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	const char *function = xfn_request_query(request, "function");
	const struct xfn_upload *object;
	struct xfn_actor actor;

	if (!function || !*function)
		return refuse_missing(reply, "a function's name in the query, 'function=NAME'");
	if (xfn_request_uploads(request, "object", &object) != 1)
		return refuse_missing(reply, "a multipart body with one part 'object'");
	xfn_request_actor(request, &actor);
	return xfn_engine_swap(api->engine, function, object, &actor, reply);
}

static int post_rollback(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	struct xfn_actor actor;

	xfn_request_actor(request, &actor);
	return xfn_engine_rollback(api->engine, xfn_request_query(request, "revision"), &actor,
				   reply);
}

static int post_confirm(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct xfn_api *api = context;
	struct xfn_actor actor;

	xfn_request_actor(request, &actor);
	return xfn_engine_confirm(api->engine, &actor, reply);
}

/* ---- routes ------------------------------------------------------------------------------------*/

/*
 * Those that anybody in `xfn-ro` may ask come first. None of them takes the daemon long or tells what
 * a manifest holds beside names, counts and triggers; of a function changed by command, by whom and how.
 */
static const struct xfn_route routes[] = {
	{"GET", "/v1/status", get_status, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/functions", get_functions, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/functions/", get_function, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/stats", get_stats, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/latency", get_latency, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/audit", get_audit, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/journal", get_journal, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/stream", get_stream, XFN_HTTP_BODY_BYTES},
	/* READ_ONLY_ROUTES end here. */
	{"GET", "/v1/logs", get_logs, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/doctor", get_doctor, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/history", get_history, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/manifest", get_manifest, XFN_HTTP_BODY_BYTES},
	{"GET", "/v1/trace", get_trace, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/explain", post_explain, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/plan", post_plan, XFN_HTTP_UPLOAD_BYTES},
	{"POST", "/v1/apply", post_apply, XFN_HTTP_UPLOAD_BYTES},
	{"POST", "/v1/attach", post_attach, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/detach", post_detach, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/rollback", post_rollback, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/confirm", post_confirm, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/swap", post_swap, XFN_HTTP_UPLOAD_BYTES},
	{"POST", "/v1/trigger", xfn_api_post_trigger, XFN_HTTP_UPLOAD_BYTES},
	{"POST", "/v1/limit", xfn_api_post_limit, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/off", xfn_api_post_off, XFN_HTTP_BODY_BYTES},
	{"POST", "/v1/on", xfn_api_post_on, XFN_HTTP_BODY_BYTES},
};
enum { READ_ONLY_ROUTES = 8 };

static const char *const full_groups[] = {XFN_HTTP_GROUP, NULL};
static const char *const read_only_groups[] = {XFN_HTTP_GROUP_READ_ONLY, XFN_HTTP_GROUP, NULL};

/* By enum xfn_api_access. */
static const struct {
	const char *const *groups;
	size_t route_count;
} kinds[] = {
	[XFN_API_FULL] = {full_groups, sizeof(routes) / sizeof(routes[0])},
	[XFN_API_READ_ONLY] = {read_only_groups, READ_ONLY_ROUTES},
};

static void log_request(void *context, const struct xfn_actor *actor, const char *method,
			const char *path, int http_status)
{
	(void)context;
	fprintf(stderr, "xfnd: request: %s %s: %d, for user %u, process %d\n", method, path,
		http_status, actor->uid, actor->pid);
}

int xfn_api_bind(const char *path, enum xfn_api_access access)
{
	return xfn_listen_bind(path, kinds[access].groups[0]);
}

int xfn_api_open(struct xfn_api *api, enum xfn_api_access access, int listen_fd, const char *path,
		 struct xfn_http **ret)
{
	const struct xfn_http_options options = {
		.loop = api->loop,
		.listen_fd = listen_fd,
		.socket_path = path,
		.groups = kinds[access].groups,
		.routes = routes,
		.route_count = kinds[access].route_count,
		.context = api,
		.served = api->verbose ? log_request : NULL,
	};

	return xfn_http_open(&options, ret);
}
