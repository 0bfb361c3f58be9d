/* SPDX-License-Identifier: MIT */
/*
 * void port_memmove_large(void *dst, const void *src, size_t n)
 *
 * memmove for kilobytes: 64 bytes an instruction in the SIMD registers v0..v7, which are saved first and restored, so
 * that nobody notices. Where SIMD traps at EL1 (CPACR_EL1.FPEN, bit 20 clear) memmove does the work. dst, src and n
 * are multiples of 8.
 */
	.arch	armv8-a+simd
	.text
	.balign	64
	.global	port_memmove_large
	.type	port_memmove_large, %function
port_memmove_large:
	mrs	x3, cpacr_el1
	tbz	x3, #20, 9f
	cmp	x2, #256
	b.lo	9f

	stp	x29, x30, [sp, #-144]!
	mov	x29, sp
	stp	q0, q1, [sp, #16]
	stp	q2, q3, [sp, #48]
	stp	q4, q5, [sp, #80]
	stp	q6, q7, [sp, #112]

	/* dst inside [src, src + n): from the end down. */
	sub	x3, x0, x1
	cmp	x3, x2
	b.lo	5f

	/* Blocks of 256; the rest, below 256, is left to the tail loops. */
	lsr	x4, x2, #8
1:	ld1	{v0.16b-v3.16b}, [x1], #64
	ld1	{v4.16b-v7.16b}, [x1], #64
	st1	{v0.16b-v3.16b}, [x0], #64
	st1	{v4.16b-v7.16b}, [x0], #64
	ld1	{v0.16b-v3.16b}, [x1], #64
	ld1	{v4.16b-v7.16b}, [x1], #64
	st1	{v0.16b-v3.16b}, [x0], #64
	st1	{v4.16b-v7.16b}, [x0], #64
	subs	x4, x4, #1
	b.ne	1b
	tbz	x2, #7, 2f
	ld1	{v0.16b-v3.16b}, [x1], #64
	ld1	{v4.16b-v7.16b}, [x1], #64
	st1	{v0.16b-v3.16b}, [x0], #64
	st1	{v4.16b-v7.16b}, [x0], #64
2:	ands	x4, x2, #0x78
	b.eq	8f
3:	ldr	x5, [x1], #8
	str	x5, [x0], #8
	subs	x4, x4, #8
	b.ne	3b
	b	8f

5:	add	x1, x1, x2
	add	x0, x0, x2
	mov	x6, #-64
	sub	x1, x1, #64
	sub	x0, x0, #64
	lsr	x4, x2, #8
6:	ld1	{v0.16b-v3.16b}, [x1], x6
	ld1	{v4.16b-v7.16b}, [x1], x6
	st1	{v0.16b-v3.16b}, [x0], x6
	st1	{v4.16b-v7.16b}, [x0], x6
	ld1	{v0.16b-v3.16b}, [x1], x6
	ld1	{v4.16b-v7.16b}, [x1], x6
	st1	{v0.16b-v3.16b}, [x0], x6
	st1	{v4.16b-v7.16b}, [x0], x6
	subs	x4, x4, #1
	b.ne	6b
	tbz	x2, #7, 7f
	ld1	{v0.16b-v3.16b}, [x1], x6
	ld1	{v4.16b-v7.16b}, [x1], x6
	st1	{v0.16b-v3.16b}, [x0], x6
	st1	{v4.16b-v7.16b}, [x0], x6
7:	add	x1, x1, #64
	add	x0, x0, #64
	ands	x4, x2, #0x78
	b.eq	8f
4:	ldr	x5, [x1, #-8]!
	str	x5, [x0, #-8]!
	subs	x4, x4, #8
	b.ne	4b

8:	ldp	q0, q1, [sp, #16]
	ldp	q2, q3, [sp, #48]
	ldp	q4, q5, [sp, #80]
	ldp	q6, q7, [sp, #112]
	ldp	x29, x30, [sp], #144
	ret

9:	b	memmove
	.size	port_memmove_large, . - port_memmove_large
