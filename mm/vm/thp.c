// SPDX-License-Identifier: MIT
/*
 * Transparent huge pages, the policy: which faults get a block or a group, and how hard it is tried to have one.
 *
 * What /sys/kernel/mm/transparent_hugepage holds is here; who asks for a block asks here first. Without a lock: each setting is one
 * word, and a fault that comes while it is changed goes by either value.
 *
 * Against Linux 6.12 (mm/huge_memory.c): the same settings, defaults and decisions for private anonymous memory; files have no blocks.
 */
#include <quire/mm.h>
#include <quire/mm_init.h>

#include "internal.h"

int thp_enabled = THP_ALWAYS, thp_defrag = THP_DEFRAG_MADVISE, thp_use_zero_page = 1;
int thp_size_enabled[HUGE_ORDER + 1] = {
	[0 ... HUGE_ORDER - 1] = THP_SIZE_NEVER, [HUGE_ORDER] = THP_SIZE_INHERIT};

unsigned long thp_group_orders;

void thp_sizes_changed(void)
{
	unsigned long orders = 0;

	/* Not below four pages, as on Linux. */
	for (unsigned int order = 2; order < HUGE_ORDER; order++)
		if (relaxed_load(&thp_size_enabled[order]) != THP_SIZE_NEVER)
			orders |= BIT(order);
	relaxed_store(&thp_group_orders, orders);
}

/* Below this Linux leaves them off, whatever is asked for at boot. */
#define THP_MIN_RAM (512UL << (20 - PAGE_SHIFT))

void thp_init(void)
{
	thp_enabled = totalram_pages() < THP_MIN_RAM ? THP_NEVER : transparent_hugepage_mode;
}

static bool choice_allows(int choice, bool advised)
{
	return choice == THP_ALWAYS || (choice == THP_MADVISE && advised);
}

/* The settings let the area have blocks of the order. */
bool thp_allowed(const struct vm_area_struct *vma, unsigned int order)
{
	bool advised = vma->vm_flags & VM_HUGEPAGE;

	if (!vma_is_anonymous(vma) || vma->vm_flags & VM_NOHUGEPAGE || vma->vm_mm->thp_disabled)
		return false;
	switch (relaxed_load(&thp_size_enabled[order])) {
	case THP_SIZE_ALWAYS:
		return true;
	case THP_SIZE_INHERIT:
		return choice_allows(relaxed_load(&thp_enabled), advised);
	case THP_SIZE_MADVISE:
		return advised;
	}
	return false;
}

/* As Linux's smaps asks: of the last block that could lie in the area. */
bool vm_thp_eligible(const struct vm_area_struct *vma)
{
	for (unsigned int order = HUGE_ORDER; order > 1; order--) {
		unsigned long size = PAGE_SIZE << order,
			      start = ALIGN_DOWN(vma->vm_end - size, size);

		if (vma->vm_end >= size && start >= vma->vm_start && thp_allowed(vma, order))
			return true;
	}
	return false;
}

gfp_t thp_gfp(const struct vm_area_struct *vma)
{
	const gfp_t light = GFP_TRANSHUGE_LIGHT & ~__GFP_COMP;
	bool advised = vma->vm_flags & VM_HUGEPAGE;

	switch (relaxed_load(&thp_defrag)) {
	case THP_DEFRAG_ALWAYS:
		return light | __GFP_DIRECT_RECLAIM | (advised ? 0 : __GFP_NORETRY);
	case THP_DEFRAG_DEFER:
		return light | __GFP_KSWAPD_RECLAIM;
	case THP_DEFRAG_DEFER_MADVISE:
		return light | (advised ? __GFP_DIRECT_RECLAIM : __GFP_KSWAPD_RECLAIM);
	case THP_DEFRAG_MADVISE:
		return light | (advised ? __GFP_DIRECT_RECLAIM : 0);
	}
	return light;
}
