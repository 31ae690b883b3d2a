/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errnum.h"
#include "fix.h"

/*
 * One word a word; IFACE is an interface's name, NUMBER digits, and PASS the program that lets all
 * packets pass, in a file that only root or the user can have written.
 */
static const struct {
	const char *pattern;
	bool there;
} known[] = {
	{"ip link set dev IFACE up", true},
	{"ip link set dev IFACE mtu NUMBER", true},
	{"ip link set dev IFACE xdpdrv object PASS section xdp", true},
	{"ethtool -K IFACE tx off", true},
	{"ethtool -K IFACE gro on", true},
	{"ethtool -K IFACE lro off", true},
	{"ethtool -K IFACE rxvlan off rx-vlan-stag-hw-parse off", true},
	{"ethtool -K IFACE txvlan off tx-vlan-stag-hw-insert off", true},
	{"ethtool -L IFACE rx NUMBER", true},
	{"sysctl -w net.core.bpf_jit_enable=1", false},
	{"sysctl -w net.core.rmem_max=4194304", false},
	{"mount -t bpf bpf /sys/fs/bpf", false},
};

static bool is_made_of(const char *word, const char *others)
{
	if (!*word || *word == '-')
		return false;
	for (; *word; word++)
		if (!isalnum((unsigned char)*word) && !strchr(others, *word))
			return false;
	return true;
}

static bool is_interface(const char *word)
{
	return strlen(word) < IFNAMSIZ && is_made_of(word, "._-:@+");
}

static bool is_number(const char *word)
{
	return *word && strspn(word, "0123456789") == strlen(word);
}

/* Whoever can write the file decides what the kernel runs. */
static bool is_pass_program(const char *word)
{
	static const char name[] = "/xfn_pass.bpf.o";
	size_t length = strlen(word);
	struct stat st;

	return *word == '/' && length >= strlen(name) &&
	       !strcmp(word + length - strlen(name), name) && stat(word, &st) == 0 &&
	       S_ISREG(st.st_mode) && !(st.st_mode & 022) &&
	       (st.st_uid == 0 || st.st_uid == geteuid());
}

static bool word_fits(const char *wanted, size_t length, const char *word)
{
	if (length == 5 && !strncmp(wanted, "IFACE", length))
		return is_interface(word);
	if (length == 6 && !strncmp(wanted, "NUMBER", length))
		return is_number(word);
	if (length == 4 && !strncmp(wanted, "PASS", length))
		return is_pass_program(word);
	return strlen(word) == length && !strncmp(wanted, word, length);
}

static bool fits(const char *pattern, char *const *words)
{
	size_t length;

	for (; *pattern && *words; words++) {
		length = strcspn(pattern, " ");
		if (!word_fits(pattern, length, *words))
			return false;
		pattern += length + (pattern[length] == ' ');
	}
	return !*pattern && !*words;
}

/* How many words at the front lead into another network namespace; 0 if none do. */
static size_t count_entering(char *const *words)
{
	static const char named[] = "--net=/run/netns/";

	if (!words[0] || strcmp(words[0], "nsenter") || !words[1])
		return 0;
	if (!strncmp(words[1], named, strlen(named)))
		return is_made_of(words[1] + strlen(named), "._-:@+") ? 2 : 0;
	if (!strcmp(words[1], "--target") && words[2] && is_number(words[2]) && words[3] &&
	    !strcmp(words[3], "--net"))
		return 4;
	return 0;
}

static bool split(const char *remedy, struct xfn_fix *fix)
{
	size_t count = 0;
	char *rest, *word;

	if (strlen(remedy) >= sizeof(fix->text))
		return false;
	strcpy(fix->text, remedy);
	for (word = strtok_r(fix->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (count == XFN_FIX_WORDS_MAX)
			return false;
		fix->words[count++] = word;
	}
	fix->words[count] = NULL;
	return true;
}

bool xfn_fix_parse(const char *remedy, struct xfn_fix *ret)
{
	size_t entering;

	if (!split(remedy, ret))
		return false;
	entering = count_entering(ret->words);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!fits(known[i].pattern, ret->words + entering))
			continue;
		ret->there = known[i].there && !entering;
		return true;
	}
	return false;
}

/* ---- running ------------------------------------------------------------------------------------- */

static bool is_same_namespace(const char *path)
{
	struct stat own, other;

	return stat("/proc/self/ns/net", &own) == 0 && stat(path, &other) == 0 &&
	       own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

static int enter_namespace_of(pid_t pid)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (is_same_namespace(path))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return xfn_errno();
	err = setns(fd, CLONE_NEWNET) < 0 ? xfn_errno() : 0;
	close(fd);
	return err;
}

/* Where a user's PATH ends; ip and ethtool lie beyond it. */
static void extend_path(void)
{
	const char *path = getenv("PATH");
	char longer[4096];

	snprintf(longer, sizeof(longer), "%s:/usr/sbin:/sbin",
		 path && *path ? path : "/usr/bin:/bin");
	setenv("PATH", longer, 1);
}

__attribute__((noreturn)) static void run_here(const struct xfn_fix *fix, pid_t daemon_pid)
{
	int err = fix->there ? enter_namespace_of(daemon_pid) : 0;

	if (!err) {
		extend_path();
		/* What a command says is for people, and not part of our own output. */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(fix->words[0], fix->words);
		err = xfn_errno();
	}
	fprintf(stderr, "xfn: cannot run '%s': %s\n", fix->words[0], strerror(-err));
	_exit(EXIT_FAILURE);
}

int xfn_fix_run(const struct xfn_fix *fix, pid_t daemon_pid)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return xfn_errno();
	if (pid == 0)
		run_here(fix, daemon_pid);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return xfn_errno();
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}
