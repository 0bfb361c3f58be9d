// SPDX-License-Identifier: MIT
/*
 * Memory is out, and a program needs a page: the one that has most ends for it (Linux: mm/oom_kill.c, oom_badness: resident pages and
 * tables, moved by oom_score_adj in thousandths of all memory). init, and who has -1000, does not. process_mrelease takes the memory of who
 * ends already, but has not come to it.
 *
 * Locking: out_of_memory() takes kernel_lock, the call has it.
 */
#include <quire/mm_init.h>
#include <quire/printk.h>

#include "clone.h"
#include "syscall.h"
#include "task.h"
#include "vfs.h"

static long badness(const struct signal_struct *s)
{
	const struct task *with_mm = NULL;
	long points;

	if (s->leader->pid == 1 || s->oom_score_adj == -1000 || s->flags & SIGNAL_GROUP_EXIT)
		return 0;
	for_each_thread(t, s) if (t->mm)
	{
		with_mm = t;
		break;
	}
	if (!with_mm)
		return 0;
	points = (long)get_mm_rss(with_mm->mm) + (with_mm->mm->pgtables_bytes >> PAGE_SHIFT);
	points += (long)(totalram_pages() / 1000) * s->oom_score_adj;
	return max(points, 1L);
}

void out_of_memory(void)
{
	struct signal_struct *victim = NULL;
	bool dying = false;
	long most = 0;

	kernel_lock();
	for_each_process(s)
	{
		long points = badness(s);

		dying |= s->flags & SIGNAL_GROUP_EXIT && s->nr_threads;
		if (points > most) {
			most = points;
			victim = s;
		}
	}
	/* Who ends already gives memory back: wait for that first. */
	if (dying || !victim) {
		if (!dying && !fatal_signal_pending()) {
			pr_err("Out of memory and no killable processes...\n");
			send_group_signal(SIGKILL, current->signal);
			if (current->signal->leader->pid == 1)
				panic("System is deadlocked on memory");
		}
	} else {
		pr_err("Out of memory: Killed process %d (%s) anon-rss:%lukB\n",
		       victim->leader->pid, victim->leader->comm,
		       (unsigned long)most << (PAGE_SHIFT - 10));
		send_group_signal(SIGKILL, victim);
	}
	sleep_killable(port_time_ns() + 1000000);
	kernel_unlock();
}

static bool out_in_call(void)
{
	bool locked = kernel_is_locked();

	if (locked)
		kernel_unlock();
	out_of_memory();
	if (locked)
		kernel_lock();
	return !fatal_signal_pending();
}

void oom_init(void)
{
	vm_out_of_memory = out_in_call;
}

/* ------------------------------------------------------------------ process_mrelease */

static struct mm_struct *mm_of(const struct signal_struct *s)
{
	for_each_thread(t, s) if (t->mm) return t->mm;
	return NULL;
}

/* No thread of it comes back to its program. */
static bool will_end(const struct signal_struct *s)
{
	return s->flags & SIGNAL_GROUP_EXIT || (s->nr_threads == 1 && s->leader->exiting);
}

/* Nor one of another process that has the same memory. */
static bool will_be_free(const struct mm_struct *mm)
{
	for_each_process(s)
	{
		if (will_end(s))
			continue;
		for_each_thread(t, s) if (t->mm == mm) return false;
	}
	return true;
}

long call_process_mrelease(const struct syscall_args *r)
{
	struct signal_struct *s;
	struct mm_struct *mm;
	bool nonblock;
	long pid;

	if ((u32)r->a[1])
		return -EINVAL;
	pid = pidfd_pid((int)r->a[0], &nonblock);
	if (pid < 0)
		return pid == -ECHILD ? -ESRCH : pid;
	s = process_find((int)pid);
	mm = mm_of(s);
	if (!mm)
		return -ESRCH;
	if (!will_be_free(mm))
		return -EINVAL;
	mmget(mm);
	vm_reap(mm);
	mm_put_unlocked(mm);
	return 0;
}
