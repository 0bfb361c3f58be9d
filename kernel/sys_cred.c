// SPDX-License-Identifier: MIT
/*
 * Whose a task is: numbers of users and groups, and capabilities. Who has CAP_SETUID may become anybody; others may change among the three
 * numbers that they have. Numbers say whose things are, capabilities what else is allowed; root's come and go with the number 0
 * (Linux: security/commoncap.c). Locking: kernel_lock; a task changes only its own.
 */
#include <quire/string.h>

#include "pid.h"
#include "syscall.h"
#include "userns.h"

long call_getuid(const struct syscall_args *r)
{
	return uid_to_user(current->cred.uid);
}

long call_geteuid(const struct syscall_args *r)
{
	return uid_to_user(current->cred.euid);
}

long call_getgid(const struct syscall_args *r)
{
	return gid_to_user(current->cred.gid);
}

long call_getegid(const struct syscall_args *r)
{
	return gid_to_user(current->cred.egid);
}

static bool is_one_of(u32 id, const u32 ids[3])
{
	return id == ids[0] || id == ids[1] || id == ids[2];
}

/* ids: real, effective, saved. 0xffffffff: as it is. */
static bool may_set(const u32 ids[3])
{
	return own_capable(ids == current->cred.uids ? CAP_SETUID : CAP_SETGID);
}

/* Capabilities that go or come as users' numbers change (Linux: cap_emulate_setxuid). */
static void caps_follow(const u32 old[3])
{
	struct cred *c = &current->cred;
	const u32 root = uid_from_user(0);

	if (c->securebits & SECURE_NO_SETUID_FIXUP || root == NO_ID)
		return;
	if (is_one_of(root, old) && !is_one_of(root, c->uids)) {
		if (!(c->securebits & SECURE_KEEP_CAPS))
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (old[1] == root && c->euid != root)
		c->cap_effective = 0;
	if (old[1] != root && c->euid == root)
		c->cap_effective = c->cap_permitted;
}

/* Memory knows one of them: may its tasks lock more than their limit? */
static void caps_changed(void)
{
	current->mm->unprivileged = !capable(CAP_IPC_LOCK);
}

static long set_ids(u32 ids[3], u32 *fs, u32 real, u32 effective, u32 saved)
{
	const u32 keep = 0xffffffffU, old[3] = {ids[0], ids[1], ids[2]};

	if (!may_set(ids) && ((real != keep && !is_one_of(real, old)) ||
			      (effective != keep && !is_one_of(effective, old)) ||
			      (saved != keep && !is_one_of(saved, old))))
		return -EPERM;
	if (real != keep)
		ids[0] = real;
	if (effective != keep)
		ids[1] = *fs = effective;
	if (saved != keep)
		ids[2] = saved;
	/* What it knew as another user is not for this one to see (commit_creds). */
	if (ids[1] != old[1])
		current->signal->dumpable = false;
	if (ids == current->cred.uids)
		caps_follow(old);
	caps_changed();
	return 0;
}

static long set_one(u32 ids[3], u32 *fs, u32 id)
{
	bool root = may_set(ids);

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

	if (!may_set(ids) && real != keep && real != ids[0] && real != ids[1])
		return -EPERM;
	err = set_ids(ids, fs, real, effective, keep);
	if (!err && saves)
		ids[2] = ids[1];
	return err;
}

long call_setuid(const struct syscall_args *r)
{
	return set_one(current->cred.uids, &current->cred.fsuid, uid_from_user((u32)r->a[0]));
}

long call_setgid(const struct syscall_args *r)
{
	return set_one(current->cred.gids, &current->cred.fsgid, gid_from_user((u32)r->a[0]));
}

/* Ids that the program named, and that its namespace has; ~0 stands for none. */
static bool known(const u32 *ids, const struct syscall_args *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (ids[i] == NO_ID && (u32)r->a[i] != NO_ID)
			return false;
	return true;
}

long call_setreuid(const struct syscall_args *r)
{
	const u32 ids[2] = {uid_from_user((u32)r->a[0]), uid_from_user((u32)r->a[1])};

	return known(ids, r, 2) ? set_two(current->cred.uids, &current->cred.fsuid, ids[0], ids[1])
				: -EINVAL;
}

long call_setregid(const struct syscall_args *r)
{
	const u32 ids[2] = {gid_from_user((u32)r->a[0]), gid_from_user((u32)r->a[1])};

	return known(ids, r, 2) ? set_two(current->cred.gids, &current->cred.fsgid, ids[0], ids[1])
				: -EINVAL;
}

long call_setresuid(const struct syscall_args *r)
{
	const u32 ids[3] = {uid_from_user((u32)r->a[0]), uid_from_user((u32)r->a[1]),
			    uid_from_user((u32)r->a[2])};

	return known(ids, r, 3)
		       ? set_ids(current->cred.uids, &current->cred.fsuid, ids[0], ids[1], ids[2])
		       : -EINVAL;
}

long call_setresgid(const struct syscall_args *r)
{
	const u32 ids[3] = {gid_from_user((u32)r->a[0]), gid_from_user((u32)r->a[1]),
			    gid_from_user((u32)r->a[2])};

	return known(ids, r, 3)
		       ? set_ids(current->cred.gids, &current->cred.fsgid, ids[0], ids[1], ids[2])
		       : -EINVAL;
}

static long put_three(const u32 ids[3], u32 (*show)(u32 id), const struct syscall_args *r)
{
	for (unsigned int i = 0; i < 3; i++) {
		const u32 id = show(ids[i]);

		if (put_user(id, r->a[i]))
			return -EFAULT;
	}
	return 0;
}

long call_getresuid(const struct syscall_args *r)
{
	return put_three(current->cred.uids, uid_to_user, r);
}

long call_getresgid(const struct syscall_args *r)
{
	return put_three(current->cred.gids, gid_to_user, r);
}

/* These say what it was, whether it changes or not. */
static u32 set_fs(u32 *fs, const u32 ids[3], u32 id)
{
	struct cred *c = &current->cred;
	u32 old = *fs;

	if (id == 0xffffffffU || (!may_set(ids) && id != old && !is_one_of(id, ids)))
		return old;
	*fs = id;
	/* What root may do with files goes and comes with that number (Linux: cap_task_fix_setuid). */
	if (fs == &c->fsuid && !(c->securebits & SECURE_NO_SETUID_FIXUP)) {
		if (!old && id)
			c->cap_effective &= ~FILE_CAPS;
		else if (old && !id)
			c->cap_effective |= FILE_CAPS & c->cap_permitted;
	}
	return old;
}

long call_setfsuid(const struct syscall_args *r)
{
	return uid_to_user(
		set_fs(&current->cred.fsuid, current->cred.uids, uid_from_user((u32)r->a[0])));
}

long call_setfsgid(const struct syscall_args *r)
{
	return gid_to_user(
		set_fs(&current->cred.fsgid, current->cred.gids, gid_from_user((u32)r->a[0])));
}

long call_getgroups(const struct syscall_args *r)
{
	const struct cred *c = &current->cred;
	int size = (int)r->a[0];

	if (size < 0 || (size && size < (int)c->nr_groups))
		return -EINVAL;
	for (u32 i = 0; size && i < c->nr_groups; i++) {
		const u32 id = gid_to_user(c->groups[i]);

		if (put_user(id, r->a[1] + i * sizeof(id)))
			return -EFAULT;
	}
	return c->nr_groups;
}

long call_setgroups(const struct syscall_args *r)
{
	struct cred *c = &current->cred;
	u32 groups[MAX_GROUPS];

	/* Not before its namespace has groups, nor when it has given that up. */
	if (!own_capable(CAP_SETGID) || !current->user_ns->map[MAP_GID].nr ||
	    current->user_ns->setgroups_denied)
		return -EPERM;
	if (r->a[0] > MAX_GROUPS)
		return -EINVAL;
	if (copy_from_user(groups, r->a[1], r->a[0] * sizeof(groups[0])))
		return -EFAULT;
	for (u32 i = 0; i < r->a[0]; i++) {
		groups[i] = gid_from_user(groups[i]);
		if (groups[i] == NO_ID)
			return -EINVAL;
	}
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
	const struct task *t = current;
	struct cap_header h;
	u32 data[2][3];
	long words = cap_words(r->a[0], &h);

	if (words < 0)
		return words;
	if (!words)
		return r->a[1] ? -EINVAL : 0;
	if (h.pid < 0)
		return -EINVAL;
	if (h.pid && !(t = task_find_v(h.pid)))
		return -ESRCH;
	for (unsigned int i = 0; i < 2; i++) {
		data[i][0] = (u32)(t->cred.cap_effective >> 32 * i);
		data[i][1] = (u32)(t->cred.cap_permitted >> 32 * i);
		data[i][2] = (u32)(t->cred.cap_inheritable >> 32 * i);
	}
	return r->a[1] ? copy_to_user(r->a[1], data, (size_t)words * sizeof(data[0])) : 0;
}

long call_capset(const struct syscall_args *r)
{
	struct cred *c = &current->cred;
	u64 effective, permitted, inheritable;
	u32 data[2][3] = {0};
	struct cap_header h;
	long words = cap_words(r->a[0], &h);

	if (words <= 0)
		return words ? words : -EINVAL;
	if (h.pid && h.pid != task_vnr(current))
		return -EPERM;
	if (copy_from_user(data, r->a[1], (size_t)words * sizeof(data[0])))
		return -EFAULT;
	/* What there is not cannot be had, and is not asked about. */
	effective = ((u64)data[1][0] << 32 | data[0][0]) & ALL_CAPS;
	permitted = ((u64)data[1][1] << 32 | data[0][1]) & ALL_CAPS;
	inheritable = ((u64)data[1][2] << 32 | data[0][2]) & ALL_CAPS;
	if (!own_capable(CAP_SETPCAP) && inheritable & ~(c->cap_inheritable | c->cap_permitted))
		return -EPERM;
	if (inheritable & ~(c->cap_inheritable | c->cap_bset) || permitted & ~c->cap_permitted ||
	    effective & ~permitted)
		return -EPERM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	c->cap_ambient &= permitted & inheritable;
	caps_changed();
	return 0;
}

/* ------------------------------------------------------------------ prctl */

enum {
	PR_CAP_AMBIENT_IS_SET = 1,
	PR_CAP_AMBIENT_RAISE,
	PR_CAP_AMBIENT_LOWER,
	PR_CAP_AMBIENT_CLEAR_ALL
};

long prctl_securebits(u64 bits)
{
	struct cred *c = &current->cred;
	const u32 locks = c->securebits & SECURE_ALL_LOCKS;

	/* What is locked stays, and so do locks. */
	if ((locks >> 1 & (c->securebits ^ bits)) || locks & ~bits ||
	    bits & ~(u64)(SECURE_ALL_LOCKS | SECURE_ALL_BITS) || !own_capable(CAP_SETPCAP))
		return -EPERM;
	c->securebits = (u32)bits;
	return 0;
}

long prctl_keep_caps(u64 on)
{
	struct cred *c = &current->cred;

	if (on > 1)
		return -EINVAL;
	if (c->securebits & SECURE_KEEP_CAPS << 1)
		return -EPERM;
	c->securebits = (c->securebits & ~SECURE_KEEP_CAPS) | (on ? SECURE_KEEP_CAPS : 0);
	return 0;
}

long prctl_cap_ambient(const struct syscall_args *r)
{
	struct cred *c = &current->cred;
	const u64 what = r->a[1], cap = r->a[2];

	if (r->a[3] || r->a[4])
		return -EINVAL;
	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (cap)
			return -EINVAL;
		c->cap_ambient = 0;
		return 0;
	}
	if (cap >= NR_CAPS)
		return -EINVAL;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return (long)(c->cap_ambient >> cap & 1);
	case PR_CAP_AMBIENT_RAISE:
		if (!(c->cap_permitted & c->cap_inheritable & BIT(cap)) ||
		    c->securebits & SECURE_NO_CAP_AMBIENT_RAISE)
			return -EPERM;
		c->cap_ambient |= BIT(cap);
		return 0;
	case PR_CAP_AMBIENT_LOWER:
		c->cap_ambient &= ~BIT(cap);
		return 0;
	}
	return -EINVAL;
}
