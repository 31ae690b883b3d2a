/* SPDX-License-Identifier: BSD-2-Clause */
/* The process that works libxdp, and how it is asked. */
#include <errno.h>
#include <unistd.h>

#include "coexist_private.h"
#include "dataplane_load.h"

/* An attach loads and verifies a dispatcher and each program that it calls. */
enum { PATIENCE_S = 30 };

static struct xfn_aide aide = {.fd = -1};

static void answer_question(const struct xfn_aide_message *in, struct xfn_aide_message *out)
{
	struct xfn_coexist_answer *answer = out->data;
	int fd = -1;

	answer->err = -EBADMSG;
	if (in->fd_count == 2)
		xfn_coexist_answer(in->data, in->fds, answer, &fd);
	if (fd >= 0)
		out->fds[out->fd_count++] = fd;
}

int xfn_coexist_start(void)
{
	static const struct xfn_aide_options options = {
		.name = "xfnd-coexist",
		.role = XFN_ROLE_COEXIST,
		.patience_s = PATIENCE_S,
		.question_bytes = sizeof(struct xfn_coexist_question),
		.answer_bytes = sizeof(struct xfn_coexist_answer),
		.answer = answer_question,
	};

	return xfn_aide_start(&aide, &options);
}

void xfn_coexist_stop(void)
{
	xfn_aide_stop(&aide);
}

/* Returns 0 with *ret_fd, a descriptor or -1, or -errno with the reason. */
static int ask(enum xfn_coexist_op op, const struct xfn_coexist_request *request, int *ret_fd,
	       struct xfn_fault *fault)
{
	struct xfn_coexist_question question = {.op = op,
						.ifindex = request->ifindex,
						.slot = request->slot,
						.generic = request->generic};
	struct xfn_coexist_answer answer;
	struct xfn_aide_message out = {.data = &question,
				       .bytes = sizeof(question),
				       .fds = {request->packets_fd, request->entry_progs_fd},
				       .fd_count = 2};
	struct xfn_aide_message in = {.data = &answer, .bytes = sizeof(answer)};
	int err = xfn_aide_ask(&aide, &out, &in);

	if (err) {
		xfn_fault_set(fault, aide.pid
					     ? "the process that works libxdp is gone: start xfnd "
					       "again"
					     : "libxdp takes CAP_SYS_ADMIN, which xfnd was started "
					       "without");
		return err;
	}
	answer.reason[sizeof(answer.reason) - 1] = '\0';
	xfn_fault_set(fault, "%s", answer.reason);
	*ret_fd = in.fd_count ? in.fds[0] : -1;
	return answer.err;
}

static int ask_fd(enum xfn_coexist_op op, const struct xfn_coexist_request *request,
		  struct xfn_fault *fault)
{
	int fd = -1, err = ask(op, request, &fd, fault);

	return err ?: fd < 0 ? -EIO : fd;
}

int xfn_coexist_attach(const struct xfn_coexist_request *request, struct xfn_fault *fault)
{
	return ask_fd(XFN_COEXIST_ATTACH, request, fault);
}

int xfn_coexist_find(const struct xfn_coexist_request *request, struct xfn_fault *fault)
{
	return ask_fd(XFN_COEXIST_FIND, request, fault);
}

int xfn_coexist_detach(const struct xfn_coexist_request *request, struct xfn_fault *fault)
{
	int fd = -1, err = ask(XFN_COEXIST_DETACH, request, &fd, fault);

	if (fd >= 0)
		close(fd);
	return err;
}
