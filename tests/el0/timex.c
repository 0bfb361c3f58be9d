// SPDX-License-Identifier: MIT
/* What a time daemon sets: adjtimex and clock_adjtime, the difference of TAI, the time zone; and how many files a table may have. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

static long adjust(int clock, struct timex *t)
{
	return syscall(SYS_clock_adjtime, clock, t);
}

static long set(unsigned int modes, long value)
{
	struct timex t = {
		.modes = modes, .freq = value, .maxerror = value, .constant = value, .tick = value};

	t.esterror = value;
	t.status = (int)value;
	return adjust(CLOCK_REALTIME, &t);
}

static long long now(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void values(void)
{
	struct timex t = {0};

	check(adjust(CLOCK_REALTIME, &t) == TIME_ERROR && t.status == STA_UNSYNC,
	      "nobody has set the clock");
	check(t.maxerror == 16000000 && t.tick == 10000 && t.constant == 2 &&
		      t.tolerance == 500 << 16 && t.precision == 1,
	      "and its values are those of the start");
	check(set(ADJ_STATUS, 0) == TIME_OK, "synchronised, by who says so");
	check(!set(ADJ_FREQUENCY, -(499L << 16)) && !adjust(CLOCK_REALTIME, &(struct timex){0}),
	      "a frequency");
	t = (struct timex){0};
	adjust(CLOCK_REALTIME, &t);
	check(t.freq == -(499L << 16), "is told again");
	set(ADJ_FREQUENCY, 501L << 16);
	adjust(CLOCK_REALTIME, &t);
	check(t.freq == 500L << 16, "and has its bounds");
	FAILS(set(ADJ_FREQUENCY, (long)(~0UL >> 1)), EINVAL);
	FAILS(set(ADJ_TICK, 8999), EINVAL);
	FAILS(set(ADJ_TICK, 11001), EINVAL);
	WORKS(set(ADJ_TICK, 10500));
	set(ADJ_TIMECONST, 3);
	set(ADJ_MAXERROR, -5);
	t = (struct timex){0};
	adjust(CLOCK_REALTIME, &t);
	check(t.tick == 10500 && t.constant == 7 && !t.maxerror, "as are the others");
	set(ADJ_TICK, 10000);
	FAILS(adjust(CLOCK_MONOTONIC, &t), EOPNOTSUPP);
	FAILS(adjust(10, &t), EINVAL);
	FAILS(adjust(CLOCK_REALTIME, (void *)8), EFAULT);
	check(sizeof(t) == 208 && !t.jitter && !t.stbcnt, "nothing of pulses");
}

static long step(long seconds)
{
	struct timex t = {.modes = ADJ_SETOFFSET, .time = {seconds, 0}};

	return adjust(CLOCK_REALTIME, &t);
}

static void steps(void)
{
	struct timex t = {.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {100, 500}};
	long long before = now(CLOCK_REALTIME), tai;

	WORKS(adjust(CLOCK_REALTIME, &t));
	check(now(CLOCK_REALTIME) - before >= 100000000000LL, "a step forward");
	t.time.tv_usec = 1000000000;
	t.modes = ADJ_SETOFFSET | ADJ_NANO;
	FAILS(adjust(CLOCK_REALTIME, &t), EINVAL);
	t.modes = ADJ_SETOFFSET;
	t.time.tv_usec = -1;
	FAILS(adjust(CLOCK_REALTIME, &t), EINVAL);
	WORKS(step(4000000000));
	FAILS(step(4000000000), EINVAL);
	/* Dates of the last 30 years that there are. */
	FAILS(step(8500000000 - now(CLOCK_REALTIME) / 1000000000), EINVAL);
	FAILS(step(LONG_MAX), EINVAL);
	FAILS(step(LONG_MIN), EINVAL);
	WORKS(step(-4000000000));
	check(now(CLOCK_REALTIME) - before < 200000000000LL, "there and back");
	WORKS(set(ADJ_TAI, 37));
	t = (struct timex){0};
	adjust(CLOCK_REALTIME, &t);
	tai = now(CLOCK_TAI);
	check(t.tai == 37 && now(CLOCK_REALTIME) - tai < -36000000000LL, "TAI is ahead");
	set(ADJ_TAI, -1);
	adjust(CLOCK_REALTIME, &t);
	check(t.tai == 37, "and not behind");
}

static void zones(void)
{
	struct timezone zone = {-480, 1}, seen = {0};
	struct timeval tv = {5000000, 1000000};

	WORKS(settimeofday(&(struct timeval){2000000000, 0}, NULL));
	WORKS(syscall(SYS_settimeofday, NULL, &zone));
	syscall(SYS_gettimeofday, NULL, &seen);
	check(seen.tz_minuteswest == -480 && seen.tz_dsttime == 1, "the zone is told again");
	zone.tz_minuteswest = 901;
	FAILS(syscall(SYS_settimeofday, NULL, &zone), EINVAL);
	FAILS(syscall(SYS_settimeofday, &tv, NULL), EINVAL);
	FAILS(syscall(SYS_settimeofday, NULL, 8), EFAULT);
}

static int powerless(void)
{
	struct timex t = {0};
	struct timezone zone = {0};

	if (setresuid(1000, 1000, 1000) || adjust(CLOCK_REALTIME, &t) < 0)
		return 1;
	t.modes = ADJ_STATUS;
	if (adjust(CLOCK_REALTIME, &t) != -1 || errno != EPERM)
		return 2;
	return syscall(SYS_settimeofday, NULL, &zone) != -1 || errno != EPERM;
}

static void write_nr_open(const char *text)
{
	int fd = open("/proc/sys/fs/nr_open", O_WRONLY);

	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "fs.nr_open is set");
	close(fd);
}

static int too_many_files(void)
{
	struct rlimit r = {4096, 4096};

	if (setrlimit(RLIMIT_NOFILE, &r) || dup2(1, 3000) != 3000)
		return 1;
	write_nr_open("2048");
	if (fork() != -1 || errno != EMFILE)
		return 2;
	r.rlim_max = 2049;
	if (setrlimit(RLIMIT_NOFILE, &r) != -1)
		return 3;
	close(3000);
	return fork() == -1;
}

static int child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		exit(fn());
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	begin();
	values();
	steps();
	zones();
	check(!child(powerless), "who has no right to may look");
	check(!child(too_many_files), "a table beyond fs.nr_open is not copied");
	write_nr_open("1048576");
	return end("timex");
}
