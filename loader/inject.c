/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "errnum.h"
#include "inbox.h"
#include "inject.h"
#include "xfn/channel.h"

/* The whole program: return bpf_redirect(ifindex, 0). */
static int load_redirect(__u32 ifindex)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = (__s32)ifindex},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "xfn_inject", "Dual BSD/GPL", program,
			       sizeof(program) / sizeof(program[0]), NULL);

	return fd < 0 ? xfn_errno() : fd;
}

static int send_frame(int program_fd, const __u8 *frame, __u32 bytes)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = bytes,
		    .repeat = 1, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	return bpf_prog_test_run_opts(program_fd, &options) ? xfn_errno() : 0;
}

int xfn_inject_inbox(int inbox_fd, __u32 ifindex, __u32 *ret_count)
{
	__u8 frame[XFN_INBOX_FRAME_MAX];
	struct inbox inbox = {0};
	__u32 bytes, lost, count = 0;
	int err = xfn_inbox_open(&inbox, inbox_fd), program_fd;

	if (err)
		return err;
	program_fd = load_redirect(ifindex);
	err = program_fd < 0 ? program_fd : 0;
	while (!err && (bytes = xfn_inbox_next(&inbox, frame, &lost))) {
		err = send_frame(program_fd, frame, bytes);
		count += !err;
	}
	if (program_fd >= 0)
		close(program_fd);
	xfn_inbox_close(&inbox);
	*ret_count = count;
	return err;
}
