/* SPDX-License-Identifier: BSD-2-Clause */
/* The folders on bpffs that one xfnd's pins are in: found, locked, made, removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane_load.h"
#include "errnum.h"

char *xfn_dataplane_dir(const char *pin_dir)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(__u64);
	__u64 cookie = 0;
	char *dir = NULL;

	if (fd < 0)
		return NULL;
	/* Since 5.14. */
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) ||
	    asprintf(&dir, "%s/%llu", pin_dir, cookie) < 0)
		dir = NULL;
	close(fd);
	return dir;
}

int xfn_pin_path(const struct xfn_dataplane *dataplane, char *path, size_t size, const char *folder,
		 const char *name)
{
	int length = snprintf(path, size, "%s/%s/%s", dataplane->dir, folder, name);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

int xfn_pin_make_folder(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? xfn_errno() : 0;
}

int xfn_pins_make_folders(const struct xfn_dataplane *dataplane, const char *pin_dir)
{
	static const char *const folders[] = {"maps", "interfaces", "functions", "losses"};
	char path[PATH_MAX];
	int err = xfn_pin_make_folder(pin_dir);
	size_t i;

	if (!err)
		err = xfn_pin_make_folder(dataplane->dir);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]) && !err; i++) {
		snprintf(path, sizeof(path), "%s/%s", dataplane->dir, folders[i]);
		err = xfn_pin_make_folder(path);
	}
	return err;
}

int xfn_pins_lock(const char *dir, int *ret, struct xfn_fault *fault)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

	*ret = -1;
	if (fd < 0)
		return errno == ENOENT ? 0 : xfn_errno();
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = xfn_errno();
		close(fd);
		xfn_fault_set(fault, "another xfnd uses the pins in '%s'", dir);
		return err;
	}
	*ret = fd;
	return 0;
}

static int remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char child[PATH_MAX];
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : xfn_errno();
	while ((entry = readdir(dir)) && !err) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			err = remove_tree(child);
		else if (unlink(child))
			err = xfn_errno();
	}
	closedir(dir);
	if (!err && rmdir(path))
		err = xfn_errno();
	return err;
}

int xfn_pin_remove_tree(const char *path)
{
	return remove_tree(path);
}

/* A link that somebody else holds open outlives its pin: so it is told to let go. */
static void detach_links(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX + sizeof(entry->d_name)];
	int fd;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fd = entry->d_name[0] == '.' ? -1 : bpf_obj_get(path);
		if (fd < 0)
			continue;
		bpf_link_detach(fd);
		close(fd);
	}
	closedir(dir);
}

/* Links first: from then on no packet needs a map. */
int xfn_dataplane_remove(const char *pin_dir, struct xfn_fault *fault)
{
	char *dir = xfn_dataplane_dir(pin_dir);
	char path[PATH_MAX];
	int lock_fd, err;

	if (!dir)
		return xfn_errno();
	err = xfn_pins_lock(dir, &lock_fd, fault);
	if (err) {
		free(dir);
		return err;
	}
	xfn_pins_restore_tags(dir);
	xfn_pins_leave(dir);
	snprintf(path, sizeof(path), "%s/ports", dir);
	detach_links(path);
	snprintf(path, sizeof(path), "%s/interfaces", dir);
	detach_links(path);
	err = remove_tree(path);
	if (!err)
		err = remove_tree(dir);
	if (lock_fd >= 0)
		close(lock_fd);
	if (err)
		xfn_fault_set(fault, "cannot remove pins in '%s': %s", dir, strerror(-err));
	else
		rmdir(pin_dir); /* other namespaces' pins may be there: then it stays */
	free(dir);
	return err;
}

bool xfn_pins_have_links(const struct xfn_dataplane *dataplane)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/interfaces", dataplane->dir);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return found;
}
