// SPDX-License-Identifier: MIT
/*
 * The first C at the kernel's own address: fill boot_params and enter the boot road. Also the storage that the port owes the
 * core (events, the first page tables of the fixmap).
 */
#include <quire/boot.h>
#include <quire/event.h>
#include <quire/pgtable.h>
#include <quire/string.h>

#include "bare.h"

struct boot_params boot_params;
unsigned int vabits_actual = 48;

/*
 * Until arm64_memblock_init decides, the offset of the image: physical addresses inside it can be reached, its page tables
 * above all.
 */
s64 physvirt_offset;

/* PAGE_OFFSET for 48 bits: where the linear map begins. */
#define LINEAR_MAP_START 0xffff000000000000UL
#define LINEAR_MAP_SIZE BIT(47)

static u64 swapper_pg_dir[PAGE_SIZE / sizeof(u64)] __aligned(PAGE_SIZE);
static u64 bm_table[NR_BM_TABLES][PAGE_SIZE / sizeof(u64)] __aligned(PAGE_SIZE);

static struct event boot_events[768] __attribute__((section(".bss.noinit")));
struct event_log event_log = {.events = boot_events, .max = ARRAY_SIZE(boot_events)};

int port_event_grow(struct event_log *log)
{
	return -ENOMEM;
}

phys_addr_t port_swapper_pg_dir(void)
{
	return image_pa(swapper_pg_dir);
}

phys_addr_t port_init_pg_dir(u64 *size)
{
	*size = (u64)(init_pg_end - init_pg_dir);
	return image_pa(init_pg_dir);
}

phys_addr_t port_bm_table(unsigned int index)
{
	return image_pa(bm_table[index]);
}

int port_linear_map_init(phys_addr_t memstart, phys_addr_t start, phys_addr_t end)
{
	if (end - 1 - memstart >= LINEAR_MAP_SIZE)
		return -ERANGE;
	physvirt_offset = (s64)(LINEAR_MAP_START - memstart);
	return 0;
}

static void add_segment(const char *name, const char *start, const char *end, enum kimage_prot prot)
{
	struct kimage *image = &boot_params.image;

	if (start == end)
		return;
	image->segment[image->nr_segments++] = (struct kimage_segment){
		.name = name,
		.start = (u64)(start - _text),
		.end = (u64)(end - _text),
		.prot = prot,
	};
}

static const char *kaslr_status_text(void)
{
	switch (kaslr_status) {
	case KASLR_ENABLED:
		return "enabled";
	case KASLR_DISABLED_CMDLINE:
		return "disabled on command line";
	case KASLR_DISABLED_NO_SEED:
		break;
	}
	return "disabled due to lack of seed";
}

void port_start(u64 phys, u64 fdt, u64 x1, u64 x2, u64 x3, u64 entry_el)
{
	struct kimage *image = &boot_params.image;

	boot_params.fdt_phys = fdt;
	boot_params.x1 = x1;
	boot_params.x2 = x2;
	boot_params.x3 = x3;
	boot_params.entry_el = (unsigned int)entry_el;
	boot_params.memstart_seed = kaslr_memstart_seed;
	image->phys = phys;
	image->kva = (unsigned long)_text;
	image->size = (u64)(_end - _text);
	image->kaslr_offset = image->kva - KIMAGE_VADDR;
	image->kaslr_status = kaslr_status_text();
	image->bss_start = (u64)(_edata - _text);
	add_segment("text", _text, _etext, KIMAGE_RX);
	add_segment("rodata", __start_rodata, __end_rodata, KIMAGE_RO);
	add_segment("inittext", __end_rodata, __inittext_end, KIMAGE_INIT_RX);
	add_segment("initdata", __inittext_end, __initdata_end, KIMAGE_INIT_RW);
	add_segment("data", _data, __data_end, KIMAGE_RW);
	add_segment("stack", __stack_start, _end, KIMAGE_RW);
	physvirt_offset = (s64)(image->kva - image->phys);

	/* From here on an SError is reported, also one that firmware left pending. */
	__asm__ volatile("msr daifclr, #4" ::: "memory");
	kernel_main();
}
