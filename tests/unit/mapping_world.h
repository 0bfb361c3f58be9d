/* SPDX-License-Identifier: MIT */
/*
 * A world for page-table tests: pages for tables at a fixed physical address, an allocator that counts and can be made to
 * fail, and the software MMU as the judge of every change.
 */
#ifndef MAPPING_WORLD_H
#define MAPPING_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../arch/arm64/pgtable.h"
#include "../../port/host/machine.h"
#include "../../port/host/mmu.h"

#define WORLD_BASE 0x40000000UL
#define WORLD_PAGES 8192UL

/* Two views of the same memory: the linear map's window, and another for what the fixmap shows. */
static char *world_memory, *world_alias;
static unsigned char world_used[WORLD_PAGES];
static unsigned long world_outstanding;
/* Allocations until one fails; -1: never. */
static long world_fail_after = -1;
static struct pgtable tree;

/* ---- the machine */

static u64 world_tcr, world_mair = 0x40044ffffUL;
static unsigned int world_pa_bits = 48;

u64 port_read_reg(enum port_reg reg)
{
	return reg == PORT_TCR_EL1 ? world_tcr : reg == PORT_MAIR_EL1 ? world_mair : 0;
}

unsigned int port_pa_bits(void)
{
	return world_pa_bits;
}

bool host_memory_holds(phys_addr_t pa, u64 size)
{
	return pa >= WORLD_BASE && pa + size <= WORLD_BASE + WORLD_PAGES * PAGE_SIZE;
}

/* These pages belong to the image: root, init_pg_dir, fixmap tables. */
#define WORLD_IMAGE_PAGES 16UL
static phys_addr_t world_image_tables = WORLD_BASE;

phys_addr_t port_swapper_pg_dir(void)
{
	return world_image_tables;
}

phys_addr_t port_init_pg_dir(u64 *size)
{
	*size = PAGE_SIZE;
	return world_image_tables + PAGE_SIZE;
}

phys_addr_t port_bm_table(unsigned int index)
{
	return world_image_tables + (2 + index) * PAGE_SIZE;
}

/* ---- table pages */

static phys_addr_t world_alloc(void)
{
	static unsigned long next;

	if (world_fail_after == 0)
		return 0;
	if (world_fail_after > 0)
		world_fail_after--;
	for (unsigned long i = 0; i < WORLD_PAGES; i++) {
		unsigned long page = next++ % WORLD_PAGES;

		if (page < WORLD_IMAGE_PAGES || world_used[page])
			continue;
		world_used[page] = 1;
		world_outstanding++;
		/* Nobody may count on zeroes: valid descriptors to nowhere. */
		memset(world_memory + page * PAGE_SIZE, 0x5f, PAGE_SIZE);
		return WORLD_BASE + page * PAGE_SIZE;
	}
	return 0;
}

static void world_free(phys_addr_t pa)
{
	unsigned long page = (pa - WORLD_BASE) / PAGE_SIZE;

	assert_true(page < WORLD_PAGES && world_used[page]);
	mmu_page_freed(pa);
	world_used[page] = 0;
	world_outstanding--;
}

/* A tree in use by the software MMU, empty. */
static void world_init(unsigned int va_bits, unsigned int pa_bits, bool lpa2)
{
	if (!world_memory) {
		const size_t size = WORLD_PAGES * PAGE_SIZE;
		int fd = (int)syscall(SYS_memfd_create, "world", 0);

		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		world_memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		world_alias = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	assert_ptr_not_equal(world_memory, MAP_FAILED);
	assert_ptr_not_equal(world_alias, MAP_FAILED);
	physvirt_offset = (s64)((u64)world_memory - WORLD_BASE);
	memset(world_used, 0, sizeof(world_used));
	memset(phys_to_virt(world_image_tables), 0, WORLD_IMAGE_PAGES * PAGE_SIZE);
	world_outstanding = 0;
	world_fail_after = -1;
	vabits_actual = va_bits;
	world_pa_bits = pa_bits;
	world_tcr = (u64)(64 - va_bits) << 16 | (u64)lpa2 << 59;
	pgtable_alloc_hook = world_alloc;
	pgtable_free_hook = world_free;
	linear_map_ready = true;
	pgtable_init(&tree, port_swapper_pg_dir(), va_bits, pa_bits, lpa2);
	tree.live = true;
	mmu_reset();
	port_replace_ttbr1(port_swapper_pg_dir());
}

static inline unsigned long world_tables(void)
{
	struct pgtable_stats s;
	unsigned long n = 0;

	pgtable_stats_tree(&tree, 0, 0, &s);
	for (unsigned int i = 0; i < ARRAY_SIZE(s.table_pages); i++)
		n += s.table_pages[i];
	return n - 1; /* the root */
}

/* What must hold between any two changes. */
static inline void world_check(void)
{
	assert_int_equal(pgtable_check_tree(&tree), 0);
	assert_int_equal(world_outstanding, world_tables());
	if (mmu_errors())
		fail_msg("%s", mmu_first_error());
}

#endif
