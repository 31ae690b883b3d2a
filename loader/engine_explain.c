/* SPDX-License-Identifier: BSD-2-Clause */
/* explain: what would become of one packet, by a dry run of the real ingress program. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_explain.h"
#include "netlink.h"

/* ---- the question ---------------------------------------------------------------------------------- */

static int read_packet(struct xfn_explain *explain, const char *text, struct xfn_reply *reply)
{
	struct xfn_diag_list diags = {0};
	int err = xfn_packet_parse(text, strlen(text), &diags, &explain->packet);

	if (err)
		err = xfn_reply_error(reply, 422, "bad_packet", &diags,
				      "cannot explain: the packet cannot be read")
			      ?: 1;
	xfn_diag_list_fini(&diags);
	explain->is_readable = !err;
	return err;
}

static int read_frame(struct xfn_explain *explain, const char *hex, struct xfn_reply *reply)
{
	struct xfn_diag_list diags = {0};
	struct xfn_diag_info info = {.file = "frame", .line = 1, .expected = "bytes in hex"};
	size_t at = 0;
	int size = xfn_hex_parse(hex, strlen(hex), explain->frame, sizeof(explain->frame), &at);

	if (size >= XFN_DRY_FRAME_MIN) {
		explain->frame_bytes = size;
		explain->is_readable = !xfn_packet_decode(explain->frame, size, &explain->packet);
		return 0;
	}
	info.column = size == -EINVAL ? at + 1 : 0;
	if (size == -EINVAL)
		xfn_diag_add(&diags, &info, "not two hex digits");
	size = xfn_reply_error(
		reply, 422, "bad_packet", &diags,
		"cannot explain: expected a frame of %d to %d bytes in hex, from the "
		"Ethernet header on",
		XFN_DRY_FRAME_MIN, XFN_DRY_FRAME_MAX);
	xfn_diag_list_fini(&diags);
	return size ?: 1;
}

/* ---- the interface --------------------------------------------------------------------------------- */

/* Names of the attached interfaces, "a, b, c", and how many there are. */
static unsigned list_attached(const struct xfn_dataplane *dataplane, char *buf, size_t size,
			      __u32 *last)
{
	unsigned count = 0;
	size_t length = 0;
	__u32 slot;

	buf[0] = '\0';
	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		if (!dataplane->interface[slot].used)
			continue;
		*last = slot;
		length += snprintf(buf + length, size - length, "%s%s", count++ ? ", " : "",
				   dataplane->interface[slot].name);
		if (length >= size)
			length = size - 1;
	}
	return count;
}

/* The attached interface that has the packet's destination, or -ENOENT. */
static int slot_of_address(const struct xfn_explain *explain)
{
	const struct xfn_dataplane *dataplane = explain->engine->dataplane;
	struct xfn_netlink_state state = {};
	int slot, found = xfn_netlink_read(&state);
	size_t i;

	for (i = 0; !found && i < state.address_count; i++) {
		const struct xfn_address *address = &state.addresses[i];

		if (address->family != explain->packet.family ||
		    memcmp(address->address, explain->packet.dst, sizeof(address->address)))
			continue;
		for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
			if (dataplane->interface[slot].used &&
			    dataplane->interface[slot].ifindex == address->ifindex)
				found = slot + 1;
	}
	xfn_netlink_state_fini(&state);
	return found > 0 ? found - 1 : -ENOENT;
}

static int refuse_interface(const char *name, const char *attached, struct xfn_reply *reply)
{
	int err = xfn_reply_error(reply, 404, "not_attached", NULL,
				  "interface '%s' is not attached; expected one of %s", name,
				  attached);

	return err ?: 1;
}

static int choose_interface(struct xfn_explain *explain, const char *name, struct xfn_reply *reply)
{
	const struct xfn_dataplane *dataplane = explain->engine->dataplane;
	char attached[XFN_INTERFACES_MAX * 18];
	unsigned count = list_attached(dataplane, attached, sizeof(attached), &explain->slot);
	int slot, err;

	if (!count) {
		err = xfn_reply_error(reply, 409, "nothing_attached", NULL,
				      "cannot explain: no interface is attached");
		return err ?: xfn_reply_error_set(reply, "hint", json_string("xfn attach IFACE")) ?:
						  1;
	}
	if (name && *name) {
		slot = xfn_dataplane_find(dataplane, name);
		explain->slot = slot;
		return slot < 0 ? refuse_interface(name, attached, reply) : 0;
	}
	if (count == 1)
		return 0;
	slot = explain->is_readable ? slot_of_address(explain) : -ENOENT;
	explain->slot = slot;
	if (slot >= 0)
		return 0;
	err = xfn_reply_error(
		reply, 422, "which_interface", NULL,
		"cannot explain: no attached interface has the destination's address; "
		"say 'dev IF', expected one of %s",
		attached);
	return err ?: 1;
}

static void make_frame(struct xfn_explain *explain)
{
	const struct xfn_interface *interface =
		&explain->engine->dataplane->interfaces[explain->slot];

	if (!explain->frame_bytes)
		explain->frame_bytes = xfn_packet_frame(
			&explain->packet, (const __u8 *)&interface->mac, explain->frame);
}

/* Returns 0, or 1 with the reply filled, or -errno. */
static int read_question(struct xfn_explain *explain, const struct xfn_explain_request *request,
			 struct xfn_reply *reply)
{
	const char *interface = request->interface;
	int err = request->frame ? read_frame(explain, request->frame, reply)
				 : read_packet(explain, request->packet, reply);

	if (!err)
		err = choose_interface(explain, interface ?: explain->packet.interface, reply);
	if (!err)
		make_frame(explain);
	return err;
}

/* ---- the answer ------------------------------------------------------------------------------------ */

/* Which function and trigger the numbers of the report mean. */
static void name_match(struct xfn_explain *explain)
{
	const struct xfn_ruleset *ruleset = explain->engine->ruleset;
	const struct xfn_sighting *seen = &explain->result.report.seen;

	if (!xfn_explain_has_matched(explain))
		return;
	explain->function = xfn_model_function_in_slot(explain->engine->model, seen->function);
	if (ruleset && seen->rule < ruleset->trigger_count)
		explain->trigger = &ruleset->triggers[seen->rule];
}

static json_t *trigger_json(const struct xfn_explain *explain)
{
	if (!explain->trigger)
		return json_null();
	return json_pack("{s:s, s:i}", "file",
			 explain->engine->ruleset->names[explain->trigger->file], "line",
			 (int)explain->trigger->line);
}

static json_t *function_json(const struct xfn_explain *explain)
{
	char label[XFN_LABEL_BYTES];

	if (!explain->function)
		return json_null();
	return json_string(xfn_function_label(explain->function->spec, label));
}

static json_t *version_json(const struct xfn_explain *explain)
{
	char text[XFN_VERSION_TEXT];

	if (!explain->function || !explain->function->version)
		return json_null();
	return json_string(xfn_version_print(explain->function->version, text));
}

/* In the notation, so that it can be asked again; null for what is not UDP or TCP. */
static json_t *packet_json(struct xfn_explain *explain)
{
	char text[XFN_PACKET_TEXT_MAX + 2 * XFN_PACKET_PAYLOAD_MAX + 16];

	if (!explain->is_readable)
		return json_null();
	snprintf(explain->packet.interface, sizeof(explain->packet.interface), "%s",
		 explain->engine->dataplane->interface[explain->slot].name);
	return json_string(xfn_packet_print(&explain->packet, true, text, sizeof(text)));
}

static json_t *answer(struct xfn_explain *explain)
{
	__u32 more;
	json_t *others = xfn_explain_others(explain, &more);

	if (!others)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o}", "interface",
			 explain->engine->dataplane->interface[explain->slot].name, "verdict",
			 xfn_verdict_label(explain->result.report.seen.verdict), "action",
			 xfn_explain_action(explain), "function", function_json(explain), "version",
			 version_json(explain), "trigger", trigger_json(explain), "packet",
			 packet_json(explain), "stages", xfn_explain_stages(explain), "others",
			 others, "others_more", (int)more, "unknown", xfn_explain_unknown(explain));
}

/* ---- --run ----------------------------------------------------------------------------------------- */

static json_t *why_not_run(const struct xfn_explain *explain)
{
	if (!xfn_explain_has_matched(explain) || !explain->function)
		return json_string("no function gets the packet");
	if (explain->function->spec->delivery != XFN_DELIVER_KERNEL)
		return json_sprintf("the function's delivery is %s, expected kernel",
				    xfn_delivery_label(explain->function->spec->delivery));
	return json_sprintf("the verdict is %s, expected handled",
			    xfn_verdict_label(explain->result.report.seen.verdict));
}

static const char *outcome_label(int outcome)
{
	static const char *const labels[] = {
#define X(number, NAME, label, meaning) [number] = #label,
		XFN_OUTCOMES(X)
#undef X
	};

	return outcome >= 0 && outcome < XFN_OUTCOME_COUNT ? labels[outcome] : "none";
}

static json_t *reply_json(const struct xfn_dry_handler *run)
{
	char text[XFN_PACKET_TEXT_MAX + 2 * XFN_PACKET_PAYLOAD_MAX + 16];
	char hex[2 * sizeof(run->bytes) + 1];
	struct xfn_packet packet;

	if (run->outcome != XFN_OUTCOME_REPLIED)
		return json_null();
	if (xfn_packet_decode(run->bytes, run->size, &packet))
		text[0] = '\0';
	else
		xfn_packet_print(&packet, true, text, sizeof(text));
	return json_pack("{s:s, s:s, s:i}", "packet", text, "frame",
			 xfn_hex_print(run->bytes, run->size, hex), "bytes", (int)run->size);
}

static json_t *maps_json(const struct xfn_handler_maps *maps)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < maps->count && list; i++)
		json_array_append_new(list, json_string(maps->names[i]));
	return list;
}

static json_t *run_json(const struct xfn_explain *explain)
{
	const struct xfn_version *version = explain->function->version;
	const struct xfn_dry_frame frame = {explain->frame, explain->frame_bytes};
	const struct xfn_handler_request request = {
		.tenant = explain->function->spec->tenant,
		.name = explain->function->spec->name,
		.path = explain->function->spec->kernel.object,
		.object = version->object,
		.object_bytes = version->object_bytes,
		.program = version->program,
		.version_slot = version->slot,
	};
	struct xfn_dry_handler run;
	struct xfn_fault fault;
	int err = xfn_dry_run_handler(explain->engine->dataplane, explain->slot, &request, &frame,
				      &run, &fault);

	if (err)
		return json_pack("{s:b, s:s}", "ran", 0, "why",
				 fault.text[0] ? fault.text : strerror(-err));
	if (!run.ran)
		return json_pack("{s:b, s:s}", "ran", 0, "why",
				 "the second copy of the handler was not reached");
	return json_pack("{s:b, s:s, s:o, s:o}", "ran", 1, "outcome", outcome_label(run.outcome),
			 "reply", reply_json(&run), "empty_maps", maps_json(&run.maps));
}

static int add_run(const struct xfn_explain *explain, json_t *body)
{
	json_t *run;

	if (explain->result.report.seen.verdict == XFN_VERDICT_HANDLED && explain->function &&
	    explain->function->version)
		run = run_json(explain);
	else
		run = json_pack("{s:b, s:o}", "ran", 0, "why", why_not_run(explain));
	return json_object_set_new(body, "run", run) ? -ENOMEM : 0;
}

/* ---- explain --------------------------------------------------------------------------------------- */

static int explain_packet(struct xfn_explain *explain, bool run, struct xfn_reply *reply)
{
	struct xfn_dry_frame frame = {explain->frame, explain->frame_bytes};
	struct xfn_fault fault = {""};
	json_t *body;
	int err = xfn_dry_run(explain->engine->dataplane, explain->slot, &frame, &explain->result,
			      &fault);

	if (err)
		return xfn_reply_error(reply, 500, "failed", NULL, "cannot explain: %s",
				       fault.text[0] ? fault.text : strerror(-err));
	name_match(explain);
	body = answer(explain);
	if (body && run && add_run(explain, body)) {
		json_decref(body);
		body = NULL;
	}
	return xfn_reply_json(reply, body);
}

int xfn_engine_explain(struct xfn_engine *engine, const struct xfn_explain_request *request,
		       struct xfn_reply *reply)
{
	struct xfn_explain *explain = calloc(1, sizeof(*explain));
	int err;

	if (!explain)
		return -ENOMEM;
	explain->engine = engine;
	err = read_question(explain, request, reply);
	if (!err)
		err = explain_packet(explain, request->run, reply);
	free(explain);
	return err > 0 ? 0 : err;
}
