/* SPDX-License-Identifier: MIT */
/* What every way into the kernel stores and loads: macros for assembly. */
#ifndef QUIRE_BARE_FRAME_H
#define QUIRE_BARE_FRAME_H

	/* x2..x29 at the stack pointer, each at 8 times its number. \op: stp or ldp. */
	.macro	move_x2_x29 op
	\op	x2, x3, [sp, #16]
	\op	x4, x5, [sp, #32]
	\op	x6, x7, [sp, #48]
	\op	x8, x9, [sp, #64]
	\op	x10, x11, [sp, #80]
	\op	x12, x13, [sp, #96]
	\op	x14, x15, [sp, #112]
	\op	x16, x17, [sp, #128]
	\op	x18, x19, [sp, #144]
	\op	x20, x21, [sp, #160]
	\op	x22, x23, [sp, #176]
	\op	x24, x25, [sp, #192]
	\op	x26, x27, [sp, #208]
	\op	x28, x29, [sp, #224]
	.endm

	/* q0..q31 from \at above the stack pointer on. */
	.macro	move_simd op, at
	\op	q0, q1, [sp, #(\at + 0)]
	\op	q2, q3, [sp, #(\at + 32)]
	\op	q4, q5, [sp, #(\at + 64)]
	\op	q6, q7, [sp, #(\at + 96)]
	\op	q8, q9, [sp, #(\at + 128)]
	\op	q10, q11, [sp, #(\at + 160)]
	\op	q12, q13, [sp, #(\at + 192)]
	\op	q14, q15, [sp, #(\at + 224)]
	\op	q16, q17, [sp, #(\at + 256)]
	\op	q18, q19, [sp, #(\at + 288)]
	\op	q20, q21, [sp, #(\at + 320)]
	\op	q22, q23, [sp, #(\at + 352)]
	\op	q24, q25, [sp, #(\at + 384)]
	\op	q26, q27, [sp, #(\at + 416)]
	\op	q28, q29, [sp, #(\at + 448)]
	\op	q30, q31, [sp, #(\at + 480)]
	.endm

#endif
