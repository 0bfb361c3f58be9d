/* SPDX-License-Identifier: MIT */
/*
 * Address spaces (mm/vm/): areas of virtual memory, and what fills them with pages (Linux: include/linux/mm_types.h, mm.h; names and
 * values of 6.12).
 *
 * Addresses are those of programs: [0, TASK_SIZE), multiples of PAGE_SIZE unless said otherwise. Errors are negative
 * errno values. Nothing here is for interrupts.
 *
 * mmap_lock is held for writing by who changes areas, and by nobody else for long: page faults find their area without it
 * (mm/vm/vma.c says how).
 */
#ifndef QUIRE_MM_H
#define QUIRE_MM_H

#include <quire/gap_tree.h>
#include <quire/gfp.h>
#include <quire/interval_tree.h>
#include <quire/pgtable.h>
#include <quire/spinlock.h>

/* What programs have of the address space: 48 bits, whatever the kernel has. */
#define TASK_VA_BITS 48
#define TASK_SIZE BIT(TASK_VA_BITS)
/* Below this nothing is mapped at the kernel's choice (Debian's LSM_MMAP_MIN_ADDR), and below that by programs without privileges. */
#define MMAP_MIN_ADDR 32768UL
#define DAC_MMAP_MIN_ADDR 4096UL
/* Pages left free below a stack (stack_guard_gap). */
#define STACK_GUARD_GAP (256UL << PAGE_SHIFT)
/* vm.max_map_count */
#define DEFAULT_MAX_MAP_COUNT 65530U
/* Anonymous memory and the heads of executables (Linux: MMF_DUMP_FILTER_DEFAULT). */
#define DEFAULT_COREDUMP_FILTER 0x33U

/* vm_flags */
#define VM_READ 0x1UL
#define VM_WRITE 0x2UL
#define VM_EXEC 0x4UL
#define VM_SHARED 0x8UL
#define VM_MAYREAD 0x10UL
#define VM_MAYWRITE 0x20UL
#define VM_MAYEXEC 0x40UL
#define VM_MAYSHARE 0x80UL
#define VM_GROWSDOWN 0x100UL
#define VM_PFNMAP 0x400UL
#define VM_STARTGAP_FLAGS VM_GROWSDOWN
#define VM_LOCKED 0x2000UL
#define VM_IO 0x4000UL
#define VM_SEQ_READ 0x8000UL
#define VM_RAND_READ 0x10000UL
#define VM_DONTCOPY 0x20000UL
#define VM_DONTEXPAND 0x40000UL
#define VM_LOCKONFAULT 0x80000UL
#define VM_ACCOUNT 0x100000UL
#define VM_NORESERVE 0x200000UL
#define VM_SYNC 0x800000UL
#define VM_WIPEONFORK 0x2000000UL
#define VM_DONTDUMP 0x4000000UL
#define VM_MIXEDMAP 0x10000000UL
#define VM_HUGEPAGE 0x20000000UL
#define VM_NOHUGEPAGE 0x40000000UL
#define VM_MERGEABLE BIT(31)
#define VM_DROPPABLE BIT(40)
#define VM_SEALED BIT(63)
#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)
#define VM_SPECIAL (VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP)
#define VM_ACCESS_FLAGS (VM_READ | VM_WRITE | VM_EXEC)
#define VM_STACK_FLAGS                                                                             \
	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_GROWSDOWN | VM_ACCOUNT)

/* prot and flags of mmap; in a process, <sys/mman.h> may have said the same already. */
#ifndef PROT_READ
#define PROT_READ 1UL
#define PROT_WRITE 2UL
#define PROT_EXEC 4UL
#define PROT_NONE 0UL
#define PROT_GROWSDOWN 0x01000000UL
#define PROT_GROWSUP 0x02000000UL
#define MAP_SHARED 0x01UL
#define MAP_PRIVATE 0x02UL
#define MAP_SHARED_VALIDATE 0x03UL
#define MAP_TYPE 0x0fUL
#define MAP_FIXED 0x10UL
#define MAP_ANONYMOUS 0x20UL
#define MAP_GROWSDOWN 0x0100UL
#define MAP_LOCKED 0x2000UL
#define MAP_NORESERVE 0x4000UL
#define MAP_POPULATE 0x8000UL
#define MAP_NONBLOCK 0x10000UL
#define MAP_STACK 0x20000UL
#define MAP_HUGETLB 0x40000UL
#define MAP_SYNC 0x80000UL
#define MAP_FIXED_NOREPLACE 0x100000UL
#endif

struct mm_struct;
struct vm_area_struct;
struct file;

/* How a page fault went. */
typedef unsigned int vm_fault_t;
#define VM_FAULT_OOM 0x1U
#define VM_FAULT_SIGBUS 0x2U
#define VM_FAULT_MAJOR 0x4U
#define VM_FAULT_SIGSEGV 0x40U
#define VM_FAULT_NOPAGE 0x100U
/* Within handle_mm_fault: the area has to have an owner of its private pages first. */
#define VM_FAULT_RETRY 0x400U
/* With SIGSEGV: something is mapped there, and does not allow the access (SEGV_ACCERR); without it is SEGV_MAPERR. */
#define VM_FAULT_BADACCESS 0x20000U
/* No error: a block is mapped as a whole there, so that the pages around need no fault. */
#define VM_FAULT_BLOCK 0x40000U
#define VM_FAULT_ERROR (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV)

/* What a page fault wants. */
#define FAULT_FLAG_WRITE 0x1U
#define FAULT_FLAG_USER 0x40U
#define FAULT_FLAG_INSTRUCTION 0x100U
#define FAULT_FLAG_FORCE 0x1000U /* a debugger's: what the area could be allowed counts */

/*
 * What an area of a file is asked. An area without is anonymous and private (vma_is_anonymous).
 */
struct vm_operations_struct {
	/* The page at index pgoff of what the area maps, with a reference of the caller's. */
	vm_fault_t (*fault)(struct vm_area_struct *vma, unsigned long pgoff, struct page **page);
	/* The area is a copy (fork, split, mremap). */
	void (*open)(struct vm_area_struct *vma);
	/* The area goes. One with this is never joined with others (Linux: can_merge_remove_vma). */
	void (*close)(struct vm_area_struct *vma);
	/* What /proc/PID/maps calls the area; NULL: nothing. */
	const char *(*name)(struct vm_area_struct *vma);
	/*
	 * A page of a shared area is about to be written for the first time since it was mapped or made clean; 0, or VM_FAULT_* and then
	 * it is not. With it entries are read-only until then. NULL: nobody wants to know.
	 */
	vm_fault_t (*page_mkwrite)(struct vm_area_struct *vma, struct page *page);
	bool in_file; /* the area shows the pages of vm_file->f_mapping, and fault gives just those */
};

/* vma_alloc sets each of these. */
struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	u64 vm_page_prot; /* attributes of its descriptors; writable only if no page may need a copy first */
	const struct vm_operations_struct *vm_ops;
	unsigned long
		vm_pgoff; /* of vm_start: in pages of the file, or vm_start's own page number when anonymous */
	struct file *vm_file; /* a reference of the area's; NULL: none */
	void *vm_private_data;
	/*
	 * Whose private pages are here: 0 until the first one comes. It decides which areas join (mm/vm/vma.c), as anon_vma and its
	 * chain do in Linux.
	 */
	u64 anon_vma;
	u8 anon_chain;			    /* 0: no owner, 1: one, more: ancestors' pages too */
	struct anon_vma_name *anon_name;    /* a reference; NULL: none */
	struct mempolicy *vm_policy;	    /* a reference; NULL: the task's (mm/vm/mempolicy.c) */
	struct vm_area_struct *prev, *next; /* by address; under mmap_lock */
	struct interval_node in_file;	    /* vm_ops->in_file: in the file's i_mmap */
};

enum mm_counter { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, NR_MM_COUNTERS };

/*
 * A CPU counts in a slot that it shares with few others, in a cache line of its own: faults of two CPUs write nothing that the other
 * one reads. Counts may be negative; their sum is what there is.
 */
#define MM_RSS_SLOTS 4U
struct mm_rss {
	long nr[NR_MM_COUNTERS];
} __aligned(64);

struct mm_struct {
	phys_addr_t pgd;
	u64 context_id; /* ASID in the low 16 bits, its generation above; mm/vm/context.c */
	spinlock_t mmap_lock;
	u32 mmap_readers; /* who looks at areas: no writer goes on before it is 0 */
	u32 mm_seq;	  /* odd while areas change */
	struct gap_tree areas;
	struct vm_area_struct *mmap; /* the first area */
	/* All that have come from one by forks have the same number; a list by it (mm/vm/rmap.c). */
	u64 family;
	struct mm_struct *family_next, *family_prev;
	unsigned int map_count, max_map_count;
	s32 mm_users;						       /* tasks */
	unsigned long total_vm, locked_vm, data_vm, exec_vm, stack_vm; /* pages */
	unsigned long hiwater_vm;
	long pgtables_bytes;
	/* For each block that an entry maps as a whole, a table to split it with (mm/vm/huge.c). */
	struct page_list deposits;
	u32 nr_huge;
	spinlock_t deposit_lock;
	bool has_lazy; /* some pages may be dropped when memory is short (mm/vm/lazyfree.c); atomic */
	bool has_cont; /* some entries have been folded (mm/vm/cont.c); atomic */
	unsigned long mmap_base;
	unsigned long
		mmap_full; /* from here to mmap_base there is no hole; above it: nothing is known */
	struct mm_rss rss[MM_RSS_SLOTS]; /* mm_counter_sum */
	/* From here on a child's is a copy (dup_mm). */
	unsigned long start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file; /* what was executed; a reference */
	u64 saved_auxv[48];    /* as the program found it */
	unsigned long vdso;    /* where signal handlers return to */
	unsigned long rlimit_as, rlimit_data, rlimit_stack,
		rlimit_memlock;	 /* bytes; ULONG_MAX: none */
	unsigned long def_flags; /* of every new area: mlockall */
	bool mmap_legacy;	 /* mappings go upwards from mmap_base */
	bool unprivileged; /* its tasks may not lock more than their limit, nor overcommit the reserve */
	bool mdwe, mdwe_no_inherit; /* PR_SET_MDWE: what was writable never becomes executable */
	bool pkey0_freed;	    /* pkey_free(0): memory cannot be given that key again */
	bool thp_disabled;	    /* PR_SET_THP_DISABLE */
	u32 coredump_filter;	    /* /proc/PID/coredump_filter: areas that a core dump has */
	u32 membarrier, membarrier_shown; /* what it has registered for, and what is said of that */
};

static inline bool vma_is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_ops;
}

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

static inline unsigned long linear_page_index(const struct vm_area_struct *vma, unsigned long addr)
{
	return ((addr - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff;
}

/* The lowest address that nothing else may use: below a stack, some way under it. */
static inline unsigned long vm_start_gap(const struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > STACK_GUARD_GAP ? vma->vm_start - STACK_GUARD_GAP : 0;
}

static inline void add_mm_counter(struct mm_struct *mm, enum mm_counter which, long n)
{
	__atomic_fetch_add(&mm->rss[port_cpu() % MM_RSS_SLOTS].nr[which], n, __ATOMIC_RELAXED);
}

/* Exact when nobody counts meanwhile; else it may even be negative. */
static inline long mm_counter_sum(const struct mm_struct *mm, enum mm_counter which)
{
	long sum = 0;

	for (unsigned int i = 0; i < MM_RSS_SLOTS; i++)
		sum += __atomic_load_n(&mm->rss[i].nr[which], __ATOMIC_RELAXED);
	return sum;
}

static inline long get_mm_counter(const struct mm_struct *mm, enum mm_counter which)
{
	return max(mm_counter_sum(mm, which), 0L);
}

static inline unsigned long get_mm_rss(const struct mm_struct *mm)
{
	return (unsigned long)(get_mm_counter(mm, MM_FILEPAGES) + get_mm_counter(mm, MM_ANONPAGES) +
			       get_mm_counter(mm, MM_SHMEMPAGES));
}

/* ------------------------------------------------------------------ transparent huge pages (mm/vm/thp.c) */

/* What /sys/kernel/mm/transparent_hugepage shows, as the index of the word there. */
enum { THP_ALWAYS, THP_MADVISE, THP_NEVER };
enum {
	THP_DEFRAG_ALWAYS,
	THP_DEFRAG_DEFER,
	THP_DEFRAG_DEFER_MADVISE,
	THP_DEFRAG_MADVISE,
	THP_DEFRAG_NEVER
};
enum { THP_SIZE_ALWAYS, THP_SIZE_INHERIT, THP_SIZE_MADVISE, THP_SIZE_NEVER };
extern int thp_enabled, thp_defrag, thp_use_zero_page;
/* hugepages-*kB/enabled, by the order. Who changes one tells by thp_sizes_changed. */
extern int thp_size_enabled[PAGE_SHIFT - 3 + 1];
/* Faults heed thp_size_enabled as it is now. Any context. */
void thp_sizes_changed(void);
/* Settings as the machine and its command line have them. Once, when it is known how much memory there is. */
void thp_init(void);
/* Could the area have a block, as it and the settings are? (smaps: THPeligible) */
bool vm_thp_eligible(const struct vm_area_struct *vma);
/* The first page of the block that the page was made in, if both are still what they were; NULL: it came alone. A hint. */
const struct page *page_large_head(const struct page *page);

/* ------------------------------------------------------------------ address spaces (mm/vm/fork.c) */

/* The zero page and the caches of areas and address spaces. Once, when slab is there. */
void vm_init(void);
/* Let compaction and CMA move programs' pages (mm/vm/rmap.c). Once, after vm_init. */
void vm_migration_init(void);
/* Let allocations have the pages that may be dropped (mm/vm/lazyfree.c). Once, after vm_init. */
void vm_reclaim_init(void);
/* Of address spaces that are made from here on (/proc/sys/vm/max_map_count). */
extern unsigned int sysctl_max_map_count;
/* An empty one with one user; NULL: no memory. */
struct mm_struct *mm_alloc(void);
/* One user more, for who has one or is under what keeps it; any context. */
void mmget(struct mm_struct *mm);
/* One less. The last one's: everything is unmapped and freed, so no lock of this one, of a page or of a file is held. */
void mmput(struct mm_struct *mm);
/* A program becomes another one: limits and privileges stay. mm is nobody else's yet. */
void mm_inherit(struct mm_struct *mm, const struct mm_struct *old);
/* A copy of all areas and what they show, pages shared until written (Linux: dup_mm). NULL: no memory, and nothing has changed. */
struct mm_struct *dup_mm(struct mm_struct *oldmm);

/* This CPU runs programs of mm from here on; NULL: none. It gets an ASID, if it has none that counts (mm/vm/context.c). */
void mm_switch(struct mm_struct *mm);

/*
 * For who changes areas. Who comes waits for his turn at the spinlock, readers too, who count themselves and give it on; so turns are kept,
 * and a writer, who keeps it, waits for the readers before him only. Nobody takes it twice.
 */
void mmap_await_readers(const struct mm_struct *mm);
static inline void mmap_write_lock(struct mm_struct *mm)
{
	spin_lock(&mm->mmap_lock);
	if (unlikely(__atomic_load_n(&mm->mmap_readers, __ATOMIC_ACQUIRE)))
		mmap_await_readers(mm);
}

/* False: not now. May fail without a reason. */
static inline bool mmap_write_trylock(struct mm_struct *mm)
{
	if (!spin_trylock(&mm->mmap_lock))
		return false;
	if (likely(!__atomic_load_n(&mm->mmap_readers, __ATOMIC_ACQUIRE)))
		return true;
	spin_unlock(&mm->mmap_lock);
	return false;
}

static inline void mmap_write_unlock(struct mm_struct *mm)
{
	spin_unlock(&mm->mmap_lock);
}

/* For who looks at areas; several at once. */
static inline void mmap_read_lock(struct mm_struct *mm)
{
	spin_lock(&mm->mmap_lock);
	__atomic_fetch_add(&mm->mmap_readers, 1, __ATOMIC_RELAXED);
	spin_unlock(&mm->mmap_lock);
}

static inline void mmap_read_unlock(struct mm_struct *mm)
{
	__atomic_fetch_sub(&mm->mmap_readers, 1, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ areas (mm/vm/vma.c). mmap_lock held. */

/* The first area that ends above addr, or NULL. */
struct vm_area_struct *find_vma(const struct mm_struct *mm, unsigned long addr);
static inline struct vm_area_struct *vma_lookup(const struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return vma && vma->vm_start <= addr ? vma : NULL;
}

/* Re-derives areas, list, tree, counts and page tables. Prints violations, returns how many. */
int mm_check(struct mm_struct *mm);

/* ------------------------------------------------------------------ promises of memory (mm/vm/commit.c) */

#define OVERCOMMIT_GUESS 0
#define OVERCOMMIT_ALWAYS 1
#define OVERCOMMIT_NEVER 2
/* vm.overcommit_memory and kin, as /proc/sys/vm shows them. */
extern int sysctl_overcommit_memory, sysctl_overcommit_ratio;
extern unsigned long sysctl_overcommit_kbytes, sysctl_admin_reserve_kbytes,
	sysctl_user_reserve_kbytes;
/* Pages: Committed_AS and CommitLimit. */
unsigned long vm_memory_committed(void);
unsigned long vm_commit_limit(void);
/* Promise so many pages; negative: give them back. */
void vm_acct_memory(long pages);
/* The same if there may be so many. mm: whose they are, or NULL: of no program. 0, -ENOMEM. */
int vm_enough_memory(const struct mm_struct *mm, long pages);

/* ------------------------------------------------------------------ the mmap family (mm/vm/mmap.c ...) */

/*
 * What the system calls of these names do, with Linux 6.12's results. start and addr are multiples of the page size unless it says otherwise; a length
 * is in bytes and goes up to the next page. All take mmap_lock and allocate: interrupts on, and none of the locks of docs/architecture.md held but
 * kernel_lock.
 */

/*
 * Map len bytes. file NULL: anonymous. pgoff: in pages. Returns the address, or a negative errno as an unsigned long (Linux: ksys_mmap_pgoff):
 * -EINVAL: flags, or an address that is none; -ENOMEM: no room, no memory, too many areas, or a limit; -EOVERFLOW: pgoff; -EPERM: a low
 * address, or MAP_LOCKED, which are not for this program, or a seal; -EEXIST: MAP_FIXED_NOREPLACE; -EAGAIN: more than may be locked; -EACCES: the
 * file, or PR_SET_MDWE, does not allow it; -ENODEV, -EOPNOTSUPP: not with this file.
 */
unsigned long vm_mmap_pgoff(struct mm_struct *mm, struct file *file, unsigned long addr,
			    unsigned long len, unsigned long prot, unsigned long flags,
			    unsigned long pgoff);
/* The same of a file that counts as opened to be read, whatever its mode is: no mprotect makes a shared mapping writable. */
unsigned long vm_mmap_reader(struct mm_struct *mm, struct file *file, unsigned long addr,
			     unsigned long len, unsigned long prot, unsigned long flags,
			     unsigned long pgoff);
/*
 * Linux: remap_file_pages, as far as it is another mapping of the same file. start and size go down to a page. 0; -EINVAL: not a shared mapping of one
 * file; vm_mmap_pgoff's.
 */
int vm_remap_file_pages(struct mm_struct *mm, unsigned long start, unsigned long size,
			unsigned long prot, unsigned long pgoff, unsigned long flags);
/* No hole in the range? */
bool vm_is_whole(struct mm_struct *mm, unsigned long start, unsigned long len);
/* Is there an area anywhere in the range? */
bool vm_is_mapped(struct mm_struct *mm, unsigned long start, unsigned long len);
/* Nothing is mapped in the range any more. 0; -EINVAL; -ENOMEM; -EPERM: something in it is sealed, and nothing has gone. */
int vm_munmap(struct mm_struct *mm, unsigned long start, unsigned long len);
/* Private memory of a program that will not run again is given back before it ends (Linux: __oom_reap_task_mm). Takes mmap_lock. */
void vm_reap(struct mm_struct *mm);
/*
 * prot: PROT_*, with PROT_GROWSDOWN from the start of the area. 0; -EINVAL; -ENOMEM: a hole, to which all before it has changed, or no memory;
 * -EACCES: the file, or PR_SET_MDWE, does not allow it; -EPERM: sealed.
 */
int vm_mprotect(struct mm_struct *mm, unsigned long start, unsigned long len, unsigned long prot);
/* The heap ends at brk, any address, from here on. Returns where it ends now: at brk, or where it did, when that cannot be. */
unsigned long vm_brk(struct mm_struct *mm, unsigned long brk);
/*
 * Linux: ksys_mremap. The address, or a negative errno as an unsigned long: -EINVAL; -EFAULT: not one area; -ENOMEM; -EAGAIN: more than may be locked;
 * -EPERM: sealed.
 */
unsigned long vm_mremap(struct mm_struct *mm, unsigned long addr, unsigned long old_len,
			unsigned long new_len, unsigned long flags, unsigned long new_addr);
#ifndef MREMAP_MAYMOVE
#define MREMAP_MAYMOVE 1UL
#define MREMAP_FIXED 2UL
#define MREMAP_DONTUNMAP 4UL
#endif
/*
 * advice: MADV_*. 0; -EINVAL: advice or range, or an area that it is not for; -ENOMEM: a hole, but what is mapped has been advised, or no memory
 * (MADV_POPULATE_*, MADV_COLLAPSE); -EFAULT: behind the end of a file (MADV_POPULATE_*); -EACCES, -EPERM: not that memory; -EAGAIN: no
 * area could be cut, or its pages were in use (MADV_COLLAPSE); -EOPNOTSUPP: MADV_HWPOISON and kin, for who may ask.
 */
int vm_madvise(struct mm_struct *mm, unsigned long start, unsigned long len, int advice);
#ifndef MADV_NORMAL
#define MADV_NORMAL 0
#define MADV_RANDOM 1
#define MADV_SEQUENTIAL 2
#define MADV_WILLNEED 3
#define MADV_DONTNEED 4
#define MADV_FREE 8
#define MADV_REMOVE 9
#define MADV_DONTFORK 10
#define MADV_DOFORK 11
#define MADV_MERGEABLE 12
#define MADV_UNMERGEABLE 13
#define MADV_HUGEPAGE 14
#define MADV_NOHUGEPAGE 15
#define MADV_DONTDUMP 16
#define MADV_DODUMP 17
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#define MADV_HWPOISON 100
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

/*
 * Linux: mm/mlock.c. onfault: pages as they come; flags: MCL_*. 0; -ENOMEM: a hole, or more than the limit; -EPERM: the limit is 0; -EAGAIN: no memory for
 * the pages; -EINVAL. start need not be a page's.
 */
int vm_mlock(struct mm_struct *mm, unsigned long start, unsigned long len, bool onfault);
int vm_munlock(struct mm_struct *mm, unsigned long start, unsigned long len);
int vm_mlockall(struct mm_struct *mm, int flags);
int vm_munlockall(struct mm_struct *mm);
#ifndef MCL_CURRENT
#define MCL_CURRENT 1
#define MCL_FUTURE 2
#define MCL_ONFAULT 4
#endif

/*
 * Which of so many pages are in memory: a byte each, 1 or 0. Returns how many bytes it filled: to the end of the area; -ENOMEM: there is
 * none.
 */
long vm_mincore(struct mm_struct *mm, unsigned long start, unsigned long pages, unsigned char *vec);
/* Files are in memory, so nothing is written: only what flags, MS_*, and range are. 0; -EINVAL; -ENOMEM: a hole; -EBUSY: locked (MS_INVALIDATE). */
int vm_msync(struct mm_struct *mm, unsigned long start, unsigned long len, int flags);
#ifndef MS_ASYNC
#define MS_ASYNC 1
#define MS_INVALIDATE 2
#define MS_SYNC 4
#endif
/* Seal the areas of a range against changes. 0, -EINVAL, -ENOMEM. */
int vm_mseal(struct mm_struct *mm, unsigned long start, unsigned long len, unsigned long flags);
/* A name for anonymous memory, or NULL: none any more. 0, -EINVAL, -ENOMEM, -EBADF: a file's, -EAGAIN. */
int vm_set_anon_name(struct mm_struct *mm, unsigned long start, unsigned long len,
		     const char *name);

#define IS_ERR_VALUE(x) ((unsigned long)(x) >= (unsigned long)-4095L)

/* ------------------------------------------------------------------ faults (mm/vm/fault.c) */

/*
 * The page at addr shall be there for what flags want. 0, or one of VM_FAULT_ERROR: VM_FAULT_OOM; VM_FAULT_SIGBUS: behind the end of
 * a file (BUS_ADRERR); VM_FAULT_SIGSEGV, perhaps with VM_FAULT_BADACCESS. Takes no lock that the caller may hold, so not
 * mmap_lock.
 */
vm_fault_t handle_mm_fault(struct mm_struct *mm, unsigned long addr, unsigned int flags);
/*
 * The same for each page of a range. -ENOMEM: nothing mapped, or no memory; -EINVAL: the area does not allow it; -EFAULT: beyond the end
 * of a file; -EINTR: vm_fatal_signal says so.
 */
int populate_range(struct mm_struct *mm, unsigned long start, unsigned long end, bool write);
/* kernel/ sets it: is the running program to die? Then what would go on for long, page by page, ends. NULL: nobody kills. */
extern bool (*vm_fatal_signal)(void);
/*
 * Memory is out within a call that brings pages in: a program ends for it, as for a page fault. True: there may be some now. No lock of mm/ is
 * held. NULL, unless there are programs: then the call fails.
 */
extern bool (*vm_out_of_memory)(void);

/*
 * The page at addr of another address space than the one in force, with a reference: faulted in when need be. write: about to be
 * written. NULL: not accessible so (Linux: get_user_pages).
 */
struct page *get_user_page(struct mm_struct *mm, unsigned long addr, bool write);
/* Give the reference back. */
void user_page_put(struct page *page);
/* Only programs that have forked from one another have it. */
bool user_page_is_anon(const struct page *page);
/*
 * len bytes from and to kernel memory, of any address space, through the linear map. Returns how many bytes could not be copied: those from the first that
 * is not accessible. Faults, so under what handle_mm_fault may be called.
 *
 * force: as a debugger does, what is private and read only is written to as a page of the program's own, and stays read only (Linux: FOLL_FORCE);
 * not where the program may do nothing at all.
 */
size_t access_remote_vm_force(struct mm_struct *mm, unsigned long addr, void *buf, size_t len,
			      bool write);
size_t access_remote_vm(struct mm_struct *mm, unsigned long addr, void *buf, size_t len,
			bool write);
/* A word there, at a multiple of 4, atomically: if it is *old it becomes new. 1; 0: *old is what it was; -EFAULT. */
int cmpxchg_remote_vm(struct mm_struct *mm, unsigned long addr, u32 *old, u32 new);

#endif
