// SPDX-License-Identifier: MIT
/*
 * What programs ask of the kernel: Linux's system calls for arm64, by number (include/uapi/asm-generic/unistd.h). One that nobody
 * knows is ENOSYS, and is counted and named at the end.
 */
#include <quire/mm.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "ramfs.h"

/* The arguments. */
struct args {
	u64 a[6];
};

/* The top byte is the program's own for data (TCR_EL1.TBI0): bit 55 says which half the address is in. */
static unsigned long untagged_addr(u64 addr)
{
	return (unsigned long)((s64)(addr << 8) >> 8);
}

static long call_openat(const struct args *r)
{
	char path[256];
	long n = strncpy_from_user(path, r->a[1], sizeof(path));

	return n < 0 ? n : sys_openat(path, (int)r->a[2]);
}

static long call_close(const struct args *r)
{
	return sys_close((unsigned int)r->a[0]);
}

static long call_read(const struct args *r)
{
	return sys_read((unsigned int)r->a[0], r->a[1], r->a[2]);
}

static long call_write(const struct args *r)
{
	return sys_write((unsigned int)r->a[0], r->a[1], r->a[2]);
}

static long call_exit(const struct args *r)
{
	task_exit((int)(r->a[0] & 0xff) << 8);
}

static long call_getpid(const struct args *r)
{
	return current->pid;
}

static long call_getppid(const struct args *r)
{
	return current->parent ? current->parent->pid : 0;
}

static long call_zero(const struct args *r)
{
	return 0;
}

static long call_brk(const struct args *r)
{
	return (long)vm_brk(current->mm, r->a[0]);
}

static long call_munmap(const struct args *r)
{
	return vm_munmap(current->mm, untagged_addr(r->a[0]), r->a[1]);
}

static long call_mprotect(const struct args *r)
{
	return vm_mprotect(current->mm, untagged_addr(r->a[0]), r->a[1], r->a[2]);
}

static long call_madvise(const struct args *r)
{
	return vm_madvise(current->mm, untagged_addr(r->a[0]), r->a[1], (int)r->a[2]);
}

static long call_mmap(const struct args *r)
{
	struct open_file *f = NULL;

	if (r->a[5] & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!(r->a[3] & MAP_ANONYMOUS)) {
		f = file_of((unsigned int)r->a[4]);
		if (!f)
			return -EBADF;
	}
	return (long)vm_mmap_pgoff(current->mm, f ? &f->file : NULL, r->a[0], r->a[1], r->a[2],
				   r->a[3], r->a[5] >> PAGE_SHIFT);
}

static long call_clone(const struct args *r)
{
	return task_fork(r->a[0], r->a[1]);
}

/* The strings that an array of pointers in the program's memory names, into buf and list. How many, or an error. */
static long user_strings(unsigned long array, char **list, size_t max, char **buf, char *end)
{
	size_t n = 0;

	for (;; n++) {
		u64 at;
		long len;

		if (n == max || *buf >= end)
			return -E2BIG;
		list[n] = NULL;
		if (!array)
			return 0;
		if (copy_from_user(&at, array + n * sizeof(at), sizeof(at)))
			return -EFAULT;
		if (!at)
			return (long)n;
		len = strncpy_from_user(*buf, at, (size_t)(end - *buf));
		if (len < 0)
			return len == -ENAMETOOLONG ? -E2BIG : len;
		list[n] = *buf;
		*buf += len + 1;
	}
}

/* Strings of argv and envp together, and how many there may be of each. */
#define EXEC_BYTES SZ_16K
#define EXEC_STRINGS 128U

struct exec_strings {
	char path[256];
	char *argv[EXEC_STRINGS], *envp[EXEC_STRINGS];
	char text[EXEC_BYTES];
};

static long call_execve(const struct args *r)
{
	struct exec_strings *s = kmalloc(sizeof(*s), GFP_KERNEL);
	char *next;
	long n;

	if (!s)
		return -ENOMEM;
	next = s->text;
	n = strncpy_from_user(s->path, r->a[0], sizeof(s->path));
	if (n >= 0)
		n = user_strings(r->a[1], s->argv, EXEC_STRINGS, &next, s->text + sizeof(s->text));
	if (n >= 0)
		n = user_strings(r->a[2], s->envp, EXEC_STRINGS, &next, s->text + sizeof(s->text));
	if (n >= 0)
		n = do_execve(current, s->path, s->argv, s->envp);
	kfree(s);
	return n;
}

static long call_wait4(const struct args *r)
{
	return task_wait((int)r->a[0], r->a[1], (int)r->a[2]);
}

static long call_uname(const struct args *r)
{
	/* The interface that programs are told to expect is Linux's; the version says whose it is. */
	static const char fields[6][65] = {"Linux", "quire",   "6.12.0",
					   "Quire", "aarch64", "(none)"};

	return copy_to_user(r->a[0], fields, sizeof(fields));
}

static const struct {
	unsigned short nr;
	const char *name;
	long (*call)(const struct args *r);
} calls[] = {
	{56, "openat", call_openat},
	{57, "close", call_close},
	{63, "read", call_read},
	{64, "write", call_write},
	{93, "exit", call_exit},
	{94, "exit_group", call_exit},
	{96, "set_tid_address", call_getpid},
	{99, "set_robust_list", call_zero},
	{160, "uname", call_uname},
	{172, "getpid", call_getpid},
	{173, "getppid", call_getppid},
	{174, "getuid", call_zero},
	{175, "geteuid", call_zero},
	{176, "getgid", call_zero},
	{177, "getegid", call_zero},
	{178, "gettid", call_getpid},
	{214, "brk", call_brk},
	{215, "munmap", call_munmap},
	{220, "clone", call_clone},
	{222, "mmap", call_mmap},
	{226, "mprotect", call_mprotect},
	{221, "execve", call_execve},
	{233, "madvise", call_madvise},
	{260, "wait4", call_wait4},
};

#define NR_CALLS 512U
#define NR_EXECVE 221U
static u8 call_index[NR_CALLS]; /* 1 + place in calls[]; 0: unknown */
static unsigned int unknown[NR_CALLS];

static void build_index(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		call_index[calls[i].nr] = (u8)(i + 1);
}

void do_syscall(struct user_regs *regs)
{
	u64 nr = regs->x[8];
	u8 i;

	if (unlikely(!call_index[56]))
		build_index();
	i = nr < NR_CALLS ? call_index[nr] : 0;
	if (likely(i)) {
		long ret = calls[i - 1].call((const struct args *)regs->x);

		/* A program that has become another finds its registers as exec has set them. */
		if (nr != NR_EXECVE || ret)
			regs->x[0] = (u64)ret;
		return;
	}
	if (nr < NR_CALLS)
		unknown[nr]++;
	regs->x[0] = (u64)-ENOSYS;
}

void report_unknown_syscalls(void)
{
	for (unsigned int i = 0; i < NR_CALLS; i++)
		if (unknown[i])
			pr_notice("system call %u is not known here: %u times\n", i, unknown[i]);
}

/* ------------------------------------------------------------------ exceptions of programs */

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
