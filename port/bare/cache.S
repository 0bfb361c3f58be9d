/* SPDX-License-Identifier: MIT */
/*
 * Data-cache maintenance to the point of coherency, by address. Position independent, no stack: also used before the MMU
 * is on. The line size is the smallest of the system (CTR_EL0.DminLine).
 */
	.macro	dcache_line, reg, tmp
	mrs	\tmp, ctr_el0
	ubfx	\tmp, \tmp, #16, #4
	mov	\reg, #4
	lsl	\reg, \reg, \tmp
	.endm

	.section .idmap.text, "ax"
/*
 * dcache_inval_poc_range(x0 start, x1 end): drop lines. A line that the range holds only part of is cleaned too, so
 * that a neighbour's data is not lost. Uses x10..x12.
 */
	.globl	dcache_inval_poc_range
	.type	dcache_inval_poc_range, %function
dcache_inval_poc_range:
	dmb	sy
	dcache_line x10, x11
	sub	x11, x10, #1
	tst	x1, x11
	bic	x1, x1, x11
	b.eq	1f
	dc	civac, x1
1:	tst	x0, x11
	bic	x0, x0, x11
	b.eq	2f
	dc	civac, x0
	b	3f
2:	cmp	x0, x1
	b.hs	4f
	dc	ivac, x0
3:	add	x0, x0, x10
	cmp	x0, x1
	b.lo	2b
4:	dsb	sy
	ret

/* dcache_clean_inval_poc_range(x0 start, x1 end). Uses x10, x11. */
	.globl	dcache_clean_inval_poc_range
	.type	dcache_clean_inval_poc_range, %function
dcache_clean_inval_poc_range:
	dcache_line x10, x11
	sub	x11, x10, #1
	bic	x0, x0, x11
1:	cmp	x0, x1
	b.hs	2f
	dc	civac, x0
	add	x0, x0, x10
	b	1b
2:	dsb	sy
	ret
