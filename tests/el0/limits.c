// SPDX-License-Identifier: MIT
/* Limits that programs set and the kernel heeds: of semaphores, ids and modes of System V's objects, CPU time, sizes, running programs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "abi.h"

#define CACHESTAT 451

union semun {
	int val;
	struct semid_ds *buf;
	struct seminfo *info;
};

static int child(int (*fn)(void))
{
	int status, pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return status;
}

static long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	long n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int err = errno;

	close(fd);
	errno = err;
	return n;
}

static int reads(const char *path, const char *want)
{
	char text[100] = "";
	int fd = open(path, O_RDONLY);

	check(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, path);
	close(fd);
	return !strcmp(text, want);
}

/* ------------------------------------------------------------------ System V */

static int shm;

static int as_nobody(void)
{
	setgid(65534);
	setuid(65534);
	FAILS(shmget(0x1234, 0, 0111), EACCES);
	FAILS(semget(0x2345, 0, 0111), EACCES);
	FAILS((long)shmat(shm, NULL, 0), EACCES);
	return failures;
}

static int write_it(void)
{
	volatile char *a = shmat(shm, NULL, SHM_RDONLY);

	FAILS(mprotect((void *)a, 4096, PROT_READ | PROT_WRITE), EACCES);
	/* Nor by another mapping of the same. */
	FAILS(remap_file_pages((void *)a, 4096, 0, 1, 0), EINVAL);
	FAILS(mprotect((void *)a, 4096, PROT_READ | PROT_WRITE), EACCES);
	if (failures)
		return 1;
	a[0] = 1;
	return 0;
}

#define PLACE ((void *)0x200000000UL)
static int attaching;

/* How often another thread made it writable. */
static void *make_writable(void *made)
{
	while (__atomic_load_n(&attaching, __ATOMIC_ACQUIRE))
		*(long *)made += !mprotect(PLACE, 8192, PROT_READ | PROT_WRITE);
	return NULL;
}

static int attach_often(void)
{
	pthread_t t;
	long made = 0;

	attaching = 1;
	check(!pthread_create(&t, NULL, make_writable, &made), "a thread");
	for (int i = 0; i < 3000; i++) {
		check(shmat(shm, PLACE, SHM_RDONLY) == PLACE, "it is attached");
		WORKS(shmdt(PLACE));
	}
	__atomic_store_n(&attaching, 0, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	check(!made, "nor while it is attached");
	return failures;
}

static int lock_own(void)
{
	struct rlimit none = {0, 0};
	int id;

	setuid(65534);
	id = shmget(IPC_PRIVATE, 4096, 0600);
	WORKS(shmctl(id, SHM_LOCK, NULL));
	setrlimit(RLIMIT_MEMLOCK, &none);
	FAILS(shmctl(id, SHM_LOCK, NULL), EPERM);
	WORKS(shmctl(id, SHM_UNLOCK, NULL));
	shmctl(id, IPC_RMID, NULL);
	return failures;
}

static void segments(void)
{
	struct shmid_ds d;
	void *a;

	shm = shmget(0x1234, 8192, IPC_CREAT | 0660);
	check(shm >= 0, "a segment");
	WORKS(semget(0x2345, 3, IPC_CREAT | 0600));
	check(!child(as_nobody), "who may not reads no mode that it has not");
	a = shmat(shm, (void *)1, SHM_RND);
	check(!a, "SHM_RND rounds down to 0, and root has it there");
	FAILS((long)shmat(shm, (void *)1, SHM_RND | SHM_REMAP), EINVAL);
	FAILS((long)shmat(shm, (void *)4096, 0), EINVAL);
	WORKS(shmdt(a));
	FAILS((long)shmat(shm, (void *)(1UL << 60), 0), ENOMEM);
	check(child(write_it) == SIGSEGV, "what is attached to be read stays so");
	check(!child(attach_often), "and no other thread is faster");
	check(!child(lock_own), "the owner locks a segment within his limit");
	shmctl(shm, IPC_STAT, &d);
	d.shm_perm.uid = (uid_t)-1;
	FAILS(shmctl(shm, IPC_SET, &d), EINVAL);
	WORKS(shmctl(shm, IPC_RMID, NULL));
	FAILS(shmget(0x1234, 0, 0), ENOENT);
}

/* A namespace has limits and ids of its own. */
static int in_own_ipc(void)
{
	check(!unshare(CLONE_NEWIPC), "an IPC namespace");
	check(reads("/proc/sys/kernel/sem", "32000\t1024000000\t500\t32000\n"),
	      "it begins with limits of its own");
	WORKS(put("/proc/sys/kernel/sem", "4 4 4 4"));
	FAILS(semget(IPC_PRIVATE, 5, 0600), EINVAL);
	check(semget(IPC_PRIVATE, 4, 0600) == 0, "its first set has the first id");
	FAILS(semget(IPC_PRIVATE, 1, 0600), ENOSPC);
	return failures;
}

static void semaphores(void)
{
	static const char path[] = "/proc/sys/kernel/sem", all[] = "32000 1024000000 500 32000";
	struct sembuf ops[4] = {{0}};
	struct seminfo info;
	union semun u = {.info = &info};
	static int ids[5000];
	int id, many = 0;

	WORKS(semctl(semget(0x2345, 0, 0), 0, IPC_RMID));
	WORKS(put(path, "8 12 3 2"));
	check(reads(path, "8\t12\t3\t2\n"), "the four limits are as they were written");
	FAILS(semget(0x444, 9, IPC_CREAT | 0600), EINVAL);
	id = semget(IPC_PRIVATE, 8, 0600);
	FAILS(semget(IPC_PRIVATE, 5, 0600), ENOSPC);
	FAILS(semop(id, ops, 4), E2BIG);
	WORKS(semop(id, ops, 3));
	ids[0] = semget(IPC_PRIVATE, 4, 0600);
	check(ids[0] >= 0, "as many as the limit of all");
	FAILS(semget(IPC_PRIVATE, 1, 0600), ENOSPC);
	WORKS(semctl(0, 0, IPC_INFO, u));
	check(info.semmni == 2 && info.semmsl == 8 && info.semopm == 3 && info.semmns == 12,
	      "IPC_INFO knows the limits");
	check(!child(in_own_ipc), "another namespace has limits of its own");
	check(reads(path, "8\t12\t3\t2\n"), "and leaves these as they are");
	semctl(id, 0, IPC_RMID);
	semctl(ids[0], 0, IPC_RMID);
	WORKS(put(path, "100"));
	check(reads(path, "100\t12\t3\t2\n"), "one of the four alone");
	FAILS(put(path, "32000 1024000000 500 40000"), ERANGE);
	check(reads(path, "32000\t1024000000\t500\t2\n"), "those before the wrong one hold");
	WORKS(put(path, all));
	WORKS(put("/proc/sys/kernel/sem_next_id", "55"));
	id = semget(IPC_PRIVATE, 1, 0600);
	check(id == 55, "sem_next_id says the next id");
	check(reads("/proc/sys/kernel/sem_next_id", "-1\n"), "once");
	semctl(id, 0, IPC_RMID);
	/* More than one page of places; keys are found among them all. */
	while (many < 5000 && (ids[many] = semget(many + 0x10000, 1, IPC_CREAT | 0600)) >= 0)
		many++;
	check(many == 5000, "5000 sets");
	id = 0;
	for (int i = 0; i < many; i++)
		id += semget(i + 0x10000, 1, 0) == ids[i];
	check(id == 5000, "each is found by its key");
	for (int i = 0; i < many; i++)
		semctl(ids[i], 0, IPC_RMID);
	FAILS(semget(0x10000 + 4999, 1, 0), ENOENT);
	id = semget(IPC_PRIVATE, 1, 0600);
	check(id >= 0 && id != ids[0], "an id does not come back soon");
	semctl(id, 0, IPC_RMID);
}

/* ------------------------------------------------------------------ CPU time, sizes */

static volatile int *warned;

static void warn(int sig)
{
	*warned += sig == SIGXCPU;
}

static int spin(void)
{
	struct rlimit limit = {1, 2};

	signal(SIGXCPU, warn);
	setrlimit(RLIMIT_CPU, &limit);
	while (*warned < 100)
		;
	return 0;
}

static int spin_later(void)
{
	struct rlimit limit = {1, 1};
	int status;

	setrlimit(RLIMIT_CPU, &limit);
	/* It holds for who is forked, too. */
	for (int pid = fork(); !pid;)
		;
	wait(&status);
	return status;
}

static int grow(void)
{
	struct rlimit limit = {100, 100};
	int fd = open("/tmp/grow", O_RDWR | O_CREAT, 0600);

	signal(SIGXFSZ, SIG_IGN);
	WORKS(ftruncate(fd, 200));
	setrlimit(RLIMIT_FSIZE, &limit);
	WORKS(ftruncate(fd, 150));
	FAILS(ftruncate(fd, 151), EFBIG);
	FAILS(truncate("/tmp/grow", 160), EFBIG);
	FAILS(fallocate(fd, 0, 0, 4096), EFBIG);
	if (failures)
		return 1;
	signal(SIGXFSZ, SIG_DFL);
	(void)!ftruncate(fd, 4096);
	return 0;
}

static void times_and_sizes(void)
{
	struct {
		unsigned long off, len;
	} all = {0, 0};
	unsigned long stat[5] = {0};
	int fd = open("/tmp/sparse", O_RDWR | O_CREAT, 0600);

	warned = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(child(spin) == SIGKILL, "at the hard limit of CPU time a process is killed");
	check(*warned == 1, "and was warned at the soft one");
	check(child(spin_later) == SIGKILL << 8,
	      "a child has its parent's limit, and time of its own");
	check(child(grow) == SIGXFSZ, "RLIMIT_FSIZE holds for what makes files longer");
	/* Holes of 2^50 pages are passed over at once. */
	WORKS(ftruncate(fd, 1L << 62));
	check(pwrite(fd, "x", 1, 1L << 61) == 1, "a byte in the middle of nothing");
	check(lseek(fd, 0, SEEK_DATA) == 1L << 61, "SEEK_DATA finds it");
	check(lseek(fd, 1L << 61, SEEK_HOLE) == (1L << 61) + PAGE, "and SEEK_HOLE what follows");
	FAILS(lseek(fd, (1L << 61) + PAGE, SEEK_DATA), ENXIO);
	WORKS(syscall(CACHESTAT, fd, &all, stat, 0));
	check(stat[0] == 1, "cachestat counts one page");
	close(fd);
	unlink("/tmp/sparse");
}

/* ------------------------------------------------------------------ running programs */

static int own_exec(void)
{
	char *args[] = {"run", "run", NULL};

	return execv("/tmp/copy", args);
}

static void programs(void)
{
	char text[8192];
	int from = open("/init", O_RDONLY), to = open("/tmp/copy", O_WRONLY | O_CREAT, 0755),
	    status;
	int busy[2], pid;
	long n;

	while ((n = read(from, text, sizeof(text))) > 0)
		(void)!write(to, text, (size_t)n);
	check(child(own_exec) == 0xff00, "a file open to be written is no program");
	close(to);
	FAILS(open("/init", O_WRONLY), ETXTBSY);
	FAILS(open("/init", O_RDONLY | O_TRUNC), ETXTBSY);
	FAILS(truncate("/init", 5), ETXTBSY);
	(void)!pipe(busy);
	pid = fork();
	if (!pid) {
		dup2(busy[0], 0);
		close(busy[1]);
		own_exec();
	}
	/* It says when it runs. */
	(void)!write(busy[1], "a", 1);
	while (lseek(from, 0, SEEK_SET),
	       readlink("/proc/self/exe", text, 10) && kill(pid, 0) == 0) {
		char path[40], where[40] = "";

		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		if (readlink(path, where, sizeof(where) - 1) > 0 && !strcmp(where, "/tmp/copy"))
			break;
	}
	FAILS(open("/tmp/copy", O_RDWR), ETXTBSY);
	close(busy[1]);
	waitpid(pid, &status, 0);
	to = open("/tmp/copy", O_RDWR);
	check(to >= 0, "when it has ended the file can be written");
	close(to);
}

/* ------------------------------------------------------------------ modes that root heeds */

static int cut_file(void)
{
	setuid(65534);
	FAILS(truncate("/tmp/whose", 0), EACCES);
	return failures;
}

static void modes(void)
{
	int fd = open("/tmp/whose", O_RDWR | O_CREAT, 0600);
	struct stat st;
	char pages[16];

	(void)!write(fd, "mine", 4);
	check(!child(cut_file), "who may not write a file may not cut it");
	fstat(fd, &st);
	check(st.st_size == 4, "and it is as long as before");
	FAILS(open("/proc/sys/vm/compact_memory", O_RDONLY), EACCES);
	FAILS(open("/proc/sys/vm/drop_caches", O_RDWR), EACCES);
	FAILS(open("/proc/sys/kernel/ostype", O_WRONLY), EACCES);
	mount("sys", "/sys", "sysfs", 0, NULL);
	FAILS(open("/sys/devices/system/cpu/online", O_WRONLY), EACCES);
	WORKS(open("/proc/meminfo", O_WRONLY));
	snprintf(pages, sizeof(pages), "%ld", PAGE / 8);
	FAILS(put("/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", pages), EINVAL);
	FAILS(put("/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan", "0"), EINVAL);
}

/* ------------------------------------------------------------------ files that are not moved, placed or entered */

static void other_files(void)
{
	static const char *const refused[] = {"/proc/self/maps", "/proc/self/status", "/proc/kmsg",
					      "/proc/swaps", "/proc/sysvipc/shm"};
	static const char *const moved[] = {"/proc/meminfo", "/proc/self/mounts",
					    "/proc/sys/kernel/ostype"};
	unsigned long args[11] = {0x200000000UL, [4] = SIGCHLD, [10] = 999};
	int p[2], fd;

	(void)!pipe(p);
	for (unsigned int i = 0; i < 5; i++) {
		fd = open(refused[i], O_RDONLY | O_NONBLOCK);
		FAILS(splice(fd, NULL, p[1], NULL, 100, 0), EINVAL);
		FAILS(sendfile(p[1], fd, NULL, 100), EINVAL);
		close(fd);
	}
	for (unsigned int i = 0; i < 3; i++) {
		fd = open(moved[i], O_RDONLY);
		check(splice(fd, NULL, p[1], NULL, 4, 0) == 4, moved[i]);
		close(fd);
	}
	fd = open("/proc/self/comm", O_WRONLY);
	FAILS(splice(p[0], NULL, fd, NULL, 2, 0), EINVAL);
	check(lseek(epoll_create1(0), 5, SEEK_SET) == 0, "epoll stays at 0");
	check(lseek(inotify_init1(0), 5, SEEK_SET) == 0, "inotify too");
	FAILS(lseek((int)syscall(SYS_pidfd_open, getpid(), 0), 5, SEEK_SET), ESPIPE);
	FAILS(syscall(SYS_clone3, args, 88), EBADF);
	FAILS(syscall(SYS_clone3, args, 80), EINVAL);
}

/* A segment that was removed is not there any more when its last area goes, and no other call brings it back. */
static void removed_segments(void)
{
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
	int bad = 0;

	for (int i = 0; i < 200; i++) {
		int id = shmget(IPC_PRIVATE, page, IPC_CREAT | 0600);
		char *p = shmat(id, NULL, 0);

		p[0] = 1;
		shmctl(id, IPC_RMID, NULL);
		munmap(p, page);
		p = shmat(id, NULL, 0);
		bad += p != (void *)-1 || errno != EINVAL;
	}
	check(!bad, "a removed segment ends with its last area");
	for (int i = 0; i < 200; i++) {
		int id = shmget(IPC_PRIVATE, page, IPC_CREAT | 0600);
		char *p = shmat(id, NULL, 0), *q;

		shmctl(id, IPC_RMID, NULL);
		q = shmat(id, NULL, 0);
		munmap(p, page);
		bad += q == (void *)-1 || (q[0] = 1, munmap(q, page));
	}
	check(!bad, "and is attached as long as it has one");
}

/* A pipe's reader sees its end, whatever mmap was asked for with the other one. */
static void refused_mappings(void)
{
	int fds[2];
	char c;

	check(!pipe(fds), "a pipe");
	for (int i = 0; i < 3; i++)
		FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_HUGETLB, fds[1], 0),
		      EINVAL);
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	check(read(fds[0], &c, 1) == 0, "mmap that is refused holds no file");
	close(fds[0]);
}

/* What areas have let go of is closed for whoever asks next. */
static void closed_by_munmap(void)
{
	void *p;
	int fd;

	mkdir("/tmp/m", 0755);
	check(!mount("t", "/tmp/m", "tmpfs", 0, NULL), "a file system");
	fd = open("/tmp/m/f", O_CREAT | O_RDWR, 0600);
	check(!ftruncate(fd, 65536), "with a file");
	p = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	munmap(p, 65536);
	check(!umount("/tmp/m"), "is taken off right after its last area has gone");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "run")) {
		char c;

		/* Until the pipe ends. */
		while (read(0, &c, 1) > 0)
			;
		return 0;
	}
	begin();
	mkdir("/sys", 0755);
	segments();
	removed_segments();
	refused_mappings();
	closed_by_munmap();
	semaphores();
	times_and_sizes();
	programs();
	modes();
	other_files();
	return end("limits");
}
