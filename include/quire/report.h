/* SPDX-License-Identifier: MIT */
/*
 * Reports (report/): texts and JSON made from the structures of a booted machine, written to a struct out.
 *
 * All of them read only, take no lock, and expect the boot CPU alone: after start_kernel() has returned, or, where
 * said, after a boot that panicked. They allocate nothing. Page tables have their own: quire/report_pgtable.h.
 */
#ifndef QUIRE_REPORT_H
#define QUIRE_REPORT_H

#include <quire/out.h>

/*
 * Keep memblock.memory and memblock.reserved as they are now, as events, for the keys "memory" and "reserved" of the
 * JSON. Called once, at the end of bootmem_init, where Linux prints its MEMBLOCK configuration.
 */
void report_memblock_config(void);

/*
 * The whole machine as one JSON document (docs/json.md). panic_text: NULL after a good boot; else the boot ended in
 * panic() with this text, and only what holds then is written (memblock, events). Returns 0 or out's error.
 */
int report_json(struct out *out, const char *panic_text);

/* What a person wants to know after a boot, with the map. Lines of at most out->columns characters (80 if 0). */
void report_summary(struct out *out);

/* Physical memory drawn as a strip per bank: out->unicode and out->colour say with what. */
void report_map(struct out *out);

/* The texts of /proc as Linux 6.12 prints them, counters and lines that Quire does not keep left out. */
void report_zoneinfo(struct out *out);
void report_buddyinfo(struct out *out);
void report_pagetypeinfo(struct out *out);
void report_slabinfo(struct out *out);
void report_vmallocinfo(struct out *out);
void report_meminfo(struct out *out);
void report_vmstat(struct out *out);
/* Linux: /sys/kernel/debug/page_owner. A line that says so when page_owner=on was not given. */
void report_page_owner(struct out *out);

/* One of them by its name of n characters. 0, out's error, or -ENOENT: there is none of that name. */
int report_proc(struct out *out, const char *name, size_t n);
/* Several, separated by commas; what is not known is said. Returns how many were not. */
unsigned int report_proc_list(struct out *out, const char *names);

/* The areas of the kernel's address space, one a line, in order of address. */
void report_layout(struct out *out);

/* One area of the kernel's address space: [start, end). */
struct layout_area {
	const char *
		name; /* "linear map", "modules", "kernel image", "vmalloc", "fixmap", "PCI I/O", "vmemmap" */
	unsigned long start, end;
};
#define MAX_LAYOUT_AREAS 8
/* Fills areas[] in order of address and returns their number. */
unsigned int layout_areas(struct layout_area areas[MAX_LAYOUT_AREAS]);

/* Leaves of the linear map by block size; a run with the contiguous bit counts as one block. */
struct linear_map_stats {
	struct {
		u64 size;	     /* bytes a block maps */
		unsigned long count; /* blocks */
	} block[8];		     /* smallest first */
	unsigned int
		nr_blocks; /* entries of block[]: every size that this granule has, even when count is 0 */
	unsigned long
		table_pages; /* pages of tables that serve the linear map, the root included */
};
void linear_map_stats(struct linear_map_stats *s);

/* "512 MiB", "1.5 GiB", "3 KiB": size in at most 4 digits, exact where it can be. Returns buf. */
#define HUMAN_SIZE_MAX 24
char *human_size(char buf[HUMAN_SIZE_MAX], u64 size);

#endif
