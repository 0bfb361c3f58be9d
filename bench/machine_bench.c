/* SPDX-License-Identifier: MIT */
/*
 * What every allocator stands on: clearing and copying pages, locks, references, TLB maintenance. Named as the rows measured
 * in Linux. Each operation is called once between two readings of the counter, whose own cost is taken off.
 */
#include <quire/bench.h>
#include <quire/gfp.h>
#include <quire/string.h>

#define ROUNDS 64U

static u64 empty;

#define MEASURE(name, op)                                                                          \
	do {                                                                                       \
		u64 best = ~0ULL;                                                                  \
		unsigned int i;                                                                    \
		for (i = 0; i < ROUNDS; i++) {                                                     \
			u64 t = bench_ticks();                                                     \
			op;                                                                        \
			best = min(best, bench_ticks() - t);                                       \
		}                                                                                  \
		bench_row(name, 1, best - empty);                                                  \
	} while (0)

void bench_machine(void)
{
	static spinlock_t lock = SPINLOCK_INIT;
	struct page *page = alloc_pages(GFP_KERNEL, 1);
	unsigned int i;
	char *a, *b;

	if (!page)
		return;
	a = page_address(page);
	b = a + PAGE_SIZE;
	empty = ~0ULL;
	for (i = 0; i < ROUNDS; i++) {
		u64 t = bench_ticks();

		empty = min(empty, bench_ticks() - t);
	}
	MEASURE("clear_page 4K", clear_page(a));
	MEASURE("copy_page 4K", copy_page(b, a));
	MEASURE("memset 4K 0x5a", memset(a, 0x5a, SZ_4K));
	MEASURE("memcpy 4K", memcpy(b, a, SZ_4K));
	MEASURE("local_flush_tlb_all", port_flush_tlb_all());
	MEASURE("flush_tlb_kernel_range 1p",
		port_flush_tlb_kernel_range(port_ptr_to_kva(a), port_ptr_to_kva(a) + PAGE_SIZE));
	MEASURE("spin_lock+unlock", (spin_lock(&lock), spin_unlock(&lock)));
	MEASURE("get_page+put_page", (get_page(page), put_page(page)));
	__free_pages(page, 1);
}
