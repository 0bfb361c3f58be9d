/* SPDX-License-Identifier: MIT */
/*
 * What every allocator stands on: clearing and copying pages, locks, references, TLB maintenance. Named as the rows measured
 * in Linux. Each operation is called once between two readings of the counter, whose own cost is taken off.
 */
#include <quire/bench.h>
#include <quire/gfp.h>
#include <quire/string.h>

#define ROUNDS 64U

#define BEST(best, op)                                                                             \
	do {                                                                                       \
		unsigned int i;                                                                    \
		best = ~0ULL;                                                                      \
		for (i = 0; i < ROUNDS; i++) {                                                     \
			u64 t = bench_ticks();                                                     \
			op;                                                                        \
			best = min(best, bench_ticks() - t);                                       \
		}                                                                                  \
	} while (0)

/* op beside with: what with costs is not counted. */
#define MEASURE_BESIDE(name, op, with)                                                             \
	do {                                                                                       \
		u64 best, empty;                                                                   \
		BEST(empty, with);                                                                 \
		BEST(best, op);                                                                    \
		bench_row(name, 1, best - empty);                                                  \
	} while (0)

#define MEASURE(name, op) MEASURE_BESIDE(name, op, (void)0)

/* The compiler does not know the address, or it would compute TLBI's operand once for all rounds. */
static __always_inline unsigned long hidden(const void *p)
{
	unsigned long kva = port_ptr_to_kva(p);

	__asm__ volatile("" : "+r"(kva));
	return kva;
}

static __always_inline void flush_page(unsigned long kva)
{
	port_flush_tlb_kernel_range(kva, kva + PAGE_SIZE);
}

void bench_machine(void)
{
	static spinlock_t lock = SPINLOCK_INIT;
	struct page *page = alloc_pages(GFP_KERNEL, 1);
	char *a, *b;

	if (!page)
		return;
	a = page_address(page);
	b = a + PAGE_SIZE;
	MEASURE("clear_page 4K", clear_page(a));
	MEASURE("copy_page 4K", copy_page(b, a));
	MEASURE("memset 4K 0x5a", memset(a, 0x5a, SZ_4K));
	MEASURE("memcpy 4K", memcpy(b, a, SZ_4K));
	MEASURE("local_flush_tlb_all", port_flush_tlb_all());
	MEASURE_BESIDE("flush_tlb_kernel_range 1p", flush_page(hidden(a)), (void)hidden(a));
	MEASURE("spin_lock+unlock", (spin_lock(&lock), spin_unlock(&lock)));
	MEASURE("get_page+put_page", (get_page(page), put_page(page)));
	__free_pages(page, 1);
}
