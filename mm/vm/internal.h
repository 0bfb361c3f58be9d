/* SPDX-License-Identifier: MIT */
/* What the files of mm/vm/ share. */
#ifndef MM_VM_INTERNAL_H
#define MM_VM_INTERNAL_H

#include <quire/filemap.h>
#include <quire/mempolicy.h>
#include <quire/mm.h>
#include <quire/percpu.h>
#include <quire/vmstat.h>

#include "pte.h"

/* ------------------------------------------------------------------ vma.c */

extern struct kmem_cache *vma_cache;

/*
 * Areas of mm are about to change: until vma_change_end() every fault that begins waits for mmap_lock. Does not wait for
 * faults that have begun: vma_start_write() does, of an area that is changed or goes.
 */
static inline void vma_change_begin(struct mm_struct *mm)
{
	__atomic_store_n(&mm->mm_seq, mm->mm_seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void vma_change_end(struct mm_struct *mm)
{
	__atomic_store_n(&mm->mm_seq, mm->mm_seq + 1, __ATOMIC_RELEASE);
}

void vma_start_write(struct vm_area_struct *vma);

/*
 * The area of addr for a fault, or NULL. It does not change and stays until vma_end_read(), which the same CPU has to call, having
 * done nothing that may sleep, nor another fault.
 */
struct vm_area_struct *vma_start_read(struct mm_struct *mm, unsigned long addr);
void vma_end_read(void);
/* The address space goes: no CPU remembers an area of it. */
void fault_forget_mm(const struct mm_struct *mm);

/* A new area, not in any address space yet; NULL: no memory. */
struct vm_area_struct *vma_alloc(struct mm_struct *mm, unsigned long start, unsigned long end,
				 unsigned long flags);
void vma_free(struct vm_area_struct *vma);
/* The same area again, in no list and no tree; to: from vma_cache. */
void vma_copy(struct vm_area_struct *to, const struct vm_area_struct *from);
/* The area goes, giving back what it refers to. */
void remove_vma(struct vm_area_struct *vma);
/* Into the tree and the list, after prev (NULL: first). One reserved insertion. Within vma_change_begin. */
void vma_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev);
/* Out of both; the area is the caller's. Within vma_change_begin, its faults awaited. */
void vma_unlink(struct vm_area_struct *vma);

/* find_vma, for who is going to change areas around there: the next look-up is cheap. mmap_lock for writing. */
static inline struct vm_area_struct *find_vma_to_change(struct mm_struct *mm, unsigned long addr)
{
	return gap_tree_seek(&mm->areas, addr);
}

/* The area may change its file, now or after an mprotect; the file counts those. */
bool vma_may_write_file(const struct vm_area_struct *vma);
/* The area is a copy: it takes a use of what it refers to. */
void vma_get(struct vm_area_struct *vma);

/* A range that shall be an area, or part of one. mmap_region sets each of these. */
struct vma_merge {
	unsigned long start, end, flags, pgoff;
	struct file *file;
	const struct vm_operations_struct *ops;
	void *private;
	struct anon_vma_name *name;
	struct mempolicy *policy;
	u64 anon_vma;			    /* whose private pages will be in it; 0: nobody's yet */
	struct vm_area_struct *prev, *next; /* of a new one: the neighbours, or NULL */
};

/*
 * A neighbour that is alike takes the new range in, and when that closes a gap the other one goes (Linux: vma_merge_new_range). NULL:
 * none is alike. mmap_lock; takes care of vma_change_begin itself. Nothing may be mapped there.
 */
struct vm_area_struct *vma_merge_new(struct mm_struct *mm, struct vma_merge *m);
/*
 * The part [start, end) of the area gets other flags: neighbours that are alike then take it in, else it is cut off where it is a part
 * (Linux: vma_modify). Returns the area that holds start, or NULL: no memory, or too many areas, and areas may have been cut.
 */
struct vm_area_struct *vma_modify_flags(struct vm_area_struct *vma, unsigned long start,
					unsigned long end, unsigned long flags);
struct vm_area_struct *vma_modify_policy(struct vm_area_struct *vma, unsigned long start,
					 unsigned long end, struct mempolicy *policy);
struct vm_area_struct *vma_modify_name(struct vm_area_struct *vma, unsigned long start,
				       unsigned long end, struct anon_vma_name *name);
/* Cut the area at addr, inside it: it keeps what is below. 0, -ENOMEM; cut_vma also where there may be no more areas. */
int split_vma(struct vm_area_struct *vma, unsigned long addr);
int cut_vma(struct vm_area_struct *vma, unsigned long addr);
/*
 * Before the first private page comes into the area: whose will it be? mmap_lock, and no fault of another CPU in the area or a
 * neighbour depends on it. Of a copy by fork: its own.
 */
void anon_vma_prepare(struct vm_area_struct *vma);
void anon_vma_fork(struct vm_area_struct *copy);

#define ANON_VMA_NAME_MAX_LEN 80
struct anon_vma_name {
	s32 users;
	char name[ANON_VMA_NAME_MAX_LEN];
};
void anon_name_get(struct anon_vma_name *name);
void anon_name_put(struct anon_vma_name *name);

/* vm_page_prot by vm_flags. */
void vma_set_page_prot(struct vm_area_struct *vma);
void vm_stat_account(struct mm_struct *mm, unsigned long flags, long pages);

/* ------------------------------------------------------------------ pgtable.c */

/* The entry of addr, its tables made where there are none; NULL: no memory. */
u64 *pte_alloc(struct mm_struct *mm, unsigned long addr);
/*
 * The same without making any. NULL: no table, perhaps a block that is mapped as a whole (mm_has_huge, huge.c). *end: where the entries
 * that follow in the same table end.
 */
u64 *pte_find(const struct mm_struct *mm, unsigned long addr, unsigned long *end);
/*
 * The same for the first table at or above *addr, which moves there; entries up to *stop, not beyond end. NULL: no table
 * below end. *stop == *addr: a block is mapped as a whole there, or is about to be (huge.c).
 */
u64 *pte_next(const struct mm_struct *mm, unsigned long *addr, unsigned long end,
	      unsigned long *stop);
/* pte_find, for who does not go on from there. NULL also: a block is mapped as a whole. */
u64 *pte_lookup(const struct mm_struct *mm, unsigned long addr);
/* The entry that a table for addr hangs in, or a block; make: with the tables above it. NULL: there is none, or no memory. */
u64 *pmd_entry(struct mm_struct *mm, unsigned long addr, bool make);
/* An entry that is empty gets a table; returns what it is then, also when somebody else was faster. 0: no memory. */
u64 make_table(struct mm_struct *mm, u64 *entry);
/* A page for a table; more: __GFP_ZERO, or nothing. The entry that a table hangs in by. */
struct page *table_page_alloc(struct mm_struct *mm, gfp_t more);
u64 table_desc(const struct page *page);
void free_pgd(struct mm_struct *mm);
int pgd_alloc(struct mm_struct *mm);
/*
 * The whole table that serves `from`, or the block (both multiples of what a table covers), serves `to` instead. True: done, or there is
 * none. False: `to` has one already, or no memory. Faults of both awaited; the caller flushes.
 */
bool move_table(struct mm_struct *mm, unsigned long from, unsigned long to);
/* Tables below the root, counted, and those that are kept for blocks. */
unsigned long count_pgtables(const struct mm_struct *mm);

/* ------------------------------------------------------------------ context.c */

void context_init(void);
void context_alloc(struct mm_struct *mm);
/* No CPU runs it any more, and its translations are flushed. */
void context_free(struct mm_struct *mm);

/* ------------------------------------------------------------------ zap.c */

/* Take away what is mapped in [start, end), and flush. */
void zap_range(struct mm_struct *mm, unsigned long start, unsigned long end);

/* ------------------------------------------------------------------ mmap.c */

/*
 * Where a mapping goes: at addr with MAP_FIXED, else there if there is room, else where there is. Or a negative errno, as an unsigned
 * long. mmap_lock.
 */
unsigned long get_unmapped_area(struct mm_struct *mm, const struct file *file, unsigned long addr,
				unsigned long len, unsigned long pgoff, unsigned long flags);
/* May there be so many pages more of this kind, by RLIMIT_AS and RLIMIT_DATA; bytes more by RLIMIT_MEMLOCK? */
bool may_expand_vm(const struct mm_struct *mm, unsigned long flags, unsigned long pages);
bool mlock_future_ok(const struct mm_struct *mm, unsigned long flags, unsigned long bytes);
/* prev and next of a range that nothing is in. */
void find_neighbours(struct mm_struct *mm, struct vma_merge *m);
/* munmap of whole pages, mmap_lock held. 0, -ENOMEM, -EPERM: sealed. */
int unmap_areas(struct mm_struct *mm, unsigned long start, unsigned long end);
/* munmap, mmap_lock held: -EINVAL too. */
int unmap_range(struct mm_struct *mm, unsigned long start, unsigned long len);

/* ------------------------------------------------------------------ mlock.c */

/*
 * Fault in what the areas of a range allow, for writing where they are private (Linux: __mm_populate). What is not to be locked at once
 * is left out, and so are holes. 0; -ENOMEM: no memory; -EFAULT: a page cannot be had. ignore: go on with the next area.
 */
int mm_populate(struct mm_struct *mm, unsigned long start, unsigned long len, bool ignore);

/* ------------------------------------------------------------------ fork.c */

/* What vma shows is shared with its copy in mm; -ENOMEM. */
int copy_page_range(struct mm_struct *mm, struct vm_area_struct *vma);

extern struct page *zero_page;

/* ------------------------------------------------------------------ fault.c */

/* Before a page of an area that is executed: what was written to it reaches the instruction fetch. The page is not freed meanwhile. */
void sync_exec(const struct vm_area_struct *vma, struct page *page);

/* What a fault is about. */
struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long address; /* of the page */
	unsigned int flags;
	u64 *pte, orig;
};

/* ------------------------------------------------------------------ thp.c */

#define HUGE_ORDER (PAGE_SHIFT - 3U)
#define HUGE_PAGES (1UL << HUGE_ORDER)
#define HUGE_SIZE (PAGE_SIZE << HUGE_ORDER)

/* The area may have blocks of so many pages, a power of two, by its flags and by the settings. */
bool thp_allowed(const struct vm_area_struct *vma, unsigned int order);
/* Orders below that of a block that settings allow somewhere: mostly 0, and then a fault asks no more. */
extern unsigned long thp_group_orders;
/* How to ask for a block or a group. */
gfp_t thp_gfp(const struct vm_area_struct *vma);

/* ------------------------------------------------------------------ huge.c */

struct mmu_gather;

/* Does the address space map any block as a whole? Who finds no table for an address asks that first. */
static inline bool mm_has_huge(const struct mm_struct *mm)
{
	return unlikely(relaxed_load(&mm->nr_huge));
}

/*
 * Of a fault where there is no table: true, and it is done, with *ret as its result (VM_FAULT_BLOCK: by a block). False: f->pte is where
 * to go on.
 */
bool huge_fault(struct vm_fault *f, vm_fault_t *ret);
/* A table takes the place of the leaf at pmd, if it still is one; addr: any in it. */
void huge_split(struct mm_struct *mm, u64 *pmd, unsigned long addr);
/* The leaf that addr is in is split. False: there is none. */
bool huge_split_at(struct mm_struct *mm, unsigned long addr);
/*
 * The entry that maps addr, of a page or a leaf; *val: as the entry of the page would be, *raw: as it is. NULL: there is no table. The page
 * is still there if the entry is present, with the address of *raw.
 */
u64 *entry_find(struct mm_struct *mm, unsigned long addr, u64 *raw, u64 *val);
/* Of the leaf at addr, for [addr, end). False: there is none. True: look again, the leaf is gone, or a table has its place. */
bool huge_zap(struct mmu_gather *tlb, unsigned long addr, unsigned long end);
/* As change_entry of mprotect.c. False: there is none. *split: a table has its place, look again. *any: it was accessible. */
bool huge_protect(const struct vm_area_struct *vma, unsigned long addr, unsigned long end,
		  bool *split, bool *any);
/* The leaf at addr, if there is one, is shared with the child. 0, -ENOMEM. */
int huge_copy(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr);
/* Where the next fault is needed after one at addr that returned ret. */
static inline unsigned long fault_next(unsigned long addr, vm_fault_t ret)
{
	return ret & VM_FAULT_BLOCK ? ALIGN_DOWN(addr, HUGE_SIZE) + HUGE_SIZE : addr + PAGE_SIZE;
}
/* Faults for the program itself end at addr, because it does: looked at once a table. */
static inline bool faults_end(unsigned long addr)
{
	return !(addr & (HUGE_SIZE - 1)) && vm_fatal_signal && vm_fatal_signal();
}
/*
 * DESC_AF, or DESC_DIRTY with it, goes from the leaf at addr, for [addr, end). True: it was split, or has changed, look again. *changed: a
 * flush is needed.
 */
bool huge_clear_marks(struct mm_struct *mm, unsigned long addr, unsigned long end, u64 marks,
		      bool *changed);
/* There is a leaf at addr, and it has not been written. */
bool huge_is_clean(struct mm_struct *mm, unsigned long addr);
void huge_clear_young(struct mm_struct *mm, unsigned long addr);
/* The pages of a group that nobody has seen yet, as single ones, the same way. */
void group_init(struct page *head, const struct mm_struct *mm, unsigned long index,
		unsigned int order);
/* The pages of a block that nobody has seen yet become the program's, at this index of its area on, shown by one leaf. */
void block_init(struct page *head, const struct mm_struct *mm, unsigned long index);
/* A table is kept for a leaf that is about to be; the entry of a new block. */
void deposit(struct mm_struct *mm, struct page *table);
u64 new_leaf(const struct vm_area_struct *vma, const struct page *head);
/* A leaf maps the page; the first page of the block that it was made in, NULL: it was made single, or is not what it was. Hints. */
bool page_in_leaf(const struct page *page);

/* ------------------------------------------------------------------ huge_zero.c */

/* The first page of the zero block; NULL: no memory. */
const struct page *huge_zero(void);
/* All memory is another machine's. */
void huge_zero_forget(void);

/* ------------------------------------------------------------------ group.c */

/*
 * Of a write to private anonymous memory where nothing is: a group of pages, if the settings allow one. False: a single page has to do. f->pte
 * is set.
 */
bool group_fault(struct vm_fault *f);

/* ------------------------------------------------------------------ cont.c */

#define CONT_PAGES contiguous_entries(MAX_LEVEL)
#define CONT_SIZE (CONT_PAGES * PAGE_SIZE)

/* Whoever has kept an area's faults away finds no folded entry there if this says no. */
static inline bool mm_has_cont(const struct mm_struct *mm)
{
	return unlikely(relaxed_load(&mm->has_cont));
}

/* The entry for addr is one of its own, if it was folded. Returns what it is then. */
u64 cont_unfold(struct mm_struct *mm, u64 *pte, unsigned long addr);
/*
 * The CONT_PAGES entries from pte on, that of the run's first page, are folded, or could be but for what they have of the bits in mask. Faults are kept
 * away, or it is a guess.
 */
bool cont_may_fold(const u64 *pte, u64 mask);
/* No folded entries lie across addr. */
void cont_cut(struct mm_struct *mm, unsigned long addr);
/* None is in the range, whose faults are awaited. */
void cont_unfold_range(struct mm_struct *mm, unsigned long start, unsigned long end);
/* What is wrong with the folded entries around that of addr; NULL: nothing. For checks. */
const char *cont_fault(const struct vm_area_struct *vma, const u64 *pte, unsigned long addr);

/* ------------------------------------------------------------------ collapse.c */

/* MADV_COLLAPSE of a part of an area. mmap_lock. 0, -EINVAL, -ENOMEM, -EAGAIN. */
int collapse_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);

/* ------------------------------------------------------------------ filemap.c, truncate.c */

void filemap_init(void);
/*
 * What the file has around f->address, or for a write just there, is mapped where nothing is. An area with vm_ops->in_file. True:
 * f->address is.
 */
bool filemap_map_pages(struct vm_fault *f);
/* The file ends before the page. */
bool filemap_beyond_end(const struct vm_area_struct *vma, unsigned long pgoff);
/* The pages with these indices leave the file. */
void mapping_remove_pages(struct address_space *mapping, unsigned long first, unsigned long last);

/*
 * An area enters or leaves its file's i_mmap, if it is one of a file's: after that, or before, truncation and migration look at
 * it. Within vma_change_begin; its bounds do not change in between.
 */
void vma_file_link(struct vm_area_struct *vma);
void vma_file_unlink(struct vm_area_struct *vma);

static inline bool vma_in_file(const struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->in_file;
}

static inline struct address_space *vma_mapping(const struct vm_area_struct *vma)
{
	return vma->vm_file->f_mapping;
}

/* The page, out of the tree by now, has another in its place, with the reference that the file had. address_space.lock. */
void filemap_replace_page(struct address_space *mapping, unsigned long index, struct page *page);

/* ------------------------------------------------------------------ lazyfree.c */

/* MADV_FREE: what is in the range may be dropped until it is written again. An anonymous area. mmap_lock. */
void mark_lazy_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/*
 * Drop pages of the range that may be, at most so many, of these nodes (NULL: of any). Returns how many. mmap_lock, or none of the area's
 * tables goes meanwhile.
 */
unsigned long drop_lazy_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			      unsigned long most, const nodemask_t *nodes);
/* The range's pages count as not used for long. mmap_lock. */
void make_pages_old(struct vm_area_struct *vma, unsigned long start, unsigned long end);

/* ------------------------------------------------------------------ rmap.c */

/* fn for each address space, until it says false; none if somebody else is at the list just now. fn only tries locks. */
void each_mm(bool (*fn)(struct mm_struct *mm, void *arg), void *arg);

/* A new address space joins its parent's family, or begins one (NULL). It leaves before its areas go. */
void mm_family_join(struct mm_struct *mm, const struct mm_struct *parent);
void mm_family_leave(struct mm_struct *mm);
/* How many entries are found that show the page, of which the caller has a reference; -1: not now. For checks. */
int page_rmap_count(struct page *page);

/* ------------------------------------------------------------------ a program's pages */

/* A fault takes it as it is: mprotect changes the entries afterwards. */
static inline u64 area_prot(const struct vm_area_struct *vma)
{
	return __atomic_load_n(&vma->vm_page_prot, __ATOMIC_RELAXED);
}

/* Of a page that is the program's own. */
static inline u64 writable_pte(const struct vm_area_struct *vma, u64 pte)
{
	pte = pte_mkdirty(pte);
	return vma->vm_flags & VM_WRITE ? pte_mkdirty(pte_mkwrite(pte)) : pte;
}

/* Pages that areas show, by the CPU that mapped or unmapped them. Only tasks count, so a load and a store will do. */
static inline void count_mapped(const struct page *page, enum mapped_item item, long n)
{
	long *counter = &this_cpu_ptr(&vm_mapped_states)->nr[page_to_nid(page)][item];

	relaxed_store(counter, relaxed_load(counter) + n);
}

/* One more entry shows a page, of which the caller has a reference; one less. Anonymous or of a file. */
static inline void page_add_file_rmap(struct page *page)
{
	if (__atomic_fetch_add(&page->_mapcount, 1, __ATOMIC_RELAXED) == -1)
		count_mapped(page, MAPPED_FILE, 1);
}

static inline bool page_is_anon(const struct page *page)
{
	return __atomic_load_n(&page->word, __ATOMIC_RELAXED) & PAGE_MAPPING_ANON;
}

/*
 * Nobody but this entry has the page: neither another program nor the kernel. (A second entry cannot come while this is asked: it
 * would have to be copied from this one, by a fork, which waits for faults and for mmap_lock.)
 */
static inline bool page_is_exclusive(const struct page *page)
{
	return page_is_anon(page) && __atomic_load_n(&page->_mapcount, __ATOMIC_ACQUIRE) == 0 &&
	       page_ref_count(page) == 1;
}

/* A new page becomes a program's own, at an index of its area. rmap.c draws the word. */
static inline void page_add_new_anon_rmap(struct page *page, const struct mm_struct *mm,
					  unsigned long index)
{
	page->index_lo = (u32)index;
	__atomic_store_n(&page->word,
			 (u64)(index >> 32) << 48 | mm->family << 3 | PAGE_MAPPING_ANON,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&page->_mapcount, 0, __ATOMIC_RELAXED);
	count_mapped(page, MAPPED_ANON, 1);
}

static inline void page_remove_rmap(struct page *page)
{
	if (__atomic_fetch_sub(&page->_mapcount, 1, __ATOMIC_RELEASE) == 0)
		count_mapped(page, page_is_anon(page) ? MAPPED_ANON : MAPPED_FILE, -1);
}

/* Which of its program's counters a page is in. */
static inline enum mm_counter page_counter(const struct page *page)
{
	if (page_is_anon(page))
		return MM_ANONPAGES;
	return PageSwapBacked(page) ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/* Drop a reference; what the page was to programs is forgotten with the last one. */
static inline void put_user_page(struct page *page)
{
	if (!put_page_testzero(page))
		return;
	if (page_is_anon(page))
		__atomic_store_n(&page->word, 0, __ATOMIC_RELAXED);
	free_unref_page(page, 0);
}

#endif
