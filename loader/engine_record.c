/* SPDX-License-Identifier: BSD-2-Clause */
/* What a revision says of itself: who made it, when, by which command, what it changed. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_guard.h"
#include "revision.h"
#include "units.h"

#define CHANGES_RECORDED 40

/*
 * From /etc/passwd alone: a directory service may not answer, and nobody waits for it here. "" where it
 * is not there.
 */
static void find_user(uid_t uid, char *name, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;

	name[0] = '\0';
	if (!file)
		return;
	while ((entry = fgetpwent(file))) {
		if (entry->pw_uid != uid)
			continue;
		snprintf(name, size, "%s", entry->pw_name);
		break;
	}
	fclose(file);
}

static void print_time(__u64 after_ns, char *text, size_t size)
{
	time_t at = time(NULL) + (time_t)(after_ns / XFN_NS_PER_S);
	struct tm utc;

	strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &utc));
}

/* NULL, and so left out, where it is not to be confirmed. */
static json_t *confirm_json(const struct xfn_change *change)
{
	char deadline[32];

	if (!change->confirm_ns)
		return NULL;
	print_time(change->confirm_ns, deadline, sizeof(deadline));
	return json_pack("{s:I, s:I, s:s}", "within_ns", (json_int_t)change->confirm_ns,
			 "deadline_ns", (json_int_t)(xfn_boottime_ns() + change->confirm_ns),
			 "deadline", deadline);
}

/* The first of them; *ret_count is how many there are. */
static json_t *changes_json(const struct xfn_change *change, size_t *ret_count)
{
	json_t *changes = xfn_model_diff(change->engine->model, change->next, NULL);

	if (!changes)
		return NULL;
	*ret_count = json_array_size(changes);
	while (json_array_size(changes) > CHANGES_RECORDED)
		json_array_remove(changes, json_array_size(changes) - 1);
	return changes;
}

static int set_number(json_t *record, const char *key, __u64 number)
{
	return number ? json_object_set_new(record, key, json_integer((json_int_t)number)) : 0;
}

static json_t *new_record(const struct xfn_change *change)
{
	static const struct xfn_actor nobody = {.command = ""};
	const struct xfn_actor *actor = change->actor ? change->actor : &nobody;
	char user[64], now[32];
	size_t count = 0;
	json_t *changes = changes_json(change, &count), *record;

	find_user(actor->uid, user, sizeof(user));
	print_time(0, now, sizeof(now));
	record = json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:o, s:o*, s:s*}", "time", now, "uid",
			   (json_int_t)actor->uid, "user", change->actor ? user : "xfnd", "command",
			   actor->command ? actor->command : "", "previous",
			   (json_int_t)change->engine->model->revision, "change_count",
			   (json_int_t)count, "changes", changes, "confirm", confirm_json(change),
			   "reason", change->reason);
	if (record && !set_number(record, "restores", change->restores) &&
	    !set_number(record, "reverts", change->reverts))
		return record;
	json_decref(record);
	return NULL;
}

int xfn_record_read(const char *state_dir, __u64 revision, json_t **ret)
{
	void *text;
	json_t *record;
	size_t size;
	int err = xfn_revision_read_file(state_dir, revision, XFN_RECORD_FILE, &text, &size);

	if (err)
		return err;
	record = json_loadb(text, size, 0, NULL);
	free(text);
	if (!json_is_object(record)) {
		json_decref(record);
		return -EBADMSG;
	}
	*ret = record;
	return 0;
}

bool xfn_record_is_unconfirmed(const char *state_dir, __u64 revision, const json_t *record)
{
	return json_object_get(record, "confirm") &&
	       !xfn_revision_is_confirmed(state_dir, revision);
}

int xfn_record_write(const struct xfn_change *change)
{
	json_t *record = new_record(change);
	int err = record ? xfn_state_write(change, record) : -ENOMEM;

	json_decref(record);
	return err;
}
