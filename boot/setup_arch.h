/* SPDX-License-Identifier: MIT */
/* The two halves that start_kernel calls (boot/setup_arch.c). */
#ifndef BOOT_SETUP_ARCH_H
#define BOOT_SETUP_ARCH_H

/* The first lines of the log: which CPU, which kernel. */
void smp_setup_processor_id(void);
/* From entry to the zones; see include/quire/boot.h for the order. */
void setup_arch(void);

#endif
