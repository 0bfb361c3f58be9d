/* SPDX-License-Identifier: MIT */
/*
 * EL1's exception vectors, interrupts, and the recovery of a fault that was expected.
 *
 * Every exception but an interrupt of EL1 itself switches to the CPU's exception stack before anything is pushed, so that an
 * overflow of the kernel stack (below it nothing is mapped) is reported like any other fault. An exception within
 * the exception stack goes on below the frame of the first.
 *
 * A fault in an access to a program's memory (uaccess.S) stays on the stack that it finds, and so does its handler: it may sleep. What is known of
 * it is the place of the instruction, so a kernel stack that has ended is not tried.
 *
 * An interrupt stays on the stack that it finds, and returns. The SIMD registers are left alone: what uses them puts them back
 * (memops.S).
 */
#include "asm.h"
#include "frame.inc"

	.macro adr_l, reg, sym
	adrp	\reg, \sym
	add	\reg, \reg, :lo12:\sym
	.endm

	.macro	ventry, kind
	.balign	0x80
	/* el0.S has saved what EL0 had in them. */
	msr	tpidr_el0, x0
	msr	tpidrro_el0, x1
	mov	x0, #\kind
	b	exception_entry
	.endm

	.macro	ventry_irq
	.balign	0x80
	sub	sp, sp, #IRQ_FRAME_SIZE
	stp	x0, x1, [sp]
	b	irq_entry
	.endm

	/* \reg: this CPU's struct cpu_stacks. */
	.macro	cpu_stacks_of, reg, tmp
	mrs	\tmp, tpidr_el1
	and	\tmp, \tmp, #((1 << TPIDR_CPU_BITS) - 1)
	adr_l	\reg, cpu_stacks
	add	\reg, \reg, \tmp, lsl #CPU_STACKS_SHIFT
	.endm

	.section .text, "ax"
	.balign	2048
	.globl	vectors
vectors:
	ventry	0	/* current EL, SP_EL0: sync, IRQ, FIQ, SError */
	ventry	1
	ventry	2
	ventry	3
	.balign	0x80
	b	el1_sync	/* current EL, SP_ELx */
	ventry_irq
	ventry	6
	ventry	7
	.balign	0x80
	b	el0_sync	/* lower EL, AArch64 */
	.balign	0x80
	b	el0_irq
	ventry	10
	ventry	11
	ventry	12	/* lower EL, AArch32 */
	ventry	13
	ventry	14
	ventry	15

	.type	el1_sync, %function
el1_sync:
	msr	sp_el0, x0
	msr	contextidr_el1, x1
	mrs	x0, elr_el1
	adr_l	x1, user_text
	cmp	x0, x1
	b.lo	1f
	adr_l	x1, user_text_end
	cmp	x0, x1
	b.lo	user_access_entry
1:	mrs	x0, sp_el0
	mrs	x1, contextidr_el1
	msr	tpidr_el0, x0
	msr	tpidrro_el0, x1
	mov	x0, #4
	b	exception_entry

user_access_entry:
	mrs	x0, sp_el0
	mrs	x1, contextidr_el1
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp]
	move_x2_x29 stp
	add	x0, sp, #FRAME_SIZE
	stp	x30, x0, [sp, #240]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #FRAME_PC]
	mrs	x2, esr_el1
	mrs	x3, far_el1
	stp	x2, x3, [sp, #FRAME_ESR]
	mov	x2, #4
	stp	x2, xzr, [sp, #FRAME_KIND]
	stp	x29, x1, [sp, #FRAME_CHAIN]
	add	x29, sp, #FRAME_CHAIN
	mov	x0, sp
	bl	user_access_exception
	b	irq_return

	.type	exception_entry, %function
exception_entry:
	/* x0: the kind. CONTEXTIDR_EL1 serves debuggers only, and SP_EL0 nobody. */
	msr	contextidr_el1, x0
	mov	x0, sp
	msr	sp_el0, x0
	cpu_stacks_of x1, x0
	ldr	x1, [x1]
	mrs	x0, sp_el0
	sub	x1, x1, x0
	cmp	x1, #EXCEPTION_STACK_SIZE
	b.hs	1f
	/* An exception in the report of an exception, and so on: stop before the stack ends. */
	cmp	x1, #(EXCEPTION_STACK_SIZE - 0x1000)
	b.hi	exception_dead
	b	2f
1:	cpu_stacks_of x0, x1
	ldr	x0, [x0]
	mov	sp, x0
2:	sub	sp, sp, #FRAME_SIZE
	mrs	x0, tpidr_el0
	mrs	x1, tpidrro_el0
	stp	x0, x1, [sp]
	move_x2_x29 stp
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
	cpu_stacks_of x0, x1
	ldr	x0, [x0]
	sub	sp, x0, #(EXCEPTION_STACK_SIZE - 0x1000)
	bl	exception_hopeless
	b	.

	.type	irq_entry, %function
irq_entry:
	move_x2_x29 stp
	add	x0, sp, #IRQ_FRAME_SIZE
	stp	x30, x0, [sp, #240]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #FRAME_PC]
	stp	xzr, xzr, [sp, #FRAME_ESR]
	mov	x2, #5
	stp	x2, xzr, [sp, #FRAME_KIND]
	stp	x29, x1, [sp, #FRAME_CHAIN]
	add	x29, sp, #FRAME_CHAIN
	mov	x0, sp
	bl	irq_handler
irq_return:
	ldp	x1, x2, [sp, #FRAME_PC]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	move_x2_x29 ldp
	ldr	x30, [sp, #240]
	ldp	x0, x1, [sp]
	add	sp, sp, #IRQ_FRAME_SIZE
	eret

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
