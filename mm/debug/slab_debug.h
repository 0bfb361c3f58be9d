/* SPDX-License-Identifier: MIT */
/* A slot's parts, between slab_debug.c, which checks them, and slab_report.c, which tells about them. */
#ifndef MM_DEBUG_SLAB_DEBUG_H
#define MM_DEBUG_SLAB_DEBUG_H

#include <quire/slab.h>

#include "debug.h"

/* Linux's patterns (include/linux/poison.h), which people know in a dump. */
#define RED_INACTIVE 0xbb
#define RED_ACTIVE 0xcc
#define POISON_INUSE 0x5a
#define POISON_FREE 0x6b
#define POISON_END 0xa5
/* Of each red zone, at least. */
#define ZONE_BYTES 8U

/* Words that no text and no small number looks like. */
#define NOTE_FREE 0xf4eef4eeU
#define NOTE_LIVE 0x11fe11feU
#define NOTE_BROKEN 0xb40cb40cU

struct slab_note_track {
	depot_stack_handle_t stack; /* 0: not known */
	u16 cpu;
	bool boot;
	u64 when; /* ns */
};

struct slab_note {
	u32 state;
	u32 size; /* what the user asked for */
	/* With SLAB_STORE_USER only. */
	struct slab_note_track track[2];
};

struct slab_parts {
	u8 *left, *object, *right, *right_end, *padding, *end;
	struct slab_note *note;
};

static inline struct slab_note *slab_note(const struct kmem_cache *s, void *slot)
{
	return (struct slab_note *)((char *)slot + s->note_offset);
}

static inline void slab_parts(const struct kmem_cache *s, void *slot, struct slab_parts *p)
{
	p->left = slot;
	p->object = p->left + s->red_left;
	p->right = p->object + s->object_size;
	p->right_end = p->left + s->free_offset;
	p->note = slab_note(s, slot);
	p->padding = s->flags & SLAB_STORE_USER ? (u8 *)(p->note + 1) : (u8 *)p->note->track;
	p->end = p->left + s->size;
}

/* ---- slab_report.c: any context, locks of the slab allocator may be held */

/* "BUG name (Not tainted): what", who allocated and freed the object, and its bytes. */
void slab_report(struct kmem_cache *s, void *slot, const char *what);
/* "what overwritten": [bad, last] are not `want`. */
void slab_report_bytes(struct kmem_cache *s, void *slot, const char *what, const u8 *bad,
		       const u8 *last, u8 want);
/* A pointer that is no object's. */
void slab_report_pointer(struct kmem_cache *s, struct page *slab, const void *p);
void slab_fix(const struct kmem_cache *s, const char *fmt, ...) __printf(2, 3);

#endif
