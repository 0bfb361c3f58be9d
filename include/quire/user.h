/* SPDX-License-Identifier: MIT */
/*
 * Between the port and what runs programs (kernel/): EL0's registers, and going there.
 */
#ifndef QUIRE_USER_H
#define QUIRE_USER_H

#include <quire/types.h>

/*
 * What the port stores when a program enters the kernel, and loads when it goes on. The offsets are in port/bare/asm.h. TPIDR_EL0 and
 * the SIMD registers stay in the CPU: the kernel uses neither, but to switch (port_save_user, port_load_user).
 */
struct user_regs {
	u64 x[31];
	u64 sp, pc, pstate;
	u64 orig_x0; /* of a system call */
	u32 work; /* USER_WORK_*: what is to be done before EL0 goes on; other CPUs set bits, atomically */
	u16 no_restart; /* this system call has set the registers itself */
	u16 call_work;	/* kernel/: CALL_*, who looks at its calls */
};

/* The rest of what a program has in the CPU. */
struct user_fpsimd {
	__uint128_t v[32];
	u32 fpsr, fpcr;
	u64 tls; /* TPIDR_EL0 */
};

/* Debug registers of EL0's, as ptrace has them: address, and bytes << 5 | type << 3 | on. */
#define HW_DEBUG_SLOTS 4U
struct hw_debug {
	u64 addr[HW_DEBUG_SLOTS];
	u32 ctrl[HW_DEBUG_SLOTS];
};

/* PSTATE: the instruction that comes next is the only one, as long as port_debug_user's step is on. */
#define PSTATE_SS BIT(21)

/* Where the kernel goes on in a task that is not running: what a call may not change. */
struct task_context {
	u64 x19_x28[10], fp, pc, sp;
};

/*
 * Programs may run: EL0 gets its counter and its floating point. Once on each CPU. pan: every CPU has FEAT_PAN, and keeps it on; if
 * not, the CPUs that have it turn it off, as a task may go on where there is none.
 */
void port_user_init(bool pan);
/* A task that has not run begins at fn(arg), which does not return, on a stack that ends at sp. */
void port_task_start(struct task_context *ctx, void (*fn)(void *arg), void *arg, void *sp);
/* To EL0 by the regs at the top of this task's stack; what `work` asks is done first. */
void port_return_to_user(struct user_regs *regs) __noreturn;
/* The kernel goes on in `to`; returns when somebody switches back to `from`. Interrupts off. */
void port_switch_to(struct task_context *from, struct task_context *to);
/* The registers that entry to the kernel leaves in the CPU. */
void port_save_user(struct user_fpsimd *fp);
void port_load_user(const struct user_fpsimd *fp);
u64 port_user_tls(void);
/* What this CPU's EL0 stops at from here on: each instruction; breakpoints and watchpoints, NULL: none. */
void port_debug_user(bool step, const struct hw_debug *breaks, const struct hw_debug *watches);
/* How many there are, at most HW_DEBUG_SLOTS. */
unsigned int port_hw_debug_slots(bool watch);
/* Where the stack of this CPU's kernel begins, for the report of its overflow. */
void port_set_kernel_stack(void *base);
/*
 * This CPU's timer interrupts when port_time_ns() has reached `at`; ~0: never. Another time takes its place. 0 or -ENODEV by the
 * init, once on each CPU. interrupt: the tree's (find_timer_interrupt), the same on all CPUs.
 */
int port_timer_init(unsigned int interrupt);
void port_timer_set(u64 at);
/* What interrupts a CPU has taken; by the controller of that name, whose number timer_id is. */
struct irq_counts {
	const char *controller; /* as Linux calls it; NULL: there is none */
	unsigned int timer_id;
	u64 timer, ipi;
};
void port_irq_counts(unsigned int cpu, struct irq_counts *c);
/* Hardware's random bits. False: there is none, or it has none now. */
bool port_random_word(u64 *word);
/* A counter that differs from machine to machine in its low bits. */
u64 port_cycles(void);
/* EL0's addresses are those of this root, tagged by this ASID. pgd 0: of none. */
void port_switch_mm(phys_addr_t pgd, u64 asid);
/* AT_HWCAP: what EL0 may use of this CPU, by Linux's bits (uapi/asm/hwcap.h). */
u64 port_user_hwcap(void);
/* [p, p + size), in the linear map, was written and will be executed. */
void port_sync_icache(const void *p, size_t size);

/*
 * The kernel's accesses to the running program's memory, at addresses below TASK_SIZE, which the caller sees to, with EL0's rights. One
 * that faults asks user_access_fault and is done again, or ends. Context: a task's, interrupts on; may sleep as a fault may. No lock is held that a
 * fault takes (docs/architecture.md).
 *
 * Return how many bytes at the end were not copied or cleared: 0 is success.
 */
size_t port_copy_from_user(void *to, unsigned long from, size_t n);
size_t port_copy_to_user(unsigned long to, const void *from, size_t n);
size_t port_clear_user(unsigned long to, size_t n);
/* Up to n bytes and the 0 behind them. The length without it, n: there was none; -EFAULT. What is behind the 0 in `to` is undefined. */
long port_strncpy_from_user(char *to, unsigned long from, size_t n);
/* One word, at any address. 0 or -EFAULT, and then *to is as it was. */
int port_get_user_32(unsigned long from, u32 *to);
int port_get_user_64(unsigned long from, u64 *to);
int port_put_user_32(unsigned long to, u32 value);
int port_put_user_64(unsigned long to, u64 value);
/*
 * Atomically, at a multiple of 4: if the word is *old it becomes new, fully ordered. 1: it did; 0: *old is what it was; -EFAULT. A word that
 * is not *old need not be writable.
 */
int port_cmpxchg_user(unsigned long addr, u32 *old, u32 new);
/* kernel/: such an access has faulted. True: it may be done again. Interrupts as they were. */
bool user_access_fault(u64 esr, u64 far);

/* kernel/: a system call; another exception, by its syndrome. Called on the task's stack, interrupts on. */
void do_syscall(struct user_regs *regs);
void user_exception(struct user_regs *regs, u64 esr, u64 far);
/* kernel/: regs->work is not 0. syscall: the program is in one. Interrupts off, before and after. */
void user_work(struct user_regs *regs, bool syscall);
/* kernel/: the timer's interrupt, interrupts off. user: EL0 was interrupted. */
void timer_interrupt(bool user);

/* boot/ calls it when the machine is up: run the initrd's /init. The exit code of the machine. */
int kernel_run_init(void);

#endif
