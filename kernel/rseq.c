// SPDX-License-Identifier: MIT
/*
 * Restartable sequences (Linux: kernel/rseq.c, include/uapi/linux/rseq.h): a thread names 32 bytes of its memory where it finds on which
 * CPU it runs, and where it says which instructions are to begin again when it was interrupted among them.
 *
 * A thread that has them carries USER_WORK_RSEQ after each switch to it; on its way to EL0 rseq_resume writes the CPU and looks at
 * the sequence, without kernel_lock: only the thread's own memory and fields are touched. A switch after that sets the mark again. A
 * signal's frame holds where the handler returns to, so the sequence is looked at before the frame is made.
 *
 * Against Linux: mm_cid, a number smaller than that of the threads and the CPUs, is the CPU's, which differs between threads that run
 * at the same time as it has to.
 */
#include "syscall.h"
#include "task.h"

#define RSEQ_SIZE 32U
#define RSEQ_FLAG_UNREGISTER 1

struct rseq {
	u32 cpu_id_start, cpu_id;
	u64 cs; /* of struct rseq_cs */
	u32 flags, node_id, mm_cid, end;
};
BUILD_BUG_ON(sizeof(struct rseq) != RSEQ_SIZE);

struct rseq_cs {
	u32 version, flags;
	u64 start, length, abort;
};

static bool clear_cs(const struct task *t)
{
	return !put_user((u64)0, t->rseq + offsetof(struct rseq, cs));
}

/* Where it goes on, when it was inside a sequence. False: what it has named is no sequence. */
static bool fix_up(struct task *t, struct user_regs *regs, const struct rseq *r)
{
	struct rseq_cs cs;
	u32 sig;

	if (!r->cs)
		return true;
	if (r->cs >= TASK_SIZE || get_user(cs, r->cs))
		return false;
	if (cs.start >= TASK_SIZE || cs.start + cs.length >= TASK_SIZE || cs.abort >= TASK_SIZE ||
	    cs.version || cs.start + cs.length < cs.start || cs.abort - cs.start < cs.length)
		return false;
	/* So that nobody makes it jump to what is no handler. */
	if (get_user(sig, cs.abort - sizeof(sig)) || sig != t->rseq_sig)
		return false;
	if (regs->pc - cs.start < cs.length) {
		if (cs.flags || r->flags)
			return false;
		regs->pc = cs.abort;
	}
	return clear_cs(t);
}

bool rseq_resume(struct user_regs *regs)
{
	struct task *t = current;
	const u32 cpu = port_cpu();
	struct rseq r;

	if (get_user(r, t->rseq) || !fix_up(t, regs, &r))
		return false;
	if (r.cpu_id_start != cpu || r.cpu_id != cpu) {
		r.cpu_id_start = r.cpu_id = cpu;
		if (copy_to_user(t->rseq, &r, 8))
			return false;
	}
	if (r.node_id == 0 && r.mm_cid == cpu)
		return true;
	r.node_id = 0;
	r.mm_cid = cpu;
	return !copy_to_user(t->rseq + offsetof(struct rseq, node_id), &r.node_id, 8);
}

static long unregister(struct task *t, unsigned long at, u32 len, u32 sig)
{
	const u32 none[2] = {0, ~0U}, zeros[2] = {0, 0};

	if (!t->rseq || t->rseq != at || len != t->rseq_len)
		return -EINVAL;
	if (sig != t->rseq_sig)
		return -EPERM;
	if (copy_to_user(at, none, sizeof(none)) ||
	    copy_to_user(at + offsetof(struct rseq, node_id), zeros, sizeof(zeros)))
		return -EFAULT;
	t->rseq = 0;
	t->rseq_len = t->rseq_sig = 0;
	return 0;
}

long call_rseq(const struct syscall_args *r)
{
	struct task *t = current;
	unsigned long at = r->a[0];
	u32 len = (u32)r->a[1], sig = (u32)r->a[3];
	int flags = (int)r->a[2];
	u64 cs;

	if (flags & RSEQ_FLAG_UNREGISTER)
		return flags & ~RSEQ_FLAG_UNREGISTER ? -EINVAL : unregister(t, at, len, sig);
	if (flags)
		return -EINVAL;
	if (t->rseq) {
		if (t->rseq != at || len != t->rseq_len)
			return -EINVAL;
		return sig != t->rseq_sig ? -EPERM : -EBUSY;
	}
	if (len < RSEQ_SIZE || at % RSEQ_SIZE)
		return -EINVAL;
	if (at >= TASK_SIZE || TASK_SIZE - at < len)
		return -EFAULT;
	/* What an earlier thread has left there. */
	if (get_user(cs, at + offsetof(struct rseq, cs)) ||
	    (cs && put_user((u64)0, at + offsetof(struct rseq, cs))))
		return -EFAULT;
	t->rseq = at;
	t->rseq_len = len;
	t->rseq_sig = sig;
	user_work_set(t, USER_WORK_RSEQ);
	return 0;
}
