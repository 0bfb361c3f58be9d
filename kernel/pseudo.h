/* SPDX-License-Identifier: MIT */
/*
 * File systems whose files are made when somebody looks: /proc and /sys (kernel/pseudo.c).
 *
 * What there is stands in tables of struct pseudo_entry, a directory's own entries first; a directory may have more that are asked for
 * (processes, descriptors). A file's text is made as a whole by the first read, and again by a read at 0; so a reader that goes through it in pieces
 * sees one state, where Linux shows each piece as it is then (but for smaps, kernel/proc_smaps.c). A write is handed over as a whole, up to a page.
 *
 * An inode holds a pseudo_ref: which entry, and of which task by number and start; a task that has ended makes it invalid. Locking:
 * kernel_lock.
 */
#ifndef KERNEL_PSEUDO_H
#define KERNEL_PSEUDO_H

#include <quire/out.h>

#include "vfs.h"

struct pseudo_entry;

/* What a file is about. */
struct pseudo_ref {
	const struct pseudo_entry *e;
	int pid, tid; /* of /proc/PID and what is below: process and thread; 0: of the machine */
	struct pid_ns *ns; /* of /proc: whose numbers it shows */
	u64 start;	   /* that thread's start_time */
	u64 key, key2;	   /* of entries that are asked for: a descriptor, an area */
};

struct pseudo_dir {
	/* The entry of that name. 0 or -ENOENT. */
	int (*lookup)(const struct pseudo_ref *dir, const char *name, size_t len,
		      struct pseudo_ref *found);
	/* The first entry whose place is *pos or behind: its name, and its place in *pos. False: there is none. */
	bool (*next)(const struct pseudo_ref *dir, u64 *pos, char name[64],
		     struct pseudo_ref *found);
};

struct pseudo_entry {
	const char *name;
	u32 mode; /* with its type */
	/* A text. 0 or an error. It may give kernel_lock up. */
	int (*show)(struct out *out, const struct pseudo_ref *r);
	/* What was written: terminated. 0 or an error. */
	int (*store)(const struct pseudo_ref *r, char *text, size_t n);
	/* A symbolic link: its text, or the place. */
	long (*readlink)(const struct pseudo_ref *r, char *buf, size_t size);
	int (*follow)(const struct pseudo_ref *r, struct dentry **to);
	const struct pseudo_entry
		*sub; /* of a directory: ended by an entry without a name. May be NULL */
	const struct pseudo_dir *dir;	   /* more of them. May be NULL */
	const struct file_operations *fop; /* instead of show and store */
	void *data;			   /* theirs */
	/* Where what data stands for is for who asks: of a namespace's. NULL: data itself. */
	void *(*place)(void *data);
	long min, max; /* of a number in *data */
	s8 splice; /* of a text of /proc: 1: to be read by splice, -1: not; 0: unless it is a process's */
	bool by_opener; /* only who has opened it writes it: -EPERM */
};

#define PSEUDO_DIR(n, m, s)                                                                        \
	{                                                                                          \
		.name = (n), .mode = S_IFDIR | (m), .sub = (s)                                     \
	}
#define PSEUDO_TEXT(n, m, f)                                                                       \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | (m), .show = (f)                                    \
	}

#define PSEUDO_TEXT_SPLICE(n, m, f, s)                                                             \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | (m), .show = (f), .splice = (s)                     \
	}

/* A text in memory that grows as it is written. */
struct text {
	struct out out;
	char *buf;
	size_t len, room;
};
void text_init(struct text *t);
void text_free(const struct text *t);

/* The inode of a ref. NULL: no memory. */
struct inode *pseudo_inode(struct super *sb, const struct pseudo_ref *r);
static inline const struct pseudo_ref *pseudo_ref(const struct inode *inode)
{
	return inode->private;
}
/* The root of a file system: sb->root. 0, -ENOMEM. */
int pseudo_fill(struct super *sb, const struct pseudo_entry *root);
/* The same, for /proc, with the numbers of that namespace. */
int pseudo_fill_pids(struct super *sb, const struct pseudo_entry *root, struct pid_ns *ns);

static inline void *pseudo_data(const struct pseudo_ref *r)
{
	return r->e->place ? r->e->place(r->e->data) : r->e->data;
}

/* A decimal number, "0x" and "0" as C has them, white space around. 0, -EINVAL, -ERANGE. */
int parse_long(const char *text, long *value);
/*
 * The next of some numbers with white space between; *text is behind it then, and what ends it is overwritten. 1; 0: there is none left; -EINVAL,
 * -ERANGE.
 */
int parse_next(char **text, long *value);

/* For tables: an int or a long in *data, between min and max when these differ; a text in data. */
int pseudo_show_int(struct out *out, const struct pseudo_ref *r);
int pseudo_store_int(const struct pseudo_ref *r, char *text, size_t n);
int pseudo_show_long(struct out *out, const struct pseudo_ref *r);
int pseudo_store_long(const struct pseudo_ref *r, char *text, size_t n);
int pseudo_show_text(struct out *out, const struct pseudo_ref *r);
/* Taken and not heeded. */
int pseudo_store_nothing(const struct pseudo_ref *r, char *text, size_t n);

/* CPUs, a bit each, as "3", or as a list "0-1". */
void put_cpus(struct out *out, const u64 *bits, bool list);

extern const struct fs_type proc_type, sysfs_type;
/* sysfs_cma.c: a directory for each CMA area. */
extern const struct pseudo_dir each_cma_area;

#endif
