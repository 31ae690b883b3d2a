/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "client.h"
#include "consent.h"
#include "output.h"

enum {
	CONNECT_TIMEOUT_S = 5,
	ANSWER_TIMEOUT_S = 120,
	ANSWER_BYTES = 256 << 20,
};

struct bytes {
	char *data;
	size_t size;
};

static size_t take_bytes(char *data, size_t one, size_t size, void *context)
{
	struct bytes *bytes = context;
	char *grown;

	(void)one;
	if (size > ANSWER_BYTES - bytes->size)
		return 0;
	grown = realloc(bytes->data, bytes->size + size + 1);
	if (!grown)
		return 0;
	memcpy(grown + bytes->size, data, size);
	bytes->data = grown;
	bytes->size += size;
	grown[bytes->size] = '\0';
	return size;
}

/* ---- when there is no answer -------------------------------------------------------------------*/

/* The daemon's socket is RUN_DIR/xfn.sock. */
static void suggest_start(const struct xfn_cli *cli)
{
	const char *slash = strrchr(cli->socket, '/');
	const char *sudo = geteuid() == 0 ? "" : "sudo ";

	if (strcmp(cli->socket, XFN_SOCKET_DEFAULT) == 0 || !slash || slash == cli->socket)
		fprintf(stderr, "%sxfnd\n", sudo);
	else
		fprintf(stderr, "%sxfnd --run-dir %.*s\n", sudo, (int)(slash - cli->socket),
			cli->socket);
}

static void print_unreachable(const struct xfn_cli *cli)
{
	if (cli->json)
		printf("{\"error\":{\"code\":\"not_reachable\",\"message\":\"cannot reach xfnd\","
		       "\"details\":[]}}\n");
}

static void say_closed(const struct xfn_cli *cli, const char *path, int os_error,
		       const char *reason)
{
	xfn_say("cannot reach xfnd at '%s': %s", path, reason);
	if (os_error == EACCES || os_error == EPERM)
		fprintf(stderr, "sudo %s\n", cli->command);
	else
		suggest_start(cli);
}

static int say_unreachable(const struct xfn_cli *cli, CURL *curl, CURLcode result)
{
	long os_error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	print_unreachable(cli);
	if (result != CURLE_COULDNT_CONNECT) {
		xfn_say("no answer from xfnd at '%s': %s", cli->socket, curl_easy_strerror(result));
		return XFN_EXIT_UNREACHABLE;
	}
	say_closed(cli, cli->socket, (int)os_error,
		   os_error ? strerror((int)os_error) : curl_easy_strerror(result));
	return XFN_EXIT_UNREACHABLE;
}

int xfn_say_unreachable(const struct xfn_cli *cli, const char *path, int os_error)
{
	print_unreachable(cli);
	say_closed(cli, path, os_error, strerror(os_error));
	return XFN_EXIT_UNREACHABLE;
}

/* ---- asking ------------------------------------------------------------------------------------*/

static CURL *new_request(const struct xfn_cli *cli, const char *path, struct curl_slist **headers)
{
	CURL *curl = curl_easy_init();
	char *url = NULL, *command = NULL;

	if (!curl || asprintf(&url, "http://xfnd%s", path) < 0)
		goto err;
	if (asprintf(&command, "Xfn-Command: %s", cli->command) < 0)
		goto err;
	*headers = curl_slist_append(*headers, command);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	free(command);
	free(url);
	return curl;
err:
	free(url);
	curl_easy_cleanup(curl);
	xfn_say("out of memory");
	return NULL;
}

/* So that the daemon can tell which session is the user's own. */
static struct curl_slist *add_session(struct curl_slist *headers)
{
	char ssh[200], header[sizeof(ssh) + 32];

	if (!xfn_ssh_connection(ssh, sizeof(ssh)))
		return headers;
	snprintf(header, sizeof(header), "Xfn-Ssh-Connection: %s", ssh);
	return curl_slist_append(headers, header);
}

static curl_mime *make_mime(CURL *curl, const struct xfn_call *call)
{
	curl_mime *mime = curl_mime_init(curl);

	for (size_t i = 0; mime && i < call->part_count; i++) {
		const struct xfn_upload_part *from = &call->parts[i];
		curl_mimepart *part = curl_mime_addpart(mime);

		if (!part || curl_mime_name(part, from->part) ||
		    curl_mime_filename(part, from->name) ||
		    curl_mime_data(part, from->size ? from->data : "", from->size)) {
			curl_mime_free(mime);
			return NULL;
		}
	}
	return mime;
}

int xfn_call_raw(const struct xfn_cli *cli, const struct xfn_call *call, struct xfn_answer *ret)
{
	struct curl_slist *headers = NULL;
	CURL *curl = new_request(cli, call->path, &headers);
	struct bytes bytes = {0};
	curl_mime *mime = NULL;
	char *text = NULL;
	int code = XFN_EXIT_FAILED;
	CURLcode result;

	if (!curl)
		goto out;
	if (call->post)
		headers = add_session(headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &bytes);
	if (call->parts) {
		mime = make_mime(curl, call);
		if (!mime)
			goto out;
		curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
	} else if (call->post) {
		text = call->body ? json_dumps(call->body, JSON_COMPACT) : strdup("{}");
		if (!text)
			goto out;
		headers = curl_slist_append(headers, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);

	result = curl_easy_perform(curl);
	if (result != CURLE_OK) {
		code = say_unreachable(cli, curl, result);
		goto out;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->http_status);
	ret->body = bytes.data ? json_loadb(bytes.data, bytes.size, 0, NULL) : NULL;
	code = XFN_EXIT_OK;
out:
	curl_mime_free(mime);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(bytes.data);
	free(text);
	return code;
}

void xfn_answer_fini(struct xfn_answer *answer)
{
	json_decref(answer->body);
	*answer = (struct xfn_answer){0};
}

int xfn_call(const struct xfn_cli *cli, const struct xfn_call *call, json_t **ret)
{
	struct xfn_answer answer = {0};
	int code = xfn_call_raw(cli, call, &answer);

	if (code != XFN_EXIT_OK)
		return code;
	if (answer.http_status >= 400 || !answer.body) {
		code = xfn_print_error(cli, answer.http_status, answer.body);
		xfn_answer_fini(&answer);
		return code ? code : XFN_EXIT_FAILED;
	}
	*ret = answer.body;
	return XFN_EXIT_OK;
}

int xfn_get(const struct xfn_cli *cli, const char *path, json_t **ret)
{
	if (!path) {
		xfn_say("out of memory");
		return XFN_EXIT_FAILED;
	}
	return xfn_call(cli, &(struct xfn_call){.path = path}, ret);
}

char *xfn_call_path(const char *base, ...)
{
	const char *key, *value;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	char separator = '?';
	va_list args;

	if (!out)
		return NULL;
	fputs(base, out);
	va_start(args, base);
	while ((key = va_arg(args, const char *))) {
		char *escaped;

		value = va_arg(args, const char *);
		if (!value)
			continue;
		escaped = curl_easy_escape(NULL, value, 0);
		fprintf(out, "%c%s=%s", separator, key, escaped ? escaped : "");
		curl_free(escaped);
		separator = '&';
	}
	va_end(args);
	fclose(out);
	return text;
}

/* ---- streams -----------------------------------------------------------------------------------*/

struct lines {
	xfn_line_fn *fn;
	void *context;
	CURL *curl;
	struct bytes rest;                 /* a line that is not complete yet */
	const volatile sig_atomic_t *stop; /* or NULL */
	struct bytes error;                /* the body of an answer that is not a stream */
};

static size_t take_lines(char *data, size_t one, size_t size, void *context)
{
	struct lines *lines = context;
	char *start, *end;
	long status = 0;

	curl_easy_getinfo(lines->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 400)
		return take_bytes(data, one, size, &lines->error);
	if (take_bytes(data, one, size, &lines->rest) != size)
		return 0;
	for (start = lines->rest.data; (end = strchr(start, '\n')); start = end + 1) {
		*end = '\0';
		if (*start)
			lines->fn(lines->context, start);
	}
	lines->rest.size = strlen(start);
	memmove(lines->rest.data, start, lines->rest.size + 1);
	return size;
}

static int look_for_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct lines *lines = context;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return lines->stop && *lines->stop;
}

int xfn_get_lines(const struct xfn_cli *cli, const char *path, xfn_line_fn *fn, void *context)
{
	return xfn_get_lines_until(cli, path, fn, context, NULL);
}

int xfn_get_lines_until(const struct xfn_cli *cli, const char *path, xfn_line_fn *fn, void *context,
			const volatile sig_atomic_t *stop)
{
	struct curl_slist *headers = NULL;
	CURL *curl = path ? new_request(cli, path, &headers) : NULL;
	struct lines lines = {.fn = fn, .context = context, .curl = curl, .stop = stop};
	int code = XFN_EXIT_OK;
	long status = 0;
	CURLcode result;

	if (!curl)
		return XFN_EXIT_FAILED;
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_lines);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &lines);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_for_stop);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &lines);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (result != CURLE_OK && !look_for_stop(&lines, 0, 0, 0, 0)) {
		code = say_unreachable(cli, curl, result);
	} else if (status >= 400) {
		json_t *body = lines.error.data ? json_loads(lines.error.data, 0, NULL) : NULL;

		code = xfn_print_error(cli, status, body);
		json_decref(body);
	}
	free(lines.rest.data);
	free(lines.error.data);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return code;
}

/* ---- files -------------------------------------------------------------------------------------*/

int xfn_read_file(const char *path, size_t max, char **ret, size_t *ret_size)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	char *data = NULL, *grown;
	size_t size = 0, room = 0, got = 1;

	if (!in) {
		int err = errno;

		xfn_say("cannot read '%s': %s", path, strerror(err));
		return err == ENOENT ? XFN_EXIT_NO_SUCH : XFN_EXIT_FAILED;
	}
	while (got > 0 && size <= max) {
		if (room - size < 2) {
			room = room ? 2 * room : 64 << 10;
			grown = realloc(data, room);
			if (!grown)
				goto err;
			data = grown;
		}
		errno = 0;
		got = fread(data + size, 1, room - size - 1, in);
		size += got;
	}
	if (ferror(in) || size > max)
		goto err;
	if (!is_stdin)
		fclose(in);
	data[size] = '\0';
	*ret = data;
	*ret_size = size;
	return XFN_EXIT_OK;
err:
	xfn_say("cannot read '%s': %s", path,
		size > max ? "too large" : strerror(errno ? errno : ENOMEM));
	if (!is_stdin)
		fclose(in);
	free(data);
	return XFN_EXIT_FAILED;
}
