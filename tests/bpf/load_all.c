/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads objects as they are, each by itself, so that this kernel's verifier has its say. */
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "suites.h"
#include "tap.h"

#define SUFFIX ".bpf.o"

static char last_warning[300];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN) {
		va_list again;

		va_copy(again, args);
		vsnprintf(last_warning, sizeof(last_warning), format, again);
		va_end(again);
		last_warning[strcspn(last_warning, "\n")] = '\0';
		return vfprintf(stderr, format, args);
	}
	return 0;
}

static bool has_suffix(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(SUFFIX) && !strcmp(name + length - strlen(SUFFIX), SUFFIX);
}

/* As the loader does: one flavour for all that share a program array. */
static void load_object(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int err;

	last_warning[0] = '\0';
	if (!test_expect(object, "cannot be opened"))
		return;
	bpf_object__for_each_program (program, object) {
		if (bpf_program__type(program) == BPF_PROG_TYPE_XDP)
			bpf_program__set_expected_attach_type(program, 0);
	}
	err = bpf_object__load(object);
	test_expect(!err, "error %d: %s", err, last_warning);
	bpf_object__close(object);
}

/* Objects named refused_... are made to be refused: see suite_refused.c. */
int load_all(char *const *folders, int count)
{
	FTS *tree;
	FTSENT *entry;

	libbpf_set_print(keep_warning);
	tree = count ? fts_open(folders, FTS_PHYSICAL, NULL) : NULL;
	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_F || !has_suffix(entry->fts_name) ||
		    !strncmp(entry->fts_name, "refused_", 8))
			continue;
		test_begin("load %s", entry->fts_path);
		load_object(entry->fts_accpath);
		test_end();
	}
	if (tree)
		fts_close(tree);
	return test_finish();
}
