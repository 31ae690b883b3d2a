/* SPDX-License-Identifier: BSD-2-Clause */
/* Edits: what a set becomes by them, what is left of them, and that a revision brings them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/set.h"

#define BASE                                                                            \
	"version: 1\nfunctions:\n"                                                      \
	"- {name: a, triggers: [udp/1, udp/2, udp/3], socket: existing, limit: 10/s}\n" \
	"- {name: b, tenant: t, trigger: udp/9, socket: existing}\n"

static struct xfn_written *write_text(const char *text)
{
	const struct xfn_written_source source = {"m.yaml", text, strlen(text)};
	struct xfn_diag_list diags = {0};
	struct xfn_written *written = NULL;

	if (xfn_written_new(&source, NULL, &diags, &written))
		fail_msg("%s", diags.count ? diags.items[0].message : "no reason");
	return written;
}

static struct xfn_set *make_set(const char *text)
{
	struct xfn_written *written = write_text(text);
	struct xfn_set *set = NULL;

	assert_int_equal(xfn_set_new(written, NULL, 0, NULL, &set), 0);
	xfn_written_put(written);
	return set;
}

/* Makes the edit; the set is the next one then. */
static int edit(struct xfn_set **set, struct xfn_edit_spec spec, struct xfn_diag_list *diags)
{
	static __u64 now = 1700000000000000000ULL;
	struct xfn_diag_list own = {0};
	struct xfn_set *next;
	struct xfn_edit *made;
	int err;

	spec.tenant = spec.tenant ?: "default";
	spec.function = spec.function ?: "a";
	spec.command = "xfn test";
	spec.time_ns = now++;
	made = xfn_edit_new(&spec);
	assert_non_null(made);
	err = xfn_set_edit(*set, made, diags ?: &own, &next);
	xfn_edit_put(made);
	xfn_diag_list_fini(&own);
	if (err)
		return err;
	xfn_set_put(*set);
	*set = next;
	return 0;
}

#define ADD(text_)   ((struct xfn_edit_spec){.kind = XFN_EDIT_TRIGGER_ADD, .text = text_})
#define RM(text_)    ((struct xfn_edit_spec){.kind = XFN_EDIT_TRIGGER_RM, .text = text_})
#define LIMIT(text_) ((struct xfn_edit_spec){.kind = XFN_EDIT_LIMIT, .text = text_})
#define OFF(drop_)   ((struct xfn_edit_spec){.kind = XFN_EDIT_OFF, .drop = drop_})
#define ON           ((struct xfn_edit_spec){.kind = XFN_EDIT_ON})
#define CSV(kind_, bytes)        \
	((struct xfn_edit_spec){ \
		.kind = kind_, .path = "t.csv", .csv = bytes, .csv_bytes = sizeof(bytes) - 1})

/* The desired state as text. */
static char *print(const struct xfn_set *set)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(xfn_manifest_write(set->manifest, out), 0);
	fclose(out);
	return text;
}

static void assert_says(const struct xfn_set *set, const char *wanted)
{
	char *text = print(set);

	if (!strstr(text, wanted))
		fail_msg("'%s' is not in:\n%s", wanted, text);
	free(text);
}

static void assert_silent(const struct xfn_set *set, const char *unwanted)
{
	char *text = print(set);

	if (strstr(text, unwanted))
		fail_msg("'%s' is in:\n%s", unwanted, text);
	free(text);
}

static void assert_as_written(const struct xfn_set *set)
{
	assert_int_equal(set->edit_count, 0);
	assert_ptr_equal(set->manifest, set->written->manifest);
}

static void test_triggers(void **state)
{
	struct xfn_set *set = make_set(BASE);
	const struct xfn_trigger_spec *triggers;

	(void)state;
	assert_int_equal(edit(&set, ADD("udp/4"), NULL), 0);
	assert_int_equal(edit(&set, ADD("{protocol: tcp, port: 5, interface: eth0}"), NULL), 0);
	assert_int_equal(edit(&set, RM("udp/2"), NULL), 0);
	assert_int_equal(set->edit_count, 3);
	triggers = xfn_function_triggers(set->manifest, &set->manifest->functions[0]);
	assert_int_equal(set->manifest->functions[0].trigger_count, 4);
	assert_int_equal(triggers[0].port_lo, 1);
	assert_int_equal(triggers[1].port_lo, 3);
	assert_int_equal(triggers[2].port_lo, 4);
	assert_int_equal(triggers[2].line, 0);
	assert_string_equal(set->manifest->files[triggers[2].file],
			    "added by command, 2023-11-14T22:13:20Z");
	assert_string_equal(triggers[3].interface, "eth0");
	assert_int_equal(set->manifest->functions[1].trigger_count, 1);
	assert_int_equal(set->written->manifest->functions[0].trigger_count, 3);
	xfn_set_put(set);
}

static void test_triggers_refused(void **state)
{
	static const struct {
		struct xfn_edit_spec spec;
		int err;
		const char *message, *hint;
	} cases[] = {
		{ADD("udp/2"), -EEXIST, "function 'a' has it already, at m.yaml:3:31", NULL},
		{ADD("udp/4"), -EEXIST,
		 "function 'a' has it already, added by command, 2023-11-14T22:13:20Z", NULL},
		{RM("udp/5"), -ENOENT, "function 'a' has no such trigger",
		 "did you mean '{protocol: udp, port: \"4\"}'?"},
		{RM("tcp/1"), -ENOENT, "function 'a' has no such trigger",
		 "did you mean '{protocol: udp, port: \"1\"}'?"},
		{ADD("udp"), -EINVAL, NULL, NULL},
		{ADD("[udp/1]"), -EINVAL, NULL, NULL},
		{ADD(""), -EINVAL, NULL, NULL},
		{CSV(XFN_EDIT_TRIGGER_ADD, "protocol,port\nudp,7\nudp,1\n"), -EEXIST,
		 "function 'a' has it already, at m.yaml:3:24", NULL},
		{CSV(XFN_EDIT_TRIGGER_RM, "protocol,port\nudp,1\nudp,7\n"), -ENOENT,
		 "function 'a' has no such trigger", NULL},
	};
	struct xfn_set *set = make_set(BASE), *before;
	struct xfn_diag_list diags = {0};

	(void)state;
	assert_int_equal(edit(&set,
			      (struct xfn_edit_spec){.kind = XFN_EDIT_TRIGGER_ADD, .text = "udp/4"},
			      NULL),
			 0);
	before = set;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(edit(&set, cases[i].spec, &diags), cases[i].err);
		assert_ptr_equal(set, before);
		if (cases[i].message && !strstr(cases[i].message, "2023"))
			assert_string_equal(diags.items[0].message, cases[i].message);
		if (cases[i].hint)
			assert_string_equal(diags.items[0].hint, cases[i].hint);
		xfn_diag_list_fini(&diags);
	}
	xfn_set_put(set);
}

/* What one edit does and a later one undoes leaves nothing behind, not even the edits. */
static void test_undone(void **state)
{
	static const char csv[] = "protocol,port,interface\nudp,100,eth0\nudp,101,eth1\n";
	struct xfn_set *set = make_set(BASE);

	(void)state;
	assert_int_equal(edit(&set, ADD("udp/4"), NULL), 0);
	assert_int_equal(edit(&set, RM("{protocol: udp, port: \"4\"}"), NULL), 0);
	assert_as_written(set);
	assert_int_equal(edit(&set, RM("udp/2"), NULL), 0);
	assert_int_equal(edit(&set, ADD("udp/2"), NULL), 0);
	assert_as_written(set);
	assert_int_equal(edit(&set, LIMIT("50k/s"), NULL), 0);
	assert_int_equal(edit(&set, LIMIT("20/s"), NULL), 0);
	assert_int_equal(set->edit_count, 1);
	assert_int_equal(edit(&set, LIMIT("10/s"), NULL), 0);
	assert_as_written(set);
	assert_int_equal(edit(&set, OFF(false), NULL), 0);
	assert_int_equal(edit(&set, OFF(true), NULL), 0);
	assert_int_equal(set->edit_count, 1);
	assert_int_equal(edit(&set, ON, NULL), 0);
	assert_as_written(set);
	assert_int_equal(edit(&set, CSV(XFN_EDIT_TRIGGER_ADD, csv), NULL), 0);
	assert_int_equal(edit(&set, ADD("udp/5"), NULL), 0);
	assert_int_equal(edit(&set, CSV(XFN_EDIT_TRIGGER_RM, csv), NULL), 0);
	assert_int_equal(set->edit_count, 1);
	assert_silent(set, "eth0");
	assert_says(set, "\"5\"");
	/* Put back in the place of one that went: nothing points to the edit that is gone. */
	assert_int_equal(edit(&set, RM("udp/1"), NULL), 0);
	assert_int_equal(edit(&set, ADD("udp/1"), NULL), 0);
	assert_int_equal(set->edit_count, 1);
	assert_int_equal(edit(&set, RM("udp/5"), NULL), 0);
	assert_as_written(set);
	xfn_set_put(set);
}

/* Each of these undoes an edit that did less than it says, or that another has overtaken. */
static void test_undone_in_part(void **state)
{
	struct xfn_set *set = make_set(BASE), *kept;
	struct xfn_written *written;

	(void)state;
	assert_int_equal(edit(&set, ADD("udp/30"), NULL), 0);
	assert_int_equal(
		edit(&set, CSV(XFN_EDIT_TRIGGER_RM, "protocol,port\nudp,2\nudp,30\n"), NULL), 0);
	assert_int_equal(edit(&set, ADD("udp/30"), NULL), 0);
	assert_says(set, "30");
	assert_int_equal(edit(&set, RM("udp/30"), NULL), 0);
	assert_silent(set, "30");
	assert_int_equal(set->manifest->functions[0].trigger_count, 2);
	/* A revision reads them back to the same. */
	assert_int_equal(xfn_set_new(set->written, set->edits, set->edit_count, NULL, &kept), 0);
	assert_silent(kept, "30");
	assert_int_equal(kept->manifest->functions[0].trigger_count, 2);
	xfn_set_put(kept);
	xfn_set_put(set);

	set = make_set(BASE);
	assert_int_equal(
		edit(&set, CSV(XFN_EDIT_TRIGGER_ADD, "protocol,port\nudp,30\nudp,31\n"), NULL), 0);
	written = write_text("version: 1\nfunctions:\n"
			     "- {name: a, triggers: [udp/1, udp/30], socket: existing}\n");
	assert_int_equal(xfn_set_new(written, set->edits, set->edit_count, NULL, &kept), 0);
	xfn_written_put(written);
	assert_int_equal(
		edit(&kept, CSV(XFN_EDIT_TRIGGER_RM, "protocol,port\nudp,30\nudp,31\n"), NULL), 0);
	assert_int_equal(kept->manifest->functions[0].trigger_count, 1);
	assert_silent(kept, "udp/3");
	assert_silent(kept, "30");
	xfn_set_put(kept);
	xfn_set_put(set);
}

static void test_limits_and_switches(void **state)
{
	struct xfn_set *set = make_set(BASE);

	(void)state;
	assert_int_equal(edit(&set, LIMIT("{rate: 50k/s, burst: 7}"), NULL), 0);
	assert_says(set, "rate: 50k/s\n      burst: 7\n");
	assert_int_equal(edit(&set, LIMIT("{rate: 50k/s, burst: 7}"), NULL), -EALREADY);
	assert_int_equal(edit(&set, LIMIT("none"), NULL), 0);
	assert_silent(set, "limit");
	assert_int_equal(edit(&set, LIMIT("0"), NULL), 0);
	assert_says(set, "rate: 0\n");
	assert_int_equal(edit(&set, LIMIT("50k"), NULL), -EINVAL);
	assert_int_equal(edit(&set, LIMIT("{rate: 1/m, burst: 100M}"), NULL), -EINVAL);
	assert_int_equal(edit(&set, ON, NULL), -EALREADY);
	assert_int_equal(edit(&set, OFF(true), NULL), 0);
	assert_says(set, "enabled: false\n    disabled: drop\n");
	assert_int_equal(edit(&set, OFF(true), NULL), -EALREADY);
	assert_int_equal(set->edit_count, 2);
	/* Another tenant's function of the same name is another function. */
	assert_int_equal(
		edit(&set,
		     (struct xfn_edit_spec){.kind = XFN_EDIT_OFF, .tenant = "t", .function = "a"},
		     NULL),
		-EALREADY);
	xfn_set_put(set);
}

/* Edits on another manifest: what fits is kept, what it says already and what is gone is not. */
static void test_keep(void **state)
{
	struct xfn_set *set = make_set(BASE), *kept;
	struct xfn_written *next = write_text(
		"version: 1\nfunctions:\n"
		"- {name: a, triggers: [udp/1, udp/4, udp/3], socket: existing, limit: 99/s}\n");
	enum xfn_edit_fate fates[5];

	(void)state;
	assert_int_equal(edit(&set, ADD("udp/4"), NULL), 0); /* it says so */
	assert_int_equal(edit(&set, ADD("udp/5"), NULL), 0);
	assert_int_equal(edit(&set, RM("udp/2"), NULL), 0); /* it says so */
	assert_int_equal(edit(&set, LIMIT("50k/s"), NULL), 0);
	assert_int_equal(
		edit(&set,
		     (struct xfn_edit_spec){.kind = XFN_EDIT_OFF, .tenant = "t", .function = "b"},
		     NULL),
		0); /* gone */
	assert_int_equal(xfn_set_new(next, set->edits, set->edit_count, fates, &kept), 0);
	assert_int_equal(fates[0], XFN_EDIT_NEEDLESS);
	assert_int_equal(fates[1], XFN_EDIT_APPLIED);
	assert_int_equal(fates[2], XFN_EDIT_NEEDLESS);
	assert_int_equal(fates[3], XFN_EDIT_APPLIED);
	assert_int_equal(fates[4], XFN_EDIT_UNFIT);
	assert_int_equal(kept->edit_count, 2);
	assert_int_equal(kept->manifest->functions[0].trigger_count, 4);
	assert_says(kept, "rate: 50k/s");
	xfn_set_put(set);
	xfn_written_put(next);
	assert_says(kept, "\"5\""); /* what it is made of lives as long as it does */
	xfn_set_put(kept);
}

static void test_bounds(void **state)
{
	struct xfn_set *set = make_set(BASE);
	struct xfn_edit **edits = calloc(XFN_EDITS_MAX, sizeof(*edits));
	struct xfn_edit_spec spec = {
		.kind = XFN_EDIT_TRIGGER_ADD, .tenant = "default", .function = "a"};
	struct xfn_set *full;
	char text[32];
	int i;

	(void)state;
	for (i = 0; i < XFN_EDITS_MAX; i++) {
		snprintf(text, sizeof(text), "tcp/%d", i + 1);
		spec.text = text;
		edits[i] = xfn_edit_new(&spec);
	}
	assert_int_equal(xfn_set_new(set->written, edits, XFN_EDITS_MAX, NULL, &full), 0);
	assert_int_equal(full->edit_count, XFN_EDITS_MAX);
	assert_int_equal(edit(&full, ADD("udp/7"), NULL), -EDQUOT);
	/* What takes an edit away needs no room, and a switch has room of its own. */
	assert_int_equal(edit(&full, RM("tcp/5"), NULL), 0);
	assert_int_equal(full->edit_count, XFN_EDITS_MAX - 1);
	assert_int_equal(edit(&full, ADD("tcp/5"), NULL), 0);
	assert_int_equal(edit(&full, OFF(false), NULL), 0);
	assert_int_equal(full->edit_count, XFN_EDITS_MAX + 1);
	assert_int_equal(edit(&full, ADD("udp/7"), NULL), -EDQUOT);
	assert_int_equal(edit(&full, ((struct xfn_edit_spec){.kind = XFN_EDIT_ON}), NULL), 0);
	assert_int_equal(full->edit_count, XFN_EDITS_MAX);
	for (i = 0; i < XFN_EDITS_MAX; i++)
		xfn_edit_put(edits[i]);
	free(edits);
	xfn_set_put(full);
	xfn_set_put(set);
}

static void test_json(void **state)
{
	static const char csv[] = "protocol,port\nudp,1\n";
	struct xfn_edit_spec spec = CSV(XFN_EDIT_TRIGGER_RM, csv);
	struct xfn_edit *one, *other;
	json_t *json;

	(void)state;
	spec.tenant = "t";
	spec.function = "f";
	spec.uid = 1000;
	spec.time_ns = 1700000000000000001ULL;
	spec.command = "xfn trigger rm t/f --from \"t.csv\"";
	one = xfn_edit_new(&spec);
	json = json_loads(one->line, 0, NULL);
	assert_int_equal(xfn_edit_read(json, csv, sizeof(csv) - 1, &other), 0);
	assert_string_equal(one->line, other->line);
	assert_memory_equal(other->spec.csv, csv, sizeof(csv));
	assert_int_equal(xfn_edit_read(json, NULL, 0, &other), -EBADMSG);
	json_object_set_new(json, "kind", json_string("rename"));
	assert_int_equal(xfn_edit_read(json, csv, 1, &other), -EBADMSG);
	json_decref(json);
	xfn_edit_put(other);
	xfn_edit_put(one);
	json = json_loads("{\"kind\":\"limit\",\"tenant\":\"t\",\"function\":\"f\"}", 0, NULL);
	assert_int_equal(xfn_edit_read(json, NULL, 0, &other), -EBADMSG);
	json_decref(json);
}

/* ---- programs: their texts go from one manifest into the next ----------------------------------- */

#define PROGRAMS                                                            \
	"version: 1\nfunctions:\n"                                          \
	"- {name: a, trigger: udp/1, xsk: {exec: [./a, x], env: {A: b}},\n" \
	"   limit: {concurrency: 3}}\n"                                     \
	"- {name: b, tenant: t, trigger: udp/9, xsk: [b, y, z], limit: 1/s}\n"

static struct xfn_written *write_in(const char *folder, int expected, const char *message)
{
	const struct xfn_written_source source = {"m.yaml", PROGRAMS, strlen(PROGRAMS)};
	struct xfn_diag_list diags = {0};
	struct xfn_written *written = NULL;

	assert_int_equal(xfn_written_new(&source, folder, &diags, &written), expected);
	if (message)
		assert_string_equal(diags.items[0].message, message);
	xfn_diag_list_fini(&diags);
	return written;
}

static void test_folder(void **state)
{
	const struct xfn_written_source source = {"m.yaml", PROGRAMS, strlen(PROGRAMS)};
	struct xfn_written *written = write_in("/srv", 0, NULL);

	(void)state;
	assert_string_equal(written->folder, "/srv");
	assert_string_equal(written->manifest->texts[0], "/srv/a");
	assert_true(xfn_written_is(written, &source, "/srv"));
	assert_false(xfn_written_is(written, &source, "/srv/x"));
	assert_false(xfn_written_is(written, &source, NULL));
	xfn_written_put(written);
	assert_null(write_in(NULL, -EINVAL,
			     "function 'a': path './a' is relative, and the manifest's folder is "
			     "not known"));
}

static void test_programs(void **state)
{
	struct xfn_written *written = write_in("/srv", 0, NULL);
	const struct xfn_function_spec *f;
	struct xfn_set *set = NULL;

	(void)state;
	assert_int_equal(xfn_set_new(written, NULL, 0, NULL, &set), 0);
	xfn_written_put(written);
	assert_int_equal(edit(&set, ADD("udp/7"), NULL), 0);
	assert_int_equal(edit(&set, LIMIT("5/s"), NULL), 0);
	assert_true(set->manifest != set->written->manifest);
	f = set->manifest->functions;
	assert_int_equal(f[0].trigger_count, 2);
	assert_int_equal(f[0].limit.concurrency, 3); /* the command says nothing of that */
	assert_int_equal(f[0].limit.rate.count, 5);
	assert_int_equal(f[0].exec.argv.count, 2);
	assert_string_equal(xfn_manifest_texts(set->manifest, f[0].exec.argv)[0], "/srv/a");
	assert_string_equal(xfn_manifest_texts(set->manifest, f[0].exec.env)[0], "A=b");
	assert_string_equal(xfn_manifest_texts(set->manifest, f[1].exec.argv)[2], "z");
	/* As with all but rate and burst. */
	assert_int_equal(edit(&set, LIMIT("{concurrency: 5}"), NULL), -EINVAL);
	assert_int_equal(edit(&set, LIMIT("none"), NULL), 0);
	assert_int_equal(set->manifest->functions[0].limit.concurrency, 0);
	assert_false(set->manifest->functions[0].given & XFN_GIVEN_CONCURRENCY);
	xfn_set_put(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_triggers), cmocka_unit_test(test_triggers_refused),
		cmocka_unit_test(test_undone),   cmocka_unit_test(test_limits_and_switches),
		cmocka_unit_test(test_keep),     cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_json),     cmocka_unit_test(test_undone_in_part),
		cmocka_unit_test(test_folder),   cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
