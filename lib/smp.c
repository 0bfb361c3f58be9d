// SPDX-License-Identifier: MIT
/*
 * CPUs that are up, and making another one do something. See <quire/smp.h>.
 *
 * Cross calls. Every CPU has one call on its way at most, in its own per-CPU variable; a receiver has one bit for each CPU
 * that may have a call for it. Nothing is allocated, and no lock is taken:
 *
 *	sender (interrupts off)				receiver (interrupts off)
 *	wait until pending = 0 (my last call)
 *	fn, arg; pending = number of receivers
 *	for each: set my bit in its `from`, IPI		from = 0: the bits that were set
 *	(interrupts as before)				for each: read fn, arg; run fn
 *	wait until pending = 0				pending - 1
 *
 * A call that nobody waits for is taken off (pending - 1) before fn runs. Who waits, here or for the last call to be through, takes
 * calls that come in meanwhile, so CPUs that call each other at once get on, with interrupts on or off.
 *
 * Invariants: pending of a CPU = the number of its bits in all `from` words, plus what receivers have taken and not finished.
 *
 * Jobs (smp_run_on): JOB_NONE -> JOB_BEING_SET (by one caller) -> JOB_READY -> JOB_NONE (by the CPU itself).
 *
 * Against Linux: there a call is a structure on the caller's stack or one of N x N per-CPU ones, in a list at the receiver.
 * One call a CPU at a time serialises only calls of one CPU that nobody waits for.
 */
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/spinlock.h>

#define CPU_WORDS (NR_CPUS / 64)

/* An answer that takes this long is reported, and waited for on (Linux: csd_lock_timeout). */
#define ANSWER_NS 5000000000ULL
/* A job may take its time. */
#define JOB_NS 60000000000ULL
#define STOP_NS 100000000ULL
#define TURNS_A_LOOK 0x3ffU

enum job_state { JOB_NONE, JOB_BEING_SET, JOB_READY };

struct smp_cpu {
	/* As a receiver. */
	u64 from[CPU_WORDS];
	/* As a sender. */
	void (*fn)(void *arg);
	void *arg;
	bool wait;
	unsigned int pending;
	/* What its thread is to do. */
	enum job_state job;
	void (*job_fn)(void *arg);
	void *job_arg;
};

static DEFINE_PER_CPU_ALIGNED(struct smp_cpu, smp_cpu);
unsigned long __per_cpu_offset[NR_CPUS];

static u64 online_mask[CPU_WORDS] = {1};
static unsigned int nr_online = 1;

/* 1 + the CPU that ends the machine; 0: none does. */
static unsigned int ending;
static unsigned int nr_stopped;

static struct smp_cpu *state_of(unsigned int cpu)
{
	return per_cpu_ptr(&smp_cpu, cpu);
}

bool cpu_online(unsigned int cpu)
{
	return cpu < NR_CPUS &&
	       (__atomic_load_n(&online_mask[cpu / 64], __ATOMIC_RELAXED) >> cpu % 64 & 1);
}

unsigned int num_online_cpus(void)
{
	return __atomic_load_n(&nr_online, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ waiting */

static struct {
	unsigned int by; /* 1 + the CPU that holds the others; 0: none does */
	unsigned int on; /* they are to stay */
	unsigned int nr; /* that stay */
} hold;

void smp_hold_point(void)
{
	if (likely(!__atomic_load_n(&hold.on, __ATOMIC_RELAXED)) ||
	    __atomic_load_n(&hold.by, __ATOMIC_RELAXED) == port_cpu() + 1)
		return;
	__atomic_fetch_add(&hold.nr, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&hold.on, __ATOMIC_ACQUIRE))
		port_cpu_relax();
	__atomic_fetch_sub(&hold.nr, 1, __ATOMIC_RELEASE);
}

struct patience {
	unsigned int turns;
	u64 since, limit;
};

/* Once a turn of a loop that waits. True when the limit has passed, again and again. */
static bool out_of_patience(struct patience *p)
{
	u64 now;

	smp_hold_point();
	port_cpu_relax();
	if (++p->turns & TURNS_A_LOOK)
		return false;
	now = port_time_ns();
	if (!p->since) {
		p->since = now;
		return false;
	}
	if (now - p->since < p->limit)
		return false;
	p->since = now;
	return true;
}

/* ------------------------------------------------------------------ cross calls */

/* Run what other CPUs want of this one. Interrupts are off. */
static void take_calls(void)
{
	struct smp_cpu *me = this_cpu_ptr(&smp_cpu);
	unsigned int w;

	for (w = 0; w < DIV_ROUND_UP(nr_cpus_possible, 64); w++) {
		u64 bits;

		if (!__atomic_load_n(&me->from[w], __ATOMIC_RELAXED))
			continue;
		bits = __atomic_exchange_n(&me->from[w], 0, __ATOMIC_ACQUIRE);
		for (; bits; bits &= bits - 1) {
			struct smp_cpu *from = state_of(w * 64 + (unsigned int)__ffs(bits));
			void (*fn)(void *arg) = from->fn;
			void *arg = from->arg;

			if (from->wait) {
				fn(arg);
				__atomic_fetch_sub(&from->pending, 1, __ATOMIC_RELEASE);
			} else {
				__atomic_fetch_sub(&from->pending, 1, __ATOMIC_RELEASE);
				fn(arg);
			}
		}
	}
}

/* Calls for CPUs that went down before they saw them: nobody will run them. */
static void withdraw_from_offline(struct smp_cpu *me)
{
	const unsigned int self = port_cpu();
	const u64 bit = 1ULL << self % 64;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		if (cpu_online(cpu))
			continue;
		if (__atomic_fetch_and(&state_of(cpu)->from[self / 64], ~bit, __ATOMIC_ACQUIRE) &
		    bit)
			__atomic_fetch_sub(&me->pending, 1, __ATOMIC_RELEASE);
	}
}

static void report_unanswered(const struct smp_cpu *me)
{
	const unsigned int self = port_cpu();
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		if (__atomic_load_n(&state_of(cpu)->from[self / 64], __ATOMIC_RELAXED) >>
			    self % 64 &
		    1)
			pr_emerg("smp: CPU%u has not answered CPU%u's call of %pS for %llu s\n",
				 cpu, self, (void *)(unsigned long)me->fn, ANSWER_NS / 1000000000);
	}
}

/* Until this CPU's last call is through. */
static void wait_until_through(struct smp_cpu *me)
{
	struct patience p = {.limit = ANSWER_NS};
	unsigned long flags;

	while (__atomic_load_n(&me->pending, __ATOMIC_ACQUIRE)) {
		flags = port_irq_save();
		take_calls();
		port_irq_restore(flags);
		if (out_of_patience(&p))
			report_unanswered(me);
		if (!(p.turns & TURNS_A_LOOK))
			withdraw_from_offline(me);
	}
}

/*
 * Interrupts are off. The call is on its way when it returns. `only`: one CPU, else (NR_CPUS) all that are online but this.
 */
static void send_call(struct smp_cpu *me, unsigned int only, void (*fn)(void *arg), void *arg,
		      bool wait)
{
	const unsigned int self = port_cpu();
	const u64 bit = 1ULL << self % 64;
	u64 to[CPU_WORDS];
	unsigned int w, n = 0;

	wait_until_through(me);
	for (w = 0; w < CPU_WORDS; w++) {
		to[w] = __atomic_load_n(&online_mask[w], __ATOMIC_RELAXED);
		if (w == self / 64)
			to[w] &= ~bit;
		if (only != NR_CPUS)
			to[w] &= w == only / 64 ? 1ULL << only % 64 : 0;
		n += (unsigned int)__builtin_popcountll(to[w]);
	}
	if (!n)
		return;
	me->fn = fn;
	me->arg = arg;
	me->wait = wait;
	__atomic_store_n(&me->pending, n, __ATOMIC_RELAXED);
	for (w = 0; w < CPU_WORDS; w++) {
		for (; to[w]; to[w] &= to[w] - 1) {
			unsigned int cpu = w * 64 + (unsigned int)__ffs(to[w]);

			__atomic_fetch_or(&state_of(cpu)->from[self / 64], bit, __ATOMIC_RELEASE);
			port_send_ipi(cpu);
		}
	}
}

int smp_call_function_single(unsigned int cpu, void (*fn)(void *arg), void *arg, bool wait)
{
	unsigned long flags;
	struct smp_cpu *me;

	WARN_ON_ONCE(wait && port_irqs_disabled());
	if (!cpu_online(cpu))
		return -ENODEV;
	flags = port_irq_save();
	me = this_cpu_ptr(&smp_cpu);
	if (cpu == port_cpu()) {
		fn(arg);
		wait = false;
	} else {
		send_call(me, cpu, fn, arg, wait);
	}
	port_irq_restore(flags);
	if (wait)
		wait_until_through(me);
	return 0;
}

void on_each_cpu(void (*fn)(void *arg), void *arg, bool wait)
{
	unsigned long flags;
	struct smp_cpu *me;

	WARN_ON_ONCE(wait && num_online_cpus() > 1 && port_irqs_disabled());
	flags = port_irq_save();
	me = this_cpu_ptr(&smp_cpu);
	send_call(me, NR_CPUS, fn, arg, wait);
	fn(arg);
	port_irq_restore(flags);
	if (wait)
		wait_until_through(me);
}

void smp_handle_ipi(void)
{
	/* Taking an interrupt orders nothing by itself, and whoever sent it may want just that. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(smp_ended_elsewhere())) {
		__atomic_fetch_add(&nr_stopped, 1, __ATOMIC_RELEASE);
		port_cpu_stop();
	}
	smp_hold_point();
	take_calls();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void barrier_call(void *arg)
{
	(void)arg;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * The fence comes before the look at who is online, and smp_cpu_up has one after it says so: a CPU that is not seen here sees
 * what this one wrote before.
 */
void smp_membarrier(void)
{
	unsigned long flags;
	struct smp_cpu *me;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (num_online_cpus() == 1 || port_membarrier())
		return;
	flags = port_irq_save();
	me = this_cpu_ptr(&smp_cpu);
	send_call(me, NR_CPUS, barrier_call, NULL, true);
	port_irq_restore(flags);
	wait_until_through(me);
}

/* ------------------------------------------------------------------ holding */

/*
 * Each of the others comes to its hold point: by the IPI, or, with interrupts off, where it waits for a lock or for a CPU. A CPU that
 * is on its way out of one hold may fall into the next: it is counted out before `on` can be set again.
 */
unsigned long smp_hold_others(void)
{
	const unsigned int me = port_cpu() + 1, others = num_online_cpus() - 1;
	unsigned long flags = port_irq_save();
	struct patience p = {.limit = ANSWER_NS};
	unsigned int nobody = 0, cpu;

	if (!others)
		return flags;
	while (!__atomic_compare_exchange_n(&hold.by, &nobody, me, true, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		nobody = 0;
		smp_hold_point();
		port_cpu_relax();
	}
	__atomic_store_n(&hold.on, 1, __ATOMIC_RELEASE);
	for_each_online_cpu(cpu) if (cpu != port_cpu()) port_send_ipi(cpu);
	while (__atomic_load_n(&hold.nr, __ATOMIC_ACQUIRE) != others)
		if (out_of_patience(&p))
			pr_emerg("smp: CPU%u waits for %u of %u other CPUs to hold still\n",
				 port_cpu(), others - hold.nr, others);
	return flags;
}

void smp_release_others(unsigned long flags)
{
	if (__atomic_load_n(&hold.by, __ATOMIC_RELAXED) == port_cpu() + 1) {
		__atomic_store_n(&hold.on, 0, __ATOMIC_RELEASE);
		while (__atomic_load_n(&hold.nr, __ATOMIC_ACQUIRE))
			port_cpu_relax();
		__atomic_store_n(&hold.by, 0, __ATOMIC_RELEASE);
	}
	port_irq_restore(flags);
}

/* ------------------------------------------------------------------ coming and going */

void smp_cpu_up(unsigned int cpu)
{
	const u64 bit = 1ULL << cpu % 64;

	if (__atomic_fetch_or(&online_mask[cpu / 64], bit, __ATOMIC_SEQ_CST) & bit)
		return;
	__atomic_fetch_add(&nr_online, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A call that came before is run; one that a sender is just about to send is withdrawn by that sender. */
void smp_cpu_down(unsigned int cpu)
{
	const u64 bit = 1ULL << cpu % 64;
	unsigned long flags;

	if (!(__atomic_fetch_and(&online_mask[cpu / 64], ~bit, __ATOMIC_SEQ_CST) & bit))
		return;
	__atomic_fetch_sub(&nr_online, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = port_irq_save();
	take_calls();
	port_irq_restore(flags);
}

/* ------------------------------------------------------------------ jobs */

int smp_run_on(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	enum job_state none = JOB_NONE;
	struct smp_cpu *c;

	if (cpu == port_cpu() || !cpu_online(cpu))
		return -ENODEV;
	c = state_of(cpu);
	if (!__atomic_compare_exchange_n(&c->job, &none, JOB_BEING_SET, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return -EBUSY;
	c->job_fn = fn;
	c->job_arg = arg;
	__atomic_store_n(&c->job, JOB_READY, __ATOMIC_RELEASE);
	port_send_ipi(cpu);
	return 0;
}

void smp_run_wait(unsigned int cpu)
{
	struct patience p = {.limit = JOB_NS};
	unsigned long flags;
	struct smp_cpu *c;

	if (cpu >= nr_cpus_possible || cpu == port_cpu())
		return;
	c = state_of(cpu);
	while (__atomic_load_n(&c->job, __ATOMIC_ACQUIRE) != JOB_NONE) {
		/* Where calls come by looking for them, this is a place to look. */
		flags = port_irq_save();
		take_calls();
		port_irq_restore(flags);
		if (out_of_patience(&p))
			pr_warn("smp: CPU%u has been running %pS for %llu s and more\n", cpu,
				(void *)(unsigned long)c->job_fn, JOB_NS / 1000000000);
	}
}

static void run_job(struct smp_cpu *me)
{
	if (__atomic_load_n(&me->job, __ATOMIC_ACQUIRE) != JOB_READY)
		return;
	me->job_fn(me->job_arg);
	__atomic_store_n(&me->job, JOB_NONE, __ATOMIC_RELEASE);
}

void smp_idle(void)
{
	struct smp_cpu *me = this_cpu_ptr(&smp_cpu);

	for (;;) {
		unsigned long flags = port_irq_save();

		/* Set before the IPI that ends port_cpu_idle: no wake-up is lost. */
		if (__atomic_load_n(&me->job, __ATOMIC_RELAXED) != JOB_READY)
			port_cpu_idle();
		port_irq_restore(flags);
		run_job(me);
	}
}

/* ------------------------------------------------------------------ the end */

bool smp_claim_end(void)
{
	const unsigned int me = port_cpu() + 1;
	unsigned int nobody = 0;

	return __atomic_compare_exchange_n(&ending, &nobody, me, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST) ||
	       nobody == me;
}

bool smp_ended_elsewhere(void)
{
	const unsigned int by = __atomic_load_n(&ending, __ATOMIC_RELAXED);

	return by && by != port_cpu() + 1;
}

unsigned int smp_stop_others(void)
{
	const unsigned int self = port_cpu();
	unsigned int cpu, others = 0;
	u64 start = port_time_ns();

	for_each_online_cpu(cpu)
	{
		if (cpu == self)
			continue;
		others++;
		port_send_ipi(cpu);
	}
	while (__atomic_load_n(&nr_stopped, __ATOMIC_ACQUIRE) < others &&
	       port_time_ns() - start < STOP_NS)
		port_cpu_relax();
	return others - min(__atomic_load_n(&nr_stopped, __ATOMIC_ACQUIRE), others);
}

/* ------------------------------------------------------------------ check */

int smp_check(void)
{
	unsigned int cpu, w, n = 0, calls = 0, pending = 0;
	int bad = 0;

	for (w = 0; w < CPU_WORDS; w++)
		n += (unsigned int)__builtin_popcountll(online_mask[w]);
	if (n != nr_online) {
		pr_err("smp: %u CPUs are online, counted %u\n", n, nr_online);
		bad++;
	}
	for_each_possible_cpu(cpu)
	{
		const struct smp_cpu *c = state_of(cpu);

		for (w = 0; w < CPU_WORDS; w++)
			calls += (unsigned int)__builtin_popcountll(c->from[w]);
		pending += c->pending;
		if (c->job != JOB_NONE && cpu != port_cpu()) {
			pr_err("smp: CPU%u has a job in state %d\n", cpu, (int)c->job);
			bad++;
		}
	}
	if (hold.by || hold.on || hold.nr) {
		pr_err("smp: CPU%u holds %u others\n", hold.by - 1, hold.nr);
		bad++;
	}
	if (calls || pending) {
		pr_err("smp: %u calls at receivers, %u at senders\n", calls, pending);
		bad++;
	}
	return bad;
}
