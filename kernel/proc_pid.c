// SPDX-License-Identifier: MIT
/*
 * /proc/PID: the processes, and what there is of each (Linux: fs/proc/base.c). Its larger texts are in proc_status.c and
 * proc_maps.c, its descriptors in proc_fd.c.
 *
 * A thread's directory has the same entries as its process's, but task/ and map_files/. Files of a task that has ended say ESRCH, or
 * nothing where Linux says so. Locking: kernel_lock.
 */
#include <quire/mm_init.h>
#include <quire/pagewalk.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "proc_fd.h"
#include "proc_status.h"
#include "ptrace.h"
#include "socket.h"
#include "timens.h"
#include "userns.h"

struct task *proc_task(const struct pseudo_ref *r)
{
	struct task *t = r->tid ? task_find(r->tid) : NULL;

	return t && t->start_time == r->start ? t : NULL;
}

long proc_put_path(struct dentry *d, char *buf, size_t size)
{
	char *page = kmalloc(PATH_MAX, GFP_KERNEL), *text;
	long n = page ? d_path(d, vfs_root(), page, PATH_MAX, &text) : -ENOMEM;

	if (n > 0) {
		n = min(n, (long)size);
		memcpy(buf, text, (size_t)n);
	}
	kfree(page);
	dput(d);
	return n;
}

bool proc_number(const char *name, size_t len, unsigned int *value)
{
	*value = 0;
	if (!len || len > 9 || (name[0] == '0' && len > 1))
		return false;
	for (; len; len--, name++) {
		if (*name < '0' || *name > '9')
			return false;
		*value = *value * 10 + (unsigned int)(*name - '0');
	}
	return true;
}

/* ------------------------------------------------------------------ texts out of the program's memory */

/* [start, end) as it is there. */
static int put_user_range(struct out *out, struct mm_struct *mm, unsigned long start,
			  unsigned long end)
{
	char chunk[256];

	while (start < end) {
		size_t n = min(end - start, sizeof(chunk)), left;

		left = access_remote_vm(mm, start, chunk, n, false);
		out_write(out, chunk, n - left);
		if (left)
			break;
		start += n;
	}
	return 0;
}

static int show_cmdline(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	struct mm_struct *mm = t ? t->mm : NULL;
	unsigned long end;
	char c = 0;

	if (!t)
		return -ESRCH;
	if (!mm || !mm->arg_end)
		return 0;
	/* A program that has written over its arguments may have gone on into its environment. */
	end = mm->arg_end;
	if (mm->arg_end > mm->arg_start && !access_remote_vm(mm, end - 1, &c, 1, false) && c &&
	    mm->env_start == end) {
		while (end < mm->env_end && !access_remote_vm(mm, end, &c, 1, false) && c)
			end++;
		return put_user_range(out, mm, mm->arg_start, end);
	}
	return put_user_range(out, mm, mm->arg_start, end);
}

static int show_environ(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	return t->mm ? put_user_range(out, t->mm, t->mm->env_start, t->mm->env_end) : 0;
}

/* The vector lies behind the environment's pointers on the stack that the program has begun with. */
static int show_auxv(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	struct mm_struct *mm = t ? t->mm : NULL;
	unsigned long at;
	u64 word, pair[2];

	if (!t)
		return -ESRCH;
	if (!mm || access_remote_vm(mm, mm->start_stack, &word, sizeof(word), false))
		return 0;
	at = mm->start_stack + 8 * (word + 2);
	do {
		if (access_remote_vm(mm, at, &word, sizeof(word), false))
			return 0;
		at += 8;
	} while (word && at < mm->env_end);
	do {
		if (access_remote_vm(mm, at, pair, sizeof(pair), false))
			return 0;
		out_write(out, (const char *)pair, sizeof(pair));
		at += sizeof(pair);
	} while (pair[0] && at < mm->env_end);
	return 0;
}

/* ------------------------------------------------------------------ small texts */

static int show_comm(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_printf(out, "%s\n", t->comm);
	return 0;
}

static int store_comm(const struct pseudo_ref *r, char *text, size_t n)
{
	struct task *t = proc_task(r);

	(void)n;
	if (!t)
		return -ESRCH;
	if (!current || current->tgid != t->tgid)
		return -EINVAL;
	quire_strlcpy(t->comm, text, sizeof(t->comm));
	return 0;
}

static int show_oom_score_adj(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_printf(out, "%d\n", t->signal->oom_score_adj);
	return 0;
}

static int store_oom_score_adj(const struct pseudo_ref *r, char *text, size_t n)
{
	struct task *t = proc_task(r);
	long value;
	int err = parse_long(text, &value);

	(void)n;
	if (err)
		return err;
	if (value < -1000 || value > 1000)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	t->signal->oom_score_adj = (int)value;
	return 0;
}

/* The scale that came before: -17 to 15. */
static int show_oom_adj(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_printf(out, "%d\n",
		   t->signal->oom_score_adj == 1000 ? 15 : t->signal->oom_score_adj * 17 / 1000);
	return 0;
}

static int store_oom_adj(const struct pseudo_ref *r, char *text, size_t n)
{
	struct task *t = proc_task(r);
	long value;
	int err = parse_long(text, &value);

	(void)n;
	if (err)
		return err;
	if ((value < -16 || value > 15) && value != -17)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	t->signal->oom_score_adj = value == 15 ? 1000 : (int)(value * 1000 / 17);
	return 0;
}

static int show_oom_score(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	long total = (long)totalram_pages(), points;

	if (!t)
		return -ESRCH;
	if (!t->mm || t->signal->oom_score_adj == -1000 || !total) {
		out_puts(out, "0\n");
		return 0;
	}
	points = (long)get_mm_rss(t->mm) + (t->mm->pgtables_bytes >> PAGE_SHIFT) +
		 t->signal->oom_score_adj * total / 1000;
	out_printf(out, "%ld\n", (1000 + points * 1000 / total) * 2 / 3);
	return 0;
}

static int show_wchan(struct out *out, const struct pseudo_ref *r)
{
	if (!proc_task(r))
		return -ESRCH;
	out_puts(out, "0");
	return 0;
}

/* Nobody has logged in. Without an end of line. */
static int show_no_id(struct out *out, const struct pseudo_ref *r)
{
	if (!proc_task(r))
		return -ESRCH;
	out_puts(out, "4294967295");
	return 0;
}

/* Linux: proc_pid_stack. What a task does in the kernel is not looked for: nobody who may see it sees a frame. */
static int show_stack(struct out *out, const struct pseudo_ref *r)
{
	(void)out;
	if (!proc_task(r))
		return -ESRCH;
	return capable(CAP_SYS_ADMIN) ? 0 : -EACCES;
}

static int show_syscall(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	const struct user_regs *regs = t ? t->regs : NULL;

	if (!t)
		return -ESRCH;
	if (ptrace_may_access(t))
		return -EPERM;
	if (!regs || (t != current && t->state == TASK_RUNNING)) {
		out_puts(out, "running\n");
		return 0;
	}
	out_printf(out, "%lld", (long long)regs->x[8]);
	for (unsigned int i = 0; i < 6; i++)
		out_printf(out, " 0x%llx", (unsigned long long)regs->x[i]);
	out_printf(out, " 0x%llx 0x%llx\n", (unsigned long long)regs->sp,
		   (unsigned long long)regs->pc);
	return 0;
}

static int show_personality(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_printf(out, "%08lx\n", t->personality);
	return 0;
}

static int show_timerslack(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_printf(out, "%llu\n", (unsigned long long)t->timer_slack);
	return 0;
}

static int store_timerslack(const struct pseudo_ref *r, char *text, size_t n)
{
	struct task *t = proc_task(r);
	long value;
	int err = parse_long(text, &value);

	(void)n;
	if (!t)
		return -ESRCH;
	if (!err)
		t->timer_slack = value ? (u64)value : 50000;
	return err;
}

static int show_schedstat(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_printf(out, "%llu 0 %llu\n", (unsigned long long)task_runtime(t),
		   (unsigned long long)(t->usage.nvcsw + t->usage.nivcsw));
	return 0;
}

static int show_children(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	if (t->pid != t->tgid)
		return 0;
	for_each_process(p) if (p->parent == t->signal && p->leader)
		out_printf(out, "%d ", pid_nr_in(p->leader->tgid, r->ns));
	return 0;
}

static int show_coredump_filter(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	if (t->mm)
		out_printf(out, "%08x\n", t->mm->coredump_filter);
	return 0;
}

static int store_coredump_filter(const struct pseudo_ref *r, char *text, size_t n)
{
	const struct task *t = proc_task(r);
	long value;
	int err = parse_long(text, &value);

	(void)n;
	if (err)
		return err;
	if (!t)
		return -ESRCH;
	if (t->mm)
		t->mm->coredump_filter = (u32)value & 0x1ff;
	return 0;
}

static int store_clear_refs(const struct pseudo_ref *r, char *text, size_t n)
{
	const struct task *t = proc_task(r);
	long what;
	int err = parse_long(text, &what);

	(void)n;
	if (err)
		return err;
	if (what < 1 || what > 5)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	/* 4 is of a bit that arm64 has not; 5 is of the highest resident size. */
	if (t->mm && what <= 3)
		vm_clear_refs(t->mm, (int)what);
	return 0;
}

static int show_timers(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	posix_timers_show(out, t);
	return 0;
}

static int show_ksm_stat(struct out *out, const struct pseudo_ref *r)
{
	if (!proc_task(r))
		return -ESRCH;
	out_puts(out,
		 "ksm_rmap_items 0\nksm_zero_pages 0\nksm_merging_pages 0\nksm_process_profit 0\n");
	return 0;
}

/* ------------------------------------------------------------------ places */

static int follow_cwd(const struct pseudo_ref *r, struct dentry **to)
{
	const struct task *t = proc_task(r);

	if (!t || !t->fs)
		return -ENOENT;
	*to = dget(t->fs->cwd);
	return 0;
}

static int follow_root(const struct pseudo_ref *r, struct dentry **to)
{
	const struct task *t = proc_task(r);

	if (!t || !t->fs)
		return -ENOENT;
	*to = dget(t->fs->root);
	return 0;
}

static int follow_exe(const struct pseudo_ref *r, struct dentry **to)
{
	const struct task *t = proc_task(r);

	return t && t->mm ? proc_exe(t->mm, to) : -ENOENT;
}

long proc_read_place(const struct pseudo_ref *r, char *buf, size_t size)
{
	struct dentry *d;
	int err = r->e->follow(r, &d);

	return err ? err : proc_put_path(d, buf, size);
}

/* ------------------------------------------------------------------ namespaces */

#define NS(n)                                                                                      \
	{                                                                                          \
		.name = (n), .mode = S_IFLNK | 0777, .follow = ns_follow, .readlink = ns_read      \
	}
static const struct pseudo_entry namespaces[] = {
	NS("net"),
	NS("uts"),
	NS("ipc"),
	NS("pid"),
	NS("pid_for_children"),
	NS("user"),
	NS("mnt"),
	NS("time"),
	NS("time_for_children"),
	NS("cgroup"),
	{0},
};

/* ------------------------------------------------------------------ the entries of a task */

static const struct pseudo_dir threads;

#define RW(n, m, sh, st)                                                                           \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | (m), .show = (sh), .store = (st)                    \
	}
/* Who has it written by a program with more rights than he has does not get them. */
#define BY_OPENER(n, sh, st)                                                                       \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = (sh), .store = (st),                  \
		.by_opener = true                                                                  \
	}
#define PLACE(n, f)                                                                                \
	{                                                                                          \
		.name = (n), .mode = S_IFLNK | 0777, .follow = (f), .readlink = proc_read_place    \
	}
#define FIXED(n, m, text)                                                                          \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | (m), .show = pseudo_show_text, .data = (text)       \
	}
#define ASKED(n, m, d)                                                                             \
	{                                                                                          \
		.name = (n), .mode = S_IFDIR | (m), .dir = &(d)                                    \
	}
#define COMMON                                                                                     \
	ASKED("fd", 0500, proc_fds), ASKED("fdinfo", 0555, proc_fdinfos),                          \
		PSEUDO_DIR("ns", 0511, namespaces), PSEUDO_TEXT("environ", 0400, show_environ),    \
		PSEUDO_TEXT("auxv", 0400, show_auxv),                                              \
		PSEUDO_TEXT("status", 0444, proc_show_status),                                     \
		PSEUDO_TEXT("personality", 0400, show_personality),                                \
		PSEUDO_TEXT("limits", 0444, proc_show_limits),                                     \
		RW("comm", 0644, show_comm, store_comm),                                           \
		PSEUDO_TEXT("syscall", 0400, show_syscall),                                        \
		PSEUDO_TEXT("stack", 0400, show_stack),                                            \
		PSEUDO_TEXT("cmdline", 0444, show_cmdline),                                        \
		PSEUDO_TEXT("stat", 0444, proc_show_stat),                                         \
		PSEUDO_TEXT("statm", 0444, proc_show_statm),                                       \
		PSEUDO_TEXT("maps", 0444, proc_show_maps),                                         \
		PSEUDO_TEXT("numa_maps", 0444, proc_show_numa_maps),                               \
		{.name = "mem", .mode = S_IFREG | 0600, .fop = &proc_mem_fop},                     \
		PLACE("cwd", follow_cwd), PLACE("root", follow_root), PLACE("exe", follow_exe),    \
		PSEUDO_TEXT_SPLICE("mounts", 0444, proc_show_mounts, 1),                           \
		PSEUDO_TEXT_SPLICE("mountinfo", 0444, proc_show_mountinfo, 1),                     \
		RW("clear_refs", 0200, NULL, store_clear_refs),                                    \
		PSEUDO_TEXT("smaps", 0444, proc_show_smaps),                                       \
		PSEUDO_TEXT("smaps_rollup", 0444, proc_show_smaps_rollup),                         \
		{.name = "pagemap", .mode = S_IFREG | 0400, .fop = &proc_pagemap_fop},             \
		PSEUDO_TEXT("wchan", 0444, show_wchan),                                            \
		PSEUDO_TEXT("schedstat", 0444, show_schedstat), FIXED("cpuset", 0444, "/"),        \
		FIXED("cgroup", 0444, "0::/"), PSEUDO_TEXT("oom_score", 0444, show_oom_score),     \
		RW("oom_adj", 0644, show_oom_adj, store_oom_adj),                                  \
		RW("oom_score_adj", 0644, show_oom_score_adj, store_oom_score_adj),                \
		PSEUDO_TEXT("loginuid", 0644, show_no_id),                                         \
		PSEUDO_TEXT("sessionid", 0444, show_no_id),                                        \
		FIXED("io", 0400,                                                                  \
		      "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"    \
		      "cancelled_write_bytes: 0"),                                                 \
		BY_OPENER("uid_map", show_id_map, store_id_map),                                   \
		BY_OPENER("gid_map", show_id_map, store_id_map),                                   \
		BY_OPENER("projid_map", show_id_map, store_id_map),                                \
		BY_OPENER("setgroups", show_setgroups, store_setgroups),                           \
		FIXED("ksm_merging_pages", 0400, "0"),                                             \
		PSEUDO_TEXT("ksm_stat", 0400, show_ksm_stat)

/* Of the network namespace that the process is in. */
static int show_unix(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t || !t->nsproxy)
		return -ESRCH;
	unix_report(out, t->nsproxy->of[NSP_NET]);
	return 0;
}

static const struct pseudo_entry net_entries[] = {PSEUDO_TEXT("unix", 0444, show_unix), {0}};

static const struct pseudo_entry process_entries[] = {
	ASKED("task", 0555, threads),
	ASKED("map_files", 0500, proc_map_files),
	COMMON,
	PSEUDO_DIR("net", 0555, net_entries),
	PSEUDO_TEXT_SPLICE("mountstats", 0400, proc_show_mountstats, 1),
	RW("coredump_filter", 0644, show_coredump_filter, store_coredump_filter),
	RW("timens_offsets", 0644, show_timens_offsets, store_timens_offsets),
	RW("timerslack_ns", 0666, show_timerslack, store_timerslack),
	PSEUDO_TEXT("timers", 0444, show_timers),
	FIXED("autogroup", 0644, "/autogroup-1 nice 0"),
	{0},
};
static const struct pseudo_entry thread_entries[] = {
	COMMON,
	PSEUDO_DIR("net", 0555, net_entries),
	PSEUDO_TEXT("children", 0444, show_children),
	{0},
};

static const struct pseudo_entry process_dir = PSEUDO_DIR("", 0555, process_entries);
static const struct pseudo_entry thread_dir = PSEUDO_DIR("", 0555, thread_entries);

bool proc_task_of_dir(const struct open_file *f, struct task **t)
{
	if (f->inode->sb->type != &proc_type || pseudo_ref(f->inode)->e != &process_dir)
		return false;
	*t = proc_task(pseudo_ref(f->inode));
	return true;
}

static void task_ref(const struct task *t, const struct pseudo_entry *e, struct pseudo_ref *found)
{
	found->e = e;
	found->pid = t->tgid;
	found->tid = t->pid;
	found->start = t->start_time;
	/* A thread's own figures, also where it is the first one. */
	found->key2 = e == &thread_dir;
}

/* ------------------------------------------------------------------ task/ */

static int threads_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
			  struct pseudo_ref *found)
{
	const struct task *t;
	unsigned int pid;

	if (!proc_number(name, len, &pid))
		return -ENOENT;
	t = pid_task(pid_lookup((int)pid, dir->ns));
	if (!t || t->tgid != dir->pid)
		return -ENOENT;
	task_ref(t, &thread_dir, found);
	return 0;
}

static bool threads_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
			 struct pseudo_ref *found)
{
	const struct task *of = proc_task(dir), *best = NULL;
	int nr, least = 0;

	if (!of)
		return false;
	for_each_thread(t, of->signal)
	{
		nr = pid_nr(t->thread_pid, dir->ns);
		if (nr && (u64)nr >= *pos && (!best || nr < least)) {
			best = t;
			least = nr;
		}
	}
	if (!best)
		return false;
	*pos = (u64)least;
	quire_snprintf(name, 64, "%d", least);
	task_ref(best, &thread_dir, found);
	return true;
}

static const struct pseudo_dir threads = {threads_lookup, threads_next};

/* ------------------------------------------------------------------ /proc's processes */

static int pids_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
		       struct pseudo_ref *found)
{
	const struct task *t;
	unsigned int pid;

	if (!proc_number(name, len, &pid))
		return -ENOENT;
	t = pid_task(pid_lookup((int)pid, dir->ns));
	if (!t)
		return -ENOENT;
	task_ref(t, &process_dir, found);
	return 0;
}

static bool pids_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
		      struct pseudo_ref *found)
{
	const struct task *best = NULL;
	int nr, least = 0;

	for_each_process(p)
	{
		const struct task *t = p->leader;

		nr = t ? pid_nr(t->thread_pid, dir->ns) : 0;
		if (nr && (u64)nr >= *pos && (!best || nr < least)) {
			best = t;
			least = nr;
		}
	}
	if (!best)
		return false;
	*pos = (u64)least;
	quire_snprintf(name, 64, "%d", least);
	task_ref(best, &process_dir, found);
	return true;
}

const struct pseudo_dir proc_pids = {pids_lookup, pids_next};
