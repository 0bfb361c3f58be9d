// SPDX-License-Identifier: MIT
/*
 * CPUs that are up, and making another one do something. See <quire/smp.h>.
 *
 * Cross calls. Every CPU has two calls on their way at most, in its own per-CPU variable: one that it waits for, one that it
 * does not. A receiver has a bit for each CPU and each of the two. Nothing is allocated, and no lock is taken:
 *
 *	sender (interrupts off)				receiver (interrupts off)
 *	wait until pending = 0 (my last one)
 *	fn, arg; pending = number of receivers
 *	for each: set my bit in its `from`, IPI		from = 0: the bits that were set
 *	(interrupts as before)				for each: read fn, arg; run fn
 *	wait until pending = 0				pending - 1
 *
 * A call that nobody waits for is taken off (pending - 1) before fn runs. So a function that calls on, without waiting, never
 * waits for a function; it may run on a CPU whose own call, which that waits for, is with the next CPU, and so on round. Who waits, here or
 * for the last call to be through, takes calls that come in meanwhile, with interrupts on or off.
 *
 * Invariants: pending of a call = the number of its bits in all `from` words, plus what receivers have taken and not finished.
 *
 * Jobs (smp_run_on): JOB_NONE -> JOB_BEING_SET (by one caller) -> JOB_READY -> JOB_NONE (by the CPU itself).
 *
 * Against Linux: there a call is a structure on the caller's stack or one of N x N per-CPU ones, in a list at the receiver.
 * One call of each sort serialises only calls of one CPU that nobody waits for.
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

enum call_sort { CALL_UNWAITED, CALL_WAITED, NR_CALL_SORTS };

struct call {
	void (*fn)(void *arg);
	void *arg;
	unsigned int pending;
};

struct smp_cpu {
	u64 from[NR_CALL_SORTS][CPU_WORDS]; /* as a receiver */
	struct call call[NR_CALL_SORTS];    /* as a sender */
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

/* Acquire: who sees that a CPU is up sees what it wrote on its way, above all how it is to be interrupted (gic_v2.c: target_of). */
static u64 online_word(unsigned int w)
{
	return __atomic_load_n(&online_mask[w], __ATOMIC_ACQUIRE);
}

bool cpu_online(unsigned int cpu)
{
	return cpu < NR_CPUS && (online_word(cpu / 64) >> cpu % 64 & 1);
}

unsigned int num_online_cpus(void)
{
	return __atomic_load_n(&nr_online, __ATOMIC_RELAXED);
}

/* Another CPU ends the machine: this one stops where it is. */
static void stop_if_ended(void)
{
	if (likely(!smp_ended_elsewhere()))
		return;
	__atomic_fetch_add(&nr_stopped, 1, __ATOMIC_RELEASE);
	port_cpu_stop();
}

/* ------------------------------------------------------------------ waiting */

/*
 * A hold has a number, so that a CPU is counted in one hold or in none:
 *
 *	holder						other
 *	number + 1 (not 0)
 *	word = number, 0				word = number, n  ->  number, n + 1
 *	wait for word = number, others			wait for go_on_at = number
 *	... the others are held ...			... is held ...
 *	go_on_at = number				word - 1
 *	word = number, 0  ->  0
 *
 * Both steps of the word are compare-and-exchanges: it closes when everybody is out, and nobody comes in after.
 */
static struct {
	unsigned int by; /* 1 + the CPU that holds the others; 0: none does */
	u32 word;   /* the hold's number, and in the low half how many are held; 0: there is none */
	u32 number; /* of the last hold, shifted as in the word; the holder's */
	u32 go_on_at; /* the hold that is over */
} hold;
#define HOLD_ONE 0x10000U

void smp_hold_point(void)
{
	u32 word = __atomic_load_n(&hold.word, __ATOMIC_RELAXED), number;
	unsigned long flags;

	stop_if_ended();
	if (likely(!word) || __atomic_load_n(&hold.by, __ATOMIC_RELAXED) == port_cpu() + 1)
		return;
	/* Counted once: the IPI for the same hold must not come in between. */
	flags = port_irq_save();
	word = __atomic_load_n(&hold.word, __ATOMIC_ACQUIRE);
	while (word && !__atomic_compare_exchange_n(&hold.word, &word, word + 1, true,
						    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	if (word) {
		number = word & ~(HOLD_ONE - 1);
		while (__atomic_load_n(&hold.go_on_at, __ATOMIC_ACQUIRE) != number) {
			stop_if_ended();
			port_cpu_relax();
		}
		__atomic_fetch_sub(&hold.word, 1, __ATOMIC_RELEASE);
		port_pte_barrier();
	}
	port_irq_restore(flags);
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

static void run_call(struct call *call, enum call_sort sort)
{
	void (*fn)(void *arg) = call->fn;
	void *arg = call->arg;

	if (sort == CALL_WAITED) {
		fn(arg);
		__atomic_fetch_sub(&call->pending, 1, __ATOMIC_RELEASE);
	} else {
		__atomic_fetch_sub(&call->pending, 1, __ATOMIC_RELEASE);
		fn(arg);
	}
}

/* Run what other CPUs want of this one. Interrupts are off. */
static void take_calls(void)
{
	struct smp_cpu *me = this_cpu_ptr(&smp_cpu);
	unsigned int sort, w;

	for (sort = 0; sort < NR_CALL_SORTS; sort++) {
		for (w = 0; w < DIV_ROUND_UP(nr_cpus_possible, 64); w++) {
			u64 *from = &me->from[sort][w], bits;

			if (!__atomic_load_n(from, __ATOMIC_RELAXED))
				continue;
			bits = __atomic_exchange_n(from, 0, __ATOMIC_ACQUIRE);
			for (; bits; bits &= bits - 1)
				run_call(&state_of(w * 64 + (unsigned int)__ffs(bits))->call[sort],
					 sort);
		}
	}
}

/* This CPU's bit at a receiver. */
static u64 *bit_at(unsigned int cpu, enum call_sort sort)
{
	return &state_of(cpu)->from[sort][port_cpu() / 64];
}

static u64 own_bit(void)
{
	return 1ULL << port_cpu() % 64;
}

/* Calls for CPUs that went down before they saw them: nobody will run them. */
static void withdraw_from_offline(struct call *call, enum call_sort sort)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		if (cpu_online(cpu))
			continue;
		if (__atomic_fetch_and(bit_at(cpu, sort), ~own_bit(), __ATOMIC_ACQUIRE) & own_bit())
			__atomic_fetch_sub(&call->pending, 1, __ATOMIC_RELEASE);
	}
}

static void report_unanswered(const struct call *call, enum call_sort sort)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		if (__atomic_load_n(bit_at(cpu, sort), __ATOMIC_RELAXED) & own_bit())
			pr_emerg("smp: CPU%u has not answered CPU%u's call of %pS for %llu s\n",
				 cpu, port_cpu(), (void *)(unsigned long)call->fn,
				 ANSWER_NS / 1000000000);
	}
}

/* Until this CPU's last call of that sort is through. */
static void wait_until_through(struct smp_cpu *me, enum call_sort sort)
{
	struct call *call = &me->call[sort];
	struct patience p = {.limit = ANSWER_NS};
	unsigned long flags;

	while (__atomic_load_n(&call->pending, __ATOMIC_ACQUIRE)) {
		flags = port_irq_save();
		take_calls();
		port_irq_restore(flags);
		if (out_of_patience(&p))
			report_unanswered(call, sort);
		if (!(p.turns & TURNS_A_LOOK))
			withdraw_from_offline(call, sort);
	}
}

/*
 * Interrupts are off. The call is on its way when it returns. `only`: one CPU, else (NR_CPUS) all that are online but this.
 */
static void send_call(struct smp_cpu *me, unsigned int only, void (*fn)(void *arg), void *arg,
		      enum call_sort sort)
{
	const unsigned int self = port_cpu();
	struct call *call = &me->call[sort];
	u64 to[CPU_WORDS];
	unsigned int w, n = 0;

	wait_until_through(me, sort);
	for (w = 0; w < CPU_WORDS; w++) {
		to[w] = online_word(w);
		if (w == self / 64)
			to[w] &= ~own_bit();
		if (only != NR_CPUS)
			to[w] &= w == only / 64 ? 1ULL << only % 64 : 0;
		n += (unsigned int)__builtin_popcountll(to[w]);
	}
	if (!n)
		return;
	call->fn = fn;
	call->arg = arg;
	__atomic_store_n(&call->pending, n, __ATOMIC_RELAXED);
	for (w = 0; w < CPU_WORDS; w++) {
		for (; to[w]; to[w] &= to[w] - 1) {
			unsigned int cpu = w * 64 + (unsigned int)__ffs(to[w]);

			__atomic_fetch_or(bit_at(cpu, sort), own_bit(), __ATOMIC_RELEASE);
			port_send_ipi(cpu);
		}
	}
}

static enum call_sort sort_of(bool wait)
{
	return wait ? CALL_WAITED : CALL_UNWAITED;
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
		send_call(me, cpu, fn, arg, sort_of(wait));
	}
	port_irq_restore(flags);
	if (wait)
		wait_until_through(me, CALL_WAITED);
	return 0;
}

void on_each_cpu(void (*fn)(void *arg), void *arg, bool wait)
{
	unsigned long flags;
	struct smp_cpu *me;

	WARN_ON_ONCE(wait && num_online_cpus() > 1 && port_irqs_disabled());
	flags = port_irq_save();
	me = this_cpu_ptr(&smp_cpu);
	send_call(me, NR_CPUS, fn, arg, sort_of(wait));
	fn(arg);
	port_irq_restore(flags);
	if (wait)
		wait_until_through(me, CALL_WAITED);
}

void smp_handle_ipi(void)
{
	/* Taking an interrupt orders nothing by itself, and whoever sent it may want just that. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
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
	if (num_online_cpus() == 1)
		return;
	/* As for any call that is waited for; a port that has a way of its own would hide it. */
	WARN_ON_ONCE(port_irqs_disabled());
	if (port_membarrier())
		return;
	flags = port_irq_save();
	me = this_cpu_ptr(&smp_cpu);
	send_call(me, NR_CPUS, barrier_call, NULL, CALL_WAITED);
	port_irq_restore(flags);
	wait_until_through(me, CALL_WAITED);
}

/* ------------------------------------------------------------------ holding */

/* Each of the others comes to its hold point: by the IPI, or, with interrupts off, where it waits for a lock or for a CPU. */
unsigned long smp_hold_others(void)
{
	const unsigned int me = port_cpu() + 1;
	unsigned long flags = port_irq_save();
	struct patience p = {.limit = ANSWER_NS};
	unsigned int nobody = 0, others, cpu;
	u32 word;

	/* The only one brings the others up itself. */
	if (num_online_cpus() == 1)
		return flags;
	while (!__atomic_compare_exchange_n(&hold.by, &nobody, me, true, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		nobody = 0;
		smp_hold_point();
		port_cpu_relax();
	}
	hold.number += HOLD_ONE;
	if (!hold.number)
		hold.number = HOLD_ONE;
	__atomic_store_n(&hold.word, hold.number, __ATOMIC_RELEASE);
	for_each_online_cpu(cpu) if (cpu != port_cpu()) port_send_ipi(cpu);
	/* As many as there are now: who comes up is counted, and comes to its hold point before it does anything else. */
	for (;;) {
		others = num_online_cpus() - 1;
		word = __atomic_load_n(&hold.word, __ATOMIC_ACQUIRE);
		if (word >= (hold.number | others))
			break;
		if (out_of_patience(&p))
			pr_emerg("smp: CPU%u waits for %u other CPUs to hold still\n", port_cpu(),
				 others - (word & (HOLD_ONE - 1)));
	}
	return flags;
}

void smp_release_others(unsigned long flags)
{
	u32 none_left;

	if (__atomic_load_n(&hold.by, __ATOMIC_RELAXED) == port_cpu() + 1) {
		__atomic_store_n(&hold.go_on_at, hold.number, __ATOMIC_RELEASE);
		do {
			port_cpu_relax();
			none_left = hold.number;
		} while (!__atomic_compare_exchange_n(&hold.word, &none_left, 0, true,
						      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
		__atomic_store_n(&hold.by, 0, __ATOMIC_RELEASE);
	}
	port_irq_restore(flags);
}

/* ------------------------------------------------------------------ coming and going */

void smp_cpu_up(unsigned int cpu)
{
	const u64 bit = 1ULL << cpu % 64;

	if (online_word(cpu / 64) & bit)
		return;
	/* Counted first: who sees it online counts it, too. */
	__atomic_fetch_add(&nr_online, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&online_mask[cpu / 64], bit, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* Whoever began to hold the others before it counted this one gets no answer by IPI. */
	smp_hold_point();
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
	unsigned int cpu, sort, w, n = 0, calls = 0, pending = 0;
	int bad = 0;

	for (w = 0; w < CPU_WORDS; w++)
		n += (unsigned int)__builtin_popcountll(online_word(w));
	if (n != num_online_cpus()) {
		pr_err("smp: %u CPUs are online, counted %u\n", n, num_online_cpus());
		bad++;
	}
	for_each_possible_cpu(cpu)
	{
		const struct smp_cpu *c = state_of(cpu);

		for (sort = 0; sort < NR_CALL_SORTS; sort++) {
			for (w = 0; w < CPU_WORDS; w++)
				calls += (unsigned int)__builtin_popcountll(
					__atomic_load_n(&c->from[sort][w], __ATOMIC_ACQUIRE));
			pending += __atomic_load_n(&c->call[sort].pending, __ATOMIC_ACQUIRE);
		}
		if (__atomic_load_n(&c->job, __ATOMIC_ACQUIRE) != JOB_NONE && cpu != port_cpu()) {
			pr_err("smp: CPU%u has a job in state %d\n", cpu, (int)c->job);
			bad++;
		}
	}
	if (__atomic_load_n(&hold.by, __ATOMIC_ACQUIRE) ||
	    __atomic_load_n(&hold.word, __ATOMIC_ACQUIRE)) {
		pr_err("smp: CPU%u holds others, 0x%x\n", hold.by - 1, hold.word);
		bad++;
	}
	if (calls || pending) {
		pr_err("smp: %u calls at receivers, %u at senders\n", calls, pending);
		bad++;
	}
	return bad;
}
