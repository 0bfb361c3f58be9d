/* SPDX-License-Identifier: MIT */
/*
 * Shared by the files of predict/, and the face that port/host sees (predict_*).
 */
#ifndef PREDICT_H
#define PREDICT_H

#include <quire/build_profile.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/out.h>

/* ---- what port/host calls */

/*
 * Boot as the kernel of *p would, on the machine that host_machine and boot_params describe. What stops that kernel
 * ends in panic(). trace: keep memblock's events for the JSON document, millions on a large board.
 */
void predict_start_kernel(const struct build_profile *p, bool trace);
int predict_report_json(struct out *out, const char *panic_text);
int predict_report_text(struct out *out, const char *panic_text);

/* ---- requests.c: to memblock, under the name of the function that makes them in Linux */

/*
 * One request, as memblock_alloc_try_nid and its sisters take it. Returns the physical address, 0 when there is none.
 * The memory is not touched.
 */
phys_addr_t linux_request(enum event_request func, const char *caller, phys_addr_t size,
			  phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid);
/* memblock_alloc(size, align) */
phys_addr_t linux_alloc(const char *caller, phys_addr_t size, phys_addr_t align);
/* The same, and the kernel dies when there is none. */
phys_addr_t linux_must_alloc(const char *caller, phys_addr_t size, phys_addr_t align);
/* memblock_free */
void linux_free(const char *caller, phys_addr_t base, phys_addr_t size);
/* Events from `first` on were `caller`'s doing. */
void linux_caller(u32 first, const char *caller);
/* Requests that repeat themselves are one in the log: events [at, at + len) came count times, each stride further. */
struct linux_run {
	u32 at, len;
	u64 count, stride; /* stride modulo 2^64 */
};
/* The run that begins at event `at`; NULL: it came once. */
const struct linux_run *linux_run_at(u32 at);
/* The name that Linux prints as the caller of an event; NULL: not known. */
const char *linux_caller_name(const struct event *e);

/* ---- the road */

/* [mmu.c] The page tables of map_mem and of vmemmap. */
struct linux_tables {
	unsigned int levels, va_bits; /* in force on this CPU */
	u64 image;		      /* virtual address of the image, without KASLR */
	u64 page_offset;	/* of the build's VA size: what memstart_addr is the address of */
	unsigned long pages[5]; /* allocated, by level from the leaves up */
};
extern struct linux_tables linux_tables;
/* Releases before `version` (major << 8 | minor) do it in the old way. */
static inline bool linux_before(unsigned long version)
{
	return build_profile->version < version;
}

bool linux_lpa2(void);
unsigned int linux_phys_mask_shift(void);
u64 linux_page_offset(unsigned int va_bits);
/* __pa(MAX_DMA_ADDRESS): the lowest address that boot code asks for when it wants to keep DMA memory free. */
phys_addr_t linux_dma_goal(void);
void linux_tables_init(void);
void linux_paging_init(void);
/* The table page for entries of 1 << shift bytes at va and those above it, by vmemmap's allocator. */
void linux_vmemmap_tables(u64 va, unsigned int shift, int nid);

/*
 * [mapping.c] For pictures: [va, end) is mapped to pa on by entries of `block` bytes; may_cont: with the contiguous bit
 * where a whole run fits. prot: "rw", "ro", "rx", "init ...".
 */
void linux_mapped(u64 va, u64 end, u64 pa, u64 block, const char *prot, bool may_cont);
/* The table for the entries of `level` at va lies at pa. */
void linux_table(unsigned int level, u64 va, u64 pa);
/* Their keys of the JSON document. */
void predict_put_mappings(struct out *out);

/* [params.c] What the command line says to parts of Linux that Quire has not. */
struct linux_params {
	unsigned long kfence_sample_interval;
	unsigned long log_buf_len; /* 0: not asked for */
	unsigned long dhash_entries, ihash_entries;
	unsigned long swiotlb_slabs; /* 0: not asked for */
	unsigned int swiotlb_areas;
	bool swiotlb_force, swiotlb_off, percpu_page;
	bool stack_depot; /* slab_debug=U: callers of the slab allocator are kept */
	bool spread_hash; /* hash tables in vmalloc space */
};
extern struct linux_params linux_params;
void linux_parse_params(void);

/* [memblock_init.c] */
void linux_memblock_init(void);
/* Bytes of the linear map's region. */
u64 linux_linear_size(void);
/* [unflatten.c] */
void linux_unflatten_device_tree(void);
/* [sparse.c] */
u64 linux_vmemmap_start(void);
void linux_sparse_init(void);
/* [percpu.c] */
struct linux_percpu {
	unsigned long static_size, reserved, dyn, unit;
	unsigned int pages, alloc_pages;
	unsigned int nr_groups;
	bool page_chunk;
};
extern struct linux_percpu linux_percpu;
void linux_setup_per_cpu_areas(void);

/* [boot_alloc.c] Large tables and pools between setup_arch and the hand-over. */
struct linux_hash {
	const char *name;
	unsigned long entries, bytes;
	unsigned int order;
	bool vmalloc;
};
#define MAX_LINUX_HASHES 8
extern struct linux_hash linux_hashes[MAX_LINUX_HASHES];
extern unsigned int nr_linux_hashes;
struct linux_swiotlb {
	phys_addr_t base, size; /* size 0: none */
	unsigned int areas;
};
extern struct linux_swiotlb linux_swiotlb;
extern unsigned long linux_kernel_pages; /* free whole pages at free_area_init */
void linux_count_kernel_pages(void);
/* Pages of struct pages that a zone's managed pages are less until the hand-over, before 6.10. */
unsigned long linux_memmap_pages(unsigned long spanned, unsigned long present);
extern phys_addr_t linux_kfence_pool; /* 0: none */
phys_addr_t linux_kfence_pool_size(void);
void linux_hugetlb(void);
void linux_setup_log_buf(void);
void linux_vfs_caches_init_early(void);
void linux_kfence_metadata(void);
void linux_stack_depot(void);
void linux_swiotlb_init(void);
/* Gigantic pages: memblock keeps them, hugetlb counts them as managed. */
struct linux_gigantic {
	phys_addr_t base, size;
};
extern struct linux_gigantic *linux_gigantic;
extern unsigned long nr_linux_gigantic;

/* [zones.c] What the page allocator gets. */
struct linux_memory_line {
	unsigned long available_k, total_k, code_k, rwdata_k, rodata_k, init_k, bss_k, reserved_k,
		cma_k;
};
extern struct linux_memory_line linux_memory_line;
extern unsigned long linux_total_pages; /* of the zonelist line */
void linux_hand_over(void);
/* [report_machine.c] Keys of the JSON document: the machine; the kernel's address space. */
void predict_put_machine(struct out *out);
void predict_put_layout(struct out *out);
/* A JSON string, quotes included. */
void predict_put_text(struct out *out, const char *s);
/* [report.c] memblock's regions as they are now are the last ones. */
void predict_keep_final(void);

#endif
