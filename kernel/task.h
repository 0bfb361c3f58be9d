/* SPDX-License-Identifier: MIT */
/*
 * Programs: a task has an address space, a kernel stack, open files and a number.
 *
 * Tasks run one after another, each until it waits or ends; one CPU. What EL0 needs around memory is here as small as the programs
 * allow.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include <quire/filemap.h>
#include <quire/percpu.h>
#include <quire/mm.h>
#include <quire/user.h>

#include "files.h"
#include "wait.h"

#define TASK_STACK_ORDER 2
#define TASK_COMM_LEN 16

enum task_state { TASK_RUNNING, TASK_WAITING, TASK_ZOMBIE };

struct task {
	struct task_context context; /* where the kernel goes on */
	struct user_regs *regs;	     /* EL0's registers, at the top of the stack */
	struct mm_struct *mm;
	void *stack;
	int pid;
	enum task_state state;
	int exit_code; /* as wait4 reports it */
	struct task *parent;
	struct task *next; /* of all tasks, by pid */
	struct files_struct *files;
	struct fs_struct *fs;
	char comm[TASK_COMM_LEN];
};

DECLARE_PER_CPU(struct task *, current_task);
#define current this_cpu_read(current_task)

/* Programs run from here on: does not return until init has ended. Returns its exit code as wait4 reports it. */
int run_init(const char *path);

/* Give the CPU to another task that can run; this one goes on when it is RUNNING and its turn. */
void schedule(void);
void wake_up(struct task *t);
/* A signal waits to be delivered to the current task. */
bool signal_pending(void);

long task_fork(unsigned long flags, unsigned long stack);
long task_wait(int pid, unsigned long status, int options);
void task_exit(int code) __noreturn;

/* exec.c: the program becomes another. Fails only while it is still the old one. */
int do_execve(struct task *t, const char *path, char *const *argv, char *const *envp);

/* uaccess.c: this program's memory. 0 or -EFAULT; strings: length without the 0, -EFAULT, -ENAMETOOLONG. */
int copy_from_user(void *to, unsigned long from, size_t n);
int copy_to_user(unsigned long to, const void *from, size_t n);
long strncpy_from_user(char *to, unsigned long from, size_t size);

/* syscall.c */
/* Numbers of calls that nobody knows, for the end. */
void report_unknown_syscalls(void);

#endif
