/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "errnum.h"
#include "http.h"

/* ---- opening -------------------------------------------------------------------------------------------- */

/* Whether what is at the path is a socket without a listener. */
static bool is_left_behind(const struct sockaddr_un *address)
{
	struct stat status;
	bool refused;
	int fd;

	if (lstat(address->sun_path, &status) || !S_ISSOCK(status.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
	if (is_left_behind(address))
		unlink(address->sun_path);
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return xfn_errno();
	return listen(fd, 16) ? xfn_errno() : 0;
}

void http_init(struct http *http)
{
	int i;

	*http = (struct http){.listener = -1};
	for (i = 0; i < HTTP_CLIENTS; i++)
		http->clients[i].fd = -1;
}

int http_open(struct http *http, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return xfn_errno();
	err = bind_and_listen(fd, &address);
	if (err) {
		close(fd);
		return err;
	}
	strcpy(http->path, path);
	http->listener = fd;
	return 0;
}

static void forget(struct http_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->reply);
	client->fd = -1;
	client->reply = NULL;
}

void http_close(struct http *http)
{
	int i;

	for (i = 0; i < HTTP_CLIENTS; i++)
		forget(&http->clients[i]);
	if (http->listener < 0)
		return;
	close(http->listener);
	unlink(http->path);
	http->listener = -1;
}

/* ---- an exchange ---------------------------------------------------------------------------------------- */

static const char *refusal(const char *request)
{
	const char *path = strchr(request, ' ');
	size_t bytes;

	if (strncmp(request, "GET ", 4) != 0 && strncmp(request, "HEAD ", 5) != 0)
		return "405 Method Not Allowed\r\nAllow: GET, HEAD";
	bytes = strcspn(++path, " ?\r\n");
	if ((bytes == 1 && *path == '/') || (bytes == 8 && strncmp(path, "/metrics", 8) == 0))
		return NULL;
	return "404 Not Found";
}

static void write_reply(FILE *out, const char *status, const char *page, size_t page_bytes,
			bool with_page)
{
	fprintf(out,
		"HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		status, page_bytes);
	if (with_page)
		fwrite(page, 1, page_bytes, out);
}

/* Makes the reply. Without memory there is none, and the client goes. */
static void answer(struct http_client *client, http_page_fn *page, void *context)
{
	const char *status = refusal(client->request);
	bool with_page = strncmp(client->request, "HEAD", 4) != 0;
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	bool whole;

	if (!out)
		return;
	if (!status)
		page(out, context);
	whole = !fclose(out);
	out = whole ? open_memstream(&client->reply, &client->reply_bytes) : NULL;
	if (out) {
		write_reply(out, status ? status : "200 OK", text, bytes, with_page);
		whole = !fclose(out);
	}
	free(text);
	if (!out || !whole) {
		free(out ? client->reply : NULL);
		client->reply = NULL;
	}
}

/* Returns whether to go on with this client. */
static bool hear(struct http_client *client, http_page_fn *page, void *context)
{
	char *end = client->request + client->request_bytes;
	ssize_t bytes = recv(client->fd, end, HTTP_REQUEST_MAX - 1 - client->request_bytes, 0);

	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR;
	if (bytes == 0) /* gone, or there is no room for more */
		return false;
	end[bytes] = 0;
	client->request_bytes += (size_t)bytes;
	if (!strstr(client->request, "\r\n\r\n") && !strstr(client->request, "\n\n"))
		return true;
	answer(client, page, context);
	return client->reply != NULL;
}

static bool tell(struct http_client *client)
{
	ssize_t bytes = send(client->fd, client->reply + client->sent_bytes,
			     client->reply_bytes - client->sent_bytes, MSG_NOSIGNAL);

	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR;
	client->sent_bytes += (size_t)bytes;
	return client->sent_bytes < client->reply_bytes;
}

static void serve(struct http_client *client, short events, int64_t now_s, http_page_fn *page,
		  void *context)
{
	bool go_on = now_s < client->until_s;

	if (go_on && events && !client->reply)
		go_on = hear(client, page, context);
	if (go_on && client->reply)
		go_on = tell(client);
	if (!go_on)
		forget(client);
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static struct http_client *find_place(struct http *http)
{
	int i;

	for (i = 0; i < HTTP_CLIENTS; i++) {
		if (http->clients[i].fd < 0)
			return &http->clients[i];
	}
	return NULL;
}

static void accept_one(struct http *http, int64_t now_s)
{
	struct http_client *client = find_place(http);
	int fd;

	if (!client)
		return;
	fd = accept4(http->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			http->deaf_until_s = now_s + 1;
		return;
	}
	client->fd = fd;
	client->until_s = now_s + HTTP_PATIENCE_S;
	client->request_bytes = client->reply_bytes = client->sent_bytes = 0;
}

void http_wants(const struct http *http, int64_t now_s, struct pollfd *ret)
{
	bool has_place = false;
	int i;

	for (i = 0; i < HTTP_CLIENTS; i++) {
		const struct http_client *client = &http->clients[i];

		has_place |= client->fd < 0;
		ret[i + 1] = (struct pollfd){.fd = client->fd,
					     .events = client->reply ? POLLOUT : POLLIN};
	}
	ret[0] = (struct pollfd){.fd = has_place && now_s >= http->deaf_until_s ? http->listener
										: -1,
				 .events = POLLIN};
}

void http_run(struct http *http, const struct pollfd *fds, int64_t now_s, http_page_fn *page,
	      void *context)
{
	int i;

	for (i = 0; i < HTTP_CLIENTS; i++) {
		if (http->clients[i].fd >= 0)
			serve(&http->clients[i], fds[i + 1].revents, now_s, page, context);
	}
	if (fds[0].revents)
		accept_one(http, now_s);
}
