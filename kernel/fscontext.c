// SPDX-License-Identifier: MIT
/*
 * fsopen and fsconfig: a file system's options one by one (Linux: fs/fsopen.c). What is collected is checked as mount would; making the
 * mount of it (FSCONFIG_CMD_CREATE, fsmount, move_mount) is not there: mount(2) is the way. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "syscall.h"
#include "userns.h"
#include "vfs.h"

#define FSOPEN_CLOEXEC 1U
enum {
	SET_FLAG,
	SET_STRING,
	SET_BINARY,
	SET_PATH,
	SET_PATH_EMPTY,
	SET_FD,
	CMD_CREATE,
	CMD_RECONFIGURE,
	CMD_CREATE_EXCL
};

static void context_release(struct open_file *f)
{
	(void)f;
}

static const struct file_operations context_fop = {.release = context_release};

long call_fsopen(const struct syscall_args *r)
{
	const u32 flags = (u32)r->a[1];
	const struct fs_type *type;
	struct open_file *f;
	char name[64];
	long n;

	if (!ns_capable(ns_owner(&current->fs->ns->ns), CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & ~FSOPEN_CLOEXEC)
		return -EINVAL;
	n = strncpy_from_user(name, r->a[0], sizeof(name));
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	type = fs_find(name);
	if (!type)
		return -ENODEV;
	f = file_anon("anon_inode:[fscontext]", S_IFREG | 0600, O_RDWR, &context_fop);
	if (!f)
		return -ENOMEM;
	f->private = (void *)type;
	return fd_install(f, 0, flags & FSOPEN_CLOEXEC);
}

/* Is there an argument where there must be none, or none where there must be one? */
static bool bad_arguments(unsigned int cmd, bool key, bool value, int aux)
{
	switch (cmd) {
	case SET_FLAG:
		return !key || value || aux;
	case SET_STRING:
		return !key || !value || aux;
	case SET_BINARY:
		return !key || !value || aux <= 0 || aux > 1024 * 1024;
	case SET_PATH:
	case SET_PATH_EMPTY:
		return !key || !value || (aux != AT_FDCWD && aux < 0);
	case SET_FD:
		return !key || value || aux < 0;
	default:
		return key || value || aux;
	}
}

long call_fsconfig(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	const unsigned int cmd = (unsigned int)r->a[1];
	const struct fs_type *type;
	char key[256], value[256] = "";
	long n;

	if ((int)r->a[0] < 0 || cmd > CMD_CREATE_EXCL)
		return (int)r->a[0] < 0 ? -EINVAL : -EOPNOTSUPP;
	if (bad_arguments(cmd, r->a[2], r->a[3], (int)r->a[4]))
		return -EINVAL;
	if (!f)
		return -EBADF;
	if (f->op != &context_fop)
		return -EINVAL;
	type = f->private;
	if (cmd >= CMD_CREATE)
		return -EOPNOTSUPP;
	n = strncpy_from_user(key, r->a[2], sizeof(key));
	if (n >= 0 && cmd == SET_STRING)
		n = strncpy_from_user(value, r->a[3], sizeof(value));
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	/* No file system here has an option that is a blob, a path or a descriptor. */
	if (cmd > SET_STRING)
		return -EINVAL;
	if (!strcmp(key, "source"))
		return cmd == SET_STRING ? 0 : -EINVAL;
	return type->option ? type->option(key, cmd == SET_STRING ? value : NULL) : -EINVAL;
}
