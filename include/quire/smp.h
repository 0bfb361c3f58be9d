/* SPDX-License-Identifier: MIT */
/*
 * CPUs: which there are, bringing them up, running something on another (boot/smp.c over the port).
 *
 * possible: 0 .. nr_cpus_possible-1, from /cpus. online: has come up and takes cross calls. A CPU that is online stays so,
 * except on the host port, where a thread that plays a CPU may end (smp_cpu_down).
 *
 * Two ways to make another CPU do something:
 *   smp_call_function_single   an IPI: fn runs there in interrupt context, with interrupts off, at once
 *   smp_run_on                 fn runs there as its thread, with interrupts on, when it has nothing else to do
 */
#ifndef QUIRE_SMP_H
#define QUIRE_SMP_H

#include <quire/mmzone.h>
#include <quire/port.h>

/* maxcpus=, nosmp (0): how many CPUs smp_init may bring up, the boot CPU included; 0 means that one, too. */
extern unsigned int setup_max_cpus;
/* nr_cpus=: how many CPUs there are at most. */
extern unsigned int nr_cpus_limit;
/* quire.nolse[=CPU]: CPUs that are taken to have no FEAT_LSE, a bit each; all from 63 on have the last. */
extern u64 setup_nolse;
/* quire.nopan[=CPU]: the same for FEAT_PAN. */
extern u64 setup_nopan;
/* Every CPU has FEAT_PAN. From smp_init on, which decides it. */
extern bool system_has_pan;

bool cpu_online(unsigned int cpu);
unsigned int num_online_cpus(void);
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < nr_cpus_possible; (cpu)++)
#define for_each_online_cpu(cpu)                                                                   \
	for_each_possible_cpu(cpu) if (!cpu_online(cpu))                                           \
	{                                                                                          \
	}                                                                                          \
	else

/*
 * Number the CPUs: the boot CPU is 0, the others follow in the tree's order; nr_cpus= cuts the list. Once, before anything
 * counts CPUs (Linux: smp_init_cpus).
 */
void smp_init_cpus(void);

/*
 * Start the secondaries: PSCI or spin-table on the board, threads on the host. After the page allocator, per-CPU areas and
 * slab. One that does not come up is reported and left out. maxcpus= and nosmp limit it (Linux: smp_init).
 */
void smp_init(void);

/* Called on the CPU itself when it can take interrupts: it is online from here on. */
void smp_cpu_up(unsigned int cpu);
void smp_cpu_down(unsigned int cpu);

/*
 * Run fn(arg) on a CPU in interrupt context; on this CPU directly, with interrupts off. wait: until it has returned.
 * -ENODEV when the CPU is not online. Not with interrupts off, unless wait is false (Linux: smp_call_function_single).
 */
int smp_call_function_single(unsigned int cpu, void (*fn)(void *arg), void *arg, bool wait);
/* On all online CPUs, this one included; waits when `wait`. */
void on_each_cpu(void (*fn)(void *arg), void *arg, bool wait);

/*
 * Run fn(arg) as the thread of a CPU other than this that is online and idle: -EBUSY when it has a job already, -ENODEV.
 * smp_run_wait: until that job has returned.
 */
int smp_run_on(unsigned int cpu, void (*fn)(void *arg), void *arg);
void smp_run_wait(unsigned int cpu);

/* The port's interrupt handler calls it when an IPI came, with interrupts off. */
void smp_handle_ipi(void);

/*
 * Every other online CPU passes through a full memory barrier before this returns (Linux: membarrier's private expedited
 * command). Board: an IPI to each. Host: the system call of that name. Not with interrupts off.
 */
void smp_membarrier(void);

/*
 * Keep every other CPU in a loop, with interrupts off, that touches neither the linear map nor anything allocated but its
 * stack, until smp_release_others(): for a moment in which memory that they use is not mapped. Interrupts are off between the two.
 * A CPU is held where it takes the IPI, and in smp_hold_point(), which every loop calls that waits for a lock or a CPU, so the
 * caller may hold locks that others wait for with interrupts off. (There it also stops when the machine ends.) With one CPU it is
 * turning interrupts off.
 */
unsigned long smp_hold_others(void);
void smp_release_others(unsigned long flags);
void smp_hold_point(void);
/* A turn of such a loop. */
static inline void smp_wait_relax(void)
{
	smp_hold_point();
	port_cpu_relax();
}

/* What a CPU does that has nothing to do: takes interrupts, and runs what smp_run_on gives it. */
void smp_idle(void) __noreturn;

/*
 * The machine ends (panic, a fatal exception): the first CPU that says so gets true, also when it says it again; any other
 * gets false and has to call port_cpu_stop(). smp_stop_others: all other CPUs are stopped, as far as they take the
 * IPI, or wait for something, within a tenth of a second; returns how many did not.
 */
bool smp_claim_end(void);
unsigned int smp_stop_others(void);
/* Another CPU has claimed the end. */
bool smp_ended_elsewhere(void);

/* Invariants of the calls and jobs of a machine that is quiet. Prints violations, returns how many. */
int smp_check(void);

#endif
