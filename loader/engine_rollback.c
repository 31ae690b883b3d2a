/* SPDX-License-Identifier: BSD-2-Clause */
/* rollback: an earlier revision becomes the live state again, the way of all changes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_guard.h"
#include "journal.h"
#include "revision.h"

struct rollback {
	struct xfn_change change;
	struct xfn_reply *reply;
	__u64 target;
	struct xfn_model *read; /* the revision's model, where it is not kept anyway */
	json_t *changes;
};

/* ---- which ------------------------------------------------------------------------------------- */

/* "3, 4 and 5", newest last; as many as fit. */
static void print_numbers(const __u64 *numbers, size_t count, char *text, size_t size)
{
	size_t at = 0, i;

	text[0] = '\0';
	for (i = count; i-- && at + 24 < size;)
		at += (size_t)snprintf(text + at, size - at, "%s%llu",
				       i + 1 == count ? ""
				       : i            ? ", "
						      : " and ",
				       numbers[i]);
}

static bool is_one_of(__u64 number, const __u64 *numbers, size_t count)
{
	while (count--)
		if (numbers[count] == number)
			return true;
	return false;
}

/* True for a revision that never was confirmed and is over. */
static bool was_taken_back(const char *state_dir, __u64 revision)
{
	json_t *record;
	bool unconfirmed;

	if (xfn_record_read(state_dir, revision, &record))
		return false;
	unconfirmed = xfn_record_is_unconfirmed(state_dir, revision, record);
	json_decref(record);
	return unconfirmed;
}

/* The live one's number; or, if it took a pending one back, the number of what it brought back. */
static __u64 number_lived(const struct xfn_engine *engine)
{
	__u64 number = engine->model->revision;
	json_t *record;

	if (xfn_record_read(engine->options.state_dir, number, &record))
		return number;
	if (json_object_get(record, "reverts"))
		number = (__u64)json_integer_value(json_object_get(record, "restores"));
	json_decref(record);
	return number;
}

/* The newest before the live one that was not taken back; 0: none. */
static __u64 find_previous(const struct xfn_engine *engine, const __u64 *numbers, size_t count)
{
	__u64 lived = number_lived(engine);
	size_t i;

	for (i = 0; i < count; i++)
		if (numbers[i] < lived && !was_taken_back(engine->options.state_dir, numbers[i]))
			return numbers[i];
	return 0;
}

static int refuse_target(struct xfn_reply *reply, const char *what, const __u64 *numbers,
			 size_t count)
{
	char text[600];
	int err;

	print_numbers(numbers, count, text, sizeof(text));
	err = xfn_reply_error(reply, 404, "no_such_revision", NULL, "no revision %s: %s%s", what,
			      count ? "there are " : "there is none", text);
	return err ?: 1;
}

static int choose(const struct xfn_engine *engine, const char *text, const __u64 *numbers,
		  size_t count, struct xfn_reply *reply, __u64 *ret)
{
	char what[80];
	char *end;

	if (!text) {
		*ret = find_previous(engine, numbers, count);
		return *ret ? 0 : refuse_target(reply, "before the live one", numbers, count);
	}
	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end || errno || !is_one_of(*ret, numbers, count)) {
		snprintf(what, sizeof(what), "'%.40s'", text);
		return refuse_target(reply, what, numbers, count);
	}
	if (*ret != engine->model->revision)
		return 0;
	return xfn_reply_error(reply, 409, "live", NULL,
			       "cannot roll back to revision %llu: it is the live one", *ret)
		       ?: 1;
}

/* Returns 0, 1 where the reply says why not, or -errno. */
static int find_target(struct rollback *rollback, const char *text)
{
	const struct xfn_engine *engine = rollback->change.engine;
	__u64 *numbers = NULL;
	size_t count = 0;
	int err = xfn_revision_list(engine->options.state_dir, &numbers, &count);

	if (!err)
		err = choose(engine, text, numbers, count, rollback->reply, &rollback->target);
	free(numbers);
	return err;
}

/* ---- there ------------------------------------------------------------------------------------- */

static int read_target(struct rollback *rollback, struct xfn_model **ret)
{
	struct xfn_change *change = &rollback->change;
	struct xfn_model *before = change->engine->pending.before;
	struct xfn_fault fault = {};
	int err;

	if (before && before->revision == rollback->target) {
		*ret = before;
		return 0;
	}
	err = xfn_revision_check(change->engine->options.state_dir, rollback->target);
	if (!err)
		err = xfn_state_read(change->engine->options.state_dir, rollback->target,
				     &rollback->read, &fault);
	*ret = rollback->read;
	if (!err || err == -ENOMEM)
		return err;
	return xfn_change_refuse(change, err, 409, "damaged", "revision %llu cannot be read: %s",
				 rollback->target, fault.text[0] ? fault.text : strerror(-err));
}

static int refuse_confirm(struct xfn_change *change)
{
	return xfn_change_refuse(change, -EBUSY, 409, "pending",
				 "revision %llu is to be confirmed or taken back first: a rollback "
				 "from it cannot be one to be confirmed",
				 change->engine->pending.revision);
}

/* The first interface that is particular about it decides. */
static __u32 wanted_attach_type(const struct xfn_engine *engine, const struct xfn_model *wanted)
{
	__u32 have = engine->dataplane->capacity.attach_type, attach_type;
	size_t i;

	for (i = 0; i < wanted->attachment_count; i++) {
		attach_type = xfn_engine_attach_type(engine, wanted->attachments[i].coexist,
						     wanted->attachments[i].next);
		if (attach_type != have)
			return attach_type;
	}
	return have;
}

/*
 * As apply does. A data plane in use that takes no such `next` is no reason to refuse: the way back is for
 * when something has gone wrong, and interfaces do without theirs meanwhile, which is said.
 */
static int make_room(struct rollback *rollback, const struct xfn_model *wanted)
{
	struct xfn_engine *engine = rollback->change.engine;
	const struct xfn_capacity *have = &engine->dataplane->capacity;
	struct xfn_capacity asked = xfn_capacity_of_model(wanted), capacity;
	__u32 attach_type = have->attach_type;

	if (wanted == engine->pending.before)
		return 0; /* it is there yet, so there is room */
	if (xfn_engine_is_empty(engine))
		attach_type = wanted_attach_type(engine, wanted);
	capacity = xfn_capacity_with(have, asked.triggers, asked.functions, attach_type);
	return xfn_change_make_room(&rollback->change, &capacity, false);
}

static int run(struct rollback *rollback)
{
	struct xfn_change *change = &rollback->change;
	struct xfn_engine *engine = change->engine;
	struct xfn_model *wanted;
	int err = read_target(rollback, &wanted) ?: make_room(rollback, wanted) ?:
		  xfn_change_init(change, engine, change->actor, NULL);

	if (!err && change->confirm_ns && engine->pending.revision)
		err = refuse_confirm(change);
	if (err)
		return err;
	change->restores = rollback->target;
	change->reverts = engine->pending.revision;
	err = xfn_change_restore(change, wanted);
	if (err)
		return err;
	rollback->changes = xfn_model_diff(engine->model, change->next, NULL);
	return rollback->changes ? xfn_change_commit(change) : -ENOMEM;
}

static int answer(struct rollback *rollback)
{
	struct xfn_engine *engine = rollback->change.engine;
	json_t *warnings = json_array();

	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = "rollback"},
			"revision %llu is live again, as %llu", rollback->target,
			engine->model->revision);
	if (!warnings)
		return -ENOMEM;
	if (engine->model->off)
		json_array_append_new(
			warnings, json_string(rollback->change.reverts
						      ? "every function is switched off: xfn on"
						      : "every function is switched off, and stays "
							"so: xfn on"));
	xfn_sessions_warn(&rollback->change, warnings);
	return xfn_reply_json(rollback->reply,
			      json_pack("{s:I, s:I, s:O, s:o}", "revision",
					(json_int_t)engine->model->revision, "restored",
					(json_int_t)rollback->target, "changes", rollback->changes,
					"warnings", warnings));
}

int xfn_engine_rollback(struct xfn_engine *engine, const char *revision,
			const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct rollback rollback = {.change = {.engine = engine, .actor = actor}, .reply = reply};
	__u32 attach_type = engine->dataplane->capacity.attach_type;
	char what[64];
	int err = find_target(&rollback, revision);

	if (err)
		return err > 0 ? 0 : err;
	err = run(&rollback);
	snprintf(what, sizeof(what), "roll back to revision %llu", rollback.target);
	err = err ? xfn_change_reply(&rollback.change, err, what, reply) : answer(&rollback);
	json_decref(rollback.changes);
	xfn_change_fini(&rollback.change);
	xfn_model_free(rollback.read);
	if (err || reply->http_status != 200)
		xfn_engine_restore_attach_type(engine, attach_type);
	return err;
}
