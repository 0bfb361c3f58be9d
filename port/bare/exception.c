// SPDX-License-Identifier: MIT
/*
 * Exceptions at EL1: none is survived but the expected ones, so all is told: the syndrome in words, what the MMU and the tables
 * say about the address, the registers, the call chain. Runs on its own stack (vectors.S); a fault in the report itself ends in
 * a shorter report, and one in that in power-off.
 *
 * No locks: interrupts are masked, and the first CPU that reports stops the others. What is expected is per CPU.
 */
#include <quire/page_debug.h>
#include <quire/percpu.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/smp.h>

#include "bare.h"

static const char *const kind_names[] = {"Synchronous exception", "IRQ", "FIQ", "SError"};
static const char *const group_names[] = {"EL1 with SP_EL0", "EL1", "lower EL, AArch64",
					  "lower EL, AArch32"};

struct cpu_stacks cpu_stacks[NR_CPUS] = {{exception_stack_top, kernel_stack}};

struct expectation {
	bool active;
	u64 sp, esr, far;
};
static DEFINE_PER_CPU(struct expectation, expectations);
static unsigned int reports;

bool port_expect_fault(int (*op)(void *arg), void *arg, u64 *esr, u64 *far)
{
	struct expectation *expect = this_cpu_ptr(&expectations);
	bool outer_active = expect->active;
	u64 outer_sp = expect->sp, tls;
	bool faulted;

	__asm__ volatile("mrs %0, tpidr_el0" : "=r"(tls));

	expect->active = true;
	faulted = expect_call(op, arg, &expect->sp) != 0;
	expect->active = outer_active;
	expect->sp = outer_sp;
	if (faulted) {
		/* The entry has used what is EL0's. */
		__asm__ volatile("msr tpidr_el0, %0\n\tmsr tpidrro_el0, xzr" ::"r"(tls));
		*esr = expect->esr;
		*far = expect->far;
	}
	return faulted;
}

static bool has_far(u64 esr)
{
	switch (esr >> 26) {
	case 0x20: /* instruction abort */
	case 0x21:
	case 0x22: /* PC alignment */
	case 0x24: /* data abort */
	case 0x25:
	case 0x34: /* watchpoint */
	case 0x35:
		return !(esr & BIT(10)) || (esr & 0x3f) != 0x10; /* FnV of an external abort */
	}
	return false;
}

static int show_walk(void *arg)
{
	static const char *const results[] = {"mapped", "not a kernel address", "translation fault",
					      "address size fault"};
	unsigned long kva = *(unsigned long *)arg;
	struct walk w = {.nr_steps = 0};
	unsigned int i;

	kernel_walk(kva, &w);
	for (i = 0; i < w.nr_steps && i < ARRAY_SIZE(w.step); i++)
		printk(KERN_ALERT "  level %d [%3u] of table %#012llx: %#018llx\n",
		       (int)w.step[i].level - 1, w.step[i].index,
		       (unsigned long long)w.step[i].table, (unsigned long long)w.step[i].desc);
	printk(KERN_ALERT "  %s",
	       (unsigned int)w.result < ARRAY_SIZE(results) ? results[w.result] : "?");
	if (w.result == WALK_OK)
		pr_cont(": physical %#llx, in a mapping of %#llx bytes%s", (unsigned long long)w.pa,
			(unsigned long long)w.size, w.contiguous ? " (contiguous run)" : "");
	pr_cont("\n");
	return 0;
}

/* esr: of a data abort, whose bit 6 says that it was a write. */
static void show_address(u64 far, u64 esr, u64 pc)
{
	unsigned long kva = (unsigned long)far;
	u64 par = port_at_s1e1(kva, false), esr2, far2;
	unsigned long stack = (unsigned long)cpu_stacks[port_cpu()].kernel;
	/* What lies below: a hole between segments, or the page behind the last area. */
	unsigned long guard = port_cpu() ? PAGE_SIZE : SEGMENT_ALIGN;

	if (kva >= stack - guard && kva < stack)
		printk(KERN_ALERT
		       "Kernel stack overflow: the address is in the guard below [%#lx, %#lx)\n",
		       stack, stack + KERNEL_STACK_SIZE);
	if (kva < PAGE_SIZE)
		printk(KERN_ALERT "NULL pointer dereference\n");
	if (mm_explain_fault)
		mm_explain_fault(kva, esr & BIT(6), (unsigned long)pc);
	if (par & 1)
		printk(KERN_ALERT "AT S1E1R: fault (PAR_EL1 %#llx)\n", (unsigned long long)par);
	else
		printk(KERN_ALERT "AT S1E1R: physical %#llx (PAR_EL1 %#llx)\n",
		       (unsigned long long)((par & GENMASK(47, 12)) | (far & 0xfff)),
		       (unsigned long long)par);
	printk(KERN_ALERT "Page-table walk of %#018lx:\n", kva);
	if (port_expect_fault(show_walk, &kva, &esr2, &far2))
		printk(KERN_ALERT "  the walk itself faulted at %#llx\n", (unsigned long long)far2);
}

static void show_registers(const struct exception_frame *f)
{
	unsigned int i;

	printk(KERN_ALERT "pc : %pS\n", (void *)f->pc);
	printk(KERN_ALERT "lr : %pS\n", (void *)f->x[30]);
	printk(KERN_ALERT "pc : %016llx lr : %016llx sp : %016llx pstate: %08llx\n",
	       (unsigned long long)f->pc, (unsigned long long)f->x[30], (unsigned long long)f->sp,
	       (unsigned long long)f->pstate);
	for (i = 0; i < 30; i += 3)
		printk(KERN_ALERT "x%-2u: %016llx x%-2u: %016llx x%-2u: %016llx\n", i,
		       (unsigned long long)f->x[i], i + 1, (unsigned long long)f->x[i + 1], i + 2,
		       (unsigned long long)f->x[i + 2]);
}

u64 exception_handler(struct exception_frame *f)
{
	unsigned int kind = f->kind & 3, group = (f->kind >> 2) & 3;
	struct expectation *expect = this_cpu_ptr(&expectations);
	unsigned int running = 0;
	char text[160];

	if (expect->active && kind == 0 && group == 1) {
		expect->active = false;
		expect->esr = f->esr;
		expect->far = f->far;
		return expect->sp;
	}
	if (!smp_claim_end())
		port_cpu_stop();
	if (++reports > 2)
		exception_hopeless();
	if (reports == 1)
		running = smp_stop_others();
	console_loglevel = max(console_loglevel, 5);
	printk_break_lock();
	console_start();
	syndrome_describe(f->esr, text, sizeof(text));
	printk(KERN_ALERT "%s from %s: %s\n", kind_names[kind], group_names[group], text);
	printk(KERN_ALERT "ESR_EL1 %#018llx", (unsigned long long)f->esr);
	if (has_far(f->esr))
		pr_cont("  FAR_EL1 %#018llx", (unsigned long long)f->far);
	pr_cont("  CPU %u%s\n", port_cpu(), reports > 1 ? "  (while reporting another)" : "");
	if (reports == 1) {
		if (kind == 0 && has_far(f->esr))
			show_address(f->far, f->esr, f->pc);
		show_registers(f);
		backtrace_from((unsigned long)f->chain, true);
	} else {
		printk(KERN_ALERT "pc : %pS\n", (void *)f->pc);
	}
	if (running)
		printk(KERN_CRIT "SMP: failed to stop %u secondary CPUs\n", running);
	printk(KERN_EMERG "Kernel panic - not syncing: unexpected exception\n");
	port_poweroff(1);
}

void exception_hopeless(void)
{
	static bool tried;

	if (!tried) {
		tried = true;
		this_cpu_ptr(&expectations)->active = false;
		port_poweroff(1);
	}
	for (;;)
		__asm__ volatile("wfi");
}
