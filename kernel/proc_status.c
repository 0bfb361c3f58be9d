// SPDX-License-Identifier: MIT
/*
 * /proc/PID/status, stat, statm, limits: what a task is, in Linux 6.12's formats (fs/proc/array.c, task_mmu.c). Locking: kernel_lock.
 */
#include <quire/mempolicy.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "pid.h"
#include "proc_status.h"
#include "seccomp.h"
#include "userns.h"

/* Ticks of a clock as programs count them: USER_HZ is 100. */
#define NS_PER_TICK 10000000ULL
/* CAP_CHECKPOINT_RESTORE is the last one. */

static unsigned long kb(unsigned long pages)
{
	return pages << (PAGE_SHIFT - 10);
}

static char state_letter(const struct task *t)
{
	static const char letters[] = {
		[TASK_RUNNING] = 'R', [TASK_WAITING] = 'S', [TASK_KILLABLE] = 'D',
		[TASK_STOPPED] = 'T', [TASK_TRACED] = 't',  [TASK_ZOMBIE] = 'Z',
		[TASK_DEAD] = 'X',
	};

	return (size_t)t->state < sizeof(letters) && letters[t->state] ? letters[t->state] : 'S';
}

static const char *state_name(char letter)
{
	switch (letter) {
	case 'R':
		return "R (running)";
	case 'D':
		return "D (disk sleep)";
	case 'T':
		return "T (stopped)";
	case 't':
		return "t (tracing stop)";
	case 'Z':
		return "Z (zombie)";
	case 'X':
		return "X (dead)";
	default:
		return "S (sleeping)";
	}
}

static int parent_pid(const struct task *t, const struct pid_ns *ns)
{
	const struct signal_struct *p = t->signal->parent;

	return p && p->leader ? pid_nr_in(p->leader->tgid, ns) : 0;
}

/* Names must not break lines. */
static void put_comm(struct out *out, const char *comm)
{
	for (; *comm; comm++)
		if (*comm == '\n')
			out_puts(out, "\\n");
		else if (*comm == '\\')
			out_puts(out, "\\\\");
		else
			out_write(out, comm, 1);
}

static void signal_sets(const struct task *t, u64 *ignored, u64 *caught)
{
	*ignored = *caught = 0;
	for (int i = 0; t->sighand && i < NSIG; i++) {
		u64 handler = t->sighand->action[i].handler;

		if (handler == SIG_IGN)
			*ignored |= BIT((unsigned int)i);
		else if (handler != SIG_DFL)
			*caught |= BIT((unsigned int)i);
	}
}

static void put_memory(struct out *out, const struct mm_struct *mm)
{
	unsigned long anon = (unsigned long)get_mm_counter(mm, MM_ANONPAGES),
		      file = (unsigned long)get_mm_counter(mm, MM_FILEPAGES),
		      shmem = (unsigned long)get_mm_counter(mm, MM_SHMEMPAGES),
		      rss = anon + file + shmem;
	unsigned long text = (ALIGN(mm->end_code, PAGE_SIZE) -
			      ALIGN_DOWN(mm->start_code, PAGE_SIZE)),
		      lib = mm->exec_vm << PAGE_SHIFT;

	text = min(text, lib);
	out_printf(out,
		   "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\n"
		   "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8lu kB\n"
		   "RssShmem:\t%8lu kB\nVmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\n"
		   "VmLib:\t%8lu kB\nVmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\nHugetlbPages:\t%8lu kB\n",
		   kb(max(mm->hiwater_vm, mm->total_vm)), kb(mm->total_vm), kb(mm->locked_vm), 0UL,
		   kb(rss), kb(rss), kb(anon), kb(file), kb(shmem), kb(mm->data_vm),
		   kb(mm->stack_vm), text >> 10, (lib - text) >> 10,
		   (unsigned long)mm->pgtables_bytes >> 10, 0UL, 0UL);
}

/* One for each namespace from that of the mount to the task's own. */
static void put_numbers(struct out *out, const char *what, int pid, const struct pid_ns *ns)
{
	out_puts(out, what);
	pid_put_numbers(out, pid_lookup(pid, &init_pid_ns), ns);
	out_puts(out, "\n");
}

int proc_show_status(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	u64 ignored, caught;

	if (!t)
		return -ESRCH;
	signal_sets(t, &ignored, &caught);
	out_puts(out, "Name:\t");
	put_comm(out, t->comm);
	out_puts(out, "\n");
	if (t->fs)
		out_printf(out, "Umask:\t%04o\n", t->fs->umask);
	out_printf(out, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		   state_name(state_letter(t)), pid_nr_in(t->tgid, r->ns), pid_nr_in(t->pid, r->ns),
		   parent_pid(t, r->ns), t->tracer ? pid_nr_in(t->tracer->tgid, r->ns) : 0);
	proc_put_ids(out, t);
	out_printf(out, "FDSize:\t%u\n",
		   t->files	? max(files_max(t->files), 64U)
		   : t->kthread ? 64U
				: 0U);
	proc_put_groups(out, t);
	put_numbers(out, "NStgid:", t->tgid, r->ns);
	put_numbers(out, "NSpid:", t->pid, r->ns);
	put_numbers(out, "NSpgid:", t->signal->pgrp, r->ns);
	put_numbers(out, "NSsid:", t->signal->session, r->ns);
	out_printf(out, "Kthread:\t%d\n", t->kthread);
	if (t->mm) {
		put_memory(out, t->mm);
		out_printf(out, "CoreDumping:\t0\nTHP_enabled:\t%d\nuntag_mask:\t%#lx\n",
			   !t->mm->thp_disabled, BIT(56) - 1);
	}
	out_printf(out, "Threads:\t%u\nSigQ:\t0/%llu\n", t->signal->nr_threads,
		   (unsigned long long)t->signal->rlim[RLIMIT_SIGPENDING].cur);
	out_printf(out,
		   "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\n"
		   "SigCgt:\t%016llx\n",
		   (unsigned long long)t->pending.set, (unsigned long long)t->signal->pending.set,
		   (unsigned long long)t->blocked, (unsigned long long)ignored,
		   (unsigned long long)caught);
	proc_put_caps(out, t);
	out_printf(out,
		   "NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\n"
		   "Speculation_Store_Bypass:\tvulnerable\nSpeculationIndirectBranch:\tunknown\n",
		   t->signal->no_new_privs, t->seccomp_mode, seccomp_filters(t));
	out_puts(out, "Cpus_allowed:\t");
	put_cpus(out, t->allowed.bits, false);
	out_puts(out, "\nCpus_allowed_list:\t");
	put_cpus(out, t->allowed.bits, true);
	out_printf(out, "\nMems_allowed:\t%04x\nMems_allowed_list:\t",
		   (unsigned int)nodes_with_memory());
	nodes_show(out, nodes_with_memory());
	out_puts(out, "\n");
	out_printf(out, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		   (unsigned long long)t->usage.nvcsw, (unsigned long long)t->usage.nivcsw);
	return 0;
}

/* ------------------------------------------------------------------ stat */

/* PF_RANDOMIZE or PF_KTHREAD and PF_NOFREEZE, and PF_FORKNOEXEC. */
static unsigned int task_flags(const struct task *t)
{
	return t->kthread ? 0x208040U : 0x400000U | (t->signal->has_execed ? 0 : 0x40U);
}

int proc_show_stat(struct out *out, const struct pseudo_ref *r)
{
	struct task *t = proc_task(r);
	const bool whole = t && r->pid == r->tid && !r->key2;
	const struct mm_struct *mm = t ? t->mm : NULL;
	const struct signal_struct *s;
	struct usage used;
	u64 ignored, caught;

	if (!t)
		return -ESRCH;
	s = t->signal;
	if (whole)
		usage_of_process(s, &used);
	else
		used = task_usage(t);
	signal_sets(t, &ignored, &caught);
	out_printf(out, "%d (", pid_nr_in(whole ? t->tgid : t->pid, r->ns));
	put_comm(out, t->comm);
	out_printf(out, ") %c %d %d %d 0 -1 %u", state_letter(t), parent_pid(t, r->ns),
		   pid_nr_in(s->pgrp, r->ns), pid_nr_in(s->session, r->ns), task_flags(t));
	out_printf(out, " %llu %llu %llu %llu", (unsigned long long)used.min_flt,
		   (unsigned long long)s->children_usage.min_flt, (unsigned long long)used.maj_flt,
		   (unsigned long long)s->children_usage.maj_flt);
	out_printf(out, " %llu %llu %llu %llu", (unsigned long long)(used.utime / NS_PER_TICK),
		   (unsigned long long)(used.stime / NS_PER_TICK),
		   (unsigned long long)(s->children_usage.utime / NS_PER_TICK),
		   (unsigned long long)(s->children_usage.stime / NS_PER_TICK));
	out_printf(out, " %d %d %u 0 %llu", 20 + t->nice, t->nice, s->nr_threads,
		   (unsigned long long)(t->start_time / NS_PER_TICK));
	out_printf(out, " %lu %lu %llu", mm ? mm->total_vm << PAGE_SHIFT : 0,
		   mm ? get_mm_rss(mm) : 0, (unsigned long long)s->rlim[RLIMIT_RSS].cur);
	out_printf(out, " %lu %lu %lu 0 0", mm ? mm->start_code : 0, mm ? mm->end_code : 0,
		   mm ? mm->start_stack : 0);
	out_printf(out, " %llu %llu %llu %llu", (unsigned long long)t->pending.set & 0x7fffffff,
		   (unsigned long long)t->blocked & 0x7fffffff,
		   (unsigned long long)ignored & 0x7fffffff,
		   (unsigned long long)caught & 0x7fffffff);
	out_printf(out, " %d 0 0 %d %u %d %d 0 0 0", t->state != TASK_RUNNING, t->exit_signal,
		   t->cpu, t->rt_priority, t->policy);
	if (mm)
		out_printf(out, " %lu %lu %lu %lu %lu %lu %lu", mm->start_data, mm->end_data,
			   mm->start_brk, mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		out_puts(out, " 0 0 0 0 0 0 0");
	out_printf(out, " %d\n", t->exit_code);
	return 0;
}

int proc_show_statm(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	const struct mm_struct *mm = t ? t->mm : NULL;
	unsigned long text;

	if (!t)
		return -ESRCH;
	if (!mm) {
		out_puts(out, "0 0 0 0 0 0 0\n");
		return 0;
	}
	text = (ALIGN(mm->end_code, PAGE_SIZE) - ALIGN_DOWN(mm->start_code, PAGE_SIZE)) >>
	       PAGE_SHIFT;
	out_printf(out, "%lu %lu %ld %lu 0 %lu 0\n", mm->total_vm, get_mm_rss(mm),
		   get_mm_counter(mm, MM_FILEPAGES) + get_mm_counter(mm, MM_SHMEMPAGES), text,
		   mm->data_vm + mm->stack_vm);
	return 0;
}

/* ------------------------------------------------------------------ limits */

int proc_show_limits(struct out *out, const struct pseudo_ref *r)
{
	static const char *const names[NR_RLIMITS][2] = {
		{"Max cpu time", "seconds"},	 {"Max file size", "bytes"},
		{"Max data size", "bytes"},	 {"Max stack size", "bytes"},
		{"Max core file size", "bytes"}, {"Max resident set", "bytes"},
		{"Max processes", "processes"},	 {"Max open files", "files"},
		{"Max locked memory", "bytes"},	 {"Max address space", "bytes"},
		{"Max file locks", "locks"},	 {"Max pending signals", "signals"},
		{"Max msgqueue size", "bytes"},	 {"Max nice priority", NULL},
		{"Max realtime priority", NULL}, {"Max realtime timeout", "us"},
	};
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_puts(
		out,
		"Limit                     Soft Limit           Hard Limit           Units     \n");
	for (unsigned int i = 0; i < NR_RLIMITS; i++) {
		const u64 limit[2] = {t->signal->rlim[i].cur, t->signal->rlim[i].max};

		out_printf(out, "%-26s", names[i][0]);
		for (unsigned int j = 0; j < 2; j++)
			if (limit[j] == RLIM_INFINITY)
				out_printf(out, "%-21s", "unlimited");
			else
				out_printf(out, "%-21llu", (unsigned long long)limit[j]);
		if (names[i][1])
			out_printf(out, "%-10s\n", names[i][1]);
		else
			out_puts(out, "\n");
	}
	return 0;
}

/* ------------------------------------------------------------------ who it is */

void proc_put_ids(struct out *out, const struct task *t)
{
	const struct cred *c = &t->cred;

	out_printf(out, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", uid_to_user(c->uid),
		   uid_to_user(c->euid), uid_to_user(c->suid), uid_to_user(c->fsuid),
		   gid_to_user(c->gid), gid_to_user(c->egid), gid_to_user(c->sgid),
		   gid_to_user(c->fsgid));
}

void proc_put_groups(struct out *out, const struct task *t)
{
	out_puts(out, "Groups:\t");
	for (u32 i = 0; i < t->cred.nr_groups; i++)
		out_printf(out, i ? " %u" : "%u", gid_to_user(t->cred.groups[i]));
	out_puts(out, " \n");
}

void proc_put_caps(struct out *out, const struct task *t)
{
	const struct cred *c = &t->cred;

	out_printf(out,
		   "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:"
		   "\t%016llx\n",
		   (unsigned long long)c->cap_inheritable, (unsigned long long)c->cap_permitted,
		   (unsigned long long)c->cap_effective, (unsigned long long)c->cap_bset,
		   (unsigned long long)c->cap_ambient);
}
