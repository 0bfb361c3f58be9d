/* SPDX-License-Identifier: MIT */
/*
 * A machine for tests of boot/: device trees written with libfdt into a heap block of exactly their
 * size (so that the sanitizer sees a step beyond the end), a log that can be asked, and memblock
 * emptied before each test.
 *
 *   reset_boot();
 *   tree_begin(2, 2);
 *   tree_memory("memory@40000000", 0x40000000, SZ_1G);
 *   assert_int_equal(scan_tree(), 0);
 */
#ifndef BOOT_FIXTURE_H
#define BOOT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libfdt.h>

#include <quire/boot.h>
#include <quire/cma.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/printk.h>

#include "boot/fdt_scan.h"

/* ---- the log since the last reset, levels left out */
static char log_text[1 << 18];
static size_t log_len;

int vprintk(const char *fmt, va_list args)
{
	int n;

	if (fmt[0] == '\001')
		fmt += 2;
	n = quire_vsnprintf(log_text + log_len, sizeof(log_text) - log_len, fmt, args);
	if (log_len + (size_t)n < sizeof(log_text))
		log_len += (size_t)n;
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

static __maybe_unused bool logged(const char *text)
{
	return strstr(log_text, text) != NULL;
}

#define assert_logged(text)                                                                        \
	do {                                                                                       \
		if (!logged(text))                                                                 \
			fail_msg("not in the log: %s\n%s", text, log_text);                        \
	} while (0)

static __maybe_unused void clear_log(void)
{
	log_len = 0;
	log_text[0] = '\0';
}

/* ---- memblock as lists of ranges */
static __maybe_unused void reset_boot(void)
{
	clear_log();
	memblock_remove(0, PHYS_ADDR_MAX);
	memblock_phys_free(0, PHYS_ADDR_MAX);
	memblock.bottom_up = false;
	event_log.nr = 0;
	memset(&boot_params, 0, sizeof(boot_params));
	boot_command_line[0] = '\0';
	phys_initrd_start = phys_initrd_size = 0;
	elfcorehdr_addr = elfcorehdr_size = 0;
}

static __maybe_unused void check_region(struct memblock_type *type, unsigned long i, u64 base,
					u64 size, unsigned int flags)
{
	assert_true(i < type->cnt);
	assert_int_equal(type->regions[i].base, base);
	assert_int_equal(type->regions[i].size, size);
	assert_int_equal(type->regions[i].flags, flags);
}
#define assert_memory(i, base, size) check_region(&memblock.memory, i, base, size, MEMBLOCK_NONE)
#define assert_reserved(i, base, size)                                                             \
	check_region(&memblock.reserved, i, base, size, MEMBLOCK_NONE)

/* ---- building a tree */
static char tree_buf[1 << 21] __attribute__((aligned(8)));
static unsigned int tree_ac, tree_sc;
static void *tree_blob; /* the finished tree */
static u32 tree_size;

#define ok(x) assert_int_equal(x, 0)

static __maybe_unused void tree_begin_rsv(unsigned int ac, unsigned int sc, const u64 *rsv,
					  unsigned int nr)
{
	unsigned int i;

	tree_ac = ac;
	tree_sc = sc;
	ok(fdt_create(tree_buf, sizeof(tree_buf)));
	for (i = 0; i < nr; i++)
		ok(fdt_add_reservemap_entry(tree_buf, rsv[2 * i], rsv[2 * i + 1]));
	ok(fdt_finish_reservemap(tree_buf));
	ok(fdt_begin_node(tree_buf, ""));
	ok(fdt_property_u32(tree_buf, "#address-cells", ac));
	ok(fdt_property_u32(tree_buf, "#size-cells", sc));
}

static __maybe_unused void tree_begin(unsigned int ac, unsigned int sc)
{
	tree_begin_rsv(ac, sc, NULL, 0);
}

static __maybe_unused void node(const char *name)
{
	ok(fdt_begin_node(tree_buf, name));
}

static __maybe_unused void end(void)
{
	ok(fdt_end_node(tree_buf));
}

static __maybe_unused void prop(const char *name)
{
	ok(fdt_property(tree_buf, name, "", 0));
}

static __maybe_unused void prop_u32(const char *name, u32 v)
{
	ok(fdt_property_u32(tree_buf, name, v));
}

static __maybe_unused void prop_str(const char *name, const char *s)
{
	ok(fdt_property_string(tree_buf, name, s));
}

/* Numbers of the given cells each, alternating when cells2 is not 0. */
static __maybe_unused void prop_cells(const char *name, unsigned int cells, unsigned int cells2,
				      const u64 *v, unsigned int nr)
{
	u32 out[256];
	unsigned int i, j, n = 0;

	for (i = 0; i < nr; i++) {
		unsigned int c = (i & 1) && cells2 ? cells2 : cells;

		for (j = c; j-- > 0;)
			out[n++] = cpu_to_fdt32(j < 2 ? (u32)(v[i] >> (32 * j)) : 0);
	}
	ok(fdt_property(tree_buf, name, out, (int)(n * 4)));
}

static __maybe_unused void prop_ranges(const char *name, const u64 *v, unsigned int nr)
{
	prop_cells(name, tree_ac, tree_sc, v, nr);
}

/* base and size in the root's cells */
static __maybe_unused void prop_reg(u64 base, u64 size)
{
	prop_ranges("reg", (u64[]){base, size}, 2);
}

static __maybe_unused void tree_memory(const char *name, u64 base, u64 size)
{
	node(name);
	prop_str("device_type", "memory");
	prop_reg(base, size);
	end();
}

static __maybe_unused void tree_end(void)
{
	end();
	ok(fdt_finish(tree_buf));
	tree_size = fdt_totalsize(tree_buf);
	free(tree_blob);
	tree_blob = malloc(tree_size);
	memcpy(tree_blob, tree_buf, tree_size);
}

static __maybe_unused int scan_tree(void)
{
	tree_end();
	return early_init_dt_scan(tree_blob, 0x44000000, tree_size);
}

/* The /reserved-memory node, open. */
static __maybe_unused void tree_reserved_memory(void)
{
	node("reserved-memory");
	prop_u32("#address-cells", tree_ac);
	prop_u32("#size-cells", tree_sc);
	prop("ranges");
}

#endif
