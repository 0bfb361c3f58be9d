/* SPDX-License-Identifier: MIT */
/* The vDSO (kernel/vdso.c): where handlers of signals return to, and functions of the time. */
#ifndef KERNEL_VDSO_H
#define KERNEL_VDSO_H

#include <quire/mm.h>

/* Offset of what calls rt_sigreturn. */
#define VDSO_SIGRETURN 688

/* Once. -ENOMEM. */
int vdso_init(void);
/* Into a new address space, whose mm->vdso it sets. */
int vdso_map(struct mm_struct *mm);

#endif
