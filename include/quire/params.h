/* SPDX-License-Identifier: MIT */
/*
 * The command line (boot/params.c): Linux's syntax, and the options of this kernel.
 *
 * Words are separated by white space; name=value or name; "..." keeps spaces in a word; in names
 * '-' and '_' are the same; what follows a word "--" is not the kernel's. (Linux: kernel/params.c,
 * lib/cmdline.c.)
 */
#ifndef QUIRE_PARAMS_H
#define QUIRE_PARAMS_H

#include <quire/types.h>

/*
 * Cut the next word off args, in place: *param its name, *val what follows '=' without quotes, or
 * NULL. Returns the rest, without leading spaces; args must not begin with a space nor be empty.
 */
char *next_arg(char *args, char **param, char **val);

/* Names are the same, '-' and '_' alike. */
bool parameq(const char *a, const char *b);

/*
 * A number (decimal, 0x hexadecimal, 0 octal) with one of the suffixes K M G T P E. *end: the first
 * character that does not belong to it; equal to s when there is no number. A value beyond 64 bits
 * gives ~0 and, unless overflow is NULL, *overflow = true.
 */
u64 parse_size(const char *s, const char **end, bool *overflow);

/* parse_size under the name and arguments that callers of Linux use; retptr may be NULL. */
unsigned long long memparse(const char *ptr, char **retptr);

/*
 * Act on the options that decide how memory is set up, once, from boot_command_line. A value that
 * cannot be read is reported and ignored.
 */
void parse_early_param(void);

/* Say which words of the command line nobody knows, in Linux's line. */
void print_unknown_bootoptions(void);
/* Characters of these words, a blank between two; 0: all are known. */
size_t unknown_bootoptions_length(void);
/* Is there something that this option means here or in Linux? */
bool boot_param_known(const char *param);

/* Linux: CONFIG_INIT_ENV_ARG_LIMIT. */
#define MAX_INIT_WORDS 32
/* The first program, argv[0], what it is told and its environment, each with a NULL behind the last. */
struct init_words {
	char *argv[MAX_INIT_WORDS + 1], *envp[MAX_INIT_WORDS + 1];
};
/*
 * Of boot_command_line: rdinit=PATH is the program (else /init), words that nobody knows and those behind "--" its arguments, unknown
 * ones with a value its environment, behind HOME=/ and TERM=linux. More than MAX_INIT_WORDS of a kind are left out with a line that says so.
 * The words stay where they are until the next call. Linux: unknown_bootoption.
 */
void init_words(struct init_words *w);

/* numa=off; numa=fake=N (0: not asked for). */
extern bool numa_off;
extern unsigned int numa_fake_nodes;

/* quire.*: what the image does once memory is up. */
struct quire_options {
	bool selftest; /* quire.selftest: prove on the running machine what the tables claim */
	/* quire.init: run the first program of the initrd, and fail without one; quire.init=0: do not. Neither: when there is an initrd. */
	enum { INIT_IF_INITRD, INIT_ALWAYS, INIT_NEVER } init;
	bool retain_initrd; /* retain_initrd, keepinitrd: its memory stays reserved when its files have been taken out of it */
	bool semihosting;     /* quire.semihosting: exit code and files by semihosting calls */
	bool color;	      /* quire.color: ANSI colours in the summary */
	bool unicode;	      /* quire.unicode: the map of memory in block characters */
	unsigned int columns; /* quire.columns=N: width of the console, 0: unknown */
	bool summary;	      /* quire.summary=0: no map and figures after the boot */
	bool bench;	      /* quire.bench: measure, print, power off */
	/*
	 * quire.stress=N[s][,OPERATIONS[,SEED]]: N phases, or N seconds, of OPERATIONS a CPU and phase (0: the default). Both 0: no
	 * stress. SEED 0: from the clock.
	 */
	unsigned int stress_phases, stress_seconds, stress_operations;
	u64 stress_seed;
	char show[128];	  /* quire.show=NAME,...: texts of /proc, on the console */
	char report[128]; /* quire.report=FILE: the JSON document, "" for none */
};
extern struct quire_options quire_options;

#endif
