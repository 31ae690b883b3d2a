/* SPDX-License-Identifier: BSD-2-Clause */
/* A manifest with its edits: no text is read again but that of the edits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit.h"
#include "manifest_rebuild.h"

#define NONE 0xffffffffU

struct run {
	const struct xfn_manifest *from;
	struct xfn_diag_list *diags; /* NULL: what does not fit is passed over */
	struct xfn_retrigger *changes;
	size_t change_count, change_room;
	__u32 *change_of;                /* a function's entry in changes, or NONE */
	__u32 *by_name;                  /* functions in the order of tenant and name */
	struct xfn_manifest **fragments; /* whose triggers are in changes */
	size_t fragment_count;
	int refused; /* -EEXIST or -ENOENT, once something was */
};

/* ---- functions ------------------------------------------------------------------------------------ */

static int compare_names(const struct xfn_function_spec *function, const char *tenant,
			 const char *name)
{
	return strcmp(function->tenant, tenant) ?: strcmp(function->name, name);
}

static int compare_indices(const void *a, const void *b, void *functions)
{
	const struct xfn_function_spec *list = functions, *other = &list[*(const __u32 *)b];

	return compare_names(&list[*(const __u32 *)a], other->tenant, other->name);
}

static int index_functions(struct run *run)
{
	size_t count = run->from->function_count, i;

	run->by_name = calloc(count + 1, sizeof(*run->by_name));
	run->change_of = calloc(count + 1, sizeof(*run->change_of));
	if (!run->by_name || !run->change_of)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		run->by_name[i] = i;
		run->change_of[i] = NONE;
	}
	qsort_r(run->by_name, count, sizeof(*run->by_name), compare_indices, run->from->functions);
	return 0;
}

/* The number of the edit's function, or NONE. */
static __u32 find_function(const struct run *run, const struct xfn_edit *edit)
{
	size_t low = 0, high = run->from->function_count, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = compare_names(&run->from->functions[run->by_name[middle]],
				      edit->spec.tenant, edit->spec.function);
		if (!order)
			return run->by_name[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NONE;
}

static int triggers_of(struct run *run, __u32 function, struct xfn_trigger_set **ret)
{
	struct xfn_retrigger *grown;
	int err;

	if (run->change_of[function] == NONE) {
		if (run->change_count == run->change_room) {
			run->change_room = 2 * run->change_room + 1;
			grown = reallocarray(run->changes, run->change_room, sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			run->changes = grown;
		}
		grown = &run->changes[run->change_count];
		grown->function = function;
		err = xfn_trigger_set_init(&grown->triggers, run->from,
					   &run->from->functions[function]);
		if (err)
			return err;
		run->change_of[function] = run->change_count++;
	}
	*ret = &run->changes[run->change_of[function]].triggers;
	return 0;
}

/* ---- triggers ------------------------------------------------------------------------------------- */

/* A trigger as its user would write it, cut to fit. */
static char *write_trigger(const struct xfn_manifest *manifest,
			   const struct xfn_trigger_spec *trigger, char *buf, size_t size)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	buf[0] = '\0';
	if (!out)
		return buf;
	xfn_trigger_write(manifest, trigger, out);
	if (!fclose(out))
		snprintf(buf, size, "%s", text);
	free(text);
	return buf;
}

static void refuse(struct run *run, const struct xfn_manifest *fragment,
		   const struct xfn_trigger_spec *trigger, int err, const char *hint,
		   const char *message)
{
	char value[256];
	struct xfn_diag_info info = {
		.file = fragment->file,
		.line = trigger->line,
		.column = trigger->column,
		.value = write_trigger(fragment, trigger, value, sizeof(value)),
		.hint = hint,
	};

	xfn_diag_add(run->diags, &info, "%s", message);
	run->refused = err;
}

static void refuse_twin(struct run *run, const char *name, const struct xfn_manifest *fragment,
			const struct xfn_trigger_spec *trigger, const struct xfn_trigger_ref *there)
{
	const char *file = there->file ?: there->manifest->files[there->trigger->file];
	char message[XFN_DIAG_TEXT_MAX];

	if (there->trigger->line)
		snprintf(message, sizeof(message), "function '%s' has it already, at %s:%u:%u",
			 name, file, there->trigger->line, there->trigger->column);
	else
		snprintf(message, sizeof(message), "function '%s' has it already, %s", name, file);
	refuse(run, fragment, trigger, -EEXIST, NULL, message);
}

/* How far apart two triggers are: ports first, then what else they say. */
static unsigned distance(const struct xfn_trigger_spec *a, const struct xfn_trigger_spec *b)
{
	unsigned ports = 0;

	if (a->port_hi < b->port_lo)
		ports = b->port_lo - a->port_hi;
	else if (b->port_hi < a->port_lo)
		ports = a->port_lo - b->port_hi;
	else
		ports = a->port_lo != b->port_lo || a->port_hi != b->port_hi;
	return 8 * ports + 4 * (a->protocol != b->protocol) +
	       2 * (a->destination != b->destination) + (a->vlan_tags != b->vlan_tags);
}

static const struct xfn_trigger_ref *find_nearest(const struct xfn_trigger_set *set,
						  const struct xfn_trigger_spec *trigger)
{
	const struct xfn_trigger_ref *nearest = NULL;
	unsigned best = ~0U, now;
	__u32 i;

	for (i = 0; i < set->count; i++) {
		now = set->refs[i].trigger ? distance(set->refs[i].trigger, trigger) : ~0U;
		if (now < best) {
			best = now;
			nearest = &set->refs[i];
		}
	}
	return nearest;
}

static void refuse_missing(struct run *run, const char *name, const struct xfn_trigger_set *set,
			   const struct xfn_manifest *fragment,
			   const struct xfn_trigger_spec *trigger)
{
	const struct xfn_trigger_ref *near =
		run->diags->more ? NULL : find_nearest(set, trigger); /* a search is worth a line */
	char message[XFN_DIAG_TEXT_MAX], hint[XFN_DIAG_TEXT_MAX], text[256];

	if (near)
		snprintf(hint, sizeof(hint), "did you mean '%s'?",
			 write_trigger(near->manifest, near->trigger, text, sizeof(text)));
	snprintf(message, sizeof(message), "function '%s' has no such trigger", name);
	refuse(run, fragment, trigger, -ENOENT, near ? hint : NULL, message);
}

/* One trigger of an edit. Returns 1 if it changed something, 0 or -ENOMEM. */
static int edit_trigger(struct run *run, const struct xfn_edit *edit, const char *name,
			struct xfn_trigger_set *set, const struct xfn_trigger_ref *ref)
{
	const struct xfn_trigger_ref *there;
	int err;

	if (edit->spec.kind == XFN_EDIT_TRIGGER_ADD) {
		err = xfn_trigger_set_add(set, ref);
		there = err == -EEXIST && run->diags
				? xfn_trigger_set_find(set, ref->manifest, ref->trigger)
				: NULL;
		if (there)
			refuse_twin(run, name, ref->manifest, ref->trigger, there);
	} else {
		err = xfn_trigger_set_remove(set, ref->manifest, ref->trigger);
		if (err && run->diags)
			refuse_missing(run, name, set, ref->manifest, ref->trigger);
	}
	if (err == -ENOMEM)
		return err;
	return !err;
}

static int edit_triggers(struct run *run, struct xfn_edit *edit, __u32 function,
			 enum xfn_edit_fate *fate)
{
	const struct xfn_function_spec *spec = &run->from->functions[function];
	struct xfn_diag_list nowhere = {};
	struct xfn_trigger_ref ref = {.file = edit->place};
	struct xfn_trigger_set *set = NULL;
	struct xfn_manifest *fragment;
	int err = xfn_edit_fragment(edit, run->diags ?: &nowhere, &fragment), changed = 0;
	size_t i;

	xfn_diag_list_fini(&nowhere);
	if (err) {
		*fate = XFN_EDIT_UNFIT;
		return err == -EINVAL && !run->diags ? 0 : err;
	}
	run->fragments[run->fragment_count++] = fragment;
	ref.manifest = fragment;
	if (fragment->trigger_count == 1)
		edit->hash = xfn_trigger_hash(fragment, &fragment->triggers[0]);
	err = triggers_of(run, function, &set);
	for (i = 0; i < fragment->trigger_count && err >= 0; i++) {
		ref.trigger = &fragment->triggers[i];
		err = edit_trigger(run, edit, spec->name, set, &ref);
		changed |= err > 0;
	}
	*fate = changed ? XFN_EDIT_APPLIED : XFN_EDIT_NEEDLESS;
	return err < 0 ? err : 0;
}

/* ---- what is no trigger --------------------------------------------------------------------------- */

#define EDITED_BITS (XFN_GIVEN_LIMIT | XFN_GIVEN_BURST)
#define LIMIT_BITS                                                                                \
	(EDITED_BITS | XFN_GIVEN_EXCESS | XFN_GIVEN_PACKETS | XFN_GIVEN_PER_SOURCE |              \
	 XFN_GIVEN_CONCURRENCY | XFN_GIVEN_SOURCE_BURST | XFN_GIVEN_PREFIX4 | XFN_GIVEN_PREFIX6 | \
	 XFN_GIVEN_ENTRIES)

/* Rate and burst are the edit's; what else the manifest says of the limit stays. */
static int edit_limit(struct run *run, const struct xfn_edit *edit,
		      struct xfn_function_spec *function)
{
	struct xfn_diag_list nowhere = {};
	struct xfn_manifest *fragment;
	int err = xfn_edit_fragment(edit, run->diags ?: &nowhere, &fragment);

	xfn_diag_list_fini(&nowhere);
	if (!err && fragment->functions[0].given & LIMIT_BITS & ~EDITED_BITS) {
		if (run->diags)
			xfn_diag_add(run->diags, &(struct xfn_diag_info){.file = fragment->file},
				     "a limit by command is a rate and a burst, no more");
		xfn_manifest_free(fragment);
		err = -EINVAL;
	}
	if (err)
		return err;
	if (!strcmp(edit->spec.text, "none")) {
		function->given &= ~LIMIT_BITS;
		memset(&function->limit, 0, sizeof(function->limit));
	} else {
		function->limit.rate = fragment->functions[0].limit.rate;
		function->limit.burst = fragment->functions[0].limit.burst;
		function->given = (function->given & ~XFN_GIVEN_BURST) |
				  (fragment->functions[0].given & LIMIT_BITS);
	}
	xfn_manifest_free(fragment);
	return 0;
}

static void edit_enabled(const struct xfn_edit *edit, struct xfn_function_spec *function)
{
	function->enabled = edit->spec.kind == XFN_EDIT_ON;
	function->given |= XFN_GIVEN_ENABLED;
	if (function->enabled)
		return;
	function->disabled_drops = edit->spec.drop;
	function->given |= XFN_GIVEN_DISABLED;
}

bool xfn_edit_is_needless(const struct xfn_edit *edit, const struct xfn_function_spec *written,
			  const struct xfn_function_spec *now)
{
	switch (edit->spec.kind) {
	case XFN_EDIT_LIMIT:
		return (written->given & LIMIT_BITS) == (now->given & LIMIT_BITS) &&
		       !memcmp(&written->limit, &now->limit, sizeof(now->limit));
	case XFN_EDIT_OFF:
	case XFN_EDIT_ON:
		return written->enabled == now->enabled &&
		       (now->enabled || written->disabled_drops == now->disabled_drops);
	default:
		return false;
	}
}

static int edit_function(struct run *run, const struct xfn_edit *edit,
			 struct xfn_function_spec *function, enum xfn_edit_fate *fate)
{
	struct xfn_function_spec before = *function;
	int err = 0;

	if (edit->spec.kind == XFN_EDIT_LIMIT)
		err = edit_limit(run, edit, function);
	else if (edit->spec.kind == XFN_EDIT_OFF || edit->spec.kind == XFN_EDIT_ON)
		edit_enabled(edit, function);
	if (err) {
		*fate = XFN_EDIT_UNFIT;
		return err == -EINVAL && !run->diags ? 0 : err;
	}
	if (!xfn_edit_is_needless(edit, &before, function))
		*fate = XFN_EDIT_APPLIED;
	else
		*function = before;
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static bool is_trigger(const struct xfn_edit *edit)
{
	return edit->spec.kind == XFN_EDIT_TRIGGER_ADD || edit->spec.kind == XFN_EDIT_TRIGGER_RM;
}

static int compare_changes(const void *a, const void *b)
{
	const struct xfn_retrigger *x = a, *y = b;

	return (x->function > y->function) - (x->function < y->function);
}

static int edit_all(struct run *run, struct xfn_edit *const *edits, size_t count,
		    enum xfn_edit_fate *fates, struct xfn_manifest **ret)
{
	__u32 function;
	size_t i;
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		function = find_function(run, edits[i]);
		fates[i] = function == NONE ? XFN_EDIT_UNFIT : XFN_EDIT_NEEDLESS;
		if (function != NONE && is_trigger(edits[i]))
			err = edit_triggers(run, edits[i], function, &fates[i]);
	}
	if (err || run->refused)
		return err ?: run->refused;
	if (run->change_count)
		qsort(run->changes, run->change_count, sizeof(*run->changes), compare_changes);
	err = xfn_manifest_rebuild(run->from, run->changes, run->change_count, ret);
	for (i = 0; i < count && !err; i++) {
		function = find_function(run, edits[i]);
		if (function != NONE && !is_trigger(edits[i]))
			err = edit_function(run, edits[i], &(*ret)->functions[function], &fates[i]);
		if (err)
			xfn_manifest_free(*ret);
	}
	return err;
}

static void run_fini(struct run *run)
{
	size_t i;

	for (i = 0; i < run->change_count; i++)
		xfn_trigger_set_fini(&run->changes[i].triggers);
	for (i = 0; i < run->fragment_count; i++)
		xfn_manifest_free(run->fragments[i]);
	free(run->changes);
	free(run->fragments);
	free(run->change_of);
	free(run->by_name);
}

int xfn_edits_apply(const struct xfn_manifest *from, struct xfn_edit *const *edits, size_t count,
		    enum xfn_edit_fate *fates, struct xfn_diag_list *diags,
		    struct xfn_manifest **ret)
{
	struct run run = {.from = from, .diags = diags};
	enum xfn_edit_fate *own = fates ? NULL : calloc(count + 1, sizeof(*own));
	struct xfn_manifest *made = NULL;
	int err = -ENOMEM;

	run.fragments = calloc(count + 1, sizeof(*run.fragments));
	if (run.fragments && (fates || own))
		err = index_functions(&run) ?: edit_all(&run, edits, count, fates ?: own, &made);
	run_fini(&run);
	free(own);
	if (!err)
		*ret = made;
	return err;
}

/* ---- one and the one before ----------------------------------------------------------------------- */

bool xfn_edit_is_of(const struct xfn_edit *edit, const struct xfn_function_spec *function)
{
	return edit->spec.function && !strcmp(edit->spec.function, function->name) &&
	       !strcmp(edit->spec.tenant, function->tenant);
}

static bool is_of_same(const struct xfn_edit *a, const struct xfn_edit *b)
{
	return a->spec.function && b->spec.function &&
	       !strcmp(a->spec.function, b->spec.function) &&
	       !strcmp(a->spec.tenant, b->spec.tenant);
}

static bool is_switch(const struct xfn_edit *edit)
{
	return edit->spec.kind == XFN_EDIT_OFF || edit->spec.kind == XFN_EDIT_ON;
}

bool xfn_edit_supersedes(const struct xfn_edit *edit, const struct xfn_edit *before)
{
	if (!is_of_same(edit, before) || is_trigger(edit))
		return false;
	return edit->spec.kind == before->spec.kind || (is_switch(edit) && is_switch(before));
}

/* Whether the one trigger of each is the same; hashes told the others apart. */
static bool is_same_trigger(const struct xfn_edit *a, const struct xfn_edit *b)
{
	struct xfn_diag_list nowhere = {};
	struct xfn_manifest *one = NULL, *other = NULL;
	bool same = false;

	if (!xfn_edit_fragment(a, &nowhere, &one) && !xfn_edit_fragment(b, &nowhere, &other))
		same = xfn_trigger_equal(one, one->triggers, other, other->triggers);
	xfn_manifest_free(one);
	xfn_manifest_free(other);
	xfn_diag_list_fini(&nowhere);
	return same;
}

bool xfn_edit_cancels(const struct xfn_edit *edit, const struct xfn_edit *before)
{
	const struct xfn_edit_spec *a = &edit->spec, *b = &before->spec;

	if (!is_trigger(edit) || !is_trigger(before) || a->kind == b->kind ||
	    !is_of_same(edit, before))
		return false;
	if (a->csv && b->csv && a->csv_bytes == b->csv_bytes)
		return !memcmp(a->csv, b->csv, a->csv_bytes);
	return edit->hash && edit->hash == before->hash && is_same_trigger(edit, before);
}
