/* SPDX-License-Identifier: MIT */
/*
 * quire check: a lint for memory in a device tree.
 *
 * board.h says what the tree states, forecast.h what a given Linux build makes of it; the checks compare the two and report
 * findings. Where a question is "and what if", a variant of the board is predicted.
 */
#ifndef QUIRE_CHECK_CHECK_H
#define QUIRE_CHECK_CHECK_H

#include <stdio.h>

#include <quire/build_profile.h>

#include "board.h"
#include "forecast.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/* clang-format off */
#define FOR_EACH_CHECK(X)                                                                          \
	X(BOOT_PANIC, "boot-panic", ERROR, "the kernel panics on this board while it sets memory up") \
	X(MEMORY_CELLS, "memory-cells", ERROR, "a memory node's reg does not fit the root's cells")    \
	X(MEMORY_UNTYPED, "memory-untyped", WARNING, "a memory node that Linux does not see: no device_type") \
	X(MEMORY_ZERO_SIZE, "memory-zero-size", NOTE, "a bank without a size beside banks that have one") \
	X(MEMORY_UNALIGNED, "memory-unaligned", WARNING, "a bank that is no whole number of pages loses memory") \
	X(MEMORY_SUBPAGE, "memory-subpage", WARNING, "a bank that holds no whole page is lost")        \
	X(MEMORY_OVERLAP, "memory-overlap", WARNING, "banks that describe the same memory")            \
	X(MEMORY_DROPPED, "memory-dropped", ERROR, "memory beyond what the kernel can address or map") \
	X(RESERVED_CELLS, "reserved-cells", ERROR, "/reserved-memory has other cells than the root, or no ranges") \
	X(RESERVED_REG, "reserved-reg", ERROR, "a reservation's reg does not fit the cells")           \
	X(RESERVED_EMPTY, "reserved-empty", NOTE, "a reservation that says neither where nor how much") \
	X(RESERVED_ZERO_SIZE, "reserved-zero-size", NOTE, "a reservation of no bytes")                 \
	X(RESERVED_UNALIGNED, "reserved-unaligned", WARNING, "a reservation that is no whole number of pages") \
	X(RESERVED_RANGES, "reserved-multiple-ranges", NOTE, "a region of several ranges, of which users see the first") \
	X(RESERVED_OUTSIDE, "reserved-outside", WARNING, "a reservation that is not, or not all, in memory") \
	X(NOMAP_OUTSIDE, "nomap-outside", NOTE, "a no-map reservation where there is no memory")       \
	X(RESERVED_OVERLAP, "reserved-overlap", ERROR, "reservations that overlap")                    \
	X(MEMRESERVE_OVERLAP, "memreserve-overlap", NOTE, "/memreserve/ repeats a reservation")        \
	X(RESERVED_IMAGE, "reserved-image", ERROR, "the kernel image lies in a reservation")           \
	X(RESERVED_INITRD, "reserved-initrd", ERROR, "the initrd lies in a reservation")               \
	X(RESERVED_DTB, "reserved-dtb", ERROR, "the device tree lies in a reservation")                \
	X(RESERVED_FLAGS, "reserved-flags", ERROR, "properties of a reservation that exclude each other") \
	X(RESERVED_REFUSED, "reserved-refused", ERROR, "a reservation that Linux refuses")             \
	X(DYNAMIC_INVALID, "dynamic-invalid", ERROR, "size, alignment or alloc-ranges that cannot be read") \
	X(DYNAMIC_UNPLACED, "dynamic-unplaced", ERROR, "a dynamic reservation for which there is no place") \
	X(DYNAMIC_TIGHT, "dynamic-tight", WARNING, "a dynamic reservation that only just finds a place") \
	X(CMA_UNALIGNED, "cma-unaligned", ERROR, "a CMA pool that is not aligned to pageblocks")       \
	X(CMA_UNPLACED, "cma-unplaced", ERROR, "the default CMA area finds no place")                  \
	X(CMA_BYPASSED, "cma-bypassed", NOTE, "cma= on the command line disables the tree's default pool") \
	X(CMA_INACTIVE, "cma-inactive", ERROR, "a CMA area that cannot be used")                       \
	X(CRASH_REFUSED, "crashkernel-refused", ERROR, "crashkernel= gets no memory")                  \
	X(DMA_ABSENT, "dma-zone-absent", WARNING, "no memory that 32-bit devices reach")               \
	X(DMA_SMALL, "dma-zone-small", WARNING, "little memory that the most limited device reaches")  \
	X(NUMA_ID_MISSING, "numa-id-missing", WARNING, "numa-node-id on some memory nodes only")       \
	X(NUMA_ID_INVALID, "numa-id-invalid", ERROR, "a numa-node-id that the kernel has no node for") \
	X(NUMA_ASYMMETRIC, "numa-distance-asymmetric", WARNING, "a distance that differs by direction") \
	X(NUMA_DISTANCE, "numa-distance-invalid", ERROR, "a distance map that Linux refuses")          \
	X(NUMA_NO_MAP, "numa-distance-missing", NOTE, "several nodes and no distances between them")   \
	X(NOMAP_BLOCKS, "nomap-blocks", NOTE, "no-map regions break block mappings")                   \
	X(SECTION_HOLES, "section-holes", NOTE, "small holes in sections of memory")                   \
	X(MEMMAP_WASTE, "memmap-waste", NOTE, "struct pages for memory that is not there")             \
	X(INITRD_INVALID, "initrd-invalid", ERROR, "linux,initrd-start and -end make no range")        \
	X(INITRD_OUTSIDE, "initrd-outside", ERROR, "an initrd that the kernel cannot reach")           \
	X(PLACE_OVERLAP, "placement-overlap", ERROR, "image, initrd and device tree lie over each other") \
	X(IMAGE_OUTSIDE, "image-outside", ERROR, "the kernel image is not in memory")                  \
	X(IMAGE_NO_ROOM, "image-no-room", ERROR, "no place for the kernel image between the reservations") \
	X(PLACE_AVOID, "placement-avoid", NOTE, "the usual place of the kernel image is reserved")     \
	X(DTB_TOO_LARGE, "dtb-too-large", ERROR, "a device tree of more than 2 MiB")                   \
	X(DTB_UNALIGNED, "dtb-unaligned", ERROR, "a device tree that is not at a multiple of 8 bytes") \
	X(DEPRECATED, "deprecated-binding", WARNING, "a property or value that bindings no longer have")
/* clang-format on */

enum check_id {
#define X(id, name, severity, what) CHECK_##id,
	FOR_EACH_CHECK(X)
#undef X
		NR_CHECKS
};

struct check {
	const char *name; /* stable; also the anchor in docs/checks.md */
	enum severity severity;
	const char *what;
};
extern const struct check checks[NR_CHECKS];

/* The check of that name; NR_CHECKS when there is none. */
enum check_id check_find(const char *name, size_t n);
const char *severity_name(enum severity s);

struct finding {
	enum check_id check;
	const char *path, *property; /* property NULL: the node as a whole */
	int offset;		     /* of the node in the tree's structure block; NO_NODE: none */
	const char *message, *effect, *fix;
};

/* The board a little different: what would Linux do then? */
struct variant {
	bool drop_nomap; /* no-map is taken out of every reservation */
	bool blocks;	 /* a build that maps by blocks */
	int grow_node;	 /* 0: none; a dynamic reservation that gets another size */
	uint64_t grow_size;
};

struct place {
	uint64_t base, size;
	bool told; /* by the user or the tree; otherwise chosen around the reservations */
};

struct check_context {
	const char *file;
	const struct build_profile *profile;
	struct board board;
	struct forecast forecast;
	/* The tree leaves memory to the boot loader: this is what was taken. Checks of amounts say nothing then. */
	bool assumed, base_known; /* the tree has at least the address that memory begins at */
	uint64_t assumed_base, assumed_size;
	struct place image, dtb, initrd;
	bool image_fits;  /* there is a place for it */
	const char *args; /* the kernel's command line */

	/* Predict a variant into *f; false when that cannot be. */
	bool (*again)(void *arg, const struct variant *v, struct forecast *f);
	void *arg;

	bool enabled[NR_CHECKS];
	enum severity least;
	struct finding *findings;
	size_t nr_findings;
};

/* Run every check; findings in order of the tree's severity, check and place. */
void check_run(struct check_context *c);
void check_context_free(struct check_context *c);

/* ---- for the checks */

/* A finding; text is kept until the process ends. */
void report(struct check_context *c, enum check_id id, const char *path, int node,
	    const char *property, const char *message, const char *effect, const char *fix);
/* A formatted text, malloc'ed. */
char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "64 MiB", "1536 KiB", "100 bytes", malloc'ed. */
char *size_text(uint64_t bytes);
/* "[0x80000000-0x80ffffff]", malloc'ed. */
char *range_text(uint64_t base, uint64_t size);

uint64_t page_size(const struct check_context *c);
uint64_t range_end(uint64_t base, uint64_t size); /* UINT64_MAX at most */
bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size);
/* Bytes of the range that the predicted memory covers. */
uint64_t memory_covers(const struct check_context *c, uint64_t base, uint64_t size);
/* What the prediction says of a region of /reserved-memory; NULL: nothing. */
const struct forecast_rsv *forecast_of(const struct forecast *f, const struct rsv *r);
/* The smallest alignment of a CMA area: a pageblock. */
uint64_t cma_alignment(const struct check_context *c);
/* The value of the last word name=value of the command line, malloc'ed; NULL: there is none. */
char *argument(const struct check_context *c, const char *name);

/* ---- the checks, by subject */
void check_memory(struct check_context *c);
void check_reserved(struct check_context *c);
void check_dynamic(struct check_context *c);
void check_limits(struct check_context *c);
/* The pools of /reserved-memory; part of check_reserved. */
void check_limits_pools(struct check_context *c);
void check_numa(struct check_context *c);
void check_cost(struct check_context *c);
void check_placement(struct check_context *c);

/*
 * A place for the image at a multiple of 2 MiB in the board's banks that touches no fixed reservation and not [avoid, +size).
 * False: there is none.
 */
bool find_place(const struct board *b, uint64_t size, uint64_t avoid, uint64_t avoid_size,
		uint64_t *base);

/* ---- output */
struct check_report {
	const struct check_context *boards;
	size_t nr;
	const char *version;
};
/* s as a JSON string, quotes included; NULL as null. */
void put_json_text(FILE *out, const char *s);
void print_checks(FILE *out);
void print_checks_json(FILE *out);
void print_findings(FILE *out, const struct check_context *c, bool colour);
void print_check_json(FILE *out, const struct check_report *r);
void print_sarif(FILE *out, const struct check_report *r);

#endif
