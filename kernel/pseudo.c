// SPDX-License-Identifier: MIT
/*
 * Texts as files: what procfs and sysfs share (kernel/pseudo.h). Linux: fs/seq_file.c, fs/proc/generic.c, fs/kernfs.
 *
 * Inodes and dentries are made when somebody looks and go with the last user. An entry's number as a file is a hash of what it is about, so
 * that it is the same each time. Locking: kernel_lock.
 */
#include <quire/mmzone.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "pid.h"
#include "proc.h"

/* Where entries that are asked for begin in a directory: behind ".", ".." and the table. */
#define PLACE_ASKED 1024U

/* ------------------------------------------------------------------ texts */

/* What was made for an open file. */
struct file_text {
	struct text text;
	bool made;
};

#define SMALL_TEXT SZ_16K

void text_free(const struct text *t)
{
	if (t->room > SMALL_TEXT)
		vfree(t->buf);
	else
		kfree(t->buf);
}

static int text_grow(struct text *t, size_t need)
{
	size_t room = t->room ? t->room : 1024;
	char *buf;

	while (room < need)
		room *= 2;
	buf = room > SMALL_TEXT ? vmalloc(room) : kmalloc(room, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (t->len)
		memcpy(buf, t->buf, t->len);
	text_free(t);
	t->buf = buf;
	t->room = room;
	return 0;
}

static int text_write(struct out *out, const char *s, size_t n)
{
	struct text *t = container_of(out, struct text, out);

	if (t->len + n > t->room && text_grow(t, t->len + n))
		return -ENOMEM;
	memcpy(t->buf + t->len, s, n);
	t->len += n;
	return 0;
}

void text_init(struct text *t)
{
	*t = (struct text){.out.write = text_write};
}

/* Of /sys or /proc/sys: Linux has those by other means than the rest of /proc. */
static bool is_setting(const struct open_file *f)
{
	const struct dentry *d = f->dentry;

	if (!strcmp(f->inode->sb->type->name, "sysfs"))
		return true;
	while (d->parent && d->parent->parent)
		d = d->parent;
	return !strcmp(f->inode->sb->type->name, "proc") && d->len == 3 &&
	       !memcmp(d->name, "sys", 3);
}

static const struct file_operations read_fop, unspliced_fop;

static int text_open(struct inode *inode, struct open_file *f)
{
	const u32 want = (f->file.f_mode & FMODE_READ ? 0444 : 0) |
			 (f->file.f_mode & FMODE_WRITE ? 0222 : 0);
	const struct pseudo_ref *r = pseudo_ref(inode);
	const bool setting = is_setting(f);
	struct file_text *t;

	/* Root, too, opens these only as the mode says (Linux: kernfs_fop_open, sysctl_perm). */
	if (((want & 0444 && !(inode->mode & 0444)) || (want & 0222 && !(inode->mode & 0222))) &&
	    setting)
		return -EACCES;
	t = kmalloc(sizeof(*t), GFP_KERNEL | __GFP_ZERO);
	if (!t)
		return -ENOMEM;
	if (!setting)
		f->op = r->e->splice > 0 || (!r->e->splice && !r->pid) ? &read_fop : &unspliced_fop;
	text_init(&t->text);
	f->private = t;
	return 0;
}

static void text_release(struct open_file *f)
{
	struct file_text *t = f->private;

	text_free(&t->text);
	kfree(t);
}

/* A text may give kernel_lock up while it is made: until it is whole it is its maker's alone, who takes the room of the last one along. */
static int text_make(struct file_text *t, const struct pseudo_ref *r)
{
	struct text fresh = t->text;
	int err;

	text_init(&t->text);
	t->made = false;
	fresh.len = 0;
	fresh.out.error = 0;
	err = r->e->show(&fresh.out, r);
	if (!err)
		err = fresh.out.error;
	/* Somebody else's, of the same file. */
	text_free(&t->text);
	t->text = fresh;
	t->made = !err;
	return err;
}

static long text_read(struct open_file *f, struct iter *to, u64 *pos)
{
	const struct pseudo_ref *r = pseudo_ref(f->inode);
	struct file_text *t = f->private;

	if (!r->e->show)
		return -EINVAL;
	if (!t->made || !*pos) {
		int err = text_make(t, r);

		if (err)
			return err;
	}
	return simple_read(to, pos, t->text.buf, t->text.len);
}

static long text_store(struct open_file *f, struct iter *from, u64 *pos)
{
	const struct pseudo_ref *r = pseudo_ref(f->inode);
	size_t n = min(from->left, PAGE_SIZE - 1);
	char *text;
	long ret;

	if (!r->e->store)
		return -EINVAL;
	if (r->e->by_opener && f->opener != current->cred.fsuid)
		return -EPERM;
	text = kmalloc(n + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, n, from) != n) {
		kfree(text);
		return -EFAULT;
	}
	text[n] = '\0';
	ret = r->e->store(r, text, n);
	kfree(text);
	if (ret)
		return ret;
	*pos += n;
	return (long)n;
}

#define TEXT_OPERATIONS                                                                            \
	.open = text_open, .release = text_release, .read = text_read, .write = text_store,        \
	.llseek = generic_llseek

static const struct file_operations text_fop = {TEXT_OPERATIONS};
/* Those of /proc are not written by splice, and a process's not read, but for some (Linux: who has read_iter there). */
static const struct file_operations read_fop = {TEXT_OPERATIONS, .no_splice_write = true};
static const struct file_operations unspliced_fop = {TEXT_OPERATIONS, .no_splice_read = true,
						     .no_splice_write = true};

/* ------------------------------------------------------------------ directories */

/* Which task a ref of /proc/PID is about is part of everything below. */
static void inherit(const struct pseudo_ref *dir, const struct pseudo_entry *e,
		    struct pseudo_ref *found)
{
	*found = *dir;
	found->e = e;
}

static bool is_name(const struct pseudo_entry *e, const char *name, size_t len)
{
	return strlen(e->name) == len && !memcmp(e->name, name, len);
}

static int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **found)
{
	const struct pseudo_ref *r = pseudo_ref(dir);
	struct pseudo_ref to = {0};
	const struct pseudo_entry *e = r->e->sub;
	int err = -ENOENT;

	while (e && e->name && !is_name(e, name, len))
		e++;
	if (e && e->name) {
		inherit(r, e, &to);
		err = 0;
	} else if (r->e->dir) {
		inherit(r, NULL, &to);
		err = r->e->dir->lookup(r, name, len, &to);
	}
	if (err)
		return err;
	*found = pseudo_inode(dir->sb, &to);
	return *found ? 0 : -ENOMEM;
}

static u64 ref_ino(const struct pseudo_ref *r)
{
	u64 h = (u64)(unsigned long)r->e * 0x9e3779b97f4a7c15ULL;

	h = (h ^ (u64)(u32)r->tid ^ r->key << 20) * 0xbf58476d1ce4e5b9ULL;
	/* The low numbers are for roots. */
	return (h >> 33) + 16;
}

static int dir_read(struct open_file *f, struct dir_context *ctx)
{
	const struct pseudo_ref *r = pseudo_ref(f->inode);
	const struct pseudo_entry *e = r->e->sub;
	u64 n = 0;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, f->inode->ino, S_IFDIR >> 12))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		const struct dentry *up = f->dentry->parent;

		if (!ctx->emit(ctx, "..", 2, (up ? up->inode : f->inode)->ino, S_IFDIR >> 12))
			return 0;
		ctx->pos = 2;
	}
	for (; e && e->name; e++, n++) {
		struct pseudo_ref to;

		if (ctx->pos > n + 2)
			continue;
		inherit(r, e, &to);
		if (!ctx->emit(ctx, e->name, strlen(e->name), ref_ino(&to), e->mode >> 12))
			return 0;
		ctx->pos = n + 3;
	}
	if (!r->e->dir)
		return 0;
	ctx->pos = max(ctx->pos, (u64)PLACE_ASKED);
	for (;;) {
		u64 place = ctx->pos - PLACE_ASKED;
		struct pseudo_ref to;
		char name[64];

		inherit(r, NULL, &to);
		if (!r->e->dir->next(r, &place, name, &to))
			return 0;
		ctx->pos = place + PLACE_ASKED;
		if (!ctx->emit(ctx, name, strlen(name), ref_ino(&to), to.e->mode >> 12))
			return 0;
		ctx->pos++;
	}
}

static const struct file_operations dir_fop = {
	.readdir = dir_read,
	.llseek = generic_llseek,
};

/* ------------------------------------------------------------------ inodes */

static void ref_evict(struct inode *inode)
{
	const struct pseudo_ref *r = pseudo_ref(inode);

	if (r->ns)
		ns_put(&r->ns->ns);
	kfree(inode->private);
}

/* A process's files are its own; root's when it hides what is in its memory, but for directories that everybody looks into. */
static void set_owner(struct inode *inode, const struct task *t)
{
	const bool own = t->signal->dumpable || inode->mode == (S_IFDIR | 0555);

	inode->uid = own ? t->cred.euid : 0;
	inode->gid = own ? t->cred.egid : 0;
}

static bool ref_valid(struct inode *inode)
{
	const struct pseudo_ref *r = pseudo_ref(inode);
	const struct task *t = r->tid ? proc_task(r) : NULL;

	if (!t)
		return !r->tid;
	set_owner(inode, t);
	return true;
}

static long ref_readlink(struct inode *inode, char *buf, size_t size)
{
	const struct pseudo_ref *r = pseudo_ref(inode);

	return r->e->readlink ? r->e->readlink(r, buf, size) : -EINVAL;
}

static int ref_follow(struct inode *inode, struct dentry **to)
{
	const struct pseudo_ref *r = pseudo_ref(inode);

	return r->e->follow(r, to);
}

static const struct inode_operations dir_op = {
	.lookup = dir_lookup,
	.evict = ref_evict,
	.valid = ref_valid,
};
static const struct inode_operations file_op = {
	.evict = ref_evict,
	.valid = ref_valid,
};
static const struct inode_operations link_op = {
	.readlink = ref_readlink,
	.evict = ref_evict,
	.valid = ref_valid,
};
static const struct inode_operations place_op = {
	.readlink = ref_readlink,
	.follow = ref_follow,
	.evict = ref_evict,
	.valid = ref_valid,
};

struct inode *pseudo_inode(struct super *sb, const struct pseudo_ref *r)
{
	struct pseudo_ref *own = kmalloc(sizeof(*own), GFP_KERNEL);
	struct inode *n = own ? inode_alloc(sb, r->e->mode) : NULL;

	if (!n) {
		kfree(own);
		return NULL;
	}
	*own = *r;
	if (own->ns)
		ns_get(&own->ns->ns);
	n->private = own;
	n->ino = ref_ino(r);
	if (r->tid && proc_task(r))
		set_owner(n, proc_task(r));
	switch (r->e->mode & S_IFMT) {
	case S_IFDIR:
		n->op = &dir_op;
		n->fop = &dir_fop;
		n->nlink = 2;
		break;
	case S_IFLNK:
		n->op = r->e->follow ? &place_op : &link_op;
		break;
	default:
		n->op = &file_op;
		n->fop = r->e->fop ? r->e->fop : &text_fop;
	}
	return n;
}

int pseudo_fill_pids(struct super *sb, const struct pseudo_entry *root, struct pid_ns *ns)
{
	struct pseudo_ref r = {.e = root, .ns = ns};
	struct inode *n = pseudo_inode(sb, &r);

	if (!n)
		return -ENOMEM;
	n->ino = 1;
	sb->root = dentry_alloc(NULL, "", 0, n);
	return sb->root ? 0 : -ENOMEM;
}

int pseudo_fill(struct super *sb, const struct pseudo_entry *root)
{
	return pseudo_fill_pids(sb, root, NULL);
}

/* ------------------------------------------------------------------ numbers */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

int parse_long(const char *text, long *value)
{
	unsigned long n = 0, base = 10;
	bool minus, any = false;

	while (is_space(*text))
		text++;
	minus = *text == '-';
	text += minus || *text == '+';
	if (*text == '0') {
		any = true;
		base = 8;
		text++;
		if ((*text | 0x20) == 'x') {
			base = 16;
			text++;
		}
	}
	for (;; text++) {
		unsigned long d = *text >= '0' && *text <= '9' ? (unsigned long)(*text - '0')
				  : (*text | 0x20) >= 'a' && (*text | 0x20) <= 'f'
					  ? (unsigned long)((*text | 0x20) - 'a') + 10
					  : 99;

		if (d >= base)
			break;
		any = true;
		if (n > ((unsigned long)LONG_MAX - d) / base)
			return -ERANGE;
		n = n * base + d;
	}
	while (is_space(*text))
		text++;
	if (*text || !any)
		return -EINVAL;
	*value = minus ? -(long)n : (long)n;
	return 0;
}

int parse_next(char **text, long *value)
{
	char *start = *text, *end;
	int err;

	while (is_space(*start))
		start++;
	if (!*start)
		return 0;
	for (end = start; *end && !is_space(*end);)
		end++;
	if (*end)
		*end++ = '\0';
	err = parse_long(start, value);
	*text = end;
	return err ? err : 1;
}

int pseudo_show_int(struct out *out, const struct pseudo_ref *r)
{
	out_printf(out, "%d\n", *(const int *)pseudo_data(r));
	return 0;
}

static int parse_within(const struct pseudo_ref *r, const char *text, long *value)
{
	int err = parse_long(text, value);

	if (!err && r->e->min != r->e->max && (*value < r->e->min || *value > r->e->max))
		err = -EINVAL;
	return err;
}

int pseudo_store_int(const struct pseudo_ref *r, char *text, size_t n)
{
	long value;
	int err = parse_within(r, text, &value);

	(void)n;
	if (!err && value != (int)value)
		err = -EINVAL;
	if (!err)
		__atomic_store_n((int *)pseudo_data(r), (int)value, __ATOMIC_RELAXED);
	return err;
}

int pseudo_show_long(struct out *out, const struct pseudo_ref *r)
{
	out_printf(out, "%ld\n", *(const long *)r->e->data);
	return 0;
}

int pseudo_store_long(const struct pseudo_ref *r, char *text, size_t n)
{
	long value;
	int err = parse_within(r, text, &value);

	(void)n;
	if (!err)
		__atomic_store_n((long *)r->e->data, value, __ATOMIC_RELAXED);
	return err;
}

int pseudo_show_text(struct out *out, const struct pseudo_ref *r)
{
	out_printf(out, "%s\n", (const char *)r->e->data);
	return 0;
}

int pseudo_store_nothing(const struct pseudo_ref *r, char *text, size_t n)
{
	(void)r;
	(void)text;
	(void)n;
	return 0;
}

/* ------------------------------------------------------------------ CPUs */

void put_cpus(struct out *out, const u64 *bits, bool list)
{
	const unsigned int n = nr_cpus_possible;
	bool any = false;

	if (!list) {
		/* 32 at a time, the highest first, as many digits as there are CPUs. */
		for (int word = (int)((n - 1) / 32); word >= 0; word--) {
			u32 part = (u32)(bits[word / 2] >> (word % 2 ? 32 : 0));
			unsigned int valid = min(n - (unsigned int)word * 32, 32U);

			if (valid < 32)
				part &= (1U << valid) - 1;
			out_printf(out, "%0*x", (int)DIV_ROUND_UP(valid, 4), part);
			if (word)
				out_puts(out, ",");
		}
		return;
	}
	for (unsigned int cpu = 0, last; cpu < n; cpu = last + 1) {
		last = cpu;
		if (!(bits[cpu / 64] >> cpu % 64 & 1))
			continue;
		while (last + 1 < n && bits[(last + 1) / 64] >> (last + 1) % 64 & 1)
			last++;
		out_printf(out, any ? ",%u" : "%u", cpu);
		if (last > cpu)
			out_printf(out, "-%u", last);
		any = true;
	}
}
