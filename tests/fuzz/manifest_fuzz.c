/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a manifest: reading ends, leaks nothing, and either gives diagnostics that can be
 * printed as text and as JSON, or a manifest that is written and read back to the same text.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static char *write_text(const struct xfn_manifest *manifest, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	check(out && !xfn_manifest_write(manifest, out));
	fclose(out);
	return text;
}

static void check_round_trip(const struct xfn_manifest *manifest)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *again = NULL;
	size_t len, again_len;
	char *text = write_text(manifest, &len), *again_text;

	check(!xfn_manifest_parse("written", text, len, &diags, &again));
	again_text = write_text(again, &again_len);
	check(len == again_len && !memcmp(text, again_text, len));
	xfn_manifest_free(again);
	free(again_text);
	free(text);
}

static void check_diags(const struct xfn_diag_list *diags, const char *text, size_t len)
{
	static FILE *nowhere;
	json_t *details = NULL;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	check(nowhere && diags->count);
	xfn_diag_print(nowhere, diags, text, len);
	check(!xfn_diag_list_json(diags, &details));
	json_decref(details);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *manifest = NULL;
	const char *text = (const char *)data;
	long live = xfn_alloc_live();
	int err = xfn_manifest_parse("fuzz", text, size, &diags, &manifest);

	if (err) {
		check(err == -EINVAL && !manifest);
		check_diags(&diags, text, size);
	} else {
		check(!diags.count && !diags.more);
		check_round_trip(manifest);
	}
	xfn_manifest_free(manifest);
	xfn_diag_list_fini(&diags);
	check(xfn_alloc_live() == live);
	return 0;
}
