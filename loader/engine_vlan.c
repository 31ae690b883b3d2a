/* SPDX-License-Identifier: BSD-2-Clause */
/* Where triggers name VLANs: tags are left in the packets, and what stands in the way is told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor_check.h"
#include "engine_private.h"
#include "interface.h"
#include "journal.h"

static bool names_vlan(const struct xfn_model_function *function, const char *interface)
{
	const struct xfn_trigger_spec *triggers =
		xfn_function_triggers(function->set->manifest, function->spec);
	__u32 i;

	for (i = 0; i < function->spec->trigger_count; i++)
		if (triggers[i].vlan_tags &&
		    (!triggers[i].interface || !strcmp(triggers[i].interface, interface)))
			return true;
	return false;
}

/* True if a trigger that may match there names a VLAN. */
static bool wants_tags(const struct xfn_model *model, const char *interface)
{
	size_t i;

	for (i = 0; i < model->function_count; i++)
		if (names_vlan(&model->functions[i], interface))
			return true;
	return false;
}

void xfn_engine_settle_vlans(struct xfn_engine *engine)
{
	const struct xfn_dataplane_interface *interface;
	struct xfn_journal_event event;
	bool wanted;
	__u32 slot;
	int done;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		if (!interface->used)
			continue;
		wanted = wants_tags(engine->model, interface->name);
		done = xfn_dataplane_keep_tags(engine->dataplane, slot, wanted);
		event = (struct xfn_journal_event){.type = done < 0 ? "error" : "vlan",
						   .interface = interface->name};
		if (done < 0)
			xfn_journal_add(engine->options.journal, &event,
					"cannot turn RX VLAN offload %s: %s", wanted ? "off" : "on",
					strerror(-done));
		else if (done)
			xfn_journal_add(engine->options.journal, &event,
					"RX VLAN offload turned %s", wanted ? "off" : "on again");
	}
}

/* A veth's far end keeps the tag beside the packet, too, and is nobody's to switch but its owner's. */
static void warn_peer(const char *interface, const struct xfn_interface_peer *peer, json_t *list)
{
	char text[512], enter[XFN_ENTER_BYTES];

	if (peer->features.tx_vlan_offload != XFN_YES)
		return;
	snprintf(text, sizeof(text),
		 "interface '%s': TX VLAN offload of its peer '%s' is on, so XDP sees tagged "
		 "packets "
		 "as untagged: %sethtool -K %s txvlan off tx-vlan-stag-hw-insert off",
		 interface, peer->link.name, xfn_doctor_enter(peer, enter, sizeof(enter)),
		 peer->link.name);
	json_array_append_new(list, json_string(text));
}

void xfn_model_warn_vlans(const struct xfn_model *model, json_t *list)
{
	struct xfn_interface_facts facts;
	const char *name;
	size_t i;

	for (i = 0; i < model->attachment_count; i++) {
		name = model->attachments[i].name;
		if (wants_tags(model, name) && !xfn_interface_read(name, &facts) && facts.is_veth)
			warn_peer(name, &facts.peer, list);
	}
}
