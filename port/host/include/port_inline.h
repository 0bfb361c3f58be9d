/* SPDX-License-Identifier: MIT */
/* The port interface's inline half in a process: see <quire/port.h> for the contracts. */
#ifndef PORT_INLINE_H
#define PORT_INLINE_H

void *port_kva_to_ptr(unsigned long kva);
unsigned long port_ptr_to_kva(const void *p);
static inline void *port_image_to_ptr(phys_addr_t pa)
{
	return phys_to_virt(pa);
}

static inline bool port_mirrors(void)
{
	return true;
}

int port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size);
void port_mirror_unmap(unsigned long kva, u64 size);
void port_linear_hide(phys_addr_t pa, u64 size);
void port_linear_show(phys_addr_t pa, u64 size);

/* Told to the software MMU, which checks break-before-make. */
void port_set_pte(u64 *entry, u64 val);

void port_flush_tlb_kernel_range(unsigned long start, unsigned long end);
void port_flush_tlb_all(void);

static inline u64 port_get_pte(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static inline void port_get_ptes(const u64 *entry, u64 val[4])
{
	for (unsigned int i = 0; i < 4; i++)
		val[i] = port_get_pte(entry + i);
}

static inline void port_set_ptes(u64 *entry, const u64 val[4])
{
	for (unsigned int i = 0; i < 4; i++)
		port_set_pte(entry + i, val[i]);
}

static inline bool port_cmpxchg_pte(u64 *entry, u64 *old, u64 val)
{
	return __atomic_compare_exchange_n(entry, old, val, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

void port_pte_barrier(void);

/*
 * Interrupts are a call at a known place (port/host/smp.c): here, when they are turned on and one is pending. host_ipi: the word
 * that says so, NULL for a thread that is no CPU.
 */
extern __thread u32 host_irqs_off;
extern __thread u32 *host_ipi;
void host_interrupt(void);
void host_relax(void);

static inline unsigned long port_irq_save(void)
{
	unsigned long flags = host_irqs_off;

	host_irqs_off = 1;
	return flags;
}

static inline void port_irq_restore(unsigned long flags)
{
	host_irqs_off = (u32)flags;
	if (!flags && host_ipi && unlikely(__atomic_load_n(host_ipi, __ATOMIC_RELAXED)))
		host_interrupt();
}

static inline void port_irq_enable(void)
{
	port_irq_restore(0);
}

static inline bool port_irqs_disabled(void)
{
	return host_irqs_off;
}

/* What is mostly 0 becomes something by one exchange; or'ing with the old value wanted would be a loop around it. */
static inline u32 port_fetch_or_acquire(u32 *p, u32 bits)
{
	u32 old = 0;

	if (likely(__atomic_compare_exchange_n(p, &old, bits, false, __ATOMIC_ACQUIRE,
					       __ATOMIC_RELAXED)))
		return 0;
	return __atomic_fetch_or(p, bits, __ATOMIC_ACQUIRE);
}

static inline s32 port_fetch_add_relaxed(s32 *p, s32 n)
{
	return __atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

static inline s32 port_fetch_add_acq_rel(s32 *p, s32 n)
{
	return __atomic_fetch_add(p, n, __ATOMIC_ACQ_REL);
}

static inline u64 port_fetch_add64_relaxed(u64 *p, u64 n)
{
	return __atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

static inline u64 port_fetch_add64_acq_rel(u64 *p, u64 n)
{
	return __atomic_fetch_add(p, n, __ATOMIC_ACQ_REL);
}

extern __thread unsigned int host_cpu;
extern __thread unsigned long host_percpu_offset;

static inline unsigned int port_cpu(void)
{
	return host_cpu;
}

static inline unsigned long port_percpu_offset(void)
{
	return host_percpu_offset;
}

static inline void port_set_cpu(unsigned int cpu, unsigned long percpu_offset)
{
	host_cpu = cpu;
	host_percpu_offset = percpu_offset;
}

static inline void port_cpu_relax(void)
{
	host_relax();
}

#endif
