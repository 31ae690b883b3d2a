/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pinplain PATH: pins an XDP program there that passes everything, loaded without an attach type, as
 * older loaders do and libbpf does not.
 */
#include <stdio.h>
#include <string.h>
#include <errno.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

int main(int argc, char **argv)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd;

	if (argc != 2) {
		fputs("usage: pinplain PATH\n", stderr);
		return 2;
	}
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "plain", "BSD", insns,
			   sizeof(insns) / sizeof(insns[0]), NULL);
	if (fd < 0 || bpf_obj_pin(fd, argv[1])) {
		fprintf(stderr, "pinplain: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
