/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running kernel is and can do: asked by trying, not by its version. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "alloc.h"
#include "doctor_check.h"
#include "errnum.h"
#include "processors.h"

#define BTF_PATH       "/sys/kernel/btf/vmlinux"
#define KERNEL_INSTALL "apt-get install linux-image-$(dpkg --print-architecture)"

enum {
	OLDEST_MAJOR = 6,
	OLDEST_MINOR = 1,
	BTF_BYTES_MAX = 64 << 20,
};

/* ---- version ----------------------------------------------------------------------------------- */

static void check_kernel(struct xfn_doctor *doctor)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return;
	if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR)) {
		xfn_doctor_remedy(doctor, KERNEL_INSTALL);
		xfn_doctor_warn(doctor, "Linux %s: older than 6.1, the oldest that xfn is tried on",
				name.release);
	} else {
		xfn_doctor_ok(doctor, "Linux %s", name.release);
	}
}

/* Between ingress and handler lies per-CPU state, which only a softirq that nobody preempts keeps. */
static void check_preempt_rt(struct xfn_doctor *doctor)
{
	if (xfn_processors_preempt_softirqs()) {
		xfn_doctor_remedy(doctor, KERNEL_INSTALL);
		xfn_doctor_fail(doctor,
				"a PREEMPT_RT kernel: handlers could see each other's events");
	} else {
		xfn_doctor_ok(doctor, "not a PREEMPT_RT kernel");
	}
}

/* ---- features ---------------------------------------------------------------------------------- */

/* Each returns 1, 0, or -errno where it cannot be tried. */

static int probe_xdp(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL);
}

static int probe_prog_array(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_PROG_ARRAY, NULL);
}

static int probe_mmapable(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xfn_probe", 4, 8, 1, &options);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 1 : fd == -EINVAL ? 0 : fd;
}

static int probe_loop(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_loop, NULL);
}

/* Loads @insns as an XDP program; its descriptor or -errno. */
static int load_probe(const struct bpf_insn *insns, size_t count)
{
	return bpf_prog_load(BPF_PROG_TYPE_XDP, "xfn_probe", "GPL", insns, count, NULL);
}

/* A 64-bit compare-and-swap on the stack: arm64 has it from 5.18. */
static int probe_cmpxchg(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .src_reg = 0, .off = -8},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = 10,
		 .src_reg = 1,
		 .off = -8,
		 .imm = BPF_CMPXCHG},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = load_probe(insns, sizeof(insns) / sizeof(insns[0]));

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 1 : fd == -EPERM ? fd : 0;
}

/* The whole file at @path, at most @bytes_max, to be freed. Returns 0 or -errno. */
static int read_file(const char *path, size_t bytes_max, char **ret, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t done = 0, size;
	struct stat st;
	ssize_t n = 1;
	char *data;

	if (fd < 0)
		return xfn_errno();
	if (fstat(fd, &st) < 0)
		err = xfn_errno();
	else if (st.st_size <= 0 || (size_t)st.st_size > bytes_max)
		err = -EFBIG;
	size = err ? 0 : st.st_size;
	data = err ? NULL : xfn_alloc(size);
	if (!err && !data)
		err = -ENOMEM;
	while (!err && n > 0 && done < size) {
		n = read(fd, data + done, size - done);
		if (n < 0)
			err = xfn_errno();
		else
			done += n;
	}
	close(fd);
	if (err < 0) {
		xfn_free(data);
		return err;
	}
	*ret = data;
	*ret_bytes = done;
	return 0;
}

/*
 * An XDP link cannot be tried without an interface to attach to. The kernel's BTF names the type of
 * one where it has them.
 */
static int probe_xdp_link(void)
{
	static const char type[] = "\0bpf_xdp_link";
	size_t bytes;
	char *btf;
	int err = read_file(BTF_PATH, BTF_BYTES_MAX, &btf, &bytes), found;

	if (err < 0)
		return err;
	found = memmem(btf, bytes, type, sizeof(type)) != NULL;
	xfn_free(btf);
	return found;
}

static int probe_btf(void)
{
	return access(BTF_PATH, R_OK) == 0;
}

static void check_features(struct xfn_doctor *doctor)
{
	static const struct {
		const char *name;
		int (*probe)(void);
	} features[] = {
		{"XDP programs", probe_xdp},
		{"program arrays", probe_prog_array},
		{"mapped arrays (5.5)", probe_mmapable},
		{"BTF (" BTF_PATH ")", probe_btf},
		{"XDP links (5.9)", probe_xdp_link},
		{"64-bit compare-and-swap (5.12)", probe_cmpxchg},
		{"bpf_loop (5.17)", probe_loop},
	};
	char missing[512] = "";
	size_t i, used = 0;
	int has, denied = 0;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		has = features[i].probe();
		if (has == -ENOMEM)
			doctor->no_memory = true;
		else if (has == -EPERM || has == -EACCES)
			denied = has;
		else if (has <= 0 && used < sizeof(missing))
			used += snprintf(missing + used, sizeof(missing) - used, "%s%s",
					 used ? ", " : "", features[i].name);
	}
	if (denied) {
		xfn_doctor_remedy(doctor, "sudo xfnd");
		xfn_doctor_fail(doctor, "cannot load BPF programs: %s", strerror(-denied));
	} else if (*missing) {
		xfn_doctor_remedy(doctor, KERNEL_INSTALL);
		xfn_doctor_fail(doctor, "this kernel lacks %s", missing);
	} else {
		xfn_doctor_ok(doctor, "the kernel has what xfn needs");
	}
}

/* The sysctl is not shown in network namespaces; what became of a program is. */
static void check_jit(struct xfn_doctor *doctor)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	int fd = load_probe(pass, sizeof(pass) / sizeof(pass[0])), err;

	if (fd < 0)
		return; /* told by the features */
	err = bpf_obj_get_info_by_fd(fd, &info, &bytes);
	close(fd);
	if (err < 0)
		return;
	if (info.jited_prog_len) {
		xfn_doctor_ok(doctor, "BPF programs are compiled");
	} else {
		xfn_doctor_remedy(doctor, "sysctl -w net.core.bpf_jit_enable=1");
		xfn_doctor_warn(doctor, "BPF programs are interpreted: many times slower");
	}
}

const struct xfn_doctor_check xfn_doctor_kernel_checks[] = {
	{"kernel", check_kernel},
	{"preempt_rt", check_preempt_rt},
	{"bpf_features", check_features},
	{"jit", check_jit},
	{NULL, NULL},
};
