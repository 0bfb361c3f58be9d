/* SPDX-License-Identifier: MIT */
/* The port interface's inline half on the board: see <quire/port.h> for the contracts. */
#ifndef PORT_INLINE_H
#define PORT_INLINE_H

static inline void *port_kva_to_ptr(unsigned long kva)
{
	return (void *)kva;
}

static inline unsigned long port_ptr_to_kva(const void *p)
{
	return (unsigned long)p;
}

static inline void *port_image_to_ptr(phys_addr_t pa)
{
	return (void *)(unsigned long)(pa - boot_params.image.phys + boot_params.image.kva);
}

static inline bool port_mirrors(void)
{
	return false;
}

static inline int port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size)
{
	(void)kva, (void)pa, (void)size;
	return 0;
}

static inline void port_mirror_unmap(unsigned long kva, u64 size)
{
	(void)kva, (void)size;
}

static inline void port_linear_hide(phys_addr_t pa, u64 size)
{
	(void)pa, (void)size;
}

static inline void port_linear_show(phys_addr_t pa, u64 size)
{
	(void)pa, (void)size;
}

static inline void port_set_pte(u64 *entry, u64 val)
{
	WRITE_ONCE(*entry, val);
}

static inline u64 port_get_pte(const u64 *entry)
{
	return READ_ONCE(*entry);
}

static inline bool port_cmpxchg_pte(u64 *entry, u64 *old, u64 val)
{
	return __atomic_compare_exchange_n(entry, old, val, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static inline void port_pte_barrier(void)
{
	__asm__ volatile("dsb ishst\n\tisb" ::: "memory");
}

static inline void port_flush_tlb_all(void)
{
	__asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
}

/* port/bare/cpu.c: any number of pages. */
void flush_tlb_pages(unsigned long start, unsigned long end);

/* All levels, not only the last: the caller may free tables that the walk caches hold. One page is nearly always known to be one. */
static __always_inline void port_flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	if (__builtin_constant_p(end - start == PAGE_SIZE) && end - start == PAGE_SIZE)
		__asm__ volatile("dsb ishst\n\ttlbi vaae1is, %0\n\tdsb ish\n\tisb" ::"r"(
					 (start >> 12) & GENMASK(43, 0))
				 : "memory");
	else
		flush_tlb_pages(start, end);
}

static inline unsigned long port_irq_save(void)
{
	unsigned long flags;

	__asm__ volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(flags)::"memory");
	return flags;
}

static inline void port_irq_restore(unsigned long flags)
{
	__asm__ volatile("msr daif, %0" ::"r"(flags) : "memory");
}

static inline void port_irq_enable(void)
{
	__asm__ volatile("msr daifclr, #2" ::: "memory");
}

static inline void port_irq_disable(void)
{
	__asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline bool port_irqs_disabled(void)
{
	unsigned long flags;

	__asm__ volatile("mrs %0, daif" : "=r"(flags));
	return flags & (1UL << 7);
}

/*
 * An exclusive pair, which every CPU has. With LSE a compare-and-swap would take as many instructions (two constants, CASA,
 * a branch), but needs Armv8.1, or a second version of the code.
 */
static __always_inline bool port_lock_word(u32 *word)
{
	__asm__ goto("ldaxr w17, %0\n\t"
		     "cbnz w17, %l[fail]\n\t"
		     "stxr w17, %w1, %0\n\t"
		     "cbnz w17, %l[fail]"
		     :
		     : "Q"(*word), "r"(1)
		     : "w17", "memory"
		     : fail);
	return true;
fail:
	return false;
}

/*
 * TPIDR_EL1 holds the CPU's per-CPU offset, a multiple of 4 KiB, with its logical number in the low bits. Volatile: a task
 * that slept may be on another CPU.
 */
#define TPIDR_CPU_MASK 0xfffUL
static __always_inline unsigned long read_tpidr_el1(void)
{
	unsigned long v;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(v));
	return v;
}

static __always_inline unsigned int port_cpu(void)
{
	return (unsigned int)(read_tpidr_el1() & TPIDR_CPU_MASK);
}

static __always_inline unsigned long port_percpu_offset(void)
{
	return read_tpidr_el1() & ~TPIDR_CPU_MASK;
}

static inline void port_set_cpu(unsigned int cpu, unsigned long percpu_offset)
{
	__asm__ volatile("msr tpidr_el1, %0" ::"r"(percpu_offset | cpu) : "memory");
}

static inline void port_cpu_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}

#endif
