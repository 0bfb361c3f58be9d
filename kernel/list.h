/* SPDX-License-Identifier: MIT */
/* A ring of links that stand in what they link. An empty ring, and a link in no ring, is one that points to itself. */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include <quire/types.h>

struct link {
	struct link *next, *prev;
};

static inline void link_init(struct link *l)
{
	l->next = l->prev = l;
}

static inline bool link_alone(const struct link *l)
{
	return l->next == l;
}

/* `l`, which is alone, comes before `at`: at the end, when that is the head. */
static inline void link_add_before(struct link *l, struct link *at)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

/* The same for a link on a stack that somebody else will find: it has to be out again before its function returns (kernel/wait.c). */
void link_lend(struct link *l, struct link *head);

static inline void link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

#define link_entry(l, type, member) ((type *)(void *)((char *)(l)-offsetof(type, member)))
#define for_each_link(l, head) for (struct link *l = (head)->next; l != (head); l = l->next)
/* The same where the body may remove l. */
#define for_each_link_safe(l, head)                                                                \
	for (struct link *l = (head)->next, *l##_next = l->next; l != (head);                      \
	     l = l##_next, l##_next = l->next)

#endif
