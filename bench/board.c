// SPDX-License-Identifier: MIT
/*
 * Benches on the board: the counter, the rows, the phases of the boot.
 *
 * Under `qemu-system-aarch64 -icount shift=0 -cpu MODEL,cntfrq=1000000000` CNTVCT_EL0 counts instructions since reset,
 * and the clock that event_step() notes is the same number.
 */
#include <quire/bench.h>
#include <quire/event.h>
#include <quire/params.h>
#include <quire/printk.h>

u64 bench_ticks(void)
{
	u64 v;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v) : : "memory");
	return v;
}

void bench_row(const char *name, u64 ops, u64 ticks)
{
	u64 hundredths = ticks * 100 / ops;

	printk(KERN_EMERG "bench\t%s\t%llu\t%llu\t%llu.%02llu\n", name, (unsigned long long)ops,
	       (unsigned long long)ticks, (unsigned long long)(hundredths / 100),
	       (unsigned long long)(hundredths % 100));
}

void bench_phases(void)
{
	u64 last = 0;
	const char *name = "reset";

	for (u32 i = 0; i < event_log.nr; i++) {
		const struct event *e = &event_log.events[i];

		if (e->op != EVENT_STEP)
			continue;
		printk(KERN_EMERG "phase\t%s\t%llu\t%llu\n", name,
		       (unsigned long long)(e->base - last), (unsigned long long)e->base);
		last = e->base;
		name = e->name;
	}
}

/* An image may be built with some of the benches only. */
void __attribute__((weak)) bench_pages(void)
{
}

void __attribute__((weak)) bench_memblock(void)
{
}

void __attribute__((weak)) bench_machine(void)
{
}

void __attribute__((weak)) bench_slab(void)
{
}

void __attribute__((weak)) bench_vmalloc(void)
{
}

void __attribute__((weak)) bench_percpu(void)
{
}

void __attribute__((weak)) bench_cma(void)
{
}

void quire_bench(void)
{
	bench_phases();
	bench_machine();
	bench_pages();
	bench_slab();
	bench_vmalloc();
	bench_percpu();
	bench_cma();
	bench_memblock();
}
