// SPDX-License-Identifier: MIT
/*
 * The classic Berkeley packet filter, as far as seccomp allows it (Linux: net/core/filter.c, bpf_check_classic; kernel/seccomp.c,
 * seccomp_check_filter). Two registers A and X, sixteen words of memory, jumps forward only: so every program ends.
 *
 * Against Linux: it is interpreted, not turned into another machine's code first. No locking: it knows only its arguments.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "bpf.h"

/* An instruction's code: what it does, and from where (McCanne and Jacobson's paper; Linux: include/uapi/linux/bpf_common.h). */
enum {
	LD_IMM = 0x00,
	LD_ABS = 0x20,
	LD_MEM = 0x60,
	LD_LEN = 0x80,
	LDX_IMM = 0x01,
	LDX_MEM = 0x61,
	LDX_LEN = 0x81,
	ST = 0x02,
	STX = 0x03,
	ALU = 0x04, /* and an operation, and X instead of k */
	JA = 0x05,
	JUMP = 0x05, /* and a comparison, and X instead of k */
	RET_K = 0x06,
	RET_A = 0x16,
	TAX = 0x07,
	TXA = 0x87,
};
#define CLASS(code) ((code)&7U)
#define OP(code) ((code)&0xf0U)
#define BY_X 8U
enum {
	ADD = 0x00,
	SUB = 0x10,
	MUL = 0x20,
	DIV = 0x30,
	OR = 0x40,
	AND = 0x50,
	LSH = 0x60,
	RSH = 0x70,
	NEG = 0x80,
	XOR = 0xa0
};
enum { JEQ = 0x10, JGT = 0x20, JGE = 0x30, JSET = 0x40 };
#define MEMORY 16U

static bool known_code(u16 code)
{
	switch (code) {
	case LD_IMM:
	case LD_ABS:
	case LD_MEM:
	case LDX_IMM:
	case LDX_MEM:
	case ST:
	case STX:
	case RET_K:
	case RET_A:
	case TAX:
	case TXA:
	case JA:
	/* Of words only: these two have the size in bits 3 and 4, which is 0. */
	case LD_LEN:
	case LDX_LEN:
		return true;
	}
	if (CLASS(code) == ALU)
		return code <= (XOR | BY_X | ALU) &&
		       (OP(code) <= RSH || OP(code) == XOR || code == (NEG | ALU));
	return CLASS(code) == JUMP && OP(code) >= JEQ && OP(code) <= JSET && code <= 0xff;
}

/* Each instruction by itself; `left` come after it. */
static bool good_insn(const struct bpf_insn *i, unsigned int left, unsigned int size)
{
	if (!known_code(i->code))
		return false;
	switch (i->code) {
	case LD_ABS:
		return i->k < size && !(i->k & 3);
	case LD_MEM:
	case LDX_MEM:
	case ST:
	case STX:
		return i->k < MEMORY;
	case DIV | ALU:
		return i->k;
	case LSH | ALU:
	case RSH | ALU:
		return i->k < 32;
	case JA:
		return i->k < left;
	}
	return CLASS(i->code) != JUMP || (i->jt < left && i->jf < left);
}

/*
 * Words that every way to an instruction has written: `at[n]` is what the jumps to it have in common. Jumps go forward, so one pass sees
 * all of them before.
 */
static bool memory_written_first(const struct bpf_insn *insn, unsigned int len, u16 *at)
{
	u16 written = 0;

	memset(at, 0xff, len * sizeof(*at));
	for (unsigned int n = 0; n < len; n++) {
		const struct bpf_insn *i = &insn[n];

		written &= at[n];
		switch (i->code) {
		case ST:
		case STX:
			written |= (u16)BIT(i->k);
			continue;
		case LD_MEM:
		case LDX_MEM:
			if (!(written & BIT(i->k)))
				return false;
			continue;
		case JA:
			at[n + 1 + i->k] &= written;
			break;
		default:
			if (CLASS(i->code) != JUMP)
				continue;
			at[n + 1 + i->jt] &= written;
			at[n + 1 + i->jf] &= written;
		}
		/* Nothing falls through to the next. */
		written = 0xffff;
	}
	return true;
}

int bpf_check(const struct bpf_insn *insn, unsigned int len, unsigned int size)
{
	u16 *at;
	bool good;

	if (!len || len > BPF_MAXINSNS)
		return -EINVAL;
	for (unsigned int n = 0; n < len; n++)
		if (!good_insn(&insn[n], len - 1 - n, size))
			return -EINVAL;
	if (insn[len - 1].code != RET_K && insn[len - 1].code != RET_A)
		return -EINVAL;
	at = kmalloc(len * sizeof(*at), GFP_KERNEL);
	if (!at)
		return -ENOMEM;
	good = memory_written_first(insn, len, at);
	kfree(at);
	return good ? 0 : -EINVAL;
}

/* Not DIV. */
static u32 alu(unsigned int op, u32 a, u32 b)
{
	switch (op) {
	case ADD:
		return a + b;
	case SUB:
		return a - b;
	case MUL:
		return a * b;
	case OR:
		return a | b;
	case AND:
		return a & b;
	case LSH:
		return a << (b & 31);
	case RSH:
		return a >> (b & 31);
	case NEG:
		return -a;
	}
	return a ^ b;
}

static bool compare(unsigned int op, u32 a, u32 b)
{
	switch (op) {
	case JEQ:
		return a == b;
	case JGT:
		return a > b;
	case JGE:
		return a >= b;
	}
	return a & b;
}

u32 bpf_run(const struct bpf_insn *insn, const void *data, unsigned int size)
{
	u32 a = 0, x = 0, memory[MEMORY] = {0};

	for (const struct bpf_insn *i = insn;; i++) {
		const u32 b = i->code & BY_X ? x : i->k;

		switch (i->code) {
		case LD_IMM:
			a = i->k;
			continue;
		case LD_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			continue;
		case LD_MEM:
			a = memory[i->k];
			continue;
		case LD_LEN:
			a = size;
			continue;
		case LDX_IMM:
			x = i->k;
			continue;
		case LDX_MEM:
			x = memory[i->k];
			continue;
		case LDX_LEN:
			x = size;
			continue;
		case ST:
			memory[i->k] = a;
			continue;
		case STX:
			memory[i->k] = x;
			continue;
		case TAX:
			x = a;
			continue;
		case TXA:
			a = x;
			continue;
		case RET_K:
			return i->k;
		case RET_A:
			return a;
		case JA:
			i += i->k;
			continue;
		case DIV | ALU:
		case DIV | ALU | BY_X:
			/* By nothing: the program ends, and says 0. */
			if (!b)
				return 0;
			a /= b;
			continue;
		}
		if (CLASS(i->code) == ALU)
			a = alu(OP(i->code), a, b);
		else
			i += compare(OP(i->code), a, b) ? i->jt : i->jf;
	}
}
