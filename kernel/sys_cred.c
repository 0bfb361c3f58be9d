// SPDX-License-Identifier: MIT
/* Whose a task is: numbers of users and groups. Root may become anybody; others may change among the three that they have. */
#include <quire/string.h>

#include "syscall.h"

long call_getuid(const struct syscall_args *r)
{
	return current->cred.uid;
}

long call_geteuid(const struct syscall_args *r)
{
	return current->cred.euid;
}

long call_getgid(const struct syscall_args *r)
{
	return current->cred.gid;
}

long call_getegid(const struct syscall_args *r)
{
	return current->cred.egid;
}

static bool is_one_of(u32 id, const u32 ids[3])
{
	return id == ids[0] || id == ids[1] || id == ids[2];
}

/* ids: real, effective, saved. 0xffffffff: as it is. */
static long set_ids(u32 ids[3], u32 *fs, u32 real, u32 effective, u32 saved)
{
	const u32 keep = 0xffffffffU, old[3] = {ids[0], ids[1], ids[2]};

	if (current->cred.euid && ((real != keep && !is_one_of(real, old)) ||
				   (effective != keep && !is_one_of(effective, old)) ||
				   (saved != keep && !is_one_of(saved, old))))
		return -EPERM;
	if (real != keep)
		ids[0] = real;
	if (effective != keep)
		ids[1] = *fs = effective;
	if (saved != keep)
		ids[2] = saved;
	current->mm->unprivileged = current->cred.euid != 0;
	return 0;
}

static long set_one(u32 ids[3], u32 *fs, u32 id)
{
	bool root = !current->cred.euid;

	if (id == 0xffffffffU)
		return -EINVAL;
	if (root)
		return set_ids(ids, fs, id, id, id);
	return id == ids[0] || id == ids[2] ? set_ids(ids, fs, 0xffffffffU, id, 0xffffffffU)
					    : -EPERM;
}

static long set_two(u32 ids[3], u32 *fs, u32 real, u32 effective)
{
	const u32 keep = 0xffffffffU;
	bool saves = real != keep || (effective != keep && effective != ids[0]);
	long err;

	if (current->cred.euid && real != keep && real != ids[0] && real != ids[1])
		return -EPERM;
	err = set_ids(ids, fs, real, effective, keep);
	if (!err && saves)
		ids[2] = ids[1];
	return err;
}

long call_setuid(const struct syscall_args *r)
{
	return set_one(current->cred.uids, &current->cred.fsuid, (u32)r->a[0]);
}

long call_setgid(const struct syscall_args *r)
{
	return set_one(current->cred.gids, &current->cred.fsgid, (u32)r->a[0]);
}

long call_setreuid(const struct syscall_args *r)
{
	return set_two(current->cred.uids, &current->cred.fsuid, (u32)r->a[0], (u32)r->a[1]);
}

long call_setregid(const struct syscall_args *r)
{
	return set_two(current->cred.gids, &current->cred.fsgid, (u32)r->a[0], (u32)r->a[1]);
}

long call_setresuid(const struct syscall_args *r)
{
	return set_ids(current->cred.uids, &current->cred.fsuid, (u32)r->a[0], (u32)r->a[1],
		       (u32)r->a[2]);
}

long call_setresgid(const struct syscall_args *r)
{
	return set_ids(current->cred.gids, &current->cred.fsgid, (u32)r->a[0], (u32)r->a[1],
		       (u32)r->a[2]);
}

static long put_three(const u32 ids[3], const struct syscall_args *r)
{
	for (unsigned int i = 0; i < 3; i++)
		if (put_user(ids[i], r->a[i]))
			return -EFAULT;
	return 0;
}

long call_getresuid(const struct syscall_args *r)
{
	return put_three(current->cred.uids, r);
}

long call_getresgid(const struct syscall_args *r)
{
	return put_three(current->cred.gids, r);
}

/* These say what it was, whether it changes or not. */
static long set_fs(u32 *fs, const u32 ids[3], u32 id)
{
	u32 old = *fs;

	if (id != 0xffffffffU && (!current->cred.euid || id == old || is_one_of(id, ids)))
		*fs = id;
	return old;
}

long call_setfsuid(const struct syscall_args *r)
{
	return set_fs(&current->cred.fsuid, current->cred.uids, (u32)r->a[0]);
}

long call_setfsgid(const struct syscall_args *r)
{
	return set_fs(&current->cred.fsgid, current->cred.gids, (u32)r->a[0]);
}

long call_getgroups(const struct syscall_args *r)
{
	const struct cred *c = &current->cred;
	int size = (int)r->a[0];

	if (size < 0 || (size && size < (int)c->nr_groups))
		return -EINVAL;
	if (size && copy_to_user(r->a[1], c->groups, c->nr_groups * sizeof(c->groups[0])))
		return -EFAULT;
	return c->nr_groups;
}

long call_setgroups(const struct syscall_args *r)
{
	struct cred *c = &current->cred;
	u32 groups[MAX_GROUPS];

	if (c->euid)
		return -EPERM;
	if (r->a[0] > MAX_GROUPS)
		return -EINVAL;
	if (copy_from_user(groups, r->a[1], r->a[0] * sizeof(groups[0])))
		return -EFAULT;
	memcpy(c->groups, groups, r->a[0] * sizeof(groups[0]));
	c->nr_groups = (u32)r->a[0];
	return 0;
}

/* ------------------------------------------------------------------ capabilities */

struct cap_header {
	u32 version;
	int pid;
};

#define CAP_VERSION_1 0x19980330U
#define CAP_VERSION_2 0x20071026U
#define CAP_VERSION_3 0x20080522U
#define ALL_CAPS ((1ULL << 41) - 1)

/* Words of the header's version, 0: unknown, and the header now says which is not. */
static long cap_words(unsigned long header, struct cap_header *h)
{
	if (get_user(*h, header))
		return -EFAULT;
	if (h->version == CAP_VERSION_1)
		return 1;
	if (h->version == CAP_VERSION_2 || h->version == CAP_VERSION_3)
		return 2;
	h->version = CAP_VERSION_3;
	return put_user(*h, header) ? -EFAULT : 0;
}

long call_capget(const struct syscall_args *r)
{
	u64 caps = current->cred.euid ? 0 : ALL_CAPS;
	const u32 data[2][3] = {{(u32)caps, (u32)caps, 0},
				{(u32)(caps >> 32), (u32)(caps >> 32), 0}};
	struct cap_header h;
	long words = cap_words(r->a[0], &h);

	if (words < 0)
		return words;
	if (!words)
		return r->a[1] ? -EINVAL : 0;
	if (h.pid < 0)
		return -EINVAL;
	if (h.pid && !task_find(h.pid))
		return -ESRCH;
	return r->a[1] ? copy_to_user(r->a[1], data, (size_t)words * sizeof(data[0])) : 0;
}

/* Rights come by the user's number alone: giving some of them up is granted, and changes nothing. */
long call_capset(const struct syscall_args *r)
{
	struct cap_header h;
	long words = cap_words(r->a[0], &h);

	if (words <= 0)
		return words ? words : -EINVAL;
	if (h.pid && h.pid != current->pid)
		return -EPERM;
	return current->cred.euid ? -EPERM : 0;
}
