/* SPDX-License-Identifier: BSD-2-Clause */
/* The program that `attach --next` names: checked when it is named, entered, and entered again. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "dataplane_load.h"
#include "engine_private.h"
#include "engine_trace.h"
#include "fnv.h"
#include "journal.h"
#include "loop.h"
#include "next.h"

/* A pin that is not there may be made later, by another service at boot: bpffs tells nobody. */
#define RETRY_NS 2000000000ULL

/* ---- naming it ------------------------------------------------------------------------------------- */

static const char *attach_type_label(__u32 attach_type)
{
	return attach_type == BPF_XDP ? "attach type 'xdp'" : "no attach type";
}

/* What the data plane has to be made for so that all of them fit; -1 where it does not matter. */
static int attach_type_for(const struct xfn_dataplane *dataplane, const char *path)
{
	struct xfn_fault ignored; /* said by xfn_change_next() */
	struct xfn_next next;
	int company;

	if (xfn_next_open(dataplane, path, &next, &ignored))
		return -1;
	company = xfn_next_company(next.fd);
	close(next.fd);
	return company == XFN_NEXT_WITH_XDP ? BPF_XDP : company == XFN_NEXT_WITH_NONE ? 0 : -1;
}

__u32 xfn_engine_attach_type(const struct xfn_engine *engine, bool coexist, const char *next)
{
	int wanted = coexist ? 0 : next && next[0] ? attach_type_for(engine->dataplane, next) : -1;

	return wanted < 0 ? engine->dataplane->capacity.attach_type : (__u32)wanted;
}

int xfn_change_refuse_attach_type(struct xfn_change *change, __u32 wanted)
{
	return xfn_change_refuse(
		change, -EBUSY, 409, "attach_type",
		"%s wants xfn's programs loaded for %s, and those in use are loaded for %s: detach "
		"all interfaces and apply an empty manifest first, or xfnd --reset",
		wanted ? "--next" : "--coexist", attach_type_label(wanted),
		attach_type_label(change->engine->dataplane->capacity.attach_type));
}

static int refuse_company(struct xfn_change *change, const char *path, int company)
{
	__u32 have = change->capacity.attach_type;
	int with = have == BPF_XDP ? XFN_NEXT_WITH_XDP : XFN_NEXT_WITH_NONE;

	if (company & with)
		return 0;
	if (!company)
		return xfn_change_refuse(change, -EINVAL, 422, "next_refused",
					 "next '%s': that program was loaded with support for "
					 "fragments (xdp.frags), expected one without",
					 path);
	return xfn_change_refuse(change, -EINVAL, 422, "next_refused",
				 "next '%s': that program was loaded for %s, expected %s, as xfn's "
				 "own in use are",
				 path, attach_type_label(have ? 0 : BPF_XDP),
				 attach_type_label(have));
}

int xfn_change_next(struct xfn_change *change, struct xfn_attachment *attachment)
{
	struct xfn_fault fault;
	struct xfn_next next;
	int company, err;

	if (!attachment->next[0])
		return 0;
	err = xfn_next_open(change->engine->dataplane, attachment->next, &next, &fault);
	if (err)
		return xfn_change_refuse(change, err, 422, "next_refused", "next '%s': %s",
					 attachment->next, fault.text);
	company = xfn_next_company(next.fd);
	close(next.fd);
	if (company == -EINVAL || company == -EBUSY)
		return xfn_change_refuse(change, company, 422, "next_refused",
					 "next '%s': the kernel calls that program from no other "
					 "(%s), as where libxdp's dispatcher extends it",
					 attachment->next, strerror(-company));
	if (company < 0)
		return company;
	attachment->next_id = next.id;
	memcpy(attachment->next_tag, next.tag, sizeof(attachment->next_tag));
	return refuse_company(change, attachment->next, company);
}

/* ---- entering it ------------------------------------------------------------------------------------ */

/* A hash of what an entry is made for; never 0. */
static __u64 mark_of(const struct xfn_attachment *attachment)
{
	return xfn_fnv(XFN_FNV_START ^ attachment->next_id, attachment->next,
		       strlen(attachment->next))
		       ?: 1;
}

bool xfn_engine_next_runs(const struct xfn_engine *engine, __u32 slot,
			  const struct xfn_attachment *attachment)
{
	return engine->dataplane->interfaces[slot].next == mark_of(attachment) &&
	       xfn_dataplane_next_id(engine->dataplane, slot);
}

static void say(struct xfn_engine *engine, const char *type,
		const struct xfn_attachment *attachment, const char *what, const char *why)
{
	xfn_journal_add(engine->options.journal,
			&(struct xfn_journal_event){.type = type, .interface = attachment->name},
			"next '%s': %s%s%s", attachment->next, what, *why ? ": " : "", why);
}

/* The program that was named, or, after a reboot, the one that has its place. */
static int open_again(struct xfn_engine *engine, const struct xfn_attachment *attachment,
		      struct xfn_fault *fault)
{
	struct xfn_next next;
	int err;

	err = xfn_next_open(engine->dataplane, attachment->next, &next, fault);
	if (err)
		return err;
	if (memcmp(next.tag, attachment->next_tag, sizeof(next.tag)))
		say(engine, "next", attachment, "another program is pinned there than was before",
		    "");
	return next.fd;
}

bool xfn_engine_enter_next(struct xfn_engine *engine, __u32 slot,
			   const struct xfn_attachment *attachment)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	bool had = dataplane->interfaces[slot].next;
	struct xfn_fault fault = {};
	int fd, err;

	if (!attachment->next[0]) {
		if (dataplane->interface[slot].has_next)
			xfn_engine_trace_end(engine, "changed");
		if (had || dataplane->interface[slot].has_next)
			xfn_dataplane_clear_next(dataplane, slot);
		return true;
	}
	if (xfn_engine_next_runs(engine, slot, attachment))
		return true;
	if (dataplane->interface[slot].has_next != !!attachment->next[0])
		xfn_engine_trace_end(
			engine,
			"changed"); /* another ingress takes the place of the one that copies */
	fd = open_again(engine, attachment, &fault);
	err = fd < 0 ? fd
		     : xfn_dataplane_set_next(dataplane, slot, fd, mark_of(attachment), &fault);
	if (fd >= 0)
		close(fd);
	if (err && had)
		xfn_dataplane_clear_next(dataplane, slot);
	if (err && !engine->next_missing[slot])
		say(engine, "error", attachment, "what is nobody's passes to the stack",
		    fault.text[0] ? fault.text : strerror(-err));
	else if (!err && engine->next_missing[slot])
		say(engine, "next", attachment, "gets what is nobody's again", "");
	engine->next_missing[slot] = err;
	return !err;
}

void xfn_engine_settle_next(struct xfn_engine *engine, const struct xfn_model *model)
{
	const struct xfn_dataplane_interface *interface;
	const struct xfn_attachment *attachment;
	bool missing = false;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		attachment = interface->used ? xfn_model_attachment(model, interface->name) : NULL;
		if (attachment && !xfn_engine_enter_next(engine, slot, attachment))
			missing = true;
	}
	if (engine->next_retry)
		xfn_timer_set(engine->next_retry, missing ? RETRY_NS : XFN_TIMER_OFF);
}

static void on_retry(void *context)
{
	struct xfn_engine *engine = context;

	xfn_engine_settle_next(engine, engine->model);
}

int xfn_engine_watch_next(struct xfn_engine *engine)
{
	return xfn_loop_add_timer(engine->options.loop, XFN_TIMER_OFF, on_retry, engine,
				  &engine->next_retry);
}

/* ---- showing it ------------------------------------------------------------------------------------- */

json_t *xfn_engine_next_json(const struct xfn_engine *engine, const char *interface)
{
	const struct xfn_attachment *attachment = xfn_model_attachment(engine->model, interface);
	int slot = xfn_dataplane_find(engine->dataplane, interface);
	bool runs;

	if (!attachment || !attachment->next[0])
		return json_null();
	runs = slot >= 0 && xfn_engine_next_runs(engine, slot, attachment);
	return json_pack("{s:s, s:I, s:s}", "path", attachment->next, "id",
			 (json_int_t)(runs ? xfn_dataplane_next_id(engine->dataplane, slot) : 0),
			 "state", runs ? "running" : "gone");
}
