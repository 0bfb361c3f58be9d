// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/mm/cma/NAME/: what was asked of each CMA area, in pages (Linux: mm/cma_sysfs.c). Locking: none; the counters only grow, and each is
 * read whole.
 */
#include <quire/cma.h>
#include <quire/string.h>

#include "pseudo.h"

static struct cma *area_of(const struct pseudo_ref *r)
{
	return &cma_areas[r->key];
}

static int show_pages(struct out *out, const u64 *pages)
{
	out_printf(out, "%llu\n", (unsigned long long)__atomic_load_n(pages, __ATOMIC_RELAXED));
	return 0;
}

static int show_success(struct out *out, const struct pseudo_ref *r)
{
	return show_pages(out, &area_of(r)->nr_pages_succeeded);
}

static int show_fail(struct out *out, const struct pseudo_ref *r)
{
	return show_pages(out, &area_of(r)->nr_pages_failed);
}

static int show_released(struct out *out, const struct pseudo_ref *r)
{
	return show_pages(out, &area_of(r)->nr_pages_released);
}

static const struct pseudo_entry area_entries[] = {
	PSEUDO_TEXT("alloc_pages_fail", 0444, show_fail),
	PSEUDO_TEXT("alloc_pages_success", 0444, show_success),
	PSEUDO_TEXT("release_pages_success", 0444, show_released),
	{0},
};
static const struct pseudo_entry one_area = PSEUDO_DIR("", 0755, area_entries);

static int area_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
		       struct pseudo_ref *found)
{
	(void)dir;
	for (unsigned int i = 0; i < nr_cma_areas; i++) {
		if (strlen(cma_areas[i].name) != len || memcmp(cma_areas[i].name, name, len) != 0)
			continue;
		found->e = &one_area;
		found->key = i;
		return 0;
	}
	return -ENOENT;
}

static bool area_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
		      struct pseudo_ref *found)
{
	(void)dir;
	if (*pos >= nr_cma_areas)
		return false;
	memcpy(name, cma_areas[*pos].name, CMA_MAX_NAME);
	found->e = &one_area;
	found->key = *pos;
	return true;
}

const struct pseudo_dir each_cma_area = {area_lookup, area_next};
