// SPDX-License-Identifier: MIT
/*
 * What a tracer may ask of a task that has stopped, besides its registers and memory: the system call it is in, signals that wait, and its
 * filters (Linux: kernel/ptrace.c, kernel/seccomp.c). Changes nothing. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "ptrace.h"
#include "seccomp.h"
#include "syscall.h"

enum {
	PTRACE_PEEKSIGINFO = 0x4209,
	PTRACE_SECCOMP_GET_FILTER = 0x420c,
	PTRACE_SECCOMP_GET_METADATA,
	PTRACE_GET_SYSCALL_INFO,
};

/* ------------------------------------------------------------------ signals */

#define PEEKSIGINFO_SHARED 1U

static long peek_siginfo(const struct task *t, unsigned long at, unsigned long to)
{
	struct {
		u64 off;
		u32 flags;
		s32 nr;
	} a;
	const struct sigpending *p;
	u64 n = 0;
	long done = 0;

	if (get_user(a, at))
		return -EFAULT;
	if (a.flags & ~PEEKSIGINFO_SHARED || a.nr < 0)
		return -EINVAL;
	p = a.flags & PEEKSIGINFO_SHARED ? &t->signal->pending : &t->pending;
	for_each_link(l, &p->queue)
	{
		u8 info[SIGINFO_SIZE] = {0};

		if (done == a.nr)
			break;
		if (n++ < a.off)
			continue;
		memcpy(info, &link_entry(l, struct sigqueue, link)->info, sizeof(struct siginfo));
		if (copy_to_user(to + (u64)done * sizeof(info), info, sizeof(info)))
			return done ? done : -EFAULT;
		done++;
	}
	return done;
}

/* ------------------------------------------------------------------ the system call */

struct syscall_info {
	u8 op, pad[3];
	u32 arch;
	u64 pc, sp;
	union {
		struct {
			u64 nr, args[6];
			u32 ret_data; /* of seccomp's */
		} entry;
		struct {
			s64 value;
			u8 is_error;
		} exit;
	};
};
enum { INFO_NONE, INFO_ENTRY, INFO_EXIT, INFO_SECCOMP };
#define INFO_END(member)                                                                           \
	(offsetof(struct syscall_info, member) + sizeof(((struct syscall_info *)0)->member))

static size_t entry_info(const struct task *t, struct syscall_info *i)
{
	i->op = INFO_ENTRY;
	i->entry.nr = (u64)t->trace_nr;
	memcpy(i->entry.args, t->regs->x, sizeof(i->entry.args));
	i->entry.args[0] = t->regs->orig_x0;
	return INFO_END(entry.args);
}

static long syscall_info(const struct task *t, u64 room, unsigned long to)
{
	struct syscall_info i = {.arch = AUDIT_ARCH_AARCH64, .pc = t->regs->pc, .sp = t->regs->sp};
	size_t size = offsetof(struct syscall_info, entry);
	const int code = t->trace_info ? t->trace_info->code : 0;

	if (code == (SIGTRAP | 0x80) && t->trace_message == 1) {
		size = entry_info(t, &i);
	} else if (code == (SIGTRAP | 0x80) && t->trace_message == 2) {
		i.op = INFO_EXIT;
		i.exit.value = (s64)t->regs->x[0];
		i.exit.is_error = i.exit.value < 0 && i.exit.value >= -4095;
		size = INFO_END(exit.is_error);
	} else if (code == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
		(void)entry_info(t, &i);
		i.op = INFO_SECCOMP;
		i.entry.ret_data = (u32)t->trace_message;
		size = INFO_END(entry.ret_data);
	}
	if (copy_to_user(to, &i, min((u64)size, room)))
		return -EFAULT;
	return (long)size;
}

/* ------------------------------------------------------------------ filters */

#define SECCOMP_FILTER_FLAG_LOG 2U

static long get_filter(const struct task *t, u64 n, unsigned long to)
{
	const struct seccomp_filter *f;

	if (!capable(CAP_SYS_ADMIN) || current->seccomp_mode)
		return -EACCES;
	if (t->seccomp_mode != SECCOMP_MODE_FILTER)
		return -EINVAL;
	f = seccomp_filter_at(t, n);
	if (!f)
		return -ENOENT;
	if (to && copy_to_user(to, f->insn, f->len * sizeof(f->insn[0])))
		return -EFAULT;
	return (long)f->len;
}

static long get_metadata(const struct task *t, u64 size, unsigned long at)
{
	struct {
		u64 off, flags;
	} md = {0};
	const struct seccomp_filter *f;

	if (!capable(CAP_SYS_ADMIN) || current->seccomp_mode)
		return -EACCES;
	size = min(size, (u64)sizeof(md));
	if (size < sizeof(md.off))
		return -EINVAL;
	if (get_user(md.off, at))
		return -EFAULT;
	if (t->seccomp_mode != SECCOMP_MODE_FILTER)
		return -EINVAL;
	f = seccomp_filter_at(t, md.off);
	if (!f)
		return -ENOENT;
	md.flags = f->log ? SECCOMP_FILTER_FLAG_LOG : 0;
	return copy_to_user(at, &md, size) ? -EFAULT : (long)size;
}

long ptrace_info(struct task *t, int request, unsigned long addr, unsigned long data)
{
	switch (request) {
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(t, addr, data);
	case PTRACE_SECCOMP_GET_FILTER:
		return get_filter(t, addr, data);
	case PTRACE_SECCOMP_GET_METADATA:
		return get_metadata(t, addr, data);
	case PTRACE_GET_SYSCALL_INFO:
		return syscall_info(t, addr, data);
	}
	return -EAGAIN;
}
