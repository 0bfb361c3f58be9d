// SPDX-License-Identifier: MIT
/* links: report/map.c report/layout.c lib/out.c lib/vsprintf.c */
/*
 * The map and the summary of a known machine: what every cell shows, widths, and nothing but ASCII where that is asked for.
 */
#include "report_machine.h"

/* The tree's header, so that its size is known: 1 MiB. Simulated memory is this page alone. */
static unsigned char tree[4096] = {0xd0, 0x0d, 0xfe, 0xed, 0x00, 0x10, 0x00, 0x00};

static void draw(bool colour, bool unicode, unsigned int columns)
{
	struct out out = {
		.write = collect, .colour = colour, .unicode = unicode, .columns = columns};

	physvirt_offset = (s64)((u64)(uintptr_t)tree - boot_params.fdt_phys);
	text_len = 0;
	report_map(&out);
}

/* The cell of an address: 64 cells of 4 MiB a row, rows begin with their address. */
static char cell_at(unsigned long long pa)
{
	const unsigned long long cell = 4 << 20;
	char *line = text;

	while (line && *line) {
		unsigned long long lo;

		if (sscanf(line, "  0x%llx", &lo) == 1) {
			char *cells = strstr(line + 2, "  ") + 2;
			size_t n = strcspn(cells, "\n");

			if (pa >= lo && pa < lo + n * cell)
				return cells[(pa - lo) / cell];
		}
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return '?';
}

/*
 *   0x40000000  KKKKKKKKK...D.........        the image begins in the first 4 MiB
 *   0x60000000  X.. CCCC ......
 *                 - hole of 32.2 GiB -
 *   0x880000000 ...............b
 */
static void a_cell_shows_the_most_special_thing_that_touches_it(void **state)
{
	draw(false, false, 100);
	assert_int_equal(cell_at(0x40000000), 'K');
	assert_int_equal(cell_at(0x421fffff), 'K');
	assert_int_equal(cell_at(0x42400000), '.');
	assert_int_equal(cell_at(0x48200000), 'D');
	assert_int_equal(cell_at(0x48400000), '.');
	assert_int_equal(cell_at(0x5fffffff), '.');
	assert_int_equal(cell_at(0x60000000), 'X');
	assert_int_equal(cell_at(0x60400000), '.');
	assert_int_equal(cell_at(0x68000000), 'C');
	assert_int_equal(cell_at(0x6bffffff), 'C');
	assert_int_equal(cell_at(0x6c000000), '.');
	assert_int_equal(cell_at(0x6fffffff), '.');
	assert_int_equal(cell_at(0x70000000), '?');
	assert_int_equal(cell_at(0x880000000), '.');
	assert_int_equal(cell_at(0x8bfffffff), 'b');
	assert_non_null(strstr(text, "- hole of 32.2 GiB -"));
}

static void the_legend_names_what_is_drawn_and_no_more(void **state)
{
	draw(false, false, 100);
	assert_non_null(strstr(text, "K kernel"));
	assert_non_null(strstr(text, "X no-map"));
	assert_non_null(strstr(text, "C CMA"));
	assert_null(strstr(text, "crashkernel"));
	assert_null(strstr(text, "initrd"));
	assert_non_null(strstr(text, "one character is 4 MiB"));
}

static void without_unicode_and_colour_every_byte_is_ascii(void **state)
{
	draw(false, false, 80);
	for (size_t i = 0; i < text_len; i++)
		assert_true(text[i] == '\n' ||
			    ((unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x7f));
}

static void colour_and_unicode_use_escapes_and_blocks(void **state)
{
	draw(true, true, 80);
	assert_non_null(strstr(text, "\033[92m█"));
	assert_non_null(strstr(text, "░"));
	assert_non_null(strstr(text, "\033[0m"));
	draw(false, true, 80);
	assert_null(strstr(text, "\033"));
	assert_non_null(strstr(text, "K"));
}

/* A row is a power of two of cells: 64 of 4 MiB in 80 columns, then 32, then 16. */
static void rows_begin_at_round_addresses(void **state)
{
	draw(false, false, 80);
	assert_non_null(strstr(text, "  0x040000000  K"));
	assert_non_null(strstr(text, "\n  0x050000000  "));
	assert_null(strstr(text, "\n  0x048000000  "));
	draw(false, false, 79 - 32);
	assert_non_null(strstr(text, "\n  0x048000000  "));
	assert_null(strstr(text, "\n  0x044000000  "));
	draw(false, false, 40);
	assert_non_null(strstr(text, "\n  0x044000000  "));
}

static void lines_keep_to_the_width(void **state)
{
	for (unsigned int columns = 40; columns <= 120; columns += 8) {
		draw(false, false, columns);
		for (char *line = text; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= columns);
	}
}

/* A board of nothing, and one of more banks than rows: an end, and no division by zero. */
static void extreme_boards_are_drawn(void **state)
{
	static struct memblock_region many[900];
	struct memblock saved = memblock;
	struct memblock_region none = {0};

	memblock.memory.regions = &none;
	memblock.memory.cnt = 1;
	draw(false, false, 80);
	assert_null(strstr(text, "0x"));

	for (unsigned int i = 0; i < 900; i++)
		many[i] = (struct memblock_region){.base = (u64)i << 40, .size = SZ_64K, .nid = 0};
	memblock.memory.regions = many;
	memblock.memory.cnt = 900;
	draw(false, false, 80);
	memblock = saved;
	assert_non_null(strstr(text, "more above"));
}

static void sizes_are_short_and_do_not_round_up(void **state)
{
	static const struct {
		u64 size;
		const char *text;
	} cases[] = {
		{0, "0 B"},	      {1023, "1023 B"},	       {1024, "1 KiB"},
		{1536, "1.5 KiB"},    {0x2230000, "34.1 MiB"}, {SZ_1G - 1, "1023 MiB"},
		{4UL << 40, "4 TiB"}, {~0ULL, "15.9 EiB"},
	};
	char buf[HUMAN_SIZE_MAX];

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(human_size(buf, cases[i].size), cases[i].text);
}

static void the_summary_says_who_has_the_memory(void **state)
{
	struct out out = {.write = collect};

	physvirt_offset = (s64)((u64)(uintptr_t)tree - boot_params.fdt_phys);
	report_summary(&out);
	assert_non_null(strstr(text, "Test board"));
	assert_non_null(strstr(text, "0x000040200000-0x0000421fffff     32 MiB  kernel image"));
	assert_non_null(strstr(text, "0x000048200000-0x0000482fffff      1 MiB  device tree"));
	assert_non_null(strstr(text, "secure@60000000, no-map"));
	assert_non_null(strstr(text, "CMA area \"reserved\""));
	assert_non_null(strstr(text, "1 x 32 MiB, 3 x 2 MiB, 5 x 4 KiB; 7 table pages, 28 KiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_cell_shows_the_most_special_thing_that_touches_it, set_up),
		cmocka_unit_test_setup(the_legend_names_what_is_drawn_and_no_more, set_up),
		cmocka_unit_test_setup(without_unicode_and_colour_every_byte_is_ascii, set_up),
		cmocka_unit_test_setup(colour_and_unicode_use_escapes_and_blocks, set_up),
		cmocka_unit_test_setup(rows_begin_at_round_addresses, set_up),
		cmocka_unit_test_setup(lines_keep_to_the_width, set_up),
		cmocka_unit_test_setup(extreme_boards_are_drawn, set_up),
		cmocka_unit_test_setup(sizes_are_short_and_do_not_round_up, set_up),
		cmocka_unit_test_setup(the_summary_says_who_has_the_memory, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
