/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a CSV of triggers: reading ends, leaks nothing, and gives either diagnostics, each at a
 * place in the text, or triggers that are printed and read back one by one as the same triggers.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "fragment.h"
#include "trigger_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_trigger(const struct xfn_manifest *fragment,
			  const struct xfn_trigger_spec *trigger)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *again = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	check(out && trigger->line && trigger->port_lo && trigger->port_lo <= trigger->port_hi);
	xfn_trigger_write(fragment, trigger, out);
	fclose(out);
	check(!xfn_fragment_trigger("again", text, len, NULL, &diags, &again));
	check(xfn_trigger_equal(fragment, trigger, again, again->triggers));
	check(xfn_trigger_hash(fragment, trigger) == xfn_trigger_hash(again, again->triggers));
	xfn_manifest_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *fragment = NULL;
	long live = xfn_alloc_live();
	int err = xfn_fragment_csv("fuzz.csv", (const char *)data, size, NULL, &diags, &fragment);

	check(err == 0 || err == -EINVAL);
	check(err ? diags.count && !fragment : !diags.count && fragment);
	for (size_t i = 0; !err && i < fragment->trigger_count && i < 100; i++)
		check_trigger(fragment, &fragment->triggers[i]);
	for (unsigned i = 0; i < diags.count; i++)
		check(diags.items[i].line);
	xfn_manifest_free(fragment);
	xfn_diag_list_fini(&diags);
	check(xfn_alloc_live() == live);
	return 0;
}
