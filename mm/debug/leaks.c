// SPDX-License-Identifier: MIT
/*
 * debug_leaks: what is left at the end of what was allocated after the boot, by kind and by who allocated it.
 *
 *   objects of caches and kmalloc    the notes of slab_debug.c, which keeps them for all caches then
 *   blocks of pages                  the records of page_debug.c, without those of slabs, tables and areas
 *   areas of the vmalloc region      whose description is an object
 *
 * Owns the table that it sums in. At shutdown, other CPUs quiet; nothing is allocated.
 *
 * Against Linux: kmemleak looks for objects that nothing points to; here all that is left counts, because nothing should be.
 */
#include <quire/page-flags.h>
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "debug.h"

bool debug_leaks, debug_leaks_all;

#define MAX_LEAKS 512U
#define MAX_AREAS 256U

struct leak {
	const char *what, *of; /* "objects of kmalloc-64" */
	depot_stack_handle_t stack;
	unsigned long count, bytes;
};
static struct leak leaks[MAX_LEAKS];
static unsigned int nr_leaks;
static unsigned long nr_all, bytes_all, nr_lost;
/* The areas' own objects: they are told about as areas. */
static const void *areas_own[2 * MAX_AREAS];
static unsigned int nr_areas_own;

const char *debug_leaks_option(const char *val)
{
	if (val && strcmp(val, "all") != 0 && strcmp(val, "1") != 0 && strcmp(val, "on") != 0)
		return "nothing, or 'all': those of the boot, too";
	debug_leaks = true;
	debug_leaks_all = val && strcmp(val, "all") == 0;
	return NULL;
}

static void add(const char *what, const char *of, depot_stack_handle_t stack, size_t bytes)
{
	unsigned int i;

	nr_all++;
	bytes_all += bytes;
	for (i = 0; i < nr_leaks; i++)
		if (leaks[i].stack == stack && leaks[i].what == what && !strcmp(leaks[i].of, of))
			break;
	if (i == MAX_LEAKS) {
		nr_lost++;
		return;
	}
	if (i == nr_leaks)
		leaks[nr_leaks++] = (struct leak){.what = what, .of = of, .stack = stack};
	leaks[i].count++;
	leaks[i].bytes += bytes;
}

/* ------------------------------------------------------------------ areas */

static void own(const void *p)
{
	if (p && nr_areas_own < ARRAY_SIZE(areas_own))
		areas_own[nr_areas_own++] = p;
}

static bool is_areas_own(const void *p)
{
	unsigned int i;

	for (i = 0; i < nr_areas_own; i++)
		if (areas_own[i] == p)
			return true;
	return false;
}

static void add_areas(void)
{
	struct vm_struct *vm;

	for (vm = next_vm_area(NULL); vm; vm = next_vm_area(vm)) {
		depot_stack_handle_t stack;
		bool boot;

		/* The image's own areas are described by variables, not by objects. */
		if ((vm->flags & (VM_ALLOC | VM_NO_GUARD)) == VM_NO_GUARD ||
		    !slab_debug_allocated_by(vm, &stack, &boot))
			continue;
		own(vm);
		own(vm->pages);
		if (!boot || debug_leaks_all)
			add(vm->flags & VM_ALLOC ? "vmalloc areas" : "mapped areas", "", stack,
			    vm->flags & VM_ALLOC ? (size_t)vm->nr_pages << PAGE_SHIFT : vm->size);
	}
}

static bool in_an_area(const struct page *page)
{
	struct vm_struct *vm;
	unsigned int i;

	for (vm = next_vm_area(NULL); vm; vm = next_vm_area(vm))
		for (i = 0; (vm->flags & VM_ALLOC) && i < vm->nr_pages; i++)
			if (vm->pages[i] == page)
				return true;
	return false;
}

/* ------------------------------------------------------------------ objects and pages */

static void add_object(struct kmem_cache *s, void *object, size_t size, depot_stack_handle_t stack,
		       bool boot, void *arg)
{
	if ((boot && !debug_leaks_all) || is_areas_own(object))
		return;
	add("objects of ", s->name, stack, size);
}

static void add_pages(void)
{
	struct page_owner o;
	unsigned long pfn = 0;

	while (page_owner_next(&pfn, &o)) {
		struct page *page = pfn_to_page(o.pfn);

		if ((o.boot && !debug_leaks_all) || page_has_type(page) ||
		    is_areas_own(page_address(page)) || in_an_area(page))
			continue;
		add("blocks of pages", "", o.stack, PAGE_SIZE << o.order);
	}
}

/* The largest first. */
static struct leak *largest(void)
{
	struct leak *best = NULL;
	unsigned int i;

	for (i = 0; i < nr_leaks; i++)
		if (leaks[i].count && (!best || leaks[i].bytes > best->bytes))
			best = &leaks[i];
	return best;
}

unsigned int leaks_report(void)
{
	struct kmem_cache *s;
	struct leak *l;

	/* What is only kept for the next time is nobody's. */
	vm_unmap_aliases();
	pcpu_shrink();
	slab_drain_all();
	nr_leaks = nr_areas_own = 0;
	nr_all = bytes_all = nr_lost = 0;
	add_areas();
	for (s = next_cache(NULL); s; s = next_cache(s))
		slab_debug_for_each_live(s, add_object, NULL);
	guard_for_each_live(add_object, NULL);
	add_pages();
	while ((l = largest())) {
		pr_warn("debug_leaks: %lu %s%s, %lu bytes, allocated by:\n", l->count, l->what,
			l->of, l->bytes);
		stack_depot_print(l->stack);
		l->count = 0;
	}
	if (nr_lost)
		pr_warn("debug_leaks: %lu more, of other call chains\n", nr_lost);
	if (nr_all)
		pr_warn("debug_leaks: %lu allocations, %lu bytes were not freed\n", nr_all,
			bytes_all);
	else
		pr_info("debug_leaks: everything was freed\n");
	return (unsigned int)nr_all;
}
