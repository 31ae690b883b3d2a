/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

enum { STREAM_BLOCK_BYTES = 32 << 10 };

/* A connection with nothing to say is suspended, or the server would ask it again and again. */
static ssize_t read_stream(void *context, uint64_t position, char *buf, size_t max)
{
	struct xfn_stream *stream = context;
	size_t left = stream->queue.size - stream->sent;
	size_t size = left < max ? left : max;

	(void)position;
	if (left == 0 && stream->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (left == 0) {
		stream->suspended = true;
		MHD_suspend_connection(stream->connection);
		return 0;
	}
	memcpy(buf, stream->queue.data + stream->sent, size);
	stream->sent += size;
	if (stream->sent == stream->queue.size) {
		free(stream->queue.data);
		stream->queue = (struct xfn_bytes){0};
		stream->sent = 0;
	}
	return size;
}

static void resume(struct xfn_stream *stream)
{
	if (stream->suspended) {
		stream->suspended = false;
		MHD_resume_connection(stream->connection);
	}
	xfn_http_wake(stream->http);
}

int xfn_request_stream(struct xfn_request *request, const char *content_type, const char *keepalive,
		       xfn_stream_closed_fn *closed, void *context, struct xfn_stream **ret)
{
	struct xfn_http *http = request->http;
	struct xfn_stream *stream;

	if (http->stream_count >= XFN_HTTP_STREAMS)
		return -EBUSY;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	*stream = (struct xfn_stream){
		.http = http,
		.connection = request->connection,
		.keepalive = keepalive,
		.closed = closed,
		.context = context,
		.next = http->streams,
		.link = &http->streams,
	};
	stream->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
							     read_stream, stream, NULL);
	if (!stream->response ||
	    MHD_add_response_header(stream->response, "Content-Type", content_type) != MHD_YES) {
		if (stream->response)
			MHD_destroy_response(stream->response);
		free(stream);
		return -ENOMEM;
	}
	if (http->streams)
		http->streams->link = &stream->next;
	http->streams = stream;
	http->stream_count++;
	request->stream = stream;
	*ret = stream;
	return 0;
}

void xfn_stream_write(struct xfn_stream *stream, const void *data, size_t length)
{
	if (stream->ended)
		return;
	/* A queue in pieces would save this move; it happens only while a reader is slow. */
	if (stream->sent > stream->queue.size / 2) {
		stream->queue.size -= stream->sent;
		memmove(stream->queue.data, stream->queue.data + stream->sent, stream->queue.size);
		stream->sent = 0;
	}
	if (xfn_bytes_add(&stream->queue, data, length, XFN_STREAM_BYTES) < 0)
		stream->ended = true;
	resume(stream);
}

size_t xfn_stream_queued(const struct xfn_stream *stream)
{
	return stream->queue.size - stream->sent;
}

void xfn_request_unstream(struct xfn_request *request)
{
	xfn_stream_free(request->stream);
	request->stream = NULL;
}

void xfn_stream_end(struct xfn_stream *stream)
{
	stream->ended = true;
	resume(stream);
}

void xfn_stream_free(struct xfn_stream *stream)
{
	if (!stream)
		return;
	*stream->link = stream->next;
	if (stream->next)
		stream->next->link = stream->link;
	stream->http->stream_count--;
	if (stream->closed)
		stream->closed(stream->context);
	MHD_destroy_response(stream->response);
	free(stream->queue.data);
	free(stream);
}
