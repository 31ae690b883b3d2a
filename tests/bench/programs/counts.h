/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_COUNTS_H
#define XFN_BENCH_COUNTS_H

/*
 * What a measured program tells the bench: a file that both have mapped, so that counting costs all of
 * them the same, one store, and can be read at any moment. The program is its single writer.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/types.h>

struct bench_counts {
	__u64 received;
	__u64 pid;
};

/* First byte of a datagram: it is dropped; with any other it is sent back. */
#define BENCH_DROP 'd'
#define BENCH_ECHO 'e'

/* The file at @path, which is there; for ever. NULL, and a line on standard error. */
static inline struct bench_counts *counts_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *counts = MAP_FAILED;

	if (fd >= 0) {
		counts = mmap(NULL, sizeof(struct bench_counts), PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, 0);
		close(fd);
	}
	if (counts != MAP_FAILED)
		return counts;
	fprintf(stderr, "bench: cannot map '%s'\n", path);
	return NULL;
}

#endif
