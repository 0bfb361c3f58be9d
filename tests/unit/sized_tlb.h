/* SPDX-License-Identifier: MIT */
/*
 * A CPU that accesses a program's memory by one of two TLBs which hold pages, contiguous groups of them and blocks, and forget nothing until they are
 * flushed. A test fails when two translations of one address are in a TLB at once, which a CPU may report as a conflict or use either of; when what
 * a TLB holds is not in the tables, or is of another size there, or allows more; and when a walk finds a group of entries marked contiguous that do
 * not agree.
 *
 * Before it CACHE_ROOM: how many translations of an address space a TLB has room for. All that a test accesses.
 */
#ifndef TESTS_SIZED_TLB_H
#define TESTS_SIZED_TLB_H

#include "vm_world.h"

struct cached {
	unsigned long va, size; /* 0: none */
	u64 pte; /* as the page's entry would be; of what is larger, that of its first page */
};
static struct cached cache[TLBS][ASIDS][CACHE_ROOM];

static void flush_cache(u64 asid, unsigned long start, unsigned long end)
{
	for (unsigned int t = 0; t < TLBS; t++)
		for (unsigned int i = 0; asid < ASIDS && i < CACHE_ROOM; i++) {
			struct cached *c = &cache[t][asid][i];

			if (c->size && (start == end || (c->va < end && c->va + c->size > start)))
				c->size = 0;
		}
}

/* What a walk for addr makes of the entry: size and first page. */
static struct cached walked(struct mm_struct *by, unsigned long addr, u64 raw, u64 val)
{
	const unsigned long cont = (PAGE_SIZE << (PAGE_SHIFT == 14 ? 7 : PAGE_SHIFT == 16 ? 5 : 4));
	struct cached c = {.size = PAGE_SIZE, .pte = val};
	const u64 *pte = pte_lookup(by, addr);

	if (pmd_is_leaf(raw) && !pte)
		return (struct cached){ALIGN_DOWN(addr, HUGE_SIZE), HUGE_SIZE, raw | DESC_TABLE};
	c.va = addr;
	if (!(val & DESC_CONT))
		return c;
	c = (struct cached){.va = ALIGN_DOWN(addr, cont), .size = cont};
	pte = pte_lookup(by, c.va);
	c.pte = pte_load(pte);
	if (pte_pa(c.pte) & (cont - 1))
		fail_msg("entries from %#lx are marked contiguous, their pages are not aligned",
			 c.va);
	for (unsigned long i = 0; i < cont / PAGE_SIZE; i++)
		if (pte_load(&pte[i]) - c.pte != i * PAGE_SIZE)
			fail_msg("entries from %#lx are marked contiguous, that of page %lu is "
				 "%#lx, the first %#lx",
				 c.va, i, (long)pte_load(&pte[i]), (long)c.pte);
	return c;
}

/* The page that the CPU gets to, or NULL: a fault. */
static char *cpu_access(struct mm_struct *by, unsigned long addr, bool write)
{
	u64 asid = by->context_id & 0xff, raw = 0, val = 0,
	    *entry = entry_find(by, addr, &raw, &val);
	struct cached *set = cache[random() % TLBS][asid], *hit = NULL, *room = NULL, now;

	assert_true(asid < ASIDS);
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	for (unsigned int i = 0; i < CACHE_ROOM; i++) {
		if (!set[i].size) {
			room = &set[i];
		} else if (addr - set[i].va < set[i].size) {
			if (hit)
				fail_msg("two translations of %#lx in one TLB", addr);
			hit = &set[i];
		}
	}
	now = entry ? walked(by, addr, raw, val) : (struct cached){0};
	if (hit && hit->size != now.size)
		fail_msg("the translation of %#lx in the TLB is of another size", addr);
	if (hit && write && hit->pte & DESC_RDONLY)
		return NULL;
	if (hit &&
	    (!entry || !(val & DESC_VALID) || pte_pa(val) != pte_pa(hit->pte) + (addr - hit->va) ||
	     (write && val & DESC_RDONLY)))
		fail_msg("stale translation of %#lx used: %#lx", addr, (long)hit->pte);
	if (!entry || !(val & DESC_VALID) || !(val & DESC_USER) || (write && val & DESC_RDONLY))
		return NULL;
	if (!hit) {
		for (unsigned int i = 0; i < CACHE_ROOM; i++)
			if (set[i].size && set[i].va < now.va + now.size &&
			    now.va < set[i].va + set[i].size)
				fail_msg("%#lx is translated with others that the TLB has alone",
					 addr);
		assert_non_null(room);
		*room = now;
	}
	return page_address(pte_page(val));
}

static vm_fault_t touch(struct mm_struct *by, unsigned long addr, bool write, char *byte)
{
	for (unsigned int tries = 0; tries < 6; tries++) {
		char *p = cpu_access(by, addr, write);
		vm_fault_t ret;

		if (p) {
			if (write)
				*p = *byte;
			else
				*byte = *p;
			return 0;
		}
		ret = handle_mm_fault(by, addr, FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0));
		if (ret & VM_FAULT_ERROR)
			return ret;
	}
	fail_msg("the access to %#lx faults for ever", addr);
	return 0;
}

static __maybe_unused void set(struct mm_struct *by, unsigned long addr, char byte)
{
	assert_int_equal(touch(by, addr, true, &byte), 0);
}

static __maybe_unused int see(struct mm_struct *by, unsigned long addr)
{
	char byte;

	assert_int_equal(touch(by, addr, false, &byte), 0);
	return byte;
}

#endif
