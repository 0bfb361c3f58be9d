// SPDX-License-Identifier: MIT
/*
 * setup_arch: the machine-dependent half of the boot, from the fixmap to the zones.
 *
 * Between early_fixmap_init and paging_init memory can be touched only through the fixmap and the
 * kernel image; after paging_init, through the linear map.
 */
#include <quire/boot.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/smp.h>

#include "fdt_scan.h"
#include "setup_arch.h"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "0.1"
#endif

void smp_setup_processor_id(void)
{
	pr_info("Booting Quire on physical CPU 0x%010lx [0x%08x]\n",
		(unsigned long)(port_read_reg(PORT_MPIDR_EL1) & MPIDR_HWID_MASK),
		(u32)port_read_reg(PORT_MIDR_EL1));
	pr_info("Quire version " QUIRE_VERSION " (%u-bit VA, %u-bit PA, %lu KiB pages)\n",
		vabits_actual, port_pa_bits(), PAGE_SIZE / SZ_1K);
}

static void kaslr_init(void)
{
	const struct kimage *image = &boot_params.image;

	if (image->kaslr_status)
		pr_info("KASLR %s\n", image->kaslr_status);
}

static void check_boot_args(void)
{
	if (!(boot_params.x1 | boot_params.x2 | boot_params.x3))
		return;
	pr_err("WARNING: x1-x3 nonzero in violation of boot protocol:\n"
	       "\tx1: %016llx\n\tx2: %016llx\n\tx3: %016llx\n"
	       "This indicates a broken bootloader or old kernel\n",
	       (unsigned long long)boot_params.x1, (unsigned long long)boot_params.x2,
	       (unsigned long long)boot_params.x3);
}

/* The CPU that runs has to be one of those the tree lists. */
static void check_boot_cpu(void)
{
	u64 hwid = port_read_reg(PORT_MPIDR_EL1) & MPIDR_HWID_MASK;
	unsigned int i;

	for (i = 0; i < nr_cpus_possible; i++)
		if (cpu_descs[i].hwid == hwid)
			return;
	pr_err("missing boot CPU MPIDR 0x%llx in the device tree\n", (unsigned long long)hwid);
}

void setup_arch(void)
{
	event_step("setup_arch");
	if (va_layout.va_bits != vabits_actual && va_layout_init(vabits_actual))
		panic("%u-bit virtual addresses: not with %lu KiB pages", vabits_actual,
		      PAGE_SIZE / SZ_1K);
	kaslr_init();
	event_step("early_fixmap_init");
	early_fixmap_init();
	setup_machine_fdt(boot_params.fdt_phys);
	event_step("parse_early_param");
	parse_early_param();
	console_from_stdout_path();
	smp_init_cpus();

	if (boot_params.image.phys % SZ_2M)
		pr_warn("Kernel image misaligned at boot, please fix your bootloader!\n");
	arm64_memblock_init();
	event_step("paging_init");
	paging_init();
	event_step("fdt_scan_reserved_mem_reg_nodes");
	fdt_scan_reserved_mem_reg_nodes();
	bootmem_init();
	check_boot_cpu();
	check_boot_args();
}
