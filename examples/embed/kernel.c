// SPDX-License-Identifier: MIT
/*
 * A toy kernel on libquire.a: the device tree in, memory out. It brings what nobody else can know (console, power, the first page
 * tables, the image's segments); everything else of the port has defaults in the library.
 */
#include <quire/boot.h>
#include <quire/gfp.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

extern char _text[], _rodata[], _data[], _end[], init_pg_dir[], init_pg_end[];
void kmain(u64 phys, u64 fdt) __noreturn;
void exception(void);

/* ---- the port */

/* QEMU virt's PL011, through the identity map that head.S left in TTBR0_EL1. */
void port_console_write(const char *s, size_t n)
{
	volatile u32 *uart = (volatile u32 *)0x09000000;

	for (; n; n--)
		*uart = (u8)*s++;
}

/* PSCI SYSTEM_OFF. */
void port_poweroff(int code)
{
	register u64 x0 __asm__("x0") = 0x84000008;

	(void)code;
	__asm__ volatile("hvc #0" : "+r"(x0)::"memory");
	for (;;)
		;
}

phys_addr_t port_init_pg_dir(u64 *size)
{
	*size = (u64)(init_pg_end - init_pg_dir);
	return (u64)(init_pg_dir - _text) + boot_params.image.phys;
}

/* head.S: any exception. */
void exception(void)
{
	u64 esr, elr, far;

	__asm__("mrs %0, esr_el1\n\tmrs %1, elr_el1\n\tmrs %2, far_el1"
		: "=r"(esr), "=r"(elr), "=r"(far));
	panic("exception: ESR 0x%llx at 0x%llx, address 0x%llx", (unsigned long long)esr,
	      (unsigned long long)elr, (unsigned long long)far);
}

/* ---- the kernel */

struct task {
	char name[16];
	unsigned long id;
};

static void use_memory(void)
{
	struct kmem_cache *tasks = kmem_cache_create("task", sizeof(struct task), 0, 0, NULL);
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 3);
	struct task *task = kmem_cache_alloc(tasks, GFP_KERNEL);
	char *text = kmalloc(100, GFP_KERNEL), *area = vmalloc(5 * PAGE_SIZE);
	phys_addr_t pa = page ? page_to_phys(page) : 0, of_area;

	if (!page || !task || !text || !area)
		panic("toy: no memory");
	memcpy(text, "allocated with kmalloc", 23);
	area[5 * PAGE_SIZE - 1] = 'v';
	of_area = page_to_phys(vmalloc_to_page(area + 4 * PAGE_SIZE));
	printk("toy: 8 pages at %pa, an object of %u bytes, \"%s\"\n", &pa, kmem_cache_size(tasks),
	       text);
	printk("toy: vmalloc at 0x%lx, its last page at %pa reads '%c'\n", (unsigned long)area,
	       &of_area, *(char *)phys_to_virt(of_area + PAGE_SIZE - 1));
	vfree(area);
	kfree(text);
	kmem_cache_free(tasks, task);
	kmem_cache_destroy(tasks);
	__free_pages(page, 3);
	vm_unmap_aliases();
	printk("toy: given back, %d violations found\n",
	       vmalloc_check() + slab_check() + memblock_check());
}

void kmain(u64 phys, u64 fdt)
{
	struct kimage *image = &boot_params.image;

	boot_params.fdt_phys = fdt;
	boot_params.entry_el = 1;
	*image = (struct kimage){
		.phys = phys,
		.kva = (unsigned long)_text,
		.size = (u64)(_end - _text),
		.nr_segments = 3,
		.segment = {{"text", 0, (u64)(_rodata - _text), KIMAGE_RX},
			    {"rodata", (u64)(_rodata - _text), (u64)(_data - _text), KIMAGE_RO},
			    {"data", (u64)(_data - _text), (u64)(_end - _text), KIMAGE_RW}},
	};
	physvirt_offset = (s64)(image->kva - image->phys);
	console_start();
	start_kernel();
	printk("toy: memblock has %llu MiB in %lu regions, %lu pages are free\n",
	       (unsigned long long)memblock_phys_mem_size() >> 20, memblock.memory.cnt,
	       nr_free_pages());
	use_memory();
	printk("toy: done\n");
	port_poweroff(0);
}
