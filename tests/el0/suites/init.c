// SPDX-License-Identifier: MIT
/*
 * /init of tests/el0/suites: runs what /suite/list names, one after the other, each in a process group of its own with a time limit.
 *
 * A line of the list is NAME, tab, seconds, tab, COMMAND: a program's name and words, or "sh:" and a text for the shell. It says, each
 * on a line of its own, "@@begin NAME" and "@@end NAME KIND NUMBER MILLISECONDS": exit CODE, signal NUMBER, timeout. What they print
 * goes to the console between these lines. No library, and as few system calls as can be: what a program needs is the program's affair.
 */
#include "../sys.h"

enum {
	NR_mkdirat = 34,
	NR_mount = 40,
	NR_umount2 = 39,
	NR_chdir = 49,
	NR_dup3 = 24,
	NR_nanosleep = 101,
	NR_clock_gettime = 113,
	NR_kill = 129,
	NR_reboot = 142,
	NR_setpgid = 154,
	NR_setsid = 157,
	NR_execve = 221,
	NR_ioctl = 29,
	NR_unlinkat = 35,
	NR_setrlimit = 164,
};
enum { WNOHANG = 1, SIGKILL = 9, ENOSYS = 38 };

int failures;

static char list[1 << 16];

/* The stack at entry is the arguments: none are wanted. */
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tbl main\n1:\tb 1b\n");

/* The compiler may ask for them. */
void *memset(void *p, int c, unsigned long n);
void *memset(void *p, int c, unsigned long n)
{
	for (char *q = p; n--; q++)
		*q = (char)c;
	return p;
}

void *memcpy(void *to, const void *from, unsigned long n);
void *memcpy(void *to, const void *from, unsigned long n)
{
	char *t = to;

	for (const char *f = from; n--; t++, f++)
		*t = *f;
	return to;
}

static long now(void)
{
	long t[2] = {0, 0};

	sys2(NR_clock_gettime, 1, t);
	return t[0] * 1000 + t[1] / 1000000;
}

/* Not 0: the kernel cannot sleep. */
static long pause_ms(long ms)
{
	long t[2] = {ms / 1000, ms % 1000 * 1000000};

	return sys2(NR_nanosleep, t, 0);
}

/* Cut a word off *p at one of the two characters. */
static char *word(char **p, char c, char d)
{
	char *start = *p;

	while (**p && **p != c && **p != d)
		++*p;
	if (**p)
		*(*p)++ = '\0';
	return start;
}

static char *argv[64];
/* ENOUGH: lmbench need not find out for half a minute how long (microseconds) it has to measure. */
static char *envp[] = {
	"PATH=/suite:/bin:/sbin",
	"HOME=/tmp",
	"TERM=linux",
	"TMPDIR=/tmp",
	"USER=root",
	"PWD=/suite",
	"ENOUGH=5000",
	0,
};

static void try_in(const char *dir)
{
	char path[256], *p = path;

	while (*dir)
		*p++ = *dir++;
	for (const char *s = argv[0]; *s && p < path + sizeof(path) - 1; s++)
		*p++ = *s;
	*p = '\0';
	sys3(NR_execve, path, argv, envp);
}

static void run(char *command)
{
	long fd = sys3(NR_openat, -100, "/dev/null", 0);
	int n = 0;

	if (fd > 0) {
		sys3(NR_dup3, fd, 0, 0);
		sys1(NR_close, fd);
	}
	sys1(NR_chdir, "/suite");
	if (command[0] == 's' && command[1] == 'h' && command[2] == ':') {
		argv[0] = "sh";
		argv[1] = "-c";
		argv[2] = command + 3;
	} else {
		while (*command && n < 63) {
			while (*command == ' ')
				command++;
			if (*command)
				argv[n++] = word(&command, ' ', '\n');
		}
		try_in("/suite/");
	}
	try_in("/bin/");
	say("no such program\n");
	quit(127);
}

/* A fresh /tmp for each, where file systems can be mounted. */
static void fresh_tmp(void)
{
	sys2(NR_umount2, "/tmp", 2);
	sys6(NR_mount, (long)"tmpfs", (long)"/tmp", (long)"tmpfs", 0, (long)"mode=1777", 0);
	sys2(NR_umount2, "/dev/shm", 2);
	sys3(NR_mkdirat, -100, "/dev/shm", 01777);
	sys6(NR_mount, (long)"tmpfs", (long)"/dev/shm", (long)"tmpfs", 0, (long)"mode=1777", 0);
}

static void put(const char *path, const char *text)
{
	long fd = sys3(NR_openat, -100, path, 1), n = 0;

	if (fd < 0)
		return;
	while (text[n])
		n++;
	sys3(NR_write, fd, text, n);
	sys1(NR_close, fd);
}

static void say_end(const char *name, const char *kind, long n, long ms)
{
	say("\n@@end ");
	say(name);
	say(" ");
	say(kind);
	say(" ");
	say_number(n);
	say(" ");
	say_number(ms);
	say("\n");
}

static void run_one(char *name, long seconds, char *command)
{
	long start = now(), pid, got, step = 1, timeout = 0;
	int status = 0, how = WNOHANG;

	fresh_tmp();
	say("\n@@begin ");
	say(name);
	say("\n");
	pid = fork_();
	if (!pid) {
		sys2(NR_setpgid, 0, 0);
		run(command);
	}
	if (pid < 0) {
		say_end(name, "fork", pid, 0);
		return;
	}
	sys2(NR_setpgid, pid, pid);
	for (;;) {
		got = sys4(NR_wait4, -1, &status, how, 0);
		if (got == pid)
			break;
		if (got > 0)
			continue;
		if (!timeout && now() - start > seconds * 1000) {
			timeout = 1;
			sys2(NR_kill, -pid, SIGKILL);
			sys2(NR_kill, pid, SIGKILL);
		} else if (timeout && now() - start > seconds * 1000 + 5000) {
			/* It does not even die. */
			break;
		}
		/* Without a clock there is no limit: the host's remains. */
		if (pause_ms(step) == -ENOSYS)
			how = 0;
		if (step < 20)
			step++;
	}
	got = now() - start;
	/* Whatever it has left behind. */
	sys2(NR_kill, -1, SIGKILL);
	for (int i = 0; i < 200; i++) {
		long gone = sys4(NR_wait4, -1, &failures, WNOHANG, 0);

		if (gone < 0)
			break;
		if (!gone)
			pause_ms(5);
	}
	if (timeout)
		say_end(name, "timeout", seconds, got);
	else if (status & 0x7f)
		say_end(name, "signal", status & 0x7f, got);
	else
		say_end(name, "exit", status >> 8 & 0xff, got);
}

int main(void)
{
	long fd, n, size = 0;
	char *p;

	sys6(NR_mount, (long)"devtmpfs", (long)"/dev", (long)"devtmpfs", 0, 0, 0);
	fd = sys3(NR_openat, -100, "/dev/console", 2);
	for (int i = 0; i < 3 && fd >= 0; i++)
		if (fd != i)
			sys3(NR_dup3, fd, i, 0);
	if (fd > 2)
		sys1(NR_close, fd);
	sys6(NR_mount, (long)"proc", (long)"/proc", (long)"proc", 0, 0, 0);
	sys6(NR_mount, (long)"sysfs", (long)"/sys", (long)"sysfs", 0, 0, 0);
	sys6(NR_mount, (long)"cgroup2", (long)"/sys/fs/cgroup", (long)"cgroup2", 0, 0, 0);
	/* As the recorded verdicts want it: half a GiB of huge pages, and mappings as large as memory. */
	put("/proc/sys/vm/overcommit_memory", "1");
	put("/proc/sys/vm/nr_hugepages", "256");
	fd = sys3(NR_openat, -100, "/suite/list", 0);
	while ((n = sys3(NR_read, fd, list + size, (long)sizeof(list) - 1 - size)) > 0)
		size += n;
	sys1(NR_close, fd);
	say("@@start\n");
	for (p = list; *p;) {
		char *name = word(&p, '\t', '\t'), *s = word(&p, '\t', '\t'),
		     *command = word(&p, '\n', '\n');
		long seconds = 0;

		for (; *s; s++)
			seconds = seconds * 10 + *s - '0';
		run_one(name, seconds, command);
	}
	say("\n@@done\n");
	sys4(NR_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0);
	quit(0);
}
