/* SPDX-License-Identifier: BSD-2-Clause */
/* history: the revisions that are kept, who made each, how, and what became of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_guard.h"
#include "revision.h"

/* Members of a record that are told as they are; what is not there is left out. */
static const char *const told[] = {"time",    "uid",     "user",     "command", "change_count",
				   "changes", "confirm", "restores", "reverts", "reason"};

static int copy_members(json_t *to, const json_t *record)
{
	json_t *value;
	size_t i;

	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		value = json_object_get(record, told[i]);
		if (value && json_object_set(to, told[i], value))
			return -ENOMEM;
	}
	return 0;
}

/* One of an xfnd that wrote no record: what its meta.json says. */
static int read_old(const char *state_dir, __u64 revision, json_t **ret)
{
	json_t *meta;
	int err = xfn_revision_read(state_dir, revision, &meta);

	if (err)
		return err;
	*ret = json_pack("{s:O?, s:O?, s:O?}", "time", json_object_get(meta, "time"), "uid",
			 json_object_get(meta, "uid"), "command", json_object_get(meta, "command"));
	json_decref(meta);
	return *ret ? 0 : -ENOMEM;
}

static const char *state_of(const struct xfn_engine *engine, __u64 revision, const json_t *record)
{
	if (!record)
		return "damaged";
	if (revision == engine->pending.revision)
		return "pending";
	if (xfn_record_is_unconfirmed(engine->options.state_dir, revision, record))
		return "reverted";
	return "confirmed";
}

static int add_revision(const struct xfn_engine *engine, __u64 revision, json_t *list)
{
	const char *state_dir = engine->options.state_dir;
	json_t *record = NULL, *entry;
	int err = xfn_record_read(state_dir, revision, &record);

	if (err == -ENOENT)
		err = read_old(state_dir, revision, &record);
	if (err == -ENOMEM)
		return err;
	entry = json_pack("{s:I, s:b, s:s}", "revision", (json_int_t)revision, "live",
			  revision == engine->model->revision, "state",
			  state_of(engine, revision, record));
	err = entry ? copy_members(entry, record) : -ENOMEM;
	json_decref(record);
	if (err) {
		json_decref(entry);
		return err;
	}
	return json_array_append_new(list, entry) ? -ENOMEM : 0;
}

int xfn_engine_history(struct xfn_engine *engine, struct xfn_reply *reply)
{
	__u64 *numbers = NULL;
	size_t count = 0, i;
	json_t *list;
	int err = xfn_revision_list(engine->options.state_dir, &numbers, &count);

	if (err)
		return err;
	list = json_array();
	err = list ? 0 : -ENOMEM;
	for (i = 0; i < count && !err; i++)
		err = add_revision(engine, numbers[i], list);
	free(numbers);
	if (err) {
		json_decref(list);
		return err;
	}
	return xfn_reply_json(reply, json_pack("{s:o}", "revisions", list));
}
