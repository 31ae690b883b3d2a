/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function that sends each event elsewhere, as it is:
 *
 *	forward FROM FROM_PORT TO TO_PORT [NEXT_HOP]
 *
 * FROM "-" and FROM_PORT 0: where the event was sent to. NEXT_HOP is an Ethernet address. Events of another IP
 * version than TO's are released.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xfn/function.h"

struct job {
	bool from_given, hop_given;
	__u8 ip_version;
	struct xfn_endpoint from, to;
	__u8 hop[6];
};

static void forward(struct xfn_socket *socket, struct xfn_event *event, void *context)
{
	const struct job *job = context;
	struct xfn_endpoint from = job->from;

	if (event->ip_version != job->ip_version)
		return;
	if (!job->from_given)
		memcpy(from.address, event->destination.address, sizeof(from.address));
	if (!from.port)
		from.port = event->destination.port;
	xfn_event_send(socket, event, &from, &job->to, job->hop_given ? job->hop : NULL,
		       event->payload_bytes);
}

/* Returns the IP version, or 0. */
static __u8 read_endpoint(const char *address, const char *port, struct xfn_endpoint *ret)
{
	ret->port = (__u16)atoi(port);
	if (inet_pton(AF_INET, address, ret->address) == 1)
		return 4;
	return inet_pton(AF_INET6, address, ret->address) == 1 ? 6 : 0;
}

static bool read_hop(const char *text, __u8 *hop)
{
	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &hop[0], &hop[1], &hop[2],
		      &hop[3], &hop[4], &hop[5]) == 6;
}

int main(int argc, char **argv)
{
	struct job job = {0};

	if (argc < 5)
		return 2;
	job.from_given = read_endpoint(argv[1], argv[2], &job.from);
	job.ip_version = read_endpoint(argv[3], argv[4], &job.to);
	job.hop_given = argc > 5 && read_hop(argv[5], job.hop);
	return xfn_serve(forward, &job) ? 1 : 0;
}
