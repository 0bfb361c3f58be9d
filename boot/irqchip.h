/* SPDX-License-Identifier: MIT */
#ifndef BOOT_IRQCHIP_H
#define BOOT_IRQCHIP_H

#include <quire/port.h>

/*
 * The enabled interrupt controllers of the tree, at most max of them, in its order. Returns how many. Strings point into the tree.
 */
unsigned int find_irqchips(struct irqchip *chips, unsigned int max);

/* boot/smp.c: on a machine with one CPU, which has done without until now. 0, or the error of port_irq_init. */
int smp_start_interrupts(void);

#endif
