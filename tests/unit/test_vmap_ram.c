// SPDX-License-Identifier: MIT
/* links: mm/kmem/vmalloc.c mm/kmem/va_alloc.c @tables arch/arm64/frames.c */
/* granules: 12 14 16 */
/*
 * Small maps from blocks that each CPU has: contents, addresses that are used again after a flush only, blocks that come and go, bad
 * arguments, every failure; a random run against a model. The file itself is included, for CPUs with blocks of their own.
 */
#include "vmalloc_world.h"

#include "mm/kmem/vmap_ram.c"

static struct page *page[200];

static void pages(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_non_null(page[i] = alloc_pages(GFP_KERNEL, 0));
}

static void no_pages(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		__free_page(page[i]);
}

static unsigned int blocks_of(unsigned int cpu)
{
	unsigned int n = 0;

	for (const struct vmap_block *b = queue_of(cpu)->all; b; b = b->next)
		n++;
	return n;
}

static void what_is_mapped_is_seen(void **state)
{
	static const unsigned int counts[] = {1, 2, 3, 63, 64, 65, 200};

	pages(200);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		const unsigned int n = counts[i];
		char *p = vm_map_ram(page, n, 0);

		assert_non_null(p);
		pattern(p, n * PAGE_SIZE, i);
		for (unsigned int k = 0; k < n; k++)
			assert_memory_equal(phys_to_virt(page_to_phys(page[k])), p + k * PAGE_SIZE,
					    PAGE_SIZE);
		assert_true(translates(p + n * PAGE_SIZE - 1));
		assert_int_equal(vmalloc_check(), 0);
		vm_unmap_ram(p, n);
		assert_false(mapped(p) || mapped(p + (n - 1) * PAGE_SIZE));
		assert_int_equal(vmalloc_check(), 0);
	}
	assert_int_equal(blocks_of(0), 1);
	no_pages(200);
	assert_null(vm_map_ram(page, 0, 0));
}

static void small_maps_ask_nobody(void **state)
{
	void *p[32];
	long objects;

	pages(2);
	p[0] = vm_map_ram(page, 2, 0);
	objects = objects_out;
	for (unsigned int i = 1; i < 32; i++) {
		p[i] = vm_map_ram(page, 2, 0);
		assert_int_equal((char *)p[i] - (char *)p[i - 1], 2 * PAGE_SIZE);
	}
	assert_int_equal(objects_out, objects);
	assert_int_equal(blocks_of(0), 1);
	for (unsigned int i = 0; i < 32; i++)
		vm_unmap_ram(p[i], 2);
	no_pages(2);
}

/*
 * Single pages, until the block has no other, or so many are dirty that they are flushed: its addresses come back then, and no second
 * block is wanted.
 */
static void addresses_serve_again_after_a_flush(void **state)
{
	const unsigned int most =
		(unsigned int)min(vm_lazy_max_pages(), (unsigned long)BLOCK_PAGES);
	char *first, *p;
	unsigned int i;

	pages(1);
	first = vm_map_ram(page, 1, 0);
	assert_true(translates(first));
	vm_unmap_ram(first, 1);
	for (i = 1; i < most; i++) {
		p = vm_map_ram(page, 1, 0);
		assert_ptr_not_equal(p, first);
		/* A CPU keeps the translation. */
		assert_true(translates(p));
		vm_unmap_ram(p, 1);
	}
	assert_int_equal(total_dirty, most);
	p = vm_map_ram(page, 1, 0);
	if (most < BLOCK_PAGES) {
		/* One too many. */
		vm_unmap_ram(p, 1);
		p = vm_map_ram(page, 1, 0);
	}
	assert_ptr_equal(p, first);
	assert_int_equal(total_dirty, 0);
	/* The software MMU would have seen a stale entry. */
	assert_true(translates(p));
	assert_int_equal(mmu_errors(), 0);
	assert_int_equal(blocks_of(0), 1);
	vm_unmap_ram(p, 1);
	no_pages(1);
}

static void use_after_unmap_before_the_flush(void **state)
{
	char *p;

	pages(1);
	p = vm_map_ram(page, 1, 0);
	assert_true(translates(p));
	vm_unmap_ram(p, 1);
	/* A CPU may go on with what it has: the user's error, which the software MMU reports. */
	assert_true(translates(p));
	assert_non_null(strstr(mmu_first_error(), "stale TLB entry"));
	vm_unmap_aliases();
	assert_false(translates(p));
	mmu_reset();
	port_replace_ttbr1(port_swapper_pg_dir());
	no_pages(1);
}

/* What is in use keeps its block; the others go back with vm_unmap_aliases. */
static void blocks_come_and_go(void **state)
{
	static char *p[3 * BLOCK_PAGES / 64];
	unsigned int i;

	pages(64);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		assert_non_null(p[i] = vm_map_ram(page, 64, 0));
	assert_int_equal(blocks_of(0), 3);
	assert_null(queue_of(0)->with_free);
	for (i = 1; i < ARRAY_SIZE(p); i++)
		vm_unmap_ram(p[i], 64);
	assert_int_equal(vmalloc_check(), 0);
	/* With other flushes one of each CPU stays. */
	vm_flush_lazy();
	vmap_ram_shrink(1);
	assert_int_equal(blocks_of(0), 2);
	assert_int_equal(vmalloc_check(), 0);
	vm_unmap_aliases();
	assert_int_equal(blocks_of(0), 1);
	assert_true(mapped(p[0]));
	assert_int_equal(vmalloc_check(), 0);
	vm_unmap_ram(p[0], 64);
	no_pages(64);
}

/* The rest of a word is no room for a run, though a block has it. */
static void a_run_lies_within_a_word(void **state)
{
	char *p, *q, *r;

	pages(64);
	p = vm_map_ram(page, 40, 0);
	q = vm_map_ram(page, 40, 0);
	r = vm_map_ram(page, 24, 0);
	/* That there is none is not looked for twice, until a flush. */
	queue_of(0)->all->no_run = 30;
	assert_int_equal(take_from_queue(queue_of(0), 30), 0);
	assert_int_equal(q - p, 64 * PAGE_SIZE);
	assert_int_equal(r - p, 40 * PAGE_SIZE);
	vm_unmap_ram(p, 40);
	vm_unmap_ram(q, 40);
	vm_flush_lazy();
	assert_true(queue_of(0)->all->no_run > VMAP_MAX_ALLOC);
	vm_unmap_ram(r, 24);
	no_pages(64);
}

static void what_was_not_mapped_is_reported_and_left_alone(void **state)
{
	char *p, *q, on_stack;

	pages(65);
	p = vm_map_ram(page, 4, 0);
	q = vm_map_ram(page, 65, 0);
	vm_unmap_ram(&on_stack, 1);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vm_unmap_ram(p + 1, 1);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vm_unmap_ram(p, 0);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vm_unmap_ram(p, 5);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vm_unmap_ram(p + 62 * PAGE_SIZE, 4);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vm_unmap_ram(q, 66);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vm_unmap_ram(q, 64);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vunmap(p);
	assert_true(said("Trying to vunmap() bad address"));
	assert_true(mapped(p) && mapped(p + 3 * PAGE_SIZE) && mapped(q));
	vm_unmap_ram(p, 4);
	vm_unmap_ram(p, 4);
	assert_true(said("Trying to vm_unmap_ram() bad address"));
	vm_unmap_ram(q, 65);
	vm_unmap_ram(q, 65);
	assert_true(said("bad address"));
	no_pages(65);
}

static void every_failure_is_undone(void **state)
{
	static const unsigned int counts[] = {5, 70};

	pages(70);
	for (unsigned int i = 0; i < 2; i++) {
		char *p;
		int n;

		for (n = 0;; n++) {
			assert_int_equal(kernel_unmap(VMALLOC_AT, VSIZE), 0);
			fail_in = n;
			p = vm_map_ram(page, counts[i], 0);
			if (p)
				break;
			fail_in = -1;
			assert_int_equal(vmalloc_check(), 0);
			vm_unmap_aliases();
			assert_int_equal(objects_out, 0);
		}
		/* The block and its area, or the area; the tables. */
		assert_int_equal(n, 2 - i + (PAGE_SHIFT == 16 ? 2 : 3));
		fail_in = -1;
		vm_unmap_ram(p, counts[i]);
		vm_unmap_aliases();
	}
	no_pages(70);
}

/* ---- several CPUs */

#define CPUS 3

/* Per-CPU copies, as a booted machine has them. */
static void *own_queues(unsigned int cpu)
{
	void *copy = aligned_alloc(64, ALIGN(sizeof(vmap_queues), 64));

	memset(copy, 0, sizeof(vmap_queues));
	__per_cpu_offset[cpu] = (unsigned long)copy - (unsigned long)&vmap_queues;
	return copy;
}

static void each_cpu_has_blocks_of_its_own(void **state)
{
	void *copy = own_queues(1);
	char *p, *q;

	nr_cpus_possible = 2;
	pages(1);
	p = vm_map_ram(page, 1, 0);
	host_cpu = 1;
	q = vm_map_ram(page, 1, 0);
	assert_true(labs(p - q) >= (long)BLOCK_BYTES - (long)PAGE_SIZE);
	/* Unmapped elsewhere: it is its own CPU's again. */
	vm_unmap_ram(p, 1);
	host_cpu = 0;
	vm_unmap_ram(q, 1);
	assert_int_equal(queue_of(0)->nr_dirty, 1);
	assert_int_equal(queue_of(1)->nr_dirty, 1);
	assert_int_equal(vmalloc_check(), 0);
	vm_unmap_aliases();
	assert_int_equal(blocks_of(0) + blocks_of(1), 0);
	__per_cpu_offset[1] = 0;
	nr_cpus_possible = 1;
	free(copy);
	no_pages(1);
}

static void *cpu(void *arg)
{
	unsigned int x = (unsigned int)(uintptr_t)arg, i, k;
	struct {
		char *p;
		unsigned int n;
	} have[16] = {{NULL, 0}};

	host_cpu = x;
	for (i = 0; i < 4000; i++) {
		k = (x = x * 1103515245 + 12345) >> 16 & 15;
		if (have[k].p) {
			if (memcmp(have[k].p, phys_to_virt(page_to_phys(page[k])), 64) != 0)
				abort();
			vm_unmap_ram(have[k].p, have[k].n);
			have[k].p = NULL;
		} else {
			have[k].n = 1 + (x >> 20) % 16;
			have[k].p = vm_map_ram(page + k, have[k].n, 0);
			if (!have[k].p || !translates(have[k].p))
				abort();
		}
		if (x >> 24 == 0)
			vm_unmap_aliases();
	}
	for (k = 0; k < 16; k++)
		if (have[k].p)
			vm_unmap_ram(have[k].p, have[k].n);
	return NULL;
}

static void several_cpus(void **state)
{
	void *copy[CPUS + 1];

	nr_cpus_possible = CPUS + 1;
	pages(32);
	for (unsigned int i = 0; i < 32; i++)
		pattern(phys_to_virt(page_to_phys(page[i])), PAGE_SIZE, i);
	for (unsigned int i = 1; i <= CPUS; i++)
		copy[i] = own_queues(i);
	run_cpus(CPUS, cpu);
	assert_int_equal(vmalloc_check(), 0);
	vm_unmap_aliases();
	for (unsigned int i = 1; i <= CPUS; i++) {
		assert_int_equal(blocks_of(i), 0);
		__per_cpu_offset[i] = 0;
		free(copy[i]);
	}
	nr_cpus_possible = 1;
	no_pages(32);
}

/* ---- a random run against a model: who has which pages of which addresses */

static void a_random_run_agrees_with_a_model(void **state)
{
	static struct {
		char *p;
		unsigned int n, first;
	} have[100];
	unsigned int x = 3, i, k, j;

	pages(200);
	for (i = 0; i < 200; i++)
		pattern(phys_to_virt(page_to_phys(page[i])), PAGE_SIZE, i);
	for (i = 0; i < 3000; i++) {
		x = x * 1103515245 + 12345;
		k = (x >> 8) % ARRAY_SIZE(have);
		if (have[k].p) {
			for (j = 0; j < have[k].n; j++)
				assert_true(has_pattern(have[k].p + j * PAGE_SIZE, PAGE_SIZE,
							have[k].first + j));
			vm_unmap_ram(have[k].p, have[k].n);
			have[k].p = NULL;
			continue;
		}
		have[k].n = x >> 28 ? 1 + (x >> 12) % 30 : 65 + (x >> 12) % 30;
		have[k].first = (x >> 4) % 100;
		have[k].p = vm_map_ram(page + have[k].first, have[k].n, 0);
		assert_non_null(have[k].p);
		for (j = 0; j < ARRAY_SIZE(have); j++)
			assert_true(j == k || !have[j].p ||
				    have[j].p >= have[k].p + have[k].n * PAGE_SIZE ||
				    have[k].p >= have[j].p + have[j].n * PAGE_SIZE);
		assert_true(translates(have[k].p + (x >> 6) % (have[k].n * PAGE_SIZE)));
		assert_int_equal(mmu_errors(), 0);
		if (i % 200 == 0)
			assert_int_equal(vmalloc_check(), 0);
	}
	for (k = 0; k < ARRAY_SIZE(have); k++)
		if (have[k].p)
			vm_unmap_ram(have[k].p, have[k].n);
	no_pages(200);
}

static void the_check_sees_what_is_wrong(void **state)
{
	struct vmap_block *b;
	char *p;

	pages(2);
	p = vm_map_ram(page, 2, 0);
	b = queue_of(0)->all;
	assert_int_equal(vmap_ram_check(), 0);
	b->nr_free++;
	assert_true(vmap_ram_check() > 0);
	b->nr_free--;
	b->free[0] |= 1;
	assert_true(vmap_ram_check() > 0);
	b->free[0] &= ~1ULL;
	b->listed = false;
	assert_true(vmap_ram_check() > 0);
	b->listed = true;
	total_dirty++;
	assert_int_equal(vmap_ram_check(), 1);
	total_dirty--;
	assert_int_equal(vmap_ram_check(), 0);
	vm_unmap_ram(p, 2);
	no_pages(2);
}

#define test(f) cmocka_unit_test_teardown(f, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_mapped_is_seen),
		test(small_maps_ask_nobody),
		test(addresses_serve_again_after_a_flush),
		test(use_after_unmap_before_the_flush),
		test(blocks_come_and_go),
		test(a_run_lies_within_a_word),
		test(what_was_not_mapped_is_reported_and_left_alone),
		test(every_failure_is_undone),
		test(each_cpu_has_blocks_of_its_own),
		test(several_cpus),
		test(a_random_run_agrees_with_a_model),
		test(the_check_sees_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, vmalloc_world, NULL);
}
