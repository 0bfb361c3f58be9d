// SPDX-License-Identifier: MIT
/*
 * How much memory programs may count on: pages of private writable areas are promised when they are mapped, not when they are touched.
 *
 * vm_committed_as is the sum of what all areas with VM_ACCOUNT, and all files of shared memory, were promised. Whether there may be more is
 * vm.overcommit_memory's affair, as in Linux (mm/util.c, __vm_enough_memory): 0: anything that is not hopeless, 1: anything, 2: up to
 * CommitLimit, less a reserve.
 *
 * Locking: none; the sum is atomic. Against Linux: no batches of a CPU's own, as areas come far seldomer than pages.
 */
#include <quire/mm.h>
#include <quire/mm_init.h>

int sysctl_overcommit_memory = OVERCOMMIT_GUESS, sysctl_overcommit_ratio = 50;
unsigned long sysctl_overcommit_kbytes;
unsigned long sysctl_admin_reserve_kbytes = 8192, sysctl_user_reserve_kbytes = 131072;
static long committed;

unsigned long vm_memory_committed(void)
{
	long n = __atomic_load_n(&committed, __ATOMIC_RELAXED);

	return n < 0 ? 0 : (unsigned long)n;
}

unsigned long vm_commit_limit(void)
{
	if (sysctl_overcommit_kbytes)
		return sysctl_overcommit_kbytes >> (PAGE_SHIFT - 10);
	return totalram_pages() * (unsigned long)sysctl_overcommit_ratio / 100;
}

void vm_acct_memory(long pages)
{
	__atomic_fetch_add(&committed, pages, __ATOMIC_RELAXED);
}

int vm_enough_memory(const struct mm_struct *mm, long pages)
{
	long allowed, reserve;

	vm_acct_memory(pages);
	if (sysctl_overcommit_memory == OVERCOMMIT_ALWAYS)
		return 0;
	if (sysctl_overcommit_memory == OVERCOMMIT_GUESS) {
		if (pages <= 0 || totalram_at_least((unsigned long)pages))
			return 0;
		goto no;
	}
	allowed = (long)vm_commit_limit();
	if (!mm || mm->unprivileged)
		allowed -= (long)(sysctl_admin_reserve_kbytes >> (PAGE_SHIFT - 10));
	if (mm) {
		/* So that one program does not take so much that nobody can end it. */
		reserve = (long)(sysctl_user_reserve_kbytes >> (PAGE_SHIFT - 10));
		allowed -= min((long)(mm->total_vm / 32), reserve);
	}
	if ((long)vm_memory_committed() < allowed)
		return 0;
no:
	vm_acct_memory(-pages);
	return -ENOMEM;
}
