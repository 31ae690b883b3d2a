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
 *	hostile pry PID  tries what it must not: "refused: WHAT" or "ALLOWED: WHAT" for each, on standard output
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
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>

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

static void tell(const char *what, long result)
{
	printf("%s: %s\n", result < 0 ? "refused" : "ALLOWED", what);
}

static long try_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long try_memory(pid_t pid)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};

	return process_vm_readv(pid, &here, 1, &there, 1, 0);
}

static long try_open(pid_t pid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return open(path, O_RDONLY);
}

/* The rings of a socket's pool, where the kernel lets whoever holds the socket map them. */
static long try_descriptors(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	long result = -1;

	for (int fd = 0; fd < 8 && result < 0; fd++)
		result = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return result;
}

static void pry(pid_t pid)
{
	tell("bpf", try_bpf());
	tell("a packet socket", socket(AF_PACKET, SOCK_RAW, 0));
	tell("a raw socket", socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
	tell("a new network namespace", unshare(CLONE_NEWNET));
	tell("a new user namespace", unshare(CLONE_NEWUSER));
	tell("another's network namespace", try_open(pid, "ns/net"));
	tell("the first network namespace", setns(open("/proc/1/ns/net", O_RDONLY), CLONE_NEWNET));
	tell("another's memory", try_memory(pid));
	tell("another's memory as a file", try_open(pid, "mem"));
	tell("another's descriptors", try_descriptors(pid));
	tell("tracing another", ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	tell("ending another", kill(pid, SIGKILL));
	tell("a mount", mount("none", "/mnt", "tmpfs", 0, NULL));
	tell("user root", setuid(0));
	tell("the pins", open("/sys/fs/bpf/xfn", O_RDONLY));
	puts("done");
	fflush(stdout);
	pause();
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct xfn_socket *socket;
	struct frame reply;

	if (xfn_socket_open(&socket))
		return 1;
	if (!strcmp(mode, "pry") && argc > 2)
		pry(atoi(argv[2]));
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
