/* SPDX-License-Identifier: MIT */
/*
 * Programs. A task is a thread: an address space, a kernel stack, registers, a number. Tasks with one tgid are a process, and share a
 * signal_struct. What clone may share besides, each counts its users: mm, files, fs, sighand.
 *
 * Locking: kernel_lock, for all that kernel/ has (kernel/sched.c says what it means). Exceptions: user_regs.work is atomic; a task's
 * own registers, and current->mm, which only the task itself changes.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include <quire/filemap.h>
#include <quire/mm.h>
#include <quire/percpu.h>
#include <quire/user.h>

#include "files.h"
#include "list.h"
#include "signal.h"
#include "timer.h"
#include "wait.h"

#define TASK_STACK_SIZE 16384UL
#define TASK_COMM_LEN 16
#define PID_MAX 32768

enum task_state {
	TASK_RUNNING,  /* runs, or waits for a CPU */
	TASK_WAITING,  /* until it is woken; a signal wakes it */
	TASK_KILLABLE, /* the same, but only a fatal signal does */
	TASK_UNINTERRUPTIBLE,
	TASK_STOPPED, /* by a signal, until SIGCONT or SIGKILL */
	TASK_TRACED,  /* for its tracer: kernel/ptrace_stop.c */
	TASK_ZOMBIE,  /* has ended, and is there to be waited for */
	TASK_DEAD,    /* has ended */
};

/* user_regs.work: before the program goes on. */
#define USER_WORK_SIGNAL 1U  /* look for signals; only the task itself takes it off */
#define USER_WORK_RESCHED 2U /* timers are due, or somebody else's turn is */
#define USER_WORK_RSEQ 4U    /* kernel/rseq.c: it has been interrupted */
/* user_regs.call_work: before a system call is made. */
#define CALL_TRACE 1U	/* it stops for its tracer, and behind it again */
#define CALL_SECCOMP 2U /* kernel/seccomp.c */

struct cpumask {
	u64 bits[NR_CPUS / 64];
};

struct rlimit {
	u64 cur, max;
};
#define RLIM_INFINITY (~0ULL)
enum rlimit_nr {
	RLIMIT_CPU,
	RLIMIT_FSIZE,
	RLIMIT_DATA,
	RLIMIT_STACK,
	RLIMIT_CORE,
	RLIMIT_RSS,
	RLIMIT_NPROC,
	RLIMIT_NOFILE,
	RLIMIT_MEMLOCK,
	RLIMIT_AS,
	RLIMIT_LOCKS,
	RLIMIT_SIGPENDING,
	RLIMIT_MSGQUEUE,
	RLIMIT_NICE,
	RLIMIT_RTPRIO,
	RLIMIT_RTTIME,
	NR_RLIMITS
};

#define MAX_GROUPS 32U

/* Capabilities, by Linux's numbers (include/uapi/linux/capability.h): those that something here asks for. */
enum {
	CAP_CHOWN = 0,
	CAP_DAC_OVERRIDE = 1,
	CAP_DAC_READ_SEARCH = 2,
	CAP_FOWNER = 3,
	CAP_FSETID = 4,
	CAP_KILL = 5,
	CAP_SETGID = 6,
	CAP_SETUID = 7,
	CAP_SETPCAP = 8,
	CAP_IPC_LOCK = 14,
	CAP_IPC_OWNER = 15,
	CAP_SYS_CHROOT = 18,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_PACCT = 20,
	CAP_SYS_ADMIN = 21,
	CAP_SYS_BOOT = 22,
	CAP_SYS_NICE = 23,
	CAP_SYS_RESOURCE = 24,
	CAP_SYS_TIME = 25,
	CAP_SYS_TTY_CONFIG = 26,
	CAP_MKNOD = 27,
	CAP_LEASE = 28,
	CAP_SETFCAP = 31,
	CAP_SYSLOG = 34,
	CAP_WAKE_ALARM = 35,
	CAP_CHECKPOINT_RESTORE = 40,
	NR_CAPS = 41,
};
#define ALL_CAPS (BIT(NR_CAPS) - 1)
/* Those that go with the number that files are looked up as: these, and CAP_LINUX_IMMUTABLE, CAP_MAC_OVERRIDE. */
#define FILE_CAPS                                                                                  \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) |     \
	 BIT(CAP_FSETID) | BIT(CAP_MKNOD) | BIT(9) | BIT(32))

/* What root's number does not mean to a task; each with its lock in the next bit (Linux: include/uapi/linux/securebits.h). */
#define SECURE_NOROOT 0x1U
#define SECURE_NO_SETUID_FIXUP 0x4U
#define SECURE_KEEP_CAPS 0x10U
#define SECURE_NO_CAP_AMBIENT_RAISE 0x40U
#define SECURE_ALL_BITS 0x55U
#define SECURE_ALL_LOCKS (SECURE_ALL_BITS << 1)

/* real, effective, saved; what files are looked up as. 0: root, which gets all capabilities by exec and by setuid */
struct cred {
	union {
		u32 uids[3];
		struct {
			u32 uid, euid, suid;
		};
	};
	union {
		u32 gids[3];
		struct {
			u32 gid, egid, sgid;
		};
	};
	u32 fsuid, fsgid;
	u32 nr_groups, groups[MAX_GROUPS];
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bset,
		cap_ambient; /* bits: capabilities */
	u32 securebits;	     /* SECURE_* */
};

/* What was used: nanoseconds and events; of a task, or of those that have ended. */
struct usage {
	u64 utime, stime;
	u64 min_flt, maj_flt, nvcsw, nivcsw;
	u64 maxrss; /* pages */
};

#define SIGNAL_GROUP_EXIT 1U	 /* every thread is to end, by group_exit_code */
#define SIGNAL_STOPPED 2U	 /* all threads have stopped, by stop_signal */
#define SIGNAL_WAIT_STOPPED 4U	 /* and nobody has been told by wait yet */
#define SIGNAL_WAIT_CONTINUED 8U /* it goes on, and nobody has been told yet */
#define SIGNAL_UNKILLABLE 16U	 /* init: only signals that it handles */

/* A process. It lives until its parent has read how it ended. */
struct signal_struct {
	struct task *leader; /* whose pid is the process's; a zombie when it ended before others */
	struct link threads; /* of task.thread */
	unsigned int nr_threads; /* not zombies, not dead */
	unsigned int live;	 /* that have not begun to end */
	struct link process;	 /* in all_processes */
	struct signal_struct *parent;
	struct link children, sibling;
	struct link tracees; /* of task.traced: whom its threads watch by ptrace */
	int pgrp, session;   /* in the first namespace; 0: none that is seen */
	unsigned int flags;  /* SIGNAL_* */
	int group_exit_code, stop_signal;
	unsigned int stop_count;   /* threads that have not stopped yet, while a stop goes on */
	struct task *exec_task;	   /* waits to be the only one */
	struct task *core_task;	   /* the same, and then writes a core dump: SIGKILL ends it */
	struct sigpending pending; /* for any of the threads */
	struct wait_queue wait_chldexit;
	struct wait_queue wait_exit; /* pidfds: until the process ends */
	struct rlimit rlim[NR_RLIMITS];
	struct usage dead_threads, children_usage;
	struct ktimer real_timer; /* ITIMER_REAL */
	u64 real_interval;
	struct { /* ITIMER_VIRTUAL, ITIMER_PROF: at which time used; 0: off */
		u64 at, interval;
	} cpu_timer[2];
	struct ktimer cpu_look; /* looks at them */
	struct posix_timer *posix_timers;
	int next_timer_id;
	int oom_score_adj;
	u32 exec_id; /* another one after each exec */
	bool has_execed, child_subreaper, no_new_privs, dumpable;
	bool below_subreaper;	      /* one above it has asked to be one, now or once */
	struct tty *tty;	      /* the controlling terminal; NULL: none */
	struct user_ns *exec_user_ns; /* where the program was that its memory is of, with a use */
};

struct task {
	struct task_context context;		    /* where the kernel goes on */
	struct time_ns *time_ns, *time_ns_children; /* timens.h; NULL: the first */
	struct user_regs *regs;			    /* EL0's registers, at the top of the stack */
	struct mm_struct *mm;
	struct mempolicy *mempolicy; /* a reference; NULL: the default one */
	void *stack;		     /* NULL: given back */
	enum task_state state;
	bool on_cpu, queued;
	bool ahead;		    /* in the queue, before those that have not slept */
	bool kthread;		    /* the kernel's: it never runs (kthread.c) */
	bool exiting, stop_pending; /* stop_pending: it is to stop, with all threads */
	unsigned int cpu;	    /* runs there, or ran there last */
	unsigned int fp_cpu;	    /* which may still have its SIMD registers */
	struct link run;	    /* in the run queue */
	struct cpumask allowed;
	int pid, tgid;		 /* in the first namespace: pid.h */
	int own_tgid;		 /* in the namespace that it is in */
	struct pid *thread_pid;	 /* NULL: it has gone */
	struct nsproxy *nsproxy; /* NULL: it has ended */
	struct signal_struct *signal;
	struct link thread;
	struct sighand *sighand;
	struct files_struct *files;
	struct fs_struct *fs;
	int exit_code, exit_signal; /* exit_signal 0: the parent is told nothing; leader only */
	int pdeath_signal;
	u64 blocked, saved_blocked;
	bool restore_blocked; /* saved_blocked comes back when the call is over */
	u64 sleeping_for;     /* rt_sigtimedwait: these wake it though they are blocked */
	struct sigpending pending;
	struct {
		u64 sp, size;
		u32 flags;
	} altstack;
	struct {
		long (*fn)(struct task *t);
		u64 arg[6];
	} restart;		      /* restart_syscall */
	u64 fault_address, fault_esr; /* of its last exception, for the signal's frame */
	unsigned long set_child_tid, clear_child_tid;
	unsigned long robust_list;
	unsigned long rseq; /* kernel/rseq.c; 0: none */
	u32 rseq_len, rseq_sig;
	struct completion *vfork_done; /* the parent waits for exec or the end */
	bool tagged_addr;    /* pointers that it gives to calls may have a tag in the top byte */
	bool has_pi_waiters; /* somebody has waited for a lock of its (kernel/futex.c) */
	struct task *tracer; /* ptrace.h; NULL: nobody watches it */
	struct link traced;
	u32 trace_options; /* PTRACE_O_* */
	bool trace_seized, trace_told, trace_stop_wanted, single_step;
	int trace_code; /* of its stop; then what it goes on with */
	s64 trace_nr;	/* of the system call that it is stopped in; -1: none is to be made */
	u64 trace_message;
	struct siginfo *trace_info;   /* in a stop */
	struct hw_debug *hw_debug[2]; /* breakpoints, watchpoints; NULL: none */
	u8 seccomp_mode;	      /* seccomp.h */
	struct seccomp_filter *seccomp;
	struct user_ns *user_ns; /* whose capabilities they are; userns.h */
	struct cred cred;
	struct usage usage;	       /* utime: all of its time, while it lives: task_usage() */
	u64 user_ticks, kernel_ticks;  /* nanoseconds, by where the timer has found it */
	u64 utime_told, stime_told;    /* neither of them goes back */
	u64 start_time, ran_since;     /* nanoseconds of port_time_ns */
	u64 slice_used;		       /* nanoseconds of its turn; sched.c */
	int nice, policy, rt_priority; /* kernel/sched_attr.c */
	bool reset_on_fork;
	u16 ioprio;
	u32 deadline_flags;
	u64 deadline[3]; /* SCHED_DEADLINE's: runtime, deadline, period */
	unsigned long personality;
	u64 timer_slack;
	bool mce_process, mce_early; /* PR_MCE_KILL: no memory is found bad here */
	char comm[TASK_COMM_LEN];
	struct user_fpsimd fp; /* while it does not run */
};

extern struct user_ns init_user_ns;
DECLARE_PER_CPU(struct task *, current_task);
#define current this_cpu_read(current_task)

static inline bool task_capable(const struct task *t, unsigned int cap)
{
	return t->user_ns == &init_user_ns && t->cred.cap_effective & BIT(cap);
}

static inline bool capable(unsigned int cap)
{
	return task_capable(current, cap);
}

extern struct link all_processes;
#define for_each_process(p)                                                                        \
	for (struct signal_struct *p =                                                             \
		     link_entry(all_processes.next, struct signal_struct, process);                \
	     &p->process != &all_processes;                                                        \
	     p = link_entry(p->process.next, struct signal_struct, process))
/* Has another task the same memory? */
bool mm_is_shared(const struct task *t);
#define for_each_thread(t, signal)                                                                 \
	for (struct task *t = link_entry((signal)->threads.next, struct task, thread);             \
	     &t->thread != &(signal)->threads;                                                     \
	     t = link_entry(t->thread.next, struct task, thread))

/* ------------------------------------------------------------------ sched.c */

/* See the head of sched.c. Interrupts on; not recursive. */
void kernel_lock(void);
void kernel_unlock(void);
/* mmput from under kernel_lock, which is given up meanwhile: its tasks may have ended since, and all of its memory goes then. */
static inline void mm_put_unlocked(struct mm_struct *mm)
{
	kernel_unlock();
	mmput(mm);
	kernel_lock();
}
bool kernel_is_locked(void);

/* Give the CPU to another task that can run; this one goes on when it is RUNNING and its turn. */
void schedule(void);
/* The same, behind all others that can run. */
void sched_yield(void);
/* Somebody can run, and waits for a CPU. Without kernel_lock: it was so a moment ago. */
bool sched_any_queued(void);
/* Before any CPU looks for tasks: the interrupt of their timers (port_timer_init). */
void sched_timer_is(unsigned int interrupt);
/* In the middle of a long call: other CPUs may have kernel_lock, which is given up and taken again, and another task this CPU if it is its turn. */
void sched_relax(void);
/* A task that waits runs again, whatever it waits for. False: it does not wait. */
bool wake_up(struct task *t);
/* The same, and the caller will probably wait for that task next: it is left to this CPU for a moment. */
bool wake_up_sync(struct task *t);
/* As wake_up, of one in that state only. */
bool wake_up_state(struct task *t, enum task_state state);
/* The task looks at its `work` soon, where it runs. */
void user_work_set(struct task *t, unsigned int work);
/* A task that can run from here on, and has never. */
void sched_start(struct task *t);
/* The task may only run on these CPUs from now on. -EINVAL: none of them is there. */
int sched_set_affinity(struct task *t, const struct cpumask *mask);
/* Time that the task has used, up to now. */
u64 task_runtime(const struct task *t);
/* What it has used up to now, the time split in user's and kernel's. */
struct usage task_usage(struct task *t);
/* exit.c: the sum; of all threads that a process has and had. */
void usage_add(struct usage *to, const struct usage *u);
void usage_of_process(const struct signal_struct *s, struct usage *sum);
/* This CPU is idle until there are programs, and again after; returns when `stop` is. */
void sched_idle(void *unused);
/* timer.c: the earliest ktimer is another one. */
void sched_timer_changed(void);
void sched_init(void);
void sched_stop(void);
unsigned int sched_nr_running(void);
/* The number of threads alive. */
extern unsigned int nr_tasks, max_tasks;
/* Linux's fixed-point load averages, 1 << 16 = 1. */
void sched_loadavg(unsigned long load[3]);

/* ------------------------------------------------------------------ task.c */

/* A task with a stack, in those namespaces, with a number that nobody knows yet: pid_new's errors. */
long task_alloc(struct nsproxy *in, const int *set_tid, unsigned int n, struct task **made);
/* The task goes, with its stack if it has one. */
void task_free(struct task *t);
void task_hash(struct task *t);
void task_unhash(struct task *t);
/* By a number of the first namespace; pid.h has what programs call tasks. */
struct task *task_find(int pid);
/* By the pid of its leader. */
struct signal_struct *process_find(int pid);
/* t has the number of `from`, which has none any more. */
void task_take_pid(struct task *t, struct task *from);
/* Numbers in the first namespace. */
void signal_set_group(struct signal_struct *s, int pgrp, int session);
struct signal_struct *signal_alloc(void);
void signal_free(struct signal_struct *s);
/* From exit.c: its stack, when it runs no more. */
void stack_free(void *stack);

/* ------------------------------------------------------------------ fork.c */

struct clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	const int *set_tid; /* the numbers that it is to have, the deepest namespace's first */
	u64 set_tid_size;
};
long task_clone(const struct clone_args *args);
/* Programs run from here on, argv[0] first: does not return until that has ended. Returns its exit code as wait4 reports it, or why it cannot run. */
int run_init(char *const *argv, char *const *envp);
/* kthread.c: PID 2, with these limits, if there is memory for it; and its end, when all programs have ended. */
void kthreadd_start(const struct rlimit *limits);
void kthreadd_end(void);
/* exec and the end: whoever waits for vfork, and clear_child_tid. */
void mm_release(struct task *t);

/* ------------------------------------------------------------------ exit.c */

/* code: as wait4 reports it. */
void task_exit(int code) __noreturn;
/* acct.c: t is the last of its process, which ends so: a record, if somebody wants them. */
void acct_process(const struct task *t, int code);
/* Every thread of the process ends so. */
void task_exit_group(int code) __noreturn;
/* Every other thread of this process ends: 0 when this is the only one, and has the process's number; -EAGAIN: it is to end itself. */
int de_thread(struct task *t);
/* Whoever waits for a change of this process looks again, and is sent the signal. */
void notify_parent(struct signal_struct *s, int why, int status);
#define WAIT_EXITED 4U
#define WAIT_CONTINUED 8U
#define WAIT_NOWAIT 0x01000000U
struct wait_for {
	int pid;  /* > 0: this one, in the first namespace */
	int pgrp; /* not 0: of this group */
	unsigned int options;
	int nr;		  /* what the running program calls who has changed */
	int code, status; /* as waitid's si_code; as wait4's status */
	struct usage usage;
};
/* The pid of a child that has changed, 0 (WNOHANG), -ECHILD, -ERESTARTSYS. */
long wait_for_child(struct wait_for *w);
/* Its last thread has ended: its tracer or its parent is told, or nobody. */
void process_ended(struct signal_struct *s);
/* SIGKILL for one thread, when its process ends anyway. */
void kill_thread(struct task *t);
/* posix timers go with their process. */
void posix_timers_free(struct signal_struct *s);
void posix_timers_exec(struct signal_struct *s);
/* The signal of one of its timers is taken: it is told what the timer has missed since it was sent. */
void posix_timer_taken(struct signal_struct *s, struct siginfo *info);
struct out;
/* As /proc/PID/timers has it. */
void posix_timers_show(struct out *out, const struct task *t);
/* sys_time.c: RLIMIT_CPU is another one, or a new process's. */
void cpu_limit_changed(struct signal_struct *s);
void stacks_drop(void);
/* After sched_stop: all CPUs but this have left. */
void sched_wait_stopped(void);

/* ------------------------------------------------------------------ exec.c, uaccess.c */

/* /proc/sys/kernel/randomize_va_space: 0: nothing, 1: stack and mappings, 2: brk, too. norandmaps on the command line: 0. */
extern int sysctl_randomize_va_space;
/* The program becomes another. Fails only while it is still the old one. */
int do_execve(struct task *t, const char *path, char *const *argv, char *const *envp);

/*
 * This program's memory, by its own addresses. 0 or -EFAULT, and then some of it may have been copied; strings: length without the 0,
 * -EFAULT, -ENAMETOOLONG. The *_partly say how many bytes at the end were not copied.
 */
int copy_from_user(void *to, unsigned long from, size_t n);
int copy_to_user(unsigned long to, const void *from, size_t n);
size_t copy_from_user_partly(void *to, unsigned long from, size_t n);
size_t copy_to_user_partly(unsigned long to, const void *from, size_t n);
size_t clear_user_partly(unsigned long to, size_t n);
long strncpy_from_user(char *to, unsigned long from, size_t size);
int clear_user(unsigned long to, size_t n);
/* [addr, addr + n) can be the program's. A tag is taken off where the program has asked for that. */
bool user_range(unsigned long *addr, size_t n);
int get_user_32(u32 *to, unsigned long from);
int get_user_64(u64 *to, unsigned long from);
int put_user_32(u32 value, unsigned long to);
int put_user_64(u64 value, unsigned long to);
/* port_cmpxchg_user, of an address of the program's. */
int cmpxchg_user(unsigned long addr, u32 *old, u32 new);
#define get_user(x, from)                                                                          \
	(sizeof(x) == 8	  ? get_user_64((void *)&(x), from)                                        \
	 : sizeof(x) == 4 ? get_user_32((void *)&(x), from)                                        \
			  : copy_from_user(&(x), from, sizeof(x)))
#define put_user(x, to)                                                                            \
	({                                                                                         \
		__typeof__(x) _x = (x);                                                            \
		u64 _v = 0;                                                                        \
		__builtin_memcpy(&_v, &_x, min(sizeof(_x), sizeof(_v)));                           \
		sizeof(_x) == 8	  ? put_user_64(_v, to)                                            \
		: sizeof(_x) == 4 ? put_user_32((u32)_v, to)                                       \
				  : copy_to_user(to, &_x, sizeof(_x));                             \
	})

/* futex.c: the task ends. */
void futex_exit(struct task *t);
long futex_wake_address(unsigned long addr, unsigned int n);

/* rseq.c: the CPU is written, a sequence begins again. False: its memory is not as it should be: SIGSEGV. */
bool rseq_resume(struct user_regs *regs);

/* random.c: any number of bytes that nobody can foretell. Any context but interrupts. */
void get_random_bytes(void *buf, size_t n);
void random_init(void);
/* Faults ask for the running task's memory policy from here on (mempolicy.c). */
void mempolicy_init(void);

/* oom.c: memory is out: a program ends for it. */
void out_of_memory(void);
/* Calls that bring pages in do the same. */
void oom_init(void);

/* syscall.c: numbers of calls that nobody knows, for the end. */
void report_unknown_syscalls(void);

#endif
