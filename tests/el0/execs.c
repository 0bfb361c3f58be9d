// SPDX-License-Identifier: MIT
/*
 * exec's corner cases: scripts, arguments, descriptors, dynamic and position-independent programs. As init it runs the tests and itself with
 * other arguments; the files around it are made by run.sh: dynamic (this program with the C library's dynamic linker), pie (static and
 * position-independent), and scripts.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;
static char in_bss[100000];

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	fflush(stdout);
	failures += !ok;
}

/* What the child says by its exit code; -errno when it could not be executed. */
static int run(const char *path, char *const argv[], char *const envp[])
{
	int status, fd[2], err = 0;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return -1000;
	pid = fork();
	if (!pid) {
		execve(path, argv, envp);
		err = errno;
		if (write(fd[1], &err, sizeof(err)) < 0)
			_exit(1);
		_exit(0);
	}
	close(fd[1]);
	if (read(fd[0], &err, sizeof(err)) < 0)
		err = 1000;
	close(fd[0]);
	waitpid(pid, &status, 0);
	if (err)
		return -err;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int child(int argc, char **argv, char **envp)
{
	int n = 0;

	if (!strcmp(argv[1], "args"))
		return argc;
	if (!strcmp(argv[1], "env")) {
		while (envp[n])
			n++;
		return n;
	}
	if (!strcmp(argv[1], "name"))
		return strcmp((char *)getauxval(AT_EXECFN), argv[2]) != 0;
	if (!strcmp(argv[1], "closed"))
		return fcntl(20, F_GETFD) == -1 && fcntl(21, F_GETFD) == 0;
	if (!strcmp(argv[1], "signals")) {
		struct sigaction sa;
		sigset_t set;

		sigprocmask(SIG_SETMASK, NULL, &set);
		sigaction(SIGUSR1, NULL, &sa);
		if (sa.sa_handler != SIG_DFL)
			return 1;
		sigaction(SIGUSR2, NULL, &sa);
		if (sa.sa_handler != SIG_IGN)
			return 2;
		return sigismember(&set, SIGHUP) ? 0 : 3;
	}
	if (!strcmp(argv[1], "bss")) {
		for (size_t i = 0; i < sizeof(in_bss); i++)
			n |= in_bss[i];
		return n;
	}
	if (!strcmp(argv[1], "where")) {
		/* Where things are, in a file of 3 words. */
		uintptr_t at[3] = {
			(uintptr_t)&n,
			(uintptr_t)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			(uintptr_t)sbrk(0)};
		int fd = open("/where", O_CREAT | O_WRONLY | O_TRUNC, 0600);

		return write(fd, at, sizeof(at)) != sizeof(at);
	}
	/* From a script: interpreter, argument, script, the rest. */
	if (!strcmp(argv[1], "one argument")) {
		printf("%d %s %s %s\n", argc, argv[0], argv[2], argc > 3 ? argv[3] : "");
		return argc == 4 && !strcmp(argv[0], "/init") && !strcmp(argv[2], "/script") &&
				       !strcmp(argv[3], "more")
			       ? 77
			       : 1;
	}
	return 99;
}

static void where(uintptr_t at[3])
{
	int fd = open("/where", O_RDONLY);

	if (read(fd, at, 3 * sizeof(at[0])) < 0)
		at[0] = 0;
	close(fd);
}

static void on_usr1(int sig)
{
	(void)sig;
}

static void write_file(const char *name, const char *text, int mode)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0755);

	if (write(fd, text, strlen(text)) < 0)
		failures++;
	fchmod(fd, (mode_t)mode);
	close(fd);
}

int main(int argc, char **argv, char **envp)
{
	char *none[] = {NULL}, *empty[] = {"x", NULL};
	const size_t most = 32 * (size_t)getpagesize(); /* of one string */
	char *big = malloc(most + 1), *many[3000], **volatile bad_pointer = (char **)8;
	uintptr_t a[3], b[3];
	sigset_t set;
	int fd;

	if (argc > 1)
		return child(argc, argv, envp);
	if (argc == 1 && argv[0][0] == '\0')
		return 55;
	if (getpid() != 1 && argc == 1)
		return 66;

	check(run("/init", (char *[]){"x", "args", "", "c", NULL}, none) == 4, "arguments");
	check(run("/init", (char *[]){"x", "env", NULL}, (char *[]){"A=1", "B=", NULL}) == 2,
	      "environment");
	check(run("/init", none, none) == 55, "no arguments: one that is empty");
	check(run("/init", NULL, NULL) == 55, "the same by NULL");
	check(run("/init", (char *[]){"x", "name", "/init", NULL}, none) == 0, "AT_EXECFN");
	check(run("/init", (char *[]){"x", "bss", NULL}, none) == 0, "bss is zero");

	write_file("/script", "#!/init one argument \nrest\n", 0755);
	check(run("/script", (char *[]){"x", "more", NULL}, none) == 77, "a script");
	write_file("/script2", "#! /script\n", 0755);
	check(run("/script2", empty, none) == 1, "a script's script");
	write_file("/loop", "#!/loop\n", 0755);
	check(run("/loop", empty, none) == -ELOOP, "a script that interprets itself is ELOOP");
	write_file("/noint", "#!/nobody\n", 0755);
	check(run("/noint", empty, none) == -ENOENT, "no interpreter is ENOENT");
	write_file("/empty", "#!  \n", 0755);
	check(run("/empty", empty, none) == -ENOEXEC, "no name is ENOEXEC");
	write_file("/text", "hello\n", 0755);
	check(run("/text", empty, none) == -ENOEXEC, "a text is ENOEXEC");
	write_file("/nothing", "", 0755);
	check(run("/nothing", empty, none) == -ENOEXEC, "an empty file is ENOEXEC");
	write_file("/plain", "#!/init\n", 0644);
	check(run("/plain", empty, none) == -EACCES, "not executable is EACCES");
	check(run("/", empty, none) == -EACCES, "a directory is EACCES");
	check(run("/none", empty, none) == -ENOENT, "nothing is ENOENT");
	check(run("/init/x", empty, none) == -ENOTDIR, "below a file is ENOTDIR");
	check(run((char *)8, empty, none) == -EFAULT, "a bad name is EFAULT");
	check(run("/init", bad_pointer, none) == -EFAULT, "bad arguments are EFAULT");

	memset(big, 'a', most);
	big[most] = '\0';
	check(run("/init", (char *[]){"x", "args", big, NULL}, none) == -E2BIG,
	      "32 pages of characters are E2BIG");
	big[most - 1] = '\0';
	/* With 64 KiB pages these are as many bytes as all strings together may have. */
	check(run("/init", (char *[]){"x", "args", big, NULL}, none) ==
		      (most < 1U << 21 ? 3 : -E2BIG),
	      "one less goes, where all may have as many");
	big[1000] = '\0';
	many[0] = "x";
	many[1] = "args";
	for (int i = 2; i < 2000; i++)
		many[i] = big;
	many[2000] = NULL;
	check(run("/init", many, none) == 2000 % 256, "two megabytes of them less a little");
	for (int i = 2000; i < 2200; i++)
		many[i] = big;
	many[2200] = NULL;
	check(run("/init", many, none) == -E2BIG, "a quarter of the stack is the limit");

	fd = open("/init", O_RDONLY);
	dup3(fd, 20, O_CLOEXEC);
	dup2(fd, 21);
	check(run("/init", (char *[]){"x", "closed", NULL}, none) == 1, "FD_CLOEXEC");
	signal(SIGUSR1, on_usr1);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	check(run("/init", (char *[]){"x", "signals", NULL}, none) == 0,
	      "handlers are reset, what is ignored or blocked stays");

	check(run("/pie", (char *[]){"x", "args", NULL}, none) == 2, "a static PIE");
	check(run("/dynamic", (char *[]){"x", "args", "c", NULL}, none) == 3, "a dynamic program");
	check(run("/dynamic", (char *[]){"x", "bss", NULL}, none) == 0, "its bss is zero");
	run("/dynamic", (char *[]){"x", "where", NULL}, none);
	where(a);
	run("/dynamic", (char *[]){"x", "where", NULL}, none);
	where(b);
	check(a[0] != b[0] && a[1] != b[1] && a[2] != b[2],
	      "stack, mappings and heap are at random");
	personality(ADDR_NO_RANDOMIZE);
	run("/dynamic", (char *[]){"x", "where", NULL}, none);
	where(a);
	run("/dynamic", (char *[]){"x", "where", NULL}, none);
	where(b);
	check(a[0] == b[0] && a[1] == b[1] && a[2] == b[2], "and not with ADDR_NO_RANDOMIZE");
	personality(0);

	fd = open("/init", O_PATH);
	if (!fork()) {
		syscall(SYS_execveat, fd, "", (char *[]){"x", "args", NULL}, none, AT_EMPTY_PATH);
		_exit(0);
	}
	int status;

	wait(&status);
	check(WEXITSTATUS(status) == 2, "execveat of a descriptor");
	printf("execs: %s\n", failures ? "failed" : "done");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
