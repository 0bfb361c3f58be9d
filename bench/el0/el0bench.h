/* SPDX-License-Identifier: MIT */
/*
 * What programs that measure share: system calls, output, the counter, statistics. Freestanding: no libc, no start files.
 *
 * Time source: CNTVCT_EL0 / CNTFRQ_EL0. Under QEMU "-icount shift=0" one virtual nanosecond is one guest instruction, so with the
 * counter at 1 GHz every figure is a count of instructions. report() says of a row, in one line, the median, least, mean and 99th percentile per
 * operation, less what reading the counter costs:
 *
 *   EB <name> med <x.y> min <x.y> mean <x.y> p99 <x.y> n <samples> per <ops>
 */
#ifndef EL0BENCH_H
#define EL0BENCH_H

typedef unsigned long u64;
typedef long s64;
typedef unsigned char u8;

#define PAGE 4096UL
#define KB 1024UL
#define MB (1024UL * KB)

enum {
	NR_openat = 56,
	NR_close = 57,
	NR_write = 64,
	NR_exit = 93,
	NR_getpid = 172,
	NR_brk = 214,
	NR_munmap = 215,
	NR_mremap = 216,
	NR_clone = 220,
	NR_mmap = 222,
	NR_mprotect = 226,
	NR_madvise = 233,
	NR_wait4 = 260,
};

enum { PROT_NONE = 0, PROT_R = 1, PROT_RW = 3 };
enum {
	MAP_SHARED = 1,
	MAP_PRIVATE = 2,
	MAP_FIXED = 0x10,
	MAP_ANON = 0x20,
	MAP_NORESERVE = 0x4000,
	MAP_POPULATE = 0x8000
};
enum { MADV_DONTNEED = 4, MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15 };
enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2 };
enum { SIGCHLD = 17, O_RDWR = 2, O_RDONLY = 0, AT_FDCWD = -100 };

#define DATA_FILE "/data.bin" /* at least 4 MiB, on tmpfs/ramfs */
#define DATA_SIZE (4 * MB)

/* ---- system calls ------------------------------------------------------ */

static inline s64 sys6(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
	register s64 x8 asm("x8") = nr;
	register s64 x0 asm("x0") = a;
	register s64 x1 asm("x1") = b;
	register s64 x2 asm("x2") = c;
	register s64 x3 asm("x3") = d;
	register s64 x4 asm("x4") = e;
	register s64 x5 asm("x5") = f;

	asm volatile("svc #0"
		     : "+r"(x0)
		     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
		     : "memory");
	return x0;
}

#define sys0(n) sys6(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a) sys6(n, (s64)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys6(n, (s64)(a), (s64)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys6(n, (s64)(a), (s64)(b), (s64)(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys6(n, (s64)(a), (s64)(b), (s64)(c), (s64)(d), 0, 0)
#define sys5(n, a, b, c, d, e) sys6(n, (s64)(a), (s64)(b), (s64)(c), (s64)(d), (s64)(e), 0)

static inline int is_err(s64 r)
{
	return r < 0 && r > -4096;
}

static void *map(void *at, u64 len, int prot, int flags, int fd)
{
	return (void *)sys6(NR_mmap, (s64)at, (s64)len, prot, flags, fd, 0);
}

static void unmap(void *p, u64 len)
{
	sys2(NR_munmap, p, len);
}

static s64 fork_(void)
{
	return sys5(NR_clone, SIGCHLD, 0, 0, 0, 0);
}

static void quit(int code)
{
	for (;;)
		sys1(NR_exit, code);
}

/* ---- output ------------------------------------------------------------ */

static char obuf[512];
static int olen;

static void flush(void)
{
	int off = 0;

	while (off < olen) {
		s64 r = sys3(NR_write, 1, obuf + off, olen - off);

		if (r <= 0)
			break;
		off += (int)r;
	}
	olen = 0;
}

static void putch(char c)
{
	if (olen == (int)sizeof(obuf))
		flush();
	obuf[olen++] = c;
	if (c == '\n')
		flush();
}

static void puts_(const char *s)
{
	while (*s)
		putch(*s++);
}

static void putu(u64 v)
{
	char b[24];
	int n = 0;

	do {
		b[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		putch(b[--n]);
}

static void put10(u64 v)
{
	putu(v / 10);
	putch('.');
	putch((char)('0' + v % 10));
}

/* ---- time and statistics ----------------------------------------------- */

static inline u64 now(void)
{
	u64 v;

	asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v)::"memory");
	return v;
}

#define MAXS 8192
static u64 samples_a[MAXS], samples_b[MAXS];
struct series {
	u64 *v;
	int n;
};
static struct series A = {samples_a, 0}, B = {samples_b, 0};
static u64 freq, window; /* counter Hz; ticks of an empty window */

static void rec(struct series *s, u64 d)
{
	if (s->n < MAXS)
		s->v[s->n++] = d;
}

static void sort(u64 *v, int n) /* heap sort: no recursion, no libc */
{
	for (int s = n / 2 - 1, e = n; e > 1;) {
		int i;
		u64 t;

		if (s >= 0) {
			i = s--;
		} else {
			e--;
			t = v[0];
			v[0] = v[e];
			v[e] = t;
			i = 0;
		}
		for (;;) {
			int c = 2 * i + 1;

			if (c >= e)
				break;
			if (c + 1 < e && v[c + 1] > v[c])
				c++;
			if (v[i] >= v[c])
				break;
			t = v[i];
			v[i] = v[c];
			v[c] = t;
			i = c;
		}
	}
}

/* ticks for `per` operations -> tenths of ns for one */
static u64 tenths(u64 ticks, u64 per)
{
	return (u64)((unsigned __int128)ticks * 10000000000UL / freq / per);
}

unsigned __int128 __udivti3(unsigned __int128 n, unsigned __int128 d)
{
	unsigned __int128 q = 0, r = 0;

	for (int i = 127; i >= 0; i--) {
		r = (r << 1) | ((n >> i) & 1);
		if (r >= d) {
			r -= d;
			q |= (unsigned __int128)1 << i;
		}
	}
	return q;
}

static void report(const char *name, struct series *s, u64 per)
{
	u64 sum = 0;
	int n = s->n;

	puts_("EB ");
	puts_(name);
	if (!n) {
		puts_(" n/a\n");
		return;
	}
	for (int i = 0; i < n; i++) {
		s->v[i] -= s->v[i] < window ? s->v[i] : window;
		sum += s->v[i];
	}
	sort(s->v, n);
	puts_(" med ");
	put10(tenths(s->v[n / 2], per));
	puts_(" min ");
	put10(tenths(s->v[0], per));
	puts_(" mean ");
	put10(tenths(sum, per * (u64)n));
	puts_(" p99 ");
	put10(tenths(s->v[(u64)n * 99 / 100], per));
	puts_(" n ");
	putu((u64)n);
	puts_(" per ");
	putu(per);
	putch('\n');
	s->n = 0;
}

/* ---- memory helpers ---------------------------------------------------- */

static inline void wr(void *p)
{
	*(volatile u8 *)p = 1;
}
static inline void rd(void *p)
{
	(void)*(volatile u8 *)p;
}

static void populate(u8 *p, u64 len)
{
	for (u64 o = 0; o < len; o += PAGE)
		wr(p + o);
}

/* ---- entry ------------------------------------------------------------- */

void bench_main(void);

static void measure_window(void)
{
	asm volatile("mrs %0, cntfrq_el0" : "=r"(freq));
	populate((u8 *)samples_a, sizeof(samples_a));
	populate((u8 *)samples_b, sizeof(samples_b));
	for (int i = 0; i < 1001; i++) {
		u64 t = now();

		rec(&A, now() - t);
	}
	sort(A.v, A.n);
	window = A.v[A.n / 2];
	A.n = 0;
	puts_("EB START cntfrq ");
	putu(freq);
	puts_(" window_ticks ");
	putu(window);
	putch('\n');
}

asm(".globl _start\n"
    "_start:\n"
    "	mov x29, #0\n"
    "	mov x30, #0\n"
    "	mov x9, sp\n"
    "	and sp, x9, #-16\n"
    "	bl bench_main\n"
    "1:	b 1b\n");

#endif
