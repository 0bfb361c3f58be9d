// SPDX-License-Identifier: MIT
/* links: mm/kmem/vmalloc.c mm/kmem/va_alloc.c @tables arch/arm64/frames.c mm/kmem/vmap_ram.c mm/kmem/ioremap.c */
/* granules: 12 14 16 */
/* Device memory: attributes, offsets, what is refused; blocks where addresses allow; nothing left after iounmap. */
#include "vmalloc_world.h"

#include <quire/io.h>
#include <quire/memblock.h>

#define DEVICE 0x09000000UL
#define RAM (1UL << 40)

/* Which entry of MAIR_EL1 the leaf names: its attributes. */
static unsigned int attributes(const void *p)
{
	struct mmu_result r;

	assert_true(mmu_translate(port_ptr_to_kva(p), MMU_READ, &r));
	return MAIR_ATTR(world_mair, r.desc >> 2 & 7);
}

static phys_addr_t leads_to(const void *p)
{
	struct mmu_result r;

	assert_true(mmu_translate(port_ptr_to_kva(p), MMU_READ, &r));
	return r.pa;
}

#define ATTR_DEVICE_nGnRE 0x04
#define ATTR_NORMAL_NC 0x44
#define ATTR_NORMAL 0xff

static int world(void **state)
{
	vmalloc_world(state);
	/* RAM, a NOMAP part, RAM to a byte beyond a page. */
	memblock_add(RAM, 64 * PAGE_SIZE);
	memblock_add(RAM + 64 * PAGE_SIZE, 8 * PAGE_SIZE + 1);
	/* And RAM that begins within a page. */
	memblock_add(RAM + 99 * PAGE_SIZE + 100, PAGE_SIZE);
	memblock_mark_nomap(RAM + 16 * PAGE_SIZE, 4 * PAGE_SIZE);
	return 0;
}

static void attributes_are_as_asked_for(void **state)
{
	void *p = ioremap(DEVICE, 0x1000), *q = ioremap_wc(DEVICE, 0x1000);
	void *r = memremap(DEVICE, 100, MEMREMAP_WB), *s = memremap(DEVICE, 100, MEMREMAP_WC);
	void *t = memremap(DEVICE, 100, MEMREMAP_WT);

	assert_int_equal(attributes(p), ATTR_DEVICE_nGnRE);
	assert_int_equal(attributes(q), ATTR_NORMAL_NC);
	assert_int_equal(attributes(r), ATTR_NORMAL);
	assert_int_equal(attributes(s), ATTR_NORMAL_NC);
	assert_int_equal(attributes(t), ATTR_DEVICE_nGnRE);
	/* Writable, never executable. */
	assert_false(port_at_s1e1(port_ptr_to_kva(p), true) & 1);
	assert_int_equal(vmalloc_check(), 0);
	iounmap(p);
	iounmap(q);
	memunmap(r);
	memunmap(s);
	memunmap(t);
	assert_false(mapped(p));
	assert_null(memremap(DEVICE, 100, 0));
}

static void an_unaligned_range_keeps_its_offset(void **state)
{
	static const struct {
		unsigned long offset, size;
	} t[] = {{0x10, 4}, {0, 1}, {PAGE_SIZE - 1, 2}, {PAGE_SIZE - 4, 4}, {8, 3 * PAGE_SIZE}};

	for (unsigned int i = 0; i < ARRAY_SIZE(t); i++) {
		unsigned long pages = PFN_UP(t[i].offset + t[i].size);
		char *p = ioremap(DEVICE + t[i].offset, t[i].size);
		struct vm_struct *vm = find_vm_area(p);

		assert_int_equal(port_ptr_to_kva(p) % PAGE_SIZE, t[i].offset);
		assert_int_equal(leads_to(p), DEVICE + t[i].offset);
		assert_int_equal(leads_to(p + t[i].size - 1), DEVICE + t[i].offset + t[i].size - 1);
		assert_int_equal(vm->phys_addr, DEVICE);
		/* And a guard. */
		assert_int_equal(vm->size, (pages + 1) * PAGE_SIZE);
		assert_false(translates((char *)vm->addr + pages * PAGE_SIZE));
		iounmap(p);
		assert_false(mapped(p));
	}
}

static void large_ranges_are_blocks(void **state)
{
	const unsigned long block = PAGE_SIZE << (PAGE_SHIFT - 3);
	struct mmu_result r;
	char *p;

	/* Agreement of the addresses in a block's size is all that it takes; the ends are pages. */
	p = ioremap(8 * block - PAGE_SIZE, 2 * block);
	assert_true(mmu_translate(port_ptr_to_kva(p) + block, MMU_READ, &r));
	assert_int_equal(leads_to(p + 2 * block - 1), 10 * block - PAGE_SIZE - 1);
	iounmap(p);
	p = ioremap(8 * block, 2 * block);
	assert_true(mmu_translate(port_ptr_to_kva(p), MMU_READ, &r));
	assert_int_equal(r.size, block);
	assert_int_equal(vmalloc_check(), 0);
	iounmap(p);
	assert_false(mapped(p) || mapped(p + block));
}

static void ram_is_no_device(void **state)
{
	static const struct {
		unsigned long first, bytes;
	} t[] = {
		{0, 1},
		{5 * PAGE_SIZE, PAGE_SIZE},
		{-PAGE_SIZE, 2 * PAGE_SIZE},
		{15 * PAGE_SIZE, 2 * PAGE_SIZE},
		{72 * PAGE_SIZE, 8},
		{72 * PAGE_SIZE + 8, 8},
		{-(1UL << 35), 1UL << 36},
		{99 * PAGE_SIZE, 50},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(t); i++) {
		assert_null(ioremap(RAM + t[i].first, t[i].bytes));
		assert_true(said("ioremap of memory"));
		assert_null(ioremap_wc(RAM + t[i].first, t[i].bytes));
		assert_true(said("ioremap of memory"));
		assert_null(memremap(RAM + t[i].first, t[i].bytes, MEMREMAP_WC));
		assert_true(said("memremap attempted on"));
	}
	/* What the linear map does not have is nobody's RAM. */
	for (unsigned int i = 0; i < 2; i++) {
		char *p = ioremap(RAM + 16 * PAGE_SIZE + i * PAGE_SIZE, (4 - i) * PAGE_SIZE);

		assert_non_null(p);
		iounmap(p);
	}
	iounmap(ioremap(RAM + 73 * PAGE_SIZE, 8));
	iounmap(ioremap(RAM - PAGE_SIZE, PAGE_SIZE));
}

static void memremap_of_ram_is_the_linear_map(void **state)
{
	assert_ptr_equal(memremap(RAM + 10, 100, MEMREMAP_WB), phys_to_virt(RAM + 10));
	/* Two regions that meet. */
	assert_ptr_equal(memremap(RAM + 60 * PAGE_SIZE, 8 * PAGE_SIZE, MEMREMAP_WB | MEMREMAP_WC),
			 phys_to_virt(RAM + 60 * PAGE_SIZE));
	memunmap(phys_to_virt(RAM + 10));
	assert_int_equal(log_text[0], 0);
	assert_null(memremap(RAM + 10, 100, MEMREMAP_WT | MEMREMAP_WC));
	assert_true(said("memremap attempted on ram"));
	assert_null(memremap(RAM + 15 * PAGE_SIZE, 2 * PAGE_SIZE, MEMREMAP_WB));
	assert_true(said("memremap attempted on mixed range"));
	assert_null(memremap(RAM - 1, 2, MEMREMAP_WB));
	assert_true(said("memremap attempted on mixed range"));
}

static phys_addr_t hot = RAM + (1UL << 38);

static bool is_hot(phys_addr_t pa, u64 size)
{
	return pa >= hot && pa + size <= hot + (1UL << SECTION_SIZE_BITS);
}

static void memory_that_came_later_is_ram(void **state)
{
	const unsigned long section = 1UL << SECTION_SIZE_BITS;

	iounmap(ioremap(hot, 8));
	linear_map_later = is_hot;
	assert_null(ioremap(hot, 8));
	assert_null(ioremap(hot - PAGE_SIZE, 2 * PAGE_SIZE));
	assert_null(ioremap(hot + section - 1, 2));
	assert_null(ioremap(hot - section - 8, 4 * section));
	assert_ptr_equal(memremap(hot + 5, 5, MEMREMAP_WB), phys_to_virt(hot + 5));
	assert_null(memremap(hot - 5, 50, MEMREMAP_WB));
	iounmap(ioremap(hot - 8, 8));
	iounmap(ioremap(hot + section, 8));
	linear_map_later = NULL;
}

static void odd_requests(void **state)
{
	char on_stack;

	assert_null(ioremap(DEVICE, 0));
	assert_null(ioremap(-16UL, 32));
	assert_null(ioremap(-16UL, 8));
	/* Beyond what this CPU can address. */
	assert_null(ioremap(1UL << 48, 8));
	assert_null(ioremap((1UL << 48) - 4, 8));
	world_pa_bits = 36;
	assert_null(ioremap((1UL << 36) - 4, 8));
	iounmap(ioremap((1UL << 36) - 8, 8));
	world_pa_bits = 48;
	assert_null(ioremap(0, SIZE_MAX));
	assert_null(memremap(DEVICE, 0, MEMREMAP_WB));
	assert_null(memremap(-4UL, 8, MEMREMAP_WB));
	iounmap(&on_stack);
	iounmap(NULL);
	memunmap(NULL);
	assert_int_equal(log_text[0], 0);
	iounmap(window + 5 * PAGE_SIZE);
	assert_true(said("Trying to vunmap() bad address"));
}

static void every_failure_is_undone(void **state)
{
	void *p;
	int n;

	for (n = 0;; n++) {
		assert_int_equal(kernel_unmap(VMALLOC_AT, VSIZE), 0);
		fail_in = n;
		p = ioremap(DEVICE, 100);
		if (p)
			break;
		all_is_back(state);
	}
	assert_int_equal(n, PAGE_SHIFT == 16 ? 3 : 4);
	fail_in = -1;
	iounmap(p);
}

#define test(f) cmocka_unit_test_teardown(f, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(attributes_are_as_asked_for),
		test(an_unaligned_range_keeps_its_offset),
		test(large_ranges_are_blocks),
		test(ram_is_no_device),
		test(memremap_of_ram_is_the_linear_map),
		test(memory_that_came_later_is_ram),
		test(odd_requests),
		test(every_failure_is_undone),
	};

	return cmocka_run_group_tests(tests, world, NULL);
}
