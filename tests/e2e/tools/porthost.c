/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port by hand, and one instance of a function behind it: what it takes to run libxfn on the real data
 * plane while no daemon does it.
 *
 *	porthost PIN_DIR SLOT UPLINK NETNS [--concurrency N] [--deadline-ms N] PROGRAM [ARGUMENT]...
 *
 * In the network namespace of the data plane that is pinned in PIN_DIR, whose xfnd is not running: delivers
 * function SLOT to PROGRAM, which runs as nobody, without capabilities, in the network namespace NETNS that
 * is made for it; replies go out of UPLINK. Prints "ready", then for each line of standard input a JSON object
 * with the port's totals; at its end the program is told to stop and the last line printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "../../../loader/aide.h"
#include "../../../loader/port.h"
#include "xfn/channel.h"

#define NEAR "xfnp0"
#define FAR  "xfn0"

enum { PORT = 0, NOBODY = 65534 };

static struct {
	const char *pin_dir, *uplink, *netns;
	__u32 slot, concurrency;
	__u64 deadline_ns;
	char **program;
} args = {.deadline_ns = 1000000000ULL};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list words;

	fputs("porthost: ", stderr);
	va_start(words, format);
	vfprintf(stderr, format, words);
	va_end(words);
	fputc('\n', stderr);
	exit(1);
}

static int must(int value, const char *what)
{
	if (value < 0)
		die("cannot %s: %s", what, strerror(value == -1 ? errno : -value));
	return value;
}

__attribute__((format(printf, 1, 2))) static void sh(const char *format, ...)
{
	char command[512];
	va_list words;

	va_start(words, format);
	vsnprintf(command, sizeof(command), format, words);
	va_end(words);
	if (system(command))
		die("failed: %s", command);
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

/* ---- the instance ---------------------------------------------------------------------------------- */

static void put_env(const char *name, int value)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", value);
	setenv(name, text, 1);
}

/* In the child: into the port's namespace, the socket made, everything dropped, the program run. */
__attribute__((noreturn)) static void become(int far_program_fd, int channel)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", args.netns);
	must(setns(must(open(path, O_RDONLY | O_CLOEXEC), "open the namespace"), CLONE_NEWNET),
	     "enter the namespace");
	must(bpf_xdp_attach((int)if_nametoindex(FAR), far_program_fd, XDP_FLAGS_DRV_MODE, NULL),
	     "attach the far end's program");
	fd = must(socket(AF_XDP, SOCK_RAW, 0), "make the socket");
	must(setgroups(0, NULL), "drop groups");
	must(setresgid(NOBODY, NOBODY, NOBODY), "drop the group");
	must(setresuid(NOBODY, NOBODY, NOBODY), "drop the user");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "forgo new privileges");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv(XFN_ENV_FUNCTION, "default/function", 1);
	setenv(XFN_ENV_INTERFACE, FAR, 1);
	put_env(XFN_ENV_SOCKET, fd);
	put_env(XFN_ENV_CHANNEL, dup(channel)); /* not close-on-exec */
	execv(args.program[0], args.program);
	die("cannot run '%s': %s", args.program[0], strerror(errno));
}

/* Starts it; waits until it is ready and enters its socket. */
static pid_t start(const struct xfn_port_far *far, int *ret_channel)
{
	struct xfn_channel_message message;
	struct xfn_aide_message in = {.data = &message, .bytes = sizeof(message)};
	__u32 zero = 0;
	int pair[2];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "make a channel");
	pid = fork();
	if (pid == 0)
		become(far->program_fd, pair[1]);
	close(pair[1]);
	must(xfn_aide_receive(pair[0], &in), "hear from the program");
	if (message.type != XFN_CHANNEL_READY || in.fd_count != 1)
		die("it said something else than ready");
	must(bpf_map_update_elem(far->sockets_fd, &zero, &in.fds[0], 0), "enter its socket");
	xfn_aide_close_fds(&in);
	*ret_channel = pair[0];
	return pid;
}

/* ---- the port -------------------------------------------------------------------------------------- */

static void make_veth(void)
{
	sh("ip netns add %s", args.netns);
	sh("ip link add " NEAR " type veth peer name " FAR " netns %s", args.netns);
	/* No addresses: then the kernel at either end has nothing to say by itself. */
	sh("ip link set " NEAR " addrgenmode none up");
	sh("ip -n %s link set " FAR " addrgenmode none up", args.netns);
}

static void deliver(struct xfn_dataplane *dataplane, unsigned generation)
{
	static const struct xfn_port_rule rules[] = {
		{.port_last = 65535, .ip_version = 4, .l4_proto = IPPROTO_UDP, .own = 1},
		{.port_last = 65535, .ip_version = 6, .l4_proto = IPPROTO_UDP, .own = 1},
	};
	struct xfn_function_config config = dataplane->functions[args.slot].config[generation];

	must(xfn_port_set_rules(dataplane, generation, PORT, rules, 2), "set rules");
	config.limit &= ~XFN_FUNCTION_DELIVERY(0xf);
	config.limit |= XFN_FUNCTION_DELIVERY(XFN_DELIVERY_XSK);
	config.target = XFN_TARGET(XFN_SAMPLE_NEVER, PORT);
	xfn_dataplane_set_function(dataplane, generation, args.slot, &config);
}

static void open_port(struct xfn_dataplane *dataplane)
{
	const struct xfn_port_owner owner = {.identity = dataplane->functions[args.slot].identity,
					     .function = args.slot,
					     .deadline_ns = args.deadline_ns,
					     .concurrency = args.concurrency,
					     .histogram = XFN_HISTOGRAM_NONE};
	struct xfn_fault fault;
	int program_fd;

	must(xfn_port_claim(dataplane, PORT, &owner), "claim the port");
	program_fd = must(xfn_port_load_near(dataplane, &fault), fault.text);
	must(xfn_port_attach(dataplane, PORT, if_nametoindex(NEAR), program_fd), "attach");
	close(program_fd);
	must(xfn_port_set_uplink(dataplane, 0, if_nametoindex(args.uplink)), "set the uplink");
	must(xfn_port_open(dataplane, PORT, if_nametoindex(NEAR)), "open the port");
	deliver(dataplane, 0);
	deliver(dataplane, 1);
}

static void print_totals(struct xfn_dataplane *dataplane)
{
	static const char *const labels[] = {
#define X(number, NAME, label, meaning) [number] = #label,
		XFN_PORT_OUTCOMES(X)
#undef X
	};
	struct xfn_port_totals totals;
	unsigned i;

	must(xfn_port_read(dataplane, PORT, now_ns(), &totals), "read the totals");
	fputc('{', stdout);
	for (i = 0; i < XFN_PORT_OUTCOME_COUNT; i++)
		printf("\"%s\":%llu,", labels[i], totals.outcomes[i]);
	printf("\"in_flight\":%llu}\n", totals.in_flight);
	fflush(stdout);
}

static void stop(struct xfn_dataplane *dataplane, pid_t pid, int channel)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION,
					      .type = XFN_CHANNEL_STOP};
	int status = 0;

	xfn_port_close(dataplane, PORT);
	send(channel, &message, sizeof(message), MSG_NOSIGNAL);
	waitpid(pid, &status, 0);
	usleep(20000); /* its last replies */
	print_totals(dataplane);
	if (status)
		die("the program ended with status %#x", status);
}

static void read_args(int argc, char **argv)
{
	int i = 5;

	if (argc < 6)
		die("usage: porthost PIN_DIR SLOT UPLINK NETNS [--concurrency N] [--deadline-ms N] "
		    "PROGRAM [ARGUMENT]...");
	args.pin_dir = argv[1];
	args.slot = (__u32)atoi(argv[2]);
	args.uplink = argv[3];
	args.netns = argv[4];
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "--concurrency"))
			args.concurrency = (__u32)atoi(argv[i + 1]);
		else
			args.deadline_ns = strtoull(argv[i + 1], NULL, 10) * 1000000ULL;
	}
	args.program = &argv[i];
}

int main(int argc, char **argv)
{
	struct xfn_capacity capacity = xfn_capacity_of(0, 0);
	struct xfn_dataplane *dataplane;
	struct xfn_port_far far;
	struct xfn_fault fault;
	int channel;
	bool adopted;
	char line[64];
	pid_t pid;

	read_args(argc, argv);
	must(xfn_dataplane_open(args.pin_dir, &capacity, &dataplane, &adopted, &fault), fault.text);
	make_veth();
	must(xfn_port_load_far(&far, &fault), fault.text);
	pid = start(&far, &channel);
	open_port(dataplane);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		print_totals(dataplane);
	stop(dataplane, pid, channel);
	xfn_port_detach(dataplane, PORT, if_nametoindex(NEAR));
	xfn_port_free(dataplane, PORT);
	xfn_dataplane_close(dataplane);
	sh("ip link del " NEAR);
	sh("ip netns del %s", args.netns);
	return 0;
}
