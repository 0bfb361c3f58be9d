/* SPDX-License-Identifier: MIT */
/*
 * The constants of one Linux build, for a boot that is to come out as that kernel's (quire predict).
 *
 * A profile is a text file (profiles/, docs/predict.md); cmd/quire/profile.c reads it into this structure. The core
 * looks at it only in the host build: `build_profile` is NULL in every other boot, and a constant NULL in the
 * image, so that none of its branches exist there.
 *
 * Plain C types alone: both sides of the wall between the command and the core of a granule include this.
 */
#ifndef QUIRE_BUILD_PROFILE_H
#define QUIRE_BUILD_PROFILE_H

struct build_profile {
	char name[64];
	char release[64]; /* uname -r */
	unsigned long
		version; /* major << 8 | minor of the mainline release that behaviour follows */

	/* Kconfig */
	unsigned long page_shift, va_bits, pa_bits;
	unsigned long nr_cpus, nodes_shift, max_page_order, section_size_bits;
	unsigned long cma_size_mbytes, cma_alignment;
	unsigned long log_buf_shift, log_cpu_max_buf_shift;
	unsigned long kfence, kfence_sample_interval, kfence_num_objects;
	unsigned long rodata_full, debug_pagealloc, crash_reserve, hugetlb,
		bounce_unaligned_kmalloc;
	unsigned long stackdepot, page_extension, page_owner, deferred_struct_pages, numa,
		cpumask_offstack;

	/* sizeof, from BTF or DWARF */
	unsigned long page_size_of, pglist_data, device_node, property, reserved_mem, resource;
	unsigned long mem_section, mem_section_usage;
	unsigned long pcpu_alloc_info, pcpu_group_info, pcpu_chunk, pcpu_block_md;
	unsigned long io_tlb_slot, io_tlb_area;
	unsigned long prb_desc, printk_info;
	unsigned long kfence_metadata;

	/* The image, in bytes from its start; percpu_static in bytes */
	unsigned long image_size, stext, etext, rodata_end, init_begin, initdata_begin, init_end,
		data_end, init_pg_dir, bss_start, bss_end;
	unsigned long percpu_static;

	/* What differs between releases within a series */
	unsigned long map_rounds_inward; /* map_mem rounds banks to whole pages, inward */

	/* What the kernel has taken of free memory when it prints the Memory: line */
	unsigned long early_kib, early_kib_per_cpu, early_kib_per_node, early_kib_per_doubling;
};

#ifdef QUIRE_HOST
extern const struct build_profile *build_profile;
#else
static const struct build_profile *const build_profile __attribute__((unused));
#endif

/* `field` of the profile in force, or what Quire has itself. */
#define profile_or(field, own) (build_profile ? build_profile->field : (own))

#endif
