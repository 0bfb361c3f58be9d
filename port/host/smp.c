// SPDX-License-Identifier: MIT
/*
 * CPUs as threads. The thread that boots the machine is its boot CPU; port_cpu_start makes one for each other.
 *
 * Interrupts. A CPU has a word that says that an IPI is pending. It is looked at where interrupts are turned on
 * (port_irq_restore, port_irq_enable), in every turn of a loop that waits (port_cpu_relax), and it ends port_cpu_idle. So an IPI
 * comes at a known place of the program, as a call on the CPU's own stack, which sanitizers understand; and who waits for
 * another CPU takes what that one sends. Not as on the board: code without any of these places is not interrupted.
 *
 * The end. The machine ends for all CPUs at once: `ending` is set, every secondary leaves its thread by longjmp at the next of
 * those places, and the boot CPU, having waited for all of them, goes where host_power says. A secondary that powers off
 * (panic) leaves the exit code and its own thread, and the boot CPU finds that it is to end, wherever it is: the locks that
 * anybody holds then are the dead machine's.
 *
 * Waiting for an IPI and being woken is a futex on the word: the sender's store and its look at `asleep` are ordered against the
 * sleeper's, and the kernel compares the word once more.
 *
 * Locking: none. cpus[] is written by the boot CPU while the thread does not run; the words are atomic.
 */
#include <quire/printk.h>
#include <quire/smp.h>

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "mmu.h"

/* So many turns of a waiting loop, and others may run: there may be fewer processors than CPUs. */
#define TURNS_A_YIELD 32U

struct cpu_thread {
	u32 ipi;    /* an interrupt is pending */
	u32 asleep; /* waits for one */
	bool started;
	pthread_t thread;
	unsigned int cpu;
	unsigned long percpu_offset;
	u64 hwid;
	jmp_buf leave;
	char *fault_stack;
} __cacheline_aligned;

static struct cpu_thread cpus[NR_CPUS];
/* The machine ends: every CPU is to leave. */
static u32 ending;
/* A secondary has ended it, and the boot CPU is to see to it; it has. What still runs then, a report, is not to be torn away. */
enum { POWER_ON, POWER_OFF_WANTED, POWER_IS_OFF };
static u32 power;

__thread u32 host_irqs_off;
__thread u32 *host_ipi;
static __thread struct cpu_thread *self;
static __thread unsigned int turns;

/* ------------------------------------------------------------------ sleeping */

static void sleep_until_ipi(struct cpu_thread *c)
{
	__atomic_store_n(&c->asleep, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&c->ipi, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &c->ipi, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	__atomic_store_n(&c->asleep, 0, __ATOMIC_SEQ_CST);
}

static void raise_ipi(struct cpu_thread *c)
{
	__atomic_store_n(&c->ipi, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->asleep, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &c->ipi, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ------------------------------------------------------------------ the end */

void host_cpus_stop(void)
{
	__atomic_store_n(&ending, 1, __ATOMIC_SEQ_CST);
	for (unsigned int cpu = 1; cpu < NR_CPUS; cpu++)
		if (cpus[cpu].started)
			raise_ipi(&cpus[cpu]);
	for (unsigned int cpu = 1; cpu < NR_CPUS; cpu++) {
		if (!cpus[cpu].started)
			continue;
		pthread_join(cpus[cpu].thread, NULL);
		free(cpus[cpu].fault_stack);
		cpus[cpu] = (struct cpu_thread){0};
		mmu_cpu_remove(cpu);
	}
	__atomic_store_n(&ending, 0, __ATOMIC_SEQ_CST);
}

static bool is_secondary(void)
{
	return self && self != &cpus[0];
}

static void __noreturn end_on_boot_cpu(void)
{
	__atomic_store_n(&power, POWER_IS_OFF, __ATOMIC_RELAXED);
	host_cpus_stop();
	__atomic_store_n(&cpus[0].ipi, 0, __ATOMIC_RELAXED);
	longjmp(host_power, 1);
}

/* This CPU has nothing more to do; does not return when the machine has ended. */
static void leave_if_ended(void)
{
	if (is_secondary()) {
		if (__atomic_load_n(&ending, __ATOMIC_ACQUIRE))
			longjmp(self->leave, 1);
	} else if (__atomic_load_n(&power, __ATOMIC_ACQUIRE) == POWER_OFF_WANTED) {
		end_on_boot_cpu();
	}
}

void port_cpu_stop(void)
{
	host_irqs_off = 1;
	if (is_secondary())
		longjmp(self->leave, 1);
	while (__atomic_load_n(&power, __ATOMIC_ACQUIRE) == POWER_ON) {
		sleep_until_ipi(&cpus[0]);
		__atomic_store_n(&cpus[0].ipi, 0, __ATOMIC_RELAXED);
	}
	end_on_boot_cpu();
}

void port_poweroff(int code)
{
	host_exit_code = code;
	if (is_secondary()) {
		__atomic_store_n(&power, POWER_OFF_WANTED, __ATOMIC_RELEASE);
		raise_ipi(&cpus[0]);
		longjmp(self->leave, 1);
	}
	end_on_boot_cpu();
}

/* ------------------------------------------------------------------ interrupts */

void host_interrupt(void)
{
	leave_if_ended();
	while (!host_irqs_off && __atomic_exchange_n(host_ipi, 0, __ATOMIC_ACQUIRE)) {
		host_irqs_off = 1;
		smp_handle_ipi();
		host_irqs_off = 0;
		leave_if_ended();
	}
}

void host_relax(void)
{
	if (host_ipi && __atomic_load_n(host_ipi, __ATOMIC_RELAXED))
		host_interrupt();
	if (++turns % TURNS_A_YIELD == 0)
		sched_yield();
}

void port_send_ipi(unsigned int cpu)
{
	raise_ipi(&cpus[cpu]);
}

void port_cpu_idle(void)
{
	sleep_until_ipi(self);
	leave_if_ended();
}

int port_irq_init(const struct irqchip *chips, unsigned int nr)
{
	/* Once a process; a kernel that has no such command gives an error each time it is used. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	return 0;
}

int port_irq_init_cpu(void)
{
	return 0;
}

bool port_membarrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* The compiler's atomic operations are all there is. */
unsigned int port_use_lse(void)
{
	return 0;
}

u64 port_time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

/* ------------------------------------------------------------------ CPUs */

void host_boot_cpu(void)
{
	self = &cpus[0];
	host_ipi = &self->ipi;
	host_irqs_off = 1;
	__atomic_store_n(&power, POWER_ON, __ATOMIC_RELAXED);
	/* It uses the template of per-CPU variables until it has its own. */
	port_set_cpu(0, 0);
}

u64 host_cpu_hwid(void)
{
	return self ? self->hwid : 0;
}

static void *run_cpu(void *arg)
{
	struct cpu_thread *c = arg;
	const stack_t alt = {.ss_sp = c->fault_stack, .ss_size = HOST_FAULT_STACK};
	stack_t before; /* a sanitizer's, which takes it back when the thread ends */

	self = c;
	host_ipi = &c->ipi;
	host_irqs_off = 1;
	port_set_cpu(c->cpu, c->percpu_offset);
	sigaltstack(&alt, &before);
	if (!setjmp(c->leave))
		secondary_start_kernel(c->cpu);
	sigaltstack(&before, NULL);
	return NULL;
}

int port_cpu_start(unsigned int cpu, u64 hwid, const char *enable_method, phys_addr_t release_addr,
		   unsigned long percpu_offset)
{
	struct cpu_thread *c = &cpus[cpu];

	c->cpu = cpu;
	c->hwid = hwid;
	c->percpu_offset = percpu_offset;
	c->fault_stack = malloc(HOST_FAULT_STACK);
	if (c->fault_stack && !mmu_cpu_add(cpu) && !pthread_create(&c->thread, NULL, run_cpu, c)) {
		c->started = true;
		return 0;
	}
	mmu_cpu_remove(cpu);
	free(c->fault_stack);
	*c = (struct cpu_thread){0};
	return -ENOMEM;
}
