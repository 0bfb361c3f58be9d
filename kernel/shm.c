// SPDX-License-Identifier: MIT
/*
 * System V shared memory (Linux: ipc/shm.c): a segment is a file in memory with an id, and attaching it maps the file.
 *
 * A segment holds a reference of its file until it is removed; areas hold one each, so how often it is attached is the count of the rest.
 * Removed, it stays for those who have it, and goes with the file when the last one lets go. Locking: kernel_lock; areas
 * take and drop references without it, and the end of a file comes by files_reap, under it.
 */
#include <quire/mm.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "ipc.h"
#include "pid.h"
#include "userns.h"
#include "vfs.h"

#define SHM_RDONLY 010000U
#define SHM_RND 020000U
#define SHM_REMAP 040000U
#define SHM_EXEC 0100000U
#define SHM_NORESERVE 010000U
#define SHM_HUGETLB 04000U
#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15
#define SHM_DEST 01000U
#define SHM_LOCKED 02000U

struct shm {
	struct ipc_object o;
	struct open_file *file;
	u64 size;
	s64 atime, dtime, ctime;
	int cpid, lpid;
};

/* As programs see it (Linux: include/uapi/asm-generic/shmbuf.h). */
struct shmid64_ds {
	struct ipc64_perm perm;
	u64 size;
	s64 atime, dtime, ctime;
	s32 cpid, lpid;
	u64 nattch, unused[2];
};

static struct ipc_table *own(void)
{
	return &ipc_own()->shm;
}

static struct shm *shm_find(int id)
{
	return (struct shm *)ipc_find(own(), id);
}

static u64 attached(const struct shm *s)
{
	s32 users = __atomic_load_n(&s->file->file.f_count, __ATOMIC_RELAXED);

	return (u64)(users - !(s->o.perm.mode & SHM_DEST));
}

static u64 pages_of(const struct shm *s)
{
	return DIV_ROUND_UP(s->size, PAGE_SIZE);
}

/* The file is gone: nobody has the segment any more. */
static void shm_release(struct open_file *f)
{
	struct shm *s = f->private;

	if (s->o.in)
		container_of(s->o.in, struct ipc_ns, shm)->shm_pages -= pages_of(s);
	ipc_remove(&s->o);
	kfree(s);
}

static const struct file_operations shm_fop = {.release = shm_release};

/* ------------------------------------------------------------------ shmget */

static long shm_new(s32 key, u64 size, unsigned int flags)
{
	struct shm *s;
	char name[24];
	int err;

	if (!size || size > ipc_own()->shmmax)
		return -EINVAL;
	if (size > ULONG_MAX - PAGE_SIZE ||
	    ipc_own()->shm_pages + DIV_ROUND_UP(size, PAGE_SIZE) > ipc_own()->shmall)
		return -ENOSPC;
	if (flags & SHM_HUGETLB)
		return -ENOMEM;
	s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_ZERO);
	if (!s)
		return -ENOMEM;
	quire_snprintf(name, sizeof(name), "/SYSV%08x", (u32)key);
	s->file = tmpfs_file(name, O_RDWR, &err);
	if (!s->file)
		goto fail;
	err = inode_truncate(s->file->inode, size);
	if (!err && !(flags & SHM_NORESERVE))
		err = mapping_promise(s->file->inode->mapping, DIV_ROUND_UP(size, PAGE_SIZE));
	if (!err)
		err = ipc_add(own(), &s->o, key, flags);
	if (err) {
		file_put(s->file);
		goto fail;
	}
	s->file->op = &shm_fop;
	s->file->private = s;
	s->size = size;
	ipc_own()->shm_pages += pages_of(s);
	s->cpid = current->tgid;
	s->ctime = ipc_time();
	return s->o.id;
fail:
	kfree(s);
	return err;
}

long call_shmget(const struct syscall_args *r)
{
	const s32 key = (s32)r->a[0];
	const unsigned int flags = (unsigned int)r->a[2];
	const struct shm *s = NULL;
	int err;

	if (key != IPC_PRIVATE)
		s = (const struct shm *)ipc_by_key(own(), key);
	if (!s)
		return key == IPC_PRIVATE || flags & IPC_CREAT ? shm_new(key, r->a[1], flags)
							       : -ENOENT;
	if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	if (r->a[1] > s->size)
		return -EINVAL;
	err = ipc_may(&s->o, flags);
	return err ? err : s->o.id;
}

/* ------------------------------------------------------------------ shmat, shmdt */

long call_shmat(const struct syscall_args *r)
{
	struct mm_struct *mm = current->mm;
	const unsigned int flags = (unsigned int)r->a[2];
	/* Tags are not taken off, as Linux does not here. */
	unsigned long addr = r->a[1], prot = PROT_READ, how = MAP_SHARED, at;
	struct shm *s = shm_find((int)r->a[0]);
	const struct vm_area_struct *vma;
	struct open_file *f;
	unsigned int mode = 4;
	int err;

	if ((int)r->a[0] < 0)
		return -EINVAL;
	if (addr)
		how |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	else if (flags & SHM_REMAP)
		return -EINVAL;
	if (addr & (PAGE_SIZE - 1)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr &= PAGE_MASK;
		if (!addr && flags & SHM_REMAP)
			return -EINVAL;
	}
	if (!s)
		return -EINVAL;
	if (!(flags & SHM_RDONLY)) {
		prot |= PROT_WRITE;
		mode |= 2;
	}
	if (flags & SHM_EXEC) {
		prot |= PROT_EXEC;
		mode |= 1;
	}
	err = ipc_may(&s->o, mode);
	if (err)
		return err;
	if (addr && !(flags & SHM_REMAP)) {
		if (addr + s->size < addr)
			return -EINVAL;
		mmap_write_lock(mm);
		vma = find_vma(mm, addr);
		err = vma && vma->vm_start < addr + s->size ? -EINVAL : 0;
		mmap_write_unlock(mm);
		if (err)
			return err;
	}
	/* Removed, and its last area has gone, perhaps on another CPU right now. */
	f = s->file;
	if (!file_get_live(f))
		return -EINVAL;
	at = (flags & SHM_RDONLY ? vm_mmap_reader : vm_mmap_pgoff)(mm, &f->file, addr, s->size,
								   prot, how, 0);
	if (!IS_ERR_VALUE(at)) {
		s->atime = ipc_time();
		s->lpid = current->tgid;
	}
	file_put(f);
	return (long)at == -EEXIST ? -EINVAL : (long)at;
}

/* The segment that an area shows; NULL: of no segment. */
static struct shm *area_shm(const struct vm_area_struct *vma)
{
	struct open_file *f = vma->vm_file ? open_file_of(vma->vm_file) : NULL;

	return f && f->op == &shm_fop ? f->private : NULL;
}

long call_shmdt(const struct syscall_args *r)
{
	struct mm_struct *mm = current->mm;
	const unsigned long addr = r->a[0];
	struct shm *s = NULL;
	unsigned long from = addr, to;
	long ret = -EINVAL;

	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	/* Its parts one by one: what the program has mapped between them stays. */
	for (;;) {
		const struct vm_area_struct *vma;

		mmap_write_lock(mm);
		vma = find_vma(mm, from);
		while (vma && (!s || vma->vm_start < addr + s->size)) {
			struct shm *of = area_shm(vma);

			if (of && (!s || of == s) &&
			    (vma->vm_start - addr) >> PAGE_SHIFT == vma->vm_pgoff)
				break;
			vma = vma->next;
		}
		if (!vma || (s && vma->vm_start >= addr + s->size)) {
			mmap_write_unlock(mm);
			break;
		}
		s = area_shm(vma);
		from = vma->vm_start;
		to = vma->vm_end;
		mmap_write_unlock(mm);
		s->dtime = ipc_time();
		s->lpid = current->tgid;
		ret = vm_munmap(mm, from, to - from);
		if (ret)
			break;
		from = to;
	}
	return ret;
}

/* ------------------------------------------------------------------ shmctl */

static long shm_remove(struct shm *s)
{
	int err = ipc_owns(&s->o);

	if (err)
		return err;
	if (s->o.perm.mode & SHM_DEST)
		return 0;
	ipc_forget_key(&s->o);
	s->o.perm.mode |= SHM_DEST;
	file_put(s->file);
	return 0;
}

static struct shmid64_ds shm_stat(const struct shm *s)
{
	return (struct shmid64_ds){.perm = s->o.perm,
				   .size = s->size,
				   .atime = s->atime,
				   .dtime = s->dtime,
				   .ctime = s->ctime,
				   .cpid = pid_vnr(s->cpid),
				   .lpid = pid_vnr(s->lpid),
				   .nattch = attached(s)};
}

static long shm_info(int cmd, unsigned long to)
{
	if (cmd == IPC_INFO) {
		const u64 info[9] = {ipc_own()->shmmax, 1, (u64)ipc_own()->shmmni,
				     (u64)ipc_own()->shmmni, ipc_own()->shmall};

		return copy_to_user(to, info, sizeof(info)) ? -EFAULT : ipc_highest(own());
	} else {
		u64 info[6] = {own()->used};

		for (unsigned int i = 0; i < own()->places; i++) {
			const struct shm *s = (const struct shm *)ipc_at(own(), (int)i);

			if (!s)
				continue;
			info[1] += pages_of(s);
			info[2] += s->file->file.f_mapping->nrpages;
		}
		return copy_to_user(to, info, sizeof(info)) ? -EFAULT : ipc_highest(own());
	}
}

/* Its owner may lock it within his limit. 0, -EPERM, -ENOMEM. */
static int may_lock(const struct shm *s, bool lock)
{
	const u64 most = current->signal->rlim[RLIMIT_MEMLOCK].cur;
	const u32 euid = current->cred.euid;

	if (!ns_capable(ns_owner(&ipc_own()->ns), CAP_IPC_LOCK) &&
	    ((euid != s->o.perm.uid && euid != s->o.perm.cuid) || (lock && !most)))
		return -EPERM;
	return lock && pages_of(s) > most >> PAGE_SHIFT && !capable(CAP_IPC_LOCK) ? -ENOMEM : 0;
}

long call_shmctl(const struct syscall_args *r)
{
	const int id = (int)r->a[0], cmd = (int)r->a[1];
	const bool by_place = cmd == SHM_STAT || cmd == SHM_STAT_ANY;
	struct shmid64_ds ds;
	struct shm *s;
	int err;

	if (id < 0 || cmd < 0)
		return -EINVAL;
	if (cmd == IPC_INFO || cmd == SHM_INFO)
		return shm_info(cmd, r->a[2]);
	s = by_place ? (struct shm *)ipc_at(own(), id) : shm_find(id);
	switch (cmd) {
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		if (!s)
			return -EINVAL;
		err = cmd == SHM_STAT_ANY ? 0 : ipc_may(&s->o, 4);
		if (err)
			return err;
		ds = shm_stat(s);
		if (copy_to_user(r->a[2], &ds, sizeof(ds)))
			return -EFAULT;
		return by_place ? s->o.id : 0;
	case IPC_SET:
		if (copy_from_user(&ds, r->a[2], sizeof(ds)))
			return -EFAULT;
		if (!s)
			return -EINVAL;
		err = ipc_owns(&s->o);
		if (err)
			return err;
		err = ipc_set(&s->o, &ds.perm);
		if (!err)
			s->ctime = ipc_time();
		return err;
	case IPC_RMID:
		return s ? shm_remove(s) : -EINVAL;
	case SHM_LOCK:
	case SHM_UNLOCK:
		if (!s)
			return -EINVAL;
		err = may_lock(s, cmd == SHM_LOCK);
		if (err)
			return err;
		/* There is no swap that it could be kept from. */
		if (cmd == SHM_LOCK)
			s->o.perm.mode |= SHM_LOCKED;
		else
			s->o.perm.mode &= ~SHM_LOCKED;
		return 0;
	}
	return -EINVAL;
}

void shm_end(struct ipc_ns *ns)
{
	for (unsigned int i = 0; i < ns->shm.places; i++) {
		struct shm *s = (struct shm *)ipc_at(&ns->shm, (int)i);

		if (!s)
			continue;
		ipc_remove(&s->o);
		if (!(s->o.perm.mode & SHM_DEST)) {
			s->o.perm.mode |= SHM_DEST;
			file_put(s->file);
		}
	}
}

/* ------------------------------------------------------------------ /proc/sysvipc/shm */

void shm_report(struct out *out)
{
	out_puts(out,
		 "       key      shmid perms                  size  cpid  lpid nattch   uid   gid "
		 " cuid  cgid"
		 "      atime      dtime      ctime                   rss                  swap\n");
	for (unsigned int i = 0; i < own()->places; i++) {
		const struct shm *s = (const struct shm *)ipc_at(own(), (int)i);

		if (!s)
			continue;
		out_printf(out,
			   "%10d %10d  %4o %21llu %5d %5d  %5llu %5u %5u %5u %5u %10lld %10lld "
			   "%10lld %21llu %21llu\n",
			   s->o.perm.key, s->o.id, s->o.perm.mode, (unsigned long long)s->size,
			   pid_vnr(s->cpid), pid_vnr(s->lpid), (unsigned long long)attached(s),
			   s->o.perm.uid, s->o.perm.gid, s->o.perm.cuid, s->o.perm.cgid,
			   (long long)s->atime, (long long)s->dtime, (long long)s->ctime,
			   (unsigned long long)s->file->file.f_mapping->nrpages << PAGE_SHIFT,
			   0ULL);
	}
}
