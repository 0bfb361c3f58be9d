/* SPDX-License-Identifier: MIT */
/*
 * Reports made from the page tables (report/walk.c, report/ptdump.c): `quire walk`, `quire ptdump` and what a fault
 * prints. They read only, take no lock and allocate nothing.
 */
#ifndef QUIRE_REPORT_PGTABLE_H
#define QUIRE_REPORT_PGTABLE_H

#include <quire/out.h>

/*
 * The walk of kva through the live kernel tables, level by level: index, descriptor, its attributes in words, and the
 * result. Returns 0 when kva is mapped, -EFAULT when the walk faults (said in words too).
 */
int report_walk(struct out *out, unsigned long kva);

/*
 * Every kernel address at which pa is mapped, in order of address, each with its walk. Returns 0, or -ENOENT when it is mapped nowhere,
 * with the reason where one is known.
 */
int report_walk_phys(struct out *out, phys_addr_t pa);

/*
 * The kernel's page tables in the format of Linux 6.12's /sys/kernel/debug/kernel_page_tables: ranges of one kind, their
 * attributes, and markers where areas begin and end.
 */
void report_ptdump(struct out *out);

#endif
