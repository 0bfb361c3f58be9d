// SPDX-License-Identifier: MIT
/*
 * memfd_secret: memory that only those who map its file reach, at their own addresses (Linux: mm/secretmem.c). It cannot be read or written by
 * the descriptor, nor through another program (process_vm_readv, /proc/PID/mem, ptrace), and its pages are not moved. Each page counts against
 * the RLIMIT_MEMLOCK of who touches it, by user, until the file goes.
 *
 * Against Linux 6.12: there the kernel's own mapping of such pages is taken away too; here it stays, and nothing of the kernel uses it.
 *
 * Locking: kernel_lock over users and files; a page's way into the file is under secret_file.lock, as faults take no kernel_lock.
 */
#include <quire/filemap.h>
#include <quire/slab.h>

#include "syscall.h"
#include "vfs.h"

/* Pages of a user's; kept as long as there is one file. */
struct secret_user {
	struct secret_user *next;
	u32 uid, files;
	unsigned long pages;
};
static struct secret_user *users;

struct secret_file {
	struct secret_user *user;
	spinlock_t lock;
	unsigned long pages; /* of the user's, this file's */
};

static struct secret_user *user_get(u32 uid)
{
	struct secret_user *u = users;

	while (u && u->uid != uid)
		u = u->next;
	if (!u) {
		u = kmalloc(sizeof(*u), GFP_KERNEL | __GFP_ZERO);
		if (!u)
			return NULL;
		u->uid = uid;
		u->next = users;
		users = u;
	}
	u->files++;
	return u;
}

static void user_put(struct secret_user *u)
{
	struct secret_user **link = &users;

	if (--u->files)
		return;
	while (*link != u)
		link = &(*link)->next;
	*link = u->next;
	kfree(u);
}

/* One page more, within the limit (in bytes). */
static bool account(struct secret_file *s, unsigned long limit)
{
	unsigned long now = __atomic_load_n(&s->user->pages, __ATOMIC_RELAXED);

	do {
		if (now >= limit >> PAGE_SHIFT)
			return false;
	} while (!__atomic_compare_exchange_n(&s->user->pages, &now, now + 1, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	s->pages++;
	return true;
}

static vm_fault_t secret_fault(struct vm_area_struct *vma, unsigned long pgoff, struct page **page)
{
	struct address_space *mapping = vma->vm_file->f_mapping;
	struct secret_file *s = open_file_of(vma->vm_file)->private;
	vm_fault_t ret = 0;

	if (pgoff >= DIV_ROUND_UP(__atomic_load_n(&mapping->i_size, __ATOMIC_RELAXED), PAGE_SIZE))
		return VM_FAULT_SIGBUS;
	spin_lock(&s->lock);
	*page = mapping_get_page(mapping, pgoff, false);
	if (!*page) {
		if (!account(s, vma->vm_mm->rlimit_memlock)) {
			ret = VM_FAULT_SIGBUS;
		} else {
			*page = mapping_get_page(mapping, pgoff, true);
			if (!*page) {
				s->pages--;
				__atomic_fetch_sub(&s->user->pages, 1, __ATOMIC_RELAXED);
				ret = VM_FAULT_OOM;
			}
		}
	}
	spin_unlock(&s->lock);
	return ret;
}

static const struct vm_operations_struct secret_vm_ops = {.fault = secret_fault, .in_file = true};

static int secret_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	vma->vm_flags |= VM_DONTDUMP;
	vma->vm_ops = &secret_vm_ops;
	return 0;
}

static void secret_release(struct open_file *f)
{
	struct secret_file *s = f->private;

	__atomic_fetch_sub(&s->user->pages, s->pages, __ATOMIC_RELAXED);
	user_put(s->user);
	kfree(s);
}

static const struct file_operations secret_fop = {.release = secret_release};

/* Whatever opens such a file anew, by /proc/self/fd, has no way to its contents. */
static int secret_open(struct inode *inode, struct open_file *f)
{
	return -ENXIO;
}

static const struct file_operations secret_inode_fop = {.open = secret_open};

long call_memfd_secret(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[0];
	struct secret_file *s;
	struct open_file *f;
	int err;

	if (flags & ~(unsigned int)O_CLOEXEC)
		return -EINVAL;
	s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_ZERO);
	if (!s)
		return -ENOMEM;
	s->user = user_get(current->cred.uid);
	f = s->user ? tmpfs_file("/secretmem", 0, &err) : NULL;
	if (!f) {
		if (s->user)
			user_put(s->user);
		kfree(s);
		return -ENOMEM;
	}
	f->inode->mode = S_IFREG | 0600;
	f->inode->fop = &secret_inode_fop;
	f->inode->mapping->shmem = false;
	f->inode->mapping->secret = true;
	f->op = &secret_fop;
	f->file.f_mmap = secret_mmap;
	f->private = s;
	return fd_install(f, 0, flags & O_CLOEXEC);
}
