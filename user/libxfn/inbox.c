/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "errnum.h"
#include "inbox.h"
#include "xfn/channel.h"

int xfn_inbox_read(struct inbox *inbox, const void *bytes, size_t size)
{
	struct xfn_inbox header;

	memset(inbox, 0, sizeof(*inbox));
	if (size < sizeof(header))
		return -EPROTO;
	memcpy(&header, bytes, sizeof(header));
	if (header.magic != XFN_INBOX_MAGIC || header.version != XFN_INBOX_VERSION ||
	    header.bytes < sizeof(header) || header.bytes > size)
		return -EPROTO;
	inbox->bytes = bytes;
	inbox->size = (size_t)header.bytes;
	inbox->at = sizeof(header);
	inbox->left = header.count;
	return 0;
}

/* A file that could be cut short would end this process by SIGBUS. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK;
}

int xfn_inbox_open(struct inbox *inbox, int fd)
{
	struct stat info;
	void *bytes;
	int err;

	memset(inbox, 0, sizeof(*inbox));
	if (!is_sealed(fd) || fstat(fd, &info) || info.st_size < (off_t)sizeof(struct xfn_inbox))
		return -EPROTO;
	bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return xfn_errno();
	err = xfn_inbox_read(inbox, bytes, (size_t)info.st_size);
	if (err)
		munmap(bytes, (size_t)info.st_size);
	else
		inbox->mapped_bytes = (size_t)info.st_size;
	return err;
}

void xfn_inbox_close(struct inbox *inbox)
{
	if (inbox->mapped_bytes)
		munmap((void *)inbox->bytes, inbox->mapped_bytes);
	memset(inbox, 0, sizeof(*inbox));
}

__u32 xfn_inbox_next(struct inbox *inbox, __u8 *to, __u32 *ret_lost)
{
	struct xfn_inbox_record record;
	size_t room = inbox->size - inbox->at, step;

	*ret_lost = 0;
	if (!inbox->left)
		return 0;
	if (room < sizeof(record))
		goto lost;
	memcpy(&record, inbox->bytes + inbox->at, sizeof(record));
	if (!record.frame_bytes || record.frame_bytes > XFN_INBOX_FRAME_MAX ||
	    record.frame_bytes > room - sizeof(record))
		goto lost;
	memcpy(to, inbox->bytes + inbox->at + sizeof(record), record.frame_bytes);
	inbox->left--;
	step = XFN_INBOX_STEP(record.frame_bytes);
	inbox->at += step < room ? step : room; /* the last may end without what fills it up */
	return record.frame_bytes;
lost:
	*ret_lost = inbox->left;
	inbox->left = 0;
	return 0;
}
