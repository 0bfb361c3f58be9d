// SPDX-License-Identifier: MIT
/*
 * Time namespaces: programs that were moved from another machine go on with its CLOCK_MONOTONIC and CLOCK_BOOTTIME (Linux:
 * kernel/time/namespace.c). Two offsets; a namespace is made by unshare for the children to come, its offsets are set by
 * /proc/PID/timens_offsets until the first program enters, and it is entered by fork, exec and setns. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "proc.h"
#include "pseudo.h"
#include "syscall.h"
#include "task.h"
#include "timens.h"
#include "userns.h"

#define CLOCK_MONOTONIC 1
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define CLOCK_BOOTTIME_ALARM 9
#define NS 1000000000LL
/* KTIME_SEC_MAX. */
#define MAX_SECONDS (LONG_MAX / NS)

struct time_ns init_time_ns = {.ns = {.users = 1, .type = CLONE_NEWTIME, .ino = TIME_NS_INO}};

struct time_ns *time_ns_get(struct time_ns *ns)
{
	if (ns)
		ns_get(&ns->ns);
	return ns;
}

void time_ns_put(struct time_ns *ns)
{
	if (ns)
		ns_put(&ns->ns);
}

void time_ns_free(struct namespace *ns)
{
	kfree(container_of(ns, struct time_ns, ns));
}

int time_ns_unshare(struct task *t, struct user_ns *owner)
{
	struct time_ns *ns = kmalloc(sizeof(*ns), GFP_KERNEL | __GFP_ZERO);
	int err = ns ? ns_init(&ns->ns, CLONE_NEWTIME, owner) : -ENOMEM;

	if (err) {
		kfree(ns);
		return err;
	}
	if (t->time_ns) {
		ns->monotonic = t->time_ns->monotonic;
		ns->boot = t->time_ns->boot;
	}
	time_ns_put(t->time_ns_children);
	t->time_ns_children = ns;
	return 0;
}

void time_ns_enter(struct task *t, struct time_ns *ns)
{
	struct time_ns *old = t->time_ns;

	if (ns)
		ns->entered = true;
	t->time_ns = time_ns_get(ns);
	time_ns_put(old);
}

void time_ns_fork(struct task *t, const struct task *parent, bool same_memory)
{
	t->time_ns_children = time_ns_get(parent->time_ns_children);
	time_ns_enter(t, same_memory ? parent->time_ns : parent->time_ns_children);
}

void time_ns_exec(struct task *t)
{
	time_ns_enter(t, t->time_ns_children);
}

s64 time_ns_offset(int clock)
{
	const struct time_ns *ns = current->time_ns;

	if (!ns)
		return 0;
	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		return ns->monotonic;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return ns->boot;
	}
	return 0;
}

u64 time_ns_to_machine(int clock, u64 ns)
{
	s64 offset = time_ns_offset(clock);

	if (offset > 0)
		return ns - min(ns, (u64)offset);
	return ns > ~0ULL + (u64)offset ? ~0ULL : ns - (u64)offset;
}

/* ------------------------------------------------------------------ /proc/PID/timens_offsets */

static void put_offset(struct out *out, const char *clock, s64 ns)
{
	s64 sec = ns / NS, nsec = ns % NS;

	if (nsec < 0) {
		sec--;
		nsec += NS;
	}
	out_printf(out, "%-10s %10lld %9lld\n", clock, (long long)sec, (long long)nsec);
}

int show_timens_offsets(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	const struct time_ns *ns = t ? t->time_ns_children : NULL;

	if (!t)
		return -ESRCH;
	put_offset(out, "monotonic", ns ? ns->monotonic : 0);
	put_offset(out, "boottime", ns ? ns->boot : 0);
	return 0;
}

struct setting {
	int clock;
	s64 sec, nsec;
};

static char *next_word(char **text)
{
	char *word;

	while (**text == ' ' || **text == '\t')
		++*text;
	word = *text;
	while (**text && **text != ' ' && **text != '\t')
		++*text;
	if (**text)
		*(*text)++ = '\0';
	return word;
}

static int parse_line(char *line, struct setting *s)
{
	const char *clock = next_word(&line), *sec = next_word(&line), *nsec = next_word(&line);
	long a, b;

	if (!strcmp(clock, "monotonic") || !strcmp(clock, "1"))
		s->clock = CLOCK_MONOTONIC;
	else if (!strcmp(clock, "boottime") || !strcmp(clock, "7"))
		s->clock = CLOCK_BOOTTIME;
	else
		return -EINVAL;
	if (parse_long(sec, &a) || parse_long(nsec, &b) || b < 0 || b >= NS)
		return -EINVAL;
	s->sec = a;
	s->nsec = b;
	return 0;
}

/* What would be shown is a time, and leaves room for as much again. */
static int check_range(const struct setting *s)
{
	s64 now = (s64)port_time_ns();

	if (s->sec > MAX_SECONDS || s->sec < -MAX_SECONDS)
		return -ERANGE;
	now = now / NS + s->sec;
	return now < 0 || now > MAX_SECONDS / 2 ? -ERANGE : 0;
}

int store_timens_offsets(const struct pseudo_ref *r, char *text, size_t n)
{
	const struct task *t = proc_task(r);
	struct setting set[2];
	unsigned int nr = 0;
	int err;

	(void)n;
	while (text && *text) {
		char *end = strchr(text, '\n');

		if (end)
			*end = '\0';
		if (nr == 2)
			return -EINVAL;
		err = parse_line(text, &set[nr++]);
		if (err)
			return err;
		text = end ? end + 1 : NULL;
	}
	if (!nr)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (!ns_capable(t->time_ns_children ? ns_owner(&t->time_ns_children->ns) : &init_user_ns,
			CAP_SYS_TIME))
		return -EPERM;
	for (unsigned int i = 0; i < nr; i++) {
		err = check_range(&set[i]);
		if (err)
			return err;
	}
	/* The first one's, and those that somebody has seen, stay. */
	if (!t->time_ns_children || t->time_ns_children->entered)
		return -EACCES;
	for (unsigned int i = 0; i < nr; i++)
		*(set[i].clock == CLOCK_MONOTONIC ? &t->time_ns_children->monotonic
						  : &t->time_ns_children->boot) =
			set[i].sec * NS + set[i].nsec;
	return 0;
}
