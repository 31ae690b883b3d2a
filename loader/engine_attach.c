/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces: attached as the model wants, followed as they and their addresses come and go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <net/if_arp.h>

#include "dataplane_load.h"
#include "engine_guard.h"
#include "forecast.h"
#include "interface.h"
#include "engine_instances.h"
#include "engine_keeper.h"
#include "journal.h"
#include "loop.h"
#include "netlink.h"
#include "targets.h"

/* Changes of links and addresses come in bursts: one look a burst. */
#define REFRESH_DELAY_NS 20000000ULL

/* ---- addresses -------------------------------------------------------------------------------------- */

static __u32 add_attached(const struct xfn_change *change, struct xfn_wire *wires)
{
	const struct xfn_dataplane *dataplane = change->engine->dataplane;
	const struct xfn_dataplane_interface *interface;
	bool all = !change->dry && !change->parted;
	__u32 slot, count = 0;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &dataplane->interface[slot];
		if (!interface->used ||
		    (!all && !xfn_model_attachment(change->next, interface->name)))
			continue;
		wires[count] =
			(struct xfn_wire){.ifindex = interface->ifindex,
					  .slot = slot,
					  .fresh = !xfn_dataplane_is_linked(dataplane, slot)};
		memcpy(wires[count++].name, interface->name, sizeof(interface->name));
	}
	return count;
}

static __u32 add_planned(const struct xfn_change *change, struct xfn_wire *wires, __u32 count)
{
	const struct xfn_dataplane *dataplane = change->engine->dataplane;
	const struct xfn_model *next = change->next;
	struct xfn_link link;
	__u32 slot = 0;
	size_t i;

	for (i = 0; i < next->attachment_count; i++) {
		if (xfn_dataplane_find(dataplane, next->attachments[i].name) >= 0 ||
		    xfn_link_find(next->attachments[i].name, &link))
			continue;
		while (slot < XFN_INTERFACES_MAX && dataplane->interface[slot].used)
			slot++;
		if (slot == XFN_INTERFACES_MAX)
			break; /* one too many: apply says so */
		wires[count] =
			(struct xfn_wire){.ifindex = link.ifindex, .slot = slot++, .fresh = true};
		memcpy(wires[count++].name, next->attachments[i].name, sizeof(wires->name));
	}
	return count;
}

__u32 xfn_change_wires(const struct xfn_change *change, struct xfn_wire wires[XFN_INTERFACES_MAX])
{
	__u32 count = add_attached(change, wires);

	return change->dry ? add_planned(change, wires, count) : count;
}

static bool is_wire(const struct xfn_wire *wires, __u32 count, __u32 ifindex)
{
	while (count--)
		if (wires[count].ifindex == ifindex)
			return true;
	return false;
}

static void put_address(struct xfn_ruleset_address *to, __u8 family, __u8 kind, const __u8 *bytes,
			size_t size)
{
	memset(to, 0, sizeof(*to));
	to->family = family;
	to->kind = kind;
	memcpy(to->addr, bytes, size);
}

int xfn_wires_addresses(const struct xfn_wire *wires, __u32 wire_count,
			struct xfn_ruleset_address **ret, __u32 *ret_count)
{
	struct xfn_netlink_state state = {};
	struct xfn_ruleset_address *list;
	const struct xfn_address *address;
	int err = xfn_netlink_read(&state);
	__u32 count = 0;
	size_t i;
	int b;

	if (err)
		return err;
	list = calloc(state.address_count * (1 + XFN_BROADCASTS_MAX) + 1, sizeof(*list));
	if (!list) {
		xfn_netlink_state_fini(&state);
		return -ENOMEM;
	}
	for (i = 0; i < state.address_count; i++) {
		address = &state.addresses[i];
		if (!is_wire(wires, wire_count, address->ifindex))
			continue;
		put_address(&list[count++], address->family, XFN_ADDRESS_OWN, address->address,
			    sizeof(address->address));
		for (b = 0; b < address->broadcast_count; b++)
			put_address(&list[count++], AF_INET, XFN_ADDRESS_BROADCAST,
				    address->broadcast[b], 4);
	}
	xfn_netlink_state_fini(&state);
	*ret = list;
	*ret_count = count;
	return 0;
}

/* ---- attaching -------------------------------------------------------------------------------------- */

static int prepare(struct xfn_change *change, const struct xfn_attachment *attachment)
{
	struct xfn_dataplane_request request = {.name = attachment->name,
						.generic = attachment->generic,
						.coexist = attachment->coexist,
						.has_next = attachment->next[0]};
	struct xfn_link link;
	int err = xfn_link_find(attachment->name, &link), slot;

	if (err == -ENODEV)
		return xfn_change_refuse(change, err, 404, "no_such_interface",
					 "interface '%s' does not exist in this network namespace",
					 attachment->name);
	if (err)
		return err;
	if (strcmp(link.name, attachment->name))
		return xfn_change_refuse(change, -EINVAL, 422, "alternative_name",
					 "'%s' is another name of interface '%s', expected '%s'",
					 attachment->name, link.name, link.name);
	if (link.hardware != ARPHRD_ETHER)
		return xfn_change_refuse(
			change, -EINVAL, 422, "not_ethernet",
			"interface '%s' is not Ethernet, expected an Ethernet-like "
			"interface",
			attachment->name);
	request.ifindex = link.ifindex;
	memcpy(request.mac, link.mac, sizeof(request.mac));
	slot = xfn_dataplane_prepare(change->engine->dataplane, &request, &change->fault);
	if (slot == -ENOSPC)
		return xfn_change_refuse(change, slot, 422, "over_capacity",
					 "interface '%s' is one too many, expected at most %d",
					 attachment->name, XFN_INTERFACES_MAX);
	if (slot >= 0) /* before the first packet comes */
		xfn_engine_enter_next(change->engine, slot, attachment);
	return slot;
}

int xfn_change_attach(struct xfn_change *change, bool slots[XFN_INTERFACES_MAX])
{
	const struct xfn_model *next = change->next;
	const struct xfn_attachment *attachment;
	struct xfn_link link;
	size_t i;
	int slot;

	for (i = 0; i < next->attachment_count; i++) {
		attachment = &next->attachments[i];
		if (xfn_dataplane_find(change->engine->dataplane, attachment->name) >= 0)
			continue;
		/* One that waits for its interface goes on waiting; one of a manifest may begin to. */
		if (xfn_model_attachment(change->engine->model, attachment->name) ||
		    (attachment->set[0] && xfn_link_find(attachment->name, &link) == -ENODEV))
			continue;
		slot = prepare(change, attachment);
		if (slot < 0)
			return slot;
		slots[slot] = true;
	}
	return 0;
}

static const char *driver_of(const struct xfn_interface_facts *facts)
{
	return facts->driver[0] ? facts->driver : "its driver";
}

/* Says why the kernel would not attach, and what to do. */
static int explain_link(struct xfn_change *change, __u32 slot, int err)
{
	const struct xfn_dataplane_interface *interface =
		&change->engine->dataplane->interface[slot];
	struct xfn_interface_facts facts;
	const char *name = interface->name;

	if (change->fault.text[0])
		return xfn_change_refuse(change, err, 409, "coexist", "interface '%s': %s", name,
					 strdupa(change->fault.text));
	if (xfn_interface_read(name, &facts))
		return xfn_change_refuse(change, err, 409, "attach", "interface '%s': %s", name,
					 strerror(-err));
	if ((err == -EBUSY || err == -EEXIST) && facts.xdp.id)
		return xfn_change_refuse(
			change, err, 409, "xdp_busy",
			"interface '%s' has another XDP program: '%s' (id %u, %s mode), expected "
			"none: ip link set dev %s xdp off, or bpftool link list if a link holds "
			"it; "
			"or bpftool prog pin id %u PIN before that, and xfn attach --next PIN "
			"hands "
			"it what is nobody's",
			name, facts.xdp.name, facts.xdp.id, xfn_xdp_mode_name(facts.xdp.mode), name,
			facts.xdp.id);
	if (!interface->generic && facts.native_xdp != XFN_YES)
		return xfn_change_refuse(
			change, err, 409, "no_native_xdp",
			"interface '%s': %s has no native XDP (%s), expected a driver that has; "
			"--mode generic works everywhere, slower",
			name, driver_of(&facts), strerror(-err));
	if (facts.is_veth && facts.peer.link.mtu > xfn_veth_mtu_max())
		return xfn_change_refuse(change, err, 409, "mtu",
					 "interface '%s': its veth peer has MTU %u, expected at "
					 "most %u for native XDP",
					 name, facts.peer.link.mtu, xfn_veth_mtu_max());
	return xfn_change_refuse(change, err, 409, "attach",
				 "interface '%s' (%s, MTU %u) refuses the XDP program: %s", name,
				 driver_of(&facts), facts.link.mtu, strerror(-err));
}

int xfn_change_link(struct xfn_change *change, const bool slots[XFN_INTERFACES_MAX])
{
	__u32 slot;
	int err;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		if (!slots[slot])
			continue;
		err = xfn_dataplane_link(change->engine->dataplane, slot, &change->fault);
		if (err)
			return explain_link(change, slot, err);
	}
	return 0;
}

void xfn_change_unattach(struct xfn_change *change, const bool slots[XFN_INTERFACES_MAX])
{
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (slots[slot])
			xfn_dataplane_detach(change->engine->dataplane, slot);
}

void xfn_change_forecast(const struct xfn_change *change, json_t *warnings)
{
	const struct xfn_attachment *attachment;
	struct xfn_interface_facts facts;
	size_t i;

	for (i = 0; i < change->next->attachment_count; i++) {
		attachment = &change->next->attachments[i];
		if (!xfn_model_attachment(change->engine->model, attachment->name) &&
		    !xfn_interface_read(attachment->name, &facts))
			xfn_forecast(&facts, attachment->generic, change->engine->dataplane->cpus,
				     warnings);
	}
}

bool xfn_change_parts(const struct xfn_change *change)
{
	const struct xfn_dataplane_interface *interface;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &change->engine->dataplane->interface[slot];
		if (interface->used && !xfn_model_attachment(change->next, interface->name))
			return true;
	}
	return false;
}

void xfn_engine_detach_unwanted(struct xfn_engine *engine)
{
	struct xfn_dataplane_interface *interface;
	__u32 slot;
	int err;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		if (!interface->used || xfn_model_attachment(engine->model, interface->name))
			continue;
		err = xfn_dataplane_detach(engine->dataplane, slot);
		if (err)
			xfn_journal_add(engine->options.journal,
					&(struct xfn_journal_event){.type = "error",
								    .interface = interface->name},
					"cannot detach: %s", strerror(-err));
	}
}

/* ---- following -------------------------------------------------------------------------------------- */

/* Interfaces that are gone leave their slot; a link that moved away is as good as gone. */
static void drop_lost(struct xfn_engine *engine)
{
	struct xfn_dataplane_interface *interface;
	char name[sizeof(interface->name)];
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		if (!interface->used || xfn_dataplane_link_is_live(engine->dataplane, slot))
			continue;
		memcpy(name, interface->name, sizeof(name));
		xfn_dataplane_detach(engine->dataplane, slot);
		xfn_journal_add(engine->options.journal,
				&(struct xfn_journal_event){.type = "lost", .interface = name},
				"the interface is gone; attached again when it comes back");
	}
}

/* Their addresses, and the names they go by. */
static void follow_links(struct xfn_engine *engine)
{
	struct xfn_dataplane_interface *interface;
	struct xfn_link link;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		if (interface->used && !xfn_link_get(interface->ifindex, -1, &link)) {
			xfn_dataplane_set_mac(engine->dataplane, slot, link.mac);
			memcpy(interface->name, link.name, sizeof(interface->name));
		}
	}
}

/* One that goes by another name now, or that a change cut short left attached. */
static void drop_unwanted(struct xfn_engine *engine)
{
	const struct xfn_dataplane_interface *interface;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		if (interface->used && !xfn_model_attachment(engine->model, interface->name))
			xfn_journal_add(engine->options.journal,
					&(struct xfn_journal_event){.type = "lost",
								    .interface = interface->name},
					"nothing wants an interface of this name: detached");
	}
	xfn_engine_detach_unwanted(engine);
}

static void say_attached(struct xfn_engine *engine, const char *name, const struct xfn_fault *fault,
			 int err)
{
	xfn_journal_add(
		engine->options.journal,
		&(struct xfn_journal_event){.type = err ? "error" : "attach", .interface = name},
		"%s", err ? (fault->text[0] ? fault->text : strerror(-err)) : "attached again");
}

/* Readies what is wanted, there, and not attached: @slots gets those. A failure is said at each look. */
static void prepare_wanted(struct xfn_engine *engine, bool slots[XFN_INTERFACES_MAX])
{
	const struct xfn_attachment *attachment;
	struct xfn_change change;
	struct xfn_link link;
	size_t i;
	int slot;

	for (i = 0; i < engine->model->attachment_count; i++) {
		attachment = &engine->model->attachments[i];
		if (xfn_dataplane_find(engine->dataplane, attachment->name) >= 0 ||
		    xfn_link_find(attachment->name, &link))
			continue;
		change = (struct xfn_change){.engine = engine};
		slot = prepare(&change, attachment);
		if (slot < 0)
			say_attached(engine, attachment->name, &change.fault, slot);
		else
			slots[slot] = true;
	}
}

/*
 * Attaches what was prepared, now that the rules for it are live: before, its packets would have met
 * none, or those of the interface that had the slot. @failed: the rules did not get there; let it go.
 */
static void link_prepared(struct xfn_engine *engine, const bool slots[XFN_INTERFACES_MAX],
			  int failed)
{
	char name[sizeof(engine->dataplane->interface[0].name)];
	struct xfn_change change;
	__u32 slot;
	int err;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		if (!slots[slot])
			continue;
		change = (struct xfn_change){.engine = engine};
		memcpy(name, engine->dataplane->interface[slot].name, sizeof(name));
		err = failed ?: xfn_dataplane_link(engine->dataplane, slot, &change.fault);
		if (err && !failed)
			explain_link(&change, slot, err);
		if (err)
			xfn_dataplane_detach(engine->dataplane, slot);
		say_attached(engine, name, &change.fault, err);
	}
}

static void say_refresh_failed(struct xfn_engine *engine, const struct xfn_diag_list *diags,
			       int err)
{
	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = "error"},
			"cannot follow changed addresses, the old ones stay: %s",
			diags->count ? diags->items[0].message : strerror(-err));
}

int xfn_engine_refresh(struct xfn_engine *engine)
{
	struct xfn_change change = {
		.engine = engine, .next = engine->model, .capacity = engine->dataplane->capacity};
	bool slots[XFN_INTERFACES_MAX] = {};
	struct xfn_ruleset *ruleset = NULL;
	int err;

	drop_lost(engine);
	follow_links(engine);
	drop_unwanted(engine);
	prepare_wanted(engine, slots);
	xfn_engine_settle_next(engine, engine->model);
	xfn_engine_settle_vlans(engine);
	xfn_targets_refill(engine->targets);
	err = xfn_change_compile(&change, &ruleset);
	if (!err && change.surroundings == engine->surroundings)
		xfn_ruleset_free(ruleset); /* nothing that a rule hangs on has changed */
	else if (!err)
		err = xfn_engine_install(engine, &change, ruleset);
	if (err) {
		xfn_ruleset_free(ruleset);
		say_refresh_failed(engine, &change.diags, err);
	}
	link_prepared(engine, slots, err);
	xfn_ports_follow(engine);
	xfn_keeping_follow(engine);
	xfn_diag_list_fini(&change.diags);
	return err;
}

static void on_refresh(void *context)
{
	xfn_engine_refresh(context);
	xfn_instances_sync(context);
}

static void on_netlink(void *context, const struct xfn_netlink_event *event)
{
	struct xfn_engine *engine = context;

	(void)event; /* whatever it was, the look is the same */
	xfn_timer_set(engine->refresh, REFRESH_DELAY_NS);
}

int xfn_engine_watch(struct xfn_engine *engine)
{
	int err = xfn_loop_add_timer(engine->options.loop, XFN_TIMER_OFF, on_refresh, engine,
				     &engine->refresh);

	return err ?: xfn_netlink_open(engine->options.loop, on_netlink, engine, &engine->netlink);
}

/* ---- by command --------------------------------------------------------------------------------------- */

static bool mode_is_generic(const char *mode)
{
	return mode && !strcmp(mode, "generic");
}

static json_t *attached_json(const struct xfn_engine *engine,
			     const struct xfn_attachment *attachment, json_t *warnings)
{
	return json_pack("{s:s, s:s, s:b, s:o, s:I, s:O}", "interface", attachment->name, "mode",
			 attachment->generic ? "generic" : "native", "coexist", attachment->coexist,
			 "next", xfn_engine_next_json(engine, attachment->name), "revision",
			 (json_int_t)engine->model->revision, "warnings", warnings);
}

/* What is asked for, as the model has it. A refusal fills in the reply and returns 1. */
static int read_request(const struct xfn_engine *engine, const struct xfn_attach_request *request,
			struct xfn_reply *reply, struct xfn_attachment *ret)
{
	struct xfn_attachment attachment = {.generic = mode_is_generic(request->mode),
					    .coexist = request->coexist};
	int err = 0;

	if (request->mode && strcmp(request->mode, "native") && strcmp(request->mode, "generic"))
		err = xfn_reply_error(reply, 422, "invalid_mode", NULL,
				      "cannot attach in mode '%s': expected 'native' or 'generic'",
				      request->mode);
	else if (strlen(request->interface) >= sizeof(attachment.name))
		err = xfn_reply_error(
			reply, 422, "invalid_interface", NULL,
			"cannot attach to '%s': expected a name of at most 15 characters",
			request->interface);
	else if (request->next &&
		 (request->next[0] != '/' || strlen(request->next) >= sizeof(attachment.next)))
		err = xfn_reply_error(reply, 422, "next_refused", NULL,
				      "cannot attach with next '%s': expected the absolute path "
				      "of a pinned XDP program, of at most %d bytes",
				      request->next, XFN_NEXT_BYTES_MAX);
	else if (xfn_model_attachment(engine->model, request->interface))
		err = xfn_reply_error(reply, 409, "attached", NULL,
				      "cannot attach to '%s': xfn is attached to it already",
				      request->interface);
	if (err || reply->http_status)
		return err ?: 1;
	snprintf(attachment.name, sizeof(attachment.name), "%s", request->interface);
	snprintf(attachment.next, sizeof(attachment.next), "%s", request->next ?: "");
	*ret = attachment;
	return 0;
}

/* An empty data plane is made anew for what its programs have to be loaded for. */
static int settle_attach_type(struct xfn_change *change, const struct xfn_attachment *attachment)
{
	struct xfn_engine *engine = change->engine;
	struct xfn_capacity capacity = engine->dataplane->capacity;

	capacity.attach_type =
		xfn_engine_attach_type(engine, attachment->coexist, attachment->next);
	if (capacity.attach_type == engine->dataplane->capacity.attach_type)
		return 0;
	if (!xfn_engine_is_empty(engine))
		return xfn_change_refuse_attach_type(change, capacity.attach_type);
	change->capacity = capacity;
	return xfn_engine_grow(engine, &capacity, &change->fault);
}

void xfn_engine_restore_attach_type(struct xfn_engine *engine, __u32 attach_type)
{
	struct xfn_capacity capacity = engine->dataplane->capacity;
	struct xfn_fault ignored;

	if (capacity.attach_type == attach_type || !xfn_engine_is_empty(engine))
		return;
	capacity.attach_type = attach_type;
	xfn_engine_grow(engine, &capacity, &ignored);
}

int xfn_engine_attach(struct xfn_engine *engine, const struct xfn_attach_request *request,
		      const struct xfn_actor *actor, struct xfn_reply *reply)
{
	__u32 attach_type = engine->dataplane->capacity.attach_type;
	struct xfn_attachment attachment;
	struct xfn_change change;
	int err = read_request(engine, request, reply, &attachment);
	json_t *warnings;

	if (err)
		return err > 0 ? 0 : err;
	warnings = json_array();
	if (!warnings)
		return -ENOMEM;
	err = xfn_change_init(&change, engine, actor, NULL);
	if (!err)
		err = settle_attach_type(&change, &attachment) ?:
		      xfn_change_next(&change, &attachment) ?:
		      xfn_change_keep_sets(&change, NULL) ?:
		      xfn_change_keep_attachments(&change, NULL) ?:
		      xfn_model_add_attachment(change.next, &attachment);
	if (!err) {
		xfn_change_forecast(&change, warnings);
		xfn_change_warn_uplinks(&change, warnings);
		err = xfn_change_commit(&change);
	}
	if (err) {
		err = xfn_change_reply(&change, err, "attach", reply);
		xfn_engine_restore_attach_type(engine, attach_type);
	} else {
		xfn_sessions_warn(&change, warnings);
		xfn_model_warn_vlans(engine->model, warnings);
		err = xfn_reply_json(reply, attached_json(engine, &attachment, warnings));
	}
	json_decref(warnings);
	if (reply->http_status == 200)
		xfn_journal_add(
			engine->options.journal,
			&(struct xfn_journal_event){.type = "attach", .interface = attachment.name},
			"attached in %s mode%s%s%s", attachment.generic ? "generic" : "native",
			attachment.coexist ? ", beside others" : "",
			attachment.next[0] ? ", next " : "", attachment.next);
	xfn_change_fini(&change);
	return err;
}

static int keep_others(struct xfn_change *change, const char *interface)
{
	const struct xfn_model *live = change->engine->model;
	size_t i;
	int err = 0;

	for (i = 0; i < live->attachment_count && !err; i++)
		if (strcmp(live->attachments[i].name, interface))
			err = xfn_model_add_attachment(change->next, &live->attachments[i]);
	return err;
}

int xfn_engine_detach(struct xfn_engine *engine, const char *interface,
		      const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct xfn_change change;
	int err;

	if (!xfn_model_attachment(engine->model, interface))
		return xfn_reply_error(reply, 404, "not_attached", NULL,
				       "cannot detach from '%s': xfn is not attached to it",
				       interface);
	err = xfn_change_init(&change, engine, actor, NULL);
	if (!err)
		err = xfn_change_keep_sets(&change, NULL) ?: keep_others(&change, interface) ?:
		      xfn_change_commit(&change);
	if (err)
		err = xfn_change_reply(&change, err, "detach", reply);
	else
		err = xfn_reply_json(reply,
				     json_pack("{s:s, s:I, s:o}", "interface", interface,
					       "revision", (json_int_t)engine->model->revision,
					       "warnings", xfn_sessions_warnings(&change)));
	if (reply->http_status == 200)
		xfn_journal_add(
			engine->options.journal,
			&(struct xfn_journal_event){.type = "detach", .interface = interface},
			"detached");
	xfn_change_fini(&change);
	return err;
}
