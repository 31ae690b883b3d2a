/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said before attaching. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "../../loader/forecast.h"
#include "../../loader/interface.h"

static struct xfn_interface_facts facts_of(const char *driver)
{
	struct xfn_interface_facts facts = {.rx_queues = 4, .link = {.mtu = 1500}};

	strcpy(facts.link.name, "eth0");
	strcpy(facts.driver, driver);
	facts.is_veth = !strcmp(driver, "veth");
	return facts;
}

/* @expected: a part of each sentence, in order, ended by NULL. */
static void assert_said(const struct xfn_interface_facts *facts, bool generic,
			const char *const *expected)
{
	json_t *warnings = json_array();
	size_t i;

	xfn_forecast(facts, generic, 4, warnings);
	for (i = 0; expected[i]; i++) {
		const char *text = json_string_value(json_array_get(warnings, i));

		if (!text || !strstr(text, expected[i]) || strncmp(text, "interface 'eth0': ", 18))
			fail_msg("expected '%s', got '%s'", expected[i], text ? text : "nothing");
	}
	assert_int_equal(json_array_size(warnings), i);
	json_decref(warnings);
}

#define SAID(facts, generic, ...) \
	assert_said(facts, generic, (const char *const[]){__VA_ARGS__, NULL})

static void harmless_drivers_are_not_mentioned(void **context)
{
	struct xfn_interface_facts facts = facts_of("veth");

	(void)context;
	facts.features.rx_vlan_offload = XFN_YES; /* a veth carries its peer's tags aside */
	assert_said(&facts, false, (const char *const[]){NULL});
}

static void what_drivers_do_to_the_link(void **context)
{
	struct xfn_interface_facts facts = facts_of("igb");

	(void)context;
	SAID(&facts, false, "driver 'igb' takes the link down");
	facts = facts_of("mlx5_core");
	SAID(&facts, false, "driver 'mlx5_core' makes its queues anew");
	facts = facts_of("fancy");
	SAID(&facts, false, "not known what driver 'fancy' does");
	facts = facts_of("");
	SAID(&facts, false, "not known what driver '?' does");
}

static void queues(void **context)
{
	struct xfn_interface_facts facts = facts_of("virtio_net");

	(void)context;
	SAID(&facts, false, "stops its queues for a moment", "4 queues in use for 4 CPUs");
	facts.rx_queues = 8;
	SAID(&facts, false, "stops its queues for a moment");
	facts = facts_of("ena");
	SAID(&facts, false, "makes its queues anew", "and 4 are: ethtool -l eth0");
}

static void mtu_and_offloads(void **context)
{
	struct xfn_interface_facts facts = facts_of("ice");

	(void)context;
	facts.link.mtu = 9000;
	facts.features.lro = XFN_YES;
	facts.features.rx_vlan_offload = XFN_YES;
	SAID(&facts, false, "LRO is on", "takes VLAN tags off", "makes its queues anew",
	     "MTU 9000");
	facts = facts_of("veth");
	facts.peer.known = true;
	facts.peer.link.mtu = 9000;
	SAID(&facts, false, "its veth peer has MTU 9000, native XDP takes at most ");
}

static void generic_leaves_the_driver_alone(void **context)
{
	struct xfn_interface_facts facts = facts_of("igb");

	(void)context;
	SAID(&facts, true, "generic mode: the driver is left alone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless_drivers_are_not_mentioned),
		cmocka_unit_test(what_drivers_do_to_the_link),
		cmocka_unit_test(queues),
		cmocka_unit_test(mtu_and_offloads),
		cmocka_unit_test(generic_leaves_the_driver_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
