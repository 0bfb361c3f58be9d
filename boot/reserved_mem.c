// SPDX-License-Identifier: MIT
/*
 * /reserved-memory, /memreserve/ and the crash dump's header: what the tree keeps from the page
 * allocator.
 *
 * Two passes, as in Linux 6.12. The first runs before the linear map exists: regions with `reg` are
 * reserved or taken out of the mapping in the tree's order, then those that only say how large they
 * are get a place. The second runs when memory can be touched: it makes the list of all regions,
 * starts their pools, and looks for overlaps.
 *
 * reserved_mem[0 .. nr_reserved_mem) is in order of address after the second pass. Until then it is
 * a static array that holds the dynamic regions only (their number is limited to it, as in Linux).
 *
 * Differences from drivers/of/of_reserved_mem.c: an empty `reg` is reported instead of read past
 * its end, an alignment has to be a power of two, a pool outside of memory and a region over the
 * kernel are said at once, and the list notes what was refused. A pool that cannot be set up gives
 * its memory back only where nobody else lies in it and the linear map has it: Linux frees the kernel
 * image, when the region covers that, and memory that it left unmapped.
 */
#define pr_fmt(fmt) "OF: reserved mem: " fmt

#include <quire/boot.h>
#include <quire/build_profile.h>
#include <quire/cma.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/printk.h>
#include <quire/string.h>

#include <libfdt.h>

#include "fdt_scan.h"

#define MAX_DYNAMIC 64

static struct reserved_mem early_reserved_mem[MAX_DYNAMIC];
struct reserved_mem *reserved_mem = early_reserved_mem;
unsigned int nr_reserved_mem;

static unsigned int widened;	      /* reservations that took more than they asked for */
static unsigned int max_reserved_mem; /* entries that the second pass needs */
/* By a child's position in /reserved-memory: its region could not be reserved. */
static u64 refused_map[MAX_RESERVED_MEM / 64];

static bool was_refused(unsigned int child)
{
	return child < MAX_RESERVED_MEM && ((refused_map[child / 64] >> (child % 64)) & 1);
}

static unsigned int entry_cells(void)
{
	return fdt_info.addr_cells + fdt_info.size_cells;
}

static unsigned long mib(phys_addr_t size)
{
	return (unsigned long)(size / SZ_1M);
}

/* ------------------------------------------------------------------ pools */

static bool overlaps(const struct reserved_mem *r, phys_addr_t base, phys_addr_t size)
{
	return size && memblock_addrs_overlap(r->base, r->size, base, size);
}

bool initrd_lies_alone(phys_addr_t base, phys_addr_t size)
{
	unsigned int i;

	for (i = 0; i < nr_reserved_mem; i++)
		if (overlaps(&reserved_mem[i], base, size))
			return false;
	return !memblock_addrs_overlap(base, size, boot_params.image.phys,
				       boot_params.image.size) &&
	       !memblock_addrs_overlap(base, size, fdt_info.phys, fdt_info.size);
}

/*
 * The image, the tree, the initrd, a /memreserve/ entry or another node's region lies in r, whose
 * node has properties self.
 */
static bool shared_with_others(const struct reserved_mem *r, const struct fdt_props *self)
{
	const struct {
		phys_addr_t base, size;
	} fixed[] = {
		{boot_params.image.phys, boot_params.image.size},
		{fdt_info.phys, fdt_info.size},
		{phys_initrd_start, phys_initrd_size},
		{elfcorehdr_addr, elfcorehdr_size},
	};
	struct fdt_cursor c = fdt_info.reserved_memory;
	struct fdt_props p;
	const u32 *reg;
	u64 base, size;
	unsigned int i;
	u32 left;

	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		if (overlaps(r, fixed[i].base, fixed[i].size))
			return true;
	for (i = 0; !fdt_get_mem_rsv(fdt_info.tree.base, (int)i, &base, &size) && size; i++)
		if (overlaps(r, base, size))
			return true;
	for (; fdt_next_child(&c, &p); fdt_skip_node(&c)) {
		if (!fdt_available(&p) || !fdt_has(&p, FDT_P_REG) ||
		    (fdt_has(self, FDT_P_REG) && p.val[FDT_P_REG] == self->val[FDT_P_REG]))
			continue;
		reg = p.val[FDT_P_REG];
		for (left = p.len[FDT_P_REG] / 4; left >= entry_cells(); left -= entry_cells()) {
			base = fdt_number(reg, fdt_info.addr_cells);
			size = fdt_number(reg + fdt_info.addr_cells, fdt_info.size_cells);
			if (overlaps(r, base, size))
				return true;
			reg += entry_cells();
		}
	}
	return false;
}

/* A contiguous area of movable memory. */
static int setup_cma(struct reserved_mem *r, const struct fdt_props *p)
{
	struct cma *cma;
	int err;

	if (r->linux_cma_default && cma_cmdline.size != PHYS_ADDR_MAX) {
		printk(KERN_INFO
		       "Reserved memory: bypass %s node, using cmdline CMA params instead\n",
		       r->name);
		return -EBUSY;
	}
	if (!r->reusable || r->nomap)
		return -EINVAL;
	if (!IS_ALIGNED(r->base | r->size, CMA_MIN_ALIGNMENT_BYTES)) {
		printk(KERN_ERR "Reserved memory: incorrect alignment of CMA region\n");
		return -EINVAL;
	}
	/* The allocator lends all of it out. */
	if (!build_profile && shared_with_others(r, p)) {
		printk(KERN_ERR "Reserved memory: CMA region %s has something else in it\n",
		       r->name);
		return -EBUSY;
	}
	err = cma_init_reserved_mem(r->base, r->size, 0, r->name, &cma);
	if (err) {
		printk(KERN_ERR "Reserved memory: unable to setup CMA region\n");
		return err;
	}
	if (r->linux_cma_default)
		dma_contiguous_default_area = cma;
	printk(KERN_INFO "Reserved memory: created CMA memory pool at %pa, size %lu MiB\n",
	       &r->base, mib(r->size));
	return 0;
}

/* A pool for one device's coherent allocations. */
static int setup_coherent(struct reserved_mem *r, const struct fdt_props *p)
{
	if (r->reusable)
		return -EINVAL;
	printk(KERN_INFO "Reserved memory: created DMA memory pool at %pa, size %lu MiB\n",
	       &r->base, mib(r->size));
	return 0;
}

/* Bounce buffers for devices that may reach nothing else. */
static int setup_restricted(struct reserved_mem *r, const struct fdt_props *p)
{
	if (r->reusable || r->nomap || r->linux_cma_default || fdt_has(p, FDT_P_DMA_DEFAULT))
		return -EINVAL;
	printk(KERN_INFO "Reserved memory: created restricted DMA pool at %pa, size %lu MiB\n",
	       &r->base, mib(r->size));
	return 0;
}

/* Tried in this order until one takes the region. */
static const struct {
	const char *compatible;
	int (*setup)(struct reserved_mem *r, const struct fdt_props *p);
} pools[] = {
	{"shared-dma-pool", setup_cma},
	{"shared-dma-pool", setup_coherent},
	{"restricted-dma-pool", setup_restricted},
};

/* Its pool could not be set up: memory for everybody, as long as that is safe. */
static void give_back(const struct reserved_mem *r, const struct fdt_props *p)
{
	if (r->nomap) {
		memblock_clear_nomap(r->base, r->size);
		if (!r->dynamic && !build_profile) {
			pr_warn("%s: stays reserved, it is not in the linear map\n", r->name);
			memblock_reserve(r->base, r->size);
		}
	} else if (!r->dynamic && !build_profile && shared_with_others(r, p)) {
		pr_warn("%s: stays reserved, something else is in it\n", r->name);
	} else {
		memblock_phys_free(r->base, r->size);
	}
}

static void init_node(struct reserved_mem *r, const struct fdt_props *p)
{
	phys_addr_t end = r->base + r->size - 1;
	int err = -ENOENT;
	unsigned int i;

	if (fdt_has(p, FDT_P_COMPATIBLE)) {
		for (i = 0; err && i < ARRAY_SIZE(pools); i++) {
			if (!fdt_compatible(p, pools[i].compatible))
				continue;
			err = pools[i].setup(r, p);
			if (!err)
				pr_info("initialized node %s, compatible id %s\n", r->name,
					pools[i].compatible);
		}
	}
	if (err && err != -ENOENT) {
		pr_info("node %s compatible matching fail\n", r->name);
		r->refused = true;
		give_back(r, p);
		return;
	}
	pr_info("%pa..%pa (%lu KiB) %s %s %s\n", &r->base, &end, (unsigned long)(r->size / SZ_1K),
		r->nomap ? "nomap" : "map", r->reusable ? "reusable" : "non-reusable", r->name);
	if (r->size && !memblock_is_region_memory(r->base, r->size))
		pr_warn("%s: not all of it is memory\n", r->name);
}

static void save_node(const char *name, const struct fdt_props *p, phys_addr_t base,
		      phys_addr_t size, bool dynamic, bool refused)
{
	const char *compatible = fdt_prop_string(p, FDT_P_COMPATIBLE);
	struct reserved_mem *r;

	if (nr_reserved_mem == max_reserved_mem) {
		pr_err("not enough space for all defined regions.\n");
		return;
	}
	r = &reserved_mem[nr_reserved_mem++];
	*r = (struct reserved_mem){
		.base = base,
		.size = size,
		.dynamic = dynamic,
		.nomap = fdt_has(p, FDT_P_NO_MAP),
		.reusable = fdt_has(p, FDT_P_REUSABLE),
		.linux_cma_default = fdt_has(p, FDT_P_CMA_DEFAULT),
		.refused = refused,
	};
	quire_strlcpy(r->name, name, sizeof(r->name));
	if (compatible)
		quire_strlcpy(r->compatible, compatible, sizeof(r->compatible));
	init_node(r, p);
}

/* ------------------------------------------------------------------ first pass */

/*
 * The tree's reservations leave some slots of memblock's array to what comes before it can grow: page
 * tables, dynamic regions.
 */
#define MAX_RESERVATIONS (MEMBLOCK_SPARE_REGIONS - MAX_RESERVED_MEM)

/* memblock_reserve that needs no slot when there is none: all up to the region next to it goes too. */
static int reserve(phys_addr_t base, phys_addr_t size)
{
	const struct memblock_type *type = &memblock.reserved;
	unsigned long low = 0, high = type->cnt, mid;
	phys_addr_t end = base + min(size, PHYS_ADDR_MAX - base);

	if (type->cnt < MAX_RESERVATIONS)
		return memblock_reserve(base, size);
	if (!widened++)
		pr_warn("more than %lu separate reservations: from here on the gap to the next one "
			"is "
			"reserved too\n",
			MAX_RESERVATIONS);
	while (low < high) {
		mid = (low + high) / 2;
		if (type->regions[mid].base <= base)
			low = mid + 1;
		else
			high = mid;
	}
	if (low)
		base = type->regions[low - 1].base + type->regions[low - 1].size;
	else
		end = max(end, type->regions[0].base);
	return base < end ? memblock_reserve(base, end - base) : 0;
}

static int reserve_one(phys_addr_t base, phys_addr_t size, bool nomap)
{
	int err;

	if (!nomap)
		return reserve(base, size);
	/*
	 * What somebody already has in use must stay mapped. Outside of memory there is nothing to
	 * unmap, and nothing to object to.
	 */
	if (memblock_overlaps_region(&memblock.memory, base, size) &&
	    memblock_is_region_reserved(base, size))
		return -EBUSY;
	err = memblock_mark_nomap(base, size);
	/* No room to split regions: mapped, but at least nobody gets it. */
	if (err)
		reserve(base, size);
	return err;
}

/* All ranges of `reg`. -ENOENT: there is none; -EINVAL: it cannot be read. */
static int reserve_reg(const char *name, const struct fdt_props *p, unsigned int child)
{
	unsigned int ac = fdt_info.addr_cells, n = entry_cells();
	bool nomap = fdt_has(p, FDT_P_NO_MAP);
	const struct kimage *image = &boot_params.image;
	const u32 *reg;
	u32 left;

	if (!fdt_has(p, FDT_P_REG))
		return -ENOENT;
	if (p->len[FDT_P_REG] % (n * 4)) {
		pr_err("Reserved memory: invalid reg property in '%s', skipping node.\n", name);
		return -EINVAL;
	}
	reg = p->val[FDT_P_REG];
	for (left = p->len[FDT_P_REG] / 4; left >= n; left -= n, reg += n) {
		phys_addr_t base = fdt_number(reg, ac);
		phys_addr_t size = fdt_number(reg + ac, fdt_info.size_cells);

		if (size && !nomap && memblock_addrs_overlap(base, size, image->phys, image->size))
			pr_warn("%s: lies over the kernel image\n", name);
		if (size && reserve_one(base, size, nomap) == 0)
			continue;
		pr_err("Reserved memory: failed to reserve memory for node '%s': base %pa, size "
		       "%lu MiB\n",
		       name, &base, mib(size));
		if (child < MAX_RESERVED_MEM)
			refused_map[child / 64] |= 1ULL << (child % 64);
	}
	return 0;
}

static int alloc_arch(phys_addr_t size, phys_addr_t align, phys_addr_t start, phys_addr_t end,
		      bool nomap, phys_addr_t *res)
{
	phys_addr_t base;
	int err;

	base = memblock_phys_alloc_range(size, align ? align : SMP_CACHE_BYTES, start,
					 end ? end : MEMBLOCK_ALLOC_ANYWHERE);
	if (!base)
		return -ENOMEM;
	if (nomap) {
		err = memblock_mark_nomap(base, size);
		if (err) {
			memblock_phys_free(base, size);
			return err;
		}
	}
	*res = base;
	return 0;
}

/*
 * In one of the ranges that `alloc-ranges` allows. Where only one end of it touches a region that
 * has its place already, the new one goes to that end, so that reserved memory stays in one piece:
 *
 *	|....RRRR................RRRRRRRR....|
 *	       [NNN----------]                 lowest address
 *	              [--------NNN]            highest address
 */
static int alloc_in_range(phys_addr_t size, phys_addr_t align, phys_addr_t start, phys_addr_t end,
			  bool nomap, phys_addr_t *res)
{
	bool was_bottom_up = memblock_bottom_up(), bottom_up = false, top_down = false;
	unsigned int i;
	int err;

	for (i = 0; i < nr_reserved_mem; i++) {
		const struct reserved_mem *r = &reserved_mem[i];

		if (!r->size)
			continue;
		if (start >= r->base && start <= r->base + r->size)
			bottom_up = true;
		if (end >= r->base && end <= r->base + r->size)
			top_down = true;
	}
	if (bottom_up != top_down)
		memblock_set_bottom_up(bottom_up);
	err = alloc_arch(size, align, start, end, nomap, res);
	memblock_set_bottom_up(was_bottom_up);
	return err;
}

/* A region without `reg`: find it a place. */
static void alloc_dynamic(const char *name, const struct fdt_props *p)
{
	unsigned int ac = fdt_info.addr_cells, sc = fdt_info.size_cells, n = entry_cells();
	bool nomap = fdt_has(p, FDT_P_NO_MAP);
	phys_addr_t size, align = 0, base = 0, start;
	const u32 *r;
	u32 left;

	if (p->len[FDT_P_SIZE] != sc * 4) {
		pr_err("invalid size property in '%s' node.\n", name);
		return;
	}
	size = fdt_number(p->val[FDT_P_SIZE], sc);
	if (fdt_has(p, FDT_P_ALIGNMENT)) {
		if (p->len[FDT_P_ALIGNMENT] == ac * 4)
			align = fdt_number(p->val[FDT_P_ALIGNMENT], ac);
		if (p->len[FDT_P_ALIGNMENT] != ac * 4 || (align && !is_power_of_2(align))) {
			pr_err("invalid alignment property in '%s' node.\n", name);
			return;
		}
	}
	if (!nomap && fdt_has(p, FDT_P_REUSABLE) && fdt_compatible(p, "shared-dma-pool"))
		align = max(align, (phys_addr_t)CMA_MIN_ALIGNMENT_BYTES);

	if (fdt_has(p, FDT_P_ALLOC_RANGES)) {
		if (p->len[FDT_P_ALLOC_RANGES] % (n * 4)) {
			pr_err("invalid alloc-ranges property in '%s', skipping node.\n", name);
			return;
		}
		r = p->val[FDT_P_ALLOC_RANGES];
		for (left = p->len[FDT_P_ALLOC_RANGES] / 4; left; left -= n, r += n) {
			start = fdt_number(r, ac);
			if (alloc_in_range(size, align, start, start + fdt_number(r + ac, sc),
					   nomap, &base) == 0)
				break;
		}
	} else {
		alloc_arch(size, align, 0, 0, nomap, &base);
	}
	if (!base) {
		pr_err("failed to allocate memory for node '%s': size %lu MiB\n", name, mib(size));
		return;
	}
	save_node(name, p, base, size, true, false);
}

static void scan_reserved_memory(void)
{
	unsigned int child, statics = 0;
	struct fdt_props props;
	struct fdt_cursor c;

	if (!fdt_info.has_reserved_memory)
		return;
	if (!fdt_info.reserved_memory_format_ok || !fdt_info.cells_usable) {
		pr_err("Reserved memory: unsupported node format, ignoring\n");
		return;
	}
	event_step("fdt_scan_reserved_mem");
	c = fdt_info.reserved_memory;
	for (child = 0; fdt_next_child(&c, &props); fdt_skip_node(&c), child++)
		if (fdt_available(&props) && reserve_reg(c.name, &props, child) == 0)
			statics++;
	/* Only now that every fixed region is known: none of them may be given away. */
	max_reserved_mem = MAX_DYNAMIC;
	c = fdt_info.reserved_memory;
	for (; fdt_next_child(&c, &props); fdt_skip_node(&c)) {
		if (!fdt_available(&props) || fdt_has(&props, FDT_P_REG) ||
		    !fdt_has(&props, FDT_P_SIZE))
			continue;
		if (nr_reserved_mem == MAX_DYNAMIC) {
			pr_err("too many defined dynamic regions, skip '%s'\n", c.name);
			continue;
		}
		alloc_dynamic(c.name, &props);
	}
	max_reserved_mem = nr_reserved_mem + statics;
}

static void reserve_elfcorehdr(void)
{
	if (!elfcorehdr_size)
		return;
	if (memblock_is_region_reserved(elfcorehdr_addr, elfcorehdr_size)) {
		printk(KERN_WARNING "OF: fdt: elfcorehdr is overlapped\n");
		return;
	}
	memblock_reserve(elfcorehdr_addr, elfcorehdr_size);
	printk(KERN_INFO "OF: fdt: Reserving %llu KiB of memory at 0x%llx for elfcorehdr\n",
	       (unsigned long long)(elfcorehdr_size >> 10), (unsigned long long)elfcorehdr_addr);
}

void early_init_fdt_scan_reserved_mem(void)
{
	u64 base, size;
	int n;

	event_step("early_init_fdt_scan_reserved_mem");
	reserved_mem = early_reserved_mem;
	nr_reserved_mem = max_reserved_mem = widened = 0;
	memset(refused_map, 0, sizeof(refused_map));
	reserve_elfcorehdr();
	scan_reserved_memory();
	event_step("memory reservation block");
	for (n = 0;; n++) {
		if (fdt_get_mem_rsv(fdt_info.tree.base, n, &base, &size)) {
			pr_err("the memory reservation block has no end\n");
			break;
		}
		if (!size)
			break;
		reserve(base, size);
	}
}

/* ------------------------------------------------------------------ second pass */

/* Shell sort by address, the smaller region first: up to a few hundred of them, mostly in order. */
static void sort_regions(void)
{
	unsigned int gap, i, j;

	for (gap = nr_reserved_mem / 2; gap; gap /= 2) {
		for (i = gap; i < nr_reserved_mem; i++) {
			struct reserved_mem r = reserved_mem[i];

			for (j = i; j >= gap; j -= gap) {
				const struct reserved_mem *q = &reserved_mem[j - gap];

				if (q->base < r.base || (q->base == r.base && q->size <= r.size))
					break;
				reserved_mem[j] = *q;
			}
			reserved_mem[j] = r;
		}
	}
}

static void check_for_overlap(void)
{
	unsigned int i;

	sort_regions();
	for (i = 0; i + 1 < nr_reserved_mem; i++) {
		const struct reserved_mem *a = &reserved_mem[i], *b = a + 1;
		phys_addr_t a_end = a->base + a->size, b_end = b->base + b->size;

		if (a_end > b->base)
			pr_err("OVERLAP DETECTED!\n%s (%pa--%pa) overlaps with %s (%pa--%pa)\n",
			       a->name, &a->base, &a_end, b->name, &b->base, &b_end);
	}
}

/* Room for the list of n regions. For a prediction Linux's is reserved, and Quire's lies elsewhere. */
static struct reserved_mem *alloc_list(unsigned int n)
{
#ifdef QUIRE_HOST
	static struct reserved_mem list[MAX_RESERVED_MEM + MAX_DYNAMIC];

	if (build_profile)
		return memblock_alloc(n * build_profile->reserved_mem, SMP_CACHE_BYTES) &&
				       n <= ARRAY_SIZE(list)
			       ? list
			       : NULL;
#endif
	return memblock_alloc(n * sizeof(struct reserved_mem), SMP_CACHE_BYTES);
}

/* An empty `reg`: Linux takes what follows it in the tree for base and size. */
static bool may_read_on(const u32 *reg, unsigned int cells)
{
	return build_profile && reg + cells <= fdt_info.tree.end;
}

void fdt_scan_reserved_mem_reg_nodes(void)
{
	bool usable;
	unsigned int ac = fdt_info.addr_cells, n = entry_cells(), child;
	struct reserved_mem *list;
	struct fdt_props props;
	struct fdt_cursor c;

	if (!fdt_info.has_reserved_memory) {
		pr_info("Reserved memory: No reserved-memory node in the DT\n");
		return;
	}
	usable = fdt_info.reserved_memory_format_ok && fdt_info.cells_usable;
	/* Linux has the list allocated before it looks at the node. */
	if (build_profile && !usable)
		alloc_list(MAX_DYNAMIC);
	if (!usable) {
		pr_err("Reserved memory: unsupported node format, ignoring\n");
		return;
	}
	if (!max_reserved_mem)
		return;
	list = alloc_list(max_reserved_mem);
	if (!list) {
		pr_err("Failed to allocate memory for reserved_mem array with err: %d\n", -ENOMEM);
		return;
	}
	memcpy(list, reserved_mem, nr_reserved_mem * sizeof(*list));
	reserved_mem = list;

	c = fdt_info.reserved_memory;
	for (child = 0; fdt_next_child(&c, &props); fdt_skip_node(&c), child++) {
		const u32 *reg;
		u32 len;
		u64 size;

		if (!fdt_has(&props, FDT_P_REG) || !fdt_available(&props))
			continue;
		reg = props.val[FDT_P_REG];
		len = props.len[FDT_P_REG];
		if (!len && !may_read_on(reg, n)) {
			pr_err("Reserved memory: empty reg property in '%s', skipping node.\n",
			       c.name);
			continue;
		}
		if (len % (n * 4)) {
			pr_err("Reserved memory: invalid reg property in '%s', skipping node.\n",
			       c.name);
			continue;
		}
		if (len > n * 4)
			pr_warn("%s() ignores %u regions in node '%s'\n", __func__,
				len / (n * 4) - 1, c.name);
		size = fdt_number(reg + ac, fdt_info.size_cells);
		if (size)
			save_node(c.name, &props, fdt_number(reg, ac), size, false,
				  was_refused(child));
	}
	check_for_overlap();
}
