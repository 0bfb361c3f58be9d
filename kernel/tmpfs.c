// SPDX-License-Identifier: MIT
/*
 * Files in memory: the tree of names is kernel/dentry.c's, contents are pages of an address_space, which mappings share
 * (Linux: mm/shmem.c, fs/ramfs). What they may take together, and how they are mounted: kernel/tmpfs_mount.c.
 *
 * Reads and writes go from page to program, without a copy between. Locking: kernel_lock; what may change under it, since areas fault
 * without that lock, is the address_space's own affair.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/mm_init.h>
#include <quire/vmstat.h>

#include "device.h"
#include "pseudo.h"
#include "tmpfs.h"

/* What Linux lets a file on a 64-bit machine have (MAX_LFS_FILESIZE). */
#define MAX_FILE_SIZE LONG_MAX

#define F_SEALS_ALL 0x3fU

#define FALLOC_FL_KEEP_SIZE 1
#define FALLOC_FL_PUNCH_HOLE 2

static struct super inner; /* of files without a name */

u64 inode_size(const struct inode *inode)
{
	if (inode->mapping)
		return __atomic_load_n(&inode->mapping->i_size, __ATOMIC_RELAXED);
	/* As Linux's tmpfs says of a directory. */
	if ((inode->mode & S_IFMT) == S_IFDIR && !(inode->op && inode->op->lookup))
		return 40 + 20ULL * inode->entries;
	return inode->size;
}

/* ------------------------------------------------------------------ reading and writing */

static long tmpfs_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct address_space *mapping = f->inode->mapping;
	u64 size = inode_size(f->inode);
	size_t done = 0, want;

	if (*pos >= size)
		return 0;
	want = min(to->left, (size_t)(size - *pos));
	while (done < want) {
		size_t offset = *pos & (PAGE_SIZE - 1), part = min(want - done, PAGE_SIZE - offset),
		       n;
		struct page *page = mapping_get_page(mapping, *pos >> PAGE_SHIFT, false);

		if (page) {
			n = copy_to_iter((char *)page_address(page) + offset, part, to);
			put_page(page);
		} else {
			n = zero_iter(part, to);
		}
		done += n;
		*pos += n;
		if (n < part)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static long tmpfs_write(struct open_file *f, struct iter *from, u64 *pos)
{
	struct address_space *mapping = f->inode->mapping;
	size_t done = 0, want = from->left;

	if (f->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (f->inode->seals & F_SEAL_GROW) {
		u64 size = inode_size(f->inode);

		if (*pos >= size && want)
			return -EPERM;
		want = min(want, (size_t)(size - *pos));
	}
	if (*pos >= MAX_FILE_SIZE)
		return -EFBIG;
	want = min(want, (size_t)(MAX_FILE_SIZE - *pos));
	while (done < want) {
		size_t offset = *pos & (PAGE_SIZE - 1), part = min(want - done, PAGE_SIZE - offset),
		       n;
		struct page *page;
		int err = mapping_make_page(mapping, *pos >> PAGE_SHIFT, &page);

		if (err)
			return done ? (long)done : err;
		n = copy_from_iter((char *)page_address(page) + offset, part, from);
		SetPageDirty(page);
		/* Who executes it next syncs it first. */
		ClearPageArch1(page);
		put_page(page);
		done += n;
		*pos += n;
		spin_lock(&mapping->lock);
		if (n && *pos > mapping->i_size)
			__atomic_store_n(&mapping->i_size, *pos, __ATOMIC_RELAXED);
		spin_unlock(&mapping->lock);
		if (n < part)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

int inode_truncate(struct inode *inode, u64 size)
{
	u64 old = inode_size(inode);

	if (size > MAX_FILE_SIZE)
		return -EFBIG;
	/* Secret memory gets its size once. */
	if (inode->mapping->secret && old)
		return -EINVAL;
	if ((size < old && inode->seals & F_SEAL_SHRINK) ||
	    (size > old && inode->seals & F_SEAL_GROW))
		return -EPERM;
	mapping_truncate(inode->mapping, size);
	inode_changed(inode, true);
	return 0;
}

/*
 * Pages for the indices [first, end): all of them, or none more than there were. made: a bit for each that was missing. Who has written
 * to one of them through a mapping before the last one failed finds it empty.
 */
static int make_pages(struct address_space *mapping, u64 first, u64 end, unsigned long *made)
{
	u64 index;
	int err = 0;

	for (index = first; index < end; index++) {
		struct page *page = mapping_get_page(mapping, index, false);

		if (!page) {
			err = signal_pending() ? -EINTR : mapping_make_page(mapping, index, &page);
			if (err)
				break;
			made[(index - first) / 64] |= 1UL << (index - first) % 64;
		}
		put_page(page);
	}
	while (err && index-- > first)
		if (made[(index - first) / 64] & 1UL << (index - first) % 64)
			mapping_punch(mapping, index << PAGE_SHIFT, (index + 1) << PAGE_SHIFT);
	return err;
}

static int allocate(struct inode *inode, u64 first, u64 end)
{
	struct address_space *mapping = inode->mapping;
	const struct super *sb = inode->sb;
	unsigned long *made;
	int err;

	if ((sb->space.max && end - first > (u64)sb->space.max) ||
	    end - first > mapping_pages(mapping) + global_zone_page_state(NR_FREE_PAGES))
		return -ENOSPC;
	made = kvzalloc(((end - first) / 64 + 1) * sizeof(*made), GFP_KERNEL);
	if (!made)
		return -ENOMEM;
	err = make_pages(mapping, first, end, made);
	kvfree(made);
	return err;
}

static int tmpfs_fallocate(struct open_file *f, int mode, s64 offset, s64 len)
{
	struct address_space *mapping = f->inode->mapping;
	u64 end = (u64)offset + (u64)len, size = inode_size(f->inode);
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (f->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		mapping_punch(mapping, (u64)offset, end);
		inode_changed(f->inode, true);
		return 0;
	}
	if (f->inode->seals & F_SEAL_GROW && end > size)
		return -EPERM;
	err = allocate(f->inode, (u64)offset >> PAGE_SHIFT, DIV_ROUND_UP(end, PAGE_SIZE));
	if (err)
		return err;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > size) {
		spin_lock(&mapping->lock);
		__atomic_store_n(&mapping->i_size, end, __ATOMIC_RELAXED);
		spin_unlock(&mapping->lock);
	}
	inode_changed(f->inode, true);
	return 0;
}

/* Data and holes: a page that is there is data. */
static s64 seek_hole_data(struct open_file *f, s64 offset, bool data)
{
	u64 size = inode_size(f->inode), index;

	if (offset < 0 || (u64)offset >= size)
		return -ENXIO;
	index = (u64)offset >> PAGE_SHIFT;
	if (data)
		index = mapping_next_index(f->inode->mapping, index);
	else
		while (mapping_next_index(f->inode->mapping, index) == index)
			index++;
	if (index < DIV_ROUND_UP(size, PAGE_SIZE))
		return max((s64)(index << PAGE_SHIFT), offset);
	return data ? -ENXIO : (s64)size;
}

#define SEEK_DATA 3
#define SEEK_HOLE 4

static s64 tmpfs_llseek(struct open_file *f, s64 offset, int whence)
{
	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		offset = seek_hole_data(f, offset, whence == SEEK_DATA);
		if (offset >= 0)
			f->pos = (u64)offset;
		return offset;
	}
	return generic_llseek(f, offset, whence);
}

static const struct file_operations file_fop = {
	.read = tmpfs_read,
	.write = tmpfs_write,
	.llseek = tmpfs_llseek,
	.fallocate = tmpfs_fallocate,
};

/* ------------------------------------------------------------------ seals */

long file_add_seals(struct open_file *f, u32 seals)
{
	if (!(f->file.f_mode & FMODE_WRITE))
		return -EPERM;
	if (f->op != &file_fop || seals & ~F_SEALS_ALL)
		return -EINVAL;
	if (f->inode->seals & F_SEAL_SEAL)
		return -EPERM;
	/* What is executable, and stays so, is not written any more. */
	if (seals & F_SEAL_EXEC && f->inode->mode & 0111)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	if (seals & F_SEAL_WRITE && !(f->inode->seals & F_SEAL_WRITE)) {
		int err = mapping_deny_writable(f->inode->mapping);

		if (err)
			return err;
	}
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		f->inode->mapping->write_sealed = true;
	f->inode->seals |= seals;
	return 0;
}

long file_get_seals(const struct open_file *f)
{
	return f->op == &file_fop ? (long)f->inode->seals : -EINVAL;
}

/* ------------------------------------------------------------------ directories */

static u32 dirent_type(u32 mode)
{
	return (mode & S_IFMT) >> 12;
}

static int tree_readdir(struct open_file *f, struct dir_context *ctx)
{
	const struct dentry *dir = f->dentry,
			    *up = dir->parent		   ? dir->parent
				  : dir->inode->sb->covers ? dir->inode->sb->covers->parent
							   : dir,
			    *d;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, dir->inode->ino, dirent_type(S_IFDIR)))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, (up ? up : dir)->inode->ino, dirent_type(S_IFDIR)))
			return 0;
		ctx->pos = 2;
	}
	for (d = dir->children; d; d = d->next) {
		if (d->cookie < ctx->pos)
			continue;
		if (!ctx->emit(ctx, d->name, d->len, d->inode->ino, dirent_type(d->inode->mode))) {
			ctx->pos = d->cookie;
			return 0;
		}
		ctx->pos = d->cookie + 1;
	}
	return 0;
}

/* Places in a directory have no end that one could count from. */
static s64 dir_llseek(struct open_file *f, s64 offset, int whence)
{
	return whence > 1 ? -EINVAL : generic_llseek(f, offset, whence);
}

static const struct file_operations dir_fop = {
	.readdir = tree_readdir,
	.llseek = dir_llseek,
};

/* ------------------------------------------------------------------ inodes */

struct inode *tmpfs_inode(struct super *sb, u32 mode, u32 rdev)
{
	struct inode *n = inode_alloc(sb, mode);

	if (!n)
		return NULL;
	n->charged = INODE_BYTES;
	sb->inode_bytes += n->charged;
	switch (mode & S_IFMT) {
	case S_IFDIR:
		n->nlink = 2;
		n->fop = &dir_fop;
		break;
	case S_IFLNK:
		break; /* tmpfs_link_text */
	case S_IFREG:
		n->fop = &file_fop;
		n->seals = F_SEAL_SEAL; /* but of a memfd that allows more */
		n->mapping = mapping_alloc(true);
		if (!n->mapping) {
			iput(n);
			return NULL;
		}
		n->mapping->space = sb->limited ? &sb->space : NULL;
		break;
	default:
		n->rdev = rdev;
		n->fop = special_fop(mode);
	}
	return n;
}

int tmpfs_link_text(struct inode *n, const char *text)
{
	size_t len = strlen(text);

	if (len < LONG_LINK) {
		n->text = kmalloc(len + 1, GFP_KERNEL);
		if (!n->text)
			return -ENOMEM;
		memcpy(n->text, text, len + 1);
		n->size = len;
		return 0;
	}
	n->mapping = mapping_alloc(true);
	if (!n->mapping)
		return -ENOMEM;
	n->mapping->space = n->sb->limited ? &n->sb->space : NULL;
	return (int)min(mapping_write(n->mapping, 0, text, len), 0L);
}

struct open_file *tmpfs_file(const char *name, unsigned int flags, int *err)
{
	struct inode *n = tmpfs_inode(&inner, S_IFREG | 0777, 0);
	struct open_file *f;
	struct dentry *d;

	*err = -ENOMEM;
	if (!n)
		return NULL;
	d = dentry_alloc(NULL, name, strlen(name), n);
	if (!d)
		return NULL;
	n->nlink = 0;
	d->unlinked = true;
	f = file_alloc(d, flags | O_RDWR, &file_fop);
	if (f)
		*err = 0;
	return f;
}

void tmpfs_init(void)
{
	super_init(&inner, &tmpfs_type);
}
