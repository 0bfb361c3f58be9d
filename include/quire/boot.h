/* SPDX-License-Identifier: MIT */
/*
 * The boot road (boot/): the order of things, and what the device tree and the command line said.
 */
#ifndef QUIRE_BOOT_H
#define QUIRE_BOOT_H

#include <quire/cma.h>
#include <quire/port.h>

extern char boot_command_line[COMMAND_LINE_SIZE];

/*
 * The whole boot, from the port's entry to the buddy allocator. Expects boot_params filled, the MMU on (bare),
 * interrupts off, one CPU. Calls, in Linux's order: setup_arch (early_fixmap_init, setup_machine_fdt, parse_early_param,
 * arm64_memblock_init, paging_init, bootmem_init), build_all_zonelists, mm_core_init (memblock_free_all, watermarks, pagesets), mark_rodata_ro.
 * Returns when the page allocator is up; input that leaves nothing to go on with ends in panic().
 */
void start_kernel(void);

/* start_kernel, then what the command line asks of the image: self-test, reports, summary; never returns. */
void __noreturn kernel_main(void);

/* Proves on the running MMU and allocator what the tables claim. Returns the number of failures, each printed. */
int quire_selftest(void);

/* ---- what the tree said, kept for reports */
struct reserved_mem {
	char name[48];	     /* node name with unit address */
	char compatible[48]; /* first string, or "" */
	phys_addr_t base, size;
	bool dynamic, nomap, reusable, linux_cma_default;
	bool refused; /* could not be honoured: why is in the log */
};
#define MAX_RESERVED_MEM 1024
extern struct reserved_mem *reserved_mem;
extern unsigned int nr_reserved_mem;
/* Neither the image nor the device tree nor a region of reserved_mem reaches into [base, base + size), the initrd's pages. */
bool initrd_lies_alone(phys_addr_t base, phys_addr_t size);

struct crash_res {
	phys_addr_t base, size; /* size 0: none */
	phys_addr_t low_base, low_size;
};
extern struct crash_res crash_res;

/* The date, in seconds since 1970, if the tree has a clock that knows it (boot/rtc.c). With ioremap up, boot CPU. */
bool rtc_read_date(u64 *seconds);

/*
 * The virtual timer's interrupt by a GIC's numbers (16 to 31), as the tree has it; 27, with a line in the log, where it does not say
 * (boot/timer_node.c). Boot CPU.
 */
unsigned int find_timer_interrupt(void);

extern phys_addr_t phys_initrd_start, phys_initrd_size;
extern phys_addr_t elfcorehdr_addr, elfcorehdr_size;
extern phys_addr_t arm64_dma_phys_limit, memory_limit;
extern const char *machine_model;

/* The CPUs of /cpus in the tree's order, nr_cpus_possible of them. Strings point into the tree and may be NULL. */
struct cpu_desc {
	u64 hwid;     /* MPIDR_EL1 affinity bits */
	bool has_nid; /* the tree says numa-node-id */
	int nid;      /* node; after arch_numa_init one that exists */
	const char *compatible, *enable_method;
	phys_addr_t release_addr; /* cpu-release-addr, 0: none */
};
extern struct cpu_desc cpu_descs[NR_CPUS];

/* Distance between nodes: 10 local, 20 remote when the tree does not say. */
int node_distance(int from, int to);
/* CPUs of the tree that are in node nid. */
unsigned int node_cpu_count(int nid);

/* What the boot loader has put into the tree of random bits, which is wiped there; 0: nothing. Whoever uses it clears it. */
#define BOOT_SEED_WORDS 8
extern u64 boot_random_seed[BOOT_SEED_WORDS];

#endif
