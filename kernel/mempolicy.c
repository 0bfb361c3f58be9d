// SPDX-License-Identifier: MIT
/*
 * Memory policies as a machine of one node has them (Linux: mm/mempolicy.c): every request is looked at and refused as Linux 6.12 does,
 * and what is left can only be met by the one node that there is. A process has one policy; areas have none of their own.
 *
 * Locking: kernel_lock.
 */
#include <quire/mm.h>
#include <quire/string.h>

#include "syscall.h"

enum {
	MPOL_DEFAULT,
	MPOL_PREFERRED,
	MPOL_BIND,
	MPOL_INTERLEAVE,
	MPOL_LOCAL,
	MPOL_PREFERRED_MANY,
	MPOL_WEIGHTED_INTERLEAVE,
	MPOL_MAX
};
#define MPOL_F_STATIC_NODES (1 << 15)
#define MPOL_F_RELATIVE_NODES (1 << 14)
#define MPOL_F_NUMA_BALANCING (1 << 13)
#define MPOL_MODE_FLAGS (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING)
#define MPOL_F_NODE 1UL
#define MPOL_F_ADDR 2UL
#define MPOL_F_MEMS_ALLOWED 4UL
#define MPOL_MF_STRICT 1UL
#define MPOL_MF_MOVE 2UL
#define MPOL_MF_MOVE_ALL 4UL

/* The nodes that a mask of the program's names: bit 0 is the one there is. 0 or an error. */
static int get_nodes(unsigned long mask, unsigned long max, u64 *nodes)
{
	u64 word;

	*nodes = 0;
	if (!--max || !mask)
		return 0;
	if (max > PAGE_SIZE * 8)
		return -EINVAL;
	for (unsigned long i = 0; i < max; i += 64) {
		if (copy_from_user(&word, mask + i / 8, sizeof(word)))
			return -EFAULT;
		if (max - i < 64)
			word &= BIT(max - i) - 1;
		/* Linux knows 64 nodes; more than that must not be asked for. */
		if (i && word)
			return -EINVAL;
		if (!i)
			*nodes = word;
	}
	return 0;
}

/* May a policy be so? Returns the mode with its flags as it is kept, or an error. */
static int check_policy(int mode, u64 nodes)
{
	int flags = mode & MPOL_MODE_FLAGS, how = flags & ~MPOL_F_NUMA_BALANCING;

	mode &= ~MPOL_MODE_FLAGS;
	if ((unsigned int)mode >= MPOL_MAX || how == (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	if (flags & MPOL_F_NUMA_BALANCING && mode != MPOL_BIND && mode != MPOL_PREFERRED_MANY)
		return -EINVAL;
	switch (mode) {
	case MPOL_DEFAULT:
		return nodes ? -EINVAL : MPOL_DEFAULT;
	case MPOL_LOCAL:
		return nodes || how ? -EINVAL : MPOL_LOCAL;
	case MPOL_PREFERRED:
		if (!nodes)
			return how ? -EINVAL : MPOL_LOCAL;
	}
	/* Numbers that are relative are folded onto what there is. */
	if (!nodes || (!(how & MPOL_F_RELATIVE_NODES) && !(nodes & 1)))
		return -EINVAL;
	return mode | flags;
}

long call_set_mempolicy(const struct syscall_args *r)
{
	u64 nodes;
	int err = get_nodes(r->a[1], r->a[2], &nodes), mode;

	if (err)
		return err;
	mode = check_policy((int)r->a[0], nodes);
	if (mode < 0)
		return mode;
	current->mm->mempolicy = (u32)mode;
	return 0;
}

static bool has_nodes(u32 mode)
{
	mode &= ~(u32)MPOL_MODE_FLAGS;
	return mode != MPOL_DEFAULT && mode != MPOL_LOCAL;
}

long call_get_mempolicy(const struct syscall_args *r)
{
	unsigned long policy = r->a[0], mask = r->a[1], max = r->a[2],
		      addr = untagged_addr(r->a[3]);
	unsigned long flags = r->a[4];
	int mode = (int)current->mm->mempolicy;
	u64 nodes = has_nodes((u32)mode), zero = 0;

	if ((mask && max < 1) || flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
		mode = 0;
		nodes = 1;
	} else if (flags & MPOL_F_ADDR) {
		if (!vm_is_mapped(current->mm, addr, 1))
			return -EFAULT;
		if (flags & MPOL_F_NODE) {
			char byte;

			/* Whatever page comes is the node's. */
			if (copy_from_user(&byte, addr, 1))
				return -EFAULT;
			mode = 0;
		}
	} else if (addr) {
		return -EINVAL;
	} else if (flags & MPOL_F_NODE) {
		if (mode != MPOL_INTERLEAVE && mode != MPOL_WEIGHTED_INTERLEAVE)
			return -EINVAL;
		mode = 0;
	}
	if (policy && copy_to_user(policy, &mode, sizeof(mode)))
		return -EFAULT;
	if (!mask)
		return 0;
	for (unsigned long i = 0; i < DIV_ROUND_UP(max - 1, 64); i++)
		if (copy_to_user(mask + i * 8, i ? &zero : &nodes, 8))
			return -EFAULT;
	return 0;
}

long call_mbind(const struct syscall_args *r)
{
	unsigned long start = untagged_addr(r->a[0]), end = start + PAGE_ALIGN(r->a[1]);
	unsigned long flags = r->a[5];
	u64 nodes;
	int err = get_nodes(r->a[3], r->a[4], &nodes), mode = (int)r->a[2];

	if (err)
		return err;
	if (flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (start & (PAGE_SIZE - 1) || end < start)
		return -EINVAL;
	if ((unsigned int)(mode & ~MPOL_MODE_FLAGS) >= MPOL_MAX)
		return -EINVAL;
	if (end == start)
		return 0;
	mode = check_policy(mode, nodes);
	if (mode < 0)
		return mode;
	return mode == MPOL_DEFAULT || vm_is_whole(current->mm, start, end - start) ? 0 : -EFAULT;
}
