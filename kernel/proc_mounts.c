// SPDX-License-Identifier: MIT
/* What is mounted: /proc/PID/mounts, mountinfo, mountstats (Linux: fs/proc_namespace.c). Those of the process's namespace. Locking: kernel_lock. */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "proc.h"

/* Blanks, backslashes and what breaks lines as octal numbers. */
static void put_escaped(struct out *out, const char *s)
{
	for (; *s; s++)
		if (strchr(" \t\n\\#", *s))
			out_printf(out, "\\%03o", (u8)*s);
		else
			out_write(out, s, 1);
}

/* As the reader's namespace has its root. */
static void put_place(struct out *out, const struct super *sb, const struct dentry *root, char *buf)
{
	char *text;

	if (!sb->covers)
		out_puts(out, "/");
	else if (d_path(sb->covers, root, buf, PATH_MAX, &text) >= 0)
		put_escaped(out, text);
}

static const char *source_of(const struct super *sb)
{
	return sb->source[0] ? sb->source : "none";
}

static const char *access_of(const struct super *sb)
{
	return sb->flags & MS_RDONLY ? "ro" : "rw";
}

static const char *options_of(const struct super *sb)
{
	static const char *const names[] = {
		"",	   ",nosuid",	     ",nodev",	      ",nosuid,nodev",
		",noexec", ",nosuid,noexec", ",nodev,noexec", ",nosuid,nodev,noexec"};

	return names[sb->flags / MS_NOSUID % 8];
}

unsigned int mount_id(const struct super *sb)
{
	return sb->dev & 0xfffff;
}

static unsigned int parent_id(const struct super *sb)
{
	return sb->covers ? mount_id(sb->covers->inode->sb) : mount_id(sb);
}

static void show_mount(struct out *out, const struct super *sb, const struct dentry *root,
		       char *buf)
{
	put_escaped(out, source_of(sb));
	out_puts(out, " ");
	put_place(out, sb, root, buf);
	out_printf(out, " %s %s%s,relatime 0 0\n", sb->type->name, access_of(sb), options_of(sb));
}

static void show_info(struct out *out, const struct super *sb, const struct dentry *root, char *buf)
{
	out_printf(out, "%u %u %u:%u / ", mount_id(sb), parent_id(sb), sb->dev >> 20,
		   sb->dev & 0xfffff);
	put_place(out, sb, root, buf);
	out_printf(out, " %s%s,relatime", access_of(sb), options_of(sb));
	if (sb->shared)
		out_printf(out, " shared:%u", sb->shared);
	out_printf(out, " - %s ", sb->type->name);
	put_escaped(out, source_of(sb));
	out_printf(out, " %s\n", access_of(sb));
}

static void show_stats(struct out *out, const struct super *sb, const struct dentry *root,
		       char *buf)
{
	out_puts(out, "device ");
	put_escaped(out, source_of(sb));
	out_puts(out, " mounted on ");
	put_place(out, sb, root, buf);
	out_printf(out, " with fstype %s\n", sb->type->name);
}

static int each_mount(struct out *out, const struct pseudo_ref *r,
		      void (*show)(struct out *out, const struct super *sb,
				   const struct dentry *root, char *buf))
{
	const struct task *t = proc_task(r);
	const struct dentry *root;
	char *buf;

	if (!t || !t->fs)
		return -EINVAL;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	root = vfs_root();
	for (const struct super *sb = mounts; sb; sb = sb->next)
		if (mount_seen_in(sb, t->fs->ns))
			show(out, sb, root, buf);
	kfree(buf);
	return 0;
}

int proc_show_mounts(struct out *out, const struct pseudo_ref *r)
{
	return each_mount(out, r, show_mount);
}

int proc_show_mountinfo(struct out *out, const struct pseudo_ref *r)
{
	return each_mount(out, r, show_info);
}

int proc_show_mountstats(struct out *out, const struct pseudo_ref *r)
{
	return each_mount(out, r, show_stats);
}
