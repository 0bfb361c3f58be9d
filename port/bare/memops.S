/* SPDX-License-Identifier: MIT */
/*
 * memcpy, memmove, memset for Normal memory (unaligned accesses, DC ZVA). Long ones go through the SIMD registers, 128 bytes an
 * iteration. Those are the program's that runs, or last ran, on this CPU: what is used of them is put back.
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
	ldp	x6, x7, [x1]
	ldp	x8, x9, [x4, #-16]
	stp	x6, x7, [x0]
	stp	x8, x9, [x5, #-16]
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
	ldp	x6, x7, [x1]
	ldp	x8, x9, [x1, #16]
	ldp	x10, x11, [x4, #-32]
	ldp	x12, x13, [x4, #-16]
	stp	x6, x7, [x0]
	stp	x8, x9, [x0, #16]
	stp	x10, x11, [x5, #-32]
	stp	x12, x13, [x5, #-16]
	ret

.Lcopy65:
	cmp	x2, #128
	b.hi	.Lcopy129
	ldp	x6, x7, [x1]
	ldp	x8, x9, [x1, #16]
	ldp	x10, x11, [x1, #32]
	ldp	x12, x13, [x1, #48]
	ldp	x14, x15, [x4, #-64]
	ldp	x16, x17, [x4, #-48]
	ldp	x2, x3, [x4, #-32]
	ldp	x1, x4, [x4, #-16]
	stp	x6, x7, [x0]
	stp	x8, x9, [x0, #16]
	stp	x10, x11, [x0, #32]
	stp	x12, x13, [x0, #48]
	stp	x14, x15, [x5, #-64]
	stp	x16, x17, [x5, #-48]
	stp	x2, x3, [x5, #-32]
	stp	x1, x4, [x5, #-16]
	ret

	/* More than 128 bytes: downwards when dst lies inside [src, src + n). */
.Lcopy129:
	sub	x6, x0, x1
	cbz	x6, 2f
	sub	sp, sp, #256
	stp	q0, q1, [sp]
	stp	q2, q3, [sp, #32]
	stp	q4, q5, [sp, #64]
	stp	q6, q7, [sp, #96]
	stp	q16, q17, [sp, #128]
	stp	q18, q19, [sp, #160]
	stp	q20, q21, [sp, #192]
	stp	q22, q23, [sp, #224]
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
.Lcopy_end:
	ldp	q0, q1, [sp]
	ldp	q2, q3, [sp, #32]
	ldp	q4, q5, [sp, #64]
	ldp	q6, q7, [sp, #96]
	ldp	q16, q17, [sp, #128]
	ldp	q18, q19, [sp, #160]
	ldp	q20, q21, [sp, #192]
	ldp	q22, q23, [sp, #224]
	add	sp, sp, #256
2:	ret

.Lcopy_down:
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
	b	.Lcopy_end

	.globl	memset
	.type	memset, %function
	.balign	64
memset:
	add	x4, x0, x2
	cmp	x2, #64
	b.hi	.Lset65
	and	x6, x1, #0xff
	orr	x6, x6, x6, lsl #8
	orr	x6, x6, x6, lsl #16
	orr	x6, x6, x6, lsl #32
	cmp	x2, #16
	b.lo	.Lset15
	stp	x6, x6, [x0]
	stp	x6, x6, [x4, #-16]
	tbnz	x2, #5, 1f		/* 32..63 */
	tbnz	x2, #6, 1f		/* 64 */
	ret
1:	stp	x6, x6, [x0, #16]
	stp	x6, x6, [x4, #-32]
	ret

.Lset15:
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
	str	q0, [sp, #-16]!
	dup	v0.16b, w1
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
	ldr	q0, [sp], #16
	ret
