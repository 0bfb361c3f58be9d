// SPDX-License-Identifier: MIT
/*
 * tmpfs as it is mounted: options, what all its files may have together, what statfs says (Linux: mm/shmem.c's other half;
 * Documentation/filesystems/tmpfs.rst).
 *
 * Pages are counted where they enter and leave their file (struct file_space), so a fault, a write and fallocate meet the same limit, and
 * the count is exact at any time. An inode counts as 1024 bytes of max_inodes * 1024, as another name of one does and extended
 * attributes by their size. Locking: kernel_lock, but for space.used.
 */
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "device.h"
#include "pseudo.h"
#include "tmpfs.h"
#include "tty.h"
#include "userns.h"

struct tmpfs_options {
	bool blocks_seen, inodes_seen, mode_seen, uid_seen, gid_seen, noswap;
	s64 blocks, inodes;
	u32 mode, uid, gid;
};

/* ------------------------------------------------------------------ numbers */

/* A number of that base up to *end; false: there is none, or it is too large. */
static bool number(const char *text, u32 base, u64 *n, const char **end)
{
	const char *p = text;

	for (*n = 0; *p >= '0' && *p < (char)('0' + base); p++)
		if (__builtin_mul_overflow(*n, (u64)base, n) ||
		    __builtin_add_overflow(*n, (u64)(*p - '0'), n))
			return false;
	*end = p;
	return p > text;
}

/* With one of k, m, g, t behind it, or % of the memory when that is allowed. */
static bool amount(const char *text, bool percent, u64 *n)
{
	static const char letters[] = "kmgt";
	const char *end, *letter;

	if (!number(text, 10, n, &end))
		return false;
	if (percent && *end == '%') {
		*n = (*n << PAGE_SHIFT) * totalram_pages() / 100;
		return !end[1];
	}
	letter = *end ? strchr(letters, *end | 0x20) : NULL;
	if (letter) {
		unsigned int shift = 10 * (unsigned int)(letter - letters + 1);

		if (*n << shift >> shift != *n)
			return false;
		*n <<= shift;
		end++;
	}
	return !*end;
}

static bool number_option(const char *value, u32 base, u32 *to)
{
	const char *end;
	u64 n;

	if (!number(value, base, &n, &end) || *end || n > UINT_MAX)
		return false;
	*to = (u32)n;
	return true;
}

static bool is_one_of(const char *value, const char *const *words)
{
	while (*words && strcmp(*words, value) != 0)
		words++;
	return *words != NULL;
}

/* ------------------------------------------------------------------ options */

/* What any file system may be told beside its own options. */
static const char *const common_flags[] = {"async",   "dirsync", "lazytime",   "mand",
					   "noasync", "nomand",	 "nolazytime", "ro",
					   "rw",      "sync",	 NULL};

static bool flag_option(struct tmpfs_options *o, const char *key)
{
	if (!strcmp(key, "noswap"))
		o->noswap = true;
	else if (strcmp(key, "inode32") != 0 && strcmp(key, "inode64") != 0)
		return is_one_of(key, common_flags);
	return true;
}

static bool value_option(struct tmpfs_options *o, const char *key, const char *value)
{
	static const char *const huge[] = {"never", "always", "within_size", "advise", NULL};
	u64 n;
	u32 id;

	if (!strcmp(key, "size")) {
		o->blocks_seen = true;
		if (!amount(value, true, &n))
			return false;
		o->blocks = (s64)(n / PAGE_SIZE + !!(n % PAGE_SIZE));
		return true;
	}
	if (!strcmp(key, "nr_blocks")) {
		o->blocks_seen = true;
		o->blocks = amount(value, false, &n) ? (s64)n : -1;
		return o->blocks >= 0;
	}
	if (!strcmp(key, "nr_inodes")) {
		o->inodes_seen = true;
		o->inodes = amount(value, false, &n) && n <= ULONG_MAX / INODE_BYTES ? (s64)n : -1;
		return o->inodes >= 0;
	}
	if (!strcmp(key, "mode")) {
		o->mode_seen = true;
		return number_option(value, 8, &o->mode);
	}
	if (!strcmp(key, "uid")) {
		o->uid_seen = true;
		return number_option(value, 10, &id) && (o->uid = uid_from_user(id)) != NO_ID;
	}
	if (!strcmp(key, "gid")) {
		o->gid_seen = true;
		return number_option(value, 10, &id) && (o->gid = gid_from_user(id)) != NO_ID;
	}
	/* Files in memory are of single pages: which are large is nobody's to see. */
	if (!strcmp(key, "huge"))
		return is_one_of(value, huge);
	return !strcmp(key, "mpol");
}

static bool one_option(struct tmpfs_options *o, const char *key, const char *value)
{
	return value ? value_option(o, key, value) : flag_option(o, key);
}

static int tmpfs_option(const char *key, const char *value)
{
	struct tmpfs_options o = {0};

	return one_option(&o, key, value) ? 0 : -EINVAL;
}

/* "key=value,flag,...", where a comma before a digit is a policy's. */
static int parse(struct tmpfs_options *o, const char *options)
{
	char word[128];

	while (options && *options) {
		size_t n = 0;
		char *value;

		while (options[n] &&
		       (options[n] != ',' || (options[n + 1] >= '0' && options[n + 1] <= '9')))
			n++;
		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, options, n);
		word[n] = '\0';
		options += n + (options[n] == ',');
		if (!n)
			continue;
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (!one_option(o, word, value))
			return -EINVAL;
	}
	return 0;
}

/* ------------------------------------------------------------------ inodes */

bool tmpfs_charge(struct super *sb, s64 bytes)
{
	if (sb->max_inodes && sb->inode_bytes + bytes > sb->max_inodes * INODE_BYTES)
		return false;
	sb->inode_bytes += bytes;
	return true;
}

void tmpfs_uncharge(struct super *sb, s64 bytes)
{
	sb->inode_bytes -= bytes;
}

/* ------------------------------------------------------------------ mounting */

static int fill(struct super *sb, const struct tmpfs_options *o)
{
	struct inode *n = tmpfs_inode(sb, S_IFDIR | (o->mode & S_IALLUGO), 0);

	if (!n)
		return -ENOMEM;
	/* The first are mounted before there is anybody. */
	n->uid = o->uid_seen ? o->uid : current ? current->cred.fsuid : 0;
	n->gid = o->gid_seen ? o->gid : current ? current->cred.fsgid : 0;
	sb->root = dentry_alloc(NULL, "", 0, n);
	return sb->root ? 0 : -ENOMEM;
}

static int tmpfs_fill(struct super *sb, const char *options)
{
	struct tmpfs_options o = {
		.mode = 01777,
		.blocks = (s64)(totalram_pages() / 2),
		.inodes = (s64)(totalram_pages() / 2),
	};
	int err = parse(&o, options);

	if (err)
		return err;
	sb->space.max = o.blocks;
	sb->limited = o.blocks != 0;
	sb->max_inodes = o.inodes;
	return fill(sb, &o);
}

/* A limit is changed, or taken away; none is set where there was none, nor one that is exceeded already. */
static int tmpfs_reconfigure(struct super *sb, const char *options)
{
	struct tmpfs_options o = {0};
	int err = parse(&o, options);

	if (err)
		return err;
	if (o.blocks && (!sb->space.max || tmpfs_used(sb) > o.blocks))
		return -EINVAL;
	if (o.inodes && (!sb->max_inodes || o.inodes * INODE_BYTES < sb->inode_bytes))
		return -EINVAL;
	if (o.noswap)
		return -EINVAL;
	if (o.blocks_seen)
		__atomic_store_n(&sb->space.max, o.blocks, __ATOMIC_RELAXED);
	if (o.inodes_seen)
		sb->max_inodes = o.inodes;
	return 0;
}

s64 tmpfs_used(const struct super *sb)
{
	return __atomic_load_n(&sb->space.used, __ATOMIC_RELAXED);
}

static void tmpfs_statfs(const struct super *sb, struct fs_room *room)
{
	s64 left = sb->space.max - tmpfs_used(sb),
	    inodes = sb->max_inodes - DIV_ROUND_UP(sb->inode_bytes, INODE_BYTES);

	if (sb->space.max) {
		room->blocks = (u64)sb->space.max;
		room->free = (u64)max(left, (s64)0);
	}
	if (sb->max_inodes) {
		room->files = (u64)sb->max_inodes;
		room->files_free = (u64)max(inodes, (s64)0);
	}
}

const struct fs_type tmpfs_type = {
	.name = "tmpfs",
	.magic = TMPFS_MAGIC,
	.nodev = true,
	.xattrs = true,
	.fill = tmpfs_fill,
	.option = tmpfs_option,
	.reconfigure = tmpfs_reconfigure,
	.statfs = tmpfs_statfs,
};

/* ------------------------------------------------------------------ ramfs, and the root */

/* Without limits; of its options only the mode means something. */
static int ramfs_fill(struct super *sb, const char *options)
{
	struct tmpfs_options o = {.mode = 0755};

	(void)parse(&o, options);
	o.uid_seen = o.gid_seen = false;
	return fill(sb, &o);
}

static const struct fs_type ramfs_type = {
	.name = "ramfs",
	.magic = 0x858458f6U,
	.nodev = true,
	.fill = ramfs_fill,
};

/* What an initramfs holds must fit, however large: it says the room that there is. */
static void rootfs_statfs(const struct super *sb, struct fs_room *room)
{
	room->blocks = room->files = totalram_pages() / 2;
	room->free = room->blocks - min(room->blocks, (u64)tmpfs_used(sb));
	room->files_free = room->files - min(room->files, (u64)sb->inodes);
}

static int rootfs_fill(struct super *sb, const char *options)
{
	sb->limited = true; /* only counted */
	return ramfs_fill(sb, options);
}

static const struct fs_type rootfs_type = {
	.name = "rootfs",
	.magic = TMPFS_MAGIC,
	.nodev = true,
	.xattrs = true,
	.fill = rootfs_fill,
	.statfs = rootfs_statfs,
};

void vfs_init(void)
{
	tmpfs_init();
	tty_console_init();
	if (fs_register(&rootfs_type) || fs_register(&tmpfs_type) || fs_register(&devtmpfs_type) ||
	    fs_register(&ramfs_type) || fs_register(&proc_type) || fs_register(&sysfs_type) ||
	    fs_register(&devpts_type) || do_mount(&rootfs_type, "rootfs", NULL, 0, NULL))
		panic("No memory for the root directory");
}
