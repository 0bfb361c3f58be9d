// SPDX-License-Identifier: MIT
/*
 * Doubles of the port and of the log for unit tests: every symbol is weak, so that a test that links the real one, or
 * brings its own, gets that instead.
 *
 * Simulated memory is the test's: phys_to_virt is an addition of physvirt_offset, which a test sets to the difference
 * between its array and the physical address that it stands for; kernel addresses and pointers are the same number.
 * panic() fails the test with its text, and expect_assert_failure() catches it.
 */
#include <linux/membarrier.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <quire/event.h>
#include <quire/out.h>
#include <quire/mm_debug.h>
#include <quire/slab.h>
#include <quire/swiotlb.h>
#include <quire/page_debug.h>
#include <quire/percpu.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/smp.h>
#include <quire/printk.h>
#include <quire/string.h>
#include <quire/vmstat.h>

#define weak __attribute__((weak))

weak s64 physvirt_offset;
weak u64 hotplug_reserve;
weak struct boot_params boot_params;
weak unsigned int vabits_actual = DEFAULT_VA_BITS;
weak __thread unsigned int host_cpu;
weak __thread unsigned long host_percpu_offset;
weak unsigned long __per_cpu_offset[NR_CPUS];
weak int console_loglevel = 7;
weak DEFINE_PER_CPU(struct vm_event_state, vm_event_states);
weak DEFINE_PER_CPU(struct vm_mapped_state, vm_mapped_states);
weak DEFINE_PER_CPU(struct mthp_state, mthp_states);

static struct event first_events[4096];
weak struct event_log event_log = {.events = first_events, .max = ARRAY_SIZE(first_events)};

/* ------------------------------------------------------------------ the log */

static const char *without_level(const char *fmt)
{
	return fmt[0] == KERN_SOH[0] && fmt[1] ? fmt + 2 : fmt;
}

/* %pa and %pS are printed as pointers: good enough to read a failing test's output. */
weak int vprintk(const char *fmt, va_list args)
{
	return vprintf(without_level(fmt), args);
}

weak int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

weak void panic(const char *fmt, ...)
{
	static char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("panic: %s\n", text);
	fflush(stdout);
	mock_assert(0, text, "panic", 0);
	abort();
}

weak int quire_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	return vsnprintf(buf, size, fmt, args);
}

weak int quire_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = quire_vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

weak size_t quire_strlcpy(char *dst, const char *src, size_t size)
{
	return (size_t)snprintf(dst, size, "%s", src);
}

weak void console_start(void)
{
}

weak bool console_active(void)
{
	return true;
}

/* ------------------------------------------------------------------ events */

weak void event_record(const struct event *e)
{
	if (event_log.nr < event_log.max)
		event_log.events[event_log.nr++] = *e;
	else
		event_log.dropped++;
}

weak void event_step(const char *name)
{
	struct event e = {.op = EVENT_STEP, .name = name, .nid = NUMA_NO_NODE};

	event_record(&e);
}

weak int port_event_grow(struct event_log *log)
{
	return -ENOMEM;
}

/* ------------------------------------------------------------------ the machine */

weak int port_linear_map_init(phys_addr_t memstart, phys_addr_t start, phys_addr_t end)
{
	return 0;
}

weak void *port_kva_to_ptr(unsigned long kva)
{
	return (void *)kva;
}

weak unsigned long port_ptr_to_kva(const void *p)
{
	return (unsigned long)p;
}

weak int port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size)
{
	return 0;
}

weak void port_mirror_unmap(unsigned long kva, u64 size)
{
}

/* A Cortex-A72: 44 bits of PA, all granules. */
weak u64 port_read_reg(enum port_reg reg)
{
	switch (reg) {
	case PORT_MIDR_EL1:
		return 0x410fd083;
	case PORT_ID_AA64MMFR0_EL1:
		return 0x1124;
	case PORT_MPIDR_EL1:
		return 1UL << 31;
	default:
		return 0;
	}
}

weak unsigned int port_pa_bits(void)
{
	return 44;
}

weak phys_addr_t port_swapper_pg_dir(void)
{
	return 0;
}

weak phys_addr_t port_init_pg_dir(u64 *size)
{
	*size = 0;
	return 0;
}

weak phys_addr_t port_bm_table(unsigned int index)
{
	return 0;
}

weak void port_set_pte(u64 *entry, u64 val)
{
	__atomic_store_n(entry, val, __ATOMIC_RELAXED);
}

weak void port_pte_barrier(void)
{
}

weak void port_flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
}

weak void port_flush_tlb_all(void)
{
}

weak void port_replace_ttbr1(phys_addr_t pgd)
{
}

weak void port_dcache_clean_inval_poc(const void *p, size_t size)
{
}

weak u64 port_at_s1e1(unsigned long kva, bool write)
{
	return 1;
}

weak bool port_expect_fault(int (*op)(void *arg), void *arg, u64 *esr, u64 *far)
{
	op(arg);
	return false;
}

/* ------------------------------------------------------------------ console, symbols, end */

weak void port_console_write(const char *s, size_t n)
{
	fwrite(s, 1, n, stdout);
}

weak int port_console_init(const char *compatible, phys_addr_t base, unsigned int reg_shift,
			   unsigned int io_width)
{
	return -ENODEV;
}

weak int port_rtc_read(const char *compatible, phys_addr_t base, u64 *seconds)
{
	return -ENODEV;
}

weak const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	return NULL;
}

weak void port_backtrace(void)
{
}

weak u64 port_clock_ns(void)
{
	return 0;
}

weak void port_poweroff(int code)
{
	printf("power off, code %d\n", code);
	fflush(stdout);
	mock_assert(0, "port_poweroff", "port_poweroff", code);
	abort();
}

weak int port_report_open(const char *name)
{
	return -ENODEV;
}

weak int port_report_write(const char *s, size_t n)
{
	return -ENODEV;
}

weak void port_report_close(void)
{
}

/* ------------------------------------------------------------------ CPUs: one, unless lib/smp.c is linked */

weak unsigned int setup_max_cpus = NR_CPUS;
weak unsigned int nr_cpus_limit = NR_CPUS;
weak u64 setup_nolse;
weak u64 setup_nopan;

weak bool cpu_online(unsigned int cpu)
{
	return cpu == 0;
}

weak unsigned int num_online_cpus(void)
{
	return 1;
}

/* Threads play CPUs in some tests: what an owner of a local lock leaves out has to come from here (<quire/local_lock.h>). */
weak void smp_membarrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		return;
	/* The first one: the process has to say that it wants them. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		abort();
}

weak unsigned long smp_hold_others(void)
{
	return 0;
}

weak void smp_release_others(unsigned long flags)
{
}

weak void smp_hold_point(void)
{
}

weak bool smp_claim_end(void)
{
	return true;
}

weak unsigned int smp_stop_others(void)
{
	return 0;
}

weak bool smp_ended_elsewhere(void)
{
	return false;
}

weak __thread u32 host_irqs_off;
weak __thread u32 *host_ipi;

weak void host_interrupt(void)
{
}

/* Threads that play CPUs may be more than there are processors. */
weak void host_relax(void)
{
	sched_yield();
}

weak void port_send_ipi(unsigned int cpu)
{
}

weak void port_cpu_idle(void)
{
}

weak void port_cpu_stop(void)
{
	abort();
}

weak bool port_membarrier(void)
{
	return false;
}

weak unsigned int port_use_lse(void)
{
	return 0;
}

weak u64 port_time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

weak void printk_lock_stuck(const void *lock, u64 seconds)
{
	printf("a lock is held for %llu s\n", (unsigned long long)seconds);
	abort();
}

/* The slow way of every lock is the real one. */
#pragma weak spin_lock_wait
#include "lib/spinlock.c"

weak bool (*linear_map_later)(phys_addr_t pa, u64 size);
weak const struct page_debug_ops *page_debug;
weak const struct slab_debug_ops *slab_debug_ops;
weak const struct slab_object_ops *slab_object_debug;
weak bool (*mm_explain_fault)(unsigned long kva, bool write, unsigned long pc);
weak const struct mm_debug_option mm_debug_options[] = {{NULL, NULL}};
weak bool slab_nomerge, slab_freelist_random, slab_freelist_hardened;

weak const char *swiotlb_setup(const char *val)
{
	return NULL;
}
weak bool linear_map_in_pages;
weak unsigned long linear_hidden_pages;

weak unsigned int linear_map_flags(void)
{
	return MAP_NO_EXEC;
}

weak void port_linear_hide(phys_addr_t pa, u64 size)
{
}

weak void port_linear_show(phys_addr_t pa, u64 size)
{
}

weak unsigned int port_stack_trace(unsigned long *entries, unsigned int max, unsigned int skip)
{
	return 0;
}

/* ------------------------------------------------------------------ counters */

weak void mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item, long delta)
{
}

weak void mod_page_state_of(const struct page *page, enum node_stat_item item, long delta)
{
}

weak unsigned long node_page_state(const struct pglist_data *pgdat, enum node_stat_item item)
{
	return 0;
}

weak void vmstat_refresh(void)
{
}

weak const char *const node_stat_names[NR_VM_NODE_STAT_ITEMS] = {0};
