/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_HTTP_FIXTURE_H
#define XFN_TESTS_HTTP_FIXTURE_H

/* The server, from the outside: bytes on its socket, with the loop stepped by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../loader/http.h"
#include "../../loader/listen.h"
#include "../../loader/loop.h"

#define NS_PER_MS 1000000ULL

enum { STEP_MS = 20, PATIENCE_MS = 3000 };

struct fixture {
	char dir[64], path[96];
	struct xfn_loop *loop;
	struct xfn_http *http;
	struct xfn_stream *stream;
	unsigned streams_closed;
};

static inline void on_stream_closed(void *context)
{
	struct fixture *f = context;

	f->streams_closed++;
	f->stream = NULL;
}

static inline int get_echo(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	const char *query = xfn_request_query(request, "q");
	struct xfn_actor actor;

	(void)context;
	xfn_request_actor(request, &actor);
	return xfn_reply_json(reply,
			      json_pack("{s:s, s:s, s:b, s:s, s:i}", "tail",
					xfn_request_tail(request), "query", query ? query : "none",
					"flag", xfn_request_flag(request, "flag"), "command",
					actor.command, "uid", (int)actor.uid));
}

static inline int post_json(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	json_t *body;
	int err = xfn_request_json(request, reply, &body);

	(void)context;
	return err ? (err < 0 ? err : 0) : xfn_reply_json(reply, body);
}

static inline int post_upload(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	const struct xfn_upload *manifest, *objects;
	size_t manifests = xfn_request_uploads(request, "manifest", &manifest);
	size_t count = xfn_request_uploads(request, "object", &objects);
	json_t *list = json_array();

	(void)context;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(((const char *)objects[i].data)[objects[i].size], 0);
		json_array_append_new(list,
				      json_pack("[s, i]", objects[i].name, (int)objects[i].size));
	}
	return xfn_reply_json(reply,
			      json_pack("{s:i, s:s, s:o}", "manifests", (int)manifests, "text",
					manifests ? manifest[0].data : "", "objects", list));
}

static inline int get_stream(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct fixture *f = context;

	(void)reply;
	return xfn_request_stream(request, "text/plain", "\n", on_stream_closed, f, &f->stream);
}

static inline int get_nothing(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	(void)context;
	(void)request;
	(void)reply;
	return -ENOSYS;
}

enum { LARGE_BYTES = 4 << 20 };

static inline int get_large(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	char *text = malloc(LARGE_BYTES);
	int err;

	(void)context;
	(void)request;
	memset(text, 'x', LARGE_BYTES);
	err = xfn_reply_json(reply, json_pack("{s:s#}", "text", text, LARGE_BYTES));
	free(text);
	return err;
}

static const struct xfn_route routes[] = {
	{"GET", "/large", get_large, 1000},   {"GET", "/echo/", get_echo, 1000},
	{"POST", "/json", post_json, 1000},   {"POST", "/upload", post_upload, 1 << 20},
	{"GET", "/stream", get_stream, 1000}, {"GET", "/nothing", get_nothing, 1000},
};

static inline int set_up_with(void **state, unsigned timeout_s, size_t uploads_max)
{
	struct fixture *f = calloc(1, sizeof(*f));
	static const char *const groups[] = {XFN_HTTP_GROUP, NULL};
	struct xfn_http_options options = {.groups = groups,
					   .routes = routes,
					   .route_count = sizeof(routes) / sizeof(routes[0]),
					   .context = f,
					   .timeout_s = timeout_s,
					   .uploads_max = uploads_max,
					   .answers_max = uploads_max};

	strcpy(f->dir, "/tmp/xfn-http-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	assert_int_equal(xfn_loop_new(&f->loop), 0);
	options.loop = f->loop;
	options.socket_path = f->path;
	options.listen_fd = xfn_listen_bind(f->path, XFN_HTTP_GROUP);
	assert_true(options.listen_fd >= 0);
	assert_int_equal(xfn_http_open(&options, &f->http), 0);
	*state = f;
	return 0;
}

static inline int set_up(void **state)
{
	return set_up_with(state, 0, 0);
}

static inline int set_up_impatient(void **state)
{
	return set_up_with(state, 1, 0);
}

static inline int set_up_cramped(void **state)
{
	return set_up_with(state, 0, 500000);
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	xfn_http_close(f->http);
	xfn_loop_free(f->loop);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static inline void step(struct fixture *f)
{
	assert_true(xfn_loop_step(f->loop, STEP_MS * NS_PER_MS) >= 0);
}

static inline int dial(struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, f->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static __u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000 + (__u64)now.tv_nsec / 1000000;
}

/* Collects until @wanted has come, the peer has closed (wanted NULL), or patience ends. */
static inline size_t collect(struct fixture *f, int fd, char *buf, size_t room, const char *wanted)
{
	__u64 end = now_ms() + PATIENCE_MS;
	size_t size = 0;

	buf[0] = '\0';
	while (now_ms() < end && size + 1 < room && !(wanted && strstr(buf, wanted))) {
		ssize_t got;

		step(f);
		got = recv(fd, buf + size, room - size - 1, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return size;
		size += got > 0 ? (size_t)got : 0;
		buf[size] = '\0';
	}
	if (!wanted)
		fail_msg("the peer did not close; got '%s'", buf);
	return size;
}

static inline void send_all(struct fixture *f, int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t sent = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			data += sent;
			size -= (size_t)sent;
		} else {
			assert_true(errno == EAGAIN);
			step(f);
		}
	}
}

/* One request on a connection of its own, closed by the server after its answer. */
static const char *ask(struct fixture *f, const char *heading, const char *body, size_t size)
{
	static char answer[64 << 10];
	char text[1024];
	int fd = dial(f);

	snprintf(text, sizeof(text),
		 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		 heading, size);
	if (strstr(heading, "\r\n")) { /* the caller brought headers of its own */
		snprintf(text, sizeof(text),
			 "%s\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
			 heading, size);
	}
	send_all(f, fd, text, strlen(text));
	send_all(f, fd, body, size);
	collect(f, fd, answer, sizeof(answer), NULL);
	close(fd);
	return answer;
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static inline int open_stream(struct fixture *f)
{
	static const char text[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
	char answer[1024];
	int fd = dial(f);

	f->stream = NULL;
	send_all(f, fd, text, strlen(text));
	for (int i = 0; i < 50 && !f->stream; i++)
		step(f);
	assert_non_null(f->stream);
	collect(f, fd, answer, sizeof(answer), "\r\n\r\n");
	assert_has(answer, "HTTP/1.1 200 ");
	return fd;
}

#define TEST(name)           cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_CRAMPED(name)   cmocka_unit_test_setup_teardown(name, set_up_cramped, tear_down)
#define TEST_IMPATIENT(name) cmocka_unit_test_setup_teardown(name, set_up_impatient, tear_down)

#endif
