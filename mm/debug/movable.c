// SPDX-License-Identifier: MIT
/*
 * The object store of movable.h.
 *
 * Owns `objects`. Invariants: a live object's page has the store's movable_operations, the handle as its private number, and one
 * reference of the store's.
 *
 * Locking: an object's page pointer changes under that page's lock: who wants the object locks the page and looks whether it is
 * still the object's. A slot is claimed by compare-and-swap.
 */
#include "movable.h"

#include <quire/printk.h>

#define BUSY ((struct page *)1UL)

/* NULL: free; BUSY: about to be created. */
static struct page *objects[MOVABLE_HANDLES];
static unsigned int nr_objects, hand;
static unsigned long nr_moved;
int movable_refuse_isolate, movable_refuse_migrate;

static bool refused(int *n)
{
	int v = __atomic_load_n(n, __ATOMIC_RELAXED);

	if (v > 0)
		__atomic_fetch_sub(n, 1, __ATOMIC_RELAXED);
	return v != 0;
}

static u64 pattern(unsigned int handle, unsigned int word)
{
	return (handle + 1) * 0x9e3779b97f4a7c15ULL ^ word;
}

static void fill(struct page *page, unsigned int handle)
{
	u64 *p = page_address(page);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 8; i += 64)
		p[i] = pattern(handle, i);
}

static bool intact(const struct page *page, unsigned int handle)
{
	const u64 *p = page_address(page);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 8; i += 64)
		if (p[i] != pattern(handle, i))
			return false;
	return true;
}

static bool isolate(struct page *page, enum migrate_mode mode)
{
	(void)page, (void)mode;
	return !refused(&movable_refuse_isolate);
}

static int migrate(struct page *dst, struct page *src, enum migrate_mode mode)
{
	u64 *to = page_address(dst);
	const u64 *from = page_address(src);
	unsigned int handle = (unsigned int)page_movable_private(src), i;

	(void)mode;
	if (refused(&movable_refuse_migrate))
		return -EAGAIN;
	for (i = 0; i < PAGE_SIZE / 8; i++)
		to[i] = from[i];
	get_page(dst);
	/* Scanners look at it. */
	WRITE_ONCE(dst->word, READ_ONCE(src->word));
	__atomic_store_n(&objects[handle], dst, __ATOMIC_RELEASE);
	__ClearPageMovable(src);
	put_page(src);
	__atomic_fetch_add(&nr_moved, 1, __ATOMIC_RELAXED);
	return MIGRATEPAGE_SUCCESS;
}

static void putback(struct page *page)
{
	(void)page;
}

static const struct movable_operations store_ops = {isolate, migrate, putback};

int movable_create(gfp_t gfp)
{
	unsigned int n, h;
	struct page *page;

	for (n = 0; n < MOVABLE_HANDLES; n++) {
		struct page *none = NULL;

		h = __atomic_fetch_add(&hand, 1, __ATOMIC_RELAXED) % MOVABLE_HANDLES;
		if (__atomic_compare_exchange_n(&objects[h], &none, BUSY, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			break;
	}
	if (n == MOVABLE_HANDLES)
		return -1;
	page = alloc_page(gfp | __GFP_MOVABLE);
	if (!page) {
		__atomic_store_n(&objects[h], NULL, __ATOMIC_RELEASE);
		return -1;
	}
	fill(page, h);
	lock_page(page);
	set_page_movable_private(page, h);
	__atomic_store_n(&objects[h], page, __ATOMIC_RELEASE);
	__SetPageMovable(page, &store_ops);
	unlock_page(page);
	__atomic_fetch_add(&nr_objects, 1, __ATOMIC_RELAXED);
	return (int)h;
}

/* The object's page, locked, with a reference beside the store's; NULL: none. */
static struct page *get_locked(int handle)
{
	struct page *page;

	if (handle < 0 || handle >= (int)MOVABLE_HANDLES)
		return NULL;
	for (;;) {
		page = __atomic_load_n(&objects[handle], __ATOMIC_ACQUIRE);
		if (!page || page == BUSY)
			return NULL;
		/* Between the two the object may move and the page be anybody's: only a reference makes it stay. */
		if (!get_page_unless_zero(page))
			continue;
		if (page == __atomic_load_n(&objects[handle], __ATOMIC_ACQUIRE)) {
			lock_page(page);
			if (page == __atomic_load_n(&objects[handle], __ATOMIC_ACQUIRE))
				return page;
			unlock_page(page);
		}
		put_page(page);
	}
}

bool movable_check(int handle)
{
	struct page *page = get_locked(handle);
	bool good;

	if (!page)
		return false;
	good = intact(page, (unsigned int)handle);
	unlock_page(page);
	put_page(page);
	return good;
}

bool movable_destroy(int handle)
{
	struct page *page = get_locked(handle);
	bool good;

	if (!page)
		return false;
	good = intact(page, (unsigned int)handle);
	__ClearPageMovable(page);
	__atomic_store_n(&objects[handle], NULL, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&nr_objects, 1, __ATOMIC_RELAXED);
	unlock_page(page);
	put_page(page);
	put_page(page);
	return good;
}

struct page *movable_page(int handle)
{
	struct page *page = __atomic_load_n(&objects[handle], __ATOMIC_ACQUIRE);

	return page == BUSY ? NULL : page;
}

unsigned int movable_count(void)
{
	return __atomic_load_n(&nr_objects, __ATOMIC_RELAXED);
}

unsigned long movable_moved(void)
{
	return __atomic_load_n(&nr_moved, __ATOMIC_RELAXED);
}

int movable_check_all(void)
{
	unsigned int h, live = 0;
	int bad = 0;

	for (h = 0; h < MOVABLE_HANDLES; h++) {
		struct page *page = objects[h];

		if (!page)
			continue;
		live++;
		if (page == BUSY || !PageMovable(page) || page_movable_ops(page) != &store_ops ||
		    page_movable_private(page) != h || page_ref_count(page) != 1 ||
		    PageIsolated(page) || PageLocked(page) || !intact(page, h)) {
			pr_err("movable: object %u is damaged\n", h);
			bad++;
		}
	}
	if (live != nr_objects) {
		pr_err("movable: %u objects counted, %u live\n", nr_objects, live);
		bad++;
	}
	return bad;
}
