/* SPDX-License-Identifier: MIT */
/* Signals (kernel/signal.c), by Linux's numbers and layouts (include/uapi/asm-generic/siginfo.h, signal.h). */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include "list.h"
#include "wait.h"

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGSYS 31
#define SIGRTMIN 32
#define NSIG 64

#define SIG_BIT(n) BIT((unsigned int)(n)-1)
/* Nobody blocks, ignores or handles these. */
#define SIG_UNBLOCKABLE (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))
#define SIG_STOPS (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))
/* Their default is to do nothing. */
#define SIG_IGNORED (SIG_BIT(SIGCONT) | SIG_BIT(SIGCHLD) | SIG_BIT(SIGWINCH) | SIG_BIT(SIGURG))
/* What the program does wrong itself: taken first. */
#define SIG_SYNCHRONOUS                                                                            \
	(SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |                 \
	 SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS))
/* Their default ends the program, and leaves a core dump. */
#define SIG_CORES                                                                                  \
	(SIG_SYNCHRONOUS | SIG_BIT(SIGQUIT) | SIG_BIT(SIGABRT) | SIG_BIT(SIGXCPU) |                \
	 SIG_BIT(SIGXFSZ))

#define SIG_DFL 0UL
#define SIG_IGN 1UL
#define SA_NOCLDSTOP 1UL
#define SA_NOCLDWAIT 2UL
#define SA_SIGINFO 4UL
#define SA_RESTORER 0x04000000UL
#define SA_ONSTACK 0x08000000UL
#define SA_RESTART 0x10000000UL
#define SA_IMMUTABLE 0x00800000UL /* the kernel's own: it ends the program, whoever watches */
#define SA_NODEFER 0x40000000UL
#define SA_RESETHAND 0x80000000UL

#define SS_ONSTACK 1U
#define SS_DISABLE 2U
#define SS_AUTODISARM (1U << 31)
#define MINSIGSTKSZ 5120UL

#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_SIGIO (-5)
#define SI_TKILL (-6)
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_STOPPED 5
#define CLD_CONTINUED 6
#define ILL_ILLOPC 1
#define FPE_FLTUNK 14
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#define TRAP_HWBKPT 4
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define BUS_OBJERR 3

struct task;
struct signal_struct;
struct user_regs;

/* siginfo_t, as far as it says anything; the rest of its 128 bytes is 0. */
struct siginfo {
	int signo, err, code;
	int pad;
	union {
		struct {
			int pid;
			u32 uid;
			union {
				u64 value; /* rt: sigqueue */
				struct {
					int status;
					int pad;
					s64 utime, stime;
				} chld;
			};
		};
		struct {
			int tid, overrun;
			u64 value;
		} timer;
		struct {
			u64 addr;
			short addr_lsb;
		} fault;
		struct {
			u64 call_addr;
			int nr;
			u32 arch;
		} sigsys;
		struct {
			s64 band;
			int fd;
		} poll;
		u64 raw[4];
	};
};
#define SIGINFO_SIZE 128UL

struct sigqueue {
	struct link link;
	struct siginfo info;
	bool kept; /* belongs to a timer: not freed when it is taken */
};

struct sigpending {
	struct link queue; /* of sigqueue */
	u64 set;
};

struct sigaction {
	u64 handler, flags, restorer, mask;
};

/* What a process does about signals; shared by CLONE_SIGHAND. */
struct sighand {
	s32 users;
	struct sigaction action[NSIG];
	struct wait_queue wait_signal; /* signalfds: until something is pending */
};

struct sighand *sighand_alloc(void);
void sighand_put(struct sighand *s);
void sigpending_init(struct sigpending *p);
void sigpending_flush(struct sigpending *p);
/* Those in `set` only. */
void flush_signals(struct sigpending *p, u64 set);

/* Send to one task, or to a process, with its checks (ignored? one already there?). 0, -EAGAIN: too many are queued. */
int send_signal_info(const struct siginfo *info, struct task *t);
int send_group_signal_info(const struct siginfo *info, struct signal_struct *s);
/* From the current task, as if it had called tkill (SIGPIPE); from the kernel, without more to say than the number. */
void send_signal(int sig, struct task *t);
void send_group_signal(int sig, struct signal_struct *s);
/* To a process group (tty, kill). The number of processes. */
int send_pgrp_signal(const struct siginfo *info, int pgrp);
/* What the program itself has done wrong: neither blocked nor ignored (Linux: force_sig_fault). Takes kernel_lock. */
void force_signal_fault(int sig, int code, u64 addr);
void force_signal(const struct siginfo *info);
/* The same, whatever handler there is, and no tracer sees it: the program ends by it. */
void force_fatal_signal(const struct siginfo *info);

/* What kill says of the sender. */
struct siginfo user_info(int sig, int code);
/* With the caller's right to. 0, -EPERM, -EAGAIN; signal 0 only looks. */
long kill_process(struct signal_struct *s, const struct siginfo *info);
/* A siginfo_t in the program's memory, for a process: only to itself may it say that the kernel has sent it. */
long user_siginfo(unsigned long from, int sig, int pid, struct siginfo *info);

/* Before EL0 goes on: take signals. syscall: it comes from a call, which may have to be restarted. */
/* In a status: there is a core dump. */
#define WAIT_DUMPED 0x80
/*
 * current ends by this signal: write its core dump if anybody wants one (kernel/coredump.c). Then the other threads have ended, and the
 * process's exit code is set; SIGKILL meanwhile makes it its own.
 */
void core_dump(const struct siginfo *info);
extern char sysctl_core_pattern[128];
extern int sysctl_core_uses_pid;
void do_signal(struct user_regs *regs, bool syscall);
/* A signal is in `set` or pending: returns its number with what is known, 0: none. */
int dequeue_signal(struct task *t, u64 wanted, struct siginfo *info);
/* Look whether something is to be taken, after the mask changed. */
void recalc_sigpending(struct task *t);
void set_blocked(u64 set);
/*
 * For a call that waits with another mask (ppoll, pselect6, epoll_pwait, sigsuspend). interrupted: it returns one of the ERESTART
 * results or EINTR because of a signal, whose handler then runs before the old mask comes back.
 */
void set_temporary_mask(u64 set);
void restore_temporary_mask(bool interrupted);
/* A fatal one is pending. */
bool fatal_signal_pending(void);
/* Another thread of the process takes over what was sent to it. */
void signal_retarget(struct task *t);
/* exec: handlers become defaults. */
void flush_signal_handlers(struct task *t);
void stop_done(struct task *t);
/* Is nobody outside of it, and in its session, who could move it to the foreground? */
bool pgrp_is_orphaned(int pgrp);
bool sig_ignored_by(const struct sighand *sh, int sig);

/* sigframe.c. -EFAULT: there is no room for it. */
int setup_sigframe(struct user_regs *regs, const struct siginfo *info, const struct sigaction *sa,
		   u64 mask);
long restore_sigframe(struct user_regs *regs);
/* The altstack as a program sees it. */
long do_sigaltstack(unsigned long new_stack, unsigned long old_stack, u64 sp, u64 min);

#endif
