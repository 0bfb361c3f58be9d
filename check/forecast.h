/* SPDX-License-Identifier: MIT */
/*
 * What a prediction says (docs/predict.md), as plain structures: the ground that check, compare and diff stand on.
 */
#ifndef QUIRE_CHECK_FORECAST_H
#define QUIRE_CHECK_FORECAST_H

#include "../cmd/quire/json.h"

#define FORECAST_NOMAP 4 /* memblock's MEMBLOCK_NOMAP, in flags */

struct forecast_region {
	uint64_t base, size;
	int nid;
	unsigned int flags;
};

struct forecast_rsv {
	const char *name;
	uint64_t base, size;
	bool nomap, reusable, refused;
};

struct forecast_cma {
	const char *name;
	uint64_t base, size;
};

/* In pages. */
struct forecast_zone {
	int node;
	const char *name;
	uint64_t start, spanned, present, managed, cma, min, low, high;
};

struct forecast_node {
	int node;
	const struct json *fallback, *distance;
};

struct forecast {
	char *log;	   /* the console's, whole lines; ends with a NUL */
	struct json *root; /* NULL: nothing could be predicted */
	char *text;	   /* what root points into */
	const char *panic; /* NULL: that kernel boots */
	uint64_t memstart, linear_size;
	unsigned int va_bits, phys_bits;
	struct forecast_region *memory, *reserved, *final_reserved;
	struct forecast_rsv *rsv;
	struct forecast_cma *cma;
	struct forecast_zone *zones;
	struct forecast_node *nodes;
	size_t nr_memory, nr_reserved, nr_final_reserved, nr_rsv, nr_cma, nr_zones, nr_nodes;
	struct forecast_region crash, crash_low; /* size 0: none */
	uint64_t tables[5];			 /* page-table pages by level, from the leaves up */
};

/*
 * Read a log, a NUL, and a prediction's document, data[0..size), which was malloc'ed and belongs to *f from now on. False: the
 * document cannot be read, *f holds the log alone.
 */
bool forecast_read(struct forecast *f, char *data, size_t size);
void forecast_free(struct forecast *f);

/* The line of the log with `what` in it, without its time; malloc'ed. NULL: there is none. */
char *forecast_line(const struct forecast *f, const char *what);
uint64_t forecast_table_pages(const struct forecast *f);

#endif
