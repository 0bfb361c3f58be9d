// SPDX-License-Identifier: MIT
/*
 * On the identity map, caches on, nothing relocated: clear bss, read /chosen, choose where the kernel runs, relocate it
 * there and build init_pg_dir. Called once, by head.S.
 *
 * The order matters: bss first, because everything after it may write there; relocation before the kernel's mapping
 * exists, through the identity map, which alone maps rodata writable.
 */
#include <quire/string.h>

#include "early.h"

struct rela {
	u64 offset, info, addend;
};
#define R_AARCH64_RELATIVE 1027

extern const struct rela __rela_start[], __rela_end[];

enum kaslr_status kaslr_status;
u16 kaslr_memstart_seed;

/* A random number from the CPU (FEAT_RNG), 0 when there is none. */
static __early u64 cpu_random(void)
{
	u64 isar0, v, ok;

	__asm__ volatile("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
	if (!(isar0 >> 60))
		return 0;
	__asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, ne" : "=r"(v), "=r"(ok)::"cc");
	return ok ? v : 0;
}

/* The seed of /chosen, wiped so that nobody can read it later; or the CPU's. 0: none. */
static __early u64 take_seed(struct early_chosen *c)
{
	u64 seed = 0;
	unsigned int i;

	for (i = 0; c->kaslr_seed && i < 8; i++) {
		seed = seed << 8 | c->kaslr_seed[i];
		c->kaslr_seed[i] = 0;
	}
	return seed ? seed : cpu_random();
}

/*
 * How far above its link address the kernel runs: the physical address modulo 2 MiB, so that blocks can map it, plus a
 * random multiple of 2 MiB in the middle half of the vmalloc area, clear of what others put at its ends (Linux 6.12's rule,
 * kaslr_early_init).
 */
static __early u64 choose_offset(u64 fdt)
{
	u64 offset = (u64)_text % MIN_KIMG_ALIGN;
	u64 range = (KASLR_VMALLOC_END - KIMAGE_VADDR) / 2;
	struct early_chosen c = {NULL, NULL, NULL};
	struct early_fdt t;
	u64 seed;

	if (fdt < BIT(48) - SZ_4M && early_fdt_open(&t, fdt))
		early_fdt_chosen(&t, &c);
	if (c.bootargs && early_cmdline_has(c.bootargs, "nokaslr")) {
		kaslr_status = KASLR_DISABLED_CMDLINE;
		return offset;
	}
	seed = take_seed(&c);
	if (!seed) {
		kaslr_status = KASLR_DISABLED_NO_SEED;
		return offset;
	}
	kaslr_status = KASLR_ENABLED;
	kaslr_memstart_seed = (u16)seed;
	seed = range / 2 + (u64)(((unsigned __int128)range * seed) >> 64);
	return offset | (seed & ~(u64)(MIN_KIMG_ALIGN - 1));
}

/* Every word that holds an address of the image gets its value. False for a record that this linker script does not make. */
static __early bool relocate(u64 offset)
{
	const struct rela *r;

	for (r = __rela_start; r < __rela_end; r++) {
		if ((u32)r->info != R_AARCH64_RELATIVE)
			return false;
		*(u64 *)(r->offset - KIMAGE_VADDR + (u64)_text) = r->addend + offset;
	}
	return true;
}

static __early int map_segment(struct early_pool *pool, u64 kva, const char *start, const char *end,
			       u64 prot)
{
	return early_map_range(pool, (u64)init_pg_dir, kva + (u64)(start - _text), (u64)start,
			       (u64)(end - start), prot);
}

__early u64 early_map_kernel(u64 fdt)
{
	struct early_pool pool = {
		.next = (u64)init_pg_dir + PAGE_SIZE,
		.end = (u64)init_pg_end,
		.offset = 0,
	};
	u64 offset, kva;
	int err;

	memset(__bss_start, 0, (size_t)(__bss_end - __bss_start));
	memset(init_pg_dir, 0, PAGE_SIZE);

	offset = choose_offset(fdt);
	kva = KIMAGE_VADDR + offset;
	err = !relocate(offset);
	err |= map_segment(&pool, kva, _text, _etext, EARLY_PROT_RX);
	err |= map_segment(&pool, kva, __start_rodata, __end_rodata, EARLY_PROT_RO);
	err |= map_segment(&pool, kva, __end_rodata, __inittext_end, EARLY_PROT_RX);
	err |= map_segment(&pool, kva, __inittext_end, __data_end, EARLY_PROT_RW);
	err |= map_segment(&pool, kva, __stack_start, _end, EARLY_PROT_RW);
	/* The linker script bounds both: an image that fails here was not linked by it. early_vectors report it. */
	if (err)
		__builtin_trap();
	__asm__ volatile("dsb ishst" ::: "memory");
	return kva;
}
