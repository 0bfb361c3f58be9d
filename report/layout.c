// SPDX-License-Identifier: MIT
/*
 * The kernel's address space in areas, and what the linear map is made of. Linux printed the areas at boot until
 * 4.16 ("Virtual kernel memory layout"); today it shows them in the page-table dump only.
 */
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/report.h>

#include "../arch/arm64/descriptor.h"

unsigned int layout_areas(struct layout_area areas[MAX_LAYOUT_AREAS])
{
	const struct va_layout *l = &va_layout;
	const unsigned long image = boot_params.image.kva;
	const struct layout_area all[] = {
		{"linear map", l->page_offset, l->page_end},
		{"modules", l->modules_start, l->modules_end},
		{"kernel image", image, image + boot_params.image.size},
		{"vmalloc", l->vmalloc_start, l->vmalloc_end},
		{"fixmap", l->fixaddr_start, l->fixaddr_top},
		{"PCI I/O", l->pci_io_start, l->pci_io_end},
		{"vmemmap", l->vmemmap_start, l->vmemmap_end},
	};
	unsigned int n = 0;

	BUILD_BUG_ON(ARRAY_SIZE(all) > MAX_LAYOUT_AREAS);
	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		unsigned int at = n;

		if (all[i].start == all[i].end)
			continue;
		for (; at && areas[at - 1].start > all[i].start; at--)
			areas[at] = areas[at - 1];
		areas[at] = all[i];
		n++;
	}
	return n;
}

char *human_size(char buf[HUMAN_SIZE_MAX], u64 size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned int u = 0;
	u64 whole = size, tenths = 0;

	while (whole >= 1024 && u < ARRAY_SIZE(units) - 1) {
		tenths = (whole % 1024) * 10 / 1024;
		whole /= 1024;
		u++;
	}
	/* One digit after the point while there is room for it, and none that says nothing. */
	if (whole < 100 && tenths)
		quire_snprintf(buf, HUMAN_SIZE_MAX, "%llu.%llu %s", (unsigned long long)whole,
			       (unsigned long long)tenths, units[u]);
	else
		quire_snprintf(buf, HUMAN_SIZE_MAX, "%llu %s", (unsigned long long)whole, units[u]);
	return buf;
}

void report_layout(struct out *out)
{
	struct layout_area areas[MAX_LAYOUT_AREAS];
	unsigned int n = layout_areas(areas);
	char size[HUMAN_SIZE_MAX];

	for (unsigned int i = 0; i < n; i++)
		out_printf(out, "  %-12s 0x%016lx-0x%016lx  %9s\n", areas[i].name, areas[i].start,
			   areas[i].end - 1, human_size(size, areas[i].end - areas[i].start));
}

void linear_map_stats(struct linear_map_stats *s)
{
	/* The largest block: 1 GiB with 4K, 32 MiB with 16K, 512 MiB with 64K (LPA2 and LPA add a level, shown when used). */
	const int top = PAGE_SHIFT == 12 ? 1 : 2;
	struct pgtable_stats stats;
	unsigned int n = 0;

	kernel_pgtable_stats(va_layout.page_offset, va_layout.page_end, &stats);
	for (int level = MAX_LEVEL; level >= 0; level--) {
		unsigned int run = contiguous_entries(level);

		if (level < top && !stats.leaves_by_level[level + 1])
			continue;
		s->block[n].size = level_size(level);
		s->block[n++].count = stats.leaves_by_level[level + 1];
		if (run > 1) {
			s->block[n].size = level_size(level) * run;
			s->block[n++].count = stats.contiguous_runs_by_level[level + 1];
		}
	}
	s->nr_blocks = n;

	s->table_pages = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(stats.table_pages); i++)
		s->table_pages += stats.table_pages[i];
}
