/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor_check.h"

enum { MESSAGE_BYTES = 1024 };

/* ---- results ----------------------------------------------------------------------------------- */

/* Names of interfaces and programs may hold any byte; JSON may not. */
static json_t *ascii_string(const char *text)
{
	char copy[MESSAGE_BYTES];
	char *at;

	if (!text)
		return json_null();
	snprintf(copy, sizeof(copy), "%s", text);
	for (at = copy; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return json_string(copy);
}

static void tell(struct xfn_doctor *doctor, const char *status, const char *format, va_list args)
{
	const char *remedy = doctor->remedy[0] ? doctor->remedy : NULL;
	char message[MESSAGE_BYTES];
	json_t *result;

	vsnprintf(message, sizeof(message), format, args);
	/* "o" takes over its value on failure too, and fails on NULL. */
	result = json_pack("{s:s, s:o, s:s, s:o, s:o}", "name", doctor->check, "interface",
			   ascii_string(doctor->interface), "status", status, "message",
			   ascii_string(message), "remedy", ascii_string(remedy));
	if (json_array_append_new(doctor->results, result) < 0)
		doctor->no_memory = true;
	doctor->remedy[0] = '\0';
}

void xfn_doctor_remedy(struct xfn_doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(doctor->remedy, sizeof(doctor->remedy), format, args);
	va_end(args);
}

void xfn_doctor_ok(struct xfn_doctor *doctor, const char *format, ...)
{
	va_list args;

	doctor->remedy[0] = '\0';
	va_start(args, format);
	tell(doctor, "ok", format, args);
	va_end(args);
}

void xfn_doctor_warn(struct xfn_doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(doctor, "warn", format, args);
	va_end(args);
}

void xfn_doctor_fail(struct xfn_doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(doctor, "fail", format, args);
	va_end(args);
}

/* ---- what is checked --------------------------------------------------------------------------- */

static void run_checks(struct xfn_doctor *doctor, const struct xfn_doctor_check *checks)
{
	for (; checks->name; checks++) {
		doctor->check = checks->name;
		checks->run(doctor);
	}
}

static bool is_attached(const struct xfn_doctor_options *options, const char *name)
{
	size_t i;

	for (i = 0; i < options->attached_count; i++)
		if (!strcmp(options->attached[i], name))
			return true;
	return false;
}

static bool is_target(const struct xfn_doctor_options *options, const char *name)
{
	size_t i;

	for (i = 0; i < options->target_count; i++)
		if (!strcmp(options->targets[i], name))
			return true;
	return false;
}

/* What an interface is looked at for. */
enum role { FOR_FUNCTIONS = 1, FOR_DELIVERIES = 2, FOR_REPLIES = 4 };

static void check_roles(struct xfn_doctor *doctor, enum role roles)
{
	if (roles & FOR_FUNCTIONS)
		run_checks(doctor, xfn_doctor_interface_checks);
	if (roles & FOR_FUNCTIONS && doctor->facts->is_veth)
		run_checks(doctor, xfn_doctor_veth_checks);
	if (roles & FOR_DELIVERIES)
		run_checks(doctor, xfn_doctor_target_checks);
	if (roles & FOR_REPLIES)
		run_checks(doctor, xfn_doctor_uplink_checks);
}

static void check_interface(struct xfn_doctor *doctor, const char *name, enum role roles)
{
	struct xfn_interface_facts facts;
	int err = xfn_interface_read(name, &facts);

	if (err == -ENODEV && roles == FOR_REPLIES)
		return;
	doctor->check = roles & FOR_FUNCTIONS ? "link" : "target_link";
	doctor->interface = name;
	if (err == -ENOMEM) {
		doctor->no_memory = true;
	} else if (err == -ENODEV) {
		xfn_doctor_remedy(doctor, "ip link");
		xfn_doctor_fail(doctor, "no interface '%s' in this network namespace", name);
	} else if (err < 0) {
		xfn_doctor_remedy(doctor, "ip link show dev %s", name);
		xfn_doctor_fail(doctor, "cannot ask about '%s': %s", name, strerror(-err));
	} else {
		doctor->facts = &facts;
		doctor->interface = facts.link.name;
		doctor->attached = is_attached(doctor->options, facts.link.name);
		check_roles(doctor, roles);
	}
	doctor->facts = NULL;
	doctor->interface = NULL;
	doctor->attached = false;
}

/* With nothing attached there is nothing to check; names the first interface that could be. */
static void tell_none_attached(struct xfn_doctor *doctor)
{
	const struct xfn_netlink_state *state = doctor->state;
	const char *name = "IFACE";
	size_t i;

	for (i = state->link_count; i-- > 0;)
		if (state->links[i].hardware == ARPHRD_ETHER &&
		    xfn_link_is_running(&state->links[i]))
			name = state->links[i].name;
	doctor->check = "attached";
	xfn_doctor_remedy(doctor, "xfn attach %s", name);
	xfn_doctor_warn(doctor, "no interface is attached: no packet meets a function");
}

/* Those that functions deliver to; @but_attached: without those that were looked at already. */
static void check_deliveries(struct xfn_doctor *doctor, bool but_attached)
{
	const struct xfn_doctor_options *options = doctor->options;
	size_t i;

	for (i = 0; i < options->target_count; i++)
		if (!but_attached || !is_attached(options, options->targets[i]))
			check_interface(doctor, options->targets[i], FOR_DELIVERIES);
	if (options->cpus)
		run_checks(doctor, xfn_doctor_cpus_checks);
}

static void check_asked(struct xfn_doctor *doctor, const char *name)
{
	bool target = is_target(doctor->options, name);

	check_interface(doctor, name, FOR_FUNCTIONS | (target ? FOR_DELIVERIES : 0));
}

static json_t *finish(struct xfn_doctor *doctor)
{
	if (!doctor->no_memory)
		return json_pack("{s:o}", "checks", doctor->results);
	json_decref(doctor->results);
	return NULL;
}

json_t *xfn_doctor_run_deliveries(const struct xfn_doctor_options *options)
{
	struct xfn_doctor doctor = {.options = options, .results = json_array()};

	if (!doctor.results)
		return NULL;
	check_deliveries(&doctor, false);
	return finish(&doctor);
}

json_t *xfn_doctor_run_uplinks(const struct xfn_doctor_options *options)
{
	struct xfn_doctor doctor = {.options = options, .results = json_array()};
	size_t i;

	if (!doctor.results)
		return NULL;
	for (i = 0; i < options->attached_count; i++)
		check_interface(&doctor, options->attached[i], FOR_REPLIES);
	return finish(&doctor);
}

json_t *xfn_doctor_run(const struct xfn_doctor_options *options)
{
	struct xfn_netlink_state state = {0};
	struct xfn_doctor doctor = {.options = options, .state = &state};
	size_t i;

	doctor.results = json_array();
	if (!doctor.results)
		return NULL;
	/* Without it the checks that need it say less. */
	doctor.no_memory = xfn_netlink_read(&state) == -ENOMEM;
	run_checks(&doctor, xfn_doctor_kernel_checks);
	run_checks(&doctor, xfn_doctor_host_checks);
	run_checks(&doctor, xfn_doctor_memory_checks);
	if (options->interface)
		check_asked(&doctor, options->interface);
	else if (!options->attached_count)
		tell_none_attached(&doctor);
	for (i = 0; i < options->attached_count && !options->interface; i++)
		check_asked(&doctor, options->attached[i]);
	if (!options->interface)
		check_deliveries(&doctor, true);
	xfn_netlink_state_fini(&state);
	return finish(&doctor);
}
