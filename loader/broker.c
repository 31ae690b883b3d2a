/* SPDX-License-Identifier: BSD-2-Clause */
/* The broker's process, and how it is asked. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "aide.h"
#include "broker_private.h"
#include "errnum.h"

enum { PATIENCE_S = 10 };

static struct xfn_aide broker = {.fd = -1};

/* ---- the broker ---------------------------------------------------------------------------------- */

static void answer_question(const struct xfn_aide_message *in, struct xfn_aide_message *out)
{
	struct xfn_broker_question *question = in->data;
	int fd;

	question->name[sizeof(question->name) - 1] = '\0';
	xfn_broker_answer(question, in->fd_count ? in->fds[0] : -1, out->data, &fd);
	if (fd >= 0)
		out->fds[out->fd_count++] = fd;
}

int xfn_broker_start(void)
{
	static const struct xfn_aide_options options = {
		.name = "xfnd-broker",
		.role = XFN_ROLE_BROKER,
		.patience_s = PATIENCE_S,
		.question_bytes = sizeof(struct xfn_broker_question),
		.answer_bytes = sizeof(struct xfn_broker_answer),
		.answer = answer_question,
	};

	return xfn_aide_start(&broker, &options);
}

void xfn_broker_stop(void)
{
	xfn_aide_stop(&broker);
}

int xfn_broker_check(void)
{
	int err = xfn_aide_check(&broker);

	return err != -ENOENT ? err : xfn_aide_has_right() ? 0 : -EPERM;
}

/* ---- asking -------------------------------------------------------------------------------------- */

static int ask(const struct xfn_broker_question *question, int fd, struct xfn_broker_answer *answer,
	       int *ret_fd)
{
	struct xfn_aide_message out = {.data = (void *)(uintptr_t)question,
				       .bytes = sizeof(*question)};
	struct xfn_aide_message in = {.data = answer, .bytes = sizeof(*answer)};
	int err;

	if (broker.fd < 0) {
		xfn_broker_answer(question, fd, answer, ret_fd);
		return answer->err;
	}
	if (fd >= 0)
		out.fds[out.fd_count++] = fd;
	err = xfn_aide_ask(&broker, &out, &in);
	*ret_fd = !err && in.fd_count ? in.fds[0] : -1;
	return err ?: answer->err;
}

static int ask_fd(enum xfn_broker_op op, int fd, __u32 number)
{
	const struct xfn_broker_question question = {.op = op, .number = number};
	struct xfn_broker_answer answer;
	int ret_fd = -1, err = ask(&question, fd, &answer, &ret_fd);

	if (!err && ret_fd < 0)
		err = -EIO;
	return err ?: ret_fd;
}

int xfn_broker_program(int array_fd, __u32 slot)
{
	return ask_fd(XFN_BROKER_PROGRAM, array_fd, slot);
}

int xfn_broker_map(int program_fd, __u32 map_id)
{
	return ask_fd(XFN_BROKER_MAP, program_fd, map_id);
}

int xfn_broker_btf(int map_fd)
{
	return ask_fd(XFN_BROKER_BTF, map_fd, 0);
}

int xfn_broker_program_name(__u32 program_id, char *ret)
{
	const struct xfn_broker_question question = {.op = XFN_BROKER_PROGRAM_NAME,
						     .number = program_id};
	struct xfn_broker_answer answer;
	int fd = -1, err = ask(&question, -1, &answer, &fd);

	if (!err)
		memcpy(ret, answer.name, sizeof(answer.name));
	return err;
}

int xfn_broker_features(int netns_fd, const char *name, struct xfn_interface_features *ret,
			__u32 *ret_tx_queues)
{
	struct xfn_broker_question question = {.op = XFN_BROKER_FEATURES};
	struct xfn_broker_answer answer;
	int fd = -1, err;

	if (strlen(name) >= sizeof(question.name))
		return -ENODEV;
	strcpy(question.name, name);
	err = ask(&question, netns_fd, &answer, &fd);
	if (!err) {
		*ret = answer.features;
		*ret_tx_queues = answer.tx_queues;
	}
	return err;
}
