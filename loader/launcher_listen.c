/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening sockets of functions. In the launcher's process, which has the right to any port. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errnum.h"
#include "launcher_private.h"

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? xfn_errno() : 0;
}

/*
 * A datagram's way back to the address that it came to: what is queued before the program asks for that would
 * not have it.
 */
static int tell_addresses(int fd, const struct xfn_listen_place *place)
{
	int err = 0;

	if (place->family == AF_INET6)
		err = set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (!err && (place->family == AF_INET || place->dual))
		err = set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	return err;
}

/*
 * SO_REUSEADDR lets TCP listen beside connections of an earlier socket. With UDP it would let anybody else
 * bind the same address and take its datagrams, so there it is not set.
 */
static int prepare(int fd, const struct xfn_listen_place *place)
{
	int err = 0;

	if (place->family == AF_INET6)
		err = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !place->dual);
	if (!err && place->protocol == IPPROTO_TCP)
		return set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && place->pktinfo)
		err = tell_addresses(fd, place);
	/* Datagrams wait here while the program starts. */
	if (!err && set(fd, SOL_SOCKET, SO_RCVBUFFORCE, XFN_LISTEN_UDP_BYTES / 2))
		set(fd, SOL_SOCKET, SO_RCVBUF, XFN_LISTEN_UDP_BYTES / 2);
	return err;
}

static int bind_it(int fd, const struct xfn_listen_place *place)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(place->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(place->port),
				   .sin6_scope_id = place->scope};
	int result;

	memcpy(&in.sin_addr, place->address, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, place->address, sizeof(in6.sin6_addr));
	if (place->family == AF_INET6)
		result = bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	else
		result = bind(fd, (struct sockaddr *)&in, sizeof(in));
	return result < 0 ? xfn_errno() : 0;
}

static int listen_at(const struct xfn_listen_place *place)
{
	bool stream = place->protocol == IPPROTO_TCP;
	int fd = socket(place->family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return xfn_errno();
	err = prepare(fd, place) ?: bind_it(fd, place);
	if (!err && stream && listen(fd, XFN_LISTEN_BACKLOG) < 0)
		err = xfn_errno();
	if (!err)
		return fd;
	close(fd);
	return err;
}

int xfn_launcher_answer_listen(const struct xfn_listen_place *place, int *ret_fd)
{
	struct xfn_listen_place plain = *place;
	int fd;

	if ((place->protocol != IPPROTO_TCP && place->protocol != IPPROTO_UDP) ||
	    (place->family != AF_INET && place->family != AF_INET6) || !place->port)
		return -EINVAL;
	fd = listen_at(place);
	if (place->dual && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) {
		plain.family = AF_INET; /* a host without IPv6: none of its sockets, or no :: */
		fd = listen_at(&plain);
	}
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}
