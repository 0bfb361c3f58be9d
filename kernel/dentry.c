// SPDX-License-Identifier: MIT
/*
 * Names and the files that they name.
 *
 * Every dentry with a parent is in a hash table, by parent and name, and holds a reference of its parent; those of a tree (tmpfs) are in
 * their directory's list as well, in the order of making, which is the order that getdents shows. A name that is removed leaves both and
 * stays, marked, for who has it open. Counts are in kernel/vfs.h. Locking: kernel_lock.
 *
 * Linux caches names that nobody uses, and that a name does not exist; here what is not pinned goes with its last user.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "inotify.h"
#include "xattr.h"

#define HASH_BUCKETS 1024U

static struct dentry *buckets[HASH_BUCKETS];

/* ------------------------------------------------------------------ inodes */

struct inode *inode_alloc(struct super *sb, u32 mode)
{
	struct inode *n = kmalloc(sizeof(*n), GFP_KERNEL | __GFP_ZERO);

	if (!n)
		return NULL;
	n->mode = mode;
	n->users = 1;
	n->nlink = 1;
	n->sb = sb;
	n->ino = ++sb->last_ino;
	n->atime = n->mtime = n->ctime = n->btime = time_now();
	sb->inodes++;
	return n;
}

void iget(struct inode *inode)
{
	inode->users++;
}

void iput(struct inode *inode)
{
	struct super *sb = inode->sb;

	if (--inode->users) {
		/* Only watches hold it, and no name leads to it. */
		if (unlikely(inode->watches) && !inode->nlink)
			inotify_unused(inode);
		return;
	}
	if (inode->op && inode->op->evict)
		inode->op->evict(inode);
	xattrs_free(inode);
	inode->sb->inodes--;
	inode->sb->inode_bytes -= inode->charged;
	mapping_put(inode->mapping);
	kfree(inode->text);
	if (sb->gone && !sb->inodes)
		kfree(sb);
	kfree(inode);
}

/* ------------------------------------------------------------------ the hash */

static struct dentry **bucket_of(const struct dentry *parent, const char *name, size_t len)
{
	u64 h = (u64)(unsigned long)parent >> 5;

	while (len--)
		h = (h ^ (u8)*name++) * 0x100000001b3ULL;
	return &buckets[(h ^ h >> 20) % HASH_BUCKETS];
}

static void hash_add(struct dentry *d)
{
	struct dentry **at = bucket_of(d->parent, d->name, d->len);

	d->hash_next = *at;
	if (*at)
		(*at)->hash_prev = &d->hash_next;
	*at = d;
	d->hash_prev = at;
}

static void hash_remove(struct dentry *d)
{
	if (!d->hash_prev)
		return;
	*d->hash_prev = d->hash_next;
	if (d->hash_next)
		d->hash_next->hash_prev = d->hash_prev;
	d->hash_prev = NULL;
	d->hash_next = NULL;
}

static struct dentry *hash_find(const struct dentry *dir, const char *name, size_t len)
{
	struct dentry *d = *bucket_of(dir, name, len);

	while (d && (d->parent != dir || d->len != len || memcmp(d->name, name, len) != 0))
		d = d->hash_next;
	return d;
}

/* ------------------------------------------------------------------ dentries */

/* One reference more that is nobody's use: a child's, or the tree's. */
static struct dentry *hold(struct dentry *d)
{
	d->users++;
	return d;
}

struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t len,
			    struct inode *inode)
{
	struct dentry *d;

	/* A memfd's may be longer by the one character of its prefix. */
	d = len <= NAME_MAX + (parent ? 0U : 1U)
		    ? kmalloc(sizeof(*d) + len + 1, GFP_KERNEL | __GFP_ZERO)
		    : NULL;
	if (!d) {
		iput(inode);
		return NULL;
	}
	d->users = 1;
	inode->sb->uses++;
	inode->sb->dentries++;
	d->inode = inode;
	d->len = (u16)len;
	d->name = d->first_name;
	memcpy(d->name, name, len);
	if (parent) {
		d->parent = hold(parent);
		hash_add(d);
	}
	return d;
}

struct dentry *dget(struct dentry *d)
{
	d->inode->sb->uses++;
	return hold(d);
}

/* A reference of the tree's goes, and what nobody has any more with it. */
static void unhold(struct dentry *d)
{
	while (d && !--d->users) {
		struct dentry *parent = d->parent;

		hash_remove(d);
		d->inode->sb->dentries--;
		iput(d->inode);
		if (d->name != d->first_name)
			kfree(d->name);
		kfree(d);
		d = parent;
	}
}

void dput(struct dentry *d)
{
	struct super *sb;

	if (!d)
		return;
	sb = d->inode->sb;
	sb->uses--;
	if (likely(!sb->detached))
		sb = NULL;
	unhold(d);
	/* The analyzer does not see that a detached one, which holds its root, is not gone. */
	if (sb)
		super_left(sb); /* NOLINT(clang-analyzer-unix.Malloc) */
}

static void list_add(struct dentry *d)
{
	struct dentry *dir = d->parent;

	/* 0 to 2 are ".", ".." and what comes first. */
	d->cookie = dir->last_child ? dir->last_child->cookie + 1 : 3;
	d->prev = dir->last_child;
	d->next = NULL;
	if (d->prev)
		d->prev->next = d;
	else
		dir->children = d;
	dir->last_child = d;
	dir->inode->entries++;
	if ((d->inode->mode & S_IFMT) == S_IFDIR)
		dir->inode->nlink++;
	d->pinned = true;
}

static void list_remove(struct dentry *d)
{
	struct dentry *dir = d->parent;

	if (d->prev)
		d->prev->next = d->next;
	else
		dir->children = d->next;
	if (d->next)
		d->next->prev = d->prev;
	else
		dir->last_child = d->prev;
	d->next = d->prev = NULL;
	dir->inode->entries--;
	if ((d->inode->mode & S_IFMT) == S_IFDIR)
		dir->inode->nlink--;
	d->pinned = false;
}

void dentry_pin(struct dentry *d)
{
	hold(d);
	list_add(d);
}

void dentry_unpin(struct dentry *d)
{
	hash_remove(d);
	list_remove(d);
	d->unlinked = true;
	unhold(d);
}

int dentry_add(struct dentry *dir, const char *name, size_t len, struct inode *inode)
{
	struct dentry *d = dentry_alloc(dir, name, len, inode);

	if (!d)
		return -ENOMEM;
	inode->sb->uses--;
	list_add(d); /* the reference is the tree's */
	return 0;
}

int dentry_lookup(struct dentry *dir, const char *name, size_t len, struct dentry **found)
{
	struct inode *inode, *parent = dir->inode;
	struct dentry *d = hash_find(dir, name, len);
	int err;

	*found = NULL;
	if (d && (!d->inode->op || !d->inode->op->valid || d->inode->op->valid(d->inode))) {
		*found = dget(d);
		return 0;
	}
	/* Who holds it keeps it; the name is another's now. */
	if (d)
		hash_remove(d);
	if (!parent->op || !parent->op->lookup)
		return -ENOENT;
	err = parent->op->lookup(parent, name, len, &inode);
	if (err)
		return err;
	*found = dentry_alloc(dir, name, len, inode);
	return *found ? 0 : -ENOMEM;
}

int dentry_move(struct dentry *d, struct dentry *dir, const char *name, size_t len)
{
	struct dentry *old_parent = d->parent;
	char *text = kmalloc(len + 1, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	memcpy(text, name, len);
	text[len] = '\0';
	hash_remove(d);
	list_remove(d);
	if (d->name != d->first_name)
		kfree(d->name);
	d->name = text;
	d->len = (u8)len;
	d->parent = hold(dir);
	hash_add(d);
	list_add(d);
	unhold(old_parent);
	return 0;
}

bool dentry_is_under(const struct dentry *d, const struct dentry *top)
{
	while (d && d != top) {
		if (!d->parent && d->inode->sb->root == d && d->inode->sb->covers)
			d = d->inode->sb->covers;
		else
			d = d->parent;
	}
	return d != NULL;
}

/* ------------------------------------------------------------------ paths as text */

/* What d, a root, covers, below all that is stacked there; or the root, if it is among these. */
static const struct dentry *below_stack(const struct dentry *d, const struct dentry *root)
{
	const struct super *sb = d->inode->sb, *end = root ? root->inode->sb : NULL;

	if (end && end->root == root && end->stacked < sb->stacked &&
	    mount_stacked(sb, end->stacked) == end)
		return root;
	return mount_stacked(sb, 0)->covers;
}

long d_path(const struct dentry *d, const struct dentry *root, char *buf, size_t size, char **text)
{
	static const char deleted[] = " (deleted)";
	char *p = buf + size;
	const char *const end = p;

	if (!size)
		return -ENAMETOOLONG;
	*--p = '\0';
	if (d->unlinked) {
		if (size < sizeof(deleted))
			return -ENAMETOOLONG;
		p -= sizeof(deleted) - 1;
		memcpy(p, deleted, sizeof(deleted) - 1);
	}
	/* A file without a place has a name alone. */
	if (!d->parent && d->inode->sb->root != d) {
		if ((size_t)(p - buf) < d->len)
			return -ENAMETOOLONG;
		p -= d->len;
		memcpy(p, d->name, d->len);
		*text = p;
		return end - 1 - p;
	}
	for (;;) {
		if (!d->parent && d != root && d->inode->sb->covers)
			d = below_stack(d, root);
		if (!d->parent || d == root)
			break;
		if ((size_t)(p - buf) < d->len + 1U)
			return -ENAMETOOLONG;
		p -= d->len;
		memcpy(p, d->name, d->len);
		*--p = '/';
		d = d->parent;
	}
	if (p == end - 1 || *p != '/') {
		if (p == buf)
			return -ENAMETOOLONG;
		*--p = '/';
	}
	*text = p;
	return end - 1 - p;
}

/* ------------------------------------------------------------------ self-check */

/* The next one of a tree, a directory before what is in it: a stack is no place for how deep it is. */
static const struct dentry *dentry_after(const struct dentry *d, const struct dentry *top)
{
	if (d->children)
		return d->children;
	while (d != top && !d->next)
		d = d->parent;
	return d == top ? NULL : d->next;
}

static int check_directory(const struct dentry *dir, s64 *uses)
{
	int bad = 0;
	u32 n = 0, dirs = 0;
	u64 last = 0;

	for (const struct dentry *d = dir->children; d; d = d->next) {
		bool is_dir = (d->inode->mode & S_IFMT) == S_IFDIR;

		n++;
		dirs += is_dir;
		if (d->parent != dir || !d->pinned || d->unlinked || d->users < 1 ||
		    d->cookie <= last || hash_find(dir, d->name, d->len) != d ||
		    d->inode->users < 1) {
			pr_err("BUG: vfs: the name %s is wrong in its directory\n", d->name);
			bad++;
		}
		last = d->cookie;
		if (!is_dir)
			*uses += d->users - 1;
	}
	*uses += dir->users - (s32)n - dir->pinned;
	if (n != dir->inode->entries ||
	    (dir->inode->nlink != dirs + 2 && (!dir->inode->op || !dir->inode->op->lookup))) {
		pr_err("BUG: vfs: %s counts %u entries and has %u links\n", dir->name,
		       dir->inode->entries, dir->inode->nlink);
		bad++;
	}
	return bad;
}

/*
 * Names that are not the tree's use its directories, and are used themselves, and nothing leads to those that are removed: where there are any,
 * more uses may be counted than are found.
 */
static int check_tree(const struct super *sb)
{
	const struct dentry *d = sb->root;
	s64 uses = 0, n = 0;
	int bad = 0;

	while (d) {
		n++;
		if (d == sb->root || (d->inode->mode & S_IFMT) == S_IFDIR)
			bad += check_directory(d, &uses);
		d = dentry_after(d, sb->root);
	}
	if (n > sb->dentries || uses < 1 ||
	    (n == sb->dentries ? uses != sb->uses : uses > sb->uses)) {
		pr_err("BUG: vfs: %lld uses of a %s are counted, and %lld found; %lld of its %lld "
		       "names are\n",
		       (long long)sb->uses, sb->type->name, (long long)uses, (long long)n,
		       (long long)sb->dentries);
		bad++;
	}
	return bad;
}

int vfs_check(void)
{
	int bad = 0;

	for (const struct super *sb = mounts; sb; sb = sb->next)
		bad += check_tree(sb);
	return bad;
}
