/* SPDX-License-Identifier: MIT */
/* From the loader (arm64 Image protocol: MMU off, x0 = device tree; EL1 here) to kmain() at the link address, MMU on. */
#define BLOCK		0x701			/* block, AF, inner shareable, MAIR index 0 */
#define DEVICE		(0x401 | 4 << 2)	/* MAIR index 4 */
#define XN		(3 << 53)

	.macro	adr_l, reg, sym
	adrp	\reg, \sym
	add	\reg, \reg, :lo12:\sym
	.endm

	.section .head.text, "ax"
	.globl	_start
_start:	b	entry
	.long	0
	.quad	0, _image_size, 0xa, 0, 0, 0	/* text_offset, image_size, flags: 4K, anywhere */
	.ascii	"ARM\x64"
	.long	0

entry:	mrs	x9, CurrentEL
	cmp	x9, #(1 << 2)
1:	b.ne	1b				/* EL2: out of scope for this example */
	mov	x21, x0
	adrp	x20, _start			/* physical */
	adr_l	x0, __bss_start			/* written with the caches off */
	adr_l	x1, _end
	bl	dcache_inval_poc_range
	adr_l	x0, __bss_start
	adr_l	x1, _end
2:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	2b

	/* Identity map by blocks of 1 GiB: the one of the image, and the one of the devices. */
	adr_l	x0, idmap_l0
	adr_l	x1, idmap_l1
	orr	x2, x1, #3
	str	x2, [x0]
	ldr	x2, =DEVICE | XN
	str	x2, [x1]
	lsr	x3, x20, #30
	lsl	x2, x3, #30
	add	x2, x2, #BLOCK
	str	x2, [x1, x3, lsl #3]
	/* The image at its link address by blocks of 2 MiB, until paging_init maps its segments. */
	ldr	x4, =_start
	adr_l	x5, init_pg_dir
	add	x6, x5, #4096
	add	x7, x5, #8192
	ubfx	x8, x4, #39, #9
	orr	x2, x6, #3
	str	x2, [x5, x8, lsl #3]
	ubfx	x8, x4, #30, #9
	orr	x2, x7, #3
	str	x2, [x6, x8, lsl #3]
	ubfx	x8, x4, #21, #9
	add	x2, x20, #BLOCK
	mov	x9, #8
3:	str	x2, [x7, x8, lsl #3]
	add	x2, x2, #0x200000
	add	x8, x8, #1
	subs	x9, x9, #1
	b.ne	3b

	ldr	x9, =0x000000040044ffff		/* as Linux numbers memory types: <quire/pgtable.h> counts on it */
	msr	mair_el1, x9
	ldr	x9, =0xb5103510			/* 48 bits and 4K pages on both sides, walks cached, inner shareable */
	mrs	x10, id_aa64mmfr0_el1
	and	x10, x10, #0xf
	mov	x11, #5
	cmp	x10, x11
	csel	x10, x11, x10, hi
	orr	x9, x9, x10, lsl #32
	msr	tcr_el1, x9
	msr	ttbr0_el1, x0
	msr	ttbr1_el1, x5
	mov	x9, #(3 << 20)			/* SIMD registers: memcpy uses them */
	msr	cpacr_el1, x9
	msr	tpidr_el1, xzr			/* CPU 0 */
	ldr	x9, =vectors
	msr	vbar_el1, x9
	tlbi	vmalle1
	dsb	nsh
	ldr	x9, =0x30d0180d			/* RES1 bits, I, SA, C, M */
	isb
	msr	sctlr_el1, x9
	isb
	ldr	x9, =stack_top
	mov	sp, x9
	mov	x29, xzr
	mov	x0, x20
	mov	x1, x21
	ldr	x30, =kmain
	ret

	.balign	2048
vectors:
	.rept	16
	b	exception
	.balign	128
	.endr

	.section .bss
	.balign	4096
	.globl	init_pg_dir, init_pg_end
init_pg_dir:	.skip	3 * 4096
init_pg_end:
idmap_l0:	.skip	4096
idmap_l1:	.skip	4096
stack:		.skip	32768
stack_top:
