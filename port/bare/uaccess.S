/* SPDX-License-Identifier: MIT */
/*
 * The kernel's accesses to a program's memory: the only instructions of EL1 that may fault and go on.
 *
 * Short ones are LDTR and STTR, which have EL0's rights whatever the state of PAN. Copies of BULK bytes and more go through the SIMD
 * registers (memops.S) with PAN lifted where the CPU has it, and exclusives, which have no unprivileged form, likewise. The
 * address range is the caller's to check (kernel/uaccess.c); bit 55 is cleared before PAN is lifted, so that no guess of the branch
 * predictor leads such an access to a kernel address.
 *
 * Every such instruction has an entry in user_fixups: its place, and where to go on when the fault cannot be mended. Entries are made in the
 * order of the code, so the table is sorted. An exception within [user_text, user_text_end) is looked up in it (vectors.S, user.c); it is
 * served on the task's own stack, like a fault of EL0, and the instruction is done again.
 *
 * A copy that fails goes on byte by byte from the last block that it knows to be done: what it returns is exact.
 */
#include "asm.h"

#define BULK 256

	.arch	armv8.1-a+pan

	.section .rodata.user_fixups, "a"
	.balign	4
	.globl	user_fixups
user_fixups:

	.text
	.balign	64
	.globl	user_text
user_text:

	.macro	user to, insn:vararg
.Luser\@:
	\insn
	.pushsection .rodata.user_fixups
	.long	.Luser\@ - ., \to - .
	.popsection
	.endm

	/* \tmp, flags. */
	.macro	user_access_on tmp
	adrp	\tmp, user_has_pan
	ldr	\tmp, [\tmp, :lo12:user_has_pan]
	cbz	\tmp, .Lon\@
	msr	pan, #0
.Lon\@:
	.endm

	.macro	user_access_off tmp
	adrp	\tmp, user_has_pan
	ldr	\tmp, [\tmp, :lo12:user_has_pan]
	cbz	\tmp, .Loff\@
	msr	pan, #1
.Loff\@:
	.endm

	.macro	save_q0_q7
	stp	q0, q1, [sp, #-128]!
	stp	q2, q3, [sp, #32]
	stp	q4, q5, [sp, #64]
	stp	q6, q7, [sp, #96]
	.endm

	.macro	load_q0_q7
	ldp	q2, q3, [sp, #32]
	ldp	q4, q5, [sp, #64]
	ldp	q6, q7, [sp, #96]
	ldp	q0, q1, [sp], #128
	.endm

/* ------------------------------------------------------------------ from the program */

/* size_t port_copy_from_user(void *to, unsigned long from, size_t n). x0, x1, x2 go on together, past what is done. */
	.globl	port_copy_from_user
	.type	port_copy_from_user, %function
port_copy_from_user:
	cmp	x2, #16
	b.lo	.Lfrom15
	cmp	x2, #BULK
	b.hs	.Lfrom_bulk
	cmp	x2, #64
	b.lo	2f
1:	user	.Lfrom_bytes, ldtr x6, [x1]
	user	.Lfrom_bytes, ldtr x7, [x1, #8]
	user	.Lfrom_bytes, ldtr x8, [x1, #16]
	user	.Lfrom_bytes, ldtr x9, [x1, #24]
	user	.Lfrom_bytes, ldtr x10, [x1, #32]
	user	.Lfrom_bytes, ldtr x11, [x1, #40]
	user	.Lfrom_bytes, ldtr x12, [x1, #48]
	user	.Lfrom_bytes, ldtr x13, [x1, #56]
	add	x1, x1, #64
	sub	x2, x2, #64
	stp	x6, x7, [x0]
	stp	x8, x9, [x0, #16]
	stp	x10, x11, [x0, #32]
	stp	x12, x13, [x0, #48]
	add	x0, x0, #64
	cmp	x2, #64
	b.hs	1b
	cmp	x2, #16
	b.lo	3f
2:	user	.Lfrom_bytes, ldtr x6, [x1]
	user	.Lfrom_bytes, ldtr x7, [x1, #8]
	add	x1, x1, #16
	sub	x2, x2, #16
	stp	x6, x7, [x0], #16
	cmp	x2, #16
	b.hs	2b
3:	cbz	x2, 4f
	/* The last 16 bytes, some of them again. */
	add	x3, x1, x2
	user	.Lfrom_bytes, ldtr x6, [x3, #-16]
	user	.Lfrom_bytes, ldtr x7, [x3, #-8]
	add	x4, x0, x2
	stp	x6, x7, [x4, #-16]
4:	mov	x0, xzr
	ret

.Lfrom15:
	add	x3, x1, x2
	add	x4, x0, x2
	tbz	x2, #3, 1f
	user	.Lfrom_bytes, ldtr x6, [x1]
	user	.Lfrom_bytes, ldtr x7, [x3, #-8]
	str	x6, [x0]
	str	x7, [x4, #-8]
	mov	x0, xzr
	ret
1:	tbz	x2, #2, .Lfrom_bytes
	user	.Lfrom_bytes, ldtr w6, [x1]
	user	.Lfrom_bytes, ldtr w7, [x3, #-4]
	str	w6, [x0]
	str	w7, [x4, #-4]
	mov	x0, xzr
	ret

.Lfrom_bytes:
	cbz	x2, 2f
1:	user	.Luser_left, ldtrb w6, [x1]
	strb	w6, [x0], #1
	add	x1, x1, #1
	subs	x2, x2, #1
	b.ne	1b
2:	mov	x0, xzr
	ret
.Luser_left:
	mov	x0, x2
	ret

	/* x3, x4: the ends, from which a fault finds back by x2. */
.Lfrom_bulk:
	bic	x1, x1, #(1 << 55)
	add	x3, x1, x2
	add	x4, x0, x2
	save_q0_q7
	user_access_on x5
1:	user	.Lfrom_bulk_failed, ld1 {v0.16b-v3.16b}, [x1], #64
	user	.Lfrom_bulk_failed, ld1 {v4.16b-v7.16b}, [x1], #64
	st1	{v0.16b-v3.16b}, [x0], #64
	st1	{v4.16b-v7.16b}, [x0], #64
	sub	x2, x2, #128
	cmp	x2, #128
	b.hs	1b
	cbz	x2, 2f
	sub	x1, x3, #128
	sub	x0, x4, #128
	user	.Lfrom_bulk_failed, ld1 {v0.16b-v3.16b}, [x1], #64
	user	.Lfrom_bulk_failed, ld1 {v4.16b-v7.16b}, [x1]
	st1	{v0.16b-v3.16b}, [x0], #64
	st1	{v4.16b-v7.16b}, [x0]
2:	user_access_off x5
	load_q0_q7
	mov	x0, xzr
	ret
.Lfrom_bulk_failed:
	user_access_off x5
	load_q0_q7
	sub	x1, x3, x2
	sub	x0, x4, x2
	b	.Lfrom_bytes

/* ------------------------------------------------------------------ to the program */

/* size_t port_copy_to_user(unsigned long to, const void *from, size_t n) */
	.globl	port_copy_to_user
	.type	port_copy_to_user, %function
port_copy_to_user:
	cmp	x2, #16
	b.lo	.Lto15
	cmp	x2, #BULK
	b.hs	.Lto_bulk
	cmp	x2, #64
	b.lo	2f
1:	ldp	x6, x7, [x1]
	ldp	x8, x9, [x1, #16]
	ldp	x10, x11, [x1, #32]
	ldp	x12, x13, [x1, #48]
	user	.Lto_bytes, sttr x6, [x0]
	user	.Lto_bytes, sttr x7, [x0, #8]
	user	.Lto_bytes, sttr x8, [x0, #16]
	user	.Lto_bytes, sttr x9, [x0, #24]
	user	.Lto_bytes, sttr x10, [x0, #32]
	user	.Lto_bytes, sttr x11, [x0, #40]
	user	.Lto_bytes, sttr x12, [x0, #48]
	user	.Lto_bytes, sttr x13, [x0, #56]
	add	x1, x1, #64
	add	x0, x0, #64
	sub	x2, x2, #64
	cmp	x2, #64
	b.hs	1b
	cmp	x2, #16
	b.lo	3f
2:	ldp	x6, x7, [x1]
	user	.Lto_bytes, sttr x6, [x0]
	user	.Lto_bytes, sttr x7, [x0, #8]
	add	x1, x1, #16
	add	x0, x0, #16
	sub	x2, x2, #16
	cmp	x2, #16
	b.hs	2b
3:	cbz	x2, 4f
	add	x3, x1, x2
	add	x4, x0, x2
	ldp	x6, x7, [x3, #-16]
	user	.Lto_bytes, sttr x6, [x4, #-16]
	user	.Lto_bytes, sttr x7, [x4, #-8]
4:	mov	x0, xzr
	ret

.Lto15:
	add	x3, x1, x2
	add	x4, x0, x2
	tbz	x2, #3, 1f
	ldr	x6, [x1]
	ldr	x7, [x3, #-8]
	user	.Lto_bytes, sttr x6, [x0]
	user	.Lto_bytes, sttr x7, [x4, #-8]
	mov	x0, xzr
	ret
1:	tbz	x2, #2, .Lto_bytes
	ldr	w6, [x1]
	ldr	w7, [x3, #-4]
	user	.Lto_bytes, sttr w6, [x0]
	user	.Lto_bytes, sttr w7, [x4, #-4]
	mov	x0, xzr
	ret

.Lto_bytes:
	cbz	x2, 2f
1:	ldrb	w6, [x1], #1
	user	.Luser_left, sttrb w6, [x0]
	add	x0, x0, #1
	subs	x2, x2, #1
	b.ne	1b
2:	mov	x0, xzr
	ret

.Lto_bulk:
	bic	x0, x0, #(1 << 55)
	add	x3, x1, x2
	add	x4, x0, x2
	save_q0_q7
	user_access_on x5
1:	ld1	{v0.16b-v3.16b}, [x1], #64
	ld1	{v4.16b-v7.16b}, [x1], #64
	user	.Lto_bulk_failed, st1 {v0.16b-v3.16b}, [x0], #64
	user	.Lto_bulk_failed, st1 {v4.16b-v7.16b}, [x0], #64
	sub	x2, x2, #128
	cmp	x2, #128
	b.hs	1b
	cbz	x2, 2f
	sub	x1, x3, #128
	sub	x0, x4, #128
	ld1	{v0.16b-v3.16b}, [x1], #64
	ld1	{v4.16b-v7.16b}, [x1]
	user	.Lto_bulk_failed, st1 {v0.16b-v3.16b}, [x0], #64
	user	.Lto_bulk_failed, st1 {v4.16b-v7.16b}, [x0]
2:	user_access_off x5
	load_q0_q7
	mov	x0, xzr
	ret
.Lto_bulk_failed:
	user_access_off x5
	load_q0_q7
	sub	x1, x3, x2
	sub	x0, x4, x2
	b	.Lto_bytes

/* size_t port_clear_user(unsigned long to, size_t n) */
	.globl	port_clear_user
	.type	port_clear_user, %function
port_clear_user:
	cmp	x1, #BULK
	b.hs	3f
	cmp	x1, #8
	b.lo	.Lclear_bytes
1:	user	.Lclear_bytes, sttr xzr, [x0]
	add	x0, x0, #8
	sub	x1, x1, #8
	cmp	x1, #8
	b.hs	1b
.Lclear_bytes:
	cbz	x1, 2f
	user	2f, sttrb wzr, [x0]
	add	x0, x0, #1
	sub	x1, x1, #1
	b	.Lclear_bytes
2:	mov	x0, x1
	ret

3:	bic	x0, x0, #(1 << 55)
	add	x4, x0, x1
	str	q0, [sp, #-16]!
	movi	v0.16b, #0
	user_access_on x5
4:	user	.Lclear_bulk_failed, stp q0, q0, [x0]
	user	.Lclear_bulk_failed, stp q0, q0, [x0, #32]
	user	.Lclear_bulk_failed, stp q0, q0, [x0, #64]
	user	.Lclear_bulk_failed, stp q0, q0, [x0, #96]
	add	x0, x0, #128
	sub	x1, x1, #128
	cmp	x1, #128
	b.hs	4b
	cbz	x1, 5f
	user	.Lclear_bulk_failed, stp q0, q0, [x4, #-128]
	user	.Lclear_bulk_failed, stp q0, q0, [x4, #-96]
	user	.Lclear_bulk_failed, stp q0, q0, [x4, #-64]
	user	.Lclear_bulk_failed, stp q0, q0, [x4, #-32]
5:	user_access_off x5
	ldr	q0, [sp], #16
	mov	x0, xzr
	ret
.Lclear_bulk_failed:
	user_access_off x5
	ldr	q0, [sp], #16
	b	.Lclear_bytes

/* ------------------------------------------------------------------ strings, words */

/*
 * long port_strncpy_from_user(char *to, unsigned long from, size_t n): words as long as they are aligned, which never reach into a page
 * that the string does not need.
 */
	.globl	port_strncpy_from_user
	.type	port_strncpy_from_user, %function
port_strncpy_from_user:
	mov	x3, x0
	mov	x9, #0x0101010101010101
	/* x2: left */
1:	cbz	x2, .Lstring_end
	tst	x1, #7
	b.ne	2f
	cmp	x2, #8
	b.hs	4f
2:	user	.Lstring_failed, ldtrb w6, [x1]
	cbz	w6, 3f
	strb	w6, [x0], #1
	add	x1, x1, #1
	sub	x2, x2, #1
	b	1b
3:	strb	wzr, [x0]
.Lstring_end:
	sub	x0, x0, x3
	ret
4:	user	.Lstring_failed, ldtr x6, [x1]
	sub	x7, x6, x9
	bic	x7, x7, x6
	ands	x7, x7, #0x8080808080808080
	str	x6, [x0]
	b.ne	5f
	add	x0, x0, #8
	add	x1, x1, #8
	sub	x2, x2, #8
	cmp	x2, #8
	b.hs	4b
	b	1b
5:	rbit	x7, x7
	clz	x7, x7
	add	x0, x0, x7, lsr #3
	b	.Lstring_end
.Lstring_failed:
	mov	x0, #-14
	ret

	/* int port_get_user_BITS(unsigned long from, uBITS *to), port_put_user_BITS(unsigned long to, uBITS value) */
	.macro	user_word bits, w
	.globl	port_get_user_\bits
	.type	port_get_user_\bits, %function
port_get_user_\bits:
	user	.Lword_failed, ldtr \w\()2, [x0]
	str	\w\()2, [x1]
	mov	w0, wzr
	ret
	.globl	port_put_user_\bits
	.type	port_put_user_\bits, %function
port_put_user_\bits:
	user	.Lword_failed, sttr \w\()1, [x0]
	mov	w0, wzr
	ret
	.endm
	user_word 32, w
	user_word 64, x
.Lword_failed:
	mov	w0, #-14
	ret

/* int port_cmpxchg_user(unsigned long addr, u32 *old, u32 new) */
	.globl	port_cmpxchg_user
	.type	port_cmpxchg_user, %function
port_cmpxchg_user:
	bic	x0, x0, #(1 << 55)
	ldr	w6, [x1]
	user_access_on x5
1:	user	.Lcmpxchg_failed, ldxr w7, [x0]
	cmp	w7, w6
	b.ne	2f
	user	.Lcmpxchg_failed, stlxr w8, w2, [x0]
	cbnz	w8, 1b
	dmb	ish
2:	user_access_off x5
	str	w7, [x1]
	cset	w0, eq
	ret
.Lcmpxchg_failed:
	user_access_off x5
	mov	w0, #-14
	ret

	.globl	user_text_end
user_text_end:

	.section .rodata.user_fixups
	.globl	user_fixups_end
user_fixups_end:
