/* SPDX-License-Identifier: BSD-2-Clause */
/* Which remedies `xfn doctor --fix` runs: what is not exactly on its list it leaves alone. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/cli/fix.c"

static void test_known(void **state)
{
	static const struct {
		const char *remedy;
		bool there;
	} remedies[] = {
		{"ip link set dev eth0 up", true},
		{"ip link set dev eth0.5 mtu 1500", true},
		{"ethtool -K eth0 tx off", true},
		{"ethtool -L eth0 rx 4", true},
		{"nsenter --net=/run/netns/c ethtool -K c0 tx off", false},
		{"nsenter --target 17 --net ip link set dev c0 up", false},
		{"sysctl -w net.core.bpf_jit_enable=1", false},
		{"mount -t bpf bpf /sys/fs/bpf", false},
	};
	struct xfn_fix fix;

	(void)state;
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		if (!xfn_fix_parse(remedies[i].remedy, &fix))
			fail_msg("'%s' is refused", remedies[i].remedy);
		assert_int_equal(fix.there, remedies[i].there);
	}
	assert_true(xfn_fix_parse("ethtool -K eth0 tx off", &fix));
	assert_string_equal(fix.words[2], "eth0");
	assert_null(fix.words[5]);
	assert_true(xfn_fix_parse("nsenter --net=/run/netns/c ethtool -K c0 gro on", &fix));
}

static void test_others(void **state)
{
	static const char *const remedies[] = {
		"",
		"rm -rf /",
		"sh -c true",
		"ip link set dev eth0 up; true",
		"ip link set dev eth0 up extra",
		"ip link set dev eth0",
		"ip link set dev eth0 down",
		"ip link set dev -all up",
		"ip link set dev a/b up",
		"ip link set dev sixteencharacter up",
		"ip link set dev $(id) up",
		"ip link set dev eth0 mtu -1",
		"ip link set dev eth0 mtu 15x",
		"ethtool -K eth0 tx on",
		"nsenter --net=/run/netns/../../etc ethtool -K c0 tx off",
		"nsenter --net=/run/netns/ ethtool -K c0 tx off",
		"nsenter --net=/run/netns/c sh",
		"nsenter --target 1 --mount ip link set dev c0 up",
		"nsenter nsenter --target 1 --net ip link set dev c0 up",
		"sysctl -w kernel.core_pattern=x",
		"sysctl -w net.core.bpf_jit_enable=10",
		"mount -t bpf bpf /etc",
		"xfn detach eth0 && xfn attach eth0",
		"ip link set dev c0 xdpdrv object /nonexistent/xfn_pass.bpf.o section xdp",
		"ip link set dev c0 xdpdrv object /etc/passwd section xdp",
	};
	struct xfn_fix fix;

	(void)state;
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (xfn_fix_parse(remedies[i], &fix))
			fail_msg("'%s' is taken", remedies[i]);
}

/* A program that others can write could be any program. */
static void test_pass_program(void **state)
{
	char dir[] = "/tmp/xfn-fix-test-XXXXXX", path[64], remedy[160];
	struct xfn_fix fix;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/xfn_pass.bpf.o", dir);
	snprintf(remedy, sizeof(remedy), "ip link set dev c0 xdpdrv object %s section xdp", path);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_true(xfn_fix_parse(remedy, &fix));
	assert_int_equal(chmod(path, 0664), 0);
	assert_false(xfn_fix_parse(remedy, &fix));
	assert_int_equal(unlink(path), 0);
	assert_false(xfn_fix_parse(remedy, &fix));
	assert_int_equal(rmdir(dir), 0);
}

static void test_long(void **state)
{
	static char remedy[4096];
	struct xfn_fix fix;

	(void)state;
	memset(remedy, 'a', sizeof(remedy) - 1);
	assert_false(xfn_fix_parse(remedy, &fix));
	for (size_t i = 1; i < 100; i += 2)
		remedy[i] = ' ';
	remedy[100] = '\0';
	assert_false(xfn_fix_parse(remedy, &fix));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_pass_program),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
