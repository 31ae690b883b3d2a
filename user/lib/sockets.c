/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "builder.h"
#include "sockets.h"

/* ---- what cannot be ---------------------------------------------------------------------------- */

static bool is_host(const struct xfn_prefix *prefix)
{
	return prefix->plen == (prefix->family == AF_INET ? 32 : 128);
}

const char *xfn_trigger_not_listened(const struct xfn_manifest *manifest,
				     const struct xfn_trigger_spec *trigger,
				     const char **ret_expected)
{
	const struct xfn_prefix *prefixes = xfn_manifest_prefixes(manifest, trigger->destinations);
	__u32 i;

	*ret_expected = "at most 16 ports";
	if (trigger->port_hi - trigger->port_lo >= XFN_LISTEN_PORTS_MAX)
		return "a range of more than 16 ports";
	*ret_expected = "addresses of this host, such as 192.0.2.1, or no 'destination'";
	if (trigger->destination == XFN_DESTINATION_ANY)
		return "'destination: any'";
	for (i = 0; i < trigger->destinations.count; i++)
		if (!is_host(&prefixes[i]))
			return "a destination that is more than one address";
	return NULL;
}

/* ---- what is wanted ------------------------------------------------------------------------------ */

struct list {
	struct xfn_socket_wanted *wanted;
	__u32 count;
};

static bool is_same(const struct xfn_socket_wanted *a, const struct xfn_socket_wanted *b)
{
	return a->protocol == b->protocol && a->own == b->own && a->port == b->port &&
	       a->address.family == b->address.family &&
	       !memcmp(a->address.addr, b->address.addr, sizeof(a->address.addr));
}

static void add(struct list *list, const struct xfn_socket_wanted *wanted)
{
	__u32 i;

	for (i = 0; i < list->count && i < XFN_SOCKETS_MAX; i++)
		if (is_same(&list->wanted[i], wanted))
			return;
	if (list->count < XFN_SOCKETS_MAX)
		list->wanted[list->count] = *wanted;
	list->count++;
}

static void add_port(struct list *list, const struct xfn_manifest *manifest,
		     const struct xfn_trigger_spec *trigger, __u16 port)
{
	const struct xfn_prefix *prefixes = xfn_manifest_prefixes(manifest, trigger->destinations);
	struct xfn_socket_wanted wanted = {
		.protocol = trigger->protocol,
		.own = trigger->destination != XFN_DESTINATION_LIST,
		.port = port,
	};
	__u32 i;

	if (wanted.own)
		add(list, &wanted);
	for (i = 0; i < trigger->destinations.count; i++) {
		wanted.address = prefixes[i];
		add(list, &wanted);
	}
}

__u32 xfn_sockets_wanted(const struct xfn_manifest *manifest,
			 const struct xfn_function_spec *function,
			 struct xfn_socket_wanted ret[XFN_SOCKETS_MAX])
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, function);
	struct list list = {.wanted = ret};
	__u32 i, port;

	for (i = 0; i < function->trigger_count; i++)
		for (port = triggers[i].port_lo; port <= triggers[i].port_hi; port++)
			add_port(&list, manifest, &triggers[i], (__u16)port);
	return list.count;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

int xfn_read_reply_from(struct xfn_builder *builder, const struct xfn_schema_row *row,
			const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"pktinfo"};

	if (!xfn_read_word(builder, row, event, words, 1, 1))
		xfn_builder_function(builder)->socket.pktinfo = true;
	return 0;
}

void xfn_listen_check(struct xfn_builder *builder)
{
	const struct xfn_manifest *manifest = builder->manifest;
	const struct xfn_function_spec *function = xfn_builder_function(builder);
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, function);
	struct xfn_socket_wanted wanted[XFN_SOCKETS_MAX];
	const char *problem, *expected;
	__u32 i, count = builder->diags->count;

	if (function->delivery != XFN_DELIVER_SOCKET || !builder->starts)
		return;
	for (i = 0; i < function->trigger_count; i++) {
		problem = xfn_trigger_not_listened(manifest, &triggers[i], &expected);
		if (problem)
			xfn_builder_refuse_at(
				builder, (struct xfn_place){triggers[i].line, triggers[i].column},
				expected, NULL, "%s of a program that is given its sockets",
				problem);
	}
	if (count != builder->diags->count)
		return; /* and so many are not meant */
	count = xfn_sockets_wanted(manifest, function, wanted);
	if (count > XFN_SOCKETS_MAX)
		xfn_builder_refuse_at(builder, (struct xfn_place){function->line, function->column},
				      "at most 16 ports and addresses", NULL,
				      "a program that is given %u sockets", count);
}
