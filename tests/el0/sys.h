/* SPDX-License-Identifier: MIT */
/* System calls and a few words for programs without a library: AArch64 Linux, static, no start files. */
#ifndef TESTS_EL0_SYS_H
#define TESTS_EL0_SYS_H

enum {
	NR_openat = 56,
	NR_close = 57,
	NR_read = 63,
	NR_write = 64,
	NR_exit = 93,
	NR_getpid = 172,
	NR_brk = 214,
	NR_munmap = 215,
	NR_clone = 220,
	NR_mmap = 222,
	NR_mprotect = 226,
	NR_madvise = 233,
	NR_wait4 = 260,
};

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#define sys1(n, a) sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum { PROT_R = 1, PROT_RW = 3, PROT_RX = 5, SHARED = 1, PRIVATE = 2, FIXED = 0x10, ANON = 0x20 };

/* Bytes of a page: munmap refuses what is no multiple of it. So low there is nothing to unmap. */
static inline long page_size(void)
{
	static long size;

	if (!size)
		for (size = 4096; sys2(NR_munmap, size, size); size *= 2)
			;
	return size;
}
#define PAGE page_size()

static inline long map(long at, long len, int prot, int flags, int fd, long off)
{
	return sys6(NR_mmap, at, len, prot, flags, fd, off);
}

static inline void say(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	sys3(NR_write, 1, s, n);
}

static inline void say_number(long v)
{
	char text[24], *p = text + sizeof(text);
	unsigned long u = v < 0 ? -(unsigned long)v : (unsigned long)v;

	*--p = '\0';
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	say(p);
}

__attribute__((noreturn)) static inline void quit(int code)
{
	for (;;)
		sys1(NR_exit, code);
}

static inline long fork_(void)
{
	return sys6(NR_clone, 17, 0, 0, 0, 0, 0);
}

/* Run fn in a child; how it ended, as wait4 says. */
static inline int in_child(void (*fn)(void))
{
	int status = -1;
	long pid = fork_();

	if (!pid) {
		fn();
		quit(0);
	}
	if (pid < 0 || sys4(NR_wait4, pid, &status, 0, 0) != pid)
		return -1;
	return status;
}

extern int failures;
static inline void check(int ok, const char *what)
{
	say(ok ? "ok   " : "FAIL ");
	say(what);
	say("\n");
	failures += !ok;
}

int main(void);
void _start(void);

#endif
