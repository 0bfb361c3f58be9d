// SPDX-License-Identifier: MIT
/* links: cmd/quire/map_model.c cmd/quire/json.c */
/* cflags: -D_GNU_SOURCE */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/quire/map_model.h"

#define MEMORY                                                                                     \
	"\"memory\": [{\"base\": \"0x1000000\", \"size\": \"0x1000000\", \"nid\": 0, \"flags\": "  \
	"0}]"

static char *text;
static struct json *doc;
static struct map_model model;

/* The model of a document with that memory and these events; 'x' is written as a quote. */
static void make(const char *more, const char *events)
{
	const char *why;
	size_t offset, n;

	assert_true(asprintf(&text, "{" MEMORY "%s, \"events\": [%s]}", more, events) > 0);
	n = strlen(text);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	doc = json_read(text, n, &why, &offset);
	assert_non_null(doc);
	assert_null(map_model_init(&model, doc));
}

static int done(void **state)
{
	map_model_free(&model);
	json_free(doc);
	free(text);
	return 0;
}

static void claim_is(size_t i, uint64_t base, uint64_t end, enum map_kind kind, const char *who)
{
	assert_true(i < model.claims.nr);
	assert_int_equal(model.claims.r[i].base, base);
	assert_int_equal(model.claims.r[i].end, end);
	assert_int_equal(model.claims.r[i].kind, kind);
	assert_string_equal(model.claims.r[i].who, who);
}

/*
 *   request  early_pgtable_alloc -> [0x1f00000]    reserve the same
 *            |TTTT|
 */
static void a_reservation_belongs_to_who_asked(void **state)
{
	make("", "{'op': 'phys_alloc_range', 'size': '0x1000', 'result': '0x1f00000', 'caller': "
		 "'early_pgtable_alloc'},"
		 "{'op': 'reserve', 'base': '0x1f00000', 'size': '0x1000', 'caller': "
		 "'memblock_alloc_range_nid'},"
		 "{'op': 'reserve', 'base': '0x1800000', 'size': '0x1000', 'caller': 'somebody'}");
	assert_int_equal(model.claims.nr, 2);
	claim_is(0, 0x1800000, 0x1801000, MAP_BOOT, "somebody");
	claim_is(1, 0x1f00000, 0x1f01000, MAP_TABLES, "page tables of the linear map");
}

static void what_has_a_name_is_called_by_it(void **state)
{
	make(", 'kernel': {'base': '0x1200000', 'size': '0x100000'}, 'cma': [{'name': 'pool', "
	     "'base': '0x1400000', 'size': '0x100000'}]",
	     "{'op': 'reserve', 'base': '0x1200000', 'size': '0x100000', 'caller': "
	     "'arm64_memblock_init'},"
	     "{'op': 'reserve', 'base': '0x1400000', 'size': '0x100000', 'caller': "
	     "'memblock_alloc_range_nid'}");
	claim_is(0, 0x1200000, 0x1300000, MAP_KERNEL, "kernel image");
	claim_is(1, 0x1400000, 0x1500000, MAP_CMA, "CMA area \"pool\"");
}

/*
 *   first     |AAAA|
 *   second  |BBBBBBBBB|
 *   then    |BB|AAAA|B|      the first has what both reserve
 */
static void the_first_keeps_what_two_reserve(void **state)
{
	make("", "{'op': 'reserve', 'base': '0x1100000', 'size': '0x1000', 'caller': 'a'},"
		 "{'op': 'reserve', 'base': '0x10ff000', 'size': '0x4000', 'caller': 'b'}");
	assert_int_equal(model.claims.nr, 3);
	claim_is(0, 0x10ff000, 0x1100000, MAP_BOOT, "b");
	claim_is(1, 0x1100000, 0x1101000, MAP_BOOT, "a");
	claim_is(2, 0x1101000, 0x1103000, MAP_BOOT, "b");
}

/*   |AAAAAAAA|  less  |..|  is  |AAA|  |AAA|   */
static void what_is_freed_is_nobodys(void **state)
{
	make("",
	     "{'op': 'reserve', 'base': '0x1100000', 'size': '0x8000', 'caller': 'a'},"
	     "{'op': 'phys_free', 'base': '0x1103000', 'size': '0x2000', 'caller': "
	     "'memblock_free'},"
	     "{'op': 'phys_free', 'base': '0x1107000', 'size': '0x9000', 'caller': "
	     "'memblock_free'},"
	     "{'op': 'phys_free', 'base': '0x1100000', 'size': '0x0', 'caller': 'memblock_free'}");
	assert_int_equal(model.claims.nr, 2);
	claim_is(0, 0x1100000, 0x1103000, MAP_BOOT, "a");
	claim_is(1, 0x1105000, 0x1107000, MAP_BOOT, "a");
	assert_int_equal(model.reserved, 0x5000);
}

static void repetitions_are_each_there(void **state)
{
	make("", "{'op': 'repeat', 'count': 1000, 'stride': '-0x1000', 'events': ["
		 "{'op': 'phys_alloc_range', 'size': '0x1000', 'result': '0x1fff000', 'caller': "
		 "'early_pgtable_alloc'},"
		 "{'op': 'reserve', 'base': '0x1fff000', 'size': '0x1000', 'caller': "
		 "'memblock_alloc_range_nid'}]},"
		 "{'op': 'repeat', 'count': 3, 'stride': '0x2000', 'events': [{'op': 'reserve', "
		 "'base': '0x1100000', 'size': '0x1000', 'caller': 'a'}]}");
	assert_int_equal(model.claims.nr, 4);
	claim_is(0, 0x1100000, 0x1101000, MAP_BOOT, "a");
	claim_is(2, 0x1104000, 0x1105000, MAP_BOOT, "a");
	claim_is(3, 0x2000000 - 1000 * 0x1000, 0x2000000, MAP_TABLES,
		 "page tables of the linear map");
}

static void the_replay_ends_at_the_hand_over(void **state)
{
	make(", 'steps': [{'at': 1, 'op': 'step', 'name': 'memblock_free_all'}]",
	     "{'op': 'reserve', 'base': '0x1100000', 'size': '0x1000', 'caller': 'a'},"
	     "{'op': 'phys_free', 'base': '0x1100000', 'size': '0x1000', 'caller': "
	     "'memblock_free'}");
	assert_int_equal(model.claims.nr, 1);
}

static void a_cell_shows_the_most_special_thing(void **state)
{
	unsigned int share;

	make(", 'kernel': {'base': '0x1200000', 'size': '0x1000'}",
	     "{'op': 'reserve', 'base': '0x1200000', 'size': '0x1000', 'caller': "
	     "'arm64_memblock_init'},"
	     "{'op': 'reserve', 'base': '0x1201000', 'size': '0xf000', 'caller': 'a'}");
	assert_int_equal(map_classify(&model, 0x1200000, 0x1210000, &share), MAP_KERNEL);
	assert_int_equal(share, 16);
	assert_int_equal(map_classify(&model, 0x1201000, 0x1210000, &share), MAP_BOOT);
	assert_int_equal(share, 256);
	assert_int_equal(map_classify(&model, 0x1300000, 0x1310000, &share), MAP_FREE);
	assert_int_equal(map_classify(&model, 0x3000000, 0x3010000, &share), MAP_HOLE);
}

static void other_documents_are_refused(void **state)
{
	char other[] = "{\"page_size\": 4096}";
	const char *why;
	size_t offset;

	make("", "");
	map_model_free(&model);
	json_free(doc);
	doc = json_read(other, sizeof(other) - 1, &why, &offset);
	assert_non_null(map_model_init(&model, doc));
}

/* Cuts and fills at random against a byte for each page. */
static void ranges_are_those_of_a_bitmap(void **state)
{
	static char events[200000];
	unsigned char pages[256] = {0};
	unsigned int seed = 12345;
	size_t at = 0, i = 0;

	for (unsigned int n = 0; n < 800; n++) {
		unsigned int first, count, free;

		seed = seed * 1103515245 + 12345;
		first = seed >> 8 & 255;
		count = (seed >> 16 & 31) + 1;
		free = seed >> 24 & 1;
		if (first + count > 256)
			count = 256 - first;
		at += (size_t)snprintf(
			events + at, sizeof(events) - at,
			"%s{'op': '%s', 'base': '0x%x', 'size': '0x%x', 'caller': 'a%u'}",
			n ? "," : "", free ? "free" : "reserve", 0x1000000 + first * 4096,
			count * 4096, n % 5);
		for (unsigned int p = first; p < first + count; p++)
			if (free || !pages[p])
				pages[p] = free ? 0 : (unsigned char)(n % 5 + 1);
	}
	make("", events);
	for (unsigned int p = 0; p < 256; p++) {
		const struct map_range *r = map_find(&model.claims, 0x1000000 + p * 4096);
		char who[4] = {'a', (char)('0' + pages[p] - 1), 0};

		assert_int_equal(r != NULL, pages[p] != 0);
		if (r)
			assert_string_equal(r->by, who);
	}
	for (i = 1; i < model.claims.nr; i++)
		assert_true(model.claims.r[i - 1].end <= model.claims.r[i].base);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, done)
	const struct CMUnitTest tests[] = {
		TEST(a_reservation_belongs_to_who_asked),  TEST(what_has_a_name_is_called_by_it),
		TEST(the_first_keeps_what_two_reserve),	   TEST(what_is_freed_is_nobodys),
		TEST(repetitions_are_each_there),	   TEST(the_replay_ends_at_the_hand_over),
		TEST(a_cell_shows_the_most_special_thing), TEST(other_documents_are_refused),
		TEST(ranges_are_those_of_a_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
