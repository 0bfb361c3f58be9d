// SPDX-License-Identifier: MIT
/*
 * The files of the first program, from a cpio archive in the "newc" format (Linux: Documentation/driver-api/early-userspace/
 * buffer-format.rst). What the archive says is not trusted: lengths are looked at before use, and a bad one ends the unpacking with a
 * line that says where.
 *
 * Locking: none needed; it runs before the first program.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "tmpfs.h"

#define CPIO_HEADER 110U
#define CPIO_MAGIC "070701"
#define MAX_LINKED 64U

/* Files with several names: the archive has the contents once. */
static struct {
	u32 ino;
	struct inode *inode;
} linked[MAX_LINKED];
static unsigned int nr_linked;

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

struct entry {
	const char *name;
	const char *data;
	u32 ino, mode, uid, gid, nlink, mtime, size, rmajor, rminor;
};

/* The directory that the last part of a path is in, made when the archive did not name it. NULL: below something that is no directory. */
static struct dentry *directory_of(const char **name, int *err)
{
	struct dentry *dir = dget(vfs_root()), *d;
	const char *p = *name;

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
		*err = dentry_lookup(dir, p, len, &d);
		if (*err == -ENOENT)
			*err = vfs_create(dir, p, len, S_IFDIR | 0755, 0, &d);
		dput(dir);
		if (*err)
			return NULL;
		dir = d;
		if ((dir->inode->mode & S_IFMT) != S_IFDIR) {
			dput(dir);
			return NULL;
		}
		p += after;
	}
}

static struct inode *find_linked(const struct entry *e)
{
	for (unsigned int i = 0; i < nr_linked; i++)
		if (linked[i].ino == e->ino)
			return linked[i].inode;
	return NULL;
}

static int make_link(struct dentry *dir, const char *name, size_t len, const struct entry *e)
{
	char *text = kmalloc(e->size + 1UL, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	memcpy(text, e->data, e->size);
	text[e->size] = '\0';
	err = vfs_symlink(dir, name, len, text);
	kfree(text);
	return err;
}

/* 0 or an error; *made: there is a file more. */
static int make_entry(const struct entry *e, bool *made)
{
	const char *name = e->name;
	struct dentry *dir, *d = NULL;
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
	if (!len) {
		dput(dir);
		*made = true;
		return 0;
	}
	err = dentry_lookup(dir, name, len, &d);
	if (err == -ENOENT && e->nlink > 1 && (e->mode & S_IFMT) == S_IFREG && find_linked(e)) {
		struct inode *n = find_linked(e);

		iget(n);
		n->nlink++;
		(void)tmpfs_charge(n->sb, INODE_BYTES);
		err = dentry_add(dir, name, len, n);
		if (!err)
			err = dentry_lookup(dir, name, len, &d);
	} else if (err == -ENOENT && (e->mode & S_IFMT) == S_IFLNK) {
		err = make_link(dir, name, len, e);
		if (!err)
			err = dentry_lookup(dir, name, len, &d);
	} else if (err == -ENOENT) {
		err = vfs_create(dir, name, len, e->mode, MKDEV(e->rmajor, e->rminor), &d);
		if (!err && e->nlink > 1 && (e->mode & S_IFMT) == S_IFREG &&
		    nr_linked < MAX_LINKED) {
			linked[nr_linked].ino = e->ino;
			linked[nr_linked++].inode = d->inode;
		}
	}
	if (!err && (d->inode->mode & S_IFMT) == S_IFREG && e->size &&
	    mapping_write(d->inode->mapping, 0, e->data, e->size) != (long)e->size)
		err = -ENOMEM;
	if (!err) {
		d->inode->uid = e->uid;
		d->inode->gid = e->gid;
		d->inode->mtime.sec = e->mtime;
		*made = true;
	}
	dput(d);
	dput(dir);
	return err;
}

long initramfs_unpack(const void *cpio, size_t size)
{
	const char *base = cpio;
	size_t pos = 0;
	long files = 0;

	for (;;) {
		struct entry e;
		u32 name_size;
		const char *h;
		bool made;
		size_t data;

		/* Between archives there may be zeros. */
		while (pos + 4 <= size && !base[pos] && !base[pos + 1] && !base[pos + 2] &&
		       !base[pos + 3])
			pos += 4;
		if (pos >= size || size - pos < 4)
			return files;
		h = base + pos;
		if (size - pos < CPIO_HEADER || memcmp(h, CPIO_MAGIC, 6) != 0 ||
		    !hex8(h + 6, &e.ino) || !hex8(h + 14, &e.mode) || !hex8(h + 22, &e.uid) ||
		    !hex8(h + 30, &e.gid) || !hex8(h + 38, &e.nlink) || !hex8(h + 46, &e.mtime) ||
		    !hex8(h + 54, &e.size) || !hex8(h + 78, &e.rmajor) ||
		    !hex8(h + 86, &e.rminor) || !hex8(h + 94, &name_size)) {
			pr_err("initramfs: no cpio header of the newc format at byte %zu\n", pos);
			return -EINVAL;
		}
		e.name = h + CPIO_HEADER;
		if (!name_size || name_size > size - pos - CPIO_HEADER || e.name[name_size - 1]) {
			pr_err("initramfs: the name at byte %zu does not end within it\n",
			       pos + CPIO_HEADER);
			return -EINVAL;
		}
		data = ALIGN(pos + CPIO_HEADER + name_size, 4);
		if (data > size || e.size > size - data) {
			pr_err("initramfs: %s at byte %zu reaches beyond the end\n", e.name, pos);
			return -EINVAL;
		}
		e.data = base + data;
		pos = ALIGN(data + e.size, 4);
		if (!strcmp(e.name, "TRAILER!!!")) {
			nr_linked = 0;
			continue;
		}
		switch (make_entry(&e, &made)) {
		case 0:
			files += made;
			break;
		case -ENAMETOOLONG:
			pr_err("initramfs: a name of %u bytes, left out\n", name_size);
			break;
		default:
			pr_err("initramfs: no memory for %s\n", e.name);
			return -ENOMEM;
		}
		if (pos > size)
			return files;
	}
}
