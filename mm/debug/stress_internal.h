/* SPDX-License-Identifier: MIT */
/* What the files of the stress share: stress.c runs the CPUs, stress_pages.c, stress_kmem.c and stress_map.c have the kinds. */
#ifndef MM_DEBUG_STRESS_INTERNAL_H
#define MM_DEBUG_STRESS_INTERNAL_H

#include <quire/page_frag.h>
#include <quire/printk.h>
#include <quire/stress.h>

#define STRESS_MAX_PARTS 32U

struct stress_cpu;
struct stress_kind;

/* Something that was got. One CPU has it at a time. */
struct stress_object {
	const struct stress_kind *kind; /* NULL: nothing */
	u64 key;			/* of its pattern */
	void *p;
	size_t size;
	unsigned long n; /* parts, order, number: as the kind wants */
	u64 extra;
	void *part[STRESS_MAX_PARTS];
};

/* May be got and given back in interrupt context. */
#define STRESS_IRQ 1U

struct stress_kind {
	const char *name;
	unsigned int weight;
	unsigned int flags;
	/* Get something and fill it. False: there is none. */
	bool (*make)(struct stress_cpu *c, struct stress_object *o);
	/* Its contents are right. */
	bool (*check)(struct stress_cpu *c, struct stress_object *o);
	/* Give it back; it was checked. */
	void (*drop)(struct stress_cpu *c, struct stress_object *o);
	/* Change it, contents kept. May be NULL. */
	void (*change)(struct stress_cpu *c, struct stress_object *o);
};

#define STRESS_MAX_KINDS 32U

struct stress_cpu {
	u64 random;
	unsigned int cpu;
	bool in_irq;
	const struct stress_options *options;
	struct stress_object **slot; /* [STRESS_SLOTS] */
	struct page_frag_cache frag;
	unsigned long operations, handed, changed;
	unsigned long made[STRESS_MAX_KINDS], refused[STRESS_MAX_KINDS];
} __cacheline_aligned;

/* ---- stress.c */

/* 0 .. n - 1. */
unsigned long stress_random(struct stress_cpu *c, unsigned long n);
static inline bool stress_chance(struct stress_cpu *c, unsigned int percent)
{
	return stress_random(c, 100) < percent;
}

/* A size between lo and hi, small ones as often as large ones. */
unsigned long stress_size(struct stress_cpu *c, unsigned long lo, unsigned long hi);

/* Something is wrong: said, and counted. */
void stress_bad(const struct stress_cpu *c, const char *fmt, ...) __printf(2, 3);

/*
 * A pattern that no other object has, over [p, p + size): all of it when it is small, else each page's ends and some of what is
 * between. _check: it is still there.
 */
u64 stress_key(struct stress_cpu *c, const void *p);
void stress_fill(void *p, size_t size, u64 key);
bool stress_check(const void *p, size_t size, u64 key);
/* All that stress_fill would write is zero. */
bool stress_is_zero(const void *p, size_t size);
/* What is new, is it as it should be? Then it is o, with its pattern. gfp: as it was asked for. */
void stress_begin(struct stress_cpu *c, struct stress_object *o, void *p, size_t size, gfp_t gfp);
/* stress_kind.check of what is one piece of memory. */
bool stress_plain_check(struct stress_cpu *c, struct stress_object *o);

/*
 * For who does not run quire_stress(): what is free now; what is free later must be the same, and every check pass: returns the
 * violations since stress_forget().
 */
void stress_account_begin(void);
int stress_account_end(void);
void stress_forget(void);

/* Some gfp flags that callers use. */
gfp_t stress_gfp(struct stress_cpu *c);

/* ---- the kinds, each list ended by a NULL name; what they need that is shared, and giving it back */

extern const struct stress_kind stress_page_kinds[], stress_kmem_kinds[], stress_map_kinds[];
int stress_kmem_init(void);
void stress_kmem_exit(void);
int stress_kmem_check(void);
int stress_map_init(const struct stress_options *options);
/* Returns violations. */
int stress_map_exit(void);
/* What is not an object: something rare that concerns all CPUs. */
void stress_page_disturb(struct stress_cpu *c);
void stress_kmem_disturb(struct stress_cpu *c);
void stress_map_disturb(struct stress_cpu *c);

#endif
