// SPDX-License-Identifier: MIT
/*
 * System V shared memory and semaphores, pidfds, core dumps, and timers that come very often: says "ok ..." or "not ok ..." of each
 * thing, the same on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures;

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

#define fails(call, e) (errno = 0, (long)(call) == -1 && errno == (e))

static void test_shm(void)
{
	int id = shmget(0x1234, 10000, IPC_CREAT | IPC_EXCL | 0600), status;
	struct shmid_ds ds;
	char *p, *q;

	check(id >= 0, "a segment is made");
	check(fails(shmget(0x1234, 1, IPC_CREAT | IPC_EXCL), EEXIST), "its key is taken");
	check(shmget(0x1234, 1, 0) == id, "it is found by its key");
	check(fails(shmget(0x1234, 20000, 0), EINVAL), "it is not larger than it is");
	check(fails(shmget(0x4321, 1, 0), ENOENT), "there is no other one");
	check(fails(shmget(IPC_PRIVATE, 0, 0600), EINVAL), "none without size");
	p = shmat(id, NULL, 0);
	q = shmat(id, NULL, SHM_RDONLY);
	check(p != (void *)-1 && q != (void *)-1 && p != q, "it is attached twice");
	strcpy(p + 9000, "hello");
	check(!strcmp(q + 9000, "hello"), "both show the same");
	check(!shmctl(id, IPC_STAT, &ds) && ds.shm_nattch == 2 && ds.shm_segsz == 10000 &&
		      ds.shm_cpid == getpid() && (ds.shm_perm.mode & 0777) == 0600,
	      "it says so");
	check(fails(shmat(id, p, 0), EINVAL), "what is mapped is not replaced");
	check(shmat(id, p, SHM_REMAP) == p && !strcmp(p + 9000, "hello"), "unless it is asked for");
	check(fails(shmat(id, p + 5, 0), EINVAL), "an odd address is refused");
	if (!fork()) {
		int good = !strcmp(p + 9000, "hello") && !shmctl(id, IPC_STAT, &ds) &&
			   ds.shm_nattch == 4;

		p[0] = 'c';
		_exit(!good);
	}
	wait(&status);
	check(status == 0 && p[0] == 'c' && q[0] == 'c', "a child shares it");
	check(!shmctl(id, IPC_STAT, &ds) && ds.shm_nattch == 2, "and lets it go at its end");
	check(!shmdt(q), "it is detached");
	check(fails(shmdt(q), EINVAL), "once");
	check(!shmctl(id, IPC_RMID, NULL), "it is removed");
	check(fails(shmget(0x1234, 1, 0), ENOENT), "nobody finds its key");
	check(p[0] == 'c' && !shmctl(id, IPC_STAT, &ds) && ds.shm_perm.mode & SHM_DEST &&
		      ds.shm_nattch == 1,
	      "who has it keeps it");
	check(!shmdt(p) && fails(shmctl(id, IPC_STAT, &ds), EINVAL), "it goes with the last one");
}

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

static void test_sem(void)
{
	int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600), status, pid;
	struct sembuf take = {0, -1, 0}, both[2] = {{0, 1, 0}, {1, -1, IPC_NOWAIT}},
		      undo = {2, 5, SEM_UNDO}, zero = {0, 0, IPC_NOWAIT};
	struct timespec soon = {0, 20000000};
	unsigned short v[3] = {1, 2, 3};

	check(id >= 0, "semaphores are made");
	check(!semctl(id, 0, SETALL, (union semun){.array = v}) && semctl(id, 1, GETVAL) == 2,
	      "they have values");
	check(!semop(id, &take, 1) && semctl(id, 0, GETVAL) == 0 &&
		      semctl(id, 0, GETPID) == getpid(),
	      "one is taken");
	check(!semop(id, &zero, 1), "zero is zero");
	semctl(id, 1, SETVAL, (union semun){.val = 0});
	check(fails(semop(id, both, 2), EAGAIN) && semctl(id, 0, GETVAL) == 0, "all or nothing");
	check(fails(semtimedop(id, &take, 1, &soon), EAGAIN), "time is over");
	pid = fork();
	if (!pid)
		_exit(semop(id, &take, 1) != 0);
	while (semctl(id, 0, GETNCNT) != 1)
		usleep(1000);
	take.sem_op = 1;
	check(!semop(id, &take, 1), "one is given");
	waitpid(pid, &status, 0);
	check(status == 0 && semctl(id, 0, GETVAL) == 0, "who waits has it");
	if (!fork())
		_exit(semop(id, &undo, 1) || semctl(id, 2, GETVAL) != 8);
	wait(&status);
	check(status == 0 && semctl(id, 2, GETVAL) == 3, "what is to be undone is");
	take.sem_num = 7;
	check(fails(semop(id, &take, 1), EFBIG), "there is no eighth");
	check(fails(semctl(id, 0, SETVAL, (union semun){.val = 40000}), ERANGE), "values end");
	take.sem_num = 0, take.sem_op = -1;
	pid = fork();
	if (!pid)
		_exit(!fails(semop(id, &take, 1), EIDRM));
	while (semctl(id, 0, GETNCNT) != 1)
		usleep(1000);
	check(!semctl(id, 0, IPC_RMID), "they are removed");
	waitpid(pid, &status, 0);
	check(status == 0, "who waits is told");
	check(fails(semctl(id, 0, GETVAL), EINVAL), "they are gone");
}

static void test_pidfd(void)
{
	int pid = fork(), fd;
	struct pollfd p = {.events = POLLIN};
	siginfo_t info = {0};

	if (!pid) {
		pause();
		_exit(0);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	p.fd = fd;
	check(fd >= 0, "a descriptor of a child");
	check(poll(&p, 1, 0) == 0, "which lives");
	check(!syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), "it is sent a signal");
	check(poll(&p, 1, 5000) == 1 && p.revents == POLLIN, "it has ended");
	check(!waitid(3 /* P_PIDFD */, (unsigned)fd, &info, WEXITED) && info.si_pid == pid &&
		      info.si_status == SIGTERM,
	      "it is waited for");
	check(fails(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH), "it is gone");
	check(poll(&p, 1, 0) == 1, "and poll says so");
	check(fails(syscall(SYS_pidfd_open, pid, 0), ESRCH), "nobody has its number");
	close(fd);
}

/* A text that is nowhere in the program's own data. */
static void make_secret(char *p, char first)
{
	for (int i = 0; i < 16; i++)
		p[i] = (char)(first + i * 7 % 11);
}

static int contains(const char *file, char first)
{
	static char buf[1 << 16];
	char secret[16];
	int fd = open(file, O_RDONLY), found = 0;
	off_t at = 0;

	make_secret(secret, first);
	while (fd >= 0 && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
		ssize_t n = pread(fd, buf, sizeof(buf), at);

		if (n <= 0)
			break;
		found |= memmem(buf, (size_t)n, secret, sizeof(secret)) != NULL;
		at += n;
	}
	memset(secret, 0, sizeof(secret));
	memset(buf, 0, sizeof(buf));
	close(fd);
	return found;
}

static int dump(int limit, int sig, char *file)
{
	int pid = fork(), status = 0;

	if (!pid) {
		struct rlimit rl = {limit ? RLIM_INFINITY : 0, RLIM_INFINITY};
		char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
		char *q = mmap(NULL, 1L << 34, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		setrlimit(RLIMIT_CORE, &rl);
		make_secret(p + 8192, 'A');
		make_secret(q + (1L << 33), 'b');
		madvise(q, 1L << 34, MADV_DONTDUMP);
		kill(getpid(), sig);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	sprintf(file, "/tmp/dump-%d-%d", pid, sig);
	return status;
}

static void test_core(void)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
	struct stat st;
	char file[64];

	check(write(fd, "/tmp/dump-%p-%s", 15) == 15, "the name of dumps is set");
	close(fd);
	check(dump(0, SIGABRT, file) == SIGABRT && access(file, F_OK),
	      "no dump where the limit is 0");
	check(dump(1, SIGTERM, file) == SIGTERM && access(file, F_OK), "none of SIGTERM");
	check(dump(1, SIGSEGV, file) == (SIGSEGV | 0x80), "one of SIGSEGV");
	check(!stat(file, &st) && st.st_mode == (S_IFREG | 0600), "it is its owner's");
	check(st.st_size > 65536 && st.st_blocks < 100000, "and has what the program had");
	check(contains(file, 'A'), "memory is in it");
	check(!contains(file, 'b'), "but not what is not to be dumped");
	unlink(file);
	fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
	check(write(fd, "core", 4) == 4, "the name is what it was");
	close(fd);
}

/* Every microsecond, more than a machine can do: what others do must go on, and nothing may be lost. */
static void test_often(void)
{
	struct itimerspec often = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
	struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
	struct timespec wait = {0, 50000000}, start, end;
	uint64_t n = 0;
	timer_t timer[8];
	int fd[64];

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 64; i++) {
		fd[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
		timerfd_settime(fd[i], 0, &often, NULL);
	}
	for (int i = 0; i < 8; i++) {
		timer_create(CLOCK_MONOTONIC, &quiet, &timer[i]);
		timer_settime(timer[i], 0, &often, NULL);
	}
	check(!nanosleep(&wait, NULL), "one sleeps while 72 timers run out every microsecond");
	check(read(fd[0], &n, 8) == 8, "a timer is read");
	clock_gettime(CLOCK_MONOTONIC, &end);
	check(n >= 50000 && n <= (uint64_t)((end.tv_sec - start.tv_sec) * 1000000 +
					    (end.tv_nsec - start.tv_nsec) / 1000 + 1),
	      "and tells every time");
	for (int i = 0; i < 64; i++)
		close(fd[i]);
	for (int i = 0; i < 8; i++)
		check(!timer_settime(timer[i], 0, &off, NULL), "a timer is stopped");
}

int main(void)
{
	test_core();
	test_often();
	test_shm();
	test_sem();
	test_pidfd();
	printf("%s\n", failures ? "FAILED" : "ALL GOOD");
	return failures != 0;
}
