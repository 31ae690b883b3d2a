/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errnum.h"
#include "spool.h"

#define MAGIC 0x31306c6f6f707378ULL /* "xspool01" */

/* As it is in the file. One writer: xfnd. */
struct ring {
	__u64 magic;
	__u64 total;  /* bytes ever; moved behind the bytes */
	__u64 writer; /* of the newest byte */
	char data[XFN_SPOOL_BYTES];
};

struct xfn_spool {
	char *path;
	struct ring *ring; /* NULL: nothing was written yet */
};

static struct ring *map(int fd)
{
	struct ring *ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE,
				 fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	return ring == MAP_FAILED ? NULL : ring;
}

/* Without holes: to store into one where no room is left would end the writer by SIGBUS. */
static int fill(int fd)
{
	return posix_fallocate(fd, 0, sizeof(struct ring));
}

static bool is_whole(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && S_ISREG(status.st_mode) &&
	       status.st_size == sizeof(struct ring) && !fill(fd);
}

static struct ring *open_left(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct ring *ring = fd >= 0 && is_whole(fd) ? map(fd) : NULL;

	if (fd >= 0)
		close(fd);
	if (ring && ring->magic != MAGIC) {
		munmap(ring, sizeof(*ring));
		return NULL;
	}
	return ring;
}

static struct ring *make_file(const char *path)
{
	struct ring *ring = NULL;
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	if (!fill(fd))
		ring = map(fd);
	close(fd);
	if (!ring)
		unlink(path);
	return ring;
}

static struct ring *make(const char *path)
{
	struct ring *ring = make_file(path) ?: map(-1);

	if (ring)
		ring->magic = MAGIC;
	return ring;
}

int xfn_spool_open(const char *path, struct xfn_spool **ret)
{
	struct xfn_spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return -ENOMEM;
	spool->path = strdup(path);
	if (!spool->path) {
		free(spool);
		return -ENOMEM;
	}
	spool->ring = open_left(path);
	*ret = spool;
	return 0;
}

void xfn_spool_close(struct xfn_spool *spool)
{
	if (!spool)
		return;
	if (spool->ring)
		munmap(spool->ring, sizeof(*spool->ring));
	free(spool->path);
	free(spool);
}

void xfn_spool_remove(struct xfn_spool *spool)
{
	unlink(spool->path);
	xfn_spool_close(spool);
}

/* The bytes first: whoever comes behind a kill finds those that are counted. */
static void put(struct ring *ring, const char *data, size_t bytes)
{
	size_t place = ring->total % XFN_SPOOL_BYTES, first = XFN_SPOOL_BYTES - place;

	if (first > bytes)
		first = bytes;
	memcpy(ring->data + place, data, first);
	memcpy(ring->data, data + first, bytes - first);
	__atomic_store_n(&ring->total, ring->total + bytes, __ATOMIC_RELEASE);
}

static bool is_in_a_line(const struct ring *ring)
{
	return ring->total && ring->data[(ring->total - 1) % XFN_SPOOL_BYTES] != '\n';
}

void xfn_spool_add(struct xfn_spool *spool, __u64 writer, const char *data, size_t bytes)
{
	struct ring *ring = spool->ring = spool->ring ?: make(spool->path);

	if (!ring)
		return; /* no memory: it is lost, as what does not fit is */
	if (ring->writer != writer && is_in_a_line(ring))
		put(ring, "\n", 1);
	ring->writer = writer;
	for (; bytes > XFN_SPOOL_BYTES; bytes -= XFN_SPOOL_BYTES, data += XFN_SPOOL_BYTES)
		put(ring, data, XFN_SPOOL_BYTES);
	put(ring, data, bytes);
}

void xfn_spool_read(const struct xfn_spool *spool, __u64 after, char *buffer,
		    struct xfn_spool_part *ret)
{
	const struct ring *ring = spool->ring;
	__u64 total = ring ? ring->total : 0, first = after, at;

	if (first > total)
		first = total;
	if (total - first > XFN_SPOOL_BYTES)
		first = total - XFN_SPOOL_BYTES;
	for (at = first; at < total; at++)
		buffer[at - first] = ring->data[at % XFN_SPOOL_BYTES];
	*ret = (struct xfn_spool_part){first, (size_t)(total - first)};
}
