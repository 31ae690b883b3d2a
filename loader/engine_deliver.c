/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if_arp.h>

#include "engine_deliver.h"
#include "engine_instances.h"
#include "journal.h"
#include "losses.h"
#include "netlink.h"
#include "targets.h"

/* ---- where to ----------------------------------------------------------------------------------------- */

enum xfn_function_delivery xfn_delivery_of(const struct xfn_function_spec *spec)
{
	switch (spec->delivery) {
	case XFN_DELIVER_KERNEL:
		return XFN_DELIVERY_KERNEL;
	case XFN_DELIVER_SOCKET:
		return spec->socket.cpu_count ? XFN_DELIVERY_CPU : XFN_DELIVERY_SOCKET;
	case XFN_DELIVER_NETDEV:
		return XFN_DELIVERY_NETDEV;
	case XFN_DELIVER_XSK:
		return XFN_DELIVERY_XSK;
	case XFN_DELIVER_NONE:
		break;
	}
	return XFN_DELIVERY_NONE;
}

/* The far end of a veth, wherever it is; of other interfaces nobody can tell. */
static int resolve_mac(const struct xfn_link *link, __u8 mac[6])
{
	struct xfn_link peer;

	if (strcmp(link->kind, "veth") || !link->peer_ifindex ||
	    xfn_link_get(link->peer_ifindex, link->peer_nsid, &peer))
		return -EDESTADDRREQ;
	memcpy(mac, peer.mac, sizeof(peer.mac));
	return 0;
}

static int resolve_netdev(const struct xfn_function_spec *spec, struct xfn_target *target)
{
	struct xfn_link link;
	int err = xfn_link_find(spec->netdev.interface, &link);

	if (err)
		return err;
	if (link.hardware != ARPHRD_ETHER)
		return -ENOTTY;
	target->ifindex = link.ifindex;
	memcpy(target->src_mac, link.mac, sizeof(target->src_mac));
	memcpy(target->dst_mac, spec->netdev.mac, sizeof(target->dst_mac));
	return spec->given & XFN_GIVEN_MAC ? 0 : resolve_mac(&link, (__u8 *)target->dst_mac);
}

int xfn_delivery_resolve(const struct xfn_function_spec *spec, struct xfn_target *ret)
{
	struct xfn_target target = {};
	int err = 0;

	if (spec->delivery == XFN_DELIVER_NETDEV) {
		err = resolve_netdev(spec, &target);
	} else {
		target.cpu_count = spec->socket.cpu_count;
		memcpy(target.cpu, spec->socket.cpus, sizeof(target.cpu));
	}
	if (!err)
		*ret = target;
	return err;
}

_Static_assert(XFN_SOCKET_CPUS_MAX == XFN_TARGET_CPUS_MAX,
	       "the manifest takes what a target holds");

__u64 xfn_deliveries_hash(const struct xfn_model *model, __u64 hash)
{
	const struct xfn_function_spec *spec;
	struct xfn_target target;
	const __u64 *words = (const __u64 *)&target;
	size_t i, word;

	for (i = 0; i < model->function_count; i++) {
		spec = model->functions[i].spec;
		if (spec->delivery != XFN_DELIVER_NETDEV)
			continue;
		memset(&target, 0, sizeof(target));
		xfn_delivery_resolve(spec, &target); /* nowhere is a place, too: zeros */
		for (word = 0; word < sizeof(target) / sizeof(*words); word++)
			hash = xfn_hash_round(hash, words[word]);
	}
	return hash;
}

/* ---- into the generation that is being filled ----------------------------------------------------------- */

int xfn_delivery_enter(struct xfn_engine *engine, const struct xfn_model_function *function,
		       unsigned generation, struct xfn_function_config *config)
{
	const struct xfn_function_spec *spec = function->spec;
	struct xfn_target target;
	__u32 index = XFN_TARGET_NONE;
	int err = 0;

	if (xfn_delivery_of(spec) < XFN_DELIVERY_REDIRECTS)
		return 0;
	if (spec->delivery == XFN_DELIVER_XSK)
		return xfn_port_enter(engine, function, generation, config);
	if (!xfn_delivery_resolve(spec, &target))
		err = xfn_targets_want(engine->targets, &target, &index);
	config->target = XFN_TARGET(XFN_SAMPLE_NEVER, index);
	/* Gone again, since it was looked at; a DEVMAP calls that -EINVAL. */
	return err == -ENODEV || err == -EINVAL ? 0 : err;
}

static bool has_ports(const struct xfn_model *model)
{
	size_t i;

	for (i = 0; i < model->function_count; i++)
		if (model->functions[i].spec->delivery == XFN_DELIVER_XSK)
			return true;
	return false;
}

void xfn_deliveries_listen(struct xfn_engine *engine, const struct xfn_model *next)
{
	enum xfn_losses_of of = xfn_targets_any_next(engine->targets) ? XFN_LOSSES_OF_ALL
				: has_ports(next)                     ? XFN_LOSSES_OF_PORTS
								      : XFN_LOSSES_OF_NOTHING;
	struct xfn_fault fault;

	if (of != XFN_LOSSES_OF_NOTHING && xfn_losses_attach(engine->dataplane, of, &fault))
		xfn_journal_add(engine->options.journal,
				&(struct xfn_journal_event){.type = "error"},
				"what is lost behind redirects is not counted: %s", fault.text);
}

/* Nothing redirects any more: nobody on this host pays for the tracepoints. */
static void stop_listening(struct xfn_engine *engine, const struct xfn_model *model)
{
	if (!memchr(engine->targets->live, true, sizeof(engine->targets->live)))
		xfn_losses_detach(engine->dataplane,
				  has_ports(model) ? XFN_LOSSES_OF_PORTS : XFN_LOSSES_OF_NOTHING);
}

void xfn_deliveries_settle(struct xfn_engine *engine, const struct xfn_model *model)
{
	if (xfn_targets_commit(engine->targets)) {
		if (xfn_dataplane_idle(engine->dataplane) < 0)
			return; /* the next change sweeps */
		xfn_targets_sweep(engine->targets);
	}
	stop_listening(engine, model);
}

void xfn_deliveries_forget(struct xfn_engine *engine)
{
	xfn_targets_forget(engine->targets);
	xfn_targets_sweep(engine->targets);
	stop_listening(engine, engine->model);
}

/* ---- for doctor ------------------------------------------------------------------------------------------- */

static bool has_name(const char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

int xfn_deliveries_doctor(const struct xfn_model *model, struct xfn_doctor_options *options,
			  const char ***ret)
{
	const char **names = calloc(model->function_count + 1, sizeof(*names));
	const struct xfn_function_spec *spec;
	size_t i, count = 0;

	if (!names)
		return -ENOMEM;
	for (i = 0; i < model->function_count; i++) {
		spec = model->functions[i].spec;
		options->cpus = options->cpus || xfn_delivery_of(spec) == XFN_DELIVERY_CPU;
		if (spec->delivery == XFN_DELIVER_NETDEV && count < XFN_DEVICES_MAX &&
		    !has_name(names, count, spec->netdev.interface))
			names[count++] = spec->netdev.interface;
	}
	xfn_model_needs(model, options);
	options->targets = names;
	options->target_count = count;
	*ret = names;
	return 0;
}
