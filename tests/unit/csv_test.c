/* SPDX-License-Identifier: BSD-2-Clause */
/* CSV of triggers: RFC 4180 field by field, and the mistakes, each at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "csv.h"
#include "fragment.h"
#include "manifest_rebuild.h"
#include "stringpool.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fields as "line:column:text", each in brackets, a record on a line. */
static void print_fields(const char *text, char *out, size_t size)
{
	struct xfn_diag_list diags = {0};
	struct xfn_csv_reader reader;
	struct xfn_csv_field field;
	size_t used = 0;
	int got;

	out[0] = '\0';
	xfn_csv_open(&reader, "t.csv", text, strlen(text), &diags);
	while ((got = xfn_csv_next(&reader, &field)) > 0)
		used += snprintf(out + used, size - used, "[%u:%u:%.*s]%s", field.line,
				 field.column, (int)field.len, field.text, field.last ? "\n" : "");
	if (got < 0)
		snprintf(out + used, size - used, "%u:%u %s", diags.items[0].line,
			 diags.items[0].column, diags.items[0].message);
	xfn_diag_list_fini(&diags);
}

static const struct {
	const char *text, *fields;
} fields[] = {
	{"", ""},
	{"\n\r\n\n", ""},
	{"a", "[1:1:a]\n"},
	{"a,b\nc,d\n", "[1:1:a][1:3:b]\n[2:1:c][2:3:d]\n"},
	{"a,b\r\nc,d\r\n", "[1:1:a][1:3:b]\n[2:1:c][2:3:d]\n"},
	{"a,\n,b\n", "[1:1:a][1:3:]\n[2:1:][2:2:b]\n"},
	{"a,", "[1:1:a][1:3:]\n"},
	{"a\n\nb", "[1:1:a]\n[3:1:b]\n"},
	{" a , b ", "[1:1: a ][1:5: b ]\n"},
	{"\"a\",\"b,c\"\n", "[1:2:a][1:6:b,c]\n"},
	{"\"a\"\"b\",c", "[1:2:a\"b][1:8:c]\n"},
	{"\"\",x", "[1:2:][1:4:x]\n"},
	{"\"a\nb\",c\nd", "[1:2:a\nb][2:4:c]\n[3:1:d]\n"},
	{"\xc3\xa4,b", "[1:1:\xc3\xa4][1:3:b]\n"},
	{"\xef\xbb\xbf"
	 "a,b",
	 "[1:1:a][1:3:b]\n"},
	{"a\rb,c", "[1:1:a\rb][1:5:c]\n"},
	{"\"a", "1:2 a field in quotes does not end"},
	{"\"a\"b", "1:4 text behind a closing quote"},
	{"a\"b", "1:2 a quote inside a field"},
	{"x\n\"a\" ,b", "[1:1:x]\n2:4 text behind a closing quote"},
};

static void test_fields(void **state)
{
	char out[512];

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		print_fields(fields[i].text, out, sizeof(out));
		assert_string_equal(out, fields[i].fields);
	}
}

static struct xfn_manifest *read_csv(const char *text)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *fragment = NULL;
	int err = xfn_fragment_csv("t.csv", text, strlen(text), NULL, &diags, &fragment);

	if (err)
		fail_msg("%s", diags.count ? diags.items[0].message : strerror(-err));
	return fragment;
}

static void test_triggers(void **state)
{
	struct xfn_manifest *fragment =
		read_csv("port,protocol,destination,source,vlan,interface\n"
			 "53,udp,,,,\n"
			 "9000-9009,tcp,10.0.0.1 10.0.0.2,192.0.2.0/24,10 20,eth0\n"
			 "1,udp,any,any,none,\n"
			 "2,udp,\"10.0.0.1\",,7,\n");
	const struct xfn_trigger_spec *t = fragment->triggers;

	(void)state;
	assert_int_equal(fragment->trigger_count, 4);
	assert_int_equal(fragment->functions[0].trigger_count, 4);
	assert_int_equal(t[0].protocol, IPPROTO_UDP);
	assert_int_equal(t[0].port_lo, 53);
	assert_int_equal(t[0].destination, XFN_DESTINATION_OWN);
	assert_int_equal(t[0].line, 2);
	assert_int_equal(t[0].column, 1);
	assert_int_equal(t[1].port_hi, 9009);
	assert_int_equal(t[1].destinations.count, 2);
	assert_int_equal(t[1].sources.count, 1);
	assert_int_equal(t[1].vlan_tags, 2);
	assert_int_equal(t[1].vlan[0], 10);
	assert_int_equal(t[1].vlan[1], 20);
	assert_string_equal(t[1].interface, "eth0");
	assert_int_equal(t[2].destination, XFN_DESTINATION_ANY);
	assert_int_equal(t[2].vlan_tags, 0);
	assert_int_equal(t[3].vlan_tags, 1);
	assert_int_equal(t[3].line, 5);
	xfn_manifest_free(fragment);
}

static const struct {
	const char *text;
	unsigned line, column;
	const char *message;
} refusals[] = {
	{"", 1, 1, "the file has no line that names its columns"},
	{"protocol\nudp\n", 1, 1, "'port' is missing in a trigger"},
	{"protocol,port,prot\n", 1, 15, "unknown key 'prot' in a trigger"},
	{"protocol,port,port\n", 1, 15, "column 'port' is there twice"},
	{"protocol,port\nudp\n", 2, 1, "the line has fewer fields than the 2 columns"},
	{"protocol,port\nudp,53,9\n", 2, 8, "the line has more fields than the 2 columns"},
	{"protocol,port\nudp,70000\n", 2, 5, "port '70000' is too large"},
	{"protocol,port\nudp, 53\n", 2, 5, "port ' 53' is not a port"},
	{"protocol,port\nicmp,53\n", 2, 1, "protocol 'icmp' is not known"},
	{"protocol,port\n,53\n", 2, 1, "'protocol' is missing in a trigger"},
	{"protocol,port,destination\nudp,53,10.0.0.1 any\n", 2, 17,
	 "'any' cannot be one of several"},
	{"protocol,port,destination\nudp,53,10.0.0.1/8\n", 2, 8, NULL},
	{"protocol,port,vlan\nudp,53,1 2 3\n", 2, 12, "'vlan' has more than 2 values"},
	{"protocol,port,destination,source\nudp,53,10.0.0.1,fd00::1\n", 2, 17,
	 "no packet can match: destination and source have no family in common"},
	{"protocol,port\nudp,\"53\n", 2, 6, "a field in quotes does not end"},
	{"protocol,port\nudp,\"5\n3\"\n", 2, 6, NULL},
	{"protocol,port\nudp,5\x01\n", 2, 6, "control character in the text (byte 0x01)"},
};

static void test_refusals(void **state)
{
	struct xfn_manifest *fragment = NULL;
	struct xfn_diag_list diags;
	int err;

	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		xfn_diag_list_init(&diags);
		err = xfn_fragment_csv("t.csv", refusals[i].text, strlen(refusals[i].text), NULL,
				       &diags, &fragment);
		if (err != -EINVAL || !diags.count)
			fail_msg("not refused: %s", refusals[i].text);
		if (refusals[i].message)
			assert_string_equal(diags.items[0].message, refusals[i].message);
		assert_string_equal(diags.items[0].file, "t.csv");
		assert_int_equal(diags.items[0].line, refusals[i].line);
		assert_int_equal(diags.items[0].column, refusals[i].column);
		xfn_diag_list_fini(&diags);
	}
}

/* Many mistakes are told in one run. */
static void test_several(void **state)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *fragment;
	const char *text = "protocol,port\nudp,0\nudp,1\ntpc,2\nudp,x\n";

	(void)state;
	assert_int_equal(xfn_fragment_csv("t", text, strlen(text), NULL, &diags, &fragment),
			 -EINVAL);
	assert_int_equal(diags.count, 3);
	assert_int_equal(diags.items[0].line, 2);
	assert_int_equal(diags.items[1].line, 4);
	assert_int_equal(diags.items[2].line, 5);
	xfn_diag_list_fini(&diags);
}

/* ---- triggers_from ------------------------------------------------------------------------------ */

static const char manifest_text[] =
	"version: 1\nfunctions:\n"
	"- {name: a, trigger: udp/1, triggers_from: a.csv, socket: existing}\n"
	"- {name: b, triggers_from: b.csv, socket: existing}\n"
	"- {name: c, trigger: udp/3, socket: existing}\n";

static struct xfn_manifest *parse(void)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *manifest = NULL;

	assert_int_equal(xfn_manifest_parse("m.yaml", manifest_text, strlen(manifest_text), &diags,
					    &manifest),
			 0);
	return manifest;
}

static void test_load(void **state)
{
	static const char a[] = "protocol,port\nudp,10\nudp,11\n", b[] = "protocol,port\ntcp,20\n";
	const struct xfn_manifest_csv files[] = {{"b.csv", b, sizeof(b) - 1},
						 {"a.csv", a, sizeof(a) - 1}};
	struct xfn_stringpool *strings = xfn_stringpool_new();
	struct xfn_manifest *parsed = parse(), *loaded;
	struct xfn_diag_list diags = {0};

	(void)state;
	assert_string_equal(parsed->functions[0].triggers_from, "a.csv");
	assert_int_equal(xfn_manifest_load(parsed, files, 2, strings, &diags, &loaded), 0);
	assert_int_equal(loaded->trigger_count, 5);
	assert_int_equal(loaded->functions[0].trigger_count, 3);
	assert_int_equal(xfn_function_triggers(loaded, &loaded->functions[0])[2].port_lo, 11);
	assert_int_equal(xfn_function_triggers(loaded, &loaded->functions[1])[0].port_lo, 20);
	assert_int_equal(xfn_function_triggers(loaded, &loaded->functions[2])[0].port_lo, 3);
	assert_string_equal(loaded->files[loaded->triggers[0].file], "m.yaml");
	assert_string_equal(loaded->files[loaded->triggers[2].file], "a.csv");
	assert_int_equal(loaded->triggers[2].line, 3);
	assert_string_equal(loaded->files[loaded->triggers[3].file], "b.csv");
	assert_null(loaded->functions[0].triggers_from);
	xfn_manifest_free(loaded);

	assert_int_equal(xfn_manifest_load(parsed, files, 1, strings, &diags, &loaded), -EINVAL);
	assert_int_equal(diags.count, 1);
	assert_string_equal(diags.items[0].value, "a.csv");
	xfn_diag_list_fini(&diags);
	xfn_manifest_free(parsed);
	xfn_stringpool_put(strings);
}

/* Every allocation fails once, and nothing is left. */
static void test_memory(void **state)
{
	static const char a[] = "protocol,port,interface\nudp,10,eth0\nudp,11,\n";
	const struct xfn_manifest_csv files[] = {{"a.csv", a, sizeof(a) - 1},
						 {"b.csv", a, sizeof(a) - 1}};
	struct xfn_manifest *parsed = parse(), *loaded;
	struct xfn_stringpool *strings;
	struct xfn_diag_list diags = {0};
	long before = xfn_alloc_live();
	int err;

	(void)state;
	for (long n = 0;; n++) {
		xfn_alloc_fail_after(n);
		strings = xfn_stringpool_new();
		err = strings ? xfn_manifest_load(parsed, files, 2, strings, &diags, &loaded)
			      : -ENOMEM;
		if (!err)
			xfn_manifest_free(loaded);
		xfn_stringpool_put(strings);
		assert_int_equal(xfn_alloc_live(), before);
		if (xfn_alloc_fail_after(-1))
			break;
		assert_int_equal(err, -ENOMEM);
	}
	assert_int_equal(err, 0);
	xfn_manifest_free(parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),   cmocka_unit_test(test_triggers),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_several),
		cmocka_unit_test(test_load),     cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
