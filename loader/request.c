/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "request.h"
#include "utf8.h"

enum {
	PART_NAME_BYTES = 4096,
	POST_BUFFER_BYTES = 64 << 10,
	COMMAND_BYTES = 1024,
};

int xfn_bytes_add(struct xfn_bytes *bytes, const void *data, size_t size, size_t max)
{
	size_t need = bytes->size + size + 1;

	if (size > max || bytes->size > max - size)
		return -E2BIG;
	if (need > bytes->room) {
		size_t room = bytes->room ? bytes->room : 4096;
		char *grown;

		while (room < need)
			room *= 2;
		grown = realloc(bytes->data, room);
		if (!grown)
			return -ENOMEM;
		bytes->data = grown;
		bytes->room = room;
	}
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
	bytes->data[bytes->size] = '\0';
	return 0;
}

static void refuse_body(struct xfn_request *request, int err)
{
	struct xfn_reply *refusal = &request->refusal;

	if (refusal->http_status)
		return;
	if (err == -E2BIG)
		err = xfn_reply_error(refusal, 413, "too_large", NULL,
				      "the body is larger than the %zu bytes in %d parts allowed "
				      "for '%s'",
				      request->route->body_max, XFN_HTTP_PARTS, request->path);
	else if (err == -EBUSY)
		err = xfn_reply_error(refusal, 503, "busy", NULL,
				      "too many uploads at once: try again when others are done");
	else if (err == -EINVAL)
		err = xfn_reply_error(refusal, 400, "bad_body", NULL,
				      "cannot read the body as multipart/form-data");
	else if (err == -EILSEQ)
		err = xfn_reply_error(refusal, 400, "bad_name", NULL,
				      "cannot use a file's name: expected UTF-8, at most %d bytes",
				      PART_NAME_BYTES);
	else
		err = xfn_reply_error(refusal, 500, "internal", NULL, "cannot take the body: %s",
				      strerror(-err));
	if (err < 0)
		refusal->http_status = 500;
}

static bool is_utf8(const char *text)
{
	size_t left = strlen(text), length;

	for (; left; left -= length, text += length) {
		length = xfn_utf8_length(text, left);
		if (!length)
			return false;
	}
	return true;
}

/* What is not UTF-8 can be in no JSON: neither in an answer nor in a revision on disk. */
static bool is_file_name(const char *name)
{
	return !name || (strlen(name) <= PART_NAME_BYTES && is_utf8(name));
}

static int begin_part(struct xfn_request *request, const char *part, const char *name,
		      struct xfn_part **ret)
{
	struct xfn_part *grown, *last;

	if (request->part_count == XFN_HTTP_PARTS)
		return -E2BIG;
	grown = reallocarray(request->parts, request->part_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	request->parts = grown;
	last = &grown[request->part_count];
	*last = (struct xfn_part){
		.part = strdup(part),
		.name = strdup(name ? name : ""),
	};
	/* Counted even when half-built: freeing takes what is there. */
	request->part_count++;
	*ret = last;
	return last->part && last->name ? 0 : -ENOMEM;
}

/* A part's first piece may be empty, and then comes another at offset 0. */
static bool is_same_part(const struct xfn_part *last, const char *part, const char *name)
{
	return last->bytes.size == 0 && strcmp(last->part, part) == 0 &&
	       strcmp(last->name, name ? name : "") == 0;
}

static enum MHD_Result take_part(void *context, enum MHD_ValueKind kind, const char *part,
				 const char *name, const char *content_type, const char *encoding,
				 const char *data, uint64_t offset, size_t size)
{
	struct xfn_request *request = context;
	struct xfn_part *last;
	int err = 0;

	(void)kind;
	(void)content_type;
	(void)encoding;
	if (request->refusal.http_status)
		return MHD_NO;
	if (!part || !is_file_name(name)) { /* a heading may lack the part's name */
		refuse_body(request, part ? -EILSEQ : -EINVAL);
		return MHD_NO;
	}
	last = request->part_count ? &request->parts[request->part_count - 1] : NULL;
	if (offset == 0 && !(last && is_same_part(last, part, name)))
		err = begin_part(request, part, name, &last);
	if (!err)
		err = xfn_bytes_add(&last->bytes, data, size, request->route->body_max);
	if (err < 0)
		refuse_body(request, err);
	return err < 0 ? MHD_NO : MHD_YES;
}

static bool is_multipart(const char *content_type)
{
	static const char type[] = "multipart/form-data";

	return content_type && strncasecmp(content_type, type, strlen(type)) == 0;
}

void xfn_request_begin_body(struct xfn_request *request)
{
	if (!is_multipart(xfn_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE)))
		return;
	request->multipart = MHD_create_post_processor(request->connection, POST_BUFFER_BYTES,
						       take_part, request);
	if (!request->multipart) /* no boundary, or no memory */
		refuse_body(request, -EINVAL);
}

/* Frees what has come of the body. */
static void drop_body(struct xfn_request *request)
{
	if (request->multipart)
		MHD_destroy_post_processor(request->multipart);
	request->multipart = NULL;
	for (size_t i = 0; i < request->part_count; i++) {
		free(request->parts[i].part);
		free(request->parts[i].name);
		free(request->parts[i].bytes.data);
	}
	free(request->parts);
	request->parts = NULL;
	request->part_count = 0;
	free(request->body.data);
	request->body = (struct xfn_bytes){0};
	request->http->held -= request->held;
	request->held = 0;
}

/* Small bodies always find room, so that large ones do not keep anybody from asking. */
static int hold(struct xfn_request *request, size_t size)
{
	struct xfn_http *http = request->http;

	if (request->received <= XFN_HTTP_BODY_BYTES)
		return 0;
	if (size > http->uploads_max - http->held)
		return -EBUSY;
	http->held += size;
	request->held += size;
	return 0;
}

void xfn_request_take(struct xfn_request *request, const char *data, size_t size)
{
	size_t max = request->route ? request->route->body_max : 0;
	int err;

	request->received += size;
	if (request->refusal.http_status)
		return;
	err = request->received > max ? -E2BIG : hold(request, size);
	if (!err && !request->multipart)
		err = xfn_bytes_add(&request->body, data, size, max);
	else if (!err && MHD_post_process(request->multipart, data, size) != MHD_YES)
		err = -EINVAL;
	if (err < 0) {
		refuse_body(request, err);
		drop_body(request);
	}
}

void xfn_request_free(struct xfn_request *request)
{
	if (!request)
		return;
	drop_body(request);
	if (request->peer)
		request->peer->answer_bytes = 0;
	free(request->uploads);
	free(request->path);
	xfn_reply_fini(&request->refusal);
	xfn_stream_free(request->stream);
	free(request);
}

const char *xfn_request_tail(const struct xfn_request *request)
{
	return request->path + strlen(request->route->path);
}

const char *xfn_request_query(const struct xfn_request *request, const char *key)
{
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, key,
					  strlen(key), &value, NULL) != MHD_YES)
		return NULL;
	return value ? value : "";
}

bool xfn_request_flag(const struct xfn_request *request, const char *key)
{
	const char *value = xfn_request_query(request, key);

	return value &&
	       (!*value || !strcmp(value, "1") || !strcmp(value, "true") || !strcmp(value, "yes"));
}

const char *xfn_request_header(const struct xfn_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void xfn_request_actor(const struct xfn_request *request, struct xfn_actor *ret)
{
	const char *command = xfn_request_header(request, "Xfn-Command");

	if (!command || strlen(command) > COMMAND_BYTES || !is_utf8(command))
		command = "";
	*ret = (struct xfn_actor){
		.uid = request->peer->uid,
		.pid = request->peer->pid,
		.command = command,
		.ssh = xfn_request_header(request, "Xfn-Ssh-Connection"),
		.confirm = xfn_request_query(request, "confirm"),
		.yes = xfn_request_flag(request, "yes"),
		.force = xfn_request_flag(request, "force"),
	};
}

int xfn_request_json(const struct xfn_request *request, struct xfn_reply *reply, json_t **ret)
{
	json_error_t error;
	json_t *json;
	int err;

	json = json_loadb(request->body.data ? request->body.data : "", request->body.size,
			  JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(json)) {
		*ret = json;
		return 0;
	}
	if (json)
		err = xfn_reply_error(reply, 400, "bad_json", NULL,
				      "cannot use the body: expected a JSON object");
	else
		err = xfn_reply_error(reply, 400, "bad_json", NULL,
				      "cannot read the body as JSON: line %d, column %d: %s",
				      error.line, error.column, error.text);
	json_decref(json);
	return err < 0 ? err : 1;
}

/*
 * All parts as uploads, those of one name together. Made at the first call, when the body is
 * complete, and kept, so that what was handed out stays good.
 */
static int gather_uploads(struct xfn_request *request)
{
	size_t count = 0;

	request->uploads = calloc(request->part_count + 1, sizeof(*request->uploads));
	if (!request->uploads)
		return -ENOMEM;
	for (size_t first = 0; first < request->part_count; first++) {
		const char *part = request->parts[first].part;

		for (size_t i = first; i < request->part_count; i++) {
			struct xfn_part *p = &request->parts[i];

			if (p->gathered || strcmp(p->part, part) != 0)
				continue;
			p->gathered = true;
			p->upload = count;
			request->uploads[count++] = (struct xfn_upload){
				.name = p->name,
				.data = p->bytes.data ? p->bytes.data : "",
				.size = p->bytes.size,
			};
		}
	}
	return 0;
}

size_t xfn_request_uploads(struct xfn_request *request, const char *part,
			   const struct xfn_upload **ret)
{
	size_t count = 0;

	if (!request->uploads && gather_uploads(request) < 0)
		return 0;
	*ret = request->uploads;
	for (size_t i = 0; i < request->part_count; i++) {
		if (strcmp(request->parts[i].part, part) != 0)
			continue;
		if (count++ == 0)
			*ret = &request->uploads[request->parts[i].upload];
	}
	return count;
}
