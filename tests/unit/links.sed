# What tests are linked with together, by name: a `links:` line may say @vm for all that address spaces need (mk/test.mk).
s|@vm\>|mm/vm/[a-z]*.c mm/page/migrate.c lib/gap_tree*.c lib/radix_tree.c lib/interval_tree.c @slab|
s|@slab\>|mm/kmem/slab.c mm/kmem/slab_fast.c mm/kmem/slab_node.c mm/kmem/slab_cache.c mm/kmem/kmalloc.c @pages lib/string.c lib/vsprintf.c|
s|@pages\>|@buddy mm/page/contig.c mm/page/vmstat.c|
s|@buddy\>|mm/page/buddy.c mm/page/buddy_check.c mm/page/fallback.c mm/page/pageset.c mm/page/alloc.c mm/page/free.c mm/page/bulk.c mm/page/complain.c|
s|@debug\>|mm/debug/init.c mm/debug/fault_inject.c mm/debug/guard_pages.c mm/debug/guard_pool.c mm/debug/leaks.c mm/debug/page_debug.c mm/debug/slab_debug.c mm/debug/slab_report.c mm/debug/stackdepot.c|
s|@tables\>|arch/arm64/mapping.c arch/arm64/pgalloc.c arch/arm64/walk.c arch/arm64/fixmap.c arch/arm64/layout.c arch/arm64/mmu.c port/host/mmu.c port/host/mmu_judge.c mm/early/memblock*.c|
s|@memblock\>|mm/early/memblock.c mm/early/memblock_alloc.c mm/early/memblock_iter.c mm/early/memblock_mark.c|
