# SPDX-License-Identifier: MIT
# Debian's general kernel, 6.12 for Debian 12: 4K pages.
# 
# Sources: options from the configuration in package linux-image-6.12.115+deb12-arm64; sizes of structures from the BTF in its
# image; offsets and percpu_static from the symbols of the running kernel (/proc/kallsyms); rodata_end from the rodata figure of the Memory: line;
# section_size_bits from arch/arm64/include/asm/sparsemem.h; map_rounds_inward from map_mem in arch/arm64/mm/mmu.c of that
# release; early_kib* measured: what recorded boots had allocated when they printed the Memory: line.
release = 6.12.115+deb12-arm64
version = 0x60c	# mainline release whose behaviour is followed: major << 8 | minor
page_shift = 12	# CONFIG_ARM64_4K_PAGES, _16K_, _64K_
va_bits = 52	# CONFIG_ARM64_VA_BITS
pa_bits = 52	# CONFIG_ARM64_PA_BITS
nr_cpus = 512	# CONFIG_NR_CPUS
nodes_shift = 4	# CONFIG_NODES_SHIFT
max_page_order = 10	# CONFIG_ARCH_FORCE_MAX_ORDER; one less before 6.4
section_size_bits = 27	# arch/arm64/include/asm/sparsemem.h
numa = 1	# CONFIG_NUMA
cpumask_offstack = 1	# CONFIG_CPUMASK_OFFSTACK
cma_size_mbytes = 64	# CONFIG_CMA_SIZE_MBYTES
cma_alignment = 8	# CONFIG_CMA_ALIGNMENT
log_buf_shift = 17	# CONFIG_LOG_BUF_SHIFT
log_cpu_max_buf_shift = 12	# CONFIG_LOG_CPU_MAX_BUF_SHIFT
kfence = 1	# CONFIG_KFENCE
kfence_sample_interval = 0	# CONFIG_KFENCE_SAMPLE_INTERVAL
kfence_num_objects = 255	# CONFIG_KFENCE_NUM_OBJECTS
rodata_full = 1	# CONFIG_RODATA_FULL_DEFAULT_ENABLED
debug_pagealloc = 0	# CONFIG_DEBUG_PAGEALLOC; 2 when _ENABLE_DEFAULT too
crash_reserve = 1	# CONFIG_CRASH_RESERVE; CONFIG_KEXEC_CORE before 6.9
hugetlb = 1	# CONFIG_HUGETLB_PAGE
bounce_unaligned_kmalloc = 1	# CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC
stackdepot = 1	# CONFIG_STACKDEPOT and CONFIG_SLUB_DEBUG
page_owner = 0	# CONFIG_PAGE_OWNER
page_extension = 1	# CONFIG_PAGE_EXTENSION
deferred_struct_pages = 1	# CONFIG_DEFERRED_STRUCT_PAGE_INIT
page_size_of = 64	# sizeof(struct page)
pglist_data = 14144	# sizeof(pg_data_t)
device_node = 208	# sizeof(struct device_node)
property = 104	# sizeof(struct property)
reserved_mem = 48	# sizeof(struct reserved_mem)
resource = 64	# sizeof(struct resource)
mem_section = 32	# sizeof(struct mem_section)
mem_section_usage = 24	# sizeof(struct mem_section_usage)
pcpu_alloc_info = 64	# sizeof(struct pcpu_alloc_info)
pcpu_group_info = 24	# sizeof(struct pcpu_group_info)
pcpu_chunk = 192	# sizeof(struct pcpu_chunk)
pcpu_block_md = 32	# sizeof(struct pcpu_block_md)
io_tlb_slot = 24	# sizeof(struct io_tlb_slot)
io_tlb_area = 16	# sizeof(struct io_tlb_area)
prb_desc = 24	# sizeof(struct prb_desc)
printk_info = 88	# sizeof(struct printk_info)
kfence_metadata = 1160	# sizeof(struct kfence_metadata); 0 without KFENCE
image_size = 0x2b30000	# _end - _text
stext = 0x10000	# _stext - _text
etext = 0xf50000	# _etext - _text
rodata_end = 0x1cef000	# __end_rodata - _text
init_begin = 0x1d00000	# __init_begin - _text
initdata_begin = 0	# __initdata_begin - _text; 0: not needed, from 6.10 on
init_end = 0x2670000	# __init_end - _text
data_end = 0x2a2b200	# _edata - _text
bss_start = 0x2a2c000	# __bss_start - _text
bss_end = 0x2b169d0	# __bss_stop - _text
init_pg_dir = 0	# init_pg_dir - _text; 0: not needed, from 6.10 on
percpu_static = 0x18c58	# __per_cpu_end - __per_cpu_start
map_rounds_inward = 0	# map_mem maps whole pages of each bank only
early_kib = 3145	# KiB taken before the Memory: line on one CPU with 128 MiB
early_kib_per_cpu = 323	# ... for each further CPU
early_kib_per_node = 1500	# ... for each further node
early_kib_per_doubling = 65	# ... each time memory doubles
