/* SPDX-License-Identifier: BSD-2-Clause */
/* zone: compiles a zone file and loads it into a resolver that xfn runs. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "args.h"
#include "errnum.h"
#include "zone.h"

#define PIN_DIR_DEFAULT "/sys/fs/bpf/xfn"

struct options {
	bool check;
	bool help;
	const char *map_dir;
	const char *pin_dir;
	const char *function;
	const char *origin;
};

static const struct xfn_option option_table[] = {
	{"check", 'c', NULL, "only read FILE and say what is wrong with it",
	 XFN_OPTION_FLAG(struct options, check)},
	{"function", 'f', "NAME", "the function whose zone it is: NAME or TENANT/NAME (resolver)",
	 XFN_OPTION_TEXT(struct options, function)},
	{"pin-dir", 'p', "DIR", "what xfnd was told (" PIN_DIR_DEFAULT ")",
	 XFN_OPTION_TEXT(struct options, pin_dir)},
	{"map-dir", 'm', "DIR", "the folder with the function's maps, instead of the two above",
	 XFN_OPTION_TEXT(struct options, map_dir)},
	{"origin", 'o', "NAME", "what relative names are relative to, until $ORIGIN",
	 XFN_OPTION_TEXT(struct options, origin)},
	{"help", 'h', NULL, "this text", XFN_OPTION_FLAG(struct options, help)},
	{NULL, 0, NULL, NULL, 0, 0},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: zone [OPTION]... FILE\n\n");
	xfn_options_print(out, option_table);
}

static void __attribute__((noreturn)) die_of_memory(void)
{
	fprintf(stderr, "zone: cannot get memory: %s\n", strerror(ENOMEM));
	exit(1);
}

void *zone_alloc(size_t bytes)
{
	void *block = calloc(1, bytes);

	if (!block)
		die_of_memory();
	return block;
}

void *zone_grow(void *array, size_t count, size_t element_bytes)
{
	array = reallocarray(array, count, element_bytes);
	if (!array)
		die_of_memory();
	return array;
}

static int read_file(const char *file, struct zone_text *text)
{
	FILE *in = fopen(file, "re");
	struct stat stat;
	char *bytes = NULL;
	int err = 0;

	if (!in || fstat(fileno(in), &stat))
		err = xfn_errno();
	else if (S_ISDIR(stat.st_mode))
		err = -EISDIR;
	else if (stat.st_size > (off_t)ZONE_FILE_BYTES_MAX)
		err = -EFBIG;
	if (!err) {
		bytes = zone_alloc(ZONE_FILE_BYTES_MAX +
				   1); /* pages that are not touched cost nothing */
		text->len = fread(bytes, 1, ZONE_FILE_BYTES_MAX + 1, in);
		if (ferror(in))
			err = -EIO;
		else if (text->len > ZONE_FILE_BYTES_MAX)
			err = -EFBIG;
	}
	if (in)
		fclose(in);
	if (err)
		fprintf(stderr, "zone: cannot read '%s': %s\n", file, strerror(-err));
	text->file = file;
	text->text = bytes;
	return err;
}

/* TENANT/NAME of NAME or TENANT/NAME. */
static const char *function_path(const char *function, char *path, size_t size)
{
	snprintf(path, size, "%s%s", strchr(function, '/') ? "" : "default/", function);
	return path;
}

/* The folder of this network namespace, if it is there. */
static bool find_here(const char *pin_dir, const char *path, char *dir, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 cookie = 0;
	socklen_t cookie_bytes = sizeof(cookie);

	if (fd < 0)
		return false;
	if (!getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &cookie_bytes))
		snprintf(dir, size, "%s/%llu/functions/%s", pin_dir, (unsigned long long)cookie,
			 path);
	close(fd);
	return cookie && !access(dir, F_OK);
}

/* PIN/<netns cookie>/functions/TENANT/NAME, for this namespace or else the only one there is. */
static int find_map_dir(const struct options *options, char *dir, size_t size)
{
	const char *pin_dir = options->pin_dir ? options->pin_dir : PIN_DIR_DEFAULT;
	const char *function = options->function ? options->function : "resolver";
	char path[256];
	glob_t found;
	int err;

	function_path(function, path, sizeof(path));
	if (find_here(pin_dir, path, dir, size))
		return 0;
	snprintf(dir, size, "%s/*/functions/%s", pin_dir, path);
	err = glob(dir, 0, NULL, &found);
	if (!err && found.gl_pathc == 1)
		snprintf(dir, size, "%s", found.gl_pathv[0]);
	else if (!err)
		fprintf(stderr,
			"zone: '%s' is in %zu network namespaces: run this in one of them, or say "
			"--map-dir\n",
			path, found.gl_pathc);
	else
		fprintf(stderr, "zone: no function '%s' below '%s': xfn apply it first\n", path,
			pin_dir);
	err = err || found.gl_pathc != 1 ? -ENOENT : 0;
	globfree(&found);
	return err;
}

static int compile(const struct options *options, const struct zone_text *text,
		   struct zone_image *image)
{
	struct xfn_diag_list diags;
	struct zone_tree tree = {};
	struct name origin;
	const char *why;
	int err;

	if (options->origin && name_parse(options->origin, strlen(options->origin),
					  &(struct name){.bytes = 1}, &origin, &why)) {
		fprintf(stderr, "zone: origin '%s' %s\n", options->origin, why);
		return -EINVAL;
	}
	xfn_diag_list_init(&diags);
	err = zone_parse(text, options->origin ? &origin : NULL, &tree, &diags);
	if (!err)
		err = zone_compile(text, &tree, image, &diags);
	xfn_diag_list_sort(&diags);
	xfn_diag_print(stderr, &diags, text->text, text->len);
	xfn_diag_list_fini(&diags);
	return err;
}

static void report(const struct zone_image *image, const char *done)
{
	struct name apex = {.bytes = image->zone.apex_bytes, .labels = image->zone.apex_labels};
	char text[NAME_TEXT_MAX];

	memcpy(apex.wire, image->zone.apex, apex.bytes);
	printf("%s serial %u: %zu names, %zu answers, %s\n", name_print(&apex, text),
	       image->zone.serial, image->entry_count, image->answer_count, done);
}

static int run(const struct options *options, const char *file)
{
	struct zone_image image = {};
	char map_dir[4096], error[512];
	struct zone_text text;

	if (read_file(file, &text) || compile(options, &text, &image))
		return 1;
	if (options->check) {
		report(&image, "good");
		return 0;
	}
	if (options->map_dir)
		snprintf(map_dir, sizeof(map_dir), "%s", options->map_dir);
	else if (find_map_dir(options, map_dir, sizeof(map_dir)))
		return 3;
	if (zone_load(map_dir, &image, error, sizeof(error))) {
		fprintf(stderr, "zone: %s\n", error);
		return 1;
	}
	report(&image, "live");
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {};
	struct xfn_option_set set = {.options = option_table, .target = &options};
	struct xfn_args_error error;
	struct xfn_args args;
	int status = 2;

	if (xfn_args_parse(argc - 1, argv + 1, &set, 1, false, &args, &error)) {
		fprintf(stderr, "zone: %s\n", error.text);
		return 2;
	}
	if (options.help)
		usage(stdout);
	else if (args.count != 1)
		usage(stderr);
	else
		status = run(&options, args.words[0]);
	xfn_args_fini(&args);
	return options.help ? 0 : status;
}
