// SPDX-License-Identifier: MIT
/*
 * Whose turn it is, on all CPUs.
 *
 * kernel_lock is held by whoever runs code of kernel/: system calls take it (but those on memory only, kernel/syscall.c), what is done
 * before EL0 goes on takes it, idle CPUs take it to look for work. It is free while programs run at EL0, in page faults and in the
 * calls on memory. A task that sleeps gives it to the task that runs next on its CPU: it is held throughout a switch, so what the one has
 * written before it slept the other one sees, and a task that has ended is off its stack when anybody can look at it.
 *
 * The kernel is not preempted. EL0 is: by the timer when a slice is over and others wait, by an interrupt from another CPU when a task
 * is woken that may only run here. Interrupts take no lock of kernel/: they set a bit in `work` of the task that they have found, or
 * `kicked` of an idle CPU, and the rest is done under kernel_lock.
 *
 * Invariants: a task is in the run queue, or on a CPU, or waits; never two of these. on_cpu tasks are `current` of their CPU. The timer of a
 * CPU is set no later than its next slice's end, if somebody waits for a CPU, and than the earliest ktimer; of idle CPUs one is enough for that.
 *
 * Against Linux: one queue for all CPUs, first come first served but for those that have slept (enqueue). That is fair between programs of
 * one priority, which is all that
 * there are; nice values are kept and told, but change nothing.
 */
#include <quire/mm_init.h>
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/spinlock.h>
#include <quire/string.h>

#include "pid.h"
#include "task.h"

#define SLICE_NS 4000000ULL
/* What a task waits for one that has woken it and may sleep itself now; then it may as well run elsewhere. */
#define SYNC_NS 200000ULL
#define LOAD_NS 5000000000ULL
/* What a task computes at least before one that has slept takes its CPU, and at least of a slice. */
#define GRAIN_NS 500000ULL
/* How often the timer looks whether a task is at EL0: Linux's, with 250 a second. */
#define TICK_NS 4000000ULL

DEFINE_PER_CPU(struct task *, current_task);

struct sched_cpu {
	struct task idle;
	bool up, is_idle;
	bool debugs; /* EL0 stops at instructions or addresses */
	bool kicked; /* atomic: an idle CPU has something to look for */
	u64 armed;   /* when the timer interrupts; ~0: not */
	u64 slice_end;
	u64 wanted; /* when there is something to do; the timer also comes in between, for `tick` */
	u64 tick;   /* when the task that runs is looked at next */
	u64 looked; /* when it was looked at */
	struct task *fp_owner; /* whose registers the CPU has in its SIMD registers */
};
static DEFINE_PER_CPU_ALIGNED(struct sched_cpu, sched_cpus);

static spinlock_t the_lock;
static unsigned int lock_owner; /* 1 + the CPU */
static struct link queue = {&queue, &queue};
static unsigned int nr_queued, nr_on_cpu;
static bool stopping;
static unsigned long loads[3];
static u64 load_at;

unsigned int nr_tasks, max_tasks;

/* ------------------------------------------------------------------ the lock */

/*
 * Whoever comes first gets it, not who has waited longest: a CPU of a virtual machine may not run for milliseconds, and with turns all
 * others would wait for it each time its turn comes. Nobody draws a ticket, so a try succeeds whenever nobody holds it.
 *
 * A CPU that has looked for it LOOKS times sleeps: the one that has it may be a virtual CPU that does not run because this one does. It
 * says so in lock_sleepers, and whoever frees the lock wakes one of them by an IPI. Either the sleeper sees the lock free, or who frees it sees the
 * sleeper: between its own write and the look at the other's word each has a full barrier. One that is woken and comes too late sleeps
 * again; who was faster wakes the next.
 */
#define LOOKS 200U

static u64 lock_sleepers[NR_CPUS / 64];

static void sleep_for_lock(void)
{
	const unsigned int cpu = port_cpu();
	unsigned long flags = port_irq_save();

	__atomic_fetch_or(&lock_sleepers[cpu / 64], BIT(cpu % 64), __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* An interrupt that is pending ends it, and is taken below. */
	if (spin_is_locked(&the_lock))
		port_cpu_idle();
	__atomic_fetch_and(&lock_sleepers[cpu / 64], ~BIT(cpu % 64), __ATOMIC_RELAXED);
	port_irq_restore(flags);
}

void kernel_lock(void)
{
	unsigned int looks = 0;

	while (!spin_trylock(&the_lock)) {
		while (spin_is_locked(&the_lock)) {
			smp_hold_point();
			if (++looks < LOOKS || port_irqs_disabled()) {
				port_cpu_relax();
			} else {
				sleep_for_lock();
				looks = 0;
			}
		}
	}
	__atomic_store_n(&lock_owner, port_cpu() + 1, __ATOMIC_RELAXED);
}

static void wake_lock_sleeper(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(lock_sleepers); i++) {
		u64 bits = __atomic_load_n(&lock_sleepers[i], __ATOMIC_RELAXED);

		if (!bits)
			continue;
		__atomic_fetch_and(&lock_sleepers[i], ~(bits & -bits), __ATOMIC_RELAXED);
		port_send_ipi(i * 64 + (unsigned int)__builtin_ctzll(bits));
		return;
	}
}

void kernel_unlock(void)
{
	__atomic_store_n(&lock_owner, 0, __ATOMIC_RELAXED);
	spin_unlock(&the_lock);
	if (nr_cpus_possible == 1)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wake_lock_sleeper();
}

bool kernel_is_locked(void)
{
	return __atomic_load_n(&lock_owner, __ATOMIC_RELAXED) == port_cpu() + 1;
}

/* ------------------------------------------------------------------ the timer of a CPU */

/* Another CPU comes no later, and sees to it. One that has been interrupted is about to, and sets its timer anew afterwards. */
static bool armed_elsewhere(const struct sched_cpu *c, u64 at)
{
	for (unsigned int cpu = 0; cpu < nr_cpus_possible; cpu++) {
		const struct sched_cpu *other = per_cpu_ptr(&sched_cpus, cpu);

		if (other != c && other->up && other->is_idle &&
		    __atomic_load_n(&other->armed, __ATOMIC_RELAXED) <= at)
			return true;
	}
	return false;
}

/* Set it as the invariant wants. */
static void arm_timer(struct sched_cpu *c)
{
	u64 at = ktimer_next();

	/* Not all idle CPUs for one timer: they would meet at the lock, and all but one find nothing. */
	if (at != ~0ULL && c->is_idle && armed_elsewhere(c, at))
		at = ~0ULL;
	if (!c->is_idle && nr_queued)
		at = min(at, c->slice_end);
	c->wanted = at;
	if (current->regs)
		at = min(at, c->tick);
	if (at == c->armed)
		return;
	c->armed = at;
	port_timer_set(at);
}

void timer_interrupt(bool user)
{
	struct sched_cpu *c = this_cpu_ptr(&sched_cpus);
	struct task *t = current;
	u64 now = port_time_ns();

	if (now >= c->tick && t && t->regs) {
		/* Late, when a virtual machine's CPU did not run: all that time counts. */
		if (user)
			t->user_ticks += now - c->looked;
		else
			t->kernel_ticks += now - c->looked;
		c->looked = now;
		c->tick = now + TICK_NS;
	}
	/* Whoever was about to set it does so when this is over: then it comes once more than it has to. */
	if (now < c->wanted && t && t->regs) {
		c->armed = min(c->wanted, c->tick);
		port_timer_set(c->armed);
		return;
	}
	c->armed = ~0ULL;
	__atomic_store_n(&c->kicked, true, __ATOMIC_RELAXED);
	if (t && t->regs)
		__atomic_fetch_or(&t->regs->work, USER_WORK_RESCHED, __ATOMIC_RELAXED);
}

void sched_timer_changed(void)
{
	if (current)
		arm_timer(this_cpu_ptr(&sched_cpus));
}

static void kick(unsigned int cpu)
{
	__atomic_store_n(&per_cpu_ptr(&sched_cpus, cpu)->kicked, true, __ATOMIC_RELEASE);
	port_send_ipi(cpu);
}

void user_work_set(struct task *t, unsigned int work)
{
	__atomic_fetch_or(&t->regs->work, work, __ATOMIC_RELEASE);
	if (t->on_cpu && t != current)
		kick(t->cpu);
}

/* ------------------------------------------------------------------ the queue */

static bool allowed_on(const struct task *t, unsigned int cpu)
{
	return t->allowed.bits[cpu / 64] >> cpu % 64 & 1;
}

/*
 * What it has had of its slice is `slice_used`. Who has used it up begins another one, behind all others. Who has not goes before those that have waited
 * since theirs ended, and behind those that have slept, if it has not slept itself: so a wake-up does not wait for programs that compute,
 * and two programs that wake each other in turn have no more than a slice each before the others have theirs.
 */
static void enqueue(struct task *t, bool slept)
{
	struct link *at = &queue;

	t->ahead = false;
	if (t->slice_used >= SLICE_NS) {
		t->slice_used = 0;
	} else {
		for (at = queue.next; at != &queue; at = at->next)
			if (!link_entry(at, struct task, run)->ahead)
				break;
		t->ahead = slept;
	}
	link_add_before(&t->run, at);
	t->queued = true;
	nr_queued++;
}

static void dequeue(struct task *t)
{
	link_remove(&t->run);
	t->queued = false;
	nr_queued--;
}

static struct task *pick(unsigned int cpu)
{
	for_each_link(l, &queue)
	{
		struct task *t = link_entry(l, struct task, run);

		if (allowed_on(t, cpu))
			return t;
	}
	return NULL;
}

/* An idle CPU that may run it looks for work. False: there is none. */
static bool kick_idle_for(const struct task *t)
{
	unsigned int cpu = t->cpu;

	/* Where it ran last, if nobody runs there: its translations may still be there. */
	if (!per_cpu(sched_cpus, cpu).is_idle || !allowed_on(t, cpu))
		for (cpu = 0; cpu < nr_cpus_possible; cpu++)
			if (per_cpu(sched_cpus, cpu).is_idle && allowed_on(t, cpu))
				break;
	if (cpu == nr_cpus_possible)
		return false;
	/* Whoever wakes another one now finds the next idle CPU. */
	per_cpu(sched_cpus, cpu).is_idle = false;
	kick(cpu);
	return true;
}

/* A CPU shall take the task that has just come into the queue. */
static void find_cpu_for(struct task *t)
{
	const unsigned int self = port_cpu();
	unsigned int cpu, busy = NR_CPUS;

	if (kick_idle_for(t))
		return;
	for_each_possible_cpu(cpu)
	{
		if (per_cpu(sched_cpus, cpu).up && allowed_on(t, cpu) &&
		    (busy == NR_CPUS || cpu == self))
			busy = cpu;
	}
	if (busy == self) {
		struct sched_cpu *c = this_cpu_ptr(&sched_cpus);

		if (t->ahead)
			c->slice_end = min(c->slice_end, port_time_ns() + GRAIN_NS);
		arm_timer(c);
	} else if (busy != NR_CPUS && per_cpu(current_task, busy)->regs)
		user_work_set(per_cpu(current_task, busy), USER_WORK_RESCHED);
}

/* sync: who wakes it is about to wait for it, so it had better run here, in its turn. */
static void make_runnable(struct task *t, bool sync)
{
	struct sched_cpu *c = this_cpu_ptr(&sched_cpus);

	t->state = TASK_RUNNING;
	/* It is on its way to sleep, or has not slept yet: schedule() sees the state. */
	if (t->on_cpu || t->queued)
		return;
	/* A sleep as long as a slice: it has not had its share. */
	if (port_time_ns() - t->ran_since >= SLICE_NS)
		t->slice_used = 0;
	enqueue(t, true);
	/* This CPU was idle, and looks for work next. */
	if (!current->regs && nr_queued == 1 && allowed_on(t, port_cpu()))
		return;
	if (sync && nr_queued == 1 && current->regs && allowed_on(t, port_cpu())) {
		c->slice_end = min(c->slice_end, port_time_ns() + SYNC_NS);
		arm_timer(c);
		return;
	}
	find_cpu_for(t);
}

bool wake_up_state(struct task *t, enum task_state state)
{
	if (t->state != state)
		return false;
	make_runnable(t, false);
	return true;
}

static bool sleeps(const struct task *t)
{
	return t->state == TASK_WAITING || t->state == TASK_KILLABLE ||
	       t->state == TASK_UNINTERRUPTIBLE;
}

bool wake_up(struct task *t)
{
	if (!sleeps(t))
		return false;
	make_runnable(t, false);
	return true;
}

bool wake_up_sync(struct task *t)
{
	if (!sleeps(t))
		return false;
	make_runnable(t, true);
	return true;
}

unsigned int sched_nr_running(void)
{
	return nr_queued + nr_on_cpu;
}

/* ------------------------------------------------------------------ switching */

u64 task_runtime(const struct task *t)
{
	u64 ran = t->usage.utime + t->usage.stime;

	return t->on_cpu && t->ran_since ? ran + port_time_ns() - t->ran_since : ran;
}

struct usage task_usage(struct task *t)
{
	struct usage u = t->usage;
	u64 all = task_runtime(t), ticks = t->user_ticks + t->kernel_ticks;

	/* As Linux's cputime_adjust: the time is exact, its parts are as the timer has found them. */
	u.stime = !t->kernel_ticks ? 0
		  : !t->user_ticks ? all
				   : (u64)((__uint128_t)all * t->kernel_ticks / ticks);
	u.stime = max(u.stime, t->stime_told);
	if (all - u.stime < t->utime_told)
		u.stime = all - t->utime_told;
	u.utime = all - u.stime;
	t->stime_told = u.stime;
	t->utime_told = u.utime;
	return u;
}

static void account(struct task *t, u64 now)
{
	t->usage.utime += now - t->ran_since;
	t->ran_since = now;
}

static u64 slice_end(const struct task *t, u64 now)
{
	return now + SLICE_NS - min(t->slice_used, SLICE_NS - GRAIN_NS);
}

/* On the next task's stack; the lock has come with it. */
static void finish_switch(struct task *prev)
{
	struct sched_cpu *c = this_cpu_ptr(&sched_cpus);
	struct task *t = current;

	if (prev->state >= TASK_ZOMBIE) {
		stack_free(prev->stack);
		prev->stack = NULL;
		prev->regs = NULL;
		if (prev->state == TASK_DEAD)
			task_free(prev);
	}
	if (!t->regs)
		return;
	if (c->fp_owner != t || t->fp_cpu != port_cpu()) {
		port_load_user(&t->fp);
		c->fp_owner = t;
	}
	t->cpu = t->fp_cpu = port_cpu();
	if (unlikely(c->debugs || t->single_step || t->hw_debug[0] || t->hw_debug[1])) {
		c->debugs = t->single_step || t->hw_debug[0] || t->hw_debug[1];
		port_debug_user(t->single_step, t->hw_debug[0], t->hw_debug[1]);
	}
	if (t->rseq)
		user_work_set(t, USER_WORK_RSEQ);
}

static DEFINE_PER_CPU(struct task *, switched_from);

static void switch_to(struct task *prev, struct task *next)
{
	struct sched_cpu *c = this_cpu_ptr(&sched_cpus);
	u64 now = port_time_ns();
	unsigned long flags;

	if (prev->regs) {
		account(prev, now);
		nr_on_cpu--;
		/* A task that has ended leaves nothing to load. */
		if (prev->state < TASK_ZOMBIE)
			port_save_user(&prev->fp);
		else if (c->fp_owner == prev)
			c->fp_owner = NULL;
	}
	prev->on_cpu = false;
	next->on_cpu = true;
	next->ran_since = now;
	c->is_idle = false;
	c->slice_end = slice_end(next, now);
	if (c->tick <= now)
		c->tick = now + TICK_NS;
	c->looked = now;
	nr_on_cpu += next->regs != NULL;
	if (next->mm != prev->mm)
		mm_switch(next->mm);
	flags = port_irq_save();
	this_cpu_write(current_task, next);
	this_cpu_write(switched_from, prev);
	if (next->stack)
		port_set_kernel_stack(next->stack);
	arm_timer(c);
	port_switch_to(&prev->context, &next->context);
	port_irq_restore(flags);
	finish_switch(this_cpu_read(switched_from));
}

void schedule(void)
{
	struct task *prev = current, *next;
	struct sched_cpu *c = this_cpu_ptr(&sched_cpus);

	if (prev->regs) {
		u64 now = port_time_ns();

		prev->slice_used += now - prev->ran_since;
		account(prev, now);
	}
	if (prev->regs && prev->state == TASK_RUNNING && !prev->queued) {
		enqueue(prev, false);
		if (!allowed_on(prev, port_cpu()))
			find_cpu_for(prev);
	}
	next = pick(port_cpu());
	if (next)
		dequeue(next);
	else
		next = &c->idle;
	/* What was left for this CPU by a wake-up here, and does not come now. */
	if (nr_queued)
		kick_idle_for(link_entry(queue.next, struct task, run));
	if (next == prev) {
		c->slice_end = slice_end(prev, port_time_ns());
		arm_timer(c);
		return;
	}
	if (prev->regs) {
		if (prev->queued)
			prev->usage.nivcsw++;
		else
			prev->usage.nvcsw++;
	}
	switch_to(prev, next);
}

/* Where a new task begins. */
static void begin_user(void *arg)
{
	struct task *t = arg;

	port_irq_enable();
	finish_switch(this_cpu_read(switched_from));
	if (t->set_child_tid)
		(void)put_user(task_vnr(t), t->set_child_tid);
	kernel_unlock();
	port_return_to_user(t->regs);
}

void sched_start(struct task *t)
{
	link_init(&t->run);
	t->cpu = port_cpu();
	t->fp_cpu = NR_CPUS;
	port_task_start(&t->context, begin_user, t, t->regs);
	t->state = TASK_RUNNING;
	t->ran_since = port_time_ns();
	t->slice_used = SLICE_NS;
	enqueue(t, false);
	find_cpu_for(t);
}

void sched_yield(void)
{
	current->slice_used = SLICE_NS;
	schedule();
}

bool sched_any_queued(void)
{
	return READ_ONCE(nr_queued) != 0;
}

void sched_relax(void)
{
	struct user_regs *regs = current->regs;

	if (__atomic_load_n(&regs->work, __ATOMIC_RELAXED) & USER_WORK_RESCHED) {
		__atomic_fetch_and(&regs->work, ~USER_WORK_RESCHED, __ATOMIC_ACQUIRE);
		ktimer_run();
		schedule();
	}
	kernel_unlock();
	kernel_lock();
}

int sched_set_affinity(struct task *t, const struct cpumask *mask)
{
	struct cpumask online = {{0}};
	bool any = false;
	unsigned int cpu;

	for_each_possible_cpu(cpu) if (per_cpu(sched_cpus, cpu).up) online.bits[cpu / 64] |=
		BIT(cpu % 64);
	for (unsigned int i = 0; i < ARRAY_SIZE(online.bits); i++)
		any |= (online.bits[i] &= mask->bits[i]) != 0;
	if (!any)
		return -EINVAL;
	t->allowed = online;
	if (t->on_cpu && !allowed_on(t, t->cpu))
		user_work_set(t, USER_WORK_RESCHED);
	else if (t->queued)
		find_cpu_for(t);
	return 0;
}

/* ------------------------------------------------------------------ idle CPUs */

static void update_load(u64 now)
{
	/* Linux's: exp(-5s/1min), 5, 15 min, in 1/2048. */
	static const unsigned long decay[3] = {1884, 2014, 2037};
	unsigned long active = (unsigned long)sched_nr_running() << 11;

	if (now - load_at > 100 * LOAD_NS)
		load_at = now - 100 * LOAD_NS;
	for (; now - load_at >= LOAD_NS; load_at += LOAD_NS)
		for (unsigned int i = 0; i < 3; i++)
			loads[i] = (loads[i] * decay[i] + active * (2048 - decay[i])) >> 11;
}

void sched_loadavg(unsigned long load[3])
{
	update_load(port_time_ns());
	for (unsigned int i = 0; i < 3; i++)
		load[i] = loads[i] << 5;
}

static unsigned int timer_intid;

void sched_timer_is(unsigned int interrupt)
{
	timer_intid = interrupt;
}

void sched_idle(void *unused)
{
	struct sched_cpu *c = this_cpu_ptr(&sched_cpus);
	unsigned long flags;

	(void)unused;
	port_user_init(system_has_pan);
	kernel_lock();
	if (port_timer_init(timer_intid) && !port_cpu())
		pr_warn("no timer interrupts: programs run until they wait\n");
	port_timer_set(~0ULL);
	c->armed = ~0ULL;
	c->idle.state = TASK_RUNNING;
	c->idle.on_cpu = true;
	c->idle.cpu = port_cpu();
	c->up = true;
	this_cpu_write(current_task, &c->idle);
	for (;;) {
		__atomic_store_n(&c->kicked, false, __ATOMIC_RELAXED);
		ktimer_run();
		schedule();
		if (stopping)
			break;
		/* Programs have run meanwhile, and have woken others. */
		if (pick(port_cpu()))
			continue;
		c->is_idle = true;
		arm_timer(c);
		kernel_unlock();
		flags = port_irq_save();
		if (!__atomic_load_n(&c->kicked, __ATOMIC_ACQUIRE))
			port_cpu_idle();
		port_irq_restore(flags);
		kernel_lock();
		c->is_idle = false;
	}
	port_timer_set(~0ULL);
	c->up = false;
	this_cpu_write(current_task, NULL);
	kernel_unlock();
}

void sched_stop(void)
{
	unsigned int cpu;

	stopping = true;
	for_each_possible_cpu(cpu) if (per_cpu(sched_cpus, cpu).up && cpu != port_cpu()) kick(cpu);
}

void sched_wait_stopped(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) if (cpu != port_cpu()) smp_run_wait(cpu);
}

/* The other CPUs are idle for programs from here on. */
void sched_init(void)
{
	unsigned int cpu;

	stopping = false;
	load_at = port_time_ns();
	max_tasks = (unsigned int)min(totalram_pages() / (8 * TASK_STACK_SIZE >> PAGE_SHIFT),
				      (unsigned long)PID_MAX - 1);
	max_tasks = max(max_tasks, 20U);
	for_each_online_cpu(cpu) if (cpu != port_cpu() && smp_run_on(cpu, sched_idle, NULL))
		pr_warn("CPU%u runs no programs\n", cpu);
}
