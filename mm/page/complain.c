// SPDX-License-Identifier: MIT
/*
 * What the page allocator says when a request fails or a page comes back in a state that it must not
 * have, in Linux's words, so that people and tools that know these reports can read them.
 *
 * Owns nothing but how often it speaks. Any context; no locks: figures may be of different moments.
 * Linux: warn_alloc, bad_page; its list of every counter (show_mem) is one line a zone here.
 */
#include <quire/printk.h>

#include "internal.h"

/* ------------------------------------------------------------------ requests */

static const struct {
	gfp_t flags;
	const char *name;
} gfp_name_table[] = {
	/* Sets before their parts. */
	{GFP_TRANSHUGE, "GFP_TRANSHUGE"},
	{GFP_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT"},
	{GFP_HIGHUSER_MOVABLE, "GFP_HIGHUSER_MOVABLE"},
	{GFP_HIGHUSER, "GFP_HIGHUSER"},
	{GFP_USER, "GFP_USER"},
	{GFP_KERNEL_ACCOUNT, "GFP_KERNEL_ACCOUNT"},
	{GFP_KERNEL, "GFP_KERNEL"},
	{GFP_NOFS, "GFP_NOFS"},
	{GFP_ATOMIC, "GFP_ATOMIC"},
	{GFP_NOIO, "GFP_NOIO"},
	{GFP_NOWAIT, "GFP_NOWAIT"},
	{GFP_DMA, "GFP_DMA"},
	{__GFP_HIGHMEM, "__GFP_HIGHMEM"},
	{GFP_DMA32, "GFP_DMA32"},
	{__GFP_HIGH, "__GFP_HIGH"},
	{__GFP_IO, "__GFP_IO"},
	{__GFP_FS, "__GFP_FS"},
	{__GFP_NOWARN, "__GFP_NOWARN"},
	{__GFP_RETRY_MAYFAIL, "__GFP_RETRY_MAYFAIL"},
	{__GFP_NOFAIL, "__GFP_NOFAIL"},
	{__GFP_NORETRY, "__GFP_NORETRY"},
	{__GFP_COMP, "__GFP_COMP"},
	{__GFP_ZERO, "__GFP_ZERO"},
	{__GFP_NOMEMALLOC, "__GFP_NOMEMALLOC"},
	{__GFP_MEMALLOC, "__GFP_MEMALLOC"},
	{__GFP_HARDWALL, "__GFP_HARDWALL"},
	{__GFP_THISNODE, "__GFP_THISNODE"},
	{__GFP_RECLAIMABLE, "__GFP_RECLAIMABLE"},
	{__GFP_MOVABLE, "__GFP_MOVABLE"},
	{__GFP_ACCOUNT, "__GFP_ACCOUNT"},
	{__GFP_WRITE, "__GFP_WRITE"},
	{__GFP_RECLAIM, "__GFP_RECLAIM"},
	{__GFP_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM"},
	{__GFP_KSWAPD_RECLAIM, "__GFP_KSWAPD_RECLAIM"},
	{__GFP_ZEROTAGS, "__GFP_ZEROTAGS"},
};

char *gfp_names(char buf[GFP_NAME_MAX], gfp_t gfp)
{
	size_t n = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(gfp_name_table); i++) {
		gfp_t flags = gfp_name_table[i].flags;

		if ((gfp & flags) != flags)
			continue;
		gfp &= ~flags;
		n += (size_t)quire_snprintf(buf + n, GFP_NAME_MAX - n, "%s%s", n ? "|" : "",
					    gfp_name_table[i].name);
		if (n >= GFP_NAME_MAX)
			return buf;
	}
	if (gfp || !n)
		quire_snprintf(buf + n, GFP_NAME_MAX - n, "%s%#x", n ? "|" : "", gfp);
	return buf;
}

/*
 * A failure every ten seconds is enough (Linux: nopage_rs). Where there is no clock it is the first
 * that is told.
 */
static bool warn_again(void)
{
	static u64 next; /* 0: nothing was said yet */
	u64 now = port_clock_ns(), due = __atomic_load_n(&next, __ATOMIC_RELAXED);

	if (due && now < due)
		return false;
	/* Of CPUs that fail at once one speaks. */
	return __atomic_compare_exchange_n(&next, &due, now + 10ULL * 1000000000ULL, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void warn_alloc(gfp_t gfp, unsigned int order, const struct alloc_context *ac)
{
	const struct zoneref *ref;
	char names[GFP_NAME_MAX];

	if ((gfp & __GFP_NOWARN) || !warn_again())
		return;
	pr_warn("swapper/%u: page allocation failure: order:%u, mode:%#x(%s), nodemask=%s\n",
		port_cpu(), order, gfp, gfp_names(names, gfp),
		ac->nodemask ? "(restricted)" : "(null)");
	port_backtrace();
	for (ref = ac->preferred; ref->zone; ref = next_zoneref(ref + 1, ac)) {
		const struct zone *z = ref->zone;

#define K(pages) ((unsigned long)(pages) << (PAGE_SHIFT - 10))
		pr_warn("Node %d %s free:%lukB boost:%lukB min:%lukB low:%lukB high:%lukB "
			"reserved_highatomic:%luKB present:%lukB managed:%lukB free_cma:%lukB\n",
			zone_to_nid(z), z->name, K(zone_page_state(z, NR_FREE_PAGES)),
			K(z->watermark_boost), K(z->_watermark[WMARK_MIN]),
			K(z->_watermark[WMARK_LOW]), K(z->_watermark[WMARK_HIGH]),
			K(z->nr_reserved_highatomic), K(z->present_pages), K(z->managed_pages),
			K(zone_page_state(z, NR_FREE_CMA_PAGES)));
#undef K
	}
}

/* ------------------------------------------------------------------ pages */

static const char *const page_flag_names[] = {
#define X(flag, ...) #flag,
	PAGE_FLAG_LIST(X)
#undef X
};

void bad_page(struct page *page, const char *reason)
{
	static unsigned int shown;
	char names[256];
	size_t n = 0;
	unsigned int i;

	/* One broken owner can free thousands. */
	if (__atomic_fetch_add(&shown, 1, __ATOMIC_RELAXED) >= 60)
		return;
	names[0] = '\0';
	for (i = 0; i < NR_PAGEFLAGS; i++)
		if (page->flags >> i & 1)
			n += (size_t)quire_snprintf(names + n,
						    sizeof(names) - min(n, sizeof(names)), "%s%s",
						    n ? "|" : "", page_flag_names[i]);
	pr_err("BUG: Bad page state in process swapper/%u  pfn:%05lx\n", port_cpu(),
	       page_to_pfn(page));
	pr_err("page: refcount:%d mapcount:%d mapping:%#llx index:%#x pfn:%#lx\n",
	       page_ref_count(page), page_has_type(page) ? 0 : page->_mapcount + 1,
	       (unsigned long long)page->word, page->index_lo, page_to_pfn(page));
	pr_err("flags: %#x(%s|node=%u|zone=%u) page_type: %#x\n", page->flags, names,
	       page_to_nid(page), page_zonenum(page), page->page_type);
	pr_err("page dumped because: %s\n", reason);
	port_backtrace();
}
