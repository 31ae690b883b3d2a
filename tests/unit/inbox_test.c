/* SPDX-License-Identifier: BSD-2-Clause */
/* libxfn: what came before an instance was ready, read from a file that may say anything. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/libxfn/inbox.h"
#include "inbox_fixture.h"

enum { STEP = XFN_INBOX_STEP(INBOX_FRAME) };

static __u8 frame[XFN_INBOX_FRAME_MAX];

static void expect_frame(struct inbox *inbox, const char *text)
{
	__u32 lost = 7;

	assert_int_equal(xfn_inbox_next(inbox, frame, &lost), INBOX_FRAME);
	assert_int_equal(lost, 0);
	assert_memory_equal(frame + INBOX_PAYLOAD_AT, text, 5);
}

static void expect_end(struct inbox *inbox, __u32 lost_wanted)
{
	__u32 lost = 7;

	assert_int_equal(xfn_inbox_next(inbox, frame, &lost), 0);
	assert_int_equal(lost, lost_wanted);
	assert_int_equal(inbox->left, 0);
	assert_int_equal(xfn_inbox_next(inbox, frame, &lost), 0);
	assert_int_equal(lost, 0);
}

static void test_order(void **state)
{
	__u8 bytes[sizeof(struct xfn_inbox) + 3 * STEP];
	struct inbox inbox;

	(void)state;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, inbox_make(3, 0, bytes)), 0);
	expect_frame(&inbox, "00000");
	expect_frame(&inbox, "00001");
	assert_int_equal(inbox.left, 1);
	expect_frame(&inbox, "00002");
	expect_end(&inbox, 0);
	assert_int_equal(xfn_inbox_read(&inbox, bytes, inbox_make(0, 0, bytes)), 0);
	expect_end(&inbox, 0);
}

/* Of any length, none is read beyond its end: ASan says so. What is cut off is told. */
static void test_cut(void **state)
{
	__u8 bytes[sizeof(struct xfn_inbox) + 2 * STEP], *heap;
	struct xfn_inbox *header = (struct xfn_inbox *)bytes;
	size_t whole = inbox_make(2, 0, bytes), size;
	struct inbox inbox;

	(void)state;
	for (size = 0; size <= whole; size++) {
		heap = malloc(size + 1);
		assert_non_null(heap);
		header->bytes = whole;
		memcpy(heap, bytes, size);
		if (size < whole)
			assert_int_equal(xfn_inbox_read(&inbox, heap, size), -EPROTO);
		header->bytes = size;
		memcpy(heap, bytes, size);
		if (size < sizeof(*header)) {
			assert_int_equal(xfn_inbox_read(&inbox, heap, size), -EPROTO);
		} else if (size < sizeof(*header) + 16 + INBOX_FRAME) {
			assert_int_equal(xfn_inbox_read(&inbox, heap, size), 0);
			expect_end(&inbox, 2);
		} else {
			/* The last may end without what fills it up. */
			assert_int_equal(xfn_inbox_read(&inbox, heap, size), 0);
			expect_frame(&inbox, "00000");
			if (size < sizeof(*header) + STEP + 16 + INBOX_FRAME)
				expect_end(&inbox, 1);
			else
				expect_frame(&inbox, "00001");
		}
		free(heap);
	}
}

static void test_bad_headers(void **state)
{
	__u8 bytes[sizeof(struct xfn_inbox) + STEP];
	struct xfn_inbox *header = (struct xfn_inbox *)bytes;
	size_t size = inbox_make(1, 0, bytes);
	struct inbox inbox;

	(void)state;
	header->magic++;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, size), -EPROTO);
	header->magic--;
	header->version++;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, size), -EPROTO);
	header->version--;
	header->bytes = sizeof(*header) - 1;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, size), -EPROTO);
	header->bytes = ~0ULL;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, size), -EPROTO);
	header->bytes = size;
	header->count = ~0U;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, size), 0);
	expect_frame(&inbox, "00000");
	expect_end(&inbox, ~0U - 1);
}

static void test_bad_records(void **state)
{
	static const __u32 lengths[] = {0, INBOX_FRAME + 6, XFN_INBOX_FRAME_MAX,
					XFN_INBOX_FRAME_MAX + 1, ~0U};
	static __u8 bytes[sizeof(struct xfn_inbox) + 2 * XFN_INBOX_FRAME_MAX];
	struct xfn_inbox *header = (struct xfn_inbox *)bytes;
	struct xfn_inbox_record *record = (void *)(bytes + sizeof(*header));
	size_t size = inbox_make(1, 0, bytes), i;
	__u32 lost;
	struct inbox inbox;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		record->frame_bytes = lengths[i];
		assert_int_equal(xfn_inbox_read(&inbox, bytes, size), 0);
		expect_end(&inbox, 1);
	}
	/* There would be room for both, but not where they are copied to. */
	header->bytes = sizeof(bytes);
	record->frame_bytes = XFN_INBOX_FRAME_MAX + 1;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, sizeof(bytes)), 0);
	expect_end(&inbox, 1);
	record->frame_bytes = XFN_INBOX_FRAME_MAX;
	assert_int_equal(xfn_inbox_read(&inbox, bytes, sizeof(bytes)), 0);
	assert_int_equal(xfn_inbox_next(&inbox, frame, &lost), XFN_INBOX_FRAME_MAX);
}

/* A file with one event; its seals are @seals. */
static int make_file(int seals)
{
	__u8 bytes[sizeof(struct xfn_inbox) + STEP];
	size_t size = inbox_make(1, 0, bytes);
	int fd = memfd_create("inbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void test_files(void **state)
{
	struct inbox inbox;
	int fd;

	(void)state;
	fd = make_file(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	assert_int_equal(xfn_inbox_open(&inbox, fd), 0);
	close(fd);
	expect_frame(&inbox, "00000");
	expect_end(&inbox, 0);
	xfn_inbox_close(&inbox);
	xfn_inbox_close(&inbox);
	fd = make_file(F_SEAL_GROW);
	assert_int_equal(xfn_inbox_open(&inbox, fd), -EPROTO);
	xfn_inbox_close(&inbox);
	close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(xfn_inbox_open(&inbox, fd), -EPROTO);
	close(fd);
	fd = memfd_create("inbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(xfn_inbox_open(&inbox, fd), -EPROTO);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),       cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad_headers), cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
