/* SPDX-License-Identifier: MIT */
/*
 * kmalloc and caches, named as those measured in Linux: "hot" is a pair that takes and gives back one object again and again,
 * "batch1000" takes a thousand and then gives all back.
 */
#include <quire/bench.h>
#include <quire/printk.h>
#include <quire/slab.h>

#define HOT 1000U
#define BATCH 1000U

static void *objects[BATCH];

static void row(const char *what, const char *how, u64 ops, u64 ticks)
{
	char name[64];

	quire_snprintf(name, sizeof(name), "%s %s", what, how);
	bench_row(name, ops, ticks);
}

static noinline void stamp(u64 *at)
{
	*at = bench_ticks();
}

/*
 * Between two looks at the counter stands the call and nothing else: times are summed up later.
 * s NULL: by kmalloc's size.
 */
static __always_inline void measure(struct kmem_cache *s, size_t size, gfp_t gfp, const char *alloc,
				    const char *release)
{
	u64 t0, t1, t2, taken = 0, given = 0, nothing = ~0ULL;
	unsigned int i, round;

	for (i = 0; i < HOT + 8; i++) {
		static u64 at[4];
		void *p;

		stamp(&at[0]);
		stamp(&at[1]);
		p = s ? kmem_cache_alloc(s, gfp) : kmalloc(size, gfp);
		stamp(&at[2]);
		if (s)
			kmem_cache_free(s, p);
		else
			kfree(p);
		stamp(&at[3]);
		if (!p)
			return;
		/* The first rounds make slabs. */
		if (i == 8)
			taken = given = 0;
		nothing = min(nothing, at[1] - at[0]);
		taken += at[2] - at[1];
		given += at[3] - at[2];
	}
	row(alloc, "hot", HOT, taken - HOT * nothing);
	row(release, "hot", HOT, given - HOT * nothing);
	for (round = 0; round < 3; round++) {
		t0 = bench_ticks();
		for (i = 0; i < BATCH; i++)
			objects[i] = s ? kmem_cache_alloc(s, gfp) : kmalloc(size, gfp);
		t1 = bench_ticks();
		for (i = 0; i < BATCH; i++)
			if (s)
				kmem_cache_free(s, objects[i]);
			else
				kfree(objects[i]);
		t2 = bench_ticks();
	}
	row(alloc, "batch1000", BATCH, t1 - t0);
	row(release, "batch1000", BATCH, t2 - t1);
}

static noinline void measure_bulk(struct kmem_cache *s)
{
	u64 t0, t1, t2;
	unsigned int round;

	for (round = 0; round < 3; round++) {
		t0 = bench_ticks();
		if (!kmem_cache_alloc_bulk(s, GFP_KERNEL, 64, objects))
			return;
		t1 = bench_ticks();
		kmem_cache_free_bulk(s, 64, objects);
		t2 = bench_ticks();
	}
	bench_row("kmem_cache_alloc_bulk 192 x64", 64, t1 - t0);
	bench_row("kmem_cache_free_bulk 192 x64", 64, t2 - t1);
}

static noinline void measure_create(void)
{
	u64 t0 = 0, t1 = 0, t2 = 0;
	unsigned int round;

	for (round = 0; round < 2; round++) {
		struct kmem_cache *s;

		t0 = bench_ticks();
		s = kmem_cache_create("bench", 192, 0, SLAB_NO_MERGE, NULL);
		t1 = bench_ticks();
		kmem_cache_destroy(s);
		t2 = bench_ticks();
	}
	bench_row("kmem_cache_create", 1, t1 - t0);
	bench_row("kmem_cache_destroy (may idle)", 1, t2 - t1);
}

#define SIZE(n)                                                                                    \
	static noinline void measure_##n(void)                                                     \
	{                                                                                          \
		measure(NULL, n, GFP_KERNEL, "kmalloc " #n, "kfree " #n);                          \
		measure(NULL, n, GFP_KERNEL_ACCOUNT, "kmalloc_acct " #n, "kfree_acct " #n);        \
	}
SIZE(16)
SIZE(64)
SIZE(256)
SIZE(1024)
SIZE(4096)
SIZE(8192)
SIZE(16384)

void bench_slab(void)
{
	struct kmem_cache *s;

	measure_16();
	measure_64();
	measure_256();
	measure_1024();
	measure_4096();
	measure_8192();
	measure_16384();
	s = kmem_cache_create("bench192", 192, 0, SLAB_NO_MERGE, NULL);
	if (!s)
		return;
	measure(s, 0, GFP_KERNEL, "kmem_cache_alloc 192", "kmem_cache_free 192");
	measure_bulk(s);
	kmem_cache_destroy(s);
	measure_create();
}
