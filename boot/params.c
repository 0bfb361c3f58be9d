// SPDX-License-Identifier: MIT
/*
 * The command line: Linux's syntax of words, numbers with suffixes, and the options that decide how
 * memory is set up.
 *
 * parse_early_param runs after the device tree gave the command line and before the first decision
 * about memory; each option's function only stores what it read. print_unknown_bootoptions comes
 * late, when a console shows it.
 *
 * As in Linux an option that appears twice counts the last time, and a value that cannot be read
 * leaves the default. Unlike Linux a number is checked for overflow, and a size that is no number
 * is refused (Linux takes mem=abc for mem=0).
 */
#include <quire/boot.h>
#include <quire/build_profile.h>
#include <quire/cma.h>
#include <quire/memblock.h>
#include <quire/memory_hotplug.h>
#include <quire/mm_debug.h>
#include <quire/mm_init.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/string.h>
#include <quire/swiotlb.h>

#include "fdt_scan.h"

phys_addr_t memory_limit = PHYS_ADDR_MAX;
bool numa_off;
unsigned int numa_fake_nodes;
unsigned int setup_max_cpus = NR_CPUS;
u64 setup_nolse, setup_nopan;
unsigned int nr_cpus_limit = NR_CPUS;
struct quire_options quire_options = {.summary = true};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char *skip_spaces(char *s)
{
	while (is_space(*s))
		s++;
	return s;
}

static char dash2underscore(char c)
{
	return c == '-' ? '_' : c;
}

bool parameq(const char *a, const char *b)
{
	for (; *a && dash2underscore(*a) == dash2underscore(*b); a++, b++)
		;
	return dash2underscore(*a) == dash2underscore(*b);
}

char *next_arg(char *args, char **param, char **val)
{
	bool in_quote = false, quoted = false;
	char *p, *equals = NULL;

	if (*args == '"') {
		args++;
		in_quote = quoted = true;
	}
	for (p = args; *p; p++) {
		if (is_space(*p) && !in_quote)
			break;
		/* A word that begins with '=' has no name: it is one word. */
		if (*p == '=' && !equals && p > args)
			equals = p;
		if (*p == '"')
			in_quote = !in_quote;
	}
	*param = args;
	*val = NULL;
	if (equals) {
		*equals = '\0';
		*val = equals + 1;
		if (**val == '"') {
			(*val)++;
			if (p > *val && p[-1] == '"')
				p[-1] = '\0';
		}
	}
	if (quoted && p > args && p[-1] == '"')
		p[-1] = '\0';
	if (*p)
		*p++ = '\0';
	return skip_spaces(p);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

u64 parse_size(const char *s, const char **end, bool *overflow)
{
	static const char suffix[] = "kmgtpe";
	const char *start = s, *x;
	bool over = false;
	int base = 10, shift;
	u64 v = 0;

	if (s[0] == '0') {
		base = 8;
		if ((s[1] | 0x20) == 'x' && digit(s[2]) < 16) {
			base = 16;
			s += 2;
		}
	}
	for (start = s; digit(*s) < base; s++)
		if (__builtin_mul_overflow(v, (u64)base, &v) ||
		    __builtin_add_overflow(v, (u64)digit(*s), &v))
			over = true;
	if (s > start && *s && (x = strchr(suffix, *s | 0x20))) {
		shift = 10 * (int)(x - suffix + 1);
		if (v > ~(u64)0 >> shift)
			over = true;
		v <<= shift;
		s++;
	}
	if (overflow)
		*overflow = over;
	*end = s;
	return over ? ~(u64)0 : v;
}

unsigned long long memparse(const char *ptr, char **retptr)
{
	const char *end;
	u64 v = parse_size(ptr, &end, NULL);

	if (retptr)
		*retptr = (char *)(unsigned long)end;
	return v;
}

/* ------------------------------------------------------------------ options */

/* Stores an option's value (NULL: a bare name). Returns NULL, or why the value cannot be used. */
typedef const char *(*early_param_fn)(const char *val);

/* A size that has to be there. *end: what follows it. */
static const char *need_size(const char *val, u64 *size, const char **end)
{
	bool over;

	if (!val || !*val)
		return "no size given";
	*size = parse_size(val, end, &over);
	if (*end == val)
		return "not a size";
	return over ? "more than 64 bits" : NULL;
}

static bool parse_bool(const char *val, bool dflt)
{
	if (!val)
		return true;
	switch (*val) {
	case '1':
	case 'y':
	case 'Y':
		return true;
	case '0':
	case 'n':
	case 'N':
		return false;
	default:
		if (strcmp(val, "on") == 0)
			return true;
		return strcmp(val, "off") == 0 ? false : dflt;
	}
}

static const char *early_mem(const char *val)
{
	const char *end, *why;
	u64 limit;

	why = need_size(val, &limit, &end);
	if (why)
		return why;
	if (*end)
		return "something follows the size";
	limit &= PAGE_MASK;
	if (!limit)
		return "less than a page leaves no memory";
	memory_limit = limit;
	pr_notice("Memory limited to %lluMB\n", (unsigned long long)(memory_limit >> 20));
	return NULL;
}

static const char *early_memblock(const char *val)
{
	if (val && strcmp(val, "debug") == 0) {
		memblock_set_debug(true);
		return NULL;
	}
	return "only 'debug' is known";
}

static const char *early_rodata(const char *val)
{
	if (val && strcmp(val, "on") == 0)
		rodata_mode = RODATA_ON;
	else if (val && strcmp(val, "off") == 0)
		rodata_mode = RODATA_OFF;
	else if (val && strcmp(val, "full") == 0)
		rodata_mode = RODATA_FULL;
	else
		return "on, off or full";
	return NULL;
}

/*
 * size[@base[-limit]]: a base without a limit is the place itself, with one the area is searched in
 * [base, limit).
 */
static const char *early_cma(const char *val)
{
	struct cma_cmdline opt = {0};
	const char *end, *why;

	why = need_size(val, &opt.size, &end);
	if (!why && *end == '@') {
		why = need_size(end + 1, &opt.base, &end);
		if (!why && *end == '-')
			why = need_size(end + 1, &opt.limit, &end);
		else if (!why && __builtin_add_overflow(opt.base, opt.size, &opt.limit))
			why = "ends beyond 64 bits";
	}
	if (why)
		return why;
	cma_cmdline = opt;
	return NULL;
}

static const char *early_kernelcore(const char *val)
{
	return val && parse_kernelcore(val) == 0 ? NULL : "a size, a percentage or 'mirror'";
}

static const char *early_movablecore(const char *val)
{
	return val && parse_movablecore(val) == 0 ? NULL : "a size or a percentage";
}

static const char *early_movable_node(const char *val)
{
	movable_node_enabled = true;
	return NULL;
}

static const char *early_numa(const char *val)
{
	const char *end;
	u64 n;

	if (!val)
		return "off or fake=N";
	if (strncmp(val, "off", 3) == 0) {
		numa_off = true;
		return NULL;
	}
	if (strncmp(val, "fake=", 5) == 0) {
		n = parse_size(val + 5, &end, NULL);
		if (end == val + 5 || *end || !n)
			return "fake= wants a number of nodes";
		if (n > MAX_NUMNODES) {
			pr_info("numa=fake=%llu too large, reducing to %d\n", (unsigned long long)n,
				MAX_NUMNODES);
			n = MAX_NUMNODES;
		}
		numa_fake_nodes = (unsigned int)n;
		return NULL;
	}
	return "off or fake=N";
}

static const char *early_initrdmem(const char *val)
{
	const char *end, *why;
	u64 start, size;

	why = need_size(val, &start, &end);
	if (why)
		return why;
	if (*end != ',')
		return "start,size";
	why = need_size(end + 1, &size, &end);
	if (why)
		return why;
	if (size > ~(u64)0 - start)
		return "ends beyond 64 bits";
	phys_initrd_start = start;
	phys_initrd_size = size;
	return NULL;
}

static const char *early_transparent_hugepage(const char *val)
{
	static const char *const modes[] = {"always", "madvise", "never"};

	for (int i = 0; val && i < (int)ARRAY_SIZE(modes); i++) {
		if (strcmp(val, modes[i]) != 0)
			continue;
		transparent_hugepage_mode = i;
		/* always and madvise are one for watermarks: min_free_kbytes is raised for them. */
		transparent_hugepage_enabled = i < 2;
		return NULL;
	}
	return "always, madvise or never";
}

static const char *early_earlycon(const char *val)
{
	return setup_earlycon(val) ? "no such console" : NULL;
}

/*
 * console= may name an earlycon device with its address; any other console is a driver's, of which
 * there is none.
 */
static const char *early_console(const char *val)
{
	if (val && strchr(val, ','))
		setup_earlycon(val);
	return NULL;
}

static const char *early_loglevel(const char *val)
{
	const char *end;
	u64 n;

	if (!val)
		return "no level given";
	n = parse_size(val, &end, NULL);
	if (end == val || n > 15)
		return "not a level";
	console_loglevel = (int)n;
	return NULL;
}

static const char *early_quiet(const char *val)
{
	console_loglevel = 4;
	return NULL;
}

static const char *early_debug(const char *val)
{
	console_loglevel = 10;
	return NULL;
}

static const char *need_cpus(const char *val, unsigned int *n)
{
	const char *end;
	u64 v;

	if (!val)
		return "no number given";
	v = parse_size(val, &end, NULL);
	if (end == val || *end)
		return "not a number of CPUs";
	*n = (unsigned int)min(v, (u64)NR_CPUS);
	return NULL;
}

static const char *early_maxcpus(const char *val)
{
	return need_cpus(val, &setup_max_cpus);
}

static const char *early_nosmp(const char *val)
{
	setup_max_cpus = 0;
	return NULL;
}

static const char *early_nr_cpus(const char *val)
{
	unsigned int n = 0;
	const char *why = need_cpus(val, &n);

	if (!why && !n)
		why = "the boot CPU is one already";
	if (!why)
		nr_cpus_limit = n;
	return why;
}

static const char *early_semihosting(const char *val)
{
	quire_options.semihosting = parse_bool(val, false);
	if (quire_options.semihosting)
		port_enable_semihosting();
	return NULL;
}

/* Room in the tables for memory that comes later (mm/page/hotplug.c). */
static const char *early_hotplug(const char *val)
{
	const char *end;
	u64 n;

	if (!val)
		return "no size given";
	n = parse_size(val, &end, NULL);
	if (end == val || *end)
		return "not a size";
	hotplug_reserve = n;
	return NULL;
}

static const char *early_columns(const char *val)
{
	const char *end;
	u64 n;

	if (!val)
		return "no number given";
	n = parse_size(val, &end, NULL);
	if (end == val || *end || n > 1000)
		return "not a number of columns";
	quire_options.columns = (unsigned int)n;
	return NULL;
}

static const char *early_retain_initrd(const char *val)
{
	quire_options.retain_initrd = true;
	return NULL;
}

static const char *early_init(const char *val)
{
	quire_options.init = parse_bool(val, true) ? INIT_ALWAYS : INIT_NEVER;
	return NULL;
}

static const char *early_report(const char *val)
{
	if (!val || !*val)
		return "no file given";
	if (strlen(val) >= sizeof(quire_options.report))
		return "the name is too long";
	quire_strlcpy(quire_options.report, val, sizeof(quire_options.report));
	return NULL;
}

static const char *early_stress(const char *val)
{
	u64 n[3] = {0};
	bool seconds = false;
	const char *end;
	unsigned int i;

	if (!val)
		return "no number of phases given";
	for (i = 0; i < ARRAY_SIZE(n); i++) {
		n[i] = parse_size(val, &end, NULL);
		if (end == val)
			return "phases,operations,seed are numbers";
		if (!i && *end == 's') {
			seconds = true;
			end++;
		}
		if (!*end)
			break;
		if (*end != ',' || i == ARRAY_SIZE(n) - 1)
			return "something follows a number";
		val = end + 1;
	}
	if (!n[0] || n[0] > UINT_MAX || n[1] > UINT_MAX)
		return "out of range";
	quire_options.stress_phases = seconds ? 0 : (unsigned int)n[0];
	quire_options.stress_seconds = seconds ? (unsigned int)n[0] : 0;
	quire_options.stress_operations = (unsigned int)n[1];
	quire_options.stress_seed = n[2];
	return NULL;
}

/* CPUs that are taken to have none of a feature: one, or all of them. */
static const char *take_without(const char *val, u64 *cpus)
{
	unsigned int cpu = 0;
	const char *why = val ? need_cpus(val, &cpu) : NULL;

	if (!why)
		*cpus |= val ? 1ULL << min(cpu, 63U) : ~0ULL;
	return why;
}

static const char *early_nolse(const char *val)
{
	return take_without(val, &setup_nolse);
}

static const char *early_nopan(const char *val)
{
	return take_without(val, &setup_nopan);
}

static const char *early_show(const char *val)
{
	if (!val || !*val)
		return "no name given";
	if (strlen(val) >= sizeof(quire_options.show))
		return "the list is too long";
	quire_strlcpy(quire_options.show, val, sizeof(quire_options.show));
	return NULL;
}

static const struct early_param {
	const char *name;
	early_param_fn fn;
} early_params[] = {
	{"mem", early_mem},
	{"memblock", early_memblock},
	{"rodata", early_rodata},
	{"cma", early_cma},
	{"kernelcore", early_kernelcore},
	{"movablecore", early_movablecore},
	{"movable_node", early_movable_node},
	{"numa", early_numa},
	{"initrdmem", early_initrdmem},
	{"initrd", early_initrdmem},
	{"transparent_hugepage", early_transparent_hugepage},
	{"swiotlb", swiotlb_setup},
	{"earlycon", early_earlycon},
	{"console", early_console},
	{"loglevel", early_loglevel},
	{"quiet", early_quiet},
	{"debug", early_debug},
	{"maxcpus", early_maxcpus},
	{"nosmp", early_nosmp},
	{"nr_cpus", early_nr_cpus},
	{"quire.semihosting", early_semihosting},
	{"quire.columns", early_columns},
	{"quire.hotplug", early_hotplug},
	{"quire.nolse", early_nolse},
	{"quire.nopan", early_nopan},
	{"quire.init", early_init},
	{"retain_initrd", early_retain_initrd},
	{"keepinitrd", early_retain_initrd},
	{"quire.report", early_report},
	{"quire.show", early_show},
	{"quire.stress", early_stress},
};

/* Switches: a word that is neither yes nor no leaves them as `unclear`. */
static const struct early_switch {
	const char *name;
	bool *flag, unclear;
} early_switches[] = {
	{"quire.selftest", &quire_options.selftest, false},
	{"quire.color", &quire_options.color, false},
	{"quire.unicode", &quire_options.unicode, false},
	{"quire.summary", &quire_options.summary, true},
	{"quire.bench", &quire_options.bench, false},
	/* Linux decides the last two when it is built. */
	{"slab_nomerge", &slab_nomerge, true},
	{"slub_nomerge", &slab_nomerge, true},
	{"quire.slab_freelist_random", &slab_freelist_random, false},
	{"quire.slab_freelist_hardened", &slab_freelist_hardened, false},
};

/* The early option that `param` names is taken. Returns what is wrong with its value, NULL: nothing. */
static const char *take_early_param(const char *param, const char *val)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(early_params); i++)
		if (parameq(param, early_params[i].name))
			return early_params[i].fn(val);
	for (i = 0; i < ARRAY_SIZE(early_switches); i++)
		if (parameq(param, early_switches[i].name))
			*early_switches[i].flag = parse_bool(val, early_switches[i].unclear);
	for (i = 0; mm_debug_options[i].name; i++)
		if (parameq(param, mm_debug_options[i].name))
			return mm_debug_options[i].set(val);
	return NULL;
}

/*
 * Options that are read elsewhere (crashkernel= when memory is known, nokaslr by the port), and
 * those of Linux that have nothing to act on here: known, and not worth a word.
 */
static const char *const known_params[] = {
	"crashkernel",
	"nokaslr",
	"noinitrd",
	"acpi",
	"audit",
	"boot_delay",
	"cgroup_disable",
	"clk_ignore_unused",
	"coherent_pool",
	"cpuidle",
	"debug_pagealloc",
	"default_hugepagesz",
	"dhash_entries",
	"dyndbg",
	"earlyprintk",
	"efi",
	"fbcon",
	"fw_devlink",
	"hashdist",
	"hugepages",
	"hugepagesz",
	"hugetlb_cma",
	"idle",
	"ignore_loglevel",
	"ihash_entries",
	"init",
	"initcall_debug",
	"init_on_alloc",
	"init_on_free",
	"iommu",
	"ip",
	"isolcpus",
	"kgdboc",
	"kpti",
	"log_buf_len",
	"lsm",
	"mem_encrypt",
	"memmap",
	"memtest",
	"mhash_entries",
	"mitigations",
	"mphash_entries",
	"net",
	"nfsroot",
	"nohz",
	"noswap",
	"numa_balancing",
	"oops",
	"panic",
	"panic_on_oops",
	"pci",
	"percpu_alloc",
	"pmu",
	"printk",
	"psi",
	"rcu_nocbs",
	"rdinit",
	"reboot",
	"resume",
	"ro",
	"root",
	"rootdelay",
	"rootflags",
	"rootfstype",
	"rootwait",
	"rw",
	"security",
	"selinux",
	"smp",
	"softlockup",
	"swapaccount",
	"threadirqs",
	"tsc",
	"video",
	"vmalloc",
	"vt",
	"watchdog",
};

static char tmp_cmdline[COMMAND_LINE_SIZE];

void parse_early_param(void)
{
	char *args, *param, *val;
	const char *why;

	quire_strlcpy(tmp_cmdline, boot_command_line, sizeof(tmp_cmdline));
	args = skip_spaces(tmp_cmdline);
	while (*args) {
		args = next_arg(args, &param, &val);
		if (!val && strcmp(param, "--") == 0)
			break;
		why = take_early_param(param, val);
		if (why)
			pr_warn("Malformed early option '%s%s%s': %s; ignored\n", param,
				val ? "=" : "", val ? val : "", why);
	}
}

/* Words that Linux knows only where it was built with what they set. */
static bool absent_from_build(const char *param)
{
	if (!build_profile)
		return false;
	return parameq(param, "memmap") ||
	       (parameq(param, "nokaslr") && profile_or(version, ~0UL) < 0x608) ||
	       (parameq(param, "debug_pagealloc") && !profile_or(debug_pagealloc, 1)) ||
	       (parameq(param, "page_owner") && !profile_or(page_owner, 1));
}

/* What the boot loader adds and the parameters of modules ("name.param") are nobody's fault. */
bool boot_param_known(const char *param)
{
	unsigned int i;

	if (absent_from_build(param))
		return false;
	if (strchr(param, '.') || strncmp(param, "BOOT_IMAGE", 10) == 0 ||
	    strncmp(param, "kexec", 5) == 0)
		return true;
	for (i = 0; i < ARRAY_SIZE(early_params); i++)
		if (parameq(param, early_params[i].name))
			return true;
	for (i = 0; i < ARRAY_SIZE(known_params); i++)
		if (parameq(param, known_params[i]))
			return true;
	for (i = 0; mm_debug_options[i].name; i++)
		if (parameq(param, mm_debug_options[i].name))
			return true;
	return false;
}

/*
 * Bare words first, then those with a value, as Linux hands them to init as arguments and environment. Returns their
 * length.
 */
static size_t list_unknown(char *unknown, size_t size)
{
	char *args, *param, *val;
	size_t len = 0, n;
	int with_value;

	for (with_value = 0; with_value < 2; with_value++) {
		quire_strlcpy(tmp_cmdline, boot_command_line, sizeof(tmp_cmdline));
		args = skip_spaces(tmp_cmdline);
		while (*args) {
			args = next_arg(args, &param, &val);
			if (!val && strcmp(param, "--") == 0)
				break;
			if ((val != NULL) != with_value || boot_param_known(param))
				continue;
			n = (size_t)quire_snprintf(unknown + len, size - len, "%s%s%s%s",
						   len ? " " : "", param, val ? "=" : "",
						   val ? val : "");
			len = min(len + n, size - 1);
		}
	}
	return len;
}

static char unknown_words[COMMAND_LINE_SIZE + 2];

size_t unknown_bootoptions_length(void)
{
	return list_unknown(unknown_words, sizeof(unknown_words));
}

void print_unknown_bootoptions(void)
{
	if (list_unknown(unknown_words, sizeof(unknown_words)))
		pr_notice("Unknown kernel command line parameters \"%s\", will be passed to user "
			  "space.\n",
			  unknown_words);
}
