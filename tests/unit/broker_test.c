/* SPDX-License-Identifier: BSD-2-Clause */
/* What the broker gives, and that it gives nothing else; with its process, and without. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "../../loader/broker.h"

struct objects {
	int map, other_map, array, program;
	__u32 map_id, other_id;
};

static __u32 id_of_map(int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

/* A program with one map, in slot 1 of an array; and a map that is nobody's. False: no right to. */
static bool make_objects(struct objects *o)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};
	__u32 slot = 1;

	o->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "mine", 4, 8, 1, NULL);
	if (o->map < 0)
		return false;
	o->other_map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "strangers", 4, 8, 1, NULL);
	o->array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "slots", 4, 4, 2, NULL);
	o->program = bpf_prog_load(BPF_PROG_TYPE_XDP, "mine", "GPL", insns, 2, NULL);
	assert_true(o->other_map >= 0 && o->array >= 0 && o->program >= 0);
	assert_int_equal(bpf_prog_bind_map(o->program, o->map, NULL), 0);
	assert_int_equal(bpf_map_update_elem(o->array, &slot, &o->program, 0), 0);
	o->map_id = id_of_map(o->map);
	o->other_id = id_of_map(o->other_map);
	return true;
}

static void close_objects(const struct objects *o)
{
	close(o->map);
	close(o->other_map);
	close(o->array);
	close(o->program);
}

static void expect_answers(const struct objects *o)
{
	char name[XFN_PROG_NAME_BYTES];
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);
	int fd = xfn_broker_map(o->program, o->map_id);

	assert_true(fd >= 0);
	assert_int_equal(id_of_map(fd), o->map_id);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = xfn_broker_program(o->array, 1);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	close(fd);
	assert_int_equal(xfn_broker_program_name(info.id, name), 0);
	assert_string_equal(name, "mine");

	assert_int_equal(xfn_broker_program(o->array, 0), -ENOENT);
	assert_int_equal(xfn_broker_btf(o->map), -ENOENT);
}

/* A number alone is no reason to be given anything. */
static void expect_refusals(const struct objects *o)
{
	__u32 zero = 0;
	__u64 program_id = 1; /* some program's, written where its holder pleases */

	assert_int_equal(bpf_map_update_elem(o->map, &zero, &program_id, 0), 0);
	assert_int_equal(xfn_broker_program(o->map, 0), -EINVAL);
	assert_int_equal(xfn_broker_map(o->program, o->other_id), -ENOENT);
	assert_true(xfn_broker_map(o->map, o->map_id) < 0);
	assert_true(xfn_broker_map(-1, o->map_id) < 0);
	assert_true(xfn_broker_program(o->program, 1) < 0);
	assert_true(xfn_broker_program(-1, 1) < 0);
	assert_true(xfn_broker_btf(o->program) < 0);
}

static void test_features(void)
{
	struct xfn_interface_features features = {0};
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	__u32 queues = 0;

	assert_int_equal(xfn_broker_features(fd, "lo", &features, &queues), 0);
	assert_int_not_equal(features.gro, XFN_UNKNOWN);
	assert_int_equal(xfn_broker_features(fd, "a-name-that-is-too-long", &features, &queues),
			 -ENODEV);
	close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(xfn_broker_features(fd, "lo", &features, &queues) < 0);
	close(fd);
}

static void test_without_a_process(void **state)
{
	struct objects objects;

	(void)state;
	if (!make_objects(&objects))
		skip();
	expect_answers(&objects);
	expect_refusals(&objects);
	test_features();
	close_objects(&objects);
}

static void test_with_a_process(void **state)
{
	struct objects objects;

	(void)state;
	if (!make_objects(&objects) || xfn_broker_start() < 0)
		skip();
	expect_answers(&objects);
	expect_refusals(&objects);
	test_features();
	/* It went on after all that. */
	expect_answers(&objects);
	xfn_broker_stop();
	close_objects(&objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_process),
		cmocka_unit_test(test_with_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
