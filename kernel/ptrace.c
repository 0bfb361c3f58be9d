// SPDX-License-Identifier: MIT
/*
 * ptrace(2): what one program asks about another that it watches (Linux: kernel/ptrace.c, arch/arm64/kernel/ptrace.c). How the other one
 * stops is in ptrace_stop.c.
 *
 * All but attaching, KILL and INTERRUPT want the other to be in a stop: then its registers are in t->regs and t->fp. Not there:
 * PTRACE_LISTEN: EIO. What only asks is in ptrace_info.c. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "ptrace.h"
#include "syscall.h"
#include "userns.h"
#include "vfs.h"

enum {
	PTRACE_TRACEME,
	PTRACE_PEEKTEXT,
	PTRACE_PEEKDATA,
	PTRACE_POKETEXT = 4,
	PTRACE_POKEDATA,
	PTRACE_CONT = 7,
	PTRACE_KILL,
	PTRACE_SINGLESTEP,
	PTRACE_ATTACH = 16,
	PTRACE_DETACH,
	PTRACE_SYSCALL = 24,
	PTRACE_SETOPTIONS = 0x4200,
	PTRACE_GETEVENTMSG,
	PTRACE_GETSIGINFO,
	PTRACE_SETSIGINFO,
	PTRACE_GETREGSET,
	PTRACE_SETREGSET,
	PTRACE_SEIZE,
	PTRACE_INTERRUPT,
	PTRACE_GETSIGMASK = 0x420a,
	PTRACE_SETSIGMASK,
};

long ptrace_may_access(const struct task *t)
{
	const struct cred *me = &current->cred, *c = &t->cred;
	bool capable;

	if (t->signal == current->signal)
		return 0;
	capable = ns_capable(t->user_ns, CAP_SYS_PTRACE);
	if (!capable && (me->uid != c->euid || me->uid != c->suid || me->uid != c->uid ||
			 me->gid != c->egid || me->gid != c->sgid || me->gid != c->gid))
		return -EPERM;
	/* What it knew before it came into its namespace is not for those who rule there. */
	if (t->mm && !t->signal->dumpable && !ns_capable(t->signal->exec_user_ns, CAP_SYS_PTRACE))
		return -EPERM;
	if (!capable && (t->user_ns != current->user_ns || c->cap_permitted & ~me->cap_permitted))
		return -EPERM;
	return 0;
}

/* ------------------------------------------------------------------ registers */

#define NT_PRSTATUS 1U
#define NT_PRFPREG 2U
#define NT_ARM_TLS 0x401U
#define NT_ARM_HW_BREAK 0x402U
#define NT_ARM_HW_WATCH 0x403U
#define NT_ARM_SYSTEM_CALL 0x404U

#define PSTATE_USER (GENMASK(31, 28) | BIT(12) | GENMASK(11, 10) | PSTATE_SS)
#define PSTATE_KERNEL 0x3dfUL /* DAIF, AArch32's bit, the mode */

struct hw_regset {
	u32 info, pad;
	struct {
		u64 addr;
		u32 ctrl, pad;
	} reg[HW_DEBUG_SLOTS];
};

union regset {
	u64 prstatus[34];
	struct {
		__uint128_t v[32];
		u32 fpsr, fpcr, unused[2];
	} fp;
	u64 tls;
	s32 nr;
	struct hw_regset hw;
};

/* How many bytes the kind has, and of which size its parts are. 0: there is none of that kind. */
static size_t read_regset(const struct task *t, u32 kind, union regset *set, size_t *part)
{
	const struct hw_debug *d;

	memset(set, 0, sizeof(*set));
	*part = 8;
	switch (kind) {
	case NT_PRSTATUS:
		memcpy(set->prstatus, t->regs->x, sizeof(t->regs->x));
		set->prstatus[31] = t->regs->sp;
		set->prstatus[32] = t->regs->pc;
		set->prstatus[33] = t->regs->pstate & ~PSTATE_SS;
		return sizeof(set->prstatus);
	case NT_PRFPREG:
		*part = 4;
		memcpy(set->fp.v, t->fp.v, sizeof(t->fp.v));
		set->fp.fpsr = t->fp.fpsr;
		set->fp.fpcr = t->fp.fpcr;
		return sizeof(set->fp);
	case NT_ARM_TLS:
		set->tls = t->fp.tls;
		return sizeof(set->tls);
	case NT_ARM_SYSTEM_CALL:
		*part = 4;
		set->nr = (s32)t->trace_nr;
		return sizeof(set->nr);
	case NT_ARM_HW_BREAK:
	case NT_ARM_HW_WATCH:
		*part = 4;
		d = t->hw_debug[kind == NT_ARM_HW_WATCH];
		set->hw.info = port_hw_debug_slots(kind == NT_ARM_HW_WATCH) | 6U << 8;
		for (unsigned int i = 0; d && i < HW_DEBUG_SLOTS; i++) {
			set->hw.reg[i].addr = d->addr[i];
			set->hw.reg[i].ctrl = d->ctrl[i];
		}
		return offsetof(struct hw_regset, reg) +
		       port_hw_debug_slots(kind == NT_ARM_HW_WATCH) * sizeof(set->hw.reg[0]);
	}
	return 0;
}

static long write_hw_debug(struct task *t, bool watch, const struct hw_regset *hw)
{
	struct hw_debug *d = t->hw_debug[watch];

	for (unsigned int i = 0; i < port_hw_debug_slots(watch); i++) {
		const u64 addr = hw->reg[i].addr;
		const u32 ctrl = hw->reg[i].ctrl, bytes = ctrl >> 5 & 0xff;

		if (!(ctrl & 1))
			continue;
		if (addr >= TASK_SIZE || !bytes || (watch && !(ctrl >> 3 & 3)) ||
		    addr & (watch ? 7 : 3))
			return -EINVAL;
	}
	if (!d)
		d = t->hw_debug[watch] = kmalloc(sizeof(*d), GFP_KERNEL | __GFP_ZERO);
	if (!d)
		return -ENOMEM;
	for (unsigned int i = 0; i < port_hw_debug_slots(watch); i++) {
		d->addr[i] = hw->reg[i].addr;
		d->ctrl[i] = hw->reg[i].ctrl & 0x1fff;
	}
	return 0;
}

static long write_regset(struct task *t, u32 kind, const union regset *set)
{
	switch (kind) {
	case NT_PRSTATUS:
		if (set->prstatus[33] & PSTATE_KERNEL)
			return -EINVAL;
		memcpy(t->regs->x, set->prstatus, sizeof(t->regs->x));
		t->regs->sp = set->prstatus[31];
		t->regs->pc = set->prstatus[32];
		t->regs->pstate = (set->prstatus[33] & PSTATE_USER & ~PSTATE_SS) |
				  (t->regs->pstate & PSTATE_SS);
		return 0;
	case NT_PRFPREG:
		memcpy(t->fp.v, set->fp.v, sizeof(t->fp.v));
		t->fp.fpsr = set->fp.fpsr;
		t->fp.fpcr = set->fp.fpcr;
		break;
	case NT_ARM_TLS:
		t->fp.tls = set->tls;
		break;
	case NT_ARM_SYSTEM_CALL:
		t->trace_nr = set->nr;
		return 0;
	default:
		return write_hw_debug(t, kind == NT_ARM_HW_WATCH, &set->hw);
	}
	/* Not what the CPU it ran on may still have. */
	t->fp_cpu = NR_CPUS;
	return 0;
}

static long do_regset(struct task *t, u32 kind, unsigned long at, bool write)
{
	struct iovec iov;
	union regset set;
	size_t size, part;

	if (get_user(iov, at))
		return -EFAULT;
	size = read_regset(t, kind, &set, &part);
	if (!size || iov.len % part)
		return -EINVAL;
	size = min(size, (size_t)iov.len);
	if (write) {
		long err = copy_from_user(&set, iov.base, size);

		if (!err)
			err = write_regset(t, kind, &set);
		if (err)
			return err;
	} else if (copy_to_user(iov.base, &set, size)) {
		return -EFAULT;
	}
	return put_user((u64)size, at + offsetof(struct iovec, len));
}

/* ------------------------------------------------------------------ attaching */

static long traceme(void)
{
	struct task *t = current;

	if (t->tracer)
		return -EPERM;
	if (!t->signal->parent)
		return 0;
	/* A thread that ends lets go of whom it watches, once: it must not come to watch another then. */
	for_each_thread(w, t->signal->parent)
	{
		if (w->exiting)
			continue;
		ptrace_link(t, w, false, 0);
		break;
	}
	return 0;
}

/* To stop seccomp for another takes more than to watch it. */
static long check_options(u64 options)
{
	if (options & ~(u64)PTRACE_O_MASK)
		return -EINVAL;
	if (options & PTRACE_O_SUSPEND_SECCOMP &&
	    (!capable(CAP_SYS_ADMIN) || current->seccomp_mode ||
	     (current->tracer && current->trace_options & PTRACE_O_SUSPEND_SECCOMP)))
		return -EPERM;
	return 0;
}

static long attach(struct task *t, bool seize, unsigned long addr, unsigned long options)
{
	long err;

	if (seize && (addr || options & ~(u64)PTRACE_O_MASK))
		return -EIO;
	err = seize ? check_options(options) : 0;
	if (err)
		return err;
	if (t->signal == current->signal)
		return -EPERM;
	if (ptrace_may_access(t) || !t->mm || t->state >= TASK_ZOMBIE || t->tracer)
		return -EPERM;
	ptrace_link(t, current, seize, seize ? (u32)options : 0);
	if (!seize) {
		send_signal(SIGSTOP, t);
		wake_up_state(t, TASK_STOPPED);
	}
	return 0;
}

/* ------------------------------------------------------------------ going on */

static long resume(struct task *t, int request, unsigned long sig)
{
	if (sig > NSIG)
		return -EIO;
	t->regs->call_work &= (u16)~CALL_TRACE;
	if (request == PTRACE_SYSCALL)
		t->regs->call_work |= CALL_TRACE;
	t->single_step = request == PTRACE_SINGLESTEP;
	if (t->single_step)
		t->regs->pstate |= PSTATE_SS;
	else
		t->regs->pstate &= ~PSTATE_SS;
	t->trace_code = (int)sig;
	if (request == PTRACE_DETACH)
		ptrace_detach(t);
	else
		wake_up_state(t, TASK_TRACED);
	return 0;
}

/* What does not want it to stand still. -EAGAIN: something else. */
static long while_running(struct task *t, int request)
{
	switch (request) {
	case PTRACE_KILL:
		send_signal(SIGKILL, t);
		return 0;
	case PTRACE_INTERRUPT:
		if (!t->trace_seized)
			return -EIO;
		t->trace_stop_wanted = true;
		recalc_sigpending(t);
		wake_up_state(t, TASK_WAITING);
		return 0;
	}
	return -EAGAIN;
}

static long peek(const struct task *t, unsigned long addr, unsigned long to)
{
	u64 word;

	if (!t->mm || access_remote_vm_force(t->mm, addr, &word, sizeof(word), false))
		return -EIO;
	return put_user(word, to);
}

static long poke(const struct task *t, unsigned long addr, u64 word)
{
	return !t->mm || access_remote_vm_force(t->mm, addr, &word, sizeof(word), true) ? -EIO : 0;
}

static long signal_info(struct task *t, unsigned long at, bool set)
{
	u8 info[SIGINFO_SIZE] = {0};
	struct siginfo new;

	if (!t->trace_info)
		return -EINVAL;
	if (set) {
		if (copy_from_user(&new, at, sizeof(new)))
			return -EFAULT;
		*t->trace_info = new;
		return 0;
	}
	memcpy(info, t->trace_info, sizeof(*t->trace_info));
	return copy_to_user(at, info, sizeof(info));
}

static long signal_mask(struct task *t, u64 size, unsigned long at, bool set)
{
	u64 mask = t->blocked;

	if (size != sizeof(mask))
		return -EINVAL;
	if (!set)
		return put_user(mask, at);
	if (get_user(mask, at))
		return -EFAULT;
	t->blocked = mask & ~SIG_UNBLOCKABLE;
	return 0;
}

static long while_stopped(struct task *t, int request, unsigned long addr, unsigned long data)
{
	long err;

	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(t, addr, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return poke(t, addr, data);
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_DETACH:
		return resume(t, request, data);
	case PTRACE_SETOPTIONS:
		err = check_options(data);
		if (err)
			return err;
		t->trace_options = (u32)data;
		return 0;
	case PTRACE_GETEVENTMSG:
		return put_user(t->trace_message, data);
	case PTRACE_GETSIGINFO:
	case PTRACE_SETSIGINFO:
		return signal_info(t, data, request == PTRACE_SETSIGINFO);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return do_regset(t, (u32)addr, data, request == PTRACE_SETREGSET);
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK:
		return signal_mask(t, addr, data, request == PTRACE_SETSIGMASK);
	}
	err = ptrace_info(t, request, addr, data);
	return err == -EAGAIN ? -EIO : err;
}

long call_ptrace(const struct syscall_args *r)
{
	int request = (int)r->a[0];
	struct task *t;
	long err;

	if (request == PTRACE_TRACEME)
		return traceme();
	t = task_find_v((int)r->a[1]);
	if (!t || (int)r->a[1] <= 0)
		return -ESRCH;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return attach(t, request == PTRACE_SEIZE, r->a[2], r->a[3]);
	if (!t->tracer || t->tracer->signal != current->signal)
		return -ESRCH;
	err = while_running(t, request);
	if (err != -EAGAIN)
		return err;
	if (t->state != TASK_TRACED)
		return -ESRCH;
	return while_stopped(t, request, r->a[2], r->a[3]);
}
