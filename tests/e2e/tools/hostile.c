/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function that means no good: it becomes ready like any other, waits for one event, and then
 *
 *	hostile flood    sends frames that are no replies, as fast as it can, without end
 *	hostile spoof    sends what looks like replies: from its own address and from port 9, which is another
 *	                 function's, with tokens of interfaces that are and are not there
 *	hostile memory   takes all memory that it can get, and writes to it
 *	hostile files    opens descriptors until none is left
 *	hostile forks    forks without end
 *	hostile hang     spins, and reads nothing any more
 *	hostile pry PID ADDRESS PINS RUN
 *	                 tries what it must not, where process PID has ADDRESS mapped, of xfnd with these folders: on
 *	                 standard output "refused: WHAT", "ALLOWED: WHAT", or "FAILED: WHAT: WHY" where it was not the
 *	                 sandbox that refused it
 *	hostile outside PID ADDRESS PINS RUN
 *	                 the same, and is no function
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/sched.h>

#include "../../../user/libxfn/xsk.h"
#include "xfn/function.h"
#include "xfn/port.h"

enum {
	ETHERNET_BYTES = 14,
	IPV4_BYTES = 20,
	FRAME_BYTES = 100,
	MEMORY_STEP = 16 << 20,
	OTHERS_PORT = 9,
};

struct frame {
	__u8 bytes[XSK_FRAME_BYTES];
	__u32 length;
};

/* The rings below libxfn: it begins with them. Whoever is hostile keeps to no interface. */
static struct xsk *rings_of(struct xfn_socket *socket)
{
	return (struct xsk *)socket;
}

/* The first event, turned round: a reply. */
static void wait_for_event(struct xfn_socket *socket, struct frame *ret)
{
	struct xfn_event event;
	__u8 mac[6], address[4], port[2], *ip;

	while (xfn_socket_receive(socket, &event, 1) < 1)
		poll(&(struct pollfd){.fd = xfn_socket_fd(socket), .events = POLLIN}, 1, 100);
	memcpy(ret->bytes, event.frame, event.frame_bytes);
	ret->length = event.frame_bytes;
	xfn_event_release(socket, &event);
	memcpy(mac, ret->bytes, 6);
	memcpy(ret->bytes, ret->bytes + 6, 6);
	memcpy(ret->bytes + 6, mac, 6);
	ip = ret->bytes + ETHERNET_BYTES;
	memcpy(address, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, address, 4);
	memcpy(port, ip + IPV4_BYTES, 2);
	memcpy(ip + IPV4_BYTES, ip + IPV4_BYTES + 2, 2);
	memcpy(ip + IPV4_BYTES + 2, port, 2);
	memset(ip + IPV4_BYTES + 6, 0, 2); /* no checksum */
}

/* Sends what @make makes of the reply, for ever. Its own pool is its own: no frame is asked for. */
static void send_without_end(struct xfn_socket *socket, const struct frame *reply,
			     void (*make)(struct frame *frame, __u64 number))
{
	struct xsk *xsk = rings_of(socket);
	struct frame frame;
	__u64 number, place;

	for (number = 0;; number++) {
		frame = *reply;
		make(&frame, number);
		place = number % xsk->frames * XSK_FRAME_BYTES;
		memcpy(xsk->pool + place, frame.bytes, frame.length);
		while (xsk->unsent >= xsk->frames / 2)
			xsk_kick(xsk);
		xsk_send(xsk, place, frame.length);
		if (number % 32 == 0)
			xsk_kick(xsk);
	}
}

static void make_garbage(struct frame *frame, __u64 number)
{
	frame->length = FRAME_BYTES;
	memset(frame->bytes, (int)number, FRAME_BYTES);
}

/* Every second one is from another function's port; tokens are of all slots. */
static void make_forgery(struct frame *frame, __u64 number)
{
	__u8 *port = frame->bytes + ETHERNET_BYTES + IPV4_BYTES;

	if (number & 1) {
		port[0] = 0;
		port[1] = OTHERS_PORT;
	}
	xfn_token_write(frame->bytes + 6, number >> 1 & 63, number << 10);
}

/* ---- resources --------------------------------------------------------------------------------------- */

static void take_memory(void)
{
	for (;;) {
		void *memory = mmap(NULL, MEMORY_STEP, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			usleep(1000);
		else
			memset(memory, 1, MEMORY_STEP);
	}
}

static void take_files(void)
{
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	printf("no more files: %s\n", strerror(errno));
	fflush(stdout);
	pause();
}

static void take_processes(void)
{
	for (;;)
		if (fork() < 0)
			usleep(1000);
}

static void hang(void)
{
	for (volatile unsigned long turns = 0;; turns++)
		;
}

/* ---- what it must not --------------------------------------------------------------------------------- */

/* Whom and what it tries to reach: all of it is there. */
static struct {
	pid_t pid;           /* of another function */
	unsigned long place; /* where that has readable memory */
	const char *pins, *run;
} prey;

static long try_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long try_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long try_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
}

static long try_network_namespace(void)
{
	return unshare(CLONE_NEWNET);
}

static long try_user_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

/* The child of one that is allowed is of no use. */
static long after_clone(long pid)
{
	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_user_namespace_by_clone(void)
{
	return after_clone(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static long try_user_namespace_by_clone3(void)
{
	struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

	return after_clone(syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

static long try_open(pid_t pid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return open(path, O_RDONLY);
}

static long try_its_namespace(void)
{
	return try_open(prey.pid, "ns/net");
}

/* The launcher's, which is xfnd's. */
static long try_starters_namespace(void)
{
	return try_open(getppid(), "ns/net");
}

/* Its own it may open. */
static long try_entering(void)
{
	return setns(open("/proc/self/ns/net", O_RDONLY), CLONE_NEWNET);
}

static long try_memory(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)prey.place, 1};

	return process_vm_readv(prey.pid, &here, 1, &there, 1, 0);
}

static long try_writing_memory(void)
{
	struct iovec nothing = {0};

	return process_vm_writev(prey.pid, &nothing, 1, &nothing, 1, 0);
}

static long try_memory_file(void)
{
	return try_open(prey.pid, "mem");
}

static long try_memory_map(void)
{
	return try_open(prey.pid, "maps");
}

static long try_environment(void)
{
	return try_open(prey.pid, "environ");
}

static long try_descriptor_folder(void)
{
	return try_open(prey.pid, "fd");
}

/* The rings of a socket's pool, where the kernel lets whoever holds the socket map them. */
static long try_descriptors(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, prey.pid, 0);

	return syscall(SYS_pidfd_getfd, pidfd, STDOUT_FILENO, 0);
}

static long try_tracing(void)
{
	return ptrace(PTRACE_SEIZE, prey.pid, NULL, NULL);
}

/* What may send none may not send SIGKILL. */
static long try_signal(void)
{
	return kill(prey.pid, 0);
}

static long try_mount(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static long try_root(void)
{
	return setuid(0);
}

static long try_pins(void)
{
	return open(prey.pins, O_RDONLY);
}

static long try_in_run(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", prey.run, name);
	return open(path, O_RDONLY);
}

static long try_files_of_instances(void)
{
	return try_in_run("instances");
}

static long try_connecting(const char *name, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", prey.run, name);
	return connect(socket(AF_UNIX, type, 0), (struct sockaddr *)&address, sizeof(address));
}

static long try_api(void)
{
	return try_connecting("xfn.sock", SOCK_STREAM);
}

static long try_reading_api(void)
{
	return try_connecting("xfn-ro.sock", SOCK_STREAM);
}

static long try_run(void)
{
	return try_connecting("run.sock", SOCK_SEQPACKET);
}

/* It would take who comes for the next xfnd: of another type he gets as far as that the type is wrong. */
static long try_keeper(void)
{
	long result = try_connecting("keeper.sock", SOCK_DGRAM);

	return result < 0 && errno == EPROTOTYPE ? 0 : result;
}

/* Each is refused with just this: with anything else it was not what refuses that has refused it. */
static const struct {
	const char *what;
	long (*try)(void);
	int refusal;
} ways[] = {
	{"bpf", try_bpf, EPERM},
	{"a packet socket", try_packet_socket, EPERM},
	{"a raw socket", try_raw_socket, EPERM},
	{"another's network namespace", try_its_namespace, EACCES},
	{"its starter's network namespace", try_starters_namespace, EACCES},
	{"another's memory", try_memory, EPERM},
	{"writing to another's memory", try_writing_memory, EPERM},
	{"another's memory as a file", try_memory_file, EACCES},
	{"another's memory map", try_memory_map, EACCES},
	{"another's environment", try_environment, EACCES},
	{"another's descriptors", try_descriptors, EPERM},
	{"another's descriptors as files", try_descriptor_folder, EACCES},
	{"tracing another", try_tracing, EPERM},
	{"a signal to another", try_signal, EPERM},
	{"a mount", try_mount, EPERM},
	{"user root", try_root, EPERM},
	{"the pins", try_pins, EACCES},
	{"the files of instances", try_files_of_instances, EACCES},
	{"xfnd's API", try_api, EACCES},
	{"xfnd's API, to read", try_reading_api, EACCES},
	{"xfnd, for xfn run", try_run, EACCES},
	{"the keeper", try_keeper, EACCES},
	{"entering a network namespace", try_entering, EPERM},
	{"a new network namespace", try_network_namespace, EPERM},
	{"a new user namespace, by clone", try_user_namespace_by_clone, EPERM},
	{"a new user namespace, by clone3", try_user_namespace_by_clone3, ENOSYS},
	{"a new user namespace", try_user_namespace, EPERM}, /* the last: it changes who asks */
};

static void try_all(char **arguments)
{
	size_t i;

	prey.pid = atoi(arguments[0]);
	prey.place = strtoul(arguments[1], NULL, 16);
	prey.pins = arguments[2];
	prey.run = arguments[3];
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (ways[i].try() >= 0)
			printf("ALLOWED: %s\n", ways[i].what);
		else if (errno == ways[i].refusal)
			printf("refused: %s\n", ways[i].what);
		else
			printf("FAILED: %s: %s\n", ways[i].what, strerror(errno));
		fflush(stdout); /* before a child has it, too */
	}
	puts("done");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct xfn_socket *socket;
	struct frame reply;

	if (!strcmp(mode, "outside") && argc == 6) {
		try_all(argv + 2);
		return 0;
	}
	if (xfn_socket_open(&socket))
		return 1;
	if (!strcmp(mode, "pry") && argc == 6) {
		try_all(argv + 2);
		pause();
	}
	wait_for_event(socket, &reply);
	if (!strcmp(mode, "flood"))
		send_without_end(socket, &reply, make_garbage);
	else if (!strcmp(mode, "spoof"))
		send_without_end(socket, &reply, make_forgery);
	else if (!strcmp(mode, "memory"))
		take_memory();
	else if (!strcmp(mode, "files"))
		take_files();
	else if (!strcmp(mode, "forks"))
		take_processes();
	else
		hang();
	return 0;
}
