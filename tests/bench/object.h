/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_OBJECT_H
#define XFN_BENCH_OBJECT_H

/* The bench's own BPF programs: tests/bench/NAME.bpf.c, and how packets are put through them. */

#include <stddef.h>
#include <linux/types.h>

#include "drive.h"

struct bpf_object;
struct world;

/* Reads a file below build/ whole; the caller frees it. NULL, and a line on standard error. */
void *object_read(const char *name, size_t *ret_bytes);

/* A number for a `const volatile` of the object. */
struct object_constant {
	const char *name; /* NULL ends the list */
	__u32 value;
};

/*
 * Loads NAME.bpf.o. Maps that it has in common with @world's data plane are the data plane's;
 * @world may be NULL. Returns 0 or -errno and a line on standard error.
 */
int object_load(const char *name, const struct world *world,
		const struct object_constant *constants, struct bpf_object **ret);

/* Loads hashmap.bpf.o, and enters the rules of @world, which must have one shape. */
int object_load_hashmap(const struct world *world, struct bpf_object **ret);

/* Descriptor of a program or map; -ENOENT and a line on standard error where there is none. */
int object_program(const struct bpf_object *object, const char *name);
int object_map(const struct bpf_object *object, const char *name);

/* The generator, ready to drive. */
struct drive {
	struct bpf_object *object;
	struct bench_drive *control; /* mapped */
	int call_fd, send_fd, pace_fd, target_fd;
	__u32 frame_bytes;
};

int drive_open(struct drive *drive);
void drive_close(struct drive *drive);

/*
 * Sets the frame: UDP over IPv4 from 198.18.0.2 port 4000 to @dst (host order), short, or as long
 * as @payload_bytes needs, up to two short ones.
 */
void drive_frame(struct drive *drive, const __u8 dst_mac[6], __u32 dst, __u16 dst_port,
		 const void *payload, __u32 payload_bytes);

/* Sets who is next: drive_call() ends with a tail call of it. */
int drive_target(struct drive *drive, int program_fd);

/* Runs @count packets through the target. Returns the last one's action or -errno. */
int drive_call(struct drive *drive, __u32 count);

/*
 * Sends @count packets to control->ifindex, in batches. Returns 0 or -errno. Each call waits for tens of
 * milliseconds besides, without using a CPU: the kernel changes its dispatcher for it.
 */
int drive_send(struct drive *drive, __u32 count);
/* The same in bursts, 256 at most, each control->step_ns after the last. -EINTR: a signal came. */
int drive_pace(struct drive *drive, __u32 count, __u32 burst);

#endif
