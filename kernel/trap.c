// SPDX-License-Identifier: MIT
/* What interrupts a program that is no interrupt: system calls, page faults, and what it may not do. */
#include <quire/mm.h>
#include <quire/printk.h>

#include "syscall.h"
#include "task.h"

#define ESR_EC(esr) ((esr) >> 26 & 0x3f)
#define EC_SVC64 0x15U
#define EC_IABT_LOWER 0x20U
#define EC_PC_ALIGN 0x22U
#define EC_DABT_LOWER 0x24U
#define EC_SP_ALIGN 0x26U
#define EC_FP_EXC64 0x2cU
#define EC_BREAKPOINT 0x30U
#define EC_STEP 0x32U
#define EC_WATCHPOINT 0x34U
#define EC_BRK64 0x3cU
#define FSC_ALIGNMENT 0x21U
#define ESR_IL BIT(25)
#define ESR_WNR BIT(6)
#define ESR_CM BIT(8)

/* FPEXC's bits: what the operation has met (Arm ARM, ISS of a trapped floating-point exception). */
static int fp_code(u64 esr)
{
	if (!(esr & BIT(23)))
		return FPE_FLTUNK;
	if (esr & BIT(0))
		return 7; /* FPE_FLTINV */
	if (esr & BIT(1))
		return 3; /* FPE_FLTDIV */
	if (esr & BIT(2))
		return 4; /* FPE_FLTOVF */
	if (esr & BIT(3))
		return 5;		      /* FPE_FLTUND */
	return esr & BIT(4) ? 6 : FPE_FLTUNK; /* FPE_FLTRES */
}

/* Of what is no page's fault: the signal, its code, and whether the address says anything. */
static void other_exception(struct user_regs *regs, u64 esr, u64 far)
{
	struct task *t = current;

	/* As Linux tells it: no address, but the syndrome. */
	t->fault_address = 0;
	t->fault_esr = esr;
	switch (ESR_EC(esr)) {
	case EC_PC_ALIGN:
	case EC_SP_ALIGN:
		force_signal_fault(SIGBUS, BUS_ADRALN, ESR_EC(esr) == EC_PC_ALIGN ? far : regs->sp);
		return;
	case EC_FP_EXC64:
		force_signal_fault(SIGFPE, fp_code(esr), regs->pc);
		return;
	case EC_STEP:
		force_signal_fault(SIGTRAP, TRAP_TRACE, regs->pc);
		return;
	case EC_BREAKPOINT:
		force_signal_fault(SIGTRAP, TRAP_HWBKPT, regs->pc);
		return;
	case EC_WATCHPOINT:
		force_signal_fault(SIGTRAP, TRAP_HWBKPT, untagged_addr(far));
		return;
	case EC_BRK64:
		force_signal_fault(SIGTRAP, TRAP_BRKPT, regs->pc);
		return;
	}
	force_signal_fault(SIGILL, ILL_ILLOPC, regs->pc);
}

/* A page fault that is the program's. */
static void bad_access(vm_fault_t ret, unsigned long addr, u64 esr)
{
	struct task *t = current;

	t->fault_address = addr;
	/* Of an address of the kernel's the program does not learn whether there is something (Linux: set_thread_esr). */
	if (addr >= TASK_SIZE)
		esr = (esr & ~(u64)0x3f) | 4 | ESR_IL;
	t->fault_esr = esr;
	if (ret & VM_FAULT_OOM) {
		out_of_memory();
		return;
	}
	if (ret & VM_FAULT_SIGBUS) {
		force_signal_fault(SIGBUS, BUS_ADRERR, addr);
		return;
	}
	force_signal_fault(SIGSEGV, ret & VM_FAULT_BADACCESS ? SEGV_ACCERR : SEGV_MAPERR, addr);
}

void user_exception(struct user_regs *regs, u64 esr, u64 far)
{
	unsigned int ec = ESR_EC(esr), flags = FAULT_FLAG_USER;
	vm_fault_t ret;

	if (ec != EC_DABT_LOWER && ec != EC_IABT_LOWER) {
		other_exception(regs, esr, far);
		return;
	}
	if (ec == EC_IABT_LOWER)
		flags |= FAULT_FLAG_INSTRUCTION;
	else if ((esr & (ESR_WNR | ESR_CM)) == ESR_WNR)
		flags |= FAULT_FLAG_WRITE;
	/* Translation, access flag and permission faults (Arm ARM D24.2.40, DFSC); anything else is no fault of pages. */
	if (unlikely((esr & 0x3c) < 4 || (esr & 0x3c) > 12)) {
		current->fault_address = far;
		current->fault_esr = esr;
		force_signal_fault(SIGBUS, (esr & 0x3f) == FSC_ALIGNMENT ? BUS_ADRALN : BUS_OBJERR,
				   untagged_addr(far));
		return;
	}
	ret = handle_mm_fault(current->mm, untagged_addr(far), flags);
	if (unlikely(ret & VM_FAULT_ERROR))
		bad_access(ret, untagged_addr(far), esr);
	else if (unlikely(ret & VM_FAULT_MAJOR))
		current->usage.maj_flt++;
	else
		current->usage.min_flt++;
}

bool user_access_fault(u64 esr, u64 far)
{
	struct task *t = current;
	unsigned long addr = untagged_addr(far);

	if ((esr & 0x3c) < 4 || (esr & 0x3c) > 12 || !t || !t->mm)
		return false;
	return !(handle_mm_fault(t->mm, addr, esr & ESR_WNR ? FAULT_FLAG_WRITE : 0) &
		 VM_FAULT_ERROR);
}

/* Needs no lock, and is all that is to be done after most switches. */
static void work_rseq(struct user_regs *regs)
{
	if (!(__atomic_load_n(&regs->work, __ATOMIC_RELAXED) & USER_WORK_RSEQ))
		return;
	__atomic_fetch_and(&regs->work, ~USER_WORK_RSEQ, __ATOMIC_ACQUIRE);
	if (current->rseq && !rseq_resume(regs))
		force_signal_fault(SIGSEGV, SI_KERNEL, 0);
}

void user_work(struct user_regs *regs, bool syscall)
{
	u32 work;

	port_irq_enable();
	work_rseq(regs);
	if (!__atomic_load_n(&regs->work, __ATOMIC_ACQUIRE)) {
		port_irq_disable();
		return;
	}
	kernel_lock();
	while ((work = __atomic_load_n(&regs->work, __ATOMIC_ACQUIRE))) {
		if (work & USER_WORK_RESCHED) {
			__atomic_fetch_and(&regs->work, ~USER_WORK_RESCHED, __ATOMIC_ACQUIRE);
			ktimer_run();
			schedule();
		}
		if (work & USER_WORK_RSEQ) {
			kernel_unlock();
			work_rseq(regs);
			kernel_lock();
		}
		if (work & USER_WORK_SIGNAL) {
			do_signal(regs, syscall);
			syscall = false;
			regs->no_restart = false;
		}
	}
	kernel_unlock();
	port_irq_disable();
}
