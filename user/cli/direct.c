/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <jansson.h>

#include "direct.h"
#include "output.h"

#define SWITCHES (XFN_FUNCTION_DISABLED | XFN_FUNCTION_OFF_DROP)

/* A map that is pinned and mapped. */
struct mapping {
	void *data;
	size_t size;
	__u32 entries;
};

/* ---- places ------------------------------------------------------------------------------------*/

/* PIN/<netns cookie>, as docs/adr/0003-pins.md has it. */
static int find_pins(const struct xfn_cli *cli, char *dir, size_t size)
{
	const char *pin_dir = cli->pin_dir ? cli->pin_dir : XFN_PIN_DIR_DEFAULT;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(__u64);
	__u64 cookie = 0;
	int err = fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length);

	if (fd >= 0)
		close(fd);
	if (err || snprintf(dir, size, "%s/%llu", pin_dir, cookie) >= (int)size)
		return -1;
	return 0;
}

/* The folder of pins, locked; -1: said why not. */
static int lock_pins(const struct xfn_cli *cli, char *dir, size_t size)
{
	int fd = find_pins(cli, dir, size) ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		xfn_say("cannot open the pins in '%s': %s", dir, strerror(errno));
		if (errno == EACCES || errno == EPERM)
			fprintf(stderr, "sudo %s\n", cli->command);
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	xfn_say("xfnd runs, and does not answer: end it first");
	close(fd);
	return -1;
}

bool xfn_direct_has_daemon(const struct xfn_cli *cli)
{
	char dir[PATH_MAX];
	int fd = find_pins(cli, dir, sizeof(dir)) ? -1
						  : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool taken = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB);

	if (fd >= 0)
		close(fd);
	return taken;
}

/* ---- maps --------------------------------------------------------------------------------------*/

static int open_map(const char *dir, const char *name, size_t value_bytes, struct mapping *ret)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	char path[PATH_MAX + 32];
	int fd, err;

	snprintf(path, sizeof(path), "%s/maps/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0) {
		xfn_say("cannot open '%s': %s", path, strerror(errno));
		return -1;
	}
	err = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (!err && info.value_size != value_bytes)
		errno = EMEDIUMTYPE;
	if (!err && info.value_size == value_bytes) {
		ret->entries = info.max_entries;
		ret->size = (size_t)info.max_entries * value_bytes;
		ret->data = mmap(NULL, ret->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	} else {
		ret->data = MAP_FAILED;
	}
	if (ret->data == MAP_FAILED)
		xfn_say("cannot use '%s': %s", path, strerror(errno));
	close(fd);
	return ret->data == MAP_FAILED ? -1 : 0;
}

static int open_control(const char *dir, struct mapping *ret)
{
	const struct xfn_control *control;

	if (open_map(dir, "xfn_control", sizeof(*control), ret))
		return -1;
	control = ret->data;
	if (control->abi == XFN_ABI_VERSION)
		return 0;
	xfn_say("cannot use the maps in '%s': they are of layout %llu, expected %d", dir,
		control->abi, XFN_ABI_VERSION);
	munmap(ret->data, ret->size);
	return -1;
}

/* ---- functions ---------------------------------------------------------------------------------*/

/* TENANT/NAME, or NAME of the tenant "default". */
static bool is_named(const json_t *function, const char *name)
{
	const char *slash = strchr(name, '/'), *tenant = xfn_json_text(function, "tenant");
	size_t length = slash ? (size_t)(slash - name) : strlen("default");

	return strlen(tenant) == length && !strncmp(tenant, slash ? name : "default", length) &&
	       !strcmp(xfn_json_text(function, "name"), slash ? slash + 1 : name);
}

/* The revision that the kernel runs, as it is on disk; NULL: said why not. */
static json_t *read_revision(const struct xfn_cli *cli, __u64 revision)
{
	const char *state_dir = cli->state_dir ? cli->state_dir : XFN_STATE_DIR_DEFAULT;
	char path[PATH_MAX];
	json_error_t error;
	json_t *meta;

	snprintf(path, sizeof(path), "%s/revisions/%llu/meta.json", state_dir, revision);
	meta = json_load_file(path, 0, &error);
	if (!meta)
		xfn_say("cannot read the revision that is live, '%s': %s", path, error.text);
	return meta;
}

/* Finds the function's line; NULL: said why not, *code tells. */
static struct xfn_function *find_line(const struct xfn_cli *cli, const char *name, __u64 revision,
				      const struct mapping *functions, int *code)
{
	json_t *meta = read_revision(cli, revision), *function;
	struct xfn_function *line = NULL;
	__u64 slot;
	size_t i;

	*code = meta ? XFN_EXIT_NO_SUCH : XFN_EXIT_FAILED;
	json_array_foreach (json_object_get(meta, "functions"), i, function) {
		if (!is_named(function, name))
			continue;
		*code = XFN_EXIT_FAILED;
		slot = xfn_json_count(function, "slot");
		line = (struct xfn_function *)functions->data + slot;
		if (slot < functions->entries &&
		    line->identity == xfn_json_count(function, "identity"))
			break;
		xfn_say("function '%s' is not in the slot of the kernel that revision %llu names",
			name, revision);
		line = NULL;
		break;
	}
	if (*code == XFN_EXIT_NO_SUCH)
		xfn_say("no function '%s' in revision %llu", name, revision);
	json_decref(meta);
	return line;
}

static int switch_function(const struct xfn_cli *cli, const char *dir,
			   const struct xfn_control *control, const char *name, enum xfn_off off)
{
	__u64 live = __atomic_load_n(&control->live, __ATOMIC_ACQUIRE), limit;
	struct mapping functions;
	struct xfn_function *line;
	int code;

	if (open_map(dir, "xfn_functions", sizeof(*line), &functions))
		return XFN_EXIT_FAILED;
	line = find_line(cli, name, XFN_LIVE_REVISION(live), &functions, &code);
	if (line) {
		__u64 *word = &line->config[XFN_LIVE_GENERATION(live)].limit;

		limit = __atomic_load_n(word, __ATOMIC_RELAXED) & ~SWITCHES;
		if (off != XFN_OFF_NONE)
			limit |= XFN_FUNCTION_DISABLED;
		if (off == XFN_OFF_DROP)
			limit |= XFN_FUNCTION_OFF_DROP;
		__atomic_store_n(word, limit, __ATOMIC_RELEASE);
		code = XFN_EXIT_OK;
	}
	munmap(functions.data, functions.size);
	return code;
}

/* Both generations in one aligned store of 8 bytes. */
static void switch_all(struct xfn_control *control, enum xfn_off off)
{
	_Static_assert(offsetof(struct xfn_control, off) % 8 == 0, "one aligned word");

	__atomic_store_n((__u64 *)(void *)control->off, (__u64)off << 32 | off, __ATOMIC_RELEASE);
}

int xfn_direct_switch(const struct xfn_cli *cli, const char *function, enum xfn_off off)
{
	struct mapping control;
	char dir[PATH_MAX] = "";
	int lock_fd, code = XFN_EXIT_OK;

	lock_fd = lock_pins(cli, dir, sizeof(dir));
	if (lock_fd < 0)
		return XFN_EXIT_FAILED;
	if (open_control(dir, &control)) {
		close(lock_fd);
		return XFN_EXIT_FAILED;
	}
	if (function)
		code = switch_function(cli, dir, control.data, function, off);
	else
		switch_all(control.data, off);
	munmap(control.data, control.size);
	close(lock_fd);
	return code;
}
