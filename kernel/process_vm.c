// SPDX-License-Identifier: MIT
/*
 * Memory of another process: process_vm_readv, process_vm_writev, process_madvise; and prctl's calls on areas (Linux:
 * mm/process_vm_access.c, mm/madvise.c, kernel/sys.c). Locking: kernel_lock, so that the other one neither ends nor becomes another program
 * meanwhile.
 */
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "ptrace.h"
#include "clone.h"
#include "syscall.h"
#include "vfs.h"

/* Copied at a time. */
#define CHUNK 512U

/* The address space of that process, with a reference, or NULL and *err. */
static struct mm_struct *get_mm(int pid, int *err)
{
	struct task *t = task_find_v(pid);

	*err = -ESRCH;
	if (!t || !t->mm)
		return NULL;
	*err = -EPERM;
	if (ptrace_may_access(t))
		return NULL;
	*err = 0;
	mmget(t->mm);
	return t->mm;
}

/* One chunk between the two; how many bytes, less at the first that cannot be had on either side. */
static size_t move_chunk(struct mm_struct *mm, unsigned long remote, unsigned long local, size_t n,
			 bool write)
{
	char buf[CHUNK];
	struct mm_struct *own = current->mm;

	if (write) {
		n -= access_remote_vm(own, local, buf, n, false);
		return n - access_remote_vm(mm, remote, buf, n, true);
	}
	n -= access_remote_vm(mm, remote, buf, n, false);
	return n - access_remote_vm(own, local, buf, n, true);
}

static long process_vm_rw(const struct syscall_args *r, bool write)
{
	struct iovec *local = NULL, *remote = NULL;
	struct iter li, ri;
	u64 l = 0, lo = 0, nr = r->a[2], chunks = 0;
	struct mm_struct *mm;
	long err, done = 0;
	int e = 0;

	if (r->a[5])
		return -EINVAL;
	err = import_iovec(r->a[1], nr, &local, &li);
	if (err)
		return err;
	if (!li.left)
		goto out;
	err = import_iovec(r->a[3], r->a[4], &remote, &ri);
	if (err || !ri.left)
		goto out;
	mm = get_mm((int)r->a[0], &e);
	if (!mm) {
		err = e;
		goto out;
	}
	for (u64 i = 0; i < r->a[4] && l < nr; i++) {
		unsigned long at = untagged_addr(remote[i].base);
		size_t left = remote[i].len;

		while (left && l < nr) {
			size_t n = min(min(left, local[l].len - lo), (size_t)CHUNK), moved;

			if (!n) {
				l++;
				lo = 0;
				continue;
			}
			moved = move_chunk(mm, at, untagged_addr(local[l].base) + lo, n, write);
			done += (long)moved;
			if (moved < n) {
				err = -EFAULT;
				goto put;
			}
			at += n;
			left -= n;
			lo += n;
			if (++chunks % 1024)
				continue;
			/* The others go on meanwhile. */
			sched_relax();
			if (fatal_signal_pending())
				goto put;
		}
	}
put:
	mm_put_unlocked(mm);
out:
	kfree(local);
	kfree(remote);
	return done ? done : err;
}

long call_process_vm_readv(const struct syscall_args *r)
{
	return process_vm_rw(r, false);
}

long call_process_vm_writev(const struct syscall_args *r)
{
	return process_vm_rw(r, true);
}

long call_process_madvise(const struct syscall_args *r)
{
	int advice = (int)r->a[3], e = 0;
	struct iovec *vec;
	struct mm_struct *mm;
	struct iter it;
	long err, pid, done = 0;
	bool nonblock;

	if (r->a[4])
		return -EINVAL;
	err = import_iovec(r->a[1], r->a[2], &vec, &it);
	if (err)
		return err;
	pid = pidfd_pid((int)r->a[0], &nonblock);
	if (pid < 0) {
		err = pid == -ECHILD ? -ESRCH : pid;
		goto out;
	}
	err = -EINVAL;
	if (advice != MADV_COLD && advice != MADV_PAGEOUT && advice != MADV_WILLNEED &&
	    advice != MADV_COLLAPSE)
		goto out;
	mm = get_mm((int)pid, &e);
	err = e;
	if (!mm)
		goto out;
	/* Of another program only with privileges. */
	if (mm != current->mm && !capable(CAP_SYS_NICE))
		err = -EPERM;
	for (u64 i = 0; !err && i < r->a[2]; i++) {
		if (!vec[i].len)
			continue;
		err = vm_madvise(mm, untagged_addr(vec[i].base), vec[i].len, advice);
		if (!err)
			done += (long)vec[i].len;
	}
	mm_put_unlocked(mm);
out:
	kfree(vec);
	return done ? done : err;
}

/* ------------------------------------------------------------------ prctl */

#define PR_SET_VMA_ANON_NAME 0U

long prctl_set_vma(const struct syscall_args *r)
{
	char name[80];
	long n;

	if (r->a[1] != PR_SET_VMA_ANON_NAME)
		return -EINVAL;
	if (!r->a[4])
		return vm_set_anon_name(current->mm, untagged_addr(r->a[2]), r->a[3], NULL);
	n = strncpy_from_user(name, r->a[4], sizeof(name));
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	for (const char *p = name; *p; p++)
		if (*p < ' ' || *p > '~' || strchr("\\`$[]", *p))
			return -EINVAL;
	return vm_set_anon_name(current->mm, untagged_addr(r->a[2]), r->a[3], name);
}

long prctl_thp_disable(bool set, unsigned long v)
{
	if (!set)
		return current->mm->thp_disabled;
	current->mm->thp_disabled = v;
	return 0;
}

#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#define PR_MDWE_NO_INHERIT 2UL

long prctl_mdwe(bool set, unsigned long bits)
{
	struct mm_struct *mm = current->mm;
	unsigned long now = (mm->mdwe ? PR_MDWE_REFUSE_EXEC_GAIN : 0) |
			    (mm->mdwe_no_inherit ? PR_MDWE_NO_INHERIT : 0);

	if (!set)
		return (long)now;
	if (bits & ~(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT) || bits == PR_MDWE_NO_INHERIT)
		return -EINVAL;
	/* What was said once stays said. */
	if (now && now != bits)
		return -EPERM;
	mm->mdwe = bits & PR_MDWE_REFUSE_EXEC_GAIN;
	mm->mdwe_no_inherit = bits & PR_MDWE_NO_INHERIT;
	return 0;
}
