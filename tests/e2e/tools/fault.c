/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library to preload: it stands before the calls by which a process changes the kernel or the disk,
 * or allocates, counts them, and lets the one that inject(1) named fail, or ends the process there with
 * SIGKILL. What it shares with inject is the file in XFN_FAULT; without it nothing is counted.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "fault.h"

static struct fault *fault;

__attribute__((constructor)) static void open_fault(void)
{
	const char *path = getenv("XFN_FAULT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		fault = map;
}

/* XFN_FAULT_TRACE: the way to the call that was struck, for addr2line. */
static void say_where(void)
{
	void *frames[16];

	if (getenv("XFN_FAULT_TRACE"))
		backtrace_symbols_fd(frames, backtrace(frames, 16), STDERR_FILENO);
}

/* Counts a step of that kind; true: it is the one to strike. */
static int is_struck(enum fault_kind kind, const char *call)
{
	if (!fault || !__atomic_load_n(&fault->armed, __ATOMIC_ACQUIRE) || fault->kind != kind)
		return 0;
	if (++fault->steps != fault->at)
		return 0;
	snprintf(fault->call, sizeof(fault->call), "%s", call);
	fault->struck = 1;
	__atomic_store_n(&fault->armed, 0, __ATOMIC_RELEASE);
	say_where();
	if (kind == FAULT_KILL)
		raise(SIGKILL); /* by tgkill(2): kill(2) is among what the daemon gave up */
	return 1;
}

/* A step on the way to the disk: it may end the process, or fail. True: errno is set. */
static int strikes(enum fault_kind kind, const char *call)
{
	is_struck(FAULT_KILL, call);
	if (!is_struck(kind, call))
		return 0;
	errno = fault->error;
	return 1;
}

/* The next function of that name: libc's. */
#define REAL(name) ((__typeof__(&name))real_of(#name))

static void *real_of(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* ---- bpf(2): libbpf calls it by number ------------------------------------------------------------- */

static int is_reading(int command)
{
	return command == BPF_MAP_LOOKUP_ELEM || command == BPF_MAP_GET_NEXT_KEY ||
	       command == BPF_OBJ_GET_INFO_BY_FD || command == BPF_MAP_LOOKUP_BATCH;
}

long syscall(long number, ...)
{
	long arguments[6], command;
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	command = arguments[0];
	if (number == SYS_bpf) {
		if (!is_reading((int)command))
			is_struck(FAULT_KILL, "bpf");
		if (is_struck(FAULT_BPF, "bpf")) {
			errno = fault->error;
			return -1;
		}
	}
	return REAL(syscall)(number, arguments[0], arguments[1], arguments[2], arguments[3],
			     arguments[4], arguments[5]);
}

/* ---- the disk ---------------------------------------------------------------------------------------- */

#define STEP(type, name, parameters, ...)       \
	type name parameters                    \
	{                                       \
		if (strikes(FAULT_DISK, #name)) \
			return -1;              \
		return REAL(name)(__VA_ARGS__); \
	}

STEP(int, fsync, (int fd), fd)
STEP(int, fdatasync, (int fd), fd)
STEP(int, rename, (const char *from, const char *to), from, to)
STEP(int, renameat, (int a, const char *from, int b, const char *to), a, from, b, to)
STEP(int, link, (const char *from, const char *to), from, to)
STEP(int, linkat, (int a, const char *from, int b, const char *to, int flags), a, from, b, to,
     flags)
STEP(int, unlink, (const char *path), path)
STEP(int, unlinkat, (int at, const char *path, int flags), at, path, flags)
STEP(int, mkdir, (const char *path, mode_t mode), path, mode)
STEP(int, mkdirat, (int at, const char *path, mode_t mode), at, path, mode)
STEP(int, rmdir, (const char *path), path)
STEP(int, ftruncate, (int fd, off_t size), fd, size)

/* Sockets are written with send(2) and sendmsg(2); what goes through here to a file is the disk's. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	struct stat info;

	if (fault && fault->armed && !fstat(fd, &info) && S_ISREG(info.st_mode) &&
	    fd != STDERR_FILENO && strikes(FAULT_DISK, "write"))
		return -1;
	return REAL(write)(fd, bytes, size);
}

static mode_t mode_of(int flags, va_list list)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

#define OPEN(name)                                                 \
	int name(const char *path, int flags, ...)                 \
	{                                                          \
		va_list list;                                      \
		mode_t mode;                                       \
                                                                   \
		va_start(list, flags);                             \
		mode = mode_of(flags, list);                       \
		va_end(list);                                      \
		if (flags & O_CREAT && strikes(FAULT_DISK, #name)) \
			return -1;                                 \
		return REAL(name)(path, flags, mode);              \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                               \
	int name(int at, const char *path, int flags, ...)         \
	{                                                          \
		va_list list;                                      \
		mode_t mode;                                       \
                                                                   \
		va_start(list, flags);                             \
		mode = mode_of(flags, list);                       \
		va_end(list);                                      \
		if (flags & O_CREAT && strikes(FAULT_DISK, #name)) \
			return -1;                                 \
		return REAL(name)(at, path, flags, mode);          \
	}
OPENAT(openat)
OPENAT(openat64)

/* ---- memory: dlsym() allocates itself, so libc's own names are called ----------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

/* The file's name of the program or library that @caller is in. */
static const char *module_of(const void *caller)
{
	const char *slash;
	Dl_info info;

	if (!dladdr(caller, &info) || !info.dli_fname)
		return "?";
	slash = strrchr(info.dli_fname, '/');
	return slash ? slash + 1 : info.dli_fname;
}

/* Who wanted the memory: the first on the way here that is neither this library nor libc. */
static const char *asker(void)
{
	void *frames[16];
	const char *module = "?";
	int i, count = backtrace(frames, 16);

	for (i = 0; i < count; i++) {
		module = module_of(frames[i]);
		if (strcmp(module, "fault.so") && strcmp(module, "libc.so.6"))
			break;
	}
	return module;
}

/* What was struck is told by who asked: of libraries not all can do without. */
static int is_out_of_memory(void)
{
	if (!is_struck(FAULT_MEMORY, "memory"))
		return 0;
	snprintf(fault->call, sizeof(fault->call), "%s", asker());
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return is_out_of_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_out_of_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return is_out_of_memory() ? NULL : __libc_realloc(old, size);
}
