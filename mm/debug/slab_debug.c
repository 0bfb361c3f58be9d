// SPDX-License-Identifier: MIT
/*
 * Checks of slab objects (slab_debug=): what is written beyond them, after they were freed, and what is freed wrongly.
 *
 *   slot    |left zone|  object  ..requested..|rest|right zone|link|note|padding|
 *            Z         P                       Z     Z               always       P
 *   in use   cc         the user's             cc    cc         -    state, size, who
 *   free     bb         6b ... 6b a5                 bb         x
 *
 * Owns all of a slot but the user's bytes and the link. Invariants: the note's state is NOTE_FREE from `init` or `free` to `alloc` and
 * NOTE_LIVE from there to `free`; the zones and the poison are as above in each state.
 *
 * Locking: a slot that is moved between user and slab is nobody else's; two who free one object at the same time meet at debug_lock, of
 * which one finds it free. Caches of the allocator itself are not checked.
 *
 * Against Linux 6.12: the same letters, patterns and words; every check is made with any of the letters (there F is needed), and
 * what the user of kmalloc asked for is always known.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/spinlock.h>
#include <quire/string.h>

#include "slab_debug.h"

bool slab_debug_track_all;
static spinlock_t debug_lock = SPINLOCK_INIT;

/* ------------------------------------------------------------------ slab_debug= */

static char option[256];
static bool option_given;

#define DEFAULT_FLAGS SLAB_DEBUG_FLAGS

/* The letters at p up to ',', ';' or the end. *end: there. */
static slab_flags_t letters(const char *p, const char **end, bool tell)
{
	slab_flags_t flags = 0;
	bool any = false;

	for (; *p && *p != ',' && *p != ';'; p++) {
		any = true;
		switch (*p | 0x20) {
		case 'f':
			flags |= SLAB_CONSISTENCY_CHECKS;
			break;
		case 'z':
			flags |= SLAB_RED_ZONE;
			break;
		case 'p':
			flags |= SLAB_POISON;
			break;
		case 'u':
			flags |= SLAB_STORE_USER;
			break;
		case '-':
			flags = 0;
			break;
		default:
			if (tell)
				pr_warn("slab_debug option '%c' unknown. skipped\n", *p);
		}
	}
	*end = p;
	return any ? flags : DEFAULT_FLAGS;
}

const char *slab_debug_option(const char *val)
{
	const char *end;

	val = val ? val : "";
	if (strlen(val) >= sizeof(option))
		return "the list is too long";
	quire_strlcpy(option, val, sizeof(option));
	option_given = true;
	for (val = option;; val = end + 1) {
		letters(val, &end, true);
		while (*end && *end != ';')
			end++;
		if (!*end)
			return NULL;
	}
}

bool slab_debug_wanted(void)
{
	return option_given || slab_debug_track_all;
}

/* A name of a list, which may end in '*'. */
static bool name_matches(const char *p, size_t n, const char *name)
{
	if (n && p[n - 1] == '*')
		return !strncmp(p, name, n - 1);
	return strlen(name) == n && !strncmp(p, name, n);
}

/* One block "letters[,name...]": does it speak of the cache? *end: its end. */
static bool block_matches(const char *p, const char *name, const char **end)
{
	bool matches = *p != ',', listed = *p == ',';

	if (!listed) {
		*end = p;
		return matches;
	}
	while (*p == ',') {
		const char *start = ++p;

		while (*p && *p != ',' && *p != ';')
			p++;
		matches |= name_matches(start, (size_t)(p - start), name);
	}
	*end = p;
	return matches;
}

static unsigned int debug_flags(const char *name, unsigned int flags)
{
	const char *p = option;

	if (slab_debug_track_all)
		flags |= SLAB_STORE_USER;
	while (option_given) {
		slab_flags_t wanted = letters(p, &p, false);

		if (block_matches(p, name, &p))
			return flags | wanted;
		if (*p++ != ';')
			break;
	}
	return flags;
}

/* ------------------------------------------------------------------ layout */

static bool poisons(const struct kmem_cache *s)
{
	/* What a constructor or a late reader wants kept cannot be filled. */
	return (s->flags & SLAB_POISON) && !s->ctor && !(s->flags & SLAB_TYPESAFE_BY_RCU);
}

static void layout(struct kmem_cache *s)
{
	unsigned int at;

	s->red_left = s->flags & SLAB_RED_ZONE ? (unsigned int)ALIGN(ZONE_BYTES, s->align) : 0;
	at = s->red_left + s->object_size;
	if (s->flags & SLAB_RED_ZONE)
		at += ZONE_BYTES;
	s->free_offset = (unsigned int)ALIGN(at, sizeof(u64));
	s->note_offset = s->free_offset + (unsigned int)sizeof(u64);
	s->size = s->note_offset + (unsigned int)sizeof(struct slab_note);
	if (!(s->flags & SLAB_STORE_USER))
		s->size -= (unsigned int)sizeof(((struct slab_note *)0)->track);
}

/* The slot of an object of a slab of this cache, or NULL: it is none's. *slab: the slab. */
static void *slot_of(const struct kmem_cache *s, const void *object, struct page **slab)
{
	size_t offset;

	*slab = compound_head(virt_to_page(object));
	offset = (size_t)((const char *)object - (const char *)page_address(*slab));
	if (offset < s->red_left || (offset - s->red_left) % s->size ||
	    offset / s->size >= slab_nr_objects(*slab))
		return NULL;
	return (char *)object - s->red_left;
}

/* ------------------------------------------------------------------ zones and poison */

static void fill_zones(struct kmem_cache *s, void *slot, u8 value)
{
	struct slab_parts p;

	slab_parts(s, slot, &p);
	if (s->flags & SLAB_RED_ZONE) {
		memset(p.left, value, p.object - p.left);
		memset(p.right, value, p.right_end - p.right);
	}
}

/* What a user of kmalloc did not ask for is a zone, too. */
static void fill_rest(struct kmem_cache *s, void *slot, size_t size, u8 value)
{
	if (s->flags & SLAB_RED_ZONE)
		memset((char *)slot + s->red_left + size, value, s->object_size - size);
}

static void fill_poison(struct kmem_cache *s, void *slot)
{
	u8 *object = (u8 *)slot + s->red_left;

	if (!poisons(s))
		return;
	memset(object, POISON_FREE, s->object_size - 1);
	object[s->object_size - 1] = POISON_END;
}

static void fill_padding(struct kmem_cache *s, void *slot)
{
	struct slab_parts p;

	slab_parts(s, slot, &p);
	if (s->flags & SLAB_POISON)
		memset(p.padding, POISON_INUSE, p.end - p.padding);
}

/* [from, to) holds `want` everywhere; else it is reported and put right. */
static bool part_good(struct kmem_cache *s, void *slot, const char *what, u8 *from, u8 *to, u8 want)
{
	const u8 *bad = find_other_byte(from, want, (size_t)(to - from)), *last = to - 1;

	if (likely(!bad))
		return true;
	while (*last == want)
		last--;
	slab_report_bytes(s, slot, what, bad, last, want);
	memset(from, want, (size_t)(to - from));
	return false;
}

static bool zones_good(struct kmem_cache *s, void *slot, u8 value)
{
	struct slab_parts p;
	bool good = true;

	slab_parts(s, slot, &p);
	if (s->flags & SLAB_RED_ZONE) {
		good &= part_good(s, slot, "Left Redzone", p.left, p.object, value);
		good &= part_good(s, slot, "Right Redzone", p.right, p.right_end, value);
		if (value == RED_ACTIVE && p.note->state == NOTE_LIVE &&
		    p.note->size < s->object_size)
			good &= part_good(s, slot, "kmalloc Redzone", p.object + p.note->size,
					  p.right, value);
	}
	if (s->flags & SLAB_POISON)
		good &= part_good(s, slot, "Object padding", p.padding, p.end, POISON_INUSE);
	return good;
}

/* A free slot is as `free` left it. */
static bool free_slot_good(struct kmem_cache *s, void *slot)
{
	struct slab_parts p;
	bool good = zones_good(s, slot, RED_INACTIVE);

	slab_parts(s, slot, &p);
	if (poisons(s)) {
		u8 *last = p.object + s->object_size - 1;

		good &= part_good(s, slot, "Poison", p.object, last, POISON_FREE);
		good &= part_good(s, slot, "End Poison", last, last + 1, POISON_END);
	}
	if (p.note->state != NOTE_FREE) {
		slab_report(s, slot, "Object note overwritten");
		good = false;
	}
	return good;
}

/* ------------------------------------------------------------------ the hooks */

static void set_track(struct kmem_cache *s, struct slab_note *note, enum slab_track which)
{
	if (!(s->flags & SLAB_STORE_USER))
		return;
	note->track[which] = (struct slab_note_track){
		.stack = stack_depot_here(1),
		.cpu = (u16)port_cpu(),
		.boot = !mm_debug_armed,
		.when = port_clock_ns(),
	};
}

static void init(struct kmem_cache *s, void *slot)
{
	struct slab_note *note = slab_note(s, slot);

	note->state = NOTE_FREE;
	note->size = 0;
	if (s->flags & SLAB_STORE_USER)
		memset(note->track, 0, sizeof(note->track));
	fill_zones(s, slot, RED_INACTIVE);
	fill_poison(s, slot);
	fill_padding(s, slot);
}

static void *alloc(struct kmem_cache *s, void *slot, size_t size)
{
	struct slab_note *note = slab_note(s, slot);

	if (unlikely(!free_slot_good(s, slot))) {
		slab_fix(s, "Object at %p is never given out again", (char *)slot + s->red_left);
		note->state = NOTE_BROKEN;
		return NULL;
	}
	size = min(size, (size_t)s->object_size);
	fill_zones(s, slot, RED_ACTIVE);
	fill_rest(s, slot, size, RED_ACTIVE);
	note->size = (u32)size;
	set_track(s, note, SLAB_TRACK_ALLOC);
	note->state = NOTE_LIVE;
	return (char *)slot + s->red_left;
}

/* Whose object it is not. debug_lock held. */
static bool may_be_freed(struct kmem_cache *s, void *slot)
{
	u32 state = slab_note(s, slot)->state;

	if (state == NOTE_LIVE)
		return zones_good(s, slot, RED_ACTIVE);
	if (state == NOTE_FREE || state == NOTE_BROKEN)
		slab_report(s, slot, "Object already free");
	else if (zones_good(s, slot, RED_ACTIVE))
		slab_report(s, slot, "Object note overwritten");
	return false;
}

static void *debug_free(struct kmem_cache *s, void *object)
{
	struct page *slab;
	void *slot = slot_of(s, object, &slab);
	unsigned long flags;
	bool good;

	if (unlikely(!slot)) {
		slab_report_pointer(s, slab, object);
		slab_fix(s, "Object at %p not freed", object);
		return NULL;
	}
	flags = spin_lock_irqsave(&debug_lock);
	good = may_be_freed(s, slot);
	if (good) {
		struct slab_note *note = slab_note(s, slot);

		set_track(s, note, SLAB_TRACK_FREE);
		note->state = NOTE_FREE;
		fill_zones(s, slot, RED_INACTIVE);
		fill_poison(s, slot);
	}
	spin_unlock_irqrestore(&debug_lock, flags);
	if (unlikely(!good))
		slab_fix(s, "Object at %p not freed", object);
	return good ? slot : NULL;
}

static void retire(struct kmem_cache *s, void *slot)
{
	free_slot_good(s, slot);
}

static size_t requested(struct kmem_cache *s, void *object)
{
	struct page *slab;
	void *slot = slot_of(s, object, &slab);

	return slot && slab_note(s, slot)->state == NOTE_LIVE ? slab_note(s, slot)->size
							      : s->object_size;
}

static void resize(struct kmem_cache *s, void *object, size_t size)
{
	struct page *slab;
	void *slot = slot_of(s, object, &slab);

	if (!slot || slab_note(s, slot)->state != NOTE_LIVE)
		return;
	fill_rest(s, slot, size, RED_ACTIVE);
	slab_note(s, slot)->size = (u32)size;
}

const struct slab_object_ops slab_object_debug_ops = {
	.flags = debug_flags,
	.layout = layout,
	.init = init,
	.alloc = alloc,
	.free = debug_free,
	.retire = retire,
	.requested = requested,
	.resize = resize,
};

/* ------------------------------------------------------------------ looking at all of them */

static void validate_slot(struct kmem_cache *s, void *slot, void *arg)
{
	u32 state = slab_note(s, slot)->state;
	bool good = true;

	if (state == NOTE_LIVE)
		good = zones_good(s, slot, RED_ACTIVE);
	else if (state != NOTE_BROKEN)
		good = free_slot_good(s, slot);
	*(int *)arg += !good;
}

int slab_debug_validate(void)
{
	struct kmem_cache *s;
	int bad = 0;

	for (s = next_cache(NULL); s; s = next_cache(s))
		if (s->flags & SLAB_DEBUG_FLAGS)
			slab_for_each_slot(s, validate_slot, &bad);
	return bad;
}

struct live {
	live_object_fn fn;
	void *arg;
};

static void live_slot(struct kmem_cache *s, void *slot, void *arg)
{
	const struct slab_note *note = slab_note(s, slot);
	const struct live *live = arg;

	if (note->state == NOTE_LIVE)
		live->fn(s, (char *)slot + s->red_left, note->size,
			 note->track[SLAB_TRACK_ALLOC].stack, note->track[SLAB_TRACK_ALLOC].boot,
			 live->arg);
}

void slab_debug_for_each_live(struct kmem_cache *s, live_object_fn fn, void *arg)
{
	struct live live = {fn, arg};

	if (s->flags & SLAB_STORE_USER)
		slab_for_each_slot(s, live_slot, &live);
}

bool slab_debug_allocated_by(const void *object, depot_stack_handle_t *stack, bool *boot)
{
	struct kmem_cache *s = virt_to_cache(object);
	const struct slab_note_track *t;
	struct page *slab;
	void *slot;

	if (!s || !(s->flags & SLAB_STORE_USER))
		return false;
	slot = slot_of(s, object, &slab);
	if (!slot || slab_note(s, slot)->state != NOTE_LIVE)
		return false;
	t = &slab_note(s, slot)->track[SLAB_TRACK_ALLOC];
	*stack = t->stack;
	*boot = t->boot;
	return true;
}
