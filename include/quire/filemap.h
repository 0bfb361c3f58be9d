/* SPDX-License-Identifier: MIT */
/*
 * Files in memory, and mappings of them (mm/vm/filemap.c; Linux: struct address_space, mm/filemap.c, mm/shmem.c).
 *
 * A file is its pages: there is no disk behind it. A page that nobody has written is zero, and is made when somebody looks.
 */
#ifndef QUIRE_FILEMAP_H
#define QUIRE_FILEMAP_H

#include <quire/interval_tree.h>
#include <quire/mm.h>
#include <quire/radix_tree.h>

/* What the files of a file system may have together; pages enter and leave it with their files'. */
struct file_space {
	s64 max;  /* pages; 0: any number */
	s64 used; /* atomically, faults take no lock of the file system */
};

/* The pages of a file. */
struct address_space {
	spinlock_t
		lock; /* pages, nrpages, i_size; entries of areas that show a page of it are made under it */
	struct radix_tree pages;
	unsigned long nrpages;
	u64 i_size;  /* bytes */
	s32 users;   /* names, open files, areas */
	bool shmem;  /* counted as shared memory */
	bool anon;   /* of a shared anonymous mapping */
	bool secret; /* its pages are reached at the addresses of those who map it and not otherwise, and are not moved */
	spinlock_t i_mmap_lock;
	struct interval_tree i_mmap; /* the areas that map it, by the indices of their pages */
	/* Sealed: shared mappings are not for writing, now and later. Set by who holds the seals, before mapping_deny_writable(). */
	bool write_sealed;
	unsigned long promised;	  /* pages, counted by mm/vm/commit.c */
	s32 i_mmap_writable;	  /* shared areas that are, or may become, writable */
	struct file_space *space; /* counts its pages; NULL: nobody does. It outlives the file. */
};

/* No shared area may be, or become, writable, and none comes (write_sealed). 0, -EBUSY: there is one. */
int mapping_deny_writable(struct address_space *mapping);
/* Memory for so many pages of the file is promised, until it goes. 0, -ENOMEM. */
int mapping_promise(struct address_space *mapping, unsigned long pages);
/* Shared memory that no file system knows. */
static inline bool mapping_is_anon_shmem(const struct address_space *mapping)
{
	return mapping && mapping->anon;
}

#define FMODE_READ 1U
#define FMODE_WRITE 2U

/*
 * An open file, as far as mappings care. Areas hold a reference, so that the last one may go where a program unmaps or ends: f_release
 * then may not count on any lock of kernel/.
 */
struct file {
	unsigned int f_mode;
	s32 f_count;			 /* descriptors' own, and areas */
	struct address_space *f_mapping; /* NULL: it cannot be mapped, unless f_mmap knows how */
	/* NULL: as a file in memory is. Else the area is complete but for vm_ops; 0 or an error. */
	int (*f_mmap)(struct file *file, struct vm_area_struct *vma);
	void (*f_release)(struct file *file); /* the last reference is gone */
};

/* A reference more, for who has one. Any context. */
static inline struct file *get_file(struct file *file)
{
	__atomic_fetch_add(&file->f_count, 1, __ATOMIC_RELAXED);
	return file;
}

/* One less; the last one calls f_release, under whatever locks the caller holds. */
static inline void fput(struct file *file)
{
	if (!__atomic_sub_fetch(&file->f_count, 1, __ATOMIC_ACQ_REL))
		file->f_release(file);
}

/* An empty file with one user; NULL: no memory. */
struct address_space *mapping_alloc(bool shmem);
/* One user more, for who has one. Any context. */
void mapping_get(struct address_space *mapping);
/* The last user's: the pages go. */
void mapping_put(struct address_space *mapping);

/* The page at an index, with a reference of the caller's; made when it is not there and `create`. NULL: not there, no memory. */
struct page *mapping_get_page(struct address_space *mapping, unsigned long index, bool create);
/* The same, made, in *page: 0, -ENOSPC (no room in its file_space), -ENOMEM. */
int mapping_make_page(struct address_space *mapping, unsigned long index, struct page **page);
/* The pages of the file: it may change at any time. */
static inline unsigned long mapping_pages(const struct address_space *mapping)
{
	return __atomic_load_n(&mapping->nrpages, __ATOMIC_RELAXED);
}
/* Of the first page at index or behind it; ULONG_MAX: there is none. */
unsigned long mapping_next_index(struct address_space *mapping, unsigned long index);
/*
 * Up to n bytes at pos, from and to kernel memory. Reads end at i_size; writes move it. Returns how many, or -ENOMEM or -ENOSPC when
 * that is none.
 */
long mapping_read(struct address_space *mapping, u64 pos, void *buf, size_t n);
long mapping_write(struct address_space *mapping, u64 pos, const void *buf, size_t n);
/*
 * The file ends at size from here on, or has grown with zeros (Linux: truncate_setsize). What lay behind is gone for those who map it,
 * too, copies included: touching it is SIGBUS. The rest of the last page reads as zeros. The caller keeps others from changing the size.
 */
void mapping_truncate(struct address_space *mapping, u64 size);
/*
 * The bytes [start, end) are zero, and whole pages among them take no memory (fallocate's PUNCH_HOLE, MADV_REMOVE). Private copies
 * stay, and the size.
 */
void mapping_punch(struct address_space *mapping, u64 start, u64 end);
/*
 * Nothing shows the bytes [start, start + len) any more, whole pages; len 0: to the end. even_cows: nor private copies of them. What is
 * touched again is faulted in again, so who wants it gone makes it so first (Linux: unmap_mapping_range).
 */
void unmap_mapping_range(struct address_space *mapping, u64 start, u64 len, bool even_cows);

/* The index of a file's page. */
static inline unsigned long page_index(const struct page *page)
{
	return (__atomic_load_n(&page->word, __ATOMIC_RELAXED) >> 48 << 32) | page->index_lo;
}

/* The file that a page belongs to; NULL: none (any more). Stays as long as the page is locked. */
struct address_space *page_mapping(const struct page *page);

/* A file without a name for a mapping, of which it takes a use; one reference. NULL: no memory. */
struct file *mapping_file(struct address_space *mapping, unsigned int mode);
/* A new area gets what its file shows (Linux: generic_file_mmap). 0, -ENODEV. */
int file_mmap(struct file *file, struct vm_area_struct *vma);
/* A file without a name for shared anonymous memory of len bytes: "/dev/zero (deleted)"; one reference. NULL: no memory. */
struct file *shmem_zero_file(unsigned long len, bool noreserve);

#endif
