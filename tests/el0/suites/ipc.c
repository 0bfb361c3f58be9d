// SPDX-License-Identifier: MIT
/* System V shared memory and semaphores, and pidfds: says "ok ..." or "not ok ..." of each thing, the same on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

int main(void)
{
	test_shm();
	test_sem();
	test_pidfd();
	printf("%s\n", failures ? "FAILED" : "ALL GOOD");
	return failures != 0;
}
