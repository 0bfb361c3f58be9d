// SPDX-License-Identifier: MIT
/*
 * kvmalloc: kmalloc if there is such a block, vmalloc otherwise (Linux: mm/util.c).
 */
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

void *kvmalloc_node(size_t size, gfp_t gfp, int nid)
{
	gfp_t first = gfp;
	void *p;

	/*
	 * Something smaller than a page vmalloc would not have either; above it, do not try hard: that it must not fail is
	 * vmalloc's affair then, which needs no large block.
	 */
	if (size > PAGE_SIZE) {
		first |= __GFP_NOWARN | (gfp & __GFP_RETRY_MAYFAIL ? 0 : __GFP_NORETRY);
		first &= ~__GFP_NOFAIL;
	}
	p = kmalloc_node(size, first, nid);
	if (p || size <= PAGE_SIZE || !(gfp & __GFP_DIRECT_RECLAIM))
		return p;
	if (size > INT_MAX)
		return NULL;
	/* In as few TLB entries as there is contiguous memory for; what is small for that comes in pages. */
	return __vmalloc_huge_node(size, gfp, nid, __builtin_return_address(0));
}

void kvfree(const void *p)
{
	if (is_vmalloc_addr(p))
		vfree(p);
	else
		kfree(p);
}

void *kvrealloc(const void *p, size_t size, gfp_t gfp)
{
	size_t old;
	void *new;

	if (ZERO_OR_NULL_PTR(p) || !is_vmalloc_addr(p)) {
		new = krealloc(p, size, gfp | __GFP_NOWARN);
		if (new || !size)
			return new;
	}
	old = ZERO_OR_NULL_PTR(p) ? 0 : is_vmalloc_addr(p) ? vmalloc_size(p) : ksize(p);
	if (!size) {
		kvfree(p);
		return ZERO_SIZE_PTR;
	}
	if (size <= old) {
		/* When it grows again, there is to be nothing. */
		if (gfp & __GFP_ZERO)
			memset((char *)p + size, 0, old - size);
		return (void *)p;
	}
	new = kvmalloc(size, gfp);
	if (new &&old) {
		memcpy(new, p, old);
		kvfree(p);
	}
	return new;
}
