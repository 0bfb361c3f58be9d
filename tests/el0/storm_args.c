// SPDX-License-Identifier: MIT
/* What the storm's calls are given: by the letters of the table in storm_pools.h, from pools of what is alive. One argument in forty is something else. */
#define _GNU_SOURCE
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storm_pools.h"

uint64_t arena(struct gust *g)
{
	uint64_t page = below(g, 3)   ? below(g, 64)
			: below(g, 4) ? below(g, 8) * 512 + below(g, 3) * 16
				      : below(g, ARENA_PAGES);

	return ARENA + page * PAGE;
}

uint64_t odd(struct gust *g)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		4095,
		4096,
		4097,
		~0ULL,
		~0ULL - 4095,
		1ULL << 63,
		(1ULL << 63) - 1,
		(1ULL << 63) - 4096,
		1ULL << 32,
		0xffffffff,
		0x7fffffff,
		0x80000000,
		0xfffff000,
		0x7ffff000,
		(uint64_t)AT_FDCWD,
		0xffff000000000000,
		0xffff800008000000,
		0xffff800080000000,
		0xffff000040000000,
		1ULL << 48,
		(1ULL << 48) - 4096,
		(1ULL << 48) - 1,
		1ULL << 47,
		1ULL << 56 | ARENA,
		0xff00000000000000 | ARENA,
		(1ULL << 52) - 1,
		1ULL << 52,
		0x8000000000001000,
		0x200000,
		0x1fffff,
		0x40000000,
	};

	return below(g, 3) ? ONE_OF(g, values) : roll(g) >> below(g, 56);
}

/* A place to read or write. Mostly one that is there. */
uint64_t buffer(struct gust *g)
{
	switch (below(g, 12)) {
	case 0:
		return arena(g) + below(g, PAGE);
	case 1:
		return arena(g);
	case 2:
		return arena(g) + PAGE - below(g, 64);
	case 3:
		return BUFFERS + BUFFER_PAGES * PAGE - below(g, 64); /* the end of what is mapped */
	case 4:
		return 0;
	case 5:
		return below(g, 4) ? U(paths) + below(g, 4096) : odd(g); /* not writable */
	default:
		return BUFFERS + below(g, BUFFER_PAGES * PAGE - 512) / 8 * 8;
	}
}

uint64_t pid(struct gust *g)
{
	switch (below(g, 12)) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)sys(SYS_getpid);
	case 2:
		return (uint64_t)sys(SYS_gettid);
	case 3:
		return below(g, 3) ? 2 + below(g, 8) : (uint64_t) - (long)below(g, 12);
	case 4:
		return 1 + below(g, 400);
	default:
		return (uint64_t)__atomic_load_n(&shared->pids[below(g, 32)], __ATOMIC_RELAXED);
	}
}

uint64_t bits(struct gust *g)
{
	switch (below(g, 8)) {
	case 0:
	case 1:
	case 2:
		return 0;
	case 3:
		return 1ULL << below(g, 32);
	case 4:
		return 1ULL << below(g, 22) | 1ULL << below(g, 22);
	case 5:
		return O_NONBLOCK | O_CLOEXEC;
	case 6:
		return O_CREAT | O_RDWR | O_NONBLOCK | (below(g, 4) ? 0 : O_TRUNC);
	default:
		return below(g, 6) ? below(g, 8) : roll(g);
	}
}

static uint64_t length(struct gust *g)
{
	static const uint64_t values[] = {0, 1, 4095, 4096, 4097, 8192,	  65536,
					  7, 8, 16,   64,   128,  1 << 20};

	return below(g, 20) == 0 ? odd(g) : below(g, 3) ? below(g, 600) : ONE_OF(g, values);
}

uint64_t command(struct gust *g, long nr)
{
	static const unsigned int ioctls[] = {
		0x5401,	    0x5402,	0x5403,	    0x5404,	0x540a,	    0x540b,	0x540e,
		0x540f,	    0x5410,	0x5411,	    0x5412,	0x5413,	    0x5414,	0x541b,
		0x5420,	    0x5421,	0x5422,	    0x5429,	0x5450,	    0x5451,	0x5452,
		0x80045430, 0x40045431, 0x80045438, 0x5441,	0xb701,	    0xb702,	0xb703,
		0xb704,	    0x80086601, 0x40086602, 0xc0606610, 0xc0502100, 0xc0182101, 0x40082102,
		0x40182103, 0x2,	0x1,	    0x5460,	0x80047401, 0x8905,	0x8906,
	};
	static const unsigned int controls[] = {1024, 1025, 1026, 1027, 1028, 1029, 1030, 1031,
						1032, 1033, 1034, 1035, 1036, 1037, 1038};

	switch (nr) {
	case SYS_fcntl:
		return below(g, 2) ? ONE_OF(g, controls) : below(g, 40);
	case SYS_ioctl:
		return ONE_OF(g, ioctls);
	case SYS_futex:
		return below(g, 14) | (below(g, 2) ? 128 : 0) | (below(g, 4) ? 0 : 256);
	case SYS_ptrace:
		return below(g, 3) ? (below(g, 2) ? 0x4200 + below(g, 20) : 16 + below(g, 2))
				   : below(g, 34);
	case SYS_prctl:
		return below(g, 6) ? 1 + below(g, 78) : 0x53564d41;
	case SYS_shmctl:
		return below(g, 3) ? below(g, 4) : 11 + below(g, 5);
	default:
		return below(g, 16);
	}
}

/* Pages that fit the arena, often; now and then a great many. */
static uint64_t extent(struct gust *g)
{
	static const uint64_t values[] = {
		0, 1, 4095, 4097, 2 << 20, 4 << 20, (2 << 20) - 4096, 65536, 16 << 20};

	switch (below(g, 8)) {
	case 0:
		return ONE_OF(g, values);
	case 1:
		return below(g, 8) ? (1 + below(g, 600)) * PAGE : odd(g);
	default:
		return (1 + below(g, 24)) * PAGE;
	}
}

static uint64_t map_flags(struct gust *g, long nr)
{
	uint64_t flags;

	if (nr == SYS_mremap)
		return below(g, 16) ? (below(g, 2)   ? 3
				       : below(g, 3) ? 1
				       : below(g, 2) ? 7
						     : 5)
				    : roll(g);
	flags = below(g, 3) == 0 ? MAP_SHARED : MAP_PRIVATE;
	if (below(g, 3))
		flags |= MAP_ANONYMOUS;
	if (below(g, 5))
		flags |= below(g, 6) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (!below(g, 4))
		flags |= MAP_POPULATE;
	if (!below(g, 6))
		flags |= MAP_NORESERVE;
	if (!below(g, 12))
		flags |= MAP_LOCKED;
	if (!below(g, 12))
		flags |= MAP_GROWSDOWN;
	if (!below(g, 20))
		flags ^= 1ULL << below(g, 32);
	return flags;
}

static uint64_t advice(struct gust *g)
{
	static const unsigned char values[] = {0,  1,  2,  3,  4,  4,  4,  8,  8,  8,  9,   10,
					       11, 12, 13, 14, 14, 14, 15, 16, 17, 18, 19,  20,
					       21, 22, 22, 23, 23, 24, 25, 25, 25, 26, 102, 103};

	return ONE_OF(g, values);
}

/* Fills 64 bytes of a buffer with what call nr likes, and returns where. */
uint64_t record(struct gust *g, char what)
{
	uint64_t *at = (uint64_t *)(BUFFERS + below(g, BUFFER_PAGES * PAGE - 1024) / 16 * 16);
	uint32_t *half = (uint32_t *)at;

	switch (what) {
	case 'v':
		for (int i = 0; i < 8; i++) {
			at[2 * i] = below(g, 2) ? arena(g) + (below(g, 3) ? 0 : below(g, 4096))
						: buffer(g);
			at[2 * i + 1] = below(g, 3) ? length(g) : extent(g);
		}
		break;
	case 't':
		at[0] = below(g, 20) ? 0 : odd(g);
		at[1] = below(g, 20) ? below(g, 3000000) : odd(g);
		break;
	case 'T':
		for (int i = 0; i < 4; i++)
			at[i] = below(g, 12) ? (i & 1 ? below(g, 20000000) : 0) : odd(g);
		break;
	case 'S':
		at[0] = below(g, 2) ? 0 : roll(g) & roll(g);
		break;
	case 'e':
		half[0] = (uint32_t)bits(g) | 1;
		break;
	case 'E':
		at[0] = roll(g);
		half[2] = below(g, 65);
		half[3] = below(g, 5);
		half[4] = (uint32_t)pid(g);
		break;
	case 'm': {
		uint64_t *control = at + 16;

		at[0] = below(g, 2) ? 0 : U(at + 32);
		at[1] = 110;
		at[2] = U(at + 8);
		at[3] = below(g, 4);
		at[4] = below(g, 3) ? U(control) : 0;
		at[5] = 24 + (below(g, 3) ? 0 : below(g, 64));
		at[6] = 0;
		at[8] = buffer(g);
		at[9] = length(g);
		at[10] = buffer(g);
		at[11] = length(g);
		control[0] = below(g, 8) ? 20 : odd(g);
		control[1] = SOL_SOCKET | (uint64_t)(1 + below(g, 2)) << 32;
		control[2] = below(g, NR_FDS);
		break;
	}
	case 'h':
		at[0] = 0x20080522 | pid(g) << 32;
		break;
	case 'K':
		memcpy(at, "\1\0", 2);
		memcpy((char *)at + 2, below(g, 2) ? "sock" : "\0abs", 5);
		((char *)at)[5] += (char)below(g, 3);
		break;
	}
	return U(at);
}

static uint64_t descriptor(struct gust *g, long nr)
{
	if (!below(g, 5))
		return below(g, 12) ? 3 + below(g, NR_FDS) : below(g, 1024);
	switch (nr) {
	case SYS_epoll_ctl:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		return FD_EPOLL;
	case SYS_timerfd_settime:
	case SYS_timerfd_gettime:
		return FD_TIMER;
	case SYS_signalfd4:
		return below(g, 2) ? FD_SIGNAL : (uint64_t)-1;
	case SYS_inotify_add_watch:
	case SYS_inotify_rm_watch:
		return FD_INOTIFY;
	case SYS_pidfd_send_signal:
	case SYS_pidfd_getfd:
	case SYS_process_madvise:
	case SYS_process_mrelease:
		return FD_PARENT + below(g, 2);
	case SYS_mq_timedsend:
	case SYS_mq_timedreceive:
	case SYS_mq_notify:
	case SYS_mq_getsetattr:
		return FD_QUEUE;
	case SYS_setns:
		return below(g, 3) ? FD_NS + below(g, 2) : FD_PARENT + below(g, 2);
	case SYS_splice:
	case SYS_tee:
	case SYS_vmsplice:
		return below(g, 4) ? FD_PIPE + below(g, 4) : FD_BIG + below(g, 2);
	case SYS_sendmsg:
	case SYS_recvmsg:
	case SYS_sendto:
	case SYS_recvfrom:
	case SYS_getsockopt:
	case SYS_setsockopt:
		return FD_STREAM + below(g, 6);
	case SYS_accept:
	case SYS_accept4:
	case SYS_listen:
		return FD_LISTENER;
	case SYS_mmap:
	case SYS_ftruncate:
	case SYS_fallocate:
	case SYS_copy_file_range:
		return below(g, 2) ? FD_BIG : below(g, 3) ? FD_MEMFD : FD_SECRET;
	case SYS_close:
		return below(g, 8) ? 3 + below(g, 17) : 3 + below(g, NR_FDS);
	default:
		return below(g, 3) ? FD_BIG + below(g, FD_END - FD_BIG) : 3 + below(g, NR_FDS);
	}
}

uint64_t argument(struct gust *g, char kind, long nr)
{
	if (!below(g, 40) && kind != '1')
		return below(g, 2) ? odd(g) : buffer(g);
	switch (kind) {
	case '0':
	case '1':
	case '2':
		return kind == '2' ? 24 : (uint64_t)(kind - '0');
	case 'f':
		return descriptor(g, nr);
	case 'F':
		return below(g, 2) ? (uint64_t)AT_FDCWD : below(g, 2) ? FD_DIR : descriptor(g, nr);
	case 'X': {
		static const char *const names[] = {
			"user.a", "user.b", "trusted.x", "security.y", "system.posix_acl_access",
			"user.",  "a"};

		return U(ONE_OF(g, names));
	}
	case 'Q':
		return U(below(g, 2) ? "q1" : below(g, 2) ? "q2" : "/q");
	case 'y':
		return (below(g, 3) == 0 ? SOCK_STREAM
			: below(g, 2)	 ? SOCK_DGRAM
					 : SOCK_SEQPACKET) |
		       (below(g, 2) ? SOCK_NONBLOCK : 0);
	case 's':
		return U(ONE_OF(g, paths));
	case 't':
		return nr == SYS_mount
			       ? U(ONE_OF(g, ((const char *const[]){"tmpfs", "proc", "sysfs",
								    "mqueue", "devpts", "devtmpfs",
								    "ramfs", "cgroup2"})))
		       : below(g, 10) ? record(g, kind)
				      : 0;
	case 'b':
		return buffer(g);
	case 'l':
		return length(g);
	case 'o':
		return below(g, 8) ? below(g, 40) * PAGE +
					     (below(g, 4) || nr == SYS_mmap ? 0 : below(g, PAGE))
				   : odd(g);
	case 'O':
		return below(g, 2) ? 0 : buffer(g);
	case 'n':
	case 'V':
		return below(g, 8);
	case 'r':
		return roll(g);
	case 'x':
		return bits(g);
	case 'g':
		return below(g, 66);
	case 'p':
		return pid(g);
	case 'a':
		return below(g, 30) ? arena(g) : arena(g) + below(g, PAGE);
	case 'L':
		return extent(g);
	case 'P':
		return below(g, 30) ? (below(g, 3) ? 3 : below(g, 8)) : roll(g);
	case 'M':
		return map_flags(g, nr);
	case 'A':
		return nr == SYS_ptrace ? arena(g) + below(g, 512) * 8 : advice(g);
	case 'i':
		return below(g, 12);
	case 'k':
		return below(g, 6);
	case 'c':
		return below(g, 12);
	case 'u':
		return below(g, 3) ? (below(g, 2) ? 0 : 1000) : (uint64_t)-1;
	case 'z':
		return 8;
	case 'q':
		return 7 + (below(g, 4) ? 0 : below(g, 110));
	case 'B':
		return (uint64_t)sys(SYS_brk, 0) +
		       (below(g, 2) ? below(g, 64) * PAGE : -(uint64_t)below(g, 40) * PAGE);
	case 'C':
		return command(g, nr);
	case 'U': {
		static const unsigned int flags[] = {0,
						     CLONE_NEWNS,
						     CLONE_NEWUTS,
						     CLONE_NEWIPC,
						     CLONE_NEWUSER,
						     CLONE_NEWPID,
						     CLONE_NEWNET,
						     CLONE_FS,
						     CLONE_FILES,
						     0x80,
						     CLONE_NEWCGROUP,
						     CLONE_NEWUSER | CLONE_NEWNS,
						     CLONE_NEWUSER | CLONE_NEWPID,
						     CLONE_SYSVSEM};

		return ONE_OF(g, flags);
	}
	default:
		return record(g, kind);
	}
}

unsigned int pick_call(struct gust *g)
{
	static unsigned int all;
	unsigned int sum = 0, i, at;

	if (!all) {
		for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			sum += (unsigned int)table[i].weight;
		all = sum;
	}
	at = below(g, all);
	for (i = 0; at >= (unsigned int)table[i].weight; i++)
		at -= (unsigned int)table[i].weight;
	return i;
}

long call_nr(unsigned int entry)
{
	return table[entry].nr;
}

const char *call_kinds(unsigned int entry)
{
	return table[entry].args;
}

const char *pick_path(struct gust *g)
{
	return ONE_OF(g, paths);
}

const char *pick_text(struct gust *g)
{
	return ONE_OF(g, texts);
}
