// SPDX-License-Identifier: MIT
/*
 * A page-table walk in words, for `quire walk` and for what a fault prints.
 *
 *   0xffff000012345678: walk from 0x41a68000 (TTBR1_EL1), 4 KiB granule, 48-bit addresses
 *     level 0  index   0  0x10000000bffff003  table at 0xbffff000, not executable at EL0
 *     level 1  index   0  0x00e8000040000705  1 GiB block at 0x40000000, normal memory, ...
 *     physical address 0x52345678
 *
 * Against Linux: show_pte() prints the bare descriptors.
 */
#include <quire/memblock.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/report_pgtable.h>

#include "../arch/arm64/pgtable.h"

static const char *memory_type(u64 desc)
{
	switch ((desc & DESC_ATTRINDX_MASK) >> DESC_ATTRINDX_SHIFT) {
	case MT_NORMAL:
		return "normal memory";
	case MT_NORMAL_TAGGED:
		return "normal memory, tagged";
	case MT_NORMAL_NC:
		return "normal memory, not cached";
	case MT_DEVICE_nGnRnE:
		return "device nGnRnE";
	case MT_DEVICE_nGnRE:
		return "device nGnRE";
	}
	return "memory type unknown to this kernel";
}

static const char *execution(u64 desc)
{
	switch (desc & (DESC_PXN | DESC_UXN)) {
	case 0:
		return "executable at EL1 and EL0";
	case DESC_PXN:
		return "executable at EL0";
	case DESC_UXN:
		return "executable at EL1";
	}
	return "never executable";
}

static const char *shareability(u64 desc)
{
	/* With LPA2 the bits belong to the address, and TCR_EL1.SH1 decides. */
	if (PAGE_SHIFT != 16 && kernel_pgtable.pa52)
		return "";
	switch ((desc & DESC_SH_MASK) >> 8) {
	case 0:
		return ", not shareable";
	case 2:
		return ", outer shareable";
	case 3:
		return ", inner shareable";
	}
	return ", reserved shareability";
}

static void describe_table(struct out *out, u64 desc)
{
	out_printf(out, "table at 0x%llx",
		   (unsigned long long)desc_to_pa(desc, kernel_pgtable.pa52));
	if (desc & DESC_PXNTABLE)
		out_puts(out, ", not executable at EL1");
	if (desc & DESC_UXNTABLE)
		out_puts(out, ", not executable at EL0");
	if (desc & DESC_APTABLE_RO)
		out_puts(out, ", read-only");
	if (desc & DESC_APTABLE_NOEL0)
		out_puts(out, ", no EL0 access");
	if (desc & DESC_NSTABLE)
		out_puts(out, ", NSTable");
}

static void describe_leaf(struct out *out, u64 desc, int level)
{
	char size[HUMAN_SIZE_MAX];

	out_printf(out, "%s %s at 0x%llx", human_size(size, level_size(level)),
		   level == MAX_LEVEL ? "page" : "block",
		   (unsigned long long)desc_to_pa(desc, kernel_pgtable.pa52));
	if (desc & DESC_CONT)
		out_printf(out, " in a contiguous run of %s",
			   human_size(size, level_size(level) * contiguous_entries(level)));
	out_printf(out, ", %s, %s%s, %s%s", memory_type(desc),
		   desc & DESC_RDONLY ? "read-only" : "read-write",
		   desc & DESC_USER ? ", EL0 too" : "", execution(desc), shareability(desc));
	if (!(desc & DESC_AF))
		out_puts(out, ", access flag clear: the first access faults");
	if (desc & DESC_NG)
		out_puts(out, ", not global");
	if (desc & DESC_GP)
		out_puts(out, ", guarded");
	if (desc & DESC_WRITE)
		out_puts(out, ", DBM");
	if (desc & DESC_DIRTY)
		out_puts(out, ", dirty");
}

static void describe_step(struct out *out, const struct walk *w, unsigned int i)
{
	const struct walk_step *step = &w->step[i];
	int level = (int)step->level - 1;
	u64 desc = step->desc;

	out_printf(out, "  level %d  index %4u  0x%016llx  ", level, step->index,
		   (unsigned long long)desc);
	if (!(desc & DESC_VALID))
		out_puts(out, desc ? "invalid, other bits set" : "invalid");
	else if (desc_is_table(desc, level))
		describe_table(out, desc);
	else if (w->result == WALK_TRANSLATION)
		out_puts(out, "reserved: no block or page at this level");
	else
		describe_leaf(out, desc, level);
	out_puts(out, "\n");
}

/* What the tables above take away from what the leaf says. */
static void describe_effect(struct out *out, const struct walk *w)
{
	u64 leaf = w->step[w->nr_steps - 1].desc;

	if ((w->table_attrs & DESC_APTABLE_RO) && !(leaf & DESC_RDONLY))
		out_puts(out, ", read-only by a table above");
	if ((w->table_attrs & DESC_PXNTABLE) && !(leaf & DESC_PXN))
		out_puts(out, ", not executable by a table above");
}

int report_walk(struct out *out, unsigned long kva)
{
	struct walk w;
	int last;

	kernel_walk(kva, &w);
	out_printf(out,
		   "0x%016lx: walk from 0x%llx (TTBR1_EL1), %lu KiB granule, %u-bit addresses\n",
		   kva, (unsigned long long)kernel_pgtable.root, PAGE_SIZE / 1024,
		   kernel_pgtable.va_bits);
	for (unsigned int i = 0; i < w.nr_steps; i++)
		describe_step(out, &w, i);
	last = w.nr_steps ? (int)w.step[w.nr_steps - 1].level - 1 : 0;
	switch (w.result) {
	case WALK_OK:
		out_printf(out, "  physical address 0x%llx", (unsigned long long)w.pa);
		describe_effect(out, &w);
		out_puts(out, "\n");
		return 0;
	case WALK_BAD_VA:
		out_printf(out, "  not a kernel address: TTBR1_EL1 translates 0x%016lx and above\n",
			   -(1UL << kernel_pgtable.va_bits));
		break;
	case WALK_TRANSLATION:
		out_printf(out, "  level %d translation fault\n", last);
		break;
	case WALK_ADDRESS_SIZE:
		out_printf(out, "  level %d address size fault: the CPU has %u bits\n", last,
			   kernel_pgtable.pa_bits);
		break;
	case WALK_UNREADABLE:
		out_puts(out, "  the next table cannot be read before paging_init\n");
		break;
	}
	return -EFAULT;
}

struct search {
	struct out *out;
	phys_addr_t pa;
	unsigned int found;
};

static int search_leaf(const struct pgtable_leaf *leaf, void *arg)
{
	struct search *s = arg;

	if (s->pa - leaf->pa < leaf->size) {
		report_walk(s->out, leaf->kva + (s->pa - leaf->pa));
		s->found++;
	}
	return 0;
}

static const char *why_not_mapped(phys_addr_t pa)
{
	struct memblock_region *r;

	for_each_mem_region(r)
	{
		if (pa - r->base >= r->size)
			continue;
		if (memblock_is_nomap(r))
			return "it is memory that the tree says not to map (no-map)";
		if ((pa & PAGE_MASK) < r->base || (pa | ~PAGE_MASK) - r->base >= r->size)
			return "it shares its page with what is not mapped";
		return "it was no-map when the linear map was made";
	}
	return "it is not memory";
}

int report_walk_phys(struct out *out, phys_addr_t pa)
{
	struct search s = {.out = out, .pa = pa};

	pgtable_for_each_leaf_tree(&kernel_pgtable, -(1UL << kernel_pgtable.va_bits), 0,
				   search_leaf, &s);
	if (s.found)
		return 0;
	out_printf(out, "0x%llx is mapped nowhere: %s\n", (unsigned long long)pa,
		   why_not_mapped(pa));
	return -ENOENT;
}
