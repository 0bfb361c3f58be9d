// SPDX-License-Identifier: MIT
/* links: lib/smp.c lib/spinlock.c */
/* cflags: -D__per_cpu_start=__start_quire_percpu -D__per_cpu_end=__stop_quire_percpu */
/*
 * Calls, jobs, holding, the end, and spinlocks, between threads that play CPUs. An IPI is a word; it is looked at where interrupts
 * are turned on, in loops that wait, and in idle, as on the host port. Also run under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include <quire/local_lock.h>
#include <quire/percpu.h>
#include <quire/smp.h>
#include <quire/spinlock.h>

#define CPUS 4U

extern char __per_cpu_start[], __per_cpu_end[];
unsigned int nr_cpus_possible = CPUS;

/* ------------------------------------------------------------------ the machine */

static struct {
	u32 ipi;
	unsigned int interrupts;
	pthread_t thread;
	void *area;
} cpus[CPUS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool leaving;
__thread u32 host_irqs_off;
__thread u32 *host_ipi;

void host_interrupt(void)
{
	while (!host_irqs_off && __atomic_exchange_n(host_ipi, 0, __ATOMIC_ACQUIRE)) {
		host_irqs_off = 1;
		__atomic_fetch_add(&cpus[port_cpu()].interrupts, 1, __ATOMIC_RELAXED);
		smp_handle_ipi();
		host_irqs_off = 0;
	}
}

void host_relax(void)
{
	if (host_ipi && __atomic_load_n(host_ipi, __ATOMIC_RELAXED))
		host_interrupt();
	sched_yield();
}

static void (*before_ipi)(unsigned int cpu);

void port_send_ipi(unsigned int cpu)
{
	if (before_ipi)
		before_ipi(cpu);
	__atomic_store_n(&cpus[cpu].ipi, 1, __ATOMIC_RELEASE);
	pthread_mutex_lock(&mutex);
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
}

void port_cpu_idle(void)
{
	bool leave;

	assert_true(port_irqs_disabled());
	pthread_mutex_lock(&mutex);
	while (!__atomic_load_n(host_ipi, __ATOMIC_ACQUIRE) && !leaving)
		pthread_cond_wait(&cond, &mutex);
	leave = leaving;
	pthread_mutex_unlock(&mutex);
	if (leave)
		pthread_exit(NULL);
}

void port_cpu_stop(void)
{
	pthread_exit(NULL);
}

static void be_cpu(unsigned int cpu)
{
	port_set_cpu(cpu, per_cpu_offset(cpu));
	host_ipi = &cpus[cpu].ipi;
	host_irqs_off = 0;
}

static void *secondary(void *arg)
{
	unsigned int cpu = (unsigned int)(unsigned long)arg;

	be_cpu(cpu);
	smp_cpu_up(cpu);
	smp_idle();
}

static int machine(void **state)
{
	unsigned long size = (unsigned long)(__per_cpu_end - __per_cpu_start);
	unsigned int cpu;

	leaving = false;
	for (cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(posix_memalign(&cpus[cpu].area, 64, size), 0);
		memcpy(cpus[cpu].area, __per_cpu_start, size);
		__per_cpu_offset[cpu] =
			(unsigned long)cpus[cpu].area - (unsigned long)__per_cpu_start;
		cpus[cpu].ipi = 0;
	}
	be_cpu(0);
	for (cpu = 1; cpu < CPUS; cpu++)
		assert_int_equal(pthread_create(&cpus[cpu].thread, NULL, secondary,
						(void *)(unsigned long)cpu),
				 0);
	while (num_online_cpus() != CPUS)
		sched_yield();
	return 0;
}

static int end_machine(void **state)
{
	unsigned int cpu;

	assert_int_equal(smp_check(), 0);
	pthread_mutex_lock(&mutex);
	leaving = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (cpu = 1; cpu < CPUS; cpu++) {
		pthread_join(cpus[cpu].thread, NULL);
		smp_cpu_down(cpu);
	}
	for (cpu = 0; cpu < CPUS; cpu++)
		free(cpus[cpu].area);
	return 0;
}

/* fn(arg) on all CPUs, this one included. */
static void on_all(void (*fn)(void *arg), void *arg)
{
	unsigned int cpu;

	for (cpu = 1; cpu < CPUS; cpu++)
		assert_int_equal(smp_run_on(cpu, fn, arg), 0);
	fn(arg);
	for (cpu = 1; cpu < CPUS; cpu++)
		smp_run_wait(cpu);
}

/* ------------------------------------------------------------------ calls */

static unsigned int calls[CPUS], wrong;

static void count_call(void *arg)
{
	if (!port_irqs_disabled() || (arg && arg != (void *)&calls))
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&calls[port_cpu()], 1, __ATOMIC_RELAXED);
}

static void forget_calls(void)
{
	memset(calls, 0, sizeof(calls));
	wrong = 0;
}

static void a_call_runs_there_and_has_run_when_it_returns(void **state)
{
	unsigned int cpu, other;

	for (cpu = 0; cpu < CPUS; cpu++) {
		forget_calls();
		assert_int_equal(smp_call_function_single(cpu, count_call, calls, true), 0);
		for (other = 0; other < CPUS; other++)
			assert_int_equal(calls[other], other == cpu);
		assert_int_equal(wrong, 0);
		assert_false(port_irqs_disabled());
	}
}

static void a_call_to_all_runs_once_on_each(void **state)
{
	unsigned int cpu;

	forget_calls();
	on_each_cpu(count_call, calls, true);
	for (cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(calls[cpu], 1);
	on_each_cpu(count_call, calls, false);
	/* The next call waits for the last one. */
	on_each_cpu(count_call, calls, true);
	for (cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(calls[cpu], 3);
	assert_int_equal(wrong, 0);
}

static void a_cpu_that_is_not_there_takes_no_calls(void **state)
{
	assert_int_equal(smp_call_function_single(CPUS, count_call, NULL, true), -ENODEV);
	assert_int_equal(smp_call_function_single(NR_CPUS, count_call, NULL, true), -ENODEV);
	assert_int_equal(smp_call_function_single(~0U, count_call, NULL, false), -ENODEV);
	assert_int_equal(smp_run_on(CPUS, count_call, NULL), -ENODEV);
	assert_int_equal(smp_run_on(0, count_call, NULL), -ENODEV);
	smp_run_wait(CPUS);
	smp_run_wait(0);
}

#define ROUNDS 300U

static void call_everybody(void *arg)
{
	unsigned int i, cpu;

	for (i = 0; i < ROUNDS; i++) {
		on_each_cpu(count_call, calls, i % 3 != 0);
		for (cpu = 0; cpu < CPUS; cpu++)
			smp_call_function_single(cpu, count_call, calls, i % 2);
		smp_membarrier();
	}
}

static void cpus_that_call_each_other_at_once_get_on(void **state)
{
	unsigned int cpu;

	forget_calls();
	on_all(call_everybody, NULL);
	on_each_cpu(count_call, calls, true);
	/* What nobody waited for may be on its way from another CPU than this. */
	for (cpu = 0; cpu < CPUS; cpu++)
		while (__atomic_load_n(&calls[cpu], __ATOMIC_RELAXED) != 2 * CPUS * ROUNDS + 1)
			port_cpu_relax();
	assert_int_equal(wrong, 0);
}

/* A function that calls on: with interrupts off, where it cannot be interrupted by the answer. */
static void call_back(void *arg)
{
	unsigned int cpu = (unsigned int)(unsigned long)arg;

	__atomic_fetch_add(&calls[port_cpu()], 1, __ATOMIC_RELAXED);
	smp_call_function_single(cpu, count_call, NULL, false);
}

static void call_ring(void *arg)
{
	unsigned int i, me = port_cpu();

	for (i = 0; i < ROUNDS; i++)
		smp_call_function_single((me + 1) % CPUS, call_back,
					 (void *)(unsigned long)((me + 2) % CPUS), i % 2);
}

static void calls_from_calls_do_not_lock_up(void **state)
{
	unsigned int cpu;

	forget_calls();
	on_all(call_ring, NULL);
	for (cpu = 0; cpu < CPUS; cpu++)
		while (__atomic_load_n(&calls[cpu], __ATOMIC_RELAXED) != 2 * ROUNDS)
			port_cpu_relax();
	on_each_cpu(count_call, NULL, true);
}

/*
 * CPU 3 goes, takes no interrupts, and comes again only when each of the others has been through two more rounds of calls: a call
 * that was just being sent when it went must not keep its sender.
 */
static unsigned int rounds_of[2], wander_ends;

static void go_and_come(void *arg)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		unsigned int before = __atomic_load_n(&rounds_of[i % 2], __ATOMIC_ACQUIRE);
		unsigned long flags = port_irq_save();

		smp_cpu_down(3);
		while (__atomic_load_n(&rounds_of[i % 2], __ATOMIC_ACQUIRE) < before + 2)
			sched_yield();
		smp_cpu_up(3);
		port_irq_restore(flags);
	}
	__atomic_store_n(&wander_ends, 1, __ATOMIC_RELEASE);
}

static void call_the_wanderer(void *arg)
{
	while (!__atomic_load_n(&wander_ends, __ATOMIC_ACQUIRE)) {
		smp_call_function_single(3, count_call, calls, true);
		assert_int_equal(smp_call_function_single(2, count_call, calls, true), 0);
		on_each_cpu(count_call, calls, true);
		__atomic_fetch_add((unsigned int *)arg, 1, __ATOMIC_RELEASE);
	}
}

static void a_cpu_may_go_while_it_is_called(void **state)
{
	forget_calls();
	memset(rounds_of, 0, sizeof(rounds_of));
	wander_ends = 0;
	assert_int_equal(smp_run_on(3, go_and_come, NULL), 0);
	assert_int_equal(smp_run_on(1, call_the_wanderer, &rounds_of[1]), 0);
	call_the_wanderer(&rounds_of[0]);
	smp_run_wait(1);
	smp_run_wait(3);
	assert_int_equal(calls[2], 2 * (rounds_of[0] + rounds_of[1]));
	assert_int_equal(wrong, 0);
	assert_int_equal(num_online_cpus(), CPUS);
}

/* The call to all has seen CPU 3 online, and CPU 3 goes before it gets its part. */
static unsigned int go_now, is_gone, come_again;

static void wait_for(const unsigned int *p)
{
	while (!__atomic_load_n(p, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void go_when_told(void *arg)
{
	unsigned long flags = port_irq_save();

	wait_for(&go_now);
	smp_cpu_down(3);
	__atomic_store_n(&is_gone, 1, __ATOMIC_RELEASE);
	wait_for(&come_again);
	smp_cpu_up(3);
	port_irq_restore(flags);
}

static void tell_it_to_go(unsigned int cpu)
{
	before_ipi = NULL;
	__atomic_store_n(&go_now, 1, __ATOMIC_RELEASE);
	wait_for(&is_gone);
}

static void a_call_for_a_cpu_that_has_gone_is_withdrawn(void **state)
{
	forget_calls();
	go_now = is_gone = come_again = 0;
	assert_int_equal(smp_run_on(3, go_when_told, NULL), 0);
	before_ipi = tell_it_to_go;
	on_each_cpu(count_call, calls, true);
	assert_int_equal(is_gone, 1);
	assert_int_equal(calls[1] + calls[2] + calls[0], 3);
	assert_int_equal(__atomic_load_n(&calls[3], __ATOMIC_RELAXED), 0);
	__atomic_store_n(&come_again, 1, __ATOMIC_RELEASE);
	smp_run_wait(3);
	on_each_cpu(count_call, calls, true);
	assert_int_equal(calls[3], 1);
}

/* ------------------------------------------------------------------ jobs */

static unsigned int go;

static void wait_for_go(void *arg)
{
	assert_false(port_irqs_disabled());
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		port_cpu_relax();
	(*(unsigned int *)arg)++;
}

static void a_job_runs_and_a_second_one_is_refused(void **state)
{
	unsigned int done = 0;

	go = 0;
	assert_int_equal(smp_run_on(1, wait_for_go, &done), 0);
	assert_int_equal(smp_run_on(1, wait_for_go, &done), -EBUSY);
	assert_int_equal(done, 0);
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	smp_run_wait(1);
	assert_int_equal(done, 1);
	assert_int_equal(smp_run_on(1, wait_for_go, &done), 0);
	smp_run_wait(1);
	assert_int_equal(done, 2);
}

/* A job that is given just when the CPU goes to sleep wakes it, each time. */
static void no_wake_up_is_lost(void **state)
{
	unsigned int i, done = 0;

	go = 1;
	for (i = 0; i < 20 * ROUNDS; i++) {
		assert_int_equal(smp_run_on(2, wait_for_go, &done), 0);
		smp_run_wait(2);
		assert_int_equal(done, i + 1);
	}
}

/* ------------------------------------------------------------------ barriers */

static void a_membarrier_interrupts_every_other_cpu(void **state)
{
	unsigned int cpu, before[CPUS];

	for (cpu = 0; cpu < CPUS; cpu++)
		before[cpu] = __atomic_load_n(&cpus[cpu].interrupts, __ATOMIC_RELAXED);
	smp_membarrier();
	for (cpu = 1; cpu < CPUS; cpu++)
		assert_true(__atomic_load_n(&cpus[cpu].interrupts, __ATOMIC_RELAXED) > before[cpu]);
}

/* An owner with plain accesses and a remote with membarriers: never both at the data, which is plain, too. */
static struct local_lock guard;
static unsigned long data, remote_turns, owner_turns;

static void own(void *arg)
{
	unsigned int i;

	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE)) {
		/* Many turns without a system call: with one in each, the processor would have no store left to be late with. */
		for (i = 0; i < 1000; i++) {
			if (local_trylock(&guard)) {
				data++;
				owner_turns++;
				local_unlock(&guard);
			}
		}
		port_cpu_relax();
	}
}

static void a_membarrier_keeps_owner_and_remote_apart(void **state)
{
	unsigned int i;

	data = remote_turns = owner_turns = 0;
	go = 0;
	assert_int_equal(smp_run_on(1, own, NULL), 0);
	for (i = 0; i < 10 * ROUNDS; i++) {
		remote_lock(&guard);
		data++;
		remote_turns++;
		remote_unlock(&guard);
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	smp_run_wait(1);
	assert_int_equal(data, remote_turns + owner_turns);
	assert_int_equal(remote_turns, 10 * ROUNDS);
}

/* ------------------------------------------------------------------ locks and holding */

static spinlock_t lock = SPINLOCK_INIT;
static unsigned int
	shared; /* plain: whoever comes in without the lock is seen by ThreadSanitizer, and lost counts by all */

static void enter_often(void *arg)
{
	unsigned int i;

	for (i = 0; i < 5 * ROUNDS; i++) {
		unsigned long flags = spin_lock_irqsave(&lock);

		shared++;
		spin_unlock_irqrestore(&lock, flags);
	}
}

static void a_lock_excludes(void **state)
{
	shared = 0;
	on_all(enter_often, NULL);
	assert_int_equal(shared, CPUS * 5 * ROUNDS);
	assert_int_equal(lock.word, 0);
}

static unsigned int order[CPUS], nr_served;

static void queue_up(void *arg)
{
	spin_lock(&lock);
	order[nr_served++] = port_cpu();
	spin_unlock(&lock);
}

static void serve_in_order(void)
{
	static const unsigned int come[] = {2, 1, 3};
	unsigned int i;

	nr_served = 0;
	for (i = 0; i < 3; i++) {
		assert_int_equal(smp_run_on(come[i], queue_up, NULL), 0);
		while (spin_waiters(&lock) != i + 1)
			port_cpu_relax();
	}
	assert_false(spin_trylock(&lock));
	spin_unlock(&lock);
	for (i = 1; i < CPUS; i++)
		smp_run_wait(i);
	for (i = 0; i < 3; i++)
		assert_int_equal(order[i], come[i]);
	assert_int_equal(lock.word, 0);
}

static void waiters_are_served_in_the_order_they_came(void **state)
{
	spin_lock(&lock);
	assert_true(spin_is_locked(&lock));
	serve_in_order();
}

/* Tickets are 12 bits: the same where they wrap. */
static void tickets_wrap(void **state)
{
	unsigned int start;

	for (start = SPINLOCK_TICKETS - 4; start <= SPINLOCK_TICKETS; start++) {
		/* Held, and as if `start` tickets had been drawn and served since somebody last found it free. */
		lock.word = start << SPINLOCK_NEXT_SHIFT | start << SPINLOCK_SERVED_SHIFT |
			    SPINLOCK_HELD;
		assert_int_equal(spin_waiters(&lock), 0);
		serve_in_order();
	}
}

/*
 * Between a release and the turn of who waits next, the lock is free and not to be had: who sets the bit then gives it back,
 * and queues behind.
 */
static void one_that_is_free_with_somebody_waiting_goes_to_him(void **state)
{
	const u32 one_waits = 1U << SPINLOCK_NEXT_SHIFT;
	unsigned int i;

	for (i = 0; i < ROUNDS / 10; i++) {
		nr_served = 0;
		/* Ticket 0 is out, and its owner, who is this CPU, does not come for it yet. */
		__atomic_store_n(&lock.word, one_waits, __ATOMIC_RELEASE);
		assert_false(spin_trylock(&lock));
		assert_int_equal(__atomic_load_n(&lock.word, __ATOMIC_RELAXED), one_waits);
		assert_int_equal(smp_run_on(1 + i % 3, queue_up, NULL), 0);
		/* By accident the bit may be set before the ticket is drawn; it is clear afterwards, and stays so. */
		while (spin_waiters(&lock) != 2)
			port_cpu_relax();
		assert_int_equal(__atomic_load_n(&lock.word, __ATOMIC_RELAXED), 2 * one_waits);
		assert_int_equal(__atomic_load_n(&nr_served, __ATOMIC_RELAXED), 0);
		/* He comes: his turn, as lib/spinlock.c serves. */
		__atomic_store_n(&lock.word,
				 2 * one_waits | 1U << SPINLOCK_SERVED_SHIFT | SPINLOCK_HELD,
				 __ATOMIC_RELEASE);
		assert_int_equal(__atomic_load_n(&nr_served, __ATOMIC_RELAXED), 0);
		spin_unlock(&lock);
		smp_run_wait(1 + i % 3);
		assert_int_equal(nr_served, 1);
		assert_int_equal(lock.word, 0);
	}
}

static void try_often(void *arg)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		if (!spin_trylock(&lock))
			spin_lock(&lock);
		shared++;
		spin_unlock(&lock);
	}
}

static void tries_and_waits_exclude_each_other(void **state)
{
	shared = 0;
	on_all(try_often, NULL);
	assert_int_equal(shared, CPUS * ROUNDS);
	assert_int_equal(lock.word, 0);
}

static void work(void *arg)
{
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE)) {
		unsigned long flags = spin_lock_irqsave(&lock);

		shared++;
		spin_unlock_irqrestore(&lock, flags);
		__atomic_fetch_add(&calls[port_cpu()], 1, __ATOMIC_RELAXED);
	}
}

/* The holder has a lock that the others wait for with interrupts off. */
static void held_cpus_do_nothing(void **state)
{
	unsigned int i, cpu, before[CPUS], last = 0;
	unsigned long flags;

	forget_calls();
	go = 0;
	for (cpu = 1; cpu < CPUS; cpu++)
		assert_int_equal(smp_run_on(cpu, work, NULL), 0);
	for (i = 0; i < ROUNDS / 10; i++) {
		unsigned long lock_flags = 0;

		if (i % 2)
			lock_flags = spin_lock_irqsave(&lock);
		flags = smp_hold_others();
		assert_true(port_irqs_disabled());
		memcpy(before, calls, sizeof(before));
		last = shared;
		sched_yield();
		sched_yield();
		assert_memory_equal(before, calls, sizeof(before));
		assert_int_equal(shared, last);
		smp_release_others(flags);
		if (i % 2)
			spin_unlock_irqrestore(&lock, lock_flags);
		/* They go on. */
		for (cpu = 1; cpu < CPUS; cpu++)
			while (__atomic_load_n(&calls[cpu], __ATOMIC_RELAXED) == before[cpu])
				port_cpu_relax();
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (cpu = 1; cpu < CPUS; cpu++)
		smp_run_wait(cpu);
}

static void hold_often(void *arg)
{
	unsigned int i;

	for (i = 0; i < ROUNDS / 10; i++) {
		unsigned long flags = smp_hold_others();

		shared++;
		smp_release_others(flags);
		smp_call_function_single((port_cpu() + 1) % CPUS, count_call, calls, true);
	}
}

static void two_that_hold_do_so_one_after_the_other(void **state)
{
	shared = 0;
	forget_calls();
	on_all(hold_often, NULL);
	assert_int_equal(shared, CPUS * (ROUNDS / 10));
	assert_int_equal(calls[0] + calls[1] + calls[2] + calls[3], CPUS * (ROUNDS / 10));
}

/* ------------------------------------------------------------------ the end, which is the last test: it cannot be undone */

static void the_first_to_end_the_machine_stops_the_others(void **state)
{
	unsigned int cpu;

	/* One of them waits, with interrupts off, for a lock that will not be freed. */
	spin_lock(&lock);
	assert_int_equal(smp_run_on(2, enter_often, NULL), 0);
	while (!spin_waiters(&lock))
		port_cpu_relax();
	assert_false(smp_ended_elsewhere());
	assert_true(smp_claim_end());
	assert_true(smp_claim_end());
	port_set_cpu(1, per_cpu_offset(1));
	assert_false(smp_claim_end());
	assert_true(smp_ended_elsewhere());
	port_set_cpu(0, per_cpu_offset(0));
	assert_false(smp_ended_elsewhere());
	assert_int_equal(smp_stop_others(), 0);
	for (cpu = 1; cpu < CPUS; cpu++)
		assert_int_equal(pthread_join(cpus[cpu].thread, NULL), 0);
	for (cpu = 0; cpu < CPUS; cpu++)
		free(cpus[cpu].area);
}

int main(void)
{
#define RUN(test) cmocka_unit_test_setup_teardown(test, machine, end_machine)
	const struct CMUnitTest tests[] = {
		RUN(a_call_runs_there_and_has_run_when_it_returns),
		RUN(a_call_to_all_runs_once_on_each),
		RUN(a_cpu_that_is_not_there_takes_no_calls),
		RUN(cpus_that_call_each_other_at_once_get_on),
		RUN(calls_from_calls_do_not_lock_up),
		RUN(a_cpu_may_go_while_it_is_called),
		RUN(a_call_for_a_cpu_that_has_gone_is_withdrawn),
		RUN(a_job_runs_and_a_second_one_is_refused),
		RUN(no_wake_up_is_lost),
		RUN(a_membarrier_interrupts_every_other_cpu),
		RUN(a_membarrier_keeps_owner_and_remote_apart),
		RUN(a_lock_excludes),
		RUN(waiters_are_served_in_the_order_they_came),
		RUN(tickets_wrap),
		RUN(one_that_is_free_with_somebody_waiting_goes_to_him),
		RUN(tries_and_waits_exclude_each_other),
		RUN(held_cpus_do_nothing),
		RUN(two_that_hold_do_so_one_after_the_other),
		cmocka_unit_test_setup(the_first_to_end_the_machine_stops_the_others, machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
