// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/*
 * CPUs that change one address space at once: mmap, munmap, mprotect, mremap, madvise, mlock and forks of a range that is everybody's, while each
 * has pages of its own between those of others, of which it knows the contents. ThreadSanitizer sees the locks that are missing, mm_check what
 * they should have kept.
 */
#include "vm_world.h"

#include "mm/vm/internal.h"

#define COMMON SZ_4G
#define COMMON_PAGES 24U
#define OWN (SZ_4G + SZ_2G)
#define OWN_PAGES 4U
#define ROUNDS 600U

static struct mm_struct *mm;

static int begin(void **state)
{
	world_begin();
	page_alloc_hooks.direct_reclaim = NULL;
	vm_reclaim_init();
	mm = mm_alloc();
	assert_non_null(mm);
	return 0;
}

static int end(void **state)
{
	page_alloc_hooks.direct_reclaim = NULL;
	mmput(mm);
	world_end();
	return 0;
}

static u32 next(u32 *seed, u32 n)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (*seed >> 8) % n;
}

static void change_common(u32 *seed)
{
	u32 first = next(seed, COMMON_PAGES), n = 1 + next(seed, COMMON_PAGES - first), value = 7;
	unsigned long addr = COMMON + first * PAGE_SIZE, len = n * PAGE_SIZE;
	static const int advices[] = {MADV_DONTNEED, MADV_FREE,		 MADV_COLD,
				      MADV_PAGEOUT,  MADV_RANDOM,	 MADV_WIPEONFORK,
				      MADV_NORMAL,   MADV_POPULATE_WRITE};

	switch (next(seed, 9)) {
	case 0:
	case 1:
		vm_mmap_pgoff(
			mm, NULL, addr, len, PROT_READ | PROT_WRITE,
			(next(seed, 2) ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | MAP_FIXED, 0);
		break;
	case 2:
		vm_munmap(mm, addr, len);
		break;
	case 3:
		vm_mprotect(mm, addr, len, next(seed, 2) ? PROT_READ : PROT_READ | PROT_WRITE);
		break;
	case 4:
		vm_madvise(mm, addr, len, advices[next(seed, ARRAY_SIZE(advices))]);
		break;
	case 5:
		vm_mremap(mm, addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			  COMMON + (COMMON_PAGES + next(seed, 4)) * PAGE_SIZE);
		break;
	case 6:
		if (next(seed, 2))
			vm_mlock(mm, addr, len, next(seed, 2));
		else
			vm_munlock(mm, addr, len);
		break;
	case 7:
		page_alloc_hooks.direct_reclaim(GFP_KERNEL, 0, 0, NULL);
		break;
	default:
		access_remote_vm(mm, addr, &value, sizeof(value), next(seed, 2));
	}
}

static unsigned long own_page(unsigned int cpu, u32 i)
{
	/* Neighbours are others'. */
	return OWN + (i * (CPUS + 1) + cpu) * PAGE_SIZE;
}

static void *changing(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	u32 seed = cpu * 7919, value[OWN_PAGES] = {0}, back;

	be_cpu(cpu);
	for (u32 i = 0; i < ROUNDS; i++) {
		u32 which = next(&seed, OWN_PAGES);
		unsigned long addr = own_page(cpu, which);

		change_common(&seed);
		switch (next(&seed, 4)) {
		case 0:
			value[which] = i;
			if (access_remote_vm(mm, addr, &value[which], sizeof(u32), true))
				return (void *)1;
			break;
		case 1:
			/* Its own flags: areas are cut off the neighbours' and join again. */
			if (vm_mprotect(mm, addr, PAGE_SIZE, PROT_READ) ||
			    vm_mprotect(mm, addr, PAGE_SIZE, PROT_READ | PROT_WRITE))
				return (void *)2;
			break;
		case 2:
			if (vm_madvise(mm, addr, PAGE_SIZE, MADV_DONTNEED))
				return (void *)3;
			value[which] = 0;
			break;
		default:
			if (vm_mlock(mm, addr, PAGE_SIZE, false) || vm_munlock(mm, addr, PAGE_SIZE))
				return (void *)4;
		}
		for (u32 j = 0; j < OWN_PAGES; j++)
			if (access_remote_vm(mm, own_page(cpu, j), &back, sizeof(back), false) ||
			    back != value[j])
				return (void *)5;
	}
	return NULL;
}

static void cpus_change_one_address_space(void **state)
{
	vm_mmap_pgoff(mm, NULL, OWN, (CPUS + 1) * OWN_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	cpus_begin();
	cpus_run(changing);
	for (unsigned int i = 0; i < 60; i++) {
		struct mm_struct *child = dup_mm(mm);

		assert_non_null(child);
		mmput(child);
	}
	cpus_join();
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_munmap(mm, COMMON, 2 * COMMON_PAGES * PAGE_SIZE), 0);
	assert_int_equal(mm->locked_vm, 0);
	cpus_end();
}

/* ------------------------------------------------------------------ pages by a guess */

/* Nothing but the places where compaction and faults from outside find pages, that were others' a moment ago. */
static unsigned long guesses, givers;
static struct page *guessed_at[8];

/* Some references are kept for a while: then the owner leaves first. */
static void *guessing(void *arg)
{
	u32 seed = (u32)(uintptr_t)arg * 104729;
	struct page *kept[4] = {NULL};
	unsigned int at = 0;

	be_cpu((unsigned int)(uintptr_t)arg);
	while (__atomic_load_n(&givers, __ATOMIC_ACQUIRE)) {
		struct page *page = __atomic_load_n(
			&guessed_at[next(&seed, ARRAY_SIZE(guessed_at))], __ATOMIC_ACQUIRE);

		if (!page || !get_page_unless_zero(page))
			continue;
		__atomic_fetch_add(&guesses, 1, __ATOMIC_RELAXED);
		at = next(&seed, ARRAY_SIZE(kept));
		if (kept[at])
			put_page_guessed(kept[at]);
		kept[at] = page;
	}
	for (at = 0; at < ARRAY_SIZE(kept); at++)
		if (kept[at])
			put_page_guessed(kept[at]);
	return NULL;
}

static void *giving(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	u32 seed = cpu * 7919, back, value = 5;
	struct page *last = NULL;
	unsigned int last_order = 0;

	be_cpu(cpu);
	for (u32 i = 0; i < 20 * ROUNDS || !__atomic_load_n(&guesses, __ATOMIC_RELAXED); i++) {
		unsigned int order = next(&seed, 4), at = next(&seed, ARRAY_SIZE(guessed_at));
		unsigned long addr = own_page(cpu, next(&seed, OWN_PAGES));
		struct page *page;

		if (next(&seed, 2)) {
			page = alloc_pages(GFP_KERNEL | (order ? __GFP_COMP : 0), order);
			if (!page)
				continue;
			__atomic_store_n(&guessed_at[at], page, __ATOMIC_RELEASE);
			if (last)
				__free_pages(last, last_order);
			last = page;
			last_order = order;
			continue;
		}
		if (access_remote_vm(mm, addr, &value, sizeof(value), true))
			return (void *)1;
		page = get_user_page(mm, addr, false);
		if (page) {
			__atomic_store_n(&guessed_at[at], page, __ATOMIC_RELEASE);
			user_page_put(page);
		}
		if (vm_madvise(mm, addr, PAGE_SIZE, MADV_DONTNEED) ||
		    access_remote_vm(mm, addr, &back, sizeof(back), false) || back)
			return (void *)2;
	}
	if (last)
		__free_pages(last, last_order);
	__atomic_fetch_sub(&givers, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *giving_or_guessing(void *cpu)
{
	return (unsigned long)cpu <= CPUS / 2 ? giving(cpu) : guessing(cpu);
}

/* world_end misses what a guess lost, and the log what it found. */
static void guessed_references_lose_and_break_nothing(void **state)
{
	vm_mmap_pgoff(mm, NULL, OWN, (CPUS + 1) * OWN_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	memset(guessed_at, 0, sizeof(guessed_at));
	givers = CPUS / 2;
	guesses = 0;
	cpus_begin();
	cpus_run(giving_or_guessing);
	cpus_join();
	assert_int_equal(mm_check(mm), 0);
	cpus_end();
}

/* ------------------------------------------------------------------ one changes, others fault or read */

/* Faults in the fixed part, while the main thread maps and unmaps beside it and forks. */
static void *faulting(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	unsigned long i = 0;

	be_cpu(cpu);
	while (cpus_go_on() || i < 100) {
		unsigned long addr = SZ_4G + (cpu * 64 + i % 64) * PAGE_SIZE, done;
		u32 value = cpu * 1000000 + (u32)i, back = 0;

		done = access_remote_vm(mm, addr, &value, sizeof(value), true);
		done |= access_remote_vm(mm, addr, &back, sizeof(back), false);
		if (done || back != value)
			return (void *)1;
		i++;
	}
	return NULL;
}

/* A reader comes in while another one is there, and tells; a writer does not. */
static void *reading_beside(void *arg)
{
	be_cpu(1);
	mmap_read_lock(arg);
	mmap_read_unlock(arg);
	return NULL;
}

static unsigned long guarded[2];

/* Writers change both together; nobody sees them differ. */
static void *reading_and_writing(void *arg)
{
	unsigned long bad = 0;

	be_cpu((unsigned int)(uintptr_t)arg);
	for (unsigned int i = 0; i < 2000; i++) {
		if (i % 4) {
			mmap_read_lock(mm);
			bad += guarded[0] != guarded[1];
			mmap_read_unlock(mm);
		} else if (i % 8 || mmap_write_trylock(mm)) {
			if (i % 8)
				mmap_write_lock(mm);
			bad += guarded[0]++ != guarded[1]++;
			mmap_write_unlock(mm);
		}
	}
	return (void *)bad;
}

static void areas_are_looked_at_by_several_and_changed_by_one(void **state)
{
	pthread_t reader;

	cpus_begin();
	mmap_read_lock(mm);
	assert_false(mmap_write_trylock(mm));
	assert_int_equal(pthread_create(&reader, NULL, reading_beside, mm), 0);
	pthread_join(reader, NULL);
	mmap_read_unlock(mm);
	assert_true(mmap_write_trylock(mm));
	mmap_write_unlock(mm);
	cpus_run(reading_and_writing);
	cpus_join();
	assert_true(guarded[0] >= CPUS * 250UL);
	assert_int_equal(mm->mmap_readers, 0);
	cpus_end();
}

static void faults_go_on_while_areas_change(void **state)
{
	vm_mmap_pgoff(mm, NULL, SZ_4G, CPUS * 2 * 64 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	cpus_begin();
	cpus_run(faulting);
	for (unsigned int i = 0; i < 300; i++) {
		unsigned long addr = addr_of((unsigned int)rnd(PAGES - 8));
		struct mm_struct *child;

		assert_int_equal(
			vm_mmap_pgoff(
				mm, NULL, addr, (1 + rnd(8)) * PAGE_SIZE, random_prot(),
				MAP_ANONYMOUS | MAP_FIXED | (rnd(3) ? MAP_PRIVATE : MAP_SHARED), 0),
			addr);
		assert_int_equal(vm_munmap(mm, addr_of((unsigned int)rnd(PAGES - 8)),
					   (1 + rnd(8)) * PAGE_SIZE),
				 0);
		child = dup_mm(mm);
		assert_non_null(child);
		mmput(child);
	}
	cpus_join();
	assert_int_equal(mm_check(mm), 0);
	cpus_end();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpus_change_one_address_space),
		TEST(guessed_references_lose_and_break_nothing),
		TEST(areas_are_looked_at_by_several_and_changed_by_one),
		TEST(faults_go_on_while_areas_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
