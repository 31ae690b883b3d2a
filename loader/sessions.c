/* SPDX-License-Identifier: BSD-2-Clause */
/* Established TCP sessions, by inet_diag: read, routed, printed. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "errnum.h"
#include "netlink_parse.h"
#include "sessions.h"

/* ---- reading ----------------------------------------------------------------------------------- */

struct reading {
	xfn_session_fn *fn;
	void *context;
	int err;
};

static bool is_mapped(const void *address)
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address);
}

/* A socket of IPv6 may serve a peer of IPv4: on the wire that is IPv4. */
static void copy_addresses(const struct inet_diag_msg *from, struct xfn_session *to)
{
	bool mapped = from->idiag_family == AF_INET6 && is_mapped(from->id.idiag_dst);
	size_t bytes = from->idiag_family == AF_INET6 && !mapped ? 16 : 4;

	to->family = bytes == 4 ? AF_INET : AF_INET6;
	memcpy(to->local, &from->id.idiag_src[mapped ? 3 : 0], bytes);
	memcpy(to->remote, &from->id.idiag_dst[mapped ? 3 : 0], bytes);
}

static int take(const struct nlmsghdr *message, void *context)
{
	const struct inet_diag_msg *from = mnl_nlmsg_get_payload(message);
	struct reading *reading = context;
	struct xfn_session session = {0};

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*from))
		return MNL_CB_OK;
	copy_addresses(from, &session);
	session.local_port = ntohs(from->id.idiag_sport);
	session.remote_port = ntohs(from->id.idiag_dport);
	session.ifindex = from->id.idiag_if;
	reading->err = reading->fn(reading->context, &session);
	return reading->err < 0 ? MNL_CB_STOP : MNL_CB_OK;
}

static int read_family(__u8 family, struct reading *reading)
{
	char buffer[256];
	struct nlmsghdr *request = xfn_netlink_request(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	struct inet_diag_req_v2 *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	int err;

	header->sdiag_family = family;
	header->sdiag_protocol = IPPROTO_TCP;
	header->idiag_states = 1 << TCP_ESTABLISHED;
	err = xfn_netlink_ask(NETLINK_SOCK_DIAG, request, take, reading);
	/* A dump that sockets came and went under is as good as any. */
	if (err && err != -EINTR)
		return err;
	return reading->err < 0 ? reading->err : 0;
}

int xfn_sessions_read(xfn_session_fn *fn, void *context)
{
	struct reading reading = {fn, context, 0};

	return read_family(AF_INET, &reading) ?: read_family(AF_INET6, &reading);
}

/* ---- the way to the peer ----------------------------------------------------------------------- */

static int take_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*route))
		return MNL_CB_STOP;
	mnl_attr_for_each(attr, message,
			  sizeof(*route)) if (mnl_attr_get_type(attr) == RTA_OIF &&
					      mnl_attr_get_payload_len(attr) >= sizeof(__u32)) *
		(__u32 *)context = mnl_attr_get_u32(attr);
	return MNL_CB_STOP;
}

int xfn_session_route(const struct xfn_session *session, __u32 *ret_ifindex)
{
	char buffer[256];
	struct nlmsghdr *request = xfn_netlink_request(buffer, RTM_GETROUTE, 0);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	size_t bytes = session->family == AF_INET ? 4 : 16;
	__u32 found = 0;
	int err;

	header->rtm_family = session->family;
	header->rtm_dst_len = 8 * bytes;
	header->rtm_src_len = 8 * bytes;
	mnl_attr_put(request, RTA_DST, bytes, session->remote);
	mnl_attr_put(request, RTA_SRC, bytes, session->local);
	err = xfn_netlink_ask(NETLINK_ROUTE, request, take_route, &found);
	if (err)
		return err;
	if (!found)
		return -ENETUNREACH;
	*ret_ifindex = found;
	return 0;
}

/* ---- words ------------------------------------------------------------------------------------- */

char *xfn_session_print(const struct xfn_session *session, char *buf)
{
	bool six = session->family == AF_INET6;
	char peer[INET6_ADDRSTRLEN] = "?";

	inet_ntop(session->family, session->remote, peer, sizeof(peer));
	snprintf(buf, XFN_SESSION_TEXT, "tcp/%u from %s%s%s:%u", session->local_port,
		 six ? "[" : "", peer, six ? "]" : "", session->remote_port);
	return buf;
}

static bool is_address(const struct xfn_session *session, const char *text, const __u8 *address)
{
	struct in6_addr six;
	__u8 bytes[16] = {0};

	if (inet_pton(AF_INET6, text, &six) == 1) {
		if (!is_mapped(&six))
			return session->family == AF_INET6 && !memcmp(&six, address, 16);
		memcpy(bytes, &six.s6_addr[12], 4);
	} else if (inet_pton(AF_INET, text, bytes) != 1) {
		return false;
	}
	return session->family == AF_INET && !memcmp(bytes, address, 4);
}

bool xfn_session_is(const struct xfn_session *session, const char *ssh)
{
	char remote[INET6_ADDRSTRLEN + 20], local[INET6_ADDRSTRLEN + 20];
	unsigned remote_port, local_port;

	if (!ssh || sscanf(ssh, "%64s %u %64s %u", remote, &remote_port, local, &local_port) != 4)
		return false;
	remote[strcspn(remote, "%")] = '\0'; /* a scope */
	local[strcspn(local, "%")] = '\0';
	return session->remote_port == remote_port && session->local_port == local_port &&
	       is_address(session, remote, session->remote) &&
	       is_address(session, local, session->local);
}
