/* SPDX-License-Identifier: MIT */
/*
 * A boot loader of a few instructions for QEMU's virt machine: enters the image at IMAGE the way one of the tests wants.
 *   ENTRY_ARGS       x1 to x3 are not zero
 *   ENTRY_NO_DTB     x0 is 0
 *   ENTRY_BE         data accesses are big-endian
 *   ENTRY_VHE        EL2 with HCR_EL2.E2H set
 *   ENTRY_MMU        the MMU and caches are on (identity-mapped)
 *   ENTRY_EL1T       with SP_EL0 selected and nothing masked
 *   ENTRY_SECOND=N   CPUs 1 to N are started in the image first
 *   ENTRY_RACE       ... and this one follows at once
 */
#ifndef DTB
#define DTB 0x40000000 /* where QEMU puts the tree when it loads no kernel */
#endif
	.globl	_start
_start:
	ldr	x0, =DTB
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
#ifdef ENTRY_ARGS
	mov	x1, #1
	mov	x2, #2
	mov	x3, #3
#endif
#ifdef ENTRY_NO_DTB
	mov	x0, xzr
#endif
#ifdef ENTRY_VHE
	mrs	x9, hcr_el2
	orr	x9, x9, #(1 << 34)
	msr	hcr_el2, x9
	isb
#endif
#ifdef ENTRY_MMU
	adr	x9, table
	msr	ttbr0_el1, x9
	mov	x9, #0xff
	msr	mair_el1, x9
	ldr	x9, =0x0000000100803519	/* 39 bits, 4K, TTBR1 off, 36-bit PA */
	msr	tcr_el1, x9
	isb
	tlbi	vmalle1
	dsb	sy
	isb
	mrs	x9, sctlr_el1
	mov	x10, #0x1005
	orr	x9, x9, x10
	msr	sctlr_el1, x9
	isb
#endif
#ifdef ENTRY_SECOND
	mov	x19, x0
	mov	x20, #1
2:	ldr	x0, =0xc4000003		/* PSCI CPU_ON */
	mov	x1, x20
	ldr	x2, =IMAGE
	mov	x3, x19
	hvc	#0
	add	x20, x20, #1
	cmp	x20, #ENTRY_SECOND
	b.ls	2b
	mov	x0, x19
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
#ifndef ENTRY_RACE
	ldr	x9, =200000		/* the other one first */
1:	sub	x9, x9, #1
	cbnz	x9, 1b
#endif
#endif
	ldr	x10, =IMAGE
#ifdef ENTRY_EL1T
	msr	spsel, #0
	msr	daifclr, #0xf
#endif
#ifdef ENTRY_BE
	mrs	x9, sctlr_el1		/* after the last load of a literal */
	orr	x9, x9, #(1 << 25)
	msr	sctlr_el1, x9
	isb
#endif
	br	x10
	.ltorg
	.balign	4096
table:
	.quad	0
	.quad	0x40000701		/* 1 GiB block, Normal, inner shareable, AF */
	.fill	510, 8, 0
