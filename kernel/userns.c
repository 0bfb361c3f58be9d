// SPDX-License-Identifier: MIT
/*
 * User namespaces (kernel/userns.h): who may what in which, and their maps of ids. A map is written once, and then stays.
 *
 * As Linux has it, but that the rights to write a map are those of who writes, not of who has opened the file. Locking: kernel_lock.
 */
#include <quire/out.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "proc.h"
#include "task.h"
#include "userns.h"
#include "vfs.h"

#define MAX_RANGES 340U

static struct id_range everything = {0, 0, NO_ID};

struct user_ns init_user_ns = {
	.ns = {.users = 1, .type = CLONE_NEWUSER, .ino = USER_NS_INO, .owner = NULL},
	.max_processes = ~0ULL,
	.map = {{1, &everything}, {1, &everything}, {1, &everything}},
};

/* ------------------------------------------------------------------ ids */

/* getuid looks without kernel_lock, perhaps while somebody else writes the map: the ranges are there before their number is. */
static u32 ranges_of(const struct id_map *m)
{
	return __atomic_load_n(&m->nr, __ATOMIC_ACQUIRE);
}

static void publish(struct id_map *to, const struct id_map *m)
{
	to->ranges = m->ranges;
	__atomic_store_n(&to->nr, m->nr, __ATOMIC_RELEASE);
}

u32 map_down(const struct user_ns *ns, unsigned int which, u32 id)
{
	const struct id_map *m = &ns->map[which];
	const u32 nr = ranges_of(m);

	for (u32 i = 0; i < nr; i++)
		if (id - m->ranges[i].first < m->ranges[i].count)
			return m->ranges[i].lower + (id - m->ranges[i].first);
	return NO_ID;
}

u32 map_up(const struct user_ns *ns, unsigned int which, u32 id)
{
	const struct id_map *m = &ns->map[which];
	const u32 nr = ranges_of(m);

	for (u32 i = 0; i < nr; i++)
		if (id - m->ranges[i].lower < m->ranges[i].count)
			return m->ranges[i].first + (id - m->ranges[i].lower);
	return NO_ID;
}

static u32 shown(const struct user_ns *ns, unsigned int which, u32 id)
{
	u32 up = ns == &init_user_ns ? id : map_up(ns, which, id);

	return up == NO_ID ? OVERFLOW_ID : up;
}

u32 uid_from_user(u32 id)
{
	return current->user_ns == &init_user_ns ? id : map_down(current->user_ns, MAP_UID, id);
}

u32 gid_from_user(u32 id)
{
	return current->user_ns == &init_user_ns ? id : map_down(current->user_ns, MAP_GID, id);
}

u32 uid_to_user(u32 id)
{
	return shown(current->user_ns, MAP_UID, id);
}

u32 gid_to_user(u32 id)
{
	return shown(current->user_ns, MAP_GID, id);
}

u32 uid_seen(const struct user_ns *ns, u32 id)
{
	return shown(ns, MAP_UID, id);
}

/* ------------------------------------------------------------------ capabilities */

bool ns_capable(const struct user_ns *ns, unsigned int cap)
{
	const struct user_ns *mine = current->user_ns;

	for (; ns; ns = ns->parent) {
		if (ns == mine)
			return current->cred.cap_effective & BIT(cap);
		if (ns->level <= mine->level)
			return false;
		/* Who has made it may everything in it. */
		if (ns->parent == mine && ns->owner == current->cred.euid)
			return true;
	}
	return false;
}

bool own_capable(unsigned int cap)
{
	return current->cred.cap_effective & BIT(cap);
}

bool inode_capable(const struct inode *inode, unsigned int cap)
{
	return own_capable(cap) && map_up(current->user_ns, MAP_UID, inode->uid) != NO_ID &&
	       map_up(current->user_ns, MAP_GID, inode->gid) != NO_ID;
}

/* ------------------------------------------------------------------ making, entering */

long user_ns_new(struct user_ns **made)
{
	struct user_ns *parent = current->user_ns, *ns;
	const struct cred *c = &current->cred;
	int err;

	if (parent->level == MAX_USER_NS_LEVEL)
		return -ENOSPC;
	/* Who does not see all of the tree would get out of there. */
	if (current->fs->root != vfs_root())
		return -EPERM;
	if (map_up(parent, MAP_UID, c->euid) == NO_ID || map_up(parent, MAP_GID, c->egid) == NO_ID)
		return -EPERM;
	ns = kmalloc(sizeof(*ns), GFP_KERNEL | __GFP_ZERO);
	err = ns ? ns_init(&ns->ns, CLONE_NEWUSER, parent) : -ENOMEM;
	if (err) {
		kfree(ns);
		return err;
	}
	ucount_limits(ns, INT_MAX);
	ns->parent = parent;
	ns->level = parent->level + 1;
	ns->owner = c->euid;
	ns->group = c->egid;
	ns->setgroups_denied = parent->setgroups_denied;
	ns->parent_setfcap = own_capable(CAP_SETFCAP);
	ns->max_processes = current->signal->rlim[RLIMIT_NPROC].cur;
	*made = ns;
	return 0;
}

void user_ns_free(struct namespace *n)
{
	struct user_ns *ns = container_of(n, struct user_ns, ns);

	for (unsigned int i = 0; i < NR_MAPS; i++)
		kfree(ns->map[i].ranges);
	kfree(ns);
}

/* Is it one that this user, in `from`, has made there, or one further below? */
static bool made_from(const struct user_ns *ns, const struct user_ns *from, u32 euid)
{
	while (ns->parent && ns->parent != from)
		ns = ns->parent;
	return ns->parent && ns->owner == euid;
}

void user_ns_enter(struct task *t, struct user_ns *ns)
{
	struct user_ns *old = t->user_ns;
	struct cred *c = &t->cred;

	/* Who comes into another's brings what is not for that one to see (commit_creds); its maker's own he rules anyway. */
	if (t == current && !made_from(ns, old, c->euid)) {
		t->signal->dumpable = false;
		t->pdeath_signal = 0;
	}
	ns_get(&ns->ns);
	t->user_ns = ns;
	if (old)
		ns_put(&old->ns);
	c->securebits = 0;
	c->cap_inheritable = c->cap_ambient = 0;
	c->cap_permitted = c->cap_effective = c->cap_bset = ALL_CAPS;
	/* Not for who has lent it the memory. */
	if (t->mm && !mm_is_shared(t))
		t->mm->unprivileged = ns != &init_user_ns;
}

/* Who counts as that user in that namespace: what is further below counts for its maker. */
static bool counts_as(const struct task *t, const struct user_ns *ns, u32 uid)
{
	const struct user_ns *at = t->user_ns;
	u32 id = t->cred.uid;

	while (at->level > ns->level) {
		id = at->owner;
		at = at->parent;
	}
	return at == ns && id == uid;
}

bool user_ns_within(const struct task *t, u64 limit)
{
	u32 uid = t->cred.uid;

	for (const struct user_ns *ns = t->user_ns; ns; ns = ns->parent) {
		u64 n = 1;

		for_each_process(s) if (counts_as(s->leader, ns, uid)) n += s->nr_threads;
		if (n > limit)
			return false;
		limit = ns->max_processes;
		uid = ns->owner;
	}
	return true;
}

/* ------------------------------------------------------------------ /proc/PID/uid_map, gid_map, projid_map */

static unsigned int which_of(const struct pseudo_ref *r)
{
	return r->e->name[0] == 'u' ? MAP_UID : r->e->name[0] == 'g' ? MAP_GID : MAP_PROJID;
}

int show_id_map(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	const struct user_ns *ns = t ? t->user_ns : NULL, *seen = current->user_ns;
	const unsigned int which = which_of(r);

	if (!t)
		return -ESRCH;
	/* Who looks at its own sees it as its parent has it. */
	if (seen == ns && seen->parent)
		seen = seen->parent;
	for (u32 i = 0; i < ns->map[which].nr; i++) {
		const struct id_range *range = &ns->map[which].ranges[i];

		out_printf(out, "%10u %10u %10u\n", range->first, map_up(seen, which, range->lower),
			   range->count);
	}
	return 0;
}

/* The next number of the line, as u32. False: there is none. */
static bool next_number(char **text, u32 *value)
{
	char *p = *text, *end;
	long n;

	while (*p == ' ' || *p == '\t')
		p++;
	for (end = p; *end && *end != ' ' && *end != '\t' && *end != '\n';)
		end++;
	if (end == p || *p == '-')
		return false;
	if (*end)
		*end++ = '\0';
	*text = end;
	if (parse_long(p, &n))
		return false;
	*value = (u32)n;
	return true;
}

static bool overlaps(const struct id_map *m, const struct id_range *r)
{
	for (u32 i = 0; i < m->nr; i++) {
		const struct id_range *o = &m->ranges[i];

		if ((o->first <= r->first + (r->count - 1) &&
		     r->first <= o->first + (o->count - 1)) ||
		    (o->lower <= r->lower + (r->count - 1) &&
		     r->lower <= o->lower + (o->count - 1)))
			return true;
	}
	return false;
}

/* One line after the other. -EINVAL. */
static int parse_map(char *text, struct id_map *m)
{
	while (*text) {
		char *end = strchr(text, '\n'), *line = text;
		struct id_range r;

		text = end ? end + 1 : text + strlen(text);
		if (end)
			*end = '\0';
		if (!next_number(&line, &r.first) || !next_number(&line, &r.lower) ||
		    !next_number(&line, &r.count))
			return -EINVAL;
		while (*line == ' ' || *line == '\t')
			line++;
		if (*line || r.first == NO_ID || r.lower == NO_ID || !r.count ||
		    r.first + r.count <= r.first || r.lower + r.count <= r.lower ||
		    m->nr == MAX_RANGES || overlaps(m, &r))
			return -EINVAL;
		m->ranges[m->nr++] = r;
	}
	return m->nr ? 0 : -EINVAL;
}

/* May the running program map root of the parent? */
static bool may_map_root(const struct user_ns *ns, const struct id_map *m)
{
	bool root = false;

	for (u32 i = 0; i < m->nr; i++)
		root |= !m->ranges[i].lower;
	if (!root)
		return true;
	return current->user_ns == ns ? ns->parent_setfcap : ns_capable(ns->parent, CAP_SETFCAP);
}

static bool may_map(const struct user_ns *ns, unsigned int which, const struct id_map *m)
{
	const struct cred *c = &current->cred;
	const struct id_range *r = &m->ranges[0];

	if (which == MAP_UID && !may_map_root(ns, m))
		return false;
	/* Oneself, which gives nobody anything. */
	if (m->nr == 1 && r->count == 1 && ns->owner == c->euid) {
		if (which == MAP_UID && map_down(ns->parent, which, r->lower) == c->euid)
			return true;
		if (which == MAP_GID && ns->setgroups_denied &&
		    map_down(ns->parent, which, r->lower) == c->egid)
			return true;
	}
	return which == MAP_PROJID ||
	       ns_capable(ns->parent, which == MAP_UID ? CAP_SETUID : CAP_SETGID);
}

/* Both ends of each range are of one in the parent. -EPERM. */
static int lower_map(const struct user_ns *parent, unsigned int which, struct id_map *m)
{
	const struct id_map *up = &parent->map[which];

	for (u32 i = 0; i < m->nr; i++) {
		struct id_range *r = &m->ranges[i];
		u32 k = 0;

		while (k < up->nr &&
		       (r->lower - up->ranges[k].first >= up->ranges[k].count ||
			r->lower - up->ranges[k].first + (r->count - 1) >= up->ranges[k].count))
			k++;
		if (k == up->nr)
			return -EPERM;
		r->lower = up->ranges[k].lower + (r->lower - up->ranges[k].first);
	}
	return 0;
}

int store_id_map(const struct pseudo_ref *r, char *text, size_t n)
{
	const struct task *t = proc_task(r);
	const unsigned int which = which_of(r);
	struct user_ns *ns = t ? t->user_ns : NULL;
	struct id_map m = {0};
	int err;

	if (!t)
		return -ESRCH;
	if (!ns->parent || (current->user_ns != ns && current->user_ns != ns->parent))
		return -EPERM;
	if (n >= PAGE_SIZE - 1)
		return -EINVAL;
	if (ns->map[which].nr || (which != MAP_PROJID && !ns_capable(ns, CAP_SYS_ADMIN)))
		return -EPERM;
	m.ranges = kmalloc(MAX_RANGES * sizeof(m.ranges[0]), GFP_KERNEL);
	if (!m.ranges)
		return -ENOMEM;
	err = parse_map(text, &m);
	if (!err && !may_map(ns, which, &m))
		err = -EPERM;
	if (!err)
		err = lower_map(ns->parent, which, &m);
	if (err)
		kfree(m.ranges);
	else
		publish(&ns->map[which], &m);
	return err;
}

/* ------------------------------------------------------------------ /proc/PID/setgroups */

int show_setgroups(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	if (!t)
		return -ESRCH;
	out_puts(out, t->user_ns->setgroups_denied ? "deny\n" : "allow\n");
	return 0;
}

int store_setgroups(const struct pseudo_ref *r, char *text, size_t n)
{
	const struct task *t = proc_task(r);
	bool deny;

	if (!t)
		return -ESRCH;
	deny = !strncmp(text, "deny", 4);
	if (n >= 8 || (!deny && strncmp(text, "allow", 5) != 0))
		return -EINVAL;
	for (text += deny ? 4 : 5; *text; text++)
		if (*text != ' ' && *text != '\n' && *text != '\t')
			return -EINVAL;
	if (!ns_capable(t->user_ns, CAP_SYS_ADMIN))
		return -EACCES;
	if (deny ? t->user_ns->map[MAP_GID].nr && !t->user_ns->setgroups_denied
		 : t->user_ns->setgroups_denied)
		return -EPERM;
	t->user_ns->setgroups_denied = deny;
	return 0;
}
