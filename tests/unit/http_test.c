/* SPDX-License-Identifier: BSD-2-Clause */
/* What requests are answered with, and streams. */
#include "http_fixture.h"

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

static void refuses_long_paths(void **state)
{
	char path[256];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[108] = '\0';
	assert_int_equal(xfn_listen_bind(path, XFN_HTTP_GROUP), -ENAMETOOLONG);
	xfn_http_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(socket_is_private),         TEST(answers_by_route),
		TEST(refuses_by_route),          TEST(reads_json),
		TEST(refuses_large_bodies),      TEST(refuses_large_bodies_before_they_come),
		TEST(reads_multipart),           TEST(refuses_many_parts),
		TEST(refuses_nameless_parts),    TEST(reads_large_uploads),
		TEST(survives_garbage),          TEST(streams_as_it_happens),
		TEST(stream_ends_with_its_peer), TEST(idle_stream_costs_nothing),
		TEST(slow_reader_is_cut),        cmocka_unit_test(refuses_long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
