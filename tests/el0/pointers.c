// SPDX-License-Identifier: MIT
/*
 * Pointers that programs give to system calls: bad ones of every kind, to every call that reads or writes through one, are EFAULT and
 * nothing else; what can be moved is moved; nothing of the kernel's is ever read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "abi.h"

#undef PAGE
#define PAGE 65536UL
/* In a call's arguments: the pointer under test. */
#define BAD 0xbadbadbadbadUL

enum { IN = 1, OUT = 2 };

struct call {
	const char *name;
	int dir;
	long nr;
	unsigned long a[6];
};

static int zero, file, pipes[2], sock[2], ep, timer, dir;
static char *area; /* writable, read-only, PROT_NONE, nothing */
static struct iovec iov_bad[2];

/* What the calls are given besides; filled in by main. */
static char good[4096];

static long try(const struct call *c, unsigned long p)
{
	unsigned long a[6];
	long ret;

	for (int i = 0; i < 6; i++)
		a[i] = c->a[i] == BAD ? p : c->a[i];
	ret = syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return ret < 0 ? -errno : ret;
}

static void every_call(void)
{
	const unsigned long G = (unsigned long)good;
	struct timespec *soon = (void *)(good + 2048);
	const struct call calls[] = {
		{"read of /dev/zero", OUT, SYS_read, {zero, BAD, 64}},
		{"pread64", OUT, SYS_pread64, {file, BAD, 64, 0}},
		{"write to a file", IN, SYS_pwrite64, {file, BAD, 64, 0}},
		{"write to a pipe", IN, SYS_write, {pipes[1], BAD, 64}},
		{"write to a socket", IN, SYS_write, {sock[0], BAD, 64}},
		{"readv's vector", IN, SYS_readv, {zero, BAD, 1}},
		{"writev's vector", IN, SYS_writev, {pipes[1], BAD, 1}},
		{"preadv", IN, SYS_preadv, {file, BAD, 1, 0}},
		{"getrandom", OUT, SYS_getrandom, {BAD, 32, 0}},
		{"uname", OUT, SYS_uname, {BAD}},
		{"sysinfo", OUT, SYS_sysinfo, {BAD}},
		{"times", OUT, SYS_times, {BAD}},
		{"getrusage", OUT, SYS_getrusage, {0, BAD}},
		{"prlimit64, old", OUT, SYS_prlimit64, {0, RLIMIT_NOFILE, 0, BAD}},
		{"prlimit64, new", IN, SYS_prlimit64, {0, RLIMIT_NOFILE, BAD, 0}},
		{"clock_gettime", OUT, SYS_clock_gettime, {CLOCK_MONOTONIC, BAD}},
		{"clock_getres", OUT, SYS_clock_getres, {CLOCK_MONOTONIC, BAD}},
		{"nanosleep", IN, SYS_nanosleep, {BAD, 0}},
		{"clock_nanosleep", IN, SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0, BAD, 0}},
		{"gettimeofday", OUT, SYS_gettimeofday, {BAD, 0}},
		{"setitimer", IN, SYS_setitimer, {ITIMER_VIRTUAL, BAD, 0}},
		{"getitimer", OUT, SYS_getitimer, {ITIMER_VIRTUAL, BAD}},
		{"timer_create", OUT, SYS_timer_create, {CLOCK_MONOTONIC, 0, BAD}},
		{"timerfd_settime", IN, SYS_timerfd_settime, {timer, 0, BAD, 0}},
		{"timerfd_gettime", OUT, SYS_timerfd_gettime, {timer, BAD}},
		{"pipe2", OUT, SYS_pipe2, {BAD, 0}},
		{"socketpair", OUT, SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, BAD}},
		{"fstat", OUT, SYS_fstat, {file, BAD}},
		{"newfstatat, name", IN, SYS_newfstatat, {AT_FDCWD, BAD, G, 0}},
		{"newfstatat, result", OUT, SYS_newfstatat, {AT_FDCWD, (unsigned long)"/", BAD, 0}},
		{"statx", OUT, SYS_statx, {AT_FDCWD, (unsigned long)"/", 0, 0x7ff, BAD}},
		{"statfs", OUT, SYS_statfs, {(unsigned long)"/", BAD}},
		{"getdents64", OUT, SYS_getdents64, {dir, BAD, 1024}},
		{"getcwd", OUT, SYS_getcwd, {BAD, 64}},
		{"openat", IN, SYS_openat, {AT_FDCWD, BAD, O_RDONLY}},
		{"mkdirat", IN, SYS_mkdirat, {AT_FDCWD, BAD, 0755}},
		{"unlinkat", IN, SYS_unlinkat, {AT_FDCWD, BAD, 0}},
		{"symlinkat", IN, SYS_symlinkat, {BAD, AT_FDCWD, (unsigned long)"/tmp/l"}},
		{"linkat", IN, SYS_linkat, {AT_FDCWD, BAD, AT_FDCWD, (unsigned long)"/tmp/l", 0}},
		{"renameat2",
		 IN,
		 SYS_renameat2,
		 {AT_FDCWD, BAD, AT_FDCWD, (unsigned long)"/tmp/l", 0}},
		{"chdir", IN, SYS_chdir, {BAD}},
		{"truncate", IN, SYS_truncate, {BAD, 0}},
		{"faccessat", IN, SYS_faccessat, {AT_FDCWD, BAD, 0}},
		{"utimensat", IN, SYS_utimensat, {AT_FDCWD, BAD, 0, 0}},
		{"execve", IN, SYS_execve, {BAD, 0, 0}},
		{"execve, arguments", IN, SYS_execve, {(unsigned long)"/init", BAD, 0}},
		{"memfd_create", IN, SYS_memfd_create, {BAD, 0}},
		{"rt_sigaction, new", IN, SYS_rt_sigaction, {SIGUSR1, BAD, 0, 8}},
		{"rt_sigaction, old", OUT, SYS_rt_sigaction, {SIGUSR1, 0, BAD, 8}},
		{"rt_sigprocmask, new", IN, SYS_rt_sigprocmask, {SIG_BLOCK, BAD, 0, 8}},
		{"rt_sigprocmask, old", OUT, SYS_rt_sigprocmask, {SIG_BLOCK, 0, BAD, 8}},
		{"rt_sigpending", OUT, SYS_rt_sigpending, {BAD, 8}},
		{"rt_sigtimedwait", IN, SYS_rt_sigtimedwait, {BAD, 0, (unsigned long)soon, 8}},
		{"sigaltstack, new", IN, SYS_sigaltstack, {BAD, 0}},
		{"sigaltstack, old", OUT, SYS_sigaltstack, {0, BAD}},
		{"ppoll", IN, SYS_ppoll, {BAD, 1, (unsigned long)soon, 0, 0}},
		{"ppoll, time", IN, SYS_ppoll, {0, 0, BAD, 0, 0}},
		{"pselect6", IN, SYS_pselect6, {1, BAD, 0, 0, (unsigned long)soon, 0}},
		{"epoll_ctl", IN, SYS_epoll_ctl, {ep, EPOLL_CTL_ADD, pipes[0], BAD}},
		{"epoll_pwait", OUT, SYS_epoll_pwait, {ep, BAD, 1, 0, 0, 8}},
		{"futex wait", IN, SYS_futex, {BAD, FUTEX_WAIT_PRIVATE, 1, (unsigned long)soon}},
		{"futex wait, time", IN, SYS_futex, {G, FUTEX_WAIT_PRIVATE, 0, BAD}},
		{"futex wake op",
		 OUT,
		 SYS_futex,
		 {G, FUTEX_WAKE_OP_PRIVATE, 1, 1, BAD,
		  FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)}},
		{"futex lock pi", OUT, SYS_futex, {BAD, FUTEX_LOCK_PI_PRIVATE, 0, 0}},
		{"futex cmp requeue", IN, SYS_futex, {BAD, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, G, 1}},
		{"sendto, data", IN, SYS_sendto, {sock[0], BAD, 64, MSG_DONTWAIT, 0, 0}},
		{"sendmsg", IN, SYS_sendmsg, {sock[0], BAD, 0}},
		{"bind", IN, SYS_bind, {sock[0], BAD, 16}},
		{"getsockname", OUT, SYS_getsockname, {sock[0], BAD, (unsigned long)(good + 3072)}},
		{"getsockopt",
		 OUT,
		 SYS_getsockopt,
		 {sock[0], SOL_SOCKET, SO_TYPE, BAD, (unsigned long)(good + 3072)}},
		{"setsockopt", IN, SYS_setsockopt, {sock[0], SOL_SOCKET, SO_SNDBUF, BAD, 4}},
		{"sched_getaffinity", OUT, SYS_sched_getaffinity, {0, 128, BAD}},
		{"sched_setaffinity", IN, SYS_sched_setaffinity, {0, 128, BAD}},
		{"sched_getparam", OUT, SYS_sched_getparam, {0, BAD}},
		{"sched_rr_get_interval", OUT, SYS_sched_rr_get_interval, {0, BAD}},
		{"getresuid", OUT, SYS_getresuid, {BAD, G, G}},
		{"setgroups", IN, SYS_setgroups, {1, BAD}},
		{"mincore", OUT, SYS_mincore, {(unsigned long)area, 4096, BAD}},
		{"process_vm_readv, own",
		 IN,
		 SYS_process_vm_readv,
		 {getpid(), BAD, 1, (unsigned long)iov_bad, 1, 0}},
		{"prctl name, set", IN, SYS_prctl, {PR_SET_NAME, BAD}},
		{"prctl name, get", OUT, SYS_prctl, {PR_GET_NAME, BAD}},
		{"clone3", IN, SYS_clone3, {BAD, 64}},
		{"robust list", OUT, SYS_get_robust_list, {0, BAD, G}},
		{"capget", OUT, SYS_capget, {BAD, 0}},
		{"FIONREAD", OUT, SYS_ioctl, {pipes[0], 0x541b, BAD}},
	};
	/* The last: what is mapped ends within the first word. */
	const struct {
		const char *name;
		unsigned long at;
	} bad[] = {
		{"8", 8},
		{"an end of the mapping", (unsigned long)area + 3 * PAGE},
		{"PROT_NONE", (unsigned long)area + 2 * PAGE + 64},
		{"2^48 - 8", (1UL << 48) - 8},
		{"2^48", 1UL << 48},
		{"2^55", 1UL << 55},
		{"2^56 and a good address", (unsigned long)good | 1UL << 56},
		{"the linear map", 0xffff000000080000UL},
		{"the kernel's text", 0xffff800080000000UL},
		{"-4096", -4096UL},
		{"-8", -8UL},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char text[160];
		int good_ones = 0, n = 0;

		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]) + 2; j++) {
			const char *name;
			unsigned long at;
			long ret;

			if (j < sizeof(bad) / sizeof(bad[0])) {
				name = bad[j].name;
				at = bad[j].at;
			} else if (j == sizeof(bad) / sizeof(bad[0])) {
				/* Aligned, and less than any structure from the end. */
				name = "three bytes before an end";
				at = (unsigned long)area + 2 * PAGE - 4;
				if (calls[i].dir == IN)
					continue;
			} else {
				name = "read-only";
				at = (unsigned long)area + PAGE + 1024;
				if (calls[i].dir == IN)
					continue;
			}
			n++;
			ret = try(&calls[i], at);
			if (ret == -EFAULT)
				good_ones++;
			else
				printf("     %s with %s: %ld\n", calls[i].name, name, ret);
		}
		snprintf(text, sizeof(text), "every bad pointer to %s is EFAULT", calls[i].name);
		check(good_ones == n, text);
	}
}

static void parts(void)
{
	char *end = area + PAGE;      /* read-only from here; to write is bad */
	char *last = area + 2 * PAGE; /* nothing can be read from here */
	char buf[256];
	struct iovec v[2];
	int p[2];

	memset(area, 'x', PAGE);
	check(pread(file, end - 100, 300, 0) == 100, "read gives what there is room for");
	check(end[-1] == '9' && end[-100] == '0' && end[-101] == 'x', "and that has come");
	check(pwrite(file, last - 100, 300, 0) == 100, "write takes what can be read");
	check(pread(file, end - 3, 300, 0) == 3, "three bytes of a file before an end");
	/* Long ones, which go another way. */
	check(read(zero, end - 1000, 5000) == 1000, "a long read ends where the room does");
	check(end[-1000] == 0 && end[-1001] == 'x', "and touches nothing before");
	pipe(p);
	v[0] = (struct iovec){good, 10};
	v[1] = (struct iovec){(void *)0xffff000000080000UL, 10};
	check(writev(p[1], v, 2) < 0 || read(p[0], buf, sizeof(buf)) == 10,
	      "nothing comes of a vector's second part that is the kernel's");
	/* A page that is not there yet is nothing bad. */
	{
		char *fresh = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(fresh + 2 * PAGE, 'f', 1);
		check(read(zero, fresh + PAGE - 50, 100) == 100, "pages come as they are written");
		check(pread(file, fresh + 2 * PAGE - 50, 100, 0) == 100, "of files, too");
		check(!memcmp(fresh + 2 * PAGE - 50, "xxxxx", 0) && fresh[2 * PAGE + 50] == 0,
		      "with zeros around");
		munmap(fresh, 4 * PAGE);
	}
	/* Each length by each offset, against memcmp. */
	{
		char *from = malloc(700), *to = malloc(900);
		int bad = 0;

		for (int i = 0; i < 700; i++)
			from[i] = (char)(i * 7 + 3);
		for (int n = 0; n < 600; n += n < 300 ? 1 : 37)
			for (int off = 0; off < 9; off++) {
				memset(to, 0x55, 900);
				if (n && (write(p[1], from + off, n) != n ||
					  read(p[0], to + 16 + (off * 5) % 8, n) != n))
					bad++;
				if (memcmp(to + 16 + (off * 5) % 8, from + off, n) ||
				    to[15 + (off * 5) % 8] != 0x55 ||
				    to[16 + (off * 5) % 8 + n] != 0x55)
					bad++;
			}
		check(!bad, "copies of each length to and from each offset");
		for (int n = 0; n < 600; n++) {
			memset(to, 0x55, 900);
			if (read(zero, to + 16 + n % 8, n) != n || to[15 + n % 8] != 0x55 ||
			    to[16 + n % 8 + n] != 0x55)
				bad++;
			for (int i = 0; i < n; i++)
				bad += to[16 + n % 8 + i] != 0;
		}
		check(!bad, "zeros of each length");
		/* Each length across an end, both ways. */
		for (int n = 1; n < 500; n++) {
			int room = n % 97;

			memset(area + PAGE - 600, 'x', 600);
			if (pread(file, area + PAGE - room, n, 0) !=
			    (room ? (n < room ? n : room) : -1))
				bad++;
			if (area[PAGE - room - 1] != 'x')
				bad++;
		}
		check(!bad, "what there is room for, of each length");
		free(from);
		free(to);
	}
	/* Strings that end with what is mapped, at each distance. */
	{
		int bad = 0;

		for (int n = 1; n < 40; n++) {
			memset(area + PAGE, 0, 0);
			mprotect(area + PAGE, PAGE, PROT_READ | PROT_WRITE);
			memset(last - 64, '/', 64);
			last[-1] = 0;
			mprotect(area + PAGE, PAGE, PROT_READ);
			if (access(last - n, F_OK) && n > 1)
				bad++;
			mprotect(area + PAGE, PAGE, PROT_READ | PROT_WRITE);
			last[-1] = '/';
			mprotect(area + PAGE, PAGE, PROT_READ);
			if (access(last - n, F_OK) == 0 || errno != EFAULT)
				bad++;
		}
		check(!bad, "a name ends with the page, or is EFAULT");
	}
	close(p[0]);
	close(p[1]);
}

static void tags(void)
{
	struct utsname u;
	char *tagged = (char *)((unsigned long)&u | 0x5aUL << 56);

	check(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0) == 0, "tags are not taken at first");
	FAILS(uname((void *)tagged), EFAULT);
	check(prctl(PR_SET_TAGGED_ADDR_CTRL, 1, 0, 0, 0) == 0, "they are asked for");
	check(uname((void *)tagged) == 0, "and taken");
	check(!strcmp(u.sysname, "Linux"), "for the address without them");
	FAILS(uname((void *)((unsigned long)tagged | 1UL << 55)), EFAULT);
	if (!fork())
		_exit(uname((void *)tagged) != 0);
	else {
		int status = 1;

		wait(&status);
		check(status == 0, "a child may, too");
	}
	prctl(PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
	FAILS(uname((void *)tagged), EFAULT);
}

int main(void)
{
	begin();
	zero = open("/dev/zero", O_RDWR);
	file = open("/tmp/f", O_RDWR | O_CREAT, 0644);
	dir = open("/", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 600; i++)
		write(file, "0123456789", 10);
	pipe2(pipes, O_NONBLOCK);
	write(pipes[1], "x", 1);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sock);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, sock[0], &(struct epoll_event){.events = EPOLLOUT});
	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(area, 0, 3 * PAGE);
	mprotect(area + PAGE, PAGE, PROT_READ);
	mprotect(area + 2 * PAGE, PAGE, PROT_NONE);
	munmap(area + 3 * PAGE, PAGE);
	iov_bad[0] = (struct iovec){good, 16};
	*(int *)(void *)(good + 3072) = 4;
	((struct timespec *)(void *)(good + 2048))->tv_nsec = 1000;
	every_call();
	parts();
	tags();
	return end("pointers");
}
