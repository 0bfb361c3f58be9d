// SPDX-License-Identifier: MIT
/*
 * Bugs on the board: linked in place of the benches, run by `quire.bench`. plant=NAME on the command line says which bug; the report
 * is for tests/boot/boot_matrix.sh to read.
 */
#include <quire/bench.h>
#include <quire/boot.h>
#include <quire/gfp.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

/* Functions whose names the reports must show. */
static noinline u8 *allocate_here(size_t size)
{
	u8 *volatile p = kmalloc(size, GFP_KERNEL);

	return p;
}

static noinline void free_here(u8 *p)
{
	kfree(p);
	__asm__ volatile("");
}

static noinline void write_here(volatile u8 *p)
{
	*p = 0x55;
	__asm__ volatile("");
}

static void redzone(void)
{
	u8 *p = allocate_here(60);

	write_here(p + 60);
	free_here(p);
}

static void double_free(void)
{
	u8 *p = allocate_here(100);

	free_here(p);
	free_here(p);
}

static void use_after_free(void)
{
	u8 *p = allocate_here(100);

	free_here(p);
	write_here(p + 5);
	/* A pool reports at once; without one, the next user of the object does. */
	free_here(allocate_here(100));
}

static void out_of_bounds(void)
{
	u8 *p = allocate_here(64), *q = allocate_here(64);

	write_here(((unsigned long)p % PAGE_SIZE ? p : q) + 64);
}

static void page_poison(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	u8 *p = page_address(page);
	unsigned int i;

	__free_page(page);
	write_here(p + 77);
	for (i = 0; i < 4096 && alloc_pages(GFP_KERNEL, 0) != page; i++)
		;
}

static void behind_pages(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	write_here((u8 *)page_address(page) + PAGE_SIZE + 3);
}

static void leak(void)
{
	/* One call, not three that the compiler makes of it. */
	volatile unsigned int i;

	for (i = 0; i < 3; i++)
		allocate_here(200);
	if (!vmalloc(3 * PAGE_SIZE) || !alloc_pages(GFP_KERNEL, 2))
		pr_err("debug test: no memory\n");
}

static void fail(void)
{
	unsigned int i, failed = 0;

	for (i = 0; i < 20; i++) {
		u8 *p = kmalloc(100, GFP_KERNEL | __GFP_NOWARN);

		failed += !p;
		kfree(p);
	}
	pr_info("debug test: %u of 20 failed\n", failed);
}

void quire_bench(void)
{
	static const struct {
		const char *name;
		void (*plant)(void);
	} bugs[] = {
		{"plant=redzone", redzone},    {"plant=double-free", double_free},
		{"plant=uaf", use_after_free}, {"plant=oob", out_of_bounds},
		{"plant=poison", page_poison}, {"plant=behind", behind_pages},
		{"plant=leak", leak},	       {"plant=fail", fail},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (strstr(boot_command_line, bugs[i].name))
			bugs[i].plant();
}
