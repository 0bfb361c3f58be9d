/* SPDX-License-Identifier: MIT */
/* clone's flags (Linux: include/uapi/linux/sched.h), and pidfds. */
#ifndef KERNEL_CLONE_H
#define KERNEL_CLONE_H

#include <quire/types.h>

#define CSIGNAL 0xffU
#define CLONE_VM 0x100ULL
#define CLONE_FS 0x200ULL
#define CLONE_FILES 0x400ULL
#define CLONE_SIGHAND 0x800ULL
#define CLONE_PIDFD 0x1000ULL
#define CLONE_PTRACE 0x2000ULL
#define CLONE_VFORK 0x4000ULL
#define CLONE_PARENT 0x8000ULL
#define CLONE_THREAD 0x10000ULL
#define CLONE_NEWNS 0x20000ULL
#define CLONE_NEWTIME 0x80ULL
#define CLONE_NEWCGROUP 0x2000000ULL
#define CLONE_NEWUTS 0x4000000ULL
#define CLONE_NEWIPC 0x8000000ULL
#define CLONE_NEWUSER 0x10000000ULL
#define CLONE_NEWPID 0x20000000ULL
#define CLONE_NEWNET 0x40000000ULL
#define CLONE_SYSVSEM 0x40000ULL
#define CLONE_SETTLS 0x80000ULL
#define CLONE_PARENT_SETTID 0x100000ULL
#define CLONE_CHILD_CLEARTID 0x200000ULL
#define CLONE_DETACHED 0x400000ULL
#define CLONE_UNTRACED 0x800000ULL
#define CLONE_CHILD_SETTID 0x1000000ULL
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#define CLONE_INTO_CGROUP 0x200000000ULL
#define CLONE_NAMESPACES                                                                           \
	0x7e020080ULL /* NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME; IO is none */

struct open_file;
struct pid;
struct task;

/* kernel/pidfd.c: a descriptor that stands for a process, its number to the program's memory. */
long pidfd_install(struct task *t, unsigned long to);
/* The process that one stands for. -EBADF: it is none, -ECHILD: the process is gone. */
long pidfd_pid(int fd, bool *nonblock);
/* The same, without a reference, whether it has ended or not. NULL: it stands for none. */
struct pid *pidfd_get(const struct open_file *f);

#endif
