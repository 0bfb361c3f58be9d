/* SPDX-License-Identifier: MIT */
/* What a map shows, out of the JSON document of a boot or a prediction (docs/json.md, docs/predict.md). */
#ifndef QUIRE_CMD_MAP_MODEL_H
#define QUIRE_CMD_MAP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

/* The most special first: what a spot shows that several things share. */
enum map_kind {
	MAP_NOMAP,
	MAP_KERNEL,
	MAP_CRASH,
	MAP_FDT,
	MAP_INITRD,
	MAP_CMA,
	MAP_FIRMWARE,
	MAP_PERCPU,
	MAP_DMA,
	MAP_TABLES,
	MAP_MEMMAP,
	MAP_BOOT,
	MAP_FREE,
	MAP_HOLE,
	MAP_KINDS
};

/* [base, end) */
struct map_range {
	uint64_t base, end;
	enum map_kind kind;
	uint32_t flags;
	int nid;
	const char *who; /* has it */
	const char *by,
		*step; /* the function that asked, and the step of the boot; "" when not known */
	uint64_t va, block; /* mappings */
	bool cont;
	const char *prot;
};

/* In order of address; without overlaps but in `known`, which is in order of weight. */
struct map_list {
	struct map_range *r;
	size_t nr, max;
};

struct map_zone {
	uint64_t base, end;
	const char *name;
	int node;
	uint64_t present, managed, min, low, high; /* pages */
};

#define MAP_MAX_CMA 64

struct map_model {
	const struct json *doc;
	uint64_t page, section;
	const char *board, *release, *panic;
	struct map_list memory; /* memblock.memory at the end, flags as memblock's bits */
	struct map_list claims; /* memblock.reserved when memblock hands over */
	struct map_list known;	/* what has a name */
	struct map_list linear; /* the linear map, by physical address */
	struct map_zone *zones;
	size_t nr_zones;
	unsigned int nr_nodes;
	uint64_t total, reserved, tables, cma; /* bytes */
	int digits;			       /* of its highest address */
	char *cma_names[MAP_MAX_CMA];	       /* what known[] says of them */
	size_t nr_cma;
};

#define MAP_FLAG_NOMAP 4
#define MAP_ADDRESS_MAX (1ULL << 56)

/* Fill *m from doc, which has to stay. NULL, or what the document lacks. */
const char *map_model_init(struct map_model *m, const struct json *doc);
void map_model_free(struct map_model *m);

/* The first range that ends above `at`; nr when there is none. */
size_t map_first_above(const struct map_list *l, uint64_t at);
/* The range that holds `at`; NULL: none does. */
const struct map_range *map_find(const struct map_list *l, uint64_t at);
/* Bytes of [base, end) that the list covers. */
uint64_t map_covered(const struct map_list *l, uint64_t base, uint64_t end);
/* What [base, end) shows; *share: how much of its bytes that is, 0 to 256. */
enum map_kind map_classify(const struct map_model *m, uint64_t base, uint64_t end,
			   unsigned int *share);
/* "512 MiB", "1.5 GiB"; returns buf. */
#define MAP_SIZE_MAX 24
char *map_size(char buf[MAP_SIZE_MAX], uint64_t bytes);
extern const char *const map_kind_names[MAP_KINDS];

#endif
