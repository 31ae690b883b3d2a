/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "set.h"
#include "trigger_set.h"

struct xfn_set *xfn_set_get(struct xfn_set *set)
{
	set->references++;
	return set;
}

void xfn_set_put(struct xfn_set *set)
{
	size_t i;

	if (!set || --set->references)
		return;
	if (set->manifest != set->written->manifest)
		xfn_manifest_free(set->manifest);
	for (i = 0; i < set->edit_count; i++)
		xfn_edit_put(set->edits[i]);
	free(set->edits);
	xfn_written_put(set->written);
	free(set);
}

/* One without edits, with room for @room of them. */
static struct xfn_set *make(struct xfn_written *written, size_t room)
{
	struct xfn_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->references = 1;
	set->written = xfn_written_get(written);
	set->manifest = written->manifest;
	set->edits = calloc(room + 1, sizeof(set->edits[0]));
	if (set->edits)
		return set;
	xfn_set_put(set);
	return NULL;
}

static void add_edit(struct xfn_set *set, struct xfn_edit *edit)
{
	set->edits[set->edit_count++] = xfn_edit_get(edit);
}

int xfn_set_new(struct xfn_written *written, struct xfn_edit *const *edits, size_t count,
		enum xfn_edit_fate *fates, struct xfn_set **ret)
{
	struct xfn_set *set = make(written, count);
	enum xfn_edit_fate *own = fates ? NULL : calloc(count + 1, sizeof(*own));
	size_t i;
	int err = set && (fates || own) ? 0 : -ENOMEM;

	fates = fates ?: own;
	if (!err && count)
		err = xfn_edits_apply(written->manifest, edits, count, fates, NULL, &set->manifest);
	for (i = 0; i < count && !err; i++)
		if (fates[i] == XFN_EDIT_APPLIED)
			add_edit(set, edits[i]);
	free(own);
	if (err) {
		xfn_set_put(set);
		return err;
	}
	*ret = set;
	return 0;
}

/* ---- one more edit -------------------------------------------------------------------------------- */

static const struct xfn_function_spec *find_function(const struct xfn_manifest *manifest,
						     const struct xfn_edit *edit)
{
	size_t i;

	for (i = 0; i < manifest->function_count; i++)
		if (xfn_edit_is_of(edit, &manifest->functions[i]))
			return &manifest->functions[i];
	return NULL;
}

/* With @now, of the edited manifest, the function is what the user wrote. */
static bool is_as_written(const struct xfn_set *set, const struct xfn_edit *edit,
			  const struct xfn_manifest *now)
{
	const struct xfn_function_spec *function = find_function(now, edit);

	return function &&
	       xfn_edit_is_needless(edit,
				    &set->written->manifest->functions[function - now->functions],
				    function);
}

static size_t bytes_of(const struct xfn_edit *edit)
{
	return edit->spec.csv_bytes + (edit->spec.text ? strlen(edit->spec.text) : 0);
}

/*
 * Whether the edits of @next, one more than before, are within the bounds. Switches have room of their
 * own: off is for the moment when something else has gone wrong.
 */
static int check_room(const struct xfn_set *next, const struct xfn_edit *edit)
{
	bool is_switch = edit->spec.kind == XFN_EDIT_OFF || edit->spec.kind == XFN_EDIT_ON;
	size_t bytes = 0, i;

	for (i = 0; i < next->edit_count; i++)
		bytes += bytes_of(next->edits[i]);
	if (is_switch)
		return next->edit_count > XFN_EDITS_KEPT_MAX ? -EDQUOT : 0;
	return next->edit_count > XFN_EDITS_MAX || bytes > XFN_EDITS_BYTES_MAX ? -EDQUOT : 0;
}

static bool is_trigger(const struct xfn_edit *edit)
{
	return edit->spec.kind == XFN_EDIT_TRIGGER_ADD || edit->spec.kind == XFN_EDIT_TRIGGER_RM;
}

/* 1 if the edit's function has the same triggers in both, in any order; 0 if not; -ENOMEM. */
static int has_same_triggers(const struct xfn_edit *edit, const struct xfn_manifest *a,
			     const struct xfn_manifest *b)
{
	const struct xfn_function_spec *one = find_function(a, edit),
				       *other = find_function(b, edit);
	const struct xfn_trigger_spec *triggers;
	struct xfn_trigger_set set;
	__u32 i;

	if (!one || !other || one->trigger_count != other->trigger_count)
		return 0;
	if (xfn_trigger_set_init(&set, a, one))
		return -ENOMEM;
	triggers = xfn_function_triggers(b, other);
	for (i = 0; i < other->trigger_count; i++)
		if (xfn_trigger_set_remove(&set, b, &triggers[i]))
			break;
	xfn_trigger_set_fini(&set);
	return i == other->trigger_count;
}

/* Fills @next with the edits that are left. Returns whether @edit is one of them. */
static bool keep_edits(const struct xfn_set *set, struct xfn_edit *edit,
		       const struct xfn_manifest *now, struct xfn_set *next)
{
	bool cancelled = false;
	size_t i;

	for (i = 0; i < set->edit_count; i++) {
		if (!cancelled && xfn_edit_cancels(edit, set->edits[i]))
			cancelled = true;
		else if (!xfn_edit_supersedes(edit, set->edits[i]))
			add_edit(next, set->edits[i]);
	}
	if (cancelled || is_as_written(set, edit, now))
		return false;
	add_edit(next, edit);
	return true;
}

/* Fills @next with all edits and @edit behind them: what was made with it is what they make. */
static void append_edit(const struct xfn_set *set, struct xfn_edit *edit, struct xfn_manifest *now,
			struct xfn_set *next)
{
	size_t i;

	while (next->edit_count)
		xfn_edit_put(next->edits[--next->edit_count]);
	for (i = 0; i < set->edit_count; i++)
		add_edit(next, set->edits[i]);
	add_edit(next, edit);
	next->manifest = now;
}

/*
 * Two edits have left each other nothing: the manifest is made of those that stay, since strings of
 * @edit may be in @now. But where one of the two did less than it says, or one between them did some of
 * the same, those that stay make something else: then none may go.
 */
static int settle_without(const struct xfn_set *set, struct xfn_edit *edit,
			  struct xfn_manifest *now, struct xfn_set *next)
{
	struct xfn_manifest *made;
	int err = 0;

	if (next->edit_count) {
		err = xfn_edits_apply(set->written->manifest, next->edits, next->edit_count, NULL,
				      NULL, &made);
		if (err)
			return err;
		next->manifest = made;
	}
	if (!is_trigger(edit))
		return 0;
	err = has_same_triggers(edit, next->manifest, now);
	if (err)
		return err < 0 ? err : 0;
	if (next->manifest != set->written->manifest)
		xfn_manifest_free(next->manifest);
	append_edit(set, edit, now, next);
	return 0;
}

int xfn_set_edit(const struct xfn_set *set, struct xfn_edit *edit, struct xfn_diag_list *diags,
		 struct xfn_set **ret)
{
	struct xfn_set *next = NULL;
	struct xfn_manifest *now;
	enum xfn_edit_fate fate;
	int err = xfn_edits_apply(set->manifest, &edit, 1, &fate, diags, &now);

	if (err)
		return err;
	if (fate != XFN_EDIT_APPLIED)
		err = -EALREADY;
	else if (!(next = make(set->written, set->edit_count + 1)))
		err = -ENOMEM;
	else if (keep_edits(set, edit, now, next))
		next->manifest = now;
	else
		err = settle_without(set, edit, now, next);
	if (!err && next->edit_count > set->edit_count)
		err = check_room(next, edit);
	if (!next || next->manifest != now)
		xfn_manifest_free(now);
	if (err) {
		xfn_set_put(next);
		return err;
	}
	*ret = next;
	return 0;
}
