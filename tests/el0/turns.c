// SPDX-License-Identifier: MIT
/* What single calls say of other programs' turns and times: who may fork, what is left of a sleep, what is seen of another one's call. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int forks_on_deadline(void)
{
	struct attr a = {.size = sizeof(a),
			 .policy = 6,
			 .runtime = 10000000,
			 .deadline = 30000000,
			 .period = 30000000};
	pid_t pid;

	WORKS(syscall(SYS_sched_setattr, 0, &a, 0));
	FAILS(fork(), EAGAIN);
	a.flags = 1; /* SCHED_FLAG_RESET_ON_FORK */
	WORKS(syscall(SYS_sched_setattr, 0, &a, 0));
	pid = fork();
	if (!pid)
		_exit(sched_getscheduler(0) != SCHED_OTHER);
	check(pid > 0, "who resets on fork forks");
	if (pid > 0) {
		int status;

		waitpid(pid, &status, 0);
		check(status == 0, "and the child is like any other");
	}
	return failures;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A process that sleeps uses no time: only a signal ends who waits for its. */
static void rest_of_a_sleep(void)
{
	const struct timespec want = {100, 0};
	struct timespec left = {0, 0};
	const struct itimerval soon = {{0, 0}, {0, 50000}}, never = {{0, 0}, {0, 0}};
	struct sigaction sa = {.sa_handler = on_alarm};
	clockid_t clock;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	sigaction(SIGALRM, &sa, NULL);
	check(!clock_getcpuclockid(pid, &clock), "the clock of another process");
	setitimer(ITIMER_REAL, &soon, NULL);
	check(clock_nanosleep(clock, 0, &want, &left) == EINTR, "a signal ends a sleep by it");
	check(left.tv_sec == 99 || (left.tv_sec == 100 && !left.tv_nsec),
	      "and what is left is told");
	left.tv_sec = 7;
	setitimer(ITIMER_REAL, &soon, NULL);
	check(clock_nanosleep(clock, TIMER_ABSTIME, &want, &left) == EINTR && left.tv_sec == 7,
	      "not of one to a time");
	setitimer(ITIMER_REAL, &never, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static char call_of[40];

static int looks(void)
{
	char text[200];
	int fd;

	if (setgid(65534) || setuid(65534))
		return 9;
	/* Who may open it is asked then, who may see is asked by each read. */
	fd = open(call_of, O_RDONLY);
	FAILS(fd < 0 ? -1 : read(fd, text, sizeof(text)), fd < 0 ? EACCES : EPERM);
	return failures;
}

static int reads_what_was_opened(void)
{
	char text[200];
	int fd = open(call_of, O_RDONLY);

	if (fd < 0 || setgid(65534) || setuid(65534))
		return 9;
	FAILS(read(fd, text, sizeof(text)), EPERM);
	return failures;
}

static void others_calls(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	snprintf(call_of, sizeof(call_of), "/proc/%d/syscall", pid);
	check(child(looks) == 0, "/proc/PID/syscall is not for everybody");
	check(child(reads_what_was_opened) == 0,
	      "nor for who has opened it and is another one now");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	begin();
	check(child(forks_on_deadline) == 0, "SCHED_DEADLINE is not inherited");
	rest_of_a_sleep();
	others_calls();
	return end("turns");
}
