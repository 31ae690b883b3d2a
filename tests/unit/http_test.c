/* SPDX-License-Identifier: BSD-2-Clause */
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

static void on_stream_closed(void *context)
{
	struct fixture *f = context;

	f->streams_closed++;
	f->stream = NULL;
}

static int get_echo(void *context, struct xfn_request *request, struct xfn_reply *reply)
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

static int post_json(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	json_t *body;
	int err = xfn_request_json(request, reply, &body);

	(void)context;
	return err ? (err < 0 ? err : 0) : xfn_reply_json(reply, body);
}

static int post_upload(void *context, struct xfn_request *request, struct xfn_reply *reply)
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

static int get_stream(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	struct fixture *f = context;

	(void)reply;
	return xfn_request_stream(request, "text/plain", "\n", on_stream_closed, f, &f->stream);
}

static int get_nothing(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	(void)context;
	(void)request;
	(void)reply;
	return -ENOSYS;
}

enum { LARGE_BYTES = 4 << 20 };

static int get_large(void *context, struct xfn_request *request, struct xfn_reply *reply)
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

static int set_up_with(void **state, unsigned timeout_s, size_t uploads_max)
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

static int set_up(void **state)
{
	return set_up_with(state, 0, 0);
}

static int set_up_impatient(void **state)
{
	return set_up_with(state, 1, 0);
}

static int set_up_cramped(void **state)
{
	return set_up_with(state, 0, 500000);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	xfn_http_close(f->http);
	xfn_loop_free(f->loop);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void step(struct fixture *f)
{
	assert_true(xfn_loop_step(f->loop, STEP_MS * NS_PER_MS) >= 0);
}

static int dial(struct fixture *f)
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
static size_t collect(struct fixture *f, int fd, char *buf, size_t room, const char *wanted)
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

static void send_all(struct fixture *f, int fd, const char *data, size_t size)
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

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static void socket_is_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, geteuid());
}

static void answers_by_route(void **state)
{
	struct fixture *f = *state;
	const char *answer;

	answer = ask(f, "GET /echo/a/b?q=x%20y&flag HTTP/1.1\r\nXfn-Command: xfn ls", "", 0);
	assert_has(answer, "HTTP/1.1 200 ");
	assert_has(answer, "Content-Type: application/json");
	assert_has(answer, "{\"tail\":\"a/b\",\"query\":\"x y\",\"flag\":true,"
			   "\"command\":\"xfn ls\",\"uid\":");
	assert_has(ask(f, "GET /echo/a?flag=0", "", 0), "\"query\":\"none\",\"flag\":false");
}

static void refuses_by_route(void **state)
{
	struct fixture *f = *state;
	const char *answer = ask(f, "GET /nope", "", 0);

	assert_has(answer, "HTTP/1.1 404 ");
	assert_has(answer, "{\"error\":{\"code\":\"no_such_path\",\"message\":\"no such path: "
			   "'/nope'\",\"details\":[]}}");
	assert_has(ask(f, "GET /echo/", "", 0), "HTTP/1.1 404 ");
	assert_has(ask(f, "POST /echo/a", "", 0), "HTTP/1.1 405 ");
	answer = ask(f, "GET /nothing", "", 0);
	assert_has(answer, "HTTP/1.1 500 ");
	assert_has(answer, "Function not implemented");
}

static void reads_json(void **state)
{
	struct fixture *f = *state;

	assert_has(ask(f, "POST /json", "{\"a\":1}", 7), "\r\n\r\n{\"a\":1}");
	assert_has(ask(f, "POST /json", "{\"a\":", 5), "HTTP/1.1 400 ");
	assert_has(ask(f, "POST /json", "[1]", 3), "expected a JSON object");
	assert_has(ask(f, "POST /json", "", 0), "HTTP/1.1 400 ");
	assert_has(ask(f, "POST /json", "{\"a\":1,\"a\":2}", 13), "HTTP/1.1 400 ");
}

static void refuses_large_bodies(void **state)
{
	static char body[1100];
	struct fixture *f = *state;
	char answer[4096];
	int fd;

	memset(body, ' ', sizeof(body));
	assert_has(ask(f, "POST /json", body, 1000), "HTTP/1.1 400 ");
	assert_has(ask(f, "POST /json", body, 1001), "HTTP/1.1 413 ");
	/* Without a length it shows only while it comes. */
	fd = dial(f);
	snprintf(answer, sizeof(answer),
		 "POST /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s\r\n0\r\n\r\n",
		 (unsigned)sizeof(body), (int)sizeof(body), body);
	send_all(f, fd, answer, strlen(answer));
	collect(f, fd, answer, sizeof(answer), NULL);
	assert_has(answer, "HTTP/1.1 413 ");
	close(fd);
}

static void refuses_large_bodies_before_they_come(void **state)
{
	static const char text[] = "POST /json HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n";
	struct fixture *f = *state;
	char answer[4096];
	int fd = dial(f);

	send_all(f, fd, text, strlen(text));
	collect(f, fd, answer, sizeof(answer), "too_large");
	assert_has(answer, "HTTP/1.1 413 ");
	close(fd);
}

#define PART(name, file, data)                                                           \
	"--BOUND\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file \
	"\"\r\n\r\n" data "\r\n"
#define MULTIPART " HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=BOUND"

static void reads_multipart(void **state)
{
	static const char body[] = PART("object", "a.o", "12\r\n-345")
		PART("manifest", "x.yaml", "v: 1") PART("object", "dir/b.o", "")
			PART("object", "c.o", "\r\n--BOUN") "--BOUND--\r\n";
	struct fixture *f = *state;
	const char *answer = ask(f, "POST /upload" MULTIPART, body, strlen(body));

	assert_has(answer, "{\"manifests\":1,\"text\":\"v: 1\",\"objects\":[[\"a.o\",8],"
			   "[\"dir/b.o\",0],[\"c.o\",8]]}");
	/* Cut short in every place: some answer, and nothing read that was not sent. */
	for (size_t size = 0; size < strlen(body); size += 7)
		assert_has(ask(f, "POST /upload" MULTIPART, body, size), "HTTP/1.1 ");
	assert_has(ask(f, "POST /upload HTTP/1.1\r\nContent-Type: multipart/form-data", body, 9),
		   "HTTP/1.1 400 ");
}

static void refuses_nameless_parts(void **state)
{
	static const char nameless[] =
		"--BOUND\r\nContent-Disposition: form-data; filename=\"x\"\r\n\r\n"
		"abc\r\n--BOUND--\r\n";
	static const char not_utf8[] = PART("object", "\xe9.o", "x") "--BOUND--\r\n";
	static const char utf8[] = PART("object", "\xc3\xa9.o", "x") "--BOUND--\r\n";
	struct fixture *f = *state;
	const char *answer = ask(f, "POST /upload" MULTIPART, nameless, strlen(nameless));

	assert_has(answer, "HTTP/1.1 400 ");
	assert_has(answer, "\"bad_body\"");
	answer = ask(f, "POST /upload" MULTIPART, not_utf8, strlen(not_utf8));
	assert_has(answer, "HTTP/1.1 400 ");
	assert_has(answer, "\"bad_name\"");
	assert_has(ask(f, "POST /upload" MULTIPART, utf8, strlen(utf8)), "HTTP/1.1 200 ");
	answer = ask(f, "GET /echo/a HTTP/1.1\r\nXfn-Command: xfn \xe9", "", 0);
	assert_has(answer, "\"command\":\"\"");
}

static void reads_large_uploads(void **state)
{
	static const char head[] = "--BOUND\r\nContent-Disposition: form-data; name=\"object\"; "
				   "filename=\"a\"\r\n\r\n";
	static const char tail[] = "\r\n--BOUND--\r\n";
	const size_t data_size = 1000000, size = strlen(head) + data_size + strlen(tail);
	struct fixture *f = *state;
	char *body = malloc(size + 1);

	strcpy(body, head);
	/* The boundary, but for its last letter, over and over. */
	for (size_t i = 0; i < data_size; i++)
		body[strlen(head) + i] = "\r\n--BOUN"[i % 8];
	memcpy(body + strlen(head) + data_size, tail, sizeof(tail));
	assert_has(ask(f, "POST /upload" MULTIPART, body, size), "[[\"a\",1000000]]");
	free(body);
}

/* Each part is within the limit; all together are not. */
static void refuses_many_parts(void **state)
{
	static const char heading[] =
		"POST /upload" MULTIPART "\r\nHost: x\r\nConnection: close\r\n"
		"Transfer-Encoding: chunked\r\n\r\n";
	static const char part[] = PART("object", "a", "");
	static char data[100000];
	struct fixture *f = *state;
	char answer[4096], size[16];
	int fd = dial(f);

	memset(data, 'x', sizeof(data));
	memcpy(data, part, strlen(part) - 2);
	memcpy(data + sizeof(data) - 2, "\r\n", 2);
	send_all(f, fd, heading, strlen(heading));
	snprintf(size, sizeof(size), "%zx\r\n", sizeof(data));
	for (int i = 0; i < 11; i++) {
		send_all(f, fd, size, strlen(size));
		send_all(f, fd, data, sizeof(data));
		send_all(f, fd, "\r\n", 2);
	}
	send_all(f, fd, "0\r\n\r\n", 5);
	collect(f, fd, answer, sizeof(answer), NULL);
	assert_has(answer, "HTTP/1.1 413 ");
	close(fd);
}

/* Together they are too large; when one has gone there is room again. */
static void uploads_share_their_room(void **state)
{
	static const char heading[] = "POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				      "Content-Length: 400000\r\n\r\n";
	static char data[400000];
	struct fixture *f = *state;
	char answer[4096];
	int first = dial(f);

	memset(data, 'x', sizeof(data));
	send_all(f, first, heading, strlen(heading));
	send_all(f, first, data, sizeof(data) - 1);
	for (int i = 0; i < 10; i++)
		step(f);
	assert_has(ask(f, "POST /upload", data, sizeof(data)), "HTTP/1.1 503 ");
	assert_has(ask(f, "POST /upload", data, 60000), "HTTP/1.1 200 ");
	send_all(f, first, data, 1);
	collect(f, first, answer, sizeof(answer), NULL);
	assert_has(answer, "HTTP/1.1 200 ");
	close(first);
	assert_has(ask(f, "POST /upload", data, sizeof(data)), "HTTP/1.1 200 ");
}

static void survives_garbage(void **state)
{
	static char flood[XFN_HTTP_HEADER_BYTES + 4096];
	struct fixture *f = *state;
	char answer[4096];
	int fd;

	memset(flood, 'a', sizeof(flood));
	memcpy(flood, "GET /echo/", 10);
	fd = dial(f);
	send(fd, flood, sizeof(flood), MSG_DONTWAIT | MSG_NOSIGNAL);
	collect(f, fd, answer, sizeof(answer), NULL);
	assert_null(strstr(answer, "HTTP/1.1 200 "));
	close(fd);

	srandom(1);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < 200; i++)
			flood[i] = (char)random();
		fd = dial(f);
		send(fd, flood, 200, MSG_DONTWAIT | MSG_NOSIGNAL);
		step(f);
		close(fd);
	}
	assert_has(ask(f, "GET /echo/a", "", 0), "HTTP/1.1 200 ");
}

static int open_stream(struct fixture *f)
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

static void streams_as_it_happens(void **state)
{
	struct fixture *f = *state;
	char text[1024];
	int fd = open_stream(f);

	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "line %d.", i);
		xfn_stream_write(f->stream, text, strlen(text));
		assert_true(collect(f, fd, text + 100, sizeof(text) - 100, "\r\n") > 0);
		text[99] = '\0';
		assert_non_null(strstr(text + 100, text));
		for (int quiet = 0; quiet < i % 3; quiet++)
			step(f);
	}
	xfn_stream_end(f->stream);
	assert_true(collect(f, fd, text, sizeof(text), "0\r\n\r\n") > 0);
	for (int i = 0; i < 50 && !f->streams_closed; i++)
		step(f);
	assert_int_equal(f->streams_closed, 1);
	close(fd);
}

static void stream_ends_with_its_peer(void **state)
{
	struct fixture *f = *state;

	close(open_stream(f));
	for (int i = 0; i < 5 && f->stream; i++) {
		xfn_stream_write(f->stream, "x", 1);
		step(f);
		step(f);
	}
	assert_int_equal(f->streams_closed, 1);
}

static void idle_stream_costs_nothing(void **state)
{
	struct fixture *f = *state;
	int busy = 0, fd = open_stream(f);

	step(f);
	for (int i = 0; i < 10; i++)
		busy += xfn_loop_step(f->loop, STEP_MS * NS_PER_MS);
	assert_in_range(busy, 0, 3);
	close(fd);
}

static void slow_reader_is_cut(void **state)
{
	static char block[1 << 20];
	struct fixture *f = *state;
	size_t total = 0;
	int fd = open_stream(f);

	for (int i = 0; i < 40; i++) {
		xfn_stream_write(f->stream, block, sizeof(block));
		step(f);
	}
	/* 8 MiB of queue, and what the socket holds: far from 40 MiB; then the stream ends. */
	for (int i = 0; i < 4000 && !f->streams_closed; i++) {
		ssize_t got = recv(fd, block, sizeof(block), MSG_DONTWAIT);

		total += got > 0 ? (size_t)got : 0;
		step(f);
	}
	assert_int_equal(f->streams_closed, 1);
	assert_in_range(total, 1, 12U << 20);
	close(fd);
}

static void streams_leave_room(void **state)
{
	struct fixture *f = *state;
	int fds[XFN_HTTP_STREAMS];

	for (int i = 0; i < XFN_HTTP_STREAMS; i++)
		fds[i] = open_stream(f);
	assert_has(ask(f, "GET /stream", "", 0), "HTTP/1.1 503 ");
	assert_has(ask(f, "GET /echo/a", "", 0), "HTTP/1.1 200 ");
	for (int i = 0; i < XFN_HTTP_STREAMS; i++)
		close(fds[i]);
	/* What is still open is closed with the server. */
}

static void connections_are_limited(void **state)
{
	struct fixture *f = *state;
	int fds[XFN_HTTP_CONNECTIONS], fd;
	char answer[1024];

	for (int i = 0; i < XFN_HTTP_CONNECTIONS; i++) {
		fds[i] = dial(f);
		step(f);
	}
	fd = dial(f);
	send_all(f, fd, "GET /echo/a HTTP/1.1\r\nHost: x\r\n\r\n", 34);
	for (int i = 0; i < 10; i++)
		step(f);
	assert_int_equal(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), -1);
	for (int i = 0; i < XFN_HTTP_CONNECTIONS; i++)
		close(fds[i]);
	assert_true(collect(f, fd, answer, sizeof(answer), "\"tail\"") > 0);
	assert_has(answer, "HTTP/1.1 200 ");
	close(fd);
}

static void silence_ends(void **state)
{
	struct fixture *f = *state;
	char answer[1024];
	int fd = dial(f);

	send_all(f, fd, "GET /ec", 7);
	collect(f, fd, answer, sizeof(answer), NULL);
	close(fd);
}

/* A byte now and then is not silence, and does not keep a connection for ever. */
static void dripping_ends(void **state)
{
	struct fixture *f = *state;
	__u64 end = now_ms() + 8000, next = 0;
	int fd = dial(f);
	char byte;

	send_all(f, fd, "GET /echo/", 10);
	while (now_ms() < end) {
		if (now_ms() >= next) {
			send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
			next = now_ms() + 300;
		}
		step(f);
		if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
			break;
	}
	assert_true(now_ms() < end);
	close(fd);
}

/* The first bytes of an answer. */
static const char *ask_start(struct fixture *f, const char *heading)
{
	static char answer[128];
	char text[128];
	int fd = dial(f);

	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\n\r\n", heading);
	send_all(f, fd, text, strlen(text));
	collect(f, fd, answer, sizeof(answer), "HTTP/1.1 ");
	close(fd);
	return answer;
}

/* One answer is always made; another one only where there is room beside what waits to be read. */
static void unread_answers_share_their_room(void **state)
{
	static const char text[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fixture *f = *state;
	int hoarder = dial(f);

	send_all(f, hoarder, text, strlen(text));
	for (int i = 0; i < 10; i++)
		step(f);
	assert_has(ask(f, "GET /large", "", 0), "HTTP/1.1 503 ");
	assert_has(ask(f, "GET /echo/a", "", 0), "HTTP/1.1 200 ");
	close(hoarder);
	for (__u64 end = now_ms() + PATIENCE_MS; now_ms() < end;) {
		const char *answer = ask_start(f, "GET /large");

		if (strstr(answer, "HTTP/1.1 200 "))
			return;
	}
	fail_msg("there is no room again");
}

static void refuses_long_paths(void **state)
{
	char path[256];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[108] = '\0';
	assert_int_equal(xfn_listen_bind(path, XFN_HTTP_GROUP), -ENAMETOOLONG);
	xfn_http_close(NULL);
}

#define TEST(name)           cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_CRAMPED(name)   cmocka_unit_test_setup_teardown(name, set_up_cramped, tear_down)
#define TEST_IMPATIENT(name) cmocka_unit_test_setup_teardown(name, set_up_impatient, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(socket_is_private),
		TEST(answers_by_route),
		TEST(refuses_by_route),
		TEST(reads_json),
		TEST(refuses_large_bodies),
		TEST(refuses_large_bodies_before_they_come),
		TEST(reads_multipart),
		TEST(refuses_many_parts),
		TEST(refuses_nameless_parts),
		TEST(reads_large_uploads),
		TEST_CRAMPED(uploads_share_their_room),
		TEST(survives_garbage),
		TEST(streams_as_it_happens),
		TEST(stream_ends_with_its_peer),
		TEST(idle_stream_costs_nothing),
		TEST(slow_reader_is_cut),
		TEST(streams_leave_room),
		TEST(connections_are_limited),
		TEST_IMPATIENT(silence_ends),
		TEST_IMPATIENT(dripping_ends),
		TEST_CRAMPED(unread_answers_share_their_room),
		cmocka_unit_test(refuses_long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
