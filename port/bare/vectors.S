/* SPDX-License-Identifier: MIT */
/*
 * EL1's exception vectors, and the recovery of a fault that was expected.
 *
 * Every exception switches to its own stack before anything is pushed, so that an overflow of the kernel stack
 * (its guard is the unmapped hole below the "stack" segment) is reported like any other fault. An exception within
 * the exception stack goes on below the frame of the first. No interrupt is taken in this port: all kinds come here.
 */
#include "asm.h"

	.macro adr_l, reg, sym
	adrp	\reg, \sym
	add	\reg, \reg, :lo12:\sym
	.endm

	.macro	ventry, kind
	.balign	0x80
	/* There is no EL0 yet: its thread registers are free to hold x0 and x1. */
	msr	tpidr_el0, x0
	msr	tpidrro_el0, x1
	mov	x0, #\kind
	b	exception_entry
	.endm

	.section .text, "ax"
	.balign	2048
	.globl	vectors
vectors:
	ventry	0	/* current EL, SP_EL0: sync, IRQ, FIQ, SError */
	ventry	1
	ventry	2
	ventry	3
	ventry	4	/* current EL, SP_ELx */
	ventry	5
	ventry	6
	ventry	7
	ventry	8	/* lower EL, AArch64 */
	ventry	9
	ventry	10
	ventry	11
	ventry	12	/* lower EL, AArch32 */
	ventry	13
	ventry	14
	ventry	15

	.type	exception_entry, %function
exception_entry:
	/* x0: the kind. CONTEXTIDR_EL1 serves debuggers only, and SP_EL0 nobody. */
	msr	contextidr_el1, x0
	mov	x0, sp
	msr	sp_el0, x0
	adr_l	x1, exception_stack_top
	sub	x1, x1, x0
	cmp	x1, #EXCEPTION_STACK_SIZE
	b.hs	1f
	/* An exception in the report of an exception, and so on: stop before the stack ends. */
	cmp	x1, #(EXCEPTION_STACK_SIZE - 0x1000)
	b.hi	exception_dead
	b	2f
1:	adr_l	x0, exception_stack_top
	mov	sp, x0
2:	sub	sp, sp, #FRAME_SIZE
	mrs	x0, tpidr_el0
	mrs	x1, tpidrro_el0
	stp	x0, x1, [sp]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x0, sp_el0
	stp	x30, x0, [sp, #240]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #FRAME_PC]
	mrs	x2, esr_el1
	mrs	x3, far_el1
	stp	x2, x3, [sp, #FRAME_ESR]
	mrs	x2, contextidr_el1
	stp	x2, xzr, [sp, #FRAME_KIND]
	/* The backtrace goes on through the interrupted code. */
	stp	x29, x1, [sp, #FRAME_CHAIN]
	add	x29, sp, #FRAME_CHAIN
	mov	x0, sp
	bl	exception_handler
	/* It returned: the fault was expected, and x0 is the stack pointer that expect_call saved. */
	mov	sp, x0
	ldr	x9, [sp, #96]
	msr	daif, x9
	mov	x0, #1
	b	expect_return

exception_dead:
	/* The stack pointer itself may be what faults. */
	adr_l	x0, exception_stack
	add	sp, x0, #0x1000
	bl	exception_hopeless
	b	.

/*
 * int expect_call(int (*op)(void *), void *arg, u64 *saved_sp): run op(arg). Returns 0 when op returned, 1 when
 * it faulted and exception_handler chose to recover.
 */
	.globl	expect_call
	.type	expect_call, %function
expect_call:
	stp	x29, x30, [sp, #-112]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	mrs	x9, daif
	str	x9, [sp, #96]
	mov	x9, sp
	str	x9, [x2]
	mov	x9, x0
	mov	x0, x1
	blr	x9
	mov	x0, xzr
expect_return:
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #112
	ret
