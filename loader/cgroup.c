/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include <linux/magic.h>

#include "cgroup.h"
#include "dataplane_load.h"
#include "errnum.h"
#include "fd.h"

/* Where xfnd and its helpers are, beside the programs'. */
#define OWN "xfnd"

enum {
	TEXT_BYTES = 4096,
	PERIOD_US = 100000, /* the kernel's default */
	/* A program with a good share of a CPU is not to stand still for so long; less than 1 ms is refused. */
	PERIOD_SHORT_US = 10000,
	SHORT_FROM_PERCENT = 10,
};

struct xfn_cgroups {
	int fd; /* locked */
	__u32 controllers;
	char path[PATH_MAX];
};

static const struct {
	const char *name;
	__u32 bit;
} controllers[] = {
	{"cpu", XFN_CGROUP_CPU},
	{"memory", XFN_CGROUP_MEMORY},
	{"pids", XFN_CGROUP_PIDS},
};
enum { CONTROLLERS = sizeof(controllers) / sizeof(controllers[0]) };

const char *xfn_cgroup_controller(__u32 bit)
{
	size_t i;

	for (i = 0; i < CONTROLLERS; i++)
		if (controllers[i].bit == bit)
			return controllers[i].name;
	return NULL;
}

/* ---- its files --------------------------------------------------------------------------------------- */

static int open_dir(int at_fd, const char *name)
{
	int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? xfn_errno() : fd;
}

static __attribute__((format(printf, 3, 4))) int write_file(int dir_fd, const char *name,
							    const char *format, ...)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC), err = 0;
	char text[64];
	va_list words;

	if (fd < 0)
		return xfn_errno();
	va_start(words, format);
	vsnprintf(text, sizeof(text), format, words);
	va_end(words);
	if (write(fd, text, strlen(text)) < 0)
		err = xfn_errno();
	close(fd);
	return err;
}

/* As a string, cut to its room; "" where it cannot be read. */
static void read_file(int dir_fd, const char *name, char text[TEXT_BYTES])
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd < 0 ? 0 : read(fd, text, TEXT_BYTES - 1);

	text[bytes > 0 ? bytes : 0] = '\0';
	xfn_fd_close(&fd);
}

/* A file that is one number, or "max". */
static __u64 read_number(int dir_fd, const char *name)
{
	char text[TEXT_BYTES], *end;
	__u64 number;

	read_file(dir_fd, name, text);
	number = strtoull(text, &end, 10);
	return end == text ? XFN_CGROUP_UNKNOWN : number;
}

/* The number in the line of a file that begins with @key. */
static __u64 read_keyed(int dir_fd, const char *name, const char *key)
{
	char text[TEXT_BYTES], *line, *rest;
	size_t length = strlen(key);

	read_file(dir_fd, name, text);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strncmp(line, key, length) && line[length] == ' ')
			return strtoull(line + length, NULL, 10);
	return XFN_CGROUP_UNKNOWN;
}

/* Those that a file has as words. */
static __u32 read_controllers(int dir_fd, const char *name)
{
	char text[TEXT_BYTES], *word, *rest;
	__u32 bits = 0;
	size_t i;

	read_file(dir_fd, name, text);
	for (word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		for (i = 0; i < CONTROLLERS; i++)
			if (!strcmp(word, controllers[i].name))
				bits |= controllers[i].bit;
	return bits;
}

/* ---- what is below ----------------------------------------------------------------------------------- */

/* A name that we give: TENANT.FUNCTION.NUMBER. */
static bool is_program(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t tenant = strspn(name, letters), function;
	const char *rest = name + tenant;

	function = *rest == '.' ? strspn(rest + 1, letters) : 0;
	rest += 1 + function;
	return tenant && function && *rest == '.' && rest[1] &&
	       !rest[1 + strspn(rest + 1, "0123456789")];
}

/* Tells of each until it is told to stop. Those that begin with a point are systemd's. */
static int each_below(int dir_fd, bool (*tell)(void *context, const char *name), void *context)
{
	int fd = open_dir(dir_fd, "."), err;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		err = fd < 0 ? fd : xfn_errno();
		xfn_fd_close(&fd);
		return err;
	}
	while ((entry = readdir(folder)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    !tell(context, entry->d_name))
			break;
	closedir(folder);
	return 0;
}

/* Keeps the first name that is none of ours. */
static bool find_other(void *context, const char *name)
{
	char *other = context;

	if (!strcmp(name, OWN) || is_program(name))
		return true;
	snprintf(other, NAME_MAX + 1, "%s", name);
	return false;
}

/* ---- taking one -------------------------------------------------------------------------------------- */

/* Until there are none: who is in it may fork meanwhile. */
static int move_processes(int dir_fd, int own_fd)
{
	enum { ROUNDS = 100 };
	char text[TEXT_BYTES], *line, *rest;
	int round, err = 0;

	for (round = 0; round < ROUNDS && !err; round++) {
		read_file(dir_fd, "cgroup.procs", text);
		if (!*text)
			return 0;
		for (line = strtok_r(text, "\n", &rest); line && !err;
		     line = strtok_r(NULL, "\n", &rest)) {
			err = write_file(own_fd, "cgroup.procs", "%s", line);
			if (err == -ESRCH)
				err = 0; /* it has ended */
		}
	}
	return err ?: -EBUSY;
}

static int settle_processes(int dir_fd)
{
	int own_fd, err;

	if (mkdirat(dir_fd, OWN, 0755) < 0 && errno != EEXIST)
		return xfn_errno();
	own_fd = open_dir(dir_fd, OWN);
	if (own_fd < 0)
		return own_fd;
	err = move_processes(dir_fd, own_fd);
	close(own_fd);
	return err;
}

/* Each by itself: one that cannot be had does not keep the others away. */
static __u32 enable_controllers(int dir_fd)
{
	__u32 there = read_controllers(dir_fd, "cgroup.controllers");
	size_t i;

	for (i = 0; i < CONTROLLERS; i++)
		if (there & controllers[i].bit)
			write_file(dir_fd, "cgroup.subtree_control", "+%s", controllers[i].name);
	return read_controllers(dir_fd, "cgroup.subtree_control");
}

/* Of version 2, and not the topmost, which has no events of its own. */
static int check_kind(int dir_fd)
{
	struct statfs fs;

	if (fstatfs(dir_fd, &fs) < 0)
		return xfn_errno();
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -EINVAL;
	return faccessat(dir_fd, "cgroup.events", F_OK, 0) < 0 ? -EINVAL : 0;
}

static int take(struct xfn_cgroups *cgroups, struct xfn_fault *fault)
{
	const char *path = cgroups->path;
	char other[NAME_MAX + 1] = "";
	int err;

	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		err = xfn_errno();
		xfn_fault_set(fault, "cannot make cgroup '%s': %s", path, strerror(-err));
		return err;
	}
	cgroups->fd = open_dir(AT_FDCWD, path);
	err = cgroups->fd < 0 ? cgroups->fd : check_kind(cgroups->fd);
	if (err == -EINVAL)
		xfn_fault_set(fault,
			      "'%s' is not a cgroup of version 2 below the topmost, such as "
			      "/sys/fs/cgroup/xfn",
			      path);
	else if (err)
		xfn_fault_set(fault, "cannot open cgroup '%s': %s", path, strerror(-err));
	if (err)
		return err;
	if (flock(cgroups->fd, LOCK_EX | LOCK_NB) < 0) {
		xfn_fault_set(fault, "another xfnd has cgroup '%s'", path);
		return -EBUSY;
	}
	err = each_below(cgroups->fd, find_other, other);
	if (!err && *other) {
		xfn_fault_set(fault, "cgroup '%s' is not for xfnd alone: '%s' is in it", path,
			      other);
		return -EEXIST;
	}
	err = err ?: settle_processes(cgroups->fd);
	if (err)
		xfn_fault_set(fault, "cannot move what runs in cgroup '%s' to '%s/" OWN "': %s",
			      path, path, strerror(-err));
	return err;
}

int xfn_cgroups_open(const char *path, struct xfn_cgroups **ret, struct xfn_fault *fault)
{
	struct xfn_cgroups *cgroups = calloc(1, sizeof(*cgroups));
	int err;

	if (!cgroups)
		return -ENOMEM;
	cgroups->fd = -1;
	snprintf(cgroups->path, sizeof(cgroups->path), "%s", path);
	err = take(cgroups, fault);
	if (err) {
		xfn_cgroups_close(cgroups);
		return err;
	}
	cgroups->controllers = enable_controllers(cgroups->fd);
	*ret = cgroups;
	return 0;
}

void xfn_cgroups_close(struct xfn_cgroups *cgroups)
{
	if (!cgroups)
		return;
	xfn_fd_close(&cgroups->fd);
	free(cgroups);
}

__u32 xfn_cgroups_controllers(const struct xfn_cgroups *cgroups)
{
	return cgroups ? cgroups->controllers : 0;
}

const char *xfn_cgroups_path(const struct xfn_cgroups *cgroups)
{
	return cgroups ? cgroups->path : NULL;
}

/* ---- the delegated one ------------------------------------------------------------------------------- */

/* Where cgroups of version 2 are mounted. */
static int find_mount(char *path, size_t bytes)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *mount;
	int err = -ENOENT;

	while (mounts && err && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup2"))
			continue;
		snprintf(path, bytes, "%s", mount->mnt_dir);
		err = 0;
	}
	if (mounts)
		endmntent(mounts);
	return err;
}

/* Of version 2 it is the line with neither number nor name, cgroups(7). */
static int find_own(char *path, size_t bytes)
{
	static const char start[] = "0::";
	char text[TEXT_BYTES], *line, *rest;
	size_t length;

	if (find_mount(path, bytes))
		return -ENOENT;
	length = strlen(path);
	read_file(AT_FDCWD, "/proc/self/cgroup", text);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, start, strlen(start)))
			continue;
		snprintf(path + length, bytes - length, "%s", line + strlen(start));
		return 0;
	}
	return -ENOENT;
}

/* What systemd runs beside a service's main process is one below (systemd.exec(5)). */
static void leave_control(char *path)
{
	static const char control[] = "/.control";
	size_t length = strlen(path), tail = strlen(control);

	if (length > tail && !strcmp(path + length - tail, control))
		path[length - tail] = '\0';
}

/* Else what is delegated is somebody else's, in whose cgroup we happen to be (systemd.exec(5), since 248). */
static bool is_started_by_systemd(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");

	return pid && strtol(pid, NULL, 10) == getpid();
}

int xfn_cgroup_find_delegated(char *path, size_t bytes)
{
	char value[2] = "";
	int err = is_started_by_systemd() ? find_own(path, bytes) : -ENOENT;

	if (err)
		return err;
	leave_control(path);
	return getxattr(path, "user.delegate", value, 1) == 1 && value[0] == '1' ? 0 : -ENOENT;
}

int xfn_cgroup_release_delegated(void)
{
	char path[PATH_MAX];
	int err = xfn_cgroup_find_delegated(path, sizeof(path)), fd;
	__u32 there;
	size_t i;

	fd = err ? err : open_dir(AT_FDCWD, path);
	if (fd < 0)
		return fd;
	there = read_controllers(fd, "cgroup.subtree_control");
	for (i = 0; i < CONTROLLERS && !err; i++)
		if (there & controllers[i].bit)
			err = write_file(fd, "cgroup.subtree_control", "-%s", controllers[i].name);
	close(fd);
	return err;
}

/* ---- a program's ------------------------------------------------------------------------------------- */

static int set_cpu(int dir_fd, __u32 percent)
{
	__u32 period = percent < SHORT_FROM_PERCENT ? PERIOD_US : PERIOD_SHORT_US;

	if (!percent)
		return write_file(dir_fd, "cpu.max", "max %d", PERIOD_US);
	return write_file(dir_fd, "cpu.max", "%llu %u", (__u64)period * percent / 100, period);
}

/* Nor does it get swap instead, where that is counted; and its end is the whole program's. */
static int set_memory(int dir_fd, __u64 bytes)
{
	int err = write_file(dir_fd, "memory.swap.max", "0");

	if (err && err != -ENOENT)
		return err;
	err = write_file(dir_fd, "memory.oom.group", "1");
	return err ?: write_file(dir_fd, "memory.max", "%llu", bytes);
}

static int set_bounds(int dir_fd, __u32 bits, const struct xfn_cgroup_bounds *bounds)
{
	int err = 0;

	if (bits & XFN_CGROUP_CPU)
		err = set_cpu(dir_fd, bounds->cpu_percent);
	if (!err && bits & XFN_CGROUP_MEMORY)
		err = set_memory(dir_fd, bounds->memory_bytes);
	if (!err && bits & XFN_CGROUP_PIDS)
		err = write_file(dir_fd, "pids.max", "%u", bounds->tasks);
	return err;
}

static int open_bounded(const struct xfn_cgroups *cgroups, const char *name,
			const struct xfn_cgroup_bounds *bounds)
{
	int fd = open_dir(cgroups->fd, name), err;

	if (fd < 0)
		return fd;
	err = set_bounds(fd, cgroups->controllers, bounds);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int xfn_cgroup_bound(const struct xfn_cgroups *cgroups, const char *name,
		     const struct xfn_cgroup_bounds *bounds)
{
	int fd = open_bounded(cgroups, name, bounds);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int xfn_cgroup_make(const struct xfn_cgroups *cgroups, const char *name,
		    const struct xfn_cgroup_bounds *bounds, int *ret_fd)
{
	int fd;

	if (mkdirat(cgroups->fd, name, 0755) < 0 && errno != EEXIST)
		return xfn_errno();
	fd = open_bounded(cgroups, name, bounds);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int xfn_cgroup_remove(const struct xfn_cgroups *cgroups, const char *name)
{
	int fd = open_dir(cgroups->fd, name);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	write_file(fd, "cgroup.kill", "1");
	close(fd);
	if (!unlinkat(cgroups->fd, name, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	return xfn_errno();
}

struct sweep {
	const struct xfn_cgroups *cgroups;
	bool (*is_wanted)(const void *context, const char *name);
	const void *context;
	int err;
};

static bool sweep_one(void *context, const char *name)
{
	struct sweep *sweep = context;

	if (is_program(name) && !sweep->is_wanted(sweep->context, name))
		sweep->err = xfn_cgroup_remove(sweep->cgroups, name) ?: sweep->err;
	return true;
}

int xfn_cgroups_sweep(const struct xfn_cgroups *cgroups,
		      bool (*is_wanted)(const void *context, const char *name), const void *context)
{
	struct sweep sweep = {cgroups, is_wanted, context, 0};
	int err = each_below(cgroups->fd, sweep_one, &sweep);

	return err ?: sweep.err;
}

static __u64 ms_of(__u64 us)
{
	return us == XFN_CGROUP_UNKNOWN ? us : us / 1000;
}

void xfn_cgroup_read_kills(const struct xfn_cgroups *cgroups, const char *name,
			   struct xfn_cgroup_kills *ret)
{
	int fd = cgroups ? open_dir(cgroups->fd, name) : -1;

	*ret = (struct xfn_cgroup_kills){
		.by_bound = read_keyed(fd, "memory.events", "oom"),
		.processes = read_keyed(fd, "memory.events", "oom_kill"),
	};
	xfn_fd_close(&fd);
}

void xfn_cgroup_read(const struct xfn_cgroups *cgroups, const char *name,
		     struct xfn_cgroup_use *ret)
{
	int fd = cgroups ? open_dir(cgroups->fd, name) : -1;

	*ret = (struct xfn_cgroup_use){
		.cpu_ms = ms_of(read_keyed(fd, "cpu.stat", "usage_usec")),
		.throttled_ms = ms_of(read_keyed(fd, "cpu.stat", "throttled_usec")),
		.memory_bytes = read_number(fd, "memory.current"),
		.memory_bytes_max = read_number(fd, "memory.max"),
		.tasks = read_number(fd, "pids.current"),
		.tasks_max = read_number(fd, "pids.max"),
	};
	xfn_fd_close(&fd);
}
