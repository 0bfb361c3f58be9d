// SPDX-License-Identifier: MIT
/*
 * Files in memory: the tree of names is kernel/dentry.c's, contents are pages of an address_space, which mappings share
 * (Linux: mm/shmem.c, fs/ramfs).
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

#define TMPFS_MAGIC 0x01021994U
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

static s64 pages_below(const struct dentry *dir)
{
	s64 n = 0;

	for (const struct dentry *d = dir->children; d; d = d->next) {
		if (d->inode->mapping)
			n += (s64)d->inode->mapping->nrpages;
		n += pages_below(d);
	}
	return n;
}

s64 tmpfs_used(struct super *sb)
{
	sb->used = sb->root ? pages_below(sb->root) : 0;
	return sb->used;
}

/*
 * May so many pages more come into the file system? Counted are those that writes ask for; what faults have added and what has gone is
 * seen when the count is at the limit, by looking at all files. A file without a name that is still open is not among them.
 */
static bool has_room(struct super *sb, s64 pages)
{
	if (!sb->max_pages)
		return true;
	if (sb->used + pages > sb->max_pages && tmpfs_used(sb) + pages > sb->max_pages)
		return false;
	sb->used += pages;
	return true;
}

/* The page for a write. NULL: there is no room. */
static struct page *page_for_write(struct inode *inode, u64 index)
{
	struct page *page = mapping_get_page(inode->mapping, index, false);

	if (!page && has_room(inode->sb, 1))
		page = mapping_get_page(inode->mapping, index, true);
	return page;
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

		page = page_for_write(f->inode, *pos >> PAGE_SHIFT);
		if (!page)
			return done ? (long)done : -ENOSPC;
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

static int tmpfs_fallocate(struct open_file *f, int mode, s64 offset, s64 len)
{
	struct address_space *mapping = f->inode->mapping;
	u64 end = (u64)offset + (u64)len, size = inode_size(f->inode), pages;

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
	if (DIV_ROUND_UP(end, PAGE_SIZE) - ((u64)offset >> PAGE_SHIFT) >
	    mapping->nrpages + global_zone_page_state(NR_FREE_PAGES))
		return -ENOSPC;
	pages = 0;
	for (u64 index = (u64)offset >> PAGE_SHIFT; index < DIV_ROUND_UP(end, PAGE_SIZE); index++) {
		struct page *page = mapping_get_page(mapping, index, false);

		if (page)
			put_page(page);
		else
			pages++;
	}
	if (!has_room(f->inode->sb, (s64)pages))
		return -ENOSPC;
	for (u64 index = (u64)offset >> PAGE_SHIFT; index < DIV_ROUND_UP(end, PAGE_SIZE); index++) {
		struct page *page = mapping_get_page(mapping, index, true);

		if (!page)
			return -ENOSPC;
		put_page(page);
	}
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
	for (index = (u64)offset >> PAGE_SHIFT; index < DIV_ROUND_UP(size, PAGE_SIZE); index++) {
		struct page *page = mapping_get_page(f->inode->mapping, index, false);

		if (page)
			put_page(page);
		if (!page == !data)
			return max((s64)(index << PAGE_SHIFT), offset);
	}
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

static const struct file_operations dir_fop = {
	.readdir = tree_readdir,
	.llseek = generic_llseek,
};

/* ------------------------------------------------------------------ inodes */

struct inode *tmpfs_inode(struct super *sb, u32 mode, u32 rdev)
{
	struct inode *n = inode_alloc(sb, mode);

	if (!n)
		return NULL;
	switch (mode & S_IFMT) {
	case S_IFDIR:
		n->nlink = 2;
		n->fop = &dir_fop;
		break;
	case S_IFREG:
	case S_IFLNK:
		n->fop = &file_fop;
		n->seals = F_SEAL_SEAL; /* but of a memfd that allows more */
		n->mapping = mapping_alloc(true);
		if (!n->mapping) {
			iput(n);
			return NULL;
		}
		break;
	default:
		n->rdev = rdev;
		n->fop = special_fop(mode);
	}
	return n;
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

/* ------------------------------------------------------------------ mounting */

/* A number with k, m or g. */
static s64 number_of(const char *text)
{
	u64 n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (u64)(*text++ - '0');
	switch (*text | 0x20) {
	case 'k':
		return (s64)(n << 10);
	case 'm':
		return (s64)(n << 20);
	case 'g':
		return (s64)(n << 30);
	}
	return (s64)n;
}

/* Bytes, or % of the memory, in pages. */
static s64 size_option(const char *text)
{
	const char *end = text;

	while (*end >= '0' && *end <= '9')
		end++;
	if (*end == '%')
		return number_of(text) * (s64)totalram_pages() / 100;
	return (s64)DIV_ROUND_UP((u64)number_of(text), PAGE_SIZE);
}

static const char *option(const char *options, const char *name)
{
	size_t len = strlen(name);

	while (options && *options) {
		if (!strncmp(options, name, len))
			return options + len;
		options = strchr(options, ',');
		options += options != NULL;
	}
	return NULL;
}

/* Is the value of an option a number of that base, with one of the letters behind it or none? */
static bool is_number(const char *value, unsigned int base, const char *letters)
{
	const char *p = value;

	while (*p >= '0' && *p < (char)('0' + base))
		p++;
	if (p > value && *p && *p != ',' && strchr(letters, *p))
		p++;
	return p > value && (!*p || *p == ',');
}

/* What Linux's tmpfs takes without large pages and quotas. */
static bool options_valid(const char *options)
{
	while (options && *options) {
		const char *end = strchr(options, ',');
		size_t n = end ? (size_t)(end - options) : strlen(options);

		if (!strncmp(options, "size=", 5)) {
			if (!is_number(options + 5, 10, "kKmMgG%"))
				return false;
		} else if (!strncmp(options, "nr_inodes=", 10) ||
			   !strncmp(options, "nr_blocks=", 10)) {
			if (!is_number(options + 10, 10, "kKmMgG"))
				return false;
		} else if (!strncmp(options, "mode=", 5)) {
			if (!is_number(options + 5, 8, ""))
				return false;
		} else if (!strncmp(options, "uid=", 4) || !strncmp(options, "gid=", 4)) {
			if (!is_number(options + 4, 10, ""))
				return false;
		} else if (n && strncmp(options, "huge=", 5) != 0 &&
			   strncmp(options, "mpol=", 5) != 0 &&
			   strncmp(options, "inode64", n) != 0 &&
			   strncmp(options, "inode32", n) != 0 &&
			   strncmp(options, "noswap", n) != 0) {
			return false;
		}
		options = end ? end + 1 : NULL;
	}
	return true;
}

static u32 number_option(const char *text, u32 base)
{
	u32 n = 0;

	while (*text >= '0' && *text < (char)('0' + base))
		n = n * base + (u32)(*text++ - '0');
	return n;
}

static int tmpfs_fill(struct super *sb, const char *options)
{
	struct inode *n;
	const char *text = option(options, "size="), *blocks = option(options, "nr_blocks=");
	u32 mode = 01777;

	if (!options_valid(options))
		return -EINVAL;
	sb->max_pages = text ? size_option(text) : (s64)(totalram_pages() / 2);
	text = option(options, "nr_inodes=");
	sb->max_inodes = text ? number_of(text) : 0;
	if (blocks)
		sb->max_pages = number_of(blocks);
	text = option(options, "mode=");
	if (text)
		mode = number_option(text, 8);
	n = tmpfs_inode(sb, S_IFDIR | (mode & S_IALLUGO), 0);
	if (!n)
		return -ENOMEM;
	text = option(options, "uid=");
	if (text)
		n->uid = number_option(text, 10);
	text = option(options, "gid=");
	if (text)
		n->gid = number_option(text, 10);
	sb->root = dentry_alloc(NULL, "", 0, n);
	return sb->root ? 0 : -ENOMEM;
}

const struct fs_type tmpfs_type = {
	.name = "tmpfs",
	.magic = TMPFS_MAGIC,
	.nodev = true,
	.fill = tmpfs_fill,
};

static int rootfs_fill(struct super *sb, const char *options)
{
	int err = tmpfs_fill(sb, "mode=755");

	sb->max_pages = 0;
	return err;
}

/* Without limits, and its options are not looked at. */
static const struct fs_type ramfs_type = {
	.name = "ramfs",
	.magic = 0x858458f6U,
	.nodev = true,
	.fill = rootfs_fill,
};

static const struct fs_type rootfs_type = {
	.name = "rootfs",
	.magic = TMPFS_MAGIC,
	.nodev = true,
	.fill = rootfs_fill,
};

void vfs_init(void)
{
	super_init(&inner, &tmpfs_type);
	if (fs_register(&rootfs_type) || fs_register(&tmpfs_type) || fs_register(&devtmpfs_type) ||
	    fs_register(&ramfs_type) || fs_register(&proc_type) || fs_register(&sysfs_type) ||
	    do_mount(&rootfs_type, "rootfs", NULL, 0, NULL))
		panic("No memory for the root directory");
}
