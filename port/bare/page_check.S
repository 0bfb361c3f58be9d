/* SPDX-License-Identifier: MIT */
/*
 * bool pages_nothing_left(const struct page *page, unsigned long nr): nr pages, a multiple of 4, have no references and no
 * mappings (the word at 16 is 0xffffffff00000000), word 0 (at 24) and none of the flags in bits 0 to 22 (at 0).
 *
 * LD4 takes two pages of 32 bytes apart: flags and next, prev and order, counts, word. Or'ed and and'ed over all pages, so
 * that a page costs less than three instructions. Answers to the C of the same name in mm/page/free.c.
 */
	.text
	.balign	64
	.globl	pages_nothing_left
	.type	pages_nothing_left, %function
pages_nothing_left:
	/* The SIMD registers are the program's. */
	sub	sp, sp, #192
	mov	x2, sp
	st1	{v0.16b-v3.16b}, [x2], #64
	st1	{v4.16b-v7.16b}, [x2], #64
	st1	{v16.16b-v19.16b}, [x2]
	movi	v16.2d, #0		/* flags, or'ed */
	movi	v17.2d, #0		/* counts, or'ed */
	movi	v18.2d, #0		/* words, or'ed */
	movi	v19.2d, #0xffffffffffffffff	/* counts, and'ed */
	add	x1, x0, x1, lsl #5
1:	ld4	{v0.2d-v3.2d}, [x0], #64
	ld4	{v4.2d-v7.2d}, [x0], #64
	orr	v16.16b, v16.16b, v0.16b
	orr	v17.16b, v17.16b, v2.16b
	orr	v18.16b, v18.16b, v3.16b
	and	v19.16b, v19.16b, v2.16b
	orr	v16.16b, v16.16b, v4.16b
	orr	v17.16b, v17.16b, v6.16b
	orr	v18.16b, v18.16b, v7.16b
	and	v19.16b, v19.16b, v6.16b
	cmp	x0, x1
	b.ne	1b
	/* Both lanes in one. */
	mov	x2, v16.d[0]
	mov	x3, v16.d[1]
	orr	x2, x2, x3
	mov	x4, v17.d[0]
	mov	x5, v17.d[1]
	orr	x4, x4, x5
	mov	x6, v18.d[0]
	mov	x7, v18.d[1]
	orr	x6, x6, x7
	mov	x8, v19.d[0]
	mov	x9, v19.d[1]
	ld1	{v0.16b-v3.16b}, [sp], #64
	ld1	{v4.16b-v7.16b}, [sp], #64
	ld1	{v16.16b-v19.16b}, [sp], #64
	and	x8, x8, x9
	and	x2, x2, #0x7fffff
	orr	x2, x2, x6
	eor	x4, x4, #0xffffffff00000000
	eor	x8, x8, #0xffffffff00000000
	lsr	x8, x8, #32		/* references are seen in the other */
	orr	x4, x4, x8
	orr	x2, x2, x4
	cmp	x2, #0
	cset	w0, eq
	ret
	.size	pages_nothing_left, . - pages_nothing_left
