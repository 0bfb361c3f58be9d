// SPDX-License-Identifier: MIT
/*
 * Memory policies: of which nodes pages come, and moving those that are elsewhere.
 *
 * An area has a policy or not, a task has one or not (mpol_of_task); a fault goes by the area's, else the task's, else takes what is near. A
 * policy does not change: areas share it by references, a change puts another one in its place. Whether two areas join
 * asks for equal policies, not for the same. Of interleaved memory the page's index says the node.
 *
 * Locking: mmap_lock over areas' policies; a fault reads its area's within vma_start_read, so that who changes it waits. A task's is changed by
 * itself alone. Pages are isolated under mmap_lock and moved without it, since the mover only tries locks (mm/vm/rmap.c).
 *
 * Against Linux 6.12: a policy of shared memory belongs to the file there, so that others who map it get it too; here to the area that
 * mbind was said of. Weights of MPOL_WEIGHTED_INTERLEAVE are all 1, Linux's default.
 */
#include <quire/mempolicy.h>
#include <quire/migrate.h>
#include <quire/pagewalk.h>
#include <quire/slab.h>

#include "internal.h"

struct mempolicy *(*mpol_of_task)(void);
bool mpol_in_use;

/* ------------------------------------------------------------------ policies */

u64 nodes_with_memory(void)
{
	u64 nodes = 0;
	int nid;

	for_each_online_node(nid) if (node_data[nid]->node_present_pages) nodes |= BIT(nid);
	return nodes;
}

/* The n-th of the nodes, which are some. */
static int nth_node(u64 nodes, unsigned int n)
{
	for (; n; n--)
		nodes &= nodes - 1;
	return __builtin_ctzll(nodes);
}

static unsigned int weight(u64 nodes)
{
	unsigned int n = 0;

	for (; nodes; nodes &= nodes - 1)
		n++;
	return n;
}

/* Numbers that count from the first node that there is: folded onto as many as there are. */
static u64 relative_nodes(u64 asked, u64 there)
{
	unsigned int n = weight(there);
	u64 nodes = 0;

	for (; asked; asked &= asked - 1)
		nodes |= BIT(nth_node(there, (unsigned int)__builtin_ctzll(asked) % n));
	return nodes;
}

int mpol_check_mode(int mode)
{
	int flags = mode & MPOL_MODE_FLAGS;

	mode &= ~MPOL_MODE_FLAGS;
	if ((unsigned int)mode >= MPOL_MAX ||
	    (flags & MPOL_F_STATIC_NODES && flags & MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	if (flags & MPOL_F_NUMA_BALANCING && mode != MPOL_BIND && mode != MPOL_PREFERRED_MANY)
		return -EINVAL;
	return 0;
}

/* What the policy means by nodes. 0, -EINVAL. */
static int set_nodes(struct mempolicy *pol, u64 asked)
{
	u64 there = nodes_with_memory(), nodes;

	if (pol->mode == MPOL_LOCAL)
		return 0;
	nodes = pol->flags & MPOL_F_RELATIVE_NODES ? relative_nodes(asked, there) : asked & there;
	if (pol->flags)
		pol->user_nodes = asked;
	if (!nodes)
		return -EINVAL;
	pol->nodes = pol->mode == MPOL_PREFERRED ? nodes & -nodes : nodes;
	return 0;
}

struct mempolicy *mpol_new(int mode, u64 nodes, int *err)
{
	u16 flags = (u16)(mode & MPOL_MODE_FLAGS);
	int where = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);
	struct mempolicy *pol;

	*err = mpol_check_mode(mode);
	if (*err)
		return NULL;
	mode &= ~MPOL_MODE_FLAGS;
	*err = -EINVAL;
	if (mode == MPOL_DEFAULT) {
		*err = nodes ? -EINVAL : 0;
		return NULL;
	}
	if (mode == MPOL_PREFERRED && !nodes) {
		if (where)
			return NULL;
		mode = MPOL_LOCAL;
	} else if (mode == MPOL_LOCAL) {
		if (nodes || where)
			return NULL;
	} else if (!nodes) {
		return NULL;
	}
	pol = kmalloc(sizeof(*pol), GFP_KERNEL);
	*err = -ENOMEM;
	if (!pol)
		return NULL;
	*pol = (struct mempolicy){
		.users = 1, .mode = (u16)mode, .flags = flags, .home_node = NUMA_NO_NODE};
	*err = set_nodes(pol, nodes);
	if (*err) {
		kfree(pol);
		return NULL;
	}
	__atomic_store_n(&mpol_in_use, true, __ATOMIC_RELAXED);
	return pol;
}

struct mempolicy *mpol_get(struct mempolicy *pol)
{
	if (pol)
		__atomic_fetch_add(&pol->users, 1, __ATOMIC_RELAXED);
	return pol;
}

void mpol_put(struct mempolicy *pol)
{
	if (pol && !__atomic_sub_fetch(&pol->users, 1, __ATOMIC_ACQ_REL))
		kfree(pol);
}

bool mpol_equal(const struct mempolicy *a, const struct mempolicy *b)
{
	if (a == b)
		return true;
	return a && b && a->mode == b->mode && a->flags == b->flags &&
	       a->home_node == b->home_node && a->nodes == b->nodes &&
	       a->user_nodes == b->user_nodes;
}

/* ------------------------------------------------------------------ pages by them */

/* index: of the page, where pages take turns. */
static struct page *alloc_by_policy(const struct mempolicy *pol, unsigned long index, gfp_t gfp,
				    unsigned int order)
{
	nodemask_t nodes = {{pol->nodes}};
	int nid = pol->home_node == NUMA_NO_NODE ? numa_node_id() : pol->home_node;
	struct page *page;

	switch (pol->mode) {
	case MPOL_PREFERRED:
		return __alloc_pages(gfp, order, nth_node(pol->nodes, 0), NULL);
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		nid = nth_node(pol->nodes, (unsigned int)(index % weight(pol->nodes)));
		return __alloc_pages(gfp, order, nid, NULL);
	case MPOL_BIND:
		return __alloc_pages(gfp, order, nid, &nodes);
	case MPOL_PREFERRED_MANY:
		page = __alloc_pages((gfp | __GFP_NOWARN) & ~__GFP_DIRECT_RECLAIM, order, nid,
				     &nodes);
		return page ? page : __alloc_pages(gfp, order, nid, NULL);
	}
	return __alloc_pages(gfp, order, numa_node_id(), NULL);
}

struct page *vma_alloc_pages(const struct vm_area_struct *vma, unsigned long addr, gfp_t gfp,
			     unsigned int order)
{
	const struct mempolicy *pol = NULL;

	if (unlikely(__atomic_load_n(&mpol_in_use, __ATOMIC_RELAXED))) {
		pol = vma->vm_policy;
		if (!pol && mpol_of_task)
			pol = mpol_of_task();
	}
	return pol ? alloc_by_policy(pol, linear_page_index(vma, addr) >> order, gfp, order)
		   : alloc_pages(gfp, order);
}

/* ------------------------------------------------------------------ moving */

/* Where pages go. */
struct target {
	const struct mempolicy *pol; /* NULL: */
	int nid;
};

static struct folio *new_page(struct folio *src, unsigned long private)
{
	const struct target *t = (const struct target *)private;
	const gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_NOWARN | __GFP_COMP;
	struct page *page;

	if (t->pol)
		page = alloc_by_policy(t->pol, page_index(&src->page), gfp | __GFP_RETRY_MAYFAIL,
				       folio_order(src));
	else
		page = __alloc_pages(gfp | __GFP_THISNODE, folio_order(src), t->nid, NULL);
	return (struct folio *)page;
}

/* What is to be moved of a range. */
struct wanted {
	u64 nodes; /* pages on these */
	bool move, all;
	long failed; /* pages that are there and are not isolated */
	struct page_list pages;
};

/* mmap_lock. */
static void queue_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			struct wanted *w)
{
	bool movable = !(vma->vm_flags & (VM_IO | VM_PFNMAP));
	unsigned long addr, next;

	for (addr = start; addr < end; addr = next) {
		struct mapped_page m;
		struct folio *folio;

		if (!vm_mapped_page(vma->vm_mm, addr, end, &m, &next) || !m.page ||
		    PageReserved(m.page) || !(w->nodes >> page_to_nid(m.page) & 1))
			continue;
		if (!w->move || !movable) {
			w->failed++;
			continue;
		}
		/* What others use as well is not for one to move, unless he may. */
		if (m.mapcount > 1 && !w->all)
			continue;
		/* Who isolates a page of a block splits it under mmap_lock, which is held here. */
		if (m.size > PAGE_SIZE && huge_split_at(vma->vm_mm, addr)) {
			next = addr;
			continue;
		}
		if (isolate_page_for_migration(m.page, MIGRATE_SYNC, &folio))
			page_list_add_tail(&w->pages, &folio->page);
		else
			w->failed++;
	}
}

/* Without mmap_lock. How many are left where they were, or -ENOMEM. */
static long move_queued(struct wanted *w, struct target *t)
{
	long left = 0;

	if (!page_list_empty(&w->pages))
		left = migrate_pages(&w->pages, new_page, NULL, (unsigned long)t, MIGRATE_SYNC,
				     MR_SYSCALL, NULL);
	putback_movable_pages(&w->pages);
	return left;
}

/* ------------------------------------------------------------------ areas */

/* Is there a hole in [start, end), or nothing at all? */
static bool has_hole(const struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct vm_area_struct *vma = vma_lookup(mm, start);

	while (vma && vma->vm_end < end)
		vma = vma->next && vma->next->vm_start == vma->vm_end ? vma->next : NULL;
	return !vma;
}

/* Each area of the range gets the policy. 0, -ENOMEM. */
static int set_policy(struct mm_struct *mm, unsigned long start, unsigned long end,
		      struct mempolicy *pol)
{
	struct vm_area_struct *vma = find_vma(mm, start);

	while (vma && vma->vm_start < end) {
		unsigned long from = max(start, vma->vm_start), to = min(end, vma->vm_end);

		if (!mpol_equal(vma->vm_policy, pol) && !vma_modify_policy(vma, from, to, pol))
			return -ENOMEM;
		vma = to < end ? find_vma(mm, to) : NULL;
	}
	return 0;
}

int vm_mbind(struct mm_struct *mm, unsigned long start, unsigned long len, struct mempolicy *pol,
	     u64 nodes, unsigned long flags)
{
	struct wanted w = {.nodes = ~nodes,
			   .move = flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL),
			   .all = flags & MPOL_MF_MOVE_ALL};
	unsigned long end = start + len;
	struct vm_area_struct *vma;
	struct target t = {.pol = pol, .nid = numa_node_id()};
	long left = 0;
	int err = 0;

	if (!pol)
		flags &= ~MPOL_MF_STRICT;
	mmap_write_lock(mm);
	vma = find_vma(mm, start);
	if (pol ? has_hole(mm, start, end) : !vma || vma->vm_start >= end)
		err = -EFAULT;
	if (!err && flags & (MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		for (; vma && vma->vm_start < end; vma = vma->next)
			queue_pages(vma, max(start, vma->vm_start), min(end, vma->vm_end), &w);
	if (!err && w.failed && flags & MPOL_MF_STRICT && !w.move)
		err = -EIO;
	if (!err)
		err = set_policy(mm, start, end, pol);
	mmap_write_unlock(mm);
	if (!err)
		left = move_queued(&w, &t);
	else
		putback_movable_pages(&w.pages);
	if (!err && (left || w.failed) && flags & MPOL_MF_STRICT)
		err = -EIO;
	return err;
}

int vm_set_home_node(struct mm_struct *mm, unsigned long start, unsigned long len, int node)
{
	unsigned long end = start + len, to;
	struct vm_area_struct *vma;
	int err = -ENOENT;

	mmap_write_lock(mm);
	for (vma = find_vma(mm, start); vma && vma->vm_start < end;
	     vma = to < end ? find_vma(mm, to) : NULL) {
		const struct mempolicy *old = vma->vm_policy;
		struct mempolicy *new;

		to = min(end, vma->vm_end);
		if (!old)
			continue;
		err = -EOPNOTSUPP;
		if (old->mode != MPOL_BIND && old->mode != MPOL_PREFERRED_MANY)
			break;
		err = -ENOMEM;
		new = kmalloc(sizeof(*new), GFP_KERNEL);
		if (!new)
			break;
		*new = *old;
		new->users = 1;
		new->home_node = (s16)node;
		err = set_policy(mm, max(start, vma->vm_start), to, new);
		mpol_put(new);
		if (err)
			break;
	}
	mmap_write_unlock(mm);
	return err;
}

struct mempolicy *vm_area_policy(struct mm_struct *mm, unsigned long addr, bool *mapped)
{
	struct mempolicy *pol = NULL;
	struct vm_area_struct *vma;

	mmap_write_lock(mm);
	vma = vma_lookup(mm, addr);
	*mapped = vma;
	if (vma)
		pol = mpol_get(vma->vm_policy);
	mmap_write_unlock(mm);
	return pol;
}

/* The place of the node among `from` is the place of what answers to it among `to`. */
static int remap(int node, u64 from, u64 to)
{
	unsigned int n = weight(to);

	return n ? nth_node(to, weight(from & (BIT(node) - 1)) % n) : node;
}

/* The next pair of nodes to move between, one that nothing is to leave any more if there is; false: none is left. */
static bool next_pair(u64 from, u64 to, u64 left, int *source, int *dest)
{
	bool found = false;

	for (int s = 0; s < MAX_NUMNODES; s++) {
		int d;

		if (!(left >> s & 1) || (weight(from) != weight(to) && (to >> s & 1)))
			continue;
		d = remap(s, from, to);
		if (s == d)
			continue;
		*source = s;
		*dest = d;
		found = true;
		if (!(left >> d & 1))
			break;
	}
	return found;
}

long vm_migrate_nodes(struct mm_struct *mm, u64 from, u64 to, bool all)
{
	u64 left = from;
	long failed = 0;
	int s, d;

	while (left && next_pair(from, to, left, &s, &d)) {
		struct wanted w = {.nodes = BIT(s), .move = true, .all = all};
		struct target t = {.nid = d};
		long err;

		left &= ~BIT(s);
		mmap_write_lock(mm);
		for (struct vm_area_struct *vma = mm->mmap; vma; vma = vma->next)
			queue_pages(vma, vma->vm_start, vma->vm_end, &w);
		mmap_write_unlock(mm);
		err = move_queued(&w, &t);
		if (err < 0)
			return err;
		failed += err + w.failed;
	}
	return failed;
}

int vm_move_page(struct mm_struct *mm, unsigned long addr, int node, bool all)
{
	struct wanted w = {.nodes = ~0ULL, .move = true, .all = all};
	struct target t = {.nid = node};
	struct vm_area_struct *vma;
	struct mapped_page m;
	unsigned long next;
	int ret = -EFAULT;

	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	mmap_write_lock(mm);
	vma = vma_lookup(mm, addr);
	if (vma && (node < 0 || !(vma->vm_flags & (VM_IO | VM_PFNMAP)))) {
		if (!vm_mapped_page(mm, addr, addr + PAGE_SIZE, &m, &next))
			ret = -ENOENT;
		else if (!m.page)
			ret = -EFAULT; /* the zero page */
		else if (node < 0 || (int)page_to_nid(m.page) == node)
			ret = (int)page_to_nid(m.page);
		else if (m.mapcount > 1 && !all)
			ret = -EACCES;
		else
			queue_pages(vma, addr, addr + PAGE_SIZE, &w);
	}
	mmap_write_unlock(mm);
	if (w.failed)
		return -EBUSY;
	if (page_list_empty(&w.pages))
		return ret;
	return move_queued(&w, &t) ? -EAGAIN : node;
}
