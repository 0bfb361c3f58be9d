// SPDX-License-Identifier: MIT
/*
 * Process accounting: a record in a file for each process that ends (Linux: kernel/acct.c, its format 3), with the numbers of the pid
 * namespace that has asked for it; those above it have theirs as well.
 *
 * Invariant: the file is regular, open for appending, and held until the namespace's init ends, or the first's. Locking: kernel_lock.
 *
 * Against Linux: no record says whether privileges were used (ASU) or which terminal it had, and a full file system does not stop it for a
 * while: the record is not written.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "syscall.h"
#include "vfs.h"

#define VERSION 3
#define FLAG_FORKED 0x01 /* and never became another program */
#define FLAG_DUMPED 0x08
#define FLAG_KILLED 0x10
#define TICK_NS 10000000 /* times are in hundredths of a second */

struct record {
	u8 flag, version;
	u16 tty;
	u32 exit_code, uid, gid, pid, ppid, began;
	u32 elapsed; /* a float */
	u16 utime, stime, mem, io, rw, min_flt, maj_flt, swaps;
	char comm[TASK_COMM_LEN];
};
BUILD_BUG_ON(sizeof(struct record) != 64);

/* 13 bits, and 3 bits for how often it was divided by 8, rounded. */
static u16 short_number(u64 value)
{
	unsigned int exp = 0;
	bool up = false;

	while (value > 0x1fff) {
		up = value & 4;
		value >>= 3;
		exp++;
	}
	if (up && ++value > 0x1fff) {
		value >>= 3;
		exp++;
	}
	return exp > 7 ? 0xffff : (u16)(exp << 13 | value);
}

/* As IEEE 754 has it in 32 bits, cut off. */
static u32 float_of(u64 value)
{
	unsigned int top;

	if (!value)
		return 0;
	top = 63 - (unsigned int)__builtin_clzll(value);
	value = top > 23 ? value >> (top - 23) : value << (23 - top);
	return (127 + top) << 23 | ((u32)value & 0x7fffff);
}

static void append(struct open_file *f, const struct record *r)
{
	struct record copy = *r;
	u64 pos = inode_size(f->inode);
	struct iter it;

	iter_init_kernel(&it, &copy, sizeof(copy));
	(void)f->op->write(f, &it, &pos);
}

void acct_process(const struct task *t, int code)
{
	const struct signal_struct *s = t->signal;
	const u64 ran = port_time_ns() - s->leader->start_time;
	const int parent = s->parent ? s->parent->leader->pid : 0;
	struct pid_ns *ns = task_pid_ns(t);
	struct usage used;
	struct record r = {
		.version = VERSION, .exit_code = (u32)code, .uid = t->cred.uid, .gid = t->cred.gid};

	while (ns && !ns->acct)
		ns = ns->parent;
	if (!ns)
		return;
	if (!s->has_execed)
		r.flag |= FLAG_FORKED;
	if (code & WAIT_DUMPED)
		r.flag |= FLAG_DUMPED;
	if (code & 0x7f)
		r.flag |= FLAG_KILLED;
	r.began = (u32)((u64)((s64)(port_time_ns() - ran) + realtime_offset) / 1000000000);
	r.elapsed = float_of(ran / TICK_NS);
	usage_of_process(s, &used);
	r.utime = short_number(used.utime / TICK_NS);
	r.stime = short_number(used.stime / TICK_NS);
	r.min_flt = short_number(used.min_flt);
	r.maj_flt = short_number(used.maj_flt);
	r.mem = short_number(t->mm ? t->mm->total_vm * (PAGE_SIZE / 1024) : 0);
	memcpy(r.comm, t->comm, sizeof(r.comm));
	for (; ns; ns = ns->parent) {
		r.pid = (u32)pid_nr_in(t->tgid, ns);
		r.ppid = (u32)pid_nr_in(parent, ns);
		if (ns->acct)
			append(ns->acct, &r);
	}
}

void acct_end(struct pid_ns *ns)
{
	struct open_file *f = ns->acct;

	ns->acct = NULL;
	if (f)
		file_put(f);
}

static long begin(unsigned long name)
{
	struct open_file *f;
	char *path;
	long err = user_path_get(name, &path);

	if (err)
		return err;
	err = file_open(AT_FDCWD, path, O_WRONLY | O_APPEND, 0, &f);
	kfree(path);
	if (err)
		return err;
	if ((f->inode->mode & S_IFMT) != S_IFREG)
		err = -EACCES;
	else if (!strcmp(f->inode->sb->type->name, "proc") ||
		 !strcmp(f->inode->sb->type->name, "sysfs"))
		err = -EINVAL;
	else if (!f->op || !f->op->write)
		err = -EIO;
	if (err) {
		file_put(f);
		return err;
	}
	acct_end(task_pid_ns(current));
	task_pid_ns(current)->acct = f;
	return 0;
}

long call_acct(const struct syscall_args *r)
{
	if (!capable(CAP_SYS_PACCT))
		return -EPERM;
	if (r->a[0])
		return begin(r->a[0]);
	acct_end(task_pid_ns(current));
	return 0;
}
