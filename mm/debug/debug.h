/* SPDX-License-Identifier: MIT */
/* What the files of mm/debug share. */
#ifndef MM_DEBUG_DEBUG_H
#define MM_DEBUG_DEBUG_H

#include <quire/mm_debug.h>

struct kmem_cache;

/* mm_debug_arm() was called. */
extern bool mm_debug_armed;

/* 64 hexadecimal bytes and their characters, 16 a line: "Object   ffff...: 6b 6b ...  kk.." (Linux: print_hex_dump). */
void hex_dump(const char *title, const void *p, size_t n);
/* The first byte of [p, p + n) that is not `want`, or NULL. */
const u8 *find_other_byte(const void *p, u8 want, size_t n);
/* The decimal number at *p, which moves behind it. False: there is none, or it is too large. */
bool debug_number(const char **p, u64 *v);
/* Seconds and microseconds for "%5llu.%06llus". */
static inline unsigned long long seconds(u64 ns)
{
	return ns / 1000000000;
}
static inline unsigned long long microseconds(u64 ns)
{
	return ns / 1000 % 1000000;
}

/* ---- the options, each in its own file: see struct mm_debug_option */
const char *page_poison_option(const char *val);
const char *page_owner_option(const char *val);
const char *debug_guardpage_option(const char *val);
const char *slab_debug_option(const char *val);
const char *guard_pages_option(const char *val);
const char *debug_leaks_option(const char *val);
const char *fail_page_alloc_option(const char *val);
const char *failslab_option(const char *val);
const char *fail_nth_option(const char *val);
const char *fail_boot_option(const char *val);
const char *fail_walk_option(const char *val);

/* ---- page_debug.c */
extern bool page_poison, page_owner;
/* The records of all pages. false: no memory, and both are off. */
bool page_debug_init(void);
void page_debug_alloc_hook(struct page *page, unsigned int order, gfp_t gfp);
void page_debug_free_hook(struct page *page, unsigned int order);
void page_debug_split_hook(struct page *page, unsigned int order);
void page_debug_forget_hook(unsigned long pfn, unsigned long nr);
/* The record's order becomes the smaller one, and [page + (1 << order), page + (1 << guarded)) is kept back. */
void page_record_guard(struct page *page, unsigned int order, unsigned int guarded);
/* What is kept back behind page: the order that it was cut from, 0: nothing. Forgets it. */
unsigned int page_record_unguard(struct page *page);
void page_owner_print(const struct page *page);

/* ---- guard_pages.c: pages of the linear map that nobody may touch */
extern unsigned int guardpage_minorder;
void guard_pages_keep(struct page *page, unsigned int order, unsigned int wanted);
void guard_pages_give_back(struct page *page);
bool guard_pages_explain(unsigned long kva, bool write, unsigned long pc);
/* Take pages of the linear map away, and put them back. */
void linear_hide(phys_addr_t pa, u64 size);
void linear_show(phys_addr_t pa, u64 size);

/* ---- slab_debug.c */
extern const struct slab_object_ops slab_object_debug_ops;
/* At least one cache is to be checked. */
bool slab_debug_wanted(void);
/* debug_leaks: every cache keeps who allocated. */
extern bool slab_debug_track_all;
/* Every object in use of a cache that keeps who allocated it. */
typedef void (*live_object_fn)(struct kmem_cache *s, void *object, size_t size,
			       depot_stack_handle_t stack, bool boot, void *arg);
void slab_debug_for_each_live(struct kmem_cache *s, live_object_fn fn, void *arg);
/* Who allocated an object in use, and whether that was in the boot. False: that is not kept. */
bool slab_debug_allocated_by(const void *object, depot_stack_handle_t *stack, bool *boot);

/* ---- guard_pool.c */
extern unsigned int guard_interval;
bool guard_pool_init(void);
void *guard_alloc(struct kmem_cache *s, size_t size, gfp_t gfp);
bool guard_free(struct kmem_cache *s, void *object);
size_t guard_size(const void *object);
unsigned long guard_forget(const struct kmem_cache *s);
bool guard_explain(unsigned long kva, bool write, unsigned long pc);
void guard_for_each_live(live_object_fn fn, void *arg);
int guard_pool_check(void);

/* ---- fault_inject.c */
bool page_should_fail(gfp_t gfp, unsigned int order);
bool slab_should_fail(struct kmem_cache *s, gfp_t gfp);
bool fault_pages_wanted(void);
void fault_inject_init(void);
bool fault_slab_wanted(void);

/* ---- fail_walk.c */
extern bool fail_walk, fail_walk_pages;
/* Walks; returns violations, each printed. */
unsigned int fail_walk_run(void);

/* ---- leaks.c */
extern bool debug_leaks, debug_leaks_all;
unsigned int leaks_report(void);

#endif
