/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables (Linux: include/linux/percpu-defs.h, percpu.h; names and meanings of 6.12).
 *
 * A per-CPU variable is declared once and lies in the section quire_percpu, the template of every CPU's unit. The address
 * of CPU n's copy is the variable's own plus per_cpu_offset(n). Until setup_per_cpu_areas() the only CPU uses the
 * template itself: offset 0. alloc_percpu() gives the address of a variable that is not in the template, by the same
 * arithmetic (mm/kmem/percpu.c).
 *
 * A task stays on its CPU while it runs in the kernel, unless it sleeps: a pointer of this_cpu_ptr() holds until then.
 * Against the interrupts of its own CPU the user guards by port_irq_save() or a local_trylock (<quire/local_lock.h>);
 * each this_cpu_* operation is one step to them, a __this_cpu_* one is not.
 */
#ifndef QUIRE_PERCPU_H
#define QUIRE_PERCPU_H

#include <quire/gfp.h>
#include <quire/port.h>

#define PER_CPU_SECTION "quire_percpu"
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name
#define DEFINE_PER_CPU(type, name) __attribute__((section(PER_CPU_SECTION))) __typeof__(type) name
#define DEFINE_PER_CPU_ALIGNED(type, name) DEFINE_PER_CPU(type, name) __cacheline_aligned

/* Distance of a CPU's copies from the template, in bytes; 0 before setup_per_cpu_areas(). */
extern unsigned long __per_cpu_offset[NR_CPUS];
#define per_cpu_offset(cpu) (__per_cpu_offset[cpu])

/* `ptr` is the address of a per-CPU variable or what alloc_percpu gave. */
#define SHIFT_PERCPU_PTR(ptr, offset)                                                              \
	((__typeof__(ptr))((unsigned long)(ptr) + (unsigned long)(offset)))
#define per_cpu_ptr(ptr, cpu) SHIFT_PERCPU_PTR(ptr, per_cpu_offset(cpu))
#define this_cpu_ptr(ptr) SHIFT_PERCPU_PTR(ptr, port_percpu_offset())
#define raw_cpu_ptr(ptr) this_cpu_ptr(ptr)
#define per_cpu(var, cpu) (*per_cpu_ptr(&(var), cpu))
#define get_cpu_var(var) (*this_cpu_ptr(&(var)))
#define put_cpu_var(var) ((void)&(var))

#define this_cpu_read(var) READ_ONCE(*this_cpu_ptr(&(var)))
#define this_cpu_write(var, v) WRITE_ONCE(*this_cpu_ptr(&(var)), v)
/*
 * One step against the interrupts of this CPU, and so as long as nobody else writes this CPU's copy: an interrupt that does the same
 * comes before or after, wholly. Integers.
 */
#define this_cpu_add(var, v)                                                                       \
	((void)__atomic_fetch_add(this_cpu_ptr(&(var)), (__typeof__(var))(v), __ATOMIC_RELAXED))
#define this_cpu_sub(var, v) this_cpu_add(var, -(__typeof__(var))(v))
#define this_cpu_inc(var) this_cpu_add(var, 1)
#define this_cpu_dec(var) this_cpu_sub(var, 1)
#define this_cpu_and(var, v)                                                                       \
	((void)__atomic_fetch_and(this_cpu_ptr(&(var)), (__typeof__(var))(v), __ATOMIC_RELAXED))
#define this_cpu_or(var, v)                                                                        \
	((void)__atomic_fetch_or(this_cpu_ptr(&(var)), (__typeof__(var))(v), __ATOMIC_RELAXED))
/* The value after the addition. */
#define this_cpu_add_return(var, v)                                                                \
	__atomic_add_fetch(this_cpu_ptr(&(var)), (__typeof__(var))(v), __ATOMIC_RELAXED)
#define this_cpu_sub_return(var, v) this_cpu_add_return(var, -(__typeof__(var))(v))
#define this_cpu_inc_return(var) this_cpu_add_return(var, 1)
#define this_cpu_dec_return(var) this_cpu_sub_return(var, 1)
/* The same by a load and a store: cheaper, with interrupts off or where none does the like. */
#define __this_cpu_read(var) this_cpu_read(var)
#define __this_cpu_write(var, v) this_cpu_write(var, v)
#define __this_cpu_add_return(var, v)                                                              \
	({                                                                                         \
		__typeof__(&(var)) _pcp = this_cpu_ptr(&(var));                                    \
		WRITE_ONCE(*_pcp, (__typeof__(var))(*_pcp + (v)));                                 \
		*_pcp;                                                                             \
	})
#define __this_cpu_add(var, v) ((void)__this_cpu_add_return(var, v))
#define __this_cpu_sub(var, v) __this_cpu_add(var, -(__typeof__(var))(v))
#define __this_cpu_inc(var) __this_cpu_add(var, 1)
#define __this_cpu_dec(var) __this_cpu_sub(var, 1)
/* The value before; also against other CPUs. */
#define this_cpu_xchg(var, v) __atomic_exchange_n(this_cpu_ptr(&(var)), v, __ATOMIC_RELAXED)
#define this_cpu_cmpxchg(var, old, new)                                                            \
	({                                                                                         \
		__typeof__(var) _old = (old);                                                      \
		__atomic_compare_exchange_n(this_cpu_ptr(&(var)), &_old, new, false,               \
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);                   \
		_old;                                                                              \
	})

/* ------------------------------------------------------------------ areas (mm/kmem/percpu_setup.c) */

/* What modules' static variables get in the first chunk, and what alloc_percpu may have there, in bytes. */
#define PERCPU_MODULE_RESERVE 8192UL
#define PERCPU_DYNAMIC_RESERVE (28UL << 10)
#define PCPU_MIN_UNIT_SIZE (32UL << 10)
/* The largest object, and alignment at most a page. */
#define PCPU_MAX_ALLOC PCPU_MIN_UNIT_SIZE

/* The template: [__per_cpu_start, __per_cpu_end), page aligned. */
extern char __per_cpu_start[], __per_cpu_end[];

/*
 * Give every possible CPU its unit, near its node's memory, and copy the template; the boot CPU moves into its own. cpu_nid:
 * a CPU's node. From memblock, before memblock_free_all; panics without memory. (Linux: setup_per_cpu_areas,
 * pcpu_embed_first_chunk.)
 */
void setup_per_cpu_areas(int (*cpu_nid)(unsigned int cpu));

/* ------------------------------------------------------------------ allocation (mm/kmem/percpu.c) */

/*
 * `size` bytes for every possible CPU, zeroed, at one per-CPU address. align: a power of two up to PAGE_SIZE. NULL, with a
 * warning unless __GFP_NOWARN: bad arguments, or no memory. Without __GFP_DIRECT_RECLAIM only memory that is there already is used.
 * Any context. (Linux: mm/percpu.c)
 */
void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp);
void *__alloc_percpu(size_t size, size_t align);
/* From what the first chunk reserves for modules. */
void *__alloc_reserved_percpu(size_t size, size_t align);
#define alloc_percpu_gfp(type, gfp)                                                                \
	((__typeof__(type) *)__alloc_percpu_gfp(sizeof(type), __alignof__(type), gfp))
#define alloc_percpu(type) ((__typeof__(type) *)__alloc_percpu(sizeof(type), __alignof__(type)))

/*
 * NULL is allowed. What alloc_percpu did not give is reported and left alone. Any context. The last object of a chunk frees a chunk when
 * another one is empty already.
 */
void free_percpu(void *ptr);

/* Physical address of a CPU's copy, by its pointer (per_cpu_ptr). */
phys_addr_t per_cpu_ptr_to_phys(void *addr);
/* addr, a CPU's copy, is of a static variable. */
bool is_kernel_percpu_address(unsigned long addr);

/* Give back chunks that nothing is in, and pages that nothing is on: under memory pressure. Not in interrupts. */
void pcpu_shrink(void);

struct pcpu_stats {
	unsigned int chunks, units;
	size_t unit_size, static_size, reserved_size, dyn_size;
	size_t allocated; /* bytes given out, a CPU */
	size_t populated; /* bytes that have memory, a CPU, first chunk included */
	size_t metadata;  /* bytes of bookkeeping */
	unsigned long objects;
};
void pcpu_get_stats(struct pcpu_stats *stats);
/* Re-derives every chunk's cells and lists. Prints violations, returns how many. */
int pcpu_check(void);

#endif
