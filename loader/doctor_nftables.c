/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks nfnetlink for the chains; rules may be many, chains are few. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "doctor_check.h"
#include "errnum.h"

enum { BUFFER_BYTES = 32768 };

struct chain {
	int hook;    /* -1: not a base chain, reached from one only */
	int policy;  /* NF_ACCEPT unless it says otherwise */
	__u32 users; /* rules in it, and jumps to it */
};

static int take_hook(const struct nlattr *attr, void *context)
{
	struct chain *chain = context;

	if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
		chain->hook = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int take_attribute(const struct nlattr *attr, void *context)
{
	struct chain *chain = context;

	switch (mnl_attr_get_type(attr)) {
	case NFTA_CHAIN_HOOK:
		mnl_attr_parse_nested(attr, take_hook, chain);
		break;
	case NFTA_CHAIN_POLICY:
		chain->policy = ntohl(mnl_attr_get_u32(attr));
		break;
	case NFTA_CHAIN_USE:
		chain->users = ntohl(mnl_attr_get_u32(attr));
		break;
	}
	return MNL_CB_OK;
}

/* True if packets that come in from outside go through that hook of that family. */
static bool is_inward(__u8 family, int hook)
{
	if (family == NFPROTO_ARP)
		return false;
	if (family == NFPROTO_NETDEV)
		return hook == NF_NETDEV_INGRESS;
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN || hook == NF_INET_FORWARD ||
	       (family == NFPROTO_INET && hook == NF_INET_INGRESS);
}

static int take_chain(const struct nlmsghdr *message, void *context)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	struct chain chain = {.hook = -1, .policy = NF_ACCEPT};
	int *count = context;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*header), take_attribute, &chain);
	*count += is_inward(header->nfgen_family, chain.hook) &&
		  (chain.users || chain.policy != NF_ACCEPT);
	return MNL_CB_OK;
}

static int count_chains(struct mnl_socket *socket)
{
	char buffer[BUFFER_BYTES];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	int count = 0, code;
	ssize_t bytes;

	request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = 1;
	header->nfgen_family = NFPROTO_UNSPEC;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return xfn_errno();
	do {
		bytes = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (bytes < 0)
			return xfn_errno();
		code = mnl_cb_run(buffer, bytes, 1, mnl_socket_get_portid(socket), take_chain,
				  &count);
	} while (code > MNL_CB_STOP);
	return code < 0 ? xfn_errno() : count;
}

int xfn_nftables_chains(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int count;

	if (!socket)
		return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : xfn_errno();
	count = count_chains(socket);
	mnl_socket_close(socket);
	/* EINVAL: nfnetlink is there, nftables is not. */
	return count == -EINVAL ? -EOPNOTSUPP : count;
}
