// SPDX-License-Identifier: MIT
/*
 * quire: run the memory management of an ARM64 kernel over a board's device tree, in this process.
 *
 * Exit: 0 good; 1 the boot panicked, there is nothing at the address, or something was found; 2 the command line or a file is
 * wrong.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quire.h"

static jmp_buf *survivor;

void die(const char *fmt, ...)
{
	va_list args;

	progress_end();
	fflush(stdout);
	fputs("quire: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("\n", stderr);
	if (survivor)
		longjmp(*survivor, 1);
	exit(2);
}

bool survives(void (*fn)(void *arg), void *arg)
{
	jmp_buf here;

	if (!setjmp(here)) {
		survivor = &here;
		fn(arg);
		survivor = NULL;
		return true;
	}
	survivor = NULL;
	return false;
}

static const struct {
	const char *name;
	enum command command;
	int (*run)(const struct options *o);
} commands[] = {
	{"boot", COMMAND_BOOT, cmd_boot},	   {"walk", COMMAND_WALK, cmd_walk},
	{"ptdump", COMMAND_PTDUMP, cmd_ptdump},	   {"stress", COMMAND_STRESS, cmd_stress},
	{"predict", COMMAND_PREDICT, cmd_predict}, {"map", COMMAND_MAP, cmd_map},
	{"check", COMMAND_CHECK, cmd_check},	   {"compare", COMMAND_COMPARE, cmd_compare},
	{"diff", COMMAND_DIFF, cmd_diff},
};

static struct options options;

static int finish(int code)
{
	if (options.core)
		options.core->halt();
	if (fflush(stdout) || ferror(stdout))
		die("cannot write the output");
	return code;
}

/*
 * A stream that was closed by who started us would be the next file that is opened, and what is printed would go into
 * it: the machine's memory, for one. Its place is taken by something that neither reads nor writes.
 */
static void occupy_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_PATH);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	occupy_streams();
	if (argc < 2)
		die("no command; try 'quire --help'");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(argc > 2 ? argv[2] : NULL);
		return finish(0);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("quire %s\n", QUIRE_VERSION);
		return finish(0);
	}
	if (!strcmp(argv[1], "profile"))
		return finish(cmd_profile(argc, argv));
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		parse_options(commands[i].command, argc, argv, &options);
		return finish(commands[i].run(&options));
	}
	for (size_t i = 0; proc_names[i]; i++) {
		if (strcmp(argv[1], proc_names[i]))
			continue;
		parse_options(COMMAND_PROC, argc, argv, &options);
		return finish(cmd_proc(&options));
	}
	die("unknown %s '%s'; try 'quire --help'", argv[1][0] == '-' ? "option" : "command",
	    argv[1]);
}
