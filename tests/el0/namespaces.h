/* SPDX-License-Identifier: MIT */
/* What the programs about namespaces share. Expected results were seen on Linux 6.12 by the same binaries. */
#ifndef TESTS_EL0_NAMESPACES_H
#define TESTS_EL0_NAMESPACES_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "abi.h"

/* A child by clone3 in new namespaces, with the numbers that it is to have. */
static inline pid_t clone_in(uint64_t flags, int *pidfd, const pid_t *set_tid, size_t n)
{
	struct clone_args args = {
		.flags = flags | (pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = n,
	};

	fflush(stdout);
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Does what `fn` says in a child, whose failures count. */
static inline void in_child(uint64_t flags, void (*fn)(void))
{
	pid_t pid = clone_in(flags, NULL, NULL, 0);
	int status = 0;

	if (!pid) {
		failures = 0;
		fn();
		fflush(stdout);
		_exit(failures != 0);
	}
	if (check(pid > 0, "a child in new namespaces"))
		failures += waitpid(pid, &status, 0) != pid || status;
}

/* The file's text, in a buffer of its own; "" for none. */
static inline const char *text_of(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static inline int has_line(const char *path, const char *line)
{
	const char *at = strstr(text_of(path), line);

	return at && at[strlen(line)] == '\n';
}

static inline const char *link_of(const char *path)
{
	static char text[2][64];
	static int turn;
	char *t = text[turn ^= 1];
	ssize_t n = readlink(path, t, sizeof(text[0]) - 1);

	t[n > 0 ? n : 0] = '\0';
	return t;
}

/* A number, through a pipe. */
static int to[2];
static inline void tell(int value)
{
	if (write(to[1], &value, sizeof(value)) != sizeof(value))
		_exit(99);
}
static inline int told(void)
{
	int value = -1;

	return read(to[0], &value, sizeof(value)) == sizeof(value) ? value : -1;
}

static inline int put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err = 0;

	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = errno ? errno : 1;
	close(fd);
	errno = err;
	return err ? -1 : 0;
}

#endif
