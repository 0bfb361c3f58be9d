/* SPDX-License-Identifier: MIT */
/*
 * Between the port and what runs programs (kernel/): EL0's registers, and going there.
 */
#ifndef QUIRE_USER_H
#define QUIRE_USER_H

#include <quire/types.h>

/* What the port stores when a program enters the kernel, and loads when it goes on. The offsets are in port/bare/asm.h. */
struct user_regs {
	u64 x[31];
	u64 sp, pc, pstate;
	u64 tls; /* TPIDR_EL0 */
	u32 fpsr, fpcr;
	__uint128_t v[32];
};

/* Where the kernel goes on in a task that is not running: what a call may not change. */
struct task_context {
	u64 x19_x28[10], fp, pc, sp;
};

/* Programs may run: EL0 gets its counter and its floating point. Once a CPU. */
void port_user_init(void);
/* Bytes of a task's kernel stack below its user_regs end here; fills ctx so that switching to it goes to EL0 with regs. */
void port_task_start(struct task_context *ctx, struct user_regs *regs);
/* The kernel goes on in `to`; returns when somebody switches back to `from`. */
void port_switch_to(struct task_context *from, struct task_context *to);
/* EL0's addresses are those of this root, tagged by this ASID. pgd 0: of none. */
void port_switch_mm(phys_addr_t pgd, u64 asid);
/* AT_HWCAP: what EL0 may use of this CPU, by Linux's bits (uapi/asm/hwcap.h). */
u64 port_user_hwcap(void);
/* [p, p + size), in the linear map, was written and will be executed. */
void port_sync_icache(const void *p, size_t size);

/* kernel/: the program did something that only the kernel does. Called on the task's stack, interrupts on. */
void user_exception(struct user_regs *regs, u64 esr, u64 far);

/* boot/ calls it when the machine is up: run the initrd's /init. The exit code of the machine. */
int kernel_run_init(void);

#endif
