/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "errnum.h"
#include "listen.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* asm-generic/socket.h, since 6.16 */
#endif

enum { BACKLOG = 64, PEER_GROUPS = 256 };

/*
 * Descriptors that come along unasked are closed by who reads, and one may take as long to close as its sender
 * likes. Older kernels cannot refuse them: docs/security.md. Connections inherit it.
 */
static void refuse_descriptors(int fd)
{
	const int none = 0;

	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none));
}

/* The user of a service may lack the right to give files away, and be in the group all the same. */
static int give_to_group(const char *path, const char *name)
{
	const struct group *group = getgrnam(name);

	if (!group || group->gr_gid == getegid())
		return 0;
	return chown(path, -1, group->gr_gid) < 0 ? xfn_errno() : 0;
}

int xfn_listen_bind(const char *path, const char *group)
{
	return xfn_listen_bind_type(SOCK_STREAM, path, group);
}

int xfn_listen_bind_type(int type, const char *path, const char *group)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t before;
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return xfn_errno();
	refuse_descriptors(fd);
	unlink(path);
	before = umask(0177);
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? xfn_errno() : 0;
	umask(before);
	if (!err)
		err = give_to_group(path, group);
	if (!err && chmod(path, 0660) < 0)
		err = xfn_errno();
	if (!err && listen(fd, BACKLOG) < 0)
		err = xfn_errno();
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

bool xfn_peer_in_group(int fd, gid_t primary, const char *name)
{
	const struct group *group = getgrnam(name);
	gid_t groups[PEER_GROUPS];
	socklen_t size = sizeof(groups);

	if (!group)
		return false;
	if (primary == group->gr_gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group->gr_gid)
			return true;
	return false;
}
