/* SPDX-License-Identifier: MIT */
/*
 * The boot as a list of events: every memblock operation in order with its caller, and the named steps between
 * them. The log (memblock=debug), the JSON report and the pictures are made from these.
 */
#ifndef QUIRE_EVENT_H
#define QUIRE_EVENT_H

#include <quire/types.h>

enum event_op {
	EVENT_STEP, /* name: a function of the boot road was entered; base: port_clock_ns() then */
	EVENT_ADD,  /* memblock_add, memblock_add_node */
	EVENT_REMOVE,
	EVENT_RESERVE, /* memblock_reserve, and what an allocation took */
	EVENT_FREE,    /* memblock_phys_free */
	EVENT_PHYSMEM_ADD,
	/*
	 * A request: align, min, max, nid; result = base or 0; flags: enum event_request, the function that was
	 * asked.
	 */
	EVENT_ALLOC,
	EVENT_MARK,  /* set flags */
	EVENT_CLEAR, /* clear flags */
	EVENT_SET_NODE,
	EVENT_LIMIT, /* mem= or usable-memory-range cut memory to [base, base+size) */
	EVENT_CONFIG_MEMORY, /* one region of memblock.memory at the configuration dump: report_memblock_config */
	EVENT_CONFIG_RESERVED, /* ... of memblock.reserved */
};

/* The functions whose requests Linux prints with memblock=debug, and the others. */
enum event_request {
	REQUEST_SILENT, /* memblock_alloc_range_nid, memblock_phys_alloc_try_nid */
	REQUEST_PHYS_RANGE,
	REQUEST_TRY_NID,
	REQUEST_TRY_NID_RAW,
	REQUEST_EXACT_NID_RAW,
};

struct event {
	enum event_op op;
	u32 flags;
	s32 nid;
	u64 base, size;
	u64 align, min, max;
	unsigned long ip; /* caller, for port_symbolize */
	const char *name; /* of a step; of the caller, where ip cannot say it */
};

/*
 * The events so far. Storage is the port's: a fixed array on the board (older events win, `dropped` counts the
 * rest), a growing one in the process.
 */
struct event_log {
	struct event *events;
	u32 nr, max;
	u32 dropped;
};
extern struct event_log event_log;

/* [lib/event.c] Append; grows by port_event_grow when full. */
void event_record(const struct event *e);
void event_step(const char *name);

/* Enlarge event_log.events (host), or return -ENOMEM (board). */
int port_event_grow(struct event_log *log);

const char *event_op_name(enum event_op op);

#endif
