// SPDX-License-Identifier: MIT
/*
 * start_kernel: the whole boot in order; kernel_main: the boot, then what the command line asks of
 * the image.
 */
#include <quire/bench.h>
#include <quire/boot.h>
#include <quire/cma.h>
#include <quire/compaction.h>
#include <quire/event.h>
#include <quire/gfp.h>
#include <quire/memblock.h>
#include <quire/mm_debug.h>
#include <quire/mm_init.h>
#include <quire/params.h>
#include <quire/percpu.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/swiotlb.h>
#include <quire/vmalloc.h>
#include <quire/slab.h>
#include <quire/user.h>
#include <quire/smp.h>
#include <quire/stress.h>

#include "irqchip.h"
#include "setup_arch.h"

/* Memory management from memblock to the page allocator. */
static void mm_core_init(void)
{
	unsigned int cpu;

	event_step("build_all_zonelists");
	build_all_zonelists();
	event_step("swiotlb_init");
	swiotlb_init();
	event_step("memblock_free_all");
	memblock_free_all();
	mem_init_print_info();
	event_step("kmem_cache_init");
	kmem_cache_init();
	event_step("cma_init_reserved_areas");
	cma_init_reserved_areas();
	event_step("init_per_zone_wmark_min");
	init_per_zone_wmark_min();
	event_step("setup_per_cpu_pageset");
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		set_cpu_numa_node(cpu, cpu_descs[cpu].nid);
	setup_per_cpu_pageset();
	event_step("vmalloc_init");
	vmalloc_init();
	migration_init();
	compaction_init();
}

static int cpu_nid(unsigned int cpu)
{
	return cpu_descs[cpu].nid;
}

void start_kernel(void)
{
	event_step("start_kernel");
	smp_setup_processor_id();
	setup_arch();
	pr_notice("Kernel command line: %s\n", boot_command_line);
	print_unknown_bootoptions();
	event_step("setup_per_cpu_areas");
	setup_per_cpu_areas(cpu_nid);
	event_step("mm_debug_init");
	mm_debug_init();
	mm_core_init();
	event_step("mark_rodata_ro");
	mark_rodata_ro();
	event_step("page allocator ready");
	/*
	 * Linux makes rodata read-only later, with all CPUs up. That may split blocks of the linear map, and between break and make
	 * another CPU would find nothing there.
	 */
	event_step("smp_init");
	smp_init();
	mm_debug_arm();
}

static int report_out_write(struct out *out, const char *s, size_t n)
{
	(void)out;
	return port_report_write(s, n);
}

static int write_report(const char *name)
{
	struct out out = {.write = report_out_write};
	int err;

	err = port_report_open(name);
	if (!err) {
		err = report_json(&out, NULL);
		port_report_close();
	}
	if (err)
		pr_err("quire.report=%s: cannot write it (%d)\n", name, err);
	return err;
}

static bool stress_expired(void *arg)
{
	return port_time_ns() >= *(const u64 *)arg;
}

static int run_stress(void)
{
	u64 end = port_time_ns() + (u64)quire_options.stress_seconds * 1000000000;
	struct stress_options o = {
		.seed = quire_options.stress_seed,
		.phases = quire_options.stress_phases,
		.operations = quire_options.stress_operations,
		.expired = quire_options.stress_seconds ? stress_expired : NULL,
		.arg = &end,
	};

	if (!o.phases && !o.expired)
		return 0;
	if (!o.seed)
		o.seed = port_time_ns() | 1;
	return quire_stress(&o);
}

/* An image with benches brings its own (bench/board.c). */
void __attribute__((weak)) quire_bench(void)
{
	pr_warn("quire.bench: this image was built without benches\n");
}

/* The process has no EL0: there is nobody to run programs. */
int __attribute__((weak)) kernel_run_init(void)
{
	if (quire_options.init != INIT_ALWAYS)
		return 0;
	pr_warn("quire.init: this build runs no programs\n");
	return 1;
}

void __noreturn kernel_main(void)
{
	int failures = 0;

	start_kernel();
	if (quire_options.selftest)
		failures += quire_selftest();
	failures += run_stress() != 0;
	if (quire_options.bench)
		quire_bench();
	if (quire_options.show[0])
		failures += (int)report_proc_list(&console_out, quire_options.show);
	if (quire_options.report[0] && write_report(quire_options.report))
		failures++;
	if (quire_options.summary) {
		console_out.colour = quire_options.color;
		console_out.unicode = quire_options.unicode;
		console_out.columns = quire_options.columns;
		report_summary(&console_out);
	}
	/* What is shown before is the machine as booted. */
	if (quire_options.init == INIT_ALWAYS ||
	    (quire_options.init == INIT_IF_INITRD && phys_initrd_size)) {
		if (smp_start_interrupts())
			pr_warn("No interrupts: programs run until they wait\n");
		failures += kernel_run_init();
	}
	failures += (int)mm_debug_shutdown();
	port_poweroff(failures ? 1 : 0);
}
