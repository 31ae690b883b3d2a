/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FUZZ_DATAGRAMS_H
#define XFN_FUZZ_DATAGRAMS_H
/* An input as datagrams one behind the other, each with its length in front: 2 bytes, little endian. */
#include <stddef.h>
#include <stdint.h>

/* Calls @take for each, with a number from 0 on. The last is as long as there is of it. */
static inline void each_datagram(const uint8_t *data, size_t size,
				 void (*take)(const uint8_t *data, size_t bytes, int64_t number))
{
	int64_t number = 0;

	while (size >= 2) {
		size_t bytes = (size_t)(data[0] | data[1] << 8);

		data += 2;
		size -= 2;
		if (bytes > size)
			bytes = size;
		take(data, bytes, number++);
		data += bytes;
		size -= bytes;
	}
}

#endif
