/* SPDX-License-Identifier: MIT */
/* The slab allocator as at the program's start, for tests that begin anew. */
#ifndef TESTS_SLAB_FIXTURE_H
#define TESTS_SLAB_FIXTURE_H

#include <quire/page_debug.h>
#include <quire/slab.h>

#include "mm/kmem/slab_internal.h"

static inline void forget_slab(void)
{
	unsigned int i;

	for (i = 0; i < SLAB_MAX_CACHES; i++)
		slab_cache_table[i] = &slab_no_cache, slab_lookup.cpu[i] = slab_no_cpus;
	for (i = 0; i < ARRAY_SIZE(slab_lookup.kmalloc); i++)
		slab_lookup.kmalloc[i] = slab_no_cpus;
	slab_caches = NULL;
	memset(sheaf_caches, 0, sizeof(sheaf_caches));
	memset(&node_cache, 0, sizeof(node_cache));
	memset(&cache_cache, 0, sizeof(cache_cache));
	memset(kmalloc_caches, 0, sizeof(kmalloc_caches));
	slab_debug_ops = NULL;
	page_debug = NULL;
	slab_nomerge = slab_freelist_random = slab_freelist_hardened = false;
}

#endif
