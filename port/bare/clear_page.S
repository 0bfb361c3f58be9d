/* SPDX-License-Identifier: MIT */
/*
 * void clear_page(void *page): zero 4 KiB, aligned, of Normal memory. DC ZVA writes a whole block of DCZID_EL0.BS words
 * without reading it; a CPU that prohibits it (DZP), or whose block is not 64 bytes, gets memset (Arm ARM C5.3, DC ZVA).
 */
	.text
	.balign	64
	.globl	clear_page
	.type	clear_page, %function
clear_page:
	mrs	x1, dczid_el0
	and	x1, x1, #0x1f		/* DZP, BS */
	cmp	x1, #4
	b.ne	2f
	add	x2, x0, #4096
1:	.rept	16
	dc	zva, x0
	add	x0, x0, #64
	.endr
	cmp	x0, x2
	b.ne	1b
	ret
2:	mov	x2, #4096
	mov	w1, wzr
	b	memset
	.size	clear_page, . - clear_page
