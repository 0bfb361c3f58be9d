/* SPDX-License-Identifier: MIT */
/*
 * The host port's face to programs: a machine described in plain C types, booted in this process.
 *
 * The core is compiled once a granule; each build hides its symbols but one table, struct host_core. This header is
 * the only one that both sides of that wall include, so it uses libc types alone and nothing that depends on the
 * granule.
 *
 * One machine at a time. Its boot CPU is the thread that calls; every other CPU is a thread of its own, from boot() on. boot()
 * may be called again: the core's variables are put back to their first values before (see core.c), so that a fuzzer or a test
 * can boot many machines in one process.
 */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/build_profile.h>

/* The ID registers of a CPU model, as its manual (or QEMU's model of it) gives them. */
struct host_cpu_model {
	const char *name; /* "cortex-a72": QEMU's name, and the compatible string less "arm," */
	uint64_t midr, mmfr0, mmfr1, mmfr2, pfr0, isar0, ctr;
};

/* All models; ends with a NULL name. */
extern const struct host_cpu_model host_cpu_models[];
/*
 * NAME[,PROP=on|off...] as QEMU's -cpu takes it; the properties lpa2, sve, sme, pauth change the registers. Fills
 * *model. Returns NULL, or a message that says what is wrong.
 */
const char *host_cpu_find(const char *spec, struct host_cpu_model *model);

#define HOST_MAX_OVERRIDES 64

/* --managed NODE:ZONE=PAGES */
struct host_managed {
	int node;
	char zone[16];
	unsigned long pages;
};

struct host_machine {
	const void *fdt; /* copied to fdt_at */
	size_t fdt_size;
	uint64_t fdt_at;
	uint64_t image_at, image_size;
	const void *image; /* file contents, or NULL: only the place counts */
	size_t image_bytes;
	const void *initrd;
	size_t initrd_bytes;
	uint64_t initrd_at;
	struct host_cpu_model cpu;
	unsigned int va_bits; /* 0: the granule's default */
	uint64_t lowest,
		highest; /* [lowest, highest): physical addresses that the machine may touch */
	const char *cmdline_probe; /* bootargs as the tree has them, for nokaslr; may be NULL */
	uint64_t kaslr_seed;
	/* The Linux build whose boot this is to be; NULL: Quire's own. */
	const struct build_profile *build;
	bool no_events; /* of memblock, in a prediction: nobody will ask for them */
	bool debug;	/* memblock=debug from the first event on */
	unsigned int
		fail; /* percent of the requests that fail once the boot is over; 0: as the command line says */
	unsigned int max_cpus; /* as maxcpus=; 0: all that the tree has */
	bool hotplug;	       /* tables have room for one section of memory that comes later */
	const struct host_managed *managed;
	unsigned int nr_managed;
	/* Console output; called with whole or partial lines. */
	void (*console)(void *ctx, const char *s, size_t n);
	void *ctx;
};

/* Where a report of the machine goes. */
struct host_out {
	int (*write)(void *ctx, const char *s, size_t n); /* 0 or a negative errno */
	void *ctx;
	bool colour, unicode;
	unsigned int columns;
};

enum host_report {
	HOST_REPORT_JSON,
	HOST_REPORT_SUMMARY,
	HOST_REPORT_ZONEINFO,
	HOST_REPORT_BUDDYINFO,
	HOST_REPORT_LAYOUT,
	HOST_REPORT_PTDUMP,
	HOST_REPORT_PREDICT, /* after a boot with a profile, good or not */
	HOST_REPORT_PREDICT_JSON,
};

/* What a stress is to do: see <quire/stress.h>. */
struct host_stress {
	uint64_t seed;
	unsigned int seconds; /* when no phases are given */
	unsigned int phases, operations;
	bool verbose;
};

struct host_core {
	unsigned int page_shift;
	unsigned int default_va_bits;
	/* A VA size that this granule has. */
	bool (*va_bits_valid)(unsigned int va_bits);
	/*
	 * Boot m. Returns 0; 1 when the boot ended in panic() (panic_text() says with what); a negative errno when
	 * this process cannot hold the machine (*why says what was asked too much).
	 */
	int (*boot)(const struct host_machine *m, const char **why);
	/* NULL unless the last boot panicked. */
	const char *(*panic_text)(void);
	/* After a boot; after one that panicked only HOST_REPORT_JSON. Returns 0, -errno of out. */
	int (*report)(enum host_report what, const struct host_out *out);
	/* A text of /proc by name ("slabinfo"), after a boot. 0, -errno of out, -ENOENT: there is none of that name. */
	int (*proc)(const char *name, const struct host_out *out);
	/* The walk of a kernel virtual address, or of where phys is mapped. Returns 0, or 1 when nothing is there. */
	int (*walk)(uint64_t address, bool phys, const struct host_out *out);
	/* Invariants of the booted machine: number of violations, each printed to the console. */
	int (*check)(void);
	/* After a boot: the stress on all CPUs. 0; 1: something is wrong, and was printed to the console. */
	int (*stress)(const struct host_stress *s);
	/* The machine's CPUs stop: their threads have ended when it returns. Before the process ends; boot() does it itself. */
	void (*halt)(void);
};

/* Weak: a program may be built with some of them only (make GRANULES=4k). */
extern const struct host_core quire_core_4k __attribute__((weak)),
	quire_core_16k __attribute__((weak)), quire_core_64k __attribute__((weak));

/* ---- granule-independent services (symbols.c) */

/*
 * The function of this program that holds addr, from its own ELF symbol table; suffixes that the compiler added
 * (".isra.0") are cut. NULL when unknown. The name lives as long as the process.
 */
const char *host_symbolize(uintptr_t addr, unsigned long *offset, unsigned long *size);

#endif
