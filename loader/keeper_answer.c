/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper's client, its questions, and their answers. Whatever it sends, the keeper goes on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aide.h"
#include "errnum.h"
#include "fd.h"
#include "keeper_private.h"

enum { SPARE_FDS = 16 }; /* not for what is stored: a client, an inbox, a question's */

/* A question that came, and its answer. */
struct exchange {
	struct xfn_keeper_message in, out;
	int in_fd;                    /* that came along, or -1; whoever keeps it leaves -1 */
	int held_fd;                  /* goes back, and stays here, too; or -1 */
	int given_fd;                 /* goes back, and is closed then; or -1 */
	struct xfn_inbox_ring *taken; /* from where out.taken is, once it is sent */
};

/* ---- the client -------------------------------------------------------------------------------------- */

static void drop_client(struct xfn_keeping *keeping)
{
	xfn_fd_close(&keeping->client_fd);
	keeping->noted = false;
	keeping->handed_over = 0; /* by who was killed before: the next one is given it again */
}

/* The client that took it goes on. */
static void settle_hand_over(struct xfn_keeping *keeping)
{
	struct xfn_inbox_ring *ring =
		keeping->handed_over ? xfn_inboxes_find(&keeping->inboxes, keeping->handed_over)
				     : NULL;

	if (ring)
		xfn_inbox_clear(&keeping->inboxes, ring, &keeping->handed,
				xfn_inbox_removed(ring) - keeping->removed_then);
	keeping->handed_over = 0;
}

static bool is_served(const struct xfn_keeping *keeping, int fd)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t bytes = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) && peer.uid == keeping->uid;
}

void xfn_keeping_accept(struct xfn_keeping *keeping)
{
	int fd = accept4(keeping->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!is_served(keeping, fd)) {
		close(fd);
		return;
	}
	drop_client(keeping);
	keeping->client_fd = fd;
}

static int send_message(struct xfn_keeping *keeping, struct xfn_keeper_message *message, int fd)
{
	struct xfn_aide_message out = {
		.data = message, .bytes = sizeof(*message), .fds = {fd}, .fd_count = fd >= 0};

	message->version = XFN_KEEPER_VERSION;
	return xfn_aide_send(keeping->client_fd, &out);
}

void xfn_keeping_note(struct xfn_keeping *keeping)
{
	struct xfn_keeper_message note = {.op = XFN_KEEPER_NOTE};
	int err;

	if (keeping->client_fd < 0 || keeping->noted || !xfn_inboxes_wanted(&keeping->inboxes))
		return;
	err = send_message(keeping, &note, -1);
	keeping->noted = !err;
	if (err)
		drop_client(keeping);
}

/* ---- questions --------------------------------------------------------------------------------------- */

static int answer_hello(struct xfn_keeping *keeping, struct exchange *exchange)
{
	struct xfn_keeper_hello *hello = &exchange->out.hello;
	__u32 kind;

	hello->pid = (__u32)getpid();
	for (kind = 0; kind < XFN_KEEPER_STORED_KINDS; kind++)
		hello->count[kind] = keeping->stores[kind].count;
	hello->count[XFN_KEEPER_PARKS] = keeping->parks.count;
	hello->count[XFN_KEEPER_FUNCTIONS] = keeping->inboxes.count;
	xfn_inboxes_want_again(&keeping->inboxes);
	keeping->noted = false;
	return 0;
}

static int list_stored(const struct xfn_store *store, __u32 index, struct exchange *exchange)
{
	if (index >= store->count)
		return -ENOENT;
	exchange->out.stored = store->entries[index].words;
	exchange->held_fd = store->entries[index].fd;
	return 0;
}

static int list_park(const struct xfn_parks *parks, __u32 index, struct exchange *exchange)
{
	if (index >= parks->count)
		return -ENOENT;
	exchange->out.park = parks->sockets[index].words;
	exchange->held_fd = parks->sockets[index].fd;
	return 0;
}

static int list_function(const struct xfn_inboxes *inboxes, __u32 index, struct exchange *exchange)
{
	if (index >= inboxes->count)
		return -ENOENT;
	exchange->out.function = inboxes->rings[index]->words;
	exchange->out.function.waiting = (__u32)inboxes->rings[index]->counts.waiting;
	return 0;
}

static int answer_list(struct xfn_keeping *keeping, struct exchange *exchange)
{
	const struct xfn_keeper_list *list = &exchange->in.list;

	if (list->kind < XFN_KEEPER_STORED_KINDS)
		return list_stored(&keeping->stores[list->kind], list->index, exchange);
	if (list->kind == XFN_KEEPER_PARKS)
		return list_park(&keeping->parks, list->index, exchange);
	if (list->kind == XFN_KEEPER_FUNCTIONS)
		return list_function(&keeping->inboxes, list->index, exchange);
	return -EINVAL;
}

static int answer_wanted(struct xfn_keeping *keeping, struct exchange *exchange)
{
	struct xfn_inbox_ring *ring = xfn_inboxes_wanted(&keeping->inboxes);

	if (ring) {
		ring->wanted = false;
		exchange->out.id = ring->words.identity;
	}
	keeping->noted = xfn_inboxes_wanted(&keeping->inboxes) != NULL;
	return ring ? 0 : -ENOENT;
}

static int answer_counts(struct xfn_keeping *keeping, struct exchange *exchange)
{
	const struct xfn_inbox_ring *ring = xfn_inboxes_find(&keeping->inboxes, exchange->in.id);

	/* What came before the question is in the answer. */
	xfn_parks_read(&keeping->parks, &keeping->inboxes);
	if (exchange->in.id && !ring)
		return -ENOENT;
	exchange->out.counts = ring ? ring->counts : keeping->inboxes.counts;
	if (!ring)
		exchange->out.counts.count[XFN_KEEPER_LOST] = xfn_parks_lost(&keeping->parks);
	return 0;
}

static bool is_spare(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) || (rlim_t)fd + SPARE_FDS >= limit.rlim_cur;
}

static int answer_store(struct xfn_keeping *keeping, struct exchange *exchange)
{
	const struct xfn_keeper_stored *words = &exchange->in.stored;
	int err;

	if (words->kind >= XFN_KEEPER_STORED_KINDS || !words->key || exchange->in_fd < 0)
		return -EINVAL;
	if (is_spare(exchange->in_fd))
		return -ENOSPC;
	err = xfn_store_put(&keeping->stores[words->kind], words, exchange->in_fd);
	if (!err)
		exchange->in_fd = -1;
	return err;
}

static int answer_drop(struct xfn_keeping *keeping, struct exchange *exchange)
{
	const struct xfn_keeper_stored *words = &exchange->in.stored;

	if (words->kind >= XFN_KEEPER_STORED_KINDS)
		return -EINVAL;
	return xfn_store_drop(&keeping->stores[words->kind], words->key);
}

static int answer_park_open(struct xfn_keeping *keeping, struct exchange *exchange)
{
	int err;

	if (exchange->in_fd < 0)
		return -EINVAL;
	exchange->out.park = exchange->in.park;
	err = xfn_parks_open(&keeping->parks, &exchange->out.park, exchange->in_fd);
	if (!err)
		exchange->in_fd = -1;
	return err;
}

static int answer_park_close(struct xfn_keeping *keeping, struct exchange *exchange)
{
	return xfn_parks_close(&keeping->parks, &keeping->inboxes, &exchange->in.park);
}

static int answer_park_function(struct xfn_keeping *keeping, struct exchange *exchange)
{
	return xfn_inboxes_set(&keeping->inboxes, &exchange->in.function);
}

static int answer_forget(struct xfn_keeping *keeping, struct exchange *exchange)
{
	return xfn_inboxes_forget(&keeping->inboxes, exchange->in.id);
}

static int answer_take(struct xfn_keeping *keeping, struct exchange *exchange)
{
	struct xfn_inbox_ring *ring = xfn_inboxes_find(&keeping->inboxes, exchange->in.id);
	int err;

	if (!ring)
		return -ENOENT;
	xfn_parks_read(&keeping->parks, &keeping->inboxes);
	err = xfn_inbox_make(ring, &exchange->given_fd, &exchange->out.taken);
	if (!err)
		exchange->taken = ring;
	return err;
}

static int answer_end(struct xfn_keeping *keeping, struct exchange *exchange)
{
	(void)exchange;
	keeping->ended = true;
	return 0;
}

typedef int answer_fn(struct xfn_keeping *keeping, struct exchange *exchange);

static answer_fn *const answers[XFN_KEEPER_OP_COUNT] = {
	[XFN_KEEPER_HELLO] = answer_hello,
	[XFN_KEEPER_LIST] = answer_list,
	[XFN_KEEPER_WANTED] = answer_wanted,
	[XFN_KEEPER_COUNTS] = answer_counts,
	[XFN_KEEPER_STORE] = answer_store,
	[XFN_KEEPER_DROP] = answer_drop,
	[XFN_KEEPER_PARK_OPEN] = answer_park_open,
	[XFN_KEEPER_PARK_CLOSE] = answer_park_close,
	[XFN_KEEPER_PARK_FUNCTION] = answer_park_function,
	[XFN_KEEPER_FORGET] = answer_forget,
	[XFN_KEEPER_TAKE] = answer_take,
};

/*
 * @err: of receiving it. The end alone is the same in all versions, whatever their messages' length: so a client of
 * another one can make room for its own keeper.
 */
static int answer_question(struct xfn_keeping *keeping, struct exchange *exchange, int err)
{
	__u32 op = exchange->in.op;

	if (op == XFN_KEEPER_END)
		return answer_end(keeping, exchange);
	if (err)
		return err;
	if (exchange->in.version != XFN_KEEPER_VERSION)
		return -EPROTO;
	if (op >= XFN_KEEPER_OP_COUNT || !answers[op])
		return -EOPNOTSUPP;
	return answers[op](keeping, exchange);
}

/* ---- one exchange ------------------------------------------------------------------------------------ */

static void reply(struct xfn_keeping *keeping, struct exchange *exchange)
{
	int fd = exchange->held_fd >= 0 ? exchange->held_fd : exchange->given_fd;

	exchange->out.op = exchange->in.op;
	if (send_message(keeping, &exchange->out, fd)) {
		drop_client(keeping);
	} else if (exchange->taken) {
		keeping->handed_over = exchange->taken->words.identity;
		keeping->handed = exchange->out.taken;
		keeping->removed_then = xfn_inbox_removed(exchange->taken);
		exchange->taken->wanted = false;
	}
	xfn_fd_close(&exchange->given_fd);
}

void xfn_keeping_answer(struct xfn_keeping *keeping)
{
	struct exchange exchange = {.in_fd = -1, .held_fd = -1, .given_fd = -1};
	struct xfn_aide_message in = {.data = &exchange.in, .bytes = sizeof(exchange.in)};
	int err = xfn_aide_receive(keeping->client_fd, &in);

	if (err == -EAGAIN)
		return;
	if (err && err != -EBADMSG) {
		drop_client(keeping);
		return;
	}
	settle_hand_over(keeping);
	if (!err && in.fd_count == 1)
		exchange.in_fd = in.fds[--in.fd_count];
	else if (!err && in.fd_count)
		err = -EINVAL;
	exchange.out.err = answer_question(keeping, &exchange, err);
	if (exchange.out.err)
		memset(exchange.out.room, 0, sizeof(exchange.out.room));
	/* Before it is answered: what was refused is held by nobody here then. */
	xfn_aide_close_fds(&in);
	xfn_fd_close(&exchange.in_fd);
	reply(keeping, &exchange);
}
