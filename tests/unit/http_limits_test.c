/* SPDX-License-Identifier: BSD-2-Clause */
/* What a peer may cost the server: connections, time, room for bodies and answers. */
#include "http_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_CRAMPED(uploads_share_their_room),
		TEST(streams_leave_room),
		TEST(connections_are_limited),
		TEST_IMPATIENT(silence_ends),
		TEST_IMPATIENT(dripping_ends),
		TEST_CRAMPED(unread_answers_share_their_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
