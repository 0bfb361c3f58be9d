/* SPDX-License-Identifier: MIT */
/*
 * Files: names (kernel/dentry.c), the way to them (kernel/path.c), what is open (kernel/file.c, fdtable.c).
 *
 * A dentry is a name in a directory and points at an inode, the file; several names may share one. A file system whose directories are
 * the tree of dentries itself (tmpfs) pins each name by one reference; one whose directories are asked (inode_operations.lookup: procfs)
 * has dentries only as long as somebody uses them. A mounted file system's root covers a dentry. There are no second mounts
 * of the same tree, and mount namespaces tell only who sees which mount, so a dentry alone is a place (Linux: struct path).
 *
 * Counts: dentry.users = names pinned + children + open files + working directories + who looks at it now. inode.users = dentries that
 * point at it. super.uses = users of its dentries but for children and pins, so that it says whether somebody is inside. All of this is
 * under kernel_lock but for file.f_count, which areas change (include/quire/filemap.h), and for the contents of files, which are
 * mm/vm/filemap.c's.
 */
#ifndef KERNEL_VFS_H
#define KERNEL_VFS_H

#include <quire/filemap.h>

#include "files.h"
#include "namespace.h"
#include "task.h"
#include "wait.h"

#define S_IFMT 0170000U
#define S_IFSOCK 0140000U
#define S_IFLNK 0120000U
#define S_IFREG 0100000U
#define S_IFBLK 0060000U
#define S_IFDIR 0040000U
#define S_IFCHR 0020000U
#define S_IFIFO 0010000U
#define S_ISUID 04000U
#define S_ISGID 02000U
#define S_ISVTX 01000U
#define S_IALLUGO 07777U

/* open's flags, arm64's values */
#define O_ACCMODE 3U
#define O_RDONLY 0U
#define O_WRONLY 1U
#define O_RDWR 2U
#define O_CREAT 0100U
#define O_EXCL 0200U
#define O_NOCTTY 0400U
#define O_TRUNC 01000U
#define O_APPEND 02000U
#define O_NONBLOCK 04000U
#define O_DSYNC 010000U
#define O_ASYNC 020000U
#define O_DIRECTORY 040000U
#define O_NOFOLLOW 0100000U
#define O_DIRECT 0200000U
#define O_LARGEFILE 0400000U
#define O_NOATIME 01000000U
#define O_CLOEXEC 02000000U
#define O_SYNC 04010000U
#define O_PATH 010000000U
#define O_TMPFILE_BIT 020000000U

#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100U
#define AT_REMOVEDIR 0x200U
#define AT_EACCESS 0x200U
#define AT_SYMLINK_FOLLOW 0x400U
#define AT_NO_AUTOMOUNT 0x800U
#define AT_EMPTY_PATH 0x1000U

#define PATH_MAX 4096U
#define NAME_MAX 255U

#define MAY_EXEC 1U
#define MAY_WRITE 2U
#define MAY_READ 4U

#define MS_RDONLY 1UL
#define MS_NOSUID 2UL
#define MS_NODEV 4UL
#define MS_NOEXEC 8UL
#define MS_NOSYMFOLLOW 256UL
/* What a mount keeps of its flags. */
#define MS_KEPT (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW)
#define MS_REMOUNT 32UL

struct dentry;
struct inode;
struct open_file;
struct out;
struct pid_ns;
struct task;

struct timespec {
	s64 sec, nsec;
};

struct iovec {
	u64 base, len;
};

/* Memory of the running program, or of the kernel, that a call reads or fills in order. */
struct iter {
	const struct iovec *vec; /* what is left; skip: bytes of the first that are done */
	size_t skip, left;
	bool kernel;
	struct iovec one; /* for iter_init */
};

/* A mounted file system, or one that is only inside (pipes, sockets). */
struct super {
	const struct fs_type *type;
	char source[64]; /* as mount was told */
	struct dentry *root;
	struct dentry *covers; /* the mount point, with a reference; NULL: none */
	struct super *next;    /* in the order of mounting */
	struct super *prev;
	struct super *other; /* mounted at the same place, for others */
	struct super
		*chain; /* of those that are about to go, and by which search they were found */
	u64 search;
	u32 stacked;	    /* how many are below it at its place, each on the root of the next */
	struct super *jump; /* one of those, further down the higher this is */
	s64 uses; /* of its dentries, but by each other and by the tree; one is the table's, of the root */
	struct mount_ns *ns;   /* where it was mounted; NULL: it has gone */
	u64 seq;	       /* when */
	struct unseen *unseen; /* who has taken it off */
	u32 shared;	       /* MS_SHARED: a number of its own; 0: it is private */
	unsigned long flags;   /* MS_KEPT */
	bool expiring;	       /* MNT_EXPIRE */
	bool detached;	       /* nowhere mounted, and somebody is inside */
	bool gone;	       /* and nobody is: it goes with its last inode */
	u32 dev;	       /* st_dev */
	u64 last_ino;
	void *private; /* the type's */
	s64 inodes;    /* that there are */
	s64 dentries;
	s64 watches; /* of its inodes */
	s64 writers; /* open files that may write to one */
	/* tmpfs: */
	struct file_space space;
	bool limited;	 /* pages of its files are counted in space */
	s64 max_inodes;	 /* 0: no limit */
	s64 inode_bytes; /* of 1024 for each */
};

/* What statfs says; a file system that does not say it has none. */
struct fs_room {
	u64 blocks, free, files, files_free;
};

struct fs_type {
	const char *name;
	u64 magic; /* statfs f_type */
	bool nodev;
	bool xattrs; /* its files can have extended attributes */
	/* Fill in super.root. */
	int (*fill)(struct super *sb, const char *options);
	/* Is there such an option? value NULL: it is a flag. 0, -EINVAL. NULL: there are none. */
	int (*option)(const char *key, const char *value);
	/* Mounted again with other options. 0, -EINVAL. NULL: they are not looked at. */
	int (*reconfigure)(struct super *sb, const char *options);
	/* NULL: nothing is filled in. */
	void (*statfs)(const struct super *sb, struct fs_room *room);
};

struct inode_operations {
	/* A directory that is asked: the file of that name, with a reference. -ENOENT. NULL: the tree of dentries is the directory. */
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **found);
	/* A symbolic link's text, not terminated. How long, or an error. NULL: it is the inode's contents. */
	long (*readlink)(struct inode *link, char *buf, size_t size);
	/* A link that leads to a place rather than to a name (/proc/PID/exe): the place, with a reference. May be NULL. */
	int (*follow)(struct inode *link, struct dentry **to);
	/* May names be made and removed, of a tree? NULL: as tmpfs. Else the error. */
	int (*may_change)(struct inode *dir);
	/* The last user is gone. */
	void (*evict)(struct inode *inode);
	/* Before its mode, owner, size are reported. May be NULL. */
	void (*refresh)(struct inode *inode);
	/* Is it still what its name stands for? NULL: always. */
	bool (*valid)(struct inode *inode);
};

struct inode {
	u32 mode, nlink, uid, gid;
	u64 ino;
	u32 rdev;      /* of a device: MKDEV */
	s32 users;     /* see above */
	u32 entries;   /* of a tree's directory */
	u32 seals;     /* of a memfd */
	u32 writers;   /* open files that may write it */
	u32 readers;   /* ... that may only read it */
	bool linkable; /* without a name, and may get one */
	u32 runners;   /* open files that somebody executes: nobody may write it */
	struct super *sb;
	const struct inode_operations *op;
	const struct file_operations *fop;
	struct address_space *mapping; /* of a file in memory, and of a long symbolic link's text */
	char *text;		       /* of a short one */
	s64 charged;		       /* bytes of super.inode_bytes */
	u64 size;		       /* of what has no mapping */
	struct timespec atime, mtime, ctime, btime;
	struct file_lock *locks;       /* kernel/lock.c */
	struct inotify_watch *watches; /* kernel/inotify.c */
	struct open_file *async;       /* with O_ASYNC (kernel/fcntl_owner.c) */
	struct dnotify *dnotify;       /* kernel/dnotify.c */
	struct lease *leases;	       /* kernel/lease.c */
	struct xattr *xattrs;	       /* kernel/xattr.c */
	void *private;
};

struct dentry {
	struct dentry *parent; /* with a reference; NULL: a root, or a file without a name */
	struct inode *inode;   /* with a reference */
	struct super *mounted; /* what covers it, for some: mounted_on() */
	s32 users;
	bool unlinked;
	bool pinned; /* in a tree: one of `users` is for that */
	u16 len;
	u64 cookie;			      /* place in the directory: in the order of making */
	struct dentry *children, *last_child; /* of a tree's directory, by cookie */
	struct dentry *next, *prev;	      /* siblings */
	struct dentry *hash_next, **hash_prev;
	char *name; /* first_name, or what a rename has given it */
	char first_name[];
};

/* What getdents fills. emit returns false when there is no room: then it is not counted. */
struct dir_context {
	u64 pos; /* of the entry that comes next: 0, 1: . and .. */
	bool (*emit)(struct dir_context *ctx, const char *name, size_t len, u64 ino, u32 type);
};

struct poll_table;

/* Anything that may be NULL says so. Positions are those of pread, or the file's own. */
struct file_operations {
	/* After the open_file was made; may fill in private and file.f_mapping. NULL: nothing to do. */
	int (*open)(struct inode *inode, struct open_file *f);
	void (*release)(struct open_file *f); /* NULL: nothing to do */
	void (*flush)(
		struct open_file *
			f); /* the running program closes a descriptor of it; NULL: nothing to do */
	/* Bytes moved, 0: the end, or an error when nothing was moved. NULL: -EINVAL. */
	long (*read)(struct open_file *f, struct iter *to, u64 *pos);
	long (*write)(struct open_file *f, struct iter *from, u64 *pos);
	/* NULL: -ESPIPE, and pread, pwrite too; lseek alone is 0 when it `stays` (Linux: noop_llseek). */
	s64 (*llseek)(struct open_file *f, s64 offset, int whence);
	bool stays;
	bool no_splice_read,
		no_splice_write; /* read and write are not for splice, sendfile: -EINVAL */
	/* POLL* that hold now; waits are put on the table's account when it is not NULL. NULL: always readable and writable. */
	unsigned int (*poll)(struct open_file *f, struct poll_table *table);
	long (*ioctl)(struct open_file *f, unsigned int cmd, unsigned long arg); /* NULL: -ENOTTY */
	int (*readdir)(struct open_file *f, struct dir_context *ctx); /* NULL: -ENOTDIR */
	int (*fallocate)(struct open_file *f, int mode, s64 offset,
			 s64 len); /* NULL: -EOPNOTSUPP */
	/* What /proc/PID/fdinfo says more, with numbers as that namespace has them. NULL: nothing */
	void (*show_fdinfo)(struct out *out, const struct open_file *f, const struct pid_ns *ns);
};

/* What a descriptor stands for. */
struct open_file {
	struct file file; /* what mmap sees; f_count counts descriptors, areas and who is at it */
	const struct file_operations *op;
	struct dentry *dentry; /* with a reference */
	struct inode *inode;   /* the dentry's */
	unsigned int flags;    /* O_* */
	u64 pos;
	void *private;
	struct epoll_item *watchers;  /* epoll sets that hold it */
	struct open_file *next_dead;  /* kernel/file.c */
	int owner, owner_type;	      /* whom it tells by a signal (kernel/fcntl_owner.c) */
	int owner_signal;	      /* by which; 0: SIGIO */
	u32 owner_uids[2];	      /* who has said so, the real and the effective number */
	int async_fd;		      /* O_ASYNC: the descriptor by which it was set */
	struct open_file *next_async; /* on its inode's list */
	u32 opener;		      /* the user who opened it */
	bool created;		      /* by the open that made it */
	bool running;		      /* by execve: it counts among the inode's runners */
	bool noctty;		      /* O_NOCTTY */
};

#define MKDEV(major, minor) ((u32)(major) << 20 | (u32)(minor))
/* As stat shows it. */
static inline u64 dev_encode(u32 dev)
{
	u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}
static inline u32 dev_decode(u32 dev)
{
	return MKDEV(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00));
}

/* ------------------------------------------------------------------ iter (kernel/file.c) */

/* One piece: of the program, or of the kernel. */
void iter_init(struct iter *it, unsigned long base, size_t len);
void iter_init_kernel(struct iter *it, void *base, size_t len);
/* A list of pieces of the program's; *vec is to be freed when it worked. 0, -EINVAL, -ENOMEM, -EFAULT. */
long import_iovec(unsigned long from, u64 nr, struct iovec **vec, struct iter *it);
/* How many bytes could be moved. */
size_t copy_to_iter(const void *from, size_t n, struct iter *it);
size_t copy_from_iter(void *to, size_t n, struct iter *it);
/* Zeros. */
size_t zero_iter(size_t n, struct iter *it);
/* For a read of a text that is in memory as a whole: what is of it from *pos on. */
long simple_read(struct iter *to, u64 *pos, const void *text, size_t len);
s64 generic_llseek(struct open_file *f, s64 offset, int whence);

/* ------------------------------------------------------------------ inodes and names (kernel/dentry.c) */

/* statfs's number of /proc. */
#define PROC_MAGIC 0x9fa0U
/* With one user. NULL: no memory. */
struct inode *inode_alloc(struct super *sb, u32 mode);
void iget(struct inode *inode);
void iput(struct inode *inode);
/* A name for inode, whose reference it takes over also when it fails; parent NULL: a root or nameless. One user, not pinned. NULL: no memory. */
struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t len,
			    struct inode *inode);
struct dentry *dget(struct dentry *d);
/* NULL is allowed. */
void dput(struct dentry *d);
/* d becomes an entry of its parent's tree. */
void dentry_pin(struct dentry *d);
/* d is no name any more: it stays as long as somebody uses it. */
void dentry_unpin(struct dentry *d);
/* The entry of that name, with a reference; mounts are not crossed. -ENOENT, -ENOMEM. */
int dentry_lookup(struct dentry *dir, const char *name, size_t len, struct dentry **found);
/* A new name in a tree for inode, whose reference it takes over. The caller has looked that there is none. 0, -ENOMEM. */
int dentry_add(struct dentry *dir, const char *name, size_t len, struct inode *inode);
/* The name of d, in a tree, becomes another one, which there is not. 0, -ENOMEM. */
int dentry_move(struct dentry *d, struct dentry *dir, const char *name, size_t len);
/* Absolute, seen from root; the text is at the end of buf. A deleted one ends in " (deleted)". -ENAMETOOLONG. */
long d_path(const struct dentry *d, const struct dentry *root, char *buf, size_t size, char **text);
bool dentry_is_under(const struct dentry *d, const struct dentry *top);
/* Walks everything mounted and counts. Prints violations, returns how many. */
int vfs_check(void);

/* ------------------------------------------------------------------ mounts (kernel/mount.c) */

extern struct super *mounts; /* the root first */
int fs_register(const struct fs_type *type);
const struct fs_type *fs_find(const char *name);
/* on NULL: the root. 0, -ENODEV, -ENOMEM, -EBUSY, -ENOTDIR, -EINVAL: nobody sees that place here, -ENOSPC: there are too many. */
int do_mount(const struct fs_type *type, const char *source, struct dentry *on, unsigned long flags,
	     const char *options);
/* Other flags and options for what is mounted there. 0, -EINVAL, -EPERM: it is another's, -EBUSY: a file is open for writing. */
int do_remount(struct dentry *root, unsigned long flags, const char *options);
/* MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE, with MS_REC for what is below, of a mount's root: kept and shown, no more. 0, -EINVAL. */
int do_propagation(struct dentry *root, unsigned long flags);
/* Is it mounted where the running program is, and its own to take off? Whether it has the right to mount is another question. */
bool may_umount(const struct super *sb);
/* detach: also when somebody is inside, who keeps it then. 0, -EINVAL, -EBUSY. */
int do_umount(struct super *sb, bool detach);
/* Its number in /proc/PID/mountinfo (kernel/proc_mounts.c). */
unsigned int mount_id(const struct super *sb);
/* The nth that was registered; NULL: there are less. */
const struct fs_type *fs_nth(unsigned int n);
/* A file system that no name leads to. Its inodes have numbers and a device. */
int super_init(struct super *sb, const struct fs_type *type);
/*
 * Who is in it sees what is mounted in it, and what was in the one that it came from when it began, less what it has taken off. Its own mounts
 * go with it.
 */
struct mount_ns {
	struct namespace ns;
	struct mount_ns *parent; /* with a use; NULL: the first */
	u64 born;		 /* in the order of mounting */
	u64 youngest;		 /* when the last of its children was born */
	unsigned int children;
	unsigned int mounts;	  /* of its own, at most sysctl_mount_max */
	u64 search, unseen_since; /* mount_seen_in's */
};
extern int sysctl_mount_max; /* /proc/sys/fs/mount-max */
extern struct mount_ns init_mount_ns;
/* One more below the running program's. 0, -ENOMEM, -ENOSPC. */
int mount_ns_new(struct user_ns *owner, struct mount_ns **made);
void mount_ns_put(struct mount_ns *ns);
/* Is somebody inside, or is something mounted there? */
bool super_busy(const struct super *sb);
/* Somebody has left a detached one: it goes when he was the last. */
void super_left(struct super *sb);
void mount_ns_free(struct namespace *ns);
/* Its paths begin at that one's root from here on. */
void mount_ns_enter(struct fs_struct *fs, struct namespace *ns);
/* The mount that stands that high in the stack that sb, which is mounted, is in; height at most its own. */
const struct super *mount_stacked(const struct super *sb, u32 height);
/* By the running program; by who is in that namespace. */
bool mount_seen(const struct super *sb);
bool mount_seen_in(const struct super *sb, const struct mount_ns *ns);
/* What the running program sees mounted there; NULL: nothing. */
struct super *mounted_on(const struct dentry *d);
/* What is on top there, as the running program sees it, for d, whose reference it takes over. */
struct dentry *cross_mounts(struct dentry *d);
/* The root of the tree of all. */
struct dentry *vfs_root(void);

/* ------------------------------------------------------------------ the way to a file (kernel/path.c) */

#define WALK_FOLLOW 1U	  /* a symbolic link at the end too */
#define WALK_PARENT 2U	  /* the last name is about to be made or removed: it is never followed */
#define WALK_DIRECTORY 4U /* it must be a directory */
#define WALK_EMPTY 8U	  /* "" is where it begins */
/* openat2's: what the way may not do. */
#define WALK_NO_XDEV 0x10U	 /* enter or leave a file system: EXDEV */
#define WALK_NO_MAGICLINKS 0x20U /* follow a link to a place rather than to a name: ELOOP */
#define WALK_NO_SYMLINKS 0x40U	 /* follow any link: ELOOP */
#define WALK_BENEATH 0x80U	 /* leave what is below its beginning: EXDEV */
#define WALK_IN_ROOT 0x100U	 /* its beginning is / */
#define WALK_KEEP_EXPIRY 0x200U	 /* what is crossed has not been used by that */
#define WALK_SCOPED (WALK_BENEATH | WALK_IN_ROOT)

struct path_walk {
	struct dentry *parent; /* of the last name, with a reference; NULL for "/" and the like */
	struct dentry *dentry; /* with a reference; NULL: there is none of that name */
	char last[NAME_MAX + 1];
	size_t len;	  /* of last; 0: it is . or .. or / */
	bool slash, dots; /* slashes follow it; it is "." or ".." */
};

/* From dirfd as the *at calls do. 0 or an error, and then nothing is held. A last name that is missing is no error with WALK_PARENT. */
int walk_path(int dirfd, const char *path, unsigned int flags, struct path_walk *w);
void walk_end(struct path_walk *w);
/* The same for a path in the program's memory that must lead somewhere; the place with a reference. */
int user_path(int dirfd, unsigned long path, unsigned int flags, struct dentry **d);
/* ... and in the kernel's. */
int kern_path(const char *path, unsigned int flags, struct dentry **d);
/* A path of the program's memory, PATH_MAX bytes, by kmalloc. */
int user_path_get(unsigned long from, char **path);
/* A symbolic link's text, as readlink has it. */
long read_link(struct inode *link, char *buf, size_t size);
/* 0, -EACCES, -EROFS: by the program's file-system ids and capabilities. */
int inode_permission(const struct inode *inode, unsigned int mask);
/* May the program change what only the owner may? 0 or -EPERM. */
int inode_owner(const struct inode *inode);
/* Is it the program's group, or one of its groups? */
bool in_group(u32 gid);
/* The bits of mode that go when somebody else's hand was on a file: S_ISUID, and S_ISGID where it means a group (Linux: setattr_should_drop_suidgid). */
u32 mode_privileges(const struct inode *inode);

/* ------------------------------------------------------------------ making names (kernel/path.c) */

int vfs_create(struct dentry *dir, const char *name, size_t len, u32 mode, u32 rdev,
	       struct dentry **made);
int vfs_symlink(struct dentry *dir, const char *name, size_t len, const char *text);
/* replaced: another one gets its name, so its directory is not told that it goes. */
int vfs_unlink(struct dentry *d, bool directory, bool replaced);
/* In a directory with the sticky bit, only who owns the one or the other. */
bool may_remove(const struct inode *dir, const struct inode *inode);
/* fs.protected_symlinks, fs.protected_hardlinks (Linux: Documentation/admin-guide/sysctl/fs.rst). */
extern int sysctl_protected_symlinks, sysctl_protected_hardlinks;

/* ------------------------------------------------------------------ files in memory (kernel/tmpfs.c, tmpfs_mount.c) */

extern const struct fs_type tmpfs_type;
/* A file in memory for that super: contents, directory, link, device, FIFO by mode. NULL: no memory. */
struct inode *tmpfs_inode(struct super *sb, u32 mode, u32 rdev);
/* What the symbolic link n, new, leads to. 0, -ENOMEM, -ENOSPC. */
int tmpfs_link_text(struct inode *n, const char *text);
/* Room for one more? */
static inline bool tmpfs_has_inode(const struct super *sb)
{
	return !sb->max_inodes || sb->inode_bytes + 1024 <= sb->max_inodes * 1024;
}
/* An open file without a name, as memfd_create wants it: name as /proc shows it. ERR is in *err. */
struct open_file *tmpfs_file(const char *name, unsigned int flags, int *err);
/* Pages of all its files. */
s64 tmpfs_used(const struct super *sb);
int inode_truncate(struct inode *inode, u64 size);
/* What nobody may do to a file in memory any more; F_SEAL_SEAL: add another seal. */
#define F_SEAL_SEAL 0x01U
#define F_SEAL_SHRINK 0x02U
#define F_SEAL_GROW 0x04U
#define F_SEAL_WRITE 0x08U
#define F_SEAL_FUTURE_WRITE 0x10U
#define F_SEAL_EXEC 0x20U
/* fcntl's F_ADD_SEALS and F_GET_SEALS. */
long file_add_seals(struct open_file *f, u32 seals);
long file_get_seals(const struct open_file *f);
u64 inode_size(const struct inode *inode);
/* Fill the root from archives in cpio's "newc" format (070701), plain or by gzip. Returns files made, or -EINVAL, -ENOMEM after a message. */
long initramfs_unpack(const void *image, size_t size);

/* ------------------------------------------------------------------ open files (kernel/file.c) */

/* Takes over the reference of the dentry, also when it fails. mode: FMODE_*. */
struct open_file *file_alloc(struct dentry *d, unsigned int flags,
			     const struct file_operations *op);
/* Open what path leads to, as openat does. */
int file_open(int dirfd, const char *path, unsigned int flags, u32 mode, struct open_file **f);
/* The same, with WALK_ flags for the way. */
int file_open_walk(int dirfd, const char *path, unsigned int flags, u32 mode, unsigned int walk,
		   struct open_file **f);
/* A place that is known; takes over the reference of d, also when it fails. */
int file_open_dentry(struct dentry *d, unsigned int flags, struct open_file **f);
/* For execve: a regular file that the program may execute. */
int file_open_exec(int dirfd, const char *path, unsigned int flags, struct open_file **f);
/* It is not, or no more, what somebody executes. */
void file_not_running(struct open_file *f);
/* May anybody write it? 0 or -ETXTBSY: it is being executed. */
int file_may_write(const struct inode *n);
/* A file that has no place: a pipe's end, an eventfd. Its name is what /proc/PID/fd shows. NULL: no memory. */
struct open_file *file_anon(const char *name, u32 mode, unsigned int flags,
			    const struct file_operations *op);
/* Another name for such a file, once its number is known. 0, -ENOMEM. */
int file_rename_anon(struct open_file *f, const char *name);
/* Is it one that file_anon has made? */
bool file_is_anon(const struct open_file *f);
/* Another reference, if there is still one: a file whose last has gone is closed soon. */
bool file_get_live(struct open_file *f);
static inline struct open_file *file_get(struct open_file *f)
{
	get_file(&f->file);
	return f;
}
/* The open file that an area's file is; NULL: it is no program's, as of shared anonymous memory. */
struct open_file *open_file_of(struct file *file);
/* The last one closes it. */
void file_put(struct open_file *f);
/* What areas have let go is closed. At the end of system calls and before a task sleeps. */
void files_reap(void);
/* At pos, by the kernel. */
long kernel_read(struct open_file *f, void *buf, size_t n, u64 pos);
/* Marks it, as the access asks for. */
void file_accessed(struct open_file *f);
void inode_changed(struct inode *inode, bool contents);
struct timespec time_now(void);
/* memfd.c: /proc/sys/vm/memfd_noexec. */
extern int sysctl_memfd_noexec;

/* ------------------------------------------------------------------ descriptors (kernel/fdtable.c) */

/* The running program's, without a reference: it cannot go before the call has ended or slept. NULL: there is none, or O_PATH. */
struct open_file *file_of(unsigned int fd);
/* The same, O_PATH too. */
struct open_file *file_of_raw(unsigned int fd);
/* Of any task, for /proc. */
struct open_file *files_lookup(const struct files_struct *files, unsigned int fd);
/* One more than the highest descriptor may be. */
unsigned int files_max(const struct files_struct *files);
/* The lowest free descriptor from `from` on, for f, whose reference it takes over, also when it fails. fd, -EMFILE, -ENOMEM. */
long fd_install(struct open_file *f, unsigned int from, bool cloexec);
/* /proc/sys/fs/nr_open; the table has more than that by now: it is not copied then (EMFILE). */
extern int sysctl_nr_open;
bool files_too_many(const struct files_struct *files);
long fd_close(unsigned int fd);
/* dup2: new is closed first. new, -EBADF, -ENOMEM. */
long fd_dup_to(unsigned int old, unsigned int new, bool cloexec);
/* The same of a file that has no number here, whose reference stays the caller's. */
long fd_replace(struct open_file *f, unsigned int fd, bool cloexec);
long fd_set_cloexec(unsigned int fd, bool cloexec);
bool files_cloexec(const struct files_struct *files, unsigned int fd);
long fd_close_range(unsigned int first, unsigned int last, unsigned int flags);
/* One more than the highest that the program may have. */
unsigned int fd_limit(void);

/* Where a task's paths begin. */
struct fs_struct {
	s32 users;
	u32 umask;
	struct dentry *root, *cwd; /* with references */
	struct mount_ns *ns;	   /* with a use */
};

/* Everything that is there before a program: the root, file systems, devices. Panics without memory. */
void vfs_init(void);

/* fcntl's F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX, F_GETOWN_EX, F_GETOWNER_UIDS (kernel/fcntl_owner.c). */
long file_fcntl_owner(struct open_file *f, unsigned int cmd, unsigned long arg);
/* O_ASYNC, or not: of pipes, sockets and terminals; other files do not know it, as in Linux. */
void file_set_async(struct open_file *f, int fd, bool on);
/* There is something to be read, or room again: owners of those with O_ASYNC get their signal. */
void file_tell_owners(struct inode *n, bool readable);
/* To the owner of one: something has happened to what that descriptor is (POLL_MSG). */
void file_tell(const struct open_file *f, int fd);
/* The running process is the owner unless there is one; nobody is, and no signal is set. */
void file_own(struct open_file *f);
void file_disown(struct open_file *f);

/* ------------------------------------------------------------------ locks (kernel/lock.c) */

#define LOCK_SH 1U
#define LOCK_EX 2U
#define LOCK_NB 4U
#define LOCK_UN 8U
#define LOCK_MAND 32U
/* how: one of the first, second, fourth, with LOCK_NB or not. */
long file_flock(struct open_file *f, unsigned int how);
/* f: what fd leads to. */
long file_fcntl_lock(unsigned int fd, struct open_file *f, unsigned int cmd, unsigned long arg);
/* A descriptor is closed: its table's record locks on the file go; or the file is: its own. */
void locks_drop(struct inode *inode, const void *owner);
struct pid_ns;
/* /proc/locks: all that are held but leases, and below each who waits for it. */
void locks_report(struct out *out, const struct pid_ns *ns);

#endif
