// SPDX-License-Identifier: MIT
/*
 * The list of boot events. One writer: the boot CPU, before any other runs. Storage is the port's; when it cannot
 * grow, later events are counted as dropped, never silently lost.
 */
#include <quire/event.h>
#include <quire/port.h>

void event_record(const struct event *e)
{
	struct event_log *log = &event_log;

	if (unlikely(log->nr == log->max) && port_event_grow(log)) {
		log->dropped++;
		return;
	}
	log->events[log->nr++] = *e;
}

void event_step(const char *name)
{
	struct event e = {
		.op = EVENT_STEP, .name = name, .base = port_clock_ns(), .nid = NUMA_NO_NODE};

	event_record(&e);
}

const char *event_op_name(enum event_op op)
{
	static const char *const names[] = {
		[EVENT_STEP] = "step",	   [EVENT_ADD] = "add",
		[EVENT_REMOVE] = "remove", [EVENT_RESERVE] = "reserve",
		[EVENT_FREE] = "free",	   [EVENT_PHYSMEM_ADD] = "physmem_add",
		[EVENT_ALLOC] = "alloc",   [EVENT_MARK] = "mark",
		[EVENT_CLEAR] = "clear",   [EVENT_SET_NODE] = "set_node",
		[EVENT_LIMIT] = "limit",
	};

	return (unsigned int)op < ARRAY_SIZE(names) ? names[op] : "?";
}
