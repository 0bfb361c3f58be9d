// SPDX-License-Identifier: MIT
/*
 * The replacement of TTBR1_EL1, by way of the identity map that head.S has made.
 */
#include <quire/pgtable.h>

#include "bare.h"

static void set_ttbr0(phys_addr_t table)
{
	__asm__ volatile("msr ttbr0_el1, %0\n\tisb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::"r"(table)
			 : "memory");
}

void idmap_install(void)
{
	set_ttbr0(image_pa(idmap_pg_dir));
}

void idmap_uninstall(void)
{
	set_ttbr0(image_pa(reserved_pg_dir));
}

/* head.S */
void idmap_replace_ttbr1(phys_addr_t pgd, phys_addr_t reserved);

void port_replace_ttbr1(phys_addr_t pgd)
{
	/* By its physical address, which the identity map maps to itself. */
	void (*replace)(phys_addr_t, phys_addr_t) =
		(void (*)(phys_addr_t, phys_addr_t))image_pa((const void *)idmap_replace_ttbr1);
	unsigned long daif;

	/* Stores to the new tables are complete before the walker may read them. */
	__asm__ volatile("mrs %0, daif\n\tmsr daifset, #0xf\n\tdsb ishst\n\tisb"
			 : "=r"(daif)::"memory");
	idmap_install();
	replace(pgd, image_pa(reserved_pg_dir));
	idmap_uninstall();
	__asm__ volatile("msr daif, %0" ::"r"(daif) : "memory");
}
