/* SPDX-License-Identifier: MIT */
/*
 * Into the kernel from a program, and back: all of EL0's registers go to the task's stack, whose top SP_EL1 holds while EL0 runs. The
 * kernel may then use every register, also those that its exception entry takes for itself (vectors.S).
 */
#include "asm.h"
#include "frame.inc"

	.text

	/* All of EL0's state to the stack; sp: user_regs. */
	.macro	user_save
	sub	sp, sp, #UREGS_SIZE
	stp	x0, x1, [sp]
	move_x2_x29 stp
	mrs	x9, sp_el0
	stp	x30, x9, [sp, #240]
	mrs	x9, elr_el1
	mrs	x10, spsr_el1
	stp	x9, x10, [sp, #UREGS_PC]
	mrs	x9, tpidr_el0
	mrs	x10, fpsr
	mrs	x11, fpcr
	str	x9, [sp, #UREGS_TLS]
	str	w10, [sp, #UREGS_FPSR]
	str	w11, [sp, #(UREGS_FPSR + 4)]
	move_simd stp, UREGS_V
	/* Whoever walks the stack ends here. */
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, sp
	.endm

	.globl	el0_irq
	.type	el0_irq, %function
el0_irq:
	user_save
	/* user_regs begins as struct exception_frame does. */
	bl	irq_handler
	b	ret_to_user

	.globl	el0_sync
	.type	el0_sync, %function
el0_sync:
	user_save
	mrs	x1, esr_el1
	mrs	x2, far_el1
	msr	daifclr, #2
	bl	user_exception
	msr	daifset, #2

	/* sp: user_regs. Interrupts off. */
	.globl	ret_to_user
ret_to_user:
	move_simd ldp, UREGS_V
	ldr	w10, [sp, #UREGS_FPSR]
	ldr	w11, [sp, #(UREGS_FPSR + 4)]
	ldr	x9, [sp, #UREGS_TLS]
	msr	fpcr, x11
	msr	fpsr, x10
	msr	tpidr_el0, x9
	/* Exception entry keeps a register of the kernel's in it. */
	msr	tpidrro_el0, xzr
	ldp	x9, x10, [sp, #UREGS_PC]
	msr	spsr_el1, x10
	msr	elr_el1, x9
	ldp	x30, x9, [sp, #240]
	msr	sp_el0, x9
	ldp	x0, x1, [sp]
	move_x2_x29 ldp
	add	sp, sp, #UREGS_SIZE
	eret
	/* Nothing behind it is executed by a guess (Spectre-style straight-line speculation). */
	dsb	nsh
	isb

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
