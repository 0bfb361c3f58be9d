// SPDX-License-Identifier: MIT
/*
 * Places of the image that are one instruction on a CPU that has it, and a branch to several on one that has not
 * (port_inline.h: PORT_LSE). The image begins with the branches; they are written over once, when it is known that every CPU can.
 *
 * The table is in rodata, an entry a place, relative to itself, so that nothing of it is relocated. The text is never
 * writable where it runs: a page of it at a time is mapped a second time, in the fixmap. An instruction that is changed must
 * not be executed meanwhile by anybody (Arm ARM B2.2.5: these are not of the few that may be), so the other CPUs are held, this one
 * calls nothing that has such a place between a store and the barriers after it, and every CPU has a context
 * synchronisation event before it goes on.
 *
 * Against Linux (apply_alternatives_all): there the places of an atomic operation hold both ways behind a branch of their own,
 * which is a nop where LSE is used; here the instruction takes the branch's place, and nothing is left over.
 *
 * Locking: once, on the boot CPU, with the others held.
 */
#include <quire/pgtable.h>

#include "bare.h"

struct alternative {
	s32 site; /* distance of the place from this field */
	u32 insn;
};

/* quire.lds */
extern const struct alternative __alternatives_start[], __alternatives_end[];

/* An instruction by its second address, seen by the fetches from its first when this returns. No place of the table is in here. */
static void write_insn(u32 *alias, unsigned long site, u32 insn)
{
	WRITE_ONCE(*alias, insn);
	__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %1\n\tdsb ish\n\tisb" ::"r"(alias),
			 "r"(site)
			 : "memory");
}

unsigned int port_use_lse(void)
{
	const struct alternative *a;
	unsigned long mapped = 0, alias = fix_to_virt(FIX_TEXT_POKE0);

	for (a = __alternatives_start; a < __alternatives_end; a++) {
		unsigned long site = (unsigned long)&a->site + (unsigned long)(s64)a->site;

		if ((site & PAGE_MASK) != mapped) {
			mapped = site & PAGE_MASK;
			set_fixmap(FIX_TEXT_POKE0, image_pa((const void *)mapped), PAGE_KERNEL);
		}
		write_insn((u32 *)(alias + (site & ~PAGE_MASK)), site, a->insn);
	}
	if (mapped)
		set_fixmap(FIX_TEXT_POKE0, 0, __pgprot(0));
	return (unsigned int)(__alternatives_end - __alternatives_start);
}
