/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel tells the number of a namespace that is given to it as a descriptor or by a process in
 * it (RTM_GETNSID), and asks no right for it. The other way round there is only to try them all.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "errnum.h"
#include "netns.h"

#define NAMED_DIR "/run/netns"

enum { PROCESSES_MAX = 32768, BUFFER_BYTES = 4096 };

static int take_attribute(const struct nlattr *attr, void *context)
{
	if (mnl_attr_get_type(attr) == NETNSA_NSID && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*(__s32 *)context = (__s32)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int take_id(const struct nlmsghdr *message, void *context)
{
	if (message->nlmsg_type == RTM_NEWNSID)
		mnl_attr_parse(message, sizeof(struct rtgenmsg), take_attribute, context);
	return MNL_CB_STOP;
}

/* The number of the namespace that @value, of kind @attribute, leads to; -1 if it has none here. */
static __s32 id_of(struct mnl_socket *socket, __u16 attribute, __u32 value)
{
	char buffer[BUFFER_BYTES];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *header;
	__s32 id = -1;
	ssize_t bytes;

	request->nlmsg_type = RTM_GETNSID;
	request->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(request, attribute, value);
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -1;
	bytes = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (bytes > 0)
		mnl_cb_run(buffer, bytes, 0, 0, take_id, &id);
	return id;
}

/* What is shown is typed, or run: no names that a shell would take apart. */
static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-+@:", *name))
			return false;
	return true;
}

static int find_named(struct mnl_socket *socket, __s32 nsid, char *enter, size_t enter_bytes,
		      int *ret_fd)
{
	DIR *dir = opendir(NAMED_DIR);
	struct dirent *entry;
	int err = -ENOENT, fd;

	while (dir && err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !is_plain(entry->d_name))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (id_of(socket, NETNSA_FD, fd) != nsid) {
			close(fd);
			continue;
		}
		snprintf(enter, enter_bytes, "--net=" NAMED_DIR "/%s", entry->d_name);
		*ret_fd = fd;
		err = 0;
	}
	if (dir)
		closedir(dir);
	return err;
}

static int find_process(struct mnl_socket *socket, __s32 nsid, char *enter, size_t enter_bytes)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int err = -ENOENT, tries = 0;
	__u32 pid;

	while (dir && err && tries < PROCESSES_MAX && (entry = readdir(dir))) {
		pid = strtoul(entry->d_name, NULL, 10);
		if (!pid)
			continue;
		tries++;
		if (id_of(socket, NETNSA_PID, pid) != nsid)
			continue;
		snprintf(enter, enter_bytes, "--target %u --net", pid);
		err = 0;
	}
	if (dir)
		closedir(dir);
	return err;
}

int xfn_netns_find(__s32 nsid, char *enter, size_t enter_bytes, int *ret_fd)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	enter[0] = '\0';
	*ret_fd = -1;
	if (!socket)
		return xfn_errno();
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = xfn_errno();
	} else {
		err = find_named(socket, nsid, enter, enter_bytes, ret_fd);
		if (err)
			err = find_process(socket, nsid, enter, enter_bytes);
	}
	mnl_socket_close(socket);
	return err;
}
