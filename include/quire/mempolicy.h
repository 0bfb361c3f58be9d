/* SPDX-License-Identifier: MIT */
/*
 * Memory policies: of which nodes pages of an area, or of a task, shall be (mm/vm/mempolicy.c; Linux: include/linux/mempolicy.h,
 * include/uapi/linux/mempolicy.h; values of 6.12).
 */
#ifndef QUIRE_MEMPOLICY_H
#define QUIRE_MEMPOLICY_H

#include <quire/mm.h>

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

/* Does not change once it is somebody's. No policy (NULL) is MPOL_DEFAULT. */
struct mempolicy {
	s32 users;
	u16 mode, flags; /* flags: MPOL_F_*_NODES, MPOL_F_NUMA_BALANCING */
	s16 home_node;	 /* NUMA_NO_NODE: none */
	u64 nodes;	 /* bits: those that it means */
	u64 user_nodes;	 /* as they were asked for */
};

/* Bits: nodes that have memory. */
u64 nodes_with_memory(void);
/*
 * mode: MPOL_* with flags. A policy with one user, or NULL: MPOL_DEFAULT. *err: 0; -EINVAL: there is no such policy; -ENOMEM. (Linux:
 * sanitize_mpol_flags, mpol_new, mpol_set_nodemask.)
 */
struct mempolicy *mpol_new(int mode, u64 nodes, int *err);
/* The first of these errors that mode and its flags have on their own: 0, -EINVAL. */
int mpol_check_mode(int mode);
/* A use more, and one less, with which the last one frees it. NULL is taken. Any context. */
struct mempolicy *mpol_get(struct mempolicy *pol);
void mpol_put(struct mempolicy *pol);
/* Do they mean the same, so that areas may join? NULL is taken. */
bool mpol_equal(const struct mempolicy *a, const struct mempolicy *b);
/* The running task's policy, or NULL; the floor of tasks fills it in. */
extern struct mempolicy *(*mpol_of_task)(void);
/* Some area or task has, or had, a policy: without one nobody is asked. */
extern bool mpol_in_use;

/* 2^order pages for a fault at addr, by the area's policy, else the task's. Within vma_start_read. NULL: none. */
struct page *vma_alloc_pages(const struct vm_area_struct *vma, unsigned long addr, gfp_t gfp,
			     unsigned int order);

/*
 * Linux: do_mbind. pol: whose reference stays the caller's, NULL: none; nodes: as asked for. mode flags of mbind: MPOL_MF_*. 0, -EFAULT: a hole; -EIO:
 * pages are elsewhere (MPOL_MF_STRICT); -ENOMEM.
 */
int vm_mbind(struct mm_struct *mm, unsigned long start, unsigned long len, struct mempolicy *pol,
	     u64 nodes, unsigned long flags);
/* Linux: set_mempolicy_home_node. 0, -ENOENT: no area has a policy; -EOPNOTSUPP, -ENOMEM. */
int vm_set_home_node(struct mm_struct *mm, unsigned long start, unsigned long len, int node);
/* The policy of the area at addr, with a reference; *mapped: is there an area? */
struct mempolicy *vm_area_policy(struct mm_struct *mm, unsigned long addr, bool *mapped);
/* Pages that are on a node of `from` go to the node of `to` that answers to it. Returns how many did not, or an error. all: shared ones too. */
long vm_migrate_nodes(struct mm_struct *mm, u64 from, u64 to, bool all);
/*
 * Move the page at addr to node; node < 0: just say where it is. Returns the node; -ENOENT: no page; -EFAULT: no area, or the zero page; -EACCES:
 * shared, and not all; -EBUSY: somebody is at it; -EAGAIN: it could not be moved.
 */
int vm_move_page(struct mm_struct *mm, unsigned long addr, int node, bool all);

#endif
