/* SPDX-License-Identifier: MIT */
/* The command's own parts: options, device trees, the machine they make. */
#ifndef QUIRE_CMD_H
#define QUIRE_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <host.h>

#define QUIRE_VERSION "0.1.0"

/* "quire: ..." on stderr, exit 2: the user asked for something that cannot be. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Run fn, which may die: false when it did, and its line was printed. What it had taken stays taken. */
bool survives(void (*fn)(void *arg), void *arg);

/* ---- options.c */

#define NO_ADDRESS UINT64_MAX

struct tree;
struct options {
	const char *board; /* NULL: the built-in tree */
	uint64_t mem;	   /* 0: as in the tree */
	unsigned int cpus; /* 0: as in the tree */
	const char *initrd, *kernel;
	uint64_t initrd_at, kernel_at, kernel_size,
		dtb_at;	    /* NO_ADDRESS: as QEMU does; kernel_size 0: unknown */
	const char *cpu;    /* NULL: as in the tree */
	const char *append; /* NULL: as in the tree */
	unsigned int va_bits;
	const struct host_core *core;
	bool json, verbose, phys;
	struct host_managed managed[HOST_MAX_OVERRIDES];
	unsigned int nr_managed;
	const char *build;		    /* predict: name or file of a profile */
	struct build_profile profile;	    /* predict */
	const char *address;		    /* walk */
	unsigned int seconds, rounds, fail; /* stress; 0: not given */
	uint64_t seed;
	bool has_seed, hotplug;
	const char *output;		    /* map: a file; NULL: the terminal */
	uint64_t at, range_base, range_end; /* map; NO_ADDRESS; end 0: all */
	bool own;			    /* map: Quire's boot, not Linux's */
	const char *name;		    /* of the command */

	/* check, compare, diff */
	const char **boards; /* all operands */
	unsigned int nr_boards;
	bool sarif, list;
	const char *only, *disable, *severity;
	bool events; /* a forecast has them */
	/* Changes the tree after --mem, --cpus and --append have; NULL: nobody does. */
	void (*edit)(struct tree *t, void *arg);
	void *edit_arg;
};

/* COMMAND_PROC: those named after a text of /proc, which they print. */
enum command {
	COMMAND_BOOT,
	COMMAND_WALK,
	COMMAND_PTDUMP,
	COMMAND_PROC,
	COMMAND_STRESS,
	COMMAND_PREDICT,
	COMMAND_MAP,
	COMMAND_CHECK,
	COMMAND_COMPARE,
	COMMAND_DIFF,
};

/* Parses argv[2..]; does not return when it is wrong or asks for help. */
void parse_options(enum command command, int argc, char **argv, struct options *o);
/* The texts of /proc that are commands; ends with NULL. */
extern const char *const proc_names[];
/* A number with an optional suffix K, M, G or T; the whole text. False when it is none or does not fit. */
bool parse_size(const char *text, uint64_t *value);
void print_help(const char *command);
/* The profile of that name or file decides the granule, the VA size, and the size of an image that is not named. */
void use_profile(struct options *o, const char *name);

/* ---- tree.c: device trees as files and blobs */

struct tree {
	char *blob;	  /* malloc'ed, with room to grow; NULL: none */
	size_t size;	  /* of the blob as handed to the machine */
	size_t original;  /* totalsize as read: the tree never becomes smaller */
	bool sound;	  /* its structure can be walked and edited */
	size_t bad_at;	  /* where it is not */
	const char *name; /* for messages */
};

/* Contents of a file, malloc'ed. NULL when it cannot be read: why says so. */
char *try_read_file(const char *name, size_t *size, char *why, size_t room);
/* The same; exits when it cannot be read; `what` begins the message ("--kernel "). */
char *read_file(const char *what, const char *name, size_t *size);
void tree_load(struct tree *t, const char *name);
/* The same of bytes in memory; false: why says what is wrong, beginning with the name. */
bool tree_take(struct tree *t, const char *name, const char *file, size_t bytes, char *why,
	       size_t room);
/* QEMU's virt machine with mem bytes at 1 GiB and cpus CPUs of a model. */
void tree_virt(struct tree *t, uint64_t mem, unsigned int cpus, const char *cpu);

void tree_set_memory(struct tree *t, uint64_t size);
void tree_set_memory_at(struct tree *t, uint64_t base, uint64_t size);
/* In place: no node moves. */
void tree_drop_property(struct tree *t, int node, const char *name);
void tree_set_cells(struct tree *t, int node, const char *name, uint64_t value);
void tree_set_cpus(struct tree *t, unsigned int cpus);
void tree_set_bootargs(struct tree *t, const char *args);
void tree_set_initrd(struct tree *t, uint64_t start, uint64_t end);
/* The tree gets its final size; nothing is set after this. */
void tree_finish(struct tree *t);

/* The lowest bank of memory. False when none has a size: *base is then where a boot loader would put it. */
bool tree_first_bank(const struct tree *t, uint64_t *base, uint64_t *size);
/* Widen [*lowest, *highest) by every bank and by the initrd that /chosen names. */
void tree_extent(const struct tree *t, uint64_t *lowest, uint64_t *highest);
/* Where the initrd that /chosen names ends; 0: it names none. */
uint64_t tree_initrd_end(const struct tree *t);
/* Compatible string of the first CPU, "" when there is none. */
const char *tree_cpu(const struct tree *t);
const char *tree_bootargs(const struct tree *t);
uint64_t tree_kaslr_seed(const struct tree *t);

/* ---- machine.c */

/*
 * Read the files, place everything as QEMU does, fill m. Exits on what cannot be. False when the tree names no memory:
 * the boot will panic.
 */
bool make_machine(const struct options *o, struct host_machine *m);
/* The tree alone, with --mem, --cpus, --append and the edit. */
void make_tree(const struct options *o, struct tree *t);

/* ---- run_forecast.c */

struct forecast;
/*
 * Predict o->board in a process of its own and read what it says into *f. False: it could not be, and that process has
 * said why.
 */
bool run_forecast(const struct options *o, struct forecast *f);

/* ---- progress.c */

/* From now on a line on a terminal's stderr tells that this takes longer than a second: "quire: WHAT OF ... 3 s". */
void progress_begin(const char *what, const char *of);
/* It is done: the line goes. Also when there was none, or no beginning. */
void progress_end(void);

/* ---- commands */
int cmd_boot(const struct options *o);
int cmd_walk(const struct options *o);
int cmd_ptdump(const struct options *o);
int cmd_proc(const struct options *o);
int cmd_stress(const struct options *o);
int cmd_predict(const struct options *o);
int cmd_map(const struct options *o);
/*
 * [boot.c] Boot the machine of the options; the exit status. log: where the console goes, NULL: nowhere but for a
 * panic's line.
 */
int boot_machine(const struct options *o, FILE *log);
int cmd_check(const struct options *o);
int cmd_compare(const struct options *o);
int cmd_diff(const struct options *o);
/* [profile_cmd.c] `quire profile`; has options of its own. */
int cmd_profile(int argc, char **argv);

/* stdout as a report's destination, with what the terminal can show. */
struct host_out stdout_out(void);

#endif
