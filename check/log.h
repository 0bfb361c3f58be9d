/* SPDX-License-Identifier: MIT */
/*
 * Figures of a boot, by name: read from a kernel's log, or taken from a prediction, so that the two can be laid side by side.
 */
#ifndef QUIRE_CHECK_LOG_H
#define QUIRE_CHECK_LOG_H

#include "forecast.h"

enum fact_unit { FACT_ADDRESS, FACT_BYTES, FACT_COUNT, FACT_KIB };

struct fact {
	char name[64];
	uint64_t value, margin; /* figures that differ by no more agree */
	enum fact_unit unit;
};

struct facts {
	struct fact *fact;
	size_t nr;
};

/* What a log says of the machine that wrote it. */
struct boot_log {
	char *release, *args;		 /* malloc'ed; NULL: it does not say */
	uint64_t midr;			 /* of the boot CPU; 0: it does not say */
	uint64_t image, image_size, dtb; /* image_size 0, dtb NO_FACT: no memblock=debug */
	struct facts facts;
	unsigned int node_ranges, cma; /* lines seen */
	bool debug;		       /* it has memblock's configuration */
	size_t bad_at;		       /* when it cannot be read: where */
	const char *why;
};

#define NO_FACT UINT64_MAX

/*
 * Read text[0..size]: text[size] is a NUL. False when it is no kernel's log: l->why and l->bad_at say what and where. Lines may
 * have the kernel's time, a level <N>, or a journal's prefix; those that are not understood are passed over.
 */
bool log_read(struct boot_log *l, const char *text, size_t size);
void log_free(struct boot_log *l);

/* The figures of a prediction, under the same names. pages: bytes of one. */
void facts_of(struct facts *to, const struct forecast *f);
void facts_free(struct facts *f);
const struct fact *fact_find(const struct facts *f, const char *name);
/* Both there, and not further apart than the log's margin. */
bool fact_agrees(const struct fact *logged, const struct fact *predicted);
/* Text of a value, in buf. */
const char *fact_text(const struct fact *f, char *buf, size_t size);

#endif
