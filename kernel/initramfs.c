// SPDX-License-Identifier: MIT
/*
 * The files of the first program, from cpio archives in the "newc" format (Linux: init/initramfs.c, Documentation/driver-api/
 * early-userspace/buffer-format.rst): one or several, each plain or in a gzip stream; a later one's files take the place of those with
 * the same names. What an archive says is not trusted: lengths are looked at before use, and a bad one ends the unpacking with a
 * line that says where.
 *
 * Locking: none needed; it runs before the first program.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "initramfs.h"
#include "tmpfs.h"

#define CPIO_HEADER 110U
#define CPIO_MAGIC "070701"
/* A name with its end (Linux: PATH_MAX), and a symbolic link's text. */
#define MAX_PATH 4096U
#define LINK_HASH 64U

/* Files with several names: the archive has the contents once. */
struct hard_link {
	struct hard_link *next;
	u32 ino, major, minor;
	struct inode *inode; /* with a reference */
};

struct entry {
	char *name;    /* MAX_PATH bytes */
	u32 name_size; /* with the 0 at its end */
	u32 ino, mode, uid, gid, nlink, mtime, size, major, minor, rmajor, rminor;
	u32 left; /* bytes of its contents that have not been taken yet */
};

static struct hard_link *links[LINK_HASH];

/* Eight hexadecimal digits. False: there is something else. */
static bool hex8(const char *p, u32 *value)
{
	*value = 0;
	for (unsigned int i = 0; i < 8; i++) {
		char c = p[i];
		u32 d = c >= '0' && c <= '9'   ? (u32)(c - '0')
			: c >= 'a' && c <= 'f' ? (u32)(c - 'a' + 10)
			: c >= 'A' && c <= 'F' ? (u32)(c - 'A' + 10)
					       : 16;

		if (d == 16)
			return false;
		*value = *value << 4 | d;
	}
	return true;
}

/* Where a symbolic link that an earlier archive or entry has made in the place of a directory leads. */
static int follow(const char *path, size_t len, struct dentry **to)
{
	char *text = kmalloc(len + 2, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	text[0] = '/';
	memcpy(text + 1, path, len);
	text[len + 1] = '\0';
	err = kern_path(text, WALK_FOLLOW | WALK_DIRECTORY, to);
	kfree(text);
	return err == -ELOOP || err == -ENOENT ? -ENOTDIR : err;
}

/* The directory that the last part of a path is in, made when the archive did not name it. NULL: below something that is no directory. */
static struct dentry *directory_of(const char **name, int *err)
{
	struct dentry *dir = dget(vfs_root()), *d;
	const char *start = *name, *p = start;

	for (;;) {
		size_t len = 0, after;

		while (*p == '/' || (p[0] == '.' && (p[1] == '/' || !p[1])))
			p++;
		while (p[len] && p[len] != '/')
			len++;
		for (after = len; p[after] == '/';)
			after++;
		*name = p;
		if (!p[after])
			return dir;
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			d = dget(dir->parent ? dir->parent : dir);
			*err = 0;
		} else {
			*err = dentry_lookup(dir, p, len, &d);
		}
		if (*err == -ENOENT)
			*err = vfs_create(dir, p, len, S_IFDIR | 0755, 0, &d);
		dput(dir);
		if (*err)
			return NULL;
		if ((d->inode->mode & S_IFMT) == S_IFLNK) {
			dput(d);
			*err = follow(start, (size_t)(p + len - start), &d);
			if (*err)
				return NULL;
		}
		dir = d;
		if ((dir->inode->mode & S_IFMT) != S_IFDIR) {
			dput(dir);
			return NULL;
		}
		p += after;
	}
}

static struct hard_link **link_chain(const struct entry *e)
{
	return &links[(e->ino + e->major + e->minor) % LINK_HASH];
}

static struct inode *find_linked(const struct entry *e)
{
	for (const struct hard_link *l = *link_chain(e); l; l = l->next)
		if (l->ino == e->ino && l->major == e->major && l->minor == e->minor)
			return l->inode;
	return NULL;
}

static int remember_link(const struct entry *e, struct inode *inode)
{
	struct hard_link **chain = link_chain(e), *l = kmalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	*l = (struct hard_link){*chain, e->ino, e->major, e->minor, inode};
	iget(inode);
	*chain = l;
	return 0;
}

/* An archive has ended: numbers of the next one mean other files. */
static void forget_links(void)
{
	for (unsigned int i = 0; i < LINK_HASH; i++)
		while (links[i]) {
			struct hard_link *l = links[i];

			links[i] = l->next;
			iput(l->inode);
			kfree(l);
		}
}

static int make_link(struct archive *a, struct entry *e, struct dentry *dir, const char *name,
		     size_t len)
{
	char *text;
	int err;

	if (e->size >= MAX_PATH)
		return -ENAMETOOLONG;
	text = kmalloc(e->size + 1UL, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	err = -EINVAL;
	if (archive_read(a, text, e->size)) {
		e->left = 0;
		text[e->size] = '\0';
		err = vfs_symlink(dir, name, len, text);
	}
	kfree(text);
	return err;
}

/* What the name stands for already, of an earlier archive: it stays when a file or directory of the same kind comes, and is written anew. */
static int make_room(struct dentry *d, const struct entry *e)
{
	u32 kind = d->inode->mode & S_IFMT;

	if (kind == (e->mode & S_IFMT) && kind == S_IFDIR)
		return 0;
	if (kind == (e->mode & S_IFMT) && kind == S_IFREG && e->nlink < 2 && d->inode->nlink < 2)
		return inode_truncate(d->inode, 0);
	return vfs_unlink(d, kind == S_IFDIR, true) ?: -ENOENT;
}

/* The name in dir, with what the header says. 0: *made, with a reference. */
static int make_node(struct archive *a, struct entry *e, struct dentry *dir, const char *name,
		     size_t len, struct dentry **made)
{
	struct inode *linked =
		(e->mode & S_IFMT) == S_IFREG && e->nlink > 1 ? find_linked(e) : NULL;
	int err = dentry_lookup(dir, name, len, made);

	if (!err) {
		err = make_room(*made, e);
		if (!err)
			return 0;
		dput(*made);
	}
	if (err != -ENOENT)
		return err;
	if (linked) {
		iget(linked);
		linked->nlink++;
		(void)tmpfs_charge(linked->sb, INODE_BYTES);
		err = dentry_add(dir, name, len, linked);
		if (err)
			linked->nlink--;
		return err ?: dentry_lookup(dir, name, len, made);
	}
	if ((e->mode & S_IFMT) == S_IFLNK)
		return make_link(a, e, dir, name, len) ?: dentry_lookup(dir, name, len, made);
	err = vfs_create(dir, name, len, e->mode, MKDEV(e->rmajor, e->rminor), made);
	if (!err && e->nlink > 1 && (e->mode & S_IFMT) == S_IFREG) {
		err = remember_link(e, (*made)->inode);
		if (err)
			dput(*made);
	}
	return err;
}

static int write_contents(struct archive *a, struct entry *e, struct inode *inode)
{
	/* One of several names may come again. */
	if (e->size)
		(void)inode_truncate(inode, 0);
	while (e->left) {
		size_t got;
		const u8 *p = archive_take(a, e->left, &got);

		if (!got)
			return -EINVAL;
		if (mapping_write(inode->mapping, e->size - e->left, p, got) != (long)got)
			return -ENOMEM;
		e->left -= (u32)got;
	}
	return 0;
}

/* 0 or an error, -EINVAL: the archive has ended within it; *made: there is a file more. */
static int make_entry(struct archive *a, struct entry *e, bool *made)
{
	const char *name = e->name;
	struct dentry *dir, *d;
	size_t len;
	int err = 0;

	*made = false;
	dir = directory_of(&name, &err);
	if (!dir) {
		if (!err)
			pr_err("initramfs: %s is below something that is no directory, left out\n",
			       e->name);
		return err;
	}
	len = strlen(name);
	while (len && name[len - 1] == '/')
		len--;
	if (!len || (len == 2 && name[0] == '.' && name[1] == '.')) {
		dput(dir);
		*made = true;
		return 0;
	}
	err = make_node(a, e, dir, name, len, &d);
	dput(dir);
	if (err)
		return err;
	if ((d->inode->mode & S_IFMT) == S_IFREG)
		err = write_contents(a, e, d->inode);
	if (!err) {
		if ((e->mode & S_IFMT) != S_IFLNK)
			d->inode->mode = (d->inode->mode & S_IFMT) | (e->mode & 07777);
		d->inode->uid = e->uid;
		d->inode->gid = e->gid;
		d->inode->mtime.sec = e->mtime;
		*made = true;
	}
	dput(d);
	return err;
}

/* The header and the name of the next entry. 0, -EINVAL after a message, -ENAMETOOLONG: its name has been passed over. */
static int read_header(struct archive *a, struct entry *e)
{
	u64 at = archive_position(a);
	char h[CPIO_HEADER];
	const char *kind;

	if (!archive_read(a, h, 6)) {
		pr_err("initramfs: no cpio header of the newc format at byte %lu%s\n", at,
		       archive_place(a));
		return -EINVAL;
	}
	kind = compression_of((const u8 *)h);
	if (kind) {
		pr_err("initramfs: compressed by %s at byte %lu%s, and only gzip is understood\n",
		       kind, at, archive_place(a));
		return -EINVAL;
	}
	if (memcmp(h, CPIO_MAGIC, 6) != 0 || !archive_read(a, h + 6, CPIO_HEADER - 6) ||
	    !hex8(h + 6, &e->ino) || !hex8(h + 14, &e->mode) || !hex8(h + 22, &e->uid) ||
	    !hex8(h + 30, &e->gid) || !hex8(h + 38, &e->nlink) || !hex8(h + 46, &e->mtime) ||
	    !hex8(h + 54, &e->size) || !hex8(h + 62, &e->major) || !hex8(h + 70, &e->minor) ||
	    !hex8(h + 78, &e->rmajor) || !hex8(h + 86, &e->rminor) ||
	    !hex8(h + 94, &e->name_size)) {
		pr_err("initramfs: no cpio header of the newc format at byte %lu%s\n", at,
		       archive_place(a));
		return -EINVAL;
	}
	e->left = e->size;
	e->name[0] = '\0';
	if (e->name_size > MAX_PATH &&
	    archive_read(a, NULL, ALIGN(CPIO_HEADER + (u64)e->name_size, 4) - CPIO_HEADER))
		return -ENAMETOOLONG;
	if (!e->name_size || e->name_size > MAX_PATH || !archive_read(a, e->name, e->name_size) ||
	    e->name[e->name_size - 1] ||
	    !archive_read(a, NULL, -(CPIO_HEADER + e->name_size) % 4)) {
		pr_err("initramfs: the name at byte %lu%s does not end within it\n",
		       at + CPIO_HEADER, archive_place(a));
		return -EINVAL;
	}
	return 0;
}

/* One entry. 0, or an error after a message. */
static int unpack_entry(struct archive *a, struct entry *e, long *files)
{
	u64 at = archive_position(a);
	bool made = false;
	int err = read_header(a, e);

	if (err == -EINVAL)
		return err;
	if (!err && !strcmp(e->name, "TRAILER!!!")) {
		forget_links();
	} else if (!err) {
		err = make_entry(a, e, &made);
		*files += made;
	}
	if (err == -ENAMETOOLONG) {
		pr_err("initramfs: a name of %u bytes, left out\n", e->name_size);
		err = 0;
	}
	if (err == -ENOMEM) {
		pr_err("initramfs: no memory for %s\n", e->name);
		return err;
	}
	if (err && err != -EINVAL) {
		pr_err("initramfs: %s cannot be made (%d), left out\n", e->name, err);
		err = 0;
	}
	/* The padding of the last entry may be missing. */
	if (err || !archive_read(a, NULL, e->left)) {
		pr_err("initramfs: %s at byte %lu%s reaches beyond the end\n", e->name, at,
		       archive_place(a));
		return -EINVAL;
	}
	(void)archive_read(a, NULL, -e->size % 4);
	return 0;
}

long initramfs_unpack(const void *image, size_t size)
{
	struct archive a;
	struct entry e = {.name = kmalloc(MAX_PATH, GFP_KERNEL)};
	long files = 0, err = e.name ? 0 : -ENOMEM;

	archive_open(&a, image, size);
	while (!err && archive_next(&a))
		err = unpack_entry(&a, &e, &files);
	if (a.problem) {
		pr_err("initramfs: the gzip stream before byte %zu: %s\n", a.at, a.problem);
		err = err ?: -EINVAL;
	}
	archive_close(&a);
	forget_links();
	kfree(e.name);
	return err ?: files;
}
