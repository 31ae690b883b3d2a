/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "schema.h"

static void test_schema_shape(void **state)
{
	size_t count, rows = 0;

	(void)state;
	for (unsigned section = 0; section < XFN_SECTIONS; section++) {
		const struct xfn_schema_row *row = xfn_schema_section_rows(section, &count);

		assert_in_range(count, 1, XFN_SECTION_KEYS_MAX);
		rows += count;
		for (; count; count--, row++) {
			assert_non_null(row->doc);
			assert_int_equal(row->section, section);
			assert_true(!row->takes || row->form);
			assert_true(!(row->takes & XFN_FORM_SCALAR) || row->read);
			assert_true(!(row->takes & XFN_FORM_LIST) || row->items);
			assert_true(row->read || !(row->items & XFN_FORM_SCALAR));
			assert_true(!row->free_keys ||
				    (row->items && row->items_max <= XFN_FREE_KEYS_MAX));
		}
	}
	xfn_schema_rows(&count);
	assert_int_equal(rows, count); /* those of a section lie together */
}

/*
 * Every default of the schema that is one value stands here, as the schema prints it; all of it read
 * is what nothing said is.
 */
static const char defaults_said[] =
	"version: 1\nset: main\nattach: [{interface: e, mode: native, coexist: "
	"false}]\nfunctions:\n"
	"- {name: a, tenant: default, enabled: true, disabled: pass, kernel: a.o,\n"
	"   trigger: {protocol: udp, port: 1, source: any, vlan: none},\n"
	"   limit: {rate: 1/s, burst: 1, excess: drop, packets: false,\n"
	"     per_source: {rate: 20/s, burst: 2, prefix4: 32, prefix6: 64, entries: 65536}},\n"
	"   latency: {sample: 16, deadline: 1s}}\n"
	"- {name: b, trigger: udp/2, scale: {min: 1},\n"
	"   xsk: {exec: ./b, directory: /, oneway: false,\n"
	"     busy_poll: false, need_wakeup: true, park: {events: 1024, age: 10s}, processes: "
	"128}}\n"
	"- {name: c, trigger: udp/3, socket: {exec: ./c, notify: false}}\n";
static const char defaults_unsaid[] = "version: 1\nattach: [e]\nfunctions:\n"
				      "- {name: a, trigger: udp/1, kernel: a.o,\n"
				      "   limit: {rate: 1/s, per_source: 20/s}}\n"
				      "- {name: b, trigger: udp/2, xsk: ./b}\n"
				      "- {name: c, trigger: udp/3, socket: [./c]}\n";

static struct xfn_manifest *parse(const char *text)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *manifest = NULL;

	assert_int_equal(xfn_manifest_parse("t", text, strlen(text), &diags, &manifest), 0);
	return manifest;
}

static void compare_defaults(void)
{
	struct xfn_manifest *said = parse(defaults_said), *unsaid = parse(defaults_unsaid);
	const struct xfn_function_spec *a = said->functions, *b = unsaid->functions;
	struct xfn_trigger_spec x = said->triggers[0], y = unsaid->triggers[0];

	assert_string_equal(said->set, unsaid->set);
	assert_int_equal(said->attach[0].mode, unsaid->attach[0].mode);
	assert_int_equal(said->attach[0].coexist, unsaid->attach[0].coexist);
	assert_string_equal(a->tenant, b->tenant);
	assert_int_equal(a->enabled, b->enabled);
	assert_int_equal(a->disabled_drops, b->disabled_drops);
	assert_memory_equal(&a->limit.rate, &b->limit.rate, sizeof(a->limit.rate));
	assert_int_equal(a->limit.burst, b->limit.burst);
	assert_int_equal(a->limit.excess, b->limit.excess);
	assert_int_equal(a->limit.packets, b->limit.packets);
	assert_memory_equal(&a->limit.per_source, &b->limit.per_source,
			    sizeof(a->limit.per_source));
	assert_int_equal(a->latency.sample, b->latency.sample);
	assert_int_equal(a->latency.deadline_ns, b->latency.deadline_ns);
	x.line = y.line;
	x.column = y.column;
	assert_memory_equal(&x, &y, sizeof(x));
	assert_int_equal(a[1].xsk.one_way, b[1].xsk.one_way);
	assert_int_equal(a[1].exec.processes, b[1].exec.processes);
	assert_string_equal(a[1].exec.directory, "/");
	assert_null(b[1].exec.directory); /* which is as good */
	assert_int_equal(a[1].scale_min, b[1].scale_min);
	assert_int_equal(a[2].socket.notify, b[2].socket.notify);
	xfn_manifest_free(said);
	xfn_manifest_free(unsaid);
}

static void test_defaults(void **state)
{
	size_t count;
	const struct xfn_schema_row *row = xfn_schema_rows(&count);
	char said[128];

	(void)state;
	for (; count; count--, row++) {
		if (!row->fallback || strchr(row->fallback, ' '))
			continue; /* none, or one that is computed */
		snprintf(said, sizeof(said), "%s: %s", row->key, row->fallback);
		if (!strstr(defaults_said, said))
			fail_msg("'%s' is a default that is not tested", said);
	}
	compare_defaults();
}

/* The manual page has each key as an item, and says of each that is for later that it is. */
static void test_manual_page(void **state)
{
	FILE *in = fopen("docs/man/xfn.yaml.5", "r");
	static char page[65536];
	size_t count, len;
	const struct xfn_schema_row *row = xfn_schema_rows(&count);
	const char *later;
	char item[64];

	(void)state;
	assert_non_null(in);
	len = fread(page, 1, sizeof(page) - 1, in);
	fclose(in);
	page[len] = '\0';
	later = strstr(page, "\n.Sh NOT YET SUPPORTED\n");
	assert_non_null(later);
	for (; count; count--, row++) {
		snprintf(item, sizeof(item), "\n.It Cm %s", row->key);
		if (!strstr(row->takes ? page : later, item))
			fail_msg("xfn.yaml.5 does not have '%s'", row->key);
		if (row->fallback && !strstr(page, row->fallback))
			fail_msg("xfn.yaml.5 does not have the default of '%s'", row->key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_shape),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_manual_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
