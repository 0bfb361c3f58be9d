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
#define EC_BRK64 0x3cU
#define ESR_WNR BIT(6)
#define ESR_CM BIT(8)

#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11

static void kill_program(const struct user_regs *regs, int signal, u64 esr, u64 far)
{
	pr_notice("%s[%d]: killed by signal %d: pc %#llx, address %#llx, ESR %#llx\n",
		  current->comm, current->pid, signal, (unsigned long long)regs->pc,
		  (unsigned long long)far, (unsigned long long)esr);
	task_exit(signal);
}

/* Of what is no page's fault. */
static int signal_of(unsigned int ec)
{
	switch (ec) {
	case EC_PC_ALIGN:
	case EC_SP_ALIGN:
		return SIGBUS;
	case EC_FP_EXC64:
		return SIGFPE;
	case EC_BRK64:
		return SIGTRAP;
	}
	return SIGILL;
}

void user_exception(struct user_regs *regs, u64 esr, u64 far)
{
	unsigned int ec = ESR_EC(esr), flags = FAULT_FLAG_USER;
	vm_fault_t ret;

	if (likely(ec == EC_SVC64)) {
		do_syscall(regs);
		return;
	}
	if (ec != EC_DABT_LOWER && ec != EC_IABT_LOWER)
		kill_program(regs, signal_of(ec), esr, far);
	if (ec == EC_IABT_LOWER)
		flags |= FAULT_FLAG_INSTRUCTION;
	else if ((esr & (ESR_WNR | ESR_CM)) == ESR_WNR)
		flags |= FAULT_FLAG_WRITE;
	/* Translation, access flag and permission faults (Arm ARM D24.2.40, DFSC); anything else is no fault of pages. */
	if ((esr & 0x3c) < 4 || (esr & 0x3c) > 12)
		kill_program(regs, SIGBUS, esr, far);
	ret = handle_mm_fault(current->mm, untagged_addr(far), flags);
	if (unlikely(ret & VM_FAULT_ERROR))
		kill_program(regs,
			     ret & VM_FAULT_SIGBUS ? SIGBUS
			     : ret & VM_FAULT_OOM  ? SIGKILL
						   : SIGSEGV,
			     esr, far);
}
