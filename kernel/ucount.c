// SPDX-License-Identifier: MIT
/*
 * How many namespaces a user has made, in his user namespace and, by who has made that, in each above; and how many he may
 * (/proc/sys/user/max_*_namespaces; Linux: kernel/ucount.c). Also: lists by user of what is limited over all of his processes
 * (user_count.h). Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "pseudo.h"
#include "task.h"
#include "user_count.h"
#include "userns.h"

/* In the order of the files, which is that of user_ns.most. */
static const struct {
	const char *file;
	u32 type;
} kinds[NR_UCOUNTS] = {
	{"max_cgroup_namespaces", CLONE_NEWCGROUP}, {"max_ipc_namespaces", CLONE_NEWIPC},
	{"max_mnt_namespaces", CLONE_NEWNS},	    {"max_net_namespaces", CLONE_NEWNET},
	{"max_pid_namespaces", CLONE_NEWPID},	    {"max_time_namespaces", CLONE_NEWTIME},
	{"max_user_namespaces", CLONE_NEWUSER},	    {"max_uts_namespaces", CLONE_NEWUTS},
};

/* Of one user in one namespace; it goes when all are 0. */
struct ucount {
	struct ucount *next;
	u32 uid;
	unsigned int n[NR_UCOUNTS], sum;
};

static unsigned int kind_of(u32 type)
{
	unsigned int k = 0;

	while (kinds[k].type != type)
		k++;
	return k;
}

static struct ucount *count_of(struct user_ns *ns, u32 uid)
{
	struct ucount *c = ns->counts;

	while (c && c->uid != uid)
		c = c->next;
	if (c)
		return c;
	c = kmalloc(sizeof(*c), GFP_KERNEL | __GFP_ZERO);
	if (!c)
		return NULL;
	c->uid = uid;
	c->next = ns->counts;
	ns->counts = c;
	return c;
}

static void one_less(struct user_ns *ns, u32 uid, unsigned int k)
{
	struct ucount **p = &ns->counts, *c;

	while ((*p)->uid != uid)
		p = &(*p)->next;
	c = *p;
	c->n[k]--;
	if (--c->sum)
		return;
	*p = c->next;
	kfree(c);
}

/* All up to `end`, which is not one. */
static void take_back(struct user_ns *ns, u32 uid, unsigned int k, const struct user_ns *end)
{
	for (; ns != end; uid = ns->owner, ns = ns->parent)
		one_less(ns, uid, k);
}

int ucount_add(struct user_ns *first, u32 first_uid, u32 type)
{
	const unsigned int k = kind_of(type);
	struct user_ns *ns = first;

	for (u32 uid = first_uid; ns; uid = ns->owner, ns = ns->parent) {
		struct ucount *c = count_of(ns, uid);

		if (!c || c->n[k] >= (unsigned int)ns->most[k]) {
			if (c) {
				/* Gone again if it was made for this. */
				c->n[k]++;
				c->sum++;
				one_less(ns, uid, k);
			}
			take_back(first, first_uid, k, ns);
			return -ENOSPC;
		}
		c->n[k]++;
		c->sum++;
	}
	return 0;
}

void ucount_drop(struct user_ns *ns, u32 uid, u32 type)
{
	take_back(ns, uid, kind_of(type), NULL);
}

void ucount_limits(struct user_ns *ns, int most)
{
	for (unsigned int k = 0; k < NR_UCOUNTS; k++)
		ns->most[k] = most;
}

/* ------------------------------------------------------------------ other things */

u64 user_count_of(const struct user_count *list, u32 uid)
{
	while (list && list->uid != uid)
		list = list->next;
	return list ? list->n : 0;
}

bool user_count_add_many(struct user_count **list, u32 uid, u64 n)
{
	struct user_count *c = *list;

	while (c && c->uid != uid)
		c = c->next;
	if (!c) {
		c = kmalloc(sizeof(*c), GFP_KERNEL | __GFP_ZERO);
		if (!c)
			return false;
		c->uid = uid;
		c->next = *list;
		*list = c;
	}
	c->n += n;
	return true;
}

bool user_count_add(struct user_count **list, u32 uid, u64 most)
{
	return user_count_of(*list, uid) < most && user_count_add_many(list, uid, 1);
}

void user_count_drop_many(struct user_count **list, u32 uid, u64 n)
{
	struct user_count *c;

	while ((*list)->uid != uid)
		list = &(*list)->next;
	c = *list;
	c->n -= n;
	if (c->n)
		return;
	*list = c->next;
	kfree(c);
}

void user_count_drop(struct user_count **list, u32 uid)
{
	user_count_drop_many(list, uid, 1);
}

/* ------------------------------------------------------------------ /proc/sys/user */

static unsigned int kind_of_file(const struct pseudo_ref *r)
{
	unsigned int k = 0;

	while (strcmp(kinds[k].file, r->e->name) != 0)
		k++;
	return k;
}

int show_max_namespaces(struct out *out, const struct pseudo_ref *r)
{
	out_printf(out, "%d\n", current->user_ns->most[kind_of_file(r)]);
	return 0;
}

int store_max_namespaces(const struct pseudo_ref *r, char *text, size_t n)
{
	long value;
	int err = parse_long(text, &value);

	(void)n;
	if (err)
		return err;
	if (value < 0 || value != (int)value)
		return -EINVAL;
	if (!own_capable(CAP_SYS_RESOURCE))
		return -EPERM;
	current->user_ns->most[kind_of_file(r)] = (int)value;
	return 0;
}
