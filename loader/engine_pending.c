/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change that is to be confirmed: live, and taken back by itself when nobody says in time that it may
 * stay. The flag and the deadline are in the revision, so that they outlive xfnd; what was live before
 * keeps its slots and programs until the matter is settled, so that going back needs no verifier, no
 * free slot and, at worst, no disk.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine_guard.h"
#include "handler.h"
#include "journal.h"
#include "loop.h"
#include "revision.h"
#include "units.h"

#define CONFIRM_MIN_NS XFN_NS_PER_S
#define CONFIRM_MAX_NS (3600 * XFN_NS_PER_S)
#define RETRY_NS       (5 * XFN_NS_PER_S)

__u64 xfn_boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (__u64)now.tv_sec * XFN_NS_PER_S + (__u64)now.tv_nsec;
}

static __u64 left_ns(const struct xfn_pending *pending)
{
	__u64 now_ns = xfn_boottime_ns();

	return pending->deadline_ns > now_ns ? pending->deadline_ns - now_ns : 0;
}

static void say(const struct xfn_engine *engine, const char *type, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(const struct xfn_engine *engine, const char *type, const char *format, ...)
{
	char text[1000];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = type}, "%s",
			text);
}

/* ---- before a change --------------------------------------------------------------------------- */

int xfn_pending_parse(struct xfn_change *change)
{
	const char *text = change->actor ? change->actor->confirm : NULL;
	struct xfn_unit_error error;
	__u64 within_ns;

	if (!text)
		return 0;
	if (xfn_duration_parse(text, strlen(text), &within_ns, &error) ||
	    within_ns < CONFIRM_MIN_NS || within_ns > CONFIRM_MAX_NS)
		return xfn_change_refuse(change, -EINVAL, 422, "invalid_duration",
					 "--confirm '%.40s' is no duration from 1s to 1h, expected "
					 "one such as 60s",
					 text);
	change->confirm_ns = within_ns;
	return 0;
}

static bool is_in_the_way(const struct xfn_change *change)
{
	__u64 pending = change->engine->pending.revision;

	return pending && change->reverts != pending;
}

int xfn_pending_guard(struct xfn_change *change)
{
	const struct xfn_pending *pending = &change->engine->pending;
	char left[XFN_UNIT_TEXT_MAX];

	if (!is_in_the_way(change))
		return 0;
	return xfn_change_refuse(
		change, -EBUSY, 409, "pending",
		"revision %llu is to be confirmed or taken back first, within %s: xfn confirm, or "
		"xfn rollback",
		pending->revision,
		xfn_duration_print((left_ns(pending) / XFN_NS_PER_S + 1) * XFN_NS_PER_S, left,
				   sizeof(left)));
}

void xfn_pending_warn(struct xfn_change *change, json_t *warnings)
{
	char text[120];

	if (!is_in_the_way(change))
		return;
	snprintf(text, sizeof(text),
		 "revision %llu is to be confirmed or taken back before anything is applied",
		 change->engine->pending.revision);
	json_array_append_new(warnings, json_string(text));
}

/* ---- after a change ---------------------------------------------------------------------------- */

static void forget(struct xfn_pending *pending)
{
	pending->revision = 0;
	xfn_model_free(pending->before);
	pending->before = NULL;
	pending->switched = false;
	xfn_timer_set(pending->timer, XFN_TIMER_OFF);
}

void xfn_pending_settle(struct xfn_change *change, struct xfn_model *old)
{
	struct xfn_engine *engine = change->engine;
	struct xfn_pending *pending = &engine->pending;
	char within[XFN_UNIT_TEXT_MAX];

	if (change->beside) {
		pending->switched = true;
		xfn_model_free(old);
		return;
	}
	forget(pending);
	if (!change->confirm_ns) {
		xfn_model_free(old);
		return;
	}
	pending->revision = engine->model->revision;
	pending->within_ns = change->confirm_ns;
	pending->deadline_ns = xfn_boottime_ns() + change->confirm_ns;
	pending->before = old;
	xfn_timer_set(pending->timer, change->confirm_ns);
	say(engine, "pending",
	    "revision %llu is taken back unless confirmed within %s: xfn confirm",
	    pending->revision, xfn_duration_print(pending->within_ns, within, sizeof(within)));
}

/* A set of a model takes the place of another that it was made of. */
static void replace_set(struct xfn_model *model, struct xfn_set *old, struct xfn_set *next)
{
	struct xfn_model_function *function;
	size_t i;

	for (i = 0; i < model->function_count; i++) {
		function = &model->functions[i];
		if (function->set != old)
			continue;
		function->spec =
			&next->manifest->functions[function->spec - old->manifest->functions];
		function->set = next;
	}
	for (i = 0; i < model->set_count; i++)
		if (model->sets[i] == old)
			model->sets[i] = xfn_set_get(next);
	xfn_set_put(old);
}

int xfn_pending_switch(struct xfn_engine *engine, const struct xfn_edit_spec *spec)
{
	struct xfn_model *before = engine->pending.before;
	const struct xfn_model_function *function;
	struct xfn_diag_list diags;
	struct xfn_set *next;
	struct xfn_edit *edit;
	int err;

	if (before && !spec->function)
		xfn_model_set_off(before, engine->model->off);
	if (!before || !spec->function)
		return 0;
	function = xfn_model_function(before, spec->tenant, spec->function);
	if (!function)
		return 0;
	edit = xfn_edit_new(spec);
	if (!edit)
		return -ENOMEM;
	xfn_diag_list_init(&diags);
	err = xfn_set_edit(function->set, edit, &diags, &next);
	xfn_diag_list_fini(&diags);
	xfn_edit_put(edit);
	if (err) /* it is so already, or there is no room for one more edit: then it is not kept */
		return err == -ENOMEM ? err : 0;
	replace_set(before, function->set, next);
	xfn_set_put(next);
	return 0;
}

/* What was switched beside the revision that is confirmed becomes one of its own. */
static void write_switches(struct xfn_engine *engine, const struct xfn_actor *actor, __u64 revision)
{
	struct xfn_actor consenting = *actor;
	char reason[120];
	struct xfn_change change;
	int err;

	consenting.yes = consenting.force = true; /* it is so already */
	consenting.confirm = NULL;
	err = xfn_change_init(&change, engine, &consenting, NULL);
	snprintf(reason, sizeof(reason), "switched while revision %llu was to be confirmed",
		 revision);
	change.reason = reason;
	if (!err)
		err = xfn_change_keep_sets(&change, NULL) ?:
		      xfn_change_keep_attachments(&change, NULL) ?:
		      xfn_change_commit(&change);
	if (err)
		say(engine, "error", "cannot write down what was %s; it stays in effect: %s",
		    reason, change.fault.text[0] ? change.fault.text : strerror(-err));
	xfn_change_fini(&change);
}

int xfn_engine_confirm(struct xfn_engine *engine, const struct xfn_actor *actor,
		       struct xfn_reply *reply)
{
	struct xfn_pending *pending = &engine->pending;
	__u64 revision = pending->revision;
	bool switched = pending->switched;
	int err;

	if (!revision)
		return xfn_reply_error(reply, 404, "nothing_pending", NULL,
				       "cannot confirm: no revision is waiting for it");
	err = xfn_revision_confirm(engine->options.state_dir, revision);
	if (err)
		return xfn_reply_error(
			reply, 500, "state", NULL,
			"cannot confirm revision %llu: its mark cannot be written in '%s': %s",
			revision, engine->options.state_dir, strerror(-err));
	forget(pending);
	say(engine, "confirm", "revision %llu is confirmed, by user %u", revision, actor->uid);
	if (switched)
		write_switches(engine, actor, revision);
	return xfn_reply_json(reply, json_pack("{s:I}", "revision", (json_int_t)revision));
}

/* ---- taking back ------------------------------------------------------------------------------- */

static int try_revert(struct xfn_engine *engine, const char *reason, bool usual)
{
	struct xfn_change change;
	int err = xfn_change_init(&change, engine, NULL, NULL);

	if (!err) {
		change.reverts = engine->pending.revision;
		change.restores = engine->pending.before->revision;
		change.reason = reason;
		err = xfn_change_restore(&change, engine->pending.before);
	}
	if (!err && usual)
		err = xfn_change_commit(&change);
	else if (!err)
		err = xfn_change_commit_as(&change, change.restores);
	if (err)
		say(engine, "error", "cannot take back revision %llu%s: %s",
		    engine->pending.revision, usual ? " as a revision of its own" : "",
		    change.fault.text[0] ? change.fault.text : strerror(-err));
	xfn_change_fini(&change);
	return err;
}

/*
 * The usual way, as a revision of its own. Where that fails, such as for a full disk, back to the number
 * that was live before; where even that does, again in a while.
 */
static void revert(struct xfn_engine *engine)
{
	struct xfn_pending *pending = &engine->pending;
	__u64 revision = pending->revision, restored;
	char within[XFN_UNIT_TEXT_MAX], reason[128];
	int err;

	snprintf(reason, sizeof(reason), "not confirmed within %s",
		 xfn_duration_print(pending->within_ns, within, sizeof(within)));
	if (!pending->before) {
		say(engine, "error",
		    "revision %llu was %s and cannot be taken back: what was before it cannot be "
		    "read; it stays: xfn confirm, or xfn rollback",
		    revision, reason);
		return;
	}
	restored = pending->before->revision;
	err = try_revert(engine, reason, true);
	if (err)
		err = try_revert(engine, reason, false);
	if (err) {
		xfn_timer_set(pending->timer, RETRY_NS);
		return;
	}
	say(engine, "revert", "revision %llu was %s: revision %llu is live again, as %llu",
	    revision, reason, restored, engine->model->revision);
	xfn_engine_refresh(engine); /* attaches what had to wait */
}

static void on_deadline(void *context)
{
	struct xfn_engine *engine = context;
	__u64 left = left_ns(&engine->pending);

	if (!engine->pending.revision)
		return;
	if (left)
		xfn_timer_set(engine->pending.timer, left);
	else
		revert(engine);
}

/* ---- after a start ----------------------------------------------------------------------------- */

/* Its programs are in their slots: nobody takes these while a revision is pending. */
static void take_programs(struct xfn_engine *engine, struct xfn_model *model)
{
	struct xfn_version *version;
	size_t i;

	for (i = 0; i < model->function_count; i++) {
		version = model->functions[i].version;
		if (!version)
			continue;
		version->program_fd = xfn_handler_in_slot(engine->dataplane, version->slot);
		if (version->program_fd < 0)
			version->program_fd = -1;
	}
}

static void read_before(struct xfn_engine *engine, __u64 revision)
{
	struct xfn_pending *pending = &engine->pending;
	struct xfn_fault fault = {};
	int err;

	if (!revision) {
		pending->before = xfn_model_new();
		return;
	}
	err = xfn_state_read(engine->options.state_dir, revision, &pending->before, &fault);
	if (!err)
		err = xfn_model_check(pending->before, &engine->dataplane->capacity, &fault);
	if (err) {
		xfn_model_free(pending->before);
		pending->before = NULL;
		say(engine, "error", "cannot read revision %llu in '%s': %s", revision,
		    engine->options.state_dir, fault.text[0] ? fault.text : strerror(-err));
		return;
	}
	take_programs(engine, pending->before);
}

static __u64 number_of(const json_t *json, const char *key)
{
	return (__u64)json_integer_value(json_object_get(json, key));
}

/* Looks whether the live revision is to be confirmed, before anything changes. */
int xfn_pending_open(struct xfn_engine *engine)
{
	struct xfn_pending *pending = &engine->pending;
	const char *state_dir = engine->options.state_dir;
	const json_t *confirm;
	json_t *record;
	int err = xfn_loop_add_timer(engine->options.loop, XFN_TIMER_OFF, on_deadline, engine,
				     &pending->timer);

	if (!err)
		err = xfn_record_read(state_dir, engine->model->revision, &record);
	if (err == -ENOENT)
		return 0; /* the first start, or a revision of an xfnd that knew nothing of this */
	if (err) {
		say(engine, "error", "cannot read revision %llu in '%s': %s: %s",
		    engine->model->revision, state_dir, XFN_RECORD_FILE, strerror(-err));
		return err;
	}
	confirm = json_object_get(record, "confirm");
	if (xfn_record_is_unconfirmed(state_dir, engine->model->revision, record)) {
		pending->revision = engine->model->revision;
		pending->within_ns = number_of(confirm, "within_ns");
		pending->deadline_ns = number_of(confirm, "deadline_ns");
		read_before(engine, number_of(record, "previous"));
	}
	json_decref(record);
	return 0;
}

void xfn_pending_resume(struct xfn_engine *engine)
{
	if (!engine->pending.revision)
		return;
	say(engine, "pending", "revision %llu is taken back unless confirmed: xfn confirm",
	    engine->pending.revision);
	on_deadline(engine);
}

/* ---- telling ----------------------------------------------------------------------------------- */

json_t *xfn_pending_json(const struct xfn_engine *engine)
{
	const struct xfn_pending *pending = &engine->pending;

	if (!pending->revision)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:b}", "revision", (json_int_t)pending->revision,
			 "within_ns", (json_int_t)pending->within_ns, "left_ns",
			 (json_int_t)left_ns(pending), "reverts", pending->before != NULL);
}
