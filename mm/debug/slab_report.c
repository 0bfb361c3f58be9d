// SPDX-License-Identifier: MIT
/*
 * What is said of a broken object, in the words and the order of Linux's reports, so that people and programs that know those find
 * their way: the headline, the place, who allocated and who freed, the bytes, the call chain.
 *
 * Owns nothing. Any context; the text is printed line by line, so that of two CPUs at once may be mixed.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include "slab_debug.h"

static void headline(const struct kmem_cache *s, const char *what, const char *more)
{
	pr_err("=============================================================================\n");
	pr_err("BUG %s (Not tainted): %s%s\n", s->name, what, more);
	pr_err("-----------------------------------------------------------------------------\n");
	pr_err("\n");
}

static unsigned long offset_in(const struct page *slab, const void *p)
{
	return (unsigned long)((const char *)p - (const char *)page_address(slab));
}

/* The one who called the allocator: the first of the chain that is not of it. */
static void *user_of(const unsigned long *entries, unsigned int nr)
{
	/* With '_' at its end: all that begins so. */
	static const char *const own[] = {
		"set_track",   "alloc",	   "debug_free", "alloc_checked", "slab_",
		"kmem_cache_", "kmalloc",  "__kmalloc",	 "__kmalloc_",	  "kmalloc_",
		"kzalloc",     "kfree",	   "kfree_",	 "krealloc",	  "kmemdup",
		"kstrdup",     "kvmalloc", "kvmalloc_",	 "kvfree",	  "kvrealloc",
	};
	unsigned long offset, size;
	unsigned int i, k;

	for (i = 0; i < nr; i++) {
		const char *name = port_symbolize(entries[i] - 1, &offset, &size);

		for (k = 0; name && k < ARRAY_SIZE(own); k++) {
			size_t n = strlen(own[k]);

			if (strncmp(name, own[k], n) == 0 && (own[k][n - 1] == '_' || !name[n]))
				break;
		}
		if (!name || k == ARRAY_SIZE(own))
			return (void *)(entries[i] - 1);
	}
	return (void *)(entries[0] - 1);
}

static void show_track(const char *what, const struct slab_note_track *t)
{
	const unsigned long *entries;
	unsigned int nr = stack_depot_fetch(t->stack, &entries);
	u64 now = port_clock_ns();

	if (!t->stack && !t->when)
		return;
	if (nr)
		pr_err("%s in %pS age=%llu cpu=%u pid=0\n", what, user_of(entries, nr),
		       (unsigned long long)((now - t->when) / 1000000), t->cpu);
	else
		pr_err("%s age=%llu cpu=%u pid=0\n", what,
		       (unsigned long long)((now - t->when) / 1000000), t->cpu);
	stack_depot_print(t->stack);
}

static void section(const char *title, const u8 *from, const u8 *to)
{
	if (to > from)
		hex_dump(title, from, (size_t)(to - from));
}

/* Everything that is known of the object; ends with the call chain of who found it. */
static void trailer(struct kmem_cache *s, void *slot)
{
	struct page *slab = compound_head(virt_to_page(slot));
	struct slab_parts p;

	slab_parts(s, slot, &p);
	if (s->flags & SLAB_STORE_USER) {
		show_track("Allocated", &p.note->track[SLAB_TRACK_ALLOC]);
		show_track("Freed", &p.note->track[SLAB_TRACK_FREE]);
	}
	pr_err("Slab %p objects=%u pfn=%#lx order=%u\n", page_address(slab), slab_nr_objects(slab),
	       page_to_pfn(slab), compound_order(slab));
	pr_err("Object %p @offset=%lu size=%u requested=%u\n", p.object, offset_in(slab, p.object),
	       s->object_size, p.note->size);
	pr_err("\n");
	section("Redzone  ", p.left + max((long)(p.object - p.left) - 16, 0L), p.object);
	section("Object   ", p.object, p.object + min(s->object_size, (unsigned int)PAGE_SIZE / 4));
	section("Redzone  ", p.right, p.right_end);
	section("Padding  ", p.padding, p.end);
	pr_err("CPU: %u PID: 0\n", port_cpu());
	port_backtrace();
}

void slab_report(struct kmem_cache *s, void *slot, const char *what)
{
	headline(s, what, "");
	trailer(s, slot);
}

void slab_report_bytes(struct kmem_cache *s, void *slot, const char *what, const u8 *bad,
		       const u8 *last, u8 want)
{
	const struct page *slab = compound_head(virt_to_page(slot));

	headline(s, what, " overwritten");
	pr_err("%p-%p @offset=%lu. First byte 0x%x instead of 0x%x\n", bad, last,
	       offset_in(slab, bad), *bad, want);
	trailer(s, slot);
	slab_fix(s, "Restoring %s %p-%p=0x%x", what, bad, last, want);
}

void slab_report_pointer(struct kmem_cache *s, struct page *slab, const void *p)
{
	unsigned long offset = offset_in(slab, p);
	char text[40];

	quire_snprintf(text, sizeof(text), "%p", p);
	headline(s, "Invalid object pointer ", text);
	if (offset / s->size < slab_nr_objects(slab))
		trailer(s, (char *)page_address(slab) + offset / s->size * s->size);
	else
		port_backtrace();
}

void slab_fix(const struct kmem_cache *s, const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	quire_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pr_err("FIX %s: %s\n", s->name, text);
}
