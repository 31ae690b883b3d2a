/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FUNCTION_H
#define XFN_FUNCTION_H
/*
 * libxfn: for functions that get their events on an AF_XDP socket of their own. The whole of one:
 *
 *	#include <xfn/function.h>
 *
 *	static void answer(struct xfn_socket *socket, struct xfn_event *event, void *context)
 *	{
 *		xfn_event_reply(socket, event, event->payload_bytes);
 *	}
 *
 *	int main(void)
 *	{
 *		return xfn_serve(answer, NULL) ? 1 : 0;
 *	}
 *
 * A socket and its events belong to one thread at a time. Functions return 0 or -errno, if nothing else
 * is said. No event is copied: it lies in memory that the kernel has written, until it is answered or
 * released, and each has to be one of the two, once.
 */
#include <stddef.h>
#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct xfn_socket;

/* An address and a port of UDP or TCP. */
struct xfn_endpoint {
	__u8 address[16]; /* as in the packet; IPv4 in the first 4 bytes, zeros behind */
	__u16 port;       /* host order */
};

/* One packet that matched a trigger of the function's. */
struct xfn_event {
	__u8 *payload;        /* may be written to, up to room_bytes */
	size_t payload_bytes; /* of UDP; of TCP all behind its header */
	size_t room_bytes;    /* at payload: as long as a reply in its place may be */
	struct xfn_endpoint source;
	struct xfn_endpoint destination;
	__u8 ip_version; /* 4 or 6 */
	__u8 l4_proto;   /* IPPROTO_UDP or IPPROTO_TCP */
	__u16 l2_bytes;  /* Ethernet header with its VLAN tags, at frame */
	__u32 frame_bytes;
	__u64 arrival_ns;  /* CLOCK_MONOTONIC, when XDP saw it; 0: not known */
	__u8 *frame;       /* the whole packet, from the Ethernet header on */
	__u64 reserved[2]; /* libxfn's own */
};

/*
 * The socket of this instance, as whoever started it has left it in the environment (xfn-function(7)):
 * gives it memory, as much as may be locked, and rings, and binds it, by which it is seen to be ready.
 * -ENOENT: this process was started by nobody who knows of xfn. -EPROTO: what is in the environment is
 * no such socket. -ENOBUFS: not even 64 frames may be locked.
 */
int xfn_socket_open(struct xfn_socket **ret);
/* Events that are not answered yet are lost. Takes NULL. */
void xfn_socket_close(struct xfn_socket *socket);

/*
 * Which function this instance is of, as TENANT/NAME, and which version of it: N of the vN that xfn show
 * and xfn ls have. Neither changes while the instance lives: with another program another instance is started.
 * "" and 0 where the starter has not said.
 */
const char *xfn_socket_function(const struct xfn_socket *socket);
unsigned xfn_socket_version(const struct xfn_socket *socket);

/*
 * For a loop of one's own: readable when there are events, or a word of the starter's, which
 * xfn_socket_receive() takes. Stays libxfn's; where there is a starter it is an epoll descriptor.
 */
int xfn_socket_fd(const struct xfn_socket *socket);
/*
 * How long such a loop may wait before it calls xfn_socket_receive() again, in us; -1: for ever. A
 * socket that could not send all at once has to be called again, and so has one with events that came
 * before it was ready.
 */
int xfn_socket_timeout_us(const struct xfn_socket *socket);

/*
 * Whether the starter has said stop, as of the last xfn_socket_receive(): 1 or 0. Then answer what there is,
 * flush, and end. SIGTERM says the same, to whoever handles it.
 */
int xfn_socket_stopped(const struct xfn_socket *socket);

/*
 * Up to @max events that have arrived, of those in the ring 64 at most; does not wait. Returns how many, 0
 * included, or -errno. First come those that waited for this instance, copied into frames of the pool.
 * Packets that libxfn cannot read, which ingress lets nobody send, are released and counted.
 */
int xfn_socket_receive(struct xfn_socket *socket, struct xfn_event *events, unsigned max);

/*
 * Answers an event of UDP with the first @bytes at event->payload, from where it was sent to, to whoever
 * sent it; headers and checksums are made. The event is gone then. -EMSGSIZE: more than room_bytes;
 * -EPROTONOSUPPORT: not UDP; then the event is as it was.
 */
int xfn_event_reply(struct xfn_socket *socket, struct xfn_event *event, size_t bytes);
/* The same with @bytes at @data, which are copied. */
int xfn_event_reply_with(struct xfn_socket *socket, struct xfn_event *event, const void *data,
			 size_t bytes);
/*
 * Sends the first @bytes at event->payload as a new datagram from @from to @to, out of the interface that the
 * event came from, with headers and checksums made and VLAN tags as they came; the event is gone then, and has
 * had its answer. NULL for @from: where the event was sent to; for @to: who sent it. Both are of the event's
 * IP version. @next_hop is the Ethernet address that it goes to, 6 bytes; NULL: the one that the event came from,
 * which is right where that is a router, or the receiver itself. Nothing is asked or looked up: no route,
 * no neighbour.
 * What leaves is decided at the port, which counts what it drops (xfn-function(7)): @from is one of the
 * function's triggers' (bad_reply), unless the manifest says `send: any`; @to is anybody but groups and
 * addresses of this host (bad_source). Errors as of xfn_event_reply().
 */
int xfn_event_send(struct xfn_socket *socket, struct xfn_event *event,
		   const struct xfn_endpoint *from, const struct xfn_endpoint *to,
		   const __u8 *next_hop, size_t bytes);
/*
 * Sends the frame as it is in memory: @bytes from event->frame on, which the caller has made a whole
 * Ethernet frame of, with the token in its source address. For protocols that libxfn knows nothing of.
 */
int xfn_event_send_frame(struct xfn_socket *socket, struct xfn_event *event, size_t bytes);
/* No answer: gives the memory back. */
void xfn_event_release(struct xfn_socket *socket, struct xfn_event *event);

/*
 * Hands over to the kernel what was answered; xfn_socket_receive() does it, too. Returns how many replies
 * the kernel has yet to take.
 */
unsigned xfn_socket_flush(struct xfn_socket *socket);

struct xfn_socket_stats {
	__u64 received;
	__u64 replied; /* and sent elsewhere */
	__u64 released;
	__u64 unreadable; /* released by libxfn itself */
	__u64 kicks;      /* system calls to send */
	__u64 dropped;    /* by the kernel: no memory or no room in the ring (XDP_STATISTICS) */
};
void xfn_socket_read_stats(const struct xfn_socket *socket, struct xfn_socket_stats *ret);

typedef void xfn_serve_fn(struct xfn_socket *socket, struct xfn_event *event, void *context);

/*
 * Opens the socket and calls @handler for each event, which it answers or releases, until SIGTERM or
 * SIGINT comes or the starter says stop. Then answers are sent, and it returns 0; or -errno.
 */
int xfn_serve(xfn_serve_fn *handler, void *context);

#ifdef __cplusplus
}
#endif

#endif
