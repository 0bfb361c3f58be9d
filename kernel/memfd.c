// SPDX-License-Identifier: MIT
/*
 * memfd_create: files in memory that only descriptors name (Linux: mm/memfd.c). Their seals are in kernel/tmpfs.c. Locking: kernel_lock.
 */
#include <quire/mm.h>
#include <quire/string.h>

#include "syscall.h"
#include "vfs.h"

#define MFD_CLOEXEC 0x01U
#define MFD_ALLOW_SEALING 0x02U
#define MFD_HUGETLB 0x04U
#define MFD_NOEXEC_SEAL 0x08U
#define MFD_EXEC 0x10U
#define MFD_HUGE_MASK (0x3fU << 26)
#define MFD_ALL (MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC)
#define PREFIX "/memfd:"
/* What a name may have, before its 0. */
#define NAME_MAX_LEN 249U

/* /proc/sys/vm/memfd_noexec: what files are that do not say; and are others refused? */
enum { SCOPE_EXEC, SCOPE_NOEXEC_SEAL, SCOPE_NOEXEC_ENFORCED };
int sysctl_memfd_noexec = SCOPE_EXEC;

long call_memfd_create(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[1];
	char name[sizeof(PREFIX) + NAME_MAX_LEN] = PREFIX;
	struct open_file *f;
	long n;
	int err;

	if (flags & ~(MFD_ALL | (flags & MFD_HUGETLB ? MFD_HUGE_MASK : 0)) ||
	    (flags & MFD_EXEC && flags & MFD_NOEXEC_SEAL))
		return -EINVAL;
	if (!(flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) && sysctl_memfd_noexec >= SCOPE_NOEXEC_SEAL)
		flags |= MFD_NOEXEC_SEAL;
	if (!(flags & MFD_NOEXEC_SEAL) && sysctl_memfd_noexec >= SCOPE_NOEXEC_ENFORCED)
		return -EACCES;
	n = strncpy_from_user(name + sizeof(PREFIX) - 1, r->a[0], NAME_MAX_LEN + 1);
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	/* There are no pages of other sizes to have. */
	if (flags & MFD_HUGETLB)
		return -ENOMEM;
	f = tmpfs_file(name, 0, &err);
	if (!f)
		return err;
	if (flags & (MFD_NOEXEC_SEAL | MFD_ALLOW_SEALING))
		f->inode->seals &= ~F_SEAL_SEAL;
	if (flags & MFD_NOEXEC_SEAL) {
		f->inode->mode &= ~0111U;
		f->inode->seals |= F_SEAL_EXEC;
	}
	return fd_install(f, 0, flags & MFD_CLOEXEC);
}
