// SPDX-License-Identifier: MIT
/* System calls on turns and CPUs, and on the machine as a whole (kernel/syscalls.def). */
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/string.h>
#include <quire/vmstat.h>

#include "pid.h"
#include "syscall.h"
#include "sched_attr.h"
#include "timens.h"
#include "userns.h"
#include "vfs.h"

long call_sched_yield(const struct syscall_args *r)
{
	/* Nobody waits for a CPU: the turn comes back at once. */
	if (!sched_any_queued())
		return 0;
	kernel_lock();
	sched_yield();
	kernel_unlock();
	return 0;
}

struct task *task_or_current(u64 pid)
{
	return (int)pid ? task_find_v((int)pid) : current;
}

long call_sched_getaffinity(const struct syscall_args *r)
{
	size_t size = DIV_ROUND_UP(nr_cpus_possible, 64) * 8, len = (u32)r->a[1];
	struct task *t = task_or_current(r->a[0]);
	struct cpumask mask = {{0}};
	unsigned int cpu;

	if (len * 8 < nr_cpus_possible || len & 7)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	for_each_online_cpu(cpu) mask.bits[cpu / 64] |= t->allowed.bits[cpu / 64] & BIT(cpu % 64);
	size = min(size, len);
	return copy_to_user(r->a[2], &mask, size) ? -EFAULT : (long)size;
}

bool may_set_sched(const struct task *t)
{
	u32 euid = current->cred.euid;

	return euid == t->cred.uid || euid == t->cred.euid || ns_capable(t->user_ns, CAP_SYS_NICE);
}

long call_sched_setaffinity(const struct syscall_args *r)
{
	struct task *t = task_or_current(r->a[0]);
	struct cpumask mask = {{0}};
	long err;

	if (copy_from_user(&mask, r->a[2], min((size_t)(u32)r->a[1], sizeof(mask))))
		return -EFAULT;
	if (!t)
		return -ESRCH;
	if (!may_set_sched(t))
		return -EPERM;
	err = sched_set_affinity(t, &mask);
	return err;
}

long call_getcpu(const struct syscall_args *r)
{
	u32 cpu = port_cpu(), node = 0;

	if ((r->a[0] && put_user(cpu, r->a[0])) || (r->a[1] && put_user(node, r->a[1])))
		return -EFAULT;
	return 0;
}

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

static bool is_meant(const struct signal_struct *s, u64 which, int who)
{
	if (which == PRIO_PGRP)
		return s->pgrp == (who ? pid_from_user(who) : current->signal->pgrp);
	return s->leader->cred.uid == (who ? uid_from_user((u32)who) : current->cred.uid);
}

/* err: of those before it, -ESRCH for none; a refusal stays. */
static long set_nice(struct task *t, int nice, long err)
{
	if (!may_set_sched(t))
		return -EPERM;
	if (nice < t->nice && !capable(CAP_SYS_NICE) &&
	    20 - nice > (int)min(t->signal->rlim[RLIMIT_NICE].cur, (u64)40))
		return -EACCES;
	t->nice = nice;
	return err == -ESRCH ? 0 : err;
}

long call_setpriority(const struct syscall_args *r)
{
	int nice = min(max((int)r->a[2], -20), 19), who = (int)r->a[1];
	long ret = -ESRCH;

	if (r->a[0] > PRIO_USER)
		return -EINVAL;
	if (r->a[0] == PRIO_PROCESS) {
		struct task *t = task_or_current(r->a[1]);

		return t ? set_nice(t, nice, ret) : ret;
	}
	for_each_process(s)
	{
		if (!is_meant(s, r->a[0], who))
			continue;
		for_each_thread(t, s) ret = set_nice(t, nice, ret);
	}
	return ret;
}

long call_getpriority(const struct syscall_args *r)
{
	int who = (int)r->a[1];
	long best = -ESRCH;

	if (r->a[0] > PRIO_USER)
		return -EINVAL;
	if (r->a[0] == PRIO_PROCESS) {
		struct task *t = task_or_current(r->a[1]);

		return t ? 20 - t->nice : -ESRCH;
	}
	for_each_process(s) if (is_meant(s, r->a[0], who)) best = max(best, 20L - s->leader->nice);
	return best;
}

/* ------------------------------------------------------------------ the machine */

struct sysinfo {
	s64 uptime;
	u64 loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u64 totalhigh, freehigh;
	u32 mem_unit;
};

long call_sysinfo(const struct syscall_args *r)
{
	struct sysinfo info = {
		.uptime =
			((s64)port_time_ns() + time_ns_offset(7 /* CLOCK_BOOTTIME */) + 999999999) /
			1000000000,
		.totalram = totalram_pages() << PAGE_SHIFT,
		.freeram = global_zone_page_state(NR_FREE_PAGES) << PAGE_SHIFT,
		.procs = (u16)nr_tasks,
		.mem_unit = 1,
	};

	sched_loadavg(info.loads);
	return copy_to_user(r->a[0], &info, sizeof(info));
}

#define REBOOT_MAGIC1 0xfee1deadU
#define REBOOT_CAD_OFF 0U
#define REBOOT_CAD_ON 0x89abcdefU

long call_reboot(const struct syscall_args *r)
{
	static const u32 magic2[] = {672274793, 85072278, 369367448, 537993216};
	unsigned int i;

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	for (i = 0; i < ARRAY_SIZE(magic2) && (u32)r->a[1] != magic2[i]; i++)
		;
	if ((u32)r->a[0] != REBOOT_MAGIC1 || i == ARRAY_SIZE(magic2))
		return -EINVAL;
	if (task_pid_ns(current) != &init_pid_ns)
		return pid_ns_reboot((u32)r->a[2]);
	switch ((u32)r->a[2]) {
	case REBOOT_CAD_OFF:
	case REBOOT_CAD_ON:
		return 0;
	case 0x01234567: /* restart: there is nothing to start again */
	case 0xcdef0123: /* halt */
	case 0x4321fedc: /* power off */
		report_unknown_syscalls();
		(void)vfs_check();
		pr_emerg("reboot: Power down\n");
		port_poweroff(0);
	}
	return -EINVAL;
}

long call_getrandom(const struct syscall_args *r)
{
	size_t left = min(r->a[1], (u64)0x7ffff000), done = 0;
	u8 chunk[256];

	if (r->a[2] & ~7ULL || (r->a[2] & 6) == 6)
		return -EINVAL;
	while (left) {
		size_t part = min(left, sizeof(chunk));

		get_random_bytes(chunk, part);
		if (copy_to_user(r->a[0] + done, chunk, part))
			return done ? (long)done : -EFAULT;
		done += part;
		left -= part;
		if (left && signal_pending())
			break;
	}
	return (long)done;
}
