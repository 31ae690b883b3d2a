/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limiter of bpf/limiter.h, compiled for user space, with another CPU's event between any two of its
 * writes: whatever the moment, one place admits one event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/types.h>

/* The hooks of observe.h that do nothing do not look at what they are given, either. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static __u64 compare_and_swap(__u64 *at, __u64 expected, __u64 next);
#define __sync_val_compare_and_swap(at, expected, next) compare_and_swap(at, expected, next)
#include "../../bpf/limiter.h"
#undef __sync_val_compare_and_swap

enum { INTERVAL = 100, BURST = 3 * INTERVAL, NOW = 1000000, MOMENTS = 8 };

static const struct limiter limiter = {NOW, INTERVAL, BURST};

static struct {
	__u64 cells[2];
	int moment; /* of the other CPU's event: before the write of this number, counted from 0 */
	int writes;
	int others; /* admitted */
	bool nested;
} race;

static int admit_event(void)
{
	return limiter_admit_pair(&limiter, &race.cells[0], &race.cells[1]);
}

static void run_other(void)
{
	race.nested = true;
	race.others = admit_event();
	race.nested = false;
}

static void let_other_in(void)
{
	if (!race.nested && race.writes++ == race.moment)
		run_other();
}

static __u64 compare_and_swap(__u64 *at, __u64 expected, __u64 next)
{
	__u64 stored;

	let_other_in();
	stored = *at;
	if (stored == expected)
		*at = next;
	return stored;
}

/* Events that two CPUs at once have admitted, from cells that stand at @one and @other. */
static int admit_at_once(__u64 one, __u64 other, int moment)
{
	int admitted;

	race.cells[0] = one;
	race.cells[1] = other;
	race.moment = moment;
	race.writes = race.others = 0;
	admitted = admit_event();
	if (race.writes <= moment) /* it was not reached: afterwards, then */
		run_other();
	return admitted + race.others;
}

/* Levels of a cell, in events, that leave this much room. */
static __u64 with_room(int events)
{
	return NOW + BURST - events * INTERVAL;
}

static void test_one_place_admits_one(void **state)
{
	int moment, other;

	(void)state;
	for (moment = 0; moment < MOMENTS; moment++) {
		assert_int_equal(admit_at_once(with_room(1), with_room(1), moment), 1);
		/* Other sources have filled one of the cells; or it was full, and has drained a little. */
		for (other = 0; other < INTERVAL; other += 33) {
			assert_int_equal(admit_at_once(with_room(1), with_room(0) - other, moment),
					 1);
			assert_int_equal(admit_at_once(with_room(0) - other, with_room(1), moment),
					 1);
		}
	}
}

static void test_no_place_admits_none(void **state)
{
	int moment;

	(void)state;
	for (moment = 0; moment < MOMENTS; moment++)
		assert_int_equal(admit_at_once(with_room(0), with_room(0) - INTERVAL + 1, moment),
				 0);
}

/* With room for both, both are admitted, and both cells charged for both. */
static void test_two_places_admit_two(void **state)
{
	int moment;

	(void)state;
	for (moment = 0; moment < MOMENTS; moment++) {
		assert_int_equal(admit_at_once(with_room(2), with_room(2), moment), 2);
		assert_int_equal(race.cells[0], with_room(0));
		assert_int_equal(race.cells[1], with_room(0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_place_admits_one),
		cmocka_unit_test(test_no_place_admits_none),
		cmocka_unit_test(test_two_places_admit_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
