/* SPDX-License-Identifier: MIT */
/*
 * void idmap_set_ttbr1(phys_addr_t pgd): a new root for kernel addresses, with interrupts off. Called by its physical address,
 * which TTBR0_EL1 has to map to itself, as no kernel address may be used while the root changes: walks by TTBR1_EL1 are
 * disabled meanwhile (TCR_EL1.EPD1), so that no table of the old root is taken for one of the new.
 */
	.text
	.globl	idmap_set_ttbr1
	.type	idmap_set_ttbr1, %function
idmap_set_ttbr1:
	mrs	x1, tcr_el1
	orr	x2, x1, #(1 << 23)	/* EPD1 */
	msr	tcr_el1, x2
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	msr	ttbr1_el1, x0
	isb
	msr	tcr_el1, x1
	isb
	ret
