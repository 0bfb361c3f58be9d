// SPDX-License-Identifier: MIT
/* The command line: one table of options for all commands, and the help texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"
#include "quire.h"

/* ------------------------------------------------------------------ help */

static const char help_main[] =
	"Usage: quire COMMAND [OPTION...]\n"
	"\n"
	"Bring up the memory of an ARM64 machine as Linux 6.12 does, in this process,\n"
	"from the board's device tree.\n"
	"\n"
	"  quire boot [BOARD.dtb]             boot; print the log and a summary\n"
	"  quire walk [BOARD.dtb] ADDRESS     show the page-table walk of an address\n"
	"  quire ptdump [BOARD.dtb]           print the kernel page tables\n"
	"  quire stress [BOARD.dtb]           all allocators under stress, on all CPUs\n"
	"  quire meminfo|zoneinfo|buddyinfo|pagetypeinfo|slabinfo|vmallocinfo|\n"
	"        vmstat|page_owner [BOARD.dtb]\n"
	"                                     print what /proc/NAME has after the boot\n"
	"\n"
	"  quire predict BOARD.dtb            what a given Linux build will do with the board\n"
	"  quire map BOARD.dtb                the picture: in the terminal, as HTML, as SVG\n"
	"  quire check BOARD.dtb...           what is wrong with the memory of device trees\n"
	"  quire compare BOARD.dtb LOG        where a kernel's log departs from the prediction\n"
	"  quire diff A.dtb B.dtb             what a change of the tree does to memory\n"
	"  quire profile                      list, check and make descriptions of builds\n"
	"\n"
	"  quire COMMAND --help               the options of a command\n"
	"  quire --version                    the version\n"
	"\n"
	"Without BOARD.dtb the machine is QEMU's virt with 1 GiB of memory.\n"
	"Exit status: 0 good; 1 the boot panicked, nothing is mapped, or something was found;\n"
	"2 wrong use.\n";

static const char help_machine[] =
	"The machine:\n"
	"  -m, --mem SIZE         memory: one bank of SIZE at the tree's lowest bank\n"
	"  --cpus N               number of CPUs: nodes are removed from or added to /cpus\n"
	"  --cpu NAME[,PROP=on|off]\n"
	"                         model whose ID registers are used (default: the tree's\n"
	"                         first CPU; cortex-a72 when that is not known)\n";

static const char help_granule[] =
	"  --granule 4k|16k|64k   page size (default 4k)\n"
	"  --va-bits N            virtual address bits: 39, 48, 52 with 4k; 47, 48, 52 with\n"
	"                         16k; 42, 48, 52 with 64k (default 48, 47, 48)\n";

static const char help_places[] =
	"  --kernel IMAGE[@ADDR]  arm64 Image whose header gives the size\n"
	"  --kernel-at ADDR+SIZE  place of an image that is not at hand as a file\n"
	"  --initrd FILE[@ADDR]   initial RAM disk; sets /chosen/linux,initrd-*\n"
	"  --dtb-at ADDR          where the device tree lies\n"
	"  --append CMDLINE       kernel command line; replaces /chosen/bootargs\n"
	"\n"
	"What has no address is placed as QEMU's virt places it. SIZE and ADDR are decimal\n"
	"or 0x hexadecimal, with an optional suffix K, M, G or T.\n";

static const char help_boot[] =
	"Usage: quire boot [BOARD.dtb] [OPTION...]\n"
	"\n"
	"Boot to the page allocator. Prints the kernel's log as Linux would, then a summary\n"
	"with a map of memory.\n"
	"\n"
	"  --json                 print one JSON document instead (docs/json.md)\n"
	"  -v, --verbose          trace memblock (memblock=debug from the first event on);\n"
	"                         with --json the log goes to stderr\n"
	"  --managed NODE:ZONE=PAGES[,...]\n"
	"                         compute watermarks, reserves and pagesets as if the zones\n"
	"                         managed so many pages, to compare with a recorded Linux\n"
	"\n";

static const char help_predict[] =
	"Usage: quire predict BOARD.dtb [OPTION...]\n"
	"\n"
	"Boot as a given build of Linux would: the same regions and reservations, address for\n"
	"address, then per-CPU memory, hash tables, bounce buffers, zones and watermarks.\n"
	"\n"
	"  --build PROFILE        the build: a name that 'quire profile --list' prints, or a\n"
	"                         file (default " DEFAULT_PROFILE ")\n"
	"  --json                 print one JSON document instead (docs/predict.md)\n"
	"  -v, --verbose          the log of the boot on stderr\n"
	"  --managed NODE:ZONE=PAGES[,...]\n"
	"                         compute watermarks as if the zones managed so many pages\n"
	"\n";

static const char help_map[] =
	"Usage: quire map BOARD.dtb [OPTION...]\n"
	"\n"
	"Draw the board's memory as a given build of Linux will use it: banks and holes, who\n"
	"has reserved what, zones, the linear map. In place of the tree a document that\n"
	"'quire predict --json', 'quire boot --json' or the image wrote will do.\n"
	"\n"
	"  -o, --output FILE      .html: one page to explore, with everything in it, no network\n"
	"                         needed; .svg: a picture. Without: a map in the terminal\n"
	"  --at ADDR              all about that physical address, and what is around it\n"
	"  --range BASE-END|BASE+SIZE\n"
	"                         only that part of memory\n"
	"  --build PROFILE        the build: a name that 'quire profile --list' prints, or a\n"
	"                         file (default " DEFAULT_PROFILE ")\n"
	"  --own                  Quire's own boot instead of Linux's\n"
	"  -v, --verbose          the log of the boot on stderr\n"
	"\n";

static const char help_check[] =
	"Usage: quire check BOARD.dtb... [OPTION...]\n"
	"       quire check --list\n"
	"\n"
	"Look for mistakes in what device trees say of memory: each finding has the check's\n"
	"name, a severity, the node and property, what the build of Linux will do about it, and\n"
	"a way to mend it. docs/checks.md explains every check with an example.\n"
	"\n"
	"  --build PROFILE        the build: a name that 'quire profile --list' prints, or a\n"
	"                         file (default " DEFAULT_PROFILE ")\n"
	"  --json                 print one JSON document instead\n"
	"  --sarif                print SARIF 2.1.0 instead, for code hosts and editors\n"
	"  --list                 print every check: name, severity, what it finds\n"
	"  --only CHECK[,...]     only these checks\n"
	"  --disable CHECK[,...]  all but these\n"
	"  --severity note|warning|error\n"
	"                         findings of this severity and above (default note)\n"
	"  -v, --verbose          the log of the boot on stderr\n"
	"\n"
	"Where image, tree and initrd lie is taken from the options and the tree; a place that\n"
	"nobody names is chosen around the reservations, and nothing is found about it.\n"
	"Exit status: 0 no findings; 1 findings; 2 wrong use, or a tree that cannot be read.\n"
	"\n";

static const char help_compare[] =
	"Usage: quire compare BOARD.dtb LOG [OPTION...]\n"
	"\n"
	"Show, side by side, where a kernel's log (dmesg, with or without memblock=debug)\n"
	"departs from the prediction, and which constant of the profile would explain it.\n"
	"Places of image, tree and initrd, command line and CPUs are read from the log where\n"
	"it has them and no option says otherwise.\n"
	"\n"
	"  --build PROFILE        the build (default: the profile of the release that the log\n"
	"                         names, else " DEFAULT_PROFILE ")\n"
	"  --json                 print one JSON document instead\n"
	"  -v, --verbose          also what agrees\n"
	"\n"
	"Exit status: 0 the log agrees; 1 it departs; 2 wrong use or unusable files.\n"
	"\n";

static const char help_diff[] =
	"Usage: quire diff A.dtb B.dtb [OPTION...]\n"
	"\n"
	"Show what the change from A to B does to the memory map, the reservations, the zones\n"
	"and the page tables of a build of Linux.\n"
	"\n"
	"  --build PROFILE        the build: a name that 'quire profile --list' prints, or a\n"
	"                         file (default " DEFAULT_PROFILE ")\n"
	"  --json                 print one JSON document instead\n"
	"  -v, --verbose          the logs of the boots on stderr\n"
	"\n"
	"Exit status: 0 no difference; 1 differences, or a kernel panics; 2 wrong use or\n"
	"unusable files.\n"
	"\n";

static const char help_walk[] =
	"Usage: quire walk [BOARD.dtb] ADDRESS [OPTION...]\n"
	"\n"
	"Boot, then walk the kernel's page tables for a kernel virtual address, level by\n"
	"level. Exit status 1 when nothing is mapped there.\n"
	"\n"
	"  --phys                 ADDRESS is physical: show where it is mapped\n"
	"  -v, --verbose          the log on stderr\n"
	"\n";

static const char help_ptdump[] =
	"Usage: quire ptdump [BOARD.dtb] [OPTION...]\n"
	"\n"
	"Boot, then print the kernel page tables as Linux's kernel_page_tables does.\n"
	"\n"
	"  -v, --verbose          the log on stderr\n"
	"\n";

static const char help_stress[] =
	"Usage: quire stress [BOARD.dtb] [OPTION...]\n"
	"\n"
	"Boot, then let every CPU, a thread each, ask every allocator for everything at\n"
	"random, hand it to others and give it back. Contents are checked, all structures\n"
	"are, and in the end each zone has the free pages that it had before. Exit status 1\n"
	"when anything is wrong.\n"
	"\n"
	"  --seconds N            how long (default 5)\n"
	"  --rounds N             how many rounds of 4,000 operations on each CPU instead\n"
	"  --seed X               where chance begins (default: another each time); it is\n"
	"                         printed, and with --cpus 1 and --rounds repeats a run\n"
	"  --fail PERCENT         so many of the allocators' requests fail on purpose, 1 to 50\n"
	"  -v, --verbose          the log of the boot, and how often each kind of memory was\n"
	"                         got and refused\n"
	"\n";

const char *const proc_names[] = {"meminfo",	  "zoneinfo",	"buddyinfo",
				  "pagetypeinfo", "slabinfo",	"vmallocinfo",
				  "vmstat",	  "page_owner", NULL};

static const char help_proc[] =
	"Usage: quire %s [BOARD.dtb] [OPTION...]\n"
	"\n"
	"Boot, then print what /proc/%s has at that moment, in Linux's format.\n"
	"\n"
	"  -v, --verbose          the log on stderr\n"
	"\n";

static bool is_proc(const char *name)
{
	for (size_t i = 0; proc_names[i]; i++)
		if (!strcmp(name, proc_names[i]))
			return true;
	return false;
}

static void print_cpus(void)
{
	const char *line = "\nCPU models:";
	size_t at = strlen(line) - 1;

	fputs(line, stdout);
	for (const struct host_cpu_model *m = host_cpu_models; m->name; m++) {
		if (at + strlen(m->name) + 1 > 78) {
			fputs("\n ", stdout);
			at = 1;
		}
		printf(" %s", m->name);
		at += strlen(m->name) + 1;
	}
	fputs("\nProperties: lpa2, sve, sme, pauth.\n", stdout);
}

/* Its granule and VA size are a profile's. */
static bool predicts(const char *command)
{
	static const char *const names[] = {"predict", "map", "check", "compare", "diff"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(command, names[i]))
			return true;
	return false;
}

void print_help(const char *command)
{
	const char *text = NULL;

	if (!command)
		text = help_main;
	else if (!strcmp(command, "boot"))
		text = help_boot;
	else if (!strcmp(command, "predict"))
		text = help_predict;
	else if (!strcmp(command, "map"))
		text = help_map;
	else if (!strcmp(command, "check"))
		text = help_check;
	else if (!strcmp(command, "compare"))
		text = help_compare;
	else if (!strcmp(command, "diff"))
		text = help_diff;
	else if (!strcmp(command, "walk"))
		text = help_walk;
	else if (!strcmp(command, "ptdump"))
		text = help_ptdump;
	else if (!strcmp(command, "stress"))
		text = help_stress;
	else if (!is_proc(command))
		die("unknown command '%s'; try 'quire --help'", command);
	if (text)
		fputs(text, stdout);
	else
		printf(help_proc, command, command);
	if (command) {
		fputs(help_machine, stdout);
		if (!predicts(command))
			fputs(help_granule, stdout);
		fputs(help_places, stdout);
		print_cpus();
	}
}

/* ------------------------------------------------------------------ numbers */

bool parse_size(const char *text, uint64_t *value)
{
	unsigned int shift = 0;
	uint64_t v = 0;
	unsigned int base = 10;
	const char *p = text;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	text = p;
	for (;; p++) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned int)(*p - '0');
		else if (base == 16 && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			digit = (unsigned int)((*p | 0x20) - 'a' + 10);
		else
			break;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
			return false;
	}
	if (p == text)
		return false;
	switch (*p | 0x20) {
	case 't':
		shift += 10;
		__attribute__((fallthrough));
	case 'g':
		shift += 10;
		__attribute__((fallthrough));
	case 'm':
		shift += 10;
		__attribute__((fallthrough));
	case 'k':
		shift += 10;
		p++;
	}
	if (*p || (shift && v >> (64 - shift)))
		return false;
	*value = v << shift;
	return true;
}

static uint64_t need_size(const char *option, const char *text)
{
	uint64_t v;

	if (!parse_size(text, &v))
		die("%s: '%s' is not a number or size", option, text);
	return v;
}

/* Physical: 52 bits, so that no address is NO_ADDRESS. */
static uint64_t need_address(const char *option, const char *text)
{
	uint64_t v = need_size(option, text);

	if (v >> 52)
		die("%s: '%s' is no physical address: it has more than 52 bits", option, text);
	return v;
}

static unsigned int need_count(const char *option, const char *text, unsigned int max)
{
	uint64_t v = need_size(option, text);

	if (!v || v > max)
		die("%s: '%s' is not between 1 and %u", option, text, max);
	return (unsigned int)v;
}

/* ------------------------------------------------------------------ options with a form of their own */

/* FILE[@ADDR]: an '@' that no number follows belongs to the name. */
static const char *file_at(const char *text, uint64_t *at)
{
	const char *mark = strrchr(text, '@');

	*at = NO_ADDRESS;
	if (!mark || !parse_size(mark + 1, at))
		return text;
	return strndup(text, (size_t)(mark - text));
}

static void kernel_at(const char *text, struct options *o)
{
	const char *plus = strchr(text, '+');
	char *address = plus ? strndup(text, (size_t)(plus - text)) : NULL;

	if (!address || !parse_size(address, &o->kernel_at) ||
	    !parse_size(plus + 1, &o->kernel_size) || !o->kernel_size)
		die("--kernel-at: '%s' is not ADDR+SIZE", text);
	need_address("--kernel-at", address);
	free(address);
}

/* BASE-END or BASE+SIZE; END is the last address. */
static void range(const char *text, struct options *o)
{
	const char *mark = strpbrk(text, "-+");
	char *base = mark ? strndup(text, (size_t)(mark - text)) : NULL;
	uint64_t second;

	if (!base || !parse_size(base, &o->range_base) || !parse_size(mark + 1, &second) ||
	    (*mark == '-' ? __builtin_add_overflow(second, 1, &o->range_end)
			  : __builtin_add_overflow(o->range_base, second, &o->range_end)) ||
	    o->range_end <= o->range_base)
		die("--range: '%s' is neither BASE-END nor BASE+SIZE", text);
	free(base);
}

static bool is_zone(const char *name)
{
	static const char *const names[] = {"DMA", "DMA32", "Normal", "Movable"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void add_managed(const char *text, struct options *o)
{
	const char *p = text;

	while (*p) {
		size_t n = strcspn(p, ",");
		char *item = strndup(p, n);
		char *colon = item ? strchr(item, ':') : NULL;
		char *equals = colon ? strchr(colon, '=') : NULL;
		struct host_managed *m = &o->managed[o->nr_managed];
		uint64_t node, pages;

		if (!equals || o->nr_managed == HOST_MAX_OVERRIDES)
			die("--managed: '%s' is not NODE:ZONE=PAGES[,...]", text);
		*colon = *equals = 0;
		if (!parse_size(item, &node) || node > INT32_MAX ||
		    !parse_size(equals + 1, &pages) || !is_zone(colon + 1))
			die("--managed: '%s' is not NODE:ZONE=PAGES[,...]", text);
		m->node = (int)node;
		m->pages = pages;
		strcpy(m->zone, colon + 1);
		o->nr_managed++;
		free(item);
		p += n + (p[n] == ',');
	}
}

static void granule(const char *text, struct options *o)
{
	if (!strcmp(text, "4k") || !strcmp(text, "4K"))
		o->core = &quire_core_4k;
	else if (!strcmp(text, "16k") || !strcmp(text, "16K"))
		o->core = &quire_core_16k;
	else if (!strcmp(text, "64k") || !strcmp(text, "64K"))
		o->core = &quire_core_64k;
	else
		die("--granule: '%s' is not 4k, 16k or 64k", text);
	if (!o->core)
		die("--granule: this program was built without %s", text);
}

/* ------------------------------------------------------------------ the loop */

enum option {
	OPT_MEM,
	OPT_CPUS,
	OPT_CPU,
	OPT_INITRD,
	OPT_KERNEL,
	OPT_KERNEL_AT,
	OPT_DTB_AT,
	OPT_APPEND,
	OPT_GRANULE,
	OPT_VA_BITS,
	OPT_MANAGED,
	OPT_BUILD,
	OPT_SARIF,
	OPT_LIST,
	OPT_ONLY,
	OPT_DISABLE,
	OPT_SEVERITY,
	OPT_JSON,
	OPT_OUTPUT,
	OPT_AT,
	OPT_RANGE,
	OPT_OWN,
	OPT_PHYS,
	OPT_SECONDS,
	OPT_ROUNDS,
	OPT_SEED,
	OPT_FAIL,
	OPT_VERBOSE,
	OPT_HELP,
	NR_OPTIONS
};

#define FOR_BOOT (1U << COMMAND_BOOT)
#define FOR_WALK (1U << COMMAND_WALK)
#define FOR_STRESS (1U << COMMAND_STRESS)
#define FOR_PREDICT (1U << COMMAND_PREDICT)
#define FOR_MAP (1U << COMMAND_MAP)
#define FOR_CHECK (1U << COMMAND_CHECK)
#define FOR_FORECAST (FOR_PREDICT | FOR_CHECK | 1U << COMMAND_COMPARE | 1U << COMMAND_DIFF)
/* The granule and the VA size of a prediction are the profile's. */
#define FOR_OWN (FOR_BOOT | FOR_WALK | FOR_STRESS | 1U << COMMAND_PTDUMP | 1U << COMMAND_PROC)
#define FOR_ALL (FOR_OWN | FOR_FORECAST | FOR_MAP)

static const struct {
	const char *name, *other;
	bool has_value;
	unsigned int commands;
} table[NR_OPTIONS] = {
	[OPT_MEM] = {"--mem", "-m", true, FOR_ALL},
	[OPT_CPUS] = {"--cpus", NULL, true, FOR_ALL},
	[OPT_CPU] = {"--cpu", NULL, true, FOR_ALL},
	[OPT_INITRD] = {"--initrd", NULL, true, FOR_ALL},
	[OPT_KERNEL] = {"--kernel", NULL, true, FOR_ALL},
	[OPT_KERNEL_AT] = {"--kernel-at", NULL, true, FOR_ALL},
	[OPT_DTB_AT] = {"--dtb-at", NULL, true, FOR_ALL},
	[OPT_APPEND] = {"--append", NULL, true, FOR_ALL},
	[OPT_GRANULE] = {"--granule", NULL, true, FOR_OWN},
	[OPT_VA_BITS] = {"--va-bits", NULL, true, FOR_OWN},
	[OPT_MANAGED] = {"--managed", NULL, true, FOR_BOOT | FOR_PREDICT},
	[OPT_OUTPUT] = {"--output", "-o", true, FOR_MAP},
	[OPT_AT] = {"--at", NULL, true, FOR_MAP},
	[OPT_RANGE] = {"--range", NULL, true, FOR_MAP},
	[OPT_OWN] = {"--own", NULL, false, FOR_MAP},
	[OPT_BUILD] = {"--build", NULL, true, FOR_FORECAST | FOR_MAP},
	[OPT_SARIF] = {"--sarif", NULL, false, FOR_CHECK},
	[OPT_LIST] = {"--list", NULL, false, FOR_CHECK},
	[OPT_ONLY] = {"--only", NULL, true, FOR_CHECK},
	[OPT_DISABLE] = {"--disable", NULL, true, FOR_CHECK},
	[OPT_SEVERITY] = {"--severity", NULL, true, FOR_CHECK},
	[OPT_JSON] = {"--json", NULL, false, FOR_BOOT | FOR_FORECAST},
	[OPT_PHYS] = {"--phys", NULL, false, FOR_WALK},
	[OPT_SECONDS] = {"--seconds", NULL, true, FOR_STRESS},
	[OPT_ROUNDS] = {"--rounds", NULL, true, FOR_STRESS},
	[OPT_SEED] = {"--seed", NULL, true, FOR_STRESS},
	[OPT_FAIL] = {"--fail", NULL, true, FOR_STRESS},
	[OPT_VERBOSE] = {"--verbose", "-v", false, FOR_ALL},
	[OPT_HELP] = {"--help", "-h", false, FOR_ALL},
};

/* The option that arg is: "--name", "--name=value" (*value set) or the short form; NR_OPTIONS when none. */
static enum option find_option(const char *arg, const char **value)
{
	*value = NULL;
	for (enum option i = 0; i < NR_OPTIONS; i++) {
		size_t n = strlen(table[i].name);

		if (!strcmp(arg, table[i].name) || (table[i].other && !strcmp(arg, table[i].other)))
			return i;
		if (table[i].has_value && !strncmp(arg, table[i].name, n) && arg[n] == '=') {
			*value = arg + n + 1;
			return i;
		}
	}
	return NR_OPTIONS;
}

static void apply(enum option option, const char *value, enum command command, struct options *o)
{
	switch (option) {
	case OPT_MEM:
		o->mem = need_size("--mem", value);
		if (!o->mem)
			die("--mem: there must be some memory");
		break;
	case OPT_CPUS:
		o->cpus = need_count("--cpus", value, 256);
		break;
	case OPT_CPU:
		o->cpu = value;
		break;
	case OPT_INITRD:
		o->initrd = file_at(value, &o->initrd_at);
		break;
	case OPT_KERNEL:
		o->kernel = file_at(value, &o->kernel_at);
		break;
	case OPT_KERNEL_AT:
		kernel_at(value, o);
		break;
	case OPT_DTB_AT:
		o->dtb_at = need_address("--dtb-at", value);
		break;
	case OPT_APPEND:
		o->append = value;
		break;
	case OPT_GRANULE:
		granule(value, o);
		break;
	case OPT_VA_BITS:
		o->va_bits = need_count("--va-bits", value, 64);
		break;
	case OPT_MANAGED:
		add_managed(value, o);
		break;
	case OPT_BUILD:
		o->build = value;
		break;
	case OPT_SARIF:
		o->sarif = true;
		break;
	case OPT_LIST:
		o->list = true;
		break;
	case OPT_ONLY:
		o->only = value;
		break;
	case OPT_DISABLE:
		o->disable = value;
		break;
	case OPT_SEVERITY:
		o->severity = value;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_OUTPUT:
		o->output = value;
		break;
	case OPT_AT:
		o->at = need_address("--at", value);
		break;
	case OPT_RANGE:
		range(value, o);
		break;
	case OPT_OWN:
		o->own = true;
		break;
	case OPT_PHYS:
		o->phys = true;
		break;
	case OPT_SECONDS:
		o->seconds = need_count("--seconds", value, 86400);
		break;
	case OPT_ROUNDS:
		o->rounds = need_count("--rounds", value, 1000000);
		break;
	case OPT_SEED:
		o->seed = need_size("--seed", value);
		o->has_seed = true;
		break;
	case OPT_FAIL:
		o->fail = need_count("--fail", value, 50);
		break;
	case OPT_VERBOSE:
		o->verbose = true;
		break;
	case OPT_HELP:
		print_help(o->name);
		exit(fflush(stdout) ? 2 : 0);
	case NR_OPTIONS:
		break;
	}
}

void use_profile(struct options *o, const char *name)
{
	profile_load(&o->profile, name);
	o->core = o->profile.page_shift == 12	? &quire_core_4k
		  : o->profile.page_shift == 14 ? &quire_core_16k
						: &quire_core_64k;
	if (!o->core)
		die("--build: this program was built without %luK pages",
		    (1UL << o->profile.page_shift) / 1024);
	o->va_bits = (unsigned int)o->profile.va_bits;
	if (!o->kernel && !o->kernel_size)
		o->kernel_size = o->profile.image_size;
}

static void check_options(enum command command, struct options *o)
{
	if (o->kernel && o->kernel_size)
		die("--kernel and --kernel-at exclude each other");
	if (((FOR_FORECAST | FOR_MAP) >> command & 1) && !o->list && !o->own) {
		unsigned int want = command == COMMAND_COMPARE || command == COMMAND_DIFF ? 2 : 1;

		if (o->nr_boards < want)
			die("%s: no %s; try 'quire %s --help'", o->name,
			    !o->nr_boards	      ? "device tree"
			    : command == COMMAND_DIFF ? "second device tree"
						      : "log",
			    o->name);
		use_profile(o, o->build ? o->build : DEFAULT_PROFILE);
	}
	/* The map is made of the document. */
	if (command == COMMAND_MAP)
		o->json = true;
	if (o->va_bits && !o->core->va_bits_valid(o->va_bits))
		die("--va-bits: with --granule %uk there are no %u-bit virtual addresses",
		    1U << (o->core->page_shift - 10), o->va_bits);
	if (o->seconds && o->rounds)
		die("--seconds and --rounds exclude each other");
	if (command == COMMAND_WALK && !o->address)
		die("walk: no address; try 'quire walk --help'");
}

void parse_options(enum command command, int argc, char **argv, struct options *o)
{
	const char **operands = calloc((size_t)argc, sizeof(*operands));
	unsigned int nr = 0, max = command == COMMAND_CHECK ? (unsigned int)argc
				   : command == COMMAND_WALK || command == COMMAND_COMPARE ||
						   command == COMMAND_DIFF
					   ? 2
					   : 1;
	bool only_operands = false;

	if (!operands)
		die("no memory");
	*o = (struct options){
		.initrd_at = NO_ADDRESS,
		.kernel_at = NO_ADDRESS,
		.dtb_at = NO_ADDRESS,
		.at = NO_ADDRESS,
		.core = &quire_core_4k,
		.name = argv[1],
		.hotplug = command == COMMAND_STRESS,
	};
	for (int i = 2; i < argc; i++) {
		const char *value;
		enum option option;

		if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			if (nr == max)
				die("%s: unexpected '%s'", o->name, argv[i]);
			operands[nr++] = argv[i];
			continue;
		}
		if (!strcmp(argv[i], "--")) {
			only_operands = true;
			continue;
		}
		option = find_option(argv[i], &value);
		if (option == NR_OPTIONS || !(table[option].commands >> command & 1))
			die("%s: unknown option '%s'; try 'quire %s --help'", o->name, argv[i],
			    o->name);
		if (table[option].has_value && !value) {
			if (i + 1 == argc)
				die("%s needs a value", argv[i]);
			value = argv[++i];
		}
		apply(option, value, command, o);
	}
	o->boards = operands;
	o->nr_boards = nr;
	if (command == COMMAND_WALK && nr)
		o->address = operands[--nr];
	if (nr)
		o->board = operands[0];
	check_options(command, o);
}
