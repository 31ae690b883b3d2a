/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "errnum.h"
#include "wire.h"

enum { FRAMES = 64, PATIENCE_MS = 2000 };

static int make_pair(void)
{
	return system("ip link add near type veth peer far &&"
		      "ip link set near addrgenmode none up &&"
		      "ip link set far addrgenmode none up")
		       ? -EIO
		       : 0;
}

static int open_far(void)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_ALL),
				      .sll_ifindex = (int)if_nametoindex("far")};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return xfn_errno();
	return fd;
}

static int open_near(struct wire *wire, int program_fd)
{
	__u32 near = if_nametoindex("near");
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return xfn_errno();
	err = xsk_open(&wire->xsk, fd, near, FRAMES, 0);
	if (err)
		close(fd);
	return err ?: bpf_xdp_attach((int)near, program_fd, XDP_FLAGS_DRV_MODE, NULL);
}

int wire_open(struct wire *wire, int program_fd)
{
	int err;

	memset(wire, 0, sizeof(*wire));
	wire->far = -1;
	wire->host_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (wire->host_netns < 0 || unshare(CLONE_NEWNET))
		return xfn_errno();
	err = make_pair() ?: open_near(wire, program_fd);
	if (!err)
		wire->far = open_far();
	return err ?: wire->far < 0 ? wire->far : 0;
}

/* The namespace goes with the last that is in it, and takes the pair along. */
void wire_close(struct wire *wire)
{
	int fd = wire->xsk.fd;

	xsk_close(&wire->xsk);
	if (fd > 0)
		close(fd);
	if (wire->far >= 0)
		close(wire->far);
	if (wire->host_netns >= 0) {
		setns(wire->host_netns, CLONE_NEWNET);
		close(wire->host_netns);
	}
}

bool wire_send(const struct wire *wire, const struct frame *frame)
{
	return send(wire->far, frame->bytes, frame->size, 0) == (ssize_t)frame->size;
}

const __u8 *wire_receive(struct wire *wire, __u32 *ret_bytes)
{
	struct pollfd fd = {.fd = wire->xsk.fd, .events = POLLIN};
	struct xdp_desc desc;

	if (poll(&fd, 1, PATIENCE_MS) != 1 || xsk_receive(&wire->xsk, &desc, 1) != 1)
		return NULL;
	*ret_bytes = desc.len;
	return wire->xsk.pool + desc.addr;
}
