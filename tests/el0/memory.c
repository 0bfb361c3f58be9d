// SPDX-License-Identifier: MIT
/* A program's memory, as Linux on arm64 gives it: what is mapped, what is shared, what a fork copies, what kills. */
#include "sys.h"

int failures;

static char zeros[300000];
static int initialised = 4711;
static volatile char *victim;

static void read_victim(void)
{
	(void)*victim;
}

static void write_victim(void)
{
	*victim = 1;
}

static void run_victim(void)
{
	((void (*)(void))(unsigned long)victim)();
}

static void breakpoint(void)
{
	__asm__ volatile("brk #1000");
}

static void cycles(void)
{
	__asm__ volatile("mrs x0, pmccntr_el0" ::: "x0");
}

static void undefined(void)
{
	__asm__ volatile(".inst 0");
}

static void privileged(void)
{
	__asm__ volatile("mrs x0, ttbr0_el1" ::: "x0");
}

static int dies_of(int signal, void (*fn)(void), long at)
{
	victim = (volatile char *)at;
	return (in_child(fn) & 0x7f) == signal;
}

static void test_start(void)
{
	check(initialised == 4711, "initialised data is there");
	check(!zeros[0] && !zeros[299999] && !zeros[150000], "bss is zero");
	initialised = 1;
	check(initialised == 1, "data can be written");
	check(dies_of(11, write_victim, (long)main), "code cannot be written");
	check(dies_of(11, run_victim, (long)zeros), "data cannot be executed");
}

static void test_anonymous(void)
{
	char *p = (char *)map(0, 16 * PAGE, PROT_RW, PRIVATE | ANON, -1, 0);
	long i, sum = 0;

	check((long)p > 0, "mmap");
	for (i = 0; i < 16; i++)
		sum += p[i * PAGE];
	check(!sum, "new memory is zero");
	for (i = 0; i < 16; i++)
		p[i * PAGE + i] = (char)(i + 1);
	for (i = 0; i < 16; i++)
		sum += p[i * PAGE + i];
	check(sum == 136, "it keeps what is written");
	check(!sys2(NR_munmap, p + 4 * PAGE, 2 * PAGE), "a hole can be made");
	check(dies_of(11, read_victim, (long)p + 5 * PAGE), "the hole is not there");
	check(p[3 * PAGE + 3] == 4 && p[6 * PAGE + 6] == 7, "its neighbours are");
	check(!sys3(NR_mprotect, p, PAGE, PROT_R), "mprotect");
	check(dies_of(11, write_victim, (long)p) && p[0] == 1, "what is read-only is read only");
	check(!sys3(NR_mprotect, p, PAGE, 0), "PROT_NONE");
	check(dies_of(11, read_victim, (long)p), "is not even read");
	check(!sys3(NR_mprotect, p, PAGE, PROT_RW) && p[0] == 1, "and back, nothing is lost");
	check(!sys3(NR_madvise, p + PAGE, PAGE, 4) && !p[PAGE + 1], "MADV_DONTNEED makes zeros");
	{
		char *fresh = (char *)map(0, PAGE, PROT_RW, PRIVATE | ANON, -1, 0);

		*(volatile char *)((unsigned long)fresh | 0x5aUL << 56) = 7;
		check(*fresh == 7, "a data address may carry a tag in its top byte");
		fresh = (char *)((unsigned long)fresh | 0x5aUL << 56);
		check(!sys3(NR_mprotect, fresh, PAGE, PROT_R) &&
			      !sys3(NR_madvise, fresh, PAGE, 4) && !sys2(NR_munmap, fresh, PAGE),
		      "so may one that is changed or unmapped");
	}
	check(sys2(NR_munmap, p + 1, PAGE) == -22, "an address that is no page's is EINVAL");
	check(map((long)p, PAGE, PROT_R, PRIVATE | ANON | 0x100000, -1, 0) == -17,
	      "MAP_FIXED_NOREPLACE sees what is there");
}

static char *shared_page, *private_page;

static void write_both(void)
{
	*shared_page = 'S';
	*private_page = 'P';
}

static void test_fork(void)
{
	shared_page = (char *)map(0, PAGE, PROT_RW, SHARED | ANON, -1, 0);
	private_page = (char *)map(0, PAGE, PROT_RW, PRIVATE | ANON, -1, 0);
	*shared_page = *private_page = '0';
	check(!in_child(write_both), "a child runs and ends");
	check(*shared_page == 'S', "what is shared it has changed");
	check(*private_page == '0', "what is private it has not");
	check(sys4(NR_wait4, -1, 0, 0, 0) == -10, "nobody to wait for is ECHILD");
}

static void test_file(void)
{
	long fd = sys4(NR_openat, -100, "/data.bin", 0, 0);
	const unsigned char *m;
	unsigned char buf[16];
	long i, bad = 0;
	char *name;

	check(fd >= 0, "a file of the initramfs opens");
	check(sys3(NR_read, fd, buf, 16) == 16, "and is read");
	m = (const unsigned char *)map(0, 2 * PAGE, PROT_R, PRIVATE, (int)fd, 0);
	for (i = 0; i < 16; i++)
		bad += m[i] != buf[i];
	check((long)m > 0 && !bad, "and mapped, the same");
	check(map(0, PAGE, PROT_RW, SHARED, (int)fd, 0) == -13,
	      "not for writing: it was opened for reading");
	check(map(0, PAGE, PROT_R, PRIVATE, 55, 0) == -9, "a descriptor that is none is EBADF");
	check(map(0, PAGE, PROT_R, PRIVATE, (int)fd, 5) == -22,
	      "an offset that is no page's is EINVAL");
	check(dies_of(7, read_victim, map(0, 1L << 30, PROT_R, PRIVATE, (int)fd, 0) + (1L << 29)),
	      "beyond the file's end is SIGBUS");
	check(!sys1(NR_close, fd) && sys1(NR_close, fd) == -9, "closed once");
	check(sys4(NR_openat, -100, "/nothing", 0, 0) == -2, "a name that is none is ENOENT");
	check(sys4(NR_openat, -100, "", 0, 0) == -2, "and so is an empty one");
	/* 1: O_WRONLY, 04000: O_NONBLOCK. */
	check(sys4(NR_openat, -100, "/pipe", 04001, 0) == -6, "a pipe that nobody reads is ENXIO");
	name = (char *)map(0, 2 * PAGE, PROT_RW, PRIVATE | ANON, -1, 0) + PAGE - 5;
	for (i = 0; i < 10; i++)
		name[i] = "/data.bin"[i];
	/* What the kernel's buffer holds from the call before, a 0 behind "/data", does not count. */
	sys4(NR_openat, -100, "/data", 0, 0);
	fd = sys4(NR_openat, -100, name, 0, 0);
	check(fd >= 0 && !sys1(NR_close, fd), "a name that lies on two pages is read whole");
}

static int depth(int n)
{
	volatile char frame[1024];

	frame[0] = (char)n;
	return n ? depth(n - 1) + frame[0] - (char)n : 0;
}

static void overflow(void)
{
	(void)depth(100000000);
}

static void test_stack_and_heap(void)
{
	char *brk = (char *)sys1(NR_brk, 0);

	check(!depth(2000), "the stack grows");
	check((in_child(overflow) & 0x7f) == 11, "not for ever");
	check((char *)sys1(NR_brk, brk + 100000) == brk + 100000, "the heap grows");
	brk[99999] = 1;
	check((char *)sys1(NR_brk, brk) == brk, "and shrinks");
	check(dies_of(11, read_victim, (long)brk + 50000), "to nothing");
}

/* What a hostile program tries. */
static void test_walls(void)
{
	check(dies_of(11, read_victim, 0), "NULL is not there");
	check(dies_of(11, read_victim, (long)0xffff000000000000), "the linear map cannot be read");
	check(dies_of(11, write_victim, (long)0xffff800080000000), "the kernel cannot be written");
	check(dies_of(11, run_victim, (long)0xffff800080010000), "nor run");
	check(dies_of(11, read_victim, 0x0001000000000000), "nor what is between the two");
	check((in_child(undefined) & 0x7f) == 4, "an undefined instruction is SIGILL");
	check((in_child(breakpoint) & 0x7f) == 5, "a breakpoint is SIGTRAP");
	check(dies_of(7, run_victim, (long)main + 2),
	      "a branch to no instruction's address is SIGBUS");
	check((in_child(privileged) & 0x7f) == 4, "and so is one of the kernel's");
	check((in_child(cycles) & 0x7f) == 4, "and so is reading the cycles");
	check(sys3(NR_write, 1, 0, 10) == -14, "a bad pointer is EFAULT");
	check(sys3(NR_write, 1, 0xffff000000000000, 10) == -14, "and so is the kernel's");
	check(sys3(NR_read, sys4(NR_openat, -100, "/data.bin", 0, 0), main, 1) == -14,
	      "nothing is written where it may not be");
	check(sys4(NR_openat, -100, 0xffff800080000000, 0, 0) == -14, "nor read for a name");
	check(sys4(NR_wait4, -1, 0, 0x1234, 0) < 0, "nor waited");
	check(sys1(10000, 0) == -38, "a call that is none is ENOSYS");
	check(map(0, 1L << 62, PROT_R, PRIVATE | ANON, -1, 0) == -12, "too much is ENOMEM");
}

int main(void)
{
	test_start();
	test_anonymous();
	test_fork();
	test_file();
	test_stack_and_heap();
	test_walls();
	return failures;
}

void _start(void)
{
	main();
	say(failures ? "memory: failed\n" : "memory: done\n");
	quit(failures ? 1 : 0);
}
