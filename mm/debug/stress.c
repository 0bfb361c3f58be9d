// SPDX-License-Identifier: MIT
/*
 * The stress's frame: CPUs at work, phases, and the account at the end. See <quire/stress.h>.
 *
 * Owns the objects and the table of them. Each CPU has STRESS_SLOTS objects, got or empty, and works on one of them at a
 * time; `mail` has some more, and a CPU that wants to hand one over exchanges it for what lies there. So an object is one CPU's at
 * any time, and an exchange is all that two CPUs share.
 *
 * A run is two cycles. The first, short, makes the allocators get what they keep for ever (tables of page tables, a cache's
 * part for each CPU, bitmaps). The second is the measured one: free pages before and after are compared zone by zone. What may
 * differ is told apart: translation tables of the vmalloc area, which stay when their leaves go, are counted and must account for
 * the whole difference.
 */
#include "stress_internal.h"

#include <quire/buddy.h>
#include <quire/cma.h>
#include <quire/dma.h>
#include <quire/memory_hotplug.h>
#include <quire/mm_debug.h>
#include <quire/mm_init.h>
#include <quire/percpu.h>
#include <quire/pgtable.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/string.h>
#include <quire/vmalloc.h>
#include <quire/vmstat.h>

#include "movable.h"

#define STRESS_SLOTS 256U
#define STRESS_MAIL 64U
#define DEFAULT_OPERATIONS 4000U
#define WARM_UP_OPERATIONS 6000U
/* Violations that are printed. */
#define MAX_PRINTED 20

static struct {
	struct stress_cpu *cpus;      /* [nr_cpus], threads */
	struct stress_cpu *irq;	      /* [nr_cpus_possible], in interrupts, by number */
	struct stress_object *object; /* all of them */
	struct stress_object **slot;  /* [nr_cpus * STRESS_SLOTS] */
	struct stress_object *mail[STRESS_MAIL];
	struct stress_kind kind[STRESS_MAX_KINDS];
	unsigned int nr_kinds, nr_cpus, operations, phase, total_weight;
	int bad;
} stress;

/* ------------------------------------------------------------------ chance */

static u64 mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

unsigned long stress_random(struct stress_cpu *c, unsigned long n)
{
	c->random += 0x9e3779b97f4a7c15ULL;
	return mix(c->random) % n;
}

unsigned long stress_size(struct stress_cpu *c, unsigned long lo, unsigned long hi)
{
	unsigned int steps = (unsigned int)ilog2(hi / max(lo, 1UL)) + 1;
	unsigned long top = min(max(lo, 1UL) << (1 + stress_random(c, steps)), hi);

	return lo + stress_random(c, top - lo + 1);
}

gfp_t stress_gfp(struct stress_cpu *c)
{
	static const gfp_t thread[] = {
		GFP_KERNEL, GFP_KERNEL, GFP_KERNEL_ACCOUNT, GFP_USER,	GFP_HIGHUSER,
		GFP_NOFS,   GFP_NOIO,	GFP_ATOMIC,	    GFP_NOWAIT, GFP_HIGHUSER_MOVABLE};
	static const gfp_t irq[] = {GFP_ATOMIC, GFP_NOWAIT, GFP_NOWAIT | __GFP_MOVABLE};
	static const gfp_t more[] = {__GFP_RECLAIMABLE, __GFP_NORETRY, __GFP_RETRY_MAYFAIL,
				     __GFP_NOMEMALLOC,	__GFP_WRITE,   __GFP_HARDWALL};
	gfp_t gfp = c->in_irq ? irq[stress_random(c, ARRAY_SIZE(irq))]
			      : thread[stress_random(c, ARRAY_SIZE(thread))];

	if (stress_chance(c, 30))
		gfp |= more[stress_random(c, ARRAY_SIZE(more))];
	if (gfp & __GFP_RECLAIMABLE)
		gfp &= ~__GFP_MOVABLE;
	return gfp | __GFP_NOWARN;
}

/* ------------------------------------------------------------------ patterns and complaints */

void stress_bad(const struct stress_cpu *c, const char *fmt, ...)
{
	int n = __atomic_fetch_add(&stress.bad, 1, __ATOMIC_RELAXED);
	char text[160];
	va_list args;

	if (n >= MAX_PRINTED)
		return;
	va_start(args, fmt);
	quire_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pr_err("stress: cpu %u%s: %s\n", c ? c->cpu : port_cpu(), c && c->in_irq ? " (irq)" : "",
	       text);
}

u64 stress_key(struct stress_cpu *c, const void *p)
{
	return mix(stress_random(c, ~0UL) ^ (u64)(unsigned long)p);
}

/* So many bytes are all looked at. */
#define SMALL 512U
#define STRIDE (61UL * 8)

/* The byte after `at` that is looked at next. */
static size_t next_word(size_t at, size_t size)
{
	size_t last = ALIGN_DOWN(size - 8, 8);

	if (at < SMALL || (at & 0x7ff) < 64)
		return at + 8;
	return at < last ? min(at + STRIDE, last) : size;
}

static u8 pattern_byte(u64 key, size_t at)
{
	return (u8)(mix(key + at / 8) >> 8 * (at % 8));
}

void stress_fill(void *p, size_t size, u64 key)
{
	size_t at, last = ALIGN_DOWN(size, 8);
	u8 *byte = p;

	if ((unsigned long)p % 8) {
		for (at = 0; at < size; at++)
			byte[at] = pattern_byte(key, at);
		return;
	}
	for (at = 0; at + 8 <= size; at = next_word(at, size))
		*(u64 *)(byte + at) = mix(key + at / 8);
	for (at = last; at < size; at++)
		byte[at] = pattern_byte(key, at);
}

bool stress_check(const void *p, size_t size, u64 key)
{
	size_t at, last = ALIGN_DOWN(size, 8);
	const u8 *byte = p;

	if ((unsigned long)p % 8) {
		for (at = 0; at < size; at++)
			if (byte[at] != pattern_byte(key, at))
				return false;
		return true;
	}
	for (at = 0; at + 8 <= size; at = next_word(at, size))
		if (*(const u64 *)(byte + at) != mix(key + at / 8))
			return false;
	for (at = last; at < size; at++)
		if (byte[at] != pattern_byte(key, at))
			return false;
	return true;
}

bool stress_is_zero(const void *p, size_t size)
{
	size_t at, last = ALIGN_DOWN(size, 8);
	const u8 *byte = p;

	if ((unsigned long)p % 8)
		last = 0;
	else
		for (at = 0; at + 8 <= size; at = next_word(at, size))
			if (*(const u64 *)(byte + at))
				return false;
	for (at = last; at < size; at++)
		if (byte[at])
			return false;
	return true;
}

void stress_begin(struct stress_cpu *c, struct stress_object *o, void *p, size_t size, gfp_t gfp)
{
	o->p = p;
	o->size = size;
	if ((gfp & __GFP_ZERO) && !stress_is_zero(p, size))
		stress_bad(c, "%p: %lu bytes that should be zero are not", p, (unsigned long)size);
	o->key = stress_key(c, p);
	stress_fill(p, size, o->key);
}

bool stress_plain_check(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	return stress_check(o->p, o->size, o->key);
}

/* ------------------------------------------------------------------ one operation */

static void make(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long w = stress_random(c, stress.total_weight);
	unsigned int i = 0;

	while (w >= stress.kind[i].weight)
		w -= stress.kind[i++].weight;
	if (c->in_irq && !(stress.kind[i].flags & STRESS_IRQ))
		return;
	o->extra = 0;
	if (stress.kind[i].make(c, o)) {
		c->made[i]++;
		o->kind = &stress.kind[i];
	} else {
		c->refused[i]++;
	}
}

static void check(struct stress_cpu *c, struct stress_object *o)
{
	if (!o->kind->check(c, o))
		stress_bad(c, "%s: contents of %p (%lu bytes) are not what was written",
			   o->kind->name, o->p, (unsigned long)o->size);
}

static void drop(struct stress_cpu *c, struct stress_object *o)
{
	check(c, o);
	o->kind->drop(c, o);
	o->kind = NULL;
}

static void hand_over(struct stress_cpu *c, struct stress_object **slot)
{
	*slot = __atomic_exchange_n(&stress.mail[stress_random(c, STRESS_MAIL)], *slot,
				    __ATOMIC_ACQ_REL);
	c->handed++;
}

/* ---- in an interrupt of another CPU */

static void irq_work(void *arg)
{
	struct stress_cpu *c = &stress.irq[port_cpu()];
	struct stress_object *o = arg;

	c->operations++;
	if (!o->kind)
		make(c, o);
	else
		drop(c, o);
}

static void interrupt_someone(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long flags;
	unsigned int cpu;

	if (o->kind && !(o->kind->flags & STRESS_IRQ))
		return;
	cpu = stress.cpus[stress_random(c, stress.nr_cpus)].cpu;
	if (cpu == c->cpu) {
		flags = port_irq_save();
		irq_work(o);
		port_irq_restore(flags);
	} else if (smp_call_function_single(cpu, irq_work, o, true)) {
		stress_bad(c, "a cross call to CPU %u was refused", cpu);
	}
}

/* ---- what concerns all */

static void look_around(struct stress_cpu *c)
{
	struct zone *zone;
	unsigned long free = 0;

	for_each_populated_zone(zone)
	{
		(void)zone_free_blocks(zone, (unsigned int)stress_random(c, NR_PAGE_ORDERS));
		free += zone_page_state(zone, NR_FREE_PAGES);
	}
	if (free > totalram_pages() * 2)
		stress_bad(c, "%lu pages free of %lu", free, totalram_pages());
	vmstat_refresh();
	(void)global_node_page_state(NR_SLAB_UNRECLAIMABLE_B);
}

static void disturb(struct stress_cpu *c)
{
	switch (stress_random(c, 4)) {
	case 0:
		stress_page_disturb(c);
		break;
	case 1:
		stress_kmem_disturb(c);
		break;
	case 2:
		stress_map_disturb(c);
		break;
	default:
		look_around(c);
	}
}

static void operate(struct stress_cpu *c)
{
	struct stress_object **slot = &c->slot[stress_random(c, STRESS_SLOTS)];
	unsigned long what = stress_random(c, 1000);

	c->operations++;
	if (what < 3)
		disturb(c);
	else if (what < 33)
		interrupt_someone(c, *slot);
	else if (what < 163)
		hand_over(c, slot);
	else if (!(*slot)->kind)
		make(c, *slot);
	else if (what < 230)
		check(c, *slot);
	else if (what < 330 && (*slot)->kind->change)
		(*slot)->kind->change(c, *slot), c->changed++;
	else
		drop(c, *slot);
}

/* ------------------------------------------------------------------ phases */

/* ---- hoarding: one CPU takes nearly all there is, so that the others meet the end of memory */

/* In the block itself. */
struct hoard {
	struct hoard *next;
	unsigned int order;
};

static struct hoard *take_all(struct stress_cpu *c)
{
	struct hoard *first = NULL, *h;
	unsigned int order = MAX_PAGE_ORDER;

	for (;;) {
		h = (void *)__get_free_pages(GFP_NOWAIT, order);
		if (h) {
			*h = (struct hoard){first, order};
			first = h;
		} else if (!order--) {
			return first;
		}
	}
}

/* Everything, or some of it here and there. */
static struct hoard *let_go(struct stress_cpu *c, struct hoard *first, bool all)
{
	struct hoard *rest = NULL, *next;

	for (; first; first = next) {
		next = first->next;
		if (all || stress_chance(c, 5)) {
			free_pages((unsigned long)first, first->order);
			continue;
		}
		first->next = rest;
		rest = first;
	}
	return rest;
}

static void work(void *arg)
{
	struct stress_cpu *c = arg;
	bool hoards = stress.phase % 3 == 1 && c->cpu == stress.phase / 3 % stress.nr_cpus;
	struct hoard *hoard = hoards ? take_all(c) : NULL;
	unsigned int i;

	for (i = 0; i < stress.operations; i++) {
		operate(c);
		/* The first half is without, the second with ever larger holes. */
		if (hoard && i > stress.operations / 2 && i % (stress.operations / 16) == 0)
			hoard = let_go(c, hoard, false);
	}
	let_go(c, hoard, true);
}

static void give_all_back(void *arg)
{
	struct stress_cpu *c = arg;
	unsigned int i;

	for (i = 0; i < STRESS_SLOTS; i++)
		if (c->slot[i]->kind)
			drop(c, c->slot[i]);
	page_frag_cache_drain(&c->frag);
}

/*
 * Failures that the command line asks for (fail_page_alloc=, failslab=) come while the CPUs work, and at no other time: what makes the
 * stress itself, and what takes it apart, is not what is to be tried.
 */
static long page_failures, slab_failures;

static void hold_failures_back(void)
{
	page_failures = fail_page_alloc.times;
	slab_failures = failslab.times;
	fail_page_alloc.times = failslab.times = 0;
}

static void let_failures_come(void)
{
	fail_page_alloc.times = page_failures;
	failslab.times = slab_failures;
}

/* fn on every CPU, this one too; returns when all have. */
static void on_all(void (*fn)(void *arg))
{
	unsigned int i, self = 0;

	for (i = 0; i < stress.nr_cpus; i++) {
		if (stress.cpus[i].cpu == port_cpu())
			self = i;
		else if (smp_run_on(stress.cpus[i].cpu, fn, &stress.cpus[i]))
			stress_bad(NULL, "CPU %u does not take a job", stress.cpus[i].cpu);
	}
	fn(&stress.cpus[self]);
	for (i = 0; i < stress.nr_cpus; i++)
		if (i != self)
			smp_run_wait(stress.cpus[i].cpu);
}

/* With all CPUs quiet: every allocator's own check. */
static void check_everything(void)
{
	struct zone *zone;
	int bad = zone_check() + slab_check() + vmalloc_check() + pcpu_check() + cma_check() +
		  hotplug_check() + kernel_pgtable_check() + dma_check() + stress_kmem_check() +
		  movable_check_all() + mm_debug_check();

	for_each_populated_zone(zone) bad += buddy_check(zone) + pageset_check(zone);
	if (bad)
		stress_bad(NULL, "%d violations in the allocators' own checks", bad);
}

static void *table(size_t n, size_t size)
{
	return alloc_pages_exact(n * size, GFP_KERNEL | __GFP_ZERO);
}

static void free_table(void *p, size_t n, size_t size)
{
	if (p)
		free_pages_exact(p, n * size);
}

static unsigned int nr_objects(void)
{
	return stress.nr_cpus * STRESS_SLOTS + STRESS_MAIL;
}

static void release(void)
{
	free_table(stress.cpus, stress.nr_cpus, sizeof(*stress.cpus));
	free_table(stress.irq, nr_cpus_possible, sizeof(*stress.irq));
	free_table(stress.slot, (size_t)stress.nr_cpus * STRESS_SLOTS, sizeof(void *));
	vfree(stress.object);
}

static int prepare(const struct stress_options *options, u64 seed)
{
	unsigned int i, cpu;

	stress.nr_cpus = num_online_cpus();
	stress.cpus = table(stress.nr_cpus, sizeof(*stress.cpus));
	stress.irq = table(nr_cpus_possible, sizeof(*stress.irq));
	stress.slot = table((size_t)stress.nr_cpus * STRESS_SLOTS, sizeof(void *));
	stress.object = vzalloc(nr_objects() * sizeof(*stress.object));
	if (!stress.cpus || !stress.irq || !stress.slot || !stress.object) {
		release();
		return -ENOMEM;
	}
	i = 0;
	for_each_online_cpu(cpu)
	{
		struct stress_cpu *c = &stress.cpus[i];

		c->cpu = cpu;
		c->options = options;
		c->random = mix(seed + 2 * cpu);
		c->slot = stress.slot + (size_t)i * STRESS_SLOTS;
		stress.irq[cpu] = *c;
		stress.irq[cpu].random = mix(seed + 2 * cpu + 1);
		stress.irq[cpu].in_irq = true;
		i++;
	}
	for (i = 0; i < stress.nr_cpus * STRESS_SLOTS; i++)
		stress.slot[i] = &stress.object[i];
	for (i = 0; i < STRESS_MAIL; i++)
		stress.mail[i] = &stress.object[stress.nr_cpus * STRESS_SLOTS + i];
	return 0;
}

/* Everything that the allocators can give back. */
static void drain_everything(void)
{
	drain_all_pages(NULL);
	slab_drain_all();
	pcpu_shrink();
	vm_unmap_aliases();
	slab_drain_all();
	drain_all_pages(NULL);
}

static void report_kinds(void)
{
	unsigned int i, cpu;

	for (i = 0; i < stress.nr_kinds; i++) {
		unsigned long made = 0, refused = 0;

		for (cpu = 0; cpu < stress.nr_cpus; cpu++) {
			const struct stress_cpu *c = &stress.cpus[cpu], *irq = &stress.irq[c->cpu];

			made += c->made[i] + irq->made[i];
			refused += c->refused[i] + irq->refused[i];
		}
		pr_info("stress: %-16s %8lu got %8lu refused\n", stress.kind[i].name, made,
			refused);
	}
}

static void report_work(void)
{
	unsigned long ops = 0, handed = 0, irqs = 0;
	unsigned int cpu;

	for (cpu = 0; cpu < stress.nr_cpus; cpu++) {
		ops += stress.cpus[cpu].operations;
		irqs += stress.irq[stress.cpus[cpu].cpu].operations;
		handed += stress.cpus[cpu].handed;
	}
	pr_info("stress: %lu operations, %lu objects handed over, %lu in interrupts, %lu moved\n",
		ops, handed, irqs, movable_moved());
	if (fail_page_alloc.probability || failslab.probability)
		pr_info("stress: %lu blocks and %lu objects refused on purpose\n",
			fail_page_alloc.failed, failslab.failed);
}

/* From nothing to nothing. `phases` 0: until it has expired. */
static int cycle(const struct stress_options *options, u64 seed, unsigned int phases,
		 unsigned int operations, bool report)
{
	struct stress_cpu *first;
	unsigned int n, i;
	int err = prepare(options, seed);

	if (err)
		return err;
	stress.operations = operations;
	err = stress_kmem_init();
	if (!err) {
		err = stress_map_init(options);
		if (err)
			stress_kmem_exit();
	}
	if (err) {
		release();
		return err;
	}
	/* One at least. */
	for (n = 0; phases ? n < phases : !n || !options->expired(options->arg); n++) {
		stress.phase = n;
		let_failures_come();
		on_all(work);
		hold_failures_back();
		check_everything();
		if (stress.bad)
			break;
	}
	on_all(give_all_back);
	first = &stress.cpus[0];
	for (i = 0; i < STRESS_MAIL; i++)
		if (stress.mail[i]->kind)
			drop(first, stress.mail[i]);
	if (movable_count())
		stress_bad(NULL, "%u movable objects are left", movable_count());
	if (stress_map_exit())
		stress_bad(NULL, "hot-added memory does not go");
	stress_kmem_exit();
	check_everything();
	if (report && options->verbose)
		report_kinds();
	if (report)
		report_work();
	release();
	drain_everything();
	return 0;
}

/* ------------------------------------------------------------------ the account */

#define MAX_ZONES (MAX_NUMNODES * MAX_NR_ZONES)

struct account {
	unsigned long free[MAX_ZONES], cma[MAX_ZONES], managed[MAX_ZONES];
	unsigned long slab, vmalloc, percpu, tables, coherent;
};

static unsigned long vmalloc_tables(void)
{
	struct pgtable_stats s;
	unsigned long sum = 0;
	unsigned int i;

	kernel_pgtable_stats(va_layout.page_offset, -PAGE_SIZE, &s);
	for (i = 0; i < ARRAY_SIZE(s.table_pages); i++)
		sum += s.table_pages[i];
	return sum;
}

static void take_account(struct account *a)
{
	struct dma_stats dma;
	struct zone *zone;
	unsigned int i = 0;

	vmstat_refresh();
	for_each_zone(zone)
	{
		a->free[i] = zone_page_state(zone, NR_FREE_PAGES);
		a->cma[i] = zone_page_state(zone, NR_FREE_CMA_PAGES);
		a->managed[i++] = zone->managed_pages;
	}
	dma_get_stats(&dma);
	a->coherent = dma.coherent;
	a->slab = global_node_page_state(NR_SLAB_RECLAIMABLE_B) +
		  global_node_page_state(NR_SLAB_UNRECLAIMABLE_B);
	a->vmalloc = global_node_page_state(NR_VMALLOC);
	a->percpu = global_node_page_state(NR_PERCPU);
	a->tables = vmalloc_tables();
}

static void same(const char *what, unsigned long before, unsigned long after)
{
	if (before != after)
		stress_bad(NULL, "%s: %lu before, %lu after", what, before, after);
}

static void compare(const struct account *a, const struct account *b)
{
	long tables = (long)(b->tables - a->tables), missing = 0;
	struct zone *zone;
	unsigned int i = 0;

	for_each_zone(zone)
	{
		missing += (long)(a->free[i] - b->free[i]);
		if (!tables && a->free[i] != b->free[i])
			stress_bad(NULL, "node %d zone %s: %lu pages free before, %lu after",
				   zone_to_nid(zone), zone->name, a->free[i], b->free[i]);
		same("free pages of CMA areas", a->cma[i], b->cma[i]);
		same("managed pages", a->managed[i], b->managed[i]);
		i++;
	}
	if (tables && missing != tables)
		stress_bad(NULL, "%ld pages are missing, and there are %ld more tables", missing,
			   tables);
	else if (tables)
		pr_info("stress: %ld more tables of the vmalloc area\n", tables);
	same("pages of slabs", a->slab, b->slab);
	same("pages of vmalloc areas", a->vmalloc, b->vmalloc);
	same("pages of per-CPU chunks", a->percpu, b->percpu);
	same("coherent allocations", a->coherent, b->coherent);
}

/* ------------------------------------------------------------------ the run */

static void add_kinds(const struct stress_kind *k)
{
	for (; k->name; k++) {
		BUG_ON(stress.nr_kinds == STRESS_MAX_KINDS);
		stress.kind[stress.nr_kinds++] = *k;
		stress.total_weight += k->weight;
	}
}

int quire_stress(const struct stress_options *options)
{
	static struct account before, after;
	unsigned int operations = options->operations ? options->operations : DEFAULT_OPERATIONS;
	int err;

	memset(&stress, 0, sizeof(stress));
	add_kinds(stress_page_kinds);
	add_kinds(stress_kmem_kinds);
	add_kinds(stress_map_kinds);
	BUG_ON(!options->phases && !options->expired);
	pr_info("stress: seed %#llx, CPUs: %u\n", (unsigned long long)options->seed,
		num_online_cpus());
	hold_failures_back();
	err = cycle(options, mix(options->seed), 1, WARM_UP_OPERATIONS, false);
	if (!err && !stress.bad) {
		take_account(&before);
		err = cycle(options, options->seed, options->phases, operations, true);
		take_account(&after);
	}
	if (err) {
		let_failures_come();
		pr_err("stress: no memory for its own tables (%d)\n", err);
		return err;
	}
	if (!stress.bad)
		compare(&before, &after);
	check_everything();
	let_failures_come();
	if (stress.bad)
		pr_err("stress: FAILED: %d violations, seed %#llx\n", stress.bad,
		       (unsigned long long)options->seed);
	else
		pr_info("stress: passed: all memory is back, seed %#llx\n",
			(unsigned long long)options->seed);
	return stress.bad;
}

/* ------------------------------------------------------------------ for the walk over failures (fail_walk.c) */

static struct account walk_before, walk_after;

void stress_account_begin(void)
{
	drain_everything();
	take_account(&walk_before);
}

int stress_account_end(void)
{
	drain_everything();
	take_account(&walk_after);
	compare(&walk_before, &walk_after);
	check_everything();
	return stress.bad;
}

void stress_forget(void)
{
	memset(&stress, 0, sizeof(stress));
	drain_everything();
}
