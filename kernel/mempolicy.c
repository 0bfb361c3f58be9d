// SPDX-License-Identifier: MIT
/*
 * System calls on memory policies and on which node a page is (Linux: mm/mempolicy.c, mm/migrate.c): arguments and errors as Linux 6.12 has
 * them, mm/vm/mempolicy.c does the rest. A task's policy is the task's, and its children's.
 *
 * Locking: kernel_lock.
 */
#include <quire/mempolicy.h>
#include <quire/page.h>

#include "pid.h"
#include "proc.h"
#include "syscall.h"

/* Nodes that Debian's arm64 kernel can have (CONFIG_NODES_SHIFT): what masks are about. */
#define ABI_NODES 16UL

static struct mempolicy *policy_of_current(void)
{
	return current ? current->mempolicy : NULL;
}

void mempolicy_init(void)
{
	mpol_of_task = policy_of_current;
}

/* ------------------------------------------------------------------ masks */

/* One word of a mask, of which so many bits count. */
static int get_word(unsigned long at, unsigned long bits, u64 *word)
{
	if (copy_from_user(word, at, sizeof(*word)))
		return -EFAULT;
	if (bits % 64)
		*word &= BIT(bits % 64) - 1;
	return 0;
}

/* The nodes of a mask of the program's, of max - 1 bits; beyond those that there can be nothing may be set. */
static int get_nodes(unsigned long mask, unsigned long max, u64 *nodes)
{
	*nodes = 0;
	if (!--max || !mask)
		return 0;
	if (max > PAGE_SIZE * 8)
		return -EINVAL;
	while (max > ABI_NODES) {
		unsigned long bits = min(max, 64UL);
		u64 word;

		if (get_word(mask + (max - 1) / 64 * 8, bits, &word))
			return -EFAULT;
		if (max - bits >= ABI_NODES) {
			max -= bits;
		} else {
			max = ABI_NODES;
			word &= ~(BIT(ABI_NODES) - 1);
		}
		if (word)
			return -EINVAL;
	}
	return get_word(mask, max, nodes);
}

static unsigned int nr_node_ids(void)
{
	unsigned int n = MAX_NUMNODES;

	while (n > 1 && !(node_online_mask >> (n - 1) & 1))
		n--;
	return n;
}

static int put_nodes(unsigned long mask, unsigned long max, u64 nodes)
{
	unsigned long bytes = ALIGN(max - 1, 64) / 8;

	if (bytes > sizeof(nodes)) {
		if (bytes > PAGE_SIZE)
			return -EINVAL;
		if (clear_user(mask + sizeof(nodes), bytes - sizeof(nodes)))
			return -EFAULT;
		bytes = sizeof(nodes);
	}
	return copy_to_user(mask, &nodes, bytes);
}

/* ------------------------------------------------------------------ text */

void nodes_show(struct out *out, u64 nodes)
{
	const char *between = "";

	while (nodes) {
		unsigned int first = (unsigned int)__builtin_ctzll(nodes), last = first;

		while (last < 63 && nodes >> (last + 1) & 1)
			last++;
		out_printf(out, last > first ? "%s%u-%u" : "%s%u", between, first, last);
		nodes = last == 63 ? 0 : nodes >> (last + 1) << (last + 1);
		between = ",";
	}
}

void mpol_show(struct out *out, const struct mempolicy *pol)
{
	static const char *const names[MPOL_MAX] = {"default",
						    "prefer",
						    "bind",
						    "interleave",
						    "local",
						    "prefer (many)",
						    "weighted interleave"};
	unsigned int flags = pol ? pol->flags : 0;

	out_puts(out, names[pol ? pol->mode : MPOL_DEFAULT]);
	if (flags) {
		out_puts(out, "=");
		out_puts(out, flags & MPOL_F_STATIC_NODES     ? "static"
			      : flags & MPOL_F_RELATIVE_NODES ? "relative"
							      : "");
		if (flags & MPOL_F_NUMA_BALANCING)
			out_puts(out, flags & (flags - 1) ? "|balancing" : "balancing");
	}
	if (pol && pol->nodes) {
		out_puts(out, ":");
		nodes_show(out, pol->nodes);
	}
}

/* ------------------------------------------------------------------ policies */

long call_set_mempolicy(const struct syscall_args *r)
{
	int mode = (int)r->a[0], err = mpol_check_mode(mode);
	struct mempolicy *pol;
	u64 nodes;

	if (!err)
		err = get_nodes(r->a[1], r->a[2], &nodes);
	if (err)
		return err;
	pol = mpol_new(mode, nodes, &err);
	if (err)
		return err;
	mpol_put(current->mempolicy);
	current->mempolicy = pol;
	return 0;
}

/* MPOL_F_ADDR | MPOL_F_NODE: where the page at addr is, which comes if it is not there. */
static int node_of_page(unsigned long addr)
{
	struct page *page = get_user_page(current->mm, addr, false);
	int nid;

	if (!page)
		return -EFAULT;
	nid = page_to_nid(page);
	user_page_put(page);
	return nid;
}

/* Of the policy: what get_mempolicy tells. pol NULL: the default one. */
static int describe(const struct mempolicy *pol, unsigned long addr, unsigned long flags, int *mode,
		    u64 *nodes)
{
	*mode = pol ? pol->mode | pol->flags : MPOL_DEFAULT;
	*nodes = pol ? (pol->flags ? pol->user_nodes : pol->nodes) : 0;
	if (!(flags & MPOL_F_NODE))
		return 0;
	if (flags & MPOL_F_ADDR) {
		*mode = node_of_page(addr);
		return *mode < 0 ? *mode : 0;
	}
	if (!pol || (pol->mode != MPOL_INTERLEAVE && pol->mode != MPOL_WEIGHTED_INTERLEAVE))
		return -EINVAL;
	/* The next in turn: pages of areas take theirs by place, so it is always the first. */
	*mode = __builtin_ctzll(pol->nodes);
	return 0;
}

long call_get_mempolicy(const struct syscall_args *r)
{
	unsigned long policy = r->a[0], mask = r->a[1], max = r->a[2],
		      addr = untagged_addr(r->a[3]), flags = r->a[4];
	struct mempolicy *pol = NULL;
	bool mapped = true;
	int mode = 0, err = 0;
	u64 nodes = 0;

	if ((mask && max < nr_node_ids()) ||
	    flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
		nodes = nodes_with_memory();
	} else {
		if (flags & MPOL_F_ADDR)
			pol = vm_area_policy(current->mm, addr, &mapped);
		else if (addr)
			return -EINVAL;
		else
			pol = mpol_get(current->mempolicy);
		err = mapped ? describe(pol, addr, flags, &mode, &nodes) : -EFAULT;
		mpol_put(pol);
	}
	if (err)
		return err;
	if (policy && copy_to_user(policy, &mode, sizeof(mode)))
		return -EFAULT;
	return mask ? put_nodes(mask, max, nodes) : 0;
}

/* [start, start + len) in whole pages: 1; 0: empty; or -EINVAL. */
static int check_range(unsigned long start, unsigned long *len)
{
	if (start & (PAGE_SIZE - 1))
		return -EINVAL;
	*len = PAGE_ALIGN(*len);
	return start + *len < start ? -EINVAL : *len != 0;
}

long call_mbind(const struct syscall_args *r)
{
	unsigned long start = untagged_addr(r->a[0]), len = r->a[1], flags = (u32)r->a[5];
	int mode = (int)r->a[2], err = mpol_check_mode(mode);
	struct mempolicy *pol;
	u64 nodes;

	if (!err)
		err = get_nodes(r->a[3], r->a[4], &nodes);
	if (err)
		return err;
	if (flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !capable(CAP_SYS_NICE))
		return -EPERM;
	err = check_range(start, &len);
	if (err <= 0)
		return err;
	pol = mpol_new(mode, nodes, &err);
	if (!err)
		err = vm_mbind(current->mm, start, len, pol, nodes, flags);
	mpol_put(pol);
	return err;
}

long call_set_mempolicy_home_node(const struct syscall_args *r)
{
	unsigned long start = untagged_addr(r->a[0]), len = r->a[1], node = r->a[2];
	int err;

	if (start & (PAGE_SIZE - 1) || r->a[3])
		return -EINVAL;
	if (node >= ABI_NODES || !(node_online_mask >> node & 1))
		return -EINVAL;
	err = check_range(start, &len);
	return err <= 0 ? err : vm_set_home_node(current->mm, start, len, (int)node);
}

/* ------------------------------------------------------------------ moving */

/* The address space of that process (0: one's own), with a reference; or NULL and *err. */
static struct mm_struct *get_mm(int pid, int *err)
{
	const struct task *t = pid ? task_find_v(pid) : current;
	const struct cred *c = &current->cred;

	*err = -ESRCH;
	if (!t)
		return NULL;
	*err = -EPERM;
	if (t != current && !capable(CAP_SYS_PTRACE) &&
	    (c->uid != t->cred.uid || c->uid != t->cred.euid || c->uid != t->cred.suid))
		return NULL;
	*err = t->mm ? 0 : -EINVAL;
	if (t->mm)
		mmget(t->mm);
	return t->mm;
}

long call_migrate_pages(const struct syscall_args *r)
{
	u64 from, to, there = nodes_with_memory();
	struct mm_struct *mm;
	int err;
	long ret;

	err = get_nodes(r->a[2], r->a[1], &from);
	if (!err)
		err = get_nodes(r->a[3], r->a[1], &to);
	if (err)
		return err;
	mm = get_mm((int)r->a[0], &err);
	if (err == -ESRCH || err == -EPERM)
		return err;
	if (to & ~there && !capable(CAP_SYS_NICE))
		ret = -EPERM;
	else if (!(to & there) || !mm)
		ret = -EINVAL;
	else
		ret = vm_migrate_nodes(mm, from, to & there, capable(CAP_SYS_NICE));
	if (mm)
		mm_put_unlocked(mm);
	return ret;
}

/* One page of move_pages. 0, an error, or how many pages are left. */
static long move_one(struct mm_struct *mm, const struct syscall_args *r, unsigned long i)
{
	unsigned long count = r->a[1], nodes = r->a[3];
	int node = -1, status;
	u64 addr;

	if (get_user(addr, r->a[2] + i * 8))
		return -EFAULT;
	if (nodes) {
		if (get_user(node, nodes + i * 4))
			return -EFAULT;
		if (node < 0 || node >= (int)ABI_NODES || !(nodes_with_memory() >> node & 1))
			return -ENODEV;
	}
	status = vm_move_page(mm, untagged_addr(addr), node, r->a[5] & MPOL_MF_MOVE_ALL);
	if (status == -EAGAIN)
		return (long)(count - i);
	return put_user(status, r->a[4] + i * 4) ? -EFAULT : 0;
}

long call_move_pages(const struct syscall_args *r)
{
	unsigned long flags = (u32)r->a[5];
	struct mm_struct *mm;
	long ret = 0;
	int err;

	if (flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !capable(CAP_SYS_NICE))
		return -EPERM;
	mm = get_mm((int)r->a[0], &err);
	if (!mm)
		return err;
	for (unsigned long i = 0; i < r->a[1] && !ret && !fatal_signal_pending(); i++) {
		ret = move_one(mm, r, i);
		/* The arrays may be one page, seen a million times: the others go on meanwhile. */
		if (i % 512 == 511)
			sched_relax();
	}
	mm_put_unlocked(mm);
	return ret;
}
