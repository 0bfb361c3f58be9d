// SPDX-License-Identifier: MIT
/*
 * Weak defaults of the port interface, for who embeds libquire.a in a kernel of their own (docs/architecture.md): enough for one CPU
 * with 4 KiB pages and 48-bit addresses, without interrupts, symbols, files or faults that are waited for. Each is
 * replaced by defining a function of its name. What has no default, because nobody else can know it, is left to the linker
 * to ask for: port_init_pg_dir, port_console_write, port_poweroff.
 *
 * The board port and the host port do not use this file.
 */
#include <quire/event.h>
#include <quire/port.h>

#define weak __attribute__((weak))

/* ------------------------------------------------------------------ storage */

/* Filled by the embedder before start_kernel(): fdt_phys, entry_el, and all of image. */
weak struct boot_params boot_params;
weak unsigned int vabits_actual = 48;
/* Until port_linear_map_init the embedder sets it to image.kva - image.phys. */
weak s64 physvirt_offset;

static u64 swapper_pg_dir[512] __aligned(PAGE_SIZE);
static u64 bm_table[NR_BM_TABLES][512] __aligned(PAGE_SIZE);

static phys_addr_t image_pa(const void *p)
{
	return (unsigned long)p - boot_params.image.kva + boot_params.image.phys;
}

weak phys_addr_t port_swapper_pg_dir(void)
{
	return image_pa(swapper_pg_dir);
}

weak phys_addr_t port_bm_table(unsigned int index)
{
	return image_pa(bm_table[index]);
}

static struct event events[256];
weak struct event_log event_log = {.events = events, .max = ARRAY_SIZE(events)};

weak int port_event_grow(struct event_log *log)
{
	(void)log;
	return -ENOMEM;
}

/* ------------------------------------------------------------------ address space */

#define LINEAR_MAP_START 0xffff000000000000UL
#define LINEAR_MAP_SIZE BIT(47)

weak int port_linear_map_init(phys_addr_t memstart, phys_addr_t start, phys_addr_t end)
{
	(void)start;
	if (end - 1 - memstart >= LINEAR_MAP_SIZE)
		return -ERANGE;
	physvirt_offset = (s64)(LINEAR_MAP_START - memstart);
	return 0;
}

/* replace_ttbr1.S */
void idmap_set_ttbr1(phys_addr_t pgd);

/* TTBR0_EL1 has to map the image to its physical addresses, executable: see replace_ttbr1.S. */
weak void port_replace_ttbr1(phys_addr_t pgd)
{
	unsigned long flags = port_irq_save();

	port_pte_barrier();
	((void (*)(phys_addr_t))image_pa((const void *)idmap_set_ttbr1))(pgd);
	port_irq_restore(flags);
}

/* ------------------------------------------------------------------ one CPU, no interrupts */

weak int port_irq_init(const struct irqchip *chips, unsigned int nr)
{
	(void)chips, (void)nr;
	return -ENODEV;
}

weak int port_irq_init_cpu(void)
{
	return -ENODEV;
}

weak int port_cpu_start(unsigned int cpu, u64 hwid, const char *enable_method,
			phys_addr_t release_addr, unsigned long percpu_offset)
{
	(void)cpu, (void)hwid, (void)enable_method, (void)release_addr, (void)percpu_offset;
	return -ENODEV;
}

weak void port_send_ipi(unsigned int cpu)
{
	(void)cpu;
}

weak void port_cpu_idle(void)
{
}

weak void port_cpu_stop(void)
{
	for (;;)
		port_cpu_relax();
}

weak bool port_membarrier(void)
{
	return false;
}

weak unsigned int port_use_lse(void)
{
	return 0;
}

/* ------------------------------------------------------------------ what is not there */

/* Whoever has a console at once calls console_start() and needs no driver here. */
weak int port_console_init(const char *compatible, phys_addr_t base, unsigned int reg_shift,
			   unsigned int io_width)
{
	(void)compatible, (void)base, (void)reg_shift, (void)io_width;
	return -ENODEV;
}

weak int port_rtc_read(const char *compatible, phys_addr_t base, u64 *seconds)
{
	(void)compatible, (void)base, (void)seconds;
	return -ENODEV;
}

weak const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	(void)addr, (void)offset, (void)size;
	return NULL;
}

weak void port_backtrace(void)
{
}

weak unsigned int port_stack_trace(unsigned long *entries, unsigned int max, unsigned int skip)
{
	(void)entries, (void)max, (void)skip;
	return 0;
}

weak u64 port_time_ns(void)
{
	return port_clock_ns();
}

weak void port_enable_semihosting(void)
{
}

weak void port_set_psci(bool hvc, u32 cpu_on_function)
{
	(void)hvc, (void)cpu_on_function;
}

/* Faults are not caught: they go to the embedder's vectors. */
weak bool port_expect_fault(int (*op)(void *arg), void *arg, u64 *esr, u64 *far)
{
	(void)esr, (void)far;
	(void)op(arg);
	return false;
}

weak int port_report_open(const char *name)
{
	(void)name;
	return -ENODEV;
}

weak int port_report_write(const char *s, size_t n)
{
	(void)s, (void)n;
	return -ENODEV;
}

weak void port_report_close(void)
{
}
