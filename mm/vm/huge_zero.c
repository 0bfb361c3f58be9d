// SPDX-License-Identifier: MIT
/*
 * The zero block: what a read of nothing sees where a block may be, by one entry (Linux: the huge zero page).
 *
 * The first who needs it makes it, and it stays. Its pages are single ones with one reference each that nobody gives back, in no area's account. A leaf
 * that shows it has PTE_SPECIAL, as an entry of the zero page has, and is never writable: a write splits it (huge.c) into entries of the zero
 * page, one of which the fault then replaces. Locking: none; who comes second with a block of his own gives it back.
 *
 * Against Linux 6.12: there it is freed when memory is short and nobody maps it.
 */
#include <quire/mm.h>
#include <quire/pagewalk.h>
#include <quire/user.h>

#include "internal.h"

static struct page *zero_block;

void huge_zero_forget(void)
{
	zero_block = NULL;
}

bool is_huge_zero(const struct page *page)
{
	const struct page *head = __atomic_load_n(&zero_block, __ATOMIC_ACQUIRE);

	return head && page >= head && page < head + HUGE_PAGES;
}

static noinline const struct page *make_zero_block(void)
{
	struct page *head = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, HUGE_ORDER),
		    *none = NULL;

	if (!head) {
		count_vm_event(THP_ZERO_PAGE_ALLOC_FAILED);
		return NULL;
	}
	split_page(head, HUGE_ORDER);
	for (unsigned long i = 0; i < HUGE_PAGES; i++) {
		clear_page(page_address(head + i));
		/* Some area may be executed. */
		port_sync_icache(page_address(head + i), PAGE_SIZE);
		SetPageArch1(head + i);
	}
	if (__atomic_compare_exchange_n(&zero_block, &none, head, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		count_vm_event(THP_ZERO_PAGE_ALLOC);
		return head;
	}
	for (unsigned long i = 0; i < HUGE_PAGES; i++)
		__free_page(head + i);
	return none;
}

const struct page *huge_zero(void)
{
	const struct page *head = __atomic_load_n(&zero_block, __ATOMIC_ACQUIRE);

	return likely(head) ? head : make_zero_block();
}
