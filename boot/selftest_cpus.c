// SPDX-License-Identifier: MIT
/*
 * The part of quire.selftest that needs more than one CPU: calls, per-CPU areas, TLB maintenance, locks, allocation from all
 * CPUs at once. Run by the boot CPU; the others do what smp_run_on gives them, and nothing of them is left when it ends.
 *
 * Nothing here depends on how fast a CPU is: one that has not done its part within a time that is more than enough fails the
 * check.
 */
#include <quire/gfp.h>
#include <quire/mm_init.h>
#include <quire/percpu.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/spinlock.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "selftest.h"

#define fail selftest_fail
#define ENOUGH_NS 20000000000ULL

struct on_cpu {
	unsigned int calls, cpu;
	bool irqs_off;
	unsigned long address;
};
static DEFINE_PER_CPU(struct on_cpu, on_cpu);

/* Wait for *p to be at least n. False: it has not come to that. */
static bool comes_to(const unsigned int *p, unsigned int n)
{
	u64 start = port_time_ns();

	while (__atomic_load_n(p, __ATOMIC_ACQUIRE) < n) {
		if (port_time_ns() - start > ENOUGH_NS)
			return false;
		port_cpu_relax();
	}
	return true;
}

/* fn(arg) as the job of every other CPU; and, if here, of this one. Returns when all have ended. */
static const char *run_on_all(void (*fn)(void *arg), void *arg, bool here)
{
	const char *result = NULL;
	unsigned int cpu;

	for_each_online_cpu(cpu)
	{
		int err = cpu == port_cpu() ? 0 : smp_run_on(cpu, fn, arg);

		if (err)
			result = fail("CPU%u takes no job: %d", cpu, err);
	}
	if (here)
		fn(arg);
	for_each_online_cpu(cpu) smp_run_wait(cpu);
	return result;
}

/* ------------------------------------------------------------------ calls */

static void note_call(void *arg)
{
	struct on_cpu *c = this_cpu_ptr(&on_cpu);

	c->cpu = port_cpu();
	c->irqs_off = port_irqs_disabled();
	__atomic_fetch_add(&c->calls, 1, __ATOMIC_RELEASE);
	if (arg)
		__atomic_fetch_add((unsigned int *)arg, 1, __ATOMIC_RELEASE);
}

const char *cpus_answer_calls(void)
{
	unsigned int cpu, n = 0, answers = 0;
	int err;

	for_each_online_cpu(cpu)
	{
		struct on_cpu *c = &per_cpu(on_cpu, cpu);

		c->calls = 0;
		err = smp_call_function_single(cpu, note_call, NULL, true);
		if (err || c->calls != 1 || c->cpu != cpu)
			return fail("CPU%u: %d, %u answers, from CPU%u", cpu, err, c->calls,
				    c->cpu);
		if (!c->irqs_off)
			return fail("CPU%u ran the call with interrupts on", cpu);
		n++;
	}
	if (n != num_online_cpus())
		return fail("%u CPUs are online, counted %u", n, num_online_cpus());
	on_each_cpu(note_call, &answers, true);
	if (answers != n)
		return fail("%u of %u CPUs answered when the call to all returned", answers, n);
	on_each_cpu(note_call, &answers, false);
	if (!comes_to(&answers, 2 * n))
		return fail("a call that nobody waits for was lost");
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		if (!cpu_online(cpu) &&
		    smp_call_function_single(cpu, note_call, NULL, true) != -ENODEV)
			return fail("CPU%u is not online, but takes calls", cpu);
	return NULL;
}

#define CALLS_EACH 25U
static unsigned int answers_to_all;

static void call_everybody(void *arg)
{
	unsigned int i, cpu;

	for (i = 0; i < CALLS_EACH; i++) {
		on_each_cpu(note_call, &answers_to_all, i % 3 != 0);
		for_each_online_cpu(cpu)
			smp_call_function_single(cpu, note_call, &answers_to_all, i % 2);
		smp_membarrier();
	}
}

const char *cpus_call_each_other(void)
{
	unsigned int n = num_online_cpus(), want = 2 * n * n * CALLS_EACH;
	const char *result;

	answers_to_all = 0;
	result = run_on_all(call_everybody, NULL, true);
	if (!result && !comes_to(&answers_to_all, want))
		result = fail("%u of %u calls were answered", answers_to_all, want);
	if (!result && answers_to_all != want)
		result = fail("%u calls were answered, %u made", answers_to_all, want);
	return result;
}

/* ------------------------------------------------------------------ memory */

static void note_address(void *arg)
{
	struct on_cpu *c = this_cpu_ptr(&on_cpu);

	c->address = (unsigned long)c;
	c->cpu = port_cpu();
}

const char *cpus_have_areas_of_their_own(void)
{
	unsigned int cpu, other;

	on_each_cpu(note_address, NULL, true);
	for_each_online_cpu(cpu)
	{
		struct on_cpu *c = &per_cpu(on_cpu, cpu);

		if (c->cpu != cpu || c->address != (unsigned long)c)
			return fail("CPU%u uses the area at 0x%lx as CPU%u, its own is at 0x%lx",
				    cpu, c->address, c->cpu, (unsigned long)c);
		for (other = 0; other < cpu; other++)
			if (per_cpu_offset(other) == per_cpu_offset(cpu))
				return fail("CPU%u and CPU%u share an area", other, cpu);
	}
	return NULL;
}

/* A CPU reads a page again and again, so that its TLB holds it, until it may not any more. */
static struct {
	const u64 *page;
	unsigned int reads, gone;
	bool stale, faulted;
} look;

static int op_look(void *arg)
{
	unsigned int gone;

	do {
		gone = __atomic_load_n(&look.gone, __ATOMIC_ACQUIRE);
		(void)READ_ONCE(*look.page);
		__atomic_fetch_add(&look.reads, 1, __ATOMIC_RELEASE);
	} while (!gone);
	look.stale = true;
	return 0;
}

static void keep_looking(void *arg)
{
	unsigned long kva = port_ptr_to_kva(look.page);
	u64 esr, far = 0;

	/* In a process faults are those of the software MMU. */
	if ((void *)kva != look.page) {
		__atomic_fetch_add(&look.reads, 1, __ATOMIC_RELEASE);
		if (comes_to(&look.gone, 1))
			look.stale = !(port_at_s1e1(kva, false) & 1);
		return;
	}
	look.faulted = port_expect_fault(op_look, NULL, &esr, &far) && far == kva;
}

const char *cpus_see_unmapping(void)
{
	unsigned int cpu;
	void *page;
	int err;

	for_each_online_cpu(cpu)
	{
		if (cpu == port_cpu())
			continue;
		page = vmalloc(PAGE_SIZE);
		if (!page)
			return fail("no memory");
		memset(&look, 0, sizeof(look));
		look.page = page;
		err = smp_run_on(cpu, keep_looking, NULL);
		if (err || !comes_to(&look.reads, 1))
			return fail("CPU%u does not read: %d", cpu, err);
		vfree(page);
		vm_unmap_aliases();
		__atomic_store_n(&look.gone, 1, __ATOMIC_RELEASE);
		smp_run_wait(cpu);
		if (look.stale)
			return fail("CPU%u reads what is unmapped", cpu);
	}
	return NULL;
}

/*
 * The other CPUs read pages all over the linear map's blocks, while these are split by protecting one page of each; a CPU that meets
 * the gap faults, and the run ends there.
 */
#define SPLITS 16U
static struct {
	const u64 *page[SPLITS];
	unsigned int nr, ready, done;
	u64 sum;
} spread;

static void read_spread(void *arg)
{
	u64 sum = 0;
	unsigned int i;

	__atomic_fetch_add(&spread.ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&spread.done, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < spread.nr; i++)
			sum += READ_ONCE(*spread.page[i]);
		/* In a process this is where it can be interrupted. */
		port_cpu_relax();
	}
	__atomic_fetch_add(&spread.sum, sum, __ATOMIC_RELAXED);
}

const char *splitting_is_not_noticed(void)
{
	const char *result = NULL;
	unsigned int cpu, i, n = 0;
	struct page *block[SPLITS] = {0};

	memset(&spread, 0, sizeof(spread));
	/* Two pages of each block: one is read, the other changes. */
	for (i = 0; i < SPLITS; i++) {
		block[i] = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
		if (!block[i])
			break;
		spread.page[i] = page_address(block[i]);
		memset(page_address(block[i]), 0, PAGE_SIZE);
	}
	spread.nr = i;
	for_each_online_cpu(cpu)
	{
		if (cpu == port_cpu())
			continue;
		n++;
		if (smp_run_on(cpu, read_spread, NULL))
			result = fail("CPU%u takes no job", cpu);
	}
	if (!result && !comes_to(&spread.ready, n))
		result = fail("a CPU does not read");
	for (i = 0; i < spread.nr && !result; i++) {
		unsigned long kva = port_ptr_to_kva(spread.page[i]) + 5 * PAGE_SIZE;

		if (kernel_protect(kva, PAGE_SIZE, PAGE_KERNEL_RO) ||
		    kernel_protect(kva, PAGE_SIZE, PAGE_KERNEL))
			result = fail("0x%lx cannot be protected", kva);
	}
	__atomic_store_n(&spread.done, 1, __ATOMIC_RELEASE);
	for_each_online_cpu(cpu) smp_run_wait(cpu);
	if (!result && spread.sum)
		result = fail("something else than 0 was read");
	for (i = 0; i < spread.nr; i++)
		__free_pages(block[i], MAX_PAGE_ORDER);
	return result;
}

/* ------------------------------------------------------------------ locks */

static spinlock_t lock = SPINLOCK_INIT;
#define ROUNDS 300U
static unsigned int entered; /* plain: the lock guards it */
static unsigned int inside;

static void enter_often(void *arg)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		unsigned long flags = spin_lock_irqsave(&lock);

		if (__atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED))
			__atomic_store_n((bool *)arg, true, __ATOMIC_RELAXED);
		entered++;
		__atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED);
		spin_unlock_irqrestore(&lock, flags);
	}
}

const char *locks_exclude(void)
{
	bool together = false;
	const char *result;

	entered = 0;
	result = run_on_all(enter_often, &together, true);
	if (!result && together)
		result = fail("two CPUs held it at once");
	if (!result && entered != ROUNDS * num_online_cpus())
		result = fail("%u entries were counted of %u", entered, ROUNDS * num_online_cpus());
	if (!result && lock.word)
		result = fail("it is 0x%x when nobody has it", lock.word);
	return result;
}

static unsigned int order[NR_CPUS], nr_served;

static void queue_up(void *arg)
{
	spin_lock(&lock);
	order[nr_served++] = port_cpu();
	spin_unlock(&lock);
}

/* The others come one after the other while it is held; they are served in that order. */
const char *locks_are_fair(void)
{
	const char *result = NULL;
	unsigned int cpu, n = 0;
	u64 start;

	nr_served = 0;
	spin_lock(&lock);
	for_each_online_cpu(cpu)
	{
		if (cpu == port_cpu() || result)
			continue;
		if (smp_run_on(cpu, queue_up, NULL))
			result = fail("CPU%u takes no job", cpu);
		n++;
		start = port_time_ns();
		while (spin_waiters(&lock) != n && !result) {
			if (port_time_ns() - start > ENOUGH_NS)
				result = fail("CPU%u does not queue up", cpu);
			port_cpu_relax();
		}
	}
	/* Free, but not for whoever comes by. */
	if (!result && spin_trylock(&lock))
		result = fail("a trylock overtook those that wait");
	spin_unlock(&lock);
	for_each_online_cpu(cpu) smp_run_wait(cpu);
	for (n = 0, cpu = 0; cpu < NR_CPUS && !result; cpu++) {
		if (!cpu_online(cpu) || cpu == port_cpu())
			continue;
		if (order[n] != cpu)
			result = fail("CPU%u was served as number %u, CPU%u should be", order[n], n,
				      cpu);
		n++;
	}
	return result;
}

/* ------------------------------------------------------------------ interrupts */

#define COPIES 60U
static unsigned int copying;

static void copy_in_call(void *arg)
{
	u8 a[96], b[96];

	memset(a, 0xa5, sizeof(a));
	memcpy(b, a, sizeof(b));
	__atomic_fetch_add((unsigned int *)arg, b[95] == 0xa5, __ATOMIC_RELEASE);
}

/* Copies and compares while calls come that copy, too. */
static void copy_often(void *arg)
{
	u8 from[160], to[160];
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(from); i++)
		from[i] = (u8)(i * 7 + port_cpu());
	while (__atomic_load_n(&copying, __ATOMIC_ACQUIRE)) {
		memset(to, (int)n++, sizeof(to));
		memcpy(to, from, sizeof(to));
		for (i = 0; i < sizeof(to); i++)
			if (to[i] != (u8)(i * 7 + port_cpu()))
				__atomic_store_n((bool *)arg, true, __ATOMIC_RELAXED);
		port_cpu_relax();
	}
}

const char *interrupts_keep_registers(void)
{
	unsigned int i, cpu, n = 0, answers = 0;
	const char *result = NULL;
	bool broken = false;

	__atomic_store_n(&copying, 1, __ATOMIC_RELEASE);
	for_each_online_cpu(cpu)
	{
		if (cpu == port_cpu())
			continue;
		n++;
		if (smp_run_on(cpu, copy_often, &broken))
			result = fail("CPU%u takes no job", cpu);
	}
	for (i = 0; i < COPIES && !result; i++)
		on_each_cpu(copy_in_call, &answers, true);
	__atomic_store_n(&copying, 0, __ATOMIC_RELEASE);
	for_each_online_cpu(cpu) smp_run_wait(cpu);
	if (!result && broken)
		result = fail("a copy that was interrupted went wrong");
	if (!result && answers != COPIES * (n + 1))
		result =
			fail("%u of %u copies in interrupts were right", answers, COPIES * (n + 1));
	return result;
}

/* ------------------------------------------------------------------ allocation */

#define HELD 32U
#define TURNS 400U

struct holding {
	u64 *p;
	size_t words;
	unsigned int kind;
};

static const char *volatile allocation_failure;

static u64 mark_of(unsigned int slot, unsigned int turn)
{
	return (u64)port_cpu() << 32 | slot << 16 | turn;
}

static bool take(struct holding *h, unsigned int kind, unsigned int n)
{
	h->kind = kind;
	switch (kind) {
	case 0:
	case 1:
		h->words = 1UL << n % 10;
		h->p = kmalloc(h->words * sizeof(u64), GFP_KERNEL);
		break;
	case 2:
		h->words = PAGE_SIZE / sizeof(u64);
		h->p = (u64 *)__get_free_pages(GFP_KERNEL, 0);
		break;
	default:
		h->words = (1 + n % 3) * PAGE_SIZE / sizeof(u64);
		h->p = vmalloc(h->words * sizeof(u64));
		break;
	}
	return h->p != NULL;
}

static void give_back(struct holding *h)
{
	if (h->kind < 2)
		kfree(h->p);
	else if (h->kind == 2)
		free_pages((unsigned long)h->p, 0);
	else
		vfree(h->p);
	h->p = NULL;
}

static void allocate_often(void *arg)
{
	struct holding held[HELD] = {0};
	u64 marks[HELD] = {0}, seed = port_cpu() * 0x9e3779b97f4a7c15ULL + 1;
	unsigned int turn, i;

	for (turn = 0; turn < TURNS + HELD; turn++) {
		struct holding *h;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		i = turn < TURNS ? (unsigned int)(seed >> 33) % HELD : turn - TURNS;
		h = &held[i];
		if (h->p) {
			if (h->p[0] != marks[i] || h->p[h->words - 1] != marks[i])
				allocation_failure = "what was written is not kept";
			give_back(h);
		} else if (turn < TURNS) {
			if (!take(h,
				  (unsigned int)(seed >> 40) % 8 < 7
					  ? (unsigned int)(seed >> 50) % 3
					  : 3,
				  (unsigned int)(seed >> 44) & 0xff)) {
				allocation_failure = "no memory";
				continue;
			}
			marks[i] = mark_of(i, turn);
			h->p[0] = h->p[h->words - 1] = marks[i];
		}
	}
}

static void give_all_back(void)
{
	vm_unmap_aliases();
	slab_drain_all();
	drain_all_pages(NULL);
}

const char *cpus_allocate_at_once(void)
{
	unsigned long before, after;
	const char *result;

	/* What comes to stay with the first use is there before. */
	allocation_failure = NULL;
	result = run_on_all(allocate_often, NULL, true);
	give_all_back();
	before = nr_free_pages();
	if (!result)
		result = run_on_all(allocate_often, NULL, true);
	give_all_back();
	after = nr_free_pages();
	if (!result && allocation_failure)
		result = fail("%s", allocation_failure);
	if (!result && after != before)
		result = fail("%lu pages are free afterwards, %lu were", after, before);
	return result;
}
