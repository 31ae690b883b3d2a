/* SPDX-License-Identifier: BSD-2-Clause */
/* Each check in its states, on real interfaces in a network namespace of this process. */
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
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include "alloc.h"
#include "../../loader/doctor.h"
#include "../../loader/interface.h"

static bool in_namespace;

#define NEEDS_NAMESPACE()                                                          \
	do {                                                                       \
		if (!in_namespace) {                                               \
			print_message("# needs a network namespace of its own\n"); \
			skip();                                                    \
		}                                                                  \
	} while (0)

static int enter_namespace(void **state)
{
	(void)state;
	/* A mount namespace too, so that a bpffs can be had without leaving one behind. */
	in_namespace = unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
		       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		       mount("tmp", "/mnt", "tmpfs", 0, NULL) == 0 &&
		       system("ip link set lo up") == 0;
	return 0;
}

static int remove_links(void **state)
{
	(void)state;
	if (in_namespace)
		(void)!system("for l in $(ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d ' ' | "
			      "grep ^t); do ip link del $l 2>/dev/null; done; true");
	return 0;
}

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void make_pair(void)
{
	run("ip link add t0 type veth peer t1 && ip link set t0 up && ip link set t1 up");
}

/* XDP_PASS under the name @name, attached to @interface; its link's descriptor. */
static int attach(const char *name, const char *interface, __u32 flags)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int prog_fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", pass, 2, NULL);
	int link_fd;

	assert_true(prog_fd >= 0);
	link_fd = bpf_link_create(prog_fd, if_nametoindex(interface), BPF_XDP, &options);
	assert_true(link_fd >= 0);
	close(prog_fd);
	return link_fd;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *check, const char *key)
{
	const char *text = json_string_value(json_object_get(check, key));

	return text ? text : "";
}

static const json_t *find_check(const json_t *answer, const char *name, const char *interface)
{
	const json_t *checks = json_object_get(answer, "checks"), *check;
	size_t i;

	json_array_foreach (checks, i, check)
		if (!strcmp(text_of(check, "name"), name) &&
		    !strcmp(text_of(check, "interface"), interface))
			return check;
	return NULL;
}

/* What holds for every check. */
static void check_form(const json_t *answer)
{
	const json_t *checks = json_object_get(answer, "checks"), *check;
	size_t i;

	assert_true(json_array_size(checks) > 0);
	json_array_foreach (checks, i, check) {
		const char *status = text_of(check, "status");
		bool is_ok = !strcmp(status, "ok");

		assert_int_equal(json_object_size(check), 5);
		assert_true(is_ok || !strcmp(status, "warn") || !strcmp(status, "fail"));
		assert_string_not_equal(text_of(check, "message"), "");
		assert_int_equal(json_is_null(json_object_get(check, "remedy")), is_ok);
	}
}

/*
 * Runs the doctor and expects of check @name on @interface ("": the host) @status, with @message
 * in the message and @remedy in the remedy. NULL as @status: the check is silent.
 */
static void expect(const struct xfn_doctor_options *options, const char *interface,
		   const char *name, const char *status, const char *message, const char *remedy)
{
	json_t *answer = xfn_doctor_run(options);
	const json_t *check;

	assert_non_null(answer);
	check_form(answer);
	check = find_check(answer, name, interface);
	if (!status) {
		assert_null(check);
	} else {
		assert_non_null(check);
		if (strcmp(text_of(check, "status"), status) ||
		    !strstr(text_of(check, "message"), message) ||
		    !strstr(text_of(check, "remedy"), remedy))
			fail_msg("%s %s: got %s '%s' '%s', expected %s '%s' '%s'", interface, name,
				 text_of(check, "status"), text_of(check, "message"),
				 text_of(check, "remedy"), status, message, remedy);
	}
	json_decref(answer);
}

static const char *const t0_list[] = {"t0"};
static const struct xfn_doctor_options ask_t0 = {.interface = "t0", .pin_dir = "/sys/fs/bpf/t"};
static const struct xfn_doctor_options attached_t0 = {
	.attached = t0_list, .attached_count = 1, .pin_dir = "/sys/fs/bpf/t"};
static const struct xfn_doctor_options ask_host = {.pin_dir = "/sys/fs/bpf/t"};

/* ---- the host ---------------------------------------------------------------------------------- */

static void test_kernel(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	expect(&ask_host, "", "kernel", "ok", "Linux ", "");
	expect(&ask_host, "", "preempt_rt", "ok", "", "");
	expect(&ask_host, "", "bpf_features", "ok", "", "");
	expect(&ask_host, "", "jit", "ok", "compiled", "");
	expect(&ask_host, "", "capabilities", "ok", "CAP_BPF", "");
}

/* In a child, which gives its rights up. */
static void test_no_rights(void **state)
{
	json_t *answer;
	int status;

	(void)state;
	NEEDS_NAMESPACE();
	if (fork() == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		answer = xfn_doctor_run(&ask_host);
		_exit(strcmp(text_of(find_check(answer, "capabilities", ""), "status"), "fail") ||
		      !strstr(text_of(find_check(answer, "capabilities", ""), "message"),
			      "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN") ||
		      strcmp(text_of(find_check(answer, "bpf_features", ""), "status"), "fail") ||
		      !strstr(text_of(find_check(answer, "bpf_features", ""), "message"),
			      "Operation not permitted"));
	}
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* What a host's sysctls would be; a namespace is not shown them. */
static void test_limits(void **state)
{
	struct xfn_doctor_options options = {.pin_dir = "/sys/fs/bpf/t"};

	(void)state;
	NEEDS_NAMESPACE();
	expect(&options, "", "memory", "ok", "MiB of memory are available", "");
	expect(&options, "", "memlock", "ok", "locked", "");
	assert_int_equal(mount("tmp", "/proc/sys/net/core", "tmpfs", 0, NULL), 0);
	expect(&options, "", "rmem", NULL, "", "");
	write_file("/proc/sys/net/core/rmem_max", "212992\n");
	write_file("/proc/sys/net/core/rmem_default", "212992\n");
	write_file("/proc/sys/net/core/bpf_jit_harden", "1\n");
	expect(&options, "", "rmem", "ok", "212992 at most", "");
	expect(&options, "", "jit_harden", "ok", "", "");
	options.sockets = true;
	expect(&options, "", "rmem", "warn", "212992 bytes at most",
	       "sysctl -w net.core.rmem_max=4194304");
	write_file("/proc/sys/net/core/rmem_max", "4194304\n");
	expect(&options, "", "rmem", "ok", "", "");
	write_file("/proc/sys/net/core/bpf_jit_harden", "2\n");
	expect(&options, "", "jit_harden", "warn", "bpf_jit_harden=2", "bpf_jit_harden=1");
	assert_int_equal(umount("/proc/sys/net/core"), 0);
}

static void test_bpffs(void **state)
{
	struct xfn_doctor_options options = {.pin_dir = "/mnt/b/xfn"};

	(void)state;
	NEEDS_NAMESPACE();
	expect(&options, "", "bpffs", "fail", "no bpffs for pins in '/mnt/b/xfn'", "mount -t bpf");
	assert_int_equal(mkdir("/mnt/b", 0755), 0);
	assert_int_equal(mount("bpf", "/mnt/b", "bpf", 0, NULL), 0);
	expect(&options, "", "bpffs", "ok", "on the bpffs at '/mnt/b'", "");
	assert_int_equal(umount("/mnt/b"), 0);
	options.pin_dir = "relative";
	expect(&options, "", "bpffs", "fail", "cannot pin in 'relative'", "--pin-dir");
}

/* As `ip netns exec tns` leaves it. */
static void test_bpffs_netns_exec(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	assert_int_equal(mount("tmp", "/run", "tmpfs", 0, NULL), 0);
	run("mkdir /run/netns && touch /run/netns/tns");
	assert_int_equal(mount("tns", "/sys", "sysfs", 0, NULL), 0);
	expect(&ask_host, "", "bpffs", "fail", "no bpffs", "mount -t bpf");
	assert_int_equal(mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), 0);
	expect(&ask_host, "", "bpffs", "warn", "started by `ip netns exec`",
	       "nsenter --net=/run/netns/tns xfnd --pin-dir /sys/fs/bpf/t");
	assert_int_equal(umount("/sys/fs/bpf"), 0);
	assert_int_equal(umount("/sys"), 0);
	assert_int_equal(umount("/run"), 0);
}

static void test_clock(void **state)
{
	json_t *answer;

	(void)state;
	NEEDS_NAMESPACE();
	answer = xfn_doctor_run(&ask_host);
	/* Which of the two is up to the machine. */
	assert_non_null(
		strstr(text_of(find_check(answer, "clock", ""), "message"), " ns a reading"));
	json_decref(answer);
}

static void test_packet_filter(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	expect(&ask_host, "", "packet_filter", "ok", "no packet filter", "");
	if (system("nft add table inet t 2>/dev/null") != 0) {
		print_message("# kernel or machine lacks nftables\n");
		skip();
	}
	/* A chain that nothing goes through, one that goes out only, an empty one that accepts. */
	run("nft 'add chain inet t other; add rule inet t other drop;"
	    "add chain inet t out { type filter hook output priority 0; policy drop; };"
	    "add chain inet t in { type filter hook input priority 0; }'");
	expect(&ask_host, "", "packet_filter", "ok", "no packet filter", "");
	run("nft add rule inet t in udp dport 53 drop");
	expect(&ask_host, "", "packet_filter", "warn", "1 nftables chain of", "nft list ruleset");
	run("nft 'add chain inet t through { type filter hook forward priority 0; policy drop; }'");
	expect(&ask_host, "", "packet_filter", "warn", "2 nftables chains of", "nft list ruleset");
	run("nft flush ruleset");
	expect(&ask_host, "", "packet_filter", "ok", "no packet filter", "");
}

static void test_none_attached(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	expect(&ask_host, "", "attached", "warn", "no interface is attached", "xfn attach IFACE");
	make_pair();
	expect(&ask_host, "", "attached", "warn", "no interface is attached", "xfn attach t");
	expect(&ask_t0, "", "attached", NULL, "", "");
	expect(&attached_t0, "", "attached", NULL, "", "");
}

/* ---- an interface ------------------------------------------------------------------------------ */

static void test_link(void **state)
{
	const struct xfn_doctor_options gone = {.interface = "nope", .pin_dir = "/sys/fs/bpf/t"};
	const struct xfn_doctor_options odd = {.interface = "n\xff.\n", .pin_dir = "/sys/fs/bpf/t"};

	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	expect(&gone, "nope", "link", "fail", "no interface 'nope'", "ip link");
	expect(&gone, "nope", "mtu", NULL, "", "");
	expect(&odd, "n?.?", "link", "fail", "no interface 'n?.?'", "ip link");
	expect(&ask_t0, "t0", "link", "ok", "is up", "");
	run("ip link set t1 down");
	expect(&ask_t0, "t0", "link", "warn", "its peer 't1' is down", "ip link set dev t1 up");
	run("ip link set t0 down");
	expect(&ask_t0, "t0", "link", "fail", "is down", "ip link set dev t0 up");
}

static void test_native_xdp(void **state)
{
	const struct xfn_doctor_options ask_lo = {.interface = "lo", .pin_dir = "/sys/fs/bpf/t"};
	int fd;

	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	expect(&ask_t0, "t0", "native_xdp", "ok", "driver 'veth' has native XDP", "");
	fd = attach("xfn_root", "t0", XDP_FLAGS_SKB_MODE);
	expect(&attached_t0, "t0", "native_xdp", "warn", "generic mode, which is slower",
	       "xfn detach t0 && xfn attach t0");
	close(fd);
	expect(&ask_lo, "lo", "native_xdp", "fail", "no native XDP", "--mode generic lo");
}

static void test_program(void **state)
{
	int fd;

	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	expect(&ask_t0, "t0", "program", "ok", "no XDP program", "");
	expect(&attached_t0, "t0", "program", "fail", "attached, but no XDP program",
	       "xfn detach t0 && xfn attach t0");
	fd = attach("xfn_root", "t0", XDP_FLAGS_DRV_MODE);
	expect(&attached_t0, "t0", "program", "ok", "'xfn_root'", "");
	expect(&ask_t0, "t0", "program", "fail", "of another xfnd", "detach t0");
	close(fd);
	fd = attach("stranger", "t0", XDP_FLAGS_DRV_MODE);
	expect(&ask_t0, "t0", "program", "fail", "another XDP program, 'stranger'", "xdpdrv off");
	expect(&attached_t0, "t0", "program", "fail", "'stranger'", "xdpdrv off");
	close(fd);
	fd = attach("stranger", "t0", XDP_FLAGS_SKB_MODE);
	expect(&ask_t0, "t0", "program", "fail", "generic mode", "xdpgeneric off");
	close(fd);
}

static void test_mtu(void **state)
{
	char command[64], remedy[64];

	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	snprintf(command, sizeof(command), "ip link set t1 mtu %u", xfn_veth_mtu_max());
	run(command);
	expect(&ask_t0, "t0", "mtu", "ok", "MTU 1500", "");
	close(attach("xfn_root", "t0", XDP_FLAGS_DRV_MODE)); /* the kernel agrees */
	snprintf(command, sizeof(command), "ip link set t1 mtu %u", xfn_veth_mtu_max() + 1);
	snprintf(remedy, sizeof(remedy), "ip link set dev t1 mtu %u", xfn_veth_mtu_max());
	run(command);
	expect(&ask_t0, "t0", "mtu", "fail", "the MTU of its peer 't1'", remedy);
	run(remedy);
	expect(&ask_t0, "t0", "mtu", "ok", "", "");
}

static void test_rx_queues(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	expect(&ask_t0, "t0", "rx_queues", "ok", "1 rx queue in use", "");
	remove_links(NULL);
	run("ip link add t0 numrxqueues 2 type veth peer t1 numtxqueues 2");
	run("ethtool -L t1 tx 2 && ethtool -L t0 rx 1");
	expect(&ask_t0, "t0", "rx_queues", "fail", "its peer 't1' sends on 2",
	       "ethtool -L t0 rx 2");
	run("ethtool -L t0 rx 2");
	expect(&ask_t0, "t0", "rx_queues", "ok", "2 rx queues in use", "");
}

static void test_vlan_offload(void **state)
{
	struct xfn_doctor_options with_vlans = ask_t0;

	(void)state;
	NEEDS_NAMESPACE();
	with_vlans.vlans = true;
	make_pair();
	expect(&ask_t0, "t0", "vlan_offload", "ok", "no VLANs are used", "");
	expect(&with_vlans, "t0", "vlan_offload", "warn", "(txvlan) of 't1' is on",
	       "ethtool -K t1 txvlan off tx-vlan-stag-hw-insert off");
	run("ethtool -K t1 txvlan off tx-vlan-stag-hw-insert off");
	expect(&with_vlans, "t0", "vlan_offload", "ok", "left in the packets", "");
}

static void test_addresses(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	run("ip link add t0 type veth peer t1");
	expect(&ask_t0, "t0", "addresses", "warn", "has no address", "dev t0");
	run("ip address add 10.0.0.1/24 dev t0 && ip address add fd00::7/64 dev t0");
	expect(&ask_t0, "t0", "addresses", "ok", "10.0.0.1, fd00::7: this host", "");
	run("for i in 2 3 4 5; do ip address add 10.0.0.$i/24 dev t0; done");
	expect(&ask_t0, "t0", "addresses", "ok", "10.0.0.4 and 2 more: this host", "");
}

/* ---- the other end of a veth ------------------------------------------------------------------- */

static void test_peer_program(void **state)
{
	int ours, far;

	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	ours = attach("xfn_root", "t0", XDP_FLAGS_DRV_MODE);
	expect(&ask_t0, "t0", "peer_program", "warn", "replies vanish", "dev t1 xdpdrv");
	run("ethtool -K t1 gro off");
	expect(&attached_t0, "t0", "peer_program", "fail", "GRO is off there too", "dev t1 xdpdrv");
	far = attach("test_pass", "t1", XDP_FLAGS_DRV_MODE);
	expect(&attached_t0, "t0", "peer_program", "ok", "'t1' has an XDP program", "");
	close(far);
	run("ethtool -K t1 gro on");
	expect(&attached_t0, "t0", "peer_program", "fail", "counted as sent", "dev t1 xdpdrv");
	close(ours);
	ours = attach("xfn_root", "t0", XDP_FLAGS_SKB_MODE);
	expect(&attached_t0, "t0", "peer_program", "ok", "in generic mode", "");
	close(ours);
}

static void test_peer_elsewhere(void **state)
{
	int ready[2], status;
	char command[64], byte;
	pid_t pid;

	(void)state;
	NEEDS_NAMESPACE();
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
	make_pair();
	snprintf(command, sizeof(command), "ip link set t1 netns %d", (int)pid);
	run(command);
	snprintf(command, sizeof(command), "nsenter --target %d --net ip link set dev t1",
		 (int)pid);
	expect(&ask_t0, "t0", "peer_program", "warn", "its peer 't1' has no XDP program", command);
	expect(&ask_t0, "t0", "peer_checksum", NULL, "", "");
	expect(&ask_t0, "t0", "vlan_offload", NULL, "", "");
	expect(&ask_t0, "t0", "mtu", "ok", "MTU 1500", "");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void test_peer_checksum(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	expect(&ask_t0, "t0", "peer_checksum", "warn", "unfinished checksums",
	       "ethtool -K t1 tx off");
	/* What has no part in UDP and TCP may stay on. */
	run("ethtool -K t1 tx-checksum-ip-generic off >/dev/null");
	expect(&ask_t0, "t0", "peer_checksum", "ok", "finished checksums", "");
}

/* ---- replies ----------------------------------------------------------------------------------- */

static void test_reply_receiver(void **state)
{
	static const struct xfn_doctor_options replies_t0 = {.attached = t0_list,
							     .attached_count = 1,
							     .ports = true,
							     .port_replies = true,
							     .port_mtu = 1774,
							     .pin_dir = "/sys/fs/bpf/t"};
	static const struct xfn_doctor_options unattached_t0 = {
		.interface = "t0", .ports = true, .port_replies = true, .pin_dir = "/sys/fs/bpf/t"};
	int far;

	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	run("ethtool -K t1 gro off");
	expect(&attached_t0, "t0", "reply_receiver", NULL, "", "");
	expect(&unattached_t0, "t0", "reply_receiver", NULL, "", "");
	expect(&replies_t0, "t0", "reply_receiver", "fail",
	       "every reply of a function on an AF_XDP socket is lost", "ethtool -K t1 gro on");
	far = attach("test_pass", "t1", XDP_FLAGS_DRV_MODE);
	expect(&replies_t0, "t0", "reply_receiver", "ok", "takes packets", "");
	close(far);
	run("ethtool -K t1 gro on");
	expect(&replies_t0, "t0", "reply_receiver", "ok", "takes packets", "");
	expect(&replies_t0, "t0", "peer_checksum", "warn", "functions on AF_XDP sockets",
	       "ethtool -K t1 tx off");
	run("ip link set t0 mtu 1774");
	expect(&replies_t0, "t0", "mtu", "ok", "MTU 1774", "");
	run("ip link set t0 mtu 1775");
	expect(&replies_t0, "t0", "mtu", "warn", "what is above 1774 is lost",
	       "ip link set mtu 1774 dev t0");
	expect(&attached_t0, "t0", "mtu", "ok", "MTU 1775", "");
}

/* How many checks told anything but "ok". */
static size_t count_told(const struct xfn_doctor_options *options)
{
	json_t *answer = xfn_doctor_run_uplinks(options), *check;
	size_t i, count = 0;

	assert_non_null(answer);
	json_array_foreach (json_object_get(answer, "checks"), i, check)
		count += strcmp(text_of(check, "status"), "ok") != 0;
	json_decref(answer);
	return count;
}

/* What apply asks: of t0, which is not attached yet. */
static void test_uplinks(void **state)
{
	struct xfn_doctor_options options = {.attached = t0_list, .attached_count = 1};

	(void)state;
	NEEDS_NAMESPACE();
	options.ports = options.port_replies = options.handlers = true;
	assert_int_equal(count_told(&options), 0); /* not there: another's to say */
	make_pair();
	run("ethtool -K t1 gro off");
	assert_int_equal(count_told(&options), 3);
	options.port_replies = false;
	assert_int_equal(count_told(&options), 2);
	options.ports = false;
	assert_int_equal(count_told(&options), 1);
	options.handlers = false;
	assert_int_equal(count_told(&options), 0);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void test_no_memory(void **state)
{
	long before = xfn_alloc_live(), n;
	json_t *answer;

	(void)state;
	NEEDS_NAMESPACE();
	make_pair();
	xfn_alloc_fail_after(0); /* the links */
	assert_null(xfn_doctor_run(&ask_t0));
	for (n = 0;; n++) {
		xfn_alloc_fail_after(n);
		answer = xfn_doctor_run(&ask_t0);
		if (answer) {
			/* Says less, but nothing wrong. */
			check_form(answer);
			assert_string_equal(
				text_of(find_check(answer, "bpf_features", ""), "status"), "ok");
		}
		json_decref(answer);
		assert_int_equal(xfn_alloc_live(), before);
		if (xfn_alloc_fail_after(-1))
			break;
	}
	assert_in_range(n, 5, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_kernel, remove_links),
		cmocka_unit_test_teardown(test_no_rights, remove_links),
		cmocka_unit_test_teardown(test_limits, remove_links),
		cmocka_unit_test_teardown(test_bpffs, remove_links),
		cmocka_unit_test_teardown(test_bpffs_netns_exec, remove_links),
		cmocka_unit_test_teardown(test_clock, remove_links),
		cmocka_unit_test_teardown(test_packet_filter, remove_links),
		cmocka_unit_test_teardown(test_none_attached, remove_links),
		cmocka_unit_test_teardown(test_link, remove_links),
		cmocka_unit_test_teardown(test_native_xdp, remove_links),
		cmocka_unit_test_teardown(test_program, remove_links),
		cmocka_unit_test_teardown(test_mtu, remove_links),
		cmocka_unit_test_teardown(test_rx_queues, remove_links),
		cmocka_unit_test_teardown(test_vlan_offload, remove_links),
		cmocka_unit_test_teardown(test_addresses, remove_links),
		cmocka_unit_test_teardown(test_peer_program, remove_links),
		cmocka_unit_test_teardown(test_peer_elsewhere, remove_links),
		cmocka_unit_test_teardown(test_peer_checksum, remove_links),
		cmocka_unit_test_teardown(test_reply_receiver, remove_links),
		cmocka_unit_test_teardown(test_uplinks, remove_links),
		cmocka_unit_test_teardown(test_no_memory, remove_links),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
