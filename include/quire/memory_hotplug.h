/* SPDX-License-Identifier: MIT */
/*
 * Memory that comes and goes while the kernel runs (Linux: include/linux/memory_hotplug.h). Implementation:
 * mm/page/hotplug.c.
 *
 *   absent --add_memory--> offline --online_pages--> online --offline_pages--> offline --remove_memory--> absent
 *
 * The unit is the section. Which sections can come is fixed at boot: the holes between the first and the last section of RAM, and
 * as many sections beyond the last as `hotplug_reserve` bytes need (boot parameter quire.hotplug=SIZE): tables are as long.
 * RAM that was there at boot stays.
 *
 * Context: one caller at a time (a lock inside), no locks held, not in interrupts. All addresses and sizes are multiples of the
 * section's size.
 */
#ifndef QUIRE_MEMORY_HOTPLUG_H
#define QUIRE_MEMORY_HOTPLUG_H

#include <quire/mmzone.h>

/* Bytes of RAM beyond the last that there may be later. Set before sparse_init(). */
extern u64 hotplug_reserve;

enum mmop { MMOP_OFFLINE, MMOP_ONLINE, MMOP_ONLINE_KERNEL, MMOP_ONLINE_MOVABLE };

/*
 * RAM of node nid has come: it gets a linear mapping and struct pages, and is offline. -EINVAL: not aligned, empty, or no such
 * node; -EEXIST: some of it is there already; -ERANGE: beyond what boot left room for; -ENOMEM: nothing changed.
 */
int add_memory(int nid, phys_addr_t start, u64 size);

/*
 * Give offline memory to the page allocator: to ZONE_MOVABLE with MMOP_ONLINE_MOVABLE, else to the zone of the node that its
 * address belongs to, ZONE_NORMAL above all others. nr_pages: whole sections, all offline. -EINVAL; -ENOMEM: nothing changed.
 */
int online_pages(unsigned long pfn, unsigned long nr_pages, enum mmop type);

/*
 * Take online memory back: who uses it is moved elsewhere. -EBUSY: a page cannot be moved, and all is as before; -EINVAL: not
 * all of it hot-added, online, of one zone.
 */
int offline_pages(unsigned long pfn, unsigned long nr_pages);

/* Offline memory goes: its struct pages and linear mapping are gone when this returns. -EBUSY: online; -EINVAL. */
int remove_memory(phys_addr_t start, u64 size);
/* Both. */
int offline_and_remove_memory(phys_addr_t start, u64 size);

/* Sections by state: for reports. state: 0 offline, 1 online. Stops when fn returns nonzero. */
int for_each_memory_block(int (*fn)(unsigned long section_nr, int online, const struct zone *zone,
				    void *arg),
			  void *arg);

/* Forget everything: for tests, which make new machines. */
void hotplug_forget(void);
/* What the blocks claim against sections and zones; returns the violations, printed. */
int hotplug_check(void);

#endif
