// SPDX-License-Identifier: MIT
/*
 * fail_walk: no memory, at every single place. A workload that asks for every kind of memory is run again and again; the first time
 * its first request fails, then its second, and so on until it ends before the nth request comes. After each, all is given back, every
 * allocator's check passes, and each zone has the free pages that it had before, page for page.
 *
 * The workload is the stress's kinds (stress_*.c), a few of each, with the same seed every time, so that it goes the same way up to
 * the request that fails. fail_walk=pages lets only requests for pages fail, so that caches have their sheaves; with fail_walk
 * requests for objects fail, too, and caches have none.
 *
 * Owns nothing that lasts. At the end of the boot, other CPUs quiet.
 *
 * Against Linux: its fail-nth counts the requests of one system call of a program that walks.
 */
#include <quire/cma.h>
#include <quire/memblock.h>
#include <quire/memory_hotplug.h>
#include <quire/mempool.h>
#include <quire/mm_debug.h>
#include <quire/mmzone.h>
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "debug.h"
#include "movable.h"
#include "stress_internal.h"

#define SEED 42
#define MAX_SITES 1024U
/* A request that fails for ever would be a walk without end. */
#define MAX_REQUESTS 100000UL
/* Of each kind. */
#define COUNT 3U
#define CACHES 70U
#define OBJECTS 1500U
#define PERCPU 60U

bool fail_walk, fail_walk_pages;

static struct {
	struct stress_cpu cpu;
	struct stress_object object[STRESS_MAX_KINDS][COUNT];
	depot_stack_handle_t site[MAX_SITES];
	unsigned int nr_sites;
	void *pointer[OBJECTS];
} walk;

const char *fail_walk_option(const char *val)
{
	if (val && strcmp(val, "pages") != 0 && strcmp(val, "1") != 0)
		return "nothing, or 'pages'";
	fail_walk = true;
	fail_walk_pages = val && strcmp(val, "pages") == 0;
	return NULL;
}

/* ------------------------------------------------------------------ the workload */

static void use(const struct stress_kind *k, struct stress_object *o)
{
	struct stress_cpu *c = &walk.cpu;

	o->extra = 0;
	o->kind = k->make(c, o) ? k : NULL;
	if (o->kind && k->change)
		k->change(c, o);
	if (o->kind && !k->check(c, o))
		stress_bad(c, "%s: its contents are not what was written", k->name);
}

static void give_back(struct stress_object *o)
{
	if (!o->kind)
		return;
	if (!o->kind->check(&walk.cpu, o))
		stress_bad(&walk.cpu, "%s: its contents are not what was written", o->kind->name);
	o->kind->drop(&walk.cpu, o);
	o->kind = NULL;
}

static void use_kinds(void)
{
	static const struct stress_kind *const lists[] = {stress_page_kinds, stress_kmem_kinds,
							  stress_map_kinds};
	unsigned int i, n, nr = 0;
	const struct stress_kind *k;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (k = lists[i]; k->name; k++, nr++)
			for (n = 0; n < COUNT; n++)
				use(k, &walk.object[nr][n]);
	while (nr--)
		for (n = 0; n < COUNT; n++)
			give_back(&walk.object[nr][n]);
	page_frag_cache_drain(&walk.cpu.frag);
}

/* ------------------------------------------------------------------ what the kinds do not ask for */

static void addresses(void)
{
	unsigned long page = __get_free_pages(GFP_KERNEL, 1), zeroed = get_zeroed_page(GFP_KERNEL);
	void *exact = alloc_pages_exact(5 * PAGE_SIZE, GFP_KERNEL);

	if (exact)
		free_pages_exact(exact, 5 * PAGE_SIZE);
	free_page(zeroed);
	free_pages(page, 1);
}

static void copies(void)
{
	char *copy = kmemdup("a copy", 7, GFP_KERNEL), *text = kstrdup("a text", GFP_KERNEL);
	void *fixed = kmalloc(48, GFP_KERNEL), *array = kmalloc_array(10, 20, GFP_KERNEL);
	void *larger = krealloc_array(array, 100, 20, GFP_KERNEL);

	if ((copy && strcmp(copy, "a copy") != 0) || (text && strcmp(text, "a text") != 0))
		stress_bad(&walk.cpu, "a copy is not what it was made of");
	kfree(larger ? larger : array);
	kfree(fixed);
	kfree(text);
	kfree(copy);
}

/*
 * More caches than fit into a page of their descriptions, or of their CPUs' parts, and more objects than sheaves keep, where there are
 * sheaves.
 */
static void caches(void)
{
	struct kmem_cache *s[CACHES];
	unsigned int i, n;

	for (n = 0; n < (fail_walk_pages ? CACHES : 24); n++) {
		s[n] = kmem_cache_create("fail_walk", 1000 + 8 * n, 0, SLAB_NO_MERGE, NULL);
		if (!s[n])
			break;
	}
	for (i = 0; n && i < (fail_walk_pages ? OBJECTS : 40); i++)
		walk.pointer[i] = kmem_cache_alloc(s[0], GFP_KERNEL | __GFP_NOWARN);
	while (i--)
		if (walk.pointer[i])
			kmem_cache_free(s[0], walk.pointer[i]);
	while (n--)
		kmem_cache_destroy(s[n]);
}

static void areas(void)
{
	void *p[] = {vmalloc(3 * PAGE_SIZE), vzalloc(PAGE_SIZE), vmalloc_node(2 * PAGE_SIZE, 0)};
	struct page *page[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		vfree(p[i]);
	vfree(vmalloc_huge(SZ_2M + PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN));
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = alloc_pages(GFP_KERNEL, 0);
		if (!page[i])
			break;
	}
	if (i == ARRAY_SIZE(page)) {
		void *mapped = vm_map_ram(page, i, NUMA_NO_NODE);

		if (mapped)
			vm_unmap_ram(mapped, i);
	}
	while (i--)
		__free_page(page[i]);
}

/* More than the first chunk has. */
static void percpu(void)
{
	unsigned int i;

	for (i = 0; i < PERCPU; i++)
		walk.pointer[i] = i % 3 ? __alloc_percpu(2000, 8)
					: __alloc_percpu_gfp(2000, 8, GFP_KERNEL | __GFP_NOWARN);
	while (i--)
		free_percpu(walk.pointer[i]);
}

static void pools(void)
{
	mempool_t *pool = mempool_create_kmalloc_pool(4, 100);

	if (!pool)
		return;
	mempool_resize(pool, 12);
	mempool_destroy(pool);
	mempool_destroy(mempool_create_node(4, mempool_kmalloc, mempool_kfree, (void *)100,
					    GFP_KERNEL | __GFP_NOWARN, NUMA_NO_NODE));
}

/* A range with movable pages in it, which have to go elsewhere. */
static void ranges(void)
{
	int handle[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handle); i++)
		handle[i] = movable_create(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN);
	for (i = 0; i < ARRAY_SIZE(handle); i++) {
		unsigned long pfn;

		if (handle[i] < 0)
			continue;
		pfn = page_to_pfn(movable_page(handle[i]));
		if (!alloc_contig_range(pfn, pfn + 1, MIGRATE_MOVABLE, GFP_KERNEL | __GFP_NOWARN))
			free_contig_range(pfn, 1);
		if (!movable_check(handle[i]))
			stress_bad(&walk.cpu, "a page that was moved is not what it was");
	}
	for (i = 0; i < ARRAY_SIZE(handle); i++)
		if (handle[i] >= 0)
			movable_destroy(handle[i]);
}

/* A section comes, is used and goes, as far as that can be. Was it there? */
static bool hotplug(void)
{
	bool came;

	phys_addr_t start = ALIGN(memblock_end_of_DRAM(), 1UL << SECTION_SIZE_BITS);
	int nid = (int)page_to_nid(phys_to_page(memblock_start_of_DRAM()));

	if (hotplug_reserve < 1UL << SECTION_SIZE_BITS ||
	    add_memory(nid, start, 1UL << SECTION_SIZE_BITS))
		return false;
	came = !online_pages(PHYS_PFN(start), PAGES_PER_SECTION, MMOP_ONLINE_MOVABLE);
	if (came && offline_pages(PHYS_PFN(start), PAGES_PER_SECTION))
		stress_bad(&walk.cpu, "hot-added memory does not go offline");
	if (remove_memory(start, 1UL << SECTION_SIZE_BITS))
		stress_bad(&walk.cpu, "hot-added memory does not go");
	return came;
}

/* What it cannot have it goes without. */
static void workload(const struct stress_options *options)
{
	int err;

	walk.cpu = (struct stress_cpu){.random = SEED, .cpu = port_cpu(), .options = options};
	err = stress_kmem_init();
	if (!err && !stress_map_init(options)) {
		use_kinds();
		stress_page_disturb(&walk.cpu);
		stress_kmem_disturb(&walk.cpu);
		stress_map_disturb(&walk.cpu);
		if (stress_map_exit())
			stress_bad(&walk.cpu, "hot-added memory does not go");
	}
	if (!err)
		stress_kmem_exit();
	addresses();
	copies();
	caches();
	areas();
	percpu();
	pools();
	ranges();
	hotplug();
}

/* ------------------------------------------------------------------ the walk */

static void note_site(depot_stack_handle_t site)
{
	unsigned int i;

	for (i = 0; i < walk.nr_sites; i++)
		if (walk.site[i] == site)
			return;
	if (site && walk.nr_sites < MAX_SITES)
		walk.site[walk.nr_sites++] = site;
}

/* Every function of every chain once, for those who compare them with all that there are. */
static void list_functions(void)
{
	const unsigned long *a, *b;
	unsigned int i, k, n, m;

	for (i = 0; i < walk.nr_sites; i++) {
		unsigned int nr = stack_depot_fetch(walk.site[i], &a);

		for (n = 0; n < nr; n++) {
			bool seen = false;

			for (k = 0; k < i && !seen; k++) {
				unsigned int other = stack_depot_fetch(walk.site[k], &b);

				for (m = 0; m < other && !seen; m++)
					seen = a[n] == b[m];
			}
			if (!seen)
				pr_info("fail_walk: through %pS\n", (void *)(a[n] - 1));
		}
	}
}

static unsigned int violated(unsigned long n, int bad, depot_stack_handle_t site)
{
	pr_err("fail_walk: request %lu failed, and %d violations followed; it was made by\n", n,
	       bad);
	stack_depot_print(site);
	return (unsigned int)bad;
}

/* Memory that is hot-added for the first time finds nothing prepared, and a zone that is in no list. */
static unsigned int first_hotplug(void)
{
	depot_stack_handle_t site;
	unsigned long n;
	bool came;
	int bad;

	for (n = 1; n < MAX_REQUESTS; n++) {
		stress_account_begin();
		fault_nth(n);
		came = hotplug();
		if (!fault_nth_hit(&site))
			break;
		fault_nth(0);
		note_site(site);
		/* It came without what failed, and the zone keeps what it got. */
		if (came)
			break;
		hotplug_forget();
		bad = stress_account_end();
		if (bad)
			return violated(n, bad, site);
	}
	fault_nth(0);
	return n == MAX_REQUESTS;
}

unsigned int fail_walk_run(void)
{
	const struct stress_options options = {.seed = SEED};
	depot_stack_handle_t site;
	unsigned int violations;
	unsigned long n;
	int bad;

	walk.nr_sites = 0;
	walk.cpu = (struct stress_cpu){.random = SEED, .cpu = port_cpu(), .options = &options};
	fault_nth(0);
	stress_forget();
	violations = first_hotplug();
	if (violations)
		return violations;
	/* What the allocators get once and keep. */
	for (n = 0; n < 2; n++)
		workload(&options);
	for (n = 1; n < MAX_REQUESTS; n++) {
		stress_account_begin();
		fault_nth(n);
		workload(&options);
		if (!fault_nth_hit(&site))
			break;
		fault_nth(0);
		note_site(site);
		bad = stress_account_end();
		if (bad)
			return violated(n, bad, site);
	}
	fault_nth(0);
	stress_forget();
	list_functions();
	pr_info("fail_walk: %lu requests failed one at a time, from %u call chains; nothing was "
		"lost or broken\n",
		n - 1, walk.nr_sites);
	return n == MAX_REQUESTS;
}
