// SPDX-License-Identifier: MIT
/*
 * Process numbers (kernel/pid.h). A table by number and namespace has every struct pid once for each of its levels, from pid_new() until
 * nobody is attached any more; so a number is given again only when no task, no group and no session has it.
 *
 * Invariants: a pid's namespaces are those above the deepest, in order; ns.nr_pids counts its entries in the table. Locking: kernel_lock.
 * Linux has an IDR for each namespace, and knows tasks, groups and sessions of a number by lists.
 */
#include <quire/out.h>
#include <quire/slab.h>

#include "clone.h"
#include "pid.h"
#include "task.h"
#include "userns.h"

#define PID_BUCKETS 1024U
/* As Linux: after the first round the low ones stay free. */
#define RESERVED_PIDS 300

struct pid_ns init_pid_ns = {.ns = {.users = 1, .type = CLONE_NEWPID, .ino = PID_NS_INO}};

static struct pid_number *table[PID_BUCKETS];

/* ------------------------------------------------------------------ the table */

static struct pid_number **bucket_of(int nr, const struct pid_ns *ns)
{
	u64 h = (u64)(u32)nr;

	if (ns != &init_pid_ns)
		h += ns->ns.ino * 0x9e3779b97f4a7c15ULL >> 40;
	return &table[h % PID_BUCKETS];
}

static struct pid *pid_of(struct pid_number *n)
{
	return container_of(n - n->ns->level, struct pid, number[0]);
}

struct pid *pid_lookup(int nr, const struct pid_ns *ns)
{
	struct pid_number *n = *bucket_of(nr, ns);

	while (n && (n->nr != nr || n->ns != ns))
		n = n->next;
	return n ? pid_of(n) : NULL;
}

static void take_out(struct pid_number *n)
{
	struct pid_number **p = bucket_of(n->nr, n->ns);

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	n->ns->nr_pids--;
	/* Who was to be its first has not come to be: the next one is. */
	if (!n->ns->nr_pids && !n->ns->started)
		n->ns->last = 0;
	/* Its init waits until it is the last one. */
	if (n->ns->dead && n->ns->reaper)
		wake_up_all(&n->ns->reaper->wait_chldexit);
}

static void put_in(struct pid_number *n)
{
	struct pid_number **bucket = bucket_of(n->nr, n->ns);

	n->next = *bucket;
	*bucket = n;
	n->ns->nr_pids++;
}

/* ------------------------------------------------------------------ making */

/* 0: there is none left. */
static int any_number(struct pid_ns *ns)
{
	for (int i = 0; i < PID_MAX; i++) {
		ns->last = ns->last + 1 < PID_MAX ? ns->last + 1 : RESERVED_PIDS;
		if (!pid_lookup(ns->last, ns))
			return ns->last;
	}
	return 0;
}

static long chosen_number(const struct pid_ns *ns, int nr)
{
	if (nr < 1 || nr >= PID_MAX)
		return -EINVAL;
	/* Its first process is its init. */
	if (nr != 1 && !ns->reaper)
		return -EINVAL;
	if (!ns_capable(ns_owner(&ns->ns), CAP_SYS_ADMIN) &&
	    !ns_capable(ns_owner(&ns->ns), CAP_CHECKPOINT_RESTORE))
		return -EPERM;
	return pid_lookup(nr, ns) ? -EEXIST : nr;
}

long pid_new(struct pid_ns *ns, const int *set_tid, unsigned int n, struct pid **made)
{
	struct pid *p;
	struct pid_ns *at = ns;
	u32 level = ns->level + 1;
	long nr = 0;

	if (n > ns->level + 1)
		return -EINVAL;
	p = kmalloc(sizeof(*p) + level * sizeof(p->number[0]), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->users = 1;
	p->attached = 1;
	p->task = NULL;
	p->level = ns->level;
	while (level) {
		if (ns->level + 1 - level < n)
			nr = chosen_number(at, set_tid[ns->level + 1 - level]);
		else
			nr = any_number(at) ?: -EAGAIN;
		if (nr < 0)
			break;
		level--;
		p->number[level].nr = (int)nr;
		p->number[level].ns = at;
		put_in(&p->number[level]);
		at = at->parent;
	}
	/* Nobody comes into one whose init has ended. */
	if (nr > 0 && ns->dead)
		nr = -ENOMEM;
	if (nr < 0) {
		for (u32 i = level; i <= ns->level; i++)
			take_out(&p->number[i]);
		kfree(p);
		return nr;
	}
	ns_get(&ns->ns);
	*made = p;
	return 0;
}

struct pid *pid_get(struct pid *p)
{
	p->users++;
	return p;
}

void pid_put(struct pid *p)
{
	if (--p->users)
		return;
	ns_put(&p->number[p->level].ns->ns);
	kfree(p);
}

void pid_attach(struct pid *p)
{
	p->attached++;
}

void pid_detach(struct pid *p)
{
	if (--p->attached)
		return;
	for (u32 i = 0; i <= p->level; i++)
		take_out(&p->number[i]);
	pid_put(p);
}

void pid_attach_nr(int pid)
{
	struct pid *p = pid ? pid_lookup(pid, &init_pid_ns) : NULL;

	if (p)
		pid_attach(p);
}

void pid_detach_nr(int pid)
{
	struct pid *p = pid ? pid_lookup(pid, &init_pid_ns) : NULL;

	if (p)
		pid_detach(p);
}

/* ------------------------------------------------------------------ in and out */

struct pid_ns *task_pid_ns(const struct task *t)
{
	const struct pid *p = t->thread_pid;

	return p ? p->number[p->level].ns : &init_pid_ns;
}

int pid_nr(const struct pid *p, const struct pid_ns *ns)
{
	return p && ns->level <= p->level && p->number[ns->level].ns == ns ? p->number[ns->level].nr
									   : 0;
}

int pid_nr_in(int pid, const struct pid_ns *ns)
{
	return ns == &init_pid_ns || !pid ? pid : pid_nr(pid_lookup(pid, &init_pid_ns), ns);
}

int pid_vnr(int pid)
{
	return pid_nr_in(pid, task_pid_ns(current));
}

int task_vnr(const struct task *t)
{
	return t->thread_pid ? t->thread_pid->number[t->thread_pid->level].nr : t->pid;
}

int pid_from_user(int nr)
{
	const struct pid_ns *ns = task_pid_ns(current);
	const struct pid *p;

	if (ns == &init_pid_ns)
		return nr;
	p = pid_lookup(nr, ns);
	return p ? p->number[0].nr : NO_PID;
}

struct task *task_find(int pid)
{
	return pid_task(pid_lookup(pid, &init_pid_ns));
}

struct task *task_find_v(int nr)
{
	return pid_task(pid_lookup(nr, task_pid_ns(current)));
}

struct signal_struct *process_find(int pid)
{
	struct task *t = task_find(pid);

	return t && t->tgid == pid ? t->signal : NULL;
}

void pid_put_numbers(struct out *out, const struct pid *p, const struct pid_ns *ns)
{
	if (!p || p->level < ns->level || p->number[ns->level].ns != ns) {
		out_puts(out, "\t0");
		return;
	}
	for (u32 i = ns->level; i <= p->level; i++)
		out_printf(out, "\t%d", p->number[i].nr);
}

/* ------------------------------------------------------------------ namespaces */

long pid_ns_new(struct user_ns *owner, struct namespace **made)
{
	struct pid_ns *parent = task_pid_ns(current), *ns;
	int err;

	/* There is one step at a time: who has unshared has children there first. */
	if (pid_ns_children(current) != parent)
		return -EINVAL;
	if (parent->level == MAX_PID_NS_LEVEL)
		return -ENOSPC;
	ns = kmalloc(sizeof(*ns), GFP_KERNEL | __GFP_ZERO);
	err = ns ? ns_init(&ns->ns, CLONE_NEWPID, owner) : -ENOMEM;
	if (err) {
		kfree(ns);
		return err;
	}
	ns->level = parent->level + 1;
	ns->parent = parent;
	ns_get(&parent->ns);
	*made = &ns->ns;
	return 0;
}

void pid_ns_free(struct namespace *n)
{
	struct pid_ns *ns = container_of(n, struct pid_ns, ns), *parent = ns->parent;

	kfree(ns);
	ns_put(&parent->ns);
}

bool is_reaper(const struct signal_struct *s)
{
	return task_pid_ns(s->leader)->reaper == s;
}

void pid_ns_enter(struct signal_struct *s)
{
	struct pid_ns *ns = task_pid_ns(s->leader);

	if (task_vnr(s->leader) != 1)
		return;
	ns->reaper = s;
	ns->started = true;
	s->flags |= SIGNAL_UNKILLABLE;
}

long pid_ns_reboot(u32 how)
{
	struct pid_ns *ns = task_pid_ns(current);

	switch (how) {
	case 0x01234567: /* restart */
	case 0xa1b2c3d4: /* restart with an argument */
		ns->reboot = SIGHUP;
		break;
	case 0xcdef0123: /* halt */
	case 0x4321fedc: /* power off */
		ns->reboot = SIGINT;
		break;
	default:
		return -EINVAL;
	}
	if (ns->reaper)
		send_group_signal(SIGKILL, ns->reaper);
	task_exit(0);
}

struct signal_struct *reaper_for(const struct signal_struct *s)
{
	struct pid_ns *ns = task_pid_ns(s->leader);

	/* Those who ask for it stand for orphans of their own namespace. */
	for (struct signal_struct *p = s->below_subreaper ? s->parent : NULL;
	     p && task_pid_ns(p->leader)->level == ns->level; p = p->parent)
		if (p->child_subreaper && !(p->flags & SIGNAL_GROUP_EXIT))
			return p;
	while (ns->parent && (!ns->reaper || ns->reaper == s))
		ns = ns->parent;
	return ns->reaper;
}

/* The next one in the tree below `top`, each before its children; NULL: that was the last. */
static struct signal_struct *next_below(struct signal_struct *s, const struct signal_struct *top)
{
	if (!link_alone(&s->children))
		return link_entry(s->children.next, struct signal_struct, sibling);
	while (s != top && s->sibling.next == &s->parent->children)
		s = s->parent;
	return s == top ? NULL : link_entry(s->sibling.next, struct signal_struct, sibling);
}

/* Those who end look for one only where there may be one: parents stand in rows thousands long (Linux: has_child_subreaper). */
void set_child_subreaper(struct signal_struct *s, bool on)
{
	s->child_subreaper = on;
	for (struct signal_struct *p = on ? next_below(s, s) : NULL; p; p = next_below(p, s))
		p->below_subreaper = true;
}
