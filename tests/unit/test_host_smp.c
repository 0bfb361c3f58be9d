// SPDX-License-Identifier: MIT
/* links: port/host/smp.c lib/smp.c */
/*
 * CPUs as threads, and what several of them share without a lock: cross calls and jobs arrive once, a local lock keeps its owner and
 * remotes apart, spin locks are a lock, the machine ends from any CPU and can be started again. Runs under ThreadSanitizer, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/local_lock.h>
#include <quire/percpu.h>
#include <quire/smp.h>
#include <quire/spinlock.h>

#include "port/host/machine.h"

#define CPUS 4U

/* ------------------------------------------------------------------ what the rest of the port and of the core would supply */

unsigned int nr_cpus_possible = CPUS;
jmp_buf host_power;
int host_exit_code;

int mmu_cpu_add(unsigned int cpu)
{
	return 0;
}

void mmu_cpu_remove(unsigned int cpu)
{
}

void secondary_start_kernel(unsigned int cpu)
{
	smp_cpu_up(cpu);
	port_irq_enable();
	smp_idle();
}

extern char __start_quire_percpu[], __stop_quire_percpu[];
static char *areas;

/* Every CPU its own copy of the per-CPU variables; CPU 0's is the template. */
static int start(void **state)
{
	size_t n = (size_t)(__stop_quire_percpu - __start_quire_percpu);
	unsigned int cpu;

	host_boot_cpu();
	areas = aligned_alloc(4096, ALIGN(n, 4096) * CPUS);
	assert_non_null(areas);
	memset(areas, 0, ALIGN(n, 4096) * CPUS);
	for (cpu = 1; cpu < CPUS; cpu++)
		__per_cpu_offset[cpu] = (unsigned long)(areas + cpu * ALIGN(n, 4096)) -
					(unsigned long)__start_quire_percpu;
	assert_int_equal(port_irq_init(NULL, 0), 0);
	port_irq_enable();
	for (cpu = 1; cpu < CPUS; cpu++) {
		assert_int_equal(port_cpu_start(cpu, cpu, NULL, 0, __per_cpu_offset[cpu]), 0);
		while (!cpu_online(cpu))
			port_cpu_relax();
	}
	assert_int_equal(num_online_cpus(), CPUS);
	return 0;
}

static int stop(void **state)
{
	host_cpus_stop();
	for (unsigned int cpu = 1; cpu < CPUS; cpu++)
		smp_cpu_down(cpu);
	free(areas);
	return 0;
}

/* Every CPU runs fn(arg); this one, too. */
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

#define CALLS 2000U

static struct {
	unsigned long seen[CPUS][CPUS]; /* [receiver][sender]; written by the receiver alone */
} calls;

static void note_call(void *arg)
{
	assert_true(port_irqs_disabled());
	calls.seen[port_cpu()][(unsigned long)arg]++;
}

static void call_everybody(void *arg)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		unsigned int to = (port_cpu() + i) % CPUS;

		/* Waited for and not, mixed: an answer is this call's own. */
		if (smp_call_function_single(to, note_call, (void *)(unsigned long)port_cpu(),
					     i % 3 != 0))
			abort();
		if (i % 64 == 0)
			smp_membarrier();
	}
}

static void every_call_arrives_once(void **state)
{
	memset(&calls, 0, sizeof(calls));
	on_all(call_everybody, NULL);
	on_each_cpu(note_call, (void *)0, true);
	for (unsigned int to = 0; to < CPUS; to++)
		for (unsigned int from = 0; from < CPUS; from++)
			assert_int_equal(calls.seen[to][from], CALLS / CPUS + (from == 0));
	assert_int_equal(smp_check(), 0);
}

/* What the caller wrote before is visible there, and the other way round. */
static unsigned long passed_on;

static void add_one(void *arg)
{
	passed_on++;
}

static void calls_carry_memory_with_them(void **state)
{
	passed_on = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		passed_on++;
		assert_int_equal(smp_call_function_single(1 + i % (CPUS - 1), add_one, NULL, true),
				 0);
		assert_int_equal(passed_on, 2 * (i + 1));
	}
}

/* With interrupts off a call waits; it comes as soon as they are on. */
static u32 taken, may_go;

static void take_it(void *arg)
{
	__atomic_store_n(&taken, 1, __ATOMIC_RELEASE);
}

static void keep_them_off(void *arg)
{
	unsigned long flags = port_irq_save();

	__atomic_store_n(&may_go, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&may_go, __ATOMIC_ACQUIRE) != 2)
		port_cpu_relax();
	if (__atomic_load_n(&taken, __ATOMIC_ACQUIRE))
		abort();
	port_irq_restore(flags);
	if (!__atomic_load_n(&taken, __ATOMIC_ACQUIRE))
		abort();
}

static void interrupts_off_defer_a_call(void **state)
{
	taken = may_go = 0;
	assert_int_equal(smp_run_on(1, keep_them_off, NULL), 0);
	while (!__atomic_load_n(&may_go, __ATOMIC_ACQUIRE))
		port_cpu_relax();
	assert_int_equal(smp_call_function_single(1, take_it, NULL, false), 0);
	__atomic_store_n(&may_go, 2, __ATOMIC_RELEASE);
	smp_run_wait(1);
	assert_int_equal(smp_run_on(1, take_it, NULL), 0);
	assert_int_equal(smp_run_on(CPUS, take_it, NULL), -ENODEV);
	smp_run_wait(1);
}

/* ------------------------------------------------------------------ locks */

#define TURNS 20000U

static spinlock_t lock;
static unsigned long under_lock;

static void count_under_lock(void *arg)
{
	for (unsigned int i = 0; i < TURNS; i++) {
		unsigned long flags = spin_lock_irqsave(&lock);

		under_lock++;
		spin_unlock_irqrestore(&lock, flags);
	}
}

static void a_spin_lock_keeps_cpus_apart(void **state)
{
	under_lock = 0;
	on_all(count_under_lock, NULL);
	assert_int_equal(under_lock, (unsigned long)CPUS * TURNS);
	assert_int_equal(lock.word, 0);
}

/*
 * Each CPU has data of its own under a local lock, and looks after its neighbour's as a remote now and then. Two plain
 * words that are always equal: whoever finds them different was let in too early.
 */
static struct {
	struct local_lock lock;
	spinlock_t remotes;
	unsigned long a, b;
	unsigned long owner_turns, owner_refused, remote_turns;
} data[CPUS];

static void change(unsigned int cpu)
{
	unsigned long a = data[cpu].a, b = data[cpu].b;

	if (a != b)
		abort();
	data[cpu].a = a + 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	data[cpu].b = b + 1;
}

/* An interrupt that comes into the owner's use finds the lock taken. */
static void change_in_interrupt(void *arg)
{
	unsigned int cpu = port_cpu();

	if (!local_trylock(&data[cpu].lock))
		return;
	change(cpu);
	data[cpu].owner_turns++;
	local_unlock(&data[cpu].lock);
}

static void own_and_visit(void *arg)
{
	unsigned int me = port_cpu(), other, i;

	for (i = 0; i < TURNS; i++) {
		if (local_trylock(&data[me].lock)) {
			change(me);
			data[me].owner_turns++;
			local_unlock(&data[me].lock);
		} else {
			data[me].owner_refused++;
		}
		if (i % 97 == 0) {
			other = (me + 1 + i % (CPUS - 1)) % CPUS;
			spin_lock(&data[other].remotes);
			remote_lock(&data[other].lock);
			change(other);
			data[other].remote_turns++;
			remote_unlock(&data[other].lock);
			spin_unlock(&data[other].remotes);
		}
		if (i % 101 == 0)
			smp_call_function_single((me + 1) % CPUS, change_in_interrupt, NULL, true);
	}
}

static void a_local_lock_keeps_owner_and_remotes_apart(void **state)
{
	unsigned long remote = 0;

	memset(data, 0, sizeof(data));
	on_all(own_and_visit, NULL);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(data[cpu].a, data[cpu].b);
		assert_int_equal(data[cpu].a, data[cpu].owner_turns + data[cpu].remote_turns);
		assert_int_equal(data[cpu].lock.busy, 0);
		assert_int_equal(data[cpu].lock.wanted, 0);
		assert_true(data[cpu].owner_turns > TURNS / 2);
		remote += data[cpu].remote_turns;
	}
	assert_int_equal(remote, CPUS * (TURNS / 97 + 1));
}

/*
 * Store here, look there, on two CPUs, with the barrier on one side only: not both may see nothing (Dekker). Without the
 * barrier a build without sanitizers shows it, when the two meet in time: for a second they try to.
 */
#define DEKKER_ROUNDS 60000U
#define DEKKER_NS 1000000000ULL
#define DEKKER_END (2 * DEKKER_ROUNDS + 1)
static u32 x __cacheline_aligned, y __cacheline_aligned, turn __cacheline_aligned;
static u32 cheap_side_saw;

static u32 wait_for_turn(u32 other_than)
{
	u32 now;

	for (unsigned int spins = 0; (now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) == other_than;
	     spins++)
		if (spins > 1000)
			port_cpu_relax();
	return now;
}

static void cheap_side(void *arg)
{
	u32 now = 0;

	while ((now = wait_for_turn(now)) != DEKKER_END) {
		__atomic_store_n(&x, 1, __ATOMIC_RELAXED);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		cheap_side_saw = __atomic_load_n(&y, __ATOMIC_RELAXED);
		__atomic_store_n(&turn, ++now, __ATOMIC_RELEASE);
	}
}

static void a_membarrier_stands_for_the_other_sides_barrier(void **state)
{
	u64 end = port_time_ns() + DEKKER_NS;
	unsigned long both_saw_nothing = 0;
	u32 round, saw;

	turn = 0;
	assert_int_equal(smp_run_on(1, cheap_side, NULL), 0);
	for (round = 0; round < DEKKER_ROUNDS && port_time_ns() < end; round++) {
		__atomic_store_n(&x, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&y, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&turn, 2 * round + 1, __ATOMIC_RELEASE);
		for (u32 n = round % 300; n; n--)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
		__atomic_store_n(&y, 1, __ATOMIC_RELAXED);
		smp_membarrier();
		saw = __atomic_load_n(&x, __ATOMIC_RELAXED);
		wait_for_turn(2 * round + 1);
		both_saw_nothing += !cheap_side_saw && !saw;
	}
	__atomic_store_n(&turn, DEKKER_END, __ATOMIC_RELEASE);
	smp_run_wait(1);
	assert_true(round > 0);
	assert_int_equal(both_saw_nothing, 0);
}

/* ------------------------------------------------------------------ the end */

static void spin_for_ever(void *arg)
{
	for (;;)
		port_cpu_relax();
}

static void spin_with_interrupts_off(void *arg)
{
	port_irq_save();
	spin_for_ever(NULL);
}

static void wait_for_a_lock(void *arg)
{
	spin_lock(&lock);
}

static void power_off(void *arg)
{
	port_poweroff(7);
}

/* Not inlined: setjmp leaves the locals of its function unknown. */
static noinline int power_off_on(unsigned int cpu)
{
	if (setjmp(host_power))
		return host_exit_code;
	if (cpu)
		smp_run_on(cpu, power_off, NULL);
	else
		power_off(NULL);
	spin_for_ever(NULL);
	return 0;
}

/* Whatever the others do, and whoever says so. */
static void the_machine_ends_from_any_cpu(void **state)
{
	for (unsigned int by = 0; by < 2; by++) {
		spin_lock(&lock);
		assert_int_equal(smp_run_on(2, spin_with_interrupts_off, NULL), 0);
		assert_int_equal(smp_run_on(3, wait_for_a_lock, NULL), 0);
		assert_int_equal(power_off_on(by), 7);
		lock = (spinlock_t){.word = 0};
		for (unsigned int cpu = 1; cpu < CPUS; cpu++)
			smp_cpu_down(cpu);
		free(areas);
		start(NULL);
		every_call_arrives_once(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_call_arrives_once, start, stop),
		cmocka_unit_test_setup_teardown(calls_carry_memory_with_them, start, stop),
		cmocka_unit_test_setup_teardown(interrupts_off_defer_a_call, start, stop),
		cmocka_unit_test_setup_teardown(a_spin_lock_keeps_cpus_apart, start, stop),
		cmocka_unit_test_setup_teardown(a_local_lock_keeps_owner_and_remotes_apart, start,
						stop),
		cmocka_unit_test_setup_teardown(a_membarrier_stands_for_the_other_sides_barrier,
						start, stop),
		cmocka_unit_test_setup_teardown(the_machine_ends_from_any_cpu, start, stop),
	};

	return cmocka_run_group_tests_name("host_smp", tests, NULL, NULL);
}
