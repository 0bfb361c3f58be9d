// SPDX-License-Identifier: MIT
/*
 * Bounce buffers: runs of slots of 2 KiB in a pool of low memory.
 *
 *   pool     |segment: 128 slots|segment| ... |      areas: so many segments in a row each
 *   busy      ####..###...#####.                     a bit for each slot of a segment
 *   first     #.....#.....#.#...                     the first slot of every buffer
 *
 * Owns the pool. Invariants, which swiotlb_check re-derives: first is within busy; slots[first].nslots slots from there on are
 * busy, the last of them below the next first; free counts a segment's clear bits, used an area's set ones.
 *
 * Locking: area->lock, interrupts off, for its segments' bits. A buffer's slot is its user's. Whoever has a buffer reads first
 * without the lock: the bits between its own first one and its last are nobody else's to change.
 *
 * Against Linux 6.12: the same pool, sizes, alignment and areas; a search looks at 128 slots with a few instructions, where
 * Linux walks slots and writes every one of a buffer; and nothing but the bits is written at boot, neither the pool nor its slots.
 * Pools do not grow.
 */
#include <quire/memblock.h>
#include <quire/params.h>
#include <quire/printk.h>
#include <quire/string.h>
#include <quire/swiotlb.h>

#define TLB "software IO TLB: "
/* Fewer are not worth having. */
#define IO_TLB_MIN_SLABS ((1UL << 20) >> IO_TLB_SHIFT)

typedef unsigned __int128 segment_bits;

struct segment {
	u64 busy[2], first[2];
	u32 free;
};

struct slot {
	phys_addr_t orig;
	u32 size; /* bytes, from the address that was given on */
	u16 nslots;
	u16 offset; /* of that address in the slot */
};

struct area {
	spinlock_t lock;
	unsigned int next;	 /* segment where the next search begins */
	unsigned int start, end; /* segments */
	unsigned long used;
} __cacheline_aligned;

static struct {
	phys_addr_t start, end; /* equal: there is none */
	char *at;
	unsigned long nslabs;
	unsigned int nareas;
	struct segment *segments;
	struct slot *slots;
	struct area *areas;
	unsigned long used, hiwater; /* atomic */
} pool;

static unsigned long default_nslabs = IO_TLB_DEFAULT_SIZE >> IO_TLB_SHIFT;
static unsigned int default_nareas;
static bool force_bounce, force_disable;

/* ------------------------------------------------------------------ at boot */

/* Every area shall have a segment, and as many slots as the others. True: there are more slots now. */
static bool round_up_slabs(void)
{
	if (!default_nareas)
		return false;
	if (default_nslabs < (unsigned long)IO_TLB_SEGSIZE * default_nareas)
		default_nslabs = (unsigned long)IO_TLB_SEGSIZE * default_nareas;
	else if (is_power_of_2(default_nslabs))
		return false;
	default_nslabs = roundup_pow_of_two(default_nslabs);
	return true;
}

static void set_areas(u64 nareas)
{
	default_nareas = (unsigned int)roundup_pow_of_two(min_t(u64, nareas, 1U << 16));
	pr_info(TLB "area num %u.\n", default_nareas);
	if (round_up_slabs())
		pr_info(TLB "SWIOTLB bounce buffer size roundup to %luMB\n",
			default_nslabs << IO_TLB_SHIFT >> 20);
}

/* A number at *val, which moves behind it. False: none is there. */
static bool number(const char **val, u64 *n)
{
	const char *end;

	*n = parse_size(*val, &end, NULL);
	if (end == *val)
		return false;
	*val = end;
	return true;
}

const char *swiotlb_setup(const char *val)
{
	u64 nslabs = 0, nareas = 0;
	bool has_areas = false;

	if (!val)
		return "no value given";
	if (number(&val, &nslabs) && nslabs > SZ_1G)
		return "too many slots";
	if (*val == ',')
		val++;
	has_areas = number(&val, &nareas);
	if (*val == ',')
		val++;
	if (*val && strcmp(val, "force") != 0 && strcmp(val, "noforce") != 0)
		return "slots,areas,force or noforce";
	if (nslabs)
		default_nslabs = ALIGN(nslabs, IO_TLB_SEGSIZE);
	if (has_areas)
		set_areas(nareas);
	if (*val == 'f')
		force_bounce = true;
	else if (*val)
		force_disable = true;
	return NULL;
}

/* No device is short of addresses: some for those that are not coherent, unless the command line said how many. */
static void adjust_size(unsigned long size)
{
	if (default_nslabs != IO_TLB_DEFAULT_SIZE >> IO_TLB_SHIFT)
		return;
	size = ALIGN(size, IO_TLB_SIZE);
	default_nslabs = ALIGN(size >> IO_TLB_SHIFT, IO_TLB_SEGSIZE);
	if (round_up_slabs())
		size = default_nslabs << IO_TLB_SHIFT;
	pr_info(TLB "SWIOTLB bounce buffer size adjusted to %luMB\n", size >> 20);
}

static void *low_memory(unsigned long nslabs)
{
	size_t bytes = PAGE_ALIGN(nslabs << IO_TLB_SHIFT);
	void *p = memblock_alloc_try_nid_raw(bytes, PAGE_SIZE, MEMBLOCK_LOW_LIMIT,
					     ARCH_LOW_ADDRESS_LIMIT, NUMA_NO_NODE);

	if (!p)
		pr_warn(TLB "swiotlb_memblock_alloc: Failed to allocate %zu bytes tlb structure\n",
			bytes);
	return p;
}

static void divide(unsigned int nareas)
{
	unsigned int nr = (unsigned int)(pool.nslabs / IO_TLB_SEGSIZE), i;

	for (i = 0; i < nr; i++)
		pool.segments[i] = (struct segment){.free = IO_TLB_SEGSIZE};
	for (i = 0; i < nareas; i++) {
		struct area *area = &pool.areas[i];

		*area = (struct area){
			.start = (unsigned int)((u64)nr * i / nareas),
			.end = (unsigned int)((u64)nr * (i + 1) / nareas),
		};
		area->next = area->start;
	}
	pool.nareas = nareas;
}

/* Memory beside the pool: all or none. */
static bool describe(unsigned long nslabs, unsigned int nareas)
{
	const size_t segments = nslabs / IO_TLB_SEGSIZE * sizeof(pool.segments[0]);
	const size_t slots = PAGE_ALIGN(nslabs * sizeof(pool.slots[0]));

	pool.segments = memblock_alloc_raw(segments, SMP_CACHE_BYTES);
	pool.slots = memblock_alloc_raw(slots, PAGE_SIZE);
	pool.areas = memblock_alloc_raw(nareas * sizeof(pool.areas[0]), SMP_CACHE_BYTES);
	if (pool.segments && pool.slots && pool.areas)
		return true;
	if (pool.segments)
		memblock_free(pool.segments, segments);
	if (pool.slots)
		memblock_free(pool.slots, slots);
	if (pool.areas)
		memblock_free(pool.areas, nareas * sizeof(pool.areas[0]));
	return false;
}

static void init_pool(void)
{
	unsigned long nslabs = default_nslabs;
	unsigned int nareas;
	char *at;

	while (!(at = low_memory(nslabs))) {
		if (nslabs <= IO_TLB_MIN_SLABS)
			return;
		nslabs = ALIGN(nslabs >> 1, IO_TLB_SEGSIZE);
	}
	if (nslabs != default_nslabs) {
		pr_info(TLB "SWIOTLB bounce buffer size adjusted %lu -> %lu slabs\n",
			default_nslabs, nslabs);
		default_nslabs = nslabs;
	}
	nareas = (unsigned int)min_t(u64, default_nareas, nslabs / IO_TLB_SEGSIZE);
	if (!describe(nslabs, nareas)) {
		pr_warn(TLB "no memory for the descriptions of %lu slots\n", nslabs);
		memblock_free(at, PAGE_ALIGN(nslabs << IO_TLB_SHIFT));
		return;
	}
	pool.at = at;
	pool.nslabs = nslabs;
	pool.start = virt_to_phys(at);
	pool.end = pool.start + (nslabs << IO_TLB_SHIFT);
	divide(nareas);
	pr_info(TLB "mapped [mem %pa-%pa] (%luMB)\n", &pool.start, &pool.end,
		nslabs << IO_TLB_SHIFT >> 20);
}

void swiotlb_init(void)
{
	bool limited = max_pfn > PFN_DOWN(arm64_dma_phys_limit);

	if (!limited)
		adjust_size(min_t(u64, default_nslabs << IO_TLB_SHIFT,
				  DIV_ROUND_UP(memblock_phys_mem_size(), 1024)));
	if (force_disable)
		return;
	if (!default_nareas)
		set_areas(nr_cpus_possible);
	init_pool();
}

/* ------------------------------------------------------------------ bits of a segment */

static segment_bits bits_of(const u64 word[2])
{
	return (segment_bits)word[1] << 64 | word[0];
}

static void set_bits(u64 word[2], segment_bits v)
{
	__atomic_store_n(&word[0], (u64)v, __ATOMIC_RELAXED);
	__atomic_store_n(&word[1], (u64)(v >> 64), __ATOMIC_RELAXED);
}

static unsigned int lowest(segment_bits v)
{
	return (u64)v ? (unsigned int)__ffs((u64)v) : 64 + (unsigned int)__ffs((u64)(v >> 64));
}

static segment_bits run(unsigned int at, unsigned int n)
{
	return (~(segment_bits)0 >> (IO_TLB_SEGSIZE - n)) << at;
}

/* Where n bits in a row begin: shifted onto itself by as many as are known to be set, the known ones double. */
static segment_bits runs_of(segment_bits v, unsigned int n)
{
	unsigned int have, more;

	for (have = 1; have < n; have += more) {
		more = min(have, n - have);
		v &= v >> more;
	}
	return v;
}

/* What a buffer's address has to be: its bits of mask, a power of two minus 1, are those of want. */
struct constraint {
	dma_addr_t mask, want;
	dma_addr_t boundary; /* bits that are the same in the first and last byte's address */
	unsigned int nslots;
};

/* The slots of a segment whose address is as it has to be; addr: of the segment on the device's bus. */
static segment_bits slots_that_suit(const struct constraint *c, dma_addr_t addr)
{
	u64 at = ((c->want - addr) & c->mask) >> IO_TLB_SHIFT;
	u64 stride = (c->mask >> IO_TLB_SHIFT) + 1;
	segment_bits v = 1;

	if (at >= IO_TLB_SEGSIZE)
		return 0;
	for (; stride < IO_TLB_SEGSIZE; stride <<= 1)
		v |= v << stride;
	return v << at;
}

/* The slot of the segment where it may begin; IO_TLB_SEGSIZE: nowhere. */
static unsigned int find_in_segment(const struct constraint *c, const struct segment *s,
				    dma_addr_t addr)
{
	segment_bits v;

	if (s->free < c->nslots)
		return IO_TLB_SEGSIZE;
	v = runs_of(~bits_of(s->busy), c->nslots) & slots_that_suit(c, addr);
	for (; v; v &= v - 1) {
		dma_addr_t from = addr + ((u64)lowest(v) << IO_TLB_SHIFT);
		dma_addr_t last = from + ((u64)c->nslots << IO_TLB_SHIFT) - 1;

		if (likely(!((from ^ last) & c->boundary)))
			return lowest(v);
	}
	return IO_TLB_SEGSIZE;
}

/* ------------------------------------------------------------------ slots */

static void count_used(unsigned int nslots)
{
	unsigned long used = __atomic_add_fetch(&pool.used, nslots, __ATOMIC_RELAXED);
	unsigned long most = __atomic_load_n(&pool.hiwater, __ATOMIC_RELAXED);

	while (used > most && !__atomic_compare_exchange_n(&pool.hiwater, &most, used, true,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* Take slots of an area: the number of the first, or -1. */
static long take_slots(struct area *area, const struct constraint *c, dma_addr_t base)
{
	unsigned long flags = spin_lock_irqsave(&area->lock);
	unsigned int i = area->next, n, at;
	long found = -1;

	for (n = area->start; n < area->end; n++) {
		struct segment *s = &pool.segments[i];

		at = find_in_segment(c, s, base + ((dma_addr_t)i * IO_TLB_SEGSIZE << IO_TLB_SHIFT));
		if (at < IO_TLB_SEGSIZE) {
			set_bits(s->busy, bits_of(s->busy) | run(at, c->nslots));
			set_bits(s->first, bits_of(s->first) | run(at, 1));
			s->free -= c->nslots;
			area->used += c->nslots;
			area->next = i;
			found = (long)i * IO_TLB_SEGSIZE + at;
			break;
		}
		if (++i == area->end)
			i = area->start;
	}
	spin_unlock_irqrestore(&area->lock, flags);
	return found;
}

static void give_slots(unsigned long index, unsigned int nslots)
{
	unsigned int i = (unsigned int)(index / IO_TLB_SEGSIZE), at = index % IO_TLB_SEGSIZE, a;
	unsigned int nr = (unsigned int)(pool.nslabs / IO_TLB_SEGSIZE);
	struct segment *s = &pool.segments[i];
	struct area *area;
	unsigned long flags;

	/* divide() rounds an area's borders down. */
	a = (unsigned int)((u64)i * pool.nareas / nr);
	while (i >= pool.areas[a].end)
		a++;
	area = &pool.areas[a];
	flags = spin_lock_irqsave(&area->lock);
	set_bits(s->busy, bits_of(s->busy) & ~run(at, nslots));
	set_bits(s->first, bits_of(s->first) & ~run(at, 1));
	s->free += nslots;
	area->used -= nslots;
	spin_unlock_irqrestore(&area->lock, flags);
	__atomic_fetch_sub(&pool.used, nslots, __ATOMIC_RELAXED);
}

/* The buffer that holds an address of the pool: its first slot. NULL: there is none. */
static struct slot *buffer_of(phys_addr_t addr)
{
	unsigned long index = (addr - pool.start) >> IO_TLB_SHIFT;
	const struct segment *s = &pool.segments[index / IO_TLB_SEGSIZE];
	unsigned int at = index % IO_TLB_SEGSIZE, w = at / 64;
	u64 v = __atomic_load_n(&s->first[w], __ATOMIC_RELAXED) & (~0ULL >> (63 - at % 64));
	struct slot *slot;

	if (!v && w)
		v = __atomic_load_n(&s->first[--w], __ATOMIC_RELAXED);
	if (!v)
		return NULL;
	slot = &pool.slots[index - at + w * 64 + (unsigned int)ilog2(v)];
	return index < (unsigned long)(slot - pool.slots) + slot->nslots ? slot : NULL;
}

static phys_addr_t address_of(const struct slot *slot)
{
	return pool.start + ((phys_addr_t)(slot - pool.slots) << IO_TLB_SHIFT) + slot->offset;
}

/* Copy `size` bytes at addr, in or out. */
static void bounce(struct device *dev, const struct slot *slot, phys_addr_t addr, size_t size,
		   bool in)
{
	phys_addr_t start = address_of(slot);
	char *buffer = pool.at + (addr - pool.start), *orig;

	if (addr < start || addr - start > slot->size || size > slot->size - (addr - start)) {
		pr_warn(TLB "%s: Buffer overflow detected. Allocation size: %u. Mapping size: "
			    "%zu.\n",
			dev->name, slot->size, size);
		if (addr < start || addr - start > slot->size)
			return;
		size = slot->size - (addr - start);
	}
	orig = phys_to_virt(slot->orig + (addr - start));
	if (in)
		memcpy(buffer, orig, size);
	else
		memcpy(orig, buffer, size);
}

/* ------------------------------------------------------------------ mapping */

static u64 min_align_mask(const struct device *dev)
{
	return dev->dma_parms ? dev->dma_parms->min_align_mask : 0;
}

static void constrain(struct constraint *c, struct device *dev, phys_addr_t orig, size_t size)
{
	u64 keep = min_align_mask(dev), boundary = 0;

	if (dev->dma_parms)
		boundary = dev->dma_parms->segment_boundary_mask;
	c->boundary = ~(boundary ? boundary : DMA_BIT_MASK(32));
	c->mask = keep;
	if (!keep && size >= PAGE_SIZE)
		c->mask = PAGE_SIZE - 1;
	/* Whole slots; what orig has below a slot is an offset in it. */
	c->mask = roundup_pow_of_two((c->mask | (IO_TLB_SIZE - 1)) + 1) - 1;
	c->want = orig & keep & ~(u64)(IO_TLB_SIZE - 1);
	c->nslots =
		(unsigned int)DIV_ROUND_UP((orig & keep & (IO_TLB_SIZE - 1)) + size, IO_TLB_SIZE);
}

phys_addr_t swiotlb_tbl_map_single(struct device *dev, phys_addr_t orig, size_t size,
				   enum dma_data_direction dir)
{
	struct constraint c;
	unsigned int a, n;
	struct slot *slot;
	dma_addr_t base;
	long index = -1;

	(void)dir;
	if (!is_swiotlb_active() || !size || size > IO_TLB_SEGSIZE * IO_TLB_SIZE)
		return PHYS_ADDR_MAX;
	base = phys_to_dma(dev, pool.start);
	constrain(&c, dev, orig, size);
	if (base == DMA_MAPPING_ERROR || c.nslots > IO_TLB_SEGSIZE)
		return PHYS_ADDR_MAX;
	a = port_cpu() % pool.nareas;
	for (n = 0; n < pool.nareas && index < 0; n++) {
		index = take_slots(&pool.areas[a], &c, base);
		if (++a == pool.nareas)
			a = 0;
	}
	if (index < 0)
		return PHYS_ADDR_MAX;
	count_used(c.nslots);
	slot = &pool.slots[index];
	*slot = (struct slot){
		.orig = orig,
		.size = (u32)size,
		.nslots = (u16)c.nslots,
		.offset = (u16)(orig & min_align_mask(dev) & (IO_TLB_SIZE - 1)),
	};
	bounce(dev, slot, address_of(slot), size, true);
	return address_of(slot);
}

void swiotlb_tbl_unmap_single(struct device *dev, phys_addr_t addr, size_t size,
			      enum dma_data_direction dir, bool sync)
{
	struct slot *slot = is_swiotlb_buffer(addr) ? buffer_of(addr) : NULL;

	if (!slot || addr != address_of(slot)) {
		pr_err(TLB "%s: %pa is no bounce buffer that could be unmapped\n", dev->name,
		       &addr);
		port_backtrace();
		return;
	}
	if (sync && (dir == DMA_FROM_DEVICE || dir == DMA_BIDIRECTIONAL))
		bounce(dev, slot, addr, size, false);
	give_slots((unsigned long)(slot - pool.slots), slot->nslots);
}

static void sync_part(struct device *dev, phys_addr_t addr, size_t size, bool in)
{
	struct slot *slot = buffer_of(addr);

	if (slot)
		bounce(dev, slot, addr, size, in);
	else
		pr_err(TLB "%s: no bounce buffer is at %pa\n", dev->name, &addr);
}

void swiotlb_sync_single_for_cpu(struct device *dev, phys_addr_t addr, size_t size,
				 enum dma_data_direction dir)
{
	if (dir == DMA_FROM_DEVICE || dir == DMA_BIDIRECTIONAL)
		sync_part(dev, addr, size, false);
}

void swiotlb_sync_single_for_device(struct device *dev, phys_addr_t addr, size_t size,
				    enum dma_data_direction dir)
{
	if (dir == DMA_TO_DEVICE || dir == DMA_BIDIRECTIONAL)
		sync_part(dev, addr, size, true);
}

/* ------------------------------------------------------------------ questions */

bool is_swiotlb_force_bounce(void)
{
	return force_bounce;
}

bool is_swiotlb_active(void)
{
	return pool.nslabs != 0;
}

bool is_swiotlb_buffer(phys_addr_t phys)
{
	return phys >= pool.start && phys < pool.end;
}

size_t swiotlb_max_mapping_size(struct device *dev)
{
	/* As much as alignment may push it away from a slot's beginning. */
	u64 lost = ALIGN(min_align_mask(dev), IO_TLB_SIZE);

	return IO_TLB_SEGSIZE * IO_TLB_SIZE - min_t(u64, lost, IO_TLB_SEGSIZE * IO_TLB_SIZE);
}

void swiotlb_get_stats(struct swiotlb_stats *stats)
{
	*stats = (struct swiotlb_stats){
		.start = pool.start,
		.end = pool.end,
		.nslabs = pool.nslabs,
		.used = __atomic_load_n(&pool.used, __ATOMIC_RELAXED),
		.hiwater = __atomic_load_n(&pool.hiwater, __ATOMIC_RELAXED),
		.nareas = pool.nareas,
		.metadata = pool.nslabs / IO_TLB_SEGSIZE * sizeof(struct segment) +
			    PAGE_ALIGN(pool.nslabs * sizeof(struct slot)) +
			    pool.nareas * sizeof(struct area),
	};
}

static int check_segment(unsigned int i, unsigned long *used)
{
	const struct segment *s = &pool.segments[i];
	segment_bits first = bits_of(s->first), owned = 0;
	unsigned int busy =
		(unsigned int)(__builtin_popcountll(s->busy[0]) + __builtin_popcountll(s->busy[1]));
	bool meets = false;

	for (; first; first &= first - 1) {
		unsigned int at = lowest(first);
		const struct slot *slot = &pool.slots[i * IO_TLB_SEGSIZE + at];
		unsigned int n = slot->nslots;

		if (!n || n > IO_TLB_SEGSIZE - at ||
		    slot->offset + slot->size > (u64)n << IO_TLB_SHIFT ||
		    is_swiotlb_buffer(slot->orig)) {
			pr_err("swiotlb_check: slot %u: %u bytes at %u in %u slots\n",
			       i * IO_TLB_SEGSIZE + at, slot->size, slot->offset, n);
			return 1;
		}
		meets |= (owned & run(at, n)) != 0;
		owned |= run(at, n);
	}
	*used += busy;
	if (!meets && owned == bits_of(s->busy) && s->free == IO_TLB_SEGSIZE - busy)
		return 0;
	pr_err("swiotlb_check: segment %u: %u slots busy, %u free%s%s\n", i, busy, s->free,
	       meets ? ", buffers meet" : "",
	       owned == bits_of(s->busy) ? "" : ", not those of its buffers");
	return 1;
}

int swiotlb_check(void)
{
	unsigned long all = 0;
	unsigned int a, i;
	int bad = 0;

	for (a = 0; a < pool.nareas; a++) {
		const struct area *area = &pool.areas[a];
		unsigned long used = 0;

		for (i = area->start; i < area->end; i++)
			bad += check_segment(i, &used);
		if (used != area->used || area->next < area->start || area->next >= area->end) {
			pr_err("swiotlb_check: area %u: %lu slots are in use, it counts %lu; next "
			       "%u\n",
			       a, used, area->used, area->next);
			bad++;
		}
		all += used;
	}
	if (all != pool.used || pool.used > pool.hiwater) {
		pr_err("swiotlb_check: %lu slots are in use; counted %lu, at most %lu\n", all,
		       pool.used, pool.hiwater);
		bad++;
	}
	return bad;
}
