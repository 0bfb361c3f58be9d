/* SPDX-License-Identifier: MIT */
/* Programs of the classic Berkeley packet filter, as seccomp has them (kernel/bpf.c). */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

#include <quire/types.h>

#define BPF_MAXINSNS 4096U

/* One instruction, as the program gives it (Linux: struct sock_filter). */
struct bpf_insn {
	u16 code;
	u8 jt, jf;
	u32 k;
};

/*
 * May the program be run on `size` bytes: every way ends in a RET, loads lie in the data and are aligned, a word of the memory is written
 * before it is read, no division by a constant 0. 0, -EINVAL, -ENOMEM. Changes nothing.
 */
int bpf_check(const struct bpf_insn *insn, unsigned int len, unsigned int size);
/* What a checked program returns for the data. */
u32 bpf_run(const struct bpf_insn *insn, const void *data, unsigned int size);

#endif
