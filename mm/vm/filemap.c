// SPDX-License-Identifier: MIT
/*
 * Files in memory: their pages by index, reading and writing, and what a page fault in a mapping of one gets.
 *
 * Invariants: a file holds a reference of each of its pages, and such a page's `word` says which file and, with index_lo, where;
 * nrpages counts them, and so does its file_space, with those of other files; no page lies behind i_size but for a moment.
 *
 * Locking: address_space.lock, over lookups and changes of the tree; contents are nobody's to guard, as with any memory that is
 * shared. Entries that show a page are made under the lock too: who takes the page out of the file and then looks for entries finds
 * all of them. A page leaves its file with its page lock held, so that who has that may use page_mapping().
 */
#include <quire/filemap.h>
#include <quire/migrate.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmstat.h>

#include "internal.h"

/* Linux: fault_around_bytes. */
#define FAULT_AROUND SZ_64K

static struct kmem_cache *mapping_cache;

void filemap_init(void)
{
	mapping_cache = KMEM_CACHE(address_space, SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT);
}

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
	struct address_space *mapping = kmem_cache_zalloc(mapping_cache, GFP_KERNEL_ACCOUNT);

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

/* ------------------------------------------------------------------ a page and its file */

/* page.h draws the word. The object's distance from page_base_pfn, where nothing is, in 64 bytes: less than 2^45, and not 0. */
static u64 word_of(const struct address_space *mapping, unsigned long index)
{
	u64 distance = virt_to_phys(mapping) - PFN_PHYS(page_base_pfn);

	return (u64)(index >> 32) << 48 | distance >> 6 << 3;
}

struct address_space *page_mapping(const struct page *page)
{
	u64 word = __atomic_load_n(&page->word, __ATOMIC_ACQUIRE), distance;

	if (word & (PAGE_MAPPING_FLAGS | PAGE_WORD_TAIL))
		return NULL;
	distance = (word & GENMASK(47, 3)) >> 3 << 6;
	return distance ? phys_to_virt(PFN_PHYS(page_base_pfn) + distance) : NULL;
}

static bool space_full(const struct file_space *space)
{
	s64 max = space ? __atomic_load_n(&space->max, __ATOMIC_RELAXED) : 0;

	return max && __atomic_load_n(&space->used, __ATOMIC_RELAXED) >= max;
}

/* Room for one page more, which is about to be where none is. */
static bool space_take(struct file_space *space)
{
	s64 max;

	if (!space)
		return true;
	max = __atomic_load_n(&space->max, __ATOMIC_RELAXED);
	if (__atomic_add_fetch(&space->used, 1, __ATOMIC_RELAXED) <= max || !max)
		return true;
	__atomic_sub_fetch(&space->used, 1, __ATOMIC_RELAXED);
	return false;
}

static void space_give(struct file_space *space)
{
	if (space)
		__atomic_sub_fetch(&space->used, 1, __ATOMIC_RELAXED);
}

static void count_pages(const struct address_space *mapping, const struct page *page, long n)
{
	mod_page_state_of(page, NR_FILE_PAGES, n);
	if (mapping->shmem)
		mod_page_state_of(page, NR_SHMEM, n);
}

/* The page at *index or the next one leaves the file; *index: behind it. False: there is none up to last. */
static bool remove_next(struct address_space *mapping, unsigned long *index, unsigned long last)
{
	struct page *page;
	void **slot;

	for (;;) {
		spin_lock(&mapping->lock);
		page = radix_tree_next(&mapping->pages, index);
		if (page && *index <= last)
			get_page(page);
		else
			page = NULL;
		spin_unlock(&mapping->lock);
		if (!page)
			return false;
		lock_page(page);
		spin_lock(&mapping->lock);
		slot = radix_tree_slot(&mapping->pages, *index, node_alloc);
		if (slot && *slot == page)
			break;
		/* It has been moved, or somebody else removed it. */
		spin_unlock(&mapping->lock);
		unlock_page(page);
		put_page(page);
	}
	*slot = NULL;
	mapping->nrpages--;
	ClearPageLRU(page);
	__atomic_store_n(&page->word, 0, __ATOMIC_RELEASE);
	spin_unlock(&mapping->lock);
	unlock_page(page);
	count_pages(mapping, page, -1);
	space_give(mapping->space);
	put_page(page);
	put_page(page);
	++*index;
	return *index && *index <= last;
}

unsigned long mapping_next_index(struct address_space *mapping, unsigned long index)
{
	const void *found;

	spin_lock(&mapping->lock);
	found = radix_tree_next(&mapping->pages, &index);
	spin_unlock(&mapping->lock);
	return found ? index : ULONG_MAX;
}

void filemap_replace_page(struct address_space *mapping, unsigned long index, struct page *page)
{
	void **slot = radix_tree_slot(&mapping->pages, index, node_alloc);

	SetPageLRU(page);
	*slot = page;
}

void mapping_remove_pages(struct address_space *mapping, unsigned long first, unsigned long last)
{
	while (first <= last && remove_next(mapping, &first, last))
		continue;
}

void mapping_put(struct address_space *mapping)
{
	if (!mapping || __atomic_sub_fetch(&mapping->users, 1, __ATOMIC_ACQ_REL))
		return;
	mapping_remove_pages(mapping, 0, ULONG_MAX);
	vm_acct_memory(-(long)mapping->promised);
	radix_tree_destroy(&mapping->pages, node_free);
	kmem_cache_free(mapping_cache, mapping);
}

/*
 * The page that is there, or a new one, with a reference of the caller's, in *to. vma: for a fault of its, by its policy, and only where the
 * file reaches to; NULL: not so. 0, -ENOSPC, -ENOMEM, also when the file does not reach there any more.
 */
static int get_or_make(struct address_space *mapping, unsigned long index,
		       const struct vm_area_struct *vma, struct page **to)
{
	struct page *page, *new;
	void **slot = NULL;
	int err = -ENOMEM;

	page = mapping_get_page(mapping, index, false);
	/* Who finds no room asks for no memory; but it may be this page that took the last of it, after it had been looked for. */
	if (!page && unlikely(space_full(mapping->space))) {
		page = mapping_get_page(mapping, index, false);
		if (!page)
			return -ENOSPC;
	}
	if (page) {
		*to = page;
		return 0;
	}
	new = vma ? vma_alloc_pages(vma, vma->vm_start + ((index - vma->vm_pgoff) << PAGE_SHIFT),
				    GFP_HIGHUSER_MOVABLE | __GFP_ZERO, 0)
		  : alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
	if (!new)
		return -ENOMEM;
	new->index_lo = (u32)index;
	SetPageUptodate(new);
	if (mapping->shmem)
		SetPageSwapBacked(new);
	spin_lock(&mapping->lock);
	if (!vma || index < DIV_ROUND_UP(mapping->i_size, PAGE_SIZE))
		slot = radix_tree_slot(&mapping->pages, index, node_alloc);
	page = slot ? *slot : NULL;
	if (slot && !page && unlikely(!space_take(mapping->space))) {
		err = -ENOSPC;
	} else if (slot && !page) {
		page = *slot = new;
		__atomic_store_n(&page->word, word_of(mapping, index), __ATOMIC_RELEASE);
		SetPageLRU(page);
		mapping->nrpages++;
		new = NULL;
	}
	if (page)
		get_page(page);
	spin_unlock(&mapping->lock);
	if (new)
		put_page(new);
	else
		count_pages(mapping, page, 1);
	*to = page;
	return page ? 0 : err;
}

struct page *mapping_get_page(struct address_space *mapping, unsigned long index, bool create)
{
	struct page *page;

	if (create)
		return get_or_make(mapping, index, NULL, &page) ? NULL : page;
	spin_lock(&mapping->lock);
	page = radix_tree_load(&mapping->pages, index);
	if (page)
		get_page(page);
	spin_unlock(&mapping->lock);
	return page;
}

int mapping_make_page(struct address_space *mapping, unsigned long index, struct page **page)
{
	return get_or_make(mapping, index, NULL, page);
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
	int err = 0;

	while (done < n) {
		size_t offset = (pos + done) & (PAGE_SIZE - 1),
		       part = min(n - done, PAGE_SIZE - offset);
		struct page *page;

		err = mapping_make_page(mapping, (pos + done) >> PAGE_SHIFT, &page);
		if (err)
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
	return done || !n ? (long)done : err;
}

int mapping_promise(struct address_space *mapping, unsigned long pages)
{
	int err = pages ? vm_enough_memory(NULL, (long)pages) : 0;

	if (!err)
		mapping->promised += pages;
	return err;
}

/* ------------------------------------------------------------------ mappings for writing */

int mapping_deny_writable(struct address_space *mapping)
{
	bool was = mapping->write_sealed;

	__atomic_store_n(&mapping->write_sealed, true, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&mapping->i_mmap_writable, __ATOMIC_SEQ_CST))
		return 0;
	__atomic_store_n(&mapping->write_sealed, was, __ATOMIC_RELAXED);
	return -EBUSY;
}

/* ------------------------------------------------------------------ mappings */

bool filemap_beyond_end(const struct vm_area_struct *vma, unsigned long pgoff)
{
	const struct address_space *mapping = vma_mapping(vma);

	return pgoff >=
	       DIV_ROUND_UP(__atomic_load_n(&mapping->i_size, __ATOMIC_RELAXED), PAGE_SIZE);
}

static vm_fault_t filemap_fault(struct vm_area_struct *vma, unsigned long pgoff, struct page **page)
{
	int err;

	if (filemap_beyond_end(vma, pgoff))
		return VM_FAULT_SIGBUS;
	err = get_or_make(vma_mapping(vma), pgoff, vma, page);
	if (likely(!err))
		return 0;
	return err == -ENOSPC || filemap_beyond_end(vma, pgoff) ? VM_FAULT_SIGBUS : VM_FAULT_OOM;
}

/* One page that the file has, at an entry that is empty. */
static bool map_one(const struct vm_area_struct *vma, struct page *page, u64 *pte, u64 prot)
{
	u64 none = 0;

	get_page(page);
	page_add_file_rmap(page);
	sync_exec(vma, page);
	if (likely(pte_cmpxchg(pte, &none, mk_pte(page_to_phys(page), prot))))
		return true;
	page_remove_rmap(page);
	put_page(page);
	return false;
}

bool filemap_map_pages(struct vm_fault *f)
{
	struct vm_area_struct *vma = f->vma;
	struct address_space *mapping = vma_mapping(vma);
	unsigned long addr = f->address, end = addr + PAGE_SIZE, index, n;
	u64 *pte = f->pte, prot = __atomic_load_n(&vma->vm_page_prot, __ATOMIC_RELAXED);
	bool there = false;
	long mapped = 0;

	if (f->flags & FAULT_FLAG_WRITE) {
		prot = pte_mkdirty(prot);
	} else if (FAULT_AROUND > PAGE_SIZE) {
		/* A window never reaches beyond a table. */
		addr = max(ALIGN_DOWN(addr, FAULT_AROUND), vma->vm_start);
		end = min(ALIGN_DOWN(f->address, FAULT_AROUND) + FAULT_AROUND, vma->vm_end);
		pte -= (f->address - addr) >> PAGE_SHIFT;
	}
	index = linear_page_index(vma, addr);
	spin_lock(&mapping->lock);
	n = DIV_ROUND_UP(mapping->i_size, PAGE_SIZE);
	n = index < n ? min(n - index, (end - addr) >> PAGE_SHIFT) : 0;
	while (n) {
		unsigned long left = n, i;
		struct page **slots = (struct page **)radix_tree_run(&mapping->pages, index, &left);

		for (i = 0; i < left; i++) {
			if (slots && slots[i] && !pte_load(&pte[i]))
				mapped += map_one(vma, slots[i], &pte[i], prot);
		}
		pte += left;
		index += left;
		n -= left;
	}
	there = pte_load(f->pte) != 0;
	spin_unlock(&mapping->lock);
	if (mapped)
		add_mm_counter(vma->vm_mm, mapping->shmem ? MM_SHMEMPAGES : MM_FILEPAGES, mapped);
	return there;
}

static const struct vm_operations_struct filemap_vm_ops = {
	.fault = filemap_fault,
	.in_file = true,
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

struct file *shmem_zero_file(unsigned long len, bool noreserve)
{
	struct address_space *mapping = mapping_alloc(true);
	struct file *file;

	if (!mapping)
		return NULL;
	mapping->i_size = len;
	mapping->anon = true;
	file = noreserve || !mapping_promise(mapping, DIV_ROUND_UP(len, PAGE_SIZE))
		       ? mapping_file(mapping, FMODE_READ | FMODE_WRITE)
		       : NULL;
	mapping_put(mapping);
	return file;
}
