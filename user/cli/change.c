/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "client.h"
#include "consent.h"
#include "manifest.h"
#include "output.h"
#include "programs.h"
#include "table.h"
#include "utf8.h"

enum { OBJECT_BYTES = 32 << 20, OBJECTS_MAX = 1000, NAMES_SHOWN = 8 };

/* ---- sending -----------------------------------------------------------------------------------*/

struct parts {
	struct xfn_upload_part *items;
	size_t count;
};

static void free_parts(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		free((void *)(uintptr_t)parts->items[i].data);
	free(parts->items);
}

char *xfn_change_path(const char *manifest, const char *object)
{
	const char *slash = strrchr(manifest, '/');
	char *path = NULL;

	if (*object == '/' || !slash)
		return strdup(object);
	if (asprintf(&path, "%.*s/%s", (int)(slash - manifest), manifest, object) < 0)
		return NULL;
	return path;
}

/*
 * The absolute path, without links, of the directory that @manifest is in, to be freed; NULL where it has
 * none that can be told. What comes through a pipe is taken to be where we are.
 */
static char *folder_of(const char *manifest)
{
	const char *slash = strrchr(manifest, '/');
	char *typed = strndup(manifest, slash ? slash - manifest + 1 : 0);
	char *folder = typed ? realpath(*typed ? typed : ".", NULL) : NULL;

	free(typed);
	if (folder && (strcmp(folder, "/dev") == 0 || strncmp(folder, "/proc/", 6) == 0)) {
		free(folder);
		folder = realpath(".", NULL);
	}
	if (!folder || xfn_utf8_is_plain(folder, strlen(folder)))
		return folder;
	free(folder);
	return NULL;
}

/* Not sent where it is not known: the daemon says so if it needs it. */
static void add_folder(struct xfn_cli *cli, struct parts *parts)
{
	char *folder = folder_of(cli->words[0]);

	if (folder)
		parts->items[parts->count++] = (struct xfn_upload_part){
			.part = "folder", .name = "folder", .data = folder, .size = strlen(folder)};
}

static int add_object(struct xfn_cli *cli, struct parts *parts, const char *name)
{
	struct xfn_upload_part *grown;
	char *path, *data;
	size_t size;
	int code;

	/* In a multipart heading these would not come out as they went in. */
	if (name[strcspn(name, "\"\r\n")]) {
		xfn_say("cannot send object '%s': its name has a quote or a line break", name);
		return XFN_EXIT_FAILED;
	}
	grown = reallocarray(parts->items, parts->count + 1, sizeof(*grown));
	if (!grown)
		return XFN_EXIT_FAILED;
	parts->items = grown;
	path = xfn_change_path(cli->words[0], name);
	if (!path)
		return XFN_EXIT_FAILED;
	code = xfn_read_file(path, OBJECT_BYTES, &data, &size);
	free(path);
	if (code == XFN_EXIT_OK)
		parts->items[parts->count++] = (struct xfn_upload_part){
			.part = "object", .name = name, .data = data, .size = size};
	return code == XFN_EXIT_NO_SUCH ? XFN_EXIT_FAILED : code;
}

static int add_objects(struct xfn_cli *cli, struct parts *parts, const json_t *names)
{
	const json_t *name;
	size_t i;
	int code;

	if (json_array_size(names) == 0 || json_array_size(names) > OBJECTS_MAX) {
		xfn_say("cannot send %zu objects: expected 1 to %d", json_array_size(names),
			OBJECTS_MAX);
		return XFN_EXIT_FAILED;
	}
	json_array_foreach (names, i, name) {
		if (!json_is_string(name))
			continue;
		code = add_object(cli, parts, json_string_value(name));
		if (code != XFN_EXIT_OK)
			return code;
	}
	return XFN_EXIT_OK;
}

static int send_parts(struct xfn_cli *cli, const char *path, json_t **ret)
{
	struct xfn_answer answer = {0}, needed = {0};
	struct parts parts = {0};
	struct xfn_call call = {.path = path, .post = true};
	int code;

	parts.items = calloc(2, sizeof(*parts.items));
	if (!parts.items)
		return XFN_EXIT_FAILED;
	parts.items[parts.count++] = (struct xfn_upload_part){.part = "manifest",
							      .name = cli->words[0],
							      .data = cli->text,
							      .size = cli->text_bytes};
	add_folder(cli, &parts);
	call.parts = parts.items;
	call.part_count = parts.count;
	code = xfn_call_raw(cli, &call, &answer);
	if (code == XFN_EXIT_OK && answer.http_status == 428) {
		needed = answer; /* the names of the objects live in it */
		answer = (struct xfn_answer){0};
		code = add_objects(
			cli, &parts,
			json_object_get(json_object_get(needed.body, "error"), "objects"));
		call.parts = parts.items;
		call.part_count = parts.count;
		if (code == XFN_EXIT_OK)
			code = xfn_call_raw(cli, &call, &answer);
	}
	if (code == XFN_EXIT_OK && (answer.http_status >= 400 || !answer.body)) {
		code = xfn_print_error(cli, answer.http_status, answer.body);
		code = code ? code : XFN_EXIT_FAILED;
	} else if (code == XFN_EXIT_OK) {
		*ret = json_incref(answer.body);
	}
	xfn_answer_fini(&answer);
	xfn_answer_fini(&needed);
	parts.items[0].data = NULL; /* the manifest's text belongs to the caller */
	free_parts(&parts);
	return code;
}

/* Behind those of the daemon, which opens no file of ours. */
static void add_warnings(const struct xfn_cli *cli, json_t *answer)
{
	char *folder = folder_of(cli->words[0]);

	xfn_programs_warn(cli->words[0], cli->text, cli->text_bytes, folder,
			  json_object_get(answer, "warnings"));
	free(folder);
}

int xfn_change_send(struct xfn_cli *cli, const char *verb, json_t **ret)
{
	char base[32], *text, *path;
	size_t size;
	int code;

	if (cli->keep && cli->overwrite)
		return xfn_misuse(verb, "'%s' takes --keep or --overwrite, not both", verb);
	code = xfn_consent_check(cli, verb);
	if (code != XFN_EXIT_OK)
		return code;
	code = xfn_read_file(cli->words[0], XFN_MANIFEST_BYTES_MAX, &text, &size);
	if (code != XFN_EXIT_OK)
		return code;
	cli->text = text;
	cli->text_bytes = size;
	cli->text_name = cli->words[0];
	snprintf(base, sizeof(base), "/v1/%s", verb);
	path = xfn_call_path(base, XFN_CONSENT_PAIRS(cli), "keep", cli->keep ? "1" : NULL,
			     "overwrite", cli->overwrite ? "1" : NULL, NULL);
	code = path ? send_parts(cli, path, ret) : XFN_EXIT_FAILED;
	if (code == XFN_EXIT_OK)
		add_warnings(cli, *ret);
	cli->text = NULL;
	free(path);
	free(text);
	return code;
}

/* ---- printing ----------------------------------------------------------------------------------*/

static const char *sign_of(const char *op)
{
	static const struct {
		const char *op, *sign;
	} signs[] = {{"add", "+"}, {"change", "~"}, {"remove", "-"}};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strcmp(signs[i].op, op) == 0)
			return signs[i].sign;
	return "?";
}

static void print_value(FILE *out, const json_t *value)
{
	if (json_is_string(value))
		fputs(json_string_value(value), out);
	else
		json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void print_change(struct xfn_table *table, const json_t *change)
{
	const json_t *from = json_object_get(change, "from"), *to = json_object_get(change, "to");
	bool has_from = from && !json_is_null(from), has_to = to && !json_is_null(to);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (has_from)
		print_value(out, from);
	if (has_from && has_to)
		fputs(" -> ", out);
	if (has_to)
		print_value(out, to);
	fclose(out);
	xfn_table_cell(table, "  %s", sign_of(xfn_json_text(change, "op")));
	xfn_table_cell(table, "%s", xfn_json_text(change, "kind"));
	xfn_table_cell(table, "%s", xfn_json_text(change, "name"));
	xfn_table_cell(table, "%s", text);
	free(text);
}

static bool same_default(const json_t *a, const json_t *b)
{
	return strcmp(xfn_json_text(a, "key"), xfn_json_text(b, "key")) == 0 &&
	       strcmp(xfn_json_text(a, "value"), xfn_json_text(b, "value")) == 0;
}

static bool is_first(const json_t *defaults, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_default(json_array_get(defaults, i), json_array_get(defaults, index)))
			return false;
	return true;
}

/* One default and the functions that got it, from @first on. */
static void print_default(const json_t *defaults, size_t first)
{
	const json_t *item = json_array_get(defaults, first);
	size_t named = 0;

	printf("default %s %s:", xfn_json_text(item, "key"), xfn_json_text(item, "value"));
	for (size_t i = first; i < json_array_size(defaults); i++) {
		item = json_array_get(defaults, i);
		if (!same_default(item, json_array_get(defaults, first)))
			continue;
		if (named < NAMES_SHOWN)
			printf("%s %s", named ? "," : "", xfn_json_text(item, "function"));
		named++;
	}
	/* How many is not known: the daemon names no more than some. */
	puts(named > NAMES_SHOWN ? " and others" : "");
}

/* What the manifest left out and got all the same. */
static void print_defaults(const json_t *defaults)
{
	for (size_t i = 0; i < json_array_size(defaults); i++)
		if (is_first(defaults, i))
			print_default(defaults, i);
}

/* "trigger udp/8 added" of whom: by hand, with what becomes of it. */
static void print_by_hand(const json_t *edit)
{
	static const struct {
		const char *fate, *words;
	} words[] = {{"asks", "wants --keep or --overwrite"},
		     {"kept", "kept"},
		     {"undone", "undone"},
		     {"taken_over", "is in the manifest by now"},
		     {"unfit", "no longer fits"}};
	const char *fate = xfn_json_text(edit, "fate");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].fate, fate) == 0)
			fate = words[i].words;
	printf("by hand: %s: %s (user %llu, %s, '%s'): %s\n", xfn_json_text(edit, "function"),
	       xfn_json_text(edit, "what"), xfn_json_count(edit, "uid"),
	       xfn_json_text(edit, "time"), xfn_json_text(edit, "command"), fate);
}

size_t xfn_change_print(const json_t *plan)
{
	static const struct xfn_column columns[] = {
		{"  ", XFN_LEFT}, {"KIND", XFN_LEFT}, {"NAME", XFN_LEFT}, {"WHAT", XFN_LEFT}};
	const json_t *changes = json_object_get(plan, "changes");
	const json_t *warnings = json_object_get(plan, "warnings");
	const json_t *item;
	struct xfn_table *table;
	size_t i;

	if (json_array_size(changes)) {
		table = xfn_table_new(columns, 4);
		json_array_foreach (changes, i, item)
			print_change(table, item);
		xfn_table_print(table, stdout);
		xfn_table_free(table);
	}
	json_array_foreach (json_object_get(plan, "by_hand"), i, item)
		print_by_hand(item);
	print_defaults(json_object_get(plan, "defaults"));
	json_array_foreach (warnings, i, item) {
		fputs("warning: ", stdout);
		print_value(stdout, item);
		putchar('\n');
	}
	return json_array_size(changes);
}

void xfn_change_print_confirm(const struct xfn_cli *cli)
{
	if (cli->confirm)
		printf("taken back in %s unless confirmed: xfn confirm\n", cli->confirm);
}

void xfn_change_print_edit(const struct xfn_cli *cli, const json_t *answer,
			   void (*print)(const struct xfn_cli *cli, const json_t *answer))
{
	xfn_change_print(answer);
	print(cli, answer);
	if (!json_is_false(json_object_get(answer, "changed")))
		xfn_change_print_confirm(cli);
}
