/* SPDX-License-Identifier: MIT */
/*
 * void clear_page(void *page): zero a page, aligned, of Normal memory. DC ZVA writes a whole block of DCZID_EL0.BS words
 * without reading it; a CPU that prohibits it (DZP), or whose block is not 64 bytes, gets memset (Arm ARM C5.3, DC ZVA).
 * Every fourth block is stored: ST1 steps the address for the next, which DC ZVA leaves to an instruction of its own.
 */
#include "asm.h"

	.text
	.balign	64
	.globl	clear_page
	.type	clear_page, %function
clear_page:
	mrs	x1, dczid_el0
	cmp	w1, #4			/* DZP 0, BS 4 */
	b.ne	2f
	/* The SIMD registers are the program's. */
	sub	sp, sp, #64
	st1	{v0.16b-v3.16b}, [sp]
	movi	v0.2d, #0
	movi	v1.2d, #0
	movi	v2.2d, #0
	movi	v3.2d, #0
	add	x2, x0, #EARLY_PAGE_SIZE
1:	.rept	8
	dc	zva, x0
	add	x0, x0, #64
	dc	zva, x0
	add	x0, x0, #64
	dc	zva, x0
	add	x0, x0, #64
	st1	{v0.16b-v3.16b}, [x0], #64
	.endr
	cmp	x0, x2
	b.ne	1b
	ld1	{v0.16b-v3.16b}, [sp], #64
	ret
2:	mov	x2, #EARLY_PAGE_SIZE
	mov	w1, wzr
	b	memset
	.size	clear_page, . - clear_page

/*
 * void copy_page(void *to, const void *from): a page, both aligned, that do not overlap. 256 bytes a round; loads run ahead
 * of the stores.
 */
	.balign	64
	.globl	copy_page
	.type	copy_page, %function
copy_page:
	sub	sp, sp, #256
	mov	x3, sp
	st1	{v0.16b-v3.16b}, [x3], #64
	st1	{v4.16b-v7.16b}, [x3], #64
	st1	{v16.16b-v19.16b}, [x3], #64
	st1	{v20.16b-v23.16b}, [x3]
	add	x2, x1, #EARLY_PAGE_SIZE
1:	ld1	{v0.16b-v3.16b}, [x1], #64
	ld1	{v4.16b-v7.16b}, [x1], #64
	ld1	{v16.16b-v19.16b}, [x1], #64
	ld1	{v20.16b-v23.16b}, [x1], #64
	st1	{v0.16b-v3.16b}, [x0], #64
	st1	{v4.16b-v7.16b}, [x0], #64
	st1	{v16.16b-v19.16b}, [x0], #64
	st1	{v20.16b-v23.16b}, [x0], #64
	cmp	x1, x2
	b.ne	1b
	ld1	{v0.16b-v3.16b}, [sp], #64
	ld1	{v4.16b-v7.16b}, [sp], #64
	ld1	{v16.16b-v19.16b}, [sp], #64
	ld1	{v20.16b-v23.16b}, [sp], #64
	ret
	.size	copy_page, . - copy_page
