/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "alloc.h"
#include "errnum.h"
#include "socket_drops.h"

enum {
	BUFFER_BYTES = 32768,
	ROOM_FIRST = 16,
	TCP_LISTEN_STATE = 10, /* include/net/tcp_states.h */
	UDP_UNCONNECTED_STATE = 7,
	UDP_CONNECTED_STATE = 1,
};

struct list {
	struct xfn_socket_drops *sockets;
	size_t count;
	__u8 protocol; /* that is being asked for */
};

static int add(struct list *list, const struct xfn_socket_drops *socket)
{
	struct xfn_socket_drops *sockets =
		xfn_array_grow(list->sockets, list->count, sizeof(*sockets), ROOM_FIRST);

	if (!sockets)
		return -ENOMEM;
	list->sockets = sockets;
	sockets[list->count++] = *socket;
	return 0;
}

/* ---- sock_diag -------------------------------------------------------------------------------------------- */

static int take_memory(const struct nlattr *attr, void *context)
{
	const __u32 *values = mnl_attr_get_payload(attr);

	if (mnl_attr_get_type(attr) == INET_DIAG_SKMEMINFO &&
	    mnl_attr_get_payload_len(attr) > SK_MEMINFO_DROPS * sizeof(*values))
		*(__u32 *)context = values[SK_MEMINFO_DROPS];
	return MNL_CB_OK;
}

static int take_socket(const struct nlmsghdr *message, void *context)
{
	const struct inet_diag_msg *diag = mnl_nlmsg_get_payload(message);
	struct list *list = context;
	struct xfn_socket_drops socket = {.protocol = list->protocol};

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*diag))
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*diag), take_memory, &socket.drops);
	if (!socket.drops)
		return MNL_CB_OK;
	socket.port = ntohs(diag->id.idiag_sport);
	socket.cookie = (__u64)diag->id.idiag_cookie[1] << 32 | diag->id.idiag_cookie[0];
	if (add(list, &socket)) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *make_request(char *buffer, __u8 protocol, __u8 family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *body;

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = 1;
	body = mnl_nlmsg_put_extra_header(request, sizeof(*body));
	body->sdiag_family = family;
	body->sdiag_protocol = protocol;
	body->idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
	body->idiag_states = protocol == IPPROTO_TCP
				     ? 1U << TCP_LISTEN_STATE
				     : 1U << UDP_UNCONNECTED_STATE | 1U << UDP_CONNECTED_STATE;
	return request;
}

static int ask(struct list *list, __u8 protocol, __u8 family)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	char buffer[BUFFER_BYTES];
	const struct nlmsghdr *request = make_request(buffer, protocol, family);
	ssize_t bytes;
	int code = -1;

	if (!socket)
		return xfn_errno();
	list->protocol = protocol;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) >= 0 &&
	    mnl_socket_sendto(socket, request, request->nlmsg_len) >= 0) {
		do {
			bytes = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
			code = bytes < 0
				       ? -1
				       : mnl_cb_run(buffer, bytes, 1, mnl_socket_get_portid(socket),
						    take_socket, list);
		} while (code > MNL_CB_STOP);
	}
	code = code < 0 ? xfn_errno() : 0;
	mnl_socket_close(socket);
	return code;
}

/* ---- without it ------------------------------------------------------------------------------------------- */

/* Columns as net/ipv4/udp.c, udp4_seq_show(), has them; inode in the tenth, drops the last. */
static int read_udp_table(struct list *list, const char *path)
{
	struct xfn_socket_drops socket = {.protocol = IPPROTO_UDP};
	FILE *in = fopen(path, "re");
	unsigned long long inode;
	char line[512];
	unsigned port;
	int err = 0;

	if (!in)
		return xfn_errno();
	while (!err && fgets(line, sizeof(line), in)) {
		if (sscanf(line, " %*[^:]: %*[^:]:%x %*s %*s %*s %*s %*s %*s %*s %llu %*s %*s %u",
			   &port, &inode, &socket.drops) != 3 ||
		    !socket.drops)
			continue;
		socket.port = port;
		socket.cookie = inode;
		err = add(list, &socket);
	}
	fclose(in);
	return err;
}

/* TcpExt in /proc/net/netstat: a line of names, then a line of figures. */
static int read_listen_drops(struct list *list)
{
	struct xfn_socket_drops all = {.protocol = IPPROTO_TCP};
	FILE *in = fopen("/proc/net/netstat", "re");
	char names[8192], figures[8192], *name, *figure, *rest_names, *rest_figures;

	if (!in)
		return xfn_errno();
	if (fgets(names, sizeof(names), in) && fgets(figures, sizeof(figures), in)) {
		name = strtok_r(names, " \n", &rest_names);
		figure = strtok_r(figures, " \n", &rest_figures);
		while (name && figure && strcmp(name, "ListenDrops")) {
			name = strtok_r(NULL, " \n", &rest_names);
			figure = strtok_r(NULL, " \n", &rest_figures);
		}
		all.drops = name && figure ? strtoul(figure, NULL, 10) : 0;
	}
	fclose(in);
	return all.drops ? add(list, &all) : 0;
}

/* ---- both -------------------------------------------------------------------------------------------------- */

static int read_udp(struct list *list)
{
	size_t count = list->count;
	int err = ask(list, IPPROTO_UDP, AF_INET) ?: ask(list, IPPROTO_UDP, AF_INET6);

	if (!err || err == -ENOMEM)
		return err;
	list->count = count;
	return read_udp_table(list, "/proc/net/udp") ?: read_udp_table(list, "/proc/net/udp6");
}

static int read_tcp(struct list *list)
{
	size_t count = list->count;
	int err = ask(list, IPPROTO_TCP, AF_INET) ?: ask(list, IPPROTO_TCP, AF_INET6);

	if (!err || err == -ENOMEM)
		return err;
	list->count = count;
	return read_listen_drops(list);
}

int xfn_socket_drops_read(struct xfn_socket_drops **ret, size_t *ret_count)
{
	struct list list = {};
	int err = read_udp(&list) ?: read_tcp(&list);

	if (err) {
		xfn_free(list.sockets);
		return err;
	}
	*ret = list.sockets;
	*ret_count = list.count;
	return 0;
}

bool xfn_socket_is_of(const struct xfn_socket_drops *socket, const struct xfn_manifest *manifest,
		      const struct xfn_function_spec *spec)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, spec);
	__u32 i;

	for (i = 0; i < spec->trigger_count; i++)
		if (triggers[i].protocol == socket->protocol &&
		    (!socket->port ||
		     (socket->port >= triggers[i].port_lo && socket->port <= triggers[i].port_hi)))
			return true;
	return false;
}
