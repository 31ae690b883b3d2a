/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own answers, in a network namespace of this process; and messages that are odd. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "alloc.h"
#include "../../loader/loop.h"
#include "../../loader/netlink.h"
#include "../../loader/netlink_parse.h"

static bool in_namespace;

#define NEEDS_NAMESPACE()                                                          \
	do {                                                                       \
		if (!in_namespace) {                                               \
			print_message("# needs a network namespace of its own\n"); \
			skip();                                                    \
		}                                                                  \
	} while (0)

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static int enter_namespace(void **state)
{
	(void)state;
	in_namespace = unshare(CLONE_NEWNET) == 0 && system("ip link set lo up") == 0;
	return 0;
}

static int remove_links(void **state)
{
	(void)state;
	if (in_namespace)
		(void)!system("for l in $(ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d ' ' | "
			      "grep ^t); do "
			      "ip link del $l 2>/dev/null; done; true");
	return 0;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void test_read_links(void **state)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
	struct xfn_netlink_state all = {0};
	const struct xfn_link *t0, *t1, *lo;

	(void)state;
	NEEDS_NAMESPACE();
	run("ip link add t0 mtu 1280 address 02:00:00:00:00:01 numrxqueues 3 type veth peer t1");
	assert_int_equal(xfn_netlink_read(&all), 0);
	lo = xfn_netlink_state_name(&all, "lo");
	t0 = xfn_netlink_state_name(&all, "t0");
	t1 = xfn_netlink_state_name(&all, "t1");
	assert_non_null(lo);
	assert_non_null(t0);
	assert_non_null(t1);
	assert_null(xfn_netlink_state_name(&all, "t2"));
	assert_int_equal(lo->ifindex, 1);
	assert_string_equal(lo->kind, "");
	assert_true(xfn_link_is_up(lo) && xfn_link_is_running(lo));
	assert_memory_equal(t0->mac, mac, 6);
	assert_int_equal(t0->mtu, 1280);
	assert_int_equal(t0->rx_queues, 3);
	assert_string_equal(t0->kind, "veth");
	assert_int_equal(t0->peer_ifindex, t1->ifindex);
	assert_int_equal(t0->peer_nsid, -1);
	assert_false(xfn_link_is_up(t0));
	assert_false(xfn_link_is_running(t0));
	assert_ptr_equal(xfn_netlink_state_link(&all, t1->ifindex), t1);
	xfn_netlink_state_fini(&all);
	assert_null(all.links);

	run("ip link set t0 up");
	assert_int_equal(xfn_netlink_read(&all), 0);
	t0 = xfn_netlink_state_name(&all, "t0");
	assert_true(xfn_link_is_up(t0));
	assert_false(xfn_link_is_running(t0)); /* its peer is down */
	xfn_netlink_state_fini(&all);
}

static const struct xfn_address *find_address(const struct xfn_netlink_state *all,
					      const void *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < all->address_count; i++)
		if (!memcmp(all->addresses[i].address, bytes, length))
			return &all->addresses[i];
	fail_msg("address not found");
	return NULL;
}

static void check_broadcast(const struct xfn_netlink_state *all, const char *address,
			    __u8 prefix_bits, unsigned count, const char *broadcasts)
{
	const struct xfn_address *found = find_address(all, address, 4);

	assert_int_equal(found->family, AF_INET);
	assert_int_equal(found->prefix_bits, prefix_bits);
	assert_int_equal(found->broadcast_count, count);
	assert_memory_equal(found->broadcast, broadcasts, 4 * (size_t)count);
	assert_memory_equal(found->address + 4, "\0\0\0\0\0\0\0\0\0\0\0", 12);
}

static void test_read_addresses(void **state)
{
	static const char v6[16] = "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7";
	struct xfn_netlink_state all = {0};
	const struct xfn_address *found;
	struct xfn_link t0;

	(void)state;
	NEEDS_NAMESPACE();
	run("ip link add t0 type veth peer t1 && ip link set t0 up");
	run("ip address add 10.0.0.1/24 dev t0");
	run("ip address add 10.1.0.1/16 broadcast 10.1.9.9 dev t0");
	run("ip address add 10.2.0.1/24 broadcast + dev t0");
	run("ip address add 10.3.0.0/31 dev t0");
	run("ip address add 10.4.0.1/30 dev t0");
	run("ip address add 10.5.0.1/32 dev t0");
	run("ip address add 10.6.0.1 peer 10.7.0.9/24 dev t0");
	run("ip address add fd00::7/64 dev t0 nodad");
	assert_int_equal(xfn_link_find("t0", &t0), 0);
	assert_int_equal(xfn_netlink_read(&all), 0);

	check_broadcast(&all, "\x0a\0\0\1", 24, 1, "\x0a\0\0\xff");
	check_broadcast(&all, "\x0a\1\0\1", 16, 2, "\x0a\1\xff\xff\x0a\1\x9\x9");
	check_broadcast(&all, "\x0a\2\0\1", 24, 1, "\x0a\2\0\xff");
	check_broadcast(&all, "\x0a\3\0\0", 31, 0, "");
	check_broadcast(&all, "\x0a\4\0\1", 30, 1, "\x0a\4\0\3");
	check_broadcast(&all, "\x0a\5\0\1", 32, 0, "");
	check_broadcast(&all, "\x0a\6\0\1", 24, 1, "\x0a\7\0\xff");
	check_broadcast(&all, "\x7f\0\0\1", 8, 1, "\x7f\xff\xff\xff");
	found = find_address(&all, v6, 16);
	assert_int_equal(found->family, AF_INET6);
	assert_int_equal(found->prefix_bits, 64);
	assert_int_equal(found->scope, RT_SCOPE_UNIVERSE);
	assert_int_equal(found->broadcast_count, 0);
	assert_int_equal(found->ifindex, t0.ifindex);
	assert_int_equal(find_address(&all, "\x7f\0\0\1", 4)->scope, RT_SCOPE_HOST);
	xfn_netlink_state_fini(&all);
}

/* More than one datagram of answers. */
static void test_read_many(void **state)
{
	struct xfn_netlink_state all = {0};
	size_t i;

	(void)state;
	NEEDS_NAMESPACE();
	run("ip link add t0 type veth peer t1; for i in $(seq 4); do for j in $(seq 250); do "
	    "echo address add 10.$i.$j.1/24 dev t0; done; done | ip -batch -");
	assert_int_equal(xfn_netlink_read(&all), 0);
	assert_in_range(all.address_count, 1001, 1010);
	for (i = 0; i < all.address_count; i++)
		assert_int_not_equal(all.addresses[i].ifindex, 0);
	xfn_netlink_state_fini(&all);
}

static void test_find(void **state)
{
	struct xfn_link link = {.ifindex = 77}, by_number;

	(void)state;
	NEEDS_NAMESPACE();
	run("ip link add t0 type veth peer t1");
	assert_int_equal(xfn_link_find("t2", &link), -ENODEV);
	assert_int_equal(xfn_link_find("", &link), -ENODEV);
	assert_int_equal(xfn_link_find("a-name-of-16-byt", &link), -ENODEV);
	assert_int_equal(xfn_link_get(4711, -1, &link), -ENODEV);
	assert_int_equal(link.ifindex, 77);
	assert_int_equal(xfn_link_find("t1", &link), 0);
	assert_string_equal(link.name, "t1");
	assert_int_equal(xfn_link_get(link.ifindex, -1, &by_number), 0);
	assert_memory_equal(&link, &by_number, sizeof(link));
}

/* A namespace that lives as long as the process returned. */
static pid_t other_namespace(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		/* Also where the test fails and never comes to end it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_peer_elsewhere(void **state)
{
	struct xfn_link t0, peer;
	char command[64];
	pid_t pid;

	(void)state;
	NEEDS_NAMESPACE();
	pid = other_namespace();
	run("ip link add t0 type veth peer t1");
	snprintf(command, sizeof(command), "ip link set t1 netns %d", (int)pid);
	run(command);
	assert_int_equal(xfn_link_find("t0", &t0), 0);
	assert_true(t0.peer_nsid >= 0);
	assert_int_equal(xfn_link_get(t0.peer_ifindex, t0.peer_nsid, &peer), 0);
	assert_string_equal(peer.name, "t1");
	assert_int_equal(peer.peer_ifindex, t0.ifindex);
	assert_true(xfn_link_get(t0.peer_ifindex, 4711, &peer) < 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* XDP_PASS; -1 where programs cannot be loaded. */
static int load_pass(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "test_pass", "GPL", pass, 2, NULL);
}

static __u32 prog_id(int fd)
{
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &bytes), 0);
	return info.id;
}

static void test_programs(void **state)
{
	static const __u32 flags[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
	int fd = load_pass(), mode;
	struct xfn_link link;

	(void)state;
	NEEDS_NAMESPACE();
	assert_true(fd >= 0);
	run("ip link add t0 type veth peer t1");
	for (mode = XFN_XDP_NATIVE; mode <= XFN_XDP_GENERIC; mode++) {
		assert_int_equal(xfn_link_find("t0", &link), 0);
		assert_int_equal(link.prog_id[mode], 0);
		assert_int_equal(bpf_xdp_attach(link.ifindex, fd, flags[mode], NULL), 0);
		assert_int_equal(xfn_link_find("t0", &link), 0);
		assert_int_equal(link.prog_id[mode], prog_id(fd));
		assert_int_equal(link.prog_id[!mode], 0);
		assert_int_equal(bpf_xdp_detach(link.ifindex, flags[mode], NULL), 0);
	}
	assert_string_equal(xfn_xdp_mode_name(XFN_XDP_NATIVE), "native");
	close(fd);
}

/* ---- following --------------------------------------------------------------------------------- */

enum { EVENTS_MAX = 256 };

struct events {
	unsigned count;
	struct {
		enum xfn_netlink_kind kind;
		char name[IFNAMSIZ], old_name[IFNAMSIZ];
		__u8 address[16];
		struct xfn_link link;
	} event[EVENTS_MAX];
};

static void record(void *context, const struct xfn_netlink_event *event)
{
	struct events *events = context;

	assert_in_range(events->count, 0, EVENTS_MAX - 1);
	events->event[events->count].kind = event->kind;
	events->event[events->count].old_name[0] = '\0';
	if (event->link) {
		strcpy(events->event[events->count].name, event->link->name);
		events->event[events->count].link = *event->link;
	}
	if (event->old_name)
		strcpy(events->event[events->count].old_name, event->old_name);
	if (event->address)
		memcpy(events->event[events->count].address, event->address->address, 16);
	events->count++;
}

/* True if an event of that kind was told of that link (or of any, with NULL). */
static bool told(const struct events *events, enum xfn_netlink_kind kind, const char *name)
{
	unsigned i;

	for (i = 0; i < events->count; i++)
		if (events->event[i].kind == kind &&
		    (!name || !strcmp(events->event[i].name, name)))
			return true;
	return false;
}

static void after(const char *command, struct xfn_netlink *netlink, struct events *events)
{
	run(command);
	events->count = 0;
	assert_int_equal(xfn_netlink_dispatch(netlink), 0);
}

static void test_follow(void **state)
{
	struct events events = {0};
	struct xfn_netlink *netlink;

	(void)state;
	NEEDS_NAMESPACE();
	run("ip link add told type veth peer toldp");
	assert_int_equal(xfn_netlink_open(NULL, record, &events, &netlink), 0);
	assert_int_equal(xfn_netlink_dispatch(netlink), 0);
	assert_int_equal(events.count, 0);

	after("ip link add t0 type veth peer t1", netlink, &events);
	assert_true(told(&events, XFN_LINK_ADDED, "t0") && told(&events, XFN_LINK_ADDED, "t1"));
	assert_false(told(&events, XFN_LINK_ADDED, "told"));
	assert_false(told(&events, XFN_LINK_REMOVED, NULL));

	after("ip link set t0 name t2", netlink, &events);
	assert_true(told(&events, XFN_LINK_RENAMED, "t2"));
	assert_string_equal(events.event[0].old_name, "t0");
	assert_false(told(&events, XFN_LINK_ADDED, NULL));

	after("ip link set t2 address 02:00:00:00:00:99", netlink, &events);
	assert_true(told(&events, XFN_LINK_CHANGED, "t2"));
	assert_int_equal(events.event[0].link.mac[5], 0x99);
	after("ip link set t2 address 02:00:00:00:00:99", netlink, &events);
	assert_false(told(&events, XFN_LINK_CHANGED, NULL)); /* told again, but no change */

	after("ip link set t2 up", netlink, &events);
	assert_true(told(&events, XFN_LINK_CHANGED, "t2"));

	after("ip address add 10.0.0.1/24 dev t2", netlink, &events);
	assert_int_equal(events.count, 1);
	assert_int_equal(events.event[0].kind, XFN_ADDRESS_ADDED);
	assert_memory_equal(events.event[0].address, "\x0a\0\0\1", 4);
	after("ip address del 10.0.0.1/24 dev t2", netlink, &events);
	assert_true(told(&events, XFN_ADDRESS_REMOVED, NULL));
	after("ip address add fd00::7/64 dev t2 nodad", netlink, &events);
	assert_true(told(&events, XFN_ADDRESS_ADDED, NULL));
	assert_memory_equal(events.event[0].address, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7", 16);

	after("ip link del t2", netlink, &events);
	assert_true(told(&events, XFN_LINK_REMOVED, "t2") && told(&events, XFN_LINK_REMOVED, "t1"));
	after("true", netlink, &events);
	assert_int_equal(events.count, 0);
	xfn_netlink_close(netlink);
	xfn_netlink_close(NULL);
}

/* The kernel says RTM_DELLINK of a port that leaves its bridge; the link stays. */
static void test_follow_bridge(void **state)
{
	struct events events = {0};
	struct xfn_netlink *netlink;

	(void)state;
	NEEDS_NAMESPACE();
	if (system("ip link add tbr type bridge 2>/dev/null") != 0) {
		print_message("# kernel lacks bridges\n");
		skip();
	}
	run("ip link add t0 type veth peer t1");
	assert_int_equal(xfn_netlink_open(NULL, record, &events, &netlink), 0);
	after("ip link set t0 master tbr && ip link set t0 nomaster", netlink, &events);
	assert_false(told(&events, XFN_LINK_REMOVED, NULL));
	after("ip link set t0 name t2", netlink, &events);
	assert_true(told(&events, XFN_LINK_RENAMED, "t2"));
	xfn_netlink_close(netlink);
}

static void test_follow_namespace_move(void **state)
{
	struct events events = {0};
	struct xfn_netlink *netlink;
	char command[64];
	pid_t pid;

	(void)state;
	NEEDS_NAMESPACE();
	pid = other_namespace();
	run("ip link add t0 type veth peer t1");
	assert_int_equal(xfn_netlink_open(NULL, record, &events, &netlink), 0);
	snprintf(command, sizeof(command), "ip link set t1 netns %d", (int)pid);
	after(command, netlink, &events);
	assert_true(told(&events, XFN_LINK_REMOVED, "t1"));
	assert_true(told(&events, XFN_LINK_CHANGED, "t0") ||
		    !told(&events, XFN_LINK_REMOVED, "t0"));
	xfn_netlink_close(netlink);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_resync(void **state)
{
	struct events events = {0};
	struct xfn_netlink *netlink;
	int bytes = 1;

	(void)state;
	NEEDS_NAMESPACE();
	run("ip link add t0 type veth peer t1");
	assert_int_equal(xfn_netlink_open(NULL, record, &events, &netlink), 0);
	assert_int_equal(
		setsockopt(xfn_netlink_fd(netlink), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)),
		0);
	after("for i in $(seq 20); do ip link add t4 type veth peer t5; ip link del t4; done; "
	      "ip link set t1 name t9",
	      netlink, &events);
	assert_true(told(&events, XFN_NETLINK_RESYNC, NULL));
	/* What was queued before is older than what was read: nothing of it is told. */
	assert_int_equal(events.count, 1);

	after("ip link set t9 name t1", netlink, &events);
	assert_true(told(&events, XFN_LINK_RENAMED, "t1"));
	assert_string_equal(events.event[0].old_name, "t9");
	xfn_netlink_close(netlink);
}

static void test_follow_in_loop(void **state)
{
	struct events events = {0};
	struct xfn_netlink *netlink;
	struct xfn_loop *loop;

	(void)state;
	NEEDS_NAMESPACE();
	assert_int_equal(xfn_loop_new(&loop), 0);
	assert_int_equal(xfn_netlink_open(loop, record, &events, &netlink), 0);
	run("ip link add t0 type veth peer t1");
	assert_int_equal(xfn_loop_step(loop, 1000000000), 1);
	assert_true(told(&events, XFN_LINK_ADDED, "t0"));
	xfn_netlink_close(netlink);
	xfn_loop_free(loop);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void test_no_memory(void **state)
{
	struct xfn_netlink_state all = {0};
	struct events events = {0};
	struct xfn_netlink *netlink;
	long before = xfn_alloc_live(), n;
	int err;

	(void)state;
	NEEDS_NAMESPACE();
	run("for i in 0 1 2 3 4 5 6 7 8 9; do ip link add t$i type veth peer tp$i; done");
	for (n = 0;; n++) {
		xfn_alloc_fail_after(n);
		err = xfn_netlink_read(&all);
		if (xfn_alloc_fail_after(-1))
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(all.links);
		assert_int_equal(xfn_alloc_live(), before);
	}
	assert_in_range(n, 3, 10);
	xfn_netlink_state_fini(&all);
	for (n = 0;; n++) {
		xfn_alloc_fail_after(n);
		err = xfn_netlink_open(NULL, record, &events, &netlink);
		if (xfn_alloc_fail_after(-1))
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(xfn_alloc_live(), before);
	}
	xfn_netlink_close(netlink);
	assert_int_equal(xfn_alloc_live(), before);
}

/* ---- odd messages ------------------------------------------------------------------------------ */

static struct nlmsghdr *link_message(char *buffer, __u8 family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header;
	struct nlattr *nest;

	message->nlmsg_type = RTM_NEWLINK;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->ifi_family = family;
	header->ifi_index = 5;
	mnl_attr_put_str(message, IFLA_IFNAME, "a-name-without-its-end"); /* too long, no NUL */
	mnl_attr_put(message, IFLA_ADDRESS, 6, "\2\0\0\0\0\1");
	nest = mnl_attr_nest_start(message, IFLA_XDP);
	mnl_attr_put_u32(message, IFLA_XDP_DRV_PROG_ID, 9);
	mnl_attr_nest_end(message, nest);
	return message;
}

static void test_parse_link(void **state)
{
	struct xfn_link link = {.ifindex = 77};
	char buffer[512], *copy;
	struct nlmsghdr *message = link_message(buffer, AF_UNSPEC);
	__u32 bytes, whole = message->nlmsg_len;

	(void)state;
	assert_int_equal(xfn_link_parse(message, &link), 0);
	assert_string_equal(link.name, "a-name-without-");
	assert_int_equal(link.prog_id[XFN_XDP_NATIVE], 9);
	assert_int_equal(link.peer_nsid, -1);
	/* Cut short anywhere: in a block of its own, so that a read beyond it is seen. */
	for (bytes = sizeof(*message); bytes < whole; bytes++) {
		copy = malloc(bytes);
		memcpy(copy, buffer, bytes);
		((struct nlmsghdr *)copy)->nlmsg_len = bytes;
		link.ifindex = 77;
		if (xfn_link_parse((struct nlmsghdr *)copy, &link) < 0)
			assert_int_equal(link.ifindex, 77);
		free(copy);
	}
	assert_int_equal(xfn_link_parse(link_message(buffer, AF_BRIDGE), &link), -ENOMSG);
}

static int parse_address(__u8 family, __u8 prefix_bits, size_t bytes)
{
	struct xfn_address address = {.ifindex = 77};
	struct ifaddrmsg *header;
	struct nlmsghdr *message;
	char buffer[256];
	int err;

	message = mnl_nlmsg_put_header(buffer);
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->ifa_family = family;
	header->ifa_prefixlen = prefix_bits;
	mnl_attr_put(message, IFA_ADDRESS, bytes, "0123456789abcdefghi");
	err = xfn_address_parse(message, &address);
	assert_int_equal(address.ifindex, err ? 77 : 0);
	return err;
}

static void test_parse_address(void **state)
{
	(void)state;
	assert_int_equal(parse_address(AF_INET, 0, 4), 0);
	assert_int_equal(parse_address(AF_INET, 32, 4), 0);
	assert_int_equal(parse_address(AF_INET, 33, 4), -ENOMSG);
	assert_int_equal(parse_address(AF_INET, 24, 3), -ENOMSG);
	assert_int_equal(parse_address(AF_INET, 24, 16), -ENOMSG);
	assert_int_equal(parse_address(AF_INET6, 128, 16), 0);
	assert_int_equal(parse_address(AF_INET6, 129, 16), -ENOMSG);
	assert_int_equal(parse_address(AF_PACKET, 8, 4), -ENOMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_read_links, remove_links),
		cmocka_unit_test_teardown(test_read_addresses, remove_links),
		cmocka_unit_test_teardown(test_read_many, remove_links),
		cmocka_unit_test_teardown(test_find, remove_links),
		cmocka_unit_test_teardown(test_peer_elsewhere, remove_links),
		cmocka_unit_test_teardown(test_programs, remove_links),
		cmocka_unit_test_teardown(test_follow, remove_links),
		cmocka_unit_test_teardown(test_follow_bridge, remove_links),
		cmocka_unit_test_teardown(test_follow_namespace_move, remove_links),
		cmocka_unit_test_teardown(test_resync, remove_links),
		cmocka_unit_test_teardown(test_follow_in_loop, remove_links),
		cmocka_unit_test_teardown(test_no_memory, remove_links),
		cmocka_unit_test(test_parse_link),
		cmocka_unit_test(test_parse_address),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
