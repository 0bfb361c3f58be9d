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

/* Each register of LDP and STP is an access of its own (Arm ARM B2.2.1). */
static __always_inline void port_get_ptes(const u64 *entry, u64 val[4])
{
	__asm__ volatile("ldp %0, %1, [%4]\n\tldp %2, %3, [%4, #16]"
			 : "=&r"(val[0]), "=&r"(val[1]), "=r"(val[2]), "=&r"(val[3])
			 : "r"(entry), "m"(*(const u64(*)[4])entry));
}

static __always_inline void port_set_ptes(u64 *entry, const u64 val[4])
{
	__asm__ volatile("stp %x1, %x2, [%5]\n\tstp %x3, %x4, [%5, #16]"
			 : "=m"(*(u64(*)[4])entry)
			 : "rZ"(val[0]), "rZ"(val[1]), "rZ"(val[2]), "rZ"(val[3]), "r"(entry));
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
 * An atomic operation is one instruction where all CPUs have FEAT_LSE. Until that is known there is a branch in its place, to a
 * pair of exclusives behind the functions of the section, which branches back. A table says where, and what instruction it can be
 * (struct alternative in port/bare/alternative.c, which writes it there; who embeds the library may leave it as it is). x16 and
 * x17 are the exclusives' own. The section's name is one that every linker script puts somewhere.
 */
#define PORT_LSE(insn, exclusives)                                                                 \
	"661:	b	663f\n"                                                                            \
	"662:\n"                                                                                   \
	"	.subsection 1\n"                                                                         \
	"663:	" exclusives "\n"                                                                  \
	"	b	662b\n"                                                                                \
	"	.previous\n"                                                                             \
	"	.pushsection .rodata.alternatives, \"a\"\n"                                              \
	"	.p2align 2\n"                                                                            \
	"	.long	661b - .\n"                                                                        \
	"	.arch_extension lse\n"                                                                   \
	"	" insn "\n"                                                                        \
	"	.arch_extension nolse\n"                                                                 \
	"	.popsection"
/* w: the operands' width. */
#define PORT_FETCH(insn, load, op, store, w)                                                       \
	PORT_LSE(insn "	%" w "[n], %" w "[old], %[word]",                                          \
		 load "	%" w "[old], %[word]\n"                                                    \
		      "	" op "	" w "16, %" w "[old], %" w "[n]\n"                                 \
		      "	" store "	w17, " w "16, %[word]\n"                                   \
		      "	cbnz	w17, 663b")

static __always_inline u32 port_fetch_or_acquire(u32 *p, u32 bits)
{
	u32 old;

	__asm__ volatile(PORT_FETCH("ldseta", "ldaxr", "orr", "stxr", "w")
			 : [old] "=&r"(old), [word] "+Q"(*p)
			 : [n] "r"(bits)
			 : "x16", "x17", "memory");
	return old;
}

static __always_inline s32 port_fetch_add_relaxed(s32 *p, s32 n)
{
	s32 old;

	__asm__ volatile(PORT_FETCH("ldadd", "ldxr", "add", "stxr", "w")
			 : [old] "=&r"(old), [word] "+Q"(*p)
			 : [n] "r"(n)
			 : "x16", "x17");
	return old;
}

static __always_inline s32 port_fetch_add_acq_rel(s32 *p, s32 n)
{
	s32 old;

	__asm__ volatile(PORT_FETCH("ldaddal", "ldaxr", "add", "stlxr", "w")
			 : [old] "=&r"(old), [word] "+Q"(*p)
			 : [n] "r"(n)
			 : "x16", "x17", "memory");
	return old;
}

static __always_inline u64 port_fetch_add64_relaxed(u64 *p, u64 n)
{
	u64 old;

	__asm__ volatile(PORT_FETCH("ldadd", "ldxr", "add", "stxr", "x")
			 : [old] "=&r"(old), [word] "+Q"(*p)
			 : [n] "r"(n)
			 : "x16", "x17");
	return old;
}

static __always_inline u64 port_fetch_add64_acq_rel(u64 *p, u64 n)
{
	u64 old;

	__asm__ volatile(PORT_FETCH("ldaddal", "ldaxr", "add", "stlxr", "x")
			 : [old] "=&r"(old), [word] "+Q"(*p)
			 : [n] "r"(n)
			 : "x16", "x17", "memory");
	return old;
}

static __always_inline bool port_cmpxchg_pte(u64 *entry, u64 *old, u64 val)
{
	u64 expected = *old, seen = expected;

	__asm__ volatile(PORT_LSE("casal	%x[seen], %x[val], %[word]",
				  "ldaxr	x16, %[word]\n"
				  "	cmp	x16, %x[seen]\n"
				  "	b.ne	664f\n"
				  "	stlxr	w17, %x[val], %[word]\n"
				  "	cbnz	w17, 663b\n"
				  "664:	mov	%x[seen], x16")
			 : [seen] "+&r"(seen), [word] "+Q"(*entry)
			 : [val] "r"(val)
			 : "x16", "x17", "cc", "memory");
	*old = seen;
	return seen == expected;
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
