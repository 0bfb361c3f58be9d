// SPDX-License-Identifier: MIT
/*
 * Programs that mean no good: system calls on files with arguments that are wrong, in every combination that a random generator comes
 * by. The kernel must go on, and say so; what the calls return is their affair. Static, with glibc.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 150
#define CALLS 600
#define MEMORY 65536 /* a page of any kernel */

/* Files, pipes, sockets, polls. What ends or stops programs is left out, and what waits for ever is ended by an alarm. */
static const short calls[] = {
	SYS_getcwd,
	SYS_eventfd2,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_dup,
	SYS_dup3,
	SYS_fcntl,
	SYS_ioctl,
	SYS_flock,
	SYS_mknodat,
	SYS_mkdirat,
	SYS_unlinkat,
	SYS_symlinkat,
	SYS_linkat,
	SYS_renameat,
	SYS_umount2,
	SYS_mount,
	SYS_statfs,
	SYS_fstatfs,
	SYS_truncate,
	SYS_ftruncate,
	SYS_fallocate,
	SYS_faccessat,
	SYS_chdir,
	SYS_fchdir,
	SYS_chroot,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchownat,
	SYS_fchown,
	SYS_openat,
	SYS_close,
	SYS_pipe2,
	SYS_getdents64,
	SYS_lseek,
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_pwrite64,
	SYS_preadv,
	SYS_pwritev,
	SYS_sendfile,
	SYS_pselect6,
	SYS_ppoll,
	SYS_vmsplice,
	SYS_splice,
	SYS_tee,
	SYS_readlinkat,
	SYS_newfstatat,
	SYS_fstat,
	SYS_fsync,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_utimensat,
	SYS_umask,
	SYS_socket,
	SYS_socketpair,
	SYS_bind,
	SYS_listen,
	SYS_accept,
	SYS_connect,
	SYS_getsockname,
	SYS_getpeername,
	SYS_sendto,
	SYS_recvfrom,
	SYS_setsockopt,
	SYS_getsockopt,
	SYS_shutdown,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_mmap,
	SYS_munmap,
	SYS_renameat2,
	SYS_preadv2,
	SYS_pwritev2,
	SYS_statx,
	SYS_close_range,
	SYS_copy_file_range,
	SYS_fadvise64,
	SYS_memfd_create,
};

static uint64_t state;

static uint64_t roll(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static char *memory;
static int null; /* opened before anybody can remove the name */

static const char *const paths[] = {
	"/h/a",
	"/h/b",
	"/h/d",
	"/h/d/x",
	"/h/l",
	"/h/loop",
	"/h/fifo",
	"/h/s",
	"/h/m",
	"/h/m/f",
	".",
	"..",
	"",
	"/",
	"/h/d/../d/./y/",
	"/dev/zero",
	"/dev/null",
	"/dev/full",
	"/proc/self/maps",
	"/proc/self/fd",
	"/proc/self/exe",
	"a",
	"../h/b",
	"/h/d/",
	"tmpfs",
	"/h/none/x",
};

static uint64_t argument(void)
{
	static const uint64_t odd[] = {
		0,
		1,
		2,
		3,
		4096,
		4095,
		~0ULL,
		1ULL << 63,
		(1ULL << 63) - 1,
		1ULL << 32,
		0xffffffff,
		0x7fffffff,
		(uint64_t)AT_FDCWD,
		0xffff000000000000,
		0xffff800008000000,
		1ULL << 48,
		8,
		16,
		64,
		512,
		100000,
		0x541b,
		0x5401,
		0x40000,
		02000,
		0100,
		040000,
	};

	switch (roll() % 8) {
	case 0:
	case 1:
		return roll() % 24; /* a descriptor, flags */
	case 2:
		return (uint64_t)(uintptr_t)paths[roll() % (sizeof(paths) / sizeof(paths[0]))];
	case 3:
		return (uint64_t)(uintptr_t)memory + roll() % 8192;
	case 4:
		/* Across the end of what is mapped. */
		return (uint64_t)(uintptr_t)memory + MEMORY - roll() % 64;
	case 5:
		return roll() >> roll() % 64;
	default:
		return odd[roll() % (sizeof(odd) / sizeof(odd[0]))];
	}
}

static void child(unsigned int seed)
{
	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	memory = mmap(NULL, 2 * MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(memory + MEMORY, MEMORY);
	for (int i = 0; i < MEMORY; i += 8) {
		uint64_t v = argument();

		memcpy(memory + i, &v, 8);
	}
	/* The console is the parent's. */
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	chdir("/h");
	signal(SIGPIPE, SIG_IGN);
	alarm(2);
	for (int i = 0; i < CALLS; i++) {
		long nr = calls[roll() % (sizeof(calls) / sizeof(calls[0]))];
		uint64_t a[6];

		for (int j = 0; j < 6; j++)
			a[j] = argument();
		/* Nothing over the root or /h, whose end would be the others' too. */
		if (nr == SYS_mount && (const char *)a[1] != paths[8])
			continue;
		/* Not all memory at once: that is another test. */
		if ((nr == SYS_fallocate && a[3] > 1 << 20) ||
		    ((nr == SYS_pwrite64 || nr == SYS_write) && a[2] > 1 << 20))
			continue;
		if (nr == SYS_mmap && (uint64_t)a[1] > 1 << 24)
			continue;
		syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	_exit(0);
}

int main(void)
{
	int ended = 0, killed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	null = open("/dev/null", O_RDWR);
	for (unsigned int seed = 1; seed <= CHILDREN; seed++) {
		int status;

		/* What the last one has left is not the next one's ground. */
		umount2("/h", MNT_DETACH);
		mkdir("/h", 0755);
		mount("h", "/h", "tmpfs", 0, "size=16m");
		mkdir("/h/d", 0755);
		mkdir("/h/m", 0755);
		close(open("/h/a", O_CREAT | O_RDWR, 0644));
		symlink("a", "/h/l");
		symlink("loop", "/h/loop");
		mkfifo("/h/fifo", 0644);
		if (!fork())
			child(seed);
		if (wait(&status) < 0)
			break;
		ended += status == 0;
		killed += status != 0;
		if (seed % 25 == 0)
			printf("hostile: %u\n", seed);
	}
	umount2("/h", MNT_DETACH);
	printf("hostile: %d ended, %d were ended\n", ended, killed);
	printf("hostile: done\n");
	return ended + killed != CHILDREN;
}
