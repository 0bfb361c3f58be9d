// SPDX-License-Identifier: MIT
/*
 * libFuzzer target: the device-tree path of the boot, from arbitrary bytes at the tree's place to the page allocator.
 *
 * One input in four is predicted (predict/) as a Linux build would boot it, instead of booted.
 *
 * Every input is a machine that boots in this process (port/host puts the core's variables back before each). The
 * first four bytes choose CPU, VA bits, and where image and tree lie; the rest is the tree. What must hold: no report
 * of a sanitizer, no endless loop, an end that is either a booted machine whose structures check, or a panic that
 * says why in words and is not a broken invariant (BUG).
 *
 * Bytes changed blindly would seldom get past the header, so the mutator below mostly changes cells of properties,
 * names of nodes and tags in place, and repairs the header of what it did.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/host/host.h"

#define PREFIX 4
#define BE(p)                                                                                      \
	((uint32_t)(p)[0] << 24 | (uint32_t)(p)[1] << 16 | (uint32_t)(p)[2] << 8 | (uint32_t)(p)[3])

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static bool warned;

static void no_console(void *ctx, const char *s, size_t n)
{
	/* WARN_ON is for what must not be, whatever the tree says. */
	warned |= memmem(s, n, "WARNING: ", 9) != NULL;
	if (getenv("FUZZ_SHOW"))
		fwrite(s, 1, n, stderr);
}

static int no_file(void *ctx, const char *s, size_t n)
{
	*(size_t *)ctx += n;
	return 0;
}

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "fuzz_dtb: %s: %s\n", what, text);
	abort();
}

/* A build that maps by blocks, so that a large board does not cost a page table for each 2 MiB; 6.12's other sizes. */
static const struct build_profile profile = {
	.name = "fuzzed",
	.release = "6.12",
	.version = 0x60c,
	.page_shift = 12,
	.va_bits = 52,
	.pa_bits = 52,
	.nr_cpus = 512,
	.nodes_shift = 4,
	.max_page_order = 10,
	.section_size_bits = 27,
	.cma_size_mbytes = 64,
	.cma_alignment = 8,
	.log_buf_shift = 17,
	.log_cpu_max_buf_shift = 12,
	.kfence = 1,
	.kfence_sample_interval = 100,
	.kfence_num_objects = 255,
	.crash_reserve = 1,
	.hugetlb = 1,
	.bounce_unaligned_kmalloc = 1,
	.stackdepot = 1,
	.deferred_struct_pages = 1,
	.numa = 1,
	.cpumask_offstack = 1,
	.page_size_of = 64,
	.pglist_data = 14144,
	.device_node = 208,
	.property = 104,
	.reserved_mem = 48,
	.resource = 64,
	.mem_section = 16,
	.mem_section_usage = 24,
	.pcpu_alloc_info = 64,
	.pcpu_group_info = 24,
	.pcpu_chunk = 192,
	.pcpu_block_md = 32,
	.io_tlb_slot = 24,
	.io_tlb_area = 16,
	.prb_desc = 24,
	.printk_info = 88,
	.kfence_metadata = 1160,
	.image_size = 0x2230000,
	.stext = 0x10000,
	.etext = 0xde0000,
	.rodata_end = 0x1859000,
	.init_begin = 0x1870000,
	.init_end = 0x1e80000,
	.data_end = 0x2136200,
	.bss_start = 0x2137000,
	.bss_end = 0x2219910,
	.percpu_static = 0x18558,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const cpus[] = {"cortex-a53", "cortex-a72", "neoverse-n1", "max"};
	static const unsigned int va_bits[] = {48, 48, 39, 52};
	static const uint64_t images[] = {0x40200000, 0x40200000, 0x80000000,
					  0x200000,   0x7fe00000, 0x140000000};
	static const uint64_t trees[] = {0x48200000, 0x44000000, 0x48200000,
					 0x4fffffc8, 0x48200004, 0x40400000};
	const struct host_core *core = &quire_core_4k;
	struct host_machine m = {.console = no_console, .image_size = 0x2230000, .lowest = 0};
	const char *why = NULL, *text;
	size_t written = 0;
	struct host_out out = {.write = no_file, .ctx = &written, .columns = 80};
	/* Checks and reports cost more than the boot itself: for a quarter of the inputs, chosen by their bytes. */
	bool thorough = size > PREFIX && (data[size / 2] + data[size - 1] + size) % 4 == 0;
	int code;

	if (size < PREFIX)
		return -1;
	if (host_cpu_find(cpus[data[0] & 3], &m.cpu))
		fail("no such CPU", cpus[data[0] & 3]);
	m.va_bits = va_bits[data[1] & 3];
	m.image_at = images[data[2] % 6];
	m.fdt_at = trees[data[3] % 6];
	m.fdt = data + PREFIX;
	m.fdt_size = size - PREFIX;
	m.highest = 1ULL << 40;
	m.debug = data[1] & 0x80;
	if ((data[1] & 0x60) == 0x60) {
		m.build = &profile;
		m.va_bits = 52;
	}
	/* Threads for a tree of 256 CPUs would take all the time. */
	m.max_cpus = 2;

	warned = false;
	code = core->boot(&m, &why);
	text = core->panic_text();
	if (code < 0) {
		if (!why || !*why)
			fail("refused without a word", "");
		return 0;
	}
	if (code) {
		if (!text || !*text)
			fail("stopped without a word", "");
		/* A broken invariant is a mistake of ours whatever the input. */
		if (!strncmp(text, "BUG", 3) || strstr(text, "Unable to handle"))
			fail("invariant", text);
	} else if (warned) {
		fail("a condition that must not be", "see above");
	} else if (!m.build && thorough && core->check()) {
		fail("the booted machine is not sound", "see above");
	}
	if (!thorough)
		return 0;
	if (m.build) {
		if (core->report(HOST_REPORT_PREDICT_JSON, &out) || !written)
			fail("no report", "");
		return 0;
	}
	if (core->report(HOST_REPORT_JSON, &out) || !written)
		fail("no report", "");
	if (!code) {
		core->report(HOST_REPORT_PTDUMP, &out);
		core->report(HOST_REPORT_SUMMARY, &out);
	}
	return 0;
}

/* ------------------------------------------------------------------ mutation */

static uint32_t rnd(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* Header words by index: magic, totalsize, struct, strings, rsvmap, version, compatible, cpu, strings size, struct size. */
static void repair(uint8_t *t, size_t size)
{
	if (size < 40)
		return;
	put(t, 0xd00dfeed);
	put(t + 4, (uint32_t)size);
	put(t + 20, 17);
	put(t + 24, 16);
	for (int i = 2; i <= 4; i++)
		if (BE(t + 4 * i) >= size)
			put(t + 4 * i, 40);
	if (BE(t + 8) + (uint64_t)BE(t + 36) > size)
		put(t + 36, (uint32_t)size - BE(t + 8));
	if (BE(t + 12) + (uint64_t)BE(t + 32) > size)
		put(t + 32, (uint32_t)size - BE(t + 12));
}

#define FDT_BEGIN_NODE 1
#define FDT_PROP 3

/* Offset of the n-th property's or node's token in the structure block, counted round; 0 when there is none. */
static size_t nth_token(const uint8_t *t, size_t size, uint32_t token, uint32_t n)
{
	size_t at = BE(t + 8), end = at + BE(t + 36), found = 0, first = 0, count = 0;

	for (int round = 0; round < 2; round++) {
		count = 0;
		for (at = BE(t + 8); at + 12 <= end && end <= size; at += 4) {
			uint32_t v = BE(t + at);

			if (v == token) {
				if (!first)
					first = at;
				if (round && count == found)
					return at;
				count++;
			}
			if (v == FDT_PROP)
				at += (8 + ((size_t)BE(t + at + 4) + 3) / 4 * 4);
		}
		if (!count)
			return 0;
		found = n % count;
	}
	return first;
}

static const uint32_t cells[] = {0,	     1,		 2,	     3,		 4,
				 7,	     0x10,	 0xfff,	     0x1000,	 0x1001,
				 0xffff,     0x200000,	 0x40000000, 0x40200000, 0x7fffffff,
				 0x80000000, 0xfffff000, 0xffffffff, 0x00ffffff, 0x48000000};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint32_t state = seed;
	uint8_t *t = data + PREFIX;
	size_t n, at;

	if (size < PREFIX + 48)
		return LLVMFuzzerMutate(data, size, max_size);
	n = size - PREFIX;
	if (rnd(&state) % 8 == 0)
		data[rnd(&state) % PREFIX] = (uint8_t)rnd(&state);
	switch (rnd(&state) % 10) {
	case 0: /* blindly, header and all */
		return LLVMFuzzerMutate(data, size, max_size);
	case 1: /* blindly, with a header that fits */
		n = LLVMFuzzerMutate(t, n, max_size - PREFIX);
		repair(t, n);
		return PREFIX + n;
	case 2: /* the reserve map */
		repair(t, n);
		at = BE(t + 16) + 4 * (rnd(&state) % 16);
		if (at + 4 <= n)
			put(t + at, cells[rnd(&state) % (sizeof(cells) / sizeof(cells[0]))]);
		return size;
	case 3: /* a byte of a name */
		repair(t, n);
		at = nth_token(t, n, FDT_BEGIN_NODE, rnd(&state));
		if (at && at + 20 < n)
			t[at + 4 + rnd(&state) % 16] = (uint8_t)rnd(&state);
		return size;
	case 4: /* a property's length or name */
		repair(t, n);
		at = nth_token(t, n, FDT_PROP, rnd(&state));
		if (at && at + 12 <= n)
			put(t + at + 4 + 4 * (rnd(&state) % 2), rnd(&state) % 64);
		return size;
	case 5: /* a property becomes another one: the names of two are exchanged */
		repair(t, n);
		at = nth_token(t, n, FDT_PROP, rnd(&state));
		if (at && at + 12 <= n) {
			size_t other = nth_token(t, n, FDT_PROP, rnd(&state));

			put(t + at + 8, BE(t + other + 8));
		}
		return size;
	default: /* one to three cells of properties */
		repair(t, n);
		for (uint32_t i = rnd(&state) % 3 + 1; i; i--) {
			uint32_t len, v;

			at = nth_token(t, n, FDT_PROP, rnd(&state));
			if (!at || at + 12 > n)
				break;
			len = BE(t + at + 4);
			if (len < 4 || at + 12 + len > n)
				continue;
			at += 12 + 4 * (rnd(&state) % (len / 4));
			v = cells[rnd(&state) % (sizeof(cells) / sizeof(cells[0]))];
			put(t + at, rnd(&state) % 4 ? v : BE(t + at) ^ (1u << rnd(&state) % 32));
		}
		return size;
	}
}
