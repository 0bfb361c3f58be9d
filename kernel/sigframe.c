// SPDX-License-Identifier: MIT
/*
 * The frame that a signal's handler finds on the stack, and the way back: Linux's layout for arm64 (arch/arm64/include/uapi/asm/
 * sigcontext.h, Documentation/arch/arm64/sve.rst for what it may grow by), with the FP/SIMD record always, and the syndrome when there is one.
 *
 *	frame record (fp, lr) of the interrupted code
 *	records, each { magic, size }, up to an empty one
 *	ucontext: flags, link, altstack, mask, { fault address, x0-x30, sp, pc, pstate }
 *	siginfo				<- sp
 *
 * What comes back is the program's word and is not trusted: pstate keeps to EL0, addresses are only used by EL0.
 */
#include <quire/string.h>

#include "task.h"
#include "vdso.h"

#define FPSIMD_MAGIC 0x46508001U
#define ESR_MAGIC 0x45535201U
#define EXTRA_MAGIC 0x45585401U

struct stack_words {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

struct record_head {
	u32 magic, size;
};

struct frame {
	u8 info[SIGINFO_SIZE];
	u64 uc_flags, uc_link;
	struct stack_words stack;
	u64 mask;
	u8 mask_unused
		[128]; /* up to 1024 signals; and 8 bytes, so that the rest is aligned to 16 */
	u64 fault_address;
	u64 x[31], sp, pc, pstate;
	u64 pad;
	/* Linux keeps 4096 bytes for what follows. */
	struct {
		struct record_head head;
		u32 fpsr, fpcr;
		__uint128_t v[32];
	} fpsimd;
	struct {
		struct record_head head;
		u64 esr;
	} esr;
	u64 end[2];
};
#define FRAME_WITHOUT_ESR (sizeof(struct frame) - 16)
#define RESERVED_SIZE 4096UL
#define FULL_FRAME (offsetof(struct frame, fpsimd) + RESERVED_SIZE)

BUILD_BUG_ON(offsetof(struct frame, mask) != 128 + 40);
BUILD_BUG_ON(offsetof(struct frame, fault_address) != 128 + 176);
BUILD_BUG_ON(offsetof(struct frame, fpsimd) != 128 + 176 + 288);
BUILD_BUG_ON(sizeof(struct frame) != 128 + 176 + 288 + 528 + 16 + 16);

#define PSTATE_FLAGS GENMASK(31, 28)
#define PSTATE_SSBS BIT(12)
#define PSTATE_MODE 0x3ffUL /* DAIF, and the mode with AArch32's bit */

/* ------------------------------------------------------------------ the alternate stack */

static bool on_altstack(const struct task *t, u64 sp)
{
	return !(t->altstack.flags & SS_AUTODISARM) && sp > t->altstack.sp &&
	       sp - t->altstack.sp <= t->altstack.size;
}

static u32 altstack_state(const struct task *t, u64 sp)
{
	if (!t->altstack.size)
		return SS_DISABLE;
	return on_altstack(t, sp) ? SS_ONSTACK : 0;
}

static long set_altstack(struct task *t, const struct stack_words *s, u64 sp, u64 min_size)
{
	u32 mode = s->flags & ~SS_AUTODISARM;

	if (on_altstack(t, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode != SS_DISABLE && s->size < min_size)
		return -ENOMEM;
	t->altstack.sp = mode == SS_DISABLE ? 0 : s->sp;
	t->altstack.size = mode == SS_DISABLE ? 0 : s->size;
	t->altstack.flags = s->flags;
	return 0;
}

long do_sigaltstack(unsigned long new_stack, unsigned long old_stack, u64 sp, u64 min_size)
{
	struct task *t = current;
	struct stack_words wanted = {0}, old = {.sp = t->altstack.sp, .size = t->altstack.size};
	long err = 0;

	if (new_stack && get_user(wanted, new_stack))
		return -EFAULT;
	old.flags = altstack_state(t, sp) | (t->altstack.flags & SS_AUTODISARM);
	if (new_stack)
		err = set_altstack(t, &wanted, sp, min_size);
	if (!err && old_stack && put_user(old, old_stack))
		err = -EFAULT;
	return err;
}

/* ------------------------------------------------------------------ there */

int setup_sigframe(struct user_regs *regs, const struct siginfo *info, const struct sigaction *sa,
		   u64 mask)
{
	struct task *t = current;
	const u64 record[2] = {regs->x[29], regs->x[30]};
	struct frame f;
	u64 sp = regs->sp, record_at, at;
	size_t size = t->fault_esr ? sizeof(f) : FRAME_WITHOUT_ESR;

	if (sa->flags & SA_ONSTACK && !altstack_state(t, sp))
		sp = t->altstack.sp + t->altstack.size;
	record_at = ALIGN_DOWN(sp - sizeof(record), 16);
	/* As much as Linux keeps: handlers copy a whole ucontext_t. */
	at = record_at - ALIGN(FULL_FRAME, 16);
	if (at > record_at || record_at >= TASK_SIZE)
		return -EFAULT;

	port_save_user(&t->fp);
	memset(&f, 0, sizeof(f));
	if (sa->flags & SA_SIGINFO)
		memcpy(f.info, info, sizeof(*info));
	f.stack = (struct stack_words){t->altstack.sp, t->altstack.flags, 0, t->altstack.size};
	f.mask = mask;
	f.fault_address = t->fault_address;
	memcpy(f.x, regs->x, sizeof(f.x));
	f.sp = regs->sp;
	f.pc = regs->pc;
	f.pstate = regs->pstate;
	f.fpsimd.head = (struct record_head){FPSIMD_MAGIC, sizeof(f.fpsimd)};
	f.fpsimd.fpsr = t->fp.fpsr;
	f.fpsimd.fpcr = t->fp.fpcr;
	memcpy(f.fpsimd.v, t->fp.v, sizeof(f.fpsimd.v));
	if (t->fault_esr) {
		f.esr.head = (struct record_head){ESR_MAGIC, sizeof(f.esr)};
		f.esr.esr = t->fault_esr;
	}
	if (copy_to_user(record_at, record, sizeof(record)) || copy_to_user(at, &f, size))
		return -EFAULT;

	regs->x[0] = (u64)info->signo;
	regs->sp = at;
	regs->x[29] = record_at;
	regs->x[30] = sa->flags & SA_RESTORER ? sa->restorer : t->mm->vdso + VDSO_SIGRETURN;
	regs->pc = sa->handler;
	/* No branch type, and tag checks are on (TCO). */
	regs->pstate &= ~(GENMASK(11, 10) | BIT(25));
	if (sa->flags & SA_SIGINFO) {
		regs->x[1] = at;
		regs->x[2] = at + offsetof(struct frame, uc_flags);
	}
	if (t->altstack.flags & SS_AUTODISARM) {
		t->altstack.sp = t->altstack.size = 0;
		t->altstack.flags = SS_DISABLE;
	}
	return 0;
}

/* ------------------------------------------------------------------ and back */

/* Where the FP/SIMD record is among the others, as an offset into the frame; 0: there is none, or something is wrong. */
static size_t find_fpsimd(u64 at)
{
	size_t offset = offsetof(struct frame, fpsimd), end = FULL_FRAME, fpsimd = 0;

	while (offset + sizeof(struct record_head) <= end) {
		struct record_head head;

		if (get_user(head, at + offset))
			return 0;
		if (!head.magic)
			return head.size ? 0 : fpsimd;
		if (head.size < sizeof(head) || head.size % 16 || head.size > end - offset)
			return 0;
		if (head.magic == FPSIMD_MAGIC) {
			if (fpsimd || head.size < sizeof(((struct frame *)0)->fpsimd))
				return 0;
			fpsimd = offset;
		} else if (head.magic != ESR_MAGIC && head.magic != EXTRA_MAGIC) {
			return 0;
		}
		offset += head.size;
	}
	return 0;
}

static bool restore_registers(struct user_regs *regs, const struct frame *f)
{
	memcpy(regs->x, f->x, sizeof(f->x));
	regs->sp = f->sp;
	regs->pc = f->pc;
	regs->pstate = f->pstate & (PSTATE_FLAGS | PSTATE_SSBS | PSTATE_MODE | GENMASK(11, 10));
	if (!(regs->pstate & PSTATE_MODE))
		return true;
	regs->pstate &= PSTATE_FLAGS;
	return false;
}

static bool restore_frame(struct user_regs *regs, u64 at, struct frame *f)
{
	struct task *t = current;
	size_t fpsimd;

	if (copy_from_user(f, at, offsetof(struct frame, fpsimd)))
		return false;
	set_blocked(f->mask);
	if (!restore_registers(regs, f))
		return false;
	fpsimd = find_fpsimd(at);
	if (!fpsimd || copy_from_user(&f->fpsimd, at + fpsimd, sizeof(f->fpsimd)))
		return false;
	port_save_user(&t->fp);
	memcpy(t->fp.v, f->fpsimd.v, sizeof(t->fp.v));
	t->fp.fpsr = f->fpsimd.fpsr;
	t->fp.fpcr = f->fpsimd.fpcr;
	port_load_user(&t->fp);
	return true;
}

long restore_sigframe(struct user_regs *regs)
{
	u64 at = regs->sp;
	struct frame f;
	bool good;

	current->restart.fn = NULL;
	good = !(at & 15) && restore_frame(regs, at, &f);
	/* What comes back in x0 is no result. user_work takes the mark off. */
	regs->no_restart = true;
	user_work_set(current, USER_WORK_SIGNAL);
	if (!good) {
		/* Linux asks whether an area ends above, not whether one is there (arm64_notify_segfault). */
		const struct siginfo info = {.signo = SIGSEGV,
					     .code = regs->sp < TASK_SIZE ? SEGV_ACCERR
									  : SEGV_MAPERR,
					     .fault.addr = regs->sp};

		force_signal(&info);
		return (long)regs->x[0];
	}
	/* What cannot be set any more stays as it is. */
	(void)set_altstack(current, &f.stack, regs->sp, MINSIGSTKSZ);
	return (long)regs->x[0];
}
