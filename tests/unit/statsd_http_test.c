/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/statsd: HTTP on a UNIX socket, with clients that do as they like. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/statsd/server/http.h"

#define HEAD_OF(status, bytes)                                                              \
	"HTTP/1.0 " status "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" \
	"Content-Length: " bytes "\r\nConnection: close\r\n\r\n"
#define PAGE HEAD_OF("200 OK", "5") "page\n"

static struct http http;
static char folder[32], path[64];
static size_t page_bytes; /* more than "page\n" */

static void write_page(FILE *out, void *context)
{
	size_t i;

	(void)context;
	for (i = 0; i < page_bytes; i++)
		fputc('x', out);
	fputs("page\n", out);
}

static int start(void **state)
{
	(void)state;
	page_bytes = 0;
	strcpy(folder, "/tmp/statsd_http.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	http_init(&http);
	return http_open(&http, path);
}

static int end(void **state)
{
	(void)state;
	http_close(&http);
	if (access(path, F_OK) == 0)
		return -1; /* it was to be removed */
	return rmdir(folder);
}

static int connect_to(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* A few rounds of the loop at that second; none waits. */
static void turn_at(int64_t second)
{
	struct pollfd fds[HTTP_FDS];
	int i;

	for (i = 0; i < 12; i++) {
		http_wants(&http, second, fds);
		poll(fds, HTTP_FDS, 0);
		http_run(&http, fds, second, write_page, NULL);
	}
}

static void turn(void)
{
	turn_at(1);
}

/* All that comes back until the end, which has to be there. */
static const char *hear(int fd)
{
	static char text[4096];
	size_t used = 0;
	ssize_t bytes;

	while ((bytes = recv(fd, text + used, sizeof(text) - 1 - used, MSG_DONTWAIT)) > 0)
		used += (size_t)bytes;
	assert_int_equal(bytes, 0);
	text[used] = 0;
	close(fd);
	return text;
}

static const char *ask(const char *request)
{
	int fd = connect_to();

	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	turn();
	return hear(fd);
}

static void test_answers(void **state)
{
	(void)state;
	assert_string_equal(ask("GET /metrics HTTP/1.0\r\n\r\n"), PAGE);
	assert_string_equal(ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), PAGE);
	assert_string_equal(ask("GET /metrics?x=y HTTP/1.1\r\nHost: a\r\n\r\n"), PAGE);
	assert_string_equal(ask("GET /metrics\n\n"), PAGE);
	assert_string_equal(ask("HEAD /metrics HTTP/1.0\r\n\r\n"), HEAD_OF("200 OK", "5"));
	assert_string_equal(ask("GET /metricsx HTTP/1.0\r\n\r\n"), HEAD_OF("404 Not Found", "0"));
	assert_string_equal(ask("GET \r\n\r\n"), HEAD_OF("404 Not Found", "0"));
	assert_string_equal(ask("POST /metrics HTTP/1.0\r\n\r\n"),
			    HEAD_OF("405 Method Not Allowed\r\nAllow: GET, HEAD", "0"));
	assert_string_equal(ask("\r\n\r\n"),
			    HEAD_OF("405 Method Not Allowed\r\nAllow: GET, HEAD", "0"));
}

static void test_in_pieces(void **state)
{
	const char *request = "GET / HTTP/1.0\r\n\r\n";
	int fd = connect_to();
	size_t i;

	(void)state;
	for (i = 0; i < strlen(request); i++) {
		turn();
		send(fd, request + i, 1, 0);
	}
	turn();
	assert_string_equal(hear(fd), PAGE);
}

/* One that reads nothing is not waited for, and gets all of a page that is longer than the socket's buffer. */
static void test_long_page(void **state)
{
	static char text[65536];
	size_t got = 0;
	ssize_t bytes;
	int fd = connect_to();

	(void)state;
	page_bytes = 4000000;
	send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0);
	turn();
	do {
		bytes = recv(fd, text, sizeof(text), MSG_DONTWAIT);
		got += bytes > 0 ? (size_t)bytes : 0;
		turn();
	} while (bytes != 0 && (bytes > 0 || errno == EAGAIN));
	assert_int_equal(bytes, 0);
	assert_in_range(got, page_bytes + 100, page_bytes + 200);
	close(fd);
}

static int in_use(void)
{
	int i, count = 0;

	for (i = 0; i < HTTP_CLIENTS; i++)
		count += http.clients[i].fd >= 0;
	return count;
}

static void test_patience(void **state)
{
	int fds[HTTP_CLIENTS], last, i;

	(void)state;
	for (i = 0; i < HTTP_CLIENTS; i++)
		fds[i] = connect_to();
	last = connect_to();
	send(last, "GET / HTTP/1.0\r\n\r\n", 18, 0);
	turn_at(1);
	assert_int_equal(in_use(), HTTP_CLIENTS);
	turn_at(HTTP_PATIENCE_S);
	assert_int_equal(in_use(), HTTP_CLIENTS);
	turn_at(1 + HTTP_PATIENCE_S);
	assert_string_equal(hear(last), PAGE);
	for (i = 0; i < HTTP_CLIENTS; i++)
		assert_string_equal(hear(fds[i]), "");
	assert_int_equal(in_use(), 0);
}

static void test_too_long(void **state)
{
	char request[HTTP_REQUEST_MAX + 10];
	int fd = connect_to();

	(void)state;
	memset(request, 'x', sizeof(request));
	send(fd, request, sizeof(request), 0);
	turn();
	assert_int_equal(in_use(), 0);
	close(fd);
}

static void test_gone(void **state)
{
	int fd = connect_to();

	(void)state;
	send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0);
	close(fd); /* no SIGPIPE */
	turn();
	assert_int_equal(in_use(), 0);
}

/* What a dead server left is taken over; a server's socket or a file is not. */
static void test_path(void **state)
{
	char longest[200];
	struct http other;
	FILE *file;

	(void)state;
	http_init(&other);
	assert_int_equal(http_open(&other, path), -EADDRINUSE);
	assert_string_equal(ask("GET / HTTP/1.0\r\n\r\n"), PAGE);
	close(http.listener); /* as if killed */
	http.listener = -1;
	assert_int_equal(http_open(&http, path), 0);
	assert_string_equal(ask("GET / HTTP/1.0\r\n\r\n"), PAGE);
	http_close(&http);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(http_open(&http, path), -EADDRINUSE);
	assert_int_equal(unlink(path), 0); /* it was left alone */
	memset(longest, 'x', sizeof(longest));
	longest[199] = 0;
	assert_int_equal(http_open(&http, longest), -ENAMETOOLONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers),  TEST(in_pieces), TEST(long_page), TEST(patience),
		TEST(too_long), TEST(gone),      TEST(path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
