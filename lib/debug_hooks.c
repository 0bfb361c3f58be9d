// SPDX-License-Identifier: MIT
/* What debugging hooks into the allocators: nothing, unless mm_debug_init() says otherwise. */
#include <quire/page_debug.h>

const struct page_debug_ops *page_debug;
const struct slab_debug_ops *slab_debug_ops;
const struct slab_object_ops *slab_object_debug;
bool (*mm_explain_fault)(unsigned long kva, bool write, unsigned long pc);
