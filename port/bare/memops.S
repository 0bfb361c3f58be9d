/* SPDX-License-Identifier: MIT */
/*
 * memcpy, memmove, memset for Normal memory (unaligned accesses, DC ZVA). 128 bytes an iteration through the SIMD registers,
 * which no other code of the kernel uses and which head.S enables; an exception does not return into the middle of a copy.
 *
 * Sizes up to 128 bytes are copied by loading all before storing any, so that overlap does not matter.
 */
	.text

	.globl	memcpy
	.globl	memmove
	.type	memcpy, %function
	.type	memmove, %function
	.balign	64
memcpy:
memmove:
	add	x4, x1, x2		/* ends */
	add	x5, x0, x2
	cmp	x2, #16
	b.lo	.Lcopy15
	cmp	x2, #32
	b.hi	.Lcopy33
	ldr	q0, [x1]
	ldr	q1, [x4, #-16]
	str	q0, [x0]
	str	q1, [x5, #-16]
	ret

.Lcopy15:
	tbz	x2, #3, 1f
	ldr	x6, [x1]
	ldr	x7, [x4, #-8]
	str	x6, [x0]
	str	x7, [x5, #-8]
	ret
1:	tbz	x2, #2, 2f
	ldr	w6, [x1]
	ldr	w7, [x4, #-4]
	str	w6, [x0]
	str	w7, [x5, #-4]
	ret
2:	cbz	x2, 3f
	lsr	x8, x2, #1		/* 1, 2 or 3 bytes: first, middle, last */
	ldrb	w6, [x1]
	ldrb	w7, [x1, x8]
	ldrb	w9, [x4, #-1]
	strb	w6, [x0]
	strb	w7, [x0, x8]
	strb	w9, [x5, #-1]
3:	ret

.Lcopy33:
	cmp	x2, #64
	b.hi	.Lcopy65
	ldp	q0, q1, [x1]
	ldp	q2, q3, [x4, #-32]
	stp	q0, q1, [x0]
	stp	q2, q3, [x5, #-32]
	ret

.Lcopy65:
	cmp	x2, #128
	b.hi	.Lcopy129
	ldp	q0, q1, [x1]
	ldp	q2, q3, [x1, #32]
	ldp	q4, q5, [x4, #-64]
	ldp	q6, q7, [x4, #-32]
	stp	q0, q1, [x0]
	stp	q2, q3, [x0, #32]
	stp	q4, q5, [x5, #-64]
	stp	q6, q7, [x5, #-32]
	ret

	/* More than 128 bytes: downwards when dst lies inside [src, src + n). */
.Lcopy129:
	sub	x6, x0, x1
	cmp	x6, x2
	b.lo	.Lcopy_down

	/* The last 128 bytes are loaded first: the loop may overwrite them. */
	sub	x6, x4, #128
	ld1	{v16.16b-v19.16b}, [x6], #64
	ld1	{v20.16b-v23.16b}, [x6]
	mov	x3, x0
	sub	x2, x2, #128
1:	ld1	{v0.16b-v3.16b}, [x1], #64
	ld1	{v4.16b-v7.16b}, [x1], #64
	st1	{v0.16b-v3.16b}, [x3], #64
	st1	{v4.16b-v7.16b}, [x3], #64
	subs	x2, x2, #128
	b.hi	1b
	sub	x5, x5, #128
	st1	{v16.16b-v19.16b}, [x5], #64
	st1	{v20.16b-v23.16b}, [x5]
	ret

.Lcopy_down:
	cbz	x6, 2f
	ldp	q16, q17, [x1]
	ldp	q18, q19, [x1, #32]
	ldp	q20, q21, [x1, #64]
	ldp	q22, q23, [x1, #96]
	mov	x7, #-64
	sub	x4, x4, #64
	sub	x5, x5, #64
	sub	x2, x2, #128
1:	ld1	{v0.16b-v3.16b}, [x4], x7
	ld1	{v4.16b-v7.16b}, [x4], x7
	st1	{v0.16b-v3.16b}, [x5], x7
	st1	{v4.16b-v7.16b}, [x5], x7
	subs	x2, x2, #128
	b.hi	1b
	stp	q16, q17, [x0]
	stp	q18, q19, [x0, #32]
	stp	q20, q21, [x0, #64]
	stp	q22, q23, [x0, #96]
2:	ret

	.globl	memset
	.type	memset, %function
	.balign	64
memset:
	dup	v0.16b, w1
	add	x4, x0, x2
	cmp	x2, #16
	b.lo	.Lset15
	cmp	x2, #64
	b.hi	.Lset65
	str	q0, [x0]
	str	q0, [x4, #-16]
	tbnz	x2, #5, 1f		/* 32..63 */
	tbnz	x2, #6, 1f		/* 64 */
	ret
1:	str	q0, [x0, #16]
	str	q0, [x4, #-32]
	ret

.Lset15:
	fmov	x6, d0
	tbz	x2, #3, 1f
	str	x6, [x0]
	str	x6, [x4, #-8]
	ret
1:	tbz	x2, #2, 2f
	str	w6, [x0]
	str	w6, [x4, #-4]
	ret
2:	cbz	x2, 3f
	lsr	x8, x2, #1
	strb	w6, [x0]
	strb	w6, [x0, x8]
	strb	w6, [x4, #-1]
3:	ret

.Lset65:
	mov	x3, x0
	cmp	x2, #256
	b.lo	.Lset_loop
	tst	w1, #0xff
	b.ne	.Lset_loop
	mrs	x6, dczid_el0
	cmp	w6, #4			/* 64-byte blocks, not prohibited */
	b.ne	.Lset_loop
	/* Zero up to a 64-byte boundary, blocks, and the last up to 64 bytes. */
	stp	q0, q0, [x3]
	stp	q0, q0, [x3, #32]
	add	x3, x3, #64
	and	x3, x3, #~63
	sub	x5, x4, #256
	cmp	x3, x5
	b.hi	2f
1:	dc	zva, x3
	add	x6, x3, #64
	dc	zva, x6
	add	x7, x3, #128
	dc	zva, x7
	add	x8, x3, #192
	dc	zva, x8
	add	x3, x3, #256
	cmp	x3, x5
	b.ls	1b
2:	sub	x2, x4, x3		/* 0..255 left */
	cmp	x2, #64
	b.ls	.Lset_tail
.Lset_loop:
	sub	x2, x4, x3
	subs	x2, x2, #256
	b.lo	2f
1:	stp	q0, q0, [x3, #32]
	stp	q0, q0, [x3, #64]
	stp	q0, q0, [x3, #96]
	stp	q0, q0, [x3, #128]
	stp	q0, q0, [x3, #160]
	stp	q0, q0, [x3, #192]
	stp	q0, q0, [x3, #224]
	stp	q0, q0, [x3], #256
	subs	x2, x2, #256
	b.hs	1b
2:	add	x2, x2, #256		/* 0..255 left */
	cmp	x2, #64
	b.ls	.Lset_tail
3:	stp	q0, q0, [x3], #32
	stp	q0, q0, [x3], #32
	sub	x2, x2, #64
	cmp	x2, #64
	b.hi	3b
.Lset_tail:
	/* The last 64 bytes, written again where they overlap: the whole is longer than 64. */
	stp	q0, q0, [x4, #-64]
	stp	q0, q0, [x4, #-32]
	ret
