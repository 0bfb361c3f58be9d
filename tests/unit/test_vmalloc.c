// SPDX-License-Identifier: MIT
/* links: mm/kmem/vmalloc.c mm/kmem/vmap_ram.c mm/kmem/va_alloc.c @tables arch/arm64/frames.c */
/* granules: 12 14 16 */
/*
 * vmalloc, vmap, vfree: contents, frames, guards, lazy flushes, bad arguments, every failure; a random run against a model of the
 * address space that is looked at after every step.
 */
#include "vmalloc_world.h"

static void memory_is_there_zeroed_and_guarded(void **state)
{
	static const unsigned long sizes[] = {
		1, 100, PAGE_SIZE, PAGE_SIZE + 1, 7 * PAGE_SIZE, 600 * PAGE_SIZE};

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long size = PAGE_ALIGN(sizes[i]);
		char *p = vzalloc(sizes[i]);

		assert_non_null(p);
		assert_true(is_vmalloc_addr(p) && is_vmalloc_addr(p + size - 1));
		for (unsigned long k = 0; k < size; k++)
			assert_int_equal(p[k], 0);
		pattern(p, size, i);
		/* The frames are those of the pages, in any order. */
		for (unsigned long k = 0; k < size; k += PAGE_SIZE) {
			struct page *page = vmalloc_to_page(p + k);

			assert_non_null(page);
			assert_memory_equal(phys_to_virt(page_to_phys(page)), p + k, PAGE_SIZE);
			assert_int_equal(vmalloc_to_pfn(p + k + 5), page_to_pfn(page));
		}
		assert_int_equal(vmalloc_size(p), size);
		assert_ptr_equal(find_vm_area(p + size - 1), find_vm_area(p));
		assert_true(translates(p + size - 1));
		/* The guard belongs to the area, and is not mapped. */
		assert_false(translates(p + size));
		assert_ptr_equal(find_vm_area(p + size), find_vm_area(p));
		assert_int_equal(vmalloc_check(), 0);
		dying = p;
		vfree(p);
		dying = NULL;
		assert_null(find_vm_area(p));
		assert_null(vmalloc_to_page(p));
	}
	vfree(NULL);
	vunmap(NULL);
	assert_int_equal(log_text[0], 0);
}

static void what_cannot_be_had_is_null(void **state)
{
	volatile size_t huge = SIZE_MAX;

	assert_null(vmalloc(0));
	assert_false(said("vmalloc error"));
	assert_null(vmalloc((totalram_pages() + 1) * PAGE_SIZE));
	assert_true(said("exceeds total pages"));
	assert_null(vmalloc(huge));
	assert_null(vmalloc(huge - PAGE_SIZE));
	assert_null(vmalloc_array(huge / 2, 3));
	assert_null(vcalloc(huge, huge));
	log_text[0] = '\0';
	assert_null(__vmalloc(huge, GFP_KERNEL | __GFP_NOWARN));
	assert_null(__vmalloc_node(PAGE_SIZE, 3 * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN, 0, NULL));
	assert_null(get_vm_area(0, VM_MAP));
	assert_null(get_vm_area(huge, VM_MAP));
	assert_null(vmap(NULL, 0, VM_MAP, PAGE_KERNEL));
	assert_int_equal(log_text[0], 0);
	/* More than there are free pages, though not than there are. */
	assert_null(vmalloc(totalram_pages() * PAGE_SIZE));
	assert_true(said("failed to allocate pages"));
}

static void alignment_is_kept(void **state)
{
	for (unsigned int shift = PAGE_SHIFT; shift < PAGE_SHIFT + 9; shift++) {
		void *p = __vmalloc_node(PAGE_SIZE, 1UL << shift, GFP_KERNEL, 0, NULL);

		assert_true(IS_ALIGNED(port_ptr_to_kva(p), 1UL << shift));
		vfree(p);
	}
}

static void vmap_shows_the_same_pages(void **state)
{
	struct page *pages[5], *same[2];
	char *p, *q;

	for (unsigned int i = 0; i < 5; i++)
		pages[i] = alloc_pages(GFP_KERNEL, 0);
	p = vmap(pages, 5, VM_MAP, PAGE_KERNEL);
	same[0] = same[1] = pages[3];
	q = vmap(same, 2, VM_MAP, PAGE_KERNEL_RO);
	pattern(p, 5 * PAGE_SIZE, 3);
	assert_memory_equal(q, p + 3 * PAGE_SIZE, PAGE_SIZE);
	assert_memory_equal(q + PAGE_SIZE, p + 3 * PAGE_SIZE, PAGE_SIZE);
	/* As prot says. */
	assert_true(translates(q));
	assert_true(port_at_s1e1(port_ptr_to_kva(q), true) & 1);
	assert_false(port_at_s1e1(port_ptr_to_kva(p), true) & 1);
	assert_false(translates(p + 5 * PAGE_SIZE));
	assert_int_equal(vmalloc_check(), 0);
	vunmap(p);
	vunmap(q);
	assert_int_equal(pages_out, 5);
	for (unsigned int i = 0; i < 5; i++)
		__free_page(pages[i]);
}

static void pages_given_away_with_vmap_go_with_vfree(void **state)
{
	struct page **pages = kvmalloc_node(3 * sizeof(void *), GFP_KERNEL, 0);
	char *p;

	for (unsigned int i = 0; i < 3; i++)
		pages[i] = alloc_pages(GFP_KERNEL, 0);
	p = vmap(pages, 3, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	p[2 * PAGE_SIZE] = 1;
	vfree(p);
	assert_int_equal(pages_out, 0);
}

/* ---- lazy flushes */

/* The tables say no at once, a CPU may go on with what its TLB has: the user's error, which the software MMU reports. */
static void use_after_vfree_before_the_flush(void **state)
{
	char *p = vmalloc(PAGE_SIZE);

	assert_true(translates(p));
	vfree(p);
	assert_false(mapped(p));
	assert_int_equal(mmu_errors(), 0);
	assert_true(translates(p));
	assert_int_equal(mmu_errors(), 1);
	assert_non_null(strstr(mmu_first_error(), "stale TLB entry"));
	vm_unmap_aliases();
	assert_false(translates(p));
	assert_int_equal(mmu_errors(), 1);
	mmu_reset();
	port_replace_ttbr1(port_swapper_pg_dir());
}

/* What a report has seen of an area goes away before it looks at the next. */
static void areas_may_go_while_they_are_looked_at(void **state)
{
	char *p[3];
	struct vm_area_view v;
	unsigned int on_node[MAX_NUMNODES] = {0}, i;

	for (i = 0; i < 3; i++)
		p[i] = vmalloc((i + 1) * PAGE_SIZE);
	assert_true(vm_view_area(0, false, &v, on_node));
	assert_int_equal(v.start, port_ptr_to_kva(p[0]));
	assert_int_equal(v.size, 2 * PAGE_SIZE);
	assert_true(v.flags & VM_ALLOC);
	assert_int_equal(v.nr_pages, 1);
	assert_int_equal(on_node[0], 1);
	vfree(p[0]);
	vfree(p[1]);
	/* The next in use; and what is freed has no pages to show. */
	assert_true(vm_view_area(v.end, false, &v, on_node));
	assert_int_equal(v.start, port_ptr_to_kva(p[2]));
	assert_int_equal(on_node[0], 4);
	assert_false(vm_view_area(v.end, false, &v, on_node));
	assert_true(vm_view_area(0, true, &v, on_node));
	assert_int_equal(v.start, port_ptr_to_kva(p[0]));
	assert_int_equal(v.nr_pages, 0);
	vm_unmap_aliases();
	assert_false(vm_view_area(0, true, &v, on_node));
	vfree(p[2]);
	vm_unmap_aliases();
}

/* More pages than the world has data for: they go back when no report can see the area that wanted them. */
static void an_area_that_does_not_come_to_be_shows_no_pages(void **state)
{
	no_pages_seen = 1;
	assert_null(__vmalloc(WORLD_PAGES * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN));
	assert_true(no_pages_seen > 100);
	no_pages_seen = 0;
	vm_unmap_aliases();
}

static void addresses_come_again_after_a_flush_only(void **state)
{
	char *p = vmalloc(3 * PAGE_SIZE), *q, *r;

	translates(p);
	vfree(p);
	assert_int_equal(vmalloc_nr_lazy(), 4);
	assert_ptr_equal(next_unpurged_area(NULL)->addr, p);
	q = vmalloc(3 * PAGE_SIZE);
	assert_ptr_not_equal(p, q);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_nr_lazy(), 0);
	assert_null(next_unpurged_area(NULL));
	/* The lowest place. */
	r = vmalloc(3 * PAGE_SIZE);
	assert_ptr_equal(r, p);
	/* Made valid before the flush: the software MMU would have said so. */
	assert_true(translates(r));
	assert_int_equal(mmu_errors(), 0);
	vfree(q);
	vfree(r);
}

static void many_frees_are_one_flush(void **state)
{
	unsigned long most = 0, last = 0, flushes = 0;

	for (unsigned int i = 0; i < 3 * (SZ_32M / PAGE_SIZE) / 64; i++) {
		struct vm_struct *vm = get_vm_area(63 * PAGE_SIZE, VM_MAP);

		assert_non_null(vm);
		free_vm_area(vm);
		flushes += vmalloc_nr_lazy() < last;
		last = vmalloc_nr_lazy();
		most = max(most, last);
	}
	/* 32 MiB of addresses, of one CPU. */
	assert_true(most <= SZ_32M / PAGE_SIZE && most > SZ_32M / PAGE_SIZE - 64);
	assert_int_equal(flushes, 2);
}

static void a_full_area_is_flushed_before_it_fails(void **state)
{
	struct vm_struct *half = get_vm_area(VSIZE / 2, VM_MAP), *rest, *vm;

	rest = get_vm_area(VSIZE / 2 - 2 * PAGE_SIZE, VM_MAP);
	assert_true(half && rest);
	assert_null(get_vm_area(PAGE_SIZE, VM_MAP));
	free_vm_area(rest);
	/* Its addresses are lazy, and there are no others. */
	vm = get_vm_area(VSIZE / 4, VM_MAP);
	assert_non_null(vm);
	free_vm_area(vm);
	free_vm_area(half);
}

/* A lazy area is in the way of the only place for a chunk of per-CPU memory. */
static void congruent_areas_are_looked_for_after_a_flush_too(void **state)
{
	/* Of a size that is left lazy, with any size of pages. */
	const unsigned long lazy = SZ_16M;
	const unsigned long offsets[] = {0, lazy / 2};
	const size_t sizes[] = {4 * PAGE_SIZE, lazy / 2 - 4 * PAGE_SIZE};
	struct vm_struct *most = get_vm_area(VSIZE - lazy - PAGE_SIZE, VM_MAP);
	struct vm_struct *rest = get_vm_area(lazy - PAGE_SIZE, VM_MAP), **vms;

	assert_true(most && rest);
	assert_null(pcpu_get_vm_areas(offsets, sizes, 2, PAGE_SIZE));
	free_vm_area(rest);
	assert_true(vmalloc_nr_lazy() > 0);
	vms = pcpu_get_vm_areas(offsets, sizes, 2, PAGE_SIZE);
	assert_non_null(vms);
	assert_int_equal(vmalloc_nr_lazy(), 0);
	pcpu_free_vm_areas(vms, 2);
	free_vm_area(most);
}

/* Who frees with interrupts off, or in an interrupt of who is at it, does not flush: who wants addresses next does, also with them off. */
static void no_flush_with_interrupts_off(void **state)
{
	unsigned long flags = port_irq_save();
	struct vm_struct *next;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		struct vm_struct *vm = get_vm_area(511 * PAGE_SIZE, VM_MAP);

		if (!vm)
			break;
		free_vm_area(vm);
		if (vmalloc_nr_lazy() > SZ_32M / PAGE_SIZE)
			break;
	}
	assert_true(vmalloc_nr_lazy() > SZ_32M / PAGE_SIZE);
	assert_false(vm_try_flush_lazy());
	next = get_vm_area(PAGE_SIZE, VM_MAP);
	assert_non_null(next);
	assert_int_equal(vmalloc_nr_lazy(), 0);
	port_irq_restore(flags);
	free_vm_area(next);
}

/* More areas than are freed in one go, each only once. */
static void a_flush_frees_them_all(void **state)
{
	struct vm_struct *vm[100];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(vm); i++)
		assert_non_null(vm[i] = get_vm_area(PAGE_SIZE, VM_MAP));
	for (k = 0, i = 0; k < ARRAY_SIZE(vm); k++, i = (i + 37) % ARRAY_SIZE(vm))
		free_vm_area(vm[i]);
	assert_int_equal(vmalloc_nr_lazy(), 2 * ARRAY_SIZE(vm));
	vm_unmap_aliases();
	assert_int_equal(vmalloc_nr_lazy(), 0);
	assert_null(next_unpurged_area(NULL));
	assert_int_equal(vmalloc_check(), 0);
}

/* ---- bad arguments */

static void what_is_no_area_is_reported_and_left_alone(void **state)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	char *p = vmalloc(2 * PAGE_SIZE), *q = vmap(&page, 1, VM_MAP, PAGE_KERNEL), on_stack;

	vfree(p + PAGE_SIZE);
	assert_true(said("Trying to vfree() bad address"));
	vfree(p + 1);
	assert_true(said("Trying to vfree() bad address"));
	vfree(q);
	assert_true(said("Trying to vfree() bad address"));
	vunmap(p);
	assert_true(said("Trying to vunmap() bad address"));
	vfree(&on_stack);
	assert_true(said("Trying to vfree() bad address"));
	assert_true(has_pattern(p, 0, 0) && mapped(p) && mapped(q));
	vfree(p);
	vfree(p);
	assert_true(said("Trying to vfree() bad address"));
	vunmap(q);
	vunmap(q);
	assert_true(said("Trying to vunmap() bad address"));
	__free_page(page);
	assert_int_equal(vmalloc_check(), 0);
}

/* Below the root, with 48 bits. */
#define TABLES (PAGE_SHIFT == 16 ? 2 : 3)

static void every_failure_is_undone(void **state)
{
	struct page *pages[3];
	int n, failed = 0;
	void *p;

	/* From empty tables on, so that those are wanted, too. */
	for (n = 0;; n++) {
		assert_int_equal(kernel_unmap(VMALLOC_AT, VSIZE), 0);
		fail_in = n;
		p = __vmalloc(20 * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
		if (fail_in >= 0)
			break;
		/* A page that was refused is asked for again, unless it was the first. */
		failed += !p;
		vfree(p);
		all_is_back(state);
	}
	assert_non_null(p);
	/* The area, the array, the first page, the tables: each alone is the end of it. */
	assert_int_equal(failed, 3 + TABLES);
	assert_true(n > 22);
	vfree(p);
	all_is_back(state);
	for (unsigned int i = 0; i < 3; i++)
		pages[i] = alloc_pages(GFP_KERNEL, 0);
	for (n = 0;; n++) {
		assert_int_equal(kernel_unmap(VMALLOC_AT, VSIZE), 0);
		fail_in = n;
		p = vmap(pages, 3, VM_MAP, PAGE_KERNEL);
		if (p)
			break;
		fail_in = -1;
		vm_unmap_aliases();
		assert_int_equal(objects_out, 0);
		assert_int_equal(vmalloc_check(), 0);
	}
	assert_true(n >= 1);
	fail_in = -1;
	vunmap(p);
	for (unsigned int i = 0; i < 3; i++)
		__free_page(pages[i]);
}

/* ---- what must not fail */

static struct vm_struct *hog;
static unsigned int turns;

/* Called in every turn of who waits: in the third, somebody gives back. */
void smp_hold_point(void)
{
	if (hog && ++turns == 3) {
		free_vm_area(hog);
		hog = NULL;
	}
}

static void what_must_not_fail_is_tried_again(void **state)
{
	int n;
	char *p;

	for (n = 0;; n++) {
		assert_int_equal(kernel_unmap(VMALLOC_AT, VSIZE), 0);
		fail_in = n;
		p = __vmalloc(20 * PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL);
		if (fail_in >= 0)
			break;
		assert_non_null(p);
		pattern(p, 20 * PAGE_SIZE, (unsigned int)n);
		vfree(p);
		all_is_back(state);
	}
	assert_non_null(p);
	assert_true(n > 22);
	vfree(p);
	fail_in = -1;
	/* No addresses: until somebody gives some back. */
	hog = get_vm_area(VSIZE - 2 * PAGE_SIZE, VM_MAP);
	assert_non_null(hog);
	turns = 0;
	assert_null(__vmalloc(2 * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN));
	p = __vmalloc(2 * PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL);
	assert_non_null(p);
	assert_int_equal(turns, 3);
	vfree(p);
	assert_false(said("vmalloc error"));
	/* What nobody can ever give is not waited for. */
	assert_null(__vmalloc(-PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL));
	assert_null(__vmalloc_node(PAGE_SIZE, 3 * PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL,
				   NUMA_NO_NODE, NULL));
	assert_null(__vmalloc(0, GFP_KERNEL | __GFP_NOFAIL));
	assert_true(said("vmalloc error"));
}

/* ---- congruent areas */

static void congruent_areas_come_all_or_none(void **state)
{
	const unsigned long offsets[] = {0, 8 * PAGE_SIZE, 32 * PAGE_SIZE};
	const size_t sizes[] = {4 * PAGE_SIZE, 4 * PAGE_SIZE, 16 * PAGE_SIZE};
	struct vm_struct **vms = pcpu_get_vm_areas(offsets, sizes, 3, 4 * PAGE_SIZE), *between;

	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vms[i]->va.start, vms[0]->va.start + offsets[i]);
		assert_int_equal(vms[i]->size, sizes[i]);
	}
	assert_true(IS_ALIGNED(vms[0]->va.start, 4 * PAGE_SIZE));
	/* What lies between them serves others. */
	between = get_vm_area(3 * PAGE_SIZE, VM_MAP);
	assert_int_equal(between->va.start, vms[0]->va.end);
	free_vm_area(between);
	pcpu_free_vm_areas(vms, 3);
	for (int n = 0; n < 4; n++) {
		fail_in = n;
		assert_null(pcpu_get_vm_areas(offsets, sizes, 3, 4 * PAGE_SIZE));
		all_is_back(state);
	}
	assert_null(pcpu_get_vm_areas(offsets, sizes, 3, 3 * PAGE_SIZE));
	assert_null(pcpu_get_vm_areas(offsets, sizes, 0, PAGE_SIZE));
}

/* ---- a random run */

#define AREAS 60

struct model {
	char *p;
	unsigned long pages;
	unsigned int seed;
	bool map; /* of pages that are the test's */
	struct page *page[8];
};

static void let_go(struct model *m)
{
	assert_true(has_pattern(m->p, m->pages * PAGE_SIZE, m->seed));
	if (m->map)
		vunmap(m->p);
	else
		vfree(m->p);
	for (unsigned int i = 0; m->map && i < m->pages; i++)
		__free_page(m->page[i]);
	m->p = NULL;
}

static void take(struct model *m, unsigned int x)
{
	unsigned long align = x % 5 ? PAGE_SIZE : PAGE_SIZE << (x / 5 % 6);

	m->map = x >> 20 & 1;
	m->seed = x;
	m->pages = m->map ? 1 + x % 8 : 1 + x % 40;
	for (unsigned int i = 0; m->map && i < m->pages; i++)
		assert_non_null(m->page[i] = alloc_pages(GFP_KERNEL, 0));
	m->p = m->map ? vmap(m->page, (unsigned int)m->pages, VM_MAP, PAGE_KERNEL)
		      : __vmalloc_node(m->pages * PAGE_SIZE - x % PAGE_SIZE, align, GFP_KERNEL, 0,
				       NULL);
	assert_non_null(m->p);
	assert_true(m->map || IS_ALIGNED(port_ptr_to_kva(m->p), align));
	pattern(m->p, m->pages * PAGE_SIZE, m->seed);
}

/* Areas do not meet, guards included; the iterator has each of them once, in order; bad TLB entries are none. */
static void look(const struct model *have)
{
	struct vm_struct *vm;
	unsigned long last = 0;
	unsigned int live = 0, seen = 0;

	for (unsigned int i = 0; i < AREAS; i++) {
		if (!have[i].p)
			continue;
		live++;
		vm = find_vm_area(have[i].p);
		assert_true(vm && vm->addr == have[i].p);
		assert_int_equal(vm->size, (have[i].pages + 1) * PAGE_SIZE);
	}
	for (vm = next_vm_area(NULL); vm; vm = next_vm_area(vm), seen++) {
		assert_true(vm->va.start >= last);
		last = vm->va.end;
	}
	assert_int_equal(seen, live);
	if (mmu_errors())
		fail_msg("%s", mmu_first_error());
}

static void a_random_run_agrees_with_a_model(void **state)
{
	static struct model have[AREAS];
	unsigned int x = 7, i;

	for (i = 0; i < 1500; i++) {
		struct model *m;

		x = x * 1103515245 + 12345;
		m = &have[(x >> 8) % AREAS];
		if (m->p)
			let_go(m);
		else
			take(m, x >> 4);
		/* A CPU looks somewhere, and its TLB keeps it. */
		m = &have[(x >> 16) % AREAS];
		if (m->p)
			assert_true(translates(m->p + (x >> 9) % (m->pages * PAGE_SIZE)));
		if (x >> 24 == 0)
			vm_unmap_aliases();
		look(have);
		if (i % 100 == 0)
			assert_int_equal(vmalloc_check(), 0);
	}
	for (i = 0; i < AREAS; i++)
		if (have[i].p)
			let_go(&have[i]);
}

/* ---- several CPUs */

#define THREADS 3

static void *cpu(void *arg)
{
	unsigned int x = (unsigned int)(uintptr_t)arg, i;
	char *have[8] = {NULL};

	host_cpu = x;
	for (i = 0; i < 3000; i++) {
		unsigned int k = (x = x * 1103515245 + 12345) >> 16 & 7;
		size_t size = (1 + k) * PAGE_SIZE;

		if (have[k]) {
			if (!has_pattern(have[k], 64, host_cpu * 8 + k))
				abort();
			vfree(have[k]);
			have[k] = NULL;
		} else if ((have[k] = vmalloc(size))) {
			/* This CPU's TLB has it from now on, and nobody else's addresses in its place. */
			if (!translates(have[k] + size - 1))
				abort();
			pattern(have[k], 64, host_cpu * 8 + k);
		}
		if (x >> 26 == 0)
			vm_unmap_aliases();
	}
	for (i = 0; i < 8; i++)
		vfree(have[i]);
	return NULL;
}

static void several_cpus(void **state)
{
	run_cpus(THREADS, cpu);
}

/* ---- the check */

static void the_check_sees_what_is_wrong(void **state)
{
	char *p = vmalloc(2 * PAGE_SIZE);
	struct vm_struct *vm = find_vm_area(p);
	struct page *first = vm->pages[0];

	assert_int_equal(vmalloc_check(), 0);
	vm->pages[0] = vm->pages[1];
	assert_int_equal(vmalloc_check(), first != vm->pages[1]);
	vm->pages[0] = first;
	vm->va.gap++;
	assert_true(vmalloc_check() > 0);
	vm->va.gap--;
	/* Mapped, and of no area. */
	assert_int_equal(kernel_map(vm->va.end + PAGE_SIZE, WORLD_BASE + DATA_FROM * PAGE_SIZE,
				    PAGE_SIZE, PAGE_KERNEL, 0),
			 0);
	assert_int_equal(vmalloc_check(), 1);
	assert_int_equal(kernel_unmap(vm->va.end + PAGE_SIZE, PAGE_SIZE), 0);
	vfree(p);
}

#define test(f) cmocka_unit_test_teardown(f, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(memory_is_there_zeroed_and_guarded),
		test(what_cannot_be_had_is_null),
		test(alignment_is_kept),
		test(vmap_shows_the_same_pages),
		test(pages_given_away_with_vmap_go_with_vfree),
		test(use_after_vfree_before_the_flush),
		test(areas_may_go_while_they_are_looked_at),
		test(an_area_that_does_not_come_to_be_shows_no_pages),
		test(addresses_come_again_after_a_flush_only),
		test(many_frees_are_one_flush),
		test(a_full_area_is_flushed_before_it_fails),
		test(congruent_areas_are_looked_for_after_a_flush_too),
		test(no_flush_with_interrupts_off),
		test(a_flush_frees_them_all),
		test(what_is_no_area_is_reported_and_left_alone),
		test(every_failure_is_undone),
		test(what_must_not_fail_is_tried_again),
		test(congruent_areas_come_all_or_none),
		test(a_random_run_agrees_with_a_model),
		test(several_cpus),
		test(the_check_sees_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, vmalloc_world, NULL);
}
