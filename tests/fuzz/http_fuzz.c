/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes on the API's socket, in two pieces: the server answers or breaks off, in bounded steps,
 * leaks nothing, and serves the next one. The first byte says where the pieces part.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../loader/http.h"
#include "../../loader/listen.h"
#include "../../loader/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 1000, INPUT_MAX = 16384 };

static struct xfn_loop *loop;
static struct xfn_http *http;
static char dir[] = "/tmp/xfn-http-fuzz.XXXXXX";
static char path[64];

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* ---- routes: each way to read a request ---------------------------------------------------------- */

static int get_words(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	const char *query = xfn_request_query(request, "q");
	struct xfn_actor actor;

	(void)context;
	xfn_request_actor(request, &actor);
	check(actor.command && xfn_request_tail(request));
	return xfn_reply_json(reply,
			      json_pack("{s:i, s:b}", "bytes", query ? (int)strlen(query) : -1,
					"flag", xfn_request_flag(request, "flag")));
}

static int post_json(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	json_t *body;
	int err = xfn_request_json(request, reply, &body);

	(void)context;
	if (err)
		return err < 0 ? err : 0;
	check(json_is_object(body));
	return xfn_reply_json(reply, body);
}

static int post_upload(void *context, struct xfn_request *request, struct xfn_reply *reply)
{
	const struct xfn_upload *uploads;
	size_t count = xfn_request_uploads(request, "object", &uploads), i;

	(void)context;
	for (i = 0; i < count; i++)
		check(uploads[i].name && !((const char *)uploads[i].data)[uploads[i].size]);
	return xfn_reply_json(reply, json_pack("{s:i}", "objects", (int)count));
}

static const struct xfn_route routes[] = {
	{"GET", "/v1/functions/", get_words, 1000},
	{"POST", "/v1/attach", post_json, 1000},
	{"POST", "/v1/apply", post_upload, 4096},
};

/* ---- the server ----------------------------------------------------------------------------------- */

static void remove_socket(void)
{
	xfn_http_close(http);
	xfn_loop_free(loop);
	rmdir(dir);
}

static void start(void)
{
	static const char *const groups[] = {XFN_HTTP_GROUP, NULL};
	struct xfn_http_options options = {.socket_path = path,
					   .groups = groups,
					   .routes = routes,
					   .route_count = sizeof(routes) / sizeof(routes[0])};

	check(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/socket", dir);
	check(!xfn_loop_new(&loop));
	options.loop = loop;
	options.listen_fd = xfn_listen_bind(path, XFN_HTTP_GROUP);
	check(options.listen_fd >= 0);
	check(!xfn_http_open(&options, &http));
	atexit(remove_socket);
}

static int connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	check(fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

/* Serves until there is nothing to do; what the server sends is dropped. */
static void serve(int fd)
{
	char answer[4096];
	int step, served = 1;

	for (step = 0; step < STEPS_MAX && served; step++) {
		served = xfn_loop_step(loop, 0);
		check(served >= 0);
		while (recv(fd, answer, sizeof(answer), 0) > 0)
			;
	}
	check(step < STEPS_MAX);
}

static void send_all(int fd, const uint8_t *data, size_t size)
{
	/* A peer that has been refused already is gone: that is an answer, too. */
	if (size && send(fd, data, size, MSG_NOSIGNAL) < 0)
		check(errno == EPIPE || errno == ECONNRESET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t first;
	int fd;

	if (!http)
		start();
	if (!size || size > INPUT_MAX)
		return 0;
	first = data[0] * (size - 1) / 255;
	fd = connect_client();
	send_all(fd, data + 1, first);
	serve(fd);
	send_all(fd, data + 1 + first, size - 1 - first);
	serve(fd);
	close(fd);
	serve(-1); /* the server takes leave of it */
	return 0;
}
