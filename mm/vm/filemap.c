// SPDX-License-Identifier: MIT
/*
 * Files in memory: their pages by index, reading and writing, and what a page fault in a mapping of one gets.
 *
 * Invariants: a file holds a reference of each of its pages; nrpages counts them. Locking: address_space.lock, over lookups and
 * changes of the tree; contents are nobody's to guard, as with any memory that is shared.
 */
#include <quire/filemap.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "internal.h"

static void *node_alloc(void)
{
	return kmalloc(RADIX_NODE_SIZE, GFP_NOWAIT | __GFP_ZERO);
}

static void node_free(void *node)
{
	kfree(node);
}

struct address_space *mapping_alloc(bool shmem)
{
	struct address_space *mapping = kmalloc(sizeof(*mapping), GFP_KERNEL | __GFP_ZERO);

	if (!mapping)
		return NULL;
	mapping->users = 1;
	mapping->shmem = shmem;
	return mapping;
}

void mapping_get(struct address_space *mapping)
{
	__atomic_fetch_add(&mapping->users, 1, __ATOMIC_RELAXED);
}

void mapping_put(struct address_space *mapping)
{
	unsigned long index = 0;
	struct page *page;

	if (!mapping || __atomic_sub_fetch(&mapping->users, 1, __ATOMIC_ACQ_REL))
		return;
	while ((page = radix_tree_next(&mapping->pages, &index))) {
		put_page(page);
		if (!++index)
			break;
	}
	radix_tree_destroy(&mapping->pages, node_free);
	kfree(mapping);
}

struct page *mapping_get_page(struct address_space *mapping, unsigned long index, bool create)
{
	struct page *page, *new = NULL;
	void **slot;

	spin_lock(&mapping->lock);
	page = radix_tree_load(&mapping->pages, index);
	if (page)
		get_page(page);
	spin_unlock(&mapping->lock);
	if (page || !create)
		return page;
	new = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
	if (!new)
		return NULL;
	new->index_lo = (u32)index;
	SetPageUptodate(new);
	spin_lock(&mapping->lock);
	slot = radix_tree_slot(&mapping->pages, index, node_alloc);
	page = slot ? *slot : NULL;
	if (slot && !page) {
		page = *slot = new;
		mapping->nrpages++;
		new = NULL;
	}
	if (page)
		get_page(page);
	spin_unlock(&mapping->lock);
	if (new)
		put_page(new);
	return page;
}

/* ------------------------------------------------------------------ read and write */

long mapping_read(struct address_space *mapping, u64 pos, void *buf, size_t n)
{
	u64 size = __atomic_load_n(&mapping->i_size, __ATOMIC_RELAXED);
	size_t done = 0;

	if (pos >= size)
		return 0;
	n = min(n, (size_t)(size - pos));
	while (done < n) {
		size_t offset = (pos + done) & (PAGE_SIZE - 1),
		       part = min(n - done, PAGE_SIZE - offset);
		struct page *page = mapping_get_page(mapping, (pos + done) >> PAGE_SHIFT, false);

		if (page) {
			memcpy((char *)buf + done, (char *)page_address(page) + offset, part);
			put_page(page);
		} else {
			memset((char *)buf + done, 0, part);
		}
		done += part;
	}
	return (long)done;
}

long mapping_write(struct address_space *mapping, u64 pos, const void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t offset = (pos + done) & (PAGE_SIZE - 1),
		       part = min(n - done, PAGE_SIZE - offset);
		struct page *page = mapping_get_page(mapping, (pos + done) >> PAGE_SHIFT, true);

		if (!page)
			break;
		memcpy((char *)page_address(page) + offset, (const char *)buf + done, part);
		SetPageDirty(page);
		/* Who executes it next syncs it first. */
		ClearPageArch1(page);
		put_page(page);
		done += part;
	}
	spin_lock(&mapping->lock);
	if (done && pos + done > mapping->i_size)
		__atomic_store_n(&mapping->i_size, pos + done, __ATOMIC_RELAXED);
	spin_unlock(&mapping->lock);
	return done || !n ? (long)done : -ENOMEM;
}

/* ------------------------------------------------------------------ taking away */

/* The page's bytes [from, to) become 0, if it is there. */
static void zero_part(struct address_space *mapping, u64 from, u64 to)
{
	struct page *page;

	if (from >= to)
		return;
	page = mapping_get_page(mapping, from >> PAGE_SHIFT, false);
	if (!page)
		return;
	memset((char *)page_address(page) + (from & (PAGE_SIZE - 1)), 0, (size_t)(to - from));
	SetPageDirty(page);
	put_page(page);
}

/* Whole pages from first on, up to and without last. */
static void remove_pages(struct address_space *mapping, unsigned long first, unsigned long last)
{
	struct page *page;

	while (first < last) {
		void **slot;

		spin_lock(&mapping->lock);
		page = radix_tree_next(&mapping->pages, &first);
		if (page && first < last) {
			slot = radix_tree_slot(&mapping->pages, first, node_alloc);
			*slot = NULL;
			mapping->nrpages--;
		}
		spin_unlock(&mapping->lock);
		if (!page || first >= last)
			return;
		put_page(page);
		first++;
	}
}

void mapping_truncate(struct address_space *mapping, u64 size)
{
	u64 old;

	spin_lock(&mapping->lock);
	old = mapping->i_size;
	__atomic_store_n(&mapping->i_size, size, __ATOMIC_RELAXED);
	spin_unlock(&mapping->lock);
	if (size >= old)
		return;
	zero_part(mapping, size, PAGE_ALIGN(size));
	remove_pages(mapping, DIV_ROUND_UP(size, PAGE_SIZE), ULONG_MAX);
}

void mapping_punch(struct address_space *mapping, u64 start, u64 end)
{
	u64 first = PAGE_ALIGN(start), last = ALIGN_DOWN(end, PAGE_SIZE);

	if (first > last) {
		zero_part(mapping, start, end);
		return;
	}
	zero_part(mapping, start, first);
	zero_part(mapping, last, end);
	remove_pages(mapping, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
}

/* ------------------------------------------------------------------ mappings */

static vm_fault_t filemap_fault(struct vm_area_struct *vma, unsigned long pgoff, struct page **page)
{
	struct address_space *mapping = vma->vm_file->f_mapping;
	u64 size = __atomic_load_n(&mapping->i_size, __ATOMIC_RELAXED);

	if (pgoff >= DIV_ROUND_UP(size, PAGE_SIZE))
		return VM_FAULT_SIGBUS;
	*page = mapping_get_page(mapping, pgoff, true);
	return *page ? 0 : VM_FAULT_OOM;
}

static const struct vm_operations_struct filemap_vm_ops = {
	.fault = filemap_fault,
};

int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (file->f_mmap)
		return file->f_mmap(file, vma);
	if (!file->f_mapping)
		return -ENODEV;
	vma->vm_ops = &filemap_vm_ops;
	return 0;
}

static void mapping_file_release(struct file *file)
{
	mapping_put(file->f_mapping);
	kfree(file);
}

struct file *mapping_file(struct address_space *mapping, unsigned int mode)
{
	struct file *file = kmalloc(sizeof(*file), GFP_KERNEL | __GFP_ZERO);

	if (!file)
		return NULL;
	mapping_get(mapping);
	file->f_mode = mode;
	file->f_count = 1;
	file->f_mapping = mapping;
	file->f_release = mapping_file_release;
	return file;
}

struct file *shmem_zero_file(unsigned long len)
{
	struct address_space *mapping = mapping_alloc(true);
	struct file *file;

	if (!mapping)
		return NULL;
	mapping->i_size = len;
	mapping->anon = true;
	file = mapping_file(mapping, FMODE_READ | FMODE_WRITE);
	mapping_put(mapping);
	return file;
}
