// SPDX-License-Identifier: MIT
/* /proc/uptime, loadavg, interrupts, stat: what CPUs have done (Linux: fs/proc/uptime.c, loadavg.c, stat.c, kernel/irq/proc.c). Locking: kernel_lock. */
#include <quire/smp.h>

#include "pid.h"
#include "proc.h"
#include "timens.h"

#define NS_PER_TICK 10000000ULL

/* Nanoseconds that CPUs were idle, all together: never less than before. */
static u64 idle_ns(void)
{
	static u64 last;
	u64 now = port_time_ns() * nr_cpus_possible, busy = 0;

	for_each_process(p)
	{
		busy += p->dead_threads.utime + p->dead_threads.stime;
		for_each_thread(t, p) busy += task_runtime(t);
	}
	if (now > busy && now - busy > last)
		last = now - busy;
	return last;
}

int proc_show_uptime(struct out *out, const struct pseudo_ref *r)
{
	u64 up = (port_time_ns() + (u64)time_ns_offset(7 /* CLOCK_BOOTTIME */)) / NS_PER_TICK,
	    idle = idle_ns() / NS_PER_TICK;

	(void)r;
	out_printf(out, "%llu.%02llu %llu.%02llu\n", (unsigned long long)(up / 100),
		   (unsigned long long)(up % 100), (unsigned long long)(idle / 100),
		   (unsigned long long)(idle % 100));
	return 0;
}

int proc_show_loadavg(struct out *out, const struct pseudo_ref *r)
{
	unsigned long load[3];

	(void)r;
	sched_loadavg(load);
	for (unsigned int i = 0; i < 3; i++)
		out_printf(out, "%lu.%02lu ", load[i] >> 16, (load[i] & 0xffff) * 100 >> 16);
	out_printf(out, "%u/%u %d\n", sched_nr_running(), nr_tasks, task_pid_ns(current)->last);
	return 0;
}

/* The CPUs' timers, and their calls of each other, which are all of one kind. */
int proc_show_interrupts(struct out *out, const struct pseudo_ref *r)
{
	struct irq_counts c;
	unsigned int cpu;

	(void)r;
	out_printf(out, "%11s", "");
	for_each_online_cpu(cpu) out_printf(out, "CPU%-8u", cpu);
	port_irq_counts(port_cpu(), &c);
	if (c.controller) {
		out_printf(out, "\n%3u:", c.timer_id);
		for_each_online_cpu(cpu)
		{
			port_irq_counts(cpu, &c);
			out_printf(out, " %10llu", (unsigned long long)c.timer);
		}
		out_printf(out, "  %8s %3u %-8s  arch_timer\nIPI1:", c.controller, c.timer_id,
			   "Level");
		for_each_online_cpu(cpu)
		{
			port_irq_counts(cpu, &c);
			out_printf(out, "%10llu ", (unsigned long long)c.ipi);
		}
		out_puts(out, "      Function call interrupts");
	}
	out_printf(out, "\nErr: %10u\n", 0);
	return 0;
}

static u64 all_interrupts(void)
{
	struct irq_counts c;
	unsigned int cpu;
	u64 n = 0;

	for_each_online_cpu(cpu)
	{
		port_irq_counts(cpu, &c);
		n += c.timer + c.ipi;
	}
	return n;
}

int proc_show_cpu_stat(struct out *out, const struct pseudo_ref *r)
{
	u64 idle = idle_ns() / NS_PER_TICK, up = port_time_ns() / NS_PER_TICK * nr_cpus_possible,
	    user = up > idle ? up - idle : 0, forks = 0;
	struct timespec now = time_now();

	(void)r;
	out_printf(out, "cpu  %llu 0 0 %llu 0 0 0 0 0 0\n", (unsigned long long)user,
		   (unsigned long long)idle);
	for (unsigned int cpu = 0; cpu < nr_cpus_possible; cpu++)
		if (cpu_online(cpu))
			out_printf(out, "cpu%u %llu 0 0 %llu 0 0 0 0 0 0\n", cpu,
				   (unsigned long long)(user / nr_cpus_possible),
				   (unsigned long long)(idle / nr_cpus_possible));
	for_each_process(p) if (p->leader) forks = max(forks, (u64)p->leader->pid);
	out_printf(
		out,
		"intr %llu\nctxt 0\nbtime %lld\nprocesses %llu\nprocs_running %u\nprocs_blocked 0\n"
		"softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		(unsigned long long)all_interrupts(),
		(long long)(now.sec -
			    ((s64)port_time_ns() + time_ns_offset(7 /* CLOCK_BOOTTIME */)) /
				    1000000000),
		(unsigned long long)forks, sched_nr_running());
	return 0;
}
