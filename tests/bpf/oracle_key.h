/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_ORACLE_KEY_H
#define XFN_TESTS_ORACLE_KEY_H

/* Keys in the payload, for oracle.c: from RFC 7252 and RFC 1035, one key at a time. */

#include <stddef.h>
#include <linux/types.h>

#include "manifest.h"

enum oracle_key { ORACLE_KEY_ODD, ORACLE_KEY_DIFFERS, ORACLE_KEY_MATCHES };

enum oracle_key oracle_key_ask(const struct xfn_key_spec *key, const __u8 *payload, size_t bytes);

/* Place in the order of keys, the higher the better; 0 for none (@key NULL). */
int oracle_key_rank(const struct xfn_key_spec *key);

#endif
