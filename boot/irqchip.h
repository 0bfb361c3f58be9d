/* SPDX-License-Identifier: MIT */
#ifndef BOOT_IRQCHIP_H
#define BOOT_IRQCHIP_H

#include <quire/port.h>

/*
 * The enabled interrupt controllers of the tree, at most max of them, in its order. Returns how many. Strings point into the tree.
 */
unsigned int find_irqchips(struct irqchip *chips, unsigned int max);

#endif
