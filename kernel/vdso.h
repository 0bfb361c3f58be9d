/* SPDX-License-Identifier: MIT */
/* The page of code that every program finds in its address space (kernel/vdso.c): where handlers of signals return to. */
#ifndef KERNEL_VDSO_H
#define KERNEL_VDSO_H

#include <quire/mm.h>

/* Offset of what calls rt_sigreturn. */
#define VDSO_SIGRETURN 16

/* Once. -ENOMEM. */
int vdso_init(void);
/* Into a new address space, whose mm->vdso it sets. */
int vdso_map(struct mm_struct *mm);

#endif
