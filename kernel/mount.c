// SPDX-License-Identifier: MIT
/*
 * File systems, and where they are mounted: a table in the order of mounting. A mount point is a dentry that another one, the root of
 * what is mounted, covers. Locking: kernel_lock.
 *
 * As small as programs that test memory allow: no bind mounts, no propagation, which Linux has.
 *
 * Namespaces. Linux copies the tree of mounts; here a mount is one thing, that those who are in its namespace see, and those who came out of it
 * after it was made, until they take it off: so two of them may have different things at one place (dentry.mounted is a list), and what
 * was taken off by some is noted at it (struct unseen). One that its own namespace has taken off while others still see it goes with the
 * last of these. Numbers in the order of mounting say what was there when a namespace began.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "inotify.h"
#include "task.h"
#include "userns.h"
#include "vfs.h"

#define MAX_TYPES 16U

struct super *mounts;
static struct super *last_mount;
int sysctl_mount_max = 100000;

static const struct fs_type *types[MAX_TYPES];
static unsigned int nr_types;
static u32 last_dev;

int fs_register(const struct fs_type *type)
{
	if (nr_types == MAX_TYPES)
		return -ENOSPC;
	types[nr_types++] = type;
	return 0;
}

const struct fs_type *fs_find(const char *name)
{
	for (unsigned int i = 0; i < nr_types; i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

const struct fs_type *fs_nth(unsigned int n)
{
	return n < nr_types ? types[n] : NULL;
}

int super_init(struct super *sb, const struct fs_type *type)
{
	sb->type = type;
	sb->dev = MKDEV(0, ++last_dev);
	return 0;
}

/* Taken off by that namespace, and those that began in it since. */
struct unseen {
	struct unseen *next;
	struct mount_ns *ns;
	u64 since;
};

struct mount_ns init_mount_ns = {.ns = {.users = 1, .type = CLONE_NEWNS, .ino = MNT_NS_INO}};
static u64 last_seq;

static struct mount_ns *own_ns(void)
{
	return current && current->fs ? current->fs->ns : &init_mount_ns;
}

static bool unseen_by(const struct super *sb, const struct mount_ns *ns)
{
	for (const struct unseen *u = sb->unseen; u; u = u->next)
		if (u->ns == ns)
			return true;
	return false;
}

/* Each namespace that has taken it off gets the mark of this search, and when it has first done so. */
static u64 mark_unseen(const struct super *sb)
{
	static u64 last_search;

	last_search++;
	for (const struct unseen *u = sb->unseen; u; u = u->next) {
		u->ns->unseen_since = u->ns->search == last_search
					      ? min(u->ns->unseen_since, u->since)
					      : u->since;
		u->ns->search = last_search;
	}
	return last_search;
}

bool mount_seen_in(const struct super *sb, const struct mount_ns *ns)
{
	const u64 search = sb->unseen ? mark_unseen(sb) : 0;

	for (u64 before = ~0ULL; ns; before = min(before, ns->born), ns = ns->parent) {
		if (search && ns->search == search && ns->unseen_since < before)
			return false;
		if (sb->ns == ns)
			return sb->seq < before;
	}
	return false;
}

bool mount_seen(const struct super *sb)
{
	return mount_seen_in(sb, own_ns());
}

struct super *mounted_on(const struct dentry *d)
{
	struct super *sb = d->mounted;

	while (sb && !mount_seen(sb))
		sb = sb->other;
	return sb;
}

/*
 * Mounted on a root is what is stacked, at one place; as high as programs like, so from far above the ways down are short: the jump that the
 * lower one begins, and the next, are one here when they are as long.
 */
static void stack_on(struct super *sb, const struct dentry *on)
{
	struct super *low = on->inode->sb, *far;

	if (low->root != on || !low->covers)
		return;
	sb->stacked = low->stacked + 1;
	far = low->jump;
	sb->jump =
		far && far->jump && low->stacked - far->stacked == far->stacked - far->jump->stacked
			? far->jump
			: low;
}

const struct super *mount_stacked(const struct super *sb, u32 height)
{
	while (sb->stacked > height)
		sb = sb->jump->stacked >= height ? sb->jump : sb->covers->inode->sb;
	return sb;
}

int do_mount(const struct fs_type *type, const char *source, struct dentry *on, unsigned long flags,
	     const char *options)
{
	struct super *sb;
	int err;

	if (on && !mount_seen(on->inode->sb))
		return -EINVAL;
	if (on && (on->inode->mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	if (own_ns()->mounts >= (unsigned int)sysctl_mount_max)
		return -ENOSPC;
	sb = kmalloc(sizeof(*sb), GFP_KERNEL | __GFP_ZERO);
	if (!sb)
		return -ENOMEM;
	super_init(sb, type);
	quire_strlcpy(sb->source, source, sizeof(sb->source));
	sb->flags = flags & MS_KEPT;
	sb->ns = own_ns();
	sb->seq = ++last_seq;
	err = type->fill(sb, options);
	if (err) {
		kfree(sb);
		return err;
	}
	sb->ns->mounts++;
	sb->prev = last_mount;
	*(last_mount ? &last_mount->next : &mounts) = sb;
	last_mount = sb;
	if (on) {
		stack_on(sb, on);
		sb->covers = dget(on);
		sb->other = on->mounted;
		on->mounted = sb;
	}
	return 0;
}

int do_remount(struct dentry *root, unsigned long flags, const char *options)
{
	struct super *sb = root->inode->sb;
	int err;

	if (sb->root != root || !mount_seen(sb))
		return -EINVAL;
	/* It is the same for all who see it, and who has mounted it may have more rights than who only has it from there. */
	if (!ns_capable(ns_owner(&sb->ns->ns), CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & MS_RDONLY && !(sb->flags & MS_RDONLY) && sb->writers)
		return -EBUSY;
	err = sb->type->reconfigure ? sb->type->reconfigure(sb, options) : 0;
	if (!err)
		sb->flags = flags & MS_KEPT;
	return err;
}

/* What is seen mounted in it, and in that, the last first: each was mounted after what it is in. */
static struct super *seen_below(struct super *sb)
{
	static u64 last_search;
	struct super *found = NULL;

	sb->search = ++last_search;
	for (struct super *other = sb->next; other; other = other->next) {
		if (!other->covers || other->covers->inode->sb->search != last_search ||
		    !mount_seen(other))
			continue;
		other->search = last_search;
		other->chain = found;
		found = other;
	}
	return found;
}

#define MS_REC 0x4000UL
#define MS_SILENT 0x8000UL
#define MS_UNBINDABLE (1UL << 17)
#define MS_PRIVATE (1UL << 18)
#define MS_SLAVE (1UL << 19)
#define MS_SHARED (1UL << 20)

int do_propagation(struct dentry *root, unsigned long flags)
{
	static u32 last_group;
	const unsigned long how = flags & ~(MS_REC | MS_SILENT);
	struct super *top = root->inode->sb;

	if (how & ~(MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED) || how & (how - 1) ||
	    top->root != root)
		return -EINVAL;
	if (flags & MS_REC)
		(void)seen_below(top);
	for (struct super *sb = top; sb; sb = sb->next) {
		if (sb != top && !(flags & MS_REC && sb->search == top->search))
			continue;
		/* What one has from above is as it is there. */
		if (sb->ns != own_ns())
			continue;
		if (how != MS_SHARED)
			sb->shared = 0;
		else if (!sb->shared)
			sb->shared = ++last_group;
	}
	return 0;
}

/* Everything that is pinned below, leaves first. Programs make trees deeper than a stack is. */
static void empty(struct dentry *top)
{
	struct dentry *d = top;

	while (top->children) {
		struct dentry *dir;

		while (d->children)
			d = d->children;
		dir = d->parent;
		dentry_unpin(d);
		d = dir;
	}
}

/* The table's reference of the root is nobody's use; what is mounted inside is one. */
bool super_busy(const struct super *sb)
{
	return sb->uses > 1;
}

/* Nobody is inside any more, nor comes: its files go, and the description with the last of them (iput). */
static void super_end(struct super *sb)
{
	struct dentry *root = sb->root;
	struct inode *last;

	inotify_unmount(sb);
	empty(root);
	sb->root = NULL;
	/* What comes from elsewhere, as an open file in a message, holds its inode. */
	last = root->inode;
	iget(last);
	sb->gone = true;
	dput(root);
	iput(last);
}

void super_left(struct super *sb)
{
	if (sb->detached && !super_busy(sb)) {
		sb->detached = false;
		super_end(sb);
	}
}

/* From the table and from its place: for all. Who is inside keeps it (dput). */
static void take_away(struct super *sb)
{
	struct super **p;

	*(sb->prev ? &sb->prev->next : &mounts) = sb->next;
	*(sb->next ? &sb->next->prev : &last_mount) = sb->prev;
	for (p = &sb->covers->mounted; *p != sb;)
		p = &(*p)->other;
	*p = sb->other;
	while (sb->unseen) {
		struct unseen *u = sb->unseen;

		sb->unseen = u->next;
		kfree(u);
	}
	dput(sb->covers);
	sb->covers = NULL;
	sb->ns->mounts--;
	sb->ns = NULL;
	sb->detached = true;
	super_left(sb);
}

/* Others saw it when they began, and have not taken it off, for all that is known here. */
static bool seen_by_others(const struct super *sb, const struct mount_ns *ns)
{
	return sb->ns != ns || ns->youngest > sb->seq;
}

static int unsee(struct super *sb, struct mount_ns *ns)
{
	struct unseen *u = kmalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return -ENOMEM;
	*u = (struct unseen){sb->unseen, ns, ++last_seq};
	sb->unseen = u;
	return 0;
}

/* Who has it from somebody with more rights sees no more than was given (Linux: MNT_LOCKED). */
static bool may_take_off(const struct super *sb, const struct mount_ns *ns)
{
	return sb->ns == ns || ns_owner(&ns->ns) == ns_owner(&sb->ns->ns);
}

static int take_off(struct super *sb, struct mount_ns *ns, bool detach)
{
	if (seen_by_others(sb, ns))
		return unsee(sb, ns);
	if (!detach && super_busy(sb))
		return -EBUSY;
	take_away(sb);
	return 0;
}

bool may_umount(const struct super *sb)
{
	return sb->covers && mount_seen(sb) && may_take_off(sb, own_ns());
}

int do_umount(struct super *sb, bool detach)
{
	struct mount_ns *ns = own_ns();
	struct super *other, *below;
	int err;

	if (!may_umount(sb))
		return -EINVAL;
	below = seen_below(sb);
	if (below && !detach)
		return -EBUSY;
	for (other = below; other; other = other->chain)
		if (!may_take_off(other, ns))
			return -EINVAL;
	while ((other = below)) {
		below = other->chain;
		err = take_off(other, ns, true);
		if (err)
			return err;
	}
	return take_off(sb, ns, detach);
}

/* ------------------------------------------------------------------ namespaces */

int mount_ns_new(struct user_ns *owner, struct mount_ns **made)
{
	struct mount_ns *ns = kmalloc(sizeof(*ns), GFP_KERNEL | __GFP_ZERO);
	int err = ns ? ns_init(&ns->ns, CLONE_NEWNS, owner) : -ENOMEM;

	if (err) {
		kfree(ns);
		return err;
	}
	ns->parent = own_ns();
	ns->born = ++last_seq;
	ns->parent->youngest = ns->born;
	ns->parent->children++;
	ns_get(&ns->parent->ns);
	*made = ns;
	return 0;
}

void mount_ns_put(struct mount_ns *ns)
{
	if (ns)
		ns_put(&ns->ns);
}

/* The last first, since what is mounted on it is gone then. all: also what that namespace has not taken off. */
static void take_all_away(const struct mount_ns *ns, bool all)
{
	struct super *found = NULL, *sb;

	for (sb = mounts; sb; sb = sb->next) {
		if (sb->ns == ns && sb->covers && (all || unseen_by(sb, ns))) {
			sb->chain = found;
			found = sb;
		}
	}
	while ((sb = found)) {
		found = sb->chain;
		take_away(sb);
	}
}

void mount_ns_free(struct namespace *n)
{
	struct mount_ns *ns = container_of(n, struct mount_ns, ns), *parent = ns->parent;
	struct super *sb;

	take_all_away(ns, true);
	for (sb = mounts; sb; sb = sb->next)
		for (struct unseen **p = &sb->unseen, *u; (u = *p);) {
			if (u->ns == ns) {
				*p = u->next;
				kfree(u);
			} else {
				p = &u->next;
			}
		}
	kfree(ns);
	if (!--parent->children) {
		/* Nobody but its own programs sees what it has, now. */
		parent->youngest = 0;
		take_all_away(parent, false);
	}
	ns_put(&parent->ns);
}

void mount_ns_enter(struct fs_struct *fs, struct namespace *n)
{
	struct mount_ns *old = fs->ns;

	ns_get(n);
	fs->ns = container_of(n, struct mount_ns, ns);
	mount_ns_put(old);
	dput(fs->root);
	dput(fs->cwd);
	fs->root = dget(vfs_root());
	fs->cwd = dget(fs->root);
}

struct dentry *vfs_root(void)
{
	struct dentry *d = mounts->root;
	const struct super *sb;

	while ((sb = mounted_on(d)))
		d = sb->root;
	return d;
}
