/* SPDX-License-Identifier: BSD-2-Clause */
/* The broker's answers: each is a few system calls, one of which takes CAP_SYS_ADMIN. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "broker_private.h"
#include "errnum.h"

enum { PROGRAM_MAPS_MAX = 256 };

typedef int answer_fn(const struct xfn_broker_question *question, int fd,
		      struct xfn_broker_answer *answer, int *ret_fd);

static int take_fd(int fd, int *ret_fd)
{
	if (fd < 0)
		return xfn_errno();
	*ret_fd = fd;
	return 0;
}

/*
 * What kind of object @fd is: the number after @key in its fdinfo; -1 where it has none. To ask for
 * its info would not tell: the kernel fills in that of a map or a program, whichever it is.
 */
static int kind_of(int fd, const char *key)
{
	char path[64], text[512];
	const char *at;
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	length = read(file, text, sizeof(text) - 1);
	close(file);
	text[length > 0 ? length : 0] = '\0';
	at = strstr(text, key);
	return at ? atoi(at + strlen(key)) : -1;
}

static int program_in_slot(const struct xfn_broker_question *question, int fd,
			   struct xfn_broker_answer *answer, int *ret_fd)
{
	__u32 id = 0;

	(void)answer;
	/* In any other map an id would be whatever its holder has written there. */
	if (kind_of(fd, "map_type:") != BPF_MAP_TYPE_PROG_ARRAY)
		return -EINVAL;
	if (bpf_map_lookup_elem(fd, &question->number, &id))
		return xfn_errno();
	return take_fd(bpf_prog_get_fd_by_id(id), ret_fd);
}

static int map_of_program(const struct xfn_broker_question *question, int fd,
			  struct xfn_broker_answer *answer, int *ret_fd)
{
	__u32 ids[PROGRAM_MAPS_MAX] = {0};
	struct bpf_prog_info info = {.nr_map_ids = PROGRAM_MAPS_MAX,
				     .map_ids = (__u64)(unsigned long)ids};
	__u32 size = sizeof(info), i;

	(void)answer;
	if (kind_of(fd, "prog_type:") < 0)
		return -EINVAL;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return xfn_errno();
	for (i = 0; i < info.nr_map_ids && i < PROGRAM_MAPS_MAX; i++)
		if (ids[i] == question->number)
			return take_fd(bpf_map_get_fd_by_id(ids[i]), ret_fd);
	return -ENOENT;
}

static int btf_of_map(const struct xfn_broker_question *question, int fd,
		      struct xfn_broker_answer *answer, int *ret_fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	(void)question;
	(void)answer;
	if (kind_of(fd, "map_type:") < 0)
		return -EINVAL;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return xfn_errno();
	return info.btf_id ? take_fd(bpf_btf_get_fd_by_id(info.btf_id), ret_fd) : -ENOENT;
}

/* The descriptor stays here: a name is all that anybody needs of a stranger's program. */
static int name_of_program(const struct xfn_broker_question *question, int fd,
			   struct xfn_broker_answer *answer, int *ret_fd)
{
	int program_fd = bpf_prog_get_fd_by_id(question->number), err;
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	(void)fd;
	(void)ret_fd;
	if (program_fd < 0)
		return xfn_errno();
	err = bpf_obj_get_info_by_fd(program_fd, &info, &size) ? xfn_errno() : 0;
	close(program_fd);
	_Static_assert(sizeof(info.name) == XFN_PROG_NAME_BYTES, "BPF_OBJ_NAME_LEN");
	memcpy(answer->name, info.name, sizeof(answer->name));
	answer->name[XFN_PROG_NAME_BYTES - 1] = '\0';
	return err;
}

/* Goes there and comes back: where there is no broker, this process has other things to do here. */
static int features_there(const struct xfn_broker_question *question, int fd,
			  struct xfn_broker_answer *answer, int *ret_fd)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), err = 0;

	(void)ret_fd;
	if (home < 0)
		return xfn_errno();
	if (setns(fd, CLONE_NEWNET) < 0)
		err = xfn_errno();
	else
		xfn_interface_features_read(question->name, &answer->features, &answer->tx_queues);
	if (!err && setns(home, CLONE_NEWNET) < 0)
		abort(); /* in the wrong namespace everything else would be wrong, too */
	close(home);
	return err;
}

static answer_fn *const answers[XFN_BROKER_OP_COUNT] = {
	[XFN_BROKER_PROGRAM] = program_in_slot, [XFN_BROKER_MAP] = map_of_program,
	[XFN_BROKER_BTF] = btf_of_map,          [XFN_BROKER_PROGRAM_NAME] = name_of_program,
	[XFN_BROKER_FEATURES] = features_there,
};

void xfn_broker_answer(const struct xfn_broker_question *question, int fd,
		       struct xfn_broker_answer *answer, int *ret_fd)
{
	*ret_fd = -1;
	memset(answer, 0, sizeof(*answer));
	if (question->op >= XFN_BROKER_OP_COUNT)
		answer->err = -ENOSYS;
	else
		answer->err = answers[question->op](question, fd, answer, ret_fd);
}
