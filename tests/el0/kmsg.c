// SPDX-License-Identifier: MIT
/* The kernel's log: /dev/kmsg, /proc/kmsg, syslog(2), and who may read it. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char buf[1 << 18];

static ssize_t text_of(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, to, size - 1);

	close(fd);
	to[n > 0 ? n : 0] = 0;
	return n;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = write(fd, text, strlen(text));
	int was = errno;

	close(fd);
	errno = was;
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* The next record whose text begins so; its parts. */
static int find(int fd, const char *text, unsigned int *pri, unsigned long *seq, unsigned long *us)
{
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf) - 1);
		char *at;

		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return 0;
		buf[n] = 0;
		at = strchr(buf, ';');
		if (at && !strncmp(at + 1, text, strlen(text)))
			return sscanf(buf, "%u,%lu,%lu,-;", pri, seq, us) == 3 &&
			       buf[n - 1] == '\n';
	}
}

static int say(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static void test_records(void)
{
	unsigned int pri;
	unsigned long seq, us, seq2, us2;
	int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK), other;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct iovec v[2] = {{"two ", 4}, {"parts\n", 6}};

	check(fd >= 0, "/dev/kmsg opens for reading");
	check(read(fd, buf, sizeof(buf)) > 0, "there is something from before");
	FAILS(lseek(fd, 1, SEEK_SET), ESPIPE);
	FAILS(lseek(fd, 0, SEEK_CUR), EINVAL);
	check(lseek(fd, 0, SEEK_END) == 0, "to the end");
	FAILS(read(fd, buf, sizeof(buf)), EAGAIN);
	check(poll(&p, 1, 0) == 0, "nothing to be read there");
	check(say(fd, "one line\n"), "a line is written");
	check(poll(&p, 1, 2000) == 1 && p.revents == POLLIN, "then there is");
	check(find(fd, "one line\n", &pri, &seq, &us) && pri == 12,
	      "it is LOG_USER and the default level");
	FAILS(read(fd, buf, sizeof(buf)), EAGAIN);
	check(say(fd, "<3>facility and level\n") &&
		      find(fd, "facility and level\n", &pri, &seq2, &us2) && pri == 11,
	      "a level alone: the facility is LOG_USER");
	check(seq2 == seq + 1 && us2 >= us, "numbers follow each other, times grow");
	check(say(fd, "<30>daemon\n") && find(fd, "daemon\n", &pri, &seq, &us) && pri == 30,
	      "a facility is kept");
	check(say(fd, "<7x>no level\n") && find(fd, "<7x>no level\n", &pri, &seq, &us) && pri == 12,
	      "what is no prefix is text");
	check(say(fd, "a\ttab \\ and \x7f\n") &&
		      find(fd, "a\\x09tab \\x5c and \\x7f\n", &pri, &seq, &us),
	      "escapes");
	check(writev(fd, v, 2) == 10 && find(fd, "two parts\n", &pri, &seq, &us),
	      "several pieces are one record");
	check(say(fd, "not ended") && read(fd, buf, sizeof(buf)) == -1 && errno == EAGAIN,
	      "what has not ended cannot be read yet");
	check(say(fd, "the next\n") && find(fd, "not ended\n", &pri, &seq, &us) &&
		      find(fd, "the next\n", &pri, &seq, &us),
	      "... but with what follows");
	say(fd, "a record\n");
	FAILS(read(fd, buf, 5), EINVAL);
	FAILS(read(fd, buf, sizeof(buf)), EAGAIN);
	memset(buf, 'x', 1100);
	FAILS(write(fd, buf, 1025), EINVAL);
	other = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	check(other >= 0 && find(other, "one line\n", &pri, &seq, &us) &&
		      find(other, "two parts\n", &pri, &seq2, &us2) && seq2 > seq,
	      "another reader begins at the start");
	check(lseek(other, 0, SEEK_SET) == 0 && find(other, "one line\n", &pri, &seq2, &us2) &&
		      seq2 == seq,
	      "back to the start");
	close(other);
	close(fd);
	fd = open("/dev/kmsg", O_WRONLY);
	FAILS(read(fd, buf, 10), EBADF);
	close(fd);
}

static void test_waits(void)
{
	int fd = open("/dev/kmsg", O_RDONLY), status;
	pid_t child;

	lseek(fd, 0, SEEK_END);
	child = fork();
	if (!child) {
		usleep(50000);
		_exit(put("/dev/kmsg", "wakes\n"));
	}
	ssize_t n = read(fd, buf, sizeof(buf));

	check(n > 6 && !memcmp(buf + n - 6, "wakes\n", 6), "who waits for a record is woken");
	waitpid(child, &status, 0);
	close(fd);
}

static void test_syslog(void)
{
	int n, all;

	check(klogctl(10, NULL, 0) > 4096, "SIZE_BUFFER");
	check(klogctl(0, NULL, 0) == 0 && klogctl(1, NULL, 0) == 0, "CLOSE and OPEN do nothing");
	FAILS(klogctl(3, NULL, 10), EINVAL);
	FAILS(klogctl(3, buf, -1), EINVAL);
	check(klogctl(3, buf, 0) == 0, "nothing is asked for");
	FAILS(klogctl(3, (char *)16, 100), EFAULT);
	FAILS(klogctl(11, NULL, 0), EINVAL);
	FAILS(klogctl(-1, NULL, 0), EINVAL);
	put("/dev/kmsg", "<4>alpha\n");
	put("/dev/kmsg", "<5>beta\n");
	all = klogctl(3, buf, sizeof(buf) - 1);
	buf[all > 0 ? all : 0] = 0;
	check(all > 0 && buf[0] == '<' && strstr(buf, "] alpha\n<13>[") &&
		      !strcmp(buf + all - 7, "] beta\n"),
	      "READ_ALL ends with the last line");
	n = klogctl(3, buf, 60);
	buf[n > 0 ? n : 0] = 0;
	check(n > 0 && n <= 60 && !strncmp(buf, "<1", 2) && !strcmp(buf + n - 7, "] beta\n"),
	      "with less room it is the last lines, whole ones");
	n = klogctl(3, buf, 5);
	check(n == 0, "no line fits");
	check(klogctl(9, NULL, 0) > 0, "there are unread ones");
	n = klogctl(2, buf, 10);
	check(n == 10 && buf[0] == '<', "READ gives parts of lines");
	while (klogctl(9, NULL, 0) > 0 && klogctl(2, buf, 4000) > 0)
		continue;
	check(klogctl(9, NULL, 0) == 0, "all is read");
	put("/dev/kmsg", "<4>gamma\n");
	n = klogctl(9, NULL, 0);
	check(n > 20 && klogctl(2, buf, sizeof(buf)) == n && !memcmp(buf + n - 8, "] gamma\n", 8),
	      "SIZE_UNREAD is what READ gives");
	check(klogctl(3, buf, sizeof(buf)) > n, "READ takes nothing from READ_ALL");
	n = klogctl(4, buf, sizeof(buf));
	check(n > 0 && klogctl(3, buf, sizeof(buf)) == 0, "READ_CLEAR");
	put("/dev/kmsg", "<4>delta\n");
	n = klogctl(3, buf, sizeof(buf));
	check(n > 20 && !memcmp(buf, "<12>", 4) && !memcmp(buf + n - 8, "] delta\n", 8),
	      "what comes after it");
	check(klogctl(5, NULL, 0) == 0 && klogctl(3, buf, sizeof(buf)) == 0, "CLEAR");
	{
		int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

		put("/dev/kmsg", "<4>epsilon\n");
		check(lseek(fd, 0, SEEK_DATA) == 0, "SEEK_DATA");
		n = read(fd, buf, sizeof(buf));
		check(n > 8 && !memcmp(buf + n - 8, "epsilon\n", 8),
		      "... is behind what was cleared");
		check(lseek(fd, 0, SEEK_SET) == 0 && read(fd, buf, sizeof(buf)) > 0,
		      "SEEK_SET before it");
		close(fd);
	}
}

static int numbers(int *n)
{
	char text[64];

	text_of("/proc/sys/kernel/printk", text, sizeof(text));
	return sscanf(text, "%d\t%d\t%d\t%d\n", n, n + 1, n + 2, n + 3) == 4;
}

static void test_levels(void)
{
	int n[4], was;

	check(numbers(n) && n[1] == 4 && n[2] == 1, "/proc/sys/kernel/printk");
	was = n[0];
	check(klogctl(8, NULL, 3) == 0 && numbers(n) && n[0] == 3, "CONSOLE_LEVEL");
	FAILS(klogctl(8, NULL, 0), EINVAL);
	FAILS(klogctl(8, NULL, 9), EINVAL);
	check(klogctl(6, NULL, 0) == 0 && numbers(n) && n[0] == 1, "CONSOLE_OFF");
	check(klogctl(7, NULL, 0) == 0 && numbers(n) && n[0] == 3, "CONSOLE_ON");
	check(klogctl(7, NULL, 0) == 0 && numbers(n) && n[0] == 3, "... once");
	check(!put("/proc/sys/kernel/printk", "5") && numbers(n) && n[0] == 5 && n[1] == 4,
	      "one number is written");
	check(!put("/proc/sys/kernel/printk", "4 5 2 7\n") && numbers(n) && n[0] == 4 &&
		      n[1] == 5 && n[2] == 2,
	      "four are");
	check(klogctl(8, NULL, 1) == 0 && numbers(n) && n[0] == 2, "not below the least");
	check(put("/proc/sys/kernel/printk", "x") == -1 && errno == EINVAL, "a word is none");
	put("/proc/sys/kernel/printk", "4 4 1 7");
	klogctl(8, NULL, was);
}

static void test_restriction(void)
{
	pid_t child;
	int status;

	put("/proc/sys/kernel/dmesg_restrict", "1");
	chmod("/dev/kmsg", 0666);
	child = fork();
	if (!child) {
		failures = 0;
		setuid(1000);
		FAILS(klogctl(3, buf, 100), EPERM);
		FAILS(klogctl(10, NULL, 0), EPERM);
		FAILS(klogctl(2, buf, 100), EPERM);
		FAILS(open("/dev/kmsg", O_RDONLY), EPERM);
		FAILS(open("/proc/kmsg", O_RDONLY), EACCES);
		check(open("/dev/kmsg", O_WRONLY) >= 0, "writing is not reading");
		_exit(failures);
	}
	waitpid(child, &status, 0);
	check(!status, "restricted");
	put("/proc/sys/kernel/dmesg_restrict", "0");
	child = fork();
	if (!child) {
		failures = 0;
		setuid(1000);
		check(klogctl(3, buf, 100) >= 0, "READ_ALL is everybody's");
		check(klogctl(10, NULL, 0) > 0, "SIZE_BUFFER, too");
		FAILS(klogctl(2, buf, 100), EPERM);
		FAILS(klogctl(5, NULL, 0), EPERM);
		FAILS(klogctl(9, NULL, 0), EPERM);
		FAILS(klogctl(99, NULL, 0), EPERM);
		check(open("/dev/kmsg", O_RDONLY) >= 0, "and /dev/kmsg");
		_exit(failures);
	}
	waitpid(child, &status, 0);
	check(!status, "not restricted");
	put("/proc/sys/kernel/dmesg_restrict", "1");
}

static void test_proc(void)
{
	int fd = open("/proc/kmsg", O_RDONLY | O_NONBLOCK);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
	FAILS(read(fd, buf, sizeof(buf)), EAGAIN);
	check(poll(&p, 1, 0) == 0, "/proc/kmsg is empty");
	put("/dev/kmsg", "<4>zeta\n");
	check(poll(&p, 1, 2000) == 1, "then it is not");
	n = read(fd, buf, sizeof(buf));
	check(n > 20 && !memcmp(buf, "<12>[", 5) && !memcmp(buf + n - 7, "] zeta\n", 7),
	      "a line with its priority");
	close(fd);
}

int main(void)
{
	begin();
	/* Linux lets a program write ten in five seconds otherwise. */
	put("/proc/sys/kernel/printk_devkmsg", "on\n");
	test_records();
	test_waits();
	test_syslog();
	test_levels();
	test_restriction();
	test_proc();
	return end("kmsg");
}
