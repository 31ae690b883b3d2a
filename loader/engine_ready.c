/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before a function is given to an interface or to CPUs: are they there, and will its packets arrive?
 * What would lose every packet is refused, what may lose some is warned of, each with the command that
 * mends it. Asked for what a manifest changes, so that what runs is not held up by a link that is down.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_load.h"
#include "engine_apply.h"
#include "engine_deliver.h"
#include "engine_instances.h"
#include "engine_ports_ready.h"
#include "exec.h"
#include "netlink.h"

enum { TEXT_BYTES = 1024 };

/* ---- CPUs ------------------------------------------------------------------------------------------------- */

/* Whether a kernel's list of CPUs, such as "0-3,8", has that one. */
static bool list_has(const char *list, unsigned cpu)
{
	unsigned first, last;
	int used;

	while (sscanf(list, "%u%n", &first, &used) == 1) {
		list += used;
		last = first;
		if (sscanf(list, "-%u%n", &last, &used) == 1)
			list += used;
		if (cpu >= first && cpu <= last)
			return true;
		if (*list++ != ',')
			break;
	}
	return false;
}

static void read_online(char *text, size_t size)
{
	FILE *in = fopen("/sys/devices/system/cpu/online", "re");

	text[0] = '\0';
	if (in && fgets(text, size, in))
		text[strcspn(text, "\n")] = '\0';
	if (in)
		fclose(in);
}

static void check_cpus(struct xfn_apply *apply, const struct xfn_function_spec *spec)
{
	char online[256], text[TEXT_BYTES], value[16], expected[300];
	__u16 i, cpu;

	read_online(online, sizeof(online));
	for (i = 0; i < spec->socket.cpu_count; i++) {
		cpu = spec->socket.cpus[i];
		if (cpu < apply->change.engine->dataplane->cpus &&
		    (!online[0] || list_has(online, cpu)))
			continue;
		snprintf(text, sizeof(text), "function '%s': CPU %u is not online on this host",
			 spec->name, cpu);
		snprintf(value, sizeof(value), "%u", cpu);
		snprintf(expected, sizeof(expected), "CPUs of %s",
			 online[0] ? online : "this host");
		xfn_apply_diagnose(apply, spec, value, expected, text);
	}
}

/* ---- interfaces -------------------------------------------------------------------------------------------- */

/* False with a mistake told: then nothing more is asked of it. */
static bool check_place(struct xfn_apply *apply, const struct xfn_function_spec *spec)
{
	const char *name = spec->netdev.interface, *expected = NULL;
	struct xfn_target target;
	char text[TEXT_BYTES];
	int err = xfn_delivery_resolve(spec, &target);

	if (err == -ENODEV) {
		snprintf(text, sizeof(text),
			 "function '%s': interface '%s' does not exist in this network namespace",
			 spec->name, name);
		expected = "an interface that exists: ip link";
	} else if (err == -ENOTTY) {
		snprintf(text, sizeof(text), "function '%s': interface '%s' is not Ethernet",
			 spec->name, name);
		expected = "an Ethernet-like interface";
	} else if (err == -EDESTADDRREQ) {
		snprintf(text, sizeof(text),
			 "function '%s': who is behind interface '%s' is not known, as it is not a "
			 "veth whose far end can be seen",
			 spec->name, name);
		expected = "netdev: {interface: NAME, mac: ADDRESS}";
	} else if (err) {
		snprintf(text, sizeof(text), "function '%s': interface '%s': %s", spec->name, name,
			 strerror(-err));
	}
	if (err)
		xfn_apply_diagnose(apply, spec, name, expected, text);
	return !err;
}

static const char *text_of(const json_t *check, const char *key)
{
	return json_string_value(json_object_get(check, key)) ?: "";
}

static void tell_check(struct xfn_apply *apply, const struct xfn_function_spec *spec,
		       const json_t *check)
{
	const char *interface = text_of(check, "interface"), *status = text_of(check, "status");
	char text[TEXT_BYTES];

	if (!strcmp(status, "ok"))
		return;
	snprintf(text, sizeof(text), "function '%s': %s%s%s%s", spec->name,
		 *interface ? "interface '" : "", interface, *interface ? "' " : "",
		 text_of(check, "message"));
	if (!strcmp(status, "fail"))
		xfn_apply_diagnose(apply, spec, *interface ? interface : NULL,
				   text_of(check, "remedy"), text);
	else
		xfn_apply_warn(apply, "%s: %s", text, text_of(check, "remedy"));
}

static bool names_vlan(const struct xfn_manifest *manifest, const struct xfn_function_spec *spec)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, spec);
	__u32 i;

	for (i = 0; i < spec->trigger_count; i++)
		if (triggers[i].vlan_tags)
			return true;
	return false;
}

/* Asks the doctor, about what it would be asked for once the function is live. */
static int check_readiness(struct xfn_apply *apply, const struct xfn_function_spec *spec)
{
	const struct xfn_model *next = apply->change.next;
	const char *attached[XFN_INTERFACES_MAX], *target = spec->netdev.interface;
	bool netdev = spec->delivery == XFN_DELIVER_NETDEV;
	struct xfn_doctor_options options = {
		.attached = attached,
		.targets = &target,
		.target_count = netdev,
		.cpus = !netdev,
		.vlans = names_vlan(apply->set->manifest, spec),
	};
	json_t *answer, *check;
	size_t i;

	for (i = 0; i < next->attachment_count && options.attached_count < XFN_INTERFACES_MAX; i++)
		attached[options.attached_count++] = next->attachments[i].name;
	answer = xfn_doctor_run_deliveries(&options);
	if (!answer)
		return -ENOMEM;
	json_array_foreach (json_object_get(answer, "checks"), i, check)
		tell_check(apply, spec, check);
	json_decref(answer);
	return 0;
}

/* ---- what changes ------------------------------------------------------------------------------------------ */

static bool delivers_alike(const struct xfn_function_spec *a, const struct xfn_function_spec *b)
{
	if (a->delivery != b->delivery)
		return false;
	if (a->delivery == XFN_DELIVER_NETDEV)
		return !strcmp(a->netdev.interface, b->netdev.interface) &&
		       ((a->given ^ b->given) & XFN_GIVEN_MAC) == 0 &&
		       !memcmp(a->netdev.mac, b->netdev.mac, sizeof(a->netdev.mac));
	return a->socket.cpu_count == b->socket.cpu_count &&
	       !memcmp(a->socket.cpus, b->socket.cpus, sizeof(a->socket.cpus));
}

/* ---- programs that xfnd starts ------------------------------------------------------------------------------ */

/* As somebody else only root may have a program started. */
static bool may_be_user(const struct xfn_apply *apply, uid_t uid)
{
	const struct xfn_actor *actor = apply->change.actor;

	return !actor || !actor->uid || actor->uid == uid;
}

static void check_exec(struct xfn_apply *apply, const struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	struct xfn_launch launch = {};
	struct xfn_fault fault = {};
	int err = xfn_exec_user(&spec->exec, function->owner, 0, &launch, &fault);

	if (err)
		xfn_apply_diagnose(apply, spec, spec->exec.user ?: spec->name,
				   "an ordinary user of this host", fault.text);
	else if (!may_be_user(apply, launch.uid))
		xfn_apply_diagnose(apply, spec, spec->exec.user, "your own, or none",
				   "only root may have a program run as another user");
}

static void check_port(struct xfn_apply *apply, const struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	__u32 rules = xfn_port_rule_count(function->set->manifest, spec);
	char text[128];

	if (rules > XFN_PORT_RULES_MAX) {
		snprintf(text, sizeof(text), "replies of '%s' may leave from %u places", spec->name,
			 rules);
		xfn_apply_diagnose(apply, spec, spec->name,
				   "at most 16 destinations and ports, or 'send: any'", text);
	}
}

static void check_launcher(struct xfn_apply *apply, const struct xfn_function_spec *spec)
{
	int err = xfn_launcher_check();

	if (err)
		xfn_apply_warn(apply, "'%s' cannot be started: %s", spec->name,
			       xfn_launcher_reason(err) ?: strerror(-err));
}

int xfn_apply_ready(struct xfn_apply *apply, const struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	const struct xfn_model_function *before =
		xfn_model_function(apply->change.engine->model, spec->tenant, spec->name);

	if (xfn_has_program(spec))
		check_exec(apply, function);
	if (xfn_has_process(spec))
		check_launcher(apply, spec);
	if (spec->delivery == XFN_DELIVER_XSK) {
		check_port(apply, function);
		return 0;
	}
	if (xfn_delivery_of(spec) < XFN_DELIVERY_REDIRECTS ||
	    (before && delivers_alike(before->spec, spec)))
		return 0;
	if (spec->delivery == XFN_DELIVER_NETDEV && !check_place(apply, spec))
		return 0;
	if (spec->delivery == XFN_DELIVER_SOCKET)
		check_cpus(apply, spec);
	return check_readiness(apply, spec);
}

static bool is_new_at_port(struct xfn_apply *apply, const struct xfn_function_spec *spec)
{
	const struct xfn_model_function *before =
		xfn_model_function(apply->change.engine->model, spec->tenant, spec->name);

	return spec->delivery == XFN_DELIVER_XSK &&
	       (!before || before->spec->delivery != XFN_DELIVER_XSK);
}

/* A port's MTU is fixed: so it is told of the interfaces that bring longer packets, of all functions together. */
void xfn_apply_warn_ports(struct xfn_apply *apply)
{
	const struct xfn_model *next = apply->change.next;
	const char *name, *first = NULL;
	char others[32] = "";
	struct xfn_link link;
	size_t i, count = 0;

	for (i = 0; i < next->function_count; i++)
		if (is_new_at_port(apply, next->functions[i].spec) && !count++)
			first = next->functions[i].spec->name;
	if (count > 1)
		snprintf(others, sizeof(others), " and %zu more", count - 1);
	for (i = 0; i < next->attachment_count && count; i++) {
		name = next->attachments[i].name;
		if (!xfn_link_find(name, &link) && link.mtu > XFN_PORT_MTU)
			xfn_apply_warn(apply,
				       "function '%s'%s: MTU %u of its port, and packets of up to "
				       "%u bytes come in at '%s': larger ones are lost: "
				       "ip link set dev %s mtu %u",
				       first, others, XFN_PORT_MTU, link.mtu, name, name,
				       XFN_PORT_MTU);
	}
}
