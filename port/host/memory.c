// SPDX-License-Identifier: MIT
/*
 * Simulated physical memory: one sparse memfd, whose offset is the physical address less ram.base, mapped whole at
 * one place: phys_to_virt() is an addition, and only pages that are touched cost anything, whatever the board has.
 *
 * What the kernel's page tables map elsewhere (memory map, vmalloc, fixmap) is shown in windows, one for each area:
 * address space reserved without access, into which port_mirror_map() maps the file's pages at the right places. A
 * pointer into a window and its kernel virtual address differ by a constant. Touching what is not mapped faults, as
 * on the machine.
 *
 * Not locked: mappings change on one thread.
 */
#include <quire/page.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"

/* ThreadSanitizer leaves a program two terabytes at fixed places, and ends it when a mapping does not fit. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SMALL_SPACE
#endif
#endif
#ifdef SMALL_SPACE
#define RAM_WINDOW_MAX (1ULL << 38)
#define RAM_WINDOW_LARGEST RAM_WINDOW_MAX
#define VMALLOC_WINDOW_MAX (16ULL << 30)
#define VMEMMAP_WINDOW_MAX (1ULL << 33)
#else
/* Half of what a process of 47 bits has: room is needed for windows and sanitizers. */
#define RAM_WINDOW_MAX (1ULL << 46)
/* What lies below a position-independent program; for boards whose second socket begins at 64 TiB. */
#define RAM_WINDOW_LARGEST (80ULL << 40)
#define VMALLOC_WINDOW_MAX (64ULL << 30)
#define VMEMMAP_WINDOW_MAX (1ULL << 44)
#endif

s64 physvirt_offset;

static struct {
	int fd; /* -1: none */
	char *at;
	u64 base, size;
} ram = {.fd = -1};

struct window {
	unsigned long kva;
	u64 size;
	char *at; /* NULL: not reserved */
};

enum { WIN_VMEMMAP, WIN_VMALLOC, WIN_FIXMAP, NR_WINDOWS };
static struct window windows[NR_WINDOWS];
static bool windows_reserved;

/* ------------------------------------------------------------------ RAM */

static int map_ram(u64 base, u64 size)
{
	char *at;

	if (ftruncate(ram.fd, (off_t)size))
		return -ENOMEM;
	/*
	 * The vmalloc area's window, much smaller than the area, lies above the RAM: so no pointer into RAM is as far above the window's
	 * start as the area is long, and is_vmalloc_addr() is a comparison.
	 */
	at = mmap(NULL, size + VMALLOC_WINDOW_MAX, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, ram.fd,
		 0) == MAP_FAILED) {
		munmap(at, size + VMALLOC_WINDOW_MAX);
		return -ENOMEM;
	}
	ram.at = at;
	ram.base = base;
	ram.size = size;
	physvirt_offset = (s64)((u64)(unsigned long)at - base);
	return 0;
}

int host_memory_init(u64 lowest, u64 highest, const char **why)
{
	u64 base = 0, need;

	if ((unsigned long)sysconf(_SC_PAGESIZE) > PAGE_SIZE) {
		*why = "pages of this system are larger than the granule";
		return -ENOMEM;
	}
	if (highest > RAM_WINDOW_MAX)
		base = ALIGN_DOWN(lowest, SZ_1G);
	if (highest <= base)
		highest = base + SZ_4G;
	need = min_t(u64, highest - base, RAM_WINDOW_LARGEST);
	need = max_t(u64, need, SZ_4G);
	need = min_t(u64, ALIGN(need, SZ_1G), RAM_WINDOW_LARGEST);

	ram.fd = memfd_create("quire-ram", MFD_CLOEXEC);
	if (ram.fd < 0) {
		*why = "no memfd for the simulated memory";
		return -ENOMEM;
	}
	/* All that can be named costs no more than what is needed; some environments allow less: a sanitizer's, only half. */
	if (map_ram(base, max_t(u64, need, RAM_WINDOW_MAX)) && map_ram(base, need) &&
	    map_ram(base, min_t(u64, need, RAM_WINDOW_MAX))) {
		*why = "the address space of this process cannot hold the machine's memory";
		host_memory_exit();
		return -ENOMEM;
	}
	return 0;
}

void host_memory_exit(void)
{
	for (unsigned int i = 0; i < NR_WINDOWS; i++) {
		if (windows[i].at && i != WIN_VMALLOC)
			munmap(windows[i].at, windows[i].size);
		windows[i] = (struct window){0};
	}
	windows_reserved = false;
	if (ram.at)
		munmap(ram.at, ram.size + VMALLOC_WINDOW_MAX);
	if (ram.fd >= 0)
		close(ram.fd);
	ram.fd = -1;
	ram.at = NULL;
	ram.size = 0;
}

bool host_memory_holds(phys_addr_t pa, u64 size)
{
	return pa >= ram.base && size <= ram.size && pa - ram.base <= ram.size - size;
}

int port_linear_map_init(phys_addr_t memstart, phys_addr_t start, phys_addr_t end)
{
	if (end > start && !host_memory_holds(start, end - start)) {
		pr_err("host: memory [0x%llx-0x%llx] spans more than this process can hold (80 "
		       "TiB)\n",
		       (unsigned long long)start, (unsigned long long)end - 1);
		return -ERANGE;
	}
	return 0;
}

/* ------------------------------------------------------------------ windows */

static void reserve(unsigned int i, unsigned long kva, u64 size)
{
	void *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return;
	windows[i] = (struct window){.kva = kva, .size = size, .at = at};
}

/* Once, as soon as the layout of the kernel's address space is known. */
static void reserve_windows(void)
{
	const struct va_layout *l = &va_layout;
	u64 vmemmap = min_t(u64, l->vmemmap_end - l->vmemmap_start, VMEMMAP_WINDOW_MAX);

	if (windows_reserved || !l->va_bits)
		return;
	windows_reserved = true;
	reserve(WIN_VMEMMAP, l->vmemmap_start, vmemmap);
	if (!windows[WIN_VMEMMAP].at)
		reserve(WIN_VMEMMAP, l->vmemmap_start,
			min_t(u64, vmemmap,
			      ALIGN((ram.size >> PAGE_SHIFT) * sizeof(struct page), SZ_2M)));
	windows[WIN_VMALLOC] = (struct window){
		.kva = l->vmalloc_start,
		.size = min_t(u64, l->vmalloc_end - l->vmalloc_start, VMALLOC_WINDOW_MAX),
		.at = ram.at + ram.size,
	};
	reserve(WIN_FIXMAP, l->fixaddr_start, l->fixaddr_top - l->fixaddr_start);
}

static struct window *window_of(unsigned long kva, u64 size)
{
	reserve_windows();
	for (unsigned int i = 0; i < NR_WINDOWS; i++) {
		struct window *w = &windows[i];

		if (w->at && kva >= w->kva && size <= w->size && kva - w->kva <= w->size - size)
			return w;
	}
	return NULL;
}

static bool in_linear_map(unsigned long kva)
{
	return kva >= va_layout.page_offset && kva < va_layout.page_end;
}

void *port_kva_to_ptr(unsigned long kva)
{
	struct window *w;

	if (in_linear_map(kva))
		return phys_to_virt(kva_to_phys(kva));
	w = window_of(kva, 0);
	if (!w)
		panic("host: no window for kernel address 0x%016lx", kva);
	return w->at + (kva - w->kva);
}

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	const char *c = p;

	for (unsigned int i = 0; i < NR_WINDOWS; i++) {
		if (windows[i].at && c >= windows[i].at && c <= windows[i].at + windows[i].size) {
			*kva = windows[i].kva + (unsigned long)(c - windows[i].at);
			return true;
		}
	}
	if (ram.at && c >= ram.at && c < ram.at + ram.size) {
		*kva = phys_to_kva(virt_to_phys(p));
		return true;
	}
	return false;
}

unsigned long port_ptr_to_kva(const void *p)
{
	unsigned long kva;

	if (!host_ptr_to_kva(p, &kva))
		panic("host: pointer %p is in no window", p);
	return kva;
}

int port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size)
{
	struct window *w = window_of(kva, size);

	if (!w || !host_memory_holds(pa, size))
		return -ENOMEM;
	if (size && mmap(w->at + (kva - w->kva), size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE | MAP_FIXED, ram.fd,
			 (off_t)(pa - ram.base)) == MAP_FAILED)
		return -ENOMEM;
	return 0;
}

void port_mirror_unmap(unsigned long kva, u64 size)
{
	struct window *w = window_of(kva, size);

	if (w && size &&
	    mmap(w->at + (kva - w->kva), size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		panic("host: cannot unmap [0x%016lx-0x%016lx]", kva, kva + size - 1);
}

static void protect(phys_addr_t pa, u64 size, int prot)
{
	if (host_memory_holds(pa, size) && mprotect(ram.at + (pa - ram.base), size, prot))
		panic("host: cannot change the access of [0x%llx-0x%llx]", (unsigned long long)pa,
		      (unsigned long long)(pa + size - 1));
}

void port_linear_hide(phys_addr_t pa, u64 size)
{
	protect(pa, size, PROT_NONE);
}

void port_linear_show(phys_addr_t pa, u64 size)
{
	protect(pa, size, PROT_READ | PROT_WRITE);
}
