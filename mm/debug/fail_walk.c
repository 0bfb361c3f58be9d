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
#include <quire/memblock.h>
#include <quire/memory_hotplug.h>
#include <quire/mm_debug.h>
#include <quire/mmzone.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "debug.h"
#include "stress_internal.h"

#define SEED 42
#define MAX_SITES 1024U
/* A request that fails for ever would be a walk without end. */
#define MAX_REQUESTS 100000UL
/* Of each kind. */
#define COUNT 3U

bool fail_walk, fail_walk_pages;

static struct {
	struct stress_cpu cpu;
	struct stress_object object[STRESS_MAX_KINDS][COUNT];
	depot_stack_handle_t site[MAX_SITES];
	unsigned int nr_sites;
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

/* A section comes, is used and goes, as far as that can be. */
static void hotplug(void)
{
	phys_addr_t start = ALIGN(memblock_end_of_DRAM(), 1UL << SECTION_SIZE_BITS);
	int nid = (int)page_to_nid(phys_to_page(memblock_start_of_DRAM()));

	if (hotplug_reserve < 1UL << SECTION_SIZE_BITS ||
	    add_memory(nid, start, 1UL << SECTION_SIZE_BITS))
		return;
	if (!online_pages(PHYS_PFN(start), PAGES_PER_SECTION, MMOP_ONLINE_MOVABLE) &&
	    offline_pages(PHYS_PFN(start), PAGES_PER_SECTION))
		stress_bad(&walk.cpu, "hot-added memory does not go offline");
	if (remove_memory(start, 1UL << SECTION_SIZE_BITS))
		stress_bad(&walk.cpu, "hot-added memory does not go");
}

/* What it cannot have it goes without. */
static void workload(const struct stress_options *options)
{
	walk.cpu = (struct stress_cpu){.random = SEED, .cpu = port_cpu(), .options = options};
	if (stress_kmem_init())
		return;
	if (!stress_map_init(options)) {
		use_kinds();
		stress_page_disturb(&walk.cpu);
		stress_kmem_disturb(&walk.cpu);
		stress_map_disturb(&walk.cpu);
		if (stress_map_exit())
			stress_bad(&walk.cpu, "hot-added memory does not go");
	}
	stress_kmem_exit();
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

unsigned int fail_walk_run(void)
{
	const struct stress_options options = {.seed = SEED};
	depot_stack_handle_t site;
	unsigned long n;
	int bad;

	walk.nr_sites = 0;
	fault_nth(0);
	stress_forget();
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
		if (bad) {
			pr_err("fail_walk: request %lu failed, and %d violations followed; it was "
			       "made by\n",
			       n, bad);
			stack_depot_print(site);
			return (unsigned int)bad;
		}
	}
	fault_nth(0);
	stress_forget();
	list_functions();
	pr_info("fail_walk: %lu requests failed one at a time, from %u call chains; nothing was "
		"lost or broken\n",
		n - 1, walk.nr_sites);
	return n == MAX_REQUESTS;
}
