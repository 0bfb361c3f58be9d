// SPDX-License-Identifier: MIT
/*
 * Page faults: what an access found missing or forbidden is put right, or refused.
 *
 *   handle_mm_fault              the area, and whether it allows the access
 *     huge_fault (huge.c)        no table yet: a block, where one may be, or a table
 *     handle_pte_fault
 *       do_anonymous_page        nothing there, private memory: the zero page for a read, a new page for a write
 *       do_read_fault            nothing there, a file: its page
 *       do_cow_fault             the same, written privately: a copy of its page
 *       do_shared_fault          the same, written for all
 *       do_wp_page               there, but not for writing: a copy, or, where nobody else has the page, just permission
 *       else                     accessed or dirty, where the CPU does not note it itself; or another CPU was faster
 *
 * Locking: none but what vma_start_read does. Two faults at one address meet in the entry's atomic exchange; the slower one drops
 * what it made and lets the access try again.
 *
 * Against Linux 6.12: the same cases under the same names. There each table has a lock, and an entry is looked at again under it.
 */
#include <quire/mm.h>
#include <quire/string.h>
#include <quire/user.h>

#include "internal.h"

struct page *zero_page;
bool (*vm_fatal_signal)(void);

static struct page *new_anon_page(const struct vm_fault *f, gfp_t more)
{
	struct page *page = vma_alloc_pages(f->vma, f->address, GFP_HIGHUSER_MOVABLE | more, 0);

	if (page)
		page_add_new_anon_rmap(page, f->vma->vm_mm, linear_page_index(f->vma, f->address));
	return page;
}

void sync_exec(const struct vm_area_struct *vma, struct page *page)
{
	if (vma->vm_flags & VM_EXEC && !PageArch1(page)) {
		port_sync_icache(page_address(page), PAGE_SIZE);
		SetPageArch1(page);
	}
}

/* A page that nothing has seen yet. */
static void drop_new_page(struct page *page)
{
	page_remove_rmap(page);
	put_user_page(page);
}

/* ------------------------------------------------------------------ nothing there */

static vm_fault_t do_anonymous_page(struct vm_fault *f)
{
	struct vm_area_struct *vma = f->vma;
	struct page *page;
	u64 none = 0;

	if (!(f->flags & FAULT_FLAG_WRITE)) {
		u64 pte = mk_pte(page_to_phys(zero_page), area_prot(vma)) | PTE_SPECIAL;

		sync_exec(vma, zero_page);
		pte_cmpxchg(f->pte, &none, pte);
		return 0;
	}
	if (unlikely(relaxed_load(&thp_group_orders)) && group_fault(f))
		return 0;
	page = new_anon_page(f, 0);
	if (!page)
		return VM_FAULT_OOM;
	clear_page(page_address(page));
	/* Instructions of whose page it was may still be on their way to the CPU. */
	sync_exec(vma, page);
	if (!pte_cmpxchg(f->pte, &none,
			 writable_pte(vma, mk_pte(page_to_phys(page), area_prot(vma))))) {
		drop_new_page(page);
		return 0;
	}
	add_mm_counter(vma->vm_mm, MM_ANONPAGES, 1);
	return 0;
}

/* The file's page, with a reference of ours. */
static vm_fault_t file_page(struct vm_fault *f, struct page **page)
{
	return f->vma->vm_ops->fault(f->vma, linear_page_index(f->vma, f->address), page);
}

/* A page that is in no file's tree is mapped, for writing where the area is shared and that is what is wanted. */
static vm_fault_t map_other_page(struct vm_fault *f, struct page *page)
{
	u64 none = 0, pte = mk_pte(page_to_phys(page), area_prot(f->vma));

	if (f->flags & FAULT_FLAG_WRITE)
		pte = pte_mkdirty(f->vma->vm_ops->page_mkwrite ? pte_mkwrite(pte) : pte);
	sync_exec(f->vma, page);
	page_add_file_rmap(page);
	if (pte_cmpxchg(f->pte, &none, pte)) {
		add_mm_counter(f->vma->vm_mm, page_counter(page), 1);
		return 0;
	}
	page_remove_rmap(page);
	put_page(page);
	return 0;
}

/* Of those that the file has already, also what lies around. Else the file makes it, and nobody may take it away again meanwhile. */
static vm_fault_t map_file_pages(struct vm_fault *f)
{
	struct page *page;
	vm_fault_t ret;

	while (!filemap_map_pages(f)) {
		ret = file_page(f, &page);
		if (ret & VM_FAULT_ERROR)
			return ret;
		put_page(page);
	}
	return 0;
}

static vm_fault_t do_read_fault(struct vm_fault *f)
{
	struct page *page;
	vm_fault_t ret;

	if (likely(f->vma->vm_ops->in_file))
		return map_file_pages(f);
	ret = file_page(f, &page);
	return ret & VM_FAULT_ERROR ? ret : map_other_page(f, page);
}

static vm_fault_t do_shared_fault(struct vm_fault *f)
{
	const struct vm_operations_struct *ops = f->vma->vm_ops;
	struct page *page;
	vm_fault_t ret;

	if (likely(ops->in_file && !ops->page_mkwrite))
		return map_file_pages(f);
	ret = file_page(f, &page);
	if (ret & VM_FAULT_ERROR)
		return ret;
	if (ops->page_mkwrite) {
		ret = ops->page_mkwrite(f->vma, page);
		if (ret & VM_FAULT_ERROR) {
			put_page(page);
			return ret;
		}
	}
	return map_other_page(f, page);
}

static vm_fault_t do_cow_fault(struct vm_fault *f)
{
	struct vm_area_struct *vma = f->vma;
	struct page *new = new_anon_page(f, 0), *page;
	vm_fault_t ret;
	u64 none = 0;

	if (!new)
		return VM_FAULT_OOM;
	ret = file_page(f, &page);
	if (ret & VM_FAULT_ERROR) {
		drop_new_page(new);
		return ret;
	}
	copy_page(page_address(new), page_address(page));
	put_page(page);
	sync_exec(vma, new);
	if (!pte_cmpxchg(f->pte, &none,
			 writable_pte(vma, mk_pte(page_to_phys(new), area_prot(vma))))) {
		drop_new_page(new);
		return ret;
	}
	add_mm_counter(vma->vm_mm, MM_ANONPAGES, 1);
	/* The file may have been cut short, and its areas looked through before the entry was there. */
	if (vma->vm_ops->in_file) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (unlikely(filemap_beyond_end(vma, linear_page_index(vma, f->address))))
			zap_range(vma->vm_mm, f->address, f->address + PAGE_SIZE);
	}
	return ret;
}

static vm_fault_t do_pte_missing(struct vm_fault *f)
{
	if (vma_is_anonymous(f->vma))
		return do_anonymous_page(f);
	if (!(f->flags & FAULT_FLAG_WRITE))
		return do_read_fault(f);
	return f->vma->vm_flags & VM_SHARED ? do_shared_fault(f) : do_cow_fault(f);
}

/* ------------------------------------------------------------------ there */

static vm_fault_t wp_page_copy(struct vm_fault *f)
{
	struct vm_area_struct *vma = f->vma;
	struct mm_struct *mm = vma->vm_mm;
	bool zero = f->orig & PTE_SPECIAL;
	struct page *old = pte_page(f->orig), *new = new_anon_page(f, zero ? __GFP_ZERO : 0);
	u64 seen = f->orig;

	if (!new)
		return VM_FAULT_OOM;
	/* Ours alone from here on; the old page can still be read through the TLBs, and no more after the flush. */
	if (!pte_cmpxchg(f->pte, &seen, PTE_BUSY)) {
		drop_new_page(new);
		return 0;
	}
	port_flush_tlb_user_page(mm->context_id, f->address);
	if (!zero)
		copy_page(page_address(new), page_address(old));
	sync_exec(vma, new);
	/* Who finds the page by the entry finds in it what was copied. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	port_set_pte(f->pte, writable_pte(vma, mk_pte(page_to_phys(new), area_prot(vma))));
	if (zero) {
		add_mm_counter(mm, MM_ANONPAGES, 1);
		return 0;
	}
	if (!page_is_anon(old)) {
		add_mm_counter(mm, MM_ANONPAGES, 1);
		add_mm_counter(mm, page_counter(old), -1);
	}
	page_remove_rmap(old);
	put_user_page(old);
	return 0;
}

/* The entry gets more permission or marks; when it has changed meanwhile the access tries again. */
static vm_fault_t set_access(struct vm_fault *f, u64 pte)
{
	u64 seen = f->orig;

	/* Another access was faster, or a group came with all of it allowed. Whoever allowed less before has flushed. */
	if (pte == seen)
		return 0;
	pte_cmpxchg(f->pte, &seen, pte);
	/* A TLB may hold the entry with less permission; it never holds one that is not marked as accessed (Arm ARM D8.4.6). */
	if (f->flags & FAULT_FLAG_WRITE)
		port_flush_tlb_user_page(f->vma->vm_mm->context_id, f->address);
	return 0;
}

/* Written for all: whoever wants to know of it is asked. That the page is dirty stands in the entry until that goes. */
static vm_fault_t wp_page_shared(struct vm_fault *f)
{
	const struct vm_operations_struct *ops = f->vma->vm_ops;
	struct page *page = pte_page(f->orig);
	vm_fault_t ret;

	if (ops->page_mkwrite) {
		if (!get_page_unless_zero(page))
			return 0;
		/* Else it was not this page any more that was referenced. */
		ret = pte_page(pte_load(f->pte)) == page ? ops->page_mkwrite(f->vma, page) : 0;
		put_page_guessed(page);
		if (ret & VM_FAULT_ERROR)
			return ret;
	}
	return set_access(f, pte_mkdirty(pte_mkwrite(f->orig | DESC_AF)));
}

static vm_fault_t do_wp_page(struct vm_fault *f)
{
	struct vm_area_struct *vma = f->vma;

	if (vma->vm_flags & VM_SHARED)
		return wp_page_shared(f);
	if (unlikely(f->orig & DESC_CONT)) {
		f->orig = cont_unfold(vma->vm_mm, f->pte, f->address);
		/* Gone meanwhile, or another CPU was faster. */
		if (!(f->orig & DESC_VALID) || f->orig & DESC_CONT || pte_write(f->orig))
			return 0;
	}
	if (!(f->orig & PTE_SPECIAL) && page_is_exclusive(pte_page(f->orig)))
		return set_access(f, writable_pte(vma, f->orig | DESC_AF));
	return wp_page_copy(f);
}

static vm_fault_t handle_pte_fault(struct vm_fault *f)
{
	vm_fault_t ret;
	u64 pte;

	f->pte = pte_lookup(f->vma->vm_mm, f->address);
	if (unlikely(!f->pte) && huge_fault(f, &ret))
		return ret;
	f->orig = pte_wait(f->pte);
	if (!f->orig)
		return do_pte_missing(f);
	/* PROT_NONE before, and the area allows more now: mprotect has not come here yet. */
	if (!(f->orig & DESC_VALID))
		return 0;
	if (f->flags & FAULT_FLAG_WRITE && !pte_write(f->orig))
		return do_wp_page(f);
	pte = f->orig | DESC_AF;
	if (f->flags & FAULT_FLAG_WRITE)
		pte = pte_mkdirty(pte);
	return set_access(f, pte);
}

/* ------------------------------------------------------------------ the way in */

static bool access_allowed(const struct vm_area_struct *vma, unsigned int flags)
{
	if (unlikely(flags & FAULT_FLAG_FORCE && vma->vm_flags & VM_ACCESS_FLAGS))
		return flags & FAULT_FLAG_WRITE
			       ? vma->vm_flags & VM_WRITE ||
					 (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE
			       : vma->vm_flags & (VM_READ | VM_MAYREAD);
	if (flags & FAULT_FLAG_WRITE)
		return vma->vm_flags & VM_WRITE;
	if (flags & FAULT_FLAG_INSTRUCTION)
		return vma->vm_flags & VM_EXEC;
	return vma->vm_flags & VM_ACCESS_FLAGS;
}

/* A stack below which the access was grows down to it, as far as there is room. */
static bool grow_stack(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma, *prev;
	unsigned long size, pages;
	bool grown = false;

	mmap_write_lock(mm);
	vma = find_vma(mm, addr);
	if (vma && vma->vm_start <= addr) {
		grown = true;
		goto out;
	}
	if (!vma || !(vma->vm_flags & VM_GROWSDOWN) || addr < MMAP_MIN_ADDR)
		goto out;
	prev = vma->prev;
	if (prev && prev->vm_flags & VM_ACCESS_FLAGS && !(prev->vm_flags & VM_GROWSDOWN) &&
	    addr - prev->vm_end < STACK_GUARD_GAP)
		goto out;
	anon_vma_prepare(vma);
	size = vma->vm_end - addr;
	pages = (vma->vm_start - addr) >> PAGE_SHIFT;
	if (pages > vma->vm_pgoff || !may_expand_vm(mm, vma->vm_flags, pages) ||
	    size > mm->rlimit_stack || !mlock_future_ok(mm, vma->vm_flags, pages << PAGE_SHIFT) ||
	    vm_enough_memory(mm, (long)pages))
		goto out;
	vma_change_begin(mm);
	vma_start_write(vma);
	gap_tree_resize(&mm->areas, vma->vm_start, addr, vma->vm_end);
	vma->vm_start = addr;
	vma->vm_pgoff -= pages;
	vm_stat_account(mm, vma->vm_flags, (long)pages);
	vma_change_end(mm);
	grown = true;
out:
	mmap_write_unlock(mm);
	return grown;
}

/* The first private page is about to come: whose it will be depends on the neighbours, so not without the lock. */
static noinline void prepare_owner(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	mmap_write_lock(mm);
	vma = vma_lookup(mm, addr);
	if (vma)
		anon_vma_prepare(vma);
	mmap_write_unlock(mm);
}

/* Only tasks fault: a load and a store will do. */
static void count_fault(void)
{
	unsigned long *n = &this_cpu_ptr(&vm_event_states)->event[PGFAULT];

	relaxed_store(n, relaxed_load(n) + 1);
}

vm_fault_t handle_mm_fault(struct mm_struct *mm, unsigned long addr, unsigned int flags)
{
	struct vm_fault f = {.address = ALIGN_DOWN(addr, PAGE_SIZE), .flags = flags};
	vm_fault_t ret;

	count_fault();
	if (unlikely(addr >= TASK_SIZE))
		return VM_FAULT_SIGSEGV;
again:
	f.vma = vma_start_read(mm, f.address);
	if (unlikely(!f.vma)) {
		if (!grow_stack(mm, f.address))
			return VM_FAULT_SIGSEGV;
		f.vma = vma_start_read(mm, f.address);
		if (!f.vma)
			return VM_FAULT_SIGSEGV;
	}
	if (unlikely(!access_allowed(f.vma, flags))) {
		vma_end_read();
		return VM_FAULT_SIGSEGV | VM_FAULT_BADACCESS;
	}
	if (unlikely(flags & FAULT_FLAG_WRITE && !(f.vma->vm_flags & VM_SHARED) &&
		     !__atomic_load_n(&f.vma->anon_vma, __ATOMIC_RELAXED))) {
		vma_end_read();
		prepare_owner(mm, f.address);
		goto again;
	}
	ret = handle_pte_fault(&f);
	if (unlikely(ret & VM_FAULT_RETRY)) {
		vma_end_read();
		prepare_owner(mm, f.address);
		goto again;
	}
	/* Others' pages may go for it, or its own: nobody dies for memory that is not missed. */
	if (unlikely(f.vma->vm_flags & VM_DROPPABLE)) {
		__atomic_store_n(&mm->has_lazy, true, __ATOMIC_RELAXED);
		if (flags & FAULT_FLAG_USER)
			ret &= ~VM_FAULT_OOM;
	}
	vma_end_read();
	return ret;
}

bool (*vm_out_of_memory)(void);

int populate_range(struct mm_struct *mm, unsigned long start, unsigned long end, bool write)
{
	for (unsigned long addr = start, next; addr < end; addr = next) {
		vm_fault_t ret = handle_mm_fault(mm, addr, write ? FAULT_FLAG_WRITE : 0);

		next = fault_next(addr, ret);
		/* Whether there is nothing, or something that does not allow it. */
		if (ret & VM_FAULT_SIGSEGV)
			return ret & VM_FAULT_BADACCESS ? -EINVAL : -ENOMEM;
		if (ret & VM_FAULT_OOM) {
			if (!vm_out_of_memory || !vm_out_of_memory())
				return -ENOMEM;
			next = addr;
		} else if (ret & VM_FAULT_ERROR) {
			return -EFAULT;
		}
		if (unlikely(faults_end(next)))
			return -EINTR;
	}
	return 0;
}

/* ------------------------------------------------------------------ from outside */

/*
 * The page as get_user_page gives it, found within vma_start_read, which goes on: until vma_end_read its entry is not shared with a
 * child, so what is written to it is written to the program's page. NULL: not accessible so, and vma_end_read was called.
 */
static bool entry_allows(const struct vm_area_struct *vma, u64 pte, unsigned int flags)
{
	if (!(flags & FAULT_FLAG_WRITE) || (pte_write(pte) && pte_dirty(pte)))
		return true;
	/* A copy that was made for this, and that no child has. */
	return flags & FAULT_FLAG_FORCE && !(vma->vm_flags & (VM_WRITE | VM_SHARED)) &&
	       pte_dirty(pte) && page_is_anon(pte_page(pte)) && page_is_exclusive(pte_page(pte));
}

static struct page *pin_user_page(struct mm_struct *mm, unsigned long addr, unsigned int flags)
{
	if (addr >= TASK_SIZE)
		return NULL;
	for (;;) {
		/* Under the area's protection nothing takes the tables away; the entry may change. */
		struct vm_area_struct *vma = vma_start_read(mm, addr);
		u64 raw = 0, val = 0, *entry = vma ? entry_find(mm, addr, &raw, &val) : NULL;
		struct page *page;

		if (vma && vma_in_file(vma) && vma_mapping(vma)->secret) {
			vma_end_read();
			return NULL;
		}
		if (val & DESC_VALID && entry_allows(vma, val, flags)) {
			page = pte_page(val);
			/* It is somebody's as long as the entry says so: then the reference counts. */
			if (get_page_unless_zero(page)) {
				u64 now = pte_load(entry);

				if (pte_present(now) && pte_pa(now) == pte_pa(raw))
					return page;
				put_page_guessed(page);
			}
			vma_end_read();
			continue;
		}
		vma_end_read();
		if (handle_mm_fault(mm, addr, flags) & VM_FAULT_ERROR)
			return NULL;
	}
}

struct page *get_user_page(struct mm_struct *mm, unsigned long addr, bool write)
{
	struct page *page = pin_user_page(mm, addr, write ? FAULT_FLAG_WRITE : 0);

	if (page)
		vma_end_read();
	return page;
}

static size_t access_pages(struct mm_struct *mm, unsigned long addr, void *buf, size_t len,
			   unsigned int flags)
{
	const bool write = flags & FAULT_FLAG_WRITE;

	while (len) {
		size_t offset = addr & (PAGE_SIZE - 1), n = min(len, PAGE_SIZE - offset);
		struct page *page = pin_user_page(mm, addr, flags);
		char *p;

		if (!page)
			break;
		p = (char *)page_address(page) + offset;
		if (write) {
			memcpy(p, buf, n);
			/* A debugger's breakpoint. */
			if (flags & FAULT_FLAG_FORCE)
				port_sync_icache(p, n);
		} else {
			memcpy(buf, p, n);
		}
		vma_end_read();
		put_user_page(page);
		buf = (char *)buf + n;
		addr += n;
		len -= n;
	}
	return len;
}

size_t access_remote_vm(struct mm_struct *mm, unsigned long addr, void *buf, size_t len, bool write)
{
	return access_pages(mm, addr, buf, len, write ? FAULT_FLAG_WRITE : 0);
}

size_t access_remote_vm_force(struct mm_struct *mm, unsigned long addr, void *buf, size_t len,
			      bool write)
{
	return access_pages(mm, addr, buf, len, FAULT_FLAG_FORCE | (write ? FAULT_FLAG_WRITE : 0));
}

int cmpxchg_remote_vm(struct mm_struct *mm, unsigned long addr, u32 *old, u32 new)
{
	struct page *page = pin_user_page(mm, addr, true);
	bool done;
	u32 *p;

	if (!page)
		return -EFAULT;
	p = (u32 *)(void *)((char *)page_address(page) + (addr & (PAGE_SIZE - 1)));
	done = __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	vma_end_read();
	put_user_page(page);
	return done;
}
