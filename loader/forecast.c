/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "forecast.h"
#include "interface.h"

/*
 * What the first program, and the removal of the last, does to a driver: read in its function for
 * XDP_SETUP_PROG.
 */
enum effect {
	EFFECT_NONE,    /* nothing that a peer could notice */
	EFFECT_PAUSE,   /* queues stand still for a moment; the link stays up */
	EFFECT_RESTART, /* queues are made anew: what arrives meanwhile is lost */
	EFFECT_RESET,   /* closed and opened: the link goes down, and the switch sees it */
};

enum queues {
	QUEUES_ANY,
	QUEUES_EACH, /* one more for each CPU, or replies share theirs */
	QUEUES_HALF, /* XDP is refused where more than half of them are in use */
};

struct driver {
	const char *name;
	enum effect effect;
	enum queues queues;
};

static const struct driver drivers[] = {
	{"bnxt_en", EFFECT_RESTART, QUEUES_HALF},  /* bnxt_xdp_set() */
	{"ena", EFFECT_RESTART, QUEUES_HALF},      /* ena_xdp_set() */
	{"hv_netvsc", EFFECT_PAUSE, QUEUES_ANY},   /* netvsc_xdp_set() */
	{"i40e", EFFECT_RESET, QUEUES_ANY},        /* i40e_xdp_setup() */
	{"ice", EFFECT_RESTART, QUEUES_ANY},       /* ice_xdp_setup_prog() */
	{"igb", EFFECT_RESET, QUEUES_ANY},         /* igb_xdp_setup() */
	{"igc", EFFECT_RESET, QUEUES_ANY},         /* igc_xdp_set_prog() */
	{"ixgbe", EFFECT_RESET, QUEUES_ANY},       /* ixgbe_xdp_setup() */
	{"mlx4_en", EFFECT_RESTART, QUEUES_ANY},   /* mlx4_xdp_set() */
	{"mlx5_core", EFFECT_RESTART, QUEUES_ANY}, /* mlx5e_xdp_set() */
	{"mvneta", EFFECT_RESET, QUEUES_ANY},      /* mvneta_xdp_setup() */
	{"nfp", EFFECT_RESTART, QUEUES_ANY},       /* nfp_net_xdp_setup_drv() */
	{"qede", EFFECT_RESTART, QUEUES_ANY},      /* qede_xdp_set() */
	{"stmmac", EFFECT_RESTART, QUEUES_ANY},    /* stmmac_xdp_set_prog() */
	{"tun", EFFECT_NONE, QUEUES_ANY},          /* tun_xdp_set() */
	{"veth", EFFECT_NONE, QUEUES_ANY},         /* veth_xdp_set() */
	{"vif", EFFECT_RESET, QUEUES_ANY},         /* xennet_xdp_set(): reconnects */
	{"virtio_net", EFFECT_PAUSE, QUEUES_EACH}, /* virtnet_xdp_set() */
};

static const struct driver *find_driver(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(drivers[i].name, name))
			return &drivers[i];
	return NULL;
}

struct forecast {
	const struct xfn_interface_facts *facts;
	json_t *warnings;
};

static void say(struct forecast *forecast, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct forecast *forecast, const char *format, ...)
{
	char text[400];
	int length = snprintf(text, sizeof(text), "interface '%s': ", forecast->facts->link.name);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, sizeof(text) - (size_t)length, format, args);
	va_end(args);
	json_array_append_new(forecast->warnings, json_string(text));
}

/* ---- the driver -------------------------------------------------------------------------------- */

static void say_link(struct forecast *forecast, const struct driver *driver)
{
	static const char *const effects[] = {
		[EFFECT_PAUSE] = "stops its queues for a moment when XDP comes and goes",
		[EFFECT_RESTART] = "makes its queues anew when XDP comes and goes: packets that "
				   "arrive meanwhile are lost",
		[EFFECT_RESET] = "takes the link down and up again when XDP comes and goes: for "
				 "seconds nothing arrives",
	};
	const char *name = forecast->facts->driver;

	if (!driver)
		say(forecast,
		    "not known what driver '%s' does when XDP comes and goes; it may take the link "
		    "down for a while",
		    name[0] ? name : "?");
	else if (driver->effect != EFFECT_NONE)
		say(forecast, "driver '%s' %s", name, effects[driver->effect]);
}

static void say_queues(struct forecast *forecast, const struct driver *driver, unsigned cpus)
{
	__u32 queues = forecast->facts->rx_queues;
	const char *name = forecast->facts->link.name;

	if (!driver || !queues)
		return;
	if (driver->queues == QUEUES_EACH && queues < 2 * cpus)
		say(forecast,
		    "%u queues in use for %u CPUs: without a spare one for each CPU replies share "
		    "queues under a lock",
		    queues, cpus);
	if (driver->queues == QUEUES_HALF)
		say(forecast,
		    "driver '%s' refuses XDP where more than half of its queues are in use, and "
		    "%u are: ethtool -l %s, ethtool -L %s combined N",
		    driver->name, queues, name, name);
}

/* ---- packets ----------------------------------------------------------------------------------- */

static void say_mtu(struct forecast *forecast)
{
	const struct xfn_interface_facts *facts = forecast->facts;
	__u32 max = xfn_veth_mtu_max();

	if (facts->is_veth && facts->peer.known && facts->peer.link.mtu > max)
		say(forecast, "its veth peer has MTU %u, native XDP takes at most %u",
		    facts->peer.link.mtu, max);
	else if (!facts->is_veth && facts->link.mtu > max)
		say(forecast, "MTU %u: many drivers refuse native XDP above a page, about %u",
		    facts->link.mtu, max);
}

static void say_offloads(struct forecast *forecast)
{
	const struct xfn_interface_features *features = &forecast->facts->features;

	if (features->lro == XFN_YES)
		say(forecast, "LRO is on: the kernel turns it off, or the driver refuses XDP");
	if (features->rx_vlan_offload == XFN_YES && !forecast->facts->is_veth)
		say(forecast,
		    "its driver takes VLAN tags off: where no trigger names a VLAN, XDP sees "
		    "tagged packets as untagged");
}

void xfn_forecast(const struct xfn_interface_facts *facts, bool generic, unsigned cpus,
		  json_t *warnings)
{
	struct forecast forecast = {facts, warnings};
	const struct driver *driver = find_driver(facts->driver);

	say_offloads(&forecast);
	if (generic) {
		say(&forecast, "generic mode: the driver is left alone, and every packet costs "
			       "more than in native mode");
		return;
	}
	say_link(&forecast, driver);
	say_queues(&forecast, driver, cpus);
	say_mtu(&forecast);
}
