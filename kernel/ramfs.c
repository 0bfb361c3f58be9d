// SPDX-License-Identifier: MIT
/*
 * A tree of files in memory, filled from the initramfs: cpio's "newc" format (Linux: Documentation/driver-api/early-userspace/
 * buffer-format.rst). What the archive says is not trusted: lengths are looked at before use, and a bad one ends the unpacking with a
 * line that says where.
 *
 * Locking: none yet; it is filled before programs run, and they only read.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "ramfs.h"

#define CPIO_HEADER 110U
#define CPIO_MAGIC "070701"
#define MAX_LINKS 8

static struct inode *root;
static u64 last_ino;

static struct inode *inode_alloc(const char *name, size_t len, u32 mode)
{
	struct inode *n = kmalloc(sizeof(*n) + len + 1, GFP_KERNEL | __GFP_ZERO);

	if (!n)
		return NULL;
	memcpy(n->name, name, len);
	n->mode = mode;
	n->ino = ++last_ino;
	if ((mode & S_IFMT) == S_IFREG || (mode & S_IFMT) == S_IFLNK) {
		n->mapping = mapping_alloc(false);
		if (!n->mapping) {
			kfree(n);
			return NULL;
		}
	}
	return n;
}

int ramfs_init(void)
{
	root = inode_alloc("", 0, S_IFDIR | 0755);
	return root ? 0 : -ENOMEM;
}

static struct inode *child_of(const struct inode *dir, const char *name, size_t len)
{
	struct inode *n = dir->children;

	while (n && (strlen(n->name) != len || memcmp(n->name, name, len) != 0))
		n = n->next;
	return n;
}

static size_t part_len(const char *path)
{
	size_t n = 0;

	while (path[n] && path[n] != '/')
		n++;
	return n;
}

static size_t slashes(const char *path)
{
	size_t n = 0;

	while (path[n] == '/')
		n++;
	return n;
}

static struct inode *lookup_from(struct inode *dir, const char *path, unsigned int links);

static struct inode *follow(struct inode *dir, const struct inode *link, unsigned int links)
{
	char text[256];
	long n = mapping_read(link->mapping, 0, text, sizeof(text) - 1);

	if (n <= 0 || links >= MAX_LINKS)
		return NULL;
	text[n] = '\0';
	return lookup_from(text[0] == '/' ? root : dir, text, links + 1);
}

static struct inode *lookup_from(struct inode *dir, const char *path, unsigned int links)
{
	struct inode *n = dir;

	for (;;) {
		size_t len;

		while (*path == '/')
			path++;
		if (!*path)
			return n;
		if ((n->mode & S_IFMT) != S_IFDIR)
			return NULL;
		dir = n;
		len = part_len(path);
		if (len == 1 && path[0] == '.') {
			path++;
			continue;
		}
		if (len == 2 && path[0] == '.' && path[1] == '.') {
			n = n->parent ? n->parent : n;
			path += 2;
			continue;
		}
		n = child_of(dir, path, len);
		if (n && (n->mode & S_IFMT) == S_IFLNK)
			n = follow(dir, n, links);
		if (!n)
			return NULL;
		path += len;
	}
}

struct inode *ramfs_lookup(const char *path)
{
	return *path ? lookup_from(root, path, 0) : NULL;
}

/* ------------------------------------------------------------------ cpio */

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

/* The file `path` (no leading '/'), with directories that the archive did not name. */
static struct inode *make_file(const char *path, u32 mode, bool *failed)
{
	struct inode *dir = root, *n;

	for (;;) {
		size_t len;
		bool last;

		while (*path == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
			path++;
		if (!*path)
			return dir;
		len = part_len(path);
		last = !path[len + slashes(path + len)];
		n = child_of(dir, path, len);
		if (!n) {
			n = inode_alloc(path, len, last ? mode : S_IFDIR | 0755);
			if (!n) {
				*failed = true;
				return NULL;
			}
			n->parent = dir;
			n->next = dir->children;
			dir->children = n;
		}
		if (last)
			return n;
		if ((n->mode & S_IFMT) != S_IFDIR)
			return NULL;
		dir = n;
		path += len;
	}
}

long ramfs_unpack(const void *cpio, size_t size)
{
	const char *base = cpio;
	size_t pos = 0;
	long files = 0;

	for (;;) {
		u32 mode, file_size, name_size;
		const char *h, *name;
		struct inode *n;
		bool failed = false;
		size_t data;

		/* Between archives there may be zeros. */
		while (pos + 4 <= size && !base[pos] && !base[pos + 1] && !base[pos + 2] &&
		       !base[pos + 3])
			pos += 4;
		if (pos >= size || size - pos < 4)
			return files;
		h = base + pos;
		if (size - pos < CPIO_HEADER || memcmp(h, CPIO_MAGIC, 6) != 0 ||
		    !hex8(h + 14, &mode) || !hex8(h + 54, &file_size) ||
		    !hex8(h + 94, &name_size)) {
			pr_err("initramfs: no cpio header of the newc format at byte %zu\n", pos);
			return -EINVAL;
		}
		name = h + CPIO_HEADER;
		if (!name_size || name_size > size - pos - CPIO_HEADER || name[name_size - 1]) {
			pr_err("initramfs: the name at byte %zu does not end within it\n",
			       pos + CPIO_HEADER);
			return -EINVAL;
		}
		data = ALIGN(pos + CPIO_HEADER + name_size, 4);
		if (data > size || file_size > size - data) {
			pr_err("initramfs: %s at byte %zu reaches beyond the end\n", name, pos);
			return -EINVAL;
		}
		pos = ALIGN(data + file_size, 4);
		if (!strcmp(name, "TRAILER!!!"))
			continue;
		n = make_file(name, mode, &failed);
		if (n && n->mapping && file_size &&
		    mapping_write(n->mapping, 0, base + data, file_size) != (long)file_size)
			failed = true;
		if (failed) {
			pr_err("initramfs: no memory for %s\n", name);
			return -ENOMEM;
		}
		if (!n)
			pr_err("initramfs: %s is below something that is no directory, left out\n",
			       name);
		files += n != NULL;
		if (pos > size)
			return files;
	}
}
