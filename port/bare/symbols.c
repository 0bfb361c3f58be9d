// SPDX-License-Identifier: MIT
/*
 * Names for addresses, and the call chain.
 *
 * The table is made by tools/symbols.awk from the linked image and linked into it again: 32-bit offsets from _text,
 * sorted, so that it needs no relocation and costs nothing until it is asked. Linux's kallsyms compresses the names; here a few
 * dozen KiB of rodata are not worth the decoder.
 *
 * The chain is that of frame records (AAPCS64): x29 points to {caller's x29, return address}. It is followed only upwards
 * and only within one of the CPU's two stacks, so that a broken record ends it instead of faulting.
 */
#include <quire/printk.h>

#include "bare.h"

extern const u32 symbol_count;
extern const u32 symbol_offsets[]; /* symbol_count, and the end of the last */
extern const u32 symbol_names[];   /* offsets into symbol_strings */
extern const char symbol_strings[];

const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	unsigned long base = (unsigned long)_text;
	u32 lo = 0, hi = symbol_count, rel;

	if (addr < base || addr - base > U32_MAX)
		return NULL;
	rel = (u32)(addr - base);
	/* The end of the last function bounds the table; what lies above is data. */
	if (!hi || rel < symbol_offsets[0] || rel >= symbol_offsets[hi])
		return NULL;
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (symbol_offsets[mid] <= rel)
			lo = mid;
		else
			hi = mid;
	}
	/* Not a function: rodata between text and initial text. */
	if (symbol_strings[symbol_names[lo]] == '.')
		return NULL;
	if (offset)
		*offset = rel - symbol_offsets[lo];
	if (size)
		*size = symbol_offsets[lo + 1] - symbol_offsets[lo];
	return symbol_strings + symbol_names[lo];
}

static bool in_stack(unsigned long fp, const char *lo, size_t size)
{
	return fp >= (unsigned long)lo && fp + 16 <= (unsigned long)lo + size;
}

/*
 * A return address may lie behind the end of its function, when that calls what never returns: the instruction before
 * it is the one to name. Not so for an interrupted pc.
 */
static void show_caller(unsigned long addr, bool exact)
{
	unsigned long back = exact ? 0 : 1, offset, size;
	const char *name = port_symbolize(addr - back, &offset, &size);

	if (name)
		printk(KERN_ALERT " %s+%#lx/%#lx\n", name, offset + back, size);
	else
		printk(KERN_ALERT " %#lx\n", addr);
}

void backtrace_from(unsigned long fp, bool exact)
{
	const struct cpu_stacks *own = &cpu_stacks[port_cpu()];
	const char *exception = own->exception_top - EXCEPTION_STACK_SIZE;
	unsigned int depth;

	printk(KERN_ALERT "Call trace:\n");
	for (depth = 0; depth < 64; depth++) {
		const unsigned long *record = (const unsigned long *)fp;
		bool on_exception = in_stack(fp, exception, EXCEPTION_STACK_SIZE);

		if ((fp & 7) || (!on_exception && !in_stack(fp, own->kernel, KERNEL_STACK_SIZE)))
			break;
		if (!record[0] && !record[1])
			break;
		show_caller(record[1], exact && !depth);
		/* From the exception stack the chain may cross to the kernel's, once; otherwise it only goes up. */
		if (record[0] <= fp &&
		    !(on_exception && in_stack(record[0], own->kernel, KERNEL_STACK_SIZE)))
			break;
		fp = record[0];
	}
}

void port_backtrace(void)
{
	/* The caller's record: this function's own may be gone before it is read. */
	backtrace_from(*(const unsigned long *)__builtin_frame_address(0), false);
}
