/* SPDX-License-Identifier: BSD-2-Clause */
/* Which established sessions a ruleset takes, in a world made of tables; and reading the real ones. */
#include "ruleset_fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../loader/sessions.h"

/*
 * eth0 (slot 0) and eth1 (slot 63) are attached, eth2 is not. Over eth0 lie a VLAN and a VLAN in it, a
 * bridge over eth1, a bond over the VLAN.
 */
enum { LO = 1, ETH0, ETH1, ETH2, VLAN5, VLAN5_6, BRIDGE, BOND, IPVLAN, ELSEWHERE };

static struct xfn_link links[] = {
	{.ifindex = LO, .name = "lo", .peer_nsid = -1},
	{.ifindex = ETH0, .name = "eth0", .peer_nsid = -1},
	{.ifindex = ETH1, .name = "eth1", .master = BRIDGE, .peer_nsid = -1},
	{.ifindex = ETH2, .name = "eth2", .peer_nsid = -1},
	{.ifindex = VLAN5,
	 .name = "eth0.5",
	 .kind = "vlan",
	 .peer_ifindex = ETH0,
	 .vlan_id = 5,
	 .master = BOND,
	 .peer_nsid = -1},
	{.ifindex = VLAN5_6,
	 .name = "eth0.5.6",
	 .kind = "vlan",
	 .peer_ifindex = VLAN5,
	 .vlan_id = 6,
	 .peer_nsid = -1},
	{.ifindex = BRIDGE, .name = "br0", .kind = "bridge", .peer_nsid = -1},
	{.ifindex = BOND, .name = "bond0", .kind = "bond", .peer_nsid = -1},
	{.ifindex = IPVLAN,
	 .name = "ipv0",
	 .kind = "ipvlan",
	 .peer_ifindex = ETH0,
	 .peer_nsid = -1},
	/* Its link below has that number in another namespace. */
	{.ifindex = ELSEWHERE,
	 .name = "far",
	 .kind = "vlan",
	 .peer_ifindex = ETH0,
	 .vlan_id = 5,
	 .peer_nsid = 3},
};

static struct xfn_address addresses[] = {
	{.ifindex = ETH0, .family = AF_INET, .address = {192, 0, 2, 1}},
	{.ifindex = ETH2, .family = AF_INET, .address = {203, 0, 113, 1}},
	{.ifindex = ETH0, .family = AF_INET6, .address = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
};

static const struct xfn_netlink_state state = {
	.links = links,
	.link_count = sizeof(links) / sizeof(links[0]),
	.addresses = addresses,
	.address_count = sizeof(addresses) / sizeof(addresses[0]),
};

static __u32 leads_to; /* 0: no route */

static int route(const struct xfn_session *session, __u32 *ret_ifindex)
{
	(void)session;
	if (!leads_to)
		return -ENETUNREACH;
	*ret_ifindex = leads_to;
	return 0;
}

static bool takes_all(const void *context, __u32 slot)
{
	(void)context;
	(void)slot;
	return true;
}

static bool takes_odd(const void *context, __u32 slot)
{
	(void)context;
	return slot & 1;
}

static struct fixture live, next;
static struct xfn_session_port ports[] = {{.ifindex = ETH0, .slot = 0},
					  {.ifindex = ETH1, .slot = 63}};
static struct xfn_session_world world;

static int setup(void **context)
{
	(void)context;
	fixture_init(&live);
	fixture_init(&next);
	ports[0].fresh = ports[1].fresh = false;
	leads_to = ETH0;
	world = (struct xfn_session_world){
		.state = &state,
		.ports = ports,
		.port_count = 2,
		.live = {.takes = takes_all},
		.next = {.takes = takes_all},
		.route = route,
	};
	return 0;
}

static int teardown(void **context)
{
	(void)context;
	fixture_fini(&live);
	fixture_fini(&next);
	return 0;
}

static void compile(void)
{
	assert_int_equal(fixture_compile(&live), 0);
	assert_int_equal(fixture_compile(&next), 0);
	world.live.ruleset = live.ruleset;
	world.next.ruleset = next.ruleset;
}

static struct xfn_session session_of(const char *peer, const char *local, __u16 port)
{
	struct xfn_session session = {.local_port = port, .remote_port = 50514};

	session.family = strchr(peer, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(session.family, peer, session.remote), 1);
	assert_int_equal(inet_pton(session.family, local, session.local), 1);
	return session;
}

/* The trigger of the next ruleset that takes it, or -1. */
static int taken(const char *peer, const char *local, __u16 port)
{
	struct xfn_session session = session_of(peer, local, port);
	const struct xfn_entry *entry = xfn_session_taken(&world, &session);

	return entry ? (int)entry->rule : -1;
}

/* ---- triggers against sessions ----------------------------------------------------------------- */

static void triggers_against_sessions(void **context)
{
	static const struct {
		const char *trigger, *peer, *local;
		__u16 port;
		bool taken;
	} cases[] = {
		{"tcp/22", "198.51.100.7", "192.0.2.1", 22, true},
		{"tcp/22", "198.51.100.7", "192.0.2.1", 23, false},
		{"udp/22", "198.51.100.7", "192.0.2.1", 22, false},
		{"tcp/20-30", "198.51.100.7", "192.0.2.1", 22, true},
		{"tcp/22", "2001:db8::7", "2001:db8::1", 22, true},
		{"tcp/22 to 192.0.2.0/24", "198.51.100.7", "192.0.2.1", 22, true},
		{"tcp/22 to 192.0.2.2", "198.51.100.7", "192.0.2.1", 22, false},
		{"tcp/22 to any", "198.51.100.7", "192.0.2.1", 22, true},
		{"tcp/22 from 198.51.100.0/24", "198.51.100.7", "192.0.2.1", 22, true},
		{"tcp/22 from 198.51.100.8", "198.51.100.7", "192.0.2.1", 22, false},
		{"tcp/22 from 2001:db8::/32", "198.51.100.7", "192.0.2.1", 22, false},
		{"tcp/22 on eth0", "198.51.100.7", "192.0.2.1", 22, true},
		{"tcp/22 on eth1", "198.51.100.7", "192.0.2.1", 22, false},
		{"tcp/22 vlan 5", "198.51.100.7", "192.0.2.1", 22, false},
		/* An address of an interface that is not attached is not ours, but for "any". */
		{"tcp/22", "198.51.100.7", "203.0.113.1", 22, false},
		{"tcp/22 to any", "198.51.100.7", "203.0.113.1", 22, true},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(context);
		fixture_add(&next, cases[i].trigger);
		compile();
		if ((taken(cases[i].peer, cases[i].local, cases[i].port) == 0) != cases[i].taken)
			fail_msg("%s against %s", cases[i].trigger, cases[i].peer);
		teardown(context);
	}
	setup(context);
}

static void what_is_taken_already_is_no_news(void **context)
{
	(void)context;
	fixture_add(&live, "tcp/22 from 198.51.100.0/24");
	fixture_add(&next, "tcp/22");
	compile();
	assert_int_equal(taken("198.51.100.7", "192.0.2.1", 22), -1);
	assert_int_equal(taken("198.51.99.7", "192.0.2.1", 22), 0);
	/* Where nothing is attached yet nothing is taken yet. */
	ports[0].fresh = true;
	assert_int_equal(taken("198.51.100.7", "192.0.2.1", 22), 0);
}

static void functions_that_let_pass_take_none(void **context)
{
	(void)context;
	fixture_add(&live, "tcp/22"); /* slot 0: lets pass */
	fixture_add(&next, "tcp/23"); /* slot 0: lets pass */
	fixture_add(&next, "tcp/22"); /* slot 1: takes */
	world.live.takes = world.next.takes = takes_odd;
	compile();
	assert_int_equal(taken("198.51.100.7", "192.0.2.1", 23), -1);
	assert_int_equal(taken("198.51.100.7", "192.0.2.1", 22), 1);
}

static void no_rules_no_worry(void **context)
{
	(void)context;
	fixture_add(&live, "tcp/22");
	compile();
	assert_int_equal(taken("198.51.100.7", "192.0.2.1", 22), -1);
	world.next.ruleset = NULL;
	assert_int_equal(taken("198.51.100.7", "192.0.2.1", 22), -1);
	world.next.ruleset = live.ruleset;
	world.live.ruleset = NULL;
	assert_int_equal(taken("198.51.100.7", "192.0.2.1", 22), 0);
}

/* ---- by which interface ------------------------------------------------------------------------ */

static void the_way_in(void **context)
{
	static const struct {
		__u32 leads_to;
		const char *trigger, *local;
		bool taken;
	} cases[] = {
		/* The peer is reached over one, the address is another's: either may be the way. */
		{ETH1, "tcp/22 to any on eth1", "192.0.2.1", true},
		{ETH1, "tcp/22 to any on eth0", "192.0.2.1", true},
		{0, "tcp/22 to any on eth0", "192.0.2.1", true},
		{0, "tcp/22 to any on eth1", "192.0.2.1", false},
		/* Neither is attached. */
		{ETH2, "tcp/22 to any", "203.0.113.1", false},
		{0, "tcp/22 to any", "203.0.113.9", false},
		/* With itself: XDP sees nothing of it. */
		{LO, "tcp/22 to any", "192.0.2.1", false},
		/* Links over attached ones. */
		{VLAN5, "tcp/22 to any vlan 5", "203.0.113.9", true},
		{VLAN5, "tcp/22 to any vlan 6", "203.0.113.9", false},
		{VLAN5, "tcp/22 to any", "203.0.113.9", true}, /* the driver may take it off */
		{VLAN5_6, "tcp/22 to any vlan 5.6", "203.0.113.9", true},
		{VLAN5_6, "tcp/22 to any vlan 6.5", "203.0.113.9", false},
		{VLAN5_6, "tcp/22 to any vlan 5", "203.0.113.9", false},
		{BRIDGE, "tcp/22 to any on eth1", "203.0.113.9", true},
		{BRIDGE, "tcp/22 to any on eth0", "203.0.113.9", false},
		{BOND, "tcp/22 to any vlan 5", "203.0.113.9", true},
		{IPVLAN, "tcp/22 to any on eth0", "203.0.113.9", true},
		{ELSEWHERE, "tcp/22 to any vlan 5", "203.0.113.9", false},
		{77, "tcp/22 to any", "203.0.113.9", false},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(context);
		leads_to = cases[i].leads_to;
		fixture_add(&next, cases[i].trigger);
		compile();
		if ((taken("198.51.100.7", cases[i].local, 22) == 0) != cases[i].taken)
			fail_msg("case %zu: %s", i, cases[i].trigger);
		teardown(context);
	}
	setup(context);
}

static void a_socket_bound_to_a_device_says_the_way(void **context)
{
	struct xfn_session session = session_of("198.51.100.7", "203.0.113.9", 22);

	(void)context;
	fixture_add(&next, "tcp/22 to any on eth1");
	compile();
	assert_null(xfn_session_taken(&world, &session));
	session.ifindex = ETH1;
	assert_non_null(xfn_session_taken(&world, &session));
}

/* ---- words ------------------------------------------------------------------------------------- */

static void sessions_in_words(void **context)
{
	struct xfn_session four = session_of("198.51.100.7", "192.0.2.1", 22);
	struct xfn_session six = session_of("2001:db8::7", "2001:db8::1", 22);
	char text[XFN_SESSION_TEXT];

	(void)context;
	assert_string_equal(xfn_session_print(&four, text), "tcp/22 from 198.51.100.7:50514");
	assert_string_equal(xfn_session_print(&six, text), "tcp/22 from [2001:db8::7]:50514");
	assert_true(xfn_session_is(&four, "198.51.100.7 50514 192.0.2.1 22"));
	assert_true(xfn_session_is(&four, "::ffff:198.51.100.7 50514 ::ffff:192.0.2.1 22"));
	assert_true(xfn_session_is(&six, "2001:db8::7 50514 2001:db8::1%eth0 22"));
	assert_false(xfn_session_is(&six, "198.51.100.7 50514 192.0.2.1 22"));
	assert_false(xfn_session_is(&four, "198.51.100.7 50515 192.0.2.1 22"));
	assert_false(xfn_session_is(&four, "198.51.100.7 50514 192.0.2.2 22"));
	assert_false(xfn_session_is(&four, "198.51.100.7 50514 192.0.2.1"));
	assert_false(xfn_session_is(&four, "a b c d"));
	assert_false(xfn_session_is(&four, ""));
	assert_false(xfn_session_is(&four, NULL));
}

/* ---- the real ones ----------------------------------------------------------------------------- */

struct seen {
	__u16 local_port, remote_port;
	struct xfn_session session;
	unsigned count;
};

static int look_for(void *context, const struct xfn_session *session)
{
	struct seen *seen = context;

	if (session->local_port != seen->local_port || session->remote_port != seen->remote_port)
		return 0;
	seen->session = *session;
	seen->count++;
	return 0;
}

static int stop(void *context, const struct xfn_session *session)
{
	(void)session;
	++*(unsigned *)context;
	return -ECANCELED;
}

static __u16 port_of(int fd)
{
	struct sockaddr_in6 address;
	socklen_t size = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin6_port); /* where sin_port is, too */
}

/* A client of IPv4 at a socket of IPv6. */
static void real_sessions_are_read(void **context)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	struct sockaddr_in to = {.sin_family = AF_INET};
	int listener = socket(AF_INET6, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct seen server_side = {0}, client_side = {0};
	char text[XFN_SESSION_TEXT], expected[XFN_SESSION_TEXT];
	unsigned stopped = 0;
	__u32 ifindex = 0;
	int accepted;

	(void)context;
	assert_int_equal(bind(listener, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(listener, 1), 0);
	to.sin_port = htons(port_of(listener));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);

	server_side.local_port = client_side.remote_port = port_of(listener);
	server_side.remote_port = client_side.local_port = port_of(client);
	assert_int_equal(xfn_sessions_read(look_for, &server_side), 0);
	assert_int_equal(xfn_sessions_read(look_for, &client_side), 0);
	assert_int_equal(server_side.count, 1);
	assert_int_equal(client_side.count, 1);
	snprintf(expected, sizeof(expected), "tcp/%u from 127.0.0.1:%u", port_of(listener),
		 port_of(client));
	assert_string_equal(xfn_session_print(&server_side.session, text), expected);
	assert_int_equal(server_side.session.family, AF_INET);
	assert_int_equal(xfn_session_route(&server_side.session, &ifindex), 0);
	assert_int_equal(ifindex, LO);
	assert_int_equal(xfn_sessions_read(stop, &stopped), -ECANCELED);
	assert_int_equal(stopped, 1);

	close(accepted);
	close(client);
	close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(triggers_against_sessions),
		TEST(what_is_taken_already_is_no_news),
		TEST(functions_that_let_pass_take_none),
		TEST(no_rules_no_worry),
		TEST(the_way_in),
		TEST(a_socket_bound_to_a_device_says_the_way),
		TEST(sessions_in_words),
		TEST(real_sessions_are_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
