/* SPDX-License-Identifier: MIT */
/* The parts of the storm: who raises it (storm.c), who blows (storm_calls.c), and what with (storm_args.c). */
#ifndef TESTS_EL0_STORM_H
#define TESTS_EL0_STORM_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_WORKERS 64
#define SHARED_AT 0x3000000000UL

/* At SHARED_AT in all programs of a storm, which spare it: it is no subject of theirs. */
struct shared {
	unsigned long calls[MAX_WORKERS], total;
	unsigned long forks, reaped;
	int pids[32];			      /* who was there lately */
	unsigned int tried[512], worked[512]; /* by number of the call */
};

extern struct shared *shared;

#define PAGE 4096UL
#define ARENA 0x1000000000UL /* where memory is mapped, moved and touched */
#define ARENA_PAGES 4096UL   /* 16 MiB: eight blocks */
#define BUFFERS 0x2000000000UL
#define BUFFER_PAGES 16UL
#define CALLS 1500
#define NR_FDS 48
#define MAX_LIVE 60 /* programs of a round, about */

struct gust {
	uint64_t state;
	int slot, depth;
	int left; /* calls */
	bool thread;
};

/* Descriptors that a worker has from the beginning, at these numbers for as long as nothing has put another there. */
enum {
	FD_BIG = 20,
	FD_TEXT,
	FD_MEM,
	FD_DIR,
	FD_PIPE,
	FD_PACKETS = FD_PIPE + 2, /* a pipe that keeps them apart */
	FD_STREAM = FD_PACKETS + 2,
	FD_DGRAM = FD_STREAM + 2,
	FD_SEQPACKET = FD_DGRAM + 2,
	FD_EPOLL = FD_SEQPACKET + 2,
	FD_EVENT,
	FD_TIMER,
	FD_SIGNAL,
	FD_INOTIFY,
	FD_MEMFD,
	FD_PARENT,
	FD_SELF,
	FD_SECRET,
	FD_QUEUE,
	FD_LISTENER,
	FD_NS,
	FD_NS_TOO,
	FD_PAGEMAP,
	FD_END,
};

/* A call, with six arguments; raw, as a worker may have lost what the C library needs. */
static inline long sys6(long nr, const uint64_t *a)
{
	register uint64_t x0 __asm__("x0") = a[0];
	register uint64_t x1 __asm__("x1") = a[1];
	register uint64_t x2 __asm__("x2") = a[2];
	register uint64_t x3 __asm__("x3") = a[3];
	register uint64_t x4 __asm__("x4") = a[4];
	register uint64_t x5 __asm__("x5") = a[5];
	register long x8 __asm__("x8") = nr;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8)
			 : "memory", "cc");
	return (long)x0;
}
#define sys(nr, ...) sys6(nr, (const uint64_t[6]){__VA_ARGS__})
#define U(p) ((uint64_t)(uintptr_t)(p))

/* ------------------------------------------------------------------ storm_args.c: what is drawn */

static inline uint64_t roll(struct gust *g)
{
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return g->state * 0x2545f4914f6cdd1dULL >> 8;
}

static inline unsigned int below(struct gust *g, unsigned int n)
{
	return (unsigned int)(roll(g) % n);
}

#define ONE_OF(g, array) ((array)[below(g, sizeof(array) / sizeof((array)[0]))])

uint64_t arena(struct gust *g);
uint64_t odd(struct gust *g);
uint64_t bits(struct gust *g);
uint64_t buffer(struct gust *g);
uint64_t pid(struct gust *g);
uint64_t command(struct gust *g, long nr);
/* Fills a buffer with what a pointer of that kind leads to, and returns where. */
uint64_t record(struct gust *g, char what);
/* An argument of that kind, a letter of the table, for that call. */
uint64_t argument(struct gust *g, char kind, long nr);
/* The entry of the table that comes next. */
unsigned int pick_call(struct gust *g);
const char *pick_path(struct gust *g);
const char *pick_text(struct gust *g);
long call_nr(unsigned int entry);
const char *call_kinds(unsigned int entry);

/* ------------------------------------------------------------------ storm_calls.c */

/* The ground of a round: file systems, names. In the round's first process. */
void storm_prepare(unsigned long long seed);

/* Calls until it has called enough or is ended. */
void storm_worker(int slot, unsigned long long seed) __attribute__((noreturn));

/* The same, in a program that has become another by exec. */
void storm_again(unsigned long slot, unsigned long long seed) __attribute__((noreturn));

#endif
