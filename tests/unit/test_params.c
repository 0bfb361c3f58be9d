// SPDX-License-Identifier: MIT
/* links: boot/params.c boot/init_words.c lib/vsprintf.c lib/string.c */
/* The command line: words, numbers, and what each option does with a good and with a bad value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <quire/boot.h>
#include <quire/cma.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/swiotlb.h>

#include "boot/fdt_scan.h"

char boot_command_line[COMMAND_LINE_SIZE];
phys_addr_t phys_initrd_start, phys_initrd_size;
enum rodata_mode rodata_mode = RODATA_FULL;
struct cma_cmdline cma_cmdline;
bool transparent_hugepage_enabled = true;
int transparent_hugepage_mode;
bool movable_node_enabled, mirrored_kernelcore;
bool slab_nomerge, slab_freelist_random, slab_freelist_hardened;
static bool debug_on, semihosting_on;
static char kernelcore[32], movablecore[32], earlycon[64];
static char log_text[8192];
static size_t log_len;

int vprintk(const char *fmt, va_list args)
{
	if (fmt[0] == '\001')
		fmt += 2;
	log_len +=
		(size_t)quire_vsnprintf(log_text + log_len, sizeof(log_text) - log_len, fmt, args);
	return 0;
}

int printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	return 0;
}

void memblock_set_debug(bool on)
{
	debug_on = on;
}

void port_enable_semihosting(void)
{
	semihosting_on = true;
}

int parse_kernelcore(const char *arg)
{
	snprintf(kernelcore, sizeof(kernelcore), "%s", arg);
	return strcmp(arg, "bad") ? 0 : -EINVAL;
}

int parse_movablecore(const char *arg)
{
	snprintf(movablecore, sizeof(movablecore), "%s", arg);
	return 0;
}

int setup_earlycon(const char *val)
{
	snprintf(earlycon, sizeof(earlycon), "%s", val ? val : "(none)");
	return val && strncmp(val, "nosuch", 6) == 0 ? -ENODEV : 0;
}

static char swiotlb[32];

const char *swiotlb_setup(const char *val)
{
	snprintf(swiotlb, sizeof(swiotlb), "%s", val ? val : "(none)");
	return val && *val == 'x' ? "slots,areas,force or noforce" : NULL;
}

static int reset(void **state)
{
	log_len = 0;
	log_text[0] = '\0';
	memory_limit = PHYS_ADDR_MAX;
	cma_cmdline = (struct cma_cmdline){.size = PHYS_ADDR_MAX};
	rodata_mode = RODATA_FULL;
	numa_off = debug_on = semihosting_on = movable_node_enabled = mirrored_kernelcore = false;
	numa_fake_nodes = 0;
	setup_max_cpus = nr_cpus_limit = NR_CPUS;
	phys_initrd_start = phys_initrd_size = 0;
	console_loglevel = 7;
	quire_options = (struct quire_options){.summary = true};
	kernelcore[0] = movablecore[0] = earlycon[0] = '\0';
	return 0;
}

static void parse(const char *cmdline)
{
	snprintf(boot_command_line, sizeof(boot_command_line), "%s", cmdline);
	parse_early_param();
}

static void next(char **args, const char *param, const char *val)
{
	char *p, *v;

	*args = next_arg(*args, &p, &v);
	assert_string_equal(p, param);
	if (val)
		assert_string_equal(v, val);
	else
		assert_null(v);
}

static void words_and_quotes(void **state)
{
	char line[] = "quiet  a=b\tc=\"x y\" \"d e=f g\" h=i=j =k end";
	char *p = line;

	next(&p, "quiet", NULL);
	next(&p, "a", "b");
	next(&p, "c", "x y");
	next(&p, "d e", "f g");
	next(&p, "h", "i=j");
	next(&p, "=k", NULL);
	next(&p, "end", NULL);
	assert_int_equal(*p, 0);
}

static void an_open_quote_takes_the_rest(void **state)
{
	char line[] = "a=\"b c", lone[] = "\"", empty[] = "x=\"";
	char *p = line;

	next(&p, "a", "b c");
	assert_int_equal(*p, 0);
	p = lone;
	next(&p, "", NULL);
	p = empty;
	next(&p, "x", "");
}

static void names_do_not_tell_dash_from_underscore(void **state)
{
	assert_true(parameq("movable-node", "movable_node"));
	assert_true(parameq("a", "a"));
	assert_false(parameq("a", "ab"));
	assert_false(parameq("ab", "a"));
	assert_false(parameq("", "a"));
}

static void check_size(const char *s, u64 want, const char *rest, bool want_over)
{
	const char *tail;
	bool over;

	assert_int_equal(parse_size(s, &tail, &over), want);
	assert_string_equal(tail, rest);
	assert_int_equal(over, want_over);
}

static void sizes_with_suffixes(void **state)
{
	check_size("512M", 512UL << 20, "", false);
	check_size("1k", 1024, "", false);
	check_size("0x10G@", 16UL << 30, "@", false);
	check_size("010", 8, "", false);
	check_size("2T,high", 2UL << 40, ",high", false);
	check_size("3p", 3UL << 50, "", false);
	check_size("1E", 1UL << 60, "", false);
	check_size("18446744073709551615", ~0UL, "", false);
	check_size("0", 0, "", false);
}

static void sizes_beyond_64_bits_are_said(void **state)
{
	check_size("16E", ~0UL, "", true);
	check_size("18446744073709551616", ~0UL, "", true);
	check_size("0x1ffffffffffffffff", ~0UL, "", true);
	check_size("99999999999999999999999K", ~0UL, "", true);
}

static void what_is_no_number_is_not_moved_over(void **state)
{
	check_size("M", 0, "M", false);
	check_size("", 0, "", false);
	check_size("abc", 0, "abc", false);
	check_size("0x", 0, "x", false);
	check_size("09", 0, "9", false);
	assert_int_equal(memparse("64K", NULL), 65536);
}

static void memory_limit_is_whole_pages(void **state)
{
	parse("mem=1000003K");
	assert_int_equal(memory_limit, 1000003UL << 10 & PAGE_MASK);
	assert_non_null(strstr(log_text, "Memory limited to 976MB"));
}

static void a_bad_memory_limit_is_no_limit(void **state)
{
	static const char *const bad[] = {"mem=abc", "mem=",   "mem",	 "mem=0",
					  "mem=16E", "mem=-1", "mem=5x", "mem=4095"};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		reset(NULL);
		parse(bad[i]);
		assert_int_equal(memory_limit, PHYS_ADDR_MAX);
		assert_non_null(strstr(log_text, "Malformed early option 'mem"));
		/* One line, no more. */
		assert_ptr_equal(strchr(log_text, '\n'), log_text + log_len - 1);
	}
}

static void the_last_one_counts(void **state)
{
	parse("mem=1G mem=2G rodata=off rodata=on");
	assert_int_equal(memory_limit, SZ_2G);
	assert_int_equal(rodata_mode, RODATA_ON);
}

static void contiguous_area(void **state)
{
	parse("cma=64M");
	assert_int_equal(cma_cmdline.size, SZ_64M);
	assert_int_equal(cma_cmdline.base | cma_cmdline.limit, 0);
	parse("cma=64M@0x50000000");
	assert_int_equal(cma_cmdline.base, 0x50000000);
	assert_int_equal(cma_cmdline.limit, 0x54000000);
	parse("cma=32M@0x50000000-0x58000000");
	assert_int_equal(cma_cmdline.size, SZ_32M);
	assert_int_equal(cma_cmdline.limit, 0x58000000);
	parse("cma=0");
	assert_int_equal(cma_cmdline.size, 0);
}

static void a_bad_contiguous_area_leaves_the_default(void **state)
{
	parse("cma=@1G cma=1G@ cma=1G@1G- cma=15E@15E cma");
	assert_int_equal(cma_cmdline.size, PHYS_ADDR_MAX);
}

static void switches(void **state)
{
	parse("memblock=debug movable-node numa=off quiet kernelcore=mirror movablecore=30% "
	      "initrdmem=0x48000000,988455");
	assert_true(debug_on && movable_node_enabled && numa_off);
	assert_int_equal(console_loglevel, 4);
	assert_string_equal(kernelcore, "mirror");
	assert_string_equal(movablecore, "30%");
	assert_int_equal(phys_initrd_start, 0x48000000);
	assert_int_equal(phys_initrd_size, 988455);
	parse("debug");
	assert_int_equal(console_loglevel, 10);
	parse("loglevel=3 numa=fake=4");
	assert_int_equal(console_loglevel, 3);
	assert_int_equal(numa_fake_nodes, 4);
	parse("numa=fake=9999");
	assert_int_equal(numa_fake_nodes, MAX_NUMNODES);
	assert_int_equal(log_len && strstr(log_text, "Malformed") ? 1 : 0, 0);
}

static void huge_pages(void **state)
{
	parse("transparent_hugepage=never");
	assert_false(transparent_hugepage_enabled);
	parse("transparent_hugepage=sometimes");
	assert_false(transparent_hugepage_enabled);
	parse("transparent_hugepage=madvise");
	assert_true(transparent_hugepage_enabled);
}

static void bad_switches_change_nothing(void **state)
{
	parse("memblock=on rodata=maybe numa=fake= numa kernelcore=bad initrdmem=1M initrd=1M,x "
	      "loglevel=x "
	      "initrdmem=15E,15E earlycon=nosuch,0x1000");
	assert_false(debug_on || numa_off);
	assert_int_equal(rodata_mode, RODATA_FULL);
	assert_int_equal(numa_fake_nodes, 0);
	assert_int_equal(phys_initrd_size, 0);
	assert_int_equal(console_loglevel, 7);
	assert_non_null(strstr(log_text, "'rodata=maybe'"));
	assert_non_null(strstr(log_text, "'earlycon=nosuch,0x1000': no such console; ignored\n"));
}

static void bounce_buffers(void **state)
{
	parse("swiotlb=65536,force");
	assert_string_equal(swiotlb, "65536,force");
	assert_null(strstr(log_text, "Malformed"));
	parse("swiotlb=x");
	assert_non_null(strstr(log_text, "'swiotlb=x': slots,areas,force or noforce; ignored\n"));
}

static void options_of_the_image(void **state)
{
	parse("quire.selftest quire.semihosting=1 quire.color=on quire.summary=0 "
	      "quire.report=out.json quire.bench=n quire.unicode quire.columns=132");
	assert_true(quire_options.selftest && quire_options.semihosting && quire_options.color);
	assert_true(quire_options.unicode);
	assert_int_equal(quire_options.columns, 132);
	assert_true(semihosting_on);
	assert_false(quire_options.summary || quire_options.bench);
	assert_string_equal(quire_options.report, "out.json");
	parse("quire.columns=wide");
	assert_int_equal(quire_options.columns, 132);
	assert_non_null(strstr(log_text, "'quire.columns=wide'"));
}

static void limits_of_cpus(void **state)
{
	parse("maxcpus=2 nr_cpus=3");
	assert_int_equal(setup_max_cpus, 2);
	assert_int_equal(nr_cpus_limit, 3);
	parse("maxcpus=0");
	assert_int_equal(setup_max_cpus, 0);
	parse("maxcpus=5 nosmp");
	assert_int_equal(setup_max_cpus, 0);
	parse("maxcpus=99999999999 nr_cpus=4294967297");
	assert_int_equal(setup_max_cpus, NR_CPUS);
	assert_int_equal(nr_cpus_limit, NR_CPUS);
	assert_null(strstr(log_text, "Malformed"));
	parse("maxcpus=many nr_cpus=0 nr_cpus= nr_cpus=2x maxcpus");
	assert_int_equal(setup_max_cpus, NR_CPUS);
	assert_int_equal(nr_cpus_limit, NR_CPUS);
	assert_non_null(strstr(log_text, "'maxcpus=many'"));
	assert_non_null(strstr(log_text, "'nr_cpus=0': the boot CPU is one already"));
	assert_non_null(strstr(log_text, "'nr_cpus='"));
	assert_non_null(strstr(log_text, "'nr_cpus=2x'"));
	assert_non_null(strstr(log_text, "'maxcpus': no number given"));
}

static void cpus_taken_to_have_none_of_a_feature(void **state)
{
	setup_nolse = 0;
	parse("quire.nolse=2 quire.nolse=0");
	assert_int_equal(setup_nolse, 5);
	parse("quire.nolse=300");
	assert_int_equal(setup_nolse, 5 | 1ULL << 63);
	assert_null(strstr(log_text, "Malformed"));
	parse("quire.nolse=off");
	assert_non_null(strstr(log_text, "'quire.nolse=off'"));
	assert_int_equal(setup_nolse, 5 | 1ULL << 63);
	parse("quire.nolse");
	assert_int_equal(setup_nolse, ~0ULL);
	setup_nopan = 0;
	parse("quire.nopan=1");
	assert_int_equal(setup_nopan, 2);
	parse("quire.nopan");
	assert_int_equal(setup_nopan, ~0ULL);
}

static void a_stress_in_phases_or_seconds(void **state)
{
	parse("quire.stress=4");
	assert_int_equal(quire_options.stress_phases, 4);
	assert_int_equal(quire_options.stress_seconds, 0);
	parse("quire.stress=30s,100,0x7");
	assert_int_equal(quire_options.stress_phases, 0);
	assert_int_equal(quire_options.stress_seconds, 30);
	assert_int_equal(quire_options.stress_operations, 100);
	assert_int_equal(quire_options.stress_seed, 7);
	assert_null(strstr(log_text, "Malformed"));
	parse("quire.stress quire.stress=0 quire.stress=x quire.stress=1,2,3,4 quire.stress=1,2s "
	      "quire.stress=4294967296 quire.stress=1,");
	assert_int_equal(quire_options.stress_seconds, 30);
	assert_non_null(strstr(log_text, "'quire.stress': "));
	assert_non_null(strstr(log_text, "'quire.stress=0': "));
	assert_non_null(strstr(log_text, "'quire.stress=x': "));
	assert_non_null(strstr(log_text, "'quire.stress=1,2,3,4': "));
	assert_non_null(strstr(log_text, "'quire.stress=1,2s': "));
	assert_non_null(strstr(log_text, "'quire.stress=4294967296': "));
	assert_non_null(strstr(log_text, "'quire.stress=1,': "));
}

static void options_of_the_slab_allocator(void **state)
{
	slab_nomerge = slab_freelist_random = slab_freelist_hardened = false;
	parse("slab_nomerge");
	assert_true(slab_nomerge && !slab_freelist_random && !slab_freelist_hardened);
	slab_nomerge = false;
	parse("slub_nomerge quire.slab_freelist_random quire.slab_freelist_hardened=y");
	assert_true(slab_nomerge && slab_freelist_random && slab_freelist_hardened);
	parse("quire.slab_freelist_random=0 quire.slab_freelist_hardened=n");
	assert_false(slab_freelist_random || slab_freelist_hardened);
	assert_null(strstr(log_text, "slab"));
}

static void what_follows_two_dashes_is_init_s(void **state)
{
	parse("-- mem=1G");
	assert_int_equal(memory_limit, PHYS_ADDR_MAX);
}

static void consoles(void **state)
{
	parse("console=ttyAMA0");
	assert_string_equal(earlycon, "");
	parse("console=uart8250,mmio32,0x10000000");
	assert_string_equal(earlycon, "uart8250,mmio32,0x10000000");
	parse("earlycon");
	assert_string_equal(earlycon, "(none)");
}

static void unknown_words_are_named_once(void **state)
{
	parse("foo=1 bar root=/dev/vda mem=1G mod.param=3 BOOT_IMAGE=/x hugepages=32 "
	      "crashkernel=1M -- baz");
	log_len = 0;
	print_unknown_bootoptions();
	assert_string_equal(log_text, "Unknown kernel command line parameters \"bar foo=1\", will "
				      "be passed to user space.\n");
}

static void known_words_are_not(void **state)
{
	parse("console=ttyAMA0 nokaslr panic=-1");
	log_len = 0;
	log_text[0] = '\0';
	print_unknown_bootoptions();
	assert_string_equal(log_text, "");
}

static void a_full_line_fits(void **state)
{
	memset(boot_command_line, 'a', sizeof(boot_command_line) - 1);
	boot_command_line[sizeof(boot_command_line) - 1] = '\0';
	parse_early_param();
	print_unknown_bootoptions();
	memset(boot_command_line, ' ', 10);
	boot_command_line[20] = '"';
	parse_early_param();
	print_unknown_bootoptions();
	assert_int_equal(memory_limit, PHYS_ADDR_MAX);
}

static void words_are(const char *cmdline, const char *argv, const char *envp)
{
	static struct init_words w;
	char text[2][COMMAND_LINE_SIZE] = {"", ""};

	snprintf(boot_command_line, sizeof(boot_command_line), "%s", cmdline);
	init_words(&w);
	for (unsigned int i = 0; i < 2; i++) {
		char **list = i ? w.envp : w.argv;

		for (; *list; list++) {
			strcat(text[i], *list);
			strcat(text[i], "|");
		}
	}
	assert_string_equal(text[0], argv);
	assert_string_equal(text[1], envp);
}

static void init_is_told_what_nobody_knows(void **state)
{
	words_are("", "/init|", "HOME=/|TERM=linux|");
	words_are("  quiet mem=1G quire.show=x", "/init|", "HOME=/|TERM=linux|");
	words_are("single a=1 b=\"c d\" a=2", "/init|single|", "HOME=/|TERM=linux|a=2|b=c d|");
	words_are("TERM=dumb HOMES=2", "/init|", "HOME=/|TERM=dumb|HOMES=2|");
	words_are("-- mem=1G -- HOME=x", "/init|mem=1G|--|HOME=x|", "HOME=/|TERM=linux|");
}

static void rdinit_names_the_first_program(void **state)
{
	words_are("a rdinit=/b c -- d", "/b|c|d|", "HOME=/|TERM=linux|");
	words_are("rdinit=/b rdinit=/c", "/c|", "HOME=/|TERM=linux|");
	words_are("rdinit= rdinit", "/init|", "HOME=/|TERM=linux|");
	words_are("x init=/y z", "/init|z|", "HOME=/|TERM=linux|");
	words_are("-- rdinit=/b", "/init|rdinit=/b|", "HOME=/|TERM=linux|");
}

static void more_words_than_fit_are_left_out(void **state)
{
	static struct init_words w;

	boot_command_line[0] = '\0';
	for (unsigned int i = 0; i < 60; i++)
		snprintf(boot_command_line + strlen(boot_command_line), 32, "w%u v%u= ", i, i);
	init_words(&w);
	assert_string_equal(w.argv[MAX_INIT_WORDS - 1], "w30");
	assert_null(w.argv[MAX_INIT_WORDS]);
	assert_string_equal(w.envp[MAX_INIT_WORDS - 1], "v29=");
	assert_null(w.envp[MAX_INIT_WORDS]);
	assert_non_null(strstr(log_text, "59 are left out"));
	/* One word that takes all of the line, and words of one letter. */
	memset(boot_command_line, 'a', sizeof(boot_command_line) - 1);
	boot_command_line[sizeof(boot_command_line) - 1] = '\0';
	init_words(&w);
	assert_int_equal(strlen(w.argv[1]), sizeof(boot_command_line) - 1);
	for (unsigned int i = 1; i < sizeof(boot_command_line) - 1; i += 2)
		boot_command_line[i] = ' ';
	init_words(&w);
	assert_string_equal(w.argv[MAX_INIT_WORDS - 1], "a");
}

static void an_initrd_is_enough_for_init(void **state)
{
	parse("");
	assert_int_equal(quire_options.init, INIT_IF_INITRD);
	parse("quire.init");
	assert_int_equal(quire_options.init, INIT_ALWAYS);
	parse("quire.init=0 keepinitrd");
	assert_int_equal(quire_options.init, INIT_NEVER);
	assert_true(quire_options.retain_initrd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(words_and_quotes, reset),
		cmocka_unit_test_setup(an_open_quote_takes_the_rest, reset),
		cmocka_unit_test_setup(names_do_not_tell_dash_from_underscore, reset),
		cmocka_unit_test_setup(sizes_with_suffixes, reset),
		cmocka_unit_test_setup(sizes_beyond_64_bits_are_said, reset),
		cmocka_unit_test_setup(what_is_no_number_is_not_moved_over, reset),
		cmocka_unit_test_setup(memory_limit_is_whole_pages, reset),
		cmocka_unit_test_setup(a_bad_memory_limit_is_no_limit, reset),
		cmocka_unit_test_setup(the_last_one_counts, reset),
		cmocka_unit_test_setup(contiguous_area, reset),
		cmocka_unit_test_setup(a_bad_contiguous_area_leaves_the_default, reset),
		cmocka_unit_test_setup(switches, reset),
		cmocka_unit_test_setup(huge_pages, reset),
		cmocka_unit_test_setup(bad_switches_change_nothing, reset),
		cmocka_unit_test_setup(bounce_buffers, reset),
		cmocka_unit_test_setup(options_of_the_image, reset),
		cmocka_unit_test_setup(options_of_the_slab_allocator, reset),
		cmocka_unit_test_setup(what_follows_two_dashes_is_init_s, reset),
		cmocka_unit_test_setup(limits_of_cpus, reset),
		cmocka_unit_test_setup(cpus_taken_to_have_none_of_a_feature, reset),
		cmocka_unit_test_setup(a_stress_in_phases_or_seconds, reset),
		cmocka_unit_test_setup(consoles, reset),
		cmocka_unit_test_setup(unknown_words_are_named_once, reset),
		cmocka_unit_test_setup(known_words_are_not, reset),
		cmocka_unit_test_setup(a_full_line_fits, reset),
		cmocka_unit_test_setup(init_is_told_what_nobody_knows, reset),
		cmocka_unit_test_setup(rdinit_names_the_first_program, reset),
		cmocka_unit_test_setup(more_words_than_fit_are_left_out, reset),
		cmocka_unit_test_setup(an_initrd_is_enough_for_init, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
