/* SPDX-License-Identifier: MIT */
/*
 * Into the kernel from a program, and back: EL0's general registers go to the task's stack, whose top SP_EL1 holds while EL0 runs.
 * TPIDR_EL0 and the SIMD registers stay where they are until another task runs (port_save_user): the kernel is compiled without
 * them, and what uses them puts them back.
 */
#include "asm.h"
#include "frame.inc"

	.text

	/* sp: user_regs. */
	.macro	user_save
	sub	sp, sp, #UREGS_SIZE
	stp	x0, x1, [sp]
	move_x2_x29 stp
	mrs	x21, sp_el0
	stp	x30, x21, [sp, #240]
	mrs	x22, elr_el1
	mrs	x23, spsr_el1
	stp	x22, x23, [sp, #UREGS_PC]
	/* Whoever walks the stack ends here. */
	mov	x29, xzr
	mov	x30, xzr
	.endm

	.globl	el0_irq
	.type	el0_irq, %function
el0_irq:
	user_save
	mov	x0, sp
	/* user_regs begins as struct exception_frame does. */
	bl	irq_handler
	b	ret_to_user

	.globl	el0_sync
	.type	el0_sync, %function
el0_sync:
	user_save
	mrs	x1, esr_el1
	lsr	x2, x1, #26
	cmp	x2, #0x15		/* SVC */
	b.ne	1f
	str	x0, [sp, #UREGS_ORIG_X0]
	mov	x0, sp
	msr	daifclr, #2
	bl	do_syscall
	msr	daifset, #2
	mov	w1, #1
	b	2f
1:	mrs	x2, far_el1
	mov	x0, sp
	msr	daifclr, #2
	bl	user_exception
	msr	daifset, #2

	/* sp: user_regs. Interrupts off. */
ret_to_user:
	mov	w1, wzr
2:	ldr	w9, [sp, #UREGS_WORK]
	cbnz	w9, 3f
	ldp	x22, x23, [sp, #UREGS_PC]
	msr	spsr_el1, x23
	msr	elr_el1, x22
	ldp	x30, x21, [sp, #240]
	msr	sp_el0, x21
	ldp	x0, x1, [sp]
	move_x2_x29 ldp
	add	sp, sp, #UREGS_SIZE
	eret
	/* Nothing behind it is executed by a guess (Spectre-style straight-line speculation). */
	dsb	nsh
	isb
3:	mov	x0, sp
	bl	user_work
	b	ret_to_user

	.globl	port_return_to_user
	.type	port_return_to_user, %function
port_return_to_user:
	msr	daifset, #2
	mov	sp, x0
	mov	x29, xzr
	mov	x30, xzr
	b	ret_to_user

	/* Where port_task_start has a task begin: x19: the function, x20: its argument. */
	.globl	task_begin
task_begin:
	mov	x0, x20
	blr	x19
	b	.

/* void port_switch_to(struct task_context *from, struct task_context *to) */
	.globl	port_switch_to
	.type	port_switch_to, %function
port_switch_to:
	stp	x19, x20, [x0]
	stp	x21, x22, [x0, #16]
	stp	x23, x24, [x0, #32]
	stp	x25, x26, [x0, #48]
	stp	x27, x28, [x0, #64]
	stp	x29, x30, [x0, #80]
	mov	x9, sp
	str	x9, [x0, #96]
	ldp	x19, x20, [x1]
	ldp	x21, x22, [x1, #16]
	ldp	x23, x24, [x1, #32]
	ldp	x25, x26, [x1, #48]
	ldp	x27, x28, [x1, #64]
	ldp	x29, x30, [x1, #80]
	ldr	x9, [x1, #96]
	mov	sp, x9
	ret

/* void port_save_user(struct user_fpsimd *fp), void port_load_user(const struct user_fpsimd *fp) */
	.globl	port_save_user
	.type	port_save_user, %function
port_save_user:
	move_simd stp, x0
	mrs	x1, fpsr
	mrs	x2, fpcr
	mrs	x3, tpidr_el0
	add	x0, x0, #FPSIMD_STATUS
	stp	w1, w2, [x0]
	str	x3, [x0, #8]
	ret

	.globl	port_load_user
	.type	port_load_user, %function
port_load_user:
	move_simd ldp, x0
	add	x0, x0, #FPSIMD_STATUS
	ldp	w1, w2, [x0]
	ldr	x3, [x0, #8]
	msr	fpsr, x1
	msr	fpcr, x2
	msr	tpidr_el0, x3
	ret
