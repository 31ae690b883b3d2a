/* SPDX-License-Identifier: BSD-2-Clause */
/* Private maps of handlers: inherited from the version before, pinned by name for tools. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "broker.h"
#include "dataplane_load.h"
#include "errnum.h"
#include "handler_private.h"

/* DIR/functions/TENANT/NAME[/MAP]; @name and @map may be NULL. */
static int map_path(const struct xfn_dataplane *dataplane, const char *tenant, const char *name,
		    const char *map, char *path, size_t size)
{
	int length = snprintf(path, size, "%s/functions/%s%s%s%s%s", dataplane->dir, tenant,
			      name ? "/" : "", name ?: "", map ? "/" : "", map ?: "");

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* ---- inheriting ------------------------------------------------------------------------------------ */

/* The types behind a descriptor of BTF. */
static int parse_btf(int fd, struct btf **ret)
{
	struct bpf_btf_info info = {};
	__u32 size = sizeof(info);
	void *data;
	int err = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return xfn_errno();
	data = malloc(info.btf_size + 1);
	if (!data)
		return -ENOMEM;
	info = (struct bpf_btf_info){.btf = (__u64)(unsigned long)data, .btf_size = info.btf_size};
	size = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		err = xfn_errno();
	else if (!(*ret = btf__new(data, info.btf_size)))
		err = xfn_errno();
	free(data);
	return err;
}

/* The types that a map was made with. */
static int read_btf(int map_fd, struct btf **ret)
{
	int fd = xfn_broker_btf(map_fd), err;

	if (fd < 0)
		return fd;
	err = parse_btf(fd, ret);
	close(fd);
	return err;
}

/* Those below return 1, 0, or -errno: what cannot be compared must not pass for something else. */

static int btf_is_alike(const struct bpf_object *object, const struct bpf_map *map, int old_fd,
			const struct bpf_map_info *old)
{
	const struct btf *btf = bpf_object__btf(object);
	struct btf *old_btf;
	bool alike;
	int err;

	if (!old->btf_id || !btf)
		return !old->btf_id && !bpf_map__btf_key_type_id(map) &&
		       !bpf_map__btf_value_type_id(map);
	err = read_btf(old_fd, &old_btf);
	if (err)
		return err;
	alike = xfn_btf_type_equal(btf, bpf_map__btf_key_type_id(map), old_btf,
				   old->btf_key_type_id) &&
		xfn_btf_type_equal(btf, bpf_map__btf_value_type_id(map), old_btf,
				   old->btf_value_type_id);
	btf__free(old_btf);
	return alike;
}

static int map_is_alike(const struct bpf_object *object, const struct bpf_map *map, int old_fd,
			const struct bpf_map_info *old)
{
	if (old->type != bpf_map__type(map) || old->key_size != bpf_map__key_size(map) ||
	    old->value_size != bpf_map__value_size(map) ||
	    old->max_entries != bpf_map__max_entries(map) ||
	    old->map_flags != bpf_map__map_flags(map))
		return 0;
	return btf_is_alike(object, map, old_fd, old);
}

int xfn_handler_inherit(const struct xfn_dataplane *dataplane, const struct bpf_object *object,
			const struct xfn_handler_request *request, struct bpf_map *map)
{
	struct bpf_map_info info;
	char path[PATH_MAX];
	int fd, err = map_path(dataplane, request->tenant, request->name, bpf_map__name(map), path,
			       sizeof(path));

	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : xfn_errno();
	err = xfn_map_info(fd, &info) ?: map_is_alike(object, map, fd, &info);
	if (err == 1)
		err = bpf_map__reuse_fd(map, fd) ?: 1; /* takes a duplicate */
	close(fd);
	return err;
}

/* ---- pins ------------------------------------------------------------------------------------------ */

static bool is_private(const char *name)
{
	/* Internal maps are called like "echo.rodata". */
	return strncmp(name, "xfn_", 4) && !strchr(name, '.');
}

/* Id of the map that is pinned at @path; 0 for none. */
static __u32 pinned_id(const char *path)
{
	struct bpf_map_info info;
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return 0;
	err = xfn_map_info(fd, &info);
	close(fd);
	return err ? 0 : info.id;
}

static int pin_map(const char *folder, int fd, const struct bpf_map_info *info)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, info->name) >= (int)sizeof(path) ||
	    snprintf(fresh, sizeof(fresh), "%s/%s-new", folder, info->name) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	if (pinned_id(path) == info->id)
		return 0;
	/* A tool that opens the path finds the old map or the new one, never none. */
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) || rename(fresh, path))
		return xfn_errno();
	return 0;
}

/* The ids of a program's maps, to be freed. */
static int program_maps(int program_fd, __u32 **ids, __u32 *count)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size))
		return xfn_errno();
	*count = info.nr_map_ids;
	*ids = calloc(*count + 1, sizeof(**ids));
	if (!*ids)
		return -ENOMEM;
	memset(&info, 0, sizeof(info));
	info.nr_map_ids = *count;
	info.map_ids = (__u64)(unsigned long)*ids;
	size = sizeof(info);
	if (bpf_obj_get_info_by_fd(program_fd, &info, &size)) {
		free(*ids);
		return xfn_errno();
	}
	return 0;
}

/* Unlinks what is not among the program's maps. */
static int remove_stale(const char *folder, const __u32 *ids, __u32 count)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];
	__u32 id, i;

	if (!dir)
		return xfn_errno();
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
		    (int)sizeof(path))
			continue; /* none of ours is as long */
		id = pinned_id(path);
		for (i = 0; i < count && ids[i] != id; i++)
			;
		if (i == count)
			unlink(path);
	}
	closedir(dir);
	return 0;
}

static int pin_all(const char *folder, int program_fd, const __u32 *ids, __u32 count)
{
	struct bpf_map_info info;
	int fd, err = 0;
	__u32 i;

	for (i = 0; i < count && !err; i++) {
		fd = xfn_broker_map(program_fd, ids[i]);
		if (fd < 0)
			return fd;
		err = xfn_map_info(fd, &info);
		if (!err && is_private(info.name))
			err = pin_map(folder, fd, &info);
		close(fd);
	}
	return err ?: remove_stale(folder, ids, count);
}

int xfn_handler_pin_maps(const struct xfn_dataplane *dataplane, const char *tenant,
			 const char *name, int program_fd)
{
	char tenant_path[PATH_MAX], folder[PATH_MAX];
	__u32 *ids = NULL, count = 0;
	int err;

	err = map_path(dataplane, tenant, NULL, NULL, tenant_path, sizeof(tenant_path)) ?:
	      map_path(dataplane, tenant, name, NULL, folder, sizeof(folder)) ?:
	      xfn_pin_make_folder(tenant_path) ?:
	      xfn_pin_make_folder(folder) ?:
	      program_maps(program_fd, &ids, &count);
	if (err)
		return err;
	err = pin_all(folder, program_fd, ids, count);
	free(ids);
	return err;
}

int xfn_handler_unpin_maps(const struct xfn_dataplane *dataplane, const char *tenant,
			   const char *name)
{
	char path[PATH_MAX];
	int err = map_path(dataplane, tenant, name, NULL, path, sizeof(path));

	if (!err)
		err = xfn_pin_remove_tree(path);
	if (!err && !map_path(dataplane, tenant, NULL, NULL, path, sizeof(path)))
		rmdir(path); /* stays while the tenant has other functions */
	return err;
}

static void unpin_tenant(const struct xfn_dataplane *dataplane, const char *tenant,
			 bool (*keep)(void *context, const char *tenant, const char *name),
			 void *context)
{
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	if (map_path(dataplane, tenant, NULL, NULL, path, sizeof(path)))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !keep(context, tenant, entry->d_name))
			xfn_handler_unpin_maps(dataplane, tenant, entry->d_name);
	if (dir)
		closedir(dir);
}

void xfn_handler_unpin_unless(const struct xfn_dataplane *dataplane,
			      bool (*keep)(void *context, const char *tenant, const char *name),
			      void *context)
{
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/functions", dataplane->dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unpin_tenant(dataplane, entry->d_name, keep, context);
	if (dir)
		closedir(dir);
}
