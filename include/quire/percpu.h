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
 * Against the interrupts of its own CPU the user guards by port_irq_save() or a local_trylock (<quire/local_lock.h>).
 * The this_cpu_* operations are not atomic against interrupts, unless they say so.
 */
#ifndef QUIRE_PERCPU_H
#define QUIRE_PERCPU_H

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
#define this_cpu_add(var, v)                                                                       \
	do {                                                                                       \
		__typeof__(&(var)) _pcp = this_cpu_ptr(&(var));                                    \
		WRITE_ONCE(*_pcp, *_pcp + (v));                                                    \
	} while (0)
#define this_cpu_sub(var, v) this_cpu_add(var, -(v))
#define this_cpu_inc(var) this_cpu_add(var, 1)
#define this_cpu_dec(var) this_cpu_add(var, -1)

#endif
