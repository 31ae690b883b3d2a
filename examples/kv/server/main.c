/* SPDX-License-Identifier: BSD-2-Clause */
/* A small memcached on an AF_XDP socket: what there is of I/O. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <xfn/function.h>

#include "kv.h"

enum { REPLY_MAX = 1400 }; /* what memcached sends at most, and any path takes */

static struct kv_store store;

static int64_t seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec;
}

static void answer(struct xfn_socket *socket, struct xfn_event *event, void *context)
{
	struct kv_now now = {seconds(CLOCK_MONOTONIC), seconds(CLOCK_REALTIME)};
	uint8_t reply[REPLY_MAX];
	size_t room = event->room_bytes < REPLY_MAX ? event->room_bytes : REPLY_MAX;
	size_t bytes;

	(void)context;
	bytes = kv_answer(&store, &now, event->payload, event->payload_bytes, reply, room);
	if (!bytes || xfn_event_reply_with(socket, event, reply, bytes))
		xfn_event_release(socket, event);
}

int main(void)
{
	int err = 0;

	if (getrandom(&store.seed, sizeof(store.seed), 0) != sizeof(store.seed))
		err = -EIO;
	if (!err)
		err = xfn_serve(answer, NULL);
	if (err)
		fprintf(stderr, "kv: %s\n", strerror(-err));
	return err ? 1 : 0;
}
