/* SPDX-License-Identifier: MIT */
/*
 * From the first instruction to C at the kernel's own virtual address.
 *
 * Entered as a Linux arm64 Image is: MMU off, x0 = device tree, EL2 or EL1, any 2 MiB-aligned address
 * (any 64 KiB-aligned one works). The road: claim the boot, leave EL2, refuse what cannot run with a message,
 * build the identity map (early_map.c, MMU off), turn the MMU on, and from there in C on the identity map
 * (early_kernel.c) clear bss, read /chosen, choose the virtual address, relocate, build init_pg_dir; then
 * TTBR1_EL1 is set and the CPU jumps to the kernel's mapping.
 *
 * Kept through the road: x19 flags (bit 0: entered big-endian), x20 entry EL, x21 device tree,
 * x22..x24 the boot loader's x1..x3, x25 physical address of _text. Early C may be interrupted with other values in
 * these, so the report of an exception takes the tree and the EL from TPIDR_EL0 and TPIDRRO_EL0.
 *
 * Compared with Linux: the image is relocated before the kernel mapping exists, through the identity map, so text is
 * never mapped writable at all; a CPU that cannot run the image says so on the tree's UART.
 */
#include "asm.h"

	.macro adr_l, reg, sym
	adrp	\reg, \sym
	add	\reg, \reg, :lo12:\sym
	.endm

	.macro mov_q, reg, val
	movz	\reg, :abs_g3:\val
	movk	\reg, :abs_g2_nc:\val
	movk	\reg, :abs_g1_nc:\val
	movk	\reg, :abs_g0_nc:\val
	.endm

	/* Stop with a message; the text is in the image, so that it can be read with the MMU off. */
	.macro die, text
	.pushsection .rodata.early, "a"
.Ltext\@:
	.asciz	"\text"
	.popsection
	adr_l	x0, .Ltext\@
	b	entry_refused
	.endm

	.section .head.text, "ax"
	.globl	_start
_start:
	b	primary_entry		/* code0 */
	nop				/* code1 */
	.quad	0			/* text_offset */
	.long	_kernel_size		/* image_size; < 4 GiB, and a 32-bit datum needs no relocation */
	.long	0
	.quad	IMAGE_FLAGS		/* flags: little-endian, the page size, anywhere in memory */
	.quad	0
	.quad	0
	.quad	0
	.ascii	"ARM\x64"
	.long	0

	.section .idmap.text, "ax"

	.globl	primary_entry
	.type	primary_entry, %function
primary_entry:
	/* The protocol wants both; a loader that forgot would make a stray interrupt fatal, and sp the wrong register. */
	msr	spsel, #1
	msr	daifset, #0xf
	mov	x19, xzr
	mov	x21, x0
	mov	x22, x1
	mov	x23, x2
	mov	x24, x3
	adrp	x25, _text
	mrs	x20, CurrentEL
	lsr	x20, x20, #2
	/*
	 * Data accesses must be little-endian before the first one. The protocol wants the MMU off; should it be on
	 * (identity-mapped, or this would not run), what the caches hold of the image is written back before
	 * they are turned off.
	 */
	cmp	x20, #2
	b.eq	1f
	b.hi	2f
	mrs	x9, sctlr_el1
	b	3f
1:	mrs	x9, sctlr_el2
	b	3f
2:	mrs	x9, sctlr_el3
3:	tbz	x9, #25, 4f
	orr	x19, x19, #1
4:	tbz	x9, #0, 5f
	adrp	x0, _text
	adrp	x1, _end
	bl	dcache_clean_inval_poc_range
5:	bic	x9, x9, #SCTLR_EE
	bic	x9, x9, #SCTLR_C
	bic	x9, x9, #SCTLR_M
	cmp	x20, #2
	b.eq	6f
	b.hi	7f
	msr	sctlr_el1, x9
	b	8f
6:	msr	sctlr_el2, x9
	b	8f
7:	msr	sctlr_el3, x9
8:	isb

	adr_l	x26, boot_claim
	bl	claim
	cbz	x0, secondary_refused

	/* No line of what is about to be written with the MMU off may be evicted from a cache onto it later. */
	adrp	x0, early_stack
	adrp	x1, early_stack_top
	bl	dcache_inval_poc_range

	adrp	x9, early_stack_top
	mov	sp, x9
	mov	x29, xzr
	mov	x30, xzr

	cmp	x20, #3
	b.eq	.Lrefuse_el3
	bl	init_el1

	adr_l	x9, early_vectors
	msr	vbar_el1, x9
	msr	tpidr_el0, x21
	msr	tpidrro_el0, x20
	mov	x9, #(3 << 20)		/* FP and SIMD registers serve memcpy and memset */
	msr	cpacr_el1, x9
	isb

	/* What cannot run this image. */
	tbnz	x19, #0, .Lrefuse_be
	tst	x25, #(SEGMENT_ALIGN - 1)
	b.ne	.Lrefuse_align
	mrs	x9, id_aa64mmfr0_el1
	ubfx	x10, x9, #TGRAN_SHIFT, #4
	.globl	check_granule		/* a debugger can play another CPU here */
check_granule:
#if TGRAN_FIRST
	sub	x10, x10, #TGRAN_FIRST
#endif
	cmp	x10, #(TGRAN_NONE - TGRAN_FIRST)
	b.hs	.Lrefuse_granule
	mrs	x10, id_aa64pfr0_el1
	ubfx	x11, x10, #20, #4	/* AdvSIMD: 0xf is none */
	cmp	x11, #0xf
	b.eq	.Lrefuse_simd

	/* A tree in the part of the image that no file fills would be cleared with it. */
	adrp	x9, _text
	adrp	x10, _end
	cmp	x21, x9
	ccmp	x21, x10, #2, hs	/* below _text: C, which is not lo */
	b.lo	.Lrefuse_tree

	mov	x0, x21
	bl	early_create_idmap
	cbnz	x0, .Lrefuse_idmap
	bl	cpu_setup		/* x0: SCTLR_EL1 with the MMU on */
	adrp	x1, idmap_pg_dir
	adrp	x2, reserved_pg_dir
	bl	enable_mmu

	/* On the identity map, caches on. */
	adrp	x9, kernel_stack_top
	mov	sp, x9
	mov	x29, xzr
	mov	x0, x21
early_probe:
	ldrb	w9, [x0]		/* leads x0 nowhere? then early_exception makes it 0 and goes on */
	bl	early_map_kernel	/* x0: virtual address of _text */
	mov	x26, x0

	adrp	x9, init_pg_dir
	msr	ttbr1_el1, x9
	isb
	sub	x27, x26, x25		/* virtual - physical */
	adr_l	x9, primary_switched
	add	x9, x9, x27
	br	x9

.Lrefuse_el3:
	die	"entered at EL3: the boot protocol wants EL2 or EL1"
.Lrefuse_be:
	die	"entered with big-endian data accesses (SCTLR_ELx.EE): this image is little-endian"
.Lrefuse_align:
	die	"the image is not loaded at a multiple of 2 MiB"
.Lrefuse_granule:
#if QUIRE_PAGE_SHIFT == 12
	die	"this CPU has no 4 KiB translation granule (ID_AA64MMFR0_EL1.TGran4)"
#elif QUIRE_PAGE_SHIFT == 14
	die	"this CPU has no 16 KiB translation granule (ID_AA64MMFR0_EL1.TGran16)"
#else
	die	"this CPU has no 64 KiB translation granule (ID_AA64MMFR0_EL1.TGran64)"
#endif
.Lrefuse_simd:
	die	"this CPU has no Advanced SIMD registers (ID_AA64PFR0_EL1)"
.Lrefuse_tree:
	die	"the device tree lies inside the image (its header's image_size says how far it reaches)"
.Lrefuse_idmap:
	die	"the image or the device tree is outside the 48-bit physical address space"

/* x0: the reason. */
entry_refused:
	adrp	x9, early_stack_top
	mov	sp, x9
	mov	x29, xzr
	mov	x1, x21
	mov	x2, x20
	bl	early_die
	b	park

/*
 * Only one CPU may go on. x26: the claim word; returns x0 = 1 to the winner. Exclusives need not work with the
 * caches off, so: write my mark where no one's is, wait until any CPU that saw it free at the same time
 * has written too, and see whose mark stayed. From a load that finds it free to its store being seen are two
 * instructions of one fetch and one access to memory, well below a microsecond; the wait is 2048 instructions.
 * Uses x9, x10, x11.
 */
	.balign	64
claim:
	mrs	x9, mpidr_el1
	orr	x9, x9, #(1 << 31)	/* RES1 in MPIDR_EL1: never zero */
	ldr	x10, [x26]
	cbnz	x10, 2f
	str	x9, [x26]
	dsb	sy
	mov	x11, #1024
1:	sub	x11, x11, #1
	cbnz	x11, 1b
	ldr	x10, [x26]
	cmp	x9, x10
	cset	x0, eq
	ret
2:	mov	x0, xzr
	ret

secondary_refused:
	/* The first of them says it; they have no stack each. Powering off would end the boot CPU's run. */
	adr_l	x26, secondary_claim
	bl	claim
	cbz	x0, park
	adrp	x9, secondary_stack_top
	mov	sp, x9
	mov	x29, xzr
	mrs	x0, mpidr_el1
	mov	x1, x21
	bl	early_secondary_message
park:
	wfi
	b	park

	.section .claims, "aw"
	.balign	2048			/* the largest cache writeback granule: no line is shared with cached data */
boot_claim:
	.quad	0
secondary_claim:
	.quad	0
	.balign	2048

	.section .idmap.text, "ax"
/*
 * Leave EL2 if entered there: EL1 gets the machine without traps, as far as the features of this CPU go. HCR_EL2.E2H
 * is cleared; a CPU that only has VHE keeps it set, and then CPTR_EL2 and CNTHCTL_EL2 have the other layout. Uses x9..x13.
 */
init_el1:
	cmp	x20, #2
	b.eq	1f
	mov_q	x9, SCTLR_EL1_OFF
	msr	sctlr_el1, x9
	isb
	ret

1:	mov_q	x9, SCTLR_EL2_OFF
	msr	sctlr_el2, x9
	isb
	mov	x9, #(1 << 31)		/* RW: EL1 is AArch64 */
	msr	hcr_el2, x9
	isb
	mrs	x13, hcr_el2
	ubfx	x13, x13, #34, #1	/* E2H as it stayed */
	adr_l	x9, el2_vectors
	msr	vbar_el2, x9

	/* Counters and timers for EL1, no offset. */
	mov	x9, #3
	cbz	x13, 2f
	lsl	x9, x9, #10
2:	msr	cnthctl_el2, x9
	msr	cntvoff_el2, xzr

	/* Debug and PMU: no traps, all counters to EL1 where there is a PMU. */
	mov	x10, xzr
	mrs	x9, id_aa64dfr0_el1
	ubfx	x9, x9, #8, #4
	sub	x9, x9, #1
	cmp	x9, #0xe		/* 0 none, 0xf implementation defined */
	b.hs	3f
	mrs	x10, pmcr_el0
	ubfx	x10, x10, #11, #5
3:	msr	mdcr_el2, x10

	/* Floating point: no trap (CPTR_EL2.TFP, or FPEN with E2H). */
	mov	x9, #0x33ff
	cbz	x13, 4f
	mov	x9, #(3 << 20)
4:	msr	cptr_el2, x9
	msr	hstr_el2, xzr
	msr	vttbr_el2, xzr

	mrs	x9, midr_el1
	msr	vpidr_el2, x9
	mrs	x9, mpidr_el1
	msr	vmpidr_el2, x9

	/* GICv3 system registers for EL1, where EL3 allows them. */
	mrs	x9, id_aa64pfr0_el1
	ubfx	x9, x9, #24, #4
	cbz	x9, 5f
	mrs	x9, S3_4_C12_C9_5	/* ICC_SRE_EL2 */
	orr	x9, x9, #1		/* SRE */
	orr	x9, x9, #8		/* Enable */
	msr	S3_4_C12_C9_5, x9
	isb
	mrs	x9, S3_4_C12_C9_5
	tbz	x9, #0, 5f
	msr	S3_4_C12_C11_0, xzr	/* ICH_HCR_EL2 */

	/* FEAT_HCX, FEAT_FGT: their trap registers reset to anything. */
5:	mrs	x9, id_aa64mmfr1_el1
	ubfx	x9, x9, #40, #4
	cbz	x9, 6f
	msr	S3_4_C1_C2_2, xzr	/* HCRX_EL2 */
6:	mrs	x9, id_aa64mmfr0_el1
	ubfx	x9, x9, #56, #4
	cbz	x9, 7f
	msr	S3_4_C3_C1_4, xzr	/* HDFGRTR_EL2 */
	msr	S3_4_C3_C1_5, xzr	/* HDFGWTR_EL2 */
	msr	S3_4_C1_C1_4, xzr	/* HFGRTR_EL2 */
	msr	S3_4_C1_C1_5, xzr	/* HFGWTR_EL2 */
	msr	S3_4_C1_C1_6, xzr	/* HFGITR_EL2 */

7:	mov_q	x9, SCTLR_EL1_OFF
	cbz	x13, 8f
	msr	S3_5_C1_C0_0, x9	/* SCTLR_EL12: with E2H, SCTLR_EL1 would name EL2's own */
	b	9f
8:	msr	sctlr_el1, x9
9:	mov	x9, #0x3c5		/* EL1h, DAIF masked */
	msr	spsr_el2, x9
	msr	elr_el2, x30
	mov	x9, sp
	msr	sp_el1, x9
	isb
	eret

/*
 * x9, a value of TCR_EL1, gets HA and HD as this CPU has them: the access flag is set by the CPU, and RDONLY cleared where DBM says that
 * software allows the write. CPUs may differ: an entry that the one marks, the other faults on. Uses x10, x11.
 */
	.macro	tcr_hardware_marks
	mov_q	x10, (TCR_HA | TCR_HD)
	bic	x9, x9, x10
	mrs	x10, id_aa64mmfr1_el1
	ands	x10, x10, #0xf		/* HAFDBS: 1 the access flag, 2 and above the dirty state too */
	b.eq	.Lno_marks\@
	orr	x9, x9, #TCR_HA
	cmp	x10, #2
	b.lo	.Lno_marks\@
	/* w11: implementer and part. Three kinds of CPU mark entries that have just been changed (what Linux 6.12 leaves out, too). */
	mrs	x10, midr_el1
	lsr	w11, w10, #24
	lsl	w11, w11, #12
	bfxil	w11, w10, #4, #12
	sub	w11, w11, #0x41, lsl #12
	cmp	w11, #0xd05		/* Cortex-A55, erratum 1024718 */
	b.eq	.Lno_marks\@
	cmp	w11, #0xd46		/* Cortex-A510 r0p0 to r0p2, erratum 2051678 */
	b.ne	.Lkryo\@
	ubfx	w11, w10, #20, #4
	cbnz	w11, .Ldirty\@
	and	w11, w10, #0xf
	cmp	w11, #2
	b.ls	.Lno_marks\@
	b	.Ldirty\@
.Lkryo\@:
	sub	w11, w11, #0x10, lsl #12
	cmp	w11, #0x805		/* Kryo 4xx Silver r13p14, which is a Cortex-A55 */
	b.ne	.Ldirty\@
	ubfx	w11, w10, #20, #4
	cmp	w11, #0xd
	b.ne	.Ldirty\@
	and	w11, w10, #0xf
	cmp	w11, #0xe
	b.eq	.Lno_marks\@
.Ldirty\@:
	orr	x9, x9, #TCR_HD
.Lno_marks\@:
	.endm

/*
 * For turning the MMU on: TLB empty, MAIR, TCR; returns SCTLR_EL1's value in x0. Uses x9..x11.
 */
cpu_setup:
	tlbi	vmalle1
	dsb	nsh
	mov	x9, #(1 << 12)		/* MDSCR_EL1.TDCC: the debug channel is not EL0's */
	msr	mdscr_el1, x9
	msr	tpidr_el1, xzr		/* logical CPU 0 */
	mov_q	x9, MAIR_VALUE
	msr	mair_el1, x9
	mov_q	x9, TCR_VALUE
	mrs	x10, id_aa64mmfr0_el1
	and	x10, x10, #0xf
	mov	x11, #5			/* 48 bits: what descriptors can express without LPA and LPA2 */
	cmp	x10, x11
	csel	x10, x11, x10, hi
	orr	x9, x9, x10, lsl #TCR_IPS_SHIFT
	tcr_hardware_marks
	msr	tcr_el1, x9
	isb
	mov_q	x0, SCTLR_EL1_ON
	/* FEAT_PAN: the kernel does not touch what EL0 may, now and after every exception. Without it SPAN is RES1. */
	mrs	x10, id_aa64mmfr1_el1
	tst	x10, #(0xf << 20)
	b.eq	2f
	bic	x0, x0, #SCTLR_SPAN
	.inst	0xd500419f		/* msr pan, #1 */
2:	ret

/* x0: SCTLR_EL1, x1: TTBR0, x2: TTBR1. Returns on the identity map. */
enable_mmu:
	msr	ttbr0_el1, x1
	msr	ttbr1_el1, x2
	isb
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el1, x0
	isb
	/* Instructions prefetched with the MMU off may have been cached from memory: start over. */
	ic	iallu
	dsb	nsh
	isb
	ret

/*
 * void idmap_replace_ttbr1(phys_addr_t pgd, phys_addr_t reserved): runs from the identity map (TTBR0), because
 * between the two TTBR1 values no kernel address is mapped.
 */
	.globl	idmap_replace_ttbr1
	.type	idmap_replace_ttbr1, %function
idmap_replace_ttbr1:
	msr	ttbr1_el1, x1
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	msr	ttbr1_el1, x0
	isb
	ret

/*
 * A secondary, from PSCI (MMU off, EL1 or EL2) or out of the loop that it spun in. Its block is in secondary_list, or will be:
 * until then it waits. See smp.c.
 */
	.globl	secondary_entry
	.type	secondary_entry, %function
secondary_entry:
	msr	spsel, #1
	msr	daifset, #0xf
	mrs	x20, CurrentEL
	lsr	x20, x20, #2
	cmp	x20, #3
	b.eq	park
	bl	init_el1
	adr_l	x9, early_vectors_dead
	msr	vbar_el1, x9
	mov	x9, #(3 << 20)
	msr	cpacr_el1, x9
	isb
	mrs	x9, id_aa64mmfr0_el1
	ubfx	x9, x9, #TGRAN_SHIFT, #4
#if TGRAN_FIRST
	sub	x9, x9, #TGRAN_FIRST
#endif
	cmp	x9, #(TGRAN_NONE - TGRAN_FIRST)
	b.hs	park			/* without the granule: never to be used */

	mrs	x9, mpidr_el1
	mov_q	x10, MPIDR_AFFINITY
	and	x9, x9, x10
	adr_l	x11, secondary_list
1:	ldr	x28, [x11]
2:	cbz	x28, 3f
	ldr	x10, [x28, #SECONDARY_HWID]
	cmp	x9, x10
	b.eq	4f
	ldr	x28, [x28, #SECONDARY_NEXT]
	b	2b
3:	wfe
	b	1b

4:	dmb	sy
	bl	cpu_setup		/* x0: SCTLR_EL1 with the MMU on */
	/* The page tables are made for the boot CPU's physical addresses: a CPU with fewer cannot use them. */
	ldr	x9, [x28, #SECONDARY_TCR]
	mrs	x10, tcr_el1
	ubfx	x10, x10, #TCR_IPS_SHIFT, #3
	ubfx	x11, x9, #TCR_IPS_SHIFT, #3
	cmp	x10, x11
	b.lo	park
	tcr_hardware_marks
	msr	tcr_el1, x9
	isb
	ldr	x2, [x28, #SECONDARY_TTBR1]
	ldr	x26, [x28, #SECONDARY_TTBR0]
	ldr	x25, [x28, #SECONDARY_TPIDR]
	ldr	x24, [x28, #SECONDARY_STACK]
	ldr	x23, [x28, #SECONDARY_ENTRY]
	adrp	x1, idmap_pg_dir
	bl	enable_mmu
	br	x23

	.macro	early_ventry
	.balign	0x80
	b	early_exception
	.endm

	.balign	2048
early_vectors:
	.rept	16
	early_ventry
	.endr

/* An exception on the identity map: turn the MMU off again (this is identity-mapped) and report over the raw UART. */
early_exception:
	mrs	x10, elr_el1
	adr_l	x12, early_probe
	cmp	x10, x12
	b.ne	1f
	/* There is no tree to read early; what is to be said about that is said when there may be a console. */
	mov	x0, xzr
	add	x10, x10, #4
	msr	elr_el1, x10
	eret

1:	mrs	x9, esr_el1
	mrs	x11, far_el1
	mov_q	x12, SCTLR_EL1_OFF
	msr	sctlr_el1, x12
	isb
	adr_l	x12, early_vectors_dead
	msr	vbar_el1, x12
	isb
	adrp	x12, early_stack_top
	mov	sp, x12
	mov	x29, xzr
	mov	x0, x9
	adrp	x1, _text
	sub	x1, x10, x1		/* as an offset in the image */
	mov	x2, x11
	mrs	x3, tpidr_el0
	mrs	x4, tpidrro_el0
	bl	early_exception_report
	b	park

	.balign	2048
early_vectors_dead:
	.rept	16
	.balign	0x80
	b	park
	.endr

/* HVC from EL1 after the drop: there is no hypervisor here. Anything else is dropped as well. */
	.balign	2048
el2_vectors:
	.rept	16
	.balign	0x80
	mov	x0, #-1
	eret
	.endr

	.section .text, "ax"
/* A secondary at the kernel's own address. x24: its stack, x25: TPIDR_EL1, x26: TTBR0_EL1. */
	.globl	secondary_switched
	.type	secondary_switched, %function
secondary_switched:
	adr_l	x9, vectors
	msr	vbar_el1, x9
	msr	tpidr_el1, x25
	mov	sp, x24
	msr	ttbr0_el1, x26
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	stp	xzr, xzr, [sp, #-16]!
	mov	x29, sp
	mov	x30, xzr
	bl	secondary_start
	b	.

	.section .init.text, "ax"
/* At the kernel's own address, TTBR0 still the identity map. x27: virtual - physical. */
	.globl	primary_switched
primary_switched:
	adr_l	x9, vectors
	msr	vbar_el1, x9
	adr_l	x10, kernel_stack_top
	mov	sp, x10
	adrp	x9, reserved_pg_dir
	sub	x9, x9, x27
	msr	ttbr0_el1, x9
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	/* A frame of zeros ends the backtrace. */
	stp	xzr, xzr, [sp, #-16]!
	mov	x29, sp
	mov	x30, xzr
	mov	x0, x25
	mov	x1, x21
	mov	x2, x22
	mov	x3, x23
	mov	x4, x24
	mov	x5, x20
	bl	port_start
	b	.
