// SPDX-License-Identifier: MIT
/*
 * Threads of one program at the mmap family all at once. Each thread has a range of its own, of which it knows every byte, between those of others,
 * so that areas are cut and joined across; and all of them change one common range in which anything may happen to anybody, under whose
 * eyes a thread reads and writes by calls (a bad address is then an error) and by instructions (then a signal).
 *
 * With glibc, as /init: mmraces. What must hold: own bytes are what was written last, a range that was given up is not readable, counts in
 * /proc/self/status return to what they were, and the machine lives.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define OWN 16UL    /* pages of a thread */
#define COMMON 64UL /* pages of all */
#define ROUNDS 400
#define BASE 0x200000000UL
#define COMMON_BASE 0x300000000UL
#define ASIDE 0x400000000UL

static long page;
static int failures, memfd;
static __thread sigjmp_buf out;
static __thread volatile int guarded;

static void fail(const char *what, unsigned long where)
{
	printf("FAIL %s at %#lx\n", what, where);
	__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
}

static void on_fault(int sig)
{
	(void)sig;
	if (!guarded)
		_exit(99);
	siglongjmp(out, 1);
}

static unsigned long rnd(unsigned long *state, unsigned long n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % n;
}

/* ------------------------------------------------------------------ a thread's own range */

struct own {
	unsigned long seed, base;
	int me, there[OWN];
	unsigned char byte[OWN];
};

static char *at(const struct own *o, unsigned long i)
{
	return (char *)(o->base + i * (unsigned long)page);
}

/* Ranges of threads lie side by side: areas join across them. */
static void own_map(struct own *o, unsigned long first, unsigned long n)
{
	if (mmap(at(o, first), n * (unsigned long)page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
		fail("mmap", o->base);
		return;
	}
	for (unsigned long i = first; i < first + n; i++) {
		o->there[i] = 1;
		o->byte[i] = 0;
	}
}

static int whole(const struct own *o, unsigned long first, unsigned long n)
{
	while (n)
		if (!o->there[first + --n])
			return 0;
	return 1;
}

static void own_step(struct own *o)
{
	unsigned long first = rnd(&o->seed, OWN), n = 1 + rnd(&o->seed, OWN - first);
	unsigned long len = n * (unsigned long)page, i = rnd(&o->seed, OWN);
	char *aside = (char *)(ASIDE + (unsigned long)o->me * 0x1000000);

	switch (rnd(&o->seed, 10)) {
	case 0:
		own_map(o, first, n);
		break;
	case 1:
		if (munmap(at(o, first), len))
			fail("munmap", o->base);
		memset(&o->there[first], 0, n * sizeof(int));
		break;
	case 2:
		if (whole(o, first, n) && (mprotect(at(o, first), len, PROT_READ) ||
					   mprotect(at(o, first), len, PROT_READ | PROT_WRITE)))
			fail("mprotect", o->base);
		break;
	case 3:
		if (whole(o, first, n) && madvise(at(o, first), len, MADV_DONTNEED) == 0)
			memset(&o->byte[first], 0, n);
		break;
	case 4:
		if (whole(o, first, n) && (mlock(at(o, first), len) || munlock(at(o, first), len)))
			fail("mlock", o->base);
		break;
	case 5:
		/* Away and back. EFAULT: it is not one area. */
		if (!whole(o, first, n))
			break;
		if (mremap(at(o, first), len, len, MREMAP_MAYMOVE | MREMAP_FIXED, aside) ==
		    MAP_FAILED) {
			if (errno != EFAULT)
				fail("mremap", o->base);
			break;
		}
		if (mremap(aside, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, at(o, first)) ==
		    MAP_FAILED)
			fail("mremap back", o->base);
		break;
	case 6:
		if (whole(o, first, n) && madvise(at(o, first), len, MADV_COLD))
			fail("madvise", o->base);
		break;
	default:
		if (o->there[i]) {
			o->byte[i] = (unsigned char)rnd(&o->seed, 256);
			*(volatile char *)at(o, i) = (char)o->byte[i];
		}
	}
	for (i = 0; i < OWN; i++)
		if (o->there[i] && *(volatile unsigned char *)at(o, i) != o->byte[i])
			fail("another byte than was written", o->base + i * (unsigned long)page);
}

/* ------------------------------------------------------------------ what is all threads' */

static void touch(char *p, unsigned long v)
{
	guarded = 1;
	if (!sigsetjmp(out, 1)) {
		if (v & 1)
			*(volatile char *)p = (char)v;
		else
			(void)*(volatile char *)p;
	}
	guarded = 0;
}

static void common_step(unsigned long *seed)
{
	unsigned long first = rnd(seed, COMMON), n = 1 + rnd(seed, COMMON - first);
	char *p = (char *)(COMMON_BASE + first * (unsigned long)page),
	     *to = (char *)(COMMON_BASE + rnd(seed, COMMON) * (unsigned long)page);
	static const int advices[] = {0,  1,  2,  3,  4,  4,  8,  8,  9,  10, 11, 12, 13,
				      14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25};
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};
	unsigned char vec[COMMON], buf[64];
	size_t len = n * (unsigned long)page;
	struct iovec mine = {buf, sizeof(buf)}, theirs = {p, sizeof(buf)};

	switch (rnd(seed, 14)) {
	case 0:
		mmap(p, len, prots[rnd(seed, 5)], MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 1:
		mmap(p, len, prots[rnd(seed, 5)],
		     (rnd(seed, 2) ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, memfd,
		     (long)rnd(seed, 8) * page);
		break;
	case 2:
		munmap(p, len);
		break;
	case 3:
		mprotect(p, len, prots[rnd(seed, 5)]);
		break;
	case 4:
	case 5:
		madvise(p, len, advices[rnd(seed, sizeof(advices) / sizeof(advices[0]))]);
		break;
	case 6:
		rnd(seed, 2) ? mlock(p, len) : munlock(p, len);
		break;
	case 7:
		mremap(p, len, (1 + rnd(seed, COMMON)) * (unsigned long)page, MREMAP_MAYMOVE);
		break;
	case 8:
		/* As it may lie over itself this is refused now and then. */
		mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED | (rnd(seed, 3) ? 0 : 4), to);
		break;
	case 9:
		mincore(p, len, vec);
		msync(p, len, MS_SYNC);
		break;
	case 10:
		process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0);
		process_vm_writev(getpid(), &mine, 1, &theirs, 1, 0);
		break;
	case 11:
		pread(memfd, p, 64, 0);
		pwrite(memfd, p, 64, (long)rnd(seed, 8) * page);
		break;
	default:
		touch(p, rnd(seed, 256));
	}
	if (!rnd(seed, 200)) {
		pid_t pid = fork();

		if (!pid) {
			for (int i = 0; i < 20; i++)
				touch((char *)(COMMON_BASE +
					       rnd(seed, COMMON) * (unsigned long)page),
				      rnd(seed, 256));
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

static void *run(void *arg)
{
	struct own *o = arg;

	own_map(o, 0, OWN);
	for (int i = 0; i < ROUNDS; i++) {
		own_step(o);
		common_step(&o->seed);
	}
	munmap(at(o, 0), OWN * (unsigned long)page);
	return NULL;
}

static long status(const char *key)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	long v = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			v = atol(line + strlen(key));
	if (f)
		fclose(f);
	return v;
}

static void round_of_threads(unsigned long seed)
{
	static struct own owns[THREADS];
	pthread_t t[THREADS];

	memset(owns, 0, sizeof(owns));
	for (int i = 0; i < THREADS; i++) {
		owns[i].seed = seed * 77 + (unsigned long)i * 1001 + 1;
		owns[i].me = i;
		owns[i].base = BASE + (unsigned long)i * OWN * (unsigned long)page;
		pthread_create(&t[i], NULL, run, &owns[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static volatile char *volatile flicker;
static volatile int flicker_over;
static volatile long gone, otherwise;
static sigjmp_buf flicker_back;

static void on_gone(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (sig == SIGSEGV && si->si_code == SEGV_MAPERR && si->si_addr == flicker)
		gone++;
	else
		otherwise++;
	siglongjmp(flicker_back, 1);
}

static void *look_at_flicker(void *arg)
{
	while (!flicker_over)
		if (flicker && !sigsetjmp(flicker_back, 1))
			(void)*flicker;
	return arg;
}

/* A page comes and goes while it is read: where it is not, nothing is mapped, whatever comes before the signal. */
static void test_flicker(void)
{
	struct sigaction old, sa = {.sa_sigaction = on_gone, .sa_flags = SA_SIGINFO};
	pthread_t t;
	char *where;

	sigaction(SIGSEGV, &sa, &old);
	pthread_create(&t, NULL, look_at_flicker, NULL);
	where = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	flicker = where;
	for (unsigned long i = 0; i < 50000 || (gone < 100 && i < 2000000); i++) {
		munmap(where, (size_t)page);
		mmap(where, (size_t)page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	flicker_over = 1;
	pthread_join(t, NULL);
	sigaction(SIGSEGV, &old, NULL);
	printf("%s an access to what comes and goes: %ld times nothing there, %ld something else\n",
	       gone && !otherwise ? "ok  " : "FAIL", gone, otherwise);
	failures += !gone || otherwise;
}

/* Where a mapping that was moved by mremap without a place went, nobody knows: a child has all of it, and ends. */
int main(void)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

	setvbuf(stdout, NULL, _IOLBF, 0);
	page = sysconf(_SC_PAGESIZE);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	test_flicker();
	for (unsigned long seed = 1; seed <= 2; seed++) {
		int code = -1;
		pid_t pid = fork();

		if (!pid) {
			memfd = memfd_create("common", 0);
			if (ftruncate(memfd, 12 * page))
				_exit(98);
			round_of_threads(seed);
			munmap((void *)COMMON_BASE, 2 * COMMON * (unsigned long)page);
			if (status("VmLck:") && status("VmLck:") > status("VmSize:"))
				fail("more is locked than there is",
				     (unsigned long)status("VmLck:"));
			_exit(failures != 0);
		}
		waitpid(pid, &code, 0);
		printf("%s threads at the mmap family, seed %lu: %#x\n", code ? "FAIL" : "ok", seed,
		       code);
		failures += code != 0;
	}
	printf("mmraces: done\n");
	reboot(RB_POWER_OFF);
	return failures != 0;
}
