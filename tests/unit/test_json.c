// SPDX-License-Identifier: MIT
/* links: report/json.c report/layout.c report/zoneinfo.c report/buddyinfo.c lib/out.c lib/vsprintf.c lib/event.c */
/*
 * The JSON document: what it says about a known machine, and that it is JSON whatever the tree's names hold. The checker below
 * knows the grammar of RFC 8259 and nothing of the writer.
 */
#include "report_machine.h"

/* ------------------------------------------------------------------ a checker: s at a value; returns what follows it, NULL when wrong */

static const char *value(const char *s, int depth);

static const char *blank(const char *s)
{
	while (*s == ' ' || *s == '\n')
		s++;
	return s;
}

static const char *string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x80)
			return NULL;
		if (*s != '\\')
			continue;
		s++;
		if (*s == 'u') {
			for (int i = 1; i <= 4; i++)
				if (!strchr("0123456789abcdefABCDEF", s[i]) || !s[i])
					return NULL;
			s += 4;
		} else if (!*s || !strchr("\"\\/bfnrt", *s)) {
			return NULL;
		}
	}
	return s + 1;
}

static const char *container(const char *s, char end, int depth)
{
	s = blank(s + 1);
	if (*s == end)
		return s + 1;
	for (;;) {
		if (end == '}') {
			s = string(s);
			if (!s || *(s = blank(s)) != ':')
				return NULL;
			s = blank(s + 1);
		}
		s = value(s, depth + 1);
		if (!s)
			return NULL;
		s = blank(s);
		if (*s == end)
			return s + 1;
		if (*s != ',')
			return NULL;
		s = blank(s + 1);
	}
}

static const char *value(const char *s, int depth)
{
	char *end;

	if (depth > 8)
		return NULL;
	if (*s == '{' || *s == '[')
		return container(s, *s == '{' ? '}' : ']', depth);
	if (*s == '"')
		return string(s);
	if (!strncmp(s, "true", 4))
		return s + 4;
	if (!strncmp(s, "false", 5))
		return s + 5;
	strtoll(s, &end, 10);
	return end == s ? NULL : end;
}

static void assert_json(void)
{
	const char *end = value(text, 0);

	assert_non_null(end);
	assert_string_equal(blank(end), "");
}

#define assert_has(what) assert_non_null(strstr(text, what))

static void write_document(const char *panic_text)
{
	struct out out = {.write = collect};

	text_len = 0;
	assert_int_equal(report_json(&out, panic_text), 0);
	assert_json();
}

/* ------------------------------------------------------------------ tests */

static void the_document_is_json_and_names_the_machine(void **state)
{
	write_document(NULL);
	assert_has("\"page_size\": 4096,");
	assert_has("\"struct_page_size\": 32,");
	assert_has("\"va_bits\": 48,");
	assert_has("\"memstart_addr\": \"0x40000000\",");
	assert_has("\"model\": \"Test board\"");
	assert_has("\"command_line\": \"console=ttyAMA0 \\\"quoted\\\"\"");
	assert_has("\"min_free_kbytes\": 1234");
	assert_null(strstr(text, "\"panic\""));
}

static void bytes_of_names_that_are_not_ascii_are_escaped(void **state)
{
	write_document(NULL);
	assert_has("\"name\": \"bad\\\"name\\\\\\u000a\\u00ff\"");
}

static void regions_carry_node_and_flags_and_no_node_is_minus_one(void **state)
{
	write_document(NULL);
	assert_has("{\"base\": \"0x60000000\", \"size\": \"0x100000\", \"nid\": 0, \"flags\": "
		   "[\"NOMAP\"]}");
	assert_has(
		"{\"base\": \"0x48200000\", \"size\": \"0x100000\", \"nid\": -1, \"flags\": []}");
	assert_has("\"flags\": [\"RSRV_NOINIT\"]");
}

static void memory_is_as_at_the_configuration_dump(void **state)
{
	struct memblock_region saved = memory_regions[3];
	char *config, *final;

	event_log.nr = 0;
	report_memblock_config();
	assert_int_equal(event_log.nr, 8);
	memory_regions[3].size = 0x123000;
	write_document(NULL);
	memory_regions[3] = saved;
	config = strstr(text, "\"memory\"");
	final = strstr(text, "\"memory_final\"");
	assert_non_null(config);
	assert_non_null(final);
	assert_true(strstr(config, "\"size\": \"0x40000000\"") < strstr(config, "\"reserved\""));
	assert_non_null(strstr(final, "0x123000"));
	assert_null(strstr(text, "\"op\": \"?\""));
	event_log.nr = 0;
}

static void empty_arrays_show_no_region(void **state)
{
	struct memblock saved = memblock;
	struct memblock_region none = {0};

	memblock.memory.regions = memblock.reserved.regions = &none;
	memblock.memory.cnt = memblock.reserved.cnt = 1;
	write_document(NULL);
	memblock = saved;
	assert_has("\"memory\": [],");
	assert_has("\"reserved\": [],");
}

static void zones_show_pages_watermarks_and_pagesets(void **state)
{
	write_document(NULL);
	assert_has("{\"node\": 0, \"name\": \"DMA\", \"start_pfn\": 262144, \"spanned\": 196608, "
		   "\"present\": 196608, "
		   "\"managed\": 180224,");
	assert_has("\"min\": 100,");
	assert_has("\"protection\": [0, 0, 77, 0, 0]");
	assert_has("\"batch\": 63}");
	assert_has("\"distance\": [20, 10]");
	assert_has("{\"node\": 1, \"order\": [1, 0], \"fallback\": [{\"node\": 1, \"zone\": "
		   "\"Normal\"}, {\"node\": 0, "
		   "\"zone\": \"DMA\"}]");
	assert_has("\"free\": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 42]");
}

static void contiguous_runs_count_as_one_block(void **state)
{
	write_document(NULL);
	assert_has("\"0x1000\": 5,");
	assert_has("\"0x200000\": 3,");
	assert_has("\"0x2000000\": 1,");
	assert_has("\"table_pages\": 7");
}

static void events_come_in_order_with_steps(void **state)
{
	struct event e = {.op = EVENT_RESERVE, .base = 0x1000, .size = 0x2000, .nid = MAX_NUMNODES};
	char *step, *reserve;

	event_log.nr = 0;
	event_step("paging_init");
	event_record(&e);
	write_document(NULL);
	event_log.nr = 0;
	step = strstr(text, "{\"op\": \"step\", \"name\": \"paging_init\"}");
	reserve = strstr(
		text,
		"{\"op\": \"reserve\", \"base\": \"0x1000\", \"size\": \"0x2000\", \"nid\": -1");
	assert_non_null(step);
	assert_non_null(reserve);
	assert_true(step < reserve);
}

static void after_a_panic_only_memblock_and_events_are_shown(void **state)
{
	u64 online = node_online_mask;

	node_online_mask = 0;
	write_document("no \"memory\"");
	node_online_mask = online;
	assert_has("\"panic\": \"no \\\"memory\\\"\"");
	assert_has("\"memory\": [");
	assert_has("\"events\": [");
	assert_null(strstr(text, "\"zones\""));
}

static int refuse(struct out *out, const char *s, size_t n)
{
	return -ENOSPC;
}

static void the_first_error_of_the_writer_is_returned(void **state)
{
	struct out out = {.write = refuse};

	assert_int_equal(report_json(&out, NULL), -ENOSPC);
}

/* The lines that tools read, byte for byte as Linux prints them. */
static void zoneinfo_and_buddyinfo_keep_linux_columns(void **state)
{
	struct out out = {.write = collect};

	report_zoneinfo(&out);
	assert_has("Node 0, zone      DMA\n  pages free     176128\n        boost    0\n        "
		   "min      100\n");
	assert_has("        managed  180224\n        cma      0\n        protection: (0, 0, 77, 0, "
		   "0)\n");
	assert_has("    cpu: 1\n              count: 0\n              high:  0\n              "
		   "batch: 63\n");
	assert_has("  start_pfn:           262144\n");
	assert_has("Node 1, zone    DMA32\n");
	text_len = 0;
	report_buddyinfo(&out);
	assert_has("Node 0, zone      DMA      0      0      0      0      0      0      0      0  "
		   "    0      0     42 \n");
	assert_null(strstr(text, "DMA32"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_document_is_json_and_names_the_machine, set_up),
		cmocka_unit_test_setup(bytes_of_names_that_are_not_ascii_are_escaped, set_up),
		cmocka_unit_test_setup(regions_carry_node_and_flags_and_no_node_is_minus_one,
				       set_up),
		cmocka_unit_test_setup(memory_is_as_at_the_configuration_dump, set_up),
		cmocka_unit_test_setup(empty_arrays_show_no_region, set_up),
		cmocka_unit_test_setup(zones_show_pages_watermarks_and_pagesets, set_up),
		cmocka_unit_test_setup(contiguous_runs_count_as_one_block, set_up),
		cmocka_unit_test_setup(events_come_in_order_with_steps, set_up),
		cmocka_unit_test_setup(after_a_panic_only_memblock_and_events_are_shown, set_up),
		cmocka_unit_test_setup(the_first_error_of_the_writer_is_returned, set_up),
		cmocka_unit_test_setup(zoneinfo_and_buddyinfo_keep_linux_columns, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
