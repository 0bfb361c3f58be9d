/* SPDX-License-Identifier: MIT */
/*
 * page_world.h with the slab allocator and mm/debug: memory that memblock gives comes from the process, the guard pool from the
 * world's end, pages that are hidden fault, and the log is kept so that a test can look for a report in it.
 *
 *   debug_machine("slab_debug=FZPU", "page_owner=on", NULL); ... assert_logged("BUG kmalloc-64")
 */
#ifndef TESTS_DEBUG_WORLD_H
#define TESTS_DEBUG_WORLD_H

#include "page_world.h"

#include <pthread.h>
#include <signal.h>
#include <quire/mm_debug.h>
#include <quire/pgtable.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "mm/debug/debug.h"
#include "slab_fixture.h"
#include "port/host/host.h"

#define WORLD_PAGES (WORLD_SECTIONS * PAGES_PER_SECTION)
#define POOL_PAGES 64UL

const struct build_profile *build_profile;

/* ---- the log */
static char log_text[1 << 20];
static size_t log_len;

int vprintk(const char *fmt, va_list args)
{
	int n = quire_vsnprintf(log_text + log_len, sizeof(log_text) - log_len,
				fmt[0] == '\001' ? fmt + 2 : fmt, args);

	log_len = min(log_len + (size_t)n, sizeof(log_text) - 1);
	return n;
}

int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

static inline void forget_log(void)
{
	log_len = 0;
	log_text[0] = '\0';
}

#define assert_logged(text)                                                                        \
	do {                                                                                       \
		if (!strstr(log_text, text)) {                                                     \
			print_error("not in the log: %s\n%s", text, log_text);                     \
			fail();                                                                    \
		}                                                                                  \
	} while (0)
#define assert_not_logged(text)                                                                    \
	do {                                                                                       \
		if (strstr(log_text, text)) {                                                      \
			print_error("in the log: %s\n%s", text, log_text);                         \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	return host_symbolize(addr, offset, size);
}

/* ---- what other floors supply */
bool fail_walk, fail_walk_pages;

const char *fail_walk_option(const char *val)
{
	return NULL;
}

unsigned int fail_walk_run(void)
{
	return 0;
}

struct va_layout va_layout;
s64 memstart_addr;
static void *from_memblock[64];
static unsigned int nr_from_memblock;
static phys_addr_t pool_taken;
static int map_calls;
static bool memblock_empty;

pgprot_t linear_prot(void)
{
	return (pgprot_t){0};
}

void *memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
			     phys_addr_t max_addr, int nid)
{
	void *p = memblock_empty ? NULL : aligned_alloc(PAGE_SIZE, ALIGN(size, PAGE_SIZE));

	if (p)
		from_memblock[nr_from_memblock++] = memset(p, 0, size);
	return p;
}

phys_addr_t memblock_phys_alloc_range(phys_addr_t size, phys_addr_t align, phys_addr_t start,
				      phys_addr_t end)
{
	pool_taken = PFN_PHYS(BASE_PFN + WORLD_PAGES - POOL_PAGES);
	return size <= POOL_PAGES * PAGE_SIZE ? pool_taken : 0;
}

int memblock_phys_free(phys_addr_t base, phys_addr_t size)
{
	return 0;
}

void memblock_free(void *p, size_t size)
{
}

phys_addr_t memblock_phys_mem_size(void)
{
	return WORLD_PAGES * PAGE_SIZE;
}

/* Which pages of the world are not mapped. */
static bool hidden[WORLD_PAGES];

static void set_hidden(phys_addr_t pa, u64 size, bool is)
{
	assert_int_equal(mprotect(phys_to_virt(pa), size, is ? PROT_NONE : PROT_READ | PROT_WRITE),
			 0);
	for (u64 i = 0; i < size >> PAGE_SHIFT; i++)
		hidden[PHYS_PFN(pa) - BASE_PFN + i] = is;
}

void port_linear_hide(phys_addr_t pa, u64 size)
{
	set_hidden(pa, size, true);
}

void port_linear_show(phys_addr_t pa, u64 size)
{
	set_hidden(pa, size, false);
}

int kernel_map(unsigned long kva, phys_addr_t pa, u64 size, pgprot_t prot, unsigned int flags)
{
	assert_int_equal(flags & (MAP_NO_BLOCKS | MAP_NO_CONT), MAP_NO_BLOCKS | MAP_NO_CONT);
	assert_ptr_equal(phys_to_virt(pa), kva);
	__atomic_add_fetch(&map_calls, 1, __ATOMIC_RELAXED);
	return 0;
}

int kernel_unmap(unsigned long kva, u64 size)
{
	return 0;
}

int kernel_unmap_lazy(unsigned long kva, u64 size)
{
	return 0;
}

void kernel_walk(unsigned long kva, struct walk *w)
{
	w->result =
		hidden[(kva - va_layout.page_offset) >> PAGE_SHIFT] ? WALK_TRANSLATION : WALK_OK;
}

static struct vm_struct *areas;

struct vm_struct *next_vm_area(struct vm_struct *area)
{
	return area ? NULL : areas;
}

void vm_unmap_aliases(void)
{
}

void pcpu_shrink(void)
{
}

void *__vmalloc_huge_node(unsigned long size, gfp_t gfp, int node, const void *caller)
{
	return NULL;
}

void vfree(const void *p)
{
}

bool is_vmalloc_addr(const void *p)
{
	return false;
}

size_t vmalloc_size(const void *p)
{
	return 0;
}

/* ---- a machine */
static struct zone *zone;
static unsigned long free_at_start;

static inline void set_option(const char *word)
{
	const char *equals = strchr(word, '='), *why = "no such option";
	size_t n = equals ? (size_t)(equals - word) : strlen(word);
	unsigned int i;

	for (i = 0; mm_debug_options[i].name; i++)
		if (strlen(mm_debug_options[i].name) == n &&
		    !strncmp(mm_debug_options[i].name, word, n))
			why = mm_debug_options[i].set(equals ? equals + 1 : NULL);
	if (why) {
		print_error("%s: %s\n", word, why);
		fail();
	}
}

/* One a process: what mm_debug_init() sets stays set. Ends with NULL. */
static inline void debug_machine(const char *word, ...)
{
	va_list args;

	forget_slab();
	zone = world_simple(WORLD_PAGES - POOL_PAGES);
	memstart_addr = (s64)PFN_PHYS(BASE_PFN);
	va_layout.page_offset = (unsigned long)world_memory;
	va_layout.page_end = va_layout.page_offset + WORLD_PAGES * PAGE_SIZE;
	nr_cpus_possible = WORLD_CPUS;
	va_start(args, word);
	for (; word; word = va_arg(args, const char *))
		set_option(word);
	va_end(args);
	mm_debug_init();
	kmem_cache_init();
	mm_debug_arm();
	slab_drain_all();
	free_at_start = free_pages_of(zone);
	forget_log();
}

static inline void all_is_back(void)
{
	slab_drain_all();
	assert_int_equal(slab_check(), 0);
	assert_int_equal(mm_debug_check(), 0);
	assert_int_equal(free_pages_of(zone), free_at_start);
	world_check();
}

/* ---- faults that mm_explain_fault tells about */
static sigjmp_buf after_fault;
static unsigned long fault_pc_of_test;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	if (!mm_explain_fault ||
	    !mm_explain_fault((unsigned long)info->si_addr, false, fault_pc_of_test))
		printk("unexplained fault\n");
	siglongjmp(after_fault, 1);
}

/* Does reading the byte fault? */
static inline bool faults(const volatile unsigned char *p)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER}, old;
	bool faulted = true;

	fault_pc_of_test = (unsigned long)debug_machine;
	sigaction(SIGSEGV, &act, &old);
	if (!sigsetjmp(after_fault, 1)) {
		(void)*p;
		faulted = false;
	}
	sigaction(SIGSEGV, &old, NULL);
	return faulted;
}

#endif
