// SPDX-License-Identifier: MIT
/*
 * Who shows a page? And with the answer: moving a program's page to another one (compaction, CMA).
 *
 * A file's page says its file and index; the file knows the areas that show the index. An anonymous page says the family of the
 * address space that it was made in, which is all that have come from one by forks, and its index, which stays what it was when areas are
 * cut, joined, copied or moved. It is shown only by members of the family. Mostly the index is the page number of its address, so a
 * member is asked for that address first; areas that have moved, and private copies in areas of files, are found by a look at all.
 *
 *   page->word, anonymous     63..48 index, high part   47..3 family   2..0 PAGE_MAPPING_ANON
 *
 * Invariant (mm_check): every entry of a page is found here.
 *
 * Locking: family_lock, or the file's i_mmap_lock, then mmap_lock of a member; then address_space.lock. A CPU that moves pages may hold
 * any of them (it does so when memory is short), so here they are only tried: who cannot have one leaves the page where it is. An
 * entry is PTE_BUSY while its page moves.
 *
 * Against Linux 6.12: an anon_vma for each area and a chain of them for each child there, so that a page knows fewer areas; here a page's
 * owner costs a fault nothing, and a fork a list insertion.
 */
#include <quire/filemap.h>
#include <quire/migrate.h>
#include <quire/user.h>

#include "internal.h"

#define BUCKETS 256U
static struct mm_struct *bucket[BUCKETS];
static u64 last_family;
static spinlock_t family_lock = SPINLOCK_INIT;

/* ------------------------------------------------------------------ families */

static u64 family_of_word(u64 word)
{
	return (word & GENMASK(47, 3)) >> 3;
}

void mm_family_join(struct mm_struct *mm, const struct mm_struct *parent)
{
	struct mm_struct **head;

	spin_lock(&family_lock);
	mm->family = parent ? parent->family : ++last_family;
	head = &bucket[mm->family % BUCKETS];
	mm->family_prev = NULL;
	mm->family_next = *head;
	if (*head)
		(*head)->family_prev = mm;
	*head = mm;
	spin_unlock(&family_lock);
}

void mm_family_leave(struct mm_struct *mm)
{
	spin_lock(&family_lock);
	if (mm->family_prev)
		mm->family_prev->family_next = mm->family_next;
	else
		bucket[mm->family % BUCKETS] = mm->family_next;
	if (mm->family_next)
		mm->family_next->family_prev = mm->family_prev;
	spin_unlock(&family_lock);
}

void each_mm(bool (*fn)(struct mm_struct *mm, void *arg), void *arg)
{
	bool more = true;

	if (!spin_trylock(&family_lock))
		return;
	for (unsigned int i = 0; i < BUCKETS && more; i++)
		for (struct mm_struct *mm = bucket[i]; mm && more; mm = mm->family_next)
			more = fn(mm, arg);
	spin_unlock(&family_lock);
}

/* ------------------------------------------------------------------ the walk */

/* What was found, and is held until rmap_end. */
#define MAX_FOUND 16U
struct rmap {
	struct page *page;
	struct address_space *mapping; /* its i_mmap_lock is held */
	bool family;		       /* family_lock is held */
	unsigned int nr, nr_locked;
	struct {
		struct mm_struct *mm;
		unsigned long addr;
		u64 *pte, val; /* pte: of a leaf where the page is one of a block */
		bool leaf;
	} found[MAX_FOUND];
	struct mm_struct *locked[MAX_FOUND];
};

/* The entry of addr, if it shows the page. False: there are too many. */
static bool look_at(struct rmap *r, struct mm_struct *mm, unsigned long addr)
{
	u64 *pte = pte_lookup(mm, addr), val = pte ? pte_load(pte) : 0, raw;
	bool leaf = !pte && mm_has_huge(mm);

	if (leaf && !(pte = entry_find(mm, addr, &raw, &val)))
		return true;
	if (!pte_present(val) || val & PTE_SPECIAL || pte_page(val) != r->page)
		return true;
	for (unsigned int i = 0; i < r->nr; i++)
		if (r->found[i].pte == pte)
			return true;
	if (r->nr == MAX_FOUND)
		return false;
	r->found[r->nr].mm = mm;
	r->found[r->nr].addr = addr;
	r->found[r->nr].pte = pte;
	r->found[r->nr].leaf = leaf;
	r->found[r->nr++].val = val;
	return true;
}

static bool walk_mm(struct rmap *r, struct mm_struct *mm, unsigned long index)
{
	struct vm_area_struct *vma;
	unsigned int before = r->nr;

	if (r->nr_locked == MAX_FOUND || !mmap_write_trylock(mm))
		return false;
	r->locked[r->nr_locked++] = mm;
	if (!look_at(r, mm, index << PAGE_SHIFT))
		return false;
	if (r->nr > before)
		return true;
	for (vma = mm->mmap; vma; vma = vma->next) {
		if (index < vma->vm_pgoff || index - vma->vm_pgoff >= vma_pages(vma))
			continue;
		if (!look_at(r, mm, vma->vm_start + ((index - vma->vm_pgoff) << PAGE_SHIFT)))
			return false;
	}
	return true;
}

static bool walk_family(struct rmap *r, u64 word, unsigned long index)
{
	u64 family = family_of_word(word);

	r->family = spin_trylock(&family_lock);
	if (!r->family)
		return false;
	for (struct mm_struct *mm = bucket[family % BUCKETS]; mm; mm = mm->family_next) {
		if (mm->family == family && !walk_mm(r, mm, index))
			return false;
		if ((int)r->nr > __atomic_load_n(&r->page->_mapcount, __ATOMIC_RELAXED))
			return true;
	}
	return true;
}

static bool walk_file(struct rmap *r, struct address_space *mapping, unsigned long index)
{
	struct interval_node *n;

	if (!spin_trylock(&mapping->i_mmap_lock))
		return false;
	r->mapping = mapping;
	for (n = interval_tree_first(&mapping->i_mmap, index, index); n;
	     n = interval_tree_next(&mapping->i_mmap, n, index, index)) {
		struct vm_area_struct *vma = container_of(n, struct vm_area_struct, in_file);

		if (!look_at(r, vma->vm_mm, vma->vm_start + ((index - n->first) << PAGE_SHIFT)))
			return false;
	}
	return true;
}

/* Page locked. False: not all entries could be found now. rmap_end either way. */
static bool rmap_begin(struct rmap *r, struct page *page)
{
	u64 word = __atomic_load_n(&page->word, __ATOMIC_ACQUIRE);
	struct address_space *mapping = page_mapping(page);

	r->page = page;
	r->mapping = NULL;
	r->family = false;
	r->nr = r->nr_locked = 0;
	if (word & PAGE_MAPPING_ANON)
		return walk_family(r, word, page_index(page));
	return mapping && walk_file(r, mapping, page_index(page));
}

static void rmap_end(struct rmap *r)
{
	while (r->nr_locked)
		mmap_write_unlock(r->locked[--r->nr_locked]);
	if (r->family)
		spin_unlock(&family_lock);
	if (r->mapping)
		spin_unlock(&r->mapping->i_mmap_lock);
}

int page_rmap_count(struct page *page)
{
	struct rmap r;
	int n = -1;

	lock_page(page);
	if (rmap_begin(&r, page))
		n = (int)r.nr;
	rmap_end(&r);
	unlock_page(page);
	return n;
}

/* ------------------------------------------------------------------ moving */

/* What maps the page as one of a block maps it by an entry of its own afterwards. False: not all that do could be found now. */
static bool split_leaves(struct page *page)
{
	struct rmap r;
	bool found;

	if (!trylock_page(page))
		return false;
	found = rmap_begin(&r, page);
	for (unsigned int i = 0; found && i < r.nr; i++)
		if (r.found[i].leaf)
			huge_split(r.found[i].mm, r.found[i].pte, r.found[i].addr);
	rmap_end(&r);
	unlock_page(page);
	return found && !page_in_leaf(page);
}

/* Entries are somebody's for himself, and no TLB has them. False: one has changed; those that had been taken are as they were. */
static bool take_entries(struct rmap *r)
{
	unsigned int i;

	/* None is his yet who may have to wait for others' here. */
	for (i = 0; i < r->nr; i++)
		if (!r->found[i].leaf && unlikely(r->found[i].val & DESC_CONT))
			r->found[i].val =
				cont_unfold(r->found[i].mm, r->found[i].pte, r->found[i].addr);
	for (i = 0; i < r->nr; i++) {
		u64 *pte = r->found[i].pte, val = r->found[i].val;

		if (r->found[i].leaf)
			goto undo;
		if (!pte_present(val) || pte_page(val) != r->page)
			goto undo;
		/* The CPU may have marked it meanwhile. */
		while (!pte_cmpxchg(pte, &val, PTE_BUSY))
			if (!pte_present(val) || pte_page(val) != r->page)
				goto undo;
		r->found[i].val = val;
		port_flush_tlb_user_page(r->found[i].mm->context_id, r->found[i].addr);
	}
	return true;
undo:
	while (i--)
		port_set_pte(r->found[i].pte, r->found[i].val);
	return false;
}

static void give_entries(const struct rmap *r, const struct page *to)
{
	const u64 address = desc_pa_mask(kernel_pgtable.pa52);

	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (unsigned int i = 0; i < r->nr; i++)
		port_set_pte(r->found[i].pte,
			     (r->found[i].val & ~address) | desc_from_pa(page_to_phys(to)));
}

/* src has no reference and cannot get one. */
static void become(struct page *dst, struct page *src, const struct rmap *r)
{
	bool anon = page_is_anon(src);

	copy_page(page_address(dst), page_address(src));
	if (PageArch1(src)) {
		port_sync_icache(page_address(dst), PAGE_SIZE);
		SetPageArch1(dst);
	}
	if (PageDirty(src))
		SetPageDirty(dst);
	if (PageSwapBacked(src))
		SetPageSwapBacked(dst);
	if (PageUptodate(src))
		SetPageUptodate(dst);
	dst->index_lo = src->index_lo;
	__atomic_store_n(&dst->_mapcount, (s32)r->nr - 1, __ATOMIC_RELAXED);
	__atomic_store_n(&dst->word, src->word, __ATOMIC_RELAXED);
	page_ref_unfreeze(dst, (int)r->nr + !anon);
	if (r->nr) {
		count_mapped(src, anon ? MAPPED_ANON : MAPPED_FILE, -1);
		count_mapped(dst, anon ? MAPPED_ANON : MAPPED_FILE, 1);
	}
	ClearPageLRU(src);
	__atomic_store_n(&src->_mapcount, -1, __ATOMIC_RELAXED);
	__atomic_store_n(&src->word, 0, __ATOMIC_RELAXED);
}

/* Entries taken. References: of the entries, of the file, and the mover's. */
static bool replace(struct rmap *r, struct page *dst)
{
	struct page *src = r->page;
	struct address_space *mapping = r->mapping;
	bool frozen;

	if (!mapping) {
		frozen = page_ref_freeze(src, (int)r->nr + 1);
		if (frozen)
			become(dst, src, r);
		return frozen;
	}
	/* Who finds the page by its file takes a reference under the lock. */
	spin_lock(&mapping->lock);
	frozen = page_ref_freeze(src, (int)r->nr + 2);
	if (frozen) {
		unsigned long index = page_index(src);

		become(dst, src, r);
		filemap_replace_page(mapping, index, dst);
	}
	spin_unlock(&mapping->lock);
	return frozen;
}

static int migrate_user_page(struct folio *to, struct folio *from, enum migrate_mode mode)
{
	struct page *dst = &to->page, *src = &from->page;
	struct rmap r;
	int err = -EAGAIN;

	(void)mode;
	if (!trylock_page(src))
		return -EAGAIN;
	/* A page that nobody shows and no file has any more is the mover's alone, who frees it (putback). */
	if (rmap_begin(&r, src) && (r.nr || r.mapping) && !(r.mapping && r.mapping->secret) &&
	    (int)r.nr == __atomic_load_n(&src->_mapcount, __ATOMIC_RELAXED) + 1 &&
	    take_entries(&r)) {
		if (replace(&r, dst)) {
			give_entries(&r, dst);
			err = MIGRATEPAGE_SUCCESS;
		} else {
			give_entries(&r, src);
		}
	}
	rmap_end(&r);
	if (!err)
		ClearPageIsolated(src);
	unlock_page(src);
	if (!err) {
		page_ref_unfreeze(src, 1);
		put_page(src);
	}
	return err;
}

static bool isolate_user_page(struct folio *folio, enum migrate_mode mode)
{
	struct page *page = &folio->page;

	if (PageHead(page) || PageReserved(page) || !(page_is_anon(page) || page_mapping(page)))
		return false;
	/* block_init says that a block is mapped as a whole before it says whose it is. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* What is whole already is not taken apart to make room for something else that is, but for who wants just this range. */
	if (page_in_leaf(page) && (mode != MIGRATE_SYNC || !split_leaves(page)))
		return false;
	/* The mover uses its links, where the order of its group stands. */
	if (PageLargeHead(page)) {
		u32 order = page->prev;

		if (TestClearPageLargeHead(page))
			mod_mthp_stat(order, MTHP_NR_ANON, -1);
	}
	return !TestSetPageIsolated(page);
}

static void putback_user_page(struct folio *folio)
{
	ClearPageIsolated(&folio->page);
	put_user_page(&folio->page);
}

void vm_migration_init(void)
{
	lru_migration = (struct lru_migration){
		.isolate = isolate_user_page,
		.migrate = migrate_user_page,
		.putback = putback_user_page,
	};
}
