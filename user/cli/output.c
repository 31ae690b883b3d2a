/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "diag.h"
#include "output.h"

void xfn_say(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("xfn: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int xfn_misuse(const char *verb, const char *format, ...)
{
	va_list args;

	fputs("xfn: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nxfn help%s%s\n", *verb ? " " : "", verb);
	return XFN_EXIT_USAGE;
}

int xfn_print_json(const json_t *json)
{
	if (json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) < 0)
		return XFN_EXIT_FAILED;
	putchar('\n');
	return XFN_EXIT_OK;
}

int xfn_print_json_new(json_t *json)
{
	int code = json ? xfn_print_json(json) : XFN_EXIT_FAILED;

	json_decref(json);
	return code;
}

/* What helps after an error of the daemon, by its code; the daemon may name something better. */
static const char *next_command(const struct xfn_cli *cli, const char *code)
{
	static const struct {
		const char *code, *command;
	} next[] = {
		{"no_such_function", "xfn ls"},
		{"no_such_interface", "ip -br link"},
		{"no_such_set", "xfn ls"},
		{"not_attached", "xfn"},
		{"attached", "xfn"},
		{"over_capacity", "xfn"},
		{"not_kernel", "xfn ls"},
		{"attach", "xfn doctor"},
		{"no_native_xdp", "xfn doctor"},
		{"xdp_busy", "xfn doctor"},
		{"mtu", "xfn doctor"},
		{"pending", "xfn confirm"},
		{"nothing_pending", "xfn history"},
		{"no_such_revision", "xfn history"},
		{"damaged", "xfn history"},
		{"live", "xfn history"},
	};
	static char sudo[1100];

	if (strcmp(code, "not_allowed") == 0) {
		snprintf(sudo, sizeof(sudo), "sudo %s", cli->command);
		return sudo;
	}
	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++)
		if (strcmp(next[i].code, code) == 0)
			return next[i].command;
	return NULL;
}

static int exit_code_for(long http_status)
{
	if (http_status < 400)
		return XFN_EXIT_OK;
	return http_status == 404 ? XFN_EXIT_NO_SUCH : XFN_EXIT_FAILED;
}

/* What the verifier said, line by line. The object's author chose some of its bytes. */
static void print_log(const char *log)
{
	bool at_start = true;

	for (; *log; log++) {
		if (at_start)
			fputs("    ", stderr);
		at_start = *log == '\n';
		fputc((unsigned char)*log < ' ' && *log != '\n' ? ' ' : *log, stderr);
	}
	if (!at_start)
		fputc('\n', stderr);
}

/* Each place, with its line where that is of the text at hand. */
static void print_places(const struct xfn_cli *cli, const struct xfn_diag_list *diags)
{
	struct xfn_diag_list one = {.count = 1};
	const char *file;
	bool same;

	for (unsigned i = 0; i < diags->count; i++) {
		file = diags->items[i].file;
		same = cli->text_name && file && strcmp(file, cli->text_name) == 0;
		one.items[0] = diags->items[i];
		one.more = i + 1 == diags->count ? diags->more : 0;
		xfn_diag_print(stderr, &one, same ? cli->text : NULL, cli->text_bytes);
	}
}

int xfn_print_error(const struct xfn_cli *cli, long http_status, const json_t *body)
{
	const json_t *error = json_object_get(body, "error");
	const json_t *details = json_object_get(error, "details");
	const char *hint = xfn_json_text(error, "hint");
	const char *message = xfn_json_text(error, "message");
	struct xfn_diag_list diags = {0};

	if (cli->json && body) {
		xfn_print_json(body);
		return exit_code_for(http_status);
	}
	fflush(stdout);
	if (json_array_size(details) && xfn_diag_list_add_json(&diags, details) == 0)
		print_places(cli, &diags);
	xfn_diag_list_fini(&diags);
	print_log(xfn_json_text(error, "log"));
	if (*message)
		xfn_say("%s", message);
	else if (!body)
		xfn_say("xfnd answered with HTTP status %ld and what cannot be read; xfn journal "
			"tells what was done",
			http_status);
	else
		xfn_say("xfnd answered with HTTP status %ld and no reason", http_status);
	if (!*hint)
		hint = next_command(cli, xfn_json_text(error, "code"));
	if (hint)
		fprintf(stderr, "%s\n", hint);
	return exit_code_for(http_status);
}

/* ---- outline -----------------------------------------------------------------------------------*/

static void print_scalar(FILE *out, const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_null(value) || (text && !*text))
		fputs("-", out);
	else if (text)
		fputs(text, out);
	else
		json_dumpf(value, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

static bool is_flat(const json_t *value)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return !json_is_object(value) || !json_object_size(value);
	json_array_foreach (value, i, item)
		if (json_is_object(item) || json_is_array(item))
			return false;
	return true;
}

/* In quotes where it could be read as two items, or as none. */
static void print_item(FILE *out, const json_t *item)
{
	const char *text = json_string_value(item);

	if (text && (!*text || text[strcspn(text, ", \t\n\"")]))
		json_dumpf(item, out, JSON_ENCODE_ANY);
	else
		print_scalar(out, item);
}

static void print_flat(FILE *out, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (json_is_object(value)) {
		fputs("-", out);
	} else if (!json_is_array(value)) {
		print_scalar(out, value);
	} else if (!json_array_size(value)) {
		fputs("-", out);
	} else {
		json_array_foreach (value, i, item) {
			fputs(i ? ", " : "", out);
			print_item(out, item);
		}
	}
	fputc('\n', out);
}

void xfn_print_outline(FILE *out, const json_t *value, int depth)
{
	const char *key;
	json_t *item, *object = (json_t *)(uintptr_t)value;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach (object, key, item) {
			fprintf(out, "%*s%s:", depth * 2, "", key);
			if (is_flat(item)) {
				fputc(' ', out);
				print_flat(out, item);
			} else {
				fputc('\n', out);
				xfn_print_outline(out, item, depth + 1);
			}
		}
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, item) {
			if (i && json_is_object(item))
				fputc('\n', out);
			xfn_print_outline(out, item, depth);
		}
	} else {
		fprintf(out, "%*s", depth * 2, "");
		print_flat(out, value);
	}
}

/* ---- members -----------------------------------------------------------------------------------*/

__u64 xfn_json_count(const json_t *object, const char *key)
{
	return (__u64)json_integer_value(json_object_get(object, key));
}

const char *xfn_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

__u64 xfn_json_sum(const json_t *object)
{
	json_t *value, *members = (json_t *)(uintptr_t)object;
	const char *key;
	__u64 sum = 0;

	json_object_foreach (members, key, value)
		sum += (__u64)json_integer_value(value);
	return sum;
}

const char *xfn_function_label(const json_t *function, char *buf, size_t size)
{
	const char *tenant = xfn_json_text(function, "tenant");
	const char *name = xfn_json_text(function, "name");

	if (!*tenant || strcmp(tenant, "default") == 0)
		return name;
	snprintf(buf, size, "%s/%s", tenant, name);
	return buf;
}

size_t xfn_screen_width(void)
{
	const char *columns = getenv("COLUMNS");
	unsigned long width = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return width >= 40 && width <= 1000 ? width : 100;
}
