/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LISTEN_H
#define XFN_LISTEN_H

/*
 * A listening unix socket that nobody but its owner and one group can reach. Apart from the server,
 * because giving it to the group takes a right that is gone when the server starts.
 */

#include <stdbool.h>
#include <sys/types.h>

/*
 * Listens at @path, removing what lies there, with mode 0660, and the group @group where there is one
 * of that name. Nobody gets in before owner and mode are right; whoever comes before the server
 * accepts waits for it. Returns a descriptor, or -errno; -ENAMETOOLONG: a unix socket's path has at
 * most 107 bytes.
 */
int xfn_listen_bind(const char *path, const char *group);

/* The same of @type, SOCK_STREAM or SOCK_SEQPACKET. */
int xfn_listen_bind_type(int type, const char *path, const char *group);

/* True if the peer of a connected socket is in that group, by SO_PEERCRED and SO_PEERGROUPS. */
bool xfn_peer_in_group(int fd, gid_t primary, const char *group);

#endif
